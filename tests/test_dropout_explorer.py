"""The dropout explorer's state: what is dropped and rescaled, what is rejected, and what the view says."""

import re

import numpy as np
import pytest
from leaks import assert_leaves_nothing
from matplotlib.colors import to_hex
from traitlets import TraitError

from mnist_helpers.plots import BLUE
from mnist_helpers.widgets.dropout_explorer import DropoutExplorer


@pytest.fixture
def signal(rng) -> np.ndarray:
    return rng.gamma(1, 1, 32).astype("float32")


@pytest.fixture
def explorer(signal) -> DropoutExplorer:
    return DropoutExplorer(signal, rate=0.25, seed=7)


def test_survivors_are_rescaled_and_the_others_zero(explorer, signal):
    assert 0 < explorer.survives.sum() < 32
    np.testing.assert_allclose(explorer.after[explorer.survives], signal[explorer.survives] / 0.75)
    assert not explorer.after[~explorer.survives].any()


def test_it_equals_the_dropout_in_notebook_04(explorer, signal):
    rng = np.random.default_rng(7)
    shown = np.where(rng.random(signal.shape) >= 0.25, signal / (1 - 0.25), 0)
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


def test_each_seed_is_a_repeatable_draw(explorer):
    first = explorer.after
    explorer.seed = 8
    assert (explorer.after != first).any()
    explorer.seed = 7
    np.testing.assert_array_equal(explorer.after, first)


def test_inference_changes_nothing(explorer, signal):
    explorer.training = False
    assert explorer.survives.all()
    np.testing.assert_array_equal(explorer.after, signal)
    np.testing.assert_allclose(explorer.average, signal, rtol=1e-12)
    assert explorer._said.text == "Inference: nothing is dropped, nothing is rescaled."
    assert explorer._view.value.count("×") == 1  # in the legend


def bars(explorer) -> list[tuple[float, float]]:
    """The heights of the bars before and after, relative to the largest before."""
    heights = [float(height) for height in re.findall(r"height='([\d.]+)' ", explorer._view.value)]
    top = max(heights[::2])
    return [(before / top, after / top) for before, after in zip(heights[::2], heights[1::2], strict=True)]


def test_view_shows_the_draw(explorer, signal):
    expected = np.stack([signal, explorer.after], axis=1) / signal.max()
    np.testing.assert_allclose(bars(explorer), expected, atol=0.002)
    dropped = np.count_nonzero(~explorer.survives)
    assert explorer._view.value.count("×") == dropped + 1
    assert explorer._said.text == (
        f"Training: {32 - dropped} of 32 survive, each divided by 1 − 0.25 = 0.75."
    )
    for number in (signal.sum(), explorer.after.sum(), explorer.average.sum()):
        assert f">{number:.2f}</td>" in explorer._view.value


def test_controls_and_state_stay_in_sync(explorer):
    row = explorer.children[0].children
    training, rate, seed, again = row
    explorer.rate, explorer.training = 0.5, False
    assert (rate.value, training.value, seed.value) == (0.5, False, 7)
    rate.value, training.value = 0.6, True
    assert (explorer.rate, explorer.training) == (0.6, True)
    again.click()
    assert explorer.seed == seed.value == 8
    explorer.seed = 9_999
    again.click()
    assert explorer.seed == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate", 0.95), ("rate", -0.1), ("rate", "half"), ("seed", -1), ("seed", 1.5), ("training", "yes")],
)
def test_bad_value_is_rejected_and_changes_nothing(explorer, signal, name, value):
    before = repr(explorer), explorer._view.value
    with pytest.raises(TraitError, match=f"'{name}' trait of a DropoutExplorer"):
        setattr(explorer, name, value)
    assert (repr(explorer), explorer._view.value) == before
    with pytest.raises(TraitError, match=f"'{name}' trait of a DropoutExplorer"):
        DropoutExplorer(signal, **{name: value})


@pytest.mark.parametrize(
    ("signal", "complaint"),
    [
        (np.ones(65), r"1 to 64 numbers, got shape \(65,\); .* row\[:64\]"),
        (np.ones(0), r"1 to 64 numbers, got shape \(0,\)"),
        (np.ones((4, 4)), r"1 to 64 numbers, got shape \(4, 4\)"),
        (5, r"1 to 64 numbers, got shape \(\)"),
        ([1, -1], "none below 0"),
        ([1, np.nan], "finite numbers"),
        (["a", "b"], "finite numbers"),
    ],
)
def test_bad_signal_is_rejected(signal, complaint):
    with pytest.raises(ValueError, match=complaint):
        DropoutExplorer(signal)


def test_signal_of_zeros_can_be_shown():
    explorer = DropoutExplorer(np.zeros(3))
    assert bars_are_finite(explorer._view.value)


def bars_are_finite(view: str) -> bool:
    return not re.search("nan|inf", view)


def test_output_has_text_and_picture(explorer, signal):
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == (
        f"DropoutExplorer: training, rate 0.25, seed 7, {explorer.survives.sum()} of 32 survive, "
        f"sum {signal.sum():.2f} before and {explorer.after.sum():.2f} after"
    )
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} < set(data)


def test_picture_shows_the_draw(explorer, signal):
    (ax,) = explorer.static_figure().axes
    before, after = ax.containers
    np.testing.assert_allclose([bar.get_height() for bar in before], signal)
    np.testing.assert_allclose([bar.get_height() for bar in after], explorer.after)
    assert to_hex(after[0].get_facecolor()) == BLUE.lower()
    dropped, average = ax.lines
    np.testing.assert_array_equal(dropped.get_xdata(), np.flatnonzero(~explorer.survives))
    np.testing.assert_allclose(average.get_ydata(), explorer.average)


def test_two_hundred_changes_leave_nothing_behind(explorer):
    def move() -> None:
        for i in range(200):
            explorer.seed, explorer.rate, explorer.training = i, i / 250, i % 3 > 0

    assert_leaves_nothing(move)
