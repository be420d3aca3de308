"""Train a network in the page: its settings, and what came of it."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from traitlets import Bool, Dict, Enum

from mnist_helpers.checks import whole
from mnist_helpers.data import N_TRAIN, load_mnist
from mnist_helpers.widgets.base import Checked, esm
from mnist_helpers.widgets.pad import Pad, number_trait

TRAINING, VALIDATION = 5000, 1000  # digits


def packed_digits() -> bytes:
    """The page's digits: the first of the training images, then the first of the validation images.

    Labels first, then for each pixel a bit that says whether it has ink, then the ink of those that have.
    As text it takes a tenth less than the pixels would, and the page needs only those with ink.
    """
    (images, labels), _ = load_mnist()
    used = np.r_[:TRAINING, N_TRAIN : N_TRAIN + VALIDATION]
    images, labels = images[used], labels[used]
    return labels.tobytes() + np.packbits(images > 0).tobytes() + images[images > 0].tobytes()


def _layers(value, name: str) -> list[int]:
    if not isinstance(value, list | tuple) or len(value) > 3:
        raise ValueError(f"{name} must be a list of up to 3 numbers of units, such as [32], got {value!r}")
    return [whole(units, f"each number of units in {name}", 4, 128) for units in value]


def _whole(default: int, low: int, high: int) -> Checked:
    return Checked(lambda value, name: whole(value, name, low, high), default).tag(sync=True)


class NetworkTrainer(Pad):
    """Train a network of dense layers in the page, and watch it learn.

    Parameters
    ----------
    **settings : any of the attributes below.

    Attributes
    ----------
    hidden : how many units each hidden layer has: a list of 0 to 3 numbers from 4 to 128.
    activation : of the hidden layers: "relu", "tanh", "sigmoid" or "linear".
    start : "He", "zeros" or "too large", which is ten times He's.
    rate, batch_size, momentum : of gradient descent.
    images : how many of the 5,000 training digits are used, 100 to 5,000.
    epochs : how many epochs a press of Train takes.
    seed : for the start and for the order of the digits, 0 to 999.
    running : whether it trains.
    digit : which of the 1,000 validation digits is shown.
    history : what was measured: dict of lists, as Keras has it, and the ``"steps"`` after which.

    Raises
    ------
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("network_trainer.js")
    on_demand = {"digits": packed_digits, "worker": lambda: esm("training_worker.js").encode()}  # noqa: RUF012

    hidden = Checked(_layers, [32]).tag(sync=True)
    activation = Enum(["relu", "tanh", "sigmoid", "linear"], "relu").tag(sync=True)
    start = Enum(["He", "zeros", "too large"], "He").tag(sync=True)
    rate = number_trait(0.1, 1e-4, 100)
    batch_size = _whole(32, 1, 500)
    momentum = number_trait(0, 0, 0.999)
    images = _whole(5000, 100, TRAINING)
    epochs = _whole(30, 1, 100)
    seed = _whole(0, 0, 999)
    running = Bool().tag(sync=True)
    digit = _whole(0, 0, VALIDATION - 1)
    history = Dict().tag(sync=True)

    def __init__(self, **settings):
        super().__init__(**settings)

    def static_figure(self) -> Figure:
        return plt.figure()

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [784, *self.hidden, 10]))
        return (
            f"NetworkTrainer: {sizes}, {self.activation}, start {self.start}, rate {self.rate:g}, "
            f"batches of {self.batch_size}, momentum {self.momentum:g}, {self.images:,} images, "
            f"seed {self.seed}"
        )
