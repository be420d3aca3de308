// The feature maps: all channels of a layer of a trained network, for a digit, and one of them enlarged.
//
// The digit is one of the model's, or one that is drawn.

import { ink } from "./color.js";
import { getTraits, say, setTraits, showView, sliderControl, toggleControl } from "./controls.js";
import { createDigits } from "./digits.js";
import { button, make } from "./dom.js";
import { emptyPad, prepare, SIDE } from "./image.js";
import { activations, createNetworks } from "./network.js";
import { createDrawing, createSheet, PAD_STYLE } from "./pad.js";

const STATE = ["network", "digit", "number", "layer", "channel"];
const STEPS = { crop: true, fit: true, center: true };
const PAUSE = 200; // milliseconds without a change, after which the drawing is sent
const LINE = [190, 190, 190]; // around a channel
const FRAME = [213, 94, 0]; // around the chosen one
// The largest widths of the pictures and their largest height, in CSS pixels
const WIDTHS = { digit: 112, sheet: 440, channel: 224 };
const HIGHEST = 300;

/**
 * Reset the parts of a state that another network, layer or digit has made invalid, as the Python class does.
 *
 * @param counts { channels: { network: { layer: count } }, images: the count of images of each digit }
 */
export function settle({ network, digit, number, layer, channel }, { channels, images }) {
  const layers = channels[network];
  layer = layer in layers ? layer : Object.keys(layers)[0];
  const within = (value, count) => Math.min(value, count - 1);
  return {
    network,
    digit,
    number: within(number, images[digit]),
    layer,
    channel: within(channel, layers[layer]),
  };
}

/** What a layer gives: { rows, columns, count, values }. Each number of a dense layer is a channel of 1×1. */
export function channelsOf({ shape, values }) {
  const [rows, columns, count] = shape.length === 3 ? shape : [1, 1, ...shape];
  return { rows, columns, count, values };
}

/** A gray for each value. They share one scale, from 0, or from the smallest value if that is below. */
export function colorsOf(values) {
  const low = values.reduce((least, value) => Math.min(least, value), 0);
  const range = largest(values) - low || 1;
  return Array.from(values, (value) => ink((value - low) / range));
}

/** What the view says about a layer. */
export function describe({ network, digit, layer, channel, drawn }, outputs, maps) {
  const answer = outputs.at(-1).values;
  const name = layer[0].toUpperCase() + layer.slice(1);
  const own = maps.values.filter((_, i) => i % maps.count === channel);
  return `${network}: ${drawn ? "your drawing" : `a ${digit}`}, read as ${
    answer.indexOf(Math.max(...answer))
  }. ` +
    `${name}: ${maps.count} channels of ${maps.rows}×${maps.columns} on one scale, largest value ` +
    `${largest(maps.values).toFixed(2)}. Channel ${channel}: largest value ${largest(own).toFixed(2)}.`;
}

/**
 * A picture of all channels side by side, with lines of one pixel between them and a frame around one.
 *
 * @return { rows, columns, colorAt(row, column) }
 */
export function sheetPicture({ rows, columns, count }, colorOf, chosen) {
  const across = Math.min(count, rows > 1 ? 8 : 16);
  const [tall, wide] = [rows + 1, columns + 1];
  const [top, left] = [Math.floor(chosen / across) * tall, (chosen % across) * wide];
  const colorAt = (row, column) => {
    const channel = Math.floor(row / tall) * across + Math.floor(column / wide);
    const isOnLine = row % tall === 0 || column % wide === 0 || channel >= count;
    if (!isOnLine) return colorOf(row % tall - 1, column % wide - 1, channel);
    const isFramed = top <= row && row <= top + tall && left <= column && column <= left + wide;
    return isFramed ? FRAME : LINE;
  };
  return { rows: Math.ceil(count / across) * tall + 1, columns: across * wide + 1, colorAt };
}

const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);

function paintPicture(canvas, { rows, columns, colorAt }, most) {
  [canvas.width, canvas.height] = [columns, rows];
  // A whole number of CSS pixels for each pixel, so that all are the same size.
  canvas.style.width = `${columns * Math.min(Math.floor(most / columns), Math.floor(HIGHEST / rows))}px`;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    picture.data.set([...colorAt(Math.floor(i / columns), i % columns), 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

/** The number of channels of each layer of a network, by the layer's name. */
function countsOf({ input, layers }) {
  let count = input.at(-1);
  return Object.fromEntries(
    layers.map(({ name, filters, units }) => [name, count = filters ?? units ?? count]),
  );
}

function render({ model, el }) {
  let [redraw, frame, timer] = [() => {}, 0, 0];
  let built = {};
  const networks = () => {
    const described = model.get("networks");
    if (built.described === described) return built;
    const channels = Object.fromEntries(
      described.map(({ name, description }) => [name, countsOf(description)]),
    );
    return built = { described, channels, ...createNetworks(model, () => redraw()) };
  };
  const counts = () => {
    const images = Object.fromEntries(model.get("digits").map((digit, i) => [digit, model.get("counts")[i]]));
    return { channels: networks().channels, images };
  };
  const state = () => settle(getTraits(model, STATE), counts());
  const choose = (name) => (value) => setTraits(model, settle({ ...state(), [name]: value }, counts()));

  const network = toggleControl("network", Object.keys(networks().channels), choose("network"));
  const layer = toggleControl("layer", [], choose("layer"));
  const source = toggleControl(
    "show",
    [false, true],
    (drawn) => setTraits(model, { drawn }),
    (drawn) => drawn ? "one that you draw" : "a digit of MNIST",
  );
  const [digit, number, channel] = [["digit", 9], ["number", 0], ["channel", 0]].map(([name, max]) =>
    sliderControl(name, { min: 0, max }, choose(name))
  );
  const said = make("p", { role: "status" });
  const canvases = Array.from({ length: 3 }, () => make("canvas", { role: "img", hidden: true }));
  const [original, sheet, enlarged] = canvases;
  const find = createDigits(model);
  const drawing = createDrawing(model, () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      redraw();
    });
  });
  const pad = createSheet(model, drawing, () => redraw());
  const back = [button("Undo", drawing.undo), button("Clear", () => drawing.replace(emptyPad()))];
  const paper = make(
    "div",
    { className: "paper pad" },
    pad.element,
    make("div", { className: "row" }, ...back),
  );

  let image = new Float32Array(SIDE ** 2); // until the first digit is there
  function draw(again) {
    redraw = again;
    drawing.receive();
    const [now, drawn] = [state(), model.get("drawn")];
    const { all, ask, channels } = networks();
    const chosen = all.find(({ name }) => name === now.network);
    const found = drawn || find(now.digit, now.number, again);
    network.show(now.network);
    layer.show(now.layer, Object.keys(channels[now.network]));
    source.show(drawn);
    digit.show(now.digit);
    number.show(now.number, counts().images[now.digit] - 1);
    channel.show(now.channel, channels[now.network][now.layer] - 1);
    digit.element.hidden = number.element.hidden = drawn;
    paper.hidden = !drawn;
    if (drawn) {
      const prepared = prepare(drawing.ink, STEPS);
      image = prepared.input;
      pad.paint(prepared.drawing);
      clearTimeout(timer);
      timer = setTimeout(drawing.send, PAUSE);
    } else if (found) image = Float32Array.from(found.image, (byte) => byte / 255);
    ask([chosen], `${Object.values(now)} ${drawn}`);
    if (found === undefined) say(said, "These digits cannot be loaded.");
    else if (!chosen.network) say(said, `${now.network} ${chosen.state}.`);
    if (!found || !chosen.network) return found === null;

    const outputs = activations(chosen.network, image);
    const maps = channelsOf(outputs.find(({ name }) => name === now.layer));
    const colors = colorsOf(maps.values);
    const { rows, columns, count } = maps;
    const colorOf = (row, column, channel) => colors[(row * columns + column) * count + channel];
    const inkAt = (row, column) => ink(image[row * SIDE + column]);
    const chosenAt = (row, column) => colorOf(row, column, now.channel);
    paintPicture(original, { rows: SIDE, columns: SIDE, colorAt: inkAt }, WIDTHS.digit);
    paintPicture(sheet, sheetPicture(maps, colorOf, now.channel), WIDTHS.sheet);
    paintPicture(enlarged, { rows, columns, colorAt: chosenAt }, WIDTHS.channel);
    for (const canvas of canvases) canvas.hidden = false;
    original.ariaLabel = drawn ? "Your drawing, prepared" : `The digit, a ${now.digit}`;
    sheet.ariaLabel = `The channels of ${now.layer}; ${now.channel} is framed`;
    enlarged.ariaLabel = `Channel ${now.channel} of ${now.layer}`;
    say(said, describe({ ...now, drawn }, outputs, maps));
  }

  const sliders = make("div", { className: "row" }, digit.element, number.element, channel.element);
  const pictures = make("div", { className: "row pictures" }, paper, ...canvases);
  const parts = [network.element, layer.element, source.element, sliders, said, pictures];
  const receive = (...message) => networks().receive(...message);
  model.on("msg:custom", receive);
  const close = showView({ model, el }, "feature-maps", PAD_STYLE + STYLE, draw, ...parts);
  return () => {
    model.off("msg:custom", receive);
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    drawing.send();
    close();
  };
}

const STYLE = `
.feature-maps .toggle { margin-top: .4rem; }
.feature-maps [hidden] { display: none; }
.feature-maps .paper { width: 200px; }
.feature-maps p { min-height: 2.8em; }
.feature-maps .pictures { align-items: start; min-height: ${HIGHEST + 2}px; }
.feature-maps canvas { image-rendering: pixelated; border: 1px solid #767676; /* shows an empty channel */ }
@media (max-width: 600px) { .feature-maps p { min-height: 5.6em; } }
`;

export default { render };
