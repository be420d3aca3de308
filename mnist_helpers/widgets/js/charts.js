// A chart of curves that grow. It is drawn once; then only what changes is set.

import { make } from "./dom.js";

const [WIDTH, HEIGHT, PARTS] = [300, 160, 5]; // within the axes
const AROUND = { left: 46, above: 10, right: 12, below: 44 };
// The second signal is the dash; the last is the pale curve of what was before.
export const CURVES = [
  { stroke: "#0072b2", width: 2.5, dash: "none" },
  { stroke: "#d55e00", width: 2.5, dash: "7 4" },
  { stroke: "currentColor", width: 1.2, dash: "2 3" },
];

/** Where a curve runs in the chart. What is no number, or beyond the top, is at the top. */
export function pathOf(x, values, right, top) {
  const points = values.flatMap((value, i) => {
    const up = HEIGHT * (1 - (value <= top ? value / top : 1));
    return x[i] <= right ? `${(x[i] / right * WIDTH).toFixed(1)} ${up.toFixed(1)}` : [];
  });
  return points.length ? `M${points.join("L")}` : "";
}

/** A short line as a curve has it, for a legend. */
export function sampleOf({ stroke, width, dash }) {
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
 * @return the element, and `show(curves, right, top, label)`: the curves in the order of CURVES, each { x, values },
 *   and the largest numbers below and at the left
 */
export function createChart(title, text) {
  const { left, above, right, below } = AROUND;
  const edges = Array.from({ length: PARTS + 1 }, (_, i) => i / PARTS);
  const label = (x, y, anchor) => `<text x="${x}" y="${y}" text-anchor="${anchor}"/>`;
  const lines = edges.map((share) =>
    `<path d="M0 ${HEIGHT * share}h${WIDTH}" stroke="currentColor" opacity=".2"/>`
  );
  const picture = make("div", {
    role: "img",
    innerHTML:
      `<svg viewBox="${-left} ${-above} ${left + WIDTH + right} ${above + HEIGHT + below}" font-size="13" ` +
      `fill="currentColor">${lines.join("")}` +
      edges.map((share) => label(-6, HEIGHT * (1 - share) + 4, "end")).join("") +
      ["start", "middle", "end"].map((anchor, i) => label(WIDTH * i / 2, HEIGHT + 18, anchor)).join("") +
      `<text x="${WIDTH / 2}" y="${HEIGHT + 38}" text-anchor="middle">step</text>` +
      CURVES.map(({ stroke, width, dash }) =>
        `<path class="curve" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linejoin="round" ` +
        `stroke-dasharray="${dash}"/>`
      ).reverse().join("") + "</svg>",
  });
  const texts = [...picture.querySelectorAll("text")];
  const paths = [...picture.querySelectorAll(".curve")].reverse();
  const show = (curves, right, top, ariaLabel) => {
    edges.forEach((share, i) => (texts[i].textContent = text(share * top)));
    [0, 0.5, 1].forEach((share, i) => {
      texts[edges.length + i].textContent = Math.round(share * right).toLocaleString("en");
    });
    curves.forEach(({ x, values }, i) => paths[i].setAttribute("d", pathOf(x, values, right, top)));
    picture.ariaLabel = ariaLabel;
  };
  return { element: make("figure", { className: "chart" }, make("figcaption", {}, title), picture), show };
}
