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

/** The root element of a view, with the shared rules and the view's own, which start with `.name`. */
export function rootElement(name, style, ...children) {
  return make(
    "div",
    { className: `mnist-widget ${name}` },
    make("style", {}, SHARED_STYLE + style),
    ...children,
  );
}

const SHARED_STYLE = `
.mnist-widget { --blue: light-dark(#0072b2, #56b4e9); --orange: light-dark(#d55e00, #ff8f40);
  --on-blue: light-dark(#fff, #000); --ground: var(--jp-layout-color0, light-dark(#fff, #14181e));
  color: var(--jp-ui-font-color1, inherit); font-size: 14px; line-height: 1.4; max-width: 60rem;
  padding: 6px; /* room for the focus ring */ }
body[data-jp-theme-light=false] .mnist-widget { color-scheme: dark; } /* JupyterLab */
.mnist-widget *, .mnist-widget *::before { box-sizing: border-box; }
.mnist-widget .row { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; margin-top: .5rem; }
.mnist-widget .row > * { max-width: 100%; min-width: 0; }
.mnist-widget label { display: inline-flex; gap: .35rem; align-items: center; min-height: 24px; }
.mnist-widget fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.mnist-widget legend, .mnist-widget caption { font-weight: bold; padding: .6rem 0 0; text-align: left;
  color: inherit; }
.mnist-widget figure { margin: 0; }
.mnist-widget figcaption { color: inherit; }
.mnist-widget p { margin: .3rem 0 0; min-height: 1.4em; }
.mnist-widget :is(button, select, input[type=number]) { font: inherit; color: inherit; background: transparent;
  border: 1px solid light-dark(#767676, #8a8a8a); border-radius: 3px; padding: .15rem .6rem; min-height: 26px; }
.mnist-widget select option { color: FieldText; background: Field; }
.mnist-widget button:disabled { opacity: .5; }
.mnist-widget input { accent-color: var(--blue); margin: 0; }
.mnist-widget input[type=range] { touch-action: pan-y; } /* a swipe that begins on it scrolls the page */
.mnist-widget input[type=checkbox]:not(:checked) { appearance: none; width: 13px; height: 13px; border-radius: 2px;
  border: 1px solid light-dark(#767676, #8a8a8a); } /* empty in the dark, too */
.mnist-widget input[type=number] { width: 5.5em; }
.mnist-widget :focus-visible { outline: 3px solid var(--orange); outline-offset: 2px; }
.mnist-widget table { border-collapse: collapse; margin: 0; border: 0; font-variant-numeric: tabular-nums; }
.mnist-widget :is(th, td) { padding: .1rem .3rem; text-align: left; background: none; border: 0; }
`;
