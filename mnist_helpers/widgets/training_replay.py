"""Replay a training that is on record: its learning curves, epoch by epoch."""

from collections.abc import Mapping

import numpy as np
import traitlets
from matplotlib.figure import Figure

from mnist_helpers.checks import as_history, finite
from mnist_helpers.plots import ORANGE, plot_history
from mnist_helpers.widgets.base import Widget, esm, one_of


class TrainingReplay(Widget):
    """Play a network's learning curves, or choose an epoch, and see what was known by then.

    Parameters
    ----------
    histories : dict of a network's name and its history, as `plot_history` takes it, of finite numbers. Of a
        second network, the validation curves are drawn beside it, to compare.

    Attributes
    ----------
    epoch : the last epoch shown, from 1.
    enlarged : whether the validation curve is shown alone, in the later half of the epochs, on a finer scale.

    Raises
    ------
    ValueError
        If the histories are not one or two, or not as described.
    traitlets.TraitError
        If an attribute is set to an invalid value; it keeps its old value.
    """

    _esm = esm("training_replay.js")

    epoch = traitlets.Int(1).tag(sync=True)
    enlarged = traitlets.Bool().tag(sync=True)
    # What the page needs besides, and does not change
    names = traitlets.List().tag(sync=True)
    histories = traitlets.List().tag(sync=True)

    def __init__(self, histories: Mapping):
        if not isinstance(histories, Mapping) or not 1 <= len(histories) <= 2:
            raise ValueError(
                "histories must be a dict of one or two networks' histories, such as "
                f'{{"MLP": run["history"]}}, got {type(histories).__name__} of {len(histories)}'
            )
        kept = [
            {key: finite(values, f"{name}'s {key}").tolist() for key, values in as_history(history).items()}
            for name, history in histories.items()
        ]
        if not kept[0]["loss"]:
            raise ValueError("a history must have at least one epoch, got none")
        super().__init__(names=[*histories], histories=kept)

    @traitlets.validate("epoch")
    def _known(self, proposal):
        return one_of(range(1, len(self.histories[0]["loss"]) + 1), proposal)

    def static_figure(self) -> Figure:
        """All epochs, with a dot where validation was best, and the end of its loss enlarged."""
        history, *others = self.histories
        axes = plot_history(history)
        for ax, key in zip(axes, ("loss", "accuracy"), strict=True):
            for name, other in zip(self.names[1:], others, strict=True):
                values = other[f"val_{key}"][: len(history[key])]
                epochs = np.arange(1, len(values) + 1)
                ax.plot(epochs, values, color="0.4", linestyle=":", label=f"validation, {name}")
            best = _best(history, key, len(history[key]))
            ax.plot(best, history[f"val_{key}"][best - 1], "ko", markersize=5)
        axes[0].get_legend().remove()
        axes[1].legend(loc="lower right")
        axes[0].figure.suptitle(f"{self.names[0]}; a dot marks the best validation epoch", fontsize=10)
        losses, first = np.array(history["val_loss"]), max(len(history["loss"]) // 2, 1)
        end = axes[0].inset_axes([0.4, 0.36, 0.57, 0.56])
        end.plot(np.arange(first, len(losses) + 1), losses[first - 1 :], color=ORANGE, linestyle="--")
        end.plot(losses.argmin() + 1, losses.min(), "ko", markersize=5)
        end.xaxis.get_major_locator().set_params(integer=True)
        end.set_title("validation loss at the end, enlarged", fontsize=8)
        end.tick_params(labelsize=8)
        return axes[0].figure

    def __repr__(self) -> str:
        history, epochs = self.histories[0], len(self.histories[0]["loss"])
        said = [f"{self.names[0]}, epoch {self.epoch} of {epochs}."]
        said += [f"Training loss {history['loss'][self.epoch - 1]:.4f}."]
        for key, extreme in (("loss", "lowest"), ("accuracy", "highest")):
            best, values = _best(history, key, self.epoch), history[f"val_{key}"]
            earlier = f"; the {extreme} was {values[best - 1]:.4f}, after epoch {best}."
            end = f", the {extreme} so far." if best == self.epoch else earlier
            said += [f"Validation {key} {values[self.epoch - 1]:.4f}{end}"]
        return f"TrainingReplay: {' '.join(said)}"


def _best(history: dict, key: str, epochs: int) -> int:
    """The epoch, from 1, with the lowest validation loss or the highest accuracy of the first ones."""
    values = np.array(history[f"val_{key}"][:epochs])
    return 1 + int(values.argmin() if key == "loss" else values.argmax())
