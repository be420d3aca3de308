// A training from start to end: which digits each step takes, and when the loss and the accuracy are measured.

import { randomNumbers } from "./random.js";
import { createTraining, startWeights } from "./training.js";

export const [COUNT, VALIDATION] = [6000, 1000]; // digits: all, and the last of them, which no step takes
const MEASURED = 1000; // training digits, the first
const SEEDS = 1000; // more than there are epochs, so that each epoch of each seed has numbers of its own

/**
 * Begin a training.
 *
 * @param digits as `unpackDigits` gives them: those to train on, then the validation digits
 * @param settings the widget's traits
 * @returns the training, its history, and `go`, which makes steps
 */
export function createRun(digits, settings) {
  const { hidden, images, batch_size: batch, rate, momentum, seed, activation } = settings;
  const training = createTraining(digits, startWeights(settings), activation, batch);
  const perEpoch = Math.ceil(images / batch);
  const history = { steps: [], loss: [], accuracy: [], val_loss: [], val_accuracy: [] };
  let [steps, milliseconds, trained, next] = [0, 0, 0, 0];
  let order = [];

  function step() {
    const begin = performance.now();
    const [epoch, place] = [Math.floor(steps / perEpoch), steps % perEpoch];
    if (place === 0) order = shuffled(images, seed * SEEDS + epoch);
    const chosen = order.slice(place * batch, (place + 1) * batch);
    training.step(chosen, rate, momentum);
    steps++;
    trained += chosen.length;
    milliseconds += performance.now() - begin;
  }

  function measure() {
    const seen = training.evaluate(0, Math.min(images, MEASURED));
    const unseen = training.evaluate(digits.count - VALIDATION, digits.count);
    history.steps.push(steps);
    history.loss.push(seen.loss);
    history.accuracy.push(seen.accuracy);
    history.val_loss.push(unseen.loss);
    history.val_accuracy.push(unseen.accuracy);
    // Often at first, and at least at the end of each epoch
    next = Math.min(
      Math.max(steps + 1, Math.ceil(steps * 1.2)),
      (Math.floor(steps / perEpoch) + 1) * perEpoch,
    );
  }

  measure();
  return {
    training,
    history,
    hidden,
    perEpoch,
    /** Make steps, until so many are made in all, or the loss is no number, or the time is up. */
    go(goal, until = Infinity) {
      while (steps < goal && performance.now() < until && this.isFinite()) {
        step();
        if (steps >= next || steps === goal) measure();
      }
    },
    /** Stop here: measure, if the last step has not been measured. */
    stop() {
      if (history.steps.at(-1) !== steps) measure();
    },
    isFinite: () => Number.isFinite(history.loss.at(-1)),
    steps: () => steps,
    /** Whether all units of the first hidden layer have the same weights. */
    hasEqualUnits() {
      const { weights, biases } = training.weights(1)[0];
      return hidden.length > 0 &&
        weights.every((value, i) => value === weights[i - i % biases.length]);
    },
    speed: () => (milliseconds ? 1000 * trained / milliseconds : 0), // digits a second, measuring left out
  };
}

function shuffled(count, seed) {
  const numbers = randomNumbers(seed, count);
  return Uint16Array.from(numbers, (_, i) => i).sort((i, j) => numbers[i] - numbers[j]);
}
