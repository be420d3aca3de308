"""Interactive widgets, one an idea. Notebooks write ``from mnist_helpers.widgets import DigitPad``.

A widget is two files: ``NAME.py``, its class with its state and its picture, and ``js/NAME.js``, its view.
The class is named after the files: `DigitPad` is in ``digit_pad.py``. It is loaded on first use.
"""

import importlib
import re
from pathlib import Path


def module_name(widget: str) -> str:
    """The name of a widget's files: "digit_pad" for "DigitPad"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", widget).lower()


def __getattr__(name: str):
    if name not in __dir__():
        raise AttributeError(f"mnist_helpers.widgets has no {name!r}; it offers {', '.join(__dir__())}")
    return getattr(importlib.import_module(f"{__name__}.{module_name(name)}"), name)


def __dir__() -> list[str]:
    sources = sorted(Path(__file__).with_name("js").glob("*.js"))
    views = [path.stem for path in sources if "\nexport default " in path.read_text(encoding="utf-8")]
    return [view.title().replace("_", "") for view in views]
