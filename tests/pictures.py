"""Make nbval compare pictures too: conftest.py replaces nbval's own method by `compare_outputs`.

Notebooks draw from the data and the reference runs, so pictures are the same on every machine, except in
cells tagged ``live``, which draw what they have just measured or trained.
"""

import base64
import functools
import io
import math
import zlib

import matplotlib.image
import numpy as np
from nbval.plugin import IPyNbCell

WIDGET = "application/vnd.mnist-helpers.widget+json"
compare_text = IPyNbCell.compare_outputs


@functools.lru_cache(maxsize=32)
def pixels_of(png: str) -> np.ndarray:
    """A Base64 PNG's pixels: (rows, columns, channels), 0 to 1."""
    return matplotlib.image.imread(io.BytesIO(base64.b64decode(png)))


def alike(first: str, second: str) -> bool:
    """Whether two Base64 PNGs look the same; processors may differ in the last bit of a gray level."""
    a, b = pixels_of(first), pixels_of(second)
    return a.shape == b.shape and np.mean(np.abs(a - b).max(axis=-1) > 0.1) < 2e-5


def same(one, other) -> bool:
    """Whether two states of a widget agree: machines differ in how they compress, and in the last digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() == other.keys() == {"zlib"}:
            one, other = (zlib.decompress(base64.b64decode(packed["zlib"])) for packed in (one, other))
            return one == other
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)
    return one == other


def compare_outputs(cell: IPyNbCell, test: list, ref: list, skip_compare: tuple | None = None) -> bool:
    skip = skip_compare or cell.parent.skip_compare
    fine = compare_text(cell, test, ref, (*skip, WIDGET))
    if "live" in cell.cell.metadata.get("tags", []):
        return fine
    for kind, agree, name in (("image/png", alike, "picture"), (WIDGET, same, "widget's state")):
        found, committed = (
            [output.data[kind] for output in outputs if kind in output.get("data", {})]
            for outputs in (test, ref)
        )
        if len(found) != len(committed) or not all(map(agree, found, committed)):
            cell.comparison_traceback.append(f"The {name} differs from the committed one.")
            fine = False
    return fine
