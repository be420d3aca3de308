"""The course's results by name, computed: what the numbers in its texts are held to.

To add one, add a line to the table that it belongs to: `OF_A_RUN` for `mlp.…`, `cnn.…` and
`deep_cnn.…`, `OF_A_PAIR` for `mlp_cnn.…` and so on, `OF_A_NOTEBOOK` for `….01.minutes`,
`OF_A_TRAINING` for `bench.…`, `OF_OPTIMIZERS` for `optimizers.…`, `OF_AN_ABLATION` for `ablation.…`,
`OF_SEEDS` for `ten_minutes_seeds.…`,
`OF_THE_BEST` for what is asked of `ten_minutes.…`, `OF_LABELS` for `data.…` (the 60,000),
`train.…`, `val.…` and `test.…`, `OF_THE_COURSE` for what there is only one of.
"""

import functools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import scipy.stats
from pages import COMMENT, NOTEBOOKS, read

from mnist_helpers import load_mnist, load_results, load_run, load_splits
from mnist_helpers.data import N_TRAIN
from mnist_helpers.evaluation import (
    confusion_matrix,
    mcnemar_exact,
    precision_recall,
    reliability_bins,
    wilson_interval,
)
from mnist_helpers.reference import BEST_RUN, REFERENCE_FOLDER, RUNS

RUN_TIMES = Path(__file__).parent / "benchmarks" / "run_times.json"
WORDS_A_MINUTE = 150
NAMES = {"mlp": "MLP", "cnn": "CNN", "deep_cnn": "Deep CNN"}
PARTS = ("data", "train", "val", "test")
PAIRS = [("mlp", "cnn"), ("cnn", "deep_cnn"), ("mlp", "deep_cnn")]


@functools.cache
def record(run: str) -> dict:
    return json.loads((REFERENCE_FOLDER / f"{run}.json").read_text(encoding="utf-8"))


def history(run: str, key: str) -> list[float]:
    return record(run)["history"][key]


@functools.cache
def model(run: str):
    return load_run(run)[0]


def weights_in(run: str, kind: str) -> list[int]:
    """The number of parameters of each layer of a kind, such as "Dense", in the order of the network."""
    return [layer.count_params() for layer in model(run).layers if type(layer).__name__ == kind]


@functools.cache
def labels_of(part: str) -> np.ndarray:
    (_, data), (_, test) = load_mnist()
    return {"data": data, "train": data[:N_TRAIN], "val": data[N_TRAIN:], "test": test}[part]


@functools.cache
def unseen_images() -> np.ndarray:
    """The test images: float32, (10000, 28, 28)."""
    _, _, (images, _) = load_splits("flat")
    return images.reshape(-1, 28, 28)


def predict(run: str, images: np.ndarray) -> np.ndarray:
    """What a network says to images, (n, 28, 28): float64, (n, 10)."""
    images = images.astype("float32").reshape(-1, *model(run).input_shape[1:])
    return model(run).predict(images, batch_size=500, verbose=0).astype("float64")


@functools.cache
def probabilities(run: str) -> np.ndarray:
    """What a network says to the test images: float64, (10000, 10)."""
    return predict(run, unseen_images())


def wrong(run: str) -> np.ndarray:
    return probabilities(run).argmax(axis=1) != labels_of("test")


def interval(run: str) -> tuple[float, float]:
    return wilson_interval(int((~wrong(run)).sum()), len(wrong(run)))


def loss(run: str) -> float:
    return -np.log(probabilities(run)[np.arange(len(labels_of("test"))), labels_of("test")]).mean()


def rates(run: str) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of each digit on the test images."""
    return precision_recall(confusion_matrix(labels_of("test"), probabilities(run).argmax(axis=1)))


def confused(run: str) -> np.ndarray:
    """How many test images of one digit (row) were taken for another (column): (10, 10)."""
    counts = confusion_matrix(labels_of("test"), probabilities(run).argmax(axis=1))
    return counts - np.diag(counts.diagonal())


def bins(run: str) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and count of each bin of the reliability diagram that is not empty."""
    per_bin = zip(*reliability_bins(labels_of("test"), probabilities(run)), strict=True)
    return [(confidence, accuracy, count) for confidence, accuracy, count in per_bin if count]


def last_epoch_with_validation_ahead(run: str) -> int:
    """The epoch after which the validation loss is higher than the training loss, to the end."""
    ahead = np.array(history(run, "val_loss")) < np.array(history(run, "loss"))
    return 1 + np.flatnonzero(ahead)[-1]


@functools.cache
def resting_train_accuracy(run: str) -> float:
    """The accuracy on the training images of the finished network, with dropout off."""
    (images, labels), _, _ = load_splits("flat")
    images = images.reshape(-1, *model(run).input_shape[1:])
    return model(run).evaluate(images, labels, batch_size=500, verbose=0)[1]


def printed(notebook: str, title: str, label: str) -> list[float]:
    """The numbers that a notebook's committed output has behind a label, in the table with this title.

    nbval holds the committed outputs to what the code gives, so they are results, too.
    """
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith(notebook))
    outputs = [output.get("text", "") for cell in read(path).cells for output in cell.get("outputs", [])]
    (table,) = (text for text in outputs if title in text)
    (line,) = (line for line in table.splitlines() if line.startswith((label + " ", label + ":")))
    numbers = re.sub(r"(?<=\d),(?=\d)", "", line.removeprefix(label))
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", numbers)]


def after_shift(pixels: int) -> dict[str, float]:
    """The accuracy of each of the three networks on test digits shifted by some pixels, of notebook 06."""
    return dict(zip(RUNS, printed("06", "shift            MLP", str(pixels)), strict=True))


def share(change: str, amount: float) -> float:
    """The CNN's errors as a share of the MLP's, on changed test digits, of notebook 06."""
    numbers = printed("06", "as a share", change)
    return dict(zip(numbers[1::2], numbers[::2], strict=True))[amount]


def unprepared() -> np.ndarray:
    """How notebook 06's 7 is read at the wrong size or place: nine rows of digit and percentage."""
    lines = [printed("06", "no anti-aliasing", label) for label in ("no fitting", "no cropping", "none")]
    return np.reshape(lines, (9, 2))


OF_A_RUN: dict[str, Callable[[str], float]] = {
    "parameters": lambda run: record(run)["parameters"],
    "epochs": lambda run: record(run)["epochs"],
    "seconds": lambda run: record(run)["seconds"],
    "minutes": lambda run: record(run)["seconds"] / 60,
    "cores": lambda run: record(run)["cores"],
    "train_accuracy": lambda run: history(run, "accuracy")[-1],
    "train_loss": lambda run: history(run, "loss")[-1],
    "val_accuracy": lambda run: history(run, "val_accuracy")[-1],
    "val_loss": lambda run: history(run, "val_loss")[-1],
    "val_loss_min": lambda run: min(history(run, "val_loss")),
    "val_loss_min_epoch": lambda run: 1 + np.argmin(history(run, "val_loss")),
    "gap_points": lambda run: 100 * (history(run, "accuracy")[-1] - history(run, "val_accuracy")[-1]),
    "dense_share": lambda run: weights_in(run, "Dense")[0] / record(run)["parameters"],
    "conv_share": lambda run: sum(weights_in(run, "Conv2D")) / record(run)["parameters"],
    "test_accuracy": lambda run: (~wrong(run)).mean(),
    "test_loss": loss,
    "test_errors": lambda run: wrong(run).sum(),
    "test_low": lambda run: interval(run)[0],
    "test_high": lambda run: interval(run)[1],
    "crossing_epoch": last_epoch_with_validation_ahead,
    "confident_errors": lambda run: (probabilities(run)[wrong(run)].max(axis=1) > 0.9).sum(),
    "resting_train_accuracy": resting_train_accuracy,
    "recall_of_8": lambda run: rates(run)[1][8],
    "precision_of_8": lambda run: rates(run)[0][8],
    "lowest_rate": lambda run: np.min(rates(run)),
    "most_confused": lambda run: confused(run).max(),
    "shift_2": lambda run: after_shift(2)[run],
    "passing": lambda run: printed("06", "false alarms", NAMES[run])[2],
    "area": lambda run: printed("06", "false alarms", NAMES[run])[3],
}


OF_THE_BEST = ("parameters", "minutes", "test_accuracy", "test_low", "test_high", "test_errors")


def readings() -> np.ndarray:
    """What each of the three networks reads: (10000, 3)."""
    return np.stack([probabilities(run).argmax(axis=1) for run in RUNS], axis=1)


def all_wrong() -> np.ndarray:
    return (readings() != labels_of("test")[:, None]).all(axis=1)


def products(run: str) -> int:
    """The products of two numbers that an image costs in a forward pass."""
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model(run).layers
        if hasattr(layer, "kernel")
    )


OF_A_PAIR: dict[str, Callable[[str, str], float]] = {
    "repaired": lambda first, second: (wrong(first) & ~wrong(second)).sum(),
    "new": lambda first, second: (~wrong(first) & wrong(second)).sum(),
    "disagree": lambda first, second: (wrong(first) ^ wrong(second)).sum(),
    "p": lambda first, second: mcnemar_exact(
        (~wrong(first) & wrong(second)).sum(), (wrong(first) & ~wrong(second)).sum()
    ),
    "times_the_products": lambda first, second: products(second) / products(first),
    "p_in_a_million": lambda first, second: 1e6 * OF_A_PAIR["p"](first, second),
}


def words(notebook: Path) -> int:
    """How many words there are to read, prose and code; what only a test sees is not counted."""
    return sum(len(COMMENT.sub("", cell.source).split()) for cell in read(notebook).cells)


def run_seconds(notebook: Path) -> float:
    return json.loads(RUN_TIMES.read_text(encoding="utf-8"))["seconds"][notebook.stem]


OF_A_NOTEBOOK: dict[str, Callable[[Path], float]] = {
    "read.{}.minutes": lambda notebook: 5 * math.ceil(words(notebook) / WORDS_A_MINUTE / 5),
    "run.{}.minutes": lambda notebook: math.ceil(run_seconds(notebook) / 60),
    "run.{}.seconds": run_seconds,
}


@functools.cache
def training_times() -> dict:
    """What `make bench` measured."""
    return load_results("training_times")


def trainings(run: str) -> dict:
    """What `make bench` measured of each recipe for a network."""
    return training_times()["networks"][run]["recipes"]


# The epochs of the fast recipe are in notebook 07's RECIPES.
FAST_EPOCHS = {"mlp": 1.5, "cnn": 0.7, "deep_cnn": 2}
OF_AN_EPOCH: dict[str, Callable[[str], float]] = {
    "limit_seconds": lambda run: training_times()["networks"][run]["limit_seconds_an_epoch"],
    "limit_share": lambda run: (
        training_times()["networks"][run]["limit_seconds_an_epoch"] / trainings(run)["start"]["epoch_seconds"]
    ),
    "epochs_ratio": lambda run: record(run)["epochs"] / FAST_EPOCHS[run],
    "fast_epoch_seconds": lambda run: trainings(run)["fast"]["fit_seconds"] / FAST_EPOCHS[run],
}


def mean_score(run: str, recipe: str, part: str) -> float:
    return np.mean(list(trainings(run)[recipe][f"{part}_accuracies"].values()))


# For each the key of the record that it needs: levers that train a few epochs have no scores.
OF_A_TRAINING: dict[str, tuple[str, Callable[[str, str], float]]] = {
    "seconds": ("fit_seconds", lambda run, recipe: trainings(run)[recipe]["fit_seconds"]),
    "epoch_seconds": ("epoch_seconds", lambda run, recipe: trainings(run)[recipe]["epoch_seconds"]),
    "factor": (
        "fit_seconds",
        lambda run, recipe: trainings(run)["start"]["fit_seconds"] / trainings(run)[recipe]["fit_seconds"],
    ),
    "test_accuracy": ("test_accuracies", lambda run, recipe: mean_score(run, recipe, "test")),
    "val_accuracy": ("val_accuracies", lambda run, recipe: mean_score(run, recipe, "val")),
}
# Measured on other machines, before the recipes were measured alike: there the plain one also validated.
ELSEWHERE = {"amx": {"mlp": 62, "cnn": 65, "deep_cnn": 20}, "avx512": {"mlp": 44, "cnn": 56, "deep_cnn": 27}}


def best_of_sweep(optimizer: str, schedule: str) -> float:
    """The validation accuracy after one epoch at the best of the rates: the mean over the seeds."""
    rates = load_results("optimizers")["accuracies"][f"{optimizer}, {schedule}"]
    return max(np.mean(found) for found in rates.values())


def of_halves(name: str) -> float:
    return np.mean(load_results("optimizers")["halves"][name])


def of_smoothing(amount: str) -> np.ndarray:
    """Accuracy and median of the largest probability, for each seed: (seeds, 2)."""
    return np.array(load_results("optimizers")["smoothing"][amount])


OF_OPTIMIZERS: dict[str, Callable[[], float]] = {
    **{
        f"{short}.{schedule.replace(', ', '_').replace('-', '_')}": functools.partial(
            best_of_sweep, name, schedule
        )
        for short, name in (("sgd", "SGD"), ("momentum", "SGD, momentum"), ("adam", "Adam"))
        for schedule in ("constant", "straight", "cosine", "warm-up, cosine")
    },
    "adam_over_sgd_points": lambda: (
        100 * (best_of_sweep("Adam", "straight") - best_of_sweep("SGD", "straight"))
    ),
    "adam_over_momentum_points": lambda: (
        100 * (best_of_sweep("Adam", "straight") - best_of_sweep("SGD, momentum", "straight"))
    ),
    "whole": lambda: np.mean(load_results("optimizers")["whole"]),
    "smoothed_above_all": lambda: (of_smoothing("0.1")[:, 0] > of_smoothing("0")[:, 0].max()).sum(),
    "stopped": lambda: of_halves("stopped at half"),
    "planned": lambda: of_halves("planned for half"),
    "plain_labels.accuracy": lambda: of_smoothing("0")[:, 0].mean(),
    "plain_labels.median": lambda: of_smoothing("0")[:, 1].mean(),
    "smoothed_labels.accuracy": lambda: of_smoothing("0.1")[:, 0].mean(),
    "smoothed_labels.median": lambda: of_smoothing("0.1")[:, 1].mean(),
}


OF_LABELS: dict[str, Callable[[str], float]] = {
    "min_count": lambda part: np.bincount(labels_of(part)).min(),
    "max_count": lambda part: np.bincount(labels_of(part)).max(),
    "share_of_ones": lambda part: (labels_of(part) == 1).mean(),
    "share_of_fives": lambda part: (labels_of(part) == 5).mean(),
}


def nearest_mean_accuracy(summary: Callable[[np.ndarray], np.ndarray]) -> float:
    """How many validation images lie nearest to their own digit's mean training image, summarized.

    Parameters
    ----------
    summary : makes rows of numbers, ``(n, k)``, of images, ``(n, 784)``.
    """
    (x_train, y_train), (x_val, y_val), _ = load_splits("flat")
    train, val, digits = summary(x_train), summary(x_val).astype("float64"), y_train.argmax(axis=1)
    means = np.stack([train[digits == digit].mean(axis=0, dtype="float64") for digit in range(10)])
    # The squared distance without the square of the image, which is the same for all ten.
    distances = (means**2).sum(axis=1) - 2 * val @ means.T
    return (distances.argmin(axis=1) == y_val.argmax(axis=1)).mean()


VARIANTS = {
    "depth": "one convolution less in each pair",
    "width": "32 filters everywhere",
    "dropout": "no dropout",
}


def errors_without(part: str | None) -> np.ndarray:
    """How many validation errors the Deep CNN makes without one of its parts, with each seed."""
    return np.array(load_results("ablation")["errors"][VARIANTS[part] if part else "Deep CNN"])


def more_errors(part: str) -> float:
    return errors_without(part).mean() - errors_without(None).mean()


def half_interval(part: str) -> float:
    """Of the difference of two means, as Welch has it, for three comparisons at once (Bonferroni)."""
    variances = [scipy.stats.sem(errors_without(which)) ** 2 for which in (part, None)]
    return scipy.stats.t.ppf(1 - 0.05 / len(VARIANTS) / 2, len(errors_without(None)) - 1) * math.sqrt(
        sum(variances)
    )


OF_AN_ABLATION: dict[str, Callable[[str], float]] = {
    "more": more_errors,
    "more_low": lambda part: more_errors(part) - half_interval(part),
    "more_high": lambda part: more_errors(part) + half_interval(part),
    "fewer": lambda part: -more_errors(part),
    "fewer_low": lambda part: -more_errors(part) - half_interval(part),
    "fewer_high": lambda part: -more_errors(part) + half_interval(part),
}


OF_SEEDS: dict[str, Callable[[dict[str, list]], float]] = {
    "errors": lambda counts: np.mean(counts["errors"]),
    "accuracy": lambda counts: 1 - np.mean(counts["errors"]) / 10_000,
    "spread": lambda counts: np.ptp(counts["errors"]),
    "max_minutes": lambda counts: max(counts["seconds"]) / 60,
}


def without_a_part(version: str) -> float:
    """How many validation errors more the ten-minute network makes after a short training without a part."""
    errors = load_results("ten_minutes_parts")["val_errors"]
    return np.mean(errors[version]) - np.mean(errors["all of it"])


OF_THE_COURSE: dict[str, Callable[[], float]] = {
    "reference.minutes": lambda: sum(record(run)["seconds"] for run in RUNS) / 60,
    "published.mlp": lambda: 0.9756,
    "published.cnn": lambda: 0.9853,
    "published.deep_cnn": lambda: 0.9926,
    # One convolution of 32 filters, one of 64, whose maps are pooled to 5×5, and the two dense layers.
    "ablation.depth.more_parameters": lambda: (
        (10 * 32 + (9 * 32 + 1) * 64 + (25 * 64 + 1) * 256 + 257 * 10) / record("deep_cnn")["parameters"] - 1
    ),
    "ablation.errors": lambda: errors_without(None).mean(),
    "views.repaired": lambda: printed("07", "nine views", "repaired")[0],
    "views.new": lambda: printed("07", "nine views", "repaired")[1],
    "views.p": lambda: mcnemar_exact(*map(int, printed("07", "nine views", "repaired"))),
    "parts.augmentation": lambda: without_a_part("no augmentation"),
    "parts.normalization": lambda: without_a_part("no normalization"),
    "elsewhere.amx.seconds": lambda: 30.7,
    "elsewhere.amx.seconds_in_bfloat16": lambda: 13.7,
    "bench.price_of_steps": lambda: training_times()["price_of_steps_seconds"],
    "cnn.epochs_to_pass_mlp": lambda: (
        1 + np.argmax(np.array(history("cnn", "val_loss")) < min(history("mlp", "val_loss")))
    ),
    "mlp.shift_3": lambda: after_shift(3)["mlp"],
    "mlp.shift_4": lambda: after_shift(4)["mlp"],
    "cnn.shift_4": lambda: after_shift(4)["cnn"],
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
    "test.upside_down": lambda: np.isin(labels_of("test"), [3, 4, 7]).sum(),
    "all.agree": lambda: (np.ptp(readings()[all_wrong()], axis=1) == 0).sum(),
    "all.wrong": lambda: all_wrong().sum(),
    "reliability.intervals": lambda: sum(len(bins(run)) for run in RUNS),
    "data.ink_accuracy": lambda: nearest_mean_accuracy(lambda images: images.mean(axis=1, keepdims=True)),
    "data.nearest_mean_accuracy": lambda: nearest_mean_accuracy(lambda images: images),
}


class Results(Mapping[str, float]):
    """Names and numbers. A number is computed when it is asked for: most need no network to predict."""

    def __init__(self, rules: dict[str, Callable[[], float]]):
        self._rules = rules

    def __getitem__(self, name: str) -> float:
        return float(self._rules[name]())

    def __contains__(self, name: object) -> bool:
        return name in self._rules

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


@functools.cache
def results() -> Mapping[str, float]:
    rule = functools.partial
    return Results(
        {f"{run}.{name}": rule(of, run) for run in RUNS for name, of in OF_A_RUN.items()}
        | {f"{BEST_RUN}.{name}": rule(OF_A_RUN[name], BEST_RUN) for name in OF_THE_BEST}
        | {
            f"{a}_{b}.{name}": rule(of, a, b)
            for a, b in [*PAIRS, ("deep_cnn", BEST_RUN)]
            for name, of in OF_A_PAIR.items()
        }
        | {
            f"ten_minutes_seeds.{name}": lambda of=of: of(load_results("ten_minutes_seeds"))
            for name, of in OF_SEEDS.items()
        }
        | {
            name.format(path.stem[:2]): rule(of, path)
            for path in NOTEBOOKS
            for name, of in OF_A_NOTEBOOK.items()
        }
        | {
            f"bench.{run}.{recipe}.{name}": rule(of, run, recipe)
            for run in RUNS
            for recipe, measured in trainings(run).items()
            for name, (key, of) in OF_A_TRAINING.items()
            if key in measured
        }
        | {f"bench.{run}.{name}": rule(of, run) for run in RUNS for name, of in OF_AN_EPOCH.items()}
        | {
            f"elsewhere.{machine}.{run}": lambda factor=factor: factor
            for machine, factors in ELSEWHERE.items()
            for run, factor in factors.items()
        }
        | {f"optimizers.{name}": of for name, of in OF_OPTIMIZERS.items()}
        | {
            f"ablation.{part}.{name}": rule(of, part)
            for part in VARIANTS
            for name, of in OF_AN_ABLATION.items()
        }
        | {f"{part}.{name}": rule(of, part) for part in PARTS for name, of in OF_LABELS.items()}
        | OF_THE_COURSE
    )
