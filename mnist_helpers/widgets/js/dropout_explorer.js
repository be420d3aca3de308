// The dropout explorer: which numbers survive a draw, how they are rescaled, and what they average to.

import {
  getTraits,
  numberControl,
  say,
  setTraits,
  showView,
  sliderControl,
  toggleControl,
} from "./controls.js";
import { button, make } from "./dom.js";
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
      bar(x, 0.4 * slot, after[i] * unit, 'class="after" fill="var(--blue)"') +
      `<path d="M${x} ${
        HEIGHT - average[i] * unit - 4
      }l4 4-4 4-4-4z" fill="var(--orange)" stroke="var(--ground)"/>` +
      (survives[i] ? "" : `<text x="${x}" y="${HEIGHT + 13}" text-anchor="middle">×</text>`);
  });
  const top = HEIGHT - Math.max(...signal) * unit;
  return line(top, 'stroke-dasharray="2 6"') + columns.join("") + line(HEIGHT, "");
}

function render({ model, el }) {
  const choose = (name) => (value) => setTraits(model, { [name]: value });
  const inWords = (training) => (training ? "training" : "inference");
  const controls = {
    training: toggleControl("used in", [true, false], choose("training"), inWords),
    rate: sliderControl("rate", { min: 0, max: 0.9, step: 0.05 }, choose("rate")),
    seed: numberControl("seed", LAST_SEED, choose("seed")),
  };
  const again = button("Draw again", () => choose("seed")((model.get("seed") + 1) % (LAST_SEED + 1)));
  const said = make("p", { role: "status" });
  const chart = make("div", { className: "chart", role: "img" });
  const legend = make("div");
  const caption = make("caption");
  const sums = ["before", "after", `average of ${DRAWS.toLocaleString("en")} draws`].map((name) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td"))
  );

  let random = [];
  let drawnFor = null;
  function draw() {
    const { signal, ...state } = getTraits(model, ["signal", ...Object.keys(controls)]);
    const wanted = `${state.seed} ${signal.length}`;
    if (drawnFor !== wanted) random = randomNumbers(state.seed, DRAWS * signal.length);
    drawnFor = wanted;
    const dropped = drop(signal, state, random);
    const words = summarize(state, dropped.survives);
    for (const [name, control] of Object.entries(controls)) control.show(state[name]);
    say(said, words);
    chart.ariaLabel = `Each number before and after. ${words}`;
    chart.innerHTML =
      `<svg viewBox="0 -5 ${WIDTH} ${5 + HEIGHT + BELOW}" font-size="14" fill="currentColor">` +
      `${shapes(signal, dropped, state.rate)}</svg>`;
    legend.textContent = "▯ before \u2002 ▮ after \u2002 × dropped \u2002 ◆ average \u2002 " +
      `┄ largest before: ${Math.max(...signal).toFixed(2)}`;
    caption.textContent = `Sum of all ${signal.length} numbers`;
    [signal, dropped.after, dropped.average].forEach((numbers, i) => {
      sums[i].lastChild.textContent = numbers.reduce((total, number) => total + number, 0).toFixed(2);
    });
  }

  const row = make(
    "div",
    { className: "row" },
    ...Object.values(controls).map((each) => each.element),
    again,
  );
  const table = make("table", {}, caption, ...sums);
  return showView({ model, el }, "dropout-explorer", STYLE, draw, row, said, chart, legend, table);
}

const STYLE = `
.dropout-explorer p { min-height: 2.8em; }
.dropout-explorer svg { display: block; width: 720px; max-width: 100%; }
.dropout-explorer td { text-align: right; }
`;

export default { render };
