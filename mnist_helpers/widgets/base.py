"""What the widgets share: a static picture for pages without a kernel, fast images, and three controls."""

import base64
import html
import io
import re
import threading
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from PIL import Image


JS = Path(__file__).with_name("js")
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./(\w+\.js)\";\n", re.MULTILINE)


def esm(name: str) -> str:
    """Join a view and all that it imports into the one module that anywidget takes.

    Parameters
    ----------
    name : a file in ``js/``. It and its imports are ES modules; imports are named, and names are unique.

    Returns
    -------
    The source, imported modules first. Only the view's own exports remain.
    """
    parts: dict[str, str] = {}

    def add(file: str) -> None:
        source = (JS / file).read_text(encoding="utf-8")
        for imported in _IMPORT.findall(source):
            if imported not in parts:
                add(imported)
        parts[file] = re.sub(r"^export (?!default)", "", _IMPORT.sub("", source), flags=re.MULTILINE)

    add(name)
    return "\n".join(parts.values())


class Explorer:
    """Mixin for a widget that is also a picture. List it before the ipywidgets base class.

    A subclass provides `static_figure` and a one-line ``__repr__`` that says what it shows. Both are stored
    in the cell's output along with the widget's view, for pages without a kernel, for print and for tests.
    """

    def static_figure(self) -> Figure:
        """A figure that makes the widget's point without a kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if "image/png" in (kwargs.get("exclude") or ()):
            return data, metadata  # nobody wants the picture, so do not draw it
        figure = self.static_figure()
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        plt.close(figure)
        extra = {"text/plain": repr(self), "image/png": base64.b64encode(picture.getvalue()).decode()}
        return data | extra, metadata

    def _redraw_on(self, names: list[str]) -> None:
        """Call `_redraw` now, and again whenever one of these traits has changed.

        Messages from two controls in JupyterLab can be handled in two threads of the kernel. The lock makes
        them redraw one after the other, so that the last redraw sees both changes.
        """
        lock = threading.RLock()

        def redraw(change=None) -> None:
            with lock:
                self._redraw()

        self.observe(redraw, names)
        redraw()


class Status(anywidget.AnyWidget):
    """A line of text that screen readers announce when it changes, unlike `ipywidgets.HTML`."""

    _esm = """
    function render({ model, el }) {
      el.setAttribute("role", "status");
      const show = () => { el.textContent = model.get("text"); };
      model.on("change:text", show);
      show();
    }
    export default { render };
    """

    text = traitlets.Unicode().tag(sync=True)


class Slider(anywidget.AnyWidget):
    """A slider whose description is also its accessible name, unlike in ipywidgets."""

    _esm = """
    function render({ model, el }) {
      const line = el.appendChild(document.createElement("div"));
      line.innerHTML = `
        <label style="display: flex; gap: 8px"><span></span><input type="range"></label>
        <span aria-hidden="true"></span>`; // hidden, as screen readers read the slider's value
      line.style.cssText = "display: flex; gap: 8px; min-width: 0; font-variant-numeric: tabular-nums";
      const [name, range, shown] = line.querySelectorAll("label > *, div > span");
      name.style.minWidth = "4em"; // so that sliders line up
      range.style.cssText = "width: 150px; min-width: 60px";
      range.dataset.lmSuppressShortcuts = "true"; // else JupyterLab handles the arrow keys
      name.textContent = model.get("description");
      const show = () => {
        for (const key of ["min", "max", "step", "value"]) range[key] = model.get(key);
        shown.textContent = model.get("value");
      };
      range.addEventListener("input", () => {
        model.set("value", range.valueAsNumber);
        model.save_changes();
      });
      model.on("change", show);
      show();
    }
    export default { render };
    """

    description = traitlets.Unicode().tag(sync=True)
    value = traitlets.Union([traitlets.Int(), traitlets.Float()]).tag(sync=True)
    min = traitlets.Float().tag(sync=True)
    max = traitlets.Float().tag(sync=True)
    step = traitlets.Float(1).tag(sync=True)


class Choice(anywidget.AnyWidget):
    """A drop-down list that gets its own keys; with ipywidgets' one, JupyterLab takes arrows and digits."""

    _esm = """
    function render({ model, el }) {
      const line = el.appendChild(document.createElement("label"));
      line.innerHTML = `<span></span><select></select>`;
      line.style.cssText = "display: flex; gap: 8px";
      const [name, list] = line.children;
      name.style.minWidth = "4em"; // like sliders' names, to line up with them
      name.textContent = model.get("description");
      list.dataset.lmSuppressShortcuts = "true";
      list.append(...model.get("options").map((option) => new Option(option)));
      const show = () => { list.selectedIndex = model.get("options").indexOf(model.get("value")); };
      list.addEventListener("change", () => {
        model.set("value", model.get("options")[list.selectedIndex]);
        model.save_changes();
      });
      model.on("change:value", show);
      show();
    }
    export default { render };
    """

    description = traitlets.Unicode().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    value = traitlets.Any().tag(sync=True)


def ink(images: np.ndarray) -> np.ndarray:
    """Turn amounts of ink into gray levels on white paper.

    Parameters
    ----------
    images : floats in [0, 1], of any shape; 1 is ink. Values outside are clipped.

    Returns
    -------
    uint8, of the same shape; 255 is paper.
    """
    return np.rint(255 * (1 - np.clip(images, 0, 1))).astype(np.uint8)


def signed_colors(values: np.ndarray, limit: float) -> np.ndarray:
    """Color numbers by sign, as `show_channels` does: blue below zero, white at zero, red above.

    Parameters
    ----------
    values : floats, of any shape.
    limit : the magnitude that gets the darkest color; larger ones are clipped.

    Returns
    -------
    uint8, with the shape of `values` plus a last axis of 3 (red, green, blue).
    """
    return plt.colormaps["RdBu_r"](0.5 + 0.5 * np.clip(values / limit, -1, 1), bytes=True)[..., :3]


def image_html(pixels: np.ndarray, alt: str, width: int) -> str:
    """An ``<img>`` of an array, with each pixel a sharp square.

    Parameters
    ----------
    pixels : uint8, ``(rows, columns)`` for gray or ``(rows, columns, 3)`` for color.
    alt : the alt text.
    width : in CSS pixels, or less if there is not enough room.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    source = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" '
        f'style="image-rendering: pixelated; width: {width}px; max-width: 100%">'
    )
