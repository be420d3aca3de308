"""What a figure shows, read back from its Axes."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from scipy.stats import binomtest

from mnist_helpers import (
    plot_confusion,
    plot_history,
    plot_reliability,
    rank_mistakes,
    set_style,
    show_channels,
    show_digits,
    show_mistakes,
    show_pixels,
    wilson_interval,
)
from mnist_helpers.plots import percent


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 256, (12, 28, 28), dtype="uint8")


def shown(axes) -> np.ndarray:
    """The image on each of the Axes."""
    return np.array([ax.images[0].get_array() for ax in axes])


def titles(axes) -> list[str]:
    return [ax.get_title() for ax in axes]


def places(axes) -> list[tuple[int, int]]:
    """The row and column of each of the Axes in its figure."""
    return [(ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start) for ax in axes]


def texts(ax: Axes) -> dict[tuple[int, int], str]:
    """The text at each (x, y)."""
    found = {text.get_position(): text.get_text() for text in ax.texts}
    assert len(found) == len(ax.texts)
    return found


# set_style


def test_style_tells_lines_apart_by_color_and_dashes():
    set_style()
    once = dict(plt.rcParams)
    set_style()
    assert dict(plt.rcParams) == once
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert len({line["color"] for line in cycle}) == len({line["linestyle"] for line in cycle}) == 3


def test_ink_is_dark_on_light_paper(images):
    picture = show_digits(images[:1])[0].images[0]
    assert np.allclose(picture.to_rgba(0)[:3], 1)
    assert np.allclose(picture.to_rgba(images[0].max())[:3], 0)


# show_digits


@pytest.mark.parametrize("shape", [(12, 28, 28), (12, 28, 28, 1), (12, 784)])
def test_digits_of_each_layout_run_left_to_right_then_down(images, shape):
    axes = show_digits(images.reshape(shape), columns=5)
    assert np.array_equal(shown(axes), images)
    assert titles(axes) == [""] * 12
    assert places(axes) == [(i // 5, i % 5) for i in range(12)]
    # Three places in the grid stay empty, without a frame.
    everything = axes[0].figure.axes
    assert len(everything) == 15
    assert not any(ax.axison for ax in everything)
    assert not any(ax.images for ax in everything[12:])


def test_digits_fewer_than_columns(images):
    axes = show_digits(images[:3])
    assert len(axes) == len(axes[0].figure.axes) == 3


@pytest.mark.parametrize(
    "numbers",
    [range(12), np.arange(12, dtype="uint8"), dict(zip("abcdefghijkl", range(12), strict=True)).values()],
    ids=type,
)
def test_titles_of_digits(images, numbers):
    assert titles(show_digits(images, titles=numbers)) == [str(i) for i in range(12)]


# show_channels


def test_channels_are_the_last_axis(rng):
    maps = rng.normal(size=(5, 6, 9))
    axes = show_channels(maps, titles=range(9))
    assert np.array_equal(shown(axes), np.transpose(maps, (2, 0, 1)))
    assert titles(axes) == [str(i) for i in range(9)]
    assert places(axes)[7:] == [(0, 7), (1, 0)]  # eight in a row


def test_channels_share_one_scale():
    # The second channel is far weaker than the first, and must look weaker.
    maps = np.stack([np.linspace(0, 8, 9).reshape(3, 3), np.linspace(0, 0.5, 9).reshape(3, 3)], axis=-1)
    assert [ax.images[0].get_clim() for ax in show_channels(maps)] == [(0, 8), (0, 8)]


def test_signed_channels_are_blue_white_and_red():
    picture = show_channels(np.array([[[-3.0, 0.5]], [[1.0, 0.0]]]), signed=True)[1].images[0]
    assert picture.get_clim() == (-3, 3)
    below, zero, above = picture.to_rgba(np.array([-3, 0, 3]))[:, :3]
    assert below[2] > 2 * below[0] and zero.min() > 0.95 and above[0] > 2 * above[2]


@pytest.mark.parametrize(
    ("dtype", "value", "limit"), [("float32", 0, 1), ("uint8", 0, 1), ("uint8", 200, 200)]
)
def test_zero_is_white_in_signed_channels_of_any_type(dtype, value, limit):
    picture = show_channels(np.full((3, 3, 1), value, dtype), signed=True)[0].images[0]
    assert picture.get_clim() == (-limit, limit)


# show_pixels


def test_pixels_are_written_where_they_are(images):
    ax = show_pixels(images[0])
    assert texts(ax) == {(column, row): str(value) for (row, column), value in np.ndenumerate(images[0])}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")
    assert np.array_equal(shown([ax])[0], images[0])


@pytest.mark.parametrize("largest", [100, 255])  # also in a pale image, where the darkest pixel is only gray
def test_pixel_values_are_legible(largest):
    image = np.linspace(0, largest, 784).astype("uint8").reshape(28, 28)
    ax = show_pixels(image)
    for text in ax.texts:
        column, row = text.get_position()
        ground = ax.images[0].to_rgba(np.array([image[row, column]]))[0, 0]
        assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.2


# show_mistakes


@pytest.fixture
def misread(rng):
    """Thirty images, all but 0 and 1 misread: a digit i as i + 3, each with a different confidence."""
    images = rng.random((30, 28, 28), dtype="float32")
    true = np.arange(30) % 10
    predicted = (true + 3) % 10
    predicted[:2] = true[:2]
    sure = rng.permutation(np.linspace(0.3, 0.97, 30))
    probabilities = np.repeat(((1 - sure) / 9)[:, None], 10, axis=1)
    probabilities[np.arange(30), predicted] = sure
    return images, true, predicted, probabilities, sure


def test_gallery_shows_the_surest_mistakes_first(misread):
    images, true, predicted, probabilities, sure = misread
    axes = show_mistakes(images, true, probabilities, rank_mistakes(true, probabilities))
    order = sorted(range(2, 30), key=lambda i: -sure[i])[:25]
    assert np.array_equal(shown(axes), images[order])
    assert places(axes) == [(i // 5, i % 5) for i in range(25)]
    for i, title in zip(order, titles(axes), strict=True):
        says = re.fullmatch(r"(\d), read as (\d)\n(\d+\.\d) % sure", title).groups()
        assert [float(number) for number in says] == [
            true[i],
            predicted[i],
            pytest.approx(100 * sure[i], abs=0.051),
        ]


def test_gallery_of_a_few_in_another_layout(misread):
    images, true, _, probabilities, _ = misread
    axes = show_mistakes(images.reshape(30, 784), list(true), probabilities.tolist(), [9, 8, 7, 6], most=3)
    assert np.array_equal(shown(axes), images[[9, 8, 7]])
    assert [title[:12] for title in titles(axes)] == ["9, read as 2", "8, read as 1", "7, read as 0"]


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.5, "50.0 %"), (0.9949, "99.5 %"), (0.9994, "99.9 %"), (0.9995, ">99.9 %"), (1, ">99.9 %")],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_confidence_is_never_100_percent(confidence, text, dtype):
    assert percent(np.array(confidence, dtype)) == text


# plot_history

HISTORY = {
    "accuracy": [0.5, 0.75, 0.875],
    "loss": [2.0, 1.0, 0.5],
    "val_accuracy": [0.6, 0.7, 0.8],
    "val_loss": [1.5, 1.25, 1.0],
}


def test_history_is_two_panels_over_the_epochs():
    set_style()
    axes = plot_history(HISTORY)
    assert len(axes) == len(axes[0].figure.axes) == 2  # no twin axes
    for ax, key in zip(axes, ("loss", "accuracy"), strict=True):
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", key)
        training, validation = ax.lines
        for line, label, prefix in ((training, "training", ""), (validation, "validation", "val_")):
            assert line.get_label() == label
            assert line.get_xdata().tolist() == [1, 2, 3]
            assert list(line.get_ydata()) == HISTORY[prefix + key]
        assert training.get_color() != validation.get_color()
        assert training.get_linestyle() != validation.get_linestyle()
        assert all(tick == round(tick) for tick in ax.get_xticks())
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["training", "validation"]


def test_history_of_one_epoch_is_visible():
    axes = plot_history({key: values[:1] for key, values in HISTORY.items()})
    assert all(line.get_marker() == "o" for ax in axes for line in ax.lines)


# plot_confusion


@pytest.fixture
def confusion() -> np.ndarray:
    counts = np.diag(np.arange(900, 1000, 10))
    counts[4, 9], counts[9, 4], counts[7, 2] = 23, 5, 11
    return counts


def test_confusion_has_true_digits_down_and_predicted_across(confusion):
    ax = plot_confusion(confusion)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted digit", "true digit")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == list("0123456789")
    # Keys are (x, y), so predicted comes first; zeros are left out.
    diagonal = {(i, i): str(900 + 10 * i) for i in range(10)}
    assert texts(ax) == diagonal | {(9, 4): "23", (4, 9): "5", (2, 7): "11"}
    low, high = ax.get_ylim()
    assert low > high  # row 0 at the top


def test_confusion_shades_the_mistakes_only_and_counts_are_legible(confusion):
    ax = plot_confusion(confusion)
    shade = shown([ax])[0]
    assert np.array_equal(shade, confusion - np.diag(np.diag(confusion)))
    for text in ax.texts:
        x, y = text.get_position()
        ground = ax.images[0].to_rgba(shade)[y, x, :3].mean()
        assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.3


# plot_reliability


def dots_and_bars(ax: Axes) -> tuple[list, list]:
    """The dot of each bin as (x, y), and the bar through it as (x, low, high)."""
    lines = [line.get_xydata() for line in ax.lines[1:]]
    bars = [line for line in lines if len(line) == 2]
    assert all(bar[0, 0] == bar[1, 0] for bar in bars)
    return [tuple(line[0]) for line in lines if len(line) == 1], [(bar[0, 0], *bar[:, 1]) for bar in bars]


@pytest.mark.parametrize("array", [list, np.array])
def test_reliability_puts_confidence_across_and_accuracy_up(array):
    # The first bin is empty; 2 of 8 are right in the next, and 3,000 of 4,000 in the last.
    ax = plot_reliability(array([np.nan, 0.3, 0.9]), array([np.nan, 0.25, 0.75]), array([0, 8, 4000]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mean confidence of the bin", "share that is right")
    assert np.array_equal(ax.lines[0].get_xydata(), [[0, 0], [1, 1]])
    dots, bars = dots_and_bars(ax)
    assert dots == [(0.3, 0.25), (0.9, 0.75)]
    small, large = (binomtest(right, n).proportion_ci(method="wilson") for right, n in ((2, 8), (3000, 4000)))
    assert bars == [pytest.approx((0.3, small.low, small.high)), pytest.approx((0.9, large.low, large.high))]
    assert [(note.xy, note.get_text()) for note in ax.texts] == [((0.3, 0.25), "8"), ((0.9, 0.75), "4,000")]
    assert ax.get_xlim() == ax.get_ylim() == (0, 1)


def test_reliability_of_a_share_rounded_down_as_a_float():
    # In floating point, 15 / 22 * 22 is below 15.
    _, (bar,) = dots_and_bars(plot_reliability([0.6], [15 / 22], [22]))
    assert bar[1:] == wilson_interval(15, 22)


@pytest.mark.parametrize("plot", [lambda ax: plot_confusion(np.eye(10, dtype=int), ax),
                                  lambda ax: plot_reliability([0.5], [0.5], [1], ax)])  # fmt: skip
def test_plots_on_given_axes(plot):
    _, (left, right) = plt.subplots(1, 2)
    assert plot(right) is right
    assert right.has_data() and not left.has_data()
    assert len(plt.get_fignums()) == 1


ZEROS, EVEN = np.zeros((2, 28, 28)), np.full((2, 10), 0.1)


def without(key: str) -> dict:
    return {name: values for name, values in HISTORY.items() if name != key}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: show_digits(ZEROS[0]),
            r"images must be .*, got \(28, 28\); for one image pass image\[None\]",
        ),
        (lambda: show_digits(np.full((1, 784), np.nan)), "images must be finite"),
        (lambda: show_digits(ZEROS[:0]), "a figure holds 1 to 300 images, got 0"),
        (
            lambda: show_digits(np.zeros((1000, 784))),
            r"a figure holds 1 to 300 images, got 1,000; pass fewer",
        ),
        (lambda: show_digits(ZEROS, titles="a"), "one title per image: got 1 for 2 images"),
        (lambda: show_digits(ZEROS, columns=0), "columns must be a whole number of 1 or more, got 0"),
        (
            lambda: show_channels(np.zeros((3, 3))),
            r"maps must be \(height, width, channels\), .* got \(3, 3\)",
        ),
        (lambda: show_channels(np.zeros((3, 3, 0))), r"each at least 1, got \(3, 3, 0\)"),
        (lambda: show_channels(np.full((3, 3, 4), np.inf)), "maps must be finite"),
        (lambda: show_channels(ZEROS, titles="ab"), "one title per image: got 2 for 28 images"),
        (lambda: show_pixels(ZEROS[0]), r"image must be uint8, \(28, 28\), got float64 of shape \(28, 28\)"),
        (lambda: show_pixels(np.zeros(784, "uint8")), r"got uint8 of shape \(784,\)"),
        (
            lambda: show_mistakes(ZEROS[:1], [1, 2], EVEN, [0]),
            "images and true must have the same length, got 1 and 2",
        ),
        (lambda: show_mistakes(ZEROS, [1], EVEN, [0]), "with n = 1, the length of true"),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN, []), "a figure holds 1 to 300 images, got 0"),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN, [0, 2]), "which must be from 0 to 1, got 0 to 2"),
        (
            lambda: show_mistakes(ZEROS, [1, 2], EVEN, 0),
            r"which must be a 1-D array of integers, .* shape \(\)",
        ),
        (
            lambda: show_mistakes(ZEROS, [1, 2], EVEN, EVEN[0] > 1),
            "got bool .*; for a mask, take np.flatnonzero",
        ),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN, [0], most=0), "most must be a whole number of 1 or more"),
        (lambda: plot_history({}), "history has no epoch to plot: train for at least one"),
        (lambda: plot_history(without("val_loss")), "history is missing val_loss; it must be"),
        (lambda: plot_history(HISTORY | {"val_loss": [1.5]}), "fit without validation_freq"),
        (lambda: plot_history(SimpleNamespace(history=HISTORY)), r"history\.history, not what fit returns"),
        (lambda: plot_history(list(HISTORY)), "it must be history.history"),
        (
            lambda: plot_history({"loss": "mse", "history": HISTORY}),
            "is missing val_loss, accuracy, val_accuracy;",
        ),
        (lambda: plot_confusion(np.zeros((9, 9), int)), r"confusion must be \(10, 10\), got \(9, 9\)"),
        (lambda: plot_confusion(np.eye(10) / 10), "confusion must hold counts, .* got float64"),
        (
            lambda: plot_reliability([1, 1], [1, 1], [1]),
            "confidence, accuracy and count must have the same length",
        ),
        (lambda: plot_reliability([50.0], [0.5], [10]), "must be shares from 0 to 1, got 50.0 and 0.5"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
