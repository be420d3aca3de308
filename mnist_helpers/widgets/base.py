"""The base of all widgets: state in synced traits, a picture, and what a page without a kernel needs."""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import anywidget
import matplotlib.pyplot as plt
import traitlets
from matplotlib.figure import Figure

from mnist_helpers.widgets import module_name

JS = Path(__file__).with_name("js")
FOR_THE_PAGE = "application/vnd.mnist-helpers.widget+json"
MOST_INLINE = 128 * 1024  # characters; bytes that take more are named by their SHA-256: tools/live_widgets.py
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./(\w+\.js)\";\n", re.MULTILINE)


def esm(name: str) -> str:
    """Join a view in ``js/`` and all that it imports into the one module that anywidget takes.

    Imports must be named, and no two modules may have a name in common at their top level. Imported modules
    come first; only the view's own export remains.
    """
    parts: dict[str, str] = {}

    def add(file: str) -> None:
        source = (JS / file).read_text(encoding="utf-8")
        for imported in _IMPORT.findall(source):
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

    # Bytes that a view does not need at first. It asks for them by name, `model.send({ wanted: name })`, and
    # gets { wanted: name } with the bytes: from the kernel or, on a page without one, from live.js.
    on_demand: ClassVar[dict[str, Callable[[], bytes]]] = {}

    def __init__(self, **traits):
        super().__init__(**traits)
        self.on_msg(Widget._answer)

    def _answer(self, content: dict, _buffers) -> None:
        name = content.get("wanted")
        if name in self.on_demand:
            self.send({"wanted": name}, [self.on_demand[name]()])

    def static_figure(self) -> Figure:
        """A figure that makes the widget's point without a kernel."""
        raise NotImplementedError

    def page_bundle(self) -> dict:
        """What a page without a kernel needs, the view and its state; empty if it shows the picture."""
        of_all = anywidget.AnyWidget.class_trait_names()
        names = [name for name in self.keys if name not in of_all and not name.startswith("_")]
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


def one_of(allowed, proposal):
    """For a validator of traits: the proposed value, if it is one of those that the widget has."""
    if proposal.value in allowed:
        return proposal.value
    values = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
    raise traitlets.TraitError(f"{proposal.trait.name} must be one of {values}; got {proposal.value!r}")


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
