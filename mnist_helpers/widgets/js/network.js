// A trained network in the page: what network_description in mnist_helpers/widgets/network.py describes.
//
// Maps are stored as in Keras: row by row, with channels last. Each layer owns the array of its results.

import { bytesOf } from "./bytes.js";

const WAITING = "is being loaded";
const FAILED = "could not be loaded; your next change tries again";

/**
 * Make a network.
 *
 * @param description { input: shape, layers: [{ name, kind, … }] }
 * @param buffer the weights, layer by layer, in an ArrayBuffer or a view of one: little-endian float32, or if `packed`,
 *   as packed_weights in network.py packs them.
 */
export function createNetwork({ input, layers }, buffer, packed = false) {
  const bytes = bytesOf(buffer);
  let used = 0;
  const next = (count) => bytes.slice(used, used += count).buffer; // a copy: a view starts at a multiple of 4
  const take = (count, channels) => {
    if (!packed) return new Float32Array(next(4 * count));
    const scales = new Float32Array(next(4 * channels));
    const weights = Float32Array.from(new Int8Array(next(count)));
    for (let i = 0; i < count; i++) weights[i] *= scales[i % channels];
    return weights;
  };
  let shape = input;
  const built = layers.map((layer) => {
    const { name, kind, activation } = layer;
    const made = LAYERS[kind](layer, shape, take);
    const activate = ACTIVATIONS[activation ?? "linear"];
    shape = made.shape;
    const values = new Float32Array(sizeOf(shape));
    const run = (previous) => {
      made.compute(previous, values);
      activate(values);
      return values;
    };
    return { name, kind, shape, values, run };
  });
  if (used !== bytes.length) {
    throw new Error(`the network's weights are ${used} bytes, but its buffer holds ${bytes.length}`);
  }
  return { layers: built };
}

/**
 * The networks in a model's trait. A page without a kernel has only the names of their weights, and loads a network
 * when it is asked for.
 *
 * @return all, [{ name, description, network, state }], in which network is null until it is there; `ask(some, occasion)`
 *   asks for those of some that are not, and at another occasion for what could not be had; and `receive`, for what comes
 */
export function createNetworks(model, refresh) {
  const all = model.get("networks").map(({ name, description, weights }) => {
    const { sha256 } = weights;
    const network = sha256 ? null : createNetwork(description, weights);
    return { name, description, sha256, network, state: "", asked: null };
  });
  const ask = (some, occasion) => {
    for (const each of some) {
      if (each.network || each.state === WAITING || each.asked === occasion) continue;
      Object.assign(each, { state: WAITING, asked: occasion });
      model.send({ sha256: each.sha256 });
    }
  };
  const receive = ({ sha256 }, [bytes]) => {
    for (const each of all) {
      if (!sha256 || each.network || each.sha256 !== sha256) continue;
      if (bytes) each.network = createNetwork(each.description, bytes, true);
      else each.state = FAILED;
      refresh();
    }
  };
  return { all, ask, receive };
}

/** The outputs of all layers for an image, [{ name, kind, shape, values }]. The next call reuses the arrays. */
export function activations(network, image) {
  let values = image;
  for (const layer of network.layers) values = layer.run(values);
  return network.layers;
}

/** A network's probabilities for an image: a Float32Array of its own. */
export function predict(network, image) {
  return activations(network, image).at(-1).values.slice();
}

// One function a kind of layer. It takes the layer, the shape of its input and a function that hands out weights,
// and returns the shape of the output and how it is computed. Python leaves out Dropout, which does nothing in
// inference, and Flatten, which changes no order.
const LAYERS = {
  conv: ({ filters, size, padding, bias }, [rows, columns, channels], take) => {
    const kernel = take(size[0] * size[1] * channels * filters, filters);
    const start = bias ? take(filters, filters) : new Float32Array(filters);
    const sums = new Float32Array(filters);
    const tall = windows(rows, size[0], 1, padding);
    const wide = windows(columns, size[1], 1, padding);
    // The pixels of a window's row, with all their channels, are contiguous in both the input and the kernel, and
    // so are the filters in the innermost loop. Zeros are common (paper, and after ReLU) and are skipped.
    const compute = (input, maps) => {
      let out = 0;
      for (const down of tall) {
        for (const across of wide) {
          sums.set(start);
          for (let row = down.from; row < down.to; row++) {
            const end = (row * columns + across.to) * channels;
            let weight = ((row - down.first) * size[1] + across.from - across.first) * channels * filters;
            for (let i = (row * columns + across.from) * channels; i < end; i++, weight += filters) {
              const value = input[i];
              if (value === 0) continue;
              for (let f = 0; f < filters; f++) sums[f] += value * kernel[weight + f];
            }
          }
          maps.set(sums, out);
          out += filters;
        }
      }
    };
    return { shape: [tall.length, wide.length, filters], compute };
  },
  pool: ({ size, strides, padding }, [rows, columns, channels]) => {
    const tall = windows(rows, size[0], strides[0], padding);
    const wide = windows(columns, size[1], strides[1], padding);
    const compute = (input, maps) => {
      maps.fill(-Infinity);
      let out = 0;
      for (const down of tall) {
        for (const across of wide) {
          for (let row = down.from; row < down.to; row++) {
            for (let column = across.from; column < across.to; column++) {
              const pixel = (row * columns + column) * channels;
              for (let c = 0; c < channels; c++) {
                if (input[pixel + c] > maps[out + c]) maps[out + c] = input[pixel + c];
              }
            }
          }
          out += channels;
        }
      }
    };
    return { shape: [tall.length, wide.length, channels], compute };
  },
  // A convolution of 1×1 pixels, with a channel for each number
  dense: ({ units: filters, bias }, shape, take) => {
    const pixel = [1, 1, sizeOf(shape)];
    const { compute } = LAYERS.conv({ filters, size: [1, 1], padding: "valid", bias }, pixel, take);
    return { shape: [filters], compute };
  },
  normalize: ({ epsilon, scale, center }, shape, take) => {
    const channels = shape.at(-1);
    const each = () => take(channels, channels);
    const gamma = scale ? each() : new Float32Array(channels).fill(1);
    const beta = center ? each() : new Float32Array(channels);
    const [mean, variance] = [each(), each()];
    const slope = Array.from(gamma, (value, c) => value / Math.sqrt(variance[c] + epsilon));
    const normal = (value, i) => slope[i % channels] * (value - mean[i % channels]) + beta[i % channels];
    return { shape, compute: (input, maps) => maps.set(input.map(normal)) };
  },
  activate: (_, shape) => ({ shape, compute: (input, maps) => maps.set(input) }),
};

// Each works in place.
const ACTIVATIONS = {
  linear: () => {},
  relu: (values) => values.forEach((value, i) => (values[i] = Math.max(0, value))),
  softmax: (values) => {
    const largest = Math.max(...values); // subtracted, so that no exponential overflows
    const powers = values.map((value) => Math.exp(value - largest));
    const total = powers.reduce((sum, power) => sum + power);
    powers.forEach((power, i) => (values[i] = power / total));
  },
};

/** The windows along an axis: where each would start, and the part of it, from … to, that is not padding. */
function windows(length, size, stride, padding) {
  const same = padding === "same";
  const count = same ? Math.ceil(length / stride) : Math.floor((length - size) / stride) + 1;
  const outside = same ? Math.max((count - 1) * stride + size - length, 0) : 0;
  return Array.from({ length: count }, (_, i) => {
    const first = i * stride - Math.floor(outside / 2);
    return { first, from: Math.max(first, 0), to: Math.min(first + size, length) };
  });
}

function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}
