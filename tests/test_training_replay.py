"""The training replay: what was best by an epoch, in Python and in the page, and the chart's frames."""

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import load_results
from mnist_helpers.widgets import TrainingReplay

# Validation is best at epoch 2, and again at 4 by accuracy, of which the first counts.
SHORT = {
    "loss": [2.0, 1.0, 0.5, 0.25],
    "accuracy": [0.5, 0.625, 0.75, 0.875],
    "val_loss": [1.5, 1.0, 1.25, 1.75],
    "val_accuracy": [0.5, 0.75, 0.625, 0.75],
}
WORDS = [
    "epoch 1 of 4. Training loss 2.0000. Validation loss 1.5000, the lowest so far. "
    "Validation accuracy 0.5000, the highest so far.",
    "epoch 2 of 4. Training loss 1.0000. Validation loss 1.0000, the lowest so far. "
    "Validation accuracy 0.7500, the highest so far.",
    "epoch 3 of 4. Training loss 0.5000. Validation loss 1.2500; the lowest was 1.0000, after epoch 2. "
    "Validation accuracy 0.6250; the highest was 0.7500, after epoch 2.",
    "epoch 4 of 4. Training loss 0.2500. Validation loss 1.7500; the lowest was 1.0000, after epoch 2. "
    "Validation accuracy 0.7500; the highest was 0.7500, after epoch 2.",
]


@pytest.fixture
def replay() -> TrainingReplay:
    return TrainingReplay({"ours": SHORT})


def state_of(replay: TrainingReplay) -> dict:
    return replay.get_state(["names", "histories", "epoch", "enlarged"])


def test_says_what_was_best_by_then(replay):
    for epoch, words in enumerate(WORDS, start=1):
        replay.epoch = epoch
        assert repr(replay) == f"TrainingReplay: ours, {words}"
        assert run("training_replay.js", "module.describe(data)", state_of(replay)) == f"ours, {words}"


@pytest.mark.parametrize("network", ["mlp", "cnn", "deep_cnn"])
def test_page_says_what_python_says_of_the_reference_runs(network):
    replay, said = TrainingReplay({network: load_results(network)["history"]}), []
    for epoch in range(1, 31):
        replay.epoch = epoch
        said.append(repr(replay).removeprefix("TrainingReplay: "))
    each = "[...Array(30).keys()].map((i) => module.describe({ ...data, epoch: i + 1 }))"
    assert run("training_replay.js", each, state_of(replay)) == said and len(set(said)) == 30


@pytest.mark.parametrize("names", [["mlp"], ["cnn", "mlp"], ["deep_cnn"]])
def test_frames_hold_the_curves_and_little_more(names):
    histories = [load_results(name)["history"] for name in names]
    replay = TrainingReplay(dict(zip(names, histories, strict=True)))
    frames = "[false, true].map((enlarged) => module.frameOf({ ...data, enlarged }, 'KEY'))"
    for key in ("loss", "accuracy"):
        frame, enlarged = run("training_replay.js", frames.replace("KEY", key), state_of(replay))
        drawn = [*histories[0][key], *(value for one in histories for value in one[f"val_{key}"])]
        later = histories[0][f"val_{key}"][14:]
        assert (frame["left"], enlarged["left"]) == (0, 15)
        assert frame["right"] == enlarged["right"] == 30
        for edges, values in ((frame, drawn), (enlarged, later)):
            assert edges["bottom"] - 1e-9 <= min(values) < max(values) <= edges["top"] + 1e-9
        assert np.ptp(drawn) > 0.55 * (frame["top"] - frame["bottom"])
        assert np.ptp(later) > 0.35 * (enlarged["top"] - enlarged["bottom"])
        if key == "loss":
            assert frame["bottom"] == 0
        else:
            assert max(frame["top"], enlarged["top"]) < 1 + 1e-9
        assert run("training_replay.js", "module.bestOf(data, 'loss')", later) == 1 + np.argmin(later)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 0.67, None, (0, 0.75)),
        (0.0832, 0.088, None, (0.083, 0.088)),
        (0.8265, 0.9985, 1, (0.8, 1)),
        (1, 1, 1, (0.9995, 1)),
        (0, 250, None, (0, 250)),
        (0, 251, None, (0, 500)),
    ],
)
def test_frame_is_the_smallest_of_round_steps(low, high, most, expected):
    frame = run("charts.js", "module.roundFrame(data[0], data[1], data[2] ?? Infinity)", [low, high, most])
    assert (frame["bottom"], frame["top"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ("[9, 1, 2]", "M0.0 160.0L150.0 80.0"),  # the first is too far to the left
        ("[9, NaN, 5]", "M0.0 0.0L150.0 0.0"),  # no number, and beyond the top
        ("[]", ""),
    ],
)
def test_curve_runs_within_its_frame(values, path):
    frame = "{ left: 2, right: 4, bottom: 1, top: 3 }"
    assert run("charts.js", f"module.pathOf([1, 2, 3], {values}, {frame})") == path


@pytest.mark.parametrize("count", [1, 2])
def test_figure_shows_all_epochs_and_marks_the_best(count):
    names = ["ours", "theirs"][:count]
    figure = TrainingReplay(dict.fromkeys(names, SHORT)).static_figure()
    (end,) = figure.axes[0].child_axes
    for ax, key in zip(figure.axes, ("loss", "accuracy"), strict=True):
        assert ax.get_ylabel() == key
        *curves, mark = ax.lines
        labels = ["training", "validation", "validation, theirs"][: count + 1]
        assert [line.get_label() for line in curves] == labels
        assert (*mark.get_xdata(), *mark.get_ydata()) == (2, SHORT[f"val_{key}"][1])
    assert [*end.lines[0].get_xdata()] == [2, 3, 4] and [*end.lines[0].get_ydata()] == SHORT["val_loss"][1:]
    assert "ours; a dot marks the best validation epoch" in figure.get_suptitle()


def test_a_single_epoch_is_enough():
    replay = TrainingReplay({"ours": {key: values[:1] for key, values in SHORT.items()}})
    assert replay.static_figure().axes
    frame = run("training_replay.js", "module.frameOf({ ...data, enlarged: true }, 'loss')", state_of(replay))
    assert (frame["left"], frame["right"]) == (0, 1)
    assert run("training_replay.js", "module.describe(data)", state_of(replay)).startswith("ours, epoch 1 of")


@pytest.mark.parametrize(
    ("histories", "complaint"),
    [
        ({}, "histories must be a dict of one or two networks' histories, .* got dict of 0"),
        ([SHORT], "got list of 1"),
        (dict.fromkeys("abc", SHORT), "got dict of 3"),
        ({"ours": [SHORT]}, "history is missing loss, .* not what fit returns"),
        ({"ours": SHORT | {"loss": [1.0]}}, "one number per epoch"),
        ({"ours": SHORT | {"loss": [1, 2, 3, np.nan]}}, "ours's loss must be finite, but 1 of 4"),
        ({"ours": {key: [] for key in SHORT}}, "at least one epoch, got none"),
    ],
)
def test_histories_that_cannot_be_replayed(histories, complaint):
    with pytest.raises(ValueError, match=complaint):
        TrainingReplay(histories)


@pytest.mark.parametrize(("name", "value"), [("epoch", 0), ("epoch", 5), ("enlarged", 2)])
def test_bad_value_changes_nothing(replay, name, value):
    replay.epoch = 3
    before = replay.get_state()
    with pytest.raises(TraitError, match=name):
        setattr(replay, name, value)
    assert replay.get_state() == before
