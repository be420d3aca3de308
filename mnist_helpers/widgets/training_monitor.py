"""Watch a network train, and stop it: a Keras callback with a live view."""

import contextlib
import math
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import anywidget
import traitlets
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure

from mnist_helpers.plots import plot_history
from mnist_helpers.startup import quiet_start
from mnist_helpers.widgets.base import Explorer

KEYS = ("accuracy", "loss", "val_accuracy", "val_loss")
RUNNING = {"training", "stopping"}
STATES = RUNNING | {"ready", "stopped", "interrupted", "finished"}
REDRAW_SECONDS = 0.2
PATIENCE_SECONDS = 3  # how long to wait for a page to say that it shows the view


class Monitor(Explorer, anywidget.AnyWidget):
    """Show a training run live: progress, learning curves, and a button that stops it.

    Pass it to ``fit`` as a callback; it displays itself. A cell that runs ``fit`` blocks the kernel, so the
    button is disabled; run ``await asyncio.to_thread(model.fit, ..., callbacks=[monitor])`` to use it.
    **Stop** ends the epoch at its next step; the validation images are evaluated once more, and ``fit``
    returns as usual. Interrupting the kernel also ends ``fit``, with an exception; the model keeps the
    weights it has. If no page reports that it shows the view, one line per epoch is printed, and a figure
    is displayed at the end.

    Attributes
    ----------
    state : one of ready, training, stopping, stopped, interrupted, finished.
    epoch, epochs : the current epoch, counted from 1, and the last one.
    history : what ``fit`` records: lists with one number per epoch under loss, accuracy, val_loss and
        val_accuracy, nan where there is none. Each ``fit`` starts a new one.
    """

    _esm = Path(__file__).with_suffix(".js")
    state = traitlets.Enum(STATES, "ready")
    view = traitlets.Dict().tag(sync=True)  # everything the page shows, in one message

    def __init__(self):
        super().__init__()
        self._reset(epochs=0, steps=None)
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        epoch = f", epoch {self.epoch} of {self.epochs}" if self.epochs else ""
        return f"TrainingMonitor: {self.state}{epoch}"

    def static_figure(self) -> Figure:
        """The learning curves."""
        return plot_history(self.history)[0].figure

    def stop(self) -> None:
        """Stop the training at its next step, as the button does. Does nothing if no training is running."""
        if self.state == "training":
            self.state = "stopping"
            self.model.stop_training = True

    # Called by Keras

    def on_train_begin(self, logs=None):
        self._reset(self.params["epochs"], self.params["steps"])
        self.state = "training"
        if shell := get_ipython():
            shell.events.register("post_run_cell", self._cell_ended)
        self._draw()
        with harmless():
            display(self, exclude=["image/png"])  # there is nothing to draw yet

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self._step = epoch + 1, 0
        if not self.history["loss"]:
            self._first = self.epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.state == "interrupted":
            # The cell has ended, but this thread goes on until it raises.
            raise KeyboardInterrupt("the cell was interrupted")
        self._step, self._running = batch + 1, logs or {}
        self._doing = f"step {self._step:,}" + (f" of {self.steps:,}" if self.steps else "")
        self._draw(REDRAW_SECONDS)

    def on_test_batch_end(self, batch, logs=None):
        if self.state in RUNNING:  # not in a separate call of `evaluate`
            self._doing = f"validation, step {batch + 1:,}"
            self._draw(REDRAW_SECONDS)

    def on_epoch_end(self, epoch, logs=None):
        numbers = {key: logs[key] for key in KEYS if key in (logs or {})}
        for key in KEYS:
            self.history[key].append(numbers.get(key, math.nan))
        self._line = f"epoch {self.epoch} of {self.epochs}"
        self._line += "".join(f" - {key}: {value:.4f}" for key, value in numbers.items())
        self._unprinted.append(self._line)
        self._running = {}
        self._draw()

    def on_train_end(self, logs=None):
        self._end("stopped" if self.state == "stopping" else "finished")

    # Internals

    def _reset(self, epochs: int, steps: int | None) -> None:
        self.epochs, self.steps = epochs, steps
        self.epoch = self._first = 1
        self.history: dict[str, list[float]] = {key: [] for key in KEYS}
        self._step, self._running, self._doing = 0, {}, ""
        self._line, self._unprinted = "", []
        self._started, self._drawn = time.monotonic(), -math.inf
        self._seen = False  # whether a page has reported that it shows the view
        # The kernel handles messages from the page only while its main thread is free.
        self._listening = threading.current_thread() is not threading.main_thread()

    def _hear(self, _, content: str, buffers) -> None:
        if content == "shown":
            self._seen = True
        elif content == "stop":
            self.stop()

    def _cell_ended(self, result) -> None:
        """Make up for Keras, which skips `on_train_end` if an exception, such as an interrupt, ends `fit`."""
        if result.success and self._listening:  # `fit` may still be running
            get_ipython().events.unregister("post_run_cell", self._cell_ended)
        else:
            self._end("interrupted")

    def _end(self, state: str) -> None:
        if self.state not in RUNNING:
            return
        self.state = state
        # ipywidgets keeps a monitor for the life of the kernel. Do not let it keep the model alive, too.
        self.set_model(None)
        with contextlib.suppress(AttributeError, ValueError):  # no IPython, or already unregistered
            get_ipython().events.unregister("post_run_cell", self._cell_ended)
        self._draw()
        if not self._seen:
            with harmless():
                display(self, include=["image/png", "text/plain"])

    def _draw(self, pause: float = 0) -> None:
        """Update the view and the printed lines, unless that was done less than `pause` seconds ago."""
        now = time.monotonic()
        if now - self._drawn < pause:
            return
        self._drawn = now
        if kernel := getattr(get_ipython(), "kernel", None):
            # An awaiting cell notices an interrupt only when its event loop wakes (ipykernel issue 881).
            kernel.io_loop.add_callback(lambda: None)
        with harmless():
            self.view = self._view(now - self._started)
            if self._seen:
                self._unprinted.clear()
            young = self.state in RUNNING and now - self._started < PATIENCE_SECONDS
            if not (young and self._listening):
                while self._unprinted:
                    print(self._unprinted.pop(0))

    def _view(self, seconds: float) -> dict:
        part = self._step / self.steps if self.steps else 0
        start, end = self._first - 1, max(self._first, self.epochs)
        here = start + len(self.history["loss"]) + (part if self._running else 0)
        done = (here - start) / (end - start)
        curves = {key: list(enumerate(values, self._first)) for key, values in self.history.items()}
        for key in curves.keys() & self._running.keys():
            curves[key].append((here, self._running[key]))
        return {
            "status": self._status(seconds, done),
            "stoppable": self.state == "training" and self._listening,
            "epoch": f"epoch {self.epoch} of {self.epochs}",
            "done": done,
            "step": self._doing,
            "part": part,
            "epochs": [start, end],
            "curves": {key: [point for point in curves[key] if math.isfinite(point[1])] for key in KEYS},
            "line": self._line,
        }

    def _status(self, seconds: float, done: float) -> str:
        if self.state == "stopping":
            return "stopping: one last pass over the validation images"
        if self.state != "training":
            return f"{self.state} after {duration(seconds)}"
        left = f", about {duration(seconds * (1 - done) / done)} left" if done else ""
        return self.state + left + ("" if self._listening else "; to stop it, interrupt the kernel")


def duration(seconds: float) -> str:
    """Format a duration, rounded to seconds or minutes: ``8 s``, ``3 min``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """Turn an error in the view into a warning: a broken display must not end the training."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"the training monitor could not update its display: {error!r}", stacklevel=3)


def __getattr__(name: str):
    """Make `TrainingMonitor` on first use, so that this module can be imported without Keras."""
    if name != "TrainingMonitor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quiet_start():
        from keras.callbacks import Callback
    members = {"__doc__": Monitor.__doc__, "__module__": __name__}
    return globals().setdefault(name, type(name, (Monitor, Callback), members))
