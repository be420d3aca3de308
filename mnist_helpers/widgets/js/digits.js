// Digits of a model, which it is asked for a hundred at a time, as in mnist_helpers/widgets/digits.py.

import { ask, bytesOf } from "./bytes.js";
import { SIDE } from "./image.js";

const BLOCK = 100; // images of a digit that come together

/** Take a block of images apart, as digits.py packs them. */
export function unpackBlock(buffer) {
  const bytes = bytesOf(buffer);
  const count = bytes.length / (4 + SIDE * SIDE);
  const positions = new DataView(bytes.buffer, bytes.byteOffset, 4 * count);
  return Array.from({ length: count }, (_, i) => {
    const first = 4 * count + SIDE * SIDE * i;
    return { position: positions.getInt32(4 * i, true), image: bytes.subarray(first, first + SIDE * SIDE) };
  });
}

/**
 * Make a function that finds an image of a digit: { position, image }, null while it is asked for, and undefined if it
 * cannot be loaded. Once it is there, or is not, `redraw` is called.
 */
export function createDigits(model) {
  const blocks = new Map(); // by name; null while it is asked for, empty if it cannot be loaded
  return (digit, number, redraw) => {
    const name = `${digit}-${Math.floor(number / BLOCK)}`;
    if (!blocks.has(name)) {
      blocks.set(name, null);
      ask(model, name).then((buffer) => {
        blocks.set(name, unpackBlock(buffer));
        redraw();
      }, () => {
        blocks.set(name, []);
        redraw();
        blocks.delete(name); // the next choice asks again
      });
    }
    const block = blocks.get(name);
    return block && block[number % BLOCK];
  };
}
