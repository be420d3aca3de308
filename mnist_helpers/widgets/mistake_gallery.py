"""The mistakes of several networks, by true digit, predicted digit and confidence."""

import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.checks import CLASSES, as_digits, as_images, as_pair
from mnist_helpers.evaluation import confusion_matrix
from mnist_helpers.plots import percent, show_digits
from mnist_helpers.widgets.base import Widget, esm, one_of

A_PAGE = 12
ORDERS = ["surest first", "least sure first"]


class MistakeGallery(Widget):
    """Page through the digits that a network misread, by how sure it was.

    It holds the images that at least one of the networks misread, and no others.

    Parameters
    ----------
    images : floats in [0, 1], 1 is ink; ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``.
    true : integers 0 to 9, ``(n,)``.
    probabilities : dict of each network's name and its floats ``(n, 10)``, each row summing to 1.

    Attributes
    ----------
    network : the name of the network whose mistakes are shown.
    true_digit, predicted_digit : show only images of this digit that were read as that one; None for any.
        If both are the same digit, those are shown that the network read correctly, and another misread.
    confidence : show only images that the network read with at least this confidence, 0 to 1.
    order : "surest first" or "least sure first".
    page : from 0; reset to 0 when the selection changes.

    Raises
    ------
    ValueError
        If the arrays are not as described, or do not match.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("mistake_gallery.js")

    networks = traitlets.List().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    true_digit = traitlets.Int(None, allow_none=True, min=0, max=CLASSES - 1).tag(sync=True)
    predicted_digit = traitlets.Int(None, allow_none=True, min=0, max=CLASSES - 1).tag(sync=True)
    confidence = traitlets.Float(min=0, max=1).tag(sync=True)
    order = traitlets.Enum(ORDERS, ORDERS[0]).tag(sync=True)
    page = traitlets.Int().tag(sync=True)
    # What the page needs besides, as bytes: each image's position (int32), true digit and
    # pixels (uint8), and each network's reading of it (uint8) and confidence (float64)
    mistakes = traitlets.Dict().tag(sync=True)

    def __init__(self, images: np.ndarray, true: np.ndarray, probabilities: dict[str, np.ndarray]):
        if not isinstance(probabilities, dict) or not probabilities:
            raise ValueError(
                'probabilities must be a dict of one (n, 10) array per network, such as {"MLP": ...}, '
                f"got {type(probabilities).__name__}"
            )
        images = as_images(images)
        true = as_digits(true, "true", count=len(images))
        pairs = {name: as_pair(true, rows)[1] for name, rows in probabilities.items()}
        misread = [rows.argmax(axis=1) != true for rows in pairs.values()]
        self._positions = np.flatnonzero(np.any(misread, axis=0))
        self._images, self._true = images[self._positions], true[self._positions]
        self._read = {name: rows[self._positions].argmax(axis=1) for name, rows in pairs.items()}
        self._sure = {
            name: rows[self._positions].max(axis=1).astype("float64") for name, rows in pairs.items()
        }
        mistakes = {
            "position": self._positions.astype("<i4").tobytes(),
            "true": self._true.astype("uint8").tobytes(),
            "read": {name: read.astype("uint8").tobytes() for name, read in self._read.items()},
            "sure": {name: sure.astype("<f8").tobytes() for name, sure in self._sure.items()},
            "images": np.rint(255 * self._images).astype("uint8").tobytes(),
        }
        super().__init__(networks=[*self._read], network=next(iter(self._read)), mistakes=mistakes)

    @traitlets.validate("network", "page")
    def _known(self, proposal):
        return one_of(self._read if proposal.trait.name == "network" else range(self.pages), proposal)

    @traitlets.observe("network", "true_digit", "predicted_digit", "confidence", "order")
    def _first_page(self, change) -> None:
        self.page = 0

    @property
    def confusion(self) -> np.ndarray:
        """Counts of the gallery's images at or above `confidence`, ``(10, 10)``.

        Row: true digit; column: predicted digit. What all networks read correctly is not among them.
        """
        enough = self._sure[self.network] >= self.confidence
        return confusion_matrix(self._true[enough], self._read[self.network][enough])

    @property
    def selection(self) -> np.ndarray:
        """Positions in `images` of all selected ones, in this order; ties keep theirs."""
        return self._positions[self._selected]

    @property
    def _selected(self) -> np.ndarray:
        read, sure = self._read[self.network], self._sure[self.network]
        fits = sure >= self.confidence
        if self.true_digit is not None:
            fits &= self._true == self.true_digit
        if self.predicted_digit is not None:
            fits &= read == self.predicted_digit
        if self.true_digit is None or self.true_digit != self.predicted_digit:
            fits &= read != self._true
        places = np.flatnonzero(fits)
        sign = -1 if self.order == ORDERS[0] else 1
        return places[np.argsort(sign * sure[places], kind="stable")]

    @property
    def pages(self) -> int:
        """The number of pages in the selection, at least 1."""
        return max(1, -(-len(self._selected) // A_PAGE))

    @property
    def shown(self) -> np.ndarray:
        """The positions of the images on this page."""
        return self._positions[self._shown]

    @property
    def _shown(self) -> np.ndarray:
        return self._selected[A_PAGE * self.page : A_PAGE * (self.page + 1)]

    def __repr__(self) -> str:
        return f"MistakeGallery: {self._about()}"

    def static_figure(self) -> Figure:
        """The current page, with each network's prediction."""
        if not len(shown := self._shown):
            figure = plt.figure(figsize=(5, 0.5))
            figure.text(0, 0, self._about())
            return figure
        titles = ["\n".join([f"digit {self._true[i]}", *self._said(i)]) for i in shown]
        figure = show_digits(self._images[shown], titles, columns=6, size=1.75)[0].figure
        figure.suptitle(self._about(), fontsize=10)
        return figure

    def _about(self) -> str:
        count = len(self._selected)
        about = f"{self.network}: {count:,} image{'' if count == 1 else 's'}"
        if self.true_digit is not None:
            about += f" of {self.true_digit}"
        if self.predicted_digit is None:
            about += " misread"
        elif self.predicted_digit == self.true_digit:
            about += " read correctly, misread by another network"
        else:
            about += f" misread as {self.predicted_digit}"
        if self.confidence:
            about += f", at least {100 * self.confidence:g} % sure"
        return f"{about}, {self.order}; page {self.page + 1} of {self.pages}"

    def _said(self, i: int) -> list[str]:
        """Each network's prediction for an image of the gallery, with the current network's first."""
        names = sorted(self._read, key=lambda name: name != self.network)
        return [f"{name}: {self._read[name][i]} ({percent(self._sure[name][i])})" for name in names]
