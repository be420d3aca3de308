"""Plot arrays and training histories with matplotlib. Each function returns the Axes that it drew on."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mnist_helpers.checks import (
    CLASSES,
    as_counts,
    as_digits,
    as_grids,
    as_history,
    as_pair,
    finite,
    whole,
)
from mnist_helpers.evaluation import wilson_interval

# From the palette of Okabe and Ito (2008), which color-blind readers can tell apart. Each color has its own
# line style, so that a grayscale print works too.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PALETTE = (BLUE, ORANGE, GREEN)
LINE_STYLES = ("-", "--", ":")
INK = "gray_r"  # dark ink on white paper
MOST = 300  # images in one figure: more take many seconds and gigabytes


def set_style() -> None:
    """Set the course's figure style. Call it once, in the imports cell of a notebook."""
    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.prop_cycle": plt.cycler(color=PALETTE) + plt.cycler(linestyle=LINE_STYLES),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "font.size": 11,
            "grid.color": "0.9",
            "image.cmap": INK,
        }
    )


def show_digits(images: np.ndarray, titles=None, columns: int = 10, size: float | None = None) -> np.ndarray:
    """Show digits side by side, dark ink on white paper.

    Parameters
    ----------
    images : numbers, ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``, with n from 1 to 300; 0 is paper,
        the largest value in the array is full ink.
    titles : n texts or numbers, one above each digit; none by default.
    columns : digits per row.
    size : inches per digit; by default, larger if there are few.

    Returns
    -------
    n Axes, ``(n,)``.

    Raises
    ------
    ValueError
        If `images` are not as described, or there is not one title for each.
    """
    images = as_grids(images)
    return _sheet(images, titles, columns, size, vmin=0, vmax=images.max(initial=0) or 1)


def show_channels(maps: np.ndarray, titles=None, signed: bool = False) -> np.ndarray:
    """Show the channels of a feature map, or the filters of a layer, in rows of eight on one scale.

    Parameters
    ----------
    maps : numbers, ``(height, width, channels)``, with 1 to 300 channels.
    titles : one text or number above each channel; none by default.
    signed : whether to color by sign: blue below zero, white at zero, red above.

    Returns
    -------
    Axes, ``(channels,)``.

    Raises
    ------
    ValueError
        If `maps` are not as described, or there is not one title for each channel.
    """
    maps = finite(maps, "maps")
    if maps.ndim != 3 or not maps.size:
        raise ValueError(f"maps must be (height, width, channels), each at least 1, got {maps.shape}")
    scale = {"vmin": maps.min(), "vmax": maps.max()}
    if signed:
        limit = float(np.abs(maps).max()) or 1  # maps of zeros are white too
        scale = {"vmin": -limit, "vmax": limit, "cmap": "RdBu_r"}
    return _sheet(np.moveaxis(maps, -1, 0), titles, columns=8, **scale)


def show_pixels(image: np.ndarray) -> Axes:
    """Show one digit as what it is: a grid of numbers.

    Parameters
    ----------
    image : uint8, ``(28, 28)``.

    Raises
    ------
    ValueError
        If `image` is not as described.
    """
    image = np.asarray(image)
    if image.shape != (28, 28) or image.dtype != np.uint8:
        raise ValueError(f"image must be uint8, (28, 28), got {image.dtype} of shape {image.shape}")
    _, ax = plt.subplots(figsize=(9, 9))
    ax.imshow(image, cmap=INK, vmin=0, vmax=255)
    for (row, column), value in np.ndenumerate(image):
        ink = "white" if value > 137 else "black"  # a contrast of at least 4.5 to 1 on any gray
        ax.text(column, row, value, ha="center", va="center", fontsize=7, color=ink)
    ax.set(xlabel="column", ylabel="row", xticks=range(0, 28, 2), yticks=range(0, 28, 2))
    ax.grid(False)
    return ax


def show_mistakes(
    images: np.ndarray, true: np.ndarray, probabilities: np.ndarray, which: np.ndarray
) -> np.ndarray:
    """Show up to 25 misread digits, each with its true digit, the prediction and the confidence.

    Parameters
    ----------
    images : numbers, ``(n, 28, 28)``, ``(n, 28, 28, 1)`` or ``(n, 784)``.
    true : integers 0 to 9, ``(n,)``.
    probabilities : floats, ``(n, 10)``, each row summing to 1.
    which : the positions to show, in this order, such as those from `rank_mistakes`; the first 25 are shown.

    Returns
    -------
    Axes, ``(25,)`` or fewer.

    Raises
    ------
    ValueError
        If an argument is not as described, or `which` is empty.
    """
    images = as_grids(images)
    true, probabilities = as_pair(as_digits(true, "true", len(images)), probabilities)
    which = as_digits(which, "which", classes=len(true))[:25]
    titles = [
        f"{true[i]}, read as {probabilities[i].argmax()}\n{percent(probabilities[i].max())} sure"
        for i in which
    ]
    return show_digits(images[which], titles, columns=5, size=1.7)


def plot_history(history: dict[str, list[float]]) -> np.ndarray:
    """Plot the learning curves: loss on the left, accuracy on the right, by epoch.

    Parameters
    ----------
    history : dict, from ``fit`` (``history.history``) or a reference run (``run["history"]``): lists
        with one number per epoch under loss, accuracy, val_loss and val_accuracy.

    Returns
    -------
    Two Axes: loss, accuracy.

    Raises
    ------
    ValueError
        If a list is missing, or has not one number for each epoch.
    """
    history = as_history(history)
    _, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for ax, key in zip(axes, ("loss", "accuracy"), strict=True):
        epochs = np.arange(1, len(history[key]) + 1)
        marker = "o" if len(epochs) < 10 else None
        ax.plot(epochs, history[key], marker=marker, label="training")
        ax.plot(epochs, history[f"val_{key}"], marker=marker, label="validation")
        ax.set(xlabel="epoch", ylabel=key)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes[0].legend()
    return axes


def draw_neuron(inputs, weights, bias: float) -> Axes:
    """Draw one neuron with its numbers: each input times its weight, their sum with the bias, and ReLU.

    Parameters
    ----------
    inputs, weights : numbers, ``(n,)`` each, with n from 1 to 8.
    bias : a number.

    Raises
    ------
    ValueError
        If there is not one weight for each input, or there are none or more than 8.
    """
    inputs, weights = finite(inputs, "inputs"), finite(weights, "weights")
    if inputs.shape != weights.shape or inputs.ndim != 1 or not 1 <= len(inputs) <= 8:
        raise ValueError(
            f"inputs and weights must be 1 to 8 numbers each, got {inputs.shape} and {weights.shape}"
        )
    _, ax = _drawing(8, 0.75 * len(inputs) + 0.4)
    heights = np.arange(len(inputs))[::-1] - (len(inputs) - 1) / 2
    for number, height in enumerate(heights, start=1):
        value, weight = inputs[number - 1], weights[number - 1]
        ax.plot([0, 3.2], [height, 0], color="0.6", linestyle="-", zorder=1)
        _node(ax, 0, height, f"$x_{number}$\n{_signed(value)}")
        ax.text(
            1.6,
            height / 2,
            f"× {_signed(weight)}",
            ha="center",
            va="center",
            backgroundcolor="white",
            zorder=2,
        )
    ax.plot([3.2, 7.2], [0, 0], color="0.6", linestyle="-", zorder=1)
    _node(ax, 3.2, 0, "add\nup")
    ax.text(3.2, -0.75, f"bias {_signed(bias)}", ha="center", va="center")
    ax.text(4.25, 0.22, "$z$", ha="center")
    _node(ax, 5.3, 0, "ReLU")
    ax.text(7.35, 0, "output", ha="left", va="center")
    return ax


def draw_layers(sizes) -> Axes:
    """Draw a network of dense layers: some neurons of each layer, and how many there are.

    Parameters
    ----------
    sizes : 2 to 8 integers, at least 1 each: the number of inputs, then of neurons layer by layer.

    Raises
    ------
    ValueError
        If `sizes` are not as described.
    """
    sizes = [whole(size, "a size", 1) for size in sizes]
    if not 2 <= len(sizes) <= 8:
        raise ValueError(f"sizes must be 2 to 8 numbers, the inputs first, got {len(sizes)}")
    _, ax = _drawing(2 * len(sizes), 4.4)
    # Of a large layer, three neurons above and two below dots that stand for the rest
    rows = [np.linspace(1, -1, size) if size < 6 else np.array([2, 1.2, 0.4, -1.2, -2]) for size in sizes]
    for column, (left, right) in enumerate(itertools.pairwise(rows)):
        for one in left:
            for other in right:
                ax.plot(
                    [2 * column, 2 * column + 2], [one, other], color="0.8", linestyle="-", lw=0.7, zorder=1
                )
    names = ["inputs", *(f"hidden {i}" for i in range(1, len(sizes) - 1)), "output"]
    for column, (size, heights, name) in enumerate(zip(sizes, rows, names, strict=True)):
        ax.scatter([2 * column] * len(heights), heights, s=150, color="white", edgecolor=BLUE, zorder=2)
        if size >= 6:
            ax.text(2 * column, -0.4, "⋮", ha="center", va="center", fontsize=16)
        ax.text(2 * column, -2.75, f"{size}\n{name}", ha="center", va="center")
    return ax


def draw_numbers(columns: dict, tables) -> Axes:
    """Draw a small network with a number in each neuron and on each line.

    Parameters
    ----------
    columns : 2 to 6 lists of 1 to 4 numbers, under the names to write above them.
    tables : what to write on the lines between each two neighboring columns: numbers, a row for each neuron
        on the left and a column for each on the right, or None for lines without numbers, one a neuron.

    Raises
    ------
    ValueError
        If `columns` are not as described, or a table does not fit its two columns.
    """
    sizes = [len(numbers) for numbers in columns.values()]
    if not 2 <= len(sizes) <= 6 or not all(1 <= size <= 4 for size in sizes):
        raise ValueError(f"columns must be 2 to 6, each of 1 to 4 numbers, got {sizes}")
    pairs = zip(sizes, tables, strict=False)
    shapes = [(size, size) if table is None else np.shape(table) for size, table in pairs]
    if shapes != list(itertools.pairwise(sizes)):
        raise ValueError(f"tables must fit columns of {sizes} numbers, got {shapes}")
    _, ax = _drawing(3 * len(sizes) - 1, 1.7 * max(sizes) + 0.6)
    for i, (name, numbers) in enumerate(columns.items()):
        ax.text(3 * i, 0.75, name, ha="center")
        for j, number in enumerate(numbers):
            _node(ax, 3 * i, -1.7 * j, _signed(round(float(number), 2) + 0))
    for i, table in enumerate(tables):
        for j, k in np.argwhere(np.ones(shapes[i]) if table is not None else np.eye(sizes[i])):
            ax.plot([3 * i, 3 * i + 3], [-1.7 * j, -1.7 * k], color="0.6", linestyle="-", zorder=1)
            if table is not None:
                place = 3 * i + 1, -1.7 * (j + (k - j) / 3)  # a third of the way, where no lines cross
                text = _signed(round(float(table[j][k]), 2) + 0)
                ax.text(*place, text, ha="center", va="center", fontsize=9, backgroundcolor="white", zorder=2)
    return ax


def plot_confusion(confusion: np.ndarray, ax: Axes | None = None) -> Axes:
    """Plot a confusion matrix. Only the mistakes are shaded; the far larger diagonal would drown them out.

    Parameters
    ----------
    confusion : integer counts, ``(10, 10)``; row: true digit, column: predicted digit.
    ax : where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If `confusion` is not as described.
    """
    confusion = as_counts(confusion)
    if confusion.shape != (CLASSES, CLASSES):
        raise ValueError(f"confusion must be ({CLASSES}, {CLASSES}), got {confusion.shape}")
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 5.5))
    mistakes = np.where(np.eye(CLASSES, dtype=bool), 0, confusion)
    ax.imshow(mistakes, cmap="Blues")
    for (true, predicted), count in np.ndenumerate(confusion):
        if count:
            ink = "white" if mistakes[true, predicted] > mistakes.max() / 2 else "black"
            ax.text(predicted, true, count, ha="center", va="center", fontsize=8, color=ink)
    ax.set(xlabel="predicted digit", ylabel="true digit", xticks=range(CLASSES), yticks=range(CLASSES))
    ax.grid(False)
    return ax


def plot_reliability(
    confidence: np.ndarray, accuracy: np.ndarray, count: np.ndarray, ax: Axes | None = None
) -> Axes:
    """Plot accuracy against confidence, bin by bin. On the diagonal, accuracy equals confidence.

    Each bin has a dot, its 95 % Wilson interval and its count; empty bins are left out.

    Parameters
    ----------
    confidence, accuracy, count : ``(bins,)`` each, as `reliability_bins` gives them.
    ax : where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If the lengths differ, or a confidence or accuracy is not from 0 to 1.
    """
    if not len(confidence) == len(accuracy) == len(count):
        raise ValueError("confidence, accuracy and count must have the same length")
    if ax is None:
        _, ax = plt.subplots(figsize=(4.2, 4.2))
    ax.plot([0, 1], [0, 1], color="0.5", linestyle="--", label="as right as sure")
    for x, y, n in zip(confidence, accuracy, count, strict=True):
        if n:
            if not (0 <= x <= 1.001 and 0 <= y <= 1):
                raise ValueError(f"confidence and accuracy must be shares from 0 to 1, got {x} and {y}")
            interval = wilson_interval(round(y * n), n)
            ax.plot([x, x], interval, color=BLUE, linestyle="-", clip_on=False)
            ax.plot(x, y, color=BLUE, marker="o", clip_on=False)
            ax.annotate(f"{n:,}", (x, y), xytext=(6, -10), textcoords="offset points", fontsize=8)
    ax.set(xlabel="mean confidence of the bin", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    return ax


def percent(confidence: float) -> str:
    """A confidence in [0, 1] as text, such as "99.9 %". It never says 100 %: softmax is never certain."""
    return ">99.9 %" if confidence >= 0.9995 else f"{100 * confidence:.1f} %"


def _signed(number: float) -> str:
    """A number as text, with a real minus sign."""
    return f"{number:g}".replace("-", "−")


def _drawing(width: float, height: float) -> tuple[plt.Figure, Axes]:
    """Axes without axes, on which a unit is equally long in both directions."""
    figure, ax = plt.subplots(figsize=(width * 0.9, height * 0.9))
    ax.axis("off")
    ax.set_aspect("equal")
    return figure, ax


def _node(ax: Axes, x: float, y: float, text: str) -> None:
    ax.add_patch(plt.Circle((x, y), 0.42, facecolor="white", edgecolor=BLUE, linewidth=1.5, zorder=2))
    ax.text(x, y, text, ha="center", va="center", fontsize=9, zorder=3)


def _sheet(images: np.ndarray, titles, columns: int, size: float | None = None, **imshow) -> np.ndarray:
    if not 1 <= len(images) <= MOST:
        raise ValueError(f"a figure holds 1 to {MOST} images, got {len(images):,}; pass fewer, such as [:50]")
    titles = None if titles is None else list(titles)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"there must be one title per image: got {len(titles)} for {len(images)} images")
    size = size or (0.9 if len(images) > 5 else 1.5)  # inches; a few images can be larger
    columns = min(whole(columns, "columns", 1), len(images))
    rows = -(-len(images) // columns)
    lines = 0 if titles is None else 1 + max(str(title).count("\n") for title in titles)
    height = size + 0.2 * lines
    _, axes = plt.subplots(rows, columns, figsize=(size * columns, height * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, **{"cmap": INK} | imshow)
        if titles is not None:
            ax.set_title(titles[i], fontsize=9)
    return axes.ravel()[: len(images)]
