"""What is on a pad, and the pen: what widgets that one can draw on have in common, as ``js/pad.js``."""

import numpy as np
from traitlets import Bool, Bytes

from mnist_helpers.checks import as_drawing, number
from mnist_helpers.preparation import draw_strokes
from mnist_helpers.widgets.base import Checked, Widget

PAD_SIDE = 280
# A 2 as people draw on screens: off center, small, and thin.
EXAMPLE = [[(30, 61), (42, 41), (70, 36), (92, 50), (94, 72), (74, 102), (32, 140), (64, 134), (108, 142)]]
EXAMPLE_WIDTH = 10
PEN = 24  # about as thick as MNIST's strokes, for a digit that fills the pad


def _on_pad(drawing, name: str) -> np.ndarray:
    """Check a drawing of the pad's size and round it to the 256 gray levels that the page draws in."""
    drawing = as_drawing(drawing, name)
    if drawing.shape != (PAD_SIDE, PAD_SIDE):
        raise ValueError(
            f"{name} must be ({PAD_SIDE}, {PAD_SIDE}), as draw_strokes returns it, got {drawing.shape}"
        )
    drawing = np.rint(255 * drawing) / 255
    drawing.flags.writeable = False  # a change within it would not reach the page
    return drawing


def _example() -> np.ndarray:
    return _on_pad(draw_strokes(EXAMPLE, EXAMPLE_WIDTH), "example")


def as_bytes(images: np.ndarray, _=None) -> bytes:
    """Floats in [0, 1] as bytes, for the page."""
    return np.rint(255 * images).astype("uint8").tobytes()


def _from_bytes(value, _=None) -> np.ndarray:
    return np.frombuffer(value, "uint8").reshape(PAD_SIDE, PAD_SIDE) / 255


def number_trait(default: float, low: float, high: float) -> Checked:
    """A synced number within limits."""
    return Checked(lambda value, name: number(value, name, low, high), default).tag(sync=True)


class Pad(Widget):
    """A widget with a pad to draw on.

    Attributes
    ----------
    drawing : what is on the pad, floats in [0, 1], ``(280, 280)``, as `draw_strokes` returns it.
    width : the width of the pen, in cells, 6 to 50. `erase` makes it an eraser.
    """

    drawing = Checked(_on_pad, _example()).tag(sync=True, to_json=as_bytes, from_json=_from_bytes)
    width = number_trait(PEN, 6, 50)
    erase = Bool().tag(sync=True)
    # What a first stroke replaces; the page does not change it.
    example = Bytes(as_bytes(_example())).tag(sync=True)
