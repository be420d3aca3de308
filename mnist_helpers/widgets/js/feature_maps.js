// The feature maps: all channels of a layer of a trained network, for a digit, and one of them enlarged.

import { bytesOf } from "./bytes.js";
import { ink } from "./color.js";
import { getTraits, say, setTraits, showView, sliderControl, toggleControl } from "./controls.js";
import { make } from "./dom.js";
import { activations, createNetwork } from "./network.js";

const STATE = ["network", "digit", "number", "layer", "channel"];
const DIGIT_SIDE = 28;
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
export function describe({ network, digit, layer, channel }, outputs, maps) {
  const answer = outputs.at(-1).values;
  const name = layer[0].toUpperCase() + layer.slice(1);
  const own = maps.values.filter((_, i) => i % maps.count === channel);
  return `${network}: a ${digit}, read as ${answer.indexOf(Math.max(...answer))}. ` +
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

function render({ model, el }) {
  const images = bytesOf(model.get("images"));
  const labels = model.get("labels");
  const placesOf = Array.from(
    { length: 10 },
    (_, digit) => labels.flatMap((label, place) => (label === digit ? place : [])),
  );
  let built = {};
  const networks = () => {
    const described = model.get("networks");
    if (built.described === described) return built;
    const [made, channels] = [{}, {}];
    for (const { name, description, weights } of described) {
      made[name] = createNetwork(description, weights);
      channels[name] = Object.fromEntries(made[name].layers.map(({ name, shape }) => [name, shape.at(-1)]));
    }
    return built = { described, made, counts: { channels, images: placesOf.map(({ length }) => length) } };
  };
  const state = () => settle(getTraits(model, STATE), networks().counts);
  const choose = (name) => (value) =>
    setTraits(model, settle({ ...state(), [name]: value }, networks().counts));

  const network = toggleControl("network", Object.keys(networks().made), choose("network"));
  const layer = toggleControl("layer", [], choose("layer"));
  const [digit, number, channel] = [["digit", 9], ["number", 0], ["channel", 0]].map(([name, max]) =>
    sliderControl(name, { min: 0, max }, choose(name))
  );
  const said = make("p", { role: "status" });
  const [original, sheet, enlarged] = Array.from({ length: 3 }, () => make("canvas", { role: "img" }));

  function draw() {
    const now = state();
    const { made, counts } = networks();
    const place = placesOf[now.digit][now.number] * DIGIT_SIDE ** 2;
    const image = Float32Array.from(images.subarray(place, place + DIGIT_SIDE ** 2), (byte) => byte / 255);
    const outputs = activations(made[now.network], image);
    const maps = channelsOf(outputs.find(({ name }) => name === now.layer));
    const colors = colorsOf(maps.values);
    const { rows, columns, count } = maps;
    const colorOf = (row, column, channel) => colors[(row * columns + column) * count + channel];
    const inkAt = (row, column) => ink(image[row * DIGIT_SIDE + column]);
    const chosenAt = (row, column) => colorOf(row, column, now.channel);
    paintPicture(original, { rows: DIGIT_SIDE, columns: DIGIT_SIDE, colorAt: inkAt }, WIDTHS.digit);
    paintPicture(sheet, sheetPicture(maps, colorOf, now.channel), WIDTHS.sheet);
    paintPicture(enlarged, { rows, columns, colorAt: chosenAt }, WIDTHS.channel);

    network.show(now.network);
    layer.show(now.layer, Object.keys(counts.channels[now.network]));
    digit.show(now.digit);
    number.show(now.number, counts.images[now.digit] - 1);
    channel.show(now.channel, count - 1);
    original.ariaLabel = `The digit, a ${now.digit}`;
    sheet.ariaLabel = `The channels of ${now.layer}; ${now.channel} is framed`;
    enlarged.ariaLabel = `Channel ${now.channel} of ${now.layer}`;
    say(said, describe(now, outputs, maps));
  }

  const sliders = make("div", { className: "row" }, digit.element, number.element, channel.element);
  const pictures = make("div", { className: "row pictures" }, original, sheet, enlarged);
  const parts = [network.element, layer.element, sliders, said, pictures];
  return showView({ model, el }, "feature-maps", STYLE, draw, ...parts);
}

const STYLE = `
.feature-maps .toggle { margin-top: .4rem; }
.feature-maps p { min-height: 2.8em; }
.feature-maps .pictures { align-items: start; min-height: ${HIGHEST + 2}px; }
.feature-maps canvas { image-rendering: pixelated; border: 1px solid #767676; /* shows an empty channel */ }
@media (max-width: 600px) { .feature-maps p { min-height: 5.6em; } }
`;

export default { render };
