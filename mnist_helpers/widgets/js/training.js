// Train a network of dense layers in the page: gradient descent on the mean cross-entropy of a batch.
//
// Nearly all of it is `addRows`. Forward, the sums that enter a layer are rows of its weights, each times an input.
// Backward, the slopes at its inputs are rows of the weights turned around, each times a slope at its sums; and what
// a row of weights changes by is rows of those slopes, each times an input. Zeros are left out: most pixels are paper.

import { createMemory, strideOf } from "./add_rows.js";
import { randomNumbers } from "./random.js";

const [PIXELS, CLASSES] = [784, 10];
const TOO_LARGE = 10; // times He's start

// What a layer makes of a sum, and the slope of that, by what it made
const ACTIVATIONS = {
  relu: { of: (sum) => (sum < 0 ? 0 : sum), slope: (value) => (value > 0 ? 1 : 0) },
  tanh: { of: Math.tanh, slope: (value) => 1 - value * value },
  sigmoid: { of: (sum) => 1 / (1 + Math.exp(-sum)), slope: (value) => value * (1 - value) },
  linear: { of: (sum) => sum, slope: () => 1 },
};

/**
 * Read digits as `packed_digits` in mnist_helpers/widgets/network_trainer.py writes them.
 *
 * @returns { count, labels, starts, pixels, inks }: the pixels of image i that have ink, and how much, from 0 to 1,
 *   are those from starts[i] to starts[i + 1].
 */
export function unpackDigits(bytes, count) {
  const labels = bytes.slice(0, count);
  const bits = bytes.subarray(count, count + count * PIXELS / 8);
  const inks = Float32Array.from(bytes.subarray(count + count * PIXELS / 8), (ink) => ink / 255);
  const [starts, pixels] = [new Int32Array(count + 1), new Int32Array(inks.length)];
  let used = 0;
  for (let image = 0, bit = 0; image < count; image++) {
    for (let pixel = 0; pixel < PIXELS; pixel++, bit++) {
      if (bits[bit >> 3] & (128 >> (bit & 7))) pixels[used++] = pixel;
    }
    starts[image + 1] = used;
  }
  return { count, labels, starts, pixels, inks };
}

/** The weights that a network starts with: of each layer, its rows of weights, one an input, and its biases. */
export function startWeights({ hidden, start, seed }) {
  const sizes = [PIXELS, ...hidden, CLASSES];
  const shapes = sizes.slice(1).map((units, i) => [sizes[i], units]);
  const total = shapes.reduce((sum, [inputs, units]) => sum + inputs * units, 0);
  const random = start === "zeros" ? new Float64Array(total).fill(0.5) : randomNumbers(seed, total);
  let used = 0;
  return shapes.map(([inputs, units]) => {
    const limit = Math.sqrt(6 / inputs) * (start === "too large" ? TOO_LARGE : 1); // uniform, of He's variance
    const values = random.subarray(used, used += inputs * units);
    return {
      weights: Float32Array.from(values, (value) => limit * (2 * value - 1)),
      biases: new Float32Array(units),
    };
  });
}

/**
 * Make a network that learns.
 *
 * @param digits as `unpackDigits` gives them
 * @param start as `startWeights` gives it
 * @param most how many images a batch may have
 */
export function createTraining(digits, start, activation, most) {
  const { of, slope } = ACTIVATIONS[activation];
  const sizes = [PIXELS, ...start.map(({ biases }) => biases.length)];
  const { matrix, list, addRows } = createMemory(roomFor(digits, sizes, most));

  // The digits, and room for one more: a drawing
  const images = list(digits.inks.length + PIXELS);
  images.items.set(digits.pixels);
  images.factors.set(digits.inks);
  const starts = Int32Array.of(...digits.starts, 0);
  const layers = start.map(({ weights, biases }, i) => {
    const [inputs, units] = [sizes[i], sizes[i + 1]];
    const kernel = matrix(inputs + 1, units); // the last row: the biases
    for (let row = 0; row < inputs; row++) {
      kernel.values.set(weights.subarray(row * units, (row + 1) * units), row * kernel.stride);
    }
    kernel.values.set(biases, inputs * kernel.stride);
    return {
      kernel,
      turned: matrix(units, inputs),
      outputs: matrix(most, units),
      slopes: matrix(most, units),
      changes: matrix(inputs + 1, units), // of the weights, in the step before
    };
  });
  const last = layers.at(-1);
  const chosen = list(Math.max(most, ...sizes));
  const inBatch = list(most);
  inBatch.items.forEach((_, row) => (inBatch.items[row] = row));
  const byPixel = list(most * PIXELS);
  const ends = new Int32Array(PIXELS);

  /** List `count` values that stand `step` apart, unless they are zero, times a factor. */
  function choose(values, at, step, count, factor) {
    let used = 0;
    for (let i = 0; i < count; i++, at += step) {
      if (values[at] === 0) continue;
      chosen.items[used] = i;
      chosen.factors[used++] = factor * values[at];
    }
    return used;
  }

  /** Compute row `row` of all outputs, for an image. Returns its cross-entropy. */
  function forward(image, row) {
    for (let i = 0; i < layers.length; i++) {
      const { kernel, outputs } = layers[i];
      const { values, stride, columns } = outputs;
      const at = row * stride;
      const biases = (kernel.rows - 1) * stride;
      for (let u = 0; u < columns; u++) values[at + u] = kernel.values[biases + u];
      if (i === 0) addRows(outputs, row, kernel, images, starts[image], starts[image + 1]);
      else {
        const { values, stride, columns } = layers[i - 1].outputs;
        addRows(outputs, row, kernel, chosen, 0, choose(values, row * stride, 1, columns, 1));
      }
      if (outputs === last.outputs) return softmax(values, at, digits.labels[image]);
      for (let u = 0; u < columns; u++) values[at + u] = of(values[at + u]);
    }
  }

  /** The slopes of the loss at the sums that enter each layer, for all rows. */
  function backward(batch) {
    for (let row = 0; row < batch.length; row++) {
      const at = row * last.slopes.stride;
      for (let c = 0; c < CLASSES; c++) last.slopes.values[at + c] = last.outputs.values[at + c];
      last.slopes.values[at + digits.labels[batch[row]]] -= 1;
    }
    for (let i = layers.length - 1; i > 0; i--) {
      const { kernel, turned, slopes } = layers[i];
      const { outputs: { values }, slopes: before } = layers[i - 1];
      for (let input = 0; input < before.columns; input++) {
        for (let u = 0; u < slopes.columns; u++) {
          turned.values[u * turned.stride + input] = kernel.values[input * kernel.stride + u];
        }
      }
      before.values.fill(0, 0, batch.length * before.stride);
      for (let row = 0; row < batch.length; row++) {
        const used = choose(slopes.values, row * slopes.stride, 1, slopes.columns, 1);
        addRows(before, row, turned, chosen, 0, used);
        const at = row * before.stride;
        for (let u = 0; u < before.columns; u++) before.values[at + u] *= slope(values[at + u]);
      }
    }
  }

  /** Change the weights by `factor` times the slope of the loss at each; with momentum, by the change before, too. */
  function update(batch, factor, momentum) {
    inBatch.factors.fill(factor);
    sortByPixel(batch, factor);
    for (let i = 0; i < layers.length; i++) {
      const { kernel, changes, slopes } = layers[i];
      const target = momentum ? changes : kernel;
      if (momentum) addTo(changes, changes, momentum - 1);
      addRows(target, kernel.rows - 1, slopes, inBatch, 0, batch.length);
      for (let input = 0; input < kernel.rows - 1; input++) {
        if (i === 0) addRows(target, input, slopes, byPixel, ends[input - 1] ?? 0, ends[input]);
        else {
          const { values, stride } = layers[i - 1].outputs;
          addRows(target, input, slopes, chosen, 0, choose(values, input, stride, batch.length, factor));
        }
      }
      if (momentum) addTo(kernel, changes, 1);
    }
  }

  function addTo(target, source, factor) {
    chosen.items[0] = 0;
    chosen.factors[0] = factor;
    const whole = ({ at, values }) => ({ at, stride: values.length });
    addRows(whole(target), 0, whole(source), chosen, 0, 1);
  }

  /** List the ink of a batch pixel by pixel: where it ends of each, and in which rows of the batch it is. */
  function sortByPixel(batch, factor) {
    ends.fill(0);
    for (let row = 0; row < batch.length; row++) {
      for (let k = starts[batch[row]]; k < starts[batch[row] + 1]; k++) ends[images.items[k]]++;
    }
    for (let pixel = 0, sum = 0; pixel < PIXELS; pixel++) {
      const count = ends[pixel];
      ends[pixel] = sum; // for now, where it begins
      sum += count;
    }
    for (let row = 0; row < batch.length; row++) {
      for (let k = starts[batch[row]]; k < starts[batch[row] + 1]; k++) {
        const place = ends[images.items[k]]++;
        byPixel.items[place] = row;
        byPixel.factors[place] = factor * images.factors[k];
      }
    }
  }

  const isRight = (image, row) => {
    const at = row * last.outputs.stride;
    const probabilities = last.outputs.values.subarray(at, at + CLASSES);
    return probabilities.indexOf(Math.max(...probabilities)) === digits.labels[image];
  };

  return {
    /** One step of gradient descent on some images, by their numbers. Returns { loss, right }, summed, before it. */
    step(batch, rate, momentum = 0) {
      let [loss, right] = [0, 0];
      for (let row = 0; row < batch.length; row++) {
        loss += forward(batch[row], row);
        right += isRight(batch[row], row);
      }
      backward(batch);
      update(batch, -rate / batch.length, momentum);
      return { loss, right };
    },
    /** The mean loss on the images from … to, and the share that is read correctly. */
    evaluate(from, to) {
      let [loss, right] = [0, 0];
      for (let image = from; image < to; image++) {
        loss += forward(image, 0);
        right += isRight(image, 0);
      }
      return { loss: loss / (to - from), accuracy: right / (to - from) };
    },
    /** One of the digits, as 784 numbers. */
    image(number) {
      const pixels = new Float32Array(PIXELS);
      for (let k = starts[number]; k < starts[number + 1]; k++) pixels[images.items[k]] = images.factors[k];
      return pixels;
    },
    /** The probabilities for one of the digits. */
    readDigit(image) {
      forward(image, 0);
      return last.outputs.values.slice(0, CLASSES);
    },
    /** The probabilities for an image of 784 numbers. */
    readImage(image) {
      let used = starts[digits.count];
      image.forEach((ink, pixel) => {
        if (ink === 0) return;
        images.items[used] = pixel;
        images.factors[used++] = ink;
      });
      starts[digits.count + 1] = used;
      return this.readDigit(digits.count);
    },
    /** The weights, as `startWeights` gives them; of the first layer alone, if asked. */
    weights(count = layers.length) {
      return layers.slice(0, count).map(({ kernel: { values, rows, columns, stride } }) => {
        const weights = new Float32Array((rows - 1) * columns);
        for (let row = 0; row < rows - 1; row++) {
          weights.set(values.subarray(row * stride, row * stride + columns), row * columns);
        }
        return { weights, biases: values.slice((rows - 1) * stride, (rows - 1) * stride + columns) };
      });
    },
  };
}

/** Turn the sums of the last layer into probabilities, in place. Returns the cross-entropy with a label. */
function softmax(values, at, label) {
  let [largest, total] = [-Infinity, 0];
  for (let c = at; c < at + CLASSES; c++) largest = Math.max(largest, values[c]);
  const loss = largest - values[at + label];
  for (let c = at; c < at + CLASSES; c++) total += values[c] = Math.exp(values[c] - largest);
  for (let c = at; c < at + CLASSES; c++) values[c] /= total;
  return loss + Math.log(total);
}

/** How many numbers `createTraining` keeps in its memory. */
function roomFor({ inks }, sizes, most) {
  const lists = [inks.length + PIXELS, Math.max(most, ...sizes), most, most * PIXELS];
  const matrices = sizes.slice(1).flatMap((units, i) => {
    return [[sizes[i] + 1, units], [units, sizes[i]], [most, units], [most, units], [sizes[i] + 1, units]];
  });
  return lists.reduce((sum, most) => sum + 2 * strideOf(most), 0) +
    matrices.reduce((sum, [rows, columns]) => sum + rows * strideOf(columns), 0);
}
