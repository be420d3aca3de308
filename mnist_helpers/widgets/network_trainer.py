"""The network trainer: a network that learns in the page, without a kernel, while one watches."""

import functools

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from traitlets import Bool, Dict, Enum

from mnist_helpers.checks import CLASSES, SIDE, whole
from mnist_helpers.data import N_TRAIN, load_mnist, one_hot
from mnist_helpers.plots import BLUE, LINE_STYLES, ORANGE
from mnist_helpers.widgets.base import Checked, esm
from mnist_helpers.widgets.pad import Pad, number_trait
from mnist_helpers.widgets.training import ACTIVATIONS, TRAINING, VALIDATION, train

MOST_LAYERS, MOST_SHOWN = 3, 24
EPOCHS_IN_PRINT = 5


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The page's digits: the first 5,000 training images, then the first 1,000 validation images; uint8."""
    (images, labels), _ = load_mnist()
    used = np.r_[:TRAINING, N_TRAIN : N_TRAIN + VALIDATION]
    return images[used], labels[used]


def packed_digits() -> bytes:
    """The digits as the page gets them: labels, then a bit for each pixel, whether it has ink, then the inks.

    As text that is a tenth shorter than all pixels, and the page works on the pixels with ink alone.
    """
    images, labels = digits()
    return labels.tobytes() + np.packbits(images > 0).tobytes() + images[images > 0].tobytes()


def _layers(value, name: str) -> list[int]:
    if not isinstance(value, list | tuple) or len(value) > MOST_LAYERS:
        raise ValueError(
            f"{name} must be a list of up to {MOST_LAYERS} numbers of units, such as [32], got {value!r}"
        )
    return [whole(units, f"each number of units in {name}", 4, 128) for units in value]


def _whole(default: int, low: int, high: int) -> Checked:
    return Checked(lambda value, name: whole(value, name, low, high), default).tag(sync=True)


class NetworkTrainer(Pad):
    """Train a network of dense layers in the page, and watch it learn.

    It trains on the first 5,000 training images of MNIST; the first 1,000 validation images show how well it
    reads. A change of the network or of its training starts anew. The same settings give the same network.

    Parameters
    ----------
    **settings : any of the attributes.

    Attributes
    ----------
    hidden : the units of each hidden layer, from the first: a list of 0 to 3 numbers from 4 to 128.
    activation : that of the hidden layers: "relu", "tanh", "sigmoid" or "linear".
    start : the weights at first: "He", "zeros", or "too large", which is ten times "He".
    rate, batch_size, momentum : of gradient descent: 0.0001 to 100, 1 to 500, and 0 to 0.999.
    images : how many of the training digits are used, the first: 100 to 5,000.
    seed : for the start and for the order of the digits, 0 to 999.
    epochs : how long a press of Train trains, 1 to 100.
    running : whether it trains; set it to start or to pause.
    digit : the number of the validation digit that is shown, 0 to 999.
    drawing, width, erase : the pad and its pen, as in `DigitPad`.
    history : what the page has measured by the end of a training or at a pause: a dict of lists, as Keras has
        it, and the ``"steps"`` after which it was measured. What is no number is None.

    Raises
    ------
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("network_trainer.js")
    on_demand = {"digits": packed_digits, "worker": lambda: esm("training_worker.js").encode()}  # noqa: RUF012

    hidden = Checked(_layers, [32]).tag(sync=True)
    activation = Enum([*ACTIVATIONS], "relu").tag(sync=True)
    start = Enum(["He", "zeros", "too large"], "He").tag(sync=True)
    rate = number_trait(0.1, 1e-4, 100)
    batch_size = _whole(32, 1, 500)
    momentum = number_trait(0, 0, 0.999)
    images = _whole(TRAINING, 100, TRAINING)
    seed = _whole(0, 0, 999)
    epochs = _whole(30, 1, 100)
    running = Bool().tag(sync=True)
    digit = _whole(0, 0, VALIDATION - 1)
    history = Dict().tag(sync=True)

    def static_figure(self) -> Figure:
        """The first epochs of the training: loss, accuracy, and the first layer's weights after them."""
        images, labels = digits()
        flat = images.reshape(-1, SIDE * SIDE).astype("float32") / 255
        history, layers = train(self.trait_values(), flat, one_hot(labels), EPOCHS_IN_PRINT)
        figure = plt.figure(figsize=(9, 6), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[1.2, 1])
        for ax, name in zip(above.subplots(1, 2), ("loss", "accuracy"), strict=True):
            for part, color, style in (("", BLUE, LINE_STYLES[0]), ("val_", ORANGE, LINE_STYLES[1])):
                label = "validation" if part else "training"
                ax.plot(history["steps"], history[part + name], color=color, linestyle=style, label=label)
            ax.set(xlabel="step", ylabel=name)
        above.axes[0].legend()
        above.suptitle(f"{self._setting()}:\nits first {EPOCHS_IN_PRINT} epochs", fontsize=10)
        weights = layers[0][0][:, :MOST_SHOWN]
        limit = np.abs(weights).max() or 1
        for ax, column in zip(below.subplots(3, 8).flat, [*weights.T, *[None] * MOST_SHOWN], strict=False):
            ax.axis("off")
            if column is not None:
                ax.imshow(column.reshape(SIDE, SIDE), cmap="RdBu_r", vmin=-limit, vmax=limit)
        below.suptitle("then, weights of the first layer: blue below zero, red above", fontsize=10)
        return figure

    def __repr__(self) -> str:
        return f"NetworkTrainer: {self._setting()}"

    def _setting(self) -> str:
        sizes = "-".join(map(str, [SIDE * SIDE, *self.hidden, CLASSES]))
        return (
            f"{sizes}, {self.activation}, start {self.start}, rate {self.rate:g}, "
            f"batches of {self.batch_size}, momentum {self.momentum:g}, "
            f"{self.images:,} digits, seed {self.seed}"
        )
