// A worker that trains, so that the page stays responsive. It carries out orders and reports what came of them.

import { unpackDigits } from "./training.js";
import { COUNT, createRun, VALIDATION } from "./training_run.js";

const SLICE = 80; // milliseconds of training between two reports
const MOST_SHOWN = 24; // units of the first layer
let [digits, run, goal, timer, order] = [null, null, 0, 0, 0];
const toRead = { digit: 0, drawing: new Float32Array(784) };

const ORDERS = {
  /** The digits, as Python packs them. */
  digits(bytes) {
    digits = unpackDigits(bytes, COUNT);
  },
  /** A new network, by the widget's settings. */
  start(settings) {
    run = createRun(digits, settings);
    goal = 0;
  },
  /** So many epochs of training; 0 stops it. */
  train(epochs) {
    goal = run.steps() + epochs * run.perEpoch;
    if (!epochs) run.stop();
    clearTimeout(timer);
    timer = setTimeout(work);
  },
  step() {
    goal = run.steps() + 1;
    run.go(goal);
  },
  /** { digit }, the number of a validation digit, or { drawing }, 784 numbers, or both. */
  read(what) {
    Object.assign(toRead, what);
  },
};

globalThis.onmessage = ({ data: { number, ...orders } }) => {
  order = number;
  for (const [name, details] of Object.entries(orders)) ORDERS[name](details);
  report();
};

function work() {
  if (!isRunning()) return;
  run.go(goal, performance.now() + SLICE);
  report();
  timer = setTimeout(work);
}

const isRunning = () => run.steps() < goal && run.isFinite();

function report() {
  const { training, history, perEpoch } = run;
  const digit = digits.count - VALIDATION + toRead.digit;
  const { weights, biases: { length: units } } = training.weights(1)[0];
  postMessage({
    order, // the last that was carried out
    isRunning: isRunning(),
    steps: run.steps(),
    perEpoch,
    hidden: run.hidden,
    goal,
    speed: run.speed(),
    history,
    hasEqualUnits: run.hasEqualUnits(),
    weights: columns(weights, units, Math.min(units, MOST_SHOWN)),
    digit: {
      number: toRead.digit,
      image: training.image(digit),
      label: digits.labels[digit],
      probabilities: training.readDigit(digit),
    },
    drawing: training.readImage(toRead.drawing),
  });
}

/** The first columns of a matrix, one after the other. */
function columns(values, width, count) {
  const rows = values.length / width;
  return Float32Array.from(
    { length: count * rows },
    (_, i) => values[(i % rows) * width + Math.floor(i / rows)],
  );
}
