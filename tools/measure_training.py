"""Measure how fast the networks train, each recipe beside the others: ``make bench``.

One training is one process, started cold; the recipes take turns, so that what else the machine does
falls on all of them. No recipe measures validation while it trains; all are scored when they are done.
The record is what notebook 07 draws and quotes, so it goes to ``mnist_helpers/reference``. Levers of which
only the speed is of interest train a few epochs: their whole time is the first epoch and 29 times the median
of the others. With ``QUICK=1`` so is that of the start recipe.
"""

import ast
import functools
import math
import multiprocessing
import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from mnist_helpers import load_run, load_splits, quiet_start, save_results, shuffled_batches
from mnist_helpers.reference import REFERENCE_FOLDER
from tools.course import BUILD, COMPARED, ROOT, read

SEEDS = (1998, 1999, 2000)
EPOCHS = 30
QUICK_EPOCHS = 3
IMAGES = 50_000


def new(network: str, seed: int, dtype: str = "float32"):
    """An untrained network."""
    import keras

    def with_dtype(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": dtype})

    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(load_run(network)[0], clone_function=with_dtype)


def splits(network: str) -> tuple:
    """The three splits in the layout that a network reads."""
    return load_splits("flat" if load_run(network)[0].input_shape == (None, 784) else "channels")


def sgd(network: str, epochs: int, seed: int, calls=1, ready=False, batch_size=32, rate=0.01, **options):
    """The recipe that the course starts from, and the levers that notebook 07 pulls one after another.

    `calls` is how many steps each call takes; batches are `ready` if they are shuffled beforehand.
    """
    import keras

    model, ((x, y), _, _) = new(network, seed), splits(network)
    options |= {"metrics": ["accuracy"], "steps_per_execution": calls}
    model.compile(keras.optimizers.SGD(rate), "categorical_crossentropy", **options)
    if ready:
        batches = shuffled_batches(x, y, batch_size, IMAGES // batch_size, seed)
        model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    else:
        model.fit(x, y, batch_size, epochs, verbose=0)
    return model


def fast(network: str, epochs: int, seed: int, dtype: str = "float32"):
    """The recipe of notebook 07, as it stands there; how many epochs is a part of it."""
    lesson, model = recipe_of_the_lesson(), new(network, seed, dtype)
    lesson["train_fast"](model, *splits(network)[0], *lesson["RECIPES"][network], seed)
    return model


def recipe_of_the_lesson() -> dict:
    """`train_fast` and `RECIPES` as notebook 07 defines them."""
    cells = read(ROOT / "notebooks" / "07_faster_training.ipynb").cells
    code = ast.parse("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
    wanted = ("import ", "from ", "def train_fast(", "RECIPES = ")
    statements = [text for text in map(ast.unparse, code.body) if text.startswith(wanted)]
    exec("\n".join(statements), namespace := {})
    return namespace


RECIPES: dict[str, Callable] = {
    "start": sgd,
    "calls_of_100": functools.partial(sgd, calls=100),
    "batches_ready": functools.partial(sgd, calls=100, ready=True),
    "compiled": functools.partial(sgd, calls=100, ready=True, jit_compile=True),
    "larger_batches": functools.partial(sgd, calls=390, ready=True, batch_size=128, rate=0.04),
    "fast": fast,
    "fast_in_bfloat16": functools.partial(fast, dtype="mixed_bfloat16"),
}
LEVERS = ("calls_of_100", "batches_ready", "compiled", "larger_batches")


@quiet_start()
def train(recipe: str, network: str, epochs: int, seed: int) -> dict:
    """Train in this process: the seconds and the loss of each epoch, and the scores of the network."""
    import keras

    fit, times, losses = keras.Model.fit, [], []

    def timed_fit(*arguments, **options):
        times.append(time.perf_counter())
        ends = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter()))
        losses.extend(fit(*arguments, callbacks=[ends], **options).history["loss"])
        times[-1] = time.perf_counter()  # the end of fit belongs to the last epoch

    keras.Model.fit = timed_fit
    model = RECIPES[recipe](network, epochs, seed)
    _, validation, test = splits(network)
    return {
        "seed": seed,
        "epoch_seconds": np.diff(times).tolist(),
        "losses": losses,
        "val_accuracy": model.evaluate(*validation, batch_size=500, verbose=0)[1],
        "test_accuracy": model.evaluate(*test, batch_size=500, verbose=0)[1],
    }


def limit(network: str) -> float:
    """Seconds that the multiplications and additions of an epoch take in a large matrix product, here.

    For each image, a product of two numbers in the forward pass has two more in the backward pass, one for
    the gradient of the weights and one for that of the layer's inputs.
    """
    products = sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in load_run(network)[0].layers
        if hasattr(layer, "kernel")
    )
    return IMAGES * 3 * 2 * products / operations_a_second()


@functools.cache
def operations_a_second(n: int = 2048) -> float:
    """Float32 additions and multiplications a second in a product of two n×n matrices: the median of 20."""
    import tensorflow as tf

    matrix = tf.random.normal((n, n))
    times = []
    for _ in range(21):
        begin = time.perf_counter()
        (matrix @ matrix).numpy()
        times.append(time.perf_counter() - begin)
    return 2 * n**3 / statistics.median(times[1:])


def price_of_steps(steps: int = 2000) -> float:
    """Seconds that 1,563 steps take the MLP in plain `fit` if a step holds one image only."""
    (images, labels), _, _ = load_splits("flat")
    model = new("mlp", SEEDS[0])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[:500], labels[:500], batch_size=1, verbose=0)
    begin = time.perf_counter()
    model.fit(images[:steps], labels[:steps], batch_size=1, verbose=0)
    return 1563 / steps * (time.perf_counter() - begin)


def plan(network: str, quick: bool) -> list[tuple[str, int, int]]:
    """What to measure of a network, in this order: recipe, epochs, seed."""
    levers = LEVERS if network == "mlp" else LEVERS[:1]
    return [
        ("start", QUICK_EPOCHS if quick else EPOCHS, SEEDS[0]),
        *((lever, QUICK_EPOCHS, SEEDS[0]) for lever in levers),
        *((recipe, 0, seed) for seed in SEEDS for recipe in ("fast", "fast_in_bfloat16")),
    ]


def summary(runs: list[dict]) -> dict:
    """One entry of the record: medians over the runs of a recipe, and over the epochs after the first."""
    first, *others = runs[0]["epoch_seconds"]
    entry = {"epoch_seconds": statistics.median(others)} if others else {}
    if others and len(others) < EPOCHS - 1:
        seconds = first + (EPOCHS - 1) * entry["epoch_seconds"]
        return entry | {"fit_seconds": seconds, "extrapolated_from_epochs": 1 + len(others)}
    for part in ("val", "test"):
        entry[f"{part}_accuracies"] = {str(run["seed"]): run[f"{part}_accuracy"] for run in runs}
    return entry | {"fit_seconds": statistics.median(sum(run["epoch_seconds"]) for run in runs)}


def measure(quick: bool) -> dict:
    """Train each network by each recipe; the record of it."""
    networks = {}
    # For each training a process of its own
    one = {"max_workers": 1, "max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")}
    with ProcessPoolExecutor(**one) as process:
        for network in COMPARED:
            runs: dict[str, list[dict]] = {}
            for recipe, epochs, seed in plan(network, quick):
                run = process.submit(train, recipe, network, epochs, seed).result()
                runs.setdefault(recipe, []).append(run)
                print(f"{network:10}{recipe:18}{seed:6}{sum(run['epoch_seconds']):9.2f} s", flush=True)
            losses, in_calls = (runs[recipe][0]["losses"] for recipe in ("start", "calls_of_100"))
            networks[network] = {
                "recipes": {recipe: summary(of_recipe) for recipe, of_recipe in runs.items()},
                "same_losses": losses[:QUICK_EPOCHS] == in_calls,
                "limit_seconds_an_epoch": limit(network),
            }
            report(**networks[network])
    rest = {"price_of_steps_seconds": price_of_steps(), "gigaflops": operations_a_second() / 1e9}
    return {"networks": networks, **rest, **machine()}


def report(recipes: dict, same_losses: bool, limit_seconds_an_epoch: float) -> None:
    """Print what was measured of a network."""
    print(f"\n{'':18}{'fit':>9}{'an epoch':>10}{'factor':>8}   test accuracy")
    for recipe, entry in recipes.items():
        whole, epoch = entry["fit_seconds"], entry.get("epoch_seconds", math.nan)
        scores = " ".join(f"{value:.4f}" for value in entry.get("test_accuracies", {}).values())
        factor = recipes["start"]["fit_seconds"] / whole
        print(f"{recipe:18}{whole:7.1f} s{epoch:8.2f} s{factor:8.1f}   {scores or 'extrapolated'}")
    print(f"{'matrix product':27}{limit_seconds_an_epoch:8.2f} s")
    print(f"The losses are {'' if same_losses else 'NOT '}the same in calls of 100 steps.\n")


def machine() -> dict:
    """What the times were measured on; the processor's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    named = information.is_file() and re.search(r"model name\s*: (.+)", information.read_text())
    return {
        "processor": named[1] if named else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def main() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    quick = bool(os.environ.get("QUICK"))
    record = measure(quick)
    # What is extrapolated does not take the place of what was measured.
    folder = BUILD if quick else REFERENCE_FOLDER
    folder.mkdir(exist_ok=True)
    save_results(folder, "training_times", record)
    print(f"The record: {folder / 'training_times.json'}")


if __name__ == "__main__":
    main()
