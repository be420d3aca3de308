// The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it.
//
// Its state is in the model's traits, as in mnist_helpers/widgets/digit_pad.py; a view keeps what it can undo.

import { bytesOf } from "./bytes.js";
import { between, CONTROL_STYLE, getTraits, say, setTraits, sliderControl } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
import {
  BOX,
  CELLS,
  drawLine,
  emptyPad,
  PAD_SIDE,
  padFromDigit,
  prepare,
  SETTINGS,
  SIDE,
  transform,
} from "./image.js";
import { createNetwork, predict } from "./network.js";

/** trait, label, min, max, step, the value as text */
export const SLIDERS = [
  ["right", "shift right", -10, 10, 1, (value) => `${signed(value)} px`],
  ["down", "shift down", -10, 10, 1, (value) => `${signed(value)} px`],
  ["rotation", "rotation", -90, 90, 5, (value) => `${signed(value)}°`],
  ["size", "size", 0.4, 1.6, 0.05, (value) => `× ${value.toFixed(2)}`],
  ["thickness", "thickness", -2, 2, 0.25, (value) => `${signed(value)} px`],
  ["noise", "noise", 0, 1, 0.05, (value) => value.toFixed(2)],
  ["seed", "noise seed", 0, 99, 1, String],
  ["width", "width of the pen", 6, 50, 2, String],
];
const BOXES = { erase: "eraser", crop: "crop", fit: `fit into ${BOX}×${BOX}`, center: "center by mass" };
const UNDO_STEPS = 20;
const PAUSE = 200; // milliseconds without a change, after which the drawing is sent and the reading is announced
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  const networks = model.get("networks").map(({ name, description, weights }) => {
    return { name, network: createNetwork(description, weights) };
  });
  const set = (changes) => setTraits(model, changes);
  const controls = {};
  for (const [trait, label, min, max, step, text] of SLIDERS) {
    controls[trait] = sliderControl(label, { min, max, step }, (value) => set({ [trait]: value }), text);
  }
  for (const [trait, label] of Object.entries(BOXES)) {
    controls[trait] = boxControl(label, (value) => set({ [trait]: value }));
  }

  // Many events can arrive between two frames; do the work once for all of them.
  let [frame, timer] = [0, 0];
  const refresh = () => {
    frame ||= requestAnimationFrame(draw);
  };
  const drawing = createDrawing(model, refresh);
  const sheet = createSheet(model, drawing, refresh);
  const steps = [
    createStep(controls.crop.element, "The drawing, cropped to its ink"),
    createStep(controls.fit.element, "The drawing as pixels"),
    createStep(controls.center.element, "The drawing in 28×28 pixels"),
    createStep(make("b", {}, "input"), "The input of the networks, 28×28 pixels, after the sliders"),
  ];
  const table = make("table");
  const says = make("p", { className: "says", role: "status" });

  function draw() {
    frame = 0;
    const state = getTraits(model, Object.keys(controls));
    const prepared = prepare(drawing.ink, state);
    const input = transform(prepared.input, state);
    const answers = networks.map(({ name, network }) => {
      const probabilities = predict(network, input);
      const largest = Math.max(...probabilities);
      return { name, probabilities, largest, digit: probabilities.indexOf(largest) };
    });
    for (const [trait, control] of Object.entries(controls)) control.show(state[trait]);
    sheet.paint(prepared.drawing);
    describeSteps(prepared, input, state).forEach((shown, i) => steps[i].show(...shown));
    table.replaceChildren(...makeTable(answers));
    clearTimeout(timer);
    timer = setTimeout(() => {
      const read = answers.map(({ name, digit, largest }) =>
        `${name} reads ${digit} (${inPercent(largest)})`
      );
      says.textContent = `${read.join(", ")}.`;
      drawing.send();
    }, PAUSE);
  }

  const inRow = (...children) => make("div", { className: "row" }, ...children);
  const tools = section(
    "Draw",
    inRow(
      controls.erase.element,
      button("Undo", drawing.undo),
      button("Clear", () => drawing.replace(emptyPad())),
    ),
    inRow(controls.width.element),
  );
  const changes = SLIDERS.filter(([trait]) => trait in SETTINGS);
  const root = rootElement(
    "digit-pad",
    CONTROL_STYLE + STYLE,
    make(
      "div",
      { className: "parts" },
      // The words are here, because on a phone the table is further down.
      make("div", { className: "paper" }, sheet.element, says, tools, makeChooser(model, drawing)),
      make("div", { className: "answers" }, table),
    ),
    section(
      "From drawing to input, close to the way MNIST was made",
      make("div", { className: "steps" }, ...steps.map(({ element }) => element)),
    ),
    section(
      "Change the input",
      make("div", { className: "sliders" }, ...changes.map(([trait]) => controls[trait].element)),
      inRow(button("Reset the sliders", () => set(SETTINGS))),
    ),
  );
  const update = () => {
    drawing.receive();
    refresh();
  };
  el.append(root);
  model.on("change", update);
  refresh();
  return () => {
    model.off("change", update);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    drawing.send();
    root.remove();
  };
}

/** The drawing. It changes with each move of the pen, and goes to the model only when the pen pauses. */
function createDrawing(model, refresh) {
  const example = bytesOf(model.get("example"));
  let known = bytesOf(model.get("drawing")); // what the model has
  let past = [];
  const areEqual = (one, other) => one.every((value, i) => value === other[i]);
  const drawing = {
    ink: known.slice(),
    isExample: () => areEqual(drawing.ink, example),
    replace(ink) {
      past = [...past.slice(1 - UNDO_STEPS), drawing.ink];
      drawing.ink = ink;
      refresh();
    },
    /** Begin a stroke, which `line` draws. */
    begin: () => drawing.replace(drawing.isExample() ? emptyPad() : drawing.ink.slice()),
    line(from, to, erase) {
      drawLine(drawing.ink, from, to, model.get("width"), erase);
      refresh();
    },
    undo() {
      drawing.ink = past.pop() ?? drawing.ink;
      refresh();
    },
    send() {
      if (areEqual(drawing.ink, known)) return;
      known = drawing.ink.slice();
      setTraits(model, { drawing: new DataView(known.buffer) });
    },
    receive() {
      const other = bytesOf(model.get("drawing"));
      if (areEqual(other, known)) return; // nothing new, or what this view has sent
      known = other;
      drawing.replace(other.slice());
    },
  };
  return drawing;
}

/** The sheet to draw on, by pointer or keyboard, and a line of words below it. */
function createSheet(model, drawing, refresh) {
  const cursor = { place: [PAD_SIDE / 2, PAD_SIDE / 2], shown: false, down: false };
  let stroke = null; // the pointer's: { pointer, place, erase }

  const placeOf = ({ clientX, clientY }) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    return [clientX - left - 1, clientY - top - 1].map((way) => way / (width - 2) * PAD_SIDE); // 1: the border
  };
  const onpointerdown = (event) => {
    const eraserEnd = event.button === 5; // of a pen
    if (stroke || !(event.button === 0 || eraserEnd)) return; // a second finger is ignored
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    cursor.down = cursor.shown = false;
    stroke = { pointer: event.pointerId, place: placeOf(event), erase: eraserEnd || model.get("erase") };
    drawing.begin();
    drawing.line(stroke.place, stroke.place, stroke.erase);
  };
  const onpointermove = (event) => {
    if (event.pointerId !== stroke?.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) {
      const from = stroke.place;
      stroke.place = placeOf(part);
      drawing.line(from, stroke.place, stroke.erase);
    }
  };
  // Comes after pointerup and pointercancel, too
  const onlostpointercapture = (event) => {
    if (event.pointerId === stroke?.pointer) stroke = null;
  };
  const onkeydown = (event) => {
    const from = cursor.place;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      cursor.down = false;
      drawing.undo();
    } else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) drawing.begin();
    } else if (event.key in ARROWS) {
      const length = event.shiftKey ? 2 : CELLS;
      cursor.place = from.map((value, i) => between(0, value + length * ARROWS[event.key][i], PAD_SIDE));
    } else return;
    event.preventDefault();
    if (cursor.down) drawing.line(from, cursor.place, model.get("erase"));
    cursor.shown = true;
    refresh();
  };
  const onblur = () => {
    cursor.down = cursor.shown = false;
    refresh();
  };

  const ariaLabel = "Pad to draw on. Arrow keys move the pen, with Shift in small steps; " +
    "Space puts it down and lifts it; Ctrl+Z undoes.";
  const events = { onpointerdown, onpointermove, onlostpointercapture, onkeydown, onblur };
  const canvas = make("canvas", {
    className: "sheet",
    tabIndex: 0,
    role: "application",
    ariaLabel,
    ...events,
  });
  const words = make("p", { className: "hint", role: "status" });
  const paint = (part) => {
    paintPart(canvas, part, PAD_SIDE);
    let text = "Draw a digit, or use arrow keys and Space.";
    if (cursor.shown) {
      paintCursor(canvas.getContext("2d"), cursor, model.get("width"));
      const [x, y] = cursor.place.map((value) => Math.round(value / CELLS));
      const tool = `${model.get("erase") ? "Eraser" : "Pen"} ${cursor.down ? "down" : "up"}`;
      text = `${tool}, ${x} of ${SIDE} across, ${y} of ${SIDE} down.`;
    } else if (drawing.isExample()) text = "An example. Your first stroke replaces it.";
    say(words, text);
  };
  return { element: make("div", {}, canvas, words), paint };
}

/** Paint a part in the middle of a square frame; the rest of the frame is shaded. */
function paintPart(canvas, { pixels, rows, columns }, frame) {
  if (canvas.width !== frame) canvas.width = canvas.height = frame;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(frame, frame);
  // As 32-bit numbers: alpha, blue, green, red
  const shade = (ink) => 0xff000000 | (Math.round(255 * (1 - ink)) * 0x010101);
  const shades = new Uint32Array(picture.data.buffer).fill(shade(0.15));
  const [top, left] = [Math.floor((frame - rows) / 2), Math.floor((frame - columns) / 2)];
  pixels.forEach((ink, i) => {
    shades[(top + Math.floor(i / columns)) * frame + left + i % columns] = shade(ink);
  });
  context.putImageData(picture, 0, 0);
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

/** A picture of a step from the drawing to the input, below a checkbox or a title. */
function createStep(head, ariaLabel) {
  const canvas = make("canvas", { role: "img", ariaLabel });
  const words = make("figcaption");
  const show = (part, frame, text) => {
    paintPart(canvas, part, frame);
    words.textContent = text;
  };
  return { element: make("div", { className: "step" }, head, make("figure", {}, canvas, words)), show };
}

/** Each step's part, the frame that it is shown in, and what was done. */
function describeSteps({ cropped, fitted, corner: [top, left], input }, changed, { crop, fit, center }) {
  const size = ({ columns, rows }) => `${columns}×${rows}`;
  const whole = (pixels) => ({ pixels, rows: SIDE, columns: SIDE });
  return [
    [
      cropped,
      Math.max(cropped.rows, cropped.columns),
      `the ${crop ? "ink's" : "whole pad,"} ${size(cropped)} cells`,
    ],
    [fitted, fit ? BOX : SIDE, `${fit ? "fitted" : "as large as drawn"}: ${size(fitted)} pixels`],
    [
      whole(input),
      SIDE,
      `centered by ${center ? "mass" : "its middle"}: ${left} from the left, ${top} down`,
    ],
    [whole(changed), SIDE, "after the sliders"],
  ];
}

/** The content of the table of probabilities, with a column per network. */
function makeTable(answers) {
  const heads = answers.map(({ name, digit }) => {
    return make("th", { scope: "col" }, name, make("br"), `reads ${digit}`);
  });
  const rows = Array.from({ length: 10 }, (_, row) => {
    const cells = answers.map(({ probabilities, digit }) => {
      const fill = make("i", { style: `width: ${100 * probabilities[row]}%` });
      const bar = make("span", { className: "bar", ariaHidden: "true" }, fill);
      return make("td", { className: row === digit ? "top" : "" }, inPercent(probabilities[row]), bar);
    });
    return make("tr", {}, make("th", { scope: "row" }, row), ...cells);
  });
  return [
    make("caption", {}, "What the networks say"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "digit"), ...heads)),
    make("tbody", {}, ...rows),
  ];
}

/** Puts one of the model's digits on the pad, by its number; null if it has none. */
function makeChooser(model, drawing) {
  const [digits, labels] = [bytesOf(model.get("images")), model.get("labels")];
  if (!digits.length) return null;
  const last = digits.length / SIDE ** 2 - 1;
  const choose = () => {
    const chosen = number.valueAsNumber;
    if (!(Number.isInteger(chosen) && chosen >= 0 && chosen <= last)) {
      words.textContent = `Enter a number from 0 to ${last}.`;
      return;
    }
    drawing.replace(padFromDigit(digits.subarray(chosen * SIDE ** 2)));
    words.textContent = labels.length ? `Its label is ${labels[chosen]}.` : "";
  };
  const number = make("input", { type: "number", min: 0, max: last, value: 0, onchange: choose });
  const words = make("p", { role: "status" });
  const row = [make("label", {}, "number", number), button("Put on the pad", choose)];
  return section("Or pick a digit", make("div", { className: "row" }, ...row), words);
}

function boxControl(label, choose) {
  const box = make("input", { type: "checkbox", onchange: () => choose(box.checked) });
  return { element: make("label", {}, box, label), show: (checked) => (box.checked = checked) };
}

function section(title, ...children) {
  return make("fieldset", {}, make("legend", {}, title), ...children);
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
.digit-pad canvas { display: block; background: #fff; border: 1px solid #767676; max-width: 100%; }
.digit-pad .sheet { width: 100%; aspect-ratio: 1; cursor: crosshair; touch-action: none; }
.digit-pad .steps { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-top: .3rem; }
.digit-pad .step b { display: inline-flex; align-items: center; min-height: 24px; }
.digit-pad .step canvas { width: 112px; aspect-ratio: 1; image-rendering: pixelated; }
.digit-pad figure { width: 112px; }
.digit-pad figcaption { min-height: 4.2em; font-size: 13px; }
.digit-pad table { table-layout: fixed; width: 100%; }
.digit-pad caption { padding: 0 0 .3rem; }
.digit-pad thead th { vertical-align: bottom; }
.digit-pad th:first-child { width: 3.4em; }
.digit-pad td.top { font-weight: bold; }
.digit-pad .bar { display: block; height: 7px; border: 1px solid #767676; }
.digit-pad .bar i { display: block; height: 100%; background: #0072b2; }
.digit-pad .sliders { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  gap: .2rem 1.5rem; }
.digit-pad .slider { align-items: center; min-width: 0; }
.digit-pad .slider label { flex: 1; min-width: 0; }
.digit-pad .slider label span { min-width: 5.5em; }
.digit-pad .slider input { flex: 1; width: 0; }
.digit-pad .slider > span { width: 4em; }
.digit-pad .hint { min-height: 2.8em; }
.digit-pad .says { min-height: 4.2em; }
`;

export default { render };
