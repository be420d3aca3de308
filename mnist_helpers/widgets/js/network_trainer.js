// The network trainer: a network that learns in the page, digit by digit, while one watches.
//
// Its settings are in the model's traits, as in mnist_helpers/widgets/network_trainer.py. The network is in a worker;
// a view shows the worker's last report.

import { CHART_STYLE, createChart, createMeasured } from "./charts.js";
import { signedColor } from "./color.js";
import { choiceControl, CONTROL_STYLE, numberControl, say, setTraits } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
import { emptyPad, prepare, SIDE } from "./image.js";
import {
  boxControl,
  createAnswers,
  createDrawing,
  createSheet,
  inPercent,
  PAD_STYLE,
  paintPart,
  readingOf,
  section,
} from "./pad.js";
import { createTrainer } from "./trainer.js";

const inText = (number) => number.toLocaleString("en", { maximumFractionDigits: 4 });

/** trait, label, what to choose from, a value as text */
export const CHOICES = {
  network: [
    [
      "activation",
      "activation",
      ["relu", "tanh", "sigmoid", "linear"],
      (name) => name.replace("relu", "ReLU"),
    ],
    ["start", "start", ["He", "zeros", "too large"], String],
  ],
  training: [
    ["rate", "rate", [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10], inText],
    ["batch_size", "batch size", [1, 8, 32, 128, 500], inText],
    ["momentum", "momentum", [0, 0.5, 0.9, 0.99], inText],
    ["images", "training images", [100, 200, 500, 1000, 2000, 5000], inText],
    ["epochs", "epochs", [1, 5, 30, 100], inText],
  ],
};
const [MOST_LAYERS, UNITS, LAST_SEED, LAST_DIGIT] = [3, [4, 8, 16, 32, 64, 128], 999, 999];
const MOST_SHOWN = 24; // units of the first layer
const STEPS_OF_PREPARATION = { crop: true, fit: true, center: true };
const PAUSE = 300; // milliseconds without a change, after which a drawing is sent and its reading is announced
const NONE = { steps: [], loss: [], accuracy: [], val_loss: [], val_accuracy: [] };

/** What is wrong with a training, in a sentence; nothing if it learns. */
export function trouble({ steps, perEpoch, history, hasEqualUnits }) {
  const [first, ...since] = history.loss;
  const loss = history.loss.at(-1);
  const smaller = "the steps are too large. Choose a smaller rate.";
  if (!Number.isFinite(loss)) return `The loss is no number any more, so far has it grown: ${smaller}`;
  if (steps === 0) return "";
  if (hasEqualUnits) {
    const learns = loss > 0.95 * first ? "It does not learn" : "It hardly learns";
    return `${learns}: all neurons of the first layer are equal, and every step changes them alike.`;
  }
  if (loss > 1.05 * first) return `The loss is larger than before the training: ${smaller}`;
  if (loss > Math.min(...since) + 0.5) return `The loss has risen again: ${smaller}`;
  if (Math.max(...since) > 1.25 * first && history.val_accuracy.at(-1) < 0.5) {
    return `The loss has leaped up at times: ${smaller}`;
  }
  return steps >= perEpoch && loss > 0.9 * first ? "The loss has hardly fallen so far." : "";
}

/** What a report says, in words. */
export function describe(report) {
  const { steps, perEpoch, history } = report;
  const [loss, seen, unseen] = [history.loss, history.accuracy, history.val_accuracy].map((list) =>
    list.at(-1)
  );
  const reads = `it reads ${share(unseen)} of the validation images`;
  if (steps === 0) return `Not trained yet: ${reads}. Its loss is ${loss.toFixed(2)}; guessing has 2.30.`;
  const epoch = Math.floor(steps / perEpoch);
  return `After step ${inText(steps)}, epoch ${inText(epoch)}, ${reads} and ${
    share(seen)
  } of the training images. ` +
    trouble(report);
}

const lastOf = (losses, accuracies) => {
  return [losses.at(-1)?.toFixed(2), accuracies.length ? share(accuracies.at(-1)) : undefined];
};

const share = (accuracy) => `${(100 * accuracy).toFixed(1)}\u00a0%`;

function render({ model, el }, trainer) {
  const set = (changes) => setTraits(model, changes);
  const inRow = (...children) => make("div", { className: "row" }, ...children);

  const layers = Array.from(
    { length: MOST_LAYERS },
    (_, i) =>
      choiceControl(`hidden layer ${i + 1}`, [0, ...UNITS], (units) => {
        set({ hidden: [...model.get("hidden").slice(0, i), ...(units ? [units] : [])] });
      }, (units) => (units ? `${units} neurons` : "none")),
  );
  const choices = Object.fromEntries(
    Object.values(CHOICES).flat().map(([trait, label, values, text]) => {
      return [trait, choiceControl(label, values, (value) => set({ [trait]: value }), text)];
    }),
  );
  choices.seed = numberControl("seed", LAST_SEED, (seed) => set({ seed }));
  const elementsOf = (traits) => traits.map(([trait]) => choices[trait].element);

  const train = button("Train", () => set({ running: !model.get("running") }));
  train.className = "train";
  const step = button("Step", () => {
    set({ running: false });
    trainer.order({ step: true });
  });
  const reset = button("Reset", () => {
    set({ running: false });
    trainer.reset();
  });
  const said = make("p", { className: "said", role: "status" });
  const pace = make("p", { className: "pace" });
  const measured = createMeasured(["training", "validation", "validation, the network before"]);
  const charts = {
    loss: createChart("Loss", (value) => value.toFixed(1)),
    accuracy: createChart("Accuracy", (value) => `${Math.round(100 * value)} %`),
  };
  const weights = createWeights();

  const digit = numberControl("validation image", LAST_DIGIT, (digit) => set({ digit }));
  const next = button("Next", () => set({ digit: (model.get("digit") + 1) % (LAST_DIGIT + 1) }));
  const digitPicture = make("canvas", {
    role: "img",
    ariaLabel: "Validation image, not loaded yet",
    className: "digit",
    width: SIDE,
    height: SIDE,
  });
  const answers = createAnswers("What the network reads", 2);
  const read = make("p", { role: "status", className: "read" });
  const [draw, drawPad] = [onceAFrame(drawState), onceAFrame(paintPad)];
  const drawing = createDrawing(model, () => {
    drawPad();
    orderReading();
  });
  const sheet = createSheet(model, drawing, drawPad);
  const eraser = boxControl("eraser", (erase) => set({ erase }));
  const orderDigit = () => trainer.order({ read: { digit: model.get("digit") } });
  const orderReading = onceAFrame(() => {
    trainer.order({ read: { drawing: prepare(drawing.ink, STEPS_OF_PREPARATION).input } });
  });

  let [timer, isAsking] = [0, false];
  function paintPad() {
    sheet.paint({ pixels: Float64Array.from(drawing.ink, (ink) => ink / 255), rows: 280, columns: 280 });
    clearTimeout(timer);
    timer = setTimeout(() => {
      drawing.send();
      announceReading();
    }, PAUSE);
  }

  function announceReading() {
    const probabilities = trainer.report?.drawing;
    if (!probabilities || model.get("running")) return;
    if (drawing.isBlank()) return say(read, "Nothing drawn yet.");
    const { digit, largest } = readingOf(probabilities);
    say(read, `It reads ${digit} (${inPercent(largest)}).`);
  }

  function drawState() {
    const hidden = model.get("hidden");
    layers.forEach(({ element, show }, i) => {
      show(hidden[i] ?? 0);
      element.lastChild.disabled = i > hidden.length;
    });
    for (const [trait, { show }] of Object.entries(choices)) show(model.get(trait));
    eraser.show(model.get("erase"));
    digit.show(model.get("digit"));
    const running = model.get("running");
    train.textContent = running ? "Pause" : "Train";
    const { report } = trainer;
    say(said, words(report, running));
    if (report) showReport(report);
    if (report && !isAsking) { // the worker does not know yet what to read
      isAsking = true;
      orderDigit();
      orderReading();
    }
    if (!running) announceReading();
  }

  function words(report, running) {
    if (trainer.trouble) return trainer.trouble;
    if (trainer.isLoading()) return "The images are being loaded, 1.2 MB.";
    if (!report) return "Press Train, Step, or draw a digit: the page then loads 6,000 images, 1.2 MB.";
    // While it trains, only what a listener can keep up with
    return running ? `Training. ${trouble(report)}`.trim() : describe(report);
  }

  function showReport(report) {
    const { steps, perEpoch, goal, speed, history } = report;
    const before = trainer.before ?? NONE;
    pace.textContent = `Step ${inText(steps)}, epoch ${inText(Math.floor(steps / perEpoch))}. ` +
      (speed ? `${inText(Number(speed.toPrecision(2)))} images a second.` : "");
    measured.show([
      lastOf(history.loss, history.accuracy),
      lastOf(history.val_loss, history.val_accuracy),
      lastOf(before.val_loss, before.val_accuracy),
    ]);
    showCurves(history, before, Math.max(goal, steps, 100));
    weights.show(report.weights, report.hidden[0]);
    const { image, label, number, probabilities } = report.digit;
    paintPart(digitPicture, { pixels: image, rows: SIDE, columns: SIDE }, SIDE);
    digitPicture.ariaLabel = `Validation image ${number}, ${label === 8 ? "an" : "a"} ${label}`;
    answers.show([
      { name: `this ${label}`, probabilities },
      { name: "your drawing", probabilities: drawing.isBlank() ? null : report.drawing },
    ]);
  }

  function showCurves(history, before, right) {
    const largest = Math.max(...history.loss.filter(Number.isFinite), 0);
    for (const [name, chart] of Object.entries(charts)) {
      const curves = [
        { x: history.steps, values: history[name] },
        { x: history.steps, values: history[`val_${name}`] },
        { x: before.steps, values: before[`val_${name}`] },
      ];
      const top = name === "accuracy" ? 1 : [2.5, 5].find((top) => largest <= top) ?? 10;
      const [seen, unseen] = curves.map(({ values }) =>
        values.length ? `from ${values[0].toFixed(2)} to ${values.at(-1).toFixed(2)}` : "not measured yet"
      );
      chart.show(curves, { right, top }, `${name}: training ${seen}, validation ${unseen}`);
    }
  }

  const root = rootElement(
    "network-trainer",
    CONTROL_STYLE + PAD_STYLE + CHART_STYLE + STYLE,
    section(
      "The network",
      make(
        "div",
        { className: "settings" },
        ...layers.map(({ element }) => element),
        ...elementsOf(CHOICES.network),
      ),
    ),
    section(
      "The training",
      make("div", { className: "settings" }, ...elementsOf(CHOICES.training), choices.seed.element),
    ),
    inRow(train, step, reset),
    said,
    make("div", { className: "charts" }, charts.loss.element, charts.accuracy.element),
    measured.element,
    pace,
    weights.element,
    make(
      "div",
      { className: "parts" },
      make("div", { className: "one" }, digitPicture, make("div", {}, digit.element, inRow(next))),
      make(
        "div",
        { className: "pad" },
        sheet.element,
        inRow(
          eraser.element,
          button("Undo", drawing.undo),
          button("Clear", () => drawing.replace(emptyPad())),
        ),
        read,
      ),
      make("div", { className: "reading" }, answers.element),
    ),
  );
  const update = () => {
    drawing.receive();
    draw();
  };
  el.append(root);
  model.on("change", update);
  model.on("change:digit", orderDigit);
  trainer.listeners.add(draw);
  showCurves(NONE, NONE, 100);
  drawState();
  paintPad();
  return () => {
    model.off("change", update);
    model.off("change:digit", orderDigit);
    trainer.listeners.delete(draw);
    for (const each of [draw, drawPad, orderReading]) each.cancel();
    clearTimeout(timer);
    drawing.send();
    root.remove();
  };
}

/** A function that does the work before the next frame is shown, once, however often it is called until then. */
function onceAFrame(work) {
  let frame = 0;
  const call = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      work();
    });
  };
  call.cancel = () => cancelAnimationFrame(frame);
  return call;
}

/** Pictures of the weights of the first layer's units, all on one scale. */
function createWeights() {
  const canvases = Array.from({ length: MOST_SHOWN }, () => make("canvas", { width: SIDE, height: SIDE }));
  const pictures = make(
    "div",
    { className: "pictures", role: "img", ariaLabel: "no weights yet" },
    ...canvases,
  );
  const caption = make("figcaption", {}, "Weights of the first layer");
  const show = (weights, units) => {
    const count = weights.length / SIDE ** 2;
    const most = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const some = count < units ? `${count} of the ${units}` : `the ${units}`;
    const whose = units ? `${some} neurons of the first layer` : "the outputs 0 to 9";
    const text = `Weights of ${whose}: blue below zero, red above, up to ±${most.toPrecision(2)}`;
    caption.textContent = pictures.ariaLabel = text;
    canvases.forEach((canvas, unit) => {
      canvas.style.visibility = unit < count ? "visible" : "hidden";
      if (unit >= count) return;
      const context = canvas.getContext("2d");
      const picture = context.createImageData(SIDE, SIDE);
      const pixels = new Uint32Array(picture.data.buffer);
      for (let i = 0, at = unit * SIDE ** 2; i < SIDE ** 2; i++, at++) {
        pixels[i] = SHADES[Math.round(127 + 127 * weights[at] / (most || 1))];
      }
      context.putImageData(picture, 0, 0);
    });
  };
  return { element: make("figure", { className: "weights" }, caption, pictures), show };
}

// The colors from -1 to 1 in 255 shades, as 32-bit numbers: alpha, blue, green, red
const SHADES = Uint32Array.from({ length: 255 }, (_, i) => {
  const [red, green, blue] = signedColor((i - 127) / 127);
  return 0xff000000 | (blue << 16) | (green << 8) | red;
});

const STYLE = `
.network-trainer .settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: .3rem .7rem; }
.network-trainer .settings label { flex-direction: column; align-items: stretch; gap: 0; min-width: 0; }
.network-trainer .settings :is(select, input) { width: 100%; min-width: 0; }
.network-trainer .settings select { padding: .15rem .3rem; }
.network-trainer .parts { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin-top: .7rem; align-items: flex-start; }
.network-trainer .parts > * { min-width: 0; max-width: 100%; }
.network-trainer button.train { background: var(--blue); border-color: var(--blue); color: var(--on-blue); min-width: 5.5em; }
.network-trainer .said { min-height: 2.8em; }
.network-trainer .weights { margin-top: .5rem; }
.network-trainer .weights figcaption { min-height: 2.8em; }
.network-trainer .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(52px, 11%), 1fr)); gap: 3px; max-width: 44rem; }
.network-trainer .pictures canvas { width: 100%; aspect-ratio: 1; image-rendering: pixelated; background: #f7f7f7; }
.network-trainer .one { display: flex; flex-wrap: wrap; gap: .5rem 1rem; width: 112px; }
.network-trainer .one label { flex-direction: column; align-items: flex-start; gap: 0; }
.network-trainer .digit { width: 112px; height: 112px; image-rendering: pixelated; background: #fff; border: 1px solid #767676; }
.network-trainer .pad { width: 220px; }
.network-trainer .read { min-height: 2.8em; }
.network-trainer .reading { flex: 1 1 16rem; min-height: 345px; }
@media (max-width: 600px) {
  .network-trainer .one { width: 100%; }
  .network-trainer .pad { width: 280px; }
  .network-trainer .pace { min-height: 2.8em; }
  .network-trainer .said { min-height: 5.6em; }
  .network-trainer .weights figcaption { min-height: 4.2em; }
}
`;

// A model has one trainer, and any number of views.
export default () => {
  let trainer = null;
  return {
    initialize({ model }) {
      trainer = createTrainer(model);
      return trainer.stop;
    },
    render: (context) => render(context, trainer),
  };
};
