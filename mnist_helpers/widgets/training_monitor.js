// The training monitor's view: two bars, a Stop button and two panels of learning curves.
//
// All it shows is in one trait, `view`. It tells Python two things: that it is shown, and that Stop was pressed.

const PANELS = ["loss", "accuracy"];
// Size of a panel, in pixels; the margins make room for the numbers.
const [WIDTH, HEIGHT] = [340, 220];
const [LEFT, RIGHT, TOP, BOTTOM] = [50, 14, 28, 40];
// The same colors and line styles as in the course's figures.
const CURVES = [
  { name: "training", prefix: "", color: "#0072B2", dashes: "none", head: "circle" },
  { name: "validation", prefix: "val_", color: "#D55E00", dashes: "7 4", head: "square" },
];

// Two to six round numbers that span `low` to `high`.
export function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= span / 4);
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), Math.floor(low / step) + 1)];
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(digits)));
}

// One panel as SVG. `curves` has a list of [x, y] per key; `epochs` is the first and the last x.
export function panel(key, curves, epochs) {
  const lines = CURVES.map((curve) => ({ ...curve, points: curves[curve.prefix + key] })).filter(
    ({ points }) => points.length,
  );
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const [xTicks, yTicks] = [ticks(...epochs).filter(Number.isInteger), ticks(...limits(values))];
  const [low, high] = [yTicks[0], yTicks.at(-1)];
  const x = (epoch) => scale(epoch, epochs[0], epochs[1], LEFT, WIDTH - RIGHT);
  const y = (value) => scale(value, low, high, HEIGHT - BOTTOM, TOP);
  const now = lines.map(({ name, points }) => `${name} ${points.at(-1)[1].toFixed(4)}`).join(", ");
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" role="img" aria-label="${key}: ${now || "no number yet"}">
    <text x="${LEFT}" y="16">${key}</text>
    ${yTicks.map((tick) => gridLine(y(tick)) + text(LEFT - 6, y(tick) + 4, tick, "end")).join("")}
    ${xTicks.filter((tick) => tick <= epochs[1]).map((tick) => text(x(tick), HEIGHT - BOTTOM + 18, tick, "middle")).join("")}
    ${text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "epoch", "middle")}
    ${CURVES.map(legend).join("")}
    ${lines.map((curve) => line(curve, x, y)).join("")}
  </svg>`;
}

const limits = (values) => (values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]);
const scale = (value, low, high, from, to) => Number((from + ((value - low) / (high - low)) * (to - from)).toFixed(1));
const text = (x, y, content, anchor) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
const gridLine = (y) => `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>`;

function line({ name, points, color, dashes, head }, x, y) {
  const places = points.map(([epoch, value]) => [x(epoch), y(value)]);
  return `<polyline data-curve="${name}" points="${places.join(" ")}" fill="none" stroke="${color}"
    stroke-width="2" stroke-dasharray="${dashes}"/>${marker(head, color, ...places.at(-1))}`;
}

// The last point of a curve. On the training curve it moves during an epoch.
function marker(head, color, x, y) {
  return head === "circle"
    ? `<circle cx="${x}" cy="${y}" r="4" fill="${color}"/>`
    : `<rect x="${x - 4}" y="${y - 4}" width="8" height="8" fill="${color}"/>`;
}

function legend({ name, color, dashes, head }, i) {
  const [x, y] = [LEFT + 72 + 104 * i, 12];
  return `<line x1="${x}" x2="${x + 26}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="2"
    stroke-dasharray="${dashes}"/>${marker(head, color, x + 13, y)}${text(x + 32, 16, name, "start")}`;
}

function render({ model, el }) {
  const bars = { epoch: make("progress"), step: make("progress") };
  const captions = { epoch: make("span"), step: make("span") };
  const press = () => {
    if (stop.ariaDisabled === "false") model.send("stop");
    stop.ariaDisabled = "true"; // not `disabled`, which would lose the keyboard focus
  };
  const stop = make("button", { type: "button", onclick: press }, "Stop");
  const status = make("span", { className: "status" });
  const curves = make("div", { className: "row" });
  const line = make("p", { className: "line", ariaLive: "polite" });

  function draw() {
    const view = model.get("view");
    root.hidden = !view.curves; // no training yet
    if (root.hidden) return;
    captions.epoch.textContent = view.epoch;
    captions.step.textContent = view.step;
    bars.epoch.value = view.done;
    bars.step.value = view.part;
    stop.ariaDisabled = String(!view.stoppable);
    status.textContent = view.status;
    curves.innerHTML = PANELS.map((key) => panel(key, view.curves, view.epochs)).join("");
    line.textContent = view.line;
  }

  const root = make("div", { className: "training-monitor" });
  root.dataset.lmSuppressShortcuts = "true"; // else JupyterLab handles the keys
  root.append(
    make("style", {}, STYLE),
    make("div", { className: "row" }, stop, status),
    make(
      "div",
      { className: "row" },
      ...Object.keys(bars).map((key) => make("label", {}, captions[key], bars[key])),
    ),
    curves,
    line,
  );
  el.append(root);
  model.on("change:view", draw);
  draw();
  model.send("shown");
  return () => {
    model.off("change:view", draw);
    root.remove();
  };
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// JupyterLab's colors if defined, else the page's own.
const STYLE = `
.training-monitor { color: var(--jp-ui-font-color1, inherit); font: 14px/1.4 var(--jp-ui-font-family, sans-serif); }
.training-monitor .row { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; margin: 8px 4px; }
.training-monitor label { display: flex; flex-direction: column; width: ${WIDTH}px; max-width: 100%; }
.training-monitor label span { min-height: 1.4em; }
.training-monitor :is(label, svg, .line) { font-variant-numeric: tabular-nums; }
.training-monitor progress { width: 100%; accent-color: #0072B2; }
.training-monitor svg { max-width: 100%; height: auto; font-size: 12px; fill: currentColor; }
.training-monitor .grid { stroke: currentColor; opacity: 0.2; }
.training-monitor .line { margin: 8px 4px; min-height: 2.8em; }
.training-monitor button {
  font: inherit; color: var(--jp-ui-font-color1, ButtonText); background: var(--jp-layout-color1, ButtonFace);
  border: 1px solid #888; border-radius: 2px; min-height: 30px; padding: 0 10px; cursor: pointer;
}
.training-monitor button[aria-disabled="true"] { border-style: dashed; cursor: default; }
.training-monitor :focus-visible { outline: 3px solid var(--jp-brand-color1, Highlight); outline-offset: 2px; }
`;

export default { render };
