// A grid of cells to point at, to click, and to move through with the arrow keys. At most one is selected.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The cell that a key moves to, clamped to the grid; null for any other key. */
export function cellAfter(key, [row, column], [rows, columns]) {
  if (key === "Enter" || key === " ") return [row, column];
  if (!(key in STEPS)) return null;
  const within = (place, size) => Math.min(Math.max(place, 0), size - 1);
  return [within(row + STEPS[key][0], rows), within(column + STEPS[key][1], columns)];
}

/** A cell's label. */
export function say(template, [row, column], value) {
  return template.replace("{row}", row).replace("{column}", column).replace("{value}", value);
}

function element(parent, role, text = "") {
  const made = parent.appendChild(document.createElement("div"));
  made.setAttribute("role", role);
  made.textContent = text;
  return made;
}

/** Make the cells, once, and return them row by row. */
function build(grid, [rows, columns], withNumbers) {
  grid.style.gridTemplateColumns = `${withNumbers ? "auto " : ""}repeat(${columns}, minmax(0, 1fr))`;
  if (withNumbers) {
    const head = element(grid, "row");
    element(head, "columnheader");
    for (let column = 0; column < columns; column++) element(head, "columnheader", column);
  }
  return Array.from({ length: rows }, (_, row) => {
    const line = element(grid, "row");
    if (withNumbers) element(line, "rowheader", row);
    return Array.from({ length: columns }, () => element(line, "gridcell"));
  });
}

function render({ model, el }) {
  el.classList.add("cell-grid");
  const size = [model.get("values").length, model.get("values")[0].length];
  const grid = element(el, "grid");
  grid.setAttribute("aria-label", model.get("description"));
  if (!model.get("numbers")) grid.style.background = "white"; // shows through between the cells
  const cells = build(grid, size, model.get("numbers"));
  const readout = element(el, "presentation"); // for the pointer; screen readers get the cells' labels
  readout.ariaHidden = "true";

  const words = ([row, column]) => say(model.get("label"), [row, column], model.get("values")[row][column]);
  const placeOf = (target) => {
    const row = cells.findIndex((line) => line.includes(target));
    return row < 0 ? null : [row, cells[row].indexOf(target)];
  };
  const read = (place) => {
    readout.textContent = place ? words(place) : "\u00a0"; // a space keeps what is below in place
  };
  const selected = () => (model.get("cell").length ? model.get("cell") : null);

  function update() {
    const current = selected() ?? [0, 0]; // the cell that Tab moves to
    cells.forEach((line, row) =>
      line.forEach((cell, column) => {
        const shade = model.get("shades")[row][column];
        const isCurrent = row === current[0] && column === current[1];
        const gray = `rgb(${255 - shade} ${255 - shade} ${255 - shade})`;
        cell.style.background = gray;
        // Closes the gaps where a cell is not a whole number of screen pixels wide.
        if (!model.get("numbers")) cell.style.boxShadow = `0 0 0 0.6px ${gray}`;
        cell.style.color = shade > 137 ? "white" : "black"; // a contrast of at least 4.5 to 1 on any gray
        cell.textContent = model.get("numbers") ? model.get("values")[row][column] : "";
        cell.ariaLabel = words([row, column]);
        cell.ariaSelected = String(isCurrent && selected() !== null);
        cell.tabIndex = isCurrent ? 0 : -1;
      }),
    );
  }

  // Tell the kernel, which marks the cell. This is a message and not a change of `cell`, so that the same cell
  // can be chosen again after another control has cleared the selection.
  function choose(place) {
    model.send({ cell: place });
    cells[place[0]][place[1]].focus();
  }

  grid.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place) choose(place);
  });
  grid.addEventListener("keydown", (event) => {
    const from = placeOf(event.target);
    const to = from && cellAfter(event.key, from, size);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation(); // Jupyter has shortcuts on these keys.
    choose(to);
  });
  grid.addEventListener("pointerover", (event) => read(placeOf(event.target)));
  grid.addEventListener("pointerleave", () => read(null));
  model.on("change", update);
  update();
  read(null);
}

export default { render };
