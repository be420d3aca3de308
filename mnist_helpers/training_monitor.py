"""Watch a network train, and stop it: a callback for Keras. `mnist_helpers` imports it on first use."""

import math
import signal
import sys
import threading
import time

import IPython
import matplotlib.pyplot as plt

from mnist_helpers.plots import plot_history
from mnist_helpers.startup import quiet_start

with quiet_start():
    from keras.callbacks import Callback


class TrainingMonitor(Callback):
    """Draw the learning curves while a network trains, and make the ■ button a clean stop.

    Pass it to ``fit`` as a callback. The first interrupt ends the epoch after the step at hand: the
    validation images are measured once more, and ``fit`` returns its history as usual. A second interrupt
    raises KeyboardInterrupt. Outside the main thread, the curves are drawn, but nothing is stopped.
    """

    def on_train_begin(self, logs=None):
        self._epochs, self._picture, self._fit = [], IPython.display.DisplayHandle(), None
        self._draw(self._picture.display)
        self._start, self._due = None, time.monotonic() + 0.5
        if threading.current_thread() is threading.main_thread():
            self._fit = sys._getframe(2)  # the call of `fit`
            if (handler := signal.signal(signal.SIGINT, self._interrupt)) != self._interrupt:
                self._handler = handler

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._epochs = epoch, [*self._epochs, {}]

    def on_train_batch_end(self, batch, logs=None):
        self._epochs[-1], now = logs, time.monotonic()
        part = (batch + 1) / (self.params["steps"] or math.inf)  # of the epoch
        done = len(self._epochs) - 1 + part
        start, done_then = self._start = self._start or (now, done)  # the first step also builds the network
        if now < self._due:
            return
        words = f"epoch {self._epoch + 1} of {self.params['epochs']}"
        if done > done_then:
            left = (now - start) / (done - done_then) * (self.params["epochs"] - self._epoch - part)
            words += f", about {left:.0f} s left" if left < 100 else f", about {left / 60:.0f} min left"
        self._draw(self._picture.update, words)
        self._due = now + max(0.5, 10 * (time.monotonic() - now))  # drawing takes a tenth of the time at most

    def on_epoch_end(self, epoch, logs=None):
        self._epochs[-1] = logs

    def on_train_end(self, logs=None):
        if self._fit:
            signal.signal(signal.SIGINT, self._handler)
        self._fit = None  # it holds the images
        self._draw(self._picture.update)

    def _interrupt(self, number, frame):
        while frame not in (None, self._fit):
            frame = frame.f_back
        if frame and not self.model.stop_training:
            self.model.stop_training = True
        else:  # the second interrupt; or `fit` has raised, of which Keras does not tell its callbacks
            signal.signal(signal.SIGINT, self._handler)
            signal.raise_signal(number)

    def _draw(self, show, words=""):
        epochs = self._epochs or [{}]
        metric = next((key for key in epochs[0] if "loss" not in key), "accuracy").removeprefix("val_")
        keys = {"loss": "loss", "accuracy": metric, "val_loss": "val_loss", "val_accuracy": f"val_{metric}"}
        axes = plot_history({key: [logs.get(keys[key], math.nan) for logs in epochs] for key in keys})
        axes[1].set_ylabel(metric)
        axes[0].figure.suptitle(words)
        if IPython.get_ipython():
            show(axes[0].figure)
        plt.close(axes[0].figure)  # else the end of the cell would show it once more
