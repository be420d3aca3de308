"""What the course's texts conclude from its results: for each page the names and whether they hold.

A sentence that concludes (more, fewer, first, hardly, better, half) carries a name,
``<!-- holds: 05.errors_fall -->``; an alt text has it in the metadata of its cell, ``"holds": [name]``. The
name begins with the notebook or page that draws it. To add one, add a line to the function of that page
below: the name, and a condition. Where a reader gains from seeing the check, it is an ``assert`` in the
notebook instead.
"""

import functools
import math

import numpy as np
from results import (
    after_shift,
    against,
    all_wrong,
    at_rates,
    bins,
    by_count,
    confused,
    halving,
    history,
    how_sure,
    interval,
    known,
    labels_of,
    misread_after,
    model,
    predict,
    printed,
    probabilities,
    products,
    rates,
    readings,
    reads,
    record,
    t_interval,
    trained_in_page,
    trainings,
    weights_in,
    wrong,
)

from mnist_helpers import load_mnist, load_results, load_splits
from mnist_helpers.data import N_TRAIN
from mnist_helpers.evaluation import mcnemar_exact, rank_mistakes, wilson_interval
from mnist_helpers.preparation import draw_strokes, prepare
from mnist_helpers.widgets import DropoutExplorer
from mnist_helpers.widgets.pad import EXAMPLE, EXAMPLE_WIDTH
from tools.course import COMPARED, NETWORKS

# What several pages ask


def falls(*names: str) -> bool:
    """Whether each of these results is less than the one before it."""
    return decreasing([known[name] for name in names])


def decreasing(values) -> bool:
    return (np.diff(values) < 0).all()


def rises(curve: np.ndarray) -> bool:
    """Whether a curve is higher in its last five epochs than in the five before."""
    return sum(curve[-5:]) > sum(curve[-10:-5])


def curves(network: str) -> list[np.ndarray]:
    """The curves of a reference run; epoch n is at n - 1."""
    return [history(network, key) for key in ("loss", "val_loss", "accuracy", "val_accuracy")]


def longer_sides(images: np.ndarray) -> np.ndarray:
    """The longer side of each digit, in pixels from the first with ink to the last."""
    spans = []
    for axis in (1, 2):
        ink = images.any(axis=axis)
        spans.append(ink.shape[1] - ink.argmax(axis=1) - ink[:, ::-1].argmax(axis=1))
    return np.maximum(*spans)


@functools.cache
def validation_images() -> np.ndarray:
    """float32, (10000, 28, 28, 1)."""
    return load_splits("channels")[1][0]


@functools.cache
def said_in_validation(network: str) -> np.ndarray:
    """What a network says to the validation images: (10000, 10)."""
    return predict(network, validation_images())


@functools.cache
def output(network: str, layer: int, count: int) -> np.ndarray:
    """What a network's layers, up to one counted from 0, make of the first validation images."""
    signal = validation_images()[:count]
    for part in model(network).layers[: layer + 1]:
        signal = part(signal)
    return np.asarray(signal)


def gallery(network: str) -> dict[int, int]:
    """The 25 mistakes that a network was surest of: position among the test images, and what it read."""
    ranked = rank_mistakes(labels_of("test"), probabilities(network))[:25]
    return {int(position): int(reads(network)[position]) for position in ranked}


# 01

# The gallery of the images that are farthest from their digit's mean: the ruined, the rare and the bold
FARTHEST = [
    *([41358, 14749, 39457, 28357], [4066, 26376, 5842, 36744], [47759, 48356, 5129, 36475]),
    *([16676, 41453, 12967, 8729], [13650, 24798, 46104, 3370], [25315, 21385, 36193, 41904]),
    *([40492, 25297, 46524, 30332], [26882, 40386, 16379, 26756], [25321, 5972, 31030, 10936]),
    [18598, 45688, 45800, 8586],
]
BOLD = {6: FARTHEST[6], 8: FARTHEST[8][:1], 9: FARTHEST[9]}


def in_01() -> dict[str, bool]:
    images, labels = load_mnist()[0]
    of_digit = [np.flatnonzero(labels[:N_TRAIN] == digit) for digit in range(10)]
    means = np.stack([images[own].mean(axis=0) for own in of_digit])
    distances = [
        ((images[own] - mean) ** 2).mean(axis=(1, 2)) for own, mean in zip(of_digit, means, strict=True)
    ]
    farthest = [own[np.argsort(-far)[:4]].tolist() for own, far in zip(of_digit, distances, strict=True)]
    apart = np.sqrt(((means[:, None] - means) ** 2).mean(axis=(2, 3)))  # each two mean images

    counts = np.bincount(labels)
    shares = [np.bincount(labels_of(part)) / len(labels_of(part)) for part in ("train", "val", "test")]
    sides = longer_sides(images)
    masses = images.sum(axis=(1, 2))
    centers = [(images.sum(axis=3 - axis) * np.arange(28)).sum(axis=1) / masses for axis in (1, 2)]

    # Of the first 5,000 images: which have their highest bar at full ink, and each one's share of it
    bars = [np.histogram(image[image > 0], bins=16, range=(0, 255))[0] for image in images[:5000]]
    full = np.argmax(bars, axis=1) == 15
    full_share = np.array([bar[15] / bar.sum() for bar in bars])

    def thick_has_more_inside(digit: int) -> bool:
        """Whether the thicker half of a digit's images, by ink, has the larger share of full ink."""
        own = np.flatnonzero(labels[:5000] == digit)
        thick = masses[own] > np.median(masses[own])
        return full_share[own[thick]].mean() > full_share[own[~thick]].mean()

    def is_bold(digit: int, image: int) -> bool:
        """Whether an image has much ink, and is far because of ink where the mean image is pale."""
        squares, pale = (images[image] - means[digit]) ** 2, means[digit] < 128
        much = np.mean(masses[of_digit[digit]] < masses[image]) >= 0.95
        return much and squares[(images[image] > means[digit]) & pale].sum() >= 0.75 * squares.sum()

    return {
        "01.labels_mixed": (
            set(labels[:20]) == set(range(10))
            and min(np.bincount(block, minlength=10).min() for block in labels.reshape(60, 1000)) > 60
        ),
        "01.image_0": labels[0] == 5 and np.bincount(images[0].ravel())[1:].argmax() == 252,
        "01.first_fifty": (
            set(labels[:50]) == set(range(10)) and labels[[24, 8, 38, 15]].tolist() == [1, 1, 7, 7]
        ),
        "01.nearly_balanced": (
            np.ptp(counts) < 0.25 * 6000 and counts.argmax() == 1 and counts.argmin() == 5
        ),
        "01.once_in_nine": round(1 / known["data.share_of_ones"]) == 9,
        "01.one_in_eleven": round(1 / known["data.share_of_fives"]) == 11,
        "01.boxes_and_centers": (
            sides.max() == 20
            and np.mean(sides == 20) > 0.999
            and np.abs(np.subtract(centers, 14)).max() < 0.53
        ),
        "01.splits_alike": (
            np.ptp(shares, axis=0).max() < 0.01
            and set(np.argmin(shares, axis=1)) == {5}
            and set(np.argmax(shares, axis=1)) == {1, 7}
        ),
        "01.four_and_nine": divmod((apart + 999 * np.eye(10)).argmin(), 10) == (4, 9),
        "01.five_of_six": round(6 * known["data.means_right"]) == 5,
        "01.eight_and_three": apart[8, 3] < apart[8, 9],
        "01.farthest": farthest == FARTHEST,
        "01.bold_ink": all(is_bold(digit, image) for digit, bold in BOLD.items() for image in bold),
        "01.mostly_paper": np.mean(images == 0) > 0.5 and images.max() == 255,
        "01.histograms": full[0] and full.mean() > 0.98,
        "01.thick_pens": all(map(thick_has_more_inside, range(10))),
    }


# 02


def in_02() -> dict[str, bool]:
    loss, val_loss, accuracy, val_accuracy = curves("mlp")
    gap = val_loss - loss
    first_layer, *other_layers = weights_in("mlp", "Dense")

    said, true = said_in_validation("mlp"), labels_of("val")
    misread = said.argmax(axis=1) != true
    surest = np.where(misread, said.max(axis=1), 0).argmax()
    few = trained_in_page(images=100)

    return {
        "02.first_layer_largest": first_layer > sum(other_layers),
        "02.first_image": labels_of("train")[0] == 5,
        # The live training is the reference run's beginning, as a rule of the notebooks sees to.
        "02.validation_ahead": (
            (gap[:5] < 0).all() and (np.diff(gap[:5]) > 0).all() and (val_accuracy[:5] > accuracy[:5]).all()
        ),
        "02.curves_part": (np.diff(gap[7:]) > 0).all() and gap[7] > 0,
        "02.reference_curves": (
            decreasing(loss)
            and loss[-1] < 0.02
            and np.ptp(val_loss[19:]) < 0.0025
            and val_loss[9] - val_loss[19] > 0.01
            and accuracy[-1] > 0.998
            and np.ptp(val_accuracy[19:]) < 0.0025
        ),
        "02.overfits": (
            decreasing(loss)
            and val_loss.argmin() == 23
            and decreasing(val_loss[14:24])
            and (np.diff(val_loss[23:]) > 0).all()
        ),
        "02.flat_there": np.ptp(val_loss[20:26]) < 0.0004,
        "02.accuracy_stays": val_accuracy[-1] >= val_accuracy[23],
        "02.mild": known["mlp.val_loss"] < 1.05 * known["mlp.val_loss_min"],
        "02.trainer_rates": (
            trained_in_page(rate=0.5, epochs=10)["val_accuracy"][-1] > 0.9
            and trained_in_page(rate=1, epochs=10)["val_accuracy"][-1] < 0.4
        ),
        "02.trainer_overfits": few["loss"][-1] < 0.1 and few["val_loss"][-1] > 1.01 * min(few["val_loss"]),
        "02.trainer_zeros": min(trained_in_page(start="zeros", epochs=10)["loss"]) > 2.29,
        "02.worst_mistake": (surest, true[surest], said[surest].argmax()) == (514, 8, 3),
    }


# 03


def in_03() -> dict[str, bool]:
    loss, val_loss, accuracy, val_accuracy = curves("cnn")
    _, val_loss_mlp, _, _ = curves("mlp")
    errors = {n: (said_in_validation(n).argmax(axis=1) != labels_of("val")).sum() for n in ("mlp", "cnn")}
    recipe = ("loss", "optimizer", "learning_rate", "batch_size", "epochs", "seed")
    window = load_mnist()[0][0][15, 13:16, 15:18] / 255  # what the notebook begins with

    # The first convolution: its 32 filters, (3, 3, 32), and what each gives, before ReLU, where there is ink
    # below an upper edge, above a lower one, and at six other edges: (8, 32)
    filters, biases = (array.squeeze() for array in model("cnn").layers[0].get_weights())
    down, right = np.mgrid[-1:2, -1:2]
    inks = [down >= 0, down <= 0, right >= 0, right <= 0]
    inks += [down >= right, down <= right, down >= -right, down <= -right]
    upper, lower, *others = np.einsum("erc,rcf->ef", np.array(inks, float), filters) + biases
    strength = np.sqrt((filters**2).sum(axis=(0, 1)))
    red = [0, 3, 4, 6, 10, 22, 23]

    # What they make of the first validation image, a 3, and what the second convolution makes of that
    maps, maps_2 = output("cnn", 0, 1)[0], output("cnn", 2, 1)[0]
    peaks, peaks_of_2000 = maps.max(axis=(0, 1)), output("cnn", 0, 2000).max(axis=(0, 1, 2))
    shares = maps_2 / maps_2.sum(axis=(0, 1)).clip(1e-9)
    in_three_rows = np.sort(shares.sum(axis=1), axis=0)[-3:].sum(axis=0)
    at_the_right = shares[:, 6:].sum(axis=(0, 1))

    return {
        "03.fewer_errors": errors["cnn"] < errors["mlp"] and falls("mlp.parameters", "cnn.parameters"),
        "03.a_third_fewer": 0.6 < known["cnn.parameters"] / known["mlp.parameters"] < 0.7,
        "03.digit_7": labels_of("data")[15] == 7,
        "03.window": (
            (np.diff(window[:2]) >= 0).all()
            and (window[:2, 2] - window[:2, 0] > 0.4).all()
            and window[2].min() > 0.95
            and 0 < window[2, 2] - window[2, 0] < 0.01
        ),
        "03.mostly_dense": known["cnn.dense_share"] > 0.9,
        "03.same_recipe": all(record("cnn")[key] == record("mlp")[key] for key in recipe),
        "03.lower_throughout": (
            (val_loss < val_loss_mlp).all() and max(np.ptp(val_loss_mlp[19:]), np.ptp(val_loss[19:])) < 0.0025
        ),
        "03.levels_off": (
            decreasing(loss) and (np.abs(val_loss[9:] - 0.06) < 0.003).all() and val_loss[6] > 0.064
        ),
        "03.rises_too_early": (
            known["cnn.val_loss_min_epoch"] == known["cnn.first_rise_epoch"] + 10
            and val_accuracy[-1] > val_accuracy[int(known["cnn.first_rise_epoch"]) - 1]
        ),
        "03.reference_curves": (
            loss[-1] < 0.01
            and 0 < known["cnn.val_loss"] - known["cnn.val_loss_min"] < 0.003
            and (accuracy > val_accuracy).tolist() == [False] * 6 + [True] * 24
            and 0 < known["cnn.gap_points"] < 1.5
        ),
        "03.red_all_over": (
            set(np.argsort(-filters.sum(axis=(0, 1)))[:7]) == set(red)
            and ((filters[..., red] > 0).sum(axis=(0, 1)) >= 7).all()
        ),
        "03.filter_8": (
            filters[..., 8].argmin() == 2  # blue at the top right
            and filters[2, :, 8].min() > 0.4  # red along the bottom
            and upper[8] > max(row[8] for row in (lower, *others))
            and lower[8] < 0
            and filters[..., 8].sum() > 0.5 * filters[..., 8].clip(0).sum()
        ),
        "03.filter_9": (
            lower[9] > max(row[9] for row in (upper, *others))
            and upper[9] < 0
            and strength[9] < 0.6 * strength[8]
        ),
        # Pale: no weight has half the color of the strongest one.
        "03.most_pale": 20 < (np.abs(filters) < 0.5 * 0.852).all(axis=(0, 1)).sum() < 30,
        "03.dozen_maps": 10 <= (peaks > 0.15 * peaks.max()).sum() <= 14,
        "03.strong_maps": set(np.argsort(-strength)[:8]) == set(np.argsort(-peaks)[:8]),
        "03.blank_maps": set(np.flatnonzero(peaks < 0.01 * peaks.max())) == {5, 27, 29, 31},
        "03.only_27_is_dead": np.flatnonzero(peaks_of_2000 == 0).tolist() == [27],
        "03.gray_backgrounds": (
            set(np.flatnonzero(biases > 0.05)) == {2, 9, 13, 16, 24, 30}
            and np.allclose(maps[0, 0], biases.clip(0), atol=1e-6)
        ),
        "03.parts_of_the_3": (in_three_rows[[5, 25]] > 0.6).all() and (at_the_right[[16, 29]] > 0.9).all(),
        "03.reads_the_3": labels_of("val")[0] == 3 and said_in_validation("cnn")[0, 3] > 0.999,
        "03.sure_of_most": np.mean(said_in_validation("cnn").max(axis=1) > 0.9) > 0.95,
    }


# 04


def in_04() -> dict[str, bool]:
    loss, val_loss, accuracy, val_accuracy = curves("deep_cnn")
    first_image = validation_images()[0]
    costs = products("deep_cnn")

    # The notebook's activations, and a draw of dropout with each seed
    (activations,) = output("cnn", 5, 1)
    signal = activations[activations > 0][:32]
    half = DropoutExplorer(signal, 0.5, 1998)
    sums = [DropoutExplorer(signal, 0.9, seed).after.sum() for seed in range(100)]

    # Of each of the first 1,000 validation images, the share of numbers above zero after the last pooling
    share_deep, share_cnn = (
        (output(network, layer, 1000) > 0).mean(axis=(1, 2, 3))
        for network, layer in (("deep_cnn", 5), ("cnn", 2))
    )
    dropping = np.asarray(model("deep_cnn")(validation_images()[:5000], training=True)).argmax(axis=1)
    accuracy_dropping = (dropping == labels_of("val")[:5000]).mean()

    def levels_off(curve: np.ndarray) -> bool:
        """Whether the last five epochs add less than a twentieth to the way of the epochs before."""
        return abs(curve[-1] - curve[-6]) < abs(curve[-6] - curve[0]) / 20

    return {
        "04.at_most_20": longer_sides(load_mnist()[0][0]).max() <= 20,
        "04.field_has_most_of_the_ink": first_image[8:24, 8:24].sum() > 2 / 3 * first_image.sum(),
        "04.more_than_half_are_0": (activations == 0).mean() > 0.5,
        "04.diamonds_are_close": np.allclose(half.average, half.signal, rtol=0.1),
        "04.sum_jumps": np.std(sums) > signal.sum() / 2,
        "04.most_in_first_dense": known["deep_cnn.dense_share"] > 0.5,
        "04.epoch_takes_longer": falls("deep_cnn.seconds", "cnn.seconds"),
        "04.half_the_products": costs[1] > sum(costs) / 2,
        "04.cnn_training_above": falls("cnn.train_accuracy", "cnn.val_accuracy"),
        "04.order_reversed": (val_accuracy > accuracy).all() and (loss > val_loss).all(),
        "04.nearly_level": all(map(levels_off, curves("deep_cnn"))),
        "04.still_falling": not rises(val_loss)
        and val_loss.argmin() == 28
        and (np.diff(val_loss) > 0).sum() > 5,
        "04.mlp_overfits": rises(history("mlp", "val_loss")),
        "04.channels_nearly_empty": np.median((output("deep_cnn", 5, 1)[0] > 0).mean(axis=(0, 1))) < 0.25,
        "04.fewer_above_zero": (share_deep < share_cnn).all(),
        "04.losses_in_order": (
            (history("mlp", "val_loss") > history("cnn", "val_loss")).all()
            and (history("cnn", "val_loss") > val_loss).all()
        ),
        "04.dropout_left_on": accuracy_dropping < known["deep_cnn.val_accuracy"] - 0.002,
    }


# 05

# What an eye saw in the numbered pictures of the digits that all three misread: number, test image, label,
# and what all three read
SEEN = [
    *((6, 1226, 7, 2), (27, 3767, 7, 2), (39, 9009, 7, 2), (22, 3073, 1, 2), (20, 2896, 8, 0)),  # plain
    *((25, 3520, 6, 4), (19, 2654, 6, 1), (14, 2135, 6, 1)),  # to be read with good will
    *((2, 947, 8, 9), (11, 1901, 9, 4), (42, 9729, 5, 6)),  # what the networks say
]
REPAIRED_SHOWN = "26 72 16 87 42 85 72 42 82 42 97 93 37 94 54 35 97 35 82 73"  # label, and what was read


def in_05() -> dict[str, bool]:
    true = labels_of("test")
    ends = [interval(network) for network in COMPARED]
    mlp, cnn, deep_cnn = map(gallery, COMPARED)
    confidences = [probabilities(network)[list(gallery(network))].max(axis=1) for network in COMPARED]
    # The standard deviation of the MLP's errors in 10,000 images at its error rate
    deviation = math.sqrt(known["mlp.test_errors"] * known["mlp.test_accuracy"])
    half = 1.96 * deviation / 10_000
    low, high = ends[0]
    # Heads in 100,000 tosses of as many coins as there are images that only one of MLP and CNN reads
    coins = np.random.default_rng(1998).binomial(int(known["mlp_cnn.disagree"]), 0.5, 100_000)

    eights = confused("mlp")[8]
    both = [np.minimum(confused(network), confused(network).T) for network in COMPARED]
    repaired, new = wrong("mlp") & ~wrong("cnn"), ~wrong("mlp") & wrong("cnn")
    new_counts, new_eights = np.bincount(true[new], minlength=10), new & (true == 8)
    # The twenty of each that the notebook draws: label, and what was read
    rng = np.random.default_rng(1998)
    some_repaired, some_new = (
        rng.choice(np.flatnonzero(ones), 20, replace=False) for ones in (repaired, new)
    )
    repaired_shown = [f"{true[image]}{reads('mlp')[image]}" for image in some_repaired]
    new_shown = [f"{true[image]}{reads('cnn')[image]}" for image in some_new]
    numbered = np.flatnonzero(all_wrong())
    twelve = list(mlp)[:12]

    # The bins of the reliability diagrams, each with the interval of its accuracy
    diagrams = {
        network: [(*bin, *wilson_interval(round(bin[1] * bin[2]), bin[2])) for bin in bins(network)]
        for network in COMPARED
    }

    return {
        "05.thirty_to_each_side": abs(1.96 * deviation - 30) < 1.5,
        "05.ten_is_chance": math.sqrt(2) * deviation > 10,
        "05.recipes_hardly_differ": (
            max(abs(known["mlp.test_accuracy"] - half - low), abs(known["mlp.test_accuracy"] + half - high))
            < (high - low) / 10
        ),
        "05.one_in_fourteen": round(1 / (1 - wilson_interval(50, 50)[0])) == 14,
        "05.no_overlap": ends[0][1] < ends[1][0] and ends[1][1] < ends[2][0],
        "05.published_within": all(
            interval(network)[0] <= known[f"published.{network}"] <= interval(network)[1]
            for network in COMPARED
        ),
        "05.ten_minutes_fewer": falls("deep_cnn.test_errors", "ten_minutes.test_errors"),
        "05.no_toss_reaches_it": (
            known["mlp_cnn.new"] < coins.min() - coins.std() and known["mlp_cnn.p"] < 1e-7
        ),
        "05.steps_beyond_chance": known["mlp_cnn.p"] < known["cnn_deep_cnn.p"] < 0.001,
        "05.eights_of_mlp": (
            rates("mlp")[1].argmin() == 8
            and set(np.argsort(eights)[-3:]) == {2, 3, 5}
            and np.sort(eights)[-3:].sum() > eights.sum() / 2
        ),
        "05.cnn_8_as_2": confused("cnn")[8, 2] == 14 and (confused("cnn") >= 14).sum() == 1,
        "05.no_worst_pair": (confused("deep_cnn") >= confused("deep_cnn").max() - 1).sum() > 3,
        "05.pairs_both_ways": (
            min(counts[4, 9] for counts in both) >= 4
            and min(confused("mlp")[8, 2], confused("cnn")[8, 2]) >= 10
            and not any(confused(network)[2, 8] for network in COMPARED)
        ),
        "05.mlp_says_8_too_rarely": (
            known["mlp.recall_of_8"] == min(rates(network).min() for network in COMPARED)
            and known["mlp.precision_of_8"] == rates("mlp")[0].max()
            and (reads("mlp") == 8).sum() < 0.97 * (true == 8).sum()
        ),
        "05.nearly_certain": min(confidences[0].min(), confidences[1].min()) > 0.98,
        "05.gallery_of_mlp": {1226: 2, 9024: 2, 9009: 2, 2896: 0}.items() <= mlp.items(),
        "05.gallery_of_cnn": (
            {1901: 4, 2654: 1}.items() <= mlp.items() & cnn.items() and len(cnn.keys() & mlp.keys()) > 12
        ),
        "05.gallery_of_deep_cnn": (
            {3520: 4, 4176: 7, 6597: 7, 2896: 0}.items() <= deep_cnn.items()
            and list(deep_cnn.items())[::24] == [(2597, 3), (6576, 1)]
        ),
        "05.less_sure": confidences[2][-1] < 0.9 < 0.98 < min(confidences[0][-1], confidences[1][-1]),
        "05.a_third_and_a_tenth": (
            round(known["deep_cnn.test_errors"] / 25) == 3 and abs(known["mlp.test_errors"] / 25 - 10) < 1
        ),
        "05.fewer_confident": falls(*(f"{network}.confident_errors" for network in COMPARED)),
        "05.errors_fall": falls("mlp.test_errors", "cnn.test_errors"),
        "05.repaired_shown": repaired_shown == REPAIRED_SHOWN.split(),
        "05.new_shown": sorted(new_shown)[-5:] == ["82", "82", "89", "89", "89"],
        "05.new_eights": new_counts.argmax() == 8 and (reads("cnn")[new_eights] == 2).mean() > 0.5,
        "05.numbered_pictures": all(
            numbered[number - 1] == image and true[image] == label and set(readings()[image]) == {read}
            for number, image, label, read in SEEN
        ),
        "05.twelve_shown": (
            [12 - wrong(network)[twelve].sum() for network in ("cnn", "deep_cnn", "ten_minutes")] == [3, 6, 8]
        ),
        "05.dots_below": all(
            accuracy < confidence
            for confidence, accuracy, *_ in [*diagrams["mlp"], *diagrams["cnn"]]
            if 0.5 < confidence < 0.9
        ),
        "05.bin_misses_the_line": all(
            any(0.8 <= confidence < 0.9 and confidence > high for confidence, *_, high in diagrams[network])
            for network in ("mlp", "cnn")
        ),
        "05.last_bin_holds_most": min(diagram[-1][2] for diagram in diagrams.values()) > 9_500,
        "05.deep_cnn_within": all(
            low <= confidence <= high for confidence, _, _, low, high in diagrams["deep_cnn"]
        ),
        "05.leftmost_tell_little": all(
            count <= 10 and high - low > 0.5
            for _, _, count, low, high in (diagram[0] for diagram in diagrams.values())
        ),
        "05.mlp_trains_on": rises(history("mlp", "val_loss")),
        "05.some_tenths": all(0.002 < high - low < 0.009 for low, high in ends),
    }


# 06: what it prints, as numbers


def in_06() -> dict[str, bool]:
    # How the 7 is read (at even positions) with all steps of preparation, and without some
    def read_without(step: str) -> list[float]:
        return printed("06", "no fitting", step)[::2]

    def pad_reads(**steps: bool) -> list[int]:
        """What the networks read of the pad's example, with the steps of preparation or without."""
        image = prepare(draw_strokes(EXAMPLE, EXAMPLE_WIDTH), **steps)
        return [int(predict(network, image[None]).argmax()) for network in COMPARED]

    def shares(change: str) -> list[float]:
        """The CNN's errors as a share of the MLP's, at all amounts of a change."""
        return printed("06", "as a share", change)[::2]

    above, below = printed("06", "center of mass", "center of mass at")[2:]
    undecided = [printed("06", "undecided", label)[-1] for label in ("size 1.4", "thickness -1")]
    pad_prepared, pad_unprepared = pad_reads(), pad_reads(crop=False, fit=False, center=False)
    # The accuracies of the three networks after shifts by 0 to 4 pixels: (5, 3)
    shifted = np.array([list(after_shift(pixels).values()) for pixels in range(5)])
    against_image = [
        maps / image for image, maps in (printed("06", "image", f"shift by {pixels}") for pixels in (1, 2, 3))
    ]
    # How far each change can go before each network reads nine in ten: (5, 3); of size, the factor
    labels = ("shift, pixels", "rotation, degrees", "size, factor", "thickness, pixels", "noise, deviation")
    reach = np.array([printed("06", "90 % right up to", label) for label in labels])
    # How sure, in percent, the three networks are of eight pictures that are no digits: (8, 3)
    labels = ("empty", "noise", "A", "H", "K", "star", "shirt", "4 upside down")
    sure = np.array([printed("06", "shirt", label) for label in labels])[:, -5::2]
    mlp, cnn, deep_cnn = ([known[f"{n}.passing"], known[f"{n}.area"]] for n in COMPARED)
    unchanged, size, noise = (known[f"share.{change}"] for change in ("unchanged", "size_0.8", "noise_0.2"))
    all_shares = [*map(shares, ("shift", "rotation", "size", "thickness", "noise"))]

    return {
        "06.seven_sits_low": above > below,
        "06.jagged_is_read": read_without("all steps") == read_without("no anti-aliasing") == [7, 7, 7],
        "06.mlp_reads_2": read_without("no centering")[0] == 2,
        "06.pad_example": pad_prepared == [2, 2, 2] and 2 not in pad_unprepared,
        "06.order_in_shift": (np.diff(shifted, axis=1) > 0).all(),
        # One pixel later the CNN reads about what the MLP reads.
        "06.one_pixel": (
            np.abs(shifted[2:, 1] - shifted[1:-1, 0]).max() < 0.03 and 0.5 < reach[0, 1] - reach[0, 0] < 1.5
        ),
        "06.breaks_at_four": shifted[4].max() < 2 / 3,
        "06.maps_change_less": max(against_image) < 1 and 0.45 < against_image[0] < 0.55,
        "06.centered_beats_deep": (
            falls("mlp.test_accuracy", "mlp.centered", "deep_cnn.shift_2")
            and known["mlp.test_accuracy"] - known["mlp.centered"] < 0.01
        ),
        "06.mlp_lowest": max(map(max, all_shares)) < 1,
        "06.size_and_noise": (
            0.4 < size / unchanged < 0.6
            and 0.4 < noise / unchanged < 0.6
            and max(size, noise)
            < min(known[f"share.{step}"] for step in ("shift_1", "rotation_15", "thickness_1"))
        ),
        "06.rotation_and_thickness": (
            min([*shares("rotation"), *shares("thickness")][1:]) >= shares("shift")[0]
        ),
        "06.reach_grows": (np.diff(reach, axis=1) * [[1], [1], [-1], [1], [1]] > 0).all(),
        "06.two_undecided": min(undecided) > 0.05 / 34,
        "06.all_break_at_30": reach[1].max() < 30,
        "06.h_is_4": printed("06", "shirt", "H") == 3 * [4, 99],
        "06.only_empty_undecided": (sure < 50).all(axis=1).tolist() == [True] + 7 * [False],
        "06.often_confident": (sure > 90).mean() > 0.4,
        "06.deep_judges_best": (
            deep_cnn[0] < min(mlp[0], cnn[0]) - 0.1 and deep_cnn[1] > max(mlp[1], cnn[1]) + 0.03
        ),
        "06.cnn_hardly_judges_better": (
            0 < mlp[0] - cnn[0] < 0.05 and 0 < cnn[1] - mlp[1] < 0.005 and 0.45 < unchanged < 0.55
        ),
        "06.three_in_ten": 0.25 < deep_cnn[0] < 0.35 < min(mlp[0], cnn[0]),
        "06.half_refused": 0.45 < min(mlp[0], cnn[0]) <= max(mlp[0], cnn[0]) < 0.55 and deep_cnn[0] < 0.45,
        "06.unprepared_mostly_misread": known["seven.right"] < 9 / 2,
    }


# 07


def in_07() -> dict[str, bool]:
    loss, val_loss, accuracy, val_accuracy = curves("ten_minutes")
    parts = load_results("ten_minutes_parts")["val_errors"]
    names = {"sgd": "SGD", "momentum": "SGD, momentum", "adam": "Adam"}
    levers = ("start", "calls_of_100", "batches_ready", "compiled", "larger_batches")
    seconds = [known[f"bench.mlp.{lever}.seconds"] for lever in levers]
    gains = {n: known[f"optimizers.{n}.straight"] - known[f"optimizers.{n}.constant"] for n in names}
    tops = {at_rates(name, way).argmax() for name in names.values() for way in ("constant", "straight")}

    def schedules_are_close(optimizer: str) -> bool:
        """The best of the three ways down are near each other; the warm-up is ahead at the highest rate."""
        ways = np.array([at_rates(optimizer, way) for way in ("straight", "cosine", "warm-up, cosine")])
        return np.ptp(ways.max(axis=1)) < 0.0015 and ways[2, 3] == ways[:, 3].max()

    def score(network: str, recipe: str) -> float:
        return known[f"bench.{network}.{recipe}.test_accuracy"]

    return {
        "07.mlp_pays_for_steps": (
            known["bench.price_of_steps"]
            > max(known["bench.mlp.start.epoch_seconds"] / 2, 3 * known["bench.mlp.limit_seconds"])
        ),
        "07.optimizers": (
            falls("optimizers.adam.straight", "optimizers.momentum.straight", "optimizers.sgd.straight")
            and falls("optimizers.adam.constant", "optimizers.momentum.constant", "optimizers.sgd.constant")
            and min(gains["adam"], gains["momentum"]) > 2 * gains["sgd"] > 0
            and known["optimizers.adam_over_momentum_points"] < known["optimizers.adam_over_sgd_points"] / 3
            and tops <= {1, 2}  # none is at its best at an end of its row of rates
            and at_rates("SGD", "constant")[3] < 0.12
        ),
        "07.schedules": schedules_are_close("Adam") and schedules_are_close("SGD, momentum"),
        "07.halves": (
            abs(known["optimizers.stopped"] - known["optimizers.planned"]) < 0.001
            and known["optimizers.whole"] - known["optimizers.stopped"] > 0.01
        ),
        "07.right_more_often_than_sure": falls(
            "optimizers.smoothed_labels.accuracy", "optimizers.smoothed_labels.median"
        ),
        "07.levers_in_order": decreasing(seconds) and seconds[1] < 1.1 * seconds[2],
        "07.fast_beside_plain": all(
            0 < sign * (score(network, "fast") - score(network, "start")) < 0.002
            for network, sign in (("mlp", 1), ("cnn", -1), ("deep_cnn", 1))
        ),
        "07.fast_reaches_published": all(
            score(network, "fast") >= known[f"published.{network}"] for network in COMPARED
        ),
        "07.where_the_factor_comes_from": (
            0.75
            < known["bench.deep_cnn.fast_epoch_seconds"] / known["bench.deep_cnn.start.epoch_seconds"]
            < 1
        ),
        "07.bfloat16_costs_little": all(
            abs(score(network, "fast_in_bfloat16") - score(network, "fast"))
            <= np.ptp(list(trainings(network)["fast"]["test_accuracies"].values()))
            for network in COMPARED
        ),
        "07.depth_costs_most": (
            falls("ablation.depth.more", "ablation.width.more")
            and min(known["ablation.depth.more_low"], known["ablation.width.more_low"]) > 0
        ),
        "07.better_without_dropout": known["ablation.dropout.fewer_low"] > 0,
        "07.views_do_not_pay": known["views.p"] > 0.05,
        "07.parts_overlap": max(map(min, parts.values())) <= max(parts["all of it"]),
        "07.validation_ahead": (
            (val_accuracy > accuracy).all()
            and (val_loss[:10] < loss[:10]).all()
            and abs(val_loss[-1] - loss[-1]) < 0.002
        ),
        "07.less_than_half": known["ten_minutes_seeds.errors"] < known["deep_cnn.test_errors"] / 2,
    }


# 08


def in_08() -> dict[str, bool]:
    def ends(**settings) -> float:
        return trained_in_page(**settings)["val_accuracy"][-1]

    layers = ((32,), (32, 32))
    few, many = ([ends(hidden=hidden, images=images) for hidden in layers] for images in (500, 5000))
    hurried = [ends(momentum=0.9, rate=rate, epochs=10) for rate in (0.1, 0.3)]
    return {
        "08.trainer_rates": (
            min(ends(rate=0.5, epochs=10), hurried[0]) > 0.85
            and max(ends(rate=1, epochs=10), hurried[1]) < 0.5
        ),
        "08.trainer_layers": (
            max(abs(few[0] - few[1]), abs(many[0] - many[1])) < 0.02 and min(many) - max(few) > 0.05
        ),
    }


# 09


def in_09() -> dict[str, bool]:
    sizes = np.log2(load_results("image_counts")["images"])
    stretches = {n: -np.diff(np.log2(by_count(n)), axis=0) / np.diff(sizes)[:, None] for n in ("mlp", "cnn")}
    watched = load_results("few_images")["tried"].items()  # each remedy's strengths, the weakest first
    tried = [[np.mean(errors) for name, errors in watched if part in name] for part in ("decay", "dropout")]
    misread = np.array([misread_after(network, "by slope") for network in NETWORKS])

    return {
        # On the last stretch the curve is less steep than over the whole range, and how steep is badly known.
        "09.curves_flatten": all(
            2 ** (1 / t_interval(of_network[-1])[2]) > halving(network).mean()
            and t_interval(of_network[-1])[2] > 2 * t_interval(of_network[-1])[0]
            for network, of_network in stretches.items()
        )
        and t_interval(halving("cnn"))[2] < t_interval(halving("mlp"))[0]
        and all(
            0.25 < means[2] / means[0] < 0.4 < 0.45 < means[4] / means[2] < 0.55
            for means in (by_count(network).mean(axis=1) for network in stretches)
        ),
        # Of dropout the weakest won, decay's hardly differ; the one interval is narrow, the other wider.
        "09.strengths": (
            tried[1][0] == min(tried[1])
            and np.ptp(tried[0]) < 0.02 * min(tried[0])
            and known["few.weight_decay.fewer_high"] < 0.01 * known["few.nothing.errors"]
            and known["few.dropout.fewer_high"] > 0.05 * known["few.nothing.errors"]
        ),
        "09.remedies": (
            known["few.augmentation.fewer"] > 0.3 * known["few.nothing.errors"]
            and known["few.augmentation.fewer_low"] > 0 > known["few.early_stopping.fewer_high"]
            and known["few.augmentation.loss"] < known["few.early_stopping.loss"] < known["few.nothing.loss"]
            and known["few.nothing.loss"] < known["few.dropout.loss"]
            and all(
                known[f"few.{name}.fewer_low"] < 0 < known[f"few.{name}.fewer_high"]
                for name in ("weight_decay", "dropout")
            )
        ),
        "09.against": all(
            t_interval(against(less, key))[2] < t_interval(against(more, key))[0]
            for less, more in (("worsened", "noisy"), ("noisy", "none"))
            for key in ("one_step", "ten_steps")
        )
        and 0.4 < known["against.worsened.ten_steps"] < 0.5
        and all(
            against("none", key).mean() - against("noisy", key).mean()
            < 0.35 * (against("none", key).mean() - against("worsened", key).mean())
            for key in ("one_step", "ten_steps")
        ),
        "09.price": known["against.more_errors_than.none.low"] > 0
        and known["against.fewer_errors_at_best"] > 0 < known["against.more_errors_than.noisy.high"],
        "09.sure": (
            how_sure("mlp", "theirs")[1] > how_sure("mlp", "MNIST")[1]
            and all(
                how_sure(n, "theirs")[1] < how_sure(n, "MNIST")[1] - 0.05
                for n in ("cnn", "deep_cnn", "ten_minutes")
            )
            and all(how_sure(n, "MNIST")[2] < 10 for n in NETWORKS)
        ),
        "09.deep_cnn_holds_longest": (
            falls("deep_cnn.test_errors", "ten_minutes.test_errors") and set(misread.argmin(axis=0)) == {2}
        ),
    }


def in_references() -> dict[str, bool]:
    return {
        "references.interval_of_21": [round(10_000 * end) for end in wilson_interval(21, 10_000)] == [14, 32],
        "references.six_repairs": mcnemar_exact(6, 0) < 0.05 < mcnemar_exact(5, 0),
    }


IN = (in_01, in_02, in_03, in_04, in_05, in_06, in_07, in_08, in_09, in_references)
