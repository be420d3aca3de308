"""What ``js/training_run.js`` does, in numpy, for print and for tests: same start, batches and steps."""

from itertools import pairwise

import numpy as np

from mnist_helpers.checks import CLASSES, SIDE

TRAINING, VALIDATION = 5000, 1000  # digits
TOO_LARGE = 10  # times He's start
SEEDS = 1000  # more than there are epochs
# What a layer makes of its sums, and the slope of that, by what it made
ACTIVATIONS = {
    "relu": (lambda sums: np.maximum(sums, 0), lambda values: values > 0),
    "tanh": (np.tanh, lambda values: 1 - values**2),
    "sigmoid": (lambda sums: 1 / (1 + np.exp(-sums)), lambda values: values * (1 - values)),
    "linear": (lambda sums: sums, np.ones_like),
}


def start_weights(hidden: list[int], start: str, seed: int) -> list[list[np.ndarray]]:
    """The weights and biases that each layer starts with: uniform, with the variance of He et al. (2015)."""
    shapes = list(pairwise([SIDE * SIDE, *hidden, CLASSES]))
    random = iter(np.random.default_rng(seed).random(sum(inputs * units for inputs, units in shapes)))
    scale = {"He": 1, "zeros": 0, "too large": TOO_LARGE}[start]
    layers = []
    for inputs, units in shapes:
        values = np.fromiter(random, float, inputs * units).reshape(inputs, units)
        weights = scale * np.sqrt(6 / inputs) * (2 * values - 1)
        layers.append([weights.astype("float32"), np.zeros(units, "float32")])
    return layers


def train(settings: dict, images: np.ndarray, labels: np.ndarray, epochs: int) -> tuple[dict, list]:
    """Train a network as the page does.

    Parameters
    ----------
    settings : the widget's, by name.
    images : float32 in [0, 1], ``(6000, 784)``: those to train on, then the validation digits.
    labels : one-hot, float32, ``(6000, 10)``.
    epochs : how often the training digits are gone through.

    Returns
    -------
    The history, a dict of lists, and the layers, each a list of weights and biases.
    """
    activation, count, size = settings["activation"], settings["images"], settings["batch_size"]
    layers = start_weights(settings["hidden"], settings["start"], settings["seed"])
    changes = [[np.zeros_like(part) for part in layer] for layer in layers]
    history = {name: [] for name in ("steps", "loss", "accuracy", "val_loss", "val_accuracy")}
    measure(history, 0, layers, activation, images, labels, count)
    steps, following = 0, 1
    with np.errstate(all="ignore"):  # it may diverge
        for epoch in range(epochs):
            order = np.argsort(
                np.random.default_rng(settings["seed"] * SEEDS + epoch).random(count), kind="stable"
            )
            for begin in range(0, count, size):
                batch = order[begin : begin + size]
                step(layers, changes, settings, images[batch], labels[batch])
                steps += 1
                if steps >= following or begin + size >= count:
                    measure(history, steps, layers, activation, images, labels, count)
                    following = max(steps + 1, -(-steps * 6 // 5))
    return history, layers


def forward(layers: list, activation: str, images: np.ndarray) -> list[np.ndarray]:
    """The images, then the outputs of each layer; the last are the logarithms of probabilities."""
    values = [images]
    for weights, biases in layers[:-1]:
        values.append(ACTIVATIONS[activation][0](values[-1] @ weights + biases))
    sums = values[-1] @ layers[-1][0] + layers[-1][1]
    sums = sums - sums.max(axis=1, keepdims=True)
    return [*values, sums - np.log(np.exp(sums).sum(axis=1, keepdims=True))]


def step(layers: list, changes: list, settings: dict, images: np.ndarray, labels: np.ndarray) -> None:
    """One step of gradient descent; modifies the layers and their changes, which momentum adds again."""
    *values, logarithms = forward(layers, settings["activation"], images)
    slopes = (np.exp(logarithms) - labels) / len(images)
    for i in reversed(range(len(layers))):
        gradients = values[i].T @ slopes, slopes.sum(axis=0)
        if i:
            slopes = slopes @ layers[i][0].T * ACTIVATIONS[settings["activation"]][1](values[i])
        for part in (0, 1):
            changes[i][part] = settings["momentum"] * changes[i][part] - settings["rate"] * gradients[part]
            layers[i][part] = layers[i][part] + changes[i][part]


def measure(history: dict, steps: int, layers: list, activation: str, images, labels, count: int) -> None:
    """Append what the page measures: on the first 1,000 training digits, and on the validation digits."""
    history["steps"].append(steps)
    for kind, part in (("", slice(0, min(count, VALIDATION))), ("val_", slice(TRAINING, None))):
        logarithms = forward(layers, activation, images[part])[-1]
        right = logarithms.argmax(axis=1) == labels[part].argmax(axis=1)
        history[f"{kind}loss"].append(float(-(logarithms * labels[part]).sum(axis=1).mean()))
        history[f"{kind}accuracy"].append(float(right.mean()))
