"""What a figure shows, read back from its Axes. How it looks, nbval compares in the notebooks."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from mnist_helpers import (
    draw_layers,
    draw_neuron,
    draw_numbers,
    plot_confusion,
    plot_history,
    plot_reliability,
    set_style,
    show_channels,
    show_digits,
    show_mistakes,
    show_pixels,
    wilson_interval,
)
from mnist_helpers.plots import percent


def shown(axes) -> np.ndarray:
    """The image on each of the Axes."""
    return np.array([ax.images[0].get_array() for ax in axes])


def texts(ax: Axes) -> dict[tuple[int, int], str]:
    """The text at each (x, y)."""
    return {text.get_position(): text.get_text() for text in ax.texts}


@pytest.mark.parametrize("shape", [(12, 28, 28), (12, 28, 28, 1), (12, 784)])
def test_digits_of_each_layout_run_left_to_right_then_down(rng, shape):
    images = rng.integers(0, 256, shape, dtype="uint8")
    axes = show_digits(images, titles=range(12), columns=5)
    assert np.array_equal(shown(axes).reshape(shape), images)
    assert [ax.get_title() for ax in axes] == [str(i) for i in range(12)]
    spans = [ax.get_subplotspec() for ax in axes]
    assert [(span.rowspan.start, span.colspan.start) for span in spans] == [divmod(i, 5) for i in range(12)]
    assert not any(ax.axison for ax in axes[0].figure.axes)  # nor in the three places that stay empty


def test_digits_are_dark_on_white_on_one_scale():
    dark, pale = show_digits(np.stack([np.eye(28), np.eye(28) / 2]))
    assert dark.images[0].get_clim() == pale.images[0].get_clim() == (0, 1)
    white, black = dark.images[0].to_rgba(np.array([0, 1]))[:, :3]
    assert np.allclose(white, 1) and np.allclose(black, 0)
    assert show_digits(np.zeros((1, 784)))[0].images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("signed", [False, True])
def test_channels_share_one_scale(signed):
    # The second channel is far weaker than the first, and must look weaker.
    maps = np.stack([np.linspace(0, 8, 9).reshape(3, 3), np.linspace(0, 0.5, 9).reshape(3, 3)], axis=-1)
    axes = show_channels(maps, signed=signed)
    assert [ax.images[0].get_clim() for ax in axes] == [(-8 if signed else 0, 8)] * 2
    assert np.array_equal(shown(axes), np.moveaxis(maps, -1, 0))


@pytest.mark.parametrize(("dtype", "value", "limit"), [("float32", 0, 1), ("uint8", 200, 200)])
def test_zero_is_white_in_signed_channels_of_any_type(dtype, value, limit):
    picture = show_channels(np.full((3, 3, 1), value, dtype), signed=True)[0].images[0]
    assert picture.get_clim() == (-limit, limit)
    assert picture.to_rgba(np.array([0]))[0, :3].min() > 0.95


@pytest.mark.parametrize("largest", [100, 255])  # also in a pale image, where the darkest pixel is only gray
def test_pixels_are_written_where_they_are_and_legible(largest):
    image = np.linspace(0, largest, 784).astype("uint8").reshape(28, 28)
    ax = show_pixels(image)
    assert texts(ax) == {(column, row): str(value) for (row, column), value in np.ndenumerate(image)}
    for text in ax.texts:
        column, row = text.get_position()
        ground = ax.images[0].to_rgba(np.array([image[row, column]]))[0, 0]
        assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.2


def test_mistakes_in_the_given_order_and_no_more_than_25(rng):
    images, true = rng.random((30, 28, 28)), np.arange(30) % 10
    probabilities = np.full((30, 10), 0.05)
    probabilities[np.arange(30), (true + 3) % 10] = 0.55
    axes = show_mistakes(images.reshape(30, 784), list(true), probabilities.tolist(), [9, 8])
    assert np.array_equal(shown(axes), images[[9, 8]])
    assert [ax.get_title() for ax in axes] == ["9, read as 2\n55.0 % sure", "8, read as 1\n55.0 % sure"]
    assert len(show_mistakes(images, true, probabilities, range(30))) == 25


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.5, "50.0 %"), (0.9949, "99.5 %"), (0.9994, "99.9 %"), (0.9995, ">99.9 %"), (1, ">99.9 %")],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_confidence_is_never_100_percent(confidence, text, dtype):
    assert percent(np.array(confidence, dtype)) == text


HISTORY = {
    "accuracy": [0.5, 0.75, 0.875],
    "loss": [2.0, 1.0, 0.5],
    "val_accuracy": [0.6, 0.7, 0.8],
    "val_loss": [1.5, 1.25, 1.0],
}


@pytest.mark.parametrize("epochs", [1, 3])
def test_history_is_two_panels_over_whole_epochs(epochs):
    set_style()
    axes = plot_history({key: values[:epochs] for key, values in HISTORY.items()})
    assert len(axes) == len(axes[0].figure.axes) == 2  # no twin axes
    for ax, key in zip(axes, ("loss", "accuracy"), strict=True):
        assert ax.get_ylabel() == key
        for line, label, prefix in zip(ax.lines, ("training", "validation"), ("", "val_"), strict=True):
            assert (line.get_label(), line.get_marker()) == (label, "o")  # a dot shows even a single epoch
            assert line.get_xdata().tolist() == list(range(1, epochs + 1))
            assert list(line.get_ydata()) == HISTORY[prefix + key][:epochs]
        assert (
            len({line.get_color() for line in ax.lines})
            == len({line.get_linestyle() for line in ax.lines})
            == 2
        )
        assert all(tick == round(tick) for tick in ax.get_xticks())


def test_neuron_shows_each_number_once():
    written = list(texts(draw_neuron([0.2, 0.9], [1.5, -0.5], bias=-1)).values())
    for part in ("$x_1$\n0.2", "$x_2$\n0.9", "× 1.5", "× −0.5", "bias −1", "ReLU"):
        assert written.count(part) == 1


def test_layers_are_drawn_whole_if_small_and_joined_to_the_next():
    ax = draw_layers([784, 3, 2])
    assert [len(layer.get_offsets()) for layer in ax.collections] == [5, 3, 2]
    assert len(ax.lines) == 5 * 3 + 3 * 2
    assert texts(ax).keys() >= {(0, -0.4)}  # the dots that stand for the rest
    assert [text for text in texts(ax).values() if "\n" in text] == [
        "784\ninputs",
        "3\nhidden 1",
        "2\noutput",
    ]


def test_numbers_stand_in_their_neurons_and_on_their_lines():
    ax = draw_numbers({"in": [1, -2], "sums": [0.125, 3], "out": [-0.001, 4]}, [[[5, 6], [-7, 8]], None])
    assert len(ax.patches) == 6 and len(ax.lines) == 4 + 2
    found = {(round(x, 1), round(y, 1)): text for (x, y), text in texts(ax).items()}
    names = {(0, 0.8): "in", (3, 0.8): "sums", (6, 0.8): "out"}
    neurons = {(0, 0): "1", (0, -1.7): "−2", (3, 0): "0.12", (3, -1.7): "3", (6, 0): "0", (6, -1.7): "4"}
    # Where a line leaves: the second row's line to the first column leads up.
    lines = {(1, 0): "5", (1, -0.6): "6", (1, -1.1): "−7", (1, -1.7): "8"}
    assert found == names | neurons | lines


def test_confusion_shades_the_mistakes_only_and_counts_are_legible():
    confusion = np.diag(np.arange(900, 1000, 10))
    confusion[4, 9], confusion[9, 4], confusion[7, 2] = 23, 5, 11
    ax = plot_confusion(confusion)
    # Keys are (x, y), so predicted comes first; zeros are left out.
    diagonal = {(i, i): str(900 + 10 * i) for i in range(10)}
    assert texts(ax) == diagonal | {(9, 4): "23", (4, 9): "5", (2, 7): "11"}
    shade = shown([ax])[0]
    assert np.array_equal(shade, confusion - np.diag(np.diag(confusion)))
    for text in ax.texts:
        x, y = text.get_position()
        ground = ax.images[0].to_rgba(shade)[y, x, :3].mean()
        assert abs(ground - colors.to_rgb(text.get_color())[0]) > 0.3


@pytest.mark.parametrize("array", [list, np.array])
def test_reliability_has_a_dot_and_an_interval_for_each_bin_that_is_not_empty(array):
    # The first bin is empty. In floating point, 15 / 22 * 22 is below 15.
    ax = plot_reliability(array([np.nan, 0.3, 0.9]), array([np.nan, 15 / 22, 0.75]), array([0, 22, 4000]))
    _, *lines = (line.get_xydata().tolist() for line in ax.lines)  # without the diagonal
    expected = []
    for x, y, right, n in ((0.3, 15 / 22, 15, 22), (0.9, 0.75, 3000, 4000)):
        expected += [[[x, end] for end in wilson_interval(right, n)], [[x, y]]]
    assert lines == expected
    assert [note.get_text() for note in ax.texts] == ["22", "4,000"]


@pytest.mark.parametrize(
    ("plot", "arguments"),
    [(plot_confusion, [np.eye(10, dtype=int)]), (plot_reliability, [[0.5], [0.5], [1]])],
)
def test_plots_on_given_axes(plot, arguments):
    _, (left, right) = plt.subplots(1, 2)
    assert plot(*arguments, right) is right
    assert right.has_data() and not left.has_data() and len(plt.get_fignums()) == 1
    plot(*arguments)
    assert len(plt.get_fignums()) == 2


ZEROS, EVEN = np.zeros((2, 28, 28)), np.full((2, 10), 0.1)
NO_LOSS = {name: values for name, values in HISTORY.items() if name != "val_loss"}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: show_digits(ZEROS[0]), r"images must be .*, got \(28, 28\); for one image pass"),
        (lambda: show_digits(ZEROS[:0]), "a figure holds 1 to 300 images, got 0"),
        (lambda: show_digits(np.zeros((1000, 784))), "1 to 300 images, got 1,000; pass fewer"),
        (lambda: show_digits(ZEROS, titles="a"), "one title per image: got 1 for 2 images"),
        (lambda: show_digits(ZEROS, columns=0), "columns must be a whole number of 1 or more, got 0"),
        (lambda: show_channels(np.zeros((3, 3))), r"must be \(height, width, channels\), .* got \(3, 3\)"),
        (lambda: show_channels(np.zeros((3, 3, 0))), r"each at least 1, got \(3, 3, 0\)"),
        (lambda: show_channels(np.full((3, 3, 4), np.inf)), "maps must be finite"),
        (lambda: show_pixels(ZEROS[0]), r"image must be uint8, \(28, 28\), got float64 of shape"),
        (lambda: show_pixels(np.zeros(784, "uint8")), r"got uint8 of shape \(784,\)"),
        (lambda: show_mistakes(ZEROS, [1], EVEN, [0]), "true must have length 2, one for each image, got 1"),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN[:1], [0]), "with n = 2, the length of true"),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN, []), "a figure holds 1 to 300 images, got 0"),
        (lambda: show_mistakes(ZEROS, [1, 2], EVEN, [0, 2]), "which must be from 0 to 1, got 0 to 2"),
        (lambda: draw_neuron([1], [1, 2], 0), r"inputs and weights must be .*, got \(1,\) and \(2,\)"),
        (lambda: draw_layers([784]), "sizes must be 2 to 8 numbers, the inputs first, got 1"),
        (lambda: draw_layers([784, 0]), "a size must be a whole number of 1 or more, got 0"),
        (lambda: draw_numbers({"in": [1]}, []), r"columns must be 2 to 6, each of 1 to 4 numbers, got \[1\]"),
        (lambda: draw_numbers({"in": [1], "out": [1]}, [[[1, 2]]]), r"tables must fit .*, got \[\(1, 2\)\]"),
        (lambda: draw_numbers({"in": [1], "out": [1]}, []), r"tables must fit .*, got \[\]"),
        (lambda: plot_history({}), "history is missing loss, .* from at least one epoch with"),
        (lambda: plot_history(NO_LOSS), "history is missing val_loss; it must be"),
        (lambda: plot_history(HISTORY | {"val_loss": [1.5]}), "fit without validation_freq"),
        (lambda: plot_history(SimpleNamespace(history=HISTORY)), r"history\.history, not what fit returns"),
        (lambda: plot_confusion(np.zeros((9, 9), int)), r"confusion must be \(10, 10\), got \(9, 9\)"),
        (lambda: plot_confusion(np.eye(10) / 10), "confusion must hold counts, .* got float64"),
        (lambda: plot_reliability([1, 1], [1, 1], [1]), "confidence, accuracy and count must have the same"),
        (lambda: plot_reliability([50.0], [0.5], [10]), "must be shares from 0 to 1, got 50.0 and 0.5"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
