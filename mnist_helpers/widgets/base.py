"""What the widgets share: a picture for where there is no kernel, pictures made quickly, two controls."""

import base64
import html
import io
import threading

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from PIL import Image


class Explorer:
    """A widget that is also a picture. To be named before the ipywidgets class that it goes with.

    A subclass gives `static_figure` and a ``__repr__`` of one line that states what it shows. Both go
    with the widget's view into the output of a cell, so that a page without a kernel, a print or a
    test has them.
    """

    def static_figure(self) -> Figure:
        """A figure that makes the widget's point without a kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if "image/png" in (kwargs.get("exclude") or ()):
            return data, metadata  # the picture would be made for nothing
        figure = self.static_figure()
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        plt.close(figure)
        extra = {"text/plain": repr(self), "image/png": base64.b64encode(picture.getvalue()).decode()}
        return data | extra, metadata

    def _redraw_on(self, names: list[str]) -> None:
        """Call `_redraw` now, and again whenever one of these traits has changed.

        JupyterLab can have the messages of two controls handled by two threads of the kernel. With this
        they redraw one after the other, and the last one has seen what both have changed.
        """
        lock = threading.RLock()

        def redraw(change=None) -> None:
            with lock:
                self._redraw()

        self.observe(redraw, names)
        redraw()


class Status(anywidget.AnyWidget):
    """A line of text that a screen reader says when it changes, as it does not for `ipywidgets.HTML`."""

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
    """A slider whose description is its name for a screen reader too, as it is not in ipywidgets."""

    _esm = """
    function render({ model, el }) {
      const line = el.appendChild(document.createElement("div"));
      line.innerHTML = `
        <label style="display: flex; gap: 8px"><span></span><input type="range"></label>
        <span aria-hidden="true"></span>`; // hidden, as the slider says its value itself
      line.style.cssText = "display: flex; gap: 8px; min-width: 0; font-variant-numeric: tabular-nums";
      const [name, range, shown] = line.querySelectorAll("label > *, div > span");
      name.style.minWidth = "4em"; // so that sliders stand in line
      range.style.cssText = "width: 150px; min-width: 60px";
      range.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for its own
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
    """A list to choose from that keeps its keys: of ipywidgets', JupyterLab takes arrows and digits."""

    _esm = """
    function render({ model, el }) {
      const line = el.appendChild(document.createElement("label"));
      line.innerHTML = `<span></span><select></select>`;
      line.style.cssText = "display: flex; gap: 8px";
      const [name, list] = line.children;
      name.style.minWidth = "4em"; // as the names of sliders, to stand in line with them
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
    """Turn amounts of ink into gray on white paper.

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
    limit : the number whose color is the darkest; larger ones look the same.

    Returns
    -------
    uint8, of the shape of `values` with an axis of 3 (red, green, blue) added.
    """
    return plt.colormaps["RdBu_r"](0.5 + 0.5 * np.clip(values / limit, -1, 1), bytes=True)[..., :3]


def image_html(pixels: np.ndarray, alt: str, width: int) -> str:
    """An ``<img>`` of an array, each pixel a sharp square.

    Parameters
    ----------
    pixels : uint8, ``(rows, columns)`` for gray or ``(rows, columns, 3)`` for color.
    alt : what the picture shows, in words.
    width : in CSS pixels, where there is room for it.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    source = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" '
        f'style="image-rendering: pixelated; width: {width}px; max-width: 100%">'
    )
