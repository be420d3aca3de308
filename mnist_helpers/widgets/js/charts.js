// A chart of curves that grow, and a table of their last numbers. They are made once; then only what changes is set.

import { make } from "./dom.js";

const [WIDTH, HEIGHT, PARTS] = [300, 160, 5]; // within the axes
const AROUND = { left: 52, above: 10, right: 12, below: 44 };
const ROUND = [1, 1.5, 2, 3, 4, 5]; // times a power of ten
// The second signal is the dash; the last is the pale curve of what was before.
export const CURVES = [
  { stroke: "var(--blue)", width: 2.5, dash: "none" },
  { stroke: "var(--orange)", width: 2.5, dash: "7 4" },
  { stroke: "currentColor", width: 1.2, dash: "2 3" },
];

/** Where a number is in a frame, from its left and upper edge. What is no number, or beyond the top, is at the top. */
function placeOf(x, value, { left = 0, right, bottom = 0, top }) {
  const up = value <= top ? (value - bottom) / (top - bottom) : 1;
  return [(WIDTH * (x - left)) / (right - left), HEIGHT * (1 - up)];
}

/** Where a curve runs in a frame. */
export function pathOf(x, values, frame) {
  const points = values.flatMap((value, i) => {
    if (x[i] < (frame.left ?? 0) || x[i] > frame.right) return [];
    return placeOf(x[i], value, frame).map((part) => part.toFixed(1)).join(" ");
  });
  return points.length ? `M${points.join("L")}` : "";
}

/** The lowest part of an axis, in round steps, that holds numbers from low to high, and ends at most at `most`. */
export function roundFrame(low, high, most = Infinity) {
  for (let power = -4;; power++) {
    for (const times of ROUND) {
      const step = times * 10 ** power;
      const bottom = Math.min(Math.floor(low / step + 1e-9) * step, most - PARTS * step);
      if (bottom + PARTS * step >= high - 1e-9) return { bottom, top: bottom + PARTS * step };
    }
  }
}

/** A short line as a curve has it, for a legend. */
function sampleOf({ stroke, width, dash }) {
  return make("span", {
    className: "sample",
    innerHTML: `<svg width="30" height="8" aria-hidden="true"><path d="M0 4h30" fill="none" ` +
      `stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dash}"/></svg>`,
  });
}

/**
 * Make a chart.
 *
 * @param title what it shows, above it
 * @param text a number at its left edge as text
 * @param below what its lower edge counts
 * @return the element, and `show(curves, frame, label, mark)`: the curves in the order of CURVES, each { x, values };
 *   the frame { left, right, bottom, top }, of which left and bottom may be left out; and a place to mark,
 *   { x, value }, if there is one
 */
export function createChart(title, text, below = "step") {
  const { left, above, right, below: room } = AROUND;
  const edges = Array.from({ length: PARTS + 1 }, (_, i) => i / PARTS);
  const label = (x, y, anchor) => `<text x="${x}" y="${y}" text-anchor="${anchor}"/>`;
  const lines = edges.map((share) =>
    `<path d="M0 ${HEIGHT * share}h${WIDTH}" stroke="currentColor" opacity=".2"/>`
  );
  const picture = make("div", {
    role: "img",
    innerHTML:
      `<svg viewBox="${-left} ${-above} ${left + WIDTH + right} ${above + HEIGHT + room}" font-size="13" ` +
      `fill="currentColor">${lines.join("")}` +
      edges.map((share) => label(-6, HEIGHT * (1 - share) + 4, "end")).join("") +
      ["start", "middle", "end"].map((anchor, i) => label(WIDTH * i / 2, HEIGHT + 18, anchor)).join("") +
      `<text x="${WIDTH / 2}" y="${HEIGHT + 38}" text-anchor="middle">${below}</text>` +
      CURVES.map(({ stroke, width, dash }) =>
        `<path class="curve" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linejoin="round" ` +
        `stroke-dasharray="${dash}"/>`
      ).reverse().join("") + `<circle class="mark" r="4.5" stroke="var(--ground)"/></svg>`,
  });
  const caption = make("figcaption", {}, title);
  const texts = [...picture.querySelectorAll("text")];
  const paths = [...picture.querySelectorAll(".curve")].reverse();
  const dot = picture.querySelector(".mark");
  const show = (curves, frame, ariaLabel, mark = null) => {
    const { left = 0, right, bottom = 0, top } = frame;
    edges.forEach((share, i) => (texts[i].textContent = text(bottom + share * (top - bottom))));
    [0, 0.5, 1].forEach((share, i) => {
      const at = left + share * (right - left);
      const isWhole = Math.abs(at - Math.round(at)) < 0.01 * (right - left); // or nearly, for its place
      texts[edges.length + i].textContent = isWhole ? Math.round(at).toLocaleString("en") : "";
    });
    curves.forEach(({ x, values }, i) => paths[i].setAttribute("d", pathOf(x, values, frame)));
    dot.style.visibility = mark && mark.x >= left ? "visible" : "hidden";
    const [x, y] = mark ? placeOf(mark.x, mark.value, frame) : [0, 0];
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    picture.ariaLabel = ariaLabel;
  };
  return { element: make("figure", { className: "chart" }, caption, picture), caption, show };
}

/** A table of the curves' last losses and accuracies, as texts, which is also the charts' legend. */
export function createMeasured(names) {
  const cells = names.map(() => [make("td", {}, "–"), make("td", {}, "–")]);
  const rows = names.map((name, i) => {
    return make("tr", {}, make("th", { scope: "row" }, sampleOf(CURVES[i]), name), ...cells[i]);
  });
  const heads = ["", "loss", "accuracy"].map((head) =>
    make(head ? "th" : "td", head ? { scope: "col" } : {}, head)
  );
  const show = (texts) => {
    cells.forEach((row, i) => row.forEach((cell, j) => (cell.textContent = texts[i][j] ?? "–")));
  };
  const element = make(
    "table",
    { className: "measured" },
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...rows),
  );
  return { element, show };
}

export const CHART_STYLE = `
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin-top: .7rem; align-items: flex-start; }
.charts .chart { flex: 1 1 240px; max-width: 460px; min-width: 0; }
.charts .chart svg { display: block; width: 100%; }
.measured { font-size: 13px; }
.measured td { min-width: 4.4em; text-align: right; }
.measured .sample { display: inline-block; width: 36px; }
.measured .sample svg { display: inline; width: 30px; }
`;
