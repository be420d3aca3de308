// The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it.
//
// Its state is in the model's traits, as in mnist_helpers/widgets/digit_pad.py; a view keeps what it can undo.

import { bytesOf } from "./bytes.js";
import { CONTROL_STYLE, getTraits, say, setTraits, sliderControl } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
import { BOX, emptyPad, padFromDigit, prepare, SETTINGS, SIDE, transform } from "./image.js";
import { createNetworks, predict } from "./network.js";
import {
  boxControl,
  createAnswers,
  createDrawing,
  createSheet,
  inPercent,
  PAD_STYLE,
  paintPart,
  readingOf,
  section,
} from "./pad.js";

/** trait, label, min, max, step, the value as text */
export const SLIDERS = [
  ["right", "shift right", -10, 10, 1, (value) => `${signed(value)} px`],
  ["down", "shift down", -10, 10, 1, (value) => `${signed(value)} px`],
  ["rotation", "rotation", -180, 180, 5, (value) => `${signed(value)}°`],
  ["size", "size", 0.4, 1.6, 0.05, (value) => `× ${value.toFixed(2)}`],
  ["thickness", "thickness", -2, 2, 0.25, (value) => `${signed(value)} px`],
  ["noise", "noise", 0, 1, 0.05, (value) => value.toFixed(2)],
  ["seed", "noise seed", 0, 99, 1, String],
  ["width", "width of the pen", 6, 50, 2, String],
];
const BOXES = { erase: "eraser", crop: "crop", fit: `fit into ${BOX}×${BOX}`, center: "center by mass" };
const PAUSE = 200; // milliseconds without a change, after which the drawing is sent and the reading is announced

function render({ model, el }) {
  const [networks, compact] = [createNetworks(model, () => refresh()), model.get("compact")];
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
  const table = createAnswers("What the networks say", networks.all.length);
  const first = createAnswers("", 1);
  const large = make("p", { className: "large", ariaHidden: "true" }, "…");
  const says = make("p", { className: "says", role: "status" });

  function draw() {
    frame = 0;
    const state = getTraits(model, Object.keys(controls));
    const prepared = prepare(drawing.ink, state);
    const input = transform(prepared.input, state);
    const isBlank = drawing.isBlank(); // then there is nothing to read, though a network would answer
    const answers = networks.all.map(({ name, network }) => {
      return { name, probabilities: isBlank ? null : network && predict(network, input) };
    });
    for (const [trait, control] of Object.entries(controls)) control.show(state[trait]);
    sheet.paint(prepared.drawing);
    details.open = model.get("more") ?? false;
    if (!compact || details.open) {
      describeSteps(prepared, input, state).forEach((shown, i) => steps[i].show(...shown));
      table.show(answers);
    }
    first.show(answers.slice(0, 1));
    if (isBlank) say(large, "–");
    else if (answers[0].probabilities) say(large, String(readingOf(answers[0].probabilities).digit));
    networks.ask(networks.all.slice(0, compact && !details.open ? 1 : Infinity), drawing.ink);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const read = answers.slice(0, compact ? 1 : Infinity).map(({ name, probabilities }, i) => {
        if (!probabilities) return `${name} ${networks.all[i].state}`;
        const { digit, largest } = readingOf(probabilities);
        return `${name} reads ${digit} (${inPercent(largest)})`;
      });
      say(says, isBlank ? "Nothing drawn yet." : `${read.join(", ")}.`);
      drawing.send();
    }, PAUSE);
  }

  const inRow = (...children) => make("div", { className: "row" }, ...children);
  const back = [button("Undo", drawing.undo), button("Clear", () => drawing.replace(emptyPad()))];
  const pen = [controls.erase.element, controls.width.element];
  const chooser = makeChooser(model, drawing);
  const changes = SLIDERS.filter(([trait]) => trait in SETTINGS);
  const way = section(
    "From drawing to input, close to the way MNIST was made",
    make("div", { className: "steps" }, ...steps.map(({ element }) => element)),
  );
  // Next to the table, so that one sees what a slider does.
  const sliders = section(
    "Change the input",
    make("div", { className: "sliders" }, ...changes.map(([trait]) => controls[trait].element)),
    inRow(button("Reset the sliders", () => set(SETTINGS))),
  );
  const unfold = (event) => {
    event.preventDefault(); // the trait opens it
    set({ more: !model.get("more") });
  };
  const more = "More: sliders, what the other networks say, and the way to the input";
  const details = make("details", {}, make("summary", { onclick: unfold }, more));
  const inParts = (...parts) => make("div", { className: "parts" }, ...parts);
  let shown;
  if (compact) {
    details.append(sliders, table.element, section("Pen", inRow(...pen)), ...(chooser ? [chooser] : []), way);
    shown = [
      inParts(
        make("div", { className: "paper pad" }, sheet.element),
        make("div", { className: "reads" }, large, first.element, says, inRow(...back)),
      ),
      details,
    ];
  } else {
    const tools = section("Draw", inRow(pen[0], ...back), inRow(pen[1]));
    shown = [
      inParts(
        // The words are here, because on a phone the table is further down.
        make("div", { className: "paper pad" }, sheet.element, says, tools, chooser),
        make("div", { className: "says-what" }, table.element, sliders),
      ),
      way,
    ];
  }
  const name = compact ? "digit-pad compact" : "digit-pad";
  const root = rootElement(name, CONTROL_STYLE + PAD_STYLE + STYLE, ...shown);
  const update = () => {
    drawing.receive();
    refresh();
  };
  el.append(root);
  model.on("change", update);
  model.on("msg:custom", networks.receive);
  refresh();
  return () => {
    model.off("change", update);
    model.off("msg:custom", networks.receive);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    drawing.send();
    root.remove();
  };
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

function signed(value) {
  return value > 0 ? `+${value}` : `${value}`.replace("-", "−");
}

const STYLE = `
.digit-pad .parts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.digit-pad .parts > * { max-width: 100%; min-width: 0; }
.digit-pad .paper { width: 280px; }
.digit-pad .says-what { flex: 1 1 20rem; }
.digit-pad .step canvas { display: block; background: #fff; border: 1px solid #767676; max-width: 100%; }
.digit-pad .steps { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-top: .3rem; }
.digit-pad .step b { display: inline-flex; align-items: center; min-height: 24px; }
.digit-pad .step canvas { width: 112px; aspect-ratio: 1; image-rendering: pixelated; }
.digit-pad figure { width: 112px; }
.digit-pad figcaption { min-height: 4.2em; font-size: 13px; }
.digit-pad .sliders { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  gap: .2rem 1.5rem; }
.digit-pad .slider { align-items: center; min-width: 0; }
.digit-pad .slider label { flex: 1; min-width: 0; }
.digit-pad .slider label span { min-width: 5.5em; }
.digit-pad .slider input { flex: 1; width: 0; }
.digit-pad .slider > span { width: 4em; }
.digit-pad .says { min-height: 4.2em; }
.compact { container-type: inline-size; }
.mnist-widget.compact { max-width: none; }
.compact .parts { display: grid; grid-template-columns: minmax(0, 23rem) minmax(13rem, 1fr); }
.compact .paper { width: 100%; }
.compact .reads { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 1rem; align-items: center; }
.compact .large { margin: 0; min-width: .62em; font-size: 8rem; line-height: 1; font-weight: bold;
  font-variant-numeric: tabular-nums; color: var(--blue); }
.compact .says { min-height: 1.4em; }
.compact .pad .hint { font-size: 12.5px; }
.compact .reads :is(thead, caption) { display: none; }
.compact .reads th { padding: 0; width: 1.2em; }
.compact .reads td { display: flex; gap: .5rem; align-items: center; padding: 0; }
.compact .reads :is(th, td) { line-height: 1.2; }
.compact .reads td span:first-child { width: 4.6em; order: 1; text-align: right; white-space: nowrap; }
.compact .reads .bar { flex: 1; height: 10px; }
.compact .reads :is(.says, .row) { grid-column: 1 / -1; }
.compact button { min-width: 6rem; }
.compact details { margin-top: .6rem; }
.compact details caption { padding-top: .6rem; }
.compact summary { min-height: 24px; cursor: pointer; font-weight: bold; }
@container (max-width: 34rem) {
  .compact .parts { grid-template-columns: minmax(0, 1fr); gap: .3rem; }
  .compact .paper { width: min(100%, 18.75rem); margin: auto; }
  .compact .large { font-size: 5.5rem; }
}
`;

export default { render };
