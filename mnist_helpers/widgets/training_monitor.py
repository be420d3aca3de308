"""Watch a network train, and stop it: a Keras callback with a view."""

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
PATIENCE_SECONDS = 3  # in which a page that shows the view has said so


class Monitor(Explorer, anywidget.AnyWidget):
    """Show a training while it runs: how far it is, the learning curves, and a button that stops it.

    Give it to ``fit`` as a callback; it shows itself. A cell that runs ``fit`` blocks the kernel, and a click
    is heard when it is over; in ``await asyncio.to_thread(model.fit, ..., callbacks=[monitor])`` it is heard
    at once. **Stop** ends the epoch at its next step; the validation images are measured once more, and
    ``fit`` returns as always. An interrupt of the kernel ends ``fit`` too, with an exception; the model stays
    as far as it was trained. If no page says that it shows the view, there is a line an epoch, and a figure.

    Attributes
    ----------
    state : one of ready, training, stopping, stopped, interrupted, finished.
    epoch, epochs : the epoch at hand, from 1, and the last one.
    history : what ``fit`` records: lists of one number an epoch under loss, accuracy, val_loss and
        val_accuracy, nan where there is none. Each ``fit`` begins a new one.
    """

    _esm = Path(__file__).with_suffix(".js")
    state = traitlets.Enum(STATES, "ready")
    view = traitlets.Dict().tag(sync=True)  # all that the page shows, in one message

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
        """End the training at its next step, as the button does. Without a training this does nothing."""
        if self.state == "training":
            self.state = "stopping"
            self.model.stop_training = True

    # What Keras calls

    def on_train_begin(self, logs=None):
        self._reset(self.params["epochs"], self.params["steps"])
        self.state = "training"
        if shell := get_ipython():
            shell.events.register("post_run_cell", self._cell_ended)
        self._draw()
        with harmless():
            display(self, exclude=["image/png"])  # which has nothing to show yet

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self._step = epoch + 1, 0
        if not self.history["loss"]:
            self._first = self.epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.state == "interrupted":
            # By the end of the cell; nothing has interrupted this thread.
            raise KeyboardInterrupt("the cell was interrupted")
        self._step, self._running = batch + 1, logs or {}
        self._doing = f"step {self._step:,}" + (f" of {self.steps:,}" if self.steps else "")
        self._draw(REDRAW_SECONDS)

    def on_test_batch_end(self, batch, logs=None):
        if self.state in RUNNING:  # and not in an `evaluate` of its own
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

    # What happens around it

    def _reset(self, epochs: int, steps: int | None) -> None:
        self.epochs, self.steps = epochs, steps
        self.epoch = self._first = 1
        self.history: dict[str, list[float]] = {key: [] for key in KEYS}
        self._step, self._running, self._doing = 0, {}, ""
        self._line, self._unprinted = "", []
        self._started, self._drawn = time.monotonic(), -math.inf
        self._seen = False  # by somebody: a page has said that it shows the view
        # The kernel listens to a page only while its main thread is free.
        self._listening = threading.current_thread() is not threading.main_thread()

    def _hear(self, _, content: str, buffers) -> None:
        if content == "shown":
            self._seen = True
        elif content == "stop":
            self.stop()

    def _cell_ended(self, result) -> None:
        """Keras does not call `on_train_end` where an exception, such as an interrupt, ends the training."""
        if result.success and self._listening:  # `fit` may be running still
            get_ipython().events.unregister("post_run_cell", self._cell_ended)
        else:
            self._end("interrupted")

    def _end(self, state: str) -> None:
        if self.state not in RUNNING:
            return
        self.state = state
        # ipywidgets keeps a monitor as long as the kernel lives. It need not keep a model.
        self.set_model(None)
        with contextlib.suppress(AttributeError, ValueError):  # no IPython, or the cell has ended long ago
            get_ipython().events.unregister("post_run_cell", self._cell_ended)
        self._draw()
        if not self._seen:
            with harmless():
                display(self, include=["image/png", "text/plain"])

    def _draw(self, pause: float = 0) -> None:
        """Bring what one sees up to date, if the last time is `pause` seconds ago."""
        now = time.monotonic()
        if now - self._drawn < pause:
            return
        self._drawn = now
        if kernel := getattr(get_ipython(), "kernel", None):
            # A cell that awaits hears of an interrupt when its loop wakes (issue 881 of ipykernel).
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
            return "stopping: the validation images are measured once more"
        if self.state != "training":
            return f"{self.state} after {duration(seconds)}"
        left = f", about {duration(seconds * (1 - done) / done)} left" if done else ""
        return self.state + left + ("" if self._listening else "; to stop it, interrupt the kernel")


def duration(seconds: float) -> str:
    """Say how long, as precisely as one wants to know: ``8 s``, ``3 min``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """Turn an error of the view into a warning: a training must not end because of its picture."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"the training monitor does not show all: {error!r}", stacklevel=3)


def __getattr__(name: str):
    """Make `TrainingMonitor` when it is first asked for: this module can be imported without Keras."""
    if name != "TrainingMonitor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quiet_start():
        from keras.callbacks import Callback
    members = {"__doc__": Monitor.__doc__, "__module__": __name__}
    return globals().setdefault(name, type(name, (Monitor, Callback), members))
