// A grid of cells to point at, to click, and to walk through with the arrow keys. At most one is selected.

import { ink, textColor } from "./color.js";
import { between } from "./controls.js";
import { make } from "./dom.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The cell that a key moves to, within the grid; null for any other key. */
export function cellAfter(key, [row, column], [rows, columns]) {
  if (key === "Enter" || key === " ") return [row, column];
  if (!(key in STEPS)) return null;
  const [down, right] = STEPS[key];
  return [between(0, row + down, rows - 1), between(0, column + right, columns - 1)];
}

/** The background of a shade from 0 (white) to 255 (black), and a text color that can be read on it. */
export function shadeColors(shade) {
  const gray = ink(shade / 255);
  return { background: `rgb(${gray.join(" ")})`, color: textColor(gray) };
}

/**
 * Make a grid.
 *
 * @param label its accessible name
 * @param size rows and columns
 * @param numbers whether cells show their values, and the edges row and column numbers
 * @param say gives the label of a cell: (row, column, value)
 * @param choose called with row and column when a cell is clicked, or reached by key
 * @return the element, and `update(values, shades, selected)`: two lists of rows, and a place or null
 */
export function createGrid({ label, size: [rows, columns], numbers, say, choose }) {
  const count = (n, item) => Array.from({ length: n }, (_, i) => item(i));
  const cells = count(rows, () => count(columns, () => make("div", { role: "gridcell" })));
  const lines = cells.map((line, row) => {
    const head = numbers ? make("div", { role: "rowheader" }, row) : null;
    return make("div", { role: "row" }, head, ...line);
  });
  if (numbers) {
    const heads = count(columns, (column) => make("div", { role: "columnheader" }, column));
    lines.unshift(make("div", { role: "row" }, make("div", { role: "columnheader" }), ...heads));
  }
  const grid = make("div", { role: "grid", ariaLabel: label }, ...lines);
  grid.style.gridTemplateColumns = `${numbers ? "auto " : ""}repeat(${columns}, minmax(0, 1fr))`;
  if (!numbers) grid.style.background = "white"; // shows through between the cells
  // What the pointer is on; screen readers get the cells' labels.
  const readout = make("div", { ariaHidden: "true" });

  const placeOf = (target) => {
    const row = cells.findIndex((line) => line.includes(target));
    return row < 0 ? null : [row, cells[row].indexOf(target)];
  };
  const read = (place) => {
    readout.textContent = place ? cells[place[0]][place[1]].ariaLabel : "\u00a0"; // a space keeps the line
  };
  const go = ([row, column]) => {
    choose(row, column);
    cells[row][column].focus();
  };
  grid.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place) go(place);
  });
  grid.addEventListener("keydown", (event) => {
    const from = placeOf(event.target);
    const to = from && cellAfter(event.key, from, [rows, columns]);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation(); // Jupyter has shortcuts on these keys
    go(to);
  });
  grid.addEventListener("pointerover", (event) => read(placeOf(event.target)));
  grid.addEventListener("pointerleave", () => read(null));
  read(null);

  function update(values, shades, selected) {
    const current = selected ?? [0, 0]; // the cell that Tab moves to
    cells.forEach((line, row) =>
      line.forEach((cell, column) => {
        const isCurrent = row === current[0] && column === current[1];
        const colors = shadeColors(shades[row][column]);
        Object.assign(cell.style, colors);
        // Without numbers: closes the gaps where a cell is not a whole number of screen pixels wide.
        if (!numbers) cell.style.boxShadow = `0 0 0 0.6px ${colors.background}`;
        else cell.textContent = values[row][column];
        cell.ariaLabel = say(row, column, values[row][column]);
        cell.ariaSelected = String(isCurrent && selected !== null);
        cell.tabIndex = isCurrent ? 0 : -1;
      })
    );
  }
  return { element: make("div", { className: "cell-grid" }, grid, readout), update };
}

export const GRID_STYLE = `
.mnist-widget .parts { align-items: flex-start; gap: 4px 24px; }
.cell-grid { max-width: 100%; container-type: inline-size; }
.cell-grid [role=grid] { display: grid; border: 1px solid #767676; }
.cell-grid [role=row] { display: contents; }
.cell-grid [role=gridcell] { aspect-ratio: 1; cursor: pointer; position: relative; }
.cell-grid :is([role=gridcell], [role=columnheader], [role=rowheader]) {
  display: grid; place-items: center; font-size: min(11px, 3.6cqw); line-height: 1;
}
.cell-grid [role=rowheader] { padding: 0 4px; }
.cell-grid [role=columnheader] { padding: 2px 0; }
.cell-grid [aria-selected=true] { outline: 3px solid #d55e00; z-index: 1; }
.cell-grid [role=gridcell]:hover { outline: 2px solid #0072b2; z-index: 1; }
.cell-grid [role=gridcell]:focus-visible { outline: 3px dashed #d55e00; outline-offset: 2px; z-index: 2; }
`;
