// The dropout explorer: which numbers survive a draw, how they are rescaled, and what they average to.

import { CONTROL_STYLE, setTraits, sliderControl, toggleControl } from "./controls.js";
import { button, make, rootElement } from "./dom.js";
import { randomNumbers } from "./random.js";

const DRAWS = 1000; // what the average is taken over
const LAST_SEED = 9999;
const [WIDTH, HEIGHT, BELOW] = [480, 150, 16]; // of the chart; BELOW leaves room for the crosses

/**
 * Dropout, as in mnist_helpers/widgets/dropout_explorer.py.
 *
 * @param random the random numbers of all draws, in turn.
 * @returns { survives, after, average }: of the first draw, and the average over all.
 */
export function drop(signal, { rate, training }, random) {
  if (!training) return { survives: signal.map(() => true), after: signal, average: signal };
  const rescaled = signal.map((value) => value / (1 - rate));
  const counts = signal.map(() => 0);
  random.forEach((number, i) => (counts[i % signal.length] += number >= rate));
  const survives = signal.map((_, i) => random[i] >= rate);
  return {
    survives,
    after: rescaled.map((value, i) => (survives[i] ? value : 0)),
    average: rescaled.map((value, i) => (value * counts[i]) / (random.length / signal.length)),
  };
}

/** The view's sentence. */
export function summarize({ rate, training }, survives) {
  if (!training) return "Inference: nothing is dropped, nothing is rescaled.";
  const count = survives.filter(Boolean).length;
  return `Training: ${count} of ${survives.length} survive, ` +
    `each divided by 1 − ${rate.toFixed(2)} = ${(1 - rate).toFixed(2)}.`;
}

/** The chart's shapes. Inference has the same scale as training, so that the switch changes only the bars. */
function shapes(signal, { survives, after, average }, rate) {
  const unit = (HEIGHT * (1 - rate)) / (Math.max(...signal) || 1);
  const slot = WIDTH / signal.length;
  const bar = (x, width, height, style) =>
    `<rect x="${x - width / 2}" y="${HEIGHT - height}" width="${width}" height="${height}" ${style}/>`;
  const line = (y, style) => `<path d="M0 ${y}h${WIDTH}" stroke="currentColor" ${style}/>`;
  const columns = signal.map((before, i) => {
    const x = slot * (i + 0.5);
    return bar(x, 0.8 * slot, before * unit, 'class="before" fill="none" stroke="currentColor"') +
      bar(x, 0.4 * slot, after[i] * unit, 'class="after" fill="#0072b2"') +
      `<path d="M${x} ${HEIGHT - average[i] * unit - 4}l4 4-4 4-4-4z" fill="#d55e00" stroke="white"/>` +
      (survives[i] ? "" : `<text x="${x}" y="${HEIGHT + 13}" text-anchor="middle">×</text>`);
  });
  const top = HEIGHT - Math.max(...signal) * unit;
  return line(top, 'stroke-dasharray="2 6"') + columns.join("") + line(HEIGHT, "");
}

function render({ model, el }) {
  const set = (changes) => setTraits(model, changes);
  const training = toggleControl(
    "used in",
    [true, false],
    (value) => set({ training: value }),
    (value) => (value ? "training" : "inference"),
  );
  const rate = sliderControl("rate", { min: 0, max: 0.9, step: 0.05 }, (value) => set({ rate: value }));
  const seed = make("input", {
    type: "number",
    min: 0,
    max: LAST_SEED,
    required: true,
    oninput: () => seed.validity.valid && set({ seed: seed.valueAsNumber }),
    onblur: () => draw(), // replaces what is no seed
  });
  const again = button("Draw again", () => set({ seed: (model.get("seed") + 1) % (LAST_SEED + 1) }));
  const said = make("p", { role: "status" });
  const chart = make("div", { className: "chart", role: "img" });
  const legend = make("div");
  const caption = make("caption");
  const sums = ["before", "after", `average of ${DRAWS.toLocaleString("en")} draws`].map((name) => {
    const cell = make("td");
    return { cell, row: make("tr", {}, make("th", { scope: "row" }, name), cell) };
  });

  let random = [];
  let drawnFor = null;
  function draw() {
    const [signal, state] = [model.get("signal"), {
      rate: model.get("rate"),
      training: model.get("training"),
    }];
    const wanted = `${model.get("seed")} ${signal.length}`;
    if (drawnFor !== wanted) random = randomNumbers(model.get("seed"), DRAWS * signal.length);
    drawnFor = wanted;
    const dropped = drop(signal, state, random);
    training.show(state.training);
    rate.show(state.rate);
    // What is being typed stays, unless another seed has come from elsewhere.
    if (seed.valueAsNumber !== model.get("seed")) seed.value = model.get("seed");
    const words = summarize(state, dropped.survives);
    if (said.textContent !== words) said.textContent = words; // screen readers announce it
    chart.ariaLabel = `Each number before and after. ${words}`;
    chart.innerHTML =
      `<svg viewBox="0 -5 ${WIDTH} ${5 + HEIGHT + BELOW}" font-size="14" fill="currentColor">` +
      `${shapes(signal, dropped, state.rate)}</svg>`;
    legend.textContent = "▯ before \u2002 ▮ after \u2002 × dropped \u2002 ◆ average \u2002 " +
      `┄ largest before: ${Math.max(...signal).toFixed(2)}`;
    caption.textContent = `Sum of all ${signal.length} numbers`;
    [signal, dropped.after, dropped.average].forEach((numbers, i) => {
      sums[i].cell.textContent = numbers.reduce((total, number) => total + number, 0).toFixed(2);
    });
  }

  const root = rootElement(
    "dropout-explorer",
    CONTROL_STYLE + STYLE,
    make("div", { className: "row" }, training.element, rate.element, make("label", {}, "seed", seed), again),
    said,
    chart,
    legend,
    make("table", {}, caption, ...sums.map(({ row }) => row)),
  );
  el.append(root);
  model.on("change", draw);
  draw();
  return () => {
    model.off("change", draw);
    root.remove();
  };
}

const STYLE = `
.dropout-explorer p { min-height: 2.8em; }
.dropout-explorer svg { display: block; width: 720px; max-width: 100%; }
.dropout-explorer td { text-align: right; }
`;

export default { render };
