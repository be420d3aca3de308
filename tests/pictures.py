"""Make nbval compare pictures too: conftest.py replaces nbval's own method by `compare_outputs`.

Notebooks draw from the data and the reference runs, so pictures are the same on every machine, except in
cells tagged ``live``, which draw what they have just measured or trained.
"""

import base64
import io

import matplotlib.image
import numpy as np
from nbval.plugin import IPyNbCell

compare_text = IPyNbCell.compare_outputs


def alike(first: str, second: str) -> bool:
    """Whether two Base64 PNGs look the same; processors may differ in the last bit of a gray level."""
    a, b = (matplotlib.image.imread(io.BytesIO(base64.b64decode(png))) for png in (first, second))
    return a.shape == b.shape and np.mean(np.abs(a - b).max(axis=-1) > 0.1) < 2e-5


def compare_outputs(cell: IPyNbCell, test: list, ref: list, skip_compare: tuple | None = None) -> bool:
    fine = compare_text(cell, test, ref, skip_compare)
    if "live" in cell.cell.metadata.get("tags", []):
        return fine
    drawn, committed = (
        [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
        for outputs in (test, ref)
    )
    if len(drawn) != len(committed) or not all(map(alike, drawn, committed)):
        cell.comparison_traceback.append("The picture differs from the committed one.")
        return False
    return fine
