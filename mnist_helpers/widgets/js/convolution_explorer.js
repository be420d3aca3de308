// The convolution explorer: a 3×3 window over a digit, its nine products, and the feature map they make.

import { ink, signedColor, textColor } from "./color.js";
import { choiceControl, setTraits } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
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

const STATE = ["image", "kernel", "row", "column", "relu", "pool", "whole"];
const SWITCHES = { relu: "ReLU", pool: "2×2 max pooling", whole: "whole map at once" };

// The elements are made once, and `draw` fills them from the model. Clicks and keys change only the model, so that
// changes from Python, the mouse and the keyboard all take the same path.
function render({ model, el }) {
  const change = (changes) => setTraits(model, changes);
  const within = (place) => between(0, place, LAST);
  const moveTo = (row, column) => change({ row: within(row), column: within(column) });
  const place = () => model.get("row") * MAP_SIDE + model.get("column");
  const goTo = (step) => moveTo(Math.floor(step / MAP_SIDE), step % MAP_SIDE);

  // Playing is the only state kept in the view.
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    draw();
  };
  const advance = () => {
    goTo(place() + 1);
    if (place() === LAST_PLACE) stop();
  };
  const play = () => {
    if (place() === LAST_PLACE) goTo(0);
    timer = setInterval(advance, STEP_MILLISECONDS);
    draw();
  };
  const jump = (step) => {
    if (timer) stop();
    goTo(between(0, step, LAST_PLACE));
  };

  const preset = choiceControl("kernel", [...Object.keys(PRESETS), OWN], (name) => {
    if (name === OWN) draw(); // there is nothing to choose: show what it is again
    else change({ kernel: PRESETS[name] });
  });
  const setWeight = (i, weight) => {
    change({ kernel: model.get("kernel").map((other, j) => (j === i ? weight : other)) });
  };
  const weights = Array.from({ length: 9 }, (_, i) => {
    const label = `weight in row ${Math.floor(i / 3)}, column ${i % 3}`;
    const kind = { type: "number", step: "any", min: -LARGEST_WEIGHT, max: LARGEST_WEIGHT, required: true };
    const input = make("input", {
      ...kind,
      ariaLabel: label,
      oninput: () => {
        input.ariaInvalid = String(!input.validity.valid);
        if (input.validity.valid) return setWeight(i, input.valueAsNumber);
        status.textContent = `Enter a number from −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}; ` +
          `until then, the ${label} stays ${short(model.get("kernel")[i])}.`;
      },
      onblur: () => draw(), // replaces invalid input by the current weight
    });
    return input;
  });
  const pixels = nine("the nine pixels");
  const products = nine("the nine products");
  const total = make("output", { className: "total" });
  const rectified = make("output", { className: "total" });

  const digit = make("canvas", { tabIndex: 0, role: "application", className: "digit" });
  const map = make("canvas", { role: "img" });
  const pooled = make("canvas", { role: "img" });
  const mapCaption = make("figcaption");
  const pooledCaption = make("figcaption");

  const playing = button("Play", () => (timer ? stop() : play()));
  const slider = make("input", {
    type: "range",
    min: 0,
    max: LAST_PLACE,
    oninput: () => jump(slider.valueAsNumber),
  });
  const boxes = Object.keys(SWITCHES).map((name) =>
    make("input", { type: "checkbox", onchange: (event) => change({ [name]: event.target.checked }) })
  );
  const status = make("p", { className: "status", role: "status" });

  digit.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault(); // arrow keys would scroll the page
    if (timer) stop();
    const [down, right] = steps[event.key];
    moveTo(model.get("row") + down, model.get("column") + right);
  });
  for (const [canvas, cells, middle] of [[digit, SIDE, 1], [map, MAP_SIDE, 0]]) {
    const follow = (event) => {
      if (!event.buttons) return;
      if (timer) stop();
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
    const now = Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
    const seen = pixelsAt(now.image, now.row, now.column);
    const multiplied = seen.map((pixel, i) => pixel * now.kernel[i]);
    const maps = computeMaps(now.image, now.kernel, now.relu);
    // The darkest color stands for the largest possible sum, so colors mean the same at every position.
    const limit = Math.max(...[1, -1].map((sign) => sum(now.kernel.map((w) => Math.max(0, sign * w))))) || 1;
    const value = sum(multiplied);
    drawControls(now);
    drawSum(now, seen, multiplied, value, limit);
    drawPictures(now, maps, limit);
    say(now, value, maps.pooled[Math.floor(now.row / 2)][Math.floor(now.column / 2)]);
  }

  function drawControls({ kernel, ...switched }) {
    preset.show(Object.keys(PRESETS).find((name) => same(PRESETS[name], kernel)) ?? OWN);
    weights.forEach((input, i) => {
      if (input.getRootNode().activeElement === input) return; // being typed
      input.value = short(kernel[i], 3);
      input.ariaInvalid = "false";
    });
    boxes.forEach((box, i) => (box.checked = switched[Object.keys(SWITCHES)[i]]));
    slider.value = place();
    playing.textContent = timer ? "Pause" : "Play";
  }

  function drawSum({ kernel, relu }, seen, multiplied, value, limit) {
    const largest = Math.max(...kernel.map(Math.abs)) || 1;
    seen.forEach((pixel, i) => fill(pixels.cells[i], pixel.toFixed(2), ink(pixel)));
    multiplied.forEach((product, i) =>
      fill(products.cells[i], signed(product), signedColor(product / largest))
    );
    const kept = Math.max(0, value);
    fill(total, signed(value), signedColor(value / limit));
    fill(rectified, signed(kept), signedColor(kept / limit));
    show(rectified.parentElement, relu);
  }

  function drawPictures({ image, row, column, relu, pool, whole }, maps, limit) {
    const color = (value) => signedColor(value / limit);
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

  function say({ row, column, relu, pool }, value, most) {
    status.ariaLive = timer ? "off" : "polite"; // a screen reader cannot keep up while playing
    status.textContent = `Row ${row}, column ${column}, place ${place() + 1} of ${LAST_PLACE + 1}: ` +
      `the nine products add up to ${signed(value)}` +
      (relu ? `; ReLU gives ${signed(Math.max(0, value))}` : "") +
      (pool ? `; the largest in its square is ${signed(most)}.` : ".");
  }

  const root = rootElement(
    "convolution-explorer",
    STYLE,
    inRow(preset.element, ...boxes.map((box, i) => labeled(Object.values(SWITCHES)[i], box))),
    inRow(
      button("First", () => jump(0)),
      button("Back", () => jump(place() - 1)),
      playing,
      button("Next", () => jump(place() + 1)),
      button("Last", () => jump(LAST_PLACE)),
      labeled("place", slider),
    ),
    status,
    inRow(
      make("figure", {}, digit, make("figcaption", {}, "digit: drag the window, or use the arrow keys")),
      make(
        "div",
        { className: "sum" },
        titled("pixels", pixels.table),
        titled("× weights", group("the nine weights", weights)),
        titled("= products", products.table),
        make("div", {}, titled("sum", total), titled("after ReLU", rectified)),
      ),
      make("figure", {}, map, mapCaption),
      make("figure", {}, pooled, pooledCaption),
    ),
  );
  el.append(root);
  model.on("change", draw);
  draw();
  return () => {
    clearInterval(timer);
    model.off("change", draw);
    root.remove();
  };
}

// Elements

const inRow = (...children) => make("div", { className: "row" }, ...children);
const labeled = (text, control) => make("label", {}, text, " ", control);
const titled = (text, content) => make("div", {}, make("div", { className: "title" }, text), content);

const group = (ariaLabel, cells) => make("div", { className: "nine", role: "group", ariaLabel }, ...cells);

function nine(label) {
  const cells = Array.from({ length: 9 }, () => make("span"));
  return { cells, table: group(label, cells) };
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

// Numbers

const between = (low, number, high) => Math.min(Math.max(low, number), high);
const same = (a, b) => a.every((number, i) => number === b[i]);
const short = (number, digits = 2) => String(Number(number.toFixed(digits)));

function signed(number) {
  const text = Math.abs(number).toFixed(Math.abs(number) < 10 ? 2 : 1); // what fits into a cell
  return number < 0 && Number(text) ? `−${text}` : text;
}

// Canvases

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
.convolution-explorer :is(.nine input[type=number], .nine span, .total) { width: 44px; height: 28px;
  min-height: 0; line-height: 26px; font-size: 13px; text-align: center; font-variant-numeric: tabular-nums;
  border: 1px solid #767676; border-radius: 0; display: block; margin: 0; padding: 0; }
.convolution-explorer ::-webkit-inner-spin-button { display: none; } /* takes the space of two digits */
.convolution-explorer .nine input[aria-invalid=true] { border: 3px double currentColor; }
.convolution-explorer input[type=range] { width: 220px; min-width: 60px; }
.convolution-explorer .status { min-height: 2.8em; }
@media (max-width: 600px) { .convolution-explorer .status { min-height: 5.6em; } }
`;

export default { render };
