"""Browse the digits of a dataset, their pixels as numbers, and what scaling does to them."""

import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.checks import SIDE, as_digits
from mnist_helpers.plots import BLUE, INK
from mnist_helpers.widgets.base import esm
from mnist_helpers.widgets.digits import Digits, digits_for_the_page

BINS = 16


class DigitBrowser(Digits):
    """Pick any digit, read its pixels as numbers, and compare their histograms before and after scaling.

    The view asks for the images, a hundred at a time. A page without a kernel has MNIST's first 300 training
    images of each digit, and shows other arrays as a picture only.

    Parameters
    ----------
    images : uint8, ``(n, 28, 28)``, as `load_mnist` returns them; 0 is paper, 255 is full ink.
    labels : integers 0 to 9, ``(n,)``.

    Attributes
    ----------
    digit : the class to browse, one of those in `labels`.
    number : which of its images, from 0; reset to 0 when the digit changes.
    row, column : the selected pixel, each from 0 to 27.

    Raises
    ------
    ValueError
        If the arrays are not as described, are empty, or differ in length.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("digit_browser.js")
    on_demand = digits_for_the_page(0)

    row = traitlets.Int(7, min=0, max=SIDE - 1).tag(sync=True)
    column = traitlets.Int(8, min=0, max=SIDE - 1).tag(sync=True)

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or not len(images):
            raise ValueError(
                f"images must be uint8, (n, {SIDE}, {SIDE}) with n at least 1, as load_mnist returns them; "
                f"got {images.dtype} of shape {images.shape}"
            )
        labels = as_digits(labels, "labels", count=len(images))
        super().__init__(images, labels, digit=int(labels[0]))

    @traitlets.observe("digit")
    def _first_of_digit(self, change) -> None:
        self.number = 0

    @property
    def pixels(self) -> np.ndarray:
        """The shown digit, unscaled: uint8, ``(28, 28)``."""
        return self._images[self.position]

    @property
    def scaled(self) -> np.ndarray:
        """The shown digit after scaling, float32 in [0, 1], ``(28, 28)``."""
        return self.pixels.astype("float32") / 255

    @property
    def histogram(self) -> np.ndarray:
        """Counts of the pixels with ink in 16 equal bins from 0 to 255, ``(16,)``."""
        return np.histogram(self.pixels[self.pixels > 0], bins=BINS, range=(0, 255))[0]

    @property
    def scaled_histogram(self) -> np.ndarray:
        """Counts of the scaled pixels with ink in 16 equal bins from 0 to 1, ``(16,)``."""
        return np.histogram(self.scaled[self.scaled > 0], bins=BINS, range=(0, 1))[0]

    def __repr__(self) -> str:
        pixel = (self.row, self.column)
        return (
            f"DigitBrowser: digit {self.digit}, image {self.number} of 0 to {self._last} "
            f"(position {self.position}); {np.count_nonzero(self.pixels)} of {SIDE * SIDE} pixels have ink; "
            f"row {self.row}, column {self.column}: {self.pixels[pixel]}, scaled {self.scaled[pixel]:.3f}"
        )

    def static_figure(self) -> Figure:
        """The digit next to the two histograms, which differ only in the numbers on their x axes."""
        figure, (picture, *charts) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
        picture.imshow(self.pixels, cmap=INK, vmin=0, vmax=255)
        picture.set_title(f"digit {self.digit}", fontsize=10)
        picture.axis("off")
        for ax, counts, top in zip(charts, (self.histogram, self.scaled_histogram), (255, 1), strict=True):
            ax.bar((np.arange(BINS) + 0.5) * top / BINS, counts, width=0.9 * top / BINS, color=BLUE)
            ax.set_title("as it came" if top == 255 else "scaled", fontsize=10)
            ax.set(xlabel="value of the pixel", ylabel="pixels with ink", xlim=(0, top))
        return figure
