// See measure_page_training.py. The digits come from standard input, as the page gets them.

// deno-lint-ignore-file no-import-prefix -- nothing else in the project needs these libraries
import convnetjs from "npm:convnetjs@0.3.0";
import * as tf from "npm:@tensorflow/tfjs@4.22.0";
import "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import { createTraining, startWeights, unpackDigits } from "../mnist_helpers/widgets/js/training.js";

const [BATCH, RATE, ROUNDS, COUNT] = [32, 0.1, 7, 5000];
const BATCHES = Array.from({ length: Math.floor(COUNT / BATCH) }, (_, i) => {
  return Array.from({ length: BATCH }, (_, k) => i * BATCH + k);
});
const digits = unpackDigits(new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()), 6000);

/** A pass over the batches with this widget's code: a function that returns the mean loss. */
function ours(start) {
  const training = createTraining(digits, start, "relu", BATCH);
  return () => BATCHES.reduce((sum, batch) => sum + training.step(batch, RATE).loss / BATCH, 0);
}

function withConvNetJS([hidden, output]) {
  const units = hidden.biases.length;
  const net = new convnetjs.Net();
  net.makeLayers([
    { type: "input", out_sx: 1, out_sy: 1, out_depth: 784 },
    { type: "fc", num_neurons: units, activation: "relu" },
    { type: "softmax", num_classes: 10 },
  ]);
  const dense = net.layers.filter(({ layer_type }) => layer_type === "fc");
  [hidden, output].forEach(({ weights, biases }, i) =>
    dense[i].filters.forEach(({ w }, unit) => {
      for (let k = 0; k < w.length; k++) w[k] = weights[k * biases.length + unit];
      dense[i].biases.w[unit] = 0;
    })
  );
  const options = { method: "sgd", learning_rate: RATE, momentum: 0, batch_size: BATCH, l2_decay: 0 };
  const trainer = new convnetjs.Trainer(net, options);
  const examples = BATCHES.flat().map((image) => {
    const volume = new convnetjs.Vol(1, 1, 784, 0);
    volume.w.set(pixelsOf(image));
    return { volume, label: digits.labels[image] };
  });
  return () =>
    examples.reduce((sum, { volume, label }) => sum + trainer.train(volume, label).cost_loss / BATCH, 0);
}

function withTensorFlow(backend) {
  return async ([hidden, output]) => {
    await tf.setBackend(backend);
    const units = hidden.biases.length;
    const variables = [
      tf.variable(tf.tensor2d(hidden.weights, [784, units])),
      tf.variable(tf.zeros([units])),
      tf.variable(tf.tensor2d(output.weights, [units, 10])),
      tf.variable(tf.zeros([10])),
    ];
    const optimizer = tf.train.sgd(RATE);
    const batches = BATCHES.map((batch) => ({
      x: tf.tensor2d(batch.flatMap((image) => Array.from(pixelsOf(image))), [BATCH, 784]),
      y: tf.tidy(() =>
        tf.oneHot(tf.tensor1d(batch.map((image) => digits.labels[image]), "int32"), 10).toFloat()
      ),
    }));
    const [w1, b1, w2, b2] = variables;
    return () => {
      tf.setBackend(backend);
      const losses = batches.map(({ x, y }) =>
        optimizer.minimize(
          () => tf.losses.softmaxCrossEntropy(y, x.matMul(w1).add(b1).relu().matMul(w2).add(b2)),
          true,
          variables,
        )
      );
      return tf.tidy(() => losses.reduce((sum, loss) => sum + loss.dataSync()[0], 0));
    };
  };
}

function pixelsOf(image) {
  const pixels = new Float32Array(784);
  for (let k = digits.starts[image]; k < digits.starts[image + 1]; k++) {
    pixels[digits.pixels[k]] = digits.inks[k];
  }
  return pixels;
}

const CONTESTANTS = {
  "this widget": ours,
  "ConvNetJS 0.3": withConvNetJS,
  "TensorFlow.js 4.22, wasm": withTensorFlow("wasm"),
  "TensorFlow.js 4.22, cpu": withTensorFlow("cpu"),
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

for (const units of [32, 128]) {
  const start = startWeights({ hidden: [units], start: "He", seed: 0 });
  const passes = {};
  for (const [name, make] of Object.entries(CONTESTANTS)) passes[name] = await make(start);
  const [speeds, losses] = [{}, {}];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, pass] of Object.entries(passes)) {
      const begin = performance.now();
      losses[name] = pass() / BATCHES.length;
      const speed = 1000 * BATCH * BATCHES.length / (performance.now() - begin);
      if (round > 0) (speeds[name] ??= []).push(speed); // the first is for the compiler
    }
  }
  console.log(
    `\n784-${units}-10, ReLU, batches of ${BATCH}: digits a second, median of ${ROUNDS - 1} passes`,
  );
  for (const [name, values] of Object.entries(speeds)) {
    const ratio = median(values.map((speed, i) => speeds["this widget"][i] / speed));
    console.log(
      `${name.padEnd(26)}${Math.round(median(values)).toLocaleString("en").padStart(9)}` +
        `${ratio.toFixed(1).padStart(8)}   last loss ${losses[name].toFixed(4)}`,
    );
  }
}
