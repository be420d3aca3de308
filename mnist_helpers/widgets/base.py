"""The base of all widgets: state in synced traits, a picture, and what a page without a kernel needs."""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
import traitlets
from matplotlib.figure import Figure

from mnist_helpers.widgets import module_name

JS = Path(__file__).with_name("js")
FOR_THE_PAGE = "application/vnd.mnist-helpers.widget+json"
MOST_INLINE = (
    64 * 1024
)  # characters; what takes more is named by its SHA-256, and found when the site is built
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


class Checked(traitlets.TraitType):
    """A trait with a function ``check(value, name)``: it returns the value to keep or raises a ValueError."""

    def __init__(self, check: Callable, default):
        super().__init__(default_value=default)
        self.check = check

    def validate(self, obj, value):
        try:
            return self.check(value, self.name)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from error


class Widget(anywidget.AnyWidget):
    """A widget that is also a picture, and live on a page without a kernel.

    A subclass has all of its state in synced traits, ``_esm = esm("NAME.js")``, a `static_figure`, and a
    one-line ``__repr__`` that says what it shows. A cell's output stores that text, the picture and the state
    along with the view, for pages without a kernel, for print and for tests.
    """

    # What you can do with the widget in a running notebook, if its view needs a kernel: a note on the page.
    with_kernel: str | None = None

    def static_figure(self) -> Figure:
        """A figure that makes the widget's point without a kernel."""
        raise NotImplementedError

    def page_bundle(self) -> dict:
        """What a page without a kernel needs: the view and its state, or the note that it takes a kernel."""
        if self.with_kernel:
            return {"with_kernel": self.with_kernel}
        names = [
            name
            for name in type(self).class_traits(sync=True)
            if not name.startswith("_") and name not in anywidget.AnyWidget.class_trait_names()
        ]
        return {"view": module_name(type(self).__name__), "state": _as_json(self.get_state(names))}

    def set_state(self, sync_data: dict) -> None:
        """Take over a change from the page, or set the page back to what Python has if it is refused."""
        try:
            super().set_state(sync_data)
        except traitlets.TraitError:
            self.send_state(list(sync_data))

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        if "image/png" in (kwargs.get("exclude") or ()):
            return data, metadata  # nobody wants the picture, so do not draw it
        figure = self.static_figure()
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        plt.close(figure)
        extra = {"text/plain": repr(self), "image/png": base64.b64encode(picture.getvalue()).decode()}
        return data | extra | {FOR_THE_PAGE: self.page_bundle()}, metadata


def packed(content: bytes) -> str:
    """Bytes as text, for JSON: compressed by zlib, in Base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _as_json(value):
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(part) for part in value]
    if isinstance(value, bytes | memoryview):
        text = packed(value)
        return {"zlib": text} if len(text) <= MOST_INLINE else {"sha256": hashlib.sha256(value).hexdigest()}
    return value
