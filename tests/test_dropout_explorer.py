"""The dropout explorer: the same draws in Python and the page, what is rejected, and the picture."""

import numpy as np
import pytest
from javascript import run
from matplotlib.colors import to_hex
from traitlets import TraitError

from mnist_helpers.plots import BLUE
from mnist_helpers.widgets import DropoutExplorer


@pytest.fixture
def signal(rng) -> np.ndarray:
    return rng.gamma(1, 1, 32).astype("float32")


@pytest.fixture
def explorer(signal) -> DropoutExplorer:
    return DropoutExplorer(signal, rate=0.25, seed=7)


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
    data = [state, page["survives"]]
    assert run("dropout_explorer.js", "module.summarize(...data)", data) == explorer._summary()


def test_it_equals_the_dropout_in_notebook_04(explorer, signal):
    shown = np.where(np.random.default_rng(7).random(signal.shape) >= 0.25, signal / (1 - 0.25), 0)
    np.testing.assert_array_equal(explorer.after, shown)
    assert explorer.after.dtype == shown.dtype


def test_average_of_many_draws_is_the_signal(explorer, signal):
    # Notebook 04, exercise 3, gives the deviation of one draw; averaging n draws divides it by sqrt(n).
    deviation = signal * np.sqrt(0.25 / 0.75 / 1000)
    assert (abs(explorer.average - signal) < 5 * deviation).all()
    assert (explorer.average != signal).any()


def test_dropped_share_is_the_rate():
    explorer = DropoutExplorer(np.ones(64))
    for rate in (0, 0.3, 0.9):
        explorer.rate = rate
        dropped = np.mean([~explorer.survives for explorer.seed in range(200)])
        assert dropped == pytest.approx(rate, abs=0.02)


def test_inference_changes_nothing(explorer, signal):
    explorer.training = False
    assert explorer.survives.all()
    np.testing.assert_array_equal(explorer.after, signal)
    np.testing.assert_allclose(explorer.average, signal, rtol=1e-12)
    assert explorer._summary() == "Inference: nothing is dropped, nothing is rescaled."


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("rate", 0.95, "rate must be a finite number from 0 to 0.9, got 0.95"),
        ("rate", float("nan"), "rate must be .* got nan"),
        ("rate", "half", "rate must be .* got 'half'"),
        ("seed", -1, "'seed'.* less than 0"),
        ("seed", 1.5, "'seed'.* int"),
        ("training", "yes", "'training'.* boolean"),
        ("signal", np.ones(65), r"1 to 64 numbers, got shape \(65,\); .* row\[:64\]"),
        ("signal", np.ones(0), r"1 to 64 numbers, got shape \(0,\)"),
        ("signal", np.ones((4, 4)), r"1 to 64 numbers, got shape \(4, 4\)"),
        ("signal", [1, -1], "no numbers below 0, .* got -1"),
        ("signal", [1, np.nan], "signal must be finite"),
        ("signal", ["a", "b"], "signal must hold numbers"),
    ],
)
def test_bad_value_is_rejected_and_changes_nothing(explorer, signal, name, value, complaint):
    before = explorer.get_state()
    with pytest.raises(TraitError, match=complaint):
        setattr(explorer, name, value)
    assert explorer.get_state() == before
    with pytest.raises(TraitError, match=complaint):
        DropoutExplorer(**({"signal": signal} | {name: value}))


def test_output_has_text_picture_and_state(explorer, signal):
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == (
        f"DropoutExplorer: training, rate 0.25, seed 7, {explorer.survives.sum()} of 32 survive, "
        f"sum {signal.sum():.2f} before and {explorer.after.sum():.2f} after"
    )
    assert data["application/vnd.mnist-helpers.widget+json"] == {
        "view": "dropout_explorer",
        "state": {"signal": signal.tolist(), "rate": 0.25, "seed": 7, "training": True},
    }


def test_picture_shows_the_draw(explorer, signal):
    (ax,) = explorer.static_figure().axes
    before, after = ax.containers
    np.testing.assert_allclose([bar.get_height() for bar in before], signal)
    np.testing.assert_allclose([bar.get_height() for bar in after], explorer.after)
    assert to_hex(after[0].get_facecolor()) == BLUE.lower()
    dropped, average = ax.lines
    np.testing.assert_array_equal(dropped.get_xdata(), np.flatnonzero(~explorer.survives))
    np.testing.assert_allclose(average.get_ydata(), explorer.average)
