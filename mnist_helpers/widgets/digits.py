"""Digits to choose from, which a view asks for a hundred at a time: what widgets with one have in common."""

import functools
from collections.abc import Callable

import numpy as np
import traitlets

from mnist_helpers.checks import CLASSES
from mnist_helpers.data import load_mnist
from mnist_helpers.widgets.base import Widget, one_of

BLOCK = 100  # images of a digit, which the view asks for together
BLOCKS_FOR_THE_PAGE = 3  # of each digit


def _packed_block(images: np.ndarray, places: np.ndarray) -> bytes:
    """Images as the view gets them: their positions in the arrays, four bytes each, then their pixels."""
    return places.astype("<i4").tobytes() + images[places].tobytes()


def _block_of(places: np.ndarray, number: int) -> np.ndarray:
    return places[BLOCK * number : BLOCK * (number + 1)]


@functools.cache
def _digits_from(first: int) -> tuple[np.ndarray, list[np.ndarray]]:
    (images, labels), _ = load_mnist()
    return images[first:], [np.flatnonzero(labels[first:] == digit) for digit in range(CLASSES)]


def _for_the_page(first: int, digit: int, number: int) -> bytes:
    images, places = _digits_from(first)
    return _packed_block(images, _block_of(places[digit], number))


def digits_for_the_page(first: int) -> dict[str, Callable[[], bytes]]:
    """What a page without a kernel can ask for: of each digit, 300 of MNIST's training images from one on."""
    return {
        f"{digit}-{number}": functools.partial(_for_the_page, first, digit, number)
        for digit in range(CLASSES)
        for number in range(BLOCKS_FOR_THE_PAGE)
    }


class Digits(Widget):
    """A widget that shows one of many digits.

    Parameters
    ----------
    images : uint8, ``(n, 28, 28)``.
    labels : integers 0 to 9, ``(n,)``.

    Attributes
    ----------
    digit : the class of the image, one of those in `labels`.
    number : which image of that class, from 0.
    """

    digits = traitlets.List().tag(sync=True)
    counts = traitlets.List().tag(sync=True)  # the number of images of each of these digits
    digit = traitlets.Int().tag(sync=True)
    number = traitlets.Int().tag(sync=True)

    def __init__(self, images: np.ndarray, labels: np.ndarray, **state):
        self._images = images
        self._places = {int(digit): np.flatnonzero(labels == digit) for digit in np.unique(labels)}
        counts = [len(places) for places in self._places.values()]
        super().__init__(digits=[*self._places], counts=counts, **state)
        self.on_demand = {
            f"{digit}-{number}": functools.partial(_packed_block, images, _block_of(places, number))
            for digit, places in self._places.items()
            for number in range(-(-len(places) // BLOCK))
        }

    @traitlets.validate("digit", "number")
    def _known_digit(self, proposal) -> int:
        return one_of(self._places if proposal.trait.name == "digit" else range(self._last + 1), proposal)

    @property
    def _last(self) -> int:
        return len(self._places[self.digit]) - 1

    @property
    def position(self) -> int:
        """The index of the shown digit in the arrays."""
        return int(self._places[self.digit][self.number])

    def page_bundle(self) -> dict:
        """The view and its state, if the page has the digit that is shown and those around it."""
        bundle, on_page = super().page_bundle(), type(self).on_demand
        if self.number >= BLOCK * BLOCKS_FOR_THE_PAGE or any(
            name not in self.on_demand or self.on_demand[name]() != on_page[name]() for name in on_page
        ):
            return {}
        bundle["state"]["counts"] = [BLOCK * BLOCKS_FOR_THE_PAGE] * CLASSES
        return bundle
