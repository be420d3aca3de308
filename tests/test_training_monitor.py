"""The training monitor: what it draws while a network trains, and what an interrupt does."""

import itertools
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from mnist_helpers import TrainingMonitor, training_monitor  # before Keras, to start it quietly

import keras  # isort: skip

X, Y = np.linspace(0, 1, 32, dtype="float32").reshape(16, 2), np.eye(2, dtype="float32")[np.arange(16) % 2]
FIT = {"x": X, "y": Y, "validation_data": (X, Y), "batch_size": 4, "epochs": 3, "verbose": 0}
NOTEBOOK = """
from mnist_helpers import TrainingMonitor
import keras, numpy as np

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
model.compile(loss="mse")
x = np.zeros((512, 2))
print(len(model.fit(x, x, epochs=10**6, verbose=0, callbacks=[TrainingMonitor()]).history["loss"]) > 0)
"""


def network(metric="accuracy"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(loss="categorical_crossentropy", metrics=[metric] if metric else [])
    return model


def at_step(number, act):
    """A callback that acts after this step, counted from 1 over all epochs."""
    count = itertools.count(1)
    return keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: next(count) == number and act()
    )


def interrupt():
    signal.raise_signal(signal.SIGINT)


def curves(figure):
    return [line.get_ydata() for ax in figure.axes for line in ax.lines]


@pytest.fixture
def figures(monkeypatch):
    """All figures that are drawn and closed. At the end of the test, interrupts must work as before."""
    figures = []
    monkeypatch.setattr(training_monitor.plt, "close", figures.append)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield figures
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_last_figure_shows_the_history_without_words(figures):
    monitor = TrainingMonitor()
    for epochs in (3, 2):  # one monitor, two networks
        history = network().fit(**FIT | {"epochs": epochs}, callbacks=[monitor]).history
        assert figures[-1].get_suptitle() == ""
        keys = ("loss", "val_loss", "accuracy", "val_accuracy")
        assert [curve.tolist() for curve in curves(figures[-1])] == [history[key] for key in keys]


@pytest.mark.parametrize(
    ("metric", "changes", "points"),
    [
        ("acc", {"initial_epoch": 1}, [2, 2, 2, 2]),
        (None, {}, [3, 3, 0, 0]),
        ("accuracy", {"validation_data": None}, [3, 0, 3, 0]),
        ("accuracy", {"validation_freq": 2}, [3, 1, 3, 1]),
        ("accuracy", {"epochs": 0}, [0, 0, 0, 0]),
    ],
)
def test_any_training_can_be_drawn(figures, metric, changes, points):
    network(metric).fit(**FIT | changes, callbacks=[TrainingMonitor()])
    assert [np.isfinite(curve).sum() for curve in curves(figures[-1])] == points
    assert figures[-1].axes[1].get_ylabel() == (metric or "accuracy")


# What is said if each look at the clock takes so many seconds, and drawing, between two looks, as many
@pytest.mark.parametrize(
    ("tick", "said"),
    [
        (100, ["epoch 1 of 3", "epoch 3 of 3, about 4 min left"]),
        (10, ["epoch 1 of 3", "epoch 3 of 3, about 22 s left"]),
        (1 / 8, ["epoch 1 of 3, about 1 s left"]),
    ],
)
def test_says_how_long_is_left_and_draws_seldom(figures, monkeypatch, tick, said):
    clock = itertools.count(0, tick)
    monkeypatch.setattr(training_monitor, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    network().fit(**FIT, callbacks=[TrainingMonitor()])
    assert [figure.get_suptitle() for figure in figures] == ["", *said, ""]
    loss, validation, *_ = curves(figures[-2])  # the epoch under way is part of the curves
    assert np.isfinite(loss).all() and np.isnan(validation[-1])


def test_first_interrupt_ends_the_epoch_at_its_step_and_the_second_interrupts(figures):
    model, monitor = network(), TrainingMonitor()
    history = model.fit(**FIT, callbacks=[at_step(6, interrupt), monitor]).history
    assert (int(model.optimizer.iterations), len(history["val_loss"])) == (6, 2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(**FIT, callbacks=[at_step(6, lambda: (interrupt(), interrupt())), monitor])
    assert len(model.fit(**FIT, callbacks=[monitor]).history["val_loss"]) == 3


def test_after_an_error_in_fit_an_interrupt_works_as_before(figures):
    monitor = TrainingMonitor()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            network().fit(**FIT, callbacks=[monitor, at_step(6, lambda: 1 / 0)])
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_in_another_thread_it_draws_and_leaves_interrupts_alone(figures):
    handlers = []
    look = at_step(1, lambda: handlers.append(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=network().fit, kwargs=FIT | {"callbacks": [TrainingMonitor(), look]})
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler] and len(curves(figures[-1])[0]) == 3


def test_stop_button_of_a_notebook_stops_and_leaves_one_figure():
    manager, client = start_new_kernel()
    shown, said = [], []

    def hear(message):
        if "display" in message["msg_type"]:
            shown.append((message["msg_type"], message["content"]["transient"]["display_id"]))
            if len(shown) == 2:
                manager.interrupt_kernel()
        elif message["content"].get("name") == "stdout":
            said.append(message["content"]["text"])

    try:
        client.execute_interactive(NOTEBOOK, output_hook=hear, timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert said == ["True\n"]
    (_, name), *updates = shown
    assert shown == [("display_data", name), *[("update_display_data", name)] * len(updates)]
