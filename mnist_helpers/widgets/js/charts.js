// A chart of lines that grow: in SVG, with the text of the page.

import { make } from "./dom.js";

const [WIDTH, HEIGHT] = [400, 200]; // of the area within the axes
const [LEFT, BELOW, ABOVE] = [44, 40, 10];
export const COLORS = ["#0072b2", "#d55e00"];
const DASHES = ["", "7 4"]; // a second signal

/**
 * Make a chart.
 *
 * @param title what its numbers are; it stands above
 * @param limits the numbers at the bottom and at the top
 * @return the element, and `show(x, lines, last, label)`: the places, up to `last`, and a list of numbers for each
 *   line. Numbers beyond the limits are drawn at the edge.
 */
export function createChart(title, text) {
  const picture = make("div", { role: "img" });
  const element = make("figure", { className: "chart" }, make("figcaption", {}, title), picture);
  const show = (x, lines, last, [low, high], ariaLabel) => {
    const across = (value) => (value / last * WIDTH).toFixed(1);
    const up = (value) => {
      const share = Number.isFinite(value) ? (value - low) / (high - low) : 1;
      return (HEIGHT * (1 - Math.min(Math.max(share, 0), 1))).toFixed(1);
    };
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
      const value = low + share * (high - low);
      return `<path d="M0 ${up(value)}h${WIDTH}" stroke="currentColor" opacity=".2"/>` +
        `<text x="-6" y="${+up(value) + 5}" text-anchor="end">${text(value)}</text>`;
    });
    const steps = [0, 0.5, 1].map((share) =>
      `<text x="${share * WIDTH}" y="${HEIGHT + 18}" text-anchor="${
        share === 1 ? "end" : share ? "middle" : "start"
      }">` +
      `${Math.round(share * last).toLocaleString("en")}</text>`
    );
    const paths = lines.map((values, i) =>
      `<path d="M${values.map((value, k) => `${across(x[k])} ${up(value)}`).join("L")}" fill="none" ` +
      `stroke="${COLORS[i]}" stroke-width="2.5" stroke-linejoin="round" stroke-dasharray="${DASHES[i]}"/>`
    );
    picture.ariaLabel = ariaLabel;
    picture.innerHTML =
      `<svg viewBox="${-LEFT} ${-ABOVE} ${LEFT + WIDTH + 8} ${
        ABOVE + HEIGHT + BELOW
      }" fill="currentColor" font-size="14">` +
      `${ticks.join("")}${steps.join("")}<text x="${WIDTH / 2}" y="${
        HEIGHT + 36
      }" text-anchor="middle">step</text>` +
      `${x.length ? paths.join("") : ""}</svg>`;
  };
  return { element, show };
}
