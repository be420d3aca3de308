"""Turn a drawing into what a network sees, close to how MNIST was made: crop, fit into 20×20, center by mass.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits": the digits
were "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio", with gray levels
from "the anti-aliasing technique used by the normalization algorithm", and centered "by computing the
center of mass of the pixels, and translating the image so as to position this point at the center".
"""

import numpy as np

from mnist_helpers.checks import SIDE, as_drawing, finite, number

BOX = 20
PAPER = 280
FAINTEST = 1 / 512  # less than half a gray level of 255 is not ink


def prepare(drawing: np.ndarray, crop: bool = True, fit: bool = True, center: bool = True) -> np.ndarray:
    """Turn a drawing into a 28×28 image. Each of the three steps can be left out.

    Parameters
    ----------
    drawing : floats in [0, 1], ``(n, n)``; 1 is ink. A border all of ink is refused: it must be paper.
    crop : crop the drawing to its ink. Otherwise the whole square is used.
    fit : scale the longer side to 20 pixels. Otherwise the scale is that of the whole square in 28 pixels.
    center : center by mass. Otherwise the middle of the cropped part is centered.

    Returns
    -------
    float32 in [0, 1], ``(28, 28)``.

    Raises
    ------
    ValueError
        If `drawing` is not as described.
    """
    drawing = as_drawing(drawing)
    if drawing.shape[0] != drawing.shape[1]:
        raise ValueError(f"drawing must be square, (n, n), got {drawing.shape}")
    if min(edge.min() for edge in (drawing[0], drawing[-1], drawing[:, 0], drawing[:, -1])) > 0.5:
        raise ValueError("drawing must have 1 for ink, but all of its border is ink; pass 1 - drawing")
    return prepare_ink(drawing, crop, fit, center)


def prepare_ink(drawing: np.ndarray, crop=True, fit=True, center=True) -> np.ndarray:
    """Do what `prepare` does with a drawing that is known to be square, with 1 for ink, as on the pad."""
    part = crop_to_ink(drawing) if crop else drawing
    digit = fit_into_box(part) if fit else _scale(part, SIDE, len(drawing))
    if center:
        image = center_by_mass(digit)
    else:
        image = _place(digit, *((SIDE - length) // 2 for length in digit.shape))
    return image.astype("float32")


def crop_to_ink(drawing: np.ndarray) -> np.ndarray:
    """Crop a drawing to the smallest rectangle that contains all its ink.

    Parameters
    ----------
    drawing : floats in [0, 1], ``(rows, columns)``; 1 is ink, below 1/512 is paper.

    Returns
    -------
    The rectangle, floats; the whole drawing if it has no ink.

    Raises
    ------
    ValueError
        If `drawing` is not as described.
    """
    drawing = as_drawing(drawing)
    rows, columns = (np.flatnonzero((drawing >= FAINTEST).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return drawing
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_into_box(drawing: np.ndarray) -> np.ndarray:
    """Scale a drawing so that its longer side is 20 pixels, keeping its aspect ratio.

    Each new pixel is the mean of the area that it covers. This is the anti-aliasing: a pixel on the edge
    of a stroke becomes gray.

    Parameters
    ----------
    drawing : floats in [0, 1], ``(rows, columns)``; 1 is ink.

    Returns
    -------
    floats in [0, 1]; the shorter side is rounded up to whole pixels, with the drawing centered in them.

    Raises
    ------
    ValueError
        If `drawing` is not as described.
    """
    drawing = as_drawing(drawing)
    return _scale(drawing, BOX, max(drawing.shape))


def center_by_mass(digit: np.ndarray) -> np.ndarray:
    """Place a digit in a 28×28 image so that its center of mass is in the center, to the nearest pixel.

    The center is pixel 14 of 0 to 27, as in MNIST, where every digit's center of mass is within half a
    pixel of it.

    Parameters
    ----------
    digit : floats in [0, 1], ``(rows, columns)``; 1 is ink.

    Returns
    -------
    floats in [0, 1], ``(28, 28)``. Ink outside the image is lost.

    Raises
    ------
    ValueError
        If `digit` is not as described.
    """
    digit = as_drawing(digit, "digit")
    mass = digit.sum()
    corner = []
    for axis, length in enumerate(digit.shape):
        along = digit.sum(axis=1 - axis)
        middle = along @ np.arange(length) / mass if mass else length / 2
        corner.append(int(np.floor(SIDE // 2 - middle + 0.5)))
    return _place(digit, *corner)


def draw_strokes(strokes: list, width: float) -> np.ndarray:
    """Draw strokes with a round pen on a paper of 280×280 cells, as on the digit pad.

    Parameters
    ----------
    strokes : lists of points ``(x, y)``, joined by straight lines; x runs from the left and y from the
        top, from 0 to 280.
    width : the width of the pen, in cells, 0 or more.

    Returns
    -------
    floats in [0, 1], ``(280, 280)``, in steps of 1/255; 1 is ink.

    Raises
    ------
    ValueError
        If an argument is not as described, such as strokes that run from 0 to 1.
    """
    width = number(width, "width", 0)
    strokes = [list(stroke) for stroke in strokes]
    points = finite([point for stroke in strokes for point in stroke], "strokes")
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise ValueError(f"strokes must be lists of points (x, y), got points of shape {points.shape[1:]}")
    if points.size and points.min() >= 0 and points.max() <= 1:
        raise ValueError(f"strokes must run from 0 to {PAPER}, but all lie in 0 to 1; multiply by {PAPER}")
    y, x = np.mgrid[:PAPER, :PAPER] + 0.5
    distance = np.full((PAPER, PAPER), np.inf)
    for stroke in strokes:
        for (x0, y0), (x1, y1) in zip(stroke[:-1] or stroke, stroke[1:] or stroke, strict=True):
            dx, dy = x1 - x0, y1 - y0
            # The point on the line nearest to each cell: 0 at the start of the line, 1 at its end.
            along = np.clip(((x - x0) * dx + (y - y0) * dy) / ((dx * dx + dy * dy) or 1), 0, 1)
            distance = np.minimum(distance, np.hypot(x - x0 - along * dx, y - y0 - along * dy))
    return np.floor(255 * np.clip(width / 2 + 0.5 - distance, 0, 1) + 0.5) / 255


def _scale(drawing: np.ndarray, up: int, down: int) -> np.ndarray:
    """Scale by up/down: each new pixel is the mean of the area it covers, paper around it included."""

    def shares(cells: int) -> np.ndarray:
        """The fraction of each new pixel that each old one covers: ``(new, old)``."""
        pixels = -(-cells * up // down)
        edges = (pixels - cells * up / down) / 2 + np.arange(cells + 1) * up / down
        starts = np.arange(pixels)[:, None]
        return np.clip(np.minimum(starts + 1, edges[1:]) - np.maximum(starts, edges[:-1]), 0, None)

    rows, columns = map(shares, drawing.shape)
    return np.clip(rows @ drawing @ columns.T, 0, 1)


def _place(digit: np.ndarray, top: int, left: int) -> np.ndarray:
    """Place a digit in an image by its upper left corner, which may be outside of it."""
    rows, columns = digit.shape
    margin = max(digit.shape)
    wide = np.zeros((SIDE + 2 * margin,) * 2)
    wide[margin + top : margin + top + rows, margin + left : margin + left + columns] = digit
    return wide[margin:-margin, margin:-margin].copy()  # a view would keep all of the wide array
