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

// Ink on the pad

export function emptyPad() {
  return new Uint8Array(PAD_SIDE * PAD_SIDE);
}

/** Draw a straight line with a round pen, or erase along it. Modifies `ink`. */
export function drawLine(ink, [x0, y0], [x1, y1], width, erase = false) {
  const reach = width / 2 + 1;
  const inside = (place) => Math.round(Math.max(0, Math.min(PAD_SIDE, place)));
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

/** Make a pad from a digit of 784 bytes, each pixel a square of cells. */
export function padFromDigit(pixels) {
  const pixelOf = (place) => Math.floor(place / CELLS);
  return emptyPad().map((_, cell) => pixels[pixelOf(cell / PAD_SIDE) * SIDE + pixelOf(cell % PAD_SIDE)]);
}

// From the drawing to 28×28, as in mnist_helpers/preparation.py. A part is { pixels, rows, columns }, in [0, 1].

/**
 * Turn the pad's ink into an image, close to the way MNIST was made; steps that are switched off are skipped.
 *
 * @returns the drawing as a part, the part of it that is used, the same scaled, the position of its upper left corner
 *   in the image ([top, left]), and the image.
 */
export function prepare(ink, { crop, fit, center }) {
  const drawing = { pixels: new Float64Array(ink), rows: PAD_SIDE, columns: PAD_SIDE };
  for (let cell = 0; cell < ink.length; cell++) drawing.pixels[cell] /= 255;
  const cropped = crop ? cropToInk(drawing) : drawing;
  const fitted = fit
    ? scale(cropped, BOX, Math.max(cropped.rows, cropped.columns))
    : scale(cropped, SIDE, PAD_SIDE);
  const corner = center
    ? centerOfMass(fitted).map((middle) => Math.floor(SIDE / 2 - middle + 0.5))
    : [fitted.rows, fitted.columns].map((length) => Math.floor((SIDE - length) / 2));
  return { drawing, cropped, fitted, corner, input: place(fitted, corner) };
}

function cropToInk(drawing) {
  let [top, bottom, left, right] = [PAD_SIDE, -1, PAD_SIDE, -1];
  for (let row = 0; row < PAD_SIDE; row++) {
    for (let column = 0; column < PAD_SIDE; column++) {
      if (drawing.pixels[row * PAD_SIDE + column] === 0) continue;
      top = Math.min(top, row);
      bottom = row;
      left = Math.min(left, column);
      right = Math.max(right, column);
    }
  }
  if (bottom < 0) return drawing;
  const [rows, columns] = [bottom - top + 1, right - left + 1];
  const pixels = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * PAD_SIDE + left;
    pixels.set(drawing.pixels.subarray(start, start + columns), row * columns);
  }
  return { pixels, rows, columns };
}

/** Scale a part by up/down; each new pixel is the mean of the area it covers. */
function scale({ pixels, rows, columns }, up, down) {
  const [tall, wide] = [shares(rows, up, down), shares(columns, up, down)];
  const narrow = new Float64Array(rows * wide.pixels); // columns first, then rows
  for (let row = 0; row < rows; row++) {
    for (const [pixel, column, share] of wide.list) {
      narrow[row * wide.pixels + pixel] += share * pixels[row * columns + column];
    }
  }
  const scaled = new Float64Array(tall.pixels * wide.pixels);
  for (const [pixel, row, share] of tall.list) {
    for (let x = 0; x < wide.pixels; x++) {
      scaled[pixel * wide.pixels + x] += share * narrow[row * wide.pixels + x];
    }
  }
  return { pixels: scaled.map(clip), rows: tall.pixels, columns: wide.pixels };
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

// From 28×28 to 28×28, as in mnist_helpers/transforms.py

/**
 * Change an image by the sliders: thickness, size, rotation, shift and noise, in this order. The drawing is not
 * changed, because preparation would undo it: it brings every drawing to the same size and position.
 */
export function transform(image, { thickness, size, rotation, right, down, noise, seed }) {
  const middle = (SIDE - 1) / 2;
  const [cos, sin] = [Math.cos((rotation * Math.PI) / 180), Math.sin((rotation * Math.PI) / 180)];
  let result = thicken(image, thickness);
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
  for (; pixels > 0; pixels--) {
    const [more, share] = [dilate(image), Math.min(pixels, 1)];
    image = image.map((value, i) => value + share * (more[i] - value));
  }
  return image;
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

/** Add Gaussian noise and clip. The Box-Muller transform turns two uniform numbers into a normal one. */
function addNoise(image, deviation, seed) {
  const uniform = randomNumbers(seed, 2 * image.length);
  return image.map((value, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform[2 * i]));
    return clip(value + deviation * radius * Math.cos(2 * Math.PI * uniform[2 * i + 1]));
  });
}

function clip(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
