"""MNIST: load and verify the file in this folder, and make the three splits that the course uses."""

import hashlib
import io
from pathlib import Path

import numpy as np

from mnist_helpers.checks import CLASSES, as_digits, whole
from mnist_helpers.files import remedy
from mnist_helpers.shared_arrays import save_arrays, shared_array

MNIST_FILE = Path(__file__).with_name("mnist.npz")
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
N_TRAIN = 50_000
PARTS = (slice(0, N_TRAIN), slice(N_TRAIN, -10_000), slice(-10_000, None))  # of all 70,000

Split = tuple[np.ndarray, np.ndarray]


def load_mnist() -> tuple[Split, Split]:
    """Load the complete MNIST database, as it was published.

    Gives the same arrays in the same order as ``keras.datasets.mnist.load_data()``, from a file that
    ships with the course. The file's SHA-256 is checked before anything in it is parsed.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : uint8 arrays
        Images ``(60000, 28, 28)`` and ``(10000, 28, 28)`` with values 0 (background) to 255 (ink),
        labels ``(60000,)`` and ``(10000,)`` with values 0 to 9.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not byte for byte the published one.
    """
    images, labels = shared_array("images"), shared_array("labels")
    if images is not None and labels is not None:
        return (images[:-10_000], labels[:-10_000]), (images[-10_000:], labels[-10_000:])
    restore = remedy("mnist_helpers/mnist.npz")
    if not MNIST_FILE.is_file():
        raise FileNotFoundError(f"the data file {MNIST_FILE} is missing; {restore}")
    content = MNIST_FILE.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != MNIST_SHA256:
        raise ValueError(
            f"the data file {MNIST_FILE} is damaged or has been changed: it has {len(content):,} bytes and "
            f"SHA-256 {found}, expected {MNIST_SHA256}; {restore}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def load_splits(layout: str) -> tuple[Split, Split, Split]:
    """Load the three splits, with images scaled and labels one-hot. Introduced in notebook 01.

    Parameters
    ----------
    layout : {"flat", "channels"}
        ``"flat"`` gives images as rows of 784 numbers, for dense layers; ``"channels"`` gives them as
        28×28 grids with one channel, for convolutional layers.

    Returns
    -------
    (x_train, y_train), (x_val, y_val), (x_test, y_test)
        50,000 training images (the first of MNIST's 60,000), 10,000 validation images (the last) and
        MNIST's 10,000 test images. Images are float32 in [0, 1], ``(n, 784)`` or ``(n, 28, 28, 1)``;
        labels are one-hot, float32, ``(n, 10)``.

    Raises
    ------
    ValueError
        If `layout` is another one.
    """
    shapes = {"flat": (-1, 784), "channels": (-1, 28, 28, 1)}
    if not isinstance(layout, str) or layout not in shapes:
        raise ValueError(f"layout must be 'flat' or 'channels', got {layout!r}")
    scaled, labels = shared_array("scaled"), shared_array("labels")
    if scaled is not None and labels is not None:
        return tuple((scaled[part].reshape(shapes[layout]), one_hot(labels[part])) for part in PARTS)
    (x, y), test = load_mnist()
    splits = (x[:N_TRAIN], y[:N_TRAIN]), (x[N_TRAIN:], y[N_TRAIN:]), test
    return tuple(
        (np.divide(images, np.float32(255), dtype="float32").reshape(shapes[layout]), one_hot(labels))
        for images, labels in splits
    )


def share_mnist(folder: Path) -> None:
    """Write to an existing folder what `load_mnist` and `load_splits` map where the folder is shared."""
    (x, y), (x_test, y_test) = load_mnist()
    scaled = np.concatenate([images for images, _ in load_splits("flat")])
    images, labels = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    save_arrays(folder, {"images": images, "labels": labels, "scaled": scaled})


def shuffled_batches(x: np.ndarray, y: np.ndarray, batch_size: int, steps: int, seed: int):
    """Make a dataset of a given number of batches, reshuffled each epoch. Introduced in notebook 07.

    Parameters
    ----------
    x, y : arrays of the same length n, such as images and their labels.
    batch_size : rows per batch, 1 to n. A batch may span two epochs.
    steps : how many batches in all; the last may end mid-epoch.
    seed : for the shuffling.

    Returns
    -------
    A ``tf.data.Dataset`` of `steps` pairs, each `batch_size` rows of `x` and of `y`.

    Raises
    ------
    ValueError
        If `x` and `y` differ in length, or `batch_size` or `steps` is no such number.
    """
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length, got {len(x)} and {len(y)}")
    batch_size, steps = whole(batch_size, "batch_size", 1, len(x)), whole(steps, "steps", 1)
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    epochs = -(-steps * batch_size // len(x))
    order = np.concatenate([rng.permutation(len(x)) for _ in range(epochs)])
    order = order[: steps * batch_size].reshape(steps, batch_size)
    x, y = tf.constant(x), tf.constant(y)
    batches = tf.data.Dataset.from_tensor_slices(order)
    batches = batches.map(lambda rows: (tf.gather(x, rows), tf.gather(y, rows))).prefetch(8)
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def one_hot(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    """Turn class numbers into rows with a single 1. Introduced in notebook 01.

    Parameters
    ----------
    labels : integers, ``(n,)``, each from 0 to ``classes - 1``.
    classes : the length of a row.

    Returns
    -------
    float32, ``(n, classes)``; row i is 1 in column ``labels[i]`` and 0 elsewhere.

    Raises
    ------
    ValueError
        If `labels` are not as described.
    """
    labels = as_digits(labels, classes=classes)
    rows = np.zeros((len(labels), classes), dtype="float32")
    rows[np.arange(len(labels)), labels] = 1
    return rows
