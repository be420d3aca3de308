// The convolution explorer: a 3×3 window over a digit, its nine products, and the feature map they make.

import { ink, signedColor, textColor } from "./color.js";
import { between, choiceControl, getTraits, setTraits, showView, sliderControl } from "./controls.js";
import { button, make } from "./dom.js";
import { cellAfter } from "./grid.js";
import { activations, createNetwork } from "./network.js";

const OWN = "your own";
const SIDE = 28;
const WINDOW = 3;
const LAST = SIDE - WINDOW; // the last row and column of the window
const MAP_SIDE = LAST + 1;
const LAST_PLACE = MAP_SIDE ** 2 - 1; // places are counted row by row
const LARGEST_WEIGHT = 99; // the same limit as in the Python class
const STEP_MILLISECONDS = 80;
const CELL = 16; // in canvas pixels; on the page it is half as wide

const NINTH = 1 / 9;
export const PRESETS = {
  "left edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "upper edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
  "diagonal edges": [-1, -1, 0, -1, 0, 1, 0, 1, 1],
  outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  blur: [NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH],
  sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0],
  identity: [0, 0, 0, 0, 1, 0, 0, 0, 0],
};

export function pixelsAt(image, row, column) {
  return image.slice(row, row + WINDOW).flatMap((line) => line.slice(column, column + WINDOW));
}

/** The feature map, after ReLU if asked, and the same after max pooling: { map, pooled }, each a list of rows. */
export function computeMaps(image, kernel, relu) {
  const conv = { kind: "conv", filters: 1, size: [WINDOW, WINDOW], activation: relu ? "relu" : "linear" };
  const pool = { kind: "pool", size: [2, 2], strides: [2, 2] };
  const network = createNetwork({ input: [SIDE, SIDE, 1], layers: [conv, pool] }, Float32Array.from(kernel));
  const [map, pooled] = activations(network, image.flat()).map(({ shape: [rows, columns], values }) =>
    Array.from({ length: rows }, (_, row) => [...values.subarray(row * columns, (row + 1) * columns)])
  );
  return { map, pooled };
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

const SWITCHES = { relu: "ReLU", pool: "2×2 max pooling", whole: "whole map at once" };

// The elements are made once, and `draw` fills them from the model. Clicks and keys change only the model, so that
// changes from Python, the mouse and the keyboard all take the same path.
function render({ model, el }) {
  const change = (changes) => setTraits(model, changes);
  const moveTo = (row, column) => change({ row: between(0, row, LAST), column: between(0, column, LAST) });
  const place = () => model.get("row") * MAP_SIDE + model.get("column");
  const goTo = (wanted) => {
    const step = between(0, wanted, LAST_PLACE);
    moveTo(Math.floor(step / MAP_SIDE), step % MAP_SIDE);
  };

  // Playing is the only state kept in the view.
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    draw();
  };
  const play = () => {
    if (place() === LAST_PLACE) goTo(0);
    timer = setInterval(() => {
      goTo(place() + 1);
      if (place() === LAST_PLACE) stop();
    }, STEP_MILLISECONDS);
    draw();
  };
  const jump = (step) => {
    stop();
    goTo(step);
  };

  const preset = choiceControl("kernel", [...Object.keys(PRESETS), OWN], (name) => {
    if (name === OWN) draw(); // there is nothing to choose: show what it is again
    else change({ kernel: PRESETS[name] });
  });
  const weights = Array.from({ length: 9 }, (_, i) => {
    const label = `weight in row ${Math.floor(i / 3)}, column ${i % 3}`;
    const kind = { type: "number", step: "any", min: -LARGEST_WEIGHT, max: LARGEST_WEIGHT, required: true };
    const oninput = () => {
      const { validity: { valid }, valueAsNumber } = input;
      input.ariaInvalid = String(!valid);
      if (valid) return change({ kernel: model.get("kernel").with(i, valueAsNumber) });
      status.textContent = `Enter a number from −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}; ` +
        `until then, the ${label} stays ${short(model.get("kernel")[i])}.`;
    };
    // When it is left, `draw` replaces invalid input by the current weight.
    const input = make("input", { ...kind, ariaLabel: label, oninput, onblur: () => draw() });
    return input;
  });
  const pixels = Array.from({ length: 9 }, () => make("span"));
  const products = Array.from({ length: 9 }, () => make("span"));
  const [total, rectified] = [make("output"), make("output")];

  const digit = make("canvas", { tabIndex: 0, role: "application", className: "digit" });
  const [map, pooled] = [make("canvas", { role: "img" }), make("canvas", { role: "img" })];
  const [mapCaption, pooledCaption] = [make("figcaption"), make("figcaption")];

  const playing = button("Play", () => (timer ? stop() : play()));
  const slider = sliderControl("place", { min: 1, max: LAST_PLACE + 1 }, (number) => jump(number - 1));
  const boxes = Object.keys(SWITCHES).map((name) =>
    make("input", { type: "checkbox", onchange: (event) => change({ [name]: event.target.checked }) })
  );
  const status = make("p", { className: "status", role: "status" });

  digit.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault(); // arrow keys would scroll the page
    stop();
    moveTo(...cellAfter(event.key, [model.get("row"), model.get("column")], [MAP_SIDE, MAP_SIDE]));
  });
  for (const [canvas, cells, middle] of [[digit, SIDE, 1], [map, MAP_SIDE, 0]]) {
    const follow = (event) => {
      if (!event.buttons) return;
      stop();
      const box = canvas.getBoundingClientRect();
      const cell = (position, length) => Math.floor((position / length) * cells) - middle;
      moveTo(cell(event.clientY - box.top, box.height), cell(event.clientX - box.left, box.width));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId); // a drag may leave the canvas
      follow(event);
    });
    canvas.addEventListener("pointermove", follow);
  }

  function draw() {
    const now = getTraits(model, ["image", "kernel", "row", "column", "relu", "pool", "whole"]);
    const { kernel, row, column } = now;
    preset.show(Object.keys(PRESETS).find((name) => same(PRESETS[name], kernel)) ?? OWN);
    weights.forEach((input, i) => {
      if (input.getRootNode().activeElement === input) return; // being typed
      input.value = short(kernel[i], 3);
      input.ariaInvalid = "false";
    });
    Object.keys(SWITCHES).forEach((name, i) => (boxes[i].checked = now[name]));
    slider.show(place() + 1);
    playing.textContent = timer ? "Pause" : "Play";

    const seen = pixelsAt(now.image, row, column);
    const multiplied = seen.map((pixel, i) => pixel * kernel[i]);
    const largest = Math.max(...kernel.map(Math.abs)) || 1;
    seen.forEach((pixel, i) => fill(pixels[i], pixel.toFixed(2), ink(pixel)));
    multiplied.forEach((product, i) => fill(products[i], signed(product), signedColor(product / largest)));

    // The darkest color stands for the largest possible sum, so colors mean the same at every position.
    const limit = Math.max(...[1, -1].map((sign) => sum(kernel.map((w) => Math.max(0, sign * w))))) || 1;
    const color = (value) => signedColor(value / limit);
    const value = sum(multiplied);
    const kept = Math.max(0, value);
    fill(total, signed(value), color(value));
    fill(rectified, signed(kept), color(kept));
    show(rectified.parentElement, now.relu);

    const maps = computeMaps(now.image, kernel, now.relu);
    drawPictures(now, maps, color);
    const most = maps.pooled[Math.floor(row / 2)][Math.floor(column / 2)];
    status.ariaLive = timer ? "off" : "polite"; // a screen reader cannot keep up while playing
    status.textContent = `Row ${row}, column ${column}, place ${place() + 1} of ${LAST_PLACE + 1}: ` +
      `the nine products add up to ${signed(value)}` + (now.relu ? `; ReLU gives ${signed(kept)}` : "") +
      (now.pool ? `; the largest in its square is ${signed(most)}.` : ".");
  }

  function drawPictures({ image, row, column, relu, pool, whole }, maps, color) {
    const reached = whole ? LAST_PLACE : place();
    paint(digit, image, ink);
    frame(digit, row, column, WINDOW);
    digit.ariaLabel = `The digit. The arrow keys move the window, now at row ${row}, column ${column}.`;

    paint(map, maps.map, color, (r, c) => r * MAP_SIDE + c <= reached);
    frame(map, row, column, 1);
    mapCaption.textContent = `feature map${relu ? " after ReLU" : ""}, ${MAP_SIDE}×${MAP_SIDE}`;
    map.ariaLabel = `${mapCaption.textContent}, ${reached + 1} of ${LAST_PLACE + 1} places filled`;

    const [poolRow, poolColumn] = [Math.floor(row / 2), Math.floor(column / 2)];
    paint(pooled, maps.pooled, color, (r, c) => (2 * r + 1) * MAP_SIDE + 2 * c + 1 <= reached); // its square is complete
    if (pool) frame(map, 2 * poolRow, 2 * poolColumn, 2, "#000");
    frame(pooled, poolRow, poolColumn, 1, "#000");
    pooledCaption.textContent = pooled.ariaLabel = `after pooling, ${MAP_SIDE / 2}×${MAP_SIDE / 2}`;
    show(pooled.parentElement, pool);
  }

  const inRow = (...children) => make("div", { className: "row" }, ...children);
  const titled = (text, content) => make("div", {}, make("div", {}, text), content);
  const nine = (ariaLabel, cells) => make("div", { className: "nine", role: "group", ariaLabel }, ...cells);
  const switches = Object.values(SWITCHES).map((text, i) => make("label", {}, boxes[i], text));
  const steps = [
    button("First", () => jump(0)),
    button("Back", () => jump(place() - 1)),
    playing,
    button("Next", () => jump(place() + 1)),
    button("Last", () => jump(LAST_PLACE)),
  ];
  const sums = make(
    "div",
    { className: "sum" },
    titled("pixels", nine("the nine pixels", pixels)),
    titled("× weights", nine("the nine weights", weights)),
    titled("= products", nine("the nine products", products)),
    make("div", {}, titled("sum", total), titled("after ReLU", rectified)),
  );
  const parts = inRow(
    make("figure", {}, digit, make("figcaption", {}, "digit: drag the window, or use the arrow keys")),
    sums,
    make("figure", {}, map, mapCaption),
    make("figure", {}, pooled, pooledCaption),
  );
  const [choices, moves] = [inRow(preset.element, ...switches), inRow(...steps, slider.element)];
  const cleanUp = showView({ model, el }, "convolution-explorer", STYLE, draw, choices, moves, status, parts);
  return () => {
    clearInterval(timer);
    cleanUp();
  };
}

// A hidden element keeps its space, so that nothing jumps.
function show(element, visible) {
  element.style.visibility = visible ? "visible" : "hidden";
}

function fill(cell, text, color) {
  cell.textContent = text;
  cell.style.background = `rgb(${color})`;
  cell.style.color = textColor(color);
}

const same = (a, b) => a.every((number, i) => number === b[i]);
const short = (number, digits = 2) => String(Number(number.toFixed(digits)));

function signed(number) {
  const text = Math.abs(number).toFixed(Math.abs(number) < 10 ? 2 : 1); // what fits into a cell
  return number < 0 && Number(text) ? `−${text}` : text;
}

function paint(canvas, values, color, isFilled = () => true) {
  canvas.width = canvas.height = CELL * values.length; // clears it
  canvas.style.width = `${(CELL * values.length) / 2}px`;
  const context = canvas.getContext("2d");
  values.forEach((line, r) =>
    line.forEach((value, c) => {
      const filled = isFilled(r, c);
      context.fillStyle = filled ? `rgb(${color(value)})` : "#d0d0d0";
      context.fillRect(c * CELL, r * CELL, CELL, CELL);
      // Marks that work without color: a dash for negative, a dot where there is no number yet.
      context.fillStyle = filled ? "#fff" : "#777";
      if (filled && value < -1e-6) context.fillRect(c * CELL + 4, r * CELL + 7, 8, 2);
      if (!filled) context.fillRect(c * CELL + 6, r * CELL + 6, 4, 4);
    })
  );
}

function frame(canvas, row, column, cells, color = "#b34700") {
  const context = canvas.getContext("2d");
  // White next to the color, so that the frame shows on both ink and paper.
  for (const [style, width] of [["#fff", 10], [color, 5]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(column * CELL, row * CELL, cells * CELL, cells * CELL);
  }
}

const STYLE = `
.convolution-explorer .row { gap: .4rem .5rem; }
.convolution-explorer canvas { display: block; max-width: 100%; }
.convolution-explorer figcaption { width: min-content; min-width: 100%; min-height: 2.8em; }
.convolution-explorer .digit { cursor: move; touch-action: none; }
.convolution-explorer .sum { display: flex; flex-wrap: wrap; gap: 6px; max-width: 276px; }
.convolution-explorer .nine { display: grid; grid-template-columns: repeat(3, 44px); gap: 1px; }
.convolution-explorer :is(.nine input[type=number], .nine span, output) { width: 44px; height: 28px;
  min-height: 0; line-height: 26px; font-size: 13px; text-align: center; font-variant-numeric: tabular-nums;
  border: 1px solid #767676; border-radius: 0; display: block; margin: 0; padding: 0; }
.convolution-explorer ::-webkit-inner-spin-button { display: none; } /* takes the space of two digits */
.convolution-explorer .nine input[aria-invalid=true] { border: 3px double currentColor; }
.convolution-explorer .status { min-height: 2.8em; }
@media (max-width: 600px) { .convolution-explorer .status { min-height: 5.6em; } }
`;

export default { render };
