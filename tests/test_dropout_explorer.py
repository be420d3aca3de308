"""The dropout explorer: the same draws in Python and in the page, and what is rejected."""

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers.widgets import DropoutExplorer


@pytest.fixture
def explorer(rng) -> DropoutExplorer:
    return DropoutExplorer(rng.gamma(1, 1, 32).astype("float32"), rate=0.25, seed=7)


def test_random_numbers_of_the_page_are_numpys():
    seeds = [0, 7, 1998, 9999, 2**32 - 1]
    page = run("random.js", "data.map((seed) => module.randomNumbers(seed, 100))", seeds)
    np.testing.assert_array_equal(page, [np.random.default_rng(seed).random(100) for seed in seeds])


@pytest.mark.parametrize("training", [True, False])
def test_page_makes_the_same_draw(explorer, training):
    explorer.training = training
    state = {name: getattr(explorer, name) for name in ("rate", "training")}
    data = {"signal": explorer.signal, "state": state, "random": np.random.default_rng(7).random(32_000)}
    page = run("dropout_explorer.js", "module.drop(data.signal, data.state, data.random)", data)
    assert page["survives"] == explorer.survives.tolist()
    np.testing.assert_allclose(page["after"], explorer.after, rtol=1e-6)
    np.testing.assert_allclose(page["average"], explorer.average, rtol=1e-6)
    words = run("dropout_explorer.js", "module.summarize(...data)", [state, page["survives"]])
    assert words == explorer._summary()


def test_draw_is_that_of_notebook_04_and_inference_changes_nothing(explorer):
    signal = explorer.signal
    shown = np.where(np.random.default_rng(7).random(signal.shape) >= 0.25, signal / (1 - 0.25), 0)
    np.testing.assert_array_equal(explorer.after, shown)
    explorer.training = False
    assert explorer.survives.all() and np.array_equal(explorer.after, signal)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("rate", 0.95, "rate must be a finite number from 0 to 0.9, got 0.95"),
        ("seed", -1, "'seed'.* less than 0"),
        ("signal", np.ones(65), r"1 to 64 numbers, got shape \(65,\); .* row\[:64\]"),
        ("signal", np.ones(0), r"1 to 64 numbers, got shape \(0,\)"),
        ("signal", [1, -1], "no numbers below 0, .* got -1"),
        ("signal", [1, np.nan], "signal must be finite"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(explorer, name, value, complaint):
    before = explorer.get_state()
    with pytest.raises(TraitError, match=complaint):
        setattr(explorer, name, value)
    assert explorer.get_state() == before
    with pytest.raises(ValueError, match="read-only"):
        explorer.signal[0] = 5  # the page would not hear of it
