/**
 * The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it.
 *
 * In a notebook, anywidget calls `render`. On a plain HTML page, call `mount(element, data)` yourself:
 * nothing here needs a kernel, Jupyter or the network. All computing is in exported functions.
 *
 * An image is a Float32Array of 28·28 numbers from 0 (paper) to 1 (ink), row by row. The pad's ink is a
 * Uint8Array of 280·280 cells from 0 to 255. An MNIST digit fits on it exactly, each pixel as 10×10 cells.
 */

export const SIDE = 28;
export const BOX = 20;
export const PAD_SIDE = 280;
const CELLS = PAD_SIDE / SIDE; // pad cells per pixel, if nothing is scaled

export const STEPS = { crop: true, fit: true, center: true };
export const SETTINGS = { thickness: 0, size: 1, rotation: 0, right: 0, down: 0, noise: 0, seed: 0 };

// ---------------------------------------------------------------------------------------------------
// Ink on the pad

export function emptyPad() {
  return new Uint8Array(PAD_SIDE * PAD_SIDE);
}

/** Draw a straight line with a round pen, or erase along it. Modifies `ink`. */
export function drawLine(ink, [x0, y0], [x1, y1], width, erase = false) {
  const reach = width / 2 + 1;
  const inside = (place) => Math.round(onPad(place));
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy || 1;
  const [left, right] = [inside(Math.min(x0, x1) - reach), inside(Math.max(x0, x1) + reach)];
  const [top, bottom] = [inside(Math.min(y0, y1) - reach), inside(Math.max(y0, y1) + reach)];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const [x, y] = [column + 0.5 - x0, row + 0.5 - y0];
      const along = clip((x * dx + y * dy) / square);
      const distance = Math.hypot(x - along * dx, y - along * dy);
      const cover = Math.floor(255 * clip(width / 2 + 0.5 - distance) + 0.5);
      const cell = row * PAD_SIDE + column;
      ink[cell] = erase ? Math.min(ink[cell], 255 - cover) : Math.max(ink[cell], cover);
    }
  }
}

function onPad(place) {
  return Math.max(0, Math.min(PAD_SIDE, place));
}

export function drawStrokes(strokes, width) {
  const ink = emptyPad();
  for (const points of strokes) {
    points.forEach((point, i) => drawLine(ink, points[Math.max(0, i - 1)], point, width));
  }
  return ink;
}

/** Make a pad from a digit of 784 bytes, each pixel a square of cells. */
export function padFromDigit(pixels) {
  const ink = emptyPad();
  for (let cell = 0; cell < ink.length; cell++) {
    const [row, column] = [Math.floor(cell / PAD_SIDE), cell % PAD_SIDE];
    ink[cell] = pixels[Math.floor(row / CELLS) * SIDE + Math.floor(column / CELLS)];
  }
  return ink;
}

// ---------------------------------------------------------------------------------------------------
// From the drawing to 28×28, as in mnist_helpers/preparation.py. A part is { pixels, rows, columns }.

/**
 * Turn a drawing into an image, close to the way MNIST was made; steps that are switched off are skipped.
 *
 * @param drawing the pad's ink.
 * @param options { crop, fit, center }: booleans, all true by default.
 * @returns { box, fitted, corner, input }: the part of the pad that is used, the same scaled, the position of
 *   its upper left corner in the image ([top, left]), and the image.
 */
export function prepare(drawing, options = {}) {
  const { crop, fit, center } = { ...STEPS, ...options };
  const whole = { top: 0, left: 0, rows: PAD_SIDE, columns: PAD_SIDE };
  const box = (crop && boxOfInk(drawing)) || whole;
  const fitted = fit
    ? scale(drawing, box, BOX, Math.max(box.rows, box.columns))
    : scale(drawing, box, SIDE, PAD_SIDE);
  const corner = center
    ? centerOfMass(fitted).map((middle) => Math.floor(SIDE / 2 - middle + 0.5))
    : [fitted.rows, fitted.columns].map((length) => Math.floor((SIDE - length) / 2));
  return { box, fitted, corner, input: place(fitted, corner) };
}

function boxOfInk(drawing) {
  let [top, bottom, left, right] = [PAD_SIDE, -1, PAD_SIDE, -1];
  for (let cell = 0; cell < drawing.length; cell++) {
    if (drawing[cell] === 0) continue;
    const [row, column] = [Math.floor(cell / PAD_SIDE), cell % PAD_SIDE];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  }
  return bottom < 0 ? null : { top, left, rows: bottom - top + 1, columns: right - left + 1 };
}

/** Scale a rectangle of the pad by up/down; each new pixel is the mean of the area it covers. */
function scale(drawing, { top, left, rows, columns }, up, down) {
  const [tall, wide] = [shares(rows, up, down), shares(columns, up, down)];
  const narrow = new Float64Array(rows * wide.pixels); // columns first, then rows
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * PAD_SIDE + left;
    for (const [pixel, column, share] of wide.list) {
      narrow[row * wide.pixels + pixel] += (share * drawing[start + column]) / 255;
    }
  }
  const pixels = new Float64Array(tall.pixels * wide.pixels);
  for (const [pixel, row, share] of tall.list) {
    for (let x = 0; x < wide.pixels; x++) {
      pixels[pixel * wide.pixels + x] += share * narrow[row * wide.pixels + x];
    }
  }
  return { pixels: pixels.map(clip), rows: tall.pixels, columns: wide.pixels };
}

/** The fraction of each new pixel that each old cell covers: a list of [pixel, cell, share]. */
function shares(cells, up, down) {
  const pixels = Math.ceil((cells * up) / down);
  const margin = (pixels - (cells * up) / down) / 2;
  const list = [];
  for (let cell = 0; cell < cells; cell++) {
    const [start, end] = [margin + (cell * up) / down, margin + ((cell + 1) * up) / down];
    for (let pixel = Math.floor(start); pixel < Math.min(end, pixels); pixel++) {
      list.push([pixel, cell, Math.min(pixel + 1, end) - Math.max(pixel, start)]);
    }
  }
  return { pixels, list };
}

function centerOfMass({ pixels, rows, columns }) {
  let [mass, down, right] = [0, 0, 0];
  pixels.forEach((value, i) => {
    mass += value;
    down += value * Math.floor(i / columns);
    right += value * (i % columns);
  });
  return mass ? [down / mass, right / mass] : [rows / 2, columns / 2];
}

function place({ pixels, rows, columns }, [top, left]) {
  const image = new Float32Array(SIDE * SIDE);
  for (let row = Math.max(0, -top); row < Math.min(rows, SIDE - top); row++) {
    for (let column = Math.max(0, -left); column < Math.min(columns, SIDE - left); column++) {
      image[(top + row) * SIDE + left + column] = pixels[row * columns + column];
    }
  }
  return image;
}

// ---------------------------------------------------------------------------------------------------
// From 28×28 to 28×28, as in mnist_helpers/transforms.py

/**
 * Change an image by the slider settings: thickness, size, rotation, shift and noise, in this order.
 *
 * This changes the 28×28 image and not the drawing, because preparation would undo it: it brings every
 * drawing to the same size and position. The notebook changes the test images in the same way.
 */
export function transform(image, settings = {}) {
  const { thickness, size, rotation, right, down, noise, seed } = { ...SETTINGS, ...settings };
  const middle = (SIDE - 1) / 2;
  const [cos, sin] = [Math.cos((rotation * Math.PI) / 180), Math.sin((rotation * Math.PI) / 180)];
  let result = thickness ? thicken(image, thickness) : image;
  if (size !== 1) {
    const from = (place) => middle + (place - middle) / size;
    result = resample(result, (row, column) => [from(row), from(column)], Math.max(1, 1 / size));
  }
  if (rotation) {
    // Where each pixel comes from: rotated the other way. Rows count downward.
    result = resample(result, (row, column) => [
      middle + cos * (row - middle) + sin * (column - middle),
      middle - sin * (row - middle) + cos * (column - middle),
    ]);
  }
  if (right || down) result = resample(result, (row, column) => [row - down, column - right]);
  return noise ? addNoise(result, noise, seed) : result;
}

/** Sample an image at the given positions, with triangular weights; outside of it is paper. */
function resample(image, source, reach = 1) {
  const result = new Float32Array(SIDE * SIDE);
  const weights = (place) => {
    const list = [];
    let total = 0;
    for (let i = Math.ceil(place - reach); i <= place + reach; i++) {
      const weight = 1 - Math.abs(place - i) / reach;
      total += weight;
      if (i >= 0 && i < SIDE) list.push([i, weight]);
    }
    return list.map(([i, weight]) => [i, weight / total]);
  };
  for (let pixel = 0; pixel < result.length; pixel++) {
    const [row, column] = source(Math.floor(pixel / SIDE), pixel % SIDE);
    const across = weights(column);
    let sum = 0;
    for (const [y, tall] of weights(row)) {
      for (const [x, wide] of across) sum += tall * wide * image[y * SIDE + x];
    }
    result[pixel] = clip(sum);
  }
  return result;
}

function thicken(image, pixels) {
  if (pixels < 0) return thicken(image.map((value) => 1 - value), -pixels).map((value) => 1 - value);
  const whole = Math.floor(pixels);
  for (let i = 0; i < whole; i++) image = dilate(image);
  if (pixels === whole) return image;
  const more = dilate(image);
  return image.map((value, i) => value + (pixels - whole) * (more[i] - value));
}

/** The maximum of each pixel's neighborhood, averaged over two: the 3×3 square and the plus within it. */
function dilate(image) {
  const edge = (place) => Math.max(0, Math.min(SIDE - 1, place));
  return image.map((value, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    let [square, plus] = [value, value];
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const neighbor = image[edge(row + dy) * SIDE + edge(column + dx)];
        square = Math.max(square, neighbor);
        if (dx === 0 || dy === 0) plus = Math.max(plus, neighbor);
      }
    }
    return (square + plus) / 2;
  });
}

/** Add Gaussian noise and clip. The same seed gives the same noise, scaled by the deviation. */
function addNoise(image, deviation, seed) {
  const random = mulberry32(seed);
  // The Box-Muller transform: two uniform numbers to a normal one.
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return image.map((value) => clip(value + deviation * normal()));
}

/** A small generator of random numbers in [0, 1): Math.random cannot be seeded. */
function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function clip(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

// ---------------------------------------------------------------------------------------------------
// The networks

/**
 * Make a network from what `network_description(model)` returned in Python.
 *
 * @param description { input: shape, layers: [{ kind, … }] }
 * @param buffer the weights, layer by layer: little-endian float32 in an ArrayBuffer or a view of one.
 */
export function createNetwork(description, buffer) {
  const bytes = bytesOf(buffer);
  const floats = new Float32Array(bytes.slice().buffer); // a copy: a view may not start at a multiple of 4
  let used = 0;
  const take = (count) => floats.subarray(used, (used += count));
  let shape = description.input;
  const layers = description.layers.map((layer) => {
    const built = known(BUILDERS, layer.kind)(layer, shape, take);
    shape = built.shape;
    return built;
  });
  if (used !== floats.length) {
    throw new Error(`the network needs ${used} weights, but its buffer holds ${floats.length}`);
  }
  return { layers };
}

/** A network's probabilities for an image: a Float32Array of 10. */
export function predict(network, image) {
  let values = image;
  for (const layer of network.layers) values = layer.run(values);
  return values.slice(); // a copy: the layers reuse their arrays
}

// One builder per kind of layer. It takes the layer's { kind, … }, its input shape and a function that hands out
// weights. Each layer allocates its output array once. Python leaves out Dropout, which does nothing in inference,
// and Flatten, which changes nothing here: maps are stored with channels last.
const BUILDERS = {
  conv: ({ filters, activation }, [rows, columns, channels], take) => {
    const kernel = take(9 * channels * filters);
    const bias = take(filters);
    const shape = [rows - 2, columns - 2, filters];
    const [maps, sums] = [new Float32Array(shape[0] * shape[1] * filters), new Float32Array(filters)];
    const activate = known(ACTIVATIONS, activation);
    const run = (input) => {
      // The three pixels in a row of the window, with all their channels, are contiguous in both the input and
      // the kernel, and so are the filters in the innermost loop. Zeros are common (paper, and after ReLU) and
      // are skipped.
      const piece = 3 * channels;
      let out = 0;
      for (let y = 0; y < shape[0]; y++) {
        for (let x = 0; x < shape[1]; x++) {
          sums.set(bias);
          for (let dy = 0, weight = 0; dy < 3; dy++) {
            const start = ((y + dy) * columns + x) * channels;
            for (let i = start; i < start + piece; i++, weight += filters) {
              const value = input[i];
              if (value === 0) continue;
              for (let f = 0; f < filters; f++) sums[f] += value * kernel[weight + f];
            }
          }
          maps.set(sums, out);
          out += filters;
        }
      }
      activate(maps);
      return maps;
    };
    return { shape, run };
  },
  pool: (_, [rows, columns, channels]) => {
    const shape = [Math.floor(rows / 2), Math.floor(columns / 2), channels];
    const [maps, line] = [new Float32Array(shape[0] * shape[1] * channels), columns * channels];
    const run = (input) => {
      let out = 0;
      for (let y = 0; y < shape[0]; y++) {
        for (let x = 0; x < shape[1]; x++) {
          const corner = 2 * y * line + 2 * x * channels;
          for (let i = corner; i < corner + channels; i++, out++) {
            const upper = Math.max(input[i], input[i + channels]);
            maps[out] = Math.max(upper, input[i + line], input[i + line + channels]);
          }
        }
      }
      return maps;
    };
    return { shape, run };
  },
  dense: ({ units, activation }, shape, take) => {
    const inputs = shape.reduce((product, length) => product * length, 1);
    const weights = take(inputs * units);
    const bias = take(units);
    const sums = new Float32Array(units);
    const activate = known(ACTIVATIONS, activation);
    const run = (input) => {
      sums.set(bias);
      for (let i = 0, weight = 0; i < inputs; i++, weight += units) {
        const value = input[i];
        if (value === 0) continue;
        for (let unit = 0; unit < units; unit++) sums[unit] += value * weights[weight + unit];
      }
      activate(sums);
      return sums;
    };
    return { shape: [units], run };
  },
};

// Each works in place.
const ACTIVATIONS = {
  relu: (values) => {
    for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
  },
  softmax: (values) => {
    const largest = Math.max(...values); // subtracted, so that no exponential overflows
    let total = 0;
    for (let i = 0; i < values.length; i++) total += values[i] = Math.exp(values[i] - largest);
    for (let i = 0; i < values.length; i++) values[i] /= total;
  },
};

function known(table, name) {
  if (Object.hasOwn(table, name)) return table[name];
  throw new Error(`the pad does not support ${name}; it supports ${Object.keys(table)}`);
}

function bytesOf(buffer) {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}

// ---------------------------------------------------------------------------------------------------
// The view

const STYLE = `
.digit-pad { color: var(--jp-ui-font-color1, inherit); font-size: 14px; line-height: 1.4; max-width: 60rem;
  padding: 6px; /* room for the focus ring */ }
.digit-pad *, .digit-pad *::before { box-sizing: border-box; }
.digit-pad .parts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.digit-pad .parts > * { max-width: 100%; min-width: 0; }
.digit-pad .paper { width: 280px; }
.digit-pad .answers { flex: 1 1 24rem; }
.digit-pad fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.digit-pad legend, .digit-pad caption { font-weight: bold; padding: .6rem 0 0; text-align: left;
  color: inherit; }
.digit-pad caption { padding: 0 0 .3rem; }
.digit-pad .row { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; margin-top: .5rem; }
.digit-pad label, .digit-pad .step b { display: inline-flex; gap: .35rem; align-items: center;
  min-height: 24px; }
.digit-pad canvas { display: block; background: #fff; border: 1px solid #767676; max-width: 100%; }
.digit-pad .sheet { width: 100%; aspect-ratio: 1; cursor: crosshair; touch-action: none; }
.digit-pad .step canvas { width: 112px; aspect-ratio: 1; image-rendering: pixelated; }
.digit-pad .steps { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-top: .3rem; }
.digit-pad figure { margin: 0; width: 112px; }
.digit-pad figcaption { min-height: 4.2em; font-size: 13px; color: inherit; }
.digit-pad button, .digit-pad input[type=number] { font: inherit; color: inherit; background: transparent;
  border: 1px solid #767676; border-radius: 3px; padding: .15rem .6rem; min-height: 26px; }
.digit-pad input[type=number] { width: 5.5em; }
.digit-pad input { accent-color: #0072b2; margin: 0; }
.digit-pad :focus-visible { outline: 3px solid #d55e00; outline-offset: 2px; }
.digit-pad table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: 0;
  font-variant-numeric: tabular-nums; border: 0; }
.digit-pad th, .digit-pad td { padding: .1rem .3rem; text-align: left; background: none; border: 0; }
.digit-pad thead th { vertical-align: bottom; }
.digit-pad th:first-child { width: 3.4em; }
.digit-pad td.top { font-weight: bold; }
.digit-pad .bar { display: block; height: 7px; border: 1px solid #767676; }
.digit-pad .bar i { display: block; height: 100%; background: #0072b2; transform-origin: left; }
.digit-pad .sliders { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  gap: .2rem 1.5rem; }
.digit-pad .sliders label { display: grid; grid-template-columns: 6.5em 1fr 5.2em; }
.digit-pad .sliders input { width: 100%; min-width: 0; }
.digit-pad p { min-height: 1.4em; margin: .3rem 0 0; }
.digit-pad .hint { min-height: 2.8em; }
.digit-pad .says { min-height: 4.2em; }
`;

const SLIDERS = [
  // setting, label, min, max, step, the value as text
  ["right", "shift right", -10, 10, 1, (value) => `${signed(value)} px`],
  ["down", "shift down", -10, 10, 1, (value) => `${signed(value)} px`],
  ["rotation", "rotation", -90, 90, 5, (value) => `${signed(value)}°`],
  ["size", "size", 0.4, 1.6, 0.05, (value) => `× ${value.toFixed(2)}`],
  ["thickness", "thickness", -2, 2, 0.25, (value) => `${signed(value)} px`],
  ["noise", "noise", 0, 1, 0.05, (value) => value.toFixed(2)],
  ["seed", "noise seed", 0, 99, 1, (value) => `${value}`],
];
const UNDO_STEPS = 20;
const PEN = 24; // in cells: about as thick as MNIST's strokes, for a digit that fills the pad
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Put a digit pad into an element of any page.
 *
 * @param element the parent element.
 * @param data { networks: { name: { description, weights } }, as `createNetwork` takes them;
 *   strokes, width: an example to start with, if any;
 *   images, labels: digits to choose from (n·784 bytes) and, if known, their labels (n numbers);
 *   onChange: called with { input, probabilities: { name: Float32Array } } after every change }
 * @returns a function that removes the pad.
 */
export function mount(element, { networks, strokes = [], width = PEN, images = [], labels = [], onChange }) {
  const nets = Object.entries(networks).map(([name, { description, weights }]) => {
    return { name, network: createNetwork(description, weights) };
  });
  const pad = {
    ink: drawStrokes(strokes, width),
    isExample: strokes.length > 0,
    past: [],
    erase: false,
    width: PEN,
    steps: { ...STEPS },
    settings: { ...SETTINGS },
  };
  const digits = bytesOf(images);

  // Many events can arrive between two frames; do the work once for all of them.
  let frame = 0;
  let timer = 0;
  const refresh = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      const prepared = prepare(pad.ink, pad.steps);
      const input = transform(prepared.input, pad.settings);
      sheet.paint();
      steps.paint(prepared, input);
      const said = nets.map(({ name, network }) => [name, predict(network, input)]);
      const probabilities = Object.fromEntries(said);
      answers.paint(probabilities);
      clearTimeout(timer); // update the text and the kernel only when the input pauses
      timer = setTimeout(() => {
        answers.say(probabilities);
        onChange?.({ input, probabilities });
      }, 200);
    });
  };
  /** Save the pad for undo, before it is changed. */
  const remember = () => {
    pad.past.push({ ink: pad.ink.slice(), isExample: pad.isExample });
    if (pad.past.length > UNDO_STEPS) pad.past.shift();
  };
  const replace = (ink) => {
    remember();
    Object.assign(pad, { ink, isExample: false });
    refresh();
  };
  const undo = () => {
    if (pad.past.length) Object.assign(pad, pad.past.pop());
    refresh();
  };

  const sheet = makeSheet(pad, { remember, refresh, undo });
  const steps = makeSteps(pad, refresh);
  const answers = makeAnswers(nets.map(({ name }) => name));
  const chooser = digits.length ? makeChooser(digits, labels, replace) : null;
  const root = make("div", { className: "digit-pad" }, [
    make("style", { textContent: STYLE }),
    make("div", { className: "parts" }, [
      make("div", { className: "paper" }, [
        sheet.element,
        answers.words, // here, because on a phone the table is further down
        makeTools(pad, { undo, clear: () => replace(emptyPad()), sheet }),
        chooser,
      ]),
      answers.element,
    ]),
    steps.element,
    makeSliders(pad, refresh),
  ]);
  element.append(root);
  refresh();
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    root.remove();
  };
}

/** The paper to draw on, by pointer or keyboard. */
function makeSheet(pad, { remember, refresh, undo }) {
  const canvas = make("canvas", {
    className: "sheet",
    width: PAD_SIDE,
    height: PAD_SIDE,
    tabIndex: 0,
    role: "application",
    "aria-label":
      "Pad to draw on. Arrow keys move the pen, with Shift in small steps; " +
      "Space puts it down and lifts it; Ctrl+Z undoes.",
  });
  const words = make("p", { className: "hint", role: "status" });
  const hint = () =>
    pad.isExample ? "An example. Your first stroke replaces it." : "Draw a digit, or use arrow keys and Space.";
  const context = canvas.getContext("2d");
  const cursor = { place: [PAD_SIDE / 2, PAD_SIDE / 2], shown: false, down: false };
  let stroke = null; // the pointer's current stroke: { pointer, place, erase }

  const begin = () => {
    remember();
    if (pad.isExample) Object.assign(pad, { ink: emptyPad(), isExample: false });
  };
  const line = (from, to, erase) => {
    drawLine(pad.ink, from, to, pad.width, erase);
    refresh();
  };
  const lift = () => (cursor.down = false);
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
    begin();
    const erase = pad.erase || event.button === 5; // 5: the eraser end of a pen
    stroke = { pointer: event.pointerId, place: placeOf(event), erase };
    line(stroke.place, stroke.place, erase);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== stroke?.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) {
      const place = placeOf(part);
      line(stroke.place, place, stroke.erase);
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
      undo();
    }
    else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) {
        begin();
        line(cursor.place, cursor.place, pad.erase);
      }
    } else if (event.key in ARROWS) {
      const length = event.shiftKey ? 2 : CELLS;
      const from = cursor.place;
      cursor.place = from.map((value, i) => onPad(value + length * ARROWS[event.key][i]));
      if (cursor.down) line(from, cursor.place, pad.erase);
    } else return;
    event.preventDefault();
    cursor.shown = true;
    const [x, y] = cursor.place.map((value) => Math.round(value / CELLS));
    const tool = pad.erase ? "Eraser" : "Pen";
    words.textContent = `${tool} ${cursor.down ? "down" : "up"}, ${x} of ${SIDE} across, ${y} of ${SIDE} down.`;
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
    for (let cell = 0; cell < shades.length; cell++) shades[cell] = gray(pad.ink[cell] / 255);
    context.putImageData(picture, 0, 0);
    if (cursor.shown) paintCursor(context, cursor, pad.width);
    // Only when it changes, because screen readers announce it.
    if (!cursor.shown && words.textContent !== hint()) words.textContent = hint();
  };
  return { element: make("div", {}, [canvas, words]), paint, lift };
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

function makeTools(pad, { undo, clear, sheet }) {
  const group = `tool-${Math.random()}`; // unique, because a page can have two pads
  const choice = (text, erase) => {
    const input = make("input", { type: "radio", name: group, checked: erase === pad.erase });
    input.addEventListener("change", () => (pad.erase = erase));
    return make("label", {}, [input, text]);
  };
  const range = { type: "range", min: 6, max: 50, step: 2, value: pad.width };
  const width = make("input", { ...range, "aria-label": "width of the pen" });
  const value = make("output", { textContent: pad.width });
  width.addEventListener("input", () => (value.textContent = pad.width = width.valueAsNumber));
  return make("fieldset", {}, [
    make("legend", { textContent: "Draw" }),
    make("div", { className: "row" }, [
      choice("pen", false),
      choice("eraser", true),
      button("Undo", () => (sheet.lift(), undo())),
      button("Clear", () => (sheet.lift(), clear())),
    ]),
    make("div", { className: "row" }, [make("label", {}, ["width", width, value])]),
  ]);
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
  return make("fieldset", {}, [
    make("legend", { textContent: "Or pick a digit" }),
    make("div", { className: "row" }, [
      make("label", {}, ["number", number]),
      button("Put on the pad", choose),
    ]),
    make("p", {}, [words]),
  ]);
}

/** A picture of each step from the drawing to the input, with a checkbox to switch the step off. */
function makeSteps(pad, refresh) {
  const figures = {};
  const figure = (key, title, canBeOff, alt) => {
    const canvas = make("canvas", { role: "img", "aria-label": alt });
    const words = make("span", {});
    let head = make("b", { textContent: title });
    if (canBeOff) {
      const input = make("input", { type: "checkbox", checked: true });
      input.addEventListener("change", () => {
        pad.steps[key] = input.checked;
        refresh();
      });
      head = make("label", {}, [input, title]);
    }
    figures[key] = { context: canvas.getContext("2d"), words };
    const below = make("figure", {}, [canvas, make("figcaption", {}, [words])]);
    return make("div", { className: "step" }, [head, below]);
  };
  const element = make("fieldset", {}, [
    make("legend", { textContent: "From drawing to input, close to the way MNIST was made" }),
    make("div", { className: "steps" }, [
      figure("crop", "crop", true, "The drawing, cropped to its ink"),
      figure("fit", `fit into ${BOX}×${BOX}`, true, "The drawing as pixels"),
      figure("center", "center by mass", true, "The drawing in 28×28 pixels"),
      figure("input", "input", false, "The input of the networks, 28×28 pixels, after the sliders"),
    ]),
  ]);

  const show = (key, ink, part, frame, text) => {
    paintPart(figures[key].context, ink, part, frame);
    figures[key].words.textContent = text;
  };
  const paint = ({ box, fitted, corner, input }, image) => {
    const { crop, fit, center } = pad.steps;
    const whole = { rows: SIDE, columns: SIDE };
    const cropped = pad.ink.subarray(box.top * PAD_SIDE + box.left);
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
  return { element, paint };
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
  const readings = names.map(() => make("span", {}));
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const cells = names.map(() => {
      const [fill, text] = [make("i", {}), make("span", {})];
      const bar = make("span", { className: "bar", "aria-hidden": "true" }, [fill]);
      return { fill, text, element: make("td", {}, [text, bar]) };
    });
    const head = make("th", { scope: "row", textContent: digit });
    return { cells, element: make("tr", {}, [head, ...cells.map((cell) => cell.element)]) };
  });
  const words = make("p", { className: "says", role: "status" });
  const heads = names.map((name, i) =>
    make("th", { scope: "col" }, [name, make("br", {}), readings[i]]),
  );
  const element = make("div", { className: "answers" }, [
    make("table", {}, [
      make("caption", { textContent: "What the networks say" }),
      make("thead", {}, [make("tr", {}, [make("th", { scope: "col", textContent: "digit" }), ...heads])]),
      make("tbody", {}, rows.map((row) => row.element)),
    ]),
  ]);

  const paint = (probabilities) => {
    names.forEach((name, i) => {
      const top = indexOfLargest(probabilities[name]);
      readings[i].textContent = `reads ${top}`;
      rows.forEach(({ cells }, digit) => {
        const probability = probabilities[name][digit];
        cells[i].text.textContent = percent(probability);
        cells[i].fill.style.transform = `scaleX(${probability})`;
        cells[i].element.classList.toggle("top", digit === top);
      });
    });
  };
  const say = (probabilities) => {
    const says = names.map((name) => {
      const top = indexOfLargest(probabilities[name]);
      return `${name} reads ${top} (${percent(probabilities[name][top])})`;
    });
    words.textContent = `${says.join(", ")}.`;
  };
  return { element, words, paint, say };
}

function makeSliders(pad, refresh) {
  const sliders = SLIDERS.map(([setting, text, min, max, step, inWords]) => {
    // An explicit name, because the label element includes the value.
    const range = { type: "range", min, max, step, value: SETTINGS[setting] };
    const input = make("input", { ...range, "aria-label": text });
    const output = make("output", {});
    const show = () => {
      pad.settings[setting] = input.valueAsNumber;
      output.textContent = inWords(input.valueAsNumber);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    show();
    input.addEventListener("input", () => {
      show();
      refresh();
    });
    const reset = () => {
      input.value = SETTINGS[setting];
      show();
    };
    return { element: make("label", {}, [text, input, output]), reset };
  });
  const reset = () => {
    sliders.forEach((slider) => slider.reset());
    refresh();
  };
  return make("fieldset", {}, [
    make("legend", { textContent: "Change the input" }),
    make("div", { className: "sliders" }, sliders.map((slider) => slider.element)),
    make("div", { className: "row" }, [button("Reset the sliders", reset)]),
  ]);
}

/** Make an element. Names that are not properties (aria-…, role) become attributes. */
function make(tag, properties, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  // Keeps JupyterLab's shortcuts (arrow keys, single letters) off while the element has the focus.
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children.filter((child) => child !== null));
  return element;
}

function button(text, action) {
  const element = make("button", { type: "button", textContent: text });
  element.addEventListener("click", action);
  return element;
}

/** Ink as a color for ImageData viewed as 32-bit numbers: alpha, blue, green, red. */
function gray(ink) {
  return 0xff000000 | (Math.round(255 * (1 - ink)) * 0x010101);
}

function indexOfLargest(values) {
  return values.indexOf(Math.max(...values));
}

function percent(probability) {
  // Never round to 100 % or 0 %: softmax never claims certainty.
  if (probability >= 0.9995) return ">99.9 %";
  return probability < 0.0005 ? "<0.1 %" : `${(100 * probability).toFixed(1)} %`;
}

function signed(value) {
  return value > 0 ? `+${value}` : `${value}`.replace("-", "−");
}

// ---------------------------------------------------------------------------------------------------
// In a notebook

function render({ model, el }) {
  return mount(el, {
    networks: model.get("_networks"),
    strokes: model.get("_strokes"),
    width: model.get("_width"),
    images: model.get("_images"),
    labels: model.get("_labels"),
    onChange({ input, probabilities }) {
      model.set("input", new DataView(input.slice().buffer));
      const lists = Object.entries(probabilities).map(([name, values]) => [name, [...values]]);
      model.set("probabilities", Object.fromEntries(lists));
      model.save_changes();
    },
  });
}

export default { render };
