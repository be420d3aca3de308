"""The training monitor, on a network so small that an epoch of four steps takes milliseconds."""

import json
import math
import re
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from leaks import assert_leaves_nothing
from traitlets.config import Config

from mnist_helpers.widgets import training_monitor
from mnist_helpers.widgets.training_monitor import TrainingMonitor, duration

X = np.random.default_rng(0).random((64, 4), dtype="float32")
Y = np.eye(2, dtype="float32")[(X.sum(axis=1) > 2).astype(int)]
FIT = {"x": X, "y": Y, "batch_size": 16, "validation_data": (X, Y), "verbose": 0}
LONG = 300  # epochs: a few seconds, if nothing stops it


class At(keras.callbacks.Callback):
    """Do something after a given training step."""

    def __init__(self, step: int, action):
        super().__init__()
        self.left, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.action()


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape=(4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model


@pytest.fixture
def monitor() -> TrainingMonitor:
    return TrainingMonitor()


@pytest.fixture
def shell(tmp_path):
    """IPython as in a notebook: it runs cells and reports when one has ended."""
    no_files = Config({"HistoryManager": {"enabled": False}})
    yield InteractiveShell.instance(ipython_dir=str(tmp_path), config=no_files)
    InteractiveShell.clear_instance()


def test_module_is_imported_without_keras(python):
    program = "import sys\nimport mnist_helpers.widgets.training_monitor\nprint('keras' in sys.modules)"
    result = python(program)
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_module_has_no_other_names():
    with pytest.raises(AttributeError, match="TrainingMonitors"):
        training_monitor.TrainingMonitors  # noqa: B018


def test_is_a_callback_and_ready(monitor):
    assert isinstance(monitor, keras.callbacks.Callback)
    assert repr(monitor) == "TrainingMonitor: ready"


def test_prints_a_line_per_epoch_if_no_page_shows_it(model, monitor, capsys):
    history = model.fit(**FIT, epochs=2, callbacks=[monitor]).history
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert (first, last) == (
        "TrainingMonitor: training, epoch 1 of 2",
        "TrainingMonitor: finished, epoch 2 of 2",
    )
    assert lines == [
        f"epoch {epoch + 1} of 2 - "
        + " - ".join(f"{key}: {history[key][epoch]:.4f}" for key in sorted(history))
        for epoch in range(2)
    ]


def test_lines_of_a_long_training_are_printed_before_its_end(model, monitor, capsys, monkeypatch):
    monkeypatch.setattr(training_monitor, "PATIENCE_SECONDS", 0.2)
    printed = []
    look = At(12, lambda: printed.append(capsys.readouterr().out))
    wait = At(6, lambda: time.sleep(0.3))
    with ThreadPoolExecutor() as threads:
        threads.submit(model.fit, **FIT, epochs=4, callbacks=[wait, monitor, look]).result()
    assert re.findall(r"epoch . of 4 -", printed[0]) == ["epoch 1 of 4 -", "epoch 2 of 4 -"]


def test_prints_nothing_if_a_page_shows_it(model, monitor, capsys):
    shown = At(1, lambda: monitor._handle_custom_msg("shown", []))
    with ThreadPoolExecutor() as threads:
        threads.submit(model.fit, **FIT, epochs=2, callbacks=[shown, monitor]).result()
    assert capsys.readouterr().out == "TrainingMonitor: training, epoch 1 of 2\n"


def test_history_equals_keras_and_a_second_fit_starts_over(model, monitor):
    for epochs in (3, 2):
        history = model.fit(**FIT, epochs=epochs, callbacks=[monitor]).history
        assert monitor.history == history
        assert len(history["loss"]) == epochs
        assert monitor.view["curves"]["val_loss"] == [(i + 1, history["val_loss"][i]) for i in range(epochs)]
        assert repr(monitor) == f"TrainingMonitor: finished, epoch {epochs} of {epochs}"
    assert monitor.model is None  # it would live as long as the kernel


def test_view_within_an_epoch(model, monitor, monkeypatch):
    monkeypatch.setattr(training_monitor, "REDRAW_SECONDS", 0)
    views = []
    look = At(6, lambda: views.append((monitor.view, dict(monitor._running))))
    history = model.fit(**FIT, epochs=3, callbacks=[monitor, look]).history
    [(view, running)] = views
    assert (view["epoch"], view["step"], view["part"]) == ("epoch 2 of 3", "step 2 of 4", 0.5)
    assert view["done"] == pytest.approx(0.5)
    assert view["epochs"] == [0, 3]
    assert view["curves"]["loss"] == [(1, history["loss"][0]), (1.5, running["loss"])]
    assert view["curves"]["val_accuracy"] == [(1, history["val_accuracy"][0])]
    assert view["line"].startswith("epoch 1 of 3 - accuracy: ")
    assert re.fullmatch(r"training, about \d+ s left; to stop it, interrupt the kernel", view["status"])


def test_time_left(monitor):
    monitor.state, monitor._listening = "training", True
    assert monitor._status(seconds=10, done=0.25) == "training, about 30 s left"
    assert monitor._status(seconds=0, done=0) == "training"
    assert [duration(seconds) for seconds in (0.4, 7.6, 99.4, 100, 600)] == [
        "0 s",
        "8 s",
        "99 s",
        "2 min",
        "10 min",
    ]


def test_later_epochs_keep_their_numbers(model, monitor):
    model.fit(**FIT, initial_epoch=3, epochs=5, callbacks=[monitor])
    assert monitor.view["epochs"] == [3, 5]
    assert [x for x, _ in monitor.view["curves"]["loss"]] == [4, 5]
    assert monitor.view["done"] == 1


def test_redraws_are_few(model, monitor):
    views = []
    monitor.observe(views.append, "view")
    begin = time.monotonic()
    model.fit(**FIT | {"batch_size": 1, "validation_data": None}, epochs=3, callbacks=[monitor])
    # At the start, at the end, after each epoch, and every fifth of a second in between.
    assert len(views) <= 5 + (time.monotonic() - begin) / training_monitor.REDRAW_SECONDS


def test_stop_works_while_fit_runs(model, monitor):
    with ThreadPoolExecutor() as threads:
        fit = threads.submit(model.fit, **FIT, epochs=LONG, callbacks=[monitor])
        while monitor.epoch < 3:
            time.sleep(0.01)
        assert monitor.view["stoppable"]
        monitor._handle_custom_msg("stop", [])
        history = fit.result()
    assert monitor.state == "stopped"
    assert monitor.history == history.history
    assert len(history.history["val_loss"]) == monitor.epoch < LONG
    assert not monitor.view["stoppable"]


def test_stop_ends_the_current_epoch(model, monitor):
    steps = At(10**6, None)
    model.fit(**FIT, epochs=3, callbacks=[monitor, At(6, monitor.stop), steps])
    assert 10**6 - steps.left == 6
    assert repr(monitor) == "TrainingMonitor: stopped, epoch 2 of 3"


def test_stop_without_a_training_does_nothing(model, monitor):
    monitor.stop()
    assert monitor.state == "ready"
    model.fit(**FIT, epochs=2, callbacks=[monitor])
    monitor.stop()
    assert monitor.state == "finished"


def test_stop_by_another_callback_counts_as_finished(model, monitor):
    patience = keras.callbacks.EarlyStopping(monitor="loss", min_delta=10, patience=1)
    model.fit(**FIT, epochs=5, callbacks=[monitor, patience])
    assert repr(monitor) == "TrainingMonitor: finished, epoch 2 of 5"


@pytest.mark.parametrize("cell", ["{}", "try:\n    {}\nexcept KeyboardInterrupt:\n    pass"])
def test_interrupt_of_a_cell(cell, model, monitor, shell, capsys):
    shell.user_ns |= {"model": model, "FIT": FIT, "monitor": monitor}
    shell.user_ns["interrupt"] = At(6, lambda: signal.raise_signal(signal.SIGINT))
    shell.run_cell(cell.format("model.fit(**FIT, epochs=3, callbacks=[monitor, interrupt])"))
    assert repr(monitor) == "TrainingMonitor: interrupted, epoch 2 of 3"
    assert monitor.view["status"].startswith("interrupted after ")
    assert model.history.history == monitor.history
    assert len(monitor.history["val_loss"]) == 1
    assert not shell.events.callbacks["post_run_cell"]
    model.fit(**FIT, epochs=2, callbacks=[monitor])
    assert monitor.state == "finished"


def test_error_in_the_cell_ends_a_training_in_another_thread(model, monitor, shell, capsys):
    def fit():
        with pytest.raises(KeyboardInterrupt):
            model.fit(**FIT, epochs=LONG, callbacks=[monitor])
        ended.append(True)

    ended = []
    thread = threading.Thread(target=fit, daemon=True)
    shell.user_ns |= {"thread": thread, "monitor": monitor}
    shell.run_cell("thread.start()\nwhile monitor.epoch < 2:\n    pass\n1 / 0")
    thread.join(timeout=5)
    assert ended
    assert monitor.state == "interrupted"
    assert np.isfinite(model.evaluate(X, Y, verbose=0)).all()


def test_end_of_the_cell_without_an_error_does_not_end_the_training(model, monitor, shell, capsys):
    thread = threading.Thread(
        target=model.fit, kwargs=FIT | {"epochs": LONG, "callbacks": [monitor]}, daemon=True
    )
    shell.user_ns |= {"thread": thread, "monitor": monitor}
    shell.run_cell("thread.start()\nwhile monitor.epoch < 2:\n    pass")
    shell.run_cell("1 / 0")
    assert monitor.state == "training"
    monitor.stop()
    thread.join(timeout=5)
    assert monitor.state == "stopped"
    assert not shell.events.callbacks["post_run_cell"]


def test_broken_view_does_not_end_the_training(model, monitor, monkeypatch):
    def fail(seconds):
        raise OSError("the page is gone")

    monkeypatch.setattr(monitor, "_view", fail)
    with pytest.warns(UserWarning, match="the page is gone"):
        history = model.fit(**FIT, epochs=2, callbacks=[monitor])
    assert len(history.history["loss"]) == 2
    assert monitor.state == "finished"


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": []},
        {"validation_data": None},
        {"validation_freq": 2},
        {"y": np.full_like(Y, math.nan)},
        {"x": ((X, Y) for _ in range(8)), "y": None, "batch_size": None, "shuffle": False},
        {"epochs": 0},
    ],
    ids=[
        "no accuracy",
        "no validation",
        "rare validation",
        "loss not a number",
        "steps unknown",
        "no epochs",
    ],
)
def test_any_training_can_be_shown(model, monitor, changes):
    if "metrics" in changes:
        model.compile(loss="categorical_crossentropy", metrics=changes.pop("metrics"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Your input ran out of data")
        model.fit(**{"epochs": 3} | FIT | changes, callbacks=[monitor])
    assert monitor.state == "finished"
    json.dumps(monitor.view, allow_nan=False)  # as sent to the page
    assert monitor.view["epochs"][0] < monitor.view["epochs"][1]
    assert len({len(values) for values in monitor.history.values()}) == 1


def test_evaluate_changes_nothing(model, monitor):
    model.fit(**FIT, epochs=2, callbacks=[monitor])
    view = monitor.view
    model.evaluate(X, Y, verbose=0, callbacks=[monitor])
    assert (monitor.view, monitor.state) == (view, "finished")


def test_picture_has_the_curves(model, monitor):
    history = model.fit(**FIT, epochs=3, callbacks=[monitor]).history
    loss, accuracy = monitor.static_figure().axes
    assert [line.get_ydata().tolist() for line in loss.lines] == [history["loss"], history["val_loss"]]
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [
        history["accuracy"],
        history["val_accuracy"],
    ]
    bundle, _ = monitor._repr_mimebundle_()
    assert bundle["text/plain"] == "TrainingMonitor: finished, epoch 3 of 3"
    assert "image/png" in bundle


def test_picture_is_not_drawn_if_excluded(monitor, monkeypatch):
    monkeypatch.setattr(monitor, "static_figure", None)
    bundle, _ = monitor._repr_mimebundle_(exclude=["image/png"])
    assert bundle.keys() == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_redraws_leave_nothing_behind(model, monitor, capsys):
    model.fit(**FIT, epochs=3, callbacks=[monitor])
    assert_leaves_nothing(lambda: [monitor._draw() for _ in range(200)])
