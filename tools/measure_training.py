"""Measure how fast the networks train, each recipe beside the others: ``make bench``.

One training is one process, started cold; the recipes take turns, so that what else the machine does
falls on all of them. No recipe measures validation while it trains; all are scored when they are done.
The record is what notebook 07 draws and quotes, so it goes to ``mnist_helpers/reference``. Levers of which
only the speed is of interest train a few epochs: their whole time is the first epoch and 29 times the median
of the others. With ``QUICK=1`` so is that of the start recipe.
"""

import argparse
import ast
import functools
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_helpers import load_run, load_splits, save_results, shuffled_batches
from mnist_helpers.reference import REFERENCE_FOLDER
from tools.course import BUILD, COMPARED, ROOT, read

LESSON = ROOT / "notebooks" / "07_faster_training.ipynb"
SEEDS = (1998, 1999, 2000)
EPOCHS = 30
QUICK_EPOCHS = 3


def new(network: str, seed: int):
    import keras

    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(load_run(network)[0])


def splits(network: str) -> tuple:
    """The three splits in the layout that a network reads."""
    return load_splits("flat" if load_run(network)[0].input_shape == (None, 784) else "channels")


def start(network: str, epochs: int, seed: int, steps_per_execution: int = 1):
    """The recipe that the course starts from."""
    model = new(network, seed)
    model.compile(
        loss="categorical_crossentropy",
        optimizer="sgd",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    train, _, _ = splits(network)
    model.fit(*train, batch_size=32, epochs=epochs, verbose=0)
    return model


def batches_ready(network: str, epochs: int, seed: int, batch_size=32, rate=0.01, calls=100, **options):
    """The levers of notebook 07 from the second on, each with those before it."""
    import keras

    model = new(network, seed)
    optimizer = keras.optimizers.SGD(rate)
    model.compile(
        optimizer, "categorical_crossentropy", metrics=["accuracy"], steps_per_execution=calls, **options
    )
    train, _, _ = splits(network)
    batches = shuffled_batches(*train, batch_size, 50_000 // batch_size, seed)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    return model


def fast(network: str, epochs: int, seed: int):
    """The recipe of notebook 07, as it stands there; how many epochs is a part of it."""
    lesson = recipe_of_the_lesson()
    model = new(network, seed)
    train, _, _ = splits(network)
    lesson["train_fast"](model, *train, *lesson["RECIPES"][network], seed)
    return model


def recipe_of_the_lesson() -> dict:
    """`train_fast` and `RECIPES` as notebook 07 defines them."""
    statements = [
        node
        for cell in read(LESSON).cells
        if cell.cell_type == "code" and ("def train_fast" in cell.source or "RECIPES = " in cell.source)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        or getattr(node, "name", None) == "train_fast"
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RECIPES")
    ]
    exec(compile(ast.Module(statements, []), str(LESSON), "exec"), namespace := {})
    return namespace


def fast_in_bfloat16(network: str, epochs: int, seed: int):
    """The recipe of notebook 07 with numbers of 16 bits, for processors that compute with them."""
    import keras

    def in_bfloat16(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "mixed_bfloat16"})

    keras.models.clone_model = functools.partial(keras.models.clone_model, clone_function=in_bfloat16)
    return fast(network, epochs, seed)


RECIPES: dict[str, Callable] = {
    "start": start,
    "calls_of_100": functools.partial(start, steps_per_execution=100),
    "batches_ready": batches_ready,
    "compiled": functools.partial(batches_ready, jit_compile=True),
    "larger_batches": functools.partial(batches_ready, batch_size=128, rate=0.04, calls=390),
    "fast": fast,
    "fast_in_bfloat16": fast_in_bfloat16,
}
LEVERS = ("calls_of_100", "batches_ready", "compiled", "larger_batches")


def train(recipe: str, network: str, epochs: int, seed: int) -> dict:
    """Train in this process: the seconds of each epoch, the peak of memory, the scores of the network."""
    import keras

    fit, times, histories = keras.Model.fit, [], []

    def timed_fit(*arguments, **options):
        begin = time.perf_counter()
        ends = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter()))
        histories.append(fit(*arguments, callbacks=[ends], **options).history)
        times[-1] = time.perf_counter()  # the end of fit belongs to the last epoch
        times[:] = np.diff([begin, *times]).tolist()

    keras.Model.fit = timed_fit
    model = RECIPES[recipe](network, epochs, seed)
    _, validation, test = splits(network)
    return {
        "epoch_seconds": times,
        "losses": histories[0]["loss"],
        "val_accuracy": model.evaluate(*validation, batch_size=500, verbose=0)[1],
        "test_accuracy": model.evaluate(*test, batch_size=500, verbose=0)[1],
    }


def in_a_process(recipe: str, network: str, epochs: int, seed: int) -> dict:
    """Train in a new process."""
    command = [sys.executable, "-m", "tools.measure_training"]
    command += [recipe, network, "--epochs", str(epochs), "--seed", str(seed)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
    return {"seed": seed} | json.loads(run.stdout.splitlines()[-1])


def limit(network: str) -> float:
    """Seconds that the multiplications and additions of an epoch take in a large matrix product, here.

    An epoch shows 50,000 images. For each, a product of two numbers in the forward pass has two more in
    the backward pass, one for the gradient of the weights and one for that of the layer's inputs.
    """
    products = sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in load_run(network)[0].layers
        if hasattr(layer, "kernel")
    )
    return 50_000 * 3 * 2 * products / operations_a_second()


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
    epochs, first = QUICK_EPOCHS if quick else EPOCHS, SEEDS[0]
    levers = LEVERS if network == "mlp" else LEVERS[:1]
    trainings = [("start", epochs, first), *((lever, QUICK_EPOCHS, first) for lever in levers)]
    for seed in SEEDS:
        trainings += [("fast", 0, seed), ("fast_in_bfloat16", 0, seed)]
    return trainings


def summary(runs: list[dict], epochs: int) -> dict:
    """One entry of the record: medians over the runs of a recipe, and over the epochs after the first."""
    entry = {}
    if epochs:
        [run] = runs
        first, *others = run["epoch_seconds"]
        entry = {"epoch_seconds": statistics.median(others)}
        if epochs < EPOCHS:
            seconds = first + (EPOCHS - 1) * entry["epoch_seconds"]
            return entry | {"fit_seconds": seconds, "extrapolated_from_epochs": epochs}
    scores = {
        f"{part}_accuracies": {str(run["seed"]): run[f"{part}_accuracy"] for run in runs}
        for part in ("val", "test")
    }
    return entry | scores | {"fit_seconds": statistics.median(sum(run["epoch_seconds"]) for run in runs)}


def measure(quick: bool) -> dict:
    """Train each network by each recipe; the record of it."""
    networks = {}
    for network in COMPARED:
        runs: dict[str, list[dict]] = {}
        epochs_of = {}
        for recipe, epochs, seed in plan(network, quick):
            run = in_a_process(recipe, network, epochs, seed)
            runs.setdefault(recipe, []).append(run)
            epochs_of[recipe] = epochs
            print(f"{network:10}{recipe:18}{seed:6}{sum(run['epoch_seconds']):9.2f} s", flush=True)
        losses, in_calls = (runs[recipe][0]["losses"] for recipe in ("start", "calls_of_100"))
        networks[network] = {
            "recipes": {recipe: summary(of, epochs_of[recipe]) for recipe, of in runs.items()},
            "same_losses": losses[:QUICK_EPOCHS] == in_calls,
            "limit_seconds_an_epoch": limit(network),
        }
    return {
        "networks": networks,
        "price_of_steps_seconds": price_of_steps(),
        "gigaflops": operations_a_second() / 1e9,
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    information = Path("/proc/cpuinfo")
    found = information.is_file() and re.search(r"model name\s*: (.+)", information.read_text())
    return found[1] if found else platform.processor()


def table(record: dict) -> str:
    lines = []
    for network, measured in record["networks"].items():
        recipes = measured["recipes"]
        lines.append(f"\n{network:18}{'fit':>9}{'factor':>8}   test accuracy")
        for recipe, entry in recipes.items():
            factor = recipes["start"]["fit_seconds"] / entry["fit_seconds"]
            scores = " ".join(f"{value:.4f}" for value in entry.get("test_accuracies", {}).values())
            extrapolated = f"extrapolated from {entry.get('extrapolated_from_epochs')} epochs"
            lines.append(f"{recipe:18}{entry['fit_seconds']:7.1f} s{factor:8.1f}   {scores or extrapolated}")
        lines.append(
            f"an epoch: {recipes['start']['epoch_seconds']:.2f} s by the start recipe, "
            f"{recipes['calls_of_100']['epoch_seconds']:.2f} s in calls of 100 steps "
            f"({'the same' if measured['same_losses'] else 'NOT the same'} losses); "
            f"{measured['limit_seconds_an_epoch']:.2f} s in one large matrix product"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train once, in this process; without arguments, all of it.")
    parser.add_argument("recipe", nargs="?", choices=RECIPES)
    parser.add_argument("network", nargs="?", choices=COMPARED)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEEDS[0])
    wish = parser.parse_args()
    if wish.recipe:
        print(json.dumps(train(wish.recipe, wish.network, wish.epochs, wish.seed)))
        return
    quick = bool(os.environ.get("QUICK"))
    record = measure(quick)
    print(table(record))
    # What is extrapolated does not take the place of what was measured.
    folder = BUILD if quick else REFERENCE_FOLDER
    folder.mkdir(exist_ok=True)
    save_results(folder, "training_times", record)
    print(f"\nThe record: {folder / 'training_times.json'}")


if __name__ == "__main__":
    main()
