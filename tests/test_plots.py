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
    reliability_bins,
    set_style,
    show_channels,
    show_digits,
    show_mistakes,
    show_pixels,
    wilson_interval,
)


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 256, (12, 28, 28), dtype="uint8")


def shown(axes) -> np.ndarray:
    """The image on each of the Axes."""
    return np.array([ax.images[0].get_array() for ax in axes])


def titles(axes) -> list[str]:
    return [ax.get_title() for ax in axes]


def texts(ax: Axes) -> dict[tuple[int, int], str]:
    """The text at each (x, y)."""
    found = {text.get_position(): text.get_text() for text in ax.texts}
    assert len(found) == len(ax.texts)
    return found


# set_style


def test_style_tells_lines_apart_by_color_and_dashes():
    set_style()
    cycle = list(plt.rcParams["axes.prop_cycle"])
    assert (
        len({line["color"] for line in cycle})
        == len({line["linestyle"] for line in cycle})
        == len(cycle)
        == 3
    )
    assert plt.rcParams["image.cmap"] == "gray_r"


def test_style_draws_ink_dark_on_light_paper(images):
    set_style()
    picture = show_digits(images[:1])[0].images[0]
    assert np.allclose(picture.to_rgba(images[0].min())[:3], 1)
    assert np.allclose(picture.to_rgba(images[0].max())[:3], 0)


def test_style_can_be_set_twice():
    set_style()
    once = dict(plt.rcParams)
    set_style()
    assert dict(plt.rcParams) == once


# show_digits


@pytest.mark.parametrize("shape", [(12, 28, 28), (12, 28, 28, 1), (12, 784)])
def test_digits_of_each_layout(images, shape):
    axes = show_digits(images.reshape(shape))
    assert axes.shape == (12,)
    assert np.array_equal(shown(axes), images)
    assert titles(axes) == [""] * 12
    assert not any(ax.axison for ax in axes)


def test_digits_run_left_to_right_then_down(images):
    axes = show_digits(images, columns=5)
    places = [ax.get_subplotspec() for ax in axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (i // 5, i % 5) for i in range(12)
    ]
    # Three places in the grid stay empty, without a frame.
    rest = axes[0].figure.axes[12:]
    assert len(rest) == 3
    assert not any(ax.axison or ax.images for ax in rest)


def test_no_columns(images):
    with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
        show_digits(images, columns=0)


def test_digits_fewer_than_columns(images):
    axes = show_digits(images[:3])
    assert len(axes) == len(axes[0].figure.axes) == 3


@pytest.mark.parametrize(
    "numbers", [list(range(12)), np.arange(12, dtype="uint8"), [str(i) for i in range(12)]]
)
def test_titles_of_digits(images, numbers):
    assert titles(show_digits(images, titles=numbers)) == [str(i) for i in range(12)]


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)])
def test_one_digit_alone_gets_a_hint(shape):
    with pytest.raises(
        ValueError, match=r"images must be .*, got .*; for one image pass image\[None\]"
    ) as caught:
        show_digits(np.zeros(shape))
    assert f"got {shape};" in str(caught.value)
    show_digits(np.zeros(shape)[None])  # the hint works


@pytest.mark.parametrize("shape", [(), (5,), (5, 783), (5, 27, 28), (5, 28, 28, 3), (1, 5, 28, 28)])
def test_digits_of_a_bad_shape(shape):
    with pytest.raises(
        ValueError, match=r"images must be \(n, 28, 28\), \(n, 28, 28, 1\) or \(n, 784\)"
    ) as caught:
        show_digits(np.zeros(shape))
    assert str(caught.value).endswith(f"got {shape}")


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 784)])
def test_no_digits(shape):
    with pytest.raises(ValueError, match="there is no image to show"):
        show_digits(np.zeros(shape))


def test_wrong_number_of_titles(images):
    with pytest.raises(ValueError, match="there must be one title per image: got 11 for 12 images"):
        show_digits(images, titles=range(11))


# show_channels


def test_channels_are_the_last_axis(rng):
    maps = rng.normal(size=(5, 6, 9))
    axes = show_channels(maps, titles=range(9))
    assert axes.shape == (9,)
    assert np.array_equal(shown(axes), np.transpose(maps, (2, 0, 1)))
    assert titles(axes) == [str(i) for i in range(9)]
    assert axes[8].get_subplotspec().rowspan.start == 1  # eight per row


def test_channels_share_one_scale():
    # The second channel is far weaker than the first, and must look weaker.
    maps = np.stack([np.linspace(0, 8, 9).reshape(3, 3), np.linspace(0, 0.5, 9).reshape(3, 3)], axis=-1)
    assert [ax.images[0].get_clim() for ax in show_channels(maps)] == [(0, 8), (0, 8)]


def test_signed_channels_are_white_at_zero():
    maps = np.array([[[-3.0, 0.5]], [[1.0, 0.0]]])
    axes = show_channels(maps, signed=True)
    assert [ax.images[0].get_clim() for ax in axes] == [(-3, 3), (-3, 3)]
    for value, brightest in [(-3, "blue"), (0, "white"), (3, "red")]:
        red, green, blue = axes[0].images[0].to_rgba(np.array([value]))[0, :3]
        assert {"blue": blue > 2 * red, "white": min(red, green, blue) > 0.95, "red": red > 2 * blue}[
            brightest
        ]


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_signed_channels_of_zeros_are_white(dtype):
    picture = show_channels(np.zeros((3, 3, 1), dtype=dtype), signed=True)[0].images[0]
    assert picture.to_rgba(np.zeros(1))[0, :3].min() > 0.95


def test_signed_channels_of_unsigned_integers():
    assert show_channels(np.full((3, 3, 1), 200, dtype="uint8"), signed=True)[0].images[0].get_clim() == (
        -200,
        200,
    )


@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 3, 4), ()])
def test_channels_of_a_bad_shape(shape):
    with pytest.raises(ValueError, match=r"maps must be \(height, width, channels\), got ") as caught:
        show_channels(np.zeros(shape))
    assert str(caught.value).endswith(str(shape))


@pytest.mark.parametrize("signed", [False, True])
def test_no_channels(signed):
    with pytest.raises(ValueError, match=r"no channel to show in maps of shape \(3, 3, 0\)"):
        show_channels(np.zeros((3, 3, 0)), signed=signed)


def test_wrong_number_of_channel_titles():
    with pytest.raises(ValueError, match="there must be one title per image: got 2 for 4 images"):
        show_channels(np.zeros((3, 3, 4)), titles=["a", "b"])


# show_pixels


def test_pixels_are_written_where_they_are(images):
    ax = show_pixels(images[0])
    assert texts(ax) == {
        (column, row): str(images[0][row, column]) for row in range(28) for column in range(28)
    }
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")
    assert np.array_equal(shown([ax])[0], images[0])


def test_pixel_values_are_legible():
    # Also in a pale image, where the darkest pixel is only gray.
    set_style()
    for largest in (100, 255):
        image = np.linspace(0, largest, 784).astype("uint8").reshape(28, 28)
        ax = show_pixels(image)
        for text in ax.texts:
            column, row = text.get_position()
            ground = ax.images[0].to_rgba(np.array([image[row, column]]))[0, 0]
            assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.2


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((28, 28)), r"float64 of shape \(28, 28\)"),
        (np.zeros((28, 28, 1), dtype="uint8"), r"uint8 of shape \(28, 28, 1\)"),
        (np.zeros(784, dtype="uint8"), r"uint8 of shape \(784,\)"),
    ],
)
def test_bad_pixels(image, got):
    with pytest.raises(ValueError, match=rf"image must be uint8, \(28, 28\), got {got}"):
        show_pixels(image)


# show_mistakes


def gallery(axes) -> list[tuple[int, int, float]]:
    """True digit, predicted digit and confidence in percent, in reading order."""
    found = [re.fullmatch(r"(\d), read as (\d)\n(\d+\.\d) % sure", title).groups() for title in titles(axes)]
    return [(int(true), int(predicted), float(sure)) for true, predicted, sure in found]


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


def test_mistake_says_true_then_predicted_then_confidence():
    probabilities = np.zeros((1, 10))
    probabilities[0, [8, 3]] = 0.9, 0.1
    assert titles(show_mistakes(np.zeros((1, 784)), [3], probabilities, [0])) == ["3, read as 8\n90.0 % sure"]


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (0.5, "50.0 %"),
        (0.9949, "99.5 %"),
        (0.9994, "99.9 %"),
        (0.9995, ">99.9 %"),
        (0.99999, ">99.9 %"),
        (1, ">99.9 %"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_confidence_never_rounds_to_100_percent(confidence, said, dtype):
    probabilities = np.zeros((1, 10), dtype=dtype)
    probabilities[0, [8, 3]] = confidence, 1 - confidence
    (title,) = titles(show_mistakes(np.zeros((1, 784)), [3], probabilities, [0]))
    assert title.splitlines()[1] == f"{said} sure"


def test_gallery_shows_the_surest_mistakes_first(misread):
    images, true, predicted, probabilities, sure = misread
    axes = show_mistakes(images, true, probabilities, rank_mistakes(true, probabilities))
    assert axes.shape == (25,)
    order = sorted(range(2, 30), key=lambda i: -sure[i])[:25]
    expected = [(true[i], predicted[i], pytest.approx(100 * sure[i], abs=0.051)) for i in order]
    assert gallery(axes) == expected
    assert np.array_equal(shown(axes), images[order])
    assert [ax.get_subplotspec().colspan.start for ax in axes] == list(range(5)) * 5
    assert [ax.get_subplotspec().rowspan.start for ax in axes] == sorted(list(range(5)) * 5)


@pytest.mark.parametrize("shape", [(30, 28, 28, 1), (30, 784)])
def test_gallery_takes_each_layout(misread, shape):
    images, true, _, probabilities, _ = misread
    axes = show_mistakes(images.reshape(shape), list(true), probabilities.tolist(), [7, 3])
    assert np.array_equal(shown(axes), images[[7, 3]])
    assert [digits[:2] for digits in gallery(axes)] == [(7, 0), (3, 6)]


def test_gallery_of_fewer_than_25(misread):
    images, true, _, probabilities, _ = misread
    axes = show_mistakes(images, true, probabilities, [9, 8, 7, 6, 5, 4, 3])
    assert [true for true, _, _ in gallery(axes)] == [9, 8, 7, 6, 5, 4, 3]
    rest = axes[0].figure.axes[7:]
    assert not any(ax.axison or ax.images or ax.get_title() for ax in rest)


def test_gallery_of_at_most_a_given_number(misread):
    images, true, _, probabilities, _ = misread
    assert len(show_mistakes(images, true, probabilities, range(2, 30), most=4)) == 4


@pytest.mark.parametrize("which", [[], np.array([], dtype=int), range(0)])
def test_gallery_of_no_mistake(misread, which):
    images, true, _, probabilities, _ = misread
    with pytest.raises(ValueError, match="which is empty: there is no mistake to show"):
        show_mistakes(images, true, probabilities, which)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((29, 784))}, "images and true must have the same length, got 29 and 30"),
        ({"images": np.zeros((28, 28))}, r"images must be .*; for one image pass image\[None\]"),
        ({"true": [0] * 29}, "with n = 29, the length of true"),
        ({"true": np.eye(10)[[0] * 30]}, r"true must be a 1-D array of integers, .* take argmax\(axis=1\)"),
        ({"probabilities": np.full((30, 9), 1 / 9)}, r"probabilities must be \(n, 10\) .* got \(30, 9\)"),
        (
            {"probabilities": np.ones((30, 10))},
            "each row of probabilities must be between 0 and 1 and sum to 1",
        ),
        ({"which": [2, 30]}, "which must hold positions 0 to 29, got 2 to 30"),
        ({"which": [-1]}, "which must hold positions 0 to 29, got -1 to -1"),
        ({"which": np.arange(30) > 1}, "1-D array of positions, got bool .* pass np.flatnonzero of it"),
        ({"which": [[2, 3]]}, r"1-D array of positions, got int64 of shape \(1, 2\)"),
        ({"which": [2.0]}, "1-D array of positions, got float64"),
    ],
)
def test_gallery_of_bad_arrays(misread, change, message):
    images, true, _, probabilities, _ = misread
    good = {"images": images, "true": true, "probabilities": probabilities, "which": [2]}
    show_mistakes(**good)
    with pytest.raises(ValueError, match=message):
        show_mistakes(**(good | change))


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
        lines = {line.get_label(): line for line in ax.lines}
        assert list(lines) == ["training", "validation"]
        for label, prefix in (("training", ""), ("validation", "val_")):
            assert lines[label].get_xdata().tolist() == [1, 2, 3]
            assert list(lines[label].get_ydata()) == HISTORY[prefix + key]
        assert lines["training"].get_color() != lines["validation"].get_color()
        assert lines["training"].get_linestyle() != lines["validation"].get_linestyle()
        assert all(tick == round(tick) for tick in ax.get_xticks())
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["training", "validation"]


def test_history_of_one_epoch_is_visible():
    axes = plot_history({key: values[:1] for key, values in HISTORY.items()})
    assert all(line.get_marker() == "o" for ax in axes for line in ax.lines)


@pytest.mark.parametrize("key", HISTORY)
def test_history_that_lacks_a_list(key):
    history = {name: values for name, values in HISTORY.items() if name != key}
    with pytest.raises(ValueError, match=f"history is missing {key}; it must be"):
        plot_history(history)


@pytest.mark.parametrize(
    "history",
    [SimpleNamespace(history=HISTORY), None, list(HISTORY)],
    ids=["what fit returns", "None", "list"],
)
def test_history_that_is_not_a_dict(history):
    # Not even a list of the right keys.
    with pytest.raises(ValueError, match=r"must be history\.history, not what fit returns"):
        plot_history(history)


def test_whole_record_is_not_accepted_as_history():
    with pytest.raises(ValueError, match="history is missing val_loss, accuracy, val_accuracy;"):
        plot_history({"loss": "categorical_crossentropy", "history": HISTORY})


# plot_confusion


@pytest.fixture
def confusion() -> np.ndarray:
    counts = np.diag(np.arange(900, 1000, 10))
    counts[4, 9], counts[9, 4], counts[7, 2] = 23, 5, 11
    return counts


def test_confusion_has_true_digits_down_and_predicted_across(confusion):
    ax = plot_confusion(confusion)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted digit", "true digit")
    assert [label.get_text() for label in ax.get_xticklabels()] == list("0123456789")
    assert [label.get_text() for label in ax.get_yticklabels()] == list("0123456789")
    diagonal = {(i, i): str(900 + 10 * i) for i in range(10)}
    # Keys are (x, y), so predicted comes first; zeros are left out.
    assert texts(ax) == diagonal | {(9, 4): "23", (4, 9): "5", (2, 7): "11"}
    low, high = ax.get_ylim()
    assert low > high  # row 0 at the top


def test_confusion_shades_the_mistakes_only(confusion):
    shade = shown([plot_confusion(confusion)])[0]
    assert np.array_equal(shade, confusion - np.diag(np.diag(confusion)))


def test_confusion_counts_are_legible(confusion):
    ax = plot_confusion(confusion)
    for text in ax.texts:
        x, y = text.get_position()
        ground = ax.images[0].to_rgba(ax.images[0].get_array())[y, x, :3].mean()
        assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.3


def test_confusion_without_a_mistake():
    assert texts(plot_confusion(np.eye(10, dtype=int))) == {(i, i): "1" for i in range(10)}


def test_confusion_on_given_axes(confusion):
    _, (left, right) = plt.subplots(1, 2)
    assert plot_confusion(confusion, right) is right
    assert right.images
    assert not left.images
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("shape", [(10, 9), (9, 9), (100,)])
def test_confusion_of_a_bad_shape(shape):
    with pytest.raises(ValueError, match=r"confusion must be \(10, 10\), got ") as caught:
        plot_confusion(np.zeros(shape))
    assert str(caught.value).endswith(str(shape))


# plot_reliability


def dots_and_bars(ax: Axes) -> tuple[list, list]:
    """The dot of each bin as (x, y), and the bar through it as (x, low, high)."""
    dots = [tuple(line.get_xydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    bars = [
        line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_color() != "0.5"
    ]
    assert all(bar[0, 0] == bar[1, 0] for bar in bars)
    return dots, [(bar[0, 0], bar[0, 1], bar[1, 1]) for bar in bars]


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


def test_reliability_of_predictions(predictions):
    confidence, accuracy, count = reliability_bins(*predictions)
    ax = plot_reliability(confidence, accuracy, count)
    filled = count > 0
    assert 3 < filled.sum() < 10
    dots, bars = dots_and_bars(ax)
    assert dots == list(zip(confidence[filled], accuracy[filled], strict=True))
    # The interval is computed from the count, which is recovered from the share.
    sure, right = predictions[1].max(axis=1), predictions[1].argmax(axis=1) == predictions[0]
    for (_, low, high), i in zip(bars, np.flatnonzero(filled), strict=True):
        within = (sure.astype("float64") * 10).astype(int).clip(max=9) == i
        assert (low, high) == wilson_interval(right[within].sum(), within.sum())
    assert sum(int(note.get_text().replace(",", "")) for note in ax.texts) == 2000


def test_reliability_on_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    assert plot_reliability([0.5], [0.5], [1], right) is right
    assert right.lines
    assert not left.lines
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("short", range(3))
def test_reliability_of_different_lengths(short):
    arrays = [np.full(10, 0.5)] * 3
    arrays[short] = arrays[short][:9]
    with pytest.raises(ValueError, match="confidence, accuracy and count must have the same length"):
        plot_reliability(*arrays)
