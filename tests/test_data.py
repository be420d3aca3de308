"""The data is MNIST, bit for bit, and the splits are what notebook 01 says they are."""

import hashlib
import os
import struct

import numpy as np
import pytest

from mnist_helpers import data, load_mnist, load_splits, one_hot, shuffled_batches

# Published for the four uncompressed files of http://yann.lecun.com/exdb/mnist/, pinned by many projects.
IDX_SHA256 = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",  # train-images-idx3-ubyte
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",  # train-labels-idx1-ubyte
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",  # t10k-images-idx3-ubyte
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",  # t10k-labels-idx1-ubyte
]


@pytest.fixture(scope="module")
def mnist() -> list[np.ndarray]:
    """Training images and labels, test images and labels."""
    return [array for part in load_mnist() for array in part]


@pytest.fixture(scope="module")
def flat():
    return load_splits("flat")


def test_arrays_are_the_published_idx_files(mnist):
    for array, published in zip(mnist, IDX_SHA256, strict=True):
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
        assert hashlib.sha256(header + array.tobytes()).hexdigest() == published


def test_damaged_or_missing_file(tmp_path, monkeypatch):
    content = bytearray(data.MNIST_FILE.read_bytes())
    copy = tmp_path / "copy.npz"
    monkeypatch.setattr(data, "MNIST_FILE", copy)
    remedy = "; to get it back, download .* or, .* run `git checkout"
    with pytest.raises(FileNotFoundError, match=f"the data file {copy} is missing{remedy}"):
        load_mnist()
    content[5_000_000] ^= 1  # one bit
    copy.write_bytes(content)
    with pytest.raises(ValueError, match=f"{copy} is damaged .*519 bytes .* {data.MNIST_SHA256}{remedy}"):
        load_mnist()


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_nothing_is_unpickled_even_if_the_hash_fits(tmp_path, monkeypatch):
    path, sprung = tmp_path / "mnist.npz", tmp_path / "sprung"
    objects = np.array([Trap(sprung)], dtype=object)
    np.savez(path, x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    monkeypatch.setattr(data, "MNIST_FILE", path)
    monkeypatch.setattr(data, "MNIST_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle="):
        load_mnist()
    assert not sprung.exists()


def test_splits_are_the_scaled_pixels_and_one_hot_labels_in_order(mnist, flat):
    x_train, y_train, x_test, y_test = mnist
    scaled = np.array([value / 255 for value in range(256)], dtype="float32")
    raw = [(x_train[:50_000], y_train[:50_000]), (x_train[-10_000:], y_train[-10_000:]), (x_test, y_test)]
    for (images, labels), (raw_images, raw_labels) in zip(flat, raw, strict=True):
        assert images.dtype == labels.dtype == np.float32
        assert np.array_equal(images, scaled[raw_images].reshape(-1, 784))
        assert np.array_equal(labels, np.eye(10)[raw_labels])


def test_layouts_differ_in_shape_only(flat):
    for (grids, labels), (rows, row_labels) in zip(load_splits("channels"), flat, strict=True):
        assert (grids.dtype, grids.shape) == (np.float32, (len(rows), 28, 28, 1))
        assert np.array_equal(grids.reshape(-1, 784), rows)
        assert np.array_equal(labels, row_labels)


def test_one_hot_by_eye():
    assert one_hot(np.array([2, 0], "uint8"), classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot(np.array([], dtype="uint8")).shape == (0, 10)


def test_batches_hold_each_image_once_an_epoch_with_its_label():
    x, y = np.arange(30, dtype="float32").reshape(10, 3), np.arange(10)
    batches = list(shuffled_batches(x, y, batch_size=4, steps=6, seed=1).as_numpy_iterator())
    assert [len(images) for images, _ in batches] == [4] * 6
    for images, labels in batches:
        np.testing.assert_array_equal(images, x[labels])
    served = np.concatenate([labels for _, labels in batches])
    first, second, rest = served[:10], served[10:20], served[20:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second) and len(set(rest)) == 4
    again = shuffled_batches(x, y, 4, 6, seed=2).as_numpy_iterator()
    assert np.concatenate([labels for _, labels in again]).tolist() != served.tolist()


TEN = np.zeros(10)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: load_splits("Flat"), "layout must be 'flat' or 'channels', got 'Flat'"),
        (lambda: load_splits(TEN), r"layout must be 'flat' or 'channels', got array\(\[0"),
        (lambda: one_hot(np.eye(10)), r"labels must be a 1-D array of integers, .* take argmax\(axis=1\)"),
        (lambda: one_hot([0, 3], classes=3), "labels must be from 0 to 2, got 0 to 3"),
        (lambda: shuffled_batches(TEN, TEN[1:], 2, 1, 0), "x and y must have the same length, got 10 and 9"),
        (lambda: shuffled_batches(TEN, TEN, 11, 1, 0), "batch_size must be .* from 1 to 10, got 11"),
        (lambda: shuffled_batches(TEN, TEN, 2, 0, 0), "steps must be a whole number of 1 or more, got 0"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
