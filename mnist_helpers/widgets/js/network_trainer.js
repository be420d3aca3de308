// The network trainer: a network that learns in the page, in a worker.
//
// Its settings are in the model's traits, as in mnist_helpers/widgets/network_trainer.py. The network itself, and
// all that is measured of it, is in the worker; a view shows its last report.

import { bytesOf } from "./bytes.js";
import { createChart } from "./charts.js";
import { signedColor } from "./color.js";
import { choiceControl, CONTROL_STYLE, getTraits, numberControl, say, setTraits } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
import { emptyPad, prepare, SIDE } from "./image.js";
import { boxControl, createDrawing, createSheet, makeTable, PAD_STYLE, paintPart } from "./pad.js";

const COUNT = 6000; // digits, of which the last 1,000 are for validation
const SETTINGS_OF_RUN = ["hidden", "activation", "rate", "batch_size", "momentum", "images", "start", "seed"];
const UNITS = [4, 8, 16, 32, 64, 128];
const [MOST_LAYERS, MOST_SHOWN, SHOWN_ACROSS] = [3, 24, 8];
const PREPARED = { crop: true, fit: true, center: true };
const GUESSING = Math.log(10); // the loss of ten equal probabilities
const PAUSE = 300;
const inText = (number) => number.toLocaleString("en", { maximumFractionDigits: 4 });

/** trait, label, the values to choose from, a value as text */
export const CHOICES = [
  [
    "activation",
    "activation",
    ["relu", "tanh", "sigmoid", "linear"],
    (name) => (name === "relu" ? "ReLU" : name),
  ],
  ["start", "start", ["He", "zeros", "too large"], String],
  ["rate", "rate", [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10], inText],
  ["batch_size", "batch size", [1, 8, 32, 128, 500], inText],
  ["momentum", "momentum", [0, 0.5, 0.9, 0.99], inText],
  ["images", "training digits", [100, 200, 500, 1000, 2000, 5000], inText],
  ["epochs", "epochs", [1, 5, 30, 100], inText],
];

/** The widget's sentence on a report. */
export function describe(report) {
  if (!report) return "Not trained yet. Press Train: the digits are loaded then, about 1.2 MB.";
  const { steps, perEpoch, history, hasEqualUnits } = report;
  const [loss, first] = [history.loss.at(-1), history.loss[0]];
  const share = (accuracy) => `${(100 * accuracy).toFixed(1)} %`;
  const [seen, unseen] = [history.accuracy.at(-1), history.val_accuracy.at(-1)];
  const reads = `It reads ${share(unseen)} of the validation digits`;
  if (steps === 0) return `Not trained yet. ${reads}; guessing gets about 10 %.`;
  const after = `After step ${inText(steps)}, epoch ${inText(Math.floor(steps / perEpoch))}: `;
  if (!Number.isFinite(loss)) {
    return `${after}the loss is no number anymore. It has grown beyond what the computer can hold: the steps are ` +
      "too large. Choose a smaller rate.";
  }
  if (hasEqualUnits && loss > GUESSING - 0.3) {
    return `${after}the loss is ${loss.toFixed(2)}, as if guessing (${
      GUESSING.toFixed(2)
    }). The network does not ` +
      "learn: all units of its first layer have the same weights, and every step changes them alike.";
  }
  const least = Math.min(...history.loss);
  if (loss > 1.05 * first || (loss > 1.5 * least && loss > least + 1)) {
    return `${after}the loss has risen from ${least.toFixed(2)} to ${
      loss.toFixed(2)
    }. The steps are too large: ` +
      "choose a smaller rate.";
  }
  if (steps >= 100 && Math.abs(loss - GUESSING) < 0.1 && unseen < 0.2) {
    return `${after}the loss is ${loss.toFixed(2)}, as if guessing (${
      GUESSING.toFixed(2)
    }). The network has ` +
      "learned nothing so far.";
  }
  return `${after}${reads}, and ${share(seen)} of the training digits.`;
}

/** The worker behind a model, shared by its views. It is started once it is needed. */
function createTrainer(model) {
  let [worker, started, sent] = [null, null, 0];
  const listeners = new Set();
  const settings = () => getTraits(model, SETTINGS_OF_RUN);
  const tell = () => listeners.forEach((listener) => listener());
  const trainer = {
    report: null,
    trouble: "",
    listeners,
    /** Give orders to the worker, as in training_worker.js. */
    async order(orders) {
      started ??= start();
      tell();
      try {
        await started;
      } catch (error) {
        started = null;
        trainer.trouble = error.message;
        setTraits(model, { running: false });
        return tell();
      }
      worker.postMessage({ number: ++sent, ...orders });
    },
    isLoading: () => started && !trainer.report && !trainer.trouble,
    stop() {
      model.off("change:running", onrunning);
      for (const name of SETTINGS_OF_RUN) model.off(`change:${name}`, onsettings);
      worker?.terminate();
    },
  };

  async function start() {
    trainer.trouble = "";
    const [source, digits] = await Promise.all([ask(model, "worker"), ask(model, "digits")]);
    const address = URL.createObjectURL(new Blob([bytesOf(source)], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = ({ data }) => {
      trainer.report = data;
      if (!data.isRunning && data.order === sent) {
        setTraits(model, { running: false, history: data.history });
      }
      tell();
    };
    worker.onerror = ({ message }) => {
      trainer.trouble = message;
      tell();
    };
    worker.postMessage({
      number: ++sent,
      digits: { bytes: bytesOf(digits), count: COUNT },
      start: settings(),
    });
  }

  let waiting = 0;
  const onsettings = () => {
    // Several may change at once
    if (!started || waiting) return;
    waiting = setTimeout(() => {
      waiting = 0;
      trainer.order({ start: settings(), ...(model.get("running") && { train: model.get("epochs") }) });
    });
  };
  const onrunning = () => {
    if (model.get("running")) trainer.order({ train: model.get("epochs") });
    else if (trainer.report?.isRunning) trainer.order({ train: 0 });
  };
  model.on("change:running", onrunning);
  for (const name of SETTINGS_OF_RUN) model.on(`change:${name}`, onsettings);
  return trainer;
}

/** Ask for the bytes that a widget has `on_demand`, by name. */
function ask(model, name) {
  return new Promise((resolve, reject) => {
    const listen = ({ wanted }, [bytes]) => {
      if (wanted !== name) return;
      model.off("msg:custom", listen);
      if (bytes) resolve(bytes);
      else reject(new Error(`The ${name} cannot be loaded.`));
    };
    model.on("msg:custom", listen);
    model.send({ wanted: name });
  });
}

function render({ model, el }, trainer) {
  const set = (changes) => setTraits(model, changes);
  const controls = CHOICES.map(([trait, label, values, text]) => {
    return [trait, choiceControl(label, values, (value) => set({ [trait]: value }), text)];
  });
  controls.push(["seed", numberControl("seed", 999, (seed) => set({ seed }))]);
  const layers = Array.from(
    { length: MOST_LAYERS },
    (_, i) =>
      choiceControl(i ? `then` : "hidden layers", [0, ...UNITS], (units) => {
        const hidden = model.get("hidden").slice();
        if (units) hidden[i] = units;
        else hidden.splice(i);
        set({ hidden });
      }, (units) => units ? `${units} units` : "none"),
  );

  let [frame, timer] = [0, 0];
  const refresh = () => {
    frame ||= requestAnimationFrame(draw);
  };
  const training = button("Train", () => set({ running: !model.get("running") }));
  const stepping = button("Step", () => {
    if (model.get("running")) set({ running: false });
    trainer.order({ step: true });
  });
  const again = button("Reset", () => {
    set({ running: false });
    trainer.order({ start: getTraits(model, SETTINGS_OF_RUN) });
  });
  const said = make("p", { className: "says", role: "status" });
  const now = make("p", { className: "now" });
  const losses = createChart("loss", (value) => value.toFixed(1));
  const accuracies = createChart("accuracy", (value) => `${Math.round(100 * value)} %`);
  const weights = make("canvas", { role: "img", className: "weights" });
  const pictured = make("figcaption");

  const drawing = createDrawing(model, () => {
    refresh();
    readDrawing();
  });
  const readDrawing = () => {
    const { input } = prepare(drawing.ink, PREPARED);
    trainer.order({ read: { drawing: input } });
  };
  const sheet = createSheet(model, drawing, refresh);
  const eraser = boxControl("eraser", (erase) => set({ erase }));
  const digit = numberControl("validation digit", 999, (number) => {
    set({ digit: number });
    trainer.order({ read: { digit: number } });
  });
  const shown = make("canvas", { role: "img", className: "digit" });
  const table = make("table");

  function draw() {
    frame = 0;
    const { report } = trainer;
    const running = model.get("running");
    for (const [trait, control] of controls) control.show(model.get(trait));
    const hidden = model.get("hidden");
    layers.forEach(({ element, show }, i) => {
      show(hidden[i] ?? 0);
      element.lastChild.disabled = i > hidden.length;
    });
    training.textContent = running ? "Pause" : "Train";
    sheet.paint(prepare(drawing.ink, PREPARED).drawing);
    eraser.show(model.get("erase"));
    digit.show(model.get("digit"));
    const words = trainer.trouble ||
      (trainer.isLoading() ? "The digits are being loaded." : describe(report));
    if (!running || !report) say(said, words);
    else say(said, report.steps ? said.textContent : "Training.");
    showReport(report);
    clearTimeout(timer);
    timer = setTimeout(drawing.send, PAUSE);
  }

  function showReport(report) {
    const history = report?.history ?? { steps: [], loss: [], val_loss: [], accuracy: [], val_accuracy: [] };
    const last = Math.max(report?.goal ?? 0, report?.steps ?? 0, 100);
    now.textContent = report
      ? `step ${inText(report.steps)}, epoch ${inText(Math.floor(report.steps / report.perEpoch))}; ` +
        `${inText(Math.round(report.speed / 100) * 100)} digits a second`
      : "\u00a0";
    const top = Math.min(Math.max(2.5, ...history.loss.filter(Number.isFinite)), 10);
    losses.show(history.steps, [history.loss, history.val_loss], last, [0, top], "loss");
    accuracies.show(history.steps, [history.accuracy, history.val_accuracy], last, [0, 1], "accuracy");
    if (!report) return;
    paintWeights(weights, report.weights);
    paintPart(shown, { pixels: report.digit.image, rows: SIDE, columns: SIDE }, SIDE);
    const answer = (name, probabilities) => {
      const largest = Math.max(...probabilities);
      return { name, probabilities, largest, digit: probabilities.indexOf(largest) };
    };
    const answers = [answer("the digit", report.digit.probabilities)];
    if (report.drawing) answers.push(answer("your drawing", report.drawing));
    table.replaceChildren(...makeTable("What the network reads", answers));
  }

  const inRow = (...children) => make("div", { className: "row" }, ...children);
  const root = rootElement(
    "network-trainer",
    CONTROL_STYLE + PAD_STYLE + STYLE,
    inRow(...layers.map(({ element }) => element), ...controls.map(([, { element }]) => element)),
    inRow(training, stepping, again),
    said,
    now,
    inRow(losses.element, accuracies.element),
    make("figure", {}, pictured, weights),
    make(
      "div",
      { className: "row parts" },
      make(
        "div",
        { className: "pad" },
        sheet.element,
        inRow(
          eraser.element,
          button("Undo", drawing.undo),
          button("Clear", () => drawing.replace(emptyPad())),
        ),
      ),
      make("div", {}, digit.element, shown),
      make("div", { className: "answers" }, table),
    ),
  );
  const update = () => {
    drawing.receive();
    refresh();
  };
  el.append(root);
  model.on("change", update);
  trainer.listeners.add(refresh);
  refresh();
  return () => {
    model.off("change", update);
    trainer.listeners.delete(refresh);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    root.remove();
  };
}

const SHADES = Uint32Array.from({ length: 256 }, (_, i) => {
  const [red, green, blue] = signedColor((i - 127.5) / 127.5);
  return 0xff000000 | (blue << 16) | (green << 8) | red;
});

/** Paint the weights of each unit as an image, all on one scale. */
function paintWeights(canvas, weights) {
  const count = weights.length / SIDE ** 2;
  const [across, down] = [SHOWN_ACROSS, Math.ceil(MOST_SHOWN / SHOWN_ACROSS)];
  const width = across * (SIDE + 1) + 1;
  const height = down * (SIDE + 1) + 1;
  if (canvas.width !== width) [canvas.width, canvas.height] = [width, height];
  const most = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let unit = 0; unit < count; unit++) {
    const corner = (Math.floor(unit / across) * (SIDE + 1) + 1) * width + (unit % across) * (SIDE + 1) + 1;
    for (let i = 0; i < SIDE ** 2; i++) {
      const shade = Math.round(127.5 + 127.5 * weights[unit * SIDE ** 2 + i] / most);
      pixels[corner + Math.floor(i / SIDE) * width + i % SIDE] = SHADES[shade];
    }
  }
  context.putImageData(picture, 0, 0);
}

const STYLE = `
.network-trainer .says { min-height: 4.2em; }
.network-trainer .chart { flex: 1 1 300px; max-width: 460px; }
.network-trainer svg { display: block; width: 100%; }
.network-trainer .weights { width: 466px; max-width: 100%; image-rendering: pixelated; }
.network-trainer .pad { width: 280px; }
.network-trainer .digit { width: 112px; image-rendering: pixelated; border: 1px solid #767676; }
.network-trainer .answers { flex: 1 1 20rem; min-height: 300px; }
`;

/** One trainer for all views of a model */
export default () => {
  let trainer;
  return {
    initialize({ model }) {
      trainer = createTrainer(model);
      return trainer.stop;
    },
    render: (context) => render(context, trainer),
  };
};
