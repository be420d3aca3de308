"""Measure how fast the networks train, each recipe beside the others: ``make bench``.

One training is one process, started cold; the recipes take turns, so that what else the machine does
falls on all of them. The record goes into training.json beside this file, a picture into training.png.
Of PyTorch, if it is installed, only the speed is of interest: it trains a few epochs, from which its time
is extrapolated. With ``QUICK=1`` so does the start recipe. Every figure that is extrapolated says so.
"""

import argparse
import ast
import functools
import importlib.util
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np

import course
from mnist_helpers import load_run, load_splits

RECORD = Path(__file__).with_suffix(".json")
LESSON = course.ROOT / "notebooks" / "07_faster_training.ipynb"
LAYOUTS = {"mlp": "flat", "cnn": "channels", "deep_cnn": "channels"}
SEEDS = (1998, 1999, 2000)
EPOCHS = 30
QUICK_EPOCHS = 3


def start(network: str, epochs: int, seed: int, steps_per_execution: int = 1) -> dict:
    """The recipe that the course starts from."""
    import keras

    train, validation, test = load_splits(LAYOUTS[network])
    keras.utils.set_random_seed(seed)
    model = keras.models.clone_model(load_run(network)[0])
    model.compile(
        loss="categorical_crossentropy",
        optimizer="sgd",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    history = model.fit(*train, batch_size=32, epochs=epochs, validation_data=validation, verbose=0)
    return {"test_accuracy": model.evaluate(*test, verbose=0)[1], "history": history.history}


def start_in_calls_of_100(network: str, epochs: int, seed: int) -> dict:
    """The same arithmetic, with a hundred steps in one call."""
    return start(network, epochs, seed, steps_per_execution=100)


def fast(network: str, epochs: int, seed: int) -> dict:
    """The recipe of notebook 07, as it stands there; how many epochs is a part of it."""
    import keras

    lesson = recipe_of_the_lesson()
    train, _, test = load_splits(LAYOUTS[network])
    keras.utils.set_random_seed(seed)
    model = keras.models.clone_model(load_run(network)[0])
    lesson["train_fast"](model, *train, *lesson["RECIPES"][network], seed)
    return {"test_accuracy": model.evaluate(*test, verbose=0)[1]}


def recipe_of_the_lesson() -> dict:
    """`train_fast` and `RECIPES` as notebook 07 defines them."""
    statements = [
        node
        for cell in nbformat.read(LESSON, as_version=4).cells
        if cell.cell_type == "code" and ("def train_fast" in cell.source or "RECIPES = " in cell.source)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        or getattr(node, "name", None) == "train_fast"
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RECIPES")
    ]
    exec(compile(ast.Module(statements, []), str(LESSON), "exec"), namespace := {})
    return namespace


def fast_in_bfloat16(network: str, epochs: int, seed: int) -> dict:
    """The recipe of notebook 07 with numbers of 16 bits, for processors that compute with them."""
    import keras

    def in_bfloat16(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "mixed_bfloat16"})

    keras.models.clone_model = functools.partial(keras.models.clone_model, clone_function=in_bfloat16)
    return fast(network, epochs, seed)


def pytorch(network: str, epochs: int, seed: int) -> dict:
    """The start recipe in PyTorch, with PyTorch's own start of the weights."""
    import torch
    from torch import nn

    (x, y), (x_val, y_val), (x_test, y_test) = (
        (torch.from_numpy(images), torch.from_numpy(labels.argmax(axis=1)))
        for images, labels in load_splits(LAYOUTS[network])
    )
    if network != "mlp":
        x, x_val, x_test = (images.permute(0, 3, 1, 2).contiguous() for images in (x, x_val, x_test))
    torch.manual_seed(seed)
    model = nn.Sequential(*_torch_layers(network, nn))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()

    def accuracy(images, labels) -> float:
        model.eval()
        with torch.no_grad():
            found = torch.cat([model(some).argmax(dim=1) for some in images.split(500)])
        return float((found == labels).float().mean())

    begin = time.perf_counter()
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss_of(model(x[rows]), y[rows]).backward()
            optimizer.step()
        accuracy(x_val, y_val)
    seconds = time.perf_counter() - begin
    return {"test_accuracy": accuracy(x_test, y_test), "fit_seconds": seconds}


def _torch_layers(network: str, nn) -> list:
    if network == "mlp":
        hidden = [layer for inputs in (784, 256, 256) for layer in (nn.Linear(inputs, 256), nn.ReLU())]
        return [*hidden, nn.Linear(256, 10)]

    def convolution(a: int, b: int) -> list:
        return [nn.Conv2d(a, b, 3), nn.ReLU()]

    if network == "cnn":
        pool = [nn.MaxPool2d(2)]
        features = [*convolution(1, 32), *pool, *convolution(32, 32), *pool, nn.Flatten()]
        return [*features, nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10)]
    pool = [nn.MaxPool2d(2), nn.Dropout(0.25)]
    features = [*convolution(1, 32), *convolution(32, 32), *pool, *convolution(32, 64), *convolution(64, 64)]
    dense = [nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)]
    return [*features, *pool, nn.Flatten(), *dense]


RECIPES: dict[str, Callable[..., dict]] = {
    recipe.__name__: recipe for recipe in (start, start_in_calls_of_100, fast, fast_in_bfloat16, pytorch)
}


def train(recipe: str, network: str, epochs: int, seed: int) -> dict:
    """Train in this process, and say how long ``fit`` took and how much memory was in use at most."""
    import keras

    fit, spent = keras.Model.fit, []

    def timed_fit(*arguments, **options):
        begin = time.perf_counter()
        history = fit(*arguments, **options)
        spent.append(time.perf_counter() - begin)
        return history

    keras.Model.fit = timed_fit
    outcome = RECIPES[recipe](network, epochs, seed)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"fit_seconds": sum(spent), "peak_megabytes": round(kilobytes / 1024)} | outcome


def in_a_process(recipe: str, network: str, epochs: int, seed: int) -> dict:
    """Train in a new process; ``seconds`` is the time from its start to its end."""
    command = [sys.executable, "-m", "tests.benchmarks.training"]
    command += [recipe, network, "--epochs", str(epochs), "--seed", str(seed)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    begin = time.perf_counter()
    run = subprocess.run(command, cwd=course.ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
    return {"seconds": seconds, "seed": seed} | json.loads(run.stdout.splitlines()[-1])


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


def plan(quick: bool) -> list[tuple[str, int, int]]:
    """What to measure of each network, in this order: recipe, epochs, seed."""
    epochs, first = QUICK_EPOCHS if quick else EPOCHS, SEEDS[0]
    trainings = [("start", epochs, first), ("start_in_calls_of_100", QUICK_EPOCHS, first)]
    for seed in SEEDS:
        trainings += [("fast", 0, seed), ("fast_in_bfloat16", 0, seed)]
    if importlib.util.find_spec("torch"):
        trainings.append(("pytorch", QUICK_EPOCHS, first))
    return trainings


def summary(recipe: str, runs: list[dict], epochs: int) -> dict:
    """One entry of the record: medians over the runs of a recipe."""
    fit = statistics.median(run["fit_seconds"] for run in runs)
    around = statistics.median(run["seconds"] - run["fit_seconds"] for run in runs)
    entry = {"peak_megabytes": max(run["peak_megabytes"] for run in runs)}
    if 0 < epochs < EPOCHS:
        return entry | {
            "epoch_seconds": fit / epochs,
            "fit_seconds": fit / epochs * EPOCHS,
            "seconds": fit / epochs * EPOCHS + around,
            "extrapolated_from_epochs": epochs,
        }
    if epochs:
        entry["epoch_seconds"] = fit / epochs
    return entry | {
        "fit_seconds": fit,
        "seconds": fit + around,
        "test_accuracy": float(np.mean([run["test_accuracy"] for run in runs])),
        "test_accuracies": {str(run["seed"]): run["test_accuracy"] for run in runs},
    }


def measure(quick: bool) -> dict:
    """Train each network by each recipe; the record of it, for training.json."""
    networks = {}
    for network in LAYOUTS:
        runs: dict[str, list[dict]] = {}
        epochs_of = {}
        for recipe, epochs, seed in plan(quick):
            run = in_a_process(recipe, network, epochs, seed)
            runs.setdefault(recipe, []).append(run)
            epochs_of[recipe] = epochs
            print(f"{network:10}{recipe:24}{seed:6}{run['fit_seconds']:9.2f} s", flush=True)
        entries = {recipe: summary(recipe, of, epochs_of[recipe]) for recipe, of in runs.items()}
        start_of, same = (runs[recipe][0]["history"] for recipe in ("start", "start_in_calls_of_100"))
        networks[network] = {
            "recipes": entries,
            "same_history": all(start_of[key][:QUICK_EPOCHS] == same[key] for key in same),
            "limit_seconds_an_epoch": limit(network),
        }
    return {
        "networks": networks,
        "gigaflops": operations_a_second() / 1e9,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def table(record: dict) -> str:
    lines = []
    for network, measured in record["networks"].items():
        recipes = measured["recipes"]
        lines.append(f"\n{network:24}{'fit':>9}{'in all':>9}{'factor':>8}{'MB':>7}   test accuracy")
        for recipe, entry in recipes.items():
            factor = recipes["start"]["fit_seconds"] / entry["fit_seconds"]
            right = " ".join(f"{value:.4f}" for value in entry.get("test_accuracies", {}).values())
            extrapolated = entry.get("extrapolated_from_epochs")
            lines.append(
                f"{recipe:24}{entry['fit_seconds']:7.1f} s{entry['seconds']:7.1f} s{factor:8.1f}"
                f"{entry['peak_megabytes']:7}   "
                + (f"extrapolated from {extrapolated} epochs" if extrapolated else right)
            )
        epoch = recipes["start"]["epoch_seconds"]
        lines.append(
            f"an epoch: {epoch:.2f} s by the start recipe, "
            f"{recipes['start_in_calls_of_100']['epoch_seconds']:.2f} s in calls of 100 steps "
            f"({'the same' if measured['same_history'] else 'NOT the same'} history); "
            f"{measured['limit_seconds_an_epoch']:.2f} s in one large matrix product"
        )
    return "\n".join(lines)


def picture(record: dict, path: Path) -> None:
    """Seconds in ``fit`` by network and recipe, on a scale of powers of ten."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, len(LAYOUTS), figsize=(11, 3), sharey=True, constrained_layout=True)
    for ax, (network, measured) in zip(axes, record["networks"].items(), strict=True):
        recipes = measured["recipes"]
        seconds = [entry["fit_seconds"] for entry in recipes.values()]
        stars = ["*" if "extrapolated_from_epochs" in entry else "" for entry in recipes.values()]
        bars = ax.barh([recipe.replace("_", " ") for recipe in recipes], seconds)
        ax.bar_label(bars, [f"{s:.1f}{star}" for s, star in zip(seconds, stars, strict=True)], padding=3)
        ax.set(title=network, xscale="log", xlabel="seconds in fit (* extrapolated)", xmargin=0.25)
    axes[0].invert_yaxis()
    plt.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train once, in this process; without arguments, all of it.")
    parser.add_argument("recipe", nargs="?", choices=RECIPES)
    parser.add_argument("network", nargs="?", choices=LAYOUTS)
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
    folder = course.ROOT / "build" if quick else RECORD.parent
    folder.mkdir(exist_ok=True)
    course.write_whole(folder / RECORD.name, json.dumps(record, indent=1) + "\n")
    picture(record, folder / f"{RECORD.stem}.png")
    print(f"\nThe record and a picture: {folder / RECORD.stem}.json and .png")


if __name__ == "__main__":
    main()
