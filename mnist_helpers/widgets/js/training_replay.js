// The training replay: a training on record, epoch by epoch.

import { CHART_STYLE, createChart, createMeasured, roundFrame } from "./charts.js";
import { getTraits, say, setTraits, showView, sliderControl, toggleControl } from "./controls.js";
import { button, make } from "./dom.js";

const TRAITS = ["names", "histories", "epoch", "enlarged"];
const PACE = 250; // milliseconds an epoch; four times as many for those who want little motion
const KEYS = ["loss", "accuracy"];

const inDigits = (value) => value.toFixed(4);

/** The epoch with the lowest loss or the highest accuracy so far, from 1; the first of several. */
export function bestOf(values, key) {
  const best = key === "loss" ? Math.min(...values) : Math.max(...values);
  return values.indexOf(best) + 1;
}

/** What was measured after an epoch, in words. */
export function describe({ names, histories: [history], epoch }) {
  const inWords = (key, extreme) => {
    const values = history[`val_${key}`].slice(0, epoch);
    const best = bestOf(values, key);
    const earlier = `; the ${extreme} was ${inDigits(values[best - 1])}, after epoch ${best}.`;
    const end = best === epoch ? `, the ${extreme} so far.` : earlier;
    return `Validation ${key} ${inDigits(values.at(-1))}${end}`;
  };
  const loss = `Training loss ${inDigits(history.loss[epoch - 1])}.`;
  return `${names[0]}, epoch ${epoch} of ${history.loss.length}. ${loss} ` +
    `${inWords("loss", "lowest")} ${inWords("accuracy", "highest")}`;
}

/** The frame of a chart: of all epochs or, enlarged, of the validation curve in the later half of them. */
export function frameOf({ histories, enlarged }, key) {
  const right = histories[0].loss.length;
  const left = enlarged ? Math.floor(right / 2) : 0;
  const all = [histories[0][key], ...histories.map((history) => history[`val_${key}`])].flat();
  const values = enlarged ? histories[0][`val_${key}`].slice(Math.max(left - 1, 0)) : all;
  const most = key === "loss" ? Infinity : 1;
  const low = key === "loss" && !enlarged ? 0 : Math.min(...values);
  return { left, right, ...roundFrame(low, Math.max(...values), most) };
}

function render({ model, el }) {
  // Playing is the only state kept in the view.
  let timer = null;
  const length = model.get("histories")[0].loss.length;
  const stop = () => {
    clearInterval(timer);
    timer = null;
  };
  const choose = (changes) => {
    stop();
    setTraits(model, changes);
    draw();
  };
  const play = () => {
    if (model.get("epoch") === length) setTraits(model, { epoch: 1 });
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    timer = setInterval(() => {
      const epoch = Math.min(model.get("epoch") + 1, length);
      if (epoch === length) stop(); // before it is drawn, so that its words are announced
      setTraits(model, { epoch });
    }, isCalm ? 4 * PACE : PACE);
    draw();
  };
  const playing = button("Play", () => (timer ? choose({}) : play()));
  playing.className = "play";
  const epochs = sliderControl("epoch", { min: 1, max: length }, (epoch) => choose({ epoch }));
  const scale = toggleControl(
    "show",
    [false, true],
    (enlarged) => setTraits(model, { enlarged }),
    (enlarged) => (enlarged ? "validation, enlarged" : "all"),
  );
  const said = make("p", { className: "said", role: "status" });
  const charts = KEYS.map((key) => [key, createChart("", (value) => String(+value.toFixed(6)), "epoch")]);
  const names = model.get("names");
  const other = names.slice(1).map((name) => `validation, ${name}`);
  const measured = createMeasured(["training", "validation", ...other]);

  function draw() {
    const state = getTraits(model, TRAITS);
    const { histories, epoch, enlarged } = state;
    playing.textContent = timer ? "Pause" : "Play";
    epochs.show(epoch);
    scale.show(enlarged);
    said.ariaLive = timer ? "off" : "polite"; // a screen reader cannot keep up while playing
    say(said, timer ? `Playing: epoch ${epoch} of ${length}.` : describe(state));
    const rows = [[histories[0], ""], ...histories.map((history) => [history, "val_"])];
    measured.show(rows.map(([history, prefix]) => {
      return KEYS.map((key) => history[prefix + key].slice(0, epoch).map(inDigits)[epoch - 1]);
    }));
    for (const [key, chart] of charts) {
      const curves = rows.map(([history, prefix], i) => {
        const values = enlarged && i !== 1 ? [] : history[prefix + key].slice(0, epoch);
        return { x: values.map((_, i) => i + 1), values };
      });
      const values = curves[1].values;
      const mark = bestOf(values, key);
      chart.caption.textContent = enlarged ? `Validation ${key}, enlarged` : `${names[0]}: ${key}`;
      const label = `validation ${key} from ${inDigits(values[0])} to ${inDigits(values.at(-1))}, ` +
        `with a dot at epoch ${mark}, the ${key === "loss" ? "lowest" : "highest"} so far`;
      chart.show(curves, frameOf(state, key), label, { x: mark, value: values[mark - 1] });
    }
  }

  const controls = make("div", { className: "row" }, playing, epochs.element, scale.element);
  const pictures = make("div", { className: "charts" }, ...charts.map(([, { element }]) => element));
  const note = make("p", {}, "● best validation so far");
  const parts = [controls, said, pictures, measured.element, note];
  const end = showView({ model, el }, "training-replay", CHART_STYLE + STYLE, draw, ...parts);
  return () => {
    stop();
    end();
  };
}

const STYLE = `
.training-replay button.play { background: var(--blue); border-color: var(--blue); color: var(--on-blue); min-width: 5.5em; }
.training-replay .slider > span { min-width: 1.3em; }
.training-replay .said { min-height: 2.8em; }
@media (max-width: 600px) { .training-replay .said { min-height: 7em; } }
`;

export default { render };
