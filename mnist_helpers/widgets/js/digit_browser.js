// The digit browser: a digit as a grid of pixels, the numbers around one of them, and its histograms.

import {
  between,
  choiceControl,
  getTraits,
  numberControl,
  say,
  setTraits,
  showView,
  sliderControl,
} from "./controls.js";
import { createDigits } from "./digits.js";
import { make } from "./dom.js";
import { createGrid, GRID_STYLE, shadeColors } from "./grid.js";
import { SIDE } from "./image.js";

const WINDOW = 7; // rows and columns of numbers around the selected pixel
const BINS = 16;

/** Count the pixels with ink in 16 equal bins from 0 to 255. */
export function countBins(image) {
  const counts = new Array(BINS).fill(0);
  for (const value of image) if (value) counts[Math.min(Math.floor(value * BINS / 255), BINS - 1)]++;
  return counts;
}

/** The places around one, in a window that stops at the edges, so that its size never changes. */
export function placesAround(place) {
  const first = between(0, place - Math.floor(WINDOW / 2), SIDE - WINDOW);
  return Array.from({ length: WINDOW }, (_, i) => first + i);
}

function numbersAround(pixels, row, column) {
  const heads = placesAround(column).map((c) => make("th", { scope: "col" }, c));
  const lines = placesAround(row).map((r) => {
    const cells = placesAround(column).map((c) => {
      const cell = make("td", {}, pixels[r][c]);
      if (r === row && c === column) cell.className = "selected";
      Object.assign(cell.style, shadeColors(pixels[r][c]));
      return cell;
    });
    return make("tr", {}, make("th", { scope: "row" }, r), ...cells);
  });
  return [make("tr", {}, make("td"), ...heads), ...lines];
}

function chart(title, counts, last) {
  const most = Math.max(...counts, 1);
  const bars = counts.map((count) => make("div", { style: `height: ${100 * count / most}%` }));
  const label = `${title}. Pixels with ink, from 0 to ${last}: ${counts.join(", ")}.`;
  return make(
    "div",
    { className: "chart", role: "img", ariaLabel: label },
    make("div", {}, make("span", {}, title), make("span", {}, `highest bar: ${most} pixels`)),
    make("div", { className: "bars" }, ...bars),
    make("div", {}, make("span", {}, "0"), make("span", {}, last)),
  );
}

function render({ model, el }) {
  const choose = (name) => (value) => setTraits(model, { [name]: value });
  const chooseDigit = (digit) => setTraits(model, { number: 0, digit });
  const controls = {
    digit: choiceControl("digit", model.get("digits"), chooseDigit),
    number: numberControl("image", 0, choose("number")),
    row: sliderControl("row", { max: SIDE - 1 }, choose("row")),
    column: sliderControl("column", { max: SIDE - 1 }, choose("column")),
  };
  const [about, reading] = [make("p", { role: "status" }), make("p", { role: "status" })];
  const [table, charts] = [make("table"), make("div", { className: "row" })];
  const grid = createGrid({
    label: "The digit, enlarged",
    size: [SIDE, SIDE],
    say: (row, column, value) => `row ${row}, column ${column}: ${value}`,
    choose: (row, column) => setTraits(model, { row, column }),
  });

  const find = createDigits(model);
  let shown = { position: 0, image: new Uint8Array(SIDE * SIDE) }; // until the first digits are there
  function draw(redraw) {
    const { digits, counts, ...state } = getTraits(model, ["digits", "counts", ...Object.keys(controls)]);
    const { digit, number, row, column } = state;
    const last = counts[digits.indexOf(digit)] - 1;
    const found = find(digit, number, redraw);
    if (found) shown = found;
    const { position, image } = shown;
    const pixels = Array.from({ length: SIDE }, (_, r) => [...image.subarray(SIDE * r, SIDE * (r + 1))]);
    const value = pixels[row][column];
    const limits = { number: last };
    for (const [name, control] of Object.entries(controls)) control.show(state[name], limits[name]);
    const inked = `${pixels.flat().filter(Boolean).length} of ${SIDE * SIDE} pixels have ink`;
    const words = `digit ${digit}, image ${number} of 0 to ${last} (position ${position}); ${inked}`;
    if (found !== null) say(about, found ? words : "These digits cannot be loaded.");
    say(reading, `row ${row}, column ${column}: ${value}, scaled ${(value / 255).toFixed(3)}`);
    grid.update(pixels, pixels, [row, column]);
    table.replaceChildren(...numbersAround(pixels, row, column));
    const bins = countBins(pixels.flat());
    charts.replaceChildren(chart("as it came", bins, 255), chart("divided by 255", bins, 1));
    return found === null;
  }

  const [digit, number, ...sliders] = Object.values(controls).map(({ element }) => element);
  const image = make("div", { className: "row" }, digit, number);
  const pixel = make("div", {}, ...sliders, reading, table);
  const parts = make("div", { className: "row parts" }, grid.element, pixel);
  return showView({ model, el }, "digit-browser", GRID_STYLE + STYLE, draw, image, about, parts, charts);
}

const STYLE = `
.digit-browser .cell-grid { width: 366px; }
.digit-browser table { table-layout: fixed; width: 248px; font-size: 12px; line-height: 24px; }
.digit-browser :is(th, td) { padding: 0; text-align: center; }
.digit-browser .selected { outline: 3px solid var(--orange); font-weight: bold; }
.digit-browser .chart { width: 320px; font-size: 11px; }
.digit-browser .chart > div { display: flex; justify-content: space-between; }
.digit-browser .chart > .bars { height: 60px; gap: 2px; align-items: flex-end; border-bottom: 1px solid; }
.digit-browser .bars > div { flex: 1; background: var(--blue); }
`;

export default { render };
