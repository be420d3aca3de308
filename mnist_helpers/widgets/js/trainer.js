// The worker that trains a model's network, for all views of the model. It starts once it is needed.

import { ask, bytesOf } from "./bytes.js";
import { getTraits, setTraits } from "./controls.js";

/** The traits that make another network, or another training: a change of one starts anew. */
export const STARTING_ANEW = [
  "hidden",
  "activation",
  "start",
  "rate",
  "batch_size",
  "momentum",
  "images",
  "seed",
];

/**
 * Make the trainer of a model.
 *
 * @returns { order, reset, report, before, trouble, isLoading, listeners, stop }: `order` gives the worker orders as
 *   in training_worker.js, and `report` is its last report; `before` is the history of the network before
 */
export function createTrainer(model) {
  let [worker, started, sent, waiting] = [null, null, 0, 0];
  const tell = () => trainer.listeners.forEach((listener) => listener());

  const trainer = {
    report: null,
    before: null,
    trouble: "",
    listeners: new Set(),
    isLoading: () => started !== null && trainer.report === null,
    async order(orders) {
      started ??= start();
      tell();
      try {
        await started;
        worker.postMessage({ number: ++sent, ...orders });
      } catch (error) {
        fail(error.message);
      }
    },
    /** Start anew, with an untrained network. */
    reset() {
      if (trainer.report?.steps) trainer.before = trainer.report.history;
      trainer.order({ start: getTraits(model, STARTING_ANEW) });
    },
    stop() {
      clearTimeout(waiting);
      model.off("change:running", onrunning);
      for (const name of STARTING_ANEW) model.off(`change:${name}`, onsetting);
      worker?.terminate();
    },
  };

  async function start() {
    trainer.trouble = "";
    const [source, digits] = await Promise.all(["worker", "digits"].map((name) => ask(model, name)));
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onerror = ({ message }) => fail(message);
    worker.onmessage = ({ data: report }) => {
      trainer.report = report;
      // A report that comes before the last order is carried out does not know of it.
      if (!report.isRunning && report.order === sent) conclude(report.history);
      tell();
    };
    worker.postMessage({ number: ++sent, digits: bytesOf(digits), start: getTraits(model, STARTING_ANEW) });
  }

  function conclude(history) {
    const changed = JSON.stringify(history) !== JSON.stringify(model.get("history"));
    setTraits(model, { running: false, ...(changed && { history }) });
  }

  function fail(message) {
    started = null;
    trainer.trouble = `The network cannot be trained here: ${message}.`;
    setTraits(model, { running: false });
    tell();
  }

  const onrunning = () => {
    if (model.get("running")) trainer.order({ train: model.get("epochs") });
    else if (started) trainer.order({ train: 0 });
  };
  const onsetting = () => {
    if (!started) return;
    clearTimeout(waiting); // several may change at once
    waiting = setTimeout(() => {
      trainer.reset();
      if (model.get("running")) onrunning();
    });
  };
  model.on("change:running", onrunning);
  for (const name of STARTING_ANEW) model.on(`change:${name}`, onsetting);
  if (model.get("running")) onrunning();
  return trainer;
}
