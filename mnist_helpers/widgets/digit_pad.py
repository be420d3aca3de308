"""The digit pad: draw a digit, watch it become a 28×28 image, and see what the networks make of it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from traitlets import Bool, Bytes, List

from mnist_helpers.checks import CLASSES, SIDE, as_digits, as_images, whole
from mnist_helpers.plots import INK, PALETTE, percent
from mnist_helpers.preparation import center_by_mass, crop_to_ink, fit_into_box, prepare_ink
from mnist_helpers.transforms import resize, rotate, shift, thicken
from mnist_helpers.widgets.base import Checked, esm
from mnist_helpers.widgets.network import network_descriptions
from mnist_helpers.widgets.pad import Pad, as_bytes, number_trait

HATCHES = ("", "//", "..")  # a second signal besides the color


class DigitPad(Pad):
    """A pad to draw digits on, with the predictions of one or more networks.

    All that can be set, in the page or here, is an attribute; both compute the input and the probabilities
    from it, so they agree without sending them to each other.

    Parameters
    ----------
    networks : dict of names and trained Keras models that `network_description` accepts. A page without a
        kernel has their weights in 8 bits, so its probabilities differ from Python's: by up to 0.05 for a
        digit that a network is torn about.
    images : digits to choose from, floats in [0, 1], ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``;
        none by default. All of them are sent to the page, at 784 bytes each.
    labels : the images' labels, integers 0 to 9, ``(n,)``; none by default.
    **settings : any of the attributes.

    Attributes
    ----------
    drawing : what is on the pad, floats in [0, 1], ``(280, 280)``, as `draw_strokes` returns it.
    width : the width of the pen, in cells, 6 to 50. `erase` makes it an eraser.
    crop, fit, center : whether each step of `prepare` is done.
    thickness, size, rotation, right, down, noise : changes of the 28×28 image, made in this order: pixels, a
        factor, degrees, pixels, pixels, and a standard deviation. `seed` chooses the noise.
    compact : whether there are only the pad and what the first network reads; the steps, the sliders and the
        other networks are folded under More then, and `more` says whether that is open.

    Raises
    ------
    ValueError
        If there is no such network, or the page cannot compute it, or images or labels are not as described.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("digit_pad.js")

    crop = Bool(True).tag(sync=True)
    fit = Bool(True).tag(sync=True)
    center = Bool(True).tag(sync=True)
    thickness = number_trait(0, -2, 2)
    size = number_trait(1, 0.4, 1.6)
    rotation = number_trait(0, -180, 180)
    right = number_trait(0, -10, 10)
    down = number_trait(0, -10, 10)
    noise = number_trait(0, 0, 1)
    seed = Checked(lambda value, name: whole(value, name, 0, 99), 0).tag(sync=True)
    compact = Bool().tag(sync=True)
    more = Bool().tag(sync=True)
    # What the page needs besides, and does not change
    networks = List().tag(sync=True)
    images = Bytes().tag(sync=True)
    labels = List().tag(sync=True)

    def __init__(self, networks: Mapping, images: np.ndarray | None = None, labels=None, **settings):
        described = network_descriptions(networks)
        self._models = dict(networks)
        pixels = np.empty((0, SIDE, SIDE)) if images is None else as_images(images)
        digits = [] if labels is None else as_digits(labels, count=len(pixels)).tolist()
        super().__init__(networks=described, images=as_bytes(pixels), labels=digits, **settings)

    @property
    def input(self) -> np.ndarray:
        """The networks' input: what is on the pad, prepared and changed; float32 in [0, 1], ``(28, 28)``."""
        images = prepare_ink(self.drawing, self.crop, self.fit, self.center)[None]
        images = resize(thicken(images, self.thickness), self.size)
        images = shift(rotate(images, self.rotation), self.right, self.down)
        return np.clip(images[0] + self.noise * page_noise(self.seed), 0, 1).astype("float32")

    @property
    def probabilities(self) -> dict[str, list[float]]:
        """Each network's 10 probabilities for the input, as Keras computes them."""
        return self._answers(self.input)

    @property
    def digits(self) -> dict[str, int]:
        """What each network reads: the digit with the largest probability."""
        return {name: int(np.argmax(values)) for name, values in self.probabilities.items()}

    def __repr__(self) -> str:
        if not self.drawing.any():
            return "DigitPad: nothing drawn yet"
        answers = self.probabilities.items()
        readings = [f"{name} reads {np.argmax(values)} ({percent(max(values))})" for name, values in answers]
        return f"DigitPad: {', '.join(readings)}"

    def static_figure(self) -> Figure:
        """The drawing in each preparation step, and the predictions with and without preparation."""
        cropped = crop_to_ink(self.drawing)
        fitted = fit_into_box(cropped)
        smaller = prepare_ink(self.drawing, crop=False, fit=False, center=False)
        steps = {
            "drawing": self.drawing,
            "made smaller,\nnothing else": smaller,
            "cropped": cropped,
            "fitted into 20×20": fitted,
            "centered by mass\nin 28×28": center_by_mass(fitted),
        }
        figure = plt.figure(figsize=(9, 4.6), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[1, 1.3])
        for ax, (title, image) in zip(above.subplots(1, len(steps)), steps.items(), strict=True):
            ax.imshow(image, cmap=INK, vmin=0, vmax=1)
            ax.set_title(title, fontsize=9)
            ax.set(xticks=[], yticks=[])
        answers = {"made smaller, nothing else": smaller, "prepared as MNIST was": prepare_ink(self.drawing)}
        axes = below.subplots(1, len(answers), sharey=True)
        for ax, (title, image) in zip(axes, answers.items(), strict=True):
            for i, (name, values) in enumerate(self._answers(image).items()):
                style = {"color": PALETTE[i % 3], "hatch": HATCHES[i % 3], "edgecolor": "white"}
                places = np.arange(CLASSES) + (i + 0.5) / len(self._models) * 0.8 - 0.4
                ax.bar(places, values, width=0.8 / len(self._models), label=name, **style)
            ax.set(xticks=range(CLASSES), xlabel="digit", ylim=(0, 1), title=title)
        axes[0].set_ylabel("probability")
        axes[0].legend()
        return figure

    def _answers(self, image: np.ndarray) -> dict[str, list[float]]:
        return {
            name: np.asarray(model(image.reshape(1, *model.input_shape[1:])))[0].tolist()
            for name, model in self._models.items()
        }


def page_noise(seed: int) -> np.ndarray:
    """The normal numbers of ``js/image.js``, ``(28, 28)``, by the Box-Muller transform."""
    one, other = np.random.default_rng(seed).random((SIDE * SIDE, 2)).T
    return (np.sqrt(-2 * np.log(1 - one)) * np.cos(2 * np.pi * other)).reshape(SIDE, SIDE)
