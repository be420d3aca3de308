// The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it.
//
// Its state is in the model's traits, as in mnist_helpers/widgets/digit_pad.py; a view keeps what it can undo.

import { button, make, rootElement } from "./dom.js";
import {
  BOX,
  CELLS,
  drawLine,
  emptyPad,
  onPad,
  PAD_SIDE,
  padFromDigit,
  prepare,
  SETTINGS,
  SIDE,
  transform,
} from "./image.js";
import { bytesOf, createNetwork, predict } from "./network.js";

/** trait, label, min, max, step, the value as text */
export const SLIDERS = [
  ["right", "shift right", -10, 10, 1, (value) => `${signed(value)} px`],
  ["down", "shift down", -10, 10, 1, (value) => `${signed(value)} px`],
  ["rotation", "rotation", -90, 90, 5, (value) => `${signed(value)}°`],
  ["size", "size", 0.4, 1.6, 0.05, (value) => `× ${value.toFixed(2)}`],
  ["thickness", "thickness", -2, 2, 0.25, (value) => `${signed(value)} px`],
  ["noise", "noise", 0, 1, 0.05, (value) => value.toFixed(2)],
  ["seed", "noise seed", 0, 99, 1, (value) => `${value}`],
];
const STEPS = ["crop", "fit", "center"];
const UNDO_STEPS = 20;
const PAUSE = 200; // milliseconds without a change, after which the drawing is sent and the reading is announced
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  const networks = model.get("networks").map(({ name, description, weights }) => {
    return { name, network: createNetwork(description, weights) };
  });
  const example = bytesOf(model.get("example"));
  const digits = bytesOf(model.get("images"));
  const all = (names) => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const set = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };

  // The drawing changes with each move of the pen, and goes to the model only when the pen pauses.
  let known = bytesOf(model.get("drawing"));
  let ink = known.slice();
  const past = [];
  const drawing = {
    get ink() {
      return ink;
    },
    isExample: () => areEqual(ink, example),
    remember() {
      past.push(ink.slice());
      if (past.length > UNDO_STEPS) past.shift();
    },
    line(from, to, erase) {
      drawLine(ink, from, to, model.get("width"), erase);
      refresh();
    },
    replace(other) {
      drawing.remember();
      ink = other;
      refresh();
    },
    undo() {
      ink = past.pop() ?? ink;
      refresh();
    },
    begin: () => drawing.isExample() ? drawing.replace(emptyPad()) : drawing.remember(),
    send() {
      if (areEqual(ink, known)) return;
      known = ink.slice();
      set({ drawing: new DataView(known.buffer) });
    },
    receive() {
      const other = bytesOf(model.get("drawing"));
      if (areEqual(other, known)) return; // what this view has sent
      known = other;
      drawing.replace(other.slice());
    },
  };

  // Many events can arrive between two frames; do the work once for all of them.
  let frame = 0;
  let timer = 0;
  const refresh = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      const prepared = prepare(ink, all(STEPS));
      const input = transform(prepared.input, all(Object.keys(SETTINGS)));
      const probabilities = networks.map(({ network }) => predict(network, input));
      controls.forEach((control) => control.show());
      sheet.paint();
      steps.paint(prepared, input);
      answers.paint(probabilities);
      clearTimeout(timer);
      timer = setTimeout(() => {
        answers.say(probabilities);
        drawing.send();
      }, PAUSE);
    });
  };

  const sheet = makeSheet(model, drawing, refresh);
  const tools = makeTools(model, set, drawing, sheet);
  const steps = makeSteps(model, set, drawing);
  const answers = makeAnswers(networks.map(({ name }) => name));
  const sliders = makeSliders(model, set);
  const controls = [...tools.controls, ...steps.controls, ...sliders.controls];
  const chooser = digits.length ? makeChooser(digits, model.get("labels"), drawing.replace) : null;
  const root = rootElement(
    "digit-pad",
    STYLE,
    make(
      "div",
      { className: "parts" },
      // The words are here, because on a phone the table is further down.
      make("div", { className: "paper" }, sheet.element, answers.words, tools.element, chooser),
      answers.element,
    ),
    steps.element,
    sliders.element,
  );
  el.append(root);
  model.on("change:drawing", drawing.receive);
  model.on("change", refresh);
  refresh();
  return () => {
    model.off("change:drawing", drawing.receive);
    model.off("change", refresh);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    drawing.send();
    root.remove();
  };
}

/** The paper to draw on, by pointer or keyboard. */
function makeSheet(model, drawing, refresh) {
  const canvas = make("canvas", {
    className: "sheet",
    width: PAD_SIDE,
    height: PAD_SIDE,
    tabIndex: 0,
    role: "application",
    ariaLabel: "Pad to draw on. Arrow keys move the pen, with Shift in small steps; " +
      "Space puts it down and lifts it; Ctrl+Z undoes.",
  });
  const words = make("p", { className: "hint", role: "status" });
  const hint = () =>
    drawing.isExample()
      ? "An example. Your first stroke replaces it."
      : "Draw a digit, or use arrow keys and Space.";
  const context = canvas.getContext("2d");
  const cursor = { place: [PAD_SIDE / 2, PAD_SIDE / 2], shown: false, down: false };
  let stroke = null; // the pointer's current stroke: { pointer, place, erase }

  const lift = () => {
    cursor.down = false;
  };
  const placeOf = (event) => {
    const edge = canvas.getBoundingClientRect();
    return [
      ((event.clientX - edge.left - 1) / (edge.width - 2)) * PAD_SIDE, // 1: the border
      ((event.clientY - edge.top - 1) / (edge.height - 2)) * PAD_SIDE,
    ];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (stroke || (event.pointerType === "mouse" && event.button !== 0)) return; // ignore a second finger
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    lift();
    cursor.shown = false;
    drawing.begin();
    const erase = model.get("erase") || event.button === 5; // 5: the eraser end of a pen
    stroke = { pointer: event.pointerId, place: placeOf(event), erase };
    drawing.line(stroke.place, stroke.place, erase);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== stroke?.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) {
      const place = placeOf(part);
      drawing.line(stroke.place, place, stroke.erase);
      stroke.place = place;
    }
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === stroke?.pointer) stroke = null;
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      lift();
      drawing.undo();
    } else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) {
        drawing.begin();
        drawing.line(cursor.place, cursor.place, model.get("erase"));
      }
    } else if (event.key in ARROWS) {
      const length = event.shiftKey ? 2 : CELLS;
      const from = cursor.place;
      cursor.place = from.map((value, i) => onPad(value + length * ARROWS[event.key][i]));
      if (cursor.down) drawing.line(from, cursor.place, model.get("erase"));
    } else return;
    event.preventDefault();
    cursor.shown = true;
    const [x, y] = cursor.place.map((value) => Math.round(value / CELLS));
    const tool = `${model.get("erase") ? "Eraser" : "Pen"} ${cursor.down ? "down" : "up"}`;
    words.textContent = `${tool}, ${x} of ${SIDE} across, ${y} of ${SIDE} down.`;
    refresh();
  });
  canvas.addEventListener("blur", () => {
    lift();
    cursor.shown = false;
    refresh();
  });

  const picture = context.createImageData(PAD_SIDE, PAD_SIDE);
  const shades = new Uint32Array(picture.data.buffer);
  const paint = () => {
    for (let cell = 0; cell < shades.length; cell++) shades[cell] = gray(drawing.ink[cell] / 255);
    context.putImageData(picture, 0, 0);
    if (cursor.shown) paintCursor(context, cursor, model.get("width"));
    // Only when it changes, because screen readers announce it.
    if (!cursor.shown && words.textContent !== hint()) words.textContent = hint();
  };
  return { element: make("div", {}, canvas, words), paint, lift };
}

/** A ring around the pen, with a light rim so that it shows on ink too, and a dot if the pen is down. */
function paintCursor(context, { place: [x, y], down }, width) {
  for (const [color, line] of [["#fff", 5], ["#c04000", 2]]) {
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = line;
    context.beginPath();
    context.arc(x, y, width / 2 + 2, 0, 2 * Math.PI);
    context.stroke();
    if (!down) continue;
    context.beginPath();
    context.arc(x, y, line + 1, 0, 2 * Math.PI);
    context.fill();
  }
}

function makeTools(model, set, drawing, sheet) {
  const group = `tool-${Math.random()}`; // unique, because a page can have two pads
  const choices = [["pen", false], ["eraser", true]].map(([text, erase]) => {
    const input = make("input", { type: "radio", name: group, onchange: () => set({ erase }) });
    const show = () => {
      input.checked = model.get("erase") === erase;
    };
    return { element: make("label", {}, input, text), show };
  });
  const width = makeSlider(model, set, ["width", "width of the pen", 6, 50, 2, String]);
  const lifted = (action) => () => {
    sheet.lift();
    action();
  };
  const element = make(
    "fieldset",
    {},
    make("legend", {}, "Draw"),
    make(
      "div",
      { className: "row" },
      ...choices.map((choice) => choice.element),
      button("Undo", lifted(drawing.undo)),
      button("Clear", lifted(() => drawing.replace(emptyPad()))),
    ),
    make("div", { className: "row" }, make("label", {}, "width", ...width.parts)),
  );
  return { element, controls: [...choices, width] };
}

/** A slider for a trait, with its value in words. */
function makeSlider(model, set, [trait, label, min, max, step, inWords]) {
  const range = { type: "range", min, max, step };
  // An explicit name, because the label element includes the value.
  const input = make("input", {
    ...range,
    ariaLabel: label,
    oninput: () => set({ [trait]: input.valueAsNumber }),
  });
  const output = make("output");
  const show = () => {
    input.value = model.get(trait);
    output.textContent = input.ariaValueText = inWords(model.get(trait));
  };
  return { parts: [input, output], show };
}

/** Put one of the given digits on the pad, by its number. */
function makeChooser(digits, labels, replace) {
  const last = digits.length / (SIDE * SIDE) - 1;
  const number = make("input", { type: "number", min: 0, max: last, step: 1, value: 0 });
  const words = make("span", { role: "status" });
  const choose = () => {
    const chosen = number.valueAsNumber;
    if (!(Number.isInteger(chosen) && chosen >= 0 && chosen <= last)) {
      words.textContent = `Enter a number from 0 to ${last}.`;
      return;
    }
    replace(padFromDigit(digits.subarray(chosen * SIDE * SIDE, (chosen + 1) * SIDE * SIDE)));
    words.textContent = labels.length ? `Its label is ${labels[chosen]}.` : "";
  };
  number.addEventListener("change", choose);
  return make(
    "fieldset",
    {},
    make("legend", {}, "Or pick a digit"),
    make("div", { className: "row" }, make("label", {}, "number", number), button("Put on the pad", choose)),
    make("p", {}, words),
  );
}

/** A picture of each step from the drawing to the input, with a checkbox to switch the step off. */
function makeSteps(model, set, drawing) {
  const figures = {};
  const controls = [];
  const figure = (key, title, alt) => {
    const canvas = make("canvas", { role: "img", ariaLabel: alt });
    const words = make("figcaption");
    let head = make("b", {}, title);
    if (STEPS.includes(key)) {
      const input = make("input", { type: "checkbox", onchange: () => set({ [key]: input.checked }) });
      const show = () => {
        input.checked = model.get(key);
      };
      controls.push({ show });
      head = make("label", {}, input, title);
    }
    figures[key] = { context: canvas.getContext("2d"), words };
    return make("div", { className: "step" }, head, make("figure", {}, canvas, words));
  };
  const element = make(
    "fieldset",
    {},
    make("legend", {}, "From drawing to input, close to the way MNIST was made"),
    make(
      "div",
      { className: "steps" },
      figure("crop", "crop", "The drawing, cropped to its ink"),
      figure("fit", `fit into ${BOX}×${BOX}`, "The drawing as pixels"),
      figure("center", "center by mass", "The drawing in 28×28 pixels"),
      figure("input", "input", "The input of the networks, 28×28 pixels, after the sliders"),
    ),
  );

  const show = (key, ink, part, frame, text) => {
    paintPart(figures[key].context, ink, part, frame);
    figures[key].words.textContent = text;
  };
  const paint = ({ box, fitted, corner, input }, image) => {
    const [crop, fit, center] = STEPS.map((step) => model.get(step));
    const whole = { rows: SIDE, columns: SIDE };
    const cropped = drawing.ink.subarray(box.top * PAD_SIDE + box.left);
    const size = `${box.columns}×${box.rows} cells`;
    show(
      "crop",
      (row, column) => cropped[row * PAD_SIDE + column] / 255,
      box,
      Math.max(box.rows, box.columns),
      crop ? `the ink's ${size}` : `the whole pad, ${size}`,
    );
    show(
      "fit",
      (row, column) => fitted.pixels[row * fitted.columns + column],
      fitted,
      fit ? BOX : SIDE,
      `${fit ? "fitted" : "as large as drawn"}: ${fitted.columns}×${fitted.rows} pixels`,
    );
    show(
      "center",
      (row, column) => input[row * SIDE + column],
      whole,
      SIDE,
      `centered by ${center ? "mass" : "its middle"}: ${corner[1]} from the left, ${corner[0]} down`,
    );
    show("input", (row, column) => image[row * SIDE + column], whole, SIDE, "after the sliders");
  };
  return { element, controls, paint };
}

/** Paint a part in the middle of a square frame; the rest of the frame is shaded. */
function paintPart(context, ink, { rows, columns }, frame) {
  const canvas = context.canvas;
  if (canvas.width !== frame) canvas.width = canvas.height = frame;
  const picture = context.createImageData(frame, frame);
  const shades = new Uint32Array(picture.data.buffer).fill(gray(0.15));
  const [top, left] = [Math.floor((frame - rows) / 2), Math.floor((frame - columns) / 2)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      shades[(top + row) * frame + left + column] = gray(ink(row, column));
    }
  }
  context.putImageData(picture, 0, 0);
}

/** A table of probabilities, with a column per network. */
function makeAnswers(names) {
  const readings = names.map(() => make("span"));
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const cells = names.map(() => {
      const [fill, text] = [make("i"), make("span")];
      const bar = make("span", { className: "bar", ariaHidden: "true" }, fill);
      return { fill, text, element: make("td", {}, text, bar) };
    });
    const head = make("th", { scope: "row" }, digit);
    return { cells, element: make("tr", {}, head, ...cells.map((cell) => cell.element)) };
  });
  const words = make("p", { className: "says", role: "status" });
  const heads = names.map((name, i) => make("th", { scope: "col" }, name, make("br"), readings[i]));
  const table = make(
    "table",
    {},
    make("caption", {}, "What the networks say"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "digit"), ...heads)),
    make("tbody", {}, ...rows.map((row) => row.element)),
  );

  const paint = (probabilities) => {
    probabilities.forEach((values, i) => {
      const top = indexOfLargest(values);
      readings[i].textContent = `reads ${top}`;
      rows.forEach(({ cells }, digit) => {
        cells[i].text.textContent = inPercent(values[digit]);
        cells[i].fill.style.transform = `scaleX(${values[digit]})`;
        cells[i].element.classList.toggle("top", digit === top);
      });
    });
  };
  const say = (probabilities) => {
    const says = probabilities.map((values, i) => {
      return `${names[i]} reads ${indexOfLargest(values)} (${inPercent(Math.max(...values))})`;
    });
    words.textContent = `${says.join(", ")}.`;
  };
  return { element: make("div", { className: "answers" }, table), words, paint, say };
}

function makeSliders(model, set) {
  const sliders = SLIDERS.map((slider) => makeSlider(model, set, slider));
  const labels = sliders.map(({ parts }, i) => make("label", {}, SLIDERS[i][1], ...parts));
  const element = make(
    "fieldset",
    {},
    make("legend", {}, "Change the input"),
    make("div", { className: "sliders" }, ...labels),
    make("div", { className: "row" }, button("Reset the sliders", () => set(SETTINGS))),
  );
  return { element, controls: sliders };
}

function areEqual(one, other) {
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

/** Ink as a color for ImageData viewed as 32-bit numbers: alpha, blue, green, red. */
function gray(ink) {
  return 0xff000000 | (Math.round(255 * (1 - ink)) * 0x010101);
}

function indexOfLargest(values) {
  return values.indexOf(Math.max(...values));
}

function inPercent(probability) {
  // Never round to 100 % or 0 %: softmax never claims certainty.
  if (probability >= 0.9995) return ">99.9 %";
  return probability < 0.0005 ? "<0.1 %" : `${(100 * probability).toFixed(1)} %`;
}

function signed(value) {
  return value > 0 ? `+${value}` : `${value}`.replace("-", "−");
}

const STYLE = `
.digit-pad .parts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.digit-pad .parts > * { max-width: 100%; min-width: 0; }
.digit-pad .paper { width: 280px; }
.digit-pad .answers { flex: 1 1 24rem; }
.digit-pad .step b { display: inline-flex; align-items: center; min-height: 24px; }
.digit-pad canvas { display: block; background: #fff; border: 1px solid #767676; max-width: 100%; }
.digit-pad .sheet { width: 100%; aspect-ratio: 1; cursor: crosshair; touch-action: none; }
.digit-pad .step canvas { width: 112px; aspect-ratio: 1; image-rendering: pixelated; }
.digit-pad .steps { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-top: .3rem; }
.digit-pad figure { width: 112px; }
.digit-pad figcaption { min-height: 4.2em; font-size: 13px; }
.digit-pad table { table-layout: fixed; width: 100%; }
.digit-pad caption { padding: 0 0 .3rem; }
.digit-pad thead th { vertical-align: bottom; }
.digit-pad th:first-child { width: 3.4em; }
.digit-pad td.top { font-weight: bold; }
.digit-pad .bar { display: block; height: 7px; border: 1px solid #767676; }
.digit-pad .bar i { display: block; height: 100%; background: #0072b2; transform-origin: left; }
.digit-pad .sliders { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  gap: .2rem 1.5rem; }
.digit-pad .sliders label { display: grid; grid-template-columns: 6.5em 1fr 5.2em; }
.digit-pad .sliders input { width: 100%; min-width: 0; }
.digit-pad .hint { min-height: 2.8em; }
.digit-pad .says { min-height: 4.2em; }
`;

export default { render };
