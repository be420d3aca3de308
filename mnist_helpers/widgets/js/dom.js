// Small helpers for views in the page. `make` is the only way that the views create elements.

/**
 * Make an element. Names that are not properties of it (role, aria-…) become attributes.
 *
 * @param children elements or strings; null is left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  // Keeps JupyterLab's shortcuts (arrow keys, single letters) off while the element has the focus.
  element.dataset.lmSuppressShortcuts = "true";
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function button(text, onclick) {
  return make("button", { type: "button", onclick }, text);
}
