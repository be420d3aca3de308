"""The course's results by name, computed: what the numbers in its texts are held to.

To add one, add a line to `RESULTS`: its name, and a function that computes it. A name with a part in braces,
such as ``{network}.test_errors``, stands for a family: `MEMBERS` says what the part may be, and what the
function is given for each.
"""

import functools
import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import javascript
import numpy as np
import scipy.stats
from pages import NOTEBOOKS, read

from mnist_helpers import load_mnist, load_results, load_run, load_splits
from mnist_helpers.data import N_TRAIN
from mnist_helpers.evaluation import (
    confusion_matrix,
    mcnemar_exact,
    precision_recall,
    reliability_bins,
    wilson_interval,
)
from mnist_helpers.widgets import NetworkTrainer
from mnist_helpers.widgets.base import JS
from mnist_helpers.widgets.network_trainer import packed_digits
from tools.course import COMPARED, NETWORKS, ROOT
from tools.minutes import run_times, sections

# Data and networks


@functools.cache
def labels_of(part: str) -> np.ndarray:
    (_, data), (_, test) = load_mnist()
    return {"data": data, "train": data[:N_TRAIN], "val": data[N_TRAIN:], "test": test}[part]


record = functools.cache(load_results)


def history(network: str, key: str) -> np.ndarray:
    """A curve of the reference run; epoch n is at n - 1."""
    return np.array(record(network)["history"][key])


@functools.cache
def model(network: str):
    return load_run(network)[0]


def weights_in(network: str, kind: str) -> list[int]:
    """The number of parameters of each layer of a kind, such as "Dense", in the order of the network."""
    return [layer.count_params() for layer in model(network).layers if type(layer).__name__ == kind]


def products(network: str) -> list[int]:
    """How many products of two numbers each layer with weights costs for an image."""
    layers = [layer for layer in model(network).layers if hasattr(layer, "kernel")]
    return [math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in layers]


def predict(network: str, images: np.ndarray) -> np.ndarray:
    """What a network says to images of 784 pixels in any layout: float64, (n, 10)."""
    images = images.astype("float32").reshape(-1, *model(network).input_shape[1:])
    return model(network).predict(images, batch_size=500, verbose=0).astype("float64")


@functools.cache
def probabilities(network: str) -> np.ndarray:
    """What a network says to the test images: (10000, 10)."""
    return predict(network, load_splits("flat")[2][0])


def reads(network: str) -> np.ndarray:
    """What a network reads in the test images: (10000,)."""
    return probabilities(network).argmax(axis=1)


@functools.cache
def wrong(network: str) -> np.ndarray:
    return reads(network) != labels_of("test")


def interval(network: str) -> tuple[float, float]:
    return wilson_interval(int((~wrong(network)).sum()), len(wrong(network)))


@functools.cache
def rates(network: str) -> np.ndarray:
    """Precision and recall of each digit on the test images: (2, 10)."""
    return np.array(precision_recall(confusion_matrix(labels_of("test"), reads(network))))


def confused(network: str) -> np.ndarray:
    """How many test images of one digit (row) were taken for another (column): (10, 10)."""
    counts = confusion_matrix(labels_of("test"), reads(network))
    return counts - np.diag(counts.diagonal())


def bins(network: str) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and count of each bin of the reliability diagram that is not empty."""
    per_bin = zip(*reliability_bins(labels_of("test"), probabilities(network)), strict=True)
    return [(confidence, accuracy, count) for confidence, accuracy, count in per_bin if count]


def resting_train_accuracy(network: str) -> float:
    """The accuracy of the finished network on the training images, with dropout off."""
    (images, labels), _, _ = load_splits("flat")
    return (predict(network, images).argmax(axis=1) == labels.argmax(axis=1)).mean()


@functools.cache
def readings() -> np.ndarray:
    """What each of the three networks reads: (10000, 3)."""
    return np.stack([reads(network) for network in COMPARED], axis=1)


def all_wrong() -> np.ndarray:
    return (readings() != labels_of("test")[:, None]).all(axis=1)


# What the notebooks print. nbval holds their committed outputs to what the code gives.


def printed(notebook: str, title: str, label: str) -> list[float]:
    """The numbers behind a label, in the table with this title that a notebook prints."""
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith(notebook))
    outputs = [output.get("text", "") for cell in read(path).cells for output in cell.get("outputs", [])]
    (table,) = (text for text in outputs if title in text)
    (line,) = (line for line in table.splitlines() if line.startswith((label + " ", label + ":")))
    numbers = re.sub(r"(?<=\d),(?=\d)", "", line.removeprefix(label))
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", numbers)]


def after_shift(pixels: int) -> dict[str, float]:
    """The accuracy of each of the three networks on test digits shifted by some pixels, of notebook 06."""
    return dict(zip(COMPARED, printed("06", "shift            MLP", str(pixels)), strict=True))


def share(change: str, amount: float) -> float:
    """The CNN's errors as a share of the MLP's, on changed test digits, of notebook 06."""
    numbers = printed("06", "as a share", change)
    return dict(zip(numbers[1::2], numbers[::2], strict=True))[amount]


def false_alarms(network: str) -> list[float]:
    return printed("06", "false alarms", NETWORKS[network]["name"])


def unprepared() -> np.ndarray:
    """How notebook 06's 7 is read at the wrong size or place: nine rows of digit and percentage."""
    lines = [printed("06", "no anti-aliasing", label) for label in ("no fitting", "no cropping", "none")]
    return np.reshape(lines, (9, 2))


def minutes_to_read(notebook: Path) -> float:
    """All of a notebook, prose and code."""
    return sum(minutes for minutes, _ in sections(notebook.stem).values())


def seconds_to_run(notebook: Path) -> float:
    return run_times()["seconds"][notebook.stem]


@functools.cache
def trained_in_page(**settings) -> dict[str, list[float]]:
    """The history of a training in the page, by the network trainer with these settings."""
    widget = NetworkTrainer(**settings)
    state = {name: getattr(widget, name) for name in NetworkTrainer.class_own_traits() if name != "history"}
    train = """(async () => {
      const { unpackDigits } = await import(data.unpack);
      const run = module.createRun(unpackDigits(data.digits, 6000), data.state);
      run.go(run.perEpoch * data.state.epochs);
      return run.history;
    })()"""
    data = {"unpack": (JS / "training.js").as_uri(), "digits": packed_digits(), "state": state}
    return javascript.run("training_run.js", train, data)


# What a class takes of its server

MEASURED = json.loads((ROOT / "tools" / "class.json").read_text(encoding="utf-8"))


def in_class(lesson: str) -> dict[str, float]:
    """MB that a kernel of the class has for itself: at the end of a lesson, and at most."""
    return MEASURED["memory"]["megabytes"][lesson]["in class"]


def server_megabytes() -> float:
    return MEASURED["load"]["most megabytes"]["server"]


def gigabytes(students: int, lesson: str) -> float:
    """For so many at the end of a lesson, with 2.5 GB for the system and for what they share."""
    return 2.5 + students * (in_class(lesson)["end"] + server_megabytes()) / 1000


def seconds_at_once(students: int, cores: int) -> float:
    """Until the last of so many has trained 02's network: measured, or computed from eight on two cores."""
    measured, of = MEASURED["processor"]["seconds"], MEASURED["processor"]["machine"]["cores"]
    if cores == of and str(students) in measured:
        return measured[str(students)]
    return max(measured["1"], students * (measured["8"] / 8) * of / cores)


# What many trainings gave

BENCH = load_results("training_times")
# The epochs of the fast recipe are in notebook 07's RECIPES.
FAST_EPOCHS = {"mlp": 1.5, "cnn": 0.7, "deep_cnn": 2}
VARIANTS = {
    "none": "Deep CNN",
    "depth": "one convolution less in each pair",
    "width": "32 filters everywhere",
    "dropout": "no dropout",
}
OPTIMIZERS = {"sgd": "SGD", "momentum": "SGD, momentum", "adam": "Adam"}


def trainings(network: str) -> dict:
    """What `make bench` measured of each recipe for a network."""
    return BENCH["networks"][network]["recipes"]


def at_rates(optimizer: str, schedule: str) -> np.ndarray:
    """Validation accuracy after one epoch at each of the four rates: the mean over the seeds."""
    found = load_results("optimizers")["accuracies"][f"{optimizer}, {schedule}"]
    return np.array([np.mean(accuracies) for accuracies in found.values()])


def lead_of_adam(other: str) -> float:
    return 100 * (at_rates("Adam", "straight").max() - at_rates(other, "straight").max())


def of_smoothing(amount: str) -> np.ndarray:
    """Accuracy and median of the largest probability, for each seed: (seeds, 2)."""
    return np.array(load_results("optimizers")["smoothing"][amount])


def errors_without(part: str) -> np.ndarray:
    """How many validation errors the Deep CNN makes without one of its parts, with each seed."""
    return np.array(load_results("ablation")["errors"][VARIANTS[part]])


def more_errors(part: str, side: int = 0) -> float:
    """How many more without a part, or an end of the interval of that: -1 the lower one, 1 the upper one.

    The interval is Welch's, for three comparisons at once (Bonferroni).
    """
    without, with_it = errors_without(part), errors_without("none")
    quantile = scipy.stats.t.ppf(1 - 0.05 / (len(VARIANTS) - 1) / 2, len(with_it) - 1)
    half = quantile * math.hypot(scipy.stats.sem(without), scipy.stats.sem(with_it))
    return without.mean() - with_it.mean() + side * half


def without_a_part(version: str) -> float:
    """How many validation errors more the ten-minute network makes after a short training without a part."""
    errors = load_results("ten_minutes_parts")["val_errors"]
    return np.mean(errors[version]) - np.mean(errors["all of it"])


# What notebook 09 has on record, and what it prints


def t_interval(values: np.ndarray, comparisons: int = 1) -> np.ndarray:
    """Lower end, mean and upper end of Student's interval for a mean, for several comparisons at once."""
    half = scipy.stats.t.ppf(1 - 0.05 / comparisons / 2, len(values) - 1) * scipy.stats.sem(values)
    return values.mean() + half * np.array([-1, 0, 1])


def by_count(network: str) -> np.ndarray:
    """Validation errors by the number of training images and the seed: (5, 5)."""
    return np.array(list(load_results("image_counts")["errors"][network].values()))


def halving(network: str) -> np.ndarray:
    """How many times as many images halve the errors: one factor for each seed."""
    counts = load_results("image_counts")["images"]
    return 2 ** (-1 / np.polyfit(np.log2(counts), np.log2(by_count(network)), 1)[0])


def with_few(remedy: str) -> np.ndarray:
    """Loss and errors in 9,000 validation images after training on 500, with each seed: (10, 2)."""
    return np.array(load_results("few_images")["loss_and_errors"][remedy])


def fewer_with(remedy: str) -> np.ndarray:
    """How many fewer errors than with nothing, paired by the 500 images: lower end, mean, upper end."""
    return t_interval(with_few("nothing")[:, 1] - with_few(remedy)[:, 1], comparisons=4)


def against(copies: str, key: str) -> np.ndarray:
    """What the CNN gave after an epoch with copies of a kind, with each seed: (5,)."""
    return np.array([result[key] for result in load_results("adversarial_training")["results"][copies]])


def more_errors_than(copies: str) -> np.ndarray:
    """How many more errors the CNN makes after an epoch with worsened copies than with those (Welch)."""
    before, after = against(copies, "errors"), against("worsened", "errors")
    half = scipy.stats.t.ppf(0.975, len(after) - 1) * math.hypot(
        scipy.stats.sem(before), scipy.stats.sem(after)
    )
    return after.mean() - before.mean() + half * np.array([-1, 0, 1])


def misread_after(network: str, way: str) -> list[float]:
    """The shares misread, of the digits read before, after changes of 0.05, 0.1 and 0.2."""
    return [
        share / 100 for share in printed("09", "misread, of those", f"{NETWORKS[network]['name']}, {way}")
    ]


def on_others(network: str) -> list[float]:
    """Accuracy on the digits of other people, and its interval (after the level of it)."""
    return printed("09", "on their digits", NETWORKS[network]["name"])


def how_sure(network: str, whose: str) -> list[float]:
    """Wrong answers to "MNIST" or "theirs", how sure they are; those above 0.99, and all answers above it."""
    return printed("09", "wrong above 0.99", f"{NETWORKS[network]['name']}, {whose}")


def one_step_less(network: str, way: str) -> float:
    """Accuracy on the digits of other people if a step of the preparation is left out or changed."""
    return printed("09", "one step less", way)[-4:][list(NETWORKS).index(network)]


def mistakes_on_others() -> list[float]:
    """All mistakes of the Deep CNN, then true digit, reading and count of the two most frequent kinds."""
    return printed("09", "all mistakes", "all mistakes")


def through_8x8(network: str) -> list[float]:
    """Accuracy on MNIST's digits as they are, through 8×8 pixels, and on those of other people."""
    return printed("09", "MNIST's digits", NETWORKS[network]["name"])


# The results

MEMBERS: dict[str, dict[str, tuple]] = {
    "": {"": ()},
    "network": {network: (network,) for network in NETWORKS},
    "pair": {f"{a}_{b}": (a, b) for a, b in itertools.combinations(NETWORKS, 2)},
    "lesson": {path.stem[:2]: (path,) for path in NOTEBOOKS},
    "training": {
        f"{network}.{recipe}": (network, recipe) for network in COMPARED for recipe in trainings(network)
    },
    "optimizer": {name: (title,) for name, title in OPTIMIZERS.items()},
    "labels": {"plain": ("0",), "smoothed": ("0.1",)},
    "part": {part: (part,) for part in VARIANTS},
    "remedy": {name.replace(" ", "_"): (name,) for name in load_results("few_images")["remedies"]},
    "copies": {kind: (kind,) for kind in ("none", "noisy", "worsened")},
    "served": {lesson: (lesson,) for lesson in MEASURED["memory"]["megabytes"]},
    "at_once": {f"{a}_on_{b}": (a, b) for a in (1, 4, 8, 15, 30) for b in (2, 4, 8, 16)},
}

RESULTS: dict[str, Callable[..., float]] = {
    # What `python -m tools.measure_class` has measured
    "class.{served}.end": lambda lesson: in_class(lesson)["end"],
    "class.{served}.peak": lambda lesson: in_class(lesson)["peak"],
    "class.{served}.alone": lambda lesson: MEASURED["memory"]["megabytes"][lesson]["alone"]["end"],
    "class.server": server_megabytes,
    "class.{served}.students_on_16_gb": lambda lesson: max(
        n for n in range(99) if gigabytes(n, lesson) <= 16
    ),
    "class.{served}.gb_for_30": lambda lesson: math.ceil(gigabytes(30, lesson)),
    "class.seconds.{at_once}": seconds_at_once,
    "class.load.students": lambda: MEASURED["load"]["handed in"],
    "class.load.failed": lambda: len(MEASURED["load"]["failed"]),
    "class.load.minutes": lambda: MEASURED["load"]["seconds until the last"]["handed in"] / 60,
    # Of each network, from the record of its reference run
    "{network}.parameters": lambda n: record(n)["parameters"],
    "{network}.seconds": lambda n: record(n)["seconds"],
    "{network}.minutes": lambda n: record(n)["seconds"] / 60,
    "{network}.train_accuracy": lambda n: history(n, "accuracy")[-1],
    "{network}.train_loss": lambda n: history(n, "loss")[-1],
    "{network}.first_val_accuracy": lambda n: history(n, "val_accuracy")[0],
    "{network}.val_accuracy": lambda n: history(n, "val_accuracy")[-1],
    "{network}.val_loss": lambda n: history(n, "val_loss")[-1],
    "{network}.val_loss_min": lambda n: min(history(n, "val_loss")),
    "{network}.val_loss_min_epoch": lambda n: 1 + np.argmin(history(n, "val_loss")),
    # the first epoch after which it is higher than an epoch before
    "{network}.first_rise_epoch": lambda n: 2 + np.argmax(np.diff(history(n, "val_loss")) > 0),
    "{network}.gap_points": lambda n: 100 * (history(n, "accuracy")[-1] - history(n, "val_accuracy")[-1]),
    # the epoch after which the validation loss is higher than the training loss, to the end
    "{network}.crossing_epoch": lambda n: 1 + np.flatnonzero(history(n, "val_loss") < history(n, "loss"))[-1],
    "cnn.epochs_to_pass_mlp": lambda: (
        1 + np.argmax(history("cnn", "val_loss") < history("mlp", "val_loss").min())
    ),
    "reference.minutes": lambda: sum(record(n)["seconds"] for n in COMPARED) / 60,
    "published.{network}": lambda n: NETWORKS[n]["published"],
    # Of each network, from its weights and its predictions
    "{network}.dense_share": lambda n: weights_in(n, "Dense")[0] / record(n)["parameters"],
    "{network}.conv_share": lambda n: sum(weights_in(n, "Conv2D")) / record(n)["parameters"],
    "{network}.resting_train_accuracy": resting_train_accuracy,
    "{network}.test_accuracy": lambda n: (~wrong(n)).mean(),
    "{network}.test_errors": lambda n: wrong(n).sum(),
    "{network}.test_low": lambda n: interval(n)[0],
    "{network}.test_high": lambda n: interval(n)[1],
    "{network}.confident_errors": lambda n: (probabilities(n)[wrong(n)].max(axis=1) > 0.9).sum(),
    "{network}.precision_of_8": lambda n: rates(n)[0][8],
    "{network}.recall_of_8": lambda n: rates(n)[1][8],
    "{network}.lowest_rate": lambda n: rates(n).min(),
    "{network}.most_confused": lambda n: confused(n).max(),
    "all.wrong": lambda: all_wrong().sum(),
    "all.agree": lambda: (np.ptp(readings()[all_wrong()], axis=1) == 0).sum(),
    "reliability.intervals": lambda: sum(len(bins(n)) for n in COMPARED),
    # Of each two networks, on the test images
    "{pair}.repaired": lambda a, b: (wrong(a) & ~wrong(b)).sum(),
    "{pair}.new": lambda a, b: (~wrong(a) & wrong(b)).sum(),
    "{pair}.disagree": lambda a, b: (wrong(a) ^ wrong(b)).sum(),
    "{pair}.p": lambda a, b: mcnemar_exact(int(known[f"{a}_{b}.new"]), int(known[f"{a}_{b}.repaired"])),
    "{pair}.p_in_a_million": lambda a, b: 1e6 * known[f"{a}_{b}.p"],
    "{pair}.times_the_products": lambda a, b: sum(products(b)) / sum(products(a)),
    # Of the data
    "data.share_of_ones": lambda: (labels_of("data") == 1).mean(),
    "data.share_of_fives": lambda: (labels_of("data") == 5).mean(),
    "data.means_right": lambda: printed("01", "of each digit, in %", "right on validation")[0] / 100,
    "test.upside_down": lambda: np.isin(labels_of("test"), [3, 4, 7]).sum(),
    # Of each notebook
    "read.{lesson}.minutes": lambda notebook: 5 * math.ceil(minutes_to_read(notebook) / 5),
    "run.{lesson}.minutes": lambda notebook: math.ceil(seconds_to_run(notebook) / 60),
    "run.{lesson}.seconds": seconds_to_run,
    # What notebook 06 prints
    "{network}.shift_2": lambda n: after_shift(2)[n],
    "{network}.shift_3": lambda n: after_shift(3)[n],
    "{network}.shift_4": lambda n: after_shift(4)[n],
    "{network}.passing": lambda n: false_alarms(n)[2],
    "{network}.area": lambda n: false_alarms(n)[3],
    "mlp.centered": lambda: printed("06", "centered again", "MLP, shifted by 4 and centered again")[0],
    "shift_4.lost_ink": lambda: printed("06", "centered again", "digits that lost ink")[0],
    "share.unchanged": lambda: wrong("cnn").sum() / wrong("mlp").sum(),
    "share.shift_1": lambda: share("shift", 1),
    "share.shift_2": lambda: share("shift", 2),
    "share.rotation_15": lambda: share("rotation", 15),
    "share.size_0.8": lambda: share("size", 0.8),
    "share.thickness_1": lambda: share("thickness", 1),
    "share.noise_0.2": lambda: share("noise", 0.2),
    "changes.compared": lambda: printed("06", "undecided", "comparisons")[0],
    "changes.undecided": lambda: printed("06", "undecided", "comparisons")[1],
    "seven.right": lambda: (unprepared()[:, 0] == 7).sum(),
    "seven.sure_and_wrong": lambda: ((unprepared()[:, 0] != 7) & (unprepared()[:, 1] >= 50)).sum(),
    # What `make bench` measured of notebook 07's recipes
    "bench.price_of_steps": lambda: BENCH["price_of_steps_seconds"],
    "bench.{network}.limit_seconds": lambda n: BENCH["networks"][n]["limit_seconds_an_epoch"],
    "bench.{network}.limit_share": lambda n: (
        BENCH["networks"][n]["limit_seconds_an_epoch"] / trainings(n)["start"]["epoch_seconds"]
    ),
    "bench.{network}.epochs_ratio": lambda n: record(n)["epochs"] / FAST_EPOCHS[n],
    "bench.{network}.fast_epoch_seconds": lambda n: trainings(n)["fast"]["fit_seconds"] / FAST_EPOCHS[n],
    "bench.{training}.seconds": lambda n, recipe: trainings(n)[recipe]["fit_seconds"],
    "bench.{training}.epoch_seconds": lambda n, recipe: trainings(n)[recipe]["epoch_seconds"],
    "bench.{training}.factor": lambda n, recipe: (
        trainings(n)["start"]["fit_seconds"] / trainings(n)[recipe]["fit_seconds"]
    ),
    "bench.{training}.test_accuracy": lambda n, recipe: np.mean(
        list(trainings(n)[recipe]["test_accuracies"].values())
    ),
    # Measured on other machines, before the recipes were measured alike: there the plain one also validated
    "elsewhere.amx.mlp": lambda: 62,
    "elsewhere.amx.cnn": lambda: 65,
    "elsewhere.amx.deep_cnn": lambda: 20,
    "elsewhere.avx512.mlp": lambda: 44,
    "elsewhere.avx512.cnn": lambda: 56,
    "elsewhere.avx512.deep_cnn": lambda: 27,
    "elsewhere.amx.seconds": lambda: 30.7,
    "elsewhere.amx.seconds_in_bfloat16": lambda: 13.7,
    # What `make reference` recorded in notebook 07
    "optimizers.{optimizer}.constant": lambda optimizer: at_rates(optimizer, "constant").max(),
    "optimizers.{optimizer}.straight": lambda optimizer: at_rates(optimizer, "straight").max(),
    "optimizers.adam_over_sgd_points": lambda: lead_of_adam("SGD"),
    "optimizers.adam_over_momentum_points": lambda: lead_of_adam("SGD, momentum"),
    "optimizers.whole": lambda: np.mean(load_results("optimizers")["whole"]),
    "optimizers.stopped": lambda: np.mean(load_results("optimizers")["halves"]["stopped at half"]),
    "optimizers.planned": lambda: np.mean(load_results("optimizers")["halves"]["planned for half"]),
    "optimizers.{labels}_labels.accuracy": lambda amount: of_smoothing(amount)[:, 0].mean(),
    "optimizers.{labels}_labels.median": lambda amount: of_smoothing(amount)[:, 1].mean(),
    "optimizers.smoothed_above_all": lambda: (
        of_smoothing("0.1")[:, 0] > of_smoothing("0")[:, 0].max()
    ).sum(),
    "ablation.errors": lambda: errors_without("none").mean(),
    "ablation.{part}.more": more_errors,
    "ablation.{part}.more_low": lambda part: more_errors(part, -1),
    "ablation.{part}.more_high": lambda part: more_errors(part, 1),
    "ablation.{part}.fewer": lambda part: -more_errors(part),
    "ablation.{part}.fewer_low": lambda part: -more_errors(part, 1),
    "ablation.{part}.fewer_high": lambda part: -more_errors(part, -1),
    # One convolution of 32 filters, one of 64, whose maps are pooled to 5×5, and the two dense layers
    "ablation.depth.more_parameters": lambda: (
        (10 * 32 + (9 * 32 + 1) * 64 + (25 * 64 + 1) * 256 + 257 * 10) / record("deep_cnn")["parameters"] - 1
    ),
    "parts.augmentation": lambda: without_a_part("no augmentation"),
    "parts.normalization": lambda: without_a_part("no normalization"),
    "ten_minutes_seeds.errors": lambda: np.mean(load_results("ten_minutes_seeds")["errors"]),
    "ten_minutes_seeds.accuracy": lambda: 1 - np.mean(load_results("ten_minutes_seeds")["errors"]) / 10_000,
    "ten_minutes_seeds.spread": lambda: np.ptp(load_results("ten_minutes_seeds")["errors"]),
    "views.repaired": lambda: printed("07", "nine views", "repaired")[0],
    "views.new": lambda: printed("07", "nine views", "repaired")[1],
    "views.p": lambda: mcnemar_exact(*map(int, printed("07", "nine views", "repaired"))),
    # What `make reference` recorded in notebook 09
    "counts.{network}.halving": lambda n: halving(n).mean(),
    "few.{remedy}.loss": lambda remedy: with_few(remedy)[:, 0].mean(),
    "few.{remedy}.errors": lambda remedy: with_few(remedy)[:, 1].mean(),
    "few.{remedy}.fewer": lambda remedy: fewer_with(remedy)[1],
    "few.{remedy}.fewer_low": lambda remedy: fewer_with(remedy)[0],
    "few.{remedy}.fewer_high": lambda remedy: fewer_with(remedy)[2],
    "against.{copies}.one_step": lambda copies: against(copies, "one_step").mean(),
    "against.{copies}.ten_steps": lambda copies: against(copies, "ten_steps").mean(),
    "against.more_errors_than.{copies}": lambda copies: more_errors_than(copies)[1],
    "against.more_errors_than.{copies}.low": lambda copies: more_errors_than(copies)[0],
    "against.more_errors_than.{copies}.high": lambda copies: more_errors_than(copies)[2],
    "against.fewer_errors_at_best": lambda: -more_errors_than("noisy")[0],
    # What notebook 09 prints
    "misread.{network}.at_0.05": lambda n: misread_after(n, "by slope")[0],
    "misread.{network}.at_0.1": lambda n: misread_after(n, "by slope")[1],
    "others.images": lambda: printed("09", "digits of other people", "digits of other people")[0],
    "others.{network}.accuracy": lambda n: on_others(n)[0],
    "others.{network}.low": lambda n: on_others(n)[1],
    "others.{network}.high": lambda n: on_others(n)[2],
    "others.deep_cnn.errors": lambda: mistakes_on_others()[0],
    "others.two_kinds": lambda: mistakes_on_others()[3] + mistakes_on_others()[6],
    "others.{network}.uncentered": lambda n: one_step_less(n, "no centering"),
    "sure.{network}.wrong": lambda n: how_sure(n, "theirs")[2],
    "sure.{network}.answers": lambda n: how_sure(n, "theirs")[3],
    "through.{network}": lambda n: through_8x8(n)[1],
    "doubted.{network}": lambda n: printed("09", "among the fifteen", NETWORKS[n]["name"])[0],
}


FUNCTIONS: dict[str, Callable[[], float]] = {
    name.replace(f"{{{part}}}", member): functools.partial(function, *arguments)
    for name, function in RESULTS.items()
    for part in re.findall(r"{(\w+)}", name) or [""]
    for member, arguments in MEMBERS[part].items()
}


class Known(dict[str, float]):
    """The results by name. Each is computed when it is first asked for: most need no network."""

    def __missing__(self, name: str) -> float:
        self[name] = float(FUNCTIONS[name]())
        return self[name]


known = Known()
