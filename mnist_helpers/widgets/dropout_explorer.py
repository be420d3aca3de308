"""Watch dropout: which numbers survive a draw, how they are rescaled, and what they average to."""

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnist_helpers.plots import BLUE, ORANGE
from mnist_helpers.widgets.base import Explorer, Slider, Status

DRAWS = 1_000  # what the average is taken over
MOST = 64  # more bars than this are too thin to see
WIDTH, HEIGHT, BELOW = 480, 150, 16  # of the drawing; BELOW leaves room for the crosses


class DropoutExplorer(Explorer, widgets.VBox):
    """Drop numbers from a layer's output, as in training, or leave them alone, as in inference.

    Parameters
    ----------
    signal : 1 to 64 non-negative numbers, ``(n,)``, such as activations after ReLU.
    rate : the probability of dropping each number, 0 to 0.9.
    seed : an integer from 0 to 9999; each gives a different draw.
    training : whether to drop numbers, as in training.

    Raises
    ------
    ValueError
        If `signal` is not as described.
    traitlets.TraitError
        If another argument or an assigned value is invalid; the trait keeps its old value.
    """

    rate = traitlets.Float(min=0, max=0.9)
    seed = traitlets.Int(min=0, max=9_999)
    training = traitlets.Bool()

    def __init__(self, signal, rate: float = 0.5, seed: int = 0, training: bool = True):
        self.signal = np.asarray(signal)
        if self.signal.ndim != 1 or not 1 <= len(self.signal) <= MOST:
            raise ValueError(
                f"signal must be a 1-D array of 1 to {MOST} numbers, got shape {self.signal.shape}; "
                f"for the first {MOST} numbers of a row, pass row[:{MOST}]"
            )
        if not np.issubdtype(self.signal.dtype, np.number) or not (
            np.isfinite(self.signal).all() and self.signal.min() >= 0
        ):
            raise ValueError(f"signal must hold finite numbers, none below 0, got {self.signal}")
        super().__init__(rate=rate, seed=seed, training=training)
        controls = {
            "training": widgets.ToggleButtons(
                options=[("training", True), ("inference", False)],
                description="used in",
                style={"button_width": "auto"},
            ),
            "rate": Slider(max=0.9, step=0.05, description="rate"),
            "seed": widgets.BoundedIntText(min=0, max=9_999, description="seed"),
        }
        again = widgets.Button(description="Draw again")
        again.on_click(self._draw_again)
        self._said, self._view = Status(), widgets.HTML()
        row = widgets.Box(
            [*controls.values(), again],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="4px 24px"),
        )
        self.children = [row, self._said, self._view]
        for name, control in controls.items():
            traitlets.link((self, name), (control, "value"))
        self._redraw_on(list(controls))

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

    def _draw_again(self, _button) -> None:
        self.seed = (self.seed + 1) % 10_000

    def _summary(self) -> str:
        if not self.training:
            return "Inference: nothing is dropped, nothing is rescaled."
        return (
            f"Training: {self.survives.sum()} of {len(self.signal)} survive, "
            f"each divided by 1 − {self.rate:.2f} = {1 - self.rate:.2f}."
        )

    def _sums(self) -> dict[str, float]:
        return {
            "before": self.signal.sum(),
            "after": self.after.sum(),
            f"average of {DRAWS:,} draws": self.average.sum(),
        }

    def _redraw(self) -> None:
        sums = "".join(
            f"<tr><th scope='row' style='text-align: left; padding-right: 2em'>{name}</th>"
            f"<td style='text-align: right'>{value:.2f}</td></tr>"
            for name, value in self._sums().items()
        )
        self._said.text = self._summary()
        self._view.value = (
            f"<div style='line-height: 1.5; color: var(--jp-ui-font-color1, inherit)'>{self._bars()}"
            f"<div>▯ before &ensp; ▮ after &ensp; × dropped &ensp; ◆ average of {DRAWS:,} draws &ensp; "
            f"┄ largest before: {self.signal.max():.2f}</div>"
            f"<table><caption style='text-align: left'>Sum of all {len(self.signal)} numbers</caption>{sums}"
            "</table></div>"
        )

    def _bars(self) -> str:
        # Inference uses the same scale as training, so that the switch changes only the bars.
        unit = HEIGHT * (1 - self.rate) / (self.signal.max() or 1)
        slot = WIDTH / len(self.signal)
        top = self.signal.max()
        marks = [
            f"<path d='M0 {HEIGHT - top * unit:.1f}h{WIDTH}' stroke='currentColor' stroke-dasharray='2 6'/>"
        ]
        for i, (before, after, mean, survives) in enumerate(
            zip(self.signal, self.after, self.average, self.survives, strict=True)
        ):
            x = slot * (i + 0.5)
            marks += [_bar(x, 0.8 * slot, before * unit, "fill='none' stroke='currentColor'")]
            marks += [_bar(x, 0.4 * slot, after * unit, f"fill='{BLUE}'")]
            y = HEIGHT - mean * unit
            marks += [f"<path d='M{x:.1f} {y - 4:.1f}l4 4-4 4-4-4z' fill='{ORANGE}' stroke='white'/>"]
            if not survives:
                marks += [f"<text x='{x:.1f}' y='{HEIGHT + 13}' text-anchor='middle'>×</text>"]
        return (
            f"<svg viewBox='0 -5 {WIDTH} {5 + HEIGHT + BELOW}' style='width: 720px; max-width: 100%' "
            f"role='img' aria-label='Each number before and after. {self._summary()}' "
            f"font-size='14' fill='currentColor'>"
            f"{''.join(marks)}<path d='M0 {HEIGHT}h{WIDTH}' stroke='currentColor'/></svg>"
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
        sums = ", ".join(f"{name} {value:.2f}" for name, value in self._sums().items())
        ax.set(title=f"{self._summary()}\nSum: {sums}", xticks=[])
        ax.legend()
        return figure

    def __repr__(self) -> str:
        return (
            f"DropoutExplorer: {'training' if self.training else 'inference'}, rate {self.rate:.2f}, "
            f"seed {self.seed}, {self.survives.sum()} of {len(self.signal)} survive, "
            f"sum {self.signal.sum():.2f} before and {self.after.sum():.2f} after"
        )


def _bar(x: float, width: float, height: float, style: str) -> str:
    return (
        f"<rect x='{x - width / 2:.1f}' y='{HEIGHT - height:.1f}' width='{width:.1f}' "
        f"height='{height:.1f}' {style}/>"
    )
