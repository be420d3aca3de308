"""The mistakes of several networks, by true digit, predicted digit and confidence."""

import html

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.data import CLASSES
from mnist_helpers.evaluation import _pair, confusion_matrix
from mnist_helpers.plots import _as_images, _percent, _sheet
from mnist_helpers.widgets.base import Choice, Explorer, Slider, Status, image_html, ink
from mnist_helpers.widgets.cell_grid import CellGrid

A_PAGE = 12
ANY = "any"
DARKEST = 120  # shade of the most frequent mistake, light enough to read the number on it


class MistakeGallery(Explorer, widgets.VBox):
    """Page through the digits that a network misread, most confident mistakes first.

    Parameters
    ----------
    images : numbers in [0, 1], 1 is ink; ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``.
    true : integers 0 to 9, ``(n,)``.
    probabilities : dict of each network's name and its floats ``(n, 10)``, each row summing to 1.

    Attributes
    ----------
    network : the name of the network whose mistakes are shown.
    true_digit, predicted_digit : show only images of this digit that were read as that one; None for any.
        If both are the same digit, the correctly read images are shown.
    confidence : show only images that the network read with at least this confidence, 0 to 1.
    page : from 0; reset to 0 when the selection changes.

    Raises
    ------
    ValueError
        If the arrays are not as described, or do not match.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    network = traitlets.Unicode()
    true_digit = traitlets.Int(None, allow_none=True, min=0, max=CLASSES - 1)
    predicted_digit = traitlets.Int(None, allow_none=True, min=0, max=CLASSES - 1)
    confidence = traitlets.Float(min=0, max=1)
    page = traitlets.Int()

    def __init__(self, images: np.ndarray, true: np.ndarray, probabilities: dict[str, np.ndarray]):
        if not isinstance(probabilities, dict) or not probabilities:
            raise ValueError(
                'probabilities must be a dict of one (n, 10) array per network, such as {"MLP": ...}, '
                f"got {type(probabilities).__name__}"
            )
        self._images = _as_images(images)
        pairs = {name: _pair(true, rows) for name, rows in probabilities.items()}
        self._true = np.asarray(true)
        if len(self._images) != len(self._true):
            raise ValueError(
                f"images and true must have the same length, got {len(self._images)} and {len(self._true)}"
            )
        self._read = {name: rows.argmax(axis=1) for name, (_, rows) in pairs.items()}
        self._sure = {name: rows.max(axis=1) for name, (_, rows) in pairs.items()}
        super().__init__(network=next(iter(probabilities)))
        self._build()
        self._redraw_on(["network", "true_digit", "predicted_digit", "confidence", "page"])

    @traitlets.validate("network")
    def _known_network(self, proposal) -> str:
        if proposal.value not in self._read:
            raise traitlets.TraitError(f"network must be one of {[*self._read]}, got {proposal.value!r}")
        return proposal.value

    @traitlets.validate("page")
    def _known_page(self, proposal) -> int:
        if not 0 <= proposal.value < self.pages:
            raise traitlets.TraitError(f"page must be from 0 to {self.pages - 1}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("network", "true_digit", "predicted_digit", "confidence")
    def _first_page(self, change) -> None:
        self.page = 0

    @property
    def confusion(self) -> np.ndarray:
        """Counts at or above `confidence`, ``(10, 10)``; row: true digit, column: predicted digit."""
        enough = self._sure[self.network] >= self.confidence
        return confusion_matrix(self._true[enough], self._read[self.network][enough])

    @property
    def selection(self) -> np.ndarray:
        """Positions of all selected images, most confident first; ties keep their order."""
        read, sure = self._read[self.network], self._sure[self.network]
        fits = sure >= self.confidence
        if self.true_digit is not None:
            fits &= self._true == self.true_digit
        if self.predicted_digit is not None:
            fits &= read == self.predicted_digit
        if self.true_digit is None or self.true_digit != self.predicted_digit:
            fits &= read != self._true
        positions = np.flatnonzero(fits)
        return positions[np.argsort(-sure[positions], kind="stable")]

    @property
    def pages(self) -> int:
        """The number of pages in the selection, at least 1."""
        return max(1, -(-len(self.selection) // A_PAGE))

    @property
    def shown(self) -> np.ndarray:
        """The positions of the images on this page."""
        return self.selection[A_PAGE * self.page : A_PAGE * (self.page + 1)]

    def __repr__(self) -> str:
        return f"MistakeGallery: {self._about()}"

    def static_figure(self) -> Figure:
        """The current page, with each network's prediction."""
        if not len(self.shown):
            figure = plt.figure(figsize=(5, 0.5))
            figure.text(0, 0, self._about())
            return figure
        titles = ["\n".join([f"digit {self._true[i]}", *self._said(i)]) for i in self.shown]
        figure = _sheet(self._images[self.shown], titles, columns=6, size=1.5)[0].figure
        figure.suptitle(self._about(), fontsize=10)
        return figure

    def _build(self) -> None:
        network = Choice(options=[*self._read], description="network")
        true_digit = Choice(options=[ANY, *range(CLASSES)], description="true digit")
        predicted_digit = Choice(options=[ANY, *range(CLASSES)], description="read as")
        confidence = Slider(max=1, step=0.01, description="at least this sure")
        # A drop-down list with None selected would look empty.
        as_option = (
            lambda digit: ANY if digit is None else digit,
            lambda option: None if option == ANY else option,
        )
        traitlets.link((self, "network"), (network, "value"))
        traitlets.link((self, "true_digit"), (true_digit, "value"), as_option)
        traitlets.link((self, "predicted_digit"), (predicted_digit, "value"), as_option)
        traitlets.link((self, "confidence"), (confidence, "value"))
        self._grid = CellGrid(
            self._choose,
            description="Confusion matrix: a row for each true digit, a column for each predicted digit",
            label="{row} read as {column}: {value}",
            numbers=True,
            layout={"width": "350px"},
        )
        self._previous = widgets.Button(description="Previous page")
        self._next = widgets.Button(description="Next page")
        self._about_line, self._pictures = Status(), widgets.HTML()
        self._previous.on_click(lambda _: self._turn(-1))
        self._next.on_click(lambda _: self._turn(1))
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start", grid_gap="4px 24px")
        choice = [network, true_digit, predicted_digit, confidence]
        pages = widgets.Box([self._previous, self._next])
        found = widgets.VBox([self._about_line, pages, self._pictures], layout={"flex": "1 1 240px"})
        self.children = [widgets.Box(choice, layout=wrap), widgets.Box([self._grid, found], layout=wrap)]

    def _choose(self, true_digit: int, predicted_digit: int) -> None:
        with self.hold_trait_notifications():
            self.true_digit, self.predicted_digit = true_digit, predicted_digit

    def _turn(self, pages: int) -> None:
        # A second click may already be on its way when the first reaches the last page.
        self.page = min(max(self.page + pages, 0), self.pages - 1)

    def _redraw(self) -> None:
        confusion = self.confusion
        mistakes = np.where(np.eye(CLASSES, dtype=bool), 0, confusion)
        chosen = [self.true_digit, self.predicted_digit]
        with self._grid.hold_sync():
            self._grid.values = confusion.tolist()
            self._grid.shades = (DARKEST * mistakes // max(mistakes.max(), 1)).tolist()
            self._grid.cell = [] if None in chosen else chosen
        self._previous.disabled = self.page == 0
        self._next.disabled = self.page == self.pages - 1
        self._about_line.text = self._about()
        self._pictures.value = (
            "<div style='display: flex; flex-wrap: wrap; gap: 8px; font-size: 12px; line-height: 1.4'>"
            + "".join(self._picture_html(i) for i in self.shown)
            + "</div>"
        )

    def _about(self) -> str:
        count = len(self.selection)
        about = f"{self.network}: {count:,} image{'' if count == 1 else 's'}"
        if self.true_digit is not None:
            about += f" of {self.true_digit}"
        if self.predicted_digit is None:
            about += " misread"
        elif self.predicted_digit == self.true_digit:
            about += " read correctly"
        else:
            about += f" misread as {self.predicted_digit}"
        if self.confidence:
            about += f", at least {100 * self.confidence:g} % sure"
        return f"{about}; page {self.page + 1} of {self.pages}"

    def _said(self, i: int) -> list[str]:
        """Each network's prediction for an image, with the current network's first."""
        names = sorted(self._read, key=lambda name: name != self.network)
        return [f"{name}: {self._read[name][i]} ({_percent(self._sure[name][i])})" for name in names]

    def _picture_html(self, i: int) -> str:
        first, *others = (html.escape(line).replace(" %", "&nbsp;%") for line in self._said(i))
        title = f"image {i}, digit {self._true[i]}"
        return (
            f"<figure style='margin: 0; width: 142px'>{image_html(ink(self._images[i]), title, 84)}"
            f"<figcaption>{title}<br><b>{first}</b><br>{'<br>'.join(others)}</figcaption></figure>"
        )
