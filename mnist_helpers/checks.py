"""Check arguments: each function returns its argument in the form that the package computes with.

Images may be given as ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``, labels as integers ``(n,)``.
An argument of another form is a ``ValueError`` that says what was expected, what was given and what to do.
"""

import math
from numbers import Integral, Real

import numpy as np

CLASSES = 10
SIDE = 28
FORMS = ((SIDE, SIDE), (SIDE, SIDE, 1), (SIDE * SIDE,))


def finite(array, name: str) -> np.ndarray:
    """Finite numbers of any type and shape."""
    array = _array(array, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got {array.dtype}")
    if bad := array.size - np.count_nonzero(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, but {bad:,} of {array.size:,} values are nan or infinite")
    return array


def as_grids(images, name: str = "images") -> np.ndarray:
    """Images on any scale, for pictures: finite numbers of any type, ``(n, 28, 28)``."""
    images = _array(images, name)
    if images.ndim < 2 or images.shape[1:] not in FORMS:
        hint = "; for one image pass image[None]" if images.shape in FORMS else ""
        raise ValueError(f"{name} must be (n, 28, 28), (n, 28, 28, 1) or (n, 784), got {images.shape}{hint}")
    return finite(images, name).reshape(-1, SIDE, SIDE)


def as_images(images, name: str = "images") -> np.ndarray:
    """Images to compute with: float32 in [0, 1], ``(n, 28, 28)``."""
    return _unit(as_grids(images, name), name)


def as_drawing(drawing, name: str = "drawing") -> np.ndarray:
    """A drawing of any size: float32 or float64 in [0, 1], ``(rows, columns)``; 1 is ink."""
    drawing = _array(drawing, name)
    if drawing.ndim != 2 or not drawing.size:
        raise ValueError(f"{name} must be (rows, columns), got shape {drawing.shape}")
    return _unit(finite(drawing, name), name, drawing.dtype)


def as_digits(labels, name: str = "labels", count: int | None = None, classes: int = CLASSES) -> np.ndarray:
    """Class numbers: int64, ``(n,)``, each from 0 to `classes` - 1; n must be `count`, if given."""
    labels = _array(labels, name)
    if labels.ndim != 1 or (labels.size and not np.issubdtype(labels.dtype, np.integer)):
        hint = "; for one-hot rows or probabilities, take argmax(axis=1)" if labels.ndim == 2 else ""
        hint = "; for a mask, take np.flatnonzero of it" if labels.dtype == bool else hint
        found = f"{labels.dtype} of shape {labels.shape}"
        raise ValueError(f"{name} must be a 1-D array of integers, (n,), got {found}{hint}")
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{name} must be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
    if count is not None and len(labels) != count:
        raise ValueError(f"{name} must have length {count}, one for each image, got {len(labels)}")
    return labels.astype("int64")


def as_pair(true, probabilities) -> tuple[np.ndarray, np.ndarray]:
    """True digits, int64 ``(n,)``, and a network's probabilities for them, floats ``(n, 10)``."""
    true, probabilities = as_digits(true, "true"), _array(probabilities, "probabilities")
    if probabilities.shape != (len(true), CLASSES):
        expected = f"(n, {CLASSES}) with n = {len(true)}, the length of true"
        raise ValueError(f"probabilities must be {expected}; got {probabilities.shape}")
    probabilities = finite(probabilities, "probabilities")
    if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError("each row of probabilities must be 0 or more and sum to 1; logits need a softmax")
    return true, probabilities


def as_history(history) -> dict[str, list[float]]:
    """A training's history: of its numbers, those of loss and accuracy, each a list with one an epoch."""
    keys = [prefix + key for key in ("loss", "accuracy") for prefix in ("", "val_")]
    missing = [key for key in keys if not isinstance(history, dict) or key not in history]
    if missing:
        raise ValueError(
            f"history is missing {', '.join(missing)}; it must be history.history, not what fit returns, "
            "from at least one epoch with validation_data, after a compile with metrics=['accuracy']"
        )
    if len({len(history[key]) for key in keys}) > 1:
        raise ValueError("history must have one number per epoch in each list: fit without validation_freq")
    return {key: history[key] for key in keys}


def as_counts(confusion, name: str = "confusion") -> np.ndarray:
    """A confusion matrix: non-negative integers, ``(k, k)``. Shares are refused: the row totals are lost."""
    confusion = _array(confusion, name)
    if confusion.ndim != 2 or len(set(confusion.shape)) != 1:
        raise ValueError(f"{name} must be a square matrix of counts, got shape {confusion.shape}")
    if confusion.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold counts, which are integers, got {confusion.dtype}")
    if (confusion < 0).any():
        raise ValueError(f"{name} must hold counts, 0 or more, got {confusion.min()}")
    return confusion


def whole(value, name: str, low: int = 0, high: float = math.inf) -> int:
    """A whole number from `low` to `high`, as an int. Floats are refused: 1.0 may be meant as a share."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value <= high:
        hint = "; a count must be an int, not a share" if isinstance(value, float) else ""
        raise ValueError(f"{name} must be a whole number {_range(low, high)}, got {value!r}{hint}")
    return int(value)


def number(value, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from `low` to `high`, as a float."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a finite number {_range(low, high)}, got {value!r}")
    return float(value)


def _array(values, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, but its rows differ in length or type") from error


def _unit(array: np.ndarray, name: str, dtype="float32") -> np.ndarray:
    if array.dtype.kind != "f":
        remedy = f'pass {name}.astype("float32")' if array.dtype == bool else "divide by 255 first"
        raise ValueError(f"{name} must be floats from 0 to 1, got {array.dtype}; {remedy}")
    tolerance = 1e-5  # an earlier computation may have overshot by rounding
    if array.size and not (array.min() >= -tolerance and array.max() <= 1 + tolerance):
        remedy = "; divide by 255 first" if array.min() >= 0 else ""
        raise ValueError(f"{name} must be from 0 to 1, got {array.min()} to {array.max()}{remedy}")
    return np.clip(array, 0, 1).astype(dtype, copy=False)


def _range(low, high) -> str:
    if high < math.inf:
        return f"from {low} to {high}"
    return f"of {low} or more" if low > -math.inf else "of any size"
