// A pad to draw digits on, and the probabilities that networks give for what is on it.
//
// What is on it and the pen are in the model's traits, as in mnist_helpers/widgets/pad.py; a view keeps what it can
// undo.

import { bytesOf } from "./bytes.js";
import { between, say, setTraits } from "./controls.js";
import { make } from "./dom.js";
import { CELLS, drawLine, emptyPad, PAD_SIDE, SIDE } from "./image.js";

const UNDO_STEPS = 20;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The drawing. It changes with each move of the pen, and goes to the model only when the pen pauses. */
export function createDrawing(model, refresh) {
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
    /** Whether there is no ink. */
    isBlank: () => drawing.ink.every((value) => value === 0),
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
export function createSheet(model, drawing, refresh) {
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
    let text = "Draw with your finger, the mouse, or arrow keys and Space.";
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
export function paintPart(canvas, { pixels, rows, columns }, frame) {
  if (canvas.width !== frame) canvas.width = canvas.height = frame;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(frame, frame);
  // As 32-bit numbers: alpha, blue, green, red
  const shade = (ink) => 0xff000000 | (Math.round(255 * (1 - ink)) * 0x010101);
  const shades = new Uint32Array(picture.data.buffer).fill(shade(0.15));
  const [top, left] = [Math.floor((frame - rows) / 2), Math.floor((frame - columns) / 2)];
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * frame + left;
    for (let i = 0; i < columns; i++) shades[start + i] = shade(pixels[row * columns + i]);
  }
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

/**
 * A table of probabilities, with a column for each of so many answers. It is empty at first.
 *
 * @return the element, and `show(answers)`: [{ name, probabilities }], with null for what is not known
 */
export function createAnswers(title, count) {
  const columns = Array.from({ length: count }, () => ({
    name: make("span", {}, "–"),
    reads: make("span", {}, "–"),
    cells: Array.from({ length: 10 }, () => {
      const [text, fill] = [make("span", {}, "–"), make("i")];
      const bar = make("span", { className: "bar", ariaHidden: "true" }, fill);
      return { text, fill, cell: make("td", {}, text, bar) };
    }),
  }));
  const heads = columns.map(({ name, reads }) => make("th", { scope: "col" }, name, make("br"), reads));
  const rows = Array.from({ length: 10 }, (_, row) => {
    return make("tr", {}, make("th", { scope: "row" }, row), ...columns.map(({ cells }) => cells[row].cell));
  });
  const element = make(
    "table",
    { className: "answers" },
    make("caption", {}, title),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "digit"), ...heads)),
    make("tbody", {}, ...rows),
  );
  const show = (answers) =>
    answers.forEach(({ name, probabilities }, i) => {
      say(columns[i].name, name);
      const digit = probabilities ? readingOf(probabilities).digit : null;
      say(columns[i].reads, probabilities ? `reads ${digit}` : "–");
      columns[i].cells.forEach(({ text, fill, cell }, row) => {
        say(text, probabilities ? inPercent(probabilities[row]) : "–");
        fill.style.width = `${100 * (probabilities?.[row] ?? 0)}%`;
        cell.className = row === digit ? "top" : "";
      });
    });
  return { element, show };
}

/** What probabilities say: the digit with the largest, and that. */
export function readingOf(probabilities) {
  const largest = Math.max(...probabilities);
  return { digit: probabilities.indexOf(largest), largest };
}

export function boxControl(label, choose) {
  const box = make("input", { type: "checkbox", onchange: () => choose(box.checked) });
  return { element: make("label", {}, box, label), show: (checked) => (box.checked = checked) };
}

export function section(title, ...children) {
  return make("fieldset", {}, make("legend", {}, title), ...children);
}

export function inPercent(probability) {
  // Never round to 100 % or 0 %: softmax never claims certainty.
  if (probability >= 0.9995) return ">99.9 %";
  return probability < 0.0005 ? "<0.1 %" : `${(100 * probability).toFixed(1)} %`;
}

export const PAD_STYLE = `
.mnist-widget .pad canvas { display: block; background: #fff; border: 1px solid #767676; max-width: 100%; }
.mnist-widget .pad .sheet { width: 100%; aspect-ratio: 1; cursor: crosshair; touch-action: none; }
.mnist-widget .pad .hint { min-height: 2.8em; }
.mnist-widget table.answers { table-layout: fixed; width: 100%; }
.answers caption { padding: 0 0 .3rem; }
.answers thead th { vertical-align: bottom; }
.answers th:first-child { width: 3.4em; }
.answers td.top { font-weight: bold; }
.mnist-widget .bar { display: block; height: 7px; border: 1px solid #767676; }
.mnist-widget .bar i { display: block; height: 100%; width: 0; background: var(--blue); }
`;
