"""Training can be stopped or interrupted, and the network remains usable."""

import secrets
import time
from collections.abc import Callable

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

from browser.conftest import KERNEL_IS_IDLE, RUN_ALL
from browser.state import make_narrow, state

SETUP = """\
import asyncio

from mnist_helpers import load_splits, quiet_start
from mnist_helpers.widgets.training_monitor import TrainingMonitor

with quiet_start():
    import keras

(x, y), (x_val, y_val), _ = load_splits("flat")
x_val, y_val = x_val[:2000], y_val[:2000]
model = keras.Sequential([keras.Input(shape=(784,)), keras.layers.Dense(10, activation="softmax")])
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
"""
IN_A_THREAD = """\
monitor = TrainingMonitor()
history = await asyncio.to_thread(
    model.fit, x, y, epochs=300, validation_data=(x_val, y_val), verbose=0, callbacks=[monitor]
)
"""
IN_THE_CELL = """\
monitor = TrainingMonitor()
model.fit(x, y, epochs=300, validation_data=(x_val, y_val), verbose=0, callbacks=[monitor])
"""
RUN_CELL = """index => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
    window.jupyterapp.commands.execute('notebook:run-cell');
}"""
INTERRUPT = "() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel'); }"


@pytest.fixture
def train(lab, open_notebook) -> Callable[[str], Page]:
    """Open a notebook that builds and trains a network, and run it until steps are shown."""

    def train(source: str) -> Page:
        name = f"scratch_{secrets.token_hex(4)}.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        cells = [new_code_cell(text) for text in (SETUP, source)]
        nbformat.write(new_notebook(cells=cells, metadata=kernel), lab.folder / name)
        page = open_notebook(name)
        page.evaluate(RUN_ALL)
        expect_training(page)
        return page

    return train


def expect_training(page: Page) -> None:
    expect(page.locator(".training-monitor .status")).to_contain_text("training, about", timeout=60_000)


def expect_end(page: Page, state: str, seconds: float) -> None:
    expect(page.locator(".training-monitor .status")).to_contain_text(state, timeout=seconds * 1000)


def once_idle(page: Page, expression: str) -> object:
    """The value of a Python expression, once no cell is running."""
    page.wait_for_function(KERNEL_IS_IDLE)
    return state(page, expression)


def expect_usable(page: Page) -> None:
    """The network predicts, and does the same a moment later: nothing is training it anymore."""
    evaluate = "model.evaluate(x_val, y_val, verbose=0)[1]"
    accuracy = once_idle(page, evaluate)
    assert 0 < accuracy < 1
    time.sleep(0.5)
    assert once_idle(page, evaluate) == accuracy


def test_stop_by_mouse_and_again_by_keyboard(train):
    page = train(IN_A_THREAD)
    page.get_by_role("button", name="Stop").click()
    expect_end(page, "stopped", seconds=20)
    epochs = "[len(history.history['val_loss']), monitor.history == history.history, monitor.state]"
    assert once_idle(page, epochs) == [1, True, "stopped"]
    expect_usable(page)

    page.evaluate(RUN_CELL, 1)
    expect_training(page)
    assert page.locator(".training-monitor").count() == 1
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    stop.press("Enter")
    expect_end(page, "stopped", seconds=20)
    expect(stop).to_be_focused()
    expect(page.locator(".jp-OutputArea-output")).to_have_count(1)  # no lines, no figure: the view is shown


@pytest.mark.parametrize("source", [IN_A_THREAD, IN_THE_CELL])
def test_interrupt(train, source):
    page = train(source)
    stoppable = source == IN_A_THREAD
    expect(page.get_by_role("button", name="Stop")).to_have_attribute(
        "aria-disabled", str(not stoppable).lower()
    )
    page.evaluate(INTERRUPT)
    expect_end(page, "interrupted", seconds=5)
    expect_usable(page)


def test_fits_a_phone_held_upright(open_cell):
    page = open_cell(
        "from mnist_helpers.widgets.training_monitor import Monitor\n"
        "monitor = Monitor()\n"
        "monitor.epoch = monitor.epochs = 2\n"
        "monitor.history = {key: [0.123, 0.1] for key in monitor.history}\n"
        "monitor.view = monitor._view(seconds=5)\n"
        "monitor\n"
    )
    make_narrow(page)
    panels = page.locator(".training-monitor svg")
    expect(panels).to_have_count(2)
    width = page.evaluate("() => document.querySelector('.training-monitor').parentElement.clientWidth")
    boxes = [panel.bounding_box() for panel in panels.all()]
    assert all(150 < box["width"] <= width for box in boxes)
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]  # one below the other
    overflow = "() => document.querySelector('.training-monitor').scrollWidth"
    assert page.evaluate(overflow) <= width
