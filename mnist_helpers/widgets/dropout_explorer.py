"""Watch dropout: which numbers survive a draw, how they are rescaled, and what they average to."""

import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.checks import finite, number
from mnist_helpers.plots import BLUE, ORANGE
from mnist_helpers.widgets.base import Checked, Widget, esm

DRAWS = 1_000  # what the average is taken over
MOST = 64  # more bars than this are too thin to see


def _signal(signal, name: str) -> np.ndarray:
    signal = finite(signal, name)
    if signal.ndim != 1 or not 1 <= len(signal) <= MOST:
        raise ValueError(
            f"{name} must be a 1-D array of 1 to {MOST} numbers, got shape {signal.shape}; "
            f"for the first {MOST} numbers of a row, pass row[:{MOST}]"
        )
    if signal.min() < 0:
        raise ValueError(f"{name} must hold no numbers below 0, as after ReLU, got {signal.min()}")
    signal = signal.copy()
    signal.flags.writeable = False  # a change within it would not reach the page
    return signal


class DropoutExplorer(Widget):
    """Drop numbers from a layer's output, as in training, or leave them alone, as in inference.

    Parameters
    ----------
    signal : 1 to 64 non-negative numbers, ``(n,)``, such as activations after ReLU.
    rate : the probability of dropping each number, 0 to 0.9.
    seed : an integer from 0 to 9999; each gives a different draw.
    training : whether to drop numbers, as in training.

    Raises
    ------
    traitlets.TraitError
        If an argument or an assigned value is not as described; the trait keeps its old value.
    """

    _esm = esm("dropout_explorer.js")

    signal = Checked(_signal, np.ones(1)).tag(sync=True, to_json=lambda value, _: value.tolist())
    rate = Checked(lambda value, name: number(value, name, 0, 0.9), 0.5).tag(sync=True)
    seed = traitlets.Int(min=0, max=9_999).tag(sync=True)
    training = traitlets.Bool(True).tag(sync=True)

    def __init__(self, signal, rate: float = 0.5, seed: int = 0, training: bool = True):
        super().__init__(signal=signal, rate=rate, seed=seed, training=training)

    @property
    def survives(self) -> np.ndarray:
        """Which numbers survive this draw, bool, ``(n,)``; all of them in inference."""
        return self._draws(1)[0]

    @property
    def after(self) -> np.ndarray:
        """The signal after dropout, ``(n,)``."""
        return self._apply(self._draws(1))[0]

    @property
    def average(self) -> np.ndarray:
        """The signal after dropout, averaged over 1,000 draws, ``(n,)``."""
        return self._apply(self._draws(DRAWS)).mean(axis=0, dtype=float)

    def _draws(self, count: int) -> np.ndarray:
        shape = (count, len(self.signal))
        if not self.training:
            return np.ones(shape, dtype=bool)
        return np.random.default_rng(self.seed).random(shape) >= self.rate

    def _apply(self, survives: np.ndarray) -> np.ndarray:
        return np.where(survives, self.signal / (1 - self.rate) if self.training else self.signal, 0)

    def _summary(self) -> str:
        if not self.training:
            return "Inference: nothing is dropped, nothing is rescaled."
        return (
            f"Training: {self.survives.sum()} of {len(self.signal)} survive, "
            f"each divided by 1 − {self.rate:.2f} = {1 - self.rate:.2f}."
        )

    def static_figure(self) -> Figure:
        """The signal before and after as bars, what was dropped, and the average over many draws."""
        figure, ax = plt.subplots(figsize=(9, 3.6))
        places = np.arange(len(self.signal))
        ax.bar(places, self.signal, 0.8, fill=False, label="before")
        ax.bar(places, self.after, 0.4, color=BLUE, label="after")
        dropped = places[~self.survives]
        ax.plot(dropped, np.zeros(len(dropped)), "kx", linestyle="", label="dropped", clip_on=False)
        ax.plot(
            places, self.average, color=ORANGE, marker="D", linestyle="", label=f"average of {DRAWS:,} draws"
        )
        sums = (
            f"before {self.signal.sum():.2f}, after {self.after.sum():.2f}, "
            f"average of {DRAWS:,} draws {self.average.sum():.2f}"
        )
        ax.set(title=f"{self._summary()}\nSum: {sums}", xticks=[])
        ax.legend()
        return figure

    def __repr__(self) -> str:
        return (
            f"DropoutExplorer: {'training' if self.training else 'inference'}, rate {self.rate:.2f}, "
            f"seed {self.seed}, {self.survives.sum()} of {len(self.signal)} survive, "
            f"sum {self.signal.sum():.2f} before and {self.after.sum():.2f} after"
        )
