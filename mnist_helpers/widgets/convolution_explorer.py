"""Watch a convolution: a 3×3 window over a digit, its nine products, and the feature map they make."""

import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mnist_helpers.plots import INK
from mnist_helpers.widgets.base import Checked, Widget, esm

LEFT_EDGES = [-1.0, 0.0, 1.0] * 3
LARGEST_WEIGHT = 99  # the same limit as on the page
IMAGE_SHAPES = [(28, 28), (28, 28, 1), (784,)]
KERNEL_SHAPES = [(9,), (3, 3)]
LAST = 25  # the last row and column of a window of 3 in 28


def _numbers(shapes: list[tuple[int, ...]], low: float, high: float):
    """A check for numbers within limits, in one of several shapes; as lists of floats in the first shape."""

    def check(value, name: str) -> list:
        expected = f"{name} must be numbers from {low} to {high} of shape {' or '.join(map(str, shapes))}"
        try:
            numbers = np.array(value, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{expected}, got {value!r}") from error
        if numbers.shape not in shapes:
            raise ValueError(f"{expected}, got shape {numbers.shape}")
        if not (low <= numbers.min() and numbers.max() <= high):  # neither holds for nan
            raise ValueError(f"{expected}, got numbers from {numbers.min()} to {numbers.max()}")
        return numbers.reshape(shapes[0]).tolist()

    return check


class ConvolutionExplorer(Widget):
    """Step a 3×3 window over a digit, choose its kernel, and switch ReLU and max pooling on and off.

    The page computes for itself; `products` and `feature_map` are the same, computed in Python.

    Parameters
    ----------
    image : one digit, numbers in [0, 1], ``(28, 28)``, ``(28, 28, 1)`` or ``(784,)``; 1 is ink.
    kernel : nine weights from -99 to 99, ``(9,)`` or ``(3, 3)``; stored as a list of nine floats.
    row, column : position of the window's upper left pixel, 0 to 25.
    relu, pool : whether ReLU and 2×2 max pooling are applied to the map.
    whole : whether to show the whole map, not only the part up to the window.

    Raises
    ------
    traitlets.TraitError
        If an argument or an assigned value is invalid; the trait keeps its old value.
    """

    _esm = esm("convolution_explorer.js")

    image = Checked(_numbers(IMAGE_SHAPES, 0, 1), np.zeros((28, 28)).tolist()).tag(sync=True)
    kernel = Checked(_numbers(KERNEL_SHAPES, -LARGEST_WEIGHT, LARGEST_WEIGHT), LEFT_EDGES).tag(sync=True)
    row = traitlets.Int(0, min=0, max=LAST).tag(sync=True)
    column = traitlets.Int(0, min=0, max=LAST).tag(sync=True)
    relu = traitlets.Bool().tag(sync=True)
    pool = traitlets.Bool().tag(sync=True)
    whole = traitlets.Bool().tag(sync=True)

    def __init__(self, image, kernel=LEFT_EDGES, row=0, column=0, relu=False, pool=False, whole=False):
        super().__init__(
            image=image, kernel=kernel, row=row, column=column, relu=relu, pool=pool, whole=whole
        )

    @property
    def products(self) -> np.ndarray:
        """The window's nine pixels times the nine weights, ``(3, 3)``."""
        pixels = np.array(self.image)[self.row : self.row + 3, self.column : self.column + 3]
        return pixels * np.reshape(self.kernel, (3, 3))

    @property
    def feature_map(self) -> np.ndarray:
        """The whole map, after ReLU and pooling if they are on: ``(26, 26)``, or ``(13, 13)`` if pooled."""
        windows = np.lib.stride_tricks.sliding_window_view(np.array(self.image), (3, 3))
        result = np.einsum("rcij,ij->rc", windows, np.reshape(self.kernel, (3, 3)))
        if self.relu:
            result = np.maximum(0, result)
        return result.reshape(13, 2, 13, 2).max(axis=(1, 3)) if self.pool else result

    def static_figure(self) -> Figure:
        """The digit with the window, the nine products, and the feature map."""
        figure, axes = plt.subplots(1, 3, figsize=(9, 3.4))
        axes[0].imshow(self.image, cmap=INK, vmin=0, vmax=1)
        axes[0].add_patch(Rectangle((self.column - 0.5, self.row - 0.5), 3, 3, fill=False, color="C1", lw=2))
        axes[0].set_title(f"window at row {self.row}, column {self.column}")
        for ax, values in zip(axes[1:], (self.products, self.feature_map), strict=True):
            limit = np.abs(values).max() or 1
            ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
        for (row, column), product in np.ndenumerate(self.products):
            strong = abs(product) > 0.6 * np.abs(self.products).max()
            color = "white" if strong else "black"
            axes[1].text(column, row, f"{product:.2f}", ha="center", va="center", color=color)
        axes[1].set_title(f"products, sum {self.products.sum():.2f}")
        axes[2].set_title("feature map" + ", ReLU" * self.relu + ", pooled" * self.pool)
        for ax in axes:
            ax.axis("off")
        return figure

    def __repr__(self) -> str:
        switches = ", ".join(
            f"{name} {'on' if on else 'off'}" for name, on in (("ReLU", self.relu), ("pooling", self.pool))
        )
        return (
            f"ConvolutionExplorer: row {self.row}, column {self.column}, "
            f"kernel {' '.join(f'{weight:.3g}' for weight in self.kernel)}, "
            f"sum {self.products.sum():.2f}, {switches}"
        )
