"""The data is MNIST, bit for bit, and the splits are what notebook 01 says they are."""

import hashlib
import os
import pickle
import shutil
import struct
import time

import numpy as np
import pytest

from mnist_helpers import data, load_mnist, load_splits, one_hot, shuffled_batches

# Published for the four uncompressed files of http://yann.lecun.com/exdb/mnist/, pinned by many projects.
IDX_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def mnist() -> list[np.ndarray]:
    """Training images and labels, test images and labels."""
    return [array for part in load_mnist() for array in part]


@pytest.fixture(scope="module")
def flat():
    return load_splits("flat")


# load_mnist


def test_arrays_are_the_published_idx_files(mnist):
    for array, published in zip(mnist, IDX_SHA256.values(), strict=True):
        assert array.dtype == np.uint8
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
        assert hashlib.sha256(header + array.tobytes()).hexdigest() == published


def test_each_call_returns_new_arrays_in_under_a_second():
    load_mnist()[0][0][:] = 0
    start = time.process_time()  # so that other work on the machine does not count
    assert load_mnist()[0][0].any()
    assert time.process_time() - start < 1


def flip_one_bit(path):
    content = bytearray(path.read_bytes())
    content[5_000_000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda path: path.unlink(), FileNotFoundError, "is missing"),
        (lambda path: os.truncate(path, path.stat().st_size - 1), ValueError, "11,490,518 bytes"),
        (flip_one_bit, ValueError, f"11,490,519 bytes .* expected {data.MNIST_SHA256}"),
        (lambda path: path.write_text("<title>404</title>"), ValueError, "damaged or has been changed"),
    ],
    ids=["missing", "truncated", "one bit flipped", "a web page"],
)
def test_damaged_file(tmp_path, damage, error, message):
    path = shutil.copy(data.MNIST_FILE, tmp_path / "copy.npz")
    assert len(load_mnist(str(path))) == 2  # intact before the damage
    damage(path)
    with pytest.raises(
        error, match=f"{message}.*; to get it back, download .* or, .* run `git checkout"
    ) as caught:
        load_mnist(path)
    assert str(path) in str(caught.value)


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("inside", [True, False], ids=["array of objects in the npz", "pickle named npz"])
def test_nothing_is_unpickled_even_if_the_hash_fits(tmp_path, monkeypatch, inside):
    path, sprung = tmp_path / "mnist.npz", tmp_path / "sprung"
    if inside:
        objects = np.array([Trap(sprung)], dtype=object)
        np.savez(path, x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    else:
        path.write_bytes(pickle.dumps(Trap(sprung)))
    monkeypatch.setattr(data, "MNIST_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle="):
        load_mnist(path)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))  # the trap works
    assert sprung.exists()


# load_splits


def test_splits_are_the_scaled_pixels_and_one_hot_labels_in_order(mnist, flat):
    x_train, y_train, x_test, y_test = mnist
    scaled = np.array([value / 255 for value in range(256)], dtype="float32")
    raw = [(x_train[:50_000], y_train[:50_000]), (x_train[-10_000:], y_train[-10_000:]), (x_test, y_test)]
    for (images, labels), (raw_images, raw_labels) in zip(flat, raw, strict=True):
        assert images.dtype == labels.dtype == np.float32
        assert np.array_equal(images, scaled[raw_images].reshape(-1, 784))
        assert np.array_equal(labels, np.eye(10)[raw_labels])


def test_no_image_is_in_two_splits(flat):
    # MNIST has no duplicate images, so equal pixels mean the same image.
    seen = [{image.tobytes() for image in images} for images, _ in flat]
    assert [len(split) for split in seen] == [50_000, 10_000, 10_000]
    assert len(set.union(*seen)) == 70_000


def test_layouts_differ_in_shape_only(flat):
    for (grids, labels), (rows, row_labels) in zip(load_splits("channels"), flat, strict=True):
        assert grids.dtype == np.float32
        assert grids.shape == (len(rows), 28, 28, 1)
        assert np.array_equal(grids.reshape(-1, 784), rows)
        assert np.array_equal(labels, row_labels)


# one_hot


def test_one_hot_by_eye():
    rows = one_hot([2, 0], classes=3)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot(np.array([], dtype="uint8")).shape == (0, 10)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64"])
def test_one_hot_of_random_labels(rng, dtype):
    labels = rng.integers(0, 10, 500).astype(dtype)
    assert np.array_equal(one_hot(labels), np.eye(10)[labels.astype(int)])


# shuffled_batches


def test_batches_hold_each_image_once_an_epoch_with_its_label():
    x, y = np.arange(30, dtype="float32").reshape(10, 3), np.arange(10)
    batches = list(shuffled_batches(x, y, batch_size=4, steps=6, seed=1).as_numpy_iterator())
    assert [len(images) for images, _ in batches] == [4] * 6
    for images, labels in batches:
        np.testing.assert_array_equal(images, x[labels])
        assert images.dtype == np.float32
    served = np.concatenate([labels for _, labels in batches])
    first, second, rest = served[:10], served[10:20], served[20:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second) and len(set(rest)) == 4


def test_order_of_batches_comes_from_the_seed():
    def order(seed: int) -> list[int]:
        return [i.item() for _, i in shuffled_batches(x, x, 1, 20, seed).as_numpy_iterator()]

    x = np.arange(20)
    assert order(1) == order(1) != order(2)


TEN = np.zeros(10)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: load_splits("Flat"), "layout must be 'flat' or 'channels', got 'Flat'"),
        (lambda: load_splits(TEN), r"layout must be 'flat' or 'channels', got array\(\[0"),
        (lambda: one_hot(np.eye(10)), r"labels must be a 1-D array of integers, .* take argmax\(axis=1\)"),
        (lambda: one_hot([0, 10]), "labels must be from 0 to 9, got 0 to 10"),
        (lambda: shuffled_batches(TEN, TEN[1:], 2, 1, 0), "x and y must have the same length, got 10 and 9"),
        (
            lambda: shuffled_batches(TEN, TEN, 11, 1, 0),
            "batch_size must be a whole number from 1 to 10, got 11",
        ),
        (lambda: shuffled_batches(TEN, TEN, 2, 0, 0), "steps must be a whole number of 1 or more, got 0"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
