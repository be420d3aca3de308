// The mistake gallery: what to show, the confusion matrix, and a page of pictures.

import { bytesOf } from "./bytes.js";
import { ink } from "./color.js";
import { between, choiceControl, getTraits, setTraits, showView, sliderControl } from "./controls.js";
import { button, make } from "./dom.js";
import { createGrid, GRID_STYLE } from "./grid.js";

const CLASSES = 10;
const DARKEST = 120; // shade of the most frequent mistake, light enough to read the number on it
const SIDE = 28;

/** Shade the mistakes only: beside the correctly read images, nothing else would be seen. */
export function shadeMistakes(counts) {
  const mistakes = counts.map((line, row) => line.map((count, column) => (row === column ? 0 : count)));
  const most = Math.max(...mistakes.flat(), 1);
  return mistakes.map((line) => line.map((count) => Math.floor(DARKEST * count / most)));
}

function picture({ title, said }, bytes) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img", ariaLabel: title });
  const pixels = new ImageData(SIDE, SIDE);
  bytes.forEach((value, i) => pixels.data.set([...ink(value / 255), 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const [viewed, ...others] = said.map((line) => line.replace(" %", "\u00a0%"));
  const words = [title, make("b", {}, viewed), ...others].map((line) => make("div", {}, line));
  return make("figure", {}, canvas, make("figcaption", {}, ...words));
}

function render({ model, el }) {
  const choose = (name) => (value) => setTraits(model, { [name]: value, page: 0 });
  const turn = (pages) => {
    const last = model.get("content").pages - 1;
    setTraits(model, { page: between(0, model.get("page") + pages, last) });
  };
  const digits = [null, ...Array(CLASSES).keys()];
  const orAny = (digit) => digit ?? "any";
  const controls = {
    network: choiceControl("network", model.get("networks"), choose("network")),
    true_digit: choiceControl("true digit", digits, choose("true_digit"), orAny),
    predicted_digit: choiceControl("read as", digits, choose("predicted_digit"), orAny),
    confidence: sliderControl("at least this sure", { max: 1, step: 0.01 }, choose("confidence")),
  };
  const grid = createGrid({
    label: "Confusion matrix: a row for each true digit, a column for each predicted digit",
    size: [CLASSES, CLASSES],
    numbers: true,
    say: (row, column, count) => `${row} read as ${column}: ${count}`,
    choose: (row, column) => setTraits(model, { true_digit: row, predicted_digit: column, page: 0 }),
  });
  const about = make("p", { role: "status" });
  const [previous, next] = [button("Previous page", () => turn(-1)), button("Next page", () => turn(1))];
  const pictures = make("div", { className: "row pictures" });

  function draw() {
    const content = model.get("content");
    const state = getTraits(model, Object.keys(controls));
    for (const [name, control] of Object.entries(controls)) control.show(state[name]);
    const chosen = [state.true_digit, state.predicted_digit];
    grid.update(content.counts, shadeMistakes(content.counts), chosen.includes(null) ? null : chosen);
    about.textContent = content.about;
    previous.disabled = content.choices.page === 0;
    next.disabled = content.choices.page === content.pages - 1;
    const images = bytesOf(content.images);
    const bytes = (i) => images.subarray(SIDE * SIDE * i, SIDE * SIDE * (i + 1));
    pictures.replaceChildren(...content.pictures.map((said, i) => picture(said, bytes(i))));
  }

  const row = (name, ...children) => make("div", { className: `row ${name}` }, ...children);
  const found = make("div", { className: "found" }, about, row("", previous, next), pictures);
  const choices = row("", ...Object.values(controls).map(({ element }) => element));
  const parts = row("parts", grid.element, found);
  return showView({ model, el }, "mistake-gallery", GRID_STYLE + STYLE, draw, choices, parts);
}

const STYLE = `
.mistake-gallery .cell-grid { width: 350px; }
.mistake-gallery .found { flex: 1 1 240px; }
.mistake-gallery .pictures { font-size: 12px; line-height: 1.4; }
.mistake-gallery figure { width: 142px; }
.mistake-gallery canvas { width: 84px; max-width: 100%; image-rendering: pixelated; }
`;

export default { render };
