// The convolution explorer: a 3×3 window over a digit, its nine products, and the feature map they make.
//
// In a notebook, anywidget calls `render` with the traits of the Python class. On a page without a kernel,
// `mount` does the same with a model in the page. All computing is done here, without either of them.

const WINDOW = 3;
const LARGEST_WEIGHT = 99; // the same limit as in the Python class
const STEP_MILLISECONDS = 80;
const CELL = 16; // in canvas pixels; on the page it is half as wide

const NINTH = 1 / 9;
export const PRESETS = {
  "left edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "upper edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
  "diagonal edges": [-1, -1, 0, -1, 0, 1, 0, 1, 1],
  outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  blur: [NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH],
  sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0],
  identity: [0, 0, 0, 0, 1, 0, 0, 0, 0],
};

// The computing. An image is a list of rows; a kernel is nine numbers, row by row.

export function pixelsAt(image, row, column) {
  return image.slice(row, row + WINDOW).flatMap((line) => line.slice(column, column + WINDOW));
}

export function productsAt(image, kernel, row, column) {
  return pixelsAt(image, row, column).map((pixel, i) => pixel * kernel[i]);
}

export function convolve(image, kernel) {
  const places = Array.from({ length: image.length - WINDOW + 1 }, (_, i) => i);
  return places.map((row) => places.map((column) => sum(productsAt(image, kernel, row, column))));
}

export function rectify(map) {
  return map.map((line) => line.map((value) => Math.max(0, value)));
}

export function maxPool(map) {
  const places = Array.from({ length: Math.floor(map.length / 2) }, (_, i) => 2 * i);
  return places.map((row) =>
    places.map((column) =>
      Math.max(map[row][column], map[row][column + 1], map[row + 1][column], map[row + 1][column + 1]),
    ),
  );
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// On a page without a kernel

const DEFAULTS = { kernel: PRESETS["left edges"], row: 0, column: 0, relu: false, pool: false, whole: false };

export function mount(el, state) {
  const values = { ...DEFAULTS, ...state };
  let listeners = [];
  const model = {
    get: (name) => values[name],
    set(name, value) {
      values[name] = value;
      listeners.forEach((listener) => listener());
    },
    save_changes() {},
    on: (_, listener) => listeners.push(listener),
    off: (_, listener) => (listeners = listeners.filter((other) => other !== listener)),
  };
  return render({ model, el });
}

const STATE = ["kernel", "row", "column", "relu", "pool", "whole"];
const SWITCHES = { relu: "ReLU", pool: "2×2 max pooling", whole: "whole map at once" };

// The view: the elements are made once, and `draw` fills them from the model. Clicks and keys change only the
// model, so changes from Python, the mouse and the keyboard all take the same path.

export function render({ model, el }) {
  const image = () => model.get("image");
  const last = () => image().length - WINDOW; // the last row and column of the window
  const change = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };
  const within = (place) => between(0, place, last());
  const moveTo = (row, column) => change({ row: within(row), column: within(column) });
  const place = () => model.get("row") * (last() + 1) + model.get("column");
  const goTo = (step) => moveTo(Math.floor(step / (last() + 1)), step % (last() + 1));
  const lastPlace = () => (last() + 1) ** 2 - 1;

  // Playing is the only state kept in the view.
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    draw();
  };
  const advance = () => {
    goTo(place() + 1);
    if (place() === lastPlace()) stop();
  };
  const play = () => {
    if (place() === lastPlace()) goTo(0);
    timer = setInterval(advance, STEP_MILLISECONDS);
    draw();
  };
  const jump = (step) => {
    if (timer) stop();
    goTo(between(0, step, lastPlace()));
  };

  const preset = make("select", {
    onchange: () => PRESETS[preset.value] && change({ kernel: [...PRESETS[preset.value]] }),
  });
  preset.append(...Object.keys(PRESETS).map((name) => make("option", { value: name }, name)));
  const own = make("option", { value: "own", disabled: true }, "your own");
  preset.append(own);

  const setWeight = (i, weight) => {
    change({ kernel: model.get("kernel").map((other, j) => (j === i ? weight : other)) });
  };
  const refuse = (label, weight) => {
    status.textContent =
      `Enter a number from −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}; ` +
      `until then, the ${label} stays ${short(weight)}.`;
  };
  const weights = Array.from({ length: 9 }, (_, i) => {
    const label = `weight in row ${Math.floor(i / 3)}, column ${i % 3}`;
    const input = make("input", {
      type: "number",
      step: "any",
      min: -LARGEST_WEIGHT,
      max: LARGEST_WEIGHT,
      required: true,
      ariaLabel: label,
      oninput: () => {
        input.ariaInvalid = String(!input.validity.valid);
        if (input.validity.valid) setWeight(i, input.valueAsNumber);
        else refuse(label, model.get("kernel")[i]);
      },
      onblur: () => draw(), // replaces invalid input by the current weight
    });
    return input;
  });
  const pixels = nine("the nine pixels");
  const products = nine("the nine products");
  const total = make("output", { className: "total" });
  const rectified = make("output", { className: "total" });

  const digit = make("canvas", { tabIndex: 0, role: "application", className: "digit" });
  const map = make("canvas", { role: "img" });
  const pooled = make("canvas", { role: "img" });
  const mapCaption = make("figcaption");
  const pooledCaption = make("figcaption");

  const button = (text, onclick) => make("button", { type: "button", onclick }, text);
  const playing = button("Play", () => (timer ? stop() : play()));
  const slider = make("input", { type: "range", min: 0, oninput: () => jump(slider.valueAsNumber) });
  const boxes = Object.keys(SWITCHES).map((name) =>
    make("input", { type: "checkbox", onchange: (event) => change({ [name]: event.target.checked }) }),
  );
  const status = make("p", { className: "status" });

  digit.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault(); // arrow keys would scroll the page
    if (timer) stop();
    const [down, right] = steps[event.key];
    moveTo(model.get("row") + down, model.get("column") + right);
  });
  const pointTo = (canvas, cells, middle) => (event) => {
    if (!event.buttons) return;
    if (timer) stop();
    const box = canvas.getBoundingClientRect();
    const cell = (position, length) => Math.floor((position / length) * cells()) - middle;
    moveTo(cell(event.clientY - box.top, box.height), cell(event.clientX - box.left, box.width));
  };
  for (const [canvas, cells, middle] of [
    [digit, () => image().length, 1],
    [map, () => last() + 1, 0],
  ]) {
    const follow = pointTo(canvas, cells, middle);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId); // a drag may leave the canvas
      follow(event);
    });
    canvas.addEventListener("pointermove", follow);
  }

  function draw() {
    const now = Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
    const convolved = convolve(image(), now.kernel);
    const shown = now.relu ? rectify(convolved) : convolved;
    const halved = maxPool(shown);
    // The darkest color stands for the largest possible sum, so colors mean the same at every position.
    const limit = Math.max(...[1, -1].map((sign) => sum(now.kernel.map((w) => Math.max(0, sign * w))))) || 1;
    const value = convolved[now.row][now.column];
    drawControls(now);
    drawSum(now, value, limit);
    drawPictures(now, shown, halved, (cell) => signedColor(cell / limit));
    say(now, value, halved[Math.floor(now.row / 2)][Math.floor(now.column / 2)]);
  }

  function drawControls({ kernel, ...switched }) {
    preset.value = Object.keys(PRESETS).find((name) => same(PRESETS[name], kernel)) ?? own.value;
    weights.forEach((input, i) => {
      if (input.getRootNode().activeElement === input) return; // being typed
      input.value = short(kernel[i], 3);
      input.ariaInvalid = "false";
    });
    boxes.forEach((box, i) => (box.checked = switched[Object.keys(SWITCHES)[i]]));
    slider.max = lastPlace();
    slider.value = place();
    playing.textContent = timer ? "Pause" : "Play";
  }

  function drawSum({ kernel, row, column, relu }, value, limit) {
    pixelsAt(image(), row, column).forEach((pixel, i) => fill(pixels.cells[i], pixel.toFixed(2), ink(pixel)));
    const largest = Math.max(...kernel.map(Math.abs)) || 1;
    productsAt(image(), kernel, row, column).forEach((product, i) =>
      fill(products.cells[i], signed(product), signedColor(product / largest)),
    );
    const kept = Math.max(0, value);
    fill(total, signed(value), signedColor(value / limit));
    fill(rectified, signed(kept), signedColor(kept / limit));
    show(rectified.parentElement, relu);
  }

  function drawPictures({ row, column, relu, pool, whole }, shown, halved, color) {
    const [side, half] = [shown.length, halved.length];
    const reached = whole ? lastPlace() : place();
    paint(digit, image(), ink);
    frame(digit, row, column, WINDOW);
    digit.ariaLabel = `The digit. The arrow keys move the window, now at row ${row}, column ${column}.`;

    paint(map, shown, color, (r, c) => r * side + c <= reached);
    frame(map, row, column, 1);
    mapCaption.textContent = `feature map${relu ? " after ReLU" : ""}, ${side}×${side}`;
    map.ariaLabel = `${mapCaption.textContent}, ${reached + 1} of ${side ** 2} places filled`;

    const [poolRow, poolColumn] = [Math.floor(row / 2), Math.floor(column / 2)];
    paint(pooled, halved, color, (r, c) => (2 * r + 1) * side + 2 * c + 1 <= reached); // its square is complete
    if (pool) frame(map, 2 * poolRow, 2 * poolColumn, 2, "#000");
    frame(pooled, poolRow, poolColumn, 1, "#000");
    pooledCaption.textContent = pooled.ariaLabel = `after pooling, ${half}×${half}`;
    show(pooled.parentElement, pool);
  }

  function say({ row, column, relu, pool }, value, largest) {
    status.ariaLive = timer ? "off" : "polite"; // a screen reader cannot keep up while playing
    status.textContent =
      `Row ${row}, column ${column}, place ${place() + 1} of ${lastPlace() + 1}: ` +
      `the nine products add up to ${signed(value)}` +
      (relu ? `; ReLU gives ${signed(Math.max(0, value))}` : "") +
      (pool ? `; the largest in its square is ${signed(largest)}.` : ".");
  }

  const root = make("div", { className: "convolution-explorer" });
  root.append(
    make("style", {}, STYLE),
    inRow(
      labeled("kernel", preset),
      ...boxes.map((box, i) => labeled(Object.values(SWITCHES)[i], box)),
    ),
    inRow(
      button("First", () => jump(0)),
      button("Back", () => jump(place() - 1)),
      playing,
      button("Next", () => jump(place() + 1)),
      button("Last", () => jump(lastPlace())),
      labeled("place", slider),
    ),
    status,
    inRow(
      make("figure", {}, digit, make("figcaption", {}, "digit: drag the window, or use the arrow keys")),
      make(
        "div",
        { className: "sum" },
        titled("pixels", pixels.table),
        titled("× weights", group("the nine weights", weights)),
        titled("= products", products.table),
        make("div", {}, titled("sum", total), titled("after ReLU", rectified)),
      ),
      make("figure", {}, map, mapCaption),
      make("figure", {}, pooled, pooledCaption),
    ),
  );
  // Else JupyterLab handles the arrow and letter keys.
  for (const control of root.querySelectorAll("select, input, button, canvas")) {
    control.dataset.lmSuppressShortcuts = "true";
  }
  el.append(root);
  model.on("change", draw);
  draw();
  return () => {
    clearInterval(timer);
    model.off("change", draw);
    root.remove();
  };
}

// Elements

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const inRow = (...children) => make("div", { className: "row" }, ...children);
const labeled = (text, control) => make("label", {}, text, " ", control);
const titled = (text, content) => make("div", {}, make("div", { className: "title" }, text), content);

const group = (ariaLabel, cells) => make("div", { className: "nine", role: "group", ariaLabel }, ...cells);

function nine(label) {
  const cells = Array.from({ length: 9 }, () => make("span"));
  return { cells, table: group(label, cells) };
}

// A hidden element keeps its space, so that nothing jumps.
function show(element, visible) {
  element.style.visibility = visible ? "visible" : "hidden";
}

function fill(cell, text, color) {
  cell.textContent = text;
  cell.style.background = `rgb(${color})`;
  cell.style.color = luminance(color) > 0.179 ? "#000" : "#fff"; // a contrast of at least 4.5 to 1 either way
}

// Numbers

const between = (low, number, high) => Math.min(Math.max(low, number), high);
const same = (a, b) => a.every((number, i) => number === b[i]);
const short = (number, digits = 2) => String(Number(number.toFixed(digits)));

function signed(number) {
  const text = Math.abs(number).toFixed(Math.abs(number) < 10 ? 2 : 1); // what fits into a cell
  return number < 0 && Number(text) ? `−${text}` : text;
}

// Colors

const ink = (amount) => Array(3).fill(Math.round(255 * (1 - between(0, amount, 1))));

// ColorBrewer's RdBu, as in the course's figures: blue below zero, red above.
const BLUE_TO_RED = [
  [5, 48, 97],
  [33, 102, 172],
  [67, 147, 195],
  [146, 197, 222],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [244, 165, 130],
  [214, 96, 77],
  [178, 24, 43],
  [103, 0, 31],
];

function signedColor(share) {
  const position = 5 + 5 * between(-1, share, 1);
  const low = Math.min(Math.floor(position), 9);
  return BLUE_TO_RED[low].map((c, i) => Math.round(c + (position - low) * (BLUE_TO_RED[low + 1][i] - c)));
}

function luminance(color) {
  // Defined in WCAG 2.2
  const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = color.map((part) => linear(part / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// Canvases

function paint(canvas, values, color, isFilled = () => true) {
  canvas.width = canvas.height = CELL * values.length; // clears it
  canvas.style.width = `${(CELL * values.length) / 2}px`;
  const context = canvas.getContext("2d");
  values.forEach((line, r) =>
    line.forEach((value, c) => {
      const filled = isFilled(r, c);
      context.fillStyle = filled ? `rgb(${color(value)})` : "#d0d0d0";
      context.fillRect(c * CELL, r * CELL, CELL, CELL);
      // Marks that work without color: a dash for negative, a dot where there is no number yet.
      context.fillStyle = filled ? "#fff" : "#777";
      if (filled && value < -1e-9) context.fillRect(c * CELL + 4, r * CELL + 7, 8, 2);
      if (!filled) context.fillRect(c * CELL + 6, r * CELL + 6, 4, 4);
    }),
  );
}

function frame(canvas, row, column, cells, color = "#b34700") {
  const context = canvas.getContext("2d");
  // White next to the color, so that the frame shows on both ink and paper.
  for (const [style, width] of [["#fff", 10], [color, 5]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(column * CELL, row * CELL, cells * CELL, cells * CELL);
  }
}

// JupyterLab's colors if defined, else the page's own.
const STYLE = `
.convolution-explorer {
  color: var(--jp-ui-font-color1, inherit); font: 14px/1.4 var(--jp-ui-font-family, sans-serif);
}
.convolution-explorer .row {
  display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin: 8px 2px;
}
.convolution-explorer figure { margin: 0; }
.convolution-explorer canvas { display: block; max-width: 100%; }
.convolution-explorer figcaption { width: min-content; min-width: 100%; min-height: 2.8em; }
.convolution-explorer .digit { cursor: move; touch-action: none; }
.convolution-explorer .sum { display: flex; flex-wrap: wrap; gap: 6px; max-width: 276px; }
.convolution-explorer .nine { display: grid; grid-template-columns: repeat(3, 44px); gap: 1px; }
.convolution-explorer .nine > *, .convolution-explorer .total {
  box-sizing: border-box; width: 44px; height: 28px; line-height: 26px; font-size: 13px; text-align: center;
  font-variant-numeric: tabular-nums; border: 1px solid #888; display: block; margin: 0; padding: 0;
}
.convolution-explorer :is(select, button, input[type="number"]) {
  font: inherit; color: var(--jp-ui-font-color1, FieldText); background: var(--jp-layout-color1, Field);
  border: 1px solid #888; border-radius: 2px;
}
.convolution-explorer :is(select, button) { min-height: 30px; padding: 0 10px; cursor: pointer; }
.convolution-explorer ::-webkit-inner-spin-button { display: none; } /* takes the space of two digits */
.convolution-explorer input[aria-invalid="true"] { border: 3px double currentColor; }
.convolution-explorer input[type="range"] { width: 220px; min-width: 60px; }
.convolution-explorer label { display: flex; align-items: center; gap: 6px; max-width: 100%; }
.convolution-explorer :focus-visible {
  outline: 3px solid var(--jp-brand-color1, Highlight); outline-offset: 2px;
}
.convolution-explorer .status { margin: 8px 4px; min-height: 2.8em; }
@media (max-width: 600px) { .convolution-explorer .status { min-height: 5.6em; } }
`;

export default { render };
