"""What the course's texts conclude from its results: each conclusion a name and a condition.

A sentence that concludes (more, fewer, first, hardly, better, half) carries the name,
``<!-- holds: 05.errors_fall -->``; an alt text has it in the metadata of its cell, ``"holds": [name]``.
The name begins with the notebook or page that the sentence stands in. Where a reader gains from seeing the
check, it is an ``assert`` in the notebook instead.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np
from results import (
    PARTS,
    after_shift,
    all_wrong,
    bins,
    confused,
    history,
    labels_of,
    model,
    predict,
    printed,
    probabilities,
    rates,
    readings,
    record,
    results,
    trainings,
    weights_in,
    wrong,
)

from mnist_helpers import load_mnist, load_results, load_splits
from mnist_helpers.data import N_TRAIN
from mnist_helpers.evaluation import mcnemar_exact, rank_mistakes, wilson_interval
from mnist_helpers.preparation import draw_strokes, prepare
from mnist_helpers.reference import RUNS
from mnist_helpers.widgets.digit_pad import EXAMPLE, EXAMPLE_WIDTH
from mnist_helpers.widgets.dropout_explorer import DropoutExplorer

known = results()


def falls(*names: str) -> bool:
    """Whether each of these results is less than the one before it."""
    values = [known[name] for name in names]
    return all(first > second for first, second in itertools.pairwise(values))


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 60,000 images and labels that notebook 01 takes apart; the first 50,000 are for training."""
    return load_mnist()[0]


def training_digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = digits()
    return images[:N_TRAIN], labels[:N_TRAIN]


@functools.cache
def mean_images() -> np.ndarray:
    images, labels = training_digits()
    return np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])


@functools.cache
def apart() -> np.ndarray:
    """How far apart each two mean images are: (10, 10)."""
    return np.sqrt(((mean_images()[:, None] - mean_images()) ** 2).mean(axis=(2, 3)))


def farthest() -> np.ndarray:
    """Where the four images of each digit are that are farthest from its mean image: (10, 4)."""
    images, labels = training_digits()
    far = []
    for digit, mean_image in enumerate(mean_images()):
        own = np.flatnonzero(labels == digit)
        far.append(own[np.argsort(-((images[own] - mean_image) ** 2).mean(axis=(1, 2)))[:4]])
    return np.stack(far)


# The gallery that notebook 01 describes: the ruined, the rare and the bold.
FARTHEST = [
    *([41358, 14749, 39457, 28357], [4066, 26376, 5842, 36744], [47759, 48356, 5129, 36475]),
    *([16676, 41453, 12967, 8729], [13650, 24798, 46104, 3370], [25315, 21385, 36193, 41904]),
    *([40492, 25297, 46524, 30332], [26882, 40386, 16379, 26756], [25321, 5972, 31030, 10936]),
    [18598, 45688, 45800, 8586],
]


def bold_by_ink() -> bool:
    """Whether the bold digits have much ink, and are far because of ink where the mean image is pale."""
    images, labels = training_digits()
    bold = [(digit, i) for digit, rows in ((6, 4), (8, 1), (9, 4)) for i in FARTHEST[digit][:rows]]
    for digit, i in bold:
        mean_image, others = mean_images()[digit], images[labels == digit].mean(axis=(1, 2))
        squares = (images[i] - mean_image) ** 2
        where_pale = squares[(images[i] > mean_image) & (mean_image < 128)].sum()
        if np.mean(others < images[i].mean()) < 0.95 or where_pale < 0.75 * squares.sum():
            return False
    return True


def longer_sides(images: np.ndarray) -> np.ndarray:
    """The longer side of each digit, in pixels from the first with ink to the last."""
    spans = []
    for axis in (1, 2):
        ink = images.any(axis=axis)
        spans.append(ink.shape[1] - ink.argmax(axis=1) - ink[:, ::-1].argmax(axis=1))
    return np.maximum(*spans)


def centers(images: np.ndarray, axis: int) -> np.ndarray:
    """The center of mass of each digit, counted along its rows (1) or columns (2)."""
    ink = images.sum(axis=3 - axis)
    return (ink * np.arange(28)).sum(axis=1) / ink.sum(axis=1)


@functools.cache
def full_ink() -> tuple[np.ndarray, np.ndarray]:
    """Which of the first 5,000 images have their highest bar at full ink, and each one's share of it."""
    bars = np.stack(
        [np.histogram(image[image > 0], bins=16, range=(0, 255))[0] for image in digits()[0][:5000]]
    )
    return bars.argmax(axis=1) == 15, bars[:, 15] / bars.sum(axis=1)


def thick_has_more_inside() -> bool:
    """For each digit: the thicker half of its images, by ink, has the larger share of full ink."""
    ink, labels = digits()[0][:5000].mean(axis=(1, 2)), digits()[1][:5000]
    thick = ink > np.array([np.median(ink[labels == digit]) for digit in range(10)])[labels]
    share = full_ink()[1]
    return all(
        share[thick & (labels == digit)].mean() > share[~thick & (labels == digit)].mean()
        for digit in range(10)
    )


def shares_of_digits() -> np.ndarray:
    """The share of each digit in training, validation and test: (3, 10)."""
    return np.stack([np.bincount(labels_of(part)) / len(labels_of(part)) for part in PARTS[1:]])


IN_01: dict[str, Callable[[], bool]] = {
    "01.labels_mixed": lambda: (
        set(digits()[1][:20]) == set(range(10))
        and min(np.bincount(block, minlength=10).min() for block in digits()[1].reshape(60, 1000)) > 60
    ),
    "01.image_0": lambda: digits()[1][0] == 5 and np.bincount(digits()[0][0].ravel())[1:].argmax() == 252,
    "01.first_fifty": lambda: (
        set(digits()[1][:50]) == set(range(10)) and (digits()[1][[24, 8, 38, 15]] == [1, 1, 7, 7]).all()
    ),
    "01.nearly_balanced": lambda: (
        np.ptp(np.bincount(labels_of("data"))) < 0.25 * 6000
        and np.bincount(labels_of("data")).argmax() == 1
        and np.bincount(labels_of("data")).argmin() == 5
    ),
    "01.once_in_nine": lambda: round(1 / known["data.share_of_ones"]) == 9,
    "01.one_in_eleven": lambda: round(1 / known["data.share_of_fives"]) == 11,
    "01.boxes_and_centers": lambda: (
        longer_sides(digits()[0]).max() == 20
        and np.mean(longer_sides(digits()[0]) == 20) > 0.999
        and all((np.abs(centers(digits()[0], axis) - 14) < 0.53).all() for axis in (1, 2))
    ),
    "01.splits_alike": lambda: (
        np.ptp(shares_of_digits(), axis=0).max() < 0.01
        and set(shares_of_digits().argmin(axis=1)) == {5}
        and set(shares_of_digits().argmax(axis=1)) == {1, 7}
    ),
    "01.four_and_nine": lambda: (
        set(np.unravel_index((apart() + 999 * np.eye(10)).argmin(), (10, 10))) == {4, 9}
    ),
    "01.eight_and_three": lambda: apart()[8, 3] < apart()[8, 9],
    "01.farthest": lambda: farthest().tolist() == FARTHEST,
    "01.bold_ink": bold_by_ink,
    "01.mostly_paper": lambda: np.mean(digits()[0] == 0) > 0.5 and digits()[0].max() == 255,
    "01.histograms": lambda: full_ink()[0][0] and full_ink()[0].mean() > 0.98,
    "01.thick_pens": thick_has_more_inside,
}


@functools.cache
def curves(run: str) -> dict[str, np.ndarray]:
    """The four lists of a reference run's history; epoch n is at n - 1."""
    return {key: np.array(history(run, key)) for key in ("loss", "val_loss", "accuracy", "val_accuracy")}


@functools.cache
def network_data() -> tuple:
    """Training and validation images, flat, with their one-hot labels, as notebook 02 loads them."""
    train, val, _ = load_splits("flat")
    return train, val


@functools.cache
def read_validation(run: str) -> np.ndarray:
    """What a network says to the validation images: (10000, 10)."""
    return predict(run, network_data()[1][0])


def surest_mistake(run: str) -> tuple[int, int, int]:
    """Of the misread validation images the one read most confidently: its position, digit and reading."""
    said, true = read_validation(run), labels_of("val")
    read = said.argmax(axis=1)
    worst = np.where(read != true, said.max(axis=1), 0).argmax()
    return int(worst), int(true[worst]), int(read[worst])


@functools.cache
def losses_of_training(run: str) -> np.ndarray:
    images, labels = network_data()[0]
    return -np.log(np.clip((predict(run, images) * labels).sum(axis=1), 1e-7, 1))


def gap(run: str) -> np.ndarray:
    return curves(run)["val_loss"] - curves(run)["loss"]


def always_falls(values: np.ndarray) -> bool:
    return bool((np.diff(values) < 0).all())


IN_02: dict[str, Callable[[], bool]] = {
    "02.first_layer_largest": lambda: weights_in("mlp", "Dense")[0] > sum(weights_in("mlp", "Dense")[1:]),
    "02.first_image": lambda: training_digits()[1][0] == 5,
    # The live training is the reference run's beginning, as a rule of the notebooks sees to.
    "02.validation_ahead": lambda: (
        (gap("mlp")[:5] < 0).all()
        and always_falls(-gap("mlp")[:5])
        and (curves("mlp")["val_accuracy"][:5] > curves("mlp")["accuracy"][:5]).all()
    ),
    "02.first_5000_easier": lambda: (
        losses_of_training("mlp")[:5000].mean() < 0.95 * losses_of_training("mlp")[5000:].mean()
    ),
    "02.curves_part": lambda: always_falls(-gap("mlp")[7:]) and gap("mlp")[7] > 0,
    "02.reference_curves": lambda: (
        always_falls(curves("mlp")["loss"])
        and curves("mlp")["loss"][-1] < 0.02
        and np.ptp(curves("mlp")["val_loss"][19:]) < 0.0025
        and curves("mlp")["val_loss"][9] - curves("mlp")["val_loss"][19] > 0.01
        and curves("mlp")["accuracy"][-1] > 0.998
        and np.ptp(curves("mlp")["val_accuracy"][19:]) < 0.0025
    ),
    "02.overfits": lambda: (
        always_falls(curves("mlp")["loss"])
        and curves("mlp")["val_loss"].argmin() == 23
        and always_falls(curves("mlp")["val_loss"][14:24])
        and always_falls(-curves("mlp")["val_loss"][23:])
    ),
    "02.flat_there": lambda: np.ptp(curves("mlp")["val_loss"][20:26]) < 0.0004,
    "02.accuracy_stays": lambda: curves("mlp")["val_accuracy"][-1] >= curves("mlp")["val_accuracy"][23],
    "02.mild": lambda: known["mlp.val_loss"] < 1.05 * known["mlp.val_loss_min"],
    "02.worst_mistake": lambda: surest_mistake("mlp") == (514, 8, 3),
}


@functools.cache
def first_filters() -> tuple[np.ndarray, np.ndarray]:
    """The weights, (3, 3, 32), and biases of the CNN's first convolution."""
    weights, biases = model("cnn").layers[0].get_weights()
    return weights[:, :, 0], biases


def strength() -> np.ndarray:
    return np.sqrt((first_filters()[0] ** 2).sum(axis=(0, 1)))


FROM_MIDDLE = np.mgrid[-1:2, -1:2]
# Where in the window there is ink, at an upper edge and so on.
EDGES = {
    "upper": FROM_MIDDLE[0] >= 0,
    "lower": FROM_MIDDLE[0] <= 0,
    "left": FROM_MIDDLE[1] >= 0,
    "right": FROM_MIDDLE[1] <= 0,
    "upper right": FROM_MIDDLE[0] >= FROM_MIDDLE[1],
    "lower left": FROM_MIDDLE[0] <= FROM_MIDDLE[1],
    "upper left": FROM_MIDDLE[0] >= -FROM_MIDDLE[1],
    "lower right": FROM_MIDDLE[0] <= -FROM_MIDDLE[1],
}


def responses(which: int) -> dict[str, float]:
    """What a first filter gives to each edge, before ReLU."""
    weights, biases = first_filters()
    return {name: float((weights[..., which] * ink).sum() + biases[which]) for name, ink in EDGES.items()}


@functools.cache
def inside(run: str, images: int = 1) -> list[np.ndarray]:
    """The outputs of a network's first four layers for the first validation images."""
    signals = [network_data()[1][0][:images].reshape(images, *model(run).input_shape[1:])]
    for layer in model(run).layers[:4]:
        signals.append(np.asarray(layer(signals[-1])))
    return signals[1:]


def peaks(images: int = 1) -> np.ndarray:
    """The largest number in each map of the CNN's first convolution: (32,)."""
    return inside("cnn", images)[0].max(axis=(0, 1, 2))


def places_of_parts() -> bool:
    """Whether the maps 5 and 25 are mainly in a few rows of the 3, 16 and 29 mainly at its right."""
    maps = inside("cnn")[2][0] / inside("cnn")[2][0].sum(axis=(0, 1)).clip(1e-9)
    in_three_rows = np.sort(maps.sum(axis=1), axis=0)[-3:].sum(axis=0)
    at_the_right = maps[:, 6:].sum(axis=(0, 1))
    return bool((in_three_rows[[5, 25]] > 0.6).all() and (at_the_right[[16, 29]] > 0.9).all())


def window() -> np.ndarray:
    """The window that notebook 03 begins with: (3, 3)."""
    return training_digits()[0][15, 13:16, 15:18] / 255


def recipe(run: str) -> list:
    return [
        record(run)[key] for key in ("loss", "optimizer", "learning_rate", "batch_size", "epochs", "seed")
    ]


def errors_in_validation(run: str) -> int:
    return int((read_validation(run).argmax(axis=1) != labels_of("val")).sum())


IN_03: dict[str, Callable[[], bool]] = {
    "03.fewer_errors": lambda: (
        errors_in_validation("cnn") < errors_in_validation("mlp")
        and falls("mlp.parameters", "cnn.parameters")
    ),
    "03.a_third_fewer": lambda: 0.6 < known["cnn.parameters"] / known["mlp.parameters"] < 0.7,
    "03.digit_7": lambda: training_digits()[1][15] == 7,
    "03.window": lambda: (
        (np.diff(window()[:2]) >= 0).all()
        and (window()[:2, 2] - window()[:2, 0] > 0.4).all()
        and window()[2].min() > 0.95
        and 0 < window()[2, 2] - window()[2, 0] < 0.01
    ),
    "03.mostly_dense": lambda: known["cnn.dense_share"] > 0.9,
    "03.same_recipe": lambda: recipe("cnn") == recipe("mlp"),
    "03.lower_throughout": lambda: (
        (curves("cnn")["val_loss"] < curves("mlp")["val_loss"]).all()
        and np.ptp(curves("mlp")["val_loss"][19:]) < 0.0025
        and np.ptp(curves("cnn")["val_loss"][19:]) < 0.0025
    ),
    "03.levels_off": lambda: (
        always_falls(curves("cnn")["loss"])
        and (np.abs(curves("cnn")["val_loss"][9:] - 0.06) < 0.003).all()
        and curves("cnn")["val_loss"][6] > 0.064
    ),
    "03.reference_curves": lambda: (
        curves("cnn")["loss"][-1] < 0.01
        and 0 < known["cnn.val_loss"] - known["cnn.val_loss_min"] < 0.003
        and (curves("cnn")["accuracy"] > curves("cnn")["val_accuracy"]).tolist() == [False] * 6 + [True] * 24
        and 0 < known["cnn.gap_points"] < 1.5
    ),
    "03.red_all_over": lambda: (
        set(np.argsort(-first_filters()[0].sum(axis=(0, 1)))[:7]) == {0, 3, 4, 6, 10, 22, 23}
        and ((first_filters()[0] > 0).sum(axis=(0, 1))[[0, 3, 4, 6, 10, 22, 23]] >= 7).all()
    ),
    "03.filter_8": lambda: (
        first_filters()[0][..., 8].argmin() == 2  # blue at the top right
        and first_filters()[0][2, :, 8].min() > 0.4  # red along the bottom
        and max(responses(8), key=responses(8).get) == "upper"
        and responses(8)["lower"] < 0
        and first_filters()[0][..., 8].sum() > 0.5 * first_filters()[0][..., 8].clip(0).sum()
    ),
    "03.filter_9": lambda: (
        max(responses(9), key=responses(9).get) == "lower"
        and responses(9)["upper"] < 0
        and strength()[9] < 0.6 * strength()[8]
    ),
    # Pale: no weight has half the color of the strongest one.
    "03.most_pale": lambda: 20 < (np.abs(first_filters()[0]) < 0.5 * 0.852).all(axis=(0, 1)).sum() < 30,
    "03.dozen_maps": lambda: 10 <= (peaks() > 0.15 * peaks().max()).sum() <= 14,
    "03.strong_maps": lambda: set(np.argsort(-strength())[:8]) == set(np.argsort(-peaks())[:8]),
    "03.blank_maps": lambda: set(np.flatnonzero(peaks() < 0.01 * peaks().max())) == {5, 27, 29, 31},
    "03.only_27_is_dead": lambda: set(np.flatnonzero(peaks(2000) == 0)) == {27},
    "03.gray_backgrounds": lambda: (
        set(np.flatnonzero(first_filters()[1] > 0.05)) == {2, 9, 13, 16, 24, 30}
        and np.allclose(inside("cnn")[0][0, 0, 0], first_filters()[1].clip(0), atol=1e-6)
    ),
    "03.parts_of_the_3": places_of_parts,
    "03.reads_the_3": lambda: labels_of("val")[0] == 3 and read_validation("cnn")[0, 3] > 0.999,
    "03.sure_of_most": lambda: np.mean(read_validation("cnn").max(axis=1) > 0.9) > 0.95,
}


@functools.cache
def validation_images() -> np.ndarray:
    """float32, (10000, 28, 28, 1)."""
    return load_splits("channels")[1][0]


def outputs(run: str, last: int, count: int) -> np.ndarray:
    """What the layers of a network, as far as one counted from 0, make of the first validation images."""
    signal = validation_images()[:count]
    for layer in model(run).layers[: last + 1]:
        signal = layer(signal)
    return np.asarray(signal)


@functools.cache
def share_above_zero(run: str, layer: int) -> np.ndarray:
    """Of a layer's numbers, the share above zero in each of the first 1,000 validation images."""
    return (outputs(run, layer, 1_000) > 0).mean(axis=(1, 2, 3))


def dropouts(rate: float, seeds: Iterable[int]) -> list[DropoutExplorer]:
    """Notebook 04's activations, dropped with each seed."""
    (activations,) = outputs("cnn", 5, 1)
    return [DropoutExplorer(activations[activations > 0][:32], rate, seed) for seed in seeds]


def sum_jumps() -> bool:
    """Whether the sum after dropout at a rate of 0.9 is typically off by more than half."""
    draws = dropouts(0.9, range(100))
    return np.std([draw.after.sum() for draw in draws]) > draws[0].signal.sum() / 2


def longest_side() -> int:
    """The most rows or columns from the first to the last with ink, over all 60,000 images."""
    ink = digits()[0] > 0
    sides = (ink.any(axis=2), ink.any(axis=1))
    return max((28 - side.argmax(axis=1) - side[:, ::-1].argmax(axis=1)).max() for side in sides)


def products(run: str) -> list[int]:
    """How many products of a weight and a number each convolutional and dense layer computes for an image."""
    layers = [layer for layer in model(run).layers if hasattr(layer, "kernel")]
    return [int(np.prod(layer.output.shape[1:-1]) * np.prod(layer.kernel.shape)) for layer in layers]


def levels_off(curve: list[float]) -> bool:
    """Whether the last five epochs add less than a twentieth to the way of the epochs before."""
    return abs(curve[-1] - curve[-6]) < abs(curve[-6] - curve[0]) / 20


def rises(curve: list[float]) -> bool:
    """Whether a curve is higher in its last five epochs than in the five before."""
    return sum(curve[-5:]) > sum(curve[-10:-5])


def reads_less_with_dropout() -> bool:
    predicted = np.asarray(model("deep_cnn")(validation_images()[:5_000], training=True)).argmax(axis=1)
    return (predicted == labels_of("val")[:5_000]).mean() < known["deep_cnn.val_accuracy"] - 0.002


def above(run: str, higher: str, lower: str) -> list[bool]:
    """In which epochs one of a run's curves is higher than another."""
    return [a > b for a, b in zip(history(run, higher), history(run, lower), strict=True)]


IN_04: dict[str, Callable[[], bool]] = {
    "04.at_most_20": lambda: longest_side() <= 20,
    "04.field_has_most_of_the_ink": lambda: (
        validation_images()[0, 8:24, 8:24].sum() > 2 / 3 * validation_images()[0].sum()
    ),
    "04.more_than_half_are_0": lambda: (outputs("cnn", 5, 1) == 0).mean() > 0.5,
    "04.diamonds_are_close": lambda: all(
        np.allclose(explorer.average, explorer.signal, rtol=0.1) for explorer in dropouts(0.5, [1998])
    ),
    "04.sum_jumps": sum_jumps,
    "04.most_in_first_dense": lambda: known["deep_cnn.dense_share"] > 0.5,
    "04.epoch_takes_longer": lambda: falls("deep_cnn.seconds", "cnn.seconds"),
    "04.half_the_products": lambda: products("deep_cnn")[1] > sum(products("deep_cnn")) / 2,
    "04.cnn_training_above": lambda: falls("cnn.train_accuracy", "cnn.val_accuracy"),
    "04.order_reversed": lambda: all(
        above("deep_cnn", "val_accuracy", "accuracy") + above("deep_cnn", "loss", "val_loss")
    ),
    "04.nearly_level": lambda: all(
        levels_off(history("deep_cnn", key)) for key in ("loss", "val_loss", "accuracy", "val_accuracy")
    ),
    "04.still_falling": lambda: not rises(history("deep_cnn", "val_loss")),
    "04.mlp_overfits": lambda: rises(history("mlp", "val_loss")),
    "04.channels_nearly_empty": lambda: (
        np.median((outputs("deep_cnn", 5, 1)[0] > 0).mean(axis=(0, 1))) < 0.25
    ),
    "04.fewer_above_zero": lambda: (share_above_zero("deep_cnn", 5) < share_above_zero("cnn", 2)).all(),
    "04.losses_in_order": lambda: all(
        a > b > c
        for a, b, c in zip(*(history(run, "val_loss") for run in ("mlp", "cnn", "deep_cnn")), strict=True)
    ),
    "04.dropout_left_on": reads_less_with_dropout,
}


def reads(run: str) -> np.ndarray:
    """What a network reads in the test images, (10000,)."""
    return probabilities(run).argmax(axis=1)


def intervals() -> list[tuple[float, float]]:
    return [(known[f"{run}.test_low"], known[f"{run}.test_high"]) for run in RUNS]


def deviation_of_errors(run: str) -> float:
    """The standard deviation of the errors in 10,000 images at a network's error rate."""
    return math.sqrt(known[f"{run}.test_errors"] * known[f"{run}.test_accuracy"])


@functools.cache
def simulated_coins() -> np.ndarray:
    """Heads in 100,000 tosses of as many coins as there are images that only one of MLP and CNN reads."""
    return np.random.default_rng(1998).binomial(int(known["mlp_cnn.disagree"]), 0.5, 100_000)


def all_digits_rates(run: str) -> np.ndarray:
    """Precision and recall of each digit, (2, 10)."""
    return np.array(rates(run))


def gallery(run: str) -> dict[int, int]:
    """The 25 mistakes that a network was surest of: position among the test images, and what it read."""
    ranked = rank_mistakes(labels_of("test"), probabilities(run))[:25]
    return {int(position): int(reads(run)[position]) for position in ranked}


def shows(run: str, expected: dict[int, int]) -> bool:
    """Whether a gallery has these test images, read so."""
    return expected.items() <= gallery(run).items()


def confidence_of_gallery(run: str) -> np.ndarray:
    return probabilities(run)[list(gallery(run))].max(axis=1)


def drawn() -> tuple[list[str], list[str]]:
    """Notebook 05's twenty repaired digits and twenty new errors: each its label and what was read, "26"."""
    rng, true = np.random.default_rng(1998), labels_of("test")
    repaired = rng.choice(np.flatnonzero(wrong("mlp") & ~wrong("cnn")), 20, replace=False)
    new = rng.choice(np.flatnonzero(~wrong("mlp") & wrong("cnn")), 20, replace=False)
    return (
        [f"{true[image]}{reads('mlp')[image]}" for image in repaired],
        [f"{true[image]}{reads('cnn')[image]}" for image in new],
    )


def eights_stand_out() -> bool:
    """Whether the 8 is the most frequent of the CNN's new errors, and most often read as 2 there."""
    new = ~wrong("mlp") & wrong("cnn")
    eights = new & (labels_of("test") == 8)
    counts = np.bincount(labels_of("test")[new], minlength=10)
    return counts[8] == counts.max() and (reads("cnn")[eights] == 2).mean() > 0.5


# What an eye saw in the numbered pictures of the digits that all three misread: number, test image, label,
# and what all three read.
SEEN = [
    *((6, 1226, 7, 2), (27, 3767, 7, 2), (39, 9009, 7, 2), (22, 3073, 1, 2), (20, 2896, 8, 0)),  # plain
    *((25, 3520, 6, 4), (19, 2654, 6, 1), (14, 2135, 6, 1)),  # to be read with good will
    *((2, 947, 8, 9), (11, 1901, 9, 4), (42, 9729, 5, 6)),  # what the networks say
]


def numbered_as_seen() -> bool:
    pictures = np.flatnonzero(all_wrong())
    return all(
        pictures[number - 1] == image
        and labels_of("test")[image] == label
        and (readings()[image] == read).all()
        for number, image, label, read in SEEN
    )


def half_agree_half_repaired() -> bool:
    """Of the MLP's twelve surest mistakes."""
    twelve = list(gallery("mlp"))[:12]
    agree = np.ptp(readings()[twelve], axis=1) == 0
    return agree.sum() == 6 and (agree == wrong("deep_cnn")[twelve]).all()


def misses(confidence: float, accuracy: float, count: int) -> bool:
    """Whether a bin's confidence lies above the interval of its accuracy."""
    return confidence > wilson_interval(round(accuracy * count), count)[1]


def in_bin(run: str, low: float) -> tuple[float, float, int]:
    """The bin of a reliability diagram that begins at a confidence."""
    (found,) = (bin for bin in bins(run) if low <= bin[0] < low + 0.1)
    return found


def fits_in_all_bins(run: str) -> bool:
    return all(
        interval[0] <= confidence <= interval[1]
        for confidence, accuracy, count in bins(run)
        for interval in [wilson_interval(round(accuracy * count), count)]
    )


def recipes_hardly_differ() -> bool:
    """Whether both ends of the MLP's two intervals agree to a tenth of their distance."""
    accuracy, (low, high) = known["mlp.test_accuracy"], intervals()[0]
    half = 1.96 * deviation_of_errors("mlp") / 10_000
    return max(abs(accuracy - half - low), abs(accuracy + half - high)) < (high - low) / 10


IN_05: dict[str, Callable[[], bool]] = {
    "05.thirty_to_each_side": lambda: abs(1.96 * deviation_of_errors("mlp") - 30) < 1.5,
    "05.ten_is_chance": lambda: math.sqrt(2) * deviation_of_errors("mlp") > 10,
    "05.recipes_hardly_differ": recipes_hardly_differ,
    "05.one_in_fourteen": lambda: round(1 / (1 - wilson_interval(50, 50)[0])) == 14,
    "05.no_overlap": lambda: intervals()[0][1] < intervals()[1][0] and intervals()[1][1] < intervals()[2][0],
    "05.published_within": lambda: all(
        known[f"{run}.test_low"] <= known[f"published.{run}"] <= known[f"{run}.test_high"] for run in RUNS
    ),
    "05.ten_minutes_fewer": lambda: falls("deep_cnn.test_errors", "ten_minutes.test_errors"),
    "05.no_toss_reaches_it": lambda: (
        known["mlp_cnn.new"] < simulated_coins().min() - simulated_coins().std() and known["mlp_cnn.p"] < 1e-7
    ),
    "05.steps_beyond_chance": lambda: known["mlp_cnn.p"] < known["cnn_deep_cnn.p"] < 0.001,
    "05.eights_of_mlp": lambda: (
        all_digits_rates("mlp")[1].argmin() == 8
        and set(np.argsort(confused("mlp")[8])[-3:]) == {2, 3, 5}
        and np.sort(confused("mlp")[8])[-3:].sum() > confused("mlp")[8].sum() / 2
    ),
    "05.cnn_8_as_2": lambda: confused("cnn")[8, 2] == 14 and (confused("cnn") >= 14).sum() == 1,
    "05.no_worst_pair": lambda: (confused("deep_cnn") >= confused("deep_cnn").max() - 1).sum() > 3,
    "05.pairs_both_ways": lambda: (
        all(min(confused(run)[4, 9], confused(run)[9, 4]) >= 4 for run in RUNS)
        and min(confused(run)[8, 2] for run in ("mlp", "cnn")) >= 10
        and not any(confused(run)[2, 8] for run in RUNS)
    ),
    "05.mlp_says_8_too_rarely": lambda: (
        known["mlp.recall_of_8"] == min(all_digits_rates(run).min() for run in RUNS)
        and known["mlp.precision_of_8"] == all_digits_rates("mlp")[0].max()
        and (reads("mlp") == 8).sum() < 0.97 * (labels_of("test") == 8).sum()
    ),
    "05.nearly_certain": lambda: all(confidence_of_gallery(run).min() > 0.98 for run in ("mlp", "cnn")),
    "05.gallery_of_mlp": lambda: shows("mlp", {1226: 2, 9024: 2, 9009: 2, 2896: 0}),
    "05.gallery_of_cnn": lambda: (
        shows("cnn", {1901: 4, 2654: 1})
        and shows("mlp", {1901: 4, 2654: 1})
        and len(gallery("cnn").keys() & gallery("mlp").keys()) > 12
    ),
    "05.gallery_of_deep_cnn": lambda: (
        shows("deep_cnn", {3520: 4, 4176: 7, 6597: 7, 2896: 0})
        and [*gallery("deep_cnn").items()][::24] == [(2597, 3), (6576, 1)]
    ),
    "05.less_sure": lambda: (
        confidence_of_gallery("deep_cnn")[-1]
        < 0.9
        < 0.98
        < min(confidence_of_gallery(run)[-1] for run in ("mlp", "cnn"))
    ),
    "05.a_third_and_a_tenth": lambda: (
        round(known["deep_cnn.test_errors"] / 25) == 3 and abs(known["mlp.test_errors"] / 25 - 10) < 1
    ),
    "05.fewer_confident": lambda: falls(*(f"{run}.confident_errors" for run in RUNS)),
    "05.errors_fall": lambda: falls("mlp.test_errors", "cnn.test_errors"),
    "05.repaired_shown": lambda: (
        " ".join(drawn()[0]) == "26 72 16 87 42 85 72 42 82 42 97 93 37 94 54 35 97 35 82 73"
    ),
    "05.new_shown": lambda: sorted(drawn()[1])[-5:] == ["82", "82", "89", "89", "89"],
    "05.new_eights": eights_stand_out,
    "05.numbered_pictures": numbered_as_seen,
    "05.twelve_shown": half_agree_half_repaired,
    "05.dots_below": lambda: all(
        accuracy < confidence
        for run in ("mlp", "cnn")
        for confidence, accuracy, _ in bins(run)
        if 0.5 < confidence < 0.9
    ),
    "05.bin_misses_the_line": lambda: misses(*in_bin("mlp", 0.8)) and misses(*in_bin("cnn", 0.8)),
    "05.last_bin_holds_most": lambda: all(bins(run)[-1][2] > 9_500 for run in RUNS),
    "05.deep_cnn_within": lambda: fits_in_all_bins("deep_cnn"),
    "05.leftmost_tell_little": lambda: all(
        count <= 10 and np.subtract(*wilson_interval(round(accuracy * count), count)) < -0.5
        for run in RUNS
        for _, accuracy, count in bins(run)[:1]
    ),
    "05.mlp_trains_on": lambda: rises(history("mlp", "val_loss")),
    "05.some_tenths": lambda: all(0.002 < high - low < 0.009 for low, high in intervals()),
}

# What notebook 06 prints, as numbers


def after_shifts() -> np.ndarray:
    """The accuracies of the three networks after shifts by 0 to 4 pixels: (5, 3)."""
    return np.array([list(after_shift(pixels).values()) for pixels in range(5)])


def reach() -> np.ndarray:
    """How far each change can go before each network reads nine in ten: (5, 3); of size, the factor."""
    labels = ("shift, pixels", "rotation, degrees", "size, factor", "thickness, pixels", "noise, deviation")
    return np.array([printed("06", "90 % right up to", label) for label in labels])


def shares(*changes: str) -> list[float]:
    """The CNN's errors as a share of the MLP's, at all amounts of some changes."""
    return [number for change in changes for number in printed("06", "as a share", change)[::2]]


def maps_against_image(pixels: int) -> float:
    image, maps = printed("06", "image", f"shift by {pixels}")
    return maps / image


def pad_reads(**steps: bool) -> list[int]:
    """What the networks read of the pad's example, with the steps of preparation or without."""
    image = prepare(draw_strokes(EXAMPLE, EXAMPLE_WIDTH), **steps)
    return [int(predict(run, image[None]).argmax()) for run in RUNS]


def sits_low() -> bool:
    above, below = printed("06", "center of mass", "center of mass at")[2:]
    return above > below


def sure_of_no_digit() -> np.ndarray:
    """How sure, in percent, the three networks are of eight pictures that are no digits: (8, 3)."""
    labels = ("empty", "noise", "A", "H", "K", "star", "shirt", "4 upside down")
    return np.array([printed("06", "shirt", label) for label in labels])[:, -5::2]


IN_06: dict[str, Callable[[], bool]] = {
    "06.seven_sits_low": lambda: sits_low(),
    "06.jagged_is_read": lambda: (
        printed("06", "no fitting", "all steps")[::2]
        == printed("06", "no fitting", "no anti-aliasing")[::2]
        == [7, 7, 7]
    ),
    "06.mlp_reads_2": lambda: printed("06", "no fitting", "no centering")[0] == 2,
    "06.pad_example": lambda: (
        pad_reads() == [2, 2, 2] and 2 not in pad_reads(crop=False, fit=False, center=False)
    ),
    "06.order_in_shift": lambda: bool((np.diff(after_shifts(), axis=1) > 0).all()),
    # One pixel later the CNN reads about what the MLP reads.
    "06.one_pixel": lambda: (
        np.abs(after_shifts()[2:, 1] - after_shifts()[1:-1, 0]).max() < 0.03
        and 0.5 < reach()[0, 1] - reach()[0, 0] < 1.5
    ),
    "06.breaks_at_four": lambda: after_shifts()[4].max() < 2 / 3,
    "06.maps_change_less": lambda: (
        max(map(maps_against_image, (1, 2, 3))) < 1 and 0.45 < maps_against_image(1) < 0.55
    ),
    "06.centered_beats_deep": lambda: (
        falls("mlp.test_accuracy", "mlp.centered", "deep_cnn.shift_2")
        and known["mlp.test_accuracy"] - known["mlp.centered"] < 0.01
    ),
    "06.mlp_lowest": lambda: max(shares("shift", "rotation", "size", "thickness", "noise")) < 1,
    "06.size_and_noise": lambda: (
        0.4 < known["share.size_0.8"] / known["share.unchanged"] < 0.6
        and 0.4 < known["share.noise_0.2"] / known["share.unchanged"] < 0.6
        and max(known["share.size_0.8"], known["share.noise_0.2"])
        < min(known[f"share.{step}"] for step in ("shift_1", "rotation_15", "thickness_1"))
    ),
    "06.rotation_and_thickness": lambda: min(shares("rotation", "thickness")[1:]) >= shares("shift")[0],
    "06.reach_grows": lambda: bool((np.diff(reach(), axis=1) * [[1], [1], [-1], [1], [1]] > 0).all()),
    "06.two_undecided": lambda: (
        min(printed("06", "undecided", label)[-1] for label in ("size 1.4", "thickness -1")) > 0.05 / 34
    ),
    "06.all_break_at_30": lambda: reach()[1].max() < 30,
    "06.h_is_4": lambda: printed("06", "shirt", "H") == 3 * [4, 99],
    "06.only_empty_undecided": lambda: (sure_of_no_digit() < 50).all(axis=1).tolist() == [True] + 7 * [False],
    "06.often_confident": lambda: (sure_of_no_digit() > 90).mean() > 0.4,
    "06.deep_judges_best": lambda: (
        known["deep_cnn.passing"] < min(known["mlp.passing"], known["cnn.passing"]) - 0.1
        and known["deep_cnn.area"] > max(known["mlp.area"], known["cnn.area"]) + 0.03
    ),
    "06.cnn_hardly_judges_better": lambda: (
        0 < known["mlp.passing"] - known["cnn.passing"] < 0.05
        and 0 < known["cnn.area"] - known["mlp.area"] < 0.005
        and 0.45 < known["share.unchanged"] < 0.55
    ),
    "06.three_in_ten": lambda: (
        0.25 < known["deep_cnn.passing"] < 0.35 < min(known["mlp.passing"], known["cnn.passing"])
    ),
    "06.half_refused": lambda: (
        all(0.45 < known[f"{run}.passing"] < 0.55 for run in ("mlp", "cnn"))
        and known["deep_cnn.passing"] < 0.45
    ),
    "06.unprepared_mostly_misread": lambda: known["seven.right"] < 9 / 2,
}


def at_rates(optimizer: str, schedule: str) -> np.ndarray:
    """Mean validation accuracy after one epoch of notebook 07's MLP, at each of the four rates."""
    found = load_results("optimizers")["accuracies"][f"{optimizer}, {schedule}"]
    return np.array([np.mean(accuracies) for accuracies in found.values()])


def each_top_elsewhere() -> bool:
    """No optimizer is at its best at an end of its row of rates, with constant rate or straight decay."""
    tops = [
        at_rates(name, schedule).argmax()
        for name in ("SGD", "SGD, momentum", "Adam")
        for schedule in ("constant", "straight")
    ]
    return set(tops) <= {1, 2} and at_rates("SGD", "constant")[3] < 0.12


def decay_gain(optimizer: str) -> float:
    return known[f"optimizers.{optimizer}.straight"] - known[f"optimizers.{optimizer}.constant"]


def schedules_are_close(optimizer: str) -> bool:
    """The best of the three ways down are near each other; the warm-up is ahead at the highest rate."""
    ways = [at_rates(optimizer, schedule) for schedule in ("straight", "cosine", "warm-up, cosine")]
    highest = [way[3] for way in ways]
    return np.ptp([way.max() for way in ways]) < 0.0015 and highest[2] == max(highest)


LEVERS = ("calls_of_100", "batches_ready", "compiled", "larger_batches")

IN_07: dict[str, Callable[[], bool]] = {
    "07.mlp_pays_for_steps": lambda: (
        known["bench.price_of_steps"]
        > max(known["bench.mlp.start.epoch_seconds"] / 2, 3 * known["bench.mlp.limit_seconds"])
    ),
    "07.optimizers": lambda: (
        falls("optimizers.adam.straight", "optimizers.momentum.straight", "optimizers.sgd.straight")
        and falls("optimizers.adam.constant", "optimizers.momentum.constant", "optimizers.sgd.constant")
        and min(decay_gain("adam"), decay_gain("momentum")) > 2 * decay_gain("sgd") > 0
        and known["optimizers.adam_over_momentum_points"] < known["optimizers.adam_over_sgd_points"] / 3
        and each_top_elsewhere()
    ),
    "07.schedules": lambda: schedules_are_close("Adam") and schedules_are_close("SGD, momentum"),
    "07.halves": lambda: (
        abs(known["optimizers.stopped"] - known["optimizers.planned"]) < 0.001
        and known["optimizers.whole"] - known["optimizers.stopped"] > 0.01
    ),
    "07.right_more_often_than_sure": lambda: falls(
        "optimizers.smoothed_labels.accuracy", "optimizers.smoothed_labels.median"
    ),
    "07.levers_in_order": lambda: (
        falls(*(f"bench.mlp.{lever}.seconds" for lever in ("start", *LEVERS)))
        and known["bench.mlp.calls_of_100.seconds"] < 1.1 * known["bench.mlp.batches_ready.seconds"]
    ),
    "07.fast_beside_plain": lambda: all(
        0
        < ahead * (known[f"bench.{run}.fast.test_accuracy"] - known[f"bench.{run}.start.test_accuracy"])
        < 0.002
        for run, ahead in (("mlp", 1), ("cnn", -1), ("deep_cnn", 1))
    ),
    "07.fast_reaches_published": lambda: all(
        known[f"bench.{run}.fast.test_accuracy"] >= known[f"published.{run}"] for run in RUNS
    ),
    "07.where_the_factor_comes_from": lambda: (
        0.75 < known["bench.deep_cnn.fast_epoch_seconds"] / known["bench.deep_cnn.start.epoch_seconds"] < 1
    ),
    "07.bfloat16_costs_little": lambda: all(
        abs(known[f"bench.{run}.fast_in_bfloat16.test_accuracy"] - known[f"bench.{run}.fast.test_accuracy"])
        <= np.ptp(list(trainings(run)["fast"]["test_accuracies"].values()))
        for run in RUNS
    ),
    "07.depth_costs_most": lambda: (
        falls("ablation.depth.more", "ablation.width.more")
        and min(known["ablation.depth.more_low"], known["ablation.width.more_low"]) > 0
    ),
    "07.better_without_dropout": lambda: known["ablation.dropout.fewer_low"] > 0,
    "07.views_do_not_pay": lambda: known["views.p"] > 0.05,
    "07.parts_overlap": lambda: all(
        min(errors) <= max(load_results("ten_minutes_parts")["val_errors"]["all of it"])
        for errors in load_results("ten_minutes_parts")["val_errors"].values()
    ),
    "07.validation_ahead": lambda: (
        np.all(np.array(history("ten_minutes", "val_accuracy")) > history("ten_minutes", "accuracy"))
        and np.all(np.less(history("ten_minutes", "val_loss")[:10], history("ten_minutes", "loss")[:10]))
        and abs(history("ten_minutes", "val_loss")[-1] - history("ten_minutes", "loss")[-1]) < 0.002
    ),
    "07.less_than_half": lambda: known["ten_minutes_seeds.errors"] < known["deep_cnn.test_errors"] / 2,
}

IN_REFERENCES: dict[str, Callable[[], bool]] = {
    "references.interval_of_21": lambda: (
        [round(10_000 * end) for end in wilson_interval(21, 10_000)] == [14, 32]
    ),
    "references.six_repairs": lambda: mcnemar_exact(6, 0) < 0.05 < mcnemar_exact(5, 0),
}

CONCLUSIONS = IN_01 | IN_02 | IN_03 | IN_04 | IN_05 | IN_06 | IN_07 | IN_REFERENCES
