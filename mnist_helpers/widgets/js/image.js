// Ink on the pad, preparation and transforms: the same as in mnist_helpers/preparation.py and transforms.py.
//
// An image is a Float32Array of 28·28 numbers from 0 (paper) to 1 (ink), row by row. The pad's ink is a Uint8Array
// of 280·280 cells from 0 to 255. An MNIST digit fits on it exactly, each pixel as 10×10 cells.

import { randomNumbers } from "./random.js";

export const SIDE = 28;
export const BOX = 20;
export const PAD_SIDE = 280;
export const CELLS = PAD_SIDE / SIDE; // pad cells per pixel, if nothing is scaled

/** The changes that `transform` makes, and the values that change nothing. */
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

/** A coordinate, kept on the pad. */
export function onPad(place) {
  return Math.max(0, Math.min(PAD_SIDE, place));
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
 * @param steps { crop, fit, center }: booleans.
 * @returns { box, fitted, corner, input }: the part of the pad that is used, the same scaled, the position of
 *   its upper left corner in the image ([top, left]), and the image.
 */
export function prepare(drawing, { crop, fit, center }) {
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
export function transform(image, { thickness, size, rotation, right, down, noise, seed }) {
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
  const uniform = randomNumbers(seed, 2 * image.length);
  // The Box-Muller transform: two uniform numbers to a normal one.
  const normal = (i) =>
    Math.sqrt(-2 * Math.log(1 - uniform[2 * i])) * Math.cos(2 * Math.PI * uniform[2 * i + 1]);
  return image.map((value, i) => clip(value + deviation * normal(i)));
}

function clip(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
