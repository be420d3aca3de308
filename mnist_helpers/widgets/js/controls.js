// Labeled controls: each has an element, and `show` sets it.

import { button, make } from "./dom.js";

/** A drop-down list. `show` selects one of the options, `choose` is called with what the user selects. */
export function choiceControl(label, options, choose, text = String) {
  const list = make("select", { onchange: () => choose(options[list.selectedIndex]) });
  list.append(...options.map((option) => new Option(text(option))));
  const show = (value) => {
    list.selectedIndex = options.indexOf(value);
  };
  return { element: make("label", {}, make("span", {}, label), list), show };
}

/** A slider. Its number stands beside it, where screen readers do not repeat it. */
export function sliderControl(label, range, choose) {
  const slider = make("input", { type: "range", ...range, oninput: () => choose(slider.valueAsNumber) });
  const number = make("span", { ariaHidden: "true" });
  const show = (value, max = range.max) => {
    slider.max = max; // first, because it limits the value
    slider.value = number.textContent = value;
  };
  const labeled = make("label", {}, make("span", {}, label), slider);
  return { element: make("div", { className: "slider" }, labeled, number), show };
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
  return {
    element: make("div", { className: "toggle" }, make("span", { ariaHidden: "true" }, label), group),
    show,
  };
}

/** Set several traits in one message. */
export function setTraits(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

export const CONTROL_STYLE = `
.slider, .toggle { display: flex; gap: 8px; font-variant-numeric: tabular-nums; }
:is(.slider, .toggle) span:first-child { min-width: 4em; }
.slider input { width: 150px; min-width: 60px; }
.toggle { align-items: baseline; }
.toggle > div { display: flex; flex-wrap: wrap; gap: 4px; min-width: 0; }
.mnist-widget .toggle button[aria-pressed=true] { background: #0072b2; border-color: #0072b2; color: #fff; }
`;
