"""Browse the digits of a dataset, their pixels as numbers, and what scaling does to them."""

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.evaluation import _digits
from mnist_helpers.plots import BLUE, INK
from mnist_helpers.widgets.base import Choice, Explorer, Slider, Status
from mnist_helpers.widgets.cell_grid import CellGrid

SIDE = 28
WINDOW = 7  # rows and columns of numbers around the selected pixel
BINS = 16
MARK = "outline: 3px solid #d55e00; font-weight: bold"


class DigitBrowser(Explorer, widgets.VBox):
    """Pick any digit, read its pixels as numbers, and compare their histograms before and after scaling.

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

    digit = traitlets.Int()
    number = traitlets.Int()
    row = traitlets.Int(7, min=0, max=SIDE - 1)
    column = traitlets.Int(8, min=0, max=SIDE - 1)

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        images, labels = np.asarray(images), _digits("labels", labels)
        if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
            raise ValueError(
                f"images must be uint8, (n, {SIDE}, {SIDE}), as load_mnist returns them; "
                f"got {images.dtype} of shape {images.shape}"
            )
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                "images and labels must have the same length, at least 1; "
                f"got {len(images)} and {len(labels)}"
            )
        self._images = images
        self._places = {int(digit): np.flatnonzero(labels == digit) for digit in np.unique(labels)}
        super().__init__(digit=int(labels[0]))
        self._build()
        self._redraw_on(["digit", "number", "row", "column"])

    @traitlets.validate("digit")
    def _known_digit(self, proposal) -> int:
        if proposal.value not in self._places:
            raise traitlets.TraitError(f"digit must be one of {[*self._places]}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("number")
    def _known_number(self, proposal) -> int:
        if not 0 <= proposal.value <= self._last:
            raise traitlets.TraitError(
                f"number must be from 0 to {self._last} for the images of digit {self.digit}, "
                f"got {proposal.value}"
            )
        return proposal.value

    @traitlets.observe("digit")
    def _first_of_digit(self, change) -> None:
        self.number = 0

    @property
    def position(self) -> int:
        """The index of the shown digit in the arrays."""
        return int(self._places[self.digit][self.number])

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
        return f"DigitBrowser: {self._about()}; {self._reading()}"

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

    def _build(self) -> None:
        digit = Choice(options=[*self._places], description="digit")
        self._number = widgets.BoundedIntText(description="image", max=self._last)
        row, column = (Slider(max=SIDE - 1, description=name) for name in ("row", "column"))
        for name, control in (("digit", digit), ("number", self._number), ("row", row), ("column", column)):
            traitlets.link((self, name), (control, "value"))
        self._about_line, self._reading_line = Status(), Status()
        self._window, self._charts = widgets.HTML(), widgets.HTML()
        self._grid = CellGrid(
            self._choose,
            description="The digit, enlarged",
            label="row {row}, column {column}: {value}",
            layout={"width": "366px"},
        )
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start", grid_gap="4px 24px")
        pixel = widgets.VBox([row, column, self._reading_line, self._window], layout={"max_width": "100%"})
        self.children = [
            widgets.Box([digit, self._number], layout=wrap),
            self._about_line,
            widgets.Box([self._grid, pixel], layout=wrap),
            self._charts,
        ]

    @property
    def _last(self) -> int:
        return len(self._places[self.digit]) - 1

    def _choose(self, row: int, column: int) -> None:
        with self.hold_trait_notifications():
            self.row, self.column = row, column

    def _redraw(self) -> None:
        self._number.max = self._last
        values = self.pixels.tolist()
        with self._grid.hold_sync():
            self._grid.values = self._grid.shades = values
            self._grid.cell = [self.row, self.column]
        self._about_line.text, self._reading_line.text = self._about(), self._reading()
        self._window.value = self._window_html()
        self._charts.value = (
            "<div style='display: flex; flex-wrap: wrap; gap: 8px 24px'>"
            + _bars_html("as it came", self.histogram, "255")
            + _bars_html("divided by 255", self.scaled_histogram, "1")
            + "</div>"
        )

    def _about(self) -> str:
        with_ink = np.count_nonzero(self.pixels)
        return (
            f"digit {self.digit}, image {self.number} of 0 to {self._last} (position {self.position}); "
            f"{with_ink} of {SIDE * SIDE} pixels have ink"
        )

    def _reading(self) -> str:
        pixel, scaled = self.pixels[self.row, self.column], self.scaled[self.row, self.column]
        return f"row {self.row}, column {self.column}: {pixel}, scaled {scaled:.3f}"

    def _window_html(self) -> str:
        # The window stops at the edges, so that its size never changes.
        top, left = (min(max(place - WINDOW // 2, 0), SIDE - WINDOW) for place in (self.row, self.column))
        rows, columns = range(top, top + WINDOW), range(left, left + WINDOW)
        head = "".join(f"<th scope='col'>{column}</th>" for column in columns)
        body = "".join(
            f"<tr><th scope='row'>{row}</th>{''.join(self._number_html(row, column) for column in columns)}"
            for row in rows
        )
        return (
            "<table style='table-layout: fixed; width: 248px; text-align: center; "
            f"font-size: 12px; line-height: 24px'><tr><td></td>{head}</tr>{body}</table>"
        )

    def _number_html(self, row: int, column: int) -> str:
        value = int(self.pixels[row, column])
        ink = "white" if value > 137 else "black"  # a contrast of at least 4.5 to 1 on any gray
        mark = MARK if (row, column) == (self.row, self.column) else ""
        return f"<td style='background: rgb({3 * f'{255 - value} '}); color: {ink}; {mark}'>{value}</td>"


def _bars_html(title: str, counts: np.ndarray, last: str) -> str:
    most = max(counts.max(), 1)
    heights = [round(60 * count / most, 1) for count in counts]
    bars = "".join(
        f"<rect x='{16 * i + 3}' y='{80 - height}' width='14' height='{height}'/>"
        for i, height in enumerate(heights)
    )
    return (
        "<svg viewBox='0 0 262 98' style='width: 320px; max-width: 100%' font-size='11' fill='currentColor' "
        f"role='img' aria-label='{title}. Pixels with ink, from 0 to {last}: {', '.join(map(str, counts))}.'>"
        f"<text x='2' y='11'>{title}</text>"
        f"<text x='260' y='11' text-anchor='end'>highest bar: {most} pixels</text>"
        f"<g fill='{BLUE}'>{bars}</g><path d='M2 80.5h258' stroke='currentColor'/>"
        f"<text x='2' y='94'>0</text><text x='260' y='94' text-anchor='end'>{last}</text></svg>"
    )
