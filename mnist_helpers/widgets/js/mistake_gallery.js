// The mistake gallery: what to show, the confusion matrix, and a page of pictures.

import { bytesOf } from "./bytes.js";
import { ink } from "./color.js";
import { between, choiceControl, getTraits, say, setTraits, showView, sliderControl } from "./controls.js";
import { button, make } from "./dom.js";
import { createGrid, GRID_STYLE } from "./grid.js";

const CLASSES = 10;
const ORDERS = ["surest first", "least sure first"];
const TRAITS = ["networks", "network", "true_digit", "predicted_digit", "confidence", "order", "page"];
const DARKEST = 120; // shade of the most frequent mistake, light enough to read the number on it
const SIDE = 28;
const A_PAGE = 12;
const NOTE =
  "Row: true digit. Column: read as. Here are the images that at least one network misread; those on the " +
  "diagonal were misread by another.";

/** The numbers in the bytes that mnist_helpers/widgets/mistake_gallery.py makes of the mistakes. */
export function unpackMistakes({ position, true: digits, read, sure, images }) {
  const ofEach = (networks, unpack) =>
    Object.fromEntries(Object.entries(networks).map(([name, bytes]) => [name, unpack(bytes)]));
  return {
    position: new Int32Array(bytesOf(position).slice().buffer),
    true: bytesOf(digits),
    read: ofEach(read, bytesOf),
    sure: ofEach(sure, (bytes) => new Float64Array(bytesOf(bytes).slice().buffer)),
    images: bytesOf(images),
  };
}

/** The confusion matrix of the readings that are sure enough, and the selected images' places, in order. */
export function select(
  { network, true_digit, predicted_digit, confidence, order, true: digits, read, sure },
) {
  const counts = Array.from({ length: CLASSES }, () => Array(CLASSES).fill(0));
  const fits = (place) => {
    const [digit, reading] = [digits[place], read[network][place]];
    if (true_digit !== null && digit !== true_digit) return false;
    if (predicted_digit !== null && reading !== predicted_digit) return false;
    return digit !== reading || (true_digit !== null && true_digit === predicted_digit);
  };
  const enough = [...digits.keys()].filter((place) => sure[network][place] >= confidence);
  for (const place of enough) counts[digits[place]][read[network][place]]++;
  const sign = order === ORDERS[0] ? 1 : -1;
  const selected = enough.filter(fits).sort((a, b) => sign * (sure[network][b] - sure[network][a]));
  return { counts, selected, pages: Math.max(1, Math.ceil(selected.length / A_PAGE)) };
}

/** What is selected, in words. */
export function describe(
  { network, true_digit, predicted_digit, confidence, order, page },
  { selected, pages },
) {
  const count = selected.length;
  const of = true_digit === null ? "" : ` of ${true_digit}`;
  let how = "misread";
  if (predicted_digit !== null) how = `misread as ${predicted_digit}`;
  if (predicted_digit !== null && predicted_digit === true_digit) {
    how = "read correctly, misread by another network";
  }
  const sure = confidence ? `, at least ${+(100 * confidence).toPrecision(6)} % sure` : "";
  const images = `${count.toLocaleString("en")} image${count === 1 ? "" : "s"}`;
  return `${network}: ${images}${of} ${how}${sure}, ${order}; page ${page + 1} of ${pages}`;
}

/** Each network's reading of the image in a place, with the current network's first. */
export function readingsOf({ network, networks, read, sure }, place) {
  const names = [network, ...networks.filter((name) => name !== network)];
  return names.map((name) => `${name}: ${read[name][place]} (${percent(sure[name][place])})`);
}

/** It never says 100 %: softmax is never certain. */
const percent = (share) => (share >= 0.9995 ? ">99.9 %" : `${(100 * share).toFixed(1)} %`);

/** Shade the mistakes only: beside the correctly read images, nothing else would be seen. */
export function shadeMistakes(counts) {
  const mistakes = counts.map((line, row) => line.map((count, column) => (row === column ? 0 : count)));
  const most = Math.max(...mistakes.flat(), 1);
  return mistakes.map((line) => line.map((count) => Math.floor(DARKEST * count / most)));
}

function picture(title, said, bytes) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img", ariaLabel: title });
  const pixels = new ImageData(SIDE, SIDE);
  bytes.forEach((value, i) => pixels.data.set([...ink(value / 255), 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const [viewed, ...others] = said.map((line) => line.replace(" %", "\u00a0%"));
  const words = [title, make("b", {}, viewed), ...others].map((line) => make("div", {}, line));
  return make("figure", {}, canvas, make("figcaption", {}, ...words));
}

function render({ model, el }) {
  const mistakes = unpackMistakes(model.get("mistakes"));
  const stateOf = () => ({ ...getTraits(model, TRAITS), ...mistakes });
  const choose = (name) => (value) => setTraits(model, { [name]: value, page: 0 });
  const turn = (pages) => {
    const last = select(stateOf()).pages - 1;
    setTraits(model, { page: between(0, model.get("page") + pages, last) });
  };
  const digits = [null, ...Array(CLASSES).keys()];
  const orAny = (digit) => digit ?? "any";
  const controls = {
    network: choiceControl("network", model.get("networks"), choose("network")),
    true_digit: choiceControl("true digit", digits, choose("true_digit"), orAny),
    predicted_digit: choiceControl("read as", digits, choose("predicted_digit"), orAny),
    confidence: sliderControl("at least this sure", { max: 1, step: 0.01 }, choose("confidence")),
    order: choiceControl("order", ORDERS, choose("order")),
  };
  const grid = createGrid({
    label: "Confusion matrix of these images: a row for each true digit, a column for each predicted digit",
    size: [CLASSES, CLASSES],
    numbers: true,
    say: (row, column, count) => `${row} read as ${column}: ${count}`,
    choose: (row, column) => setTraits(model, { true_digit: row, predicted_digit: column, page: 0 }),
  });
  const about = make("p", { role: "status" });
  const [previous, next] = [button("Previous page", () => turn(-1)), button("Next page", () => turn(1))];
  const pictures = make("div", { className: "row pictures" });

  function draw() {
    const state = stateOf();
    const selection = select(state);
    for (const [name, control] of Object.entries(controls)) control.show(state[name]);
    const chosen = [state.true_digit, state.predicted_digit];
    grid.update(selection.counts, shadeMistakes(selection.counts), chosen.includes(null) ? null : chosen);
    say(about, describe(state, selection));
    previous.disabled = state.page === 0;
    next.disabled = state.page >= selection.pages - 1;
    const shown = selection.selected.slice(A_PAGE * state.page, A_PAGE * (state.page + 1));
    pictures.replaceChildren(...shown.map((place) => {
      const title = `image ${state.position[place]}, digit ${state.true[place]}`;
      const bytes = state.images.subarray(SIDE * SIDE * place, SIDE * SIDE * (place + 1));
      return picture(title, readingsOf(state, place), bytes);
    }));
  }

  const row = (name, ...children) => make("div", { className: `row ${name}` }, ...children);
  const found = make("div", { className: "found" }, about, row("", previous, next), pictures);
  const choices = row("", ...Object.values(controls).map(({ element }) => element));
  const matrix = make("div", {}, grid.element, make("p", { className: "note" }, NOTE));
  const parts = row("parts", matrix, found);
  return showView({ model, el }, "mistake-gallery", GRID_STYLE + STYLE, draw, choices, parts);
}

const STYLE = `
.mistake-gallery .cell-grid { width: 350px; }
.mistake-gallery .note { max-width: 350px; font-size: 12px; }
.mistake-gallery .found { flex: 1 1 240px; }
.mistake-gallery .pictures { font-size: 12px; line-height: 1.4; }
.mistake-gallery figure { width: 136px; }
.mistake-gallery canvas { width: 84px; max-width: 100%; image-rendering: pixelated; }
`;

export default { render };
