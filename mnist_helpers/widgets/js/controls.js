// What most views are made of: labeled controls, each with an element and a `show` that sets it; and `showView`.

import { button, make, rootElement } from "./dom.js";

/** Some of a model's traits, by name. */
export function getTraits(model, names) {
  return Object.fromEntries(names.map((name) => [name, model.get(name)]));
}

/** Set several traits in one message. */
export function setTraits(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

/**
 * Show a view: `draw` it now and at each change. Returns the clean-up function.
 *
 * A `draw` that waits for bytes returns true, and calls the function that it is given once they are there.
 */
export function showView({ model, el }, name, style, draw, ...children) {
  const root = rootElement(name, CONTROL_STYLE + style, ...children);
  const update = () => {
    root.ariaBusy = String(draw(update) === true);
  };
  el.append(root);
  model.on("change", update);
  update();
  return () => {
    model.off("change", update);
    root.remove();
  };
}

/** Set a status, if it has changed: screen readers announce it. */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export const between = (low, number, high) => Math.min(Math.max(low, number), high);

const labeled = (text, control) => make("label", {}, make("span", {}, text), control);

/** A drop-down list. `show` selects a value, and adds it if need be; `choose` is called with what the user selects. */
export function choiceControl(label, options, choose, text = String) {
  const list = make("select", { onchange: () => choose(options[list.selectedIndex]) });
  list.append(...options.map((option) => new Option(text(option))));
  const show = (value) => {
    if (!options.includes(value)) {
      options = [...options, value];
      list.append(new Option(text(value)));
    }
    list.selectedIndex = options.indexOf(value);
  };
  return { element: labeled(label, list), show };
}

/** A slider. Its value stands beside it, where screen readers do not repeat it. */
export function sliderControl(label, range, choose, text = String) {
  let before = null;
  const slider = make("input", {
    type: "range",
    ...range,
    oninput: () => choose(slider.valueAsNumber),
    onpointerdown: () => (before = slider.valueAsNumber),
    onpointercancel: () => choose(before), // a swipe that scrolls the page
  });
  const number = make("span", { ariaHidden: "true" });
  const show = (value, max = range.max) => {
    slider.max = max; // first, because it limits the value
    slider.value = value;
    number.textContent = slider.ariaValueText = text(value);
  };
  return { element: make("div", { className: "slider" }, labeled(label, slider), number), show };
}

/** A whole number from 0 to type. Instead of one that is too large, the largest is chosen. */
export function numberControl(label, max, choose) {
  let shown = null;
  const input = make("input", {
    type: "number",
    min: 0,
    max,
    oninput: () => {
      const wanted = Math.round(input.valueAsNumber);
      if (!isNaN(wanted)) choose(between(0, wanted, input.max));
    },
    onblur: () => (input.value = shown), // if what was typed is no number
  });
  // What is being typed stays, unless the value has changed.
  const show = (value, max = input.max) => {
    input.max = max;
    if (value === shown) return;
    shown = value;
    if (input.valueAsNumber !== value) input.value = value;
  };
  return { element: labeled(label, input), show };
}

/** Buttons, one of them pressed. `show` says which, and may give other options. */
export function toggleControl(label, options, choose, text = String) {
  const group = make("div", { role: "group", ariaLabel: label });
  let buttons = [];
  const show = (value, shown = options) => {
    if (buttons.length === 0 || shown.join() !== options.join()) {
      options = shown;
      buttons = options.map((option) => button(text(option), () => choose(option)));
      group.replaceChildren(...buttons);
    }
    buttons.forEach((each, i) => (each.ariaPressed = String(options[i] === value)));
  };
  const title = make("span", { ariaHidden: "true" }, label);
  return { element: make("div", { className: "toggle" }, title, group), show };
}

export const CONTROL_STYLE = `
.slider, .toggle { display: flex; gap: 8px; font-variant-numeric: tabular-nums; }
:is(.slider, .toggle) span:first-child { min-width: 4em; }
.slider input { width: 150px; min-width: 60px; }
.toggle { align-items: baseline; }
.toggle > div { display: flex; flex-wrap: wrap; gap: 4px; min-width: 0; }
.mnist-widget .toggle button[aria-pressed=true] { background: var(--blue); border-color: var(--blue); color: var(--on-blue); }
.mnist-widget[aria-busy=true]::after { content: "being loaded"; opacity: 0; animation: appear 0s 2s forwards; }
@keyframes appear { to { opacity: 1; } }
`;
