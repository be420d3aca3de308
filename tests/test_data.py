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
def mnist() -> dict[str, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = load_mnist()
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@pytest.fixture(scope="module")
def flat():
    return load_splits("flat")


def idx_sha256(array: np.ndarray) -> str:
    """The SHA-256 of an array of bytes as an IDX file: magic number, dimensions, then the bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


# load_mnist


def test_arrays_are_the_published_idx_files(mnist):
    names = dict(zip(("x_train", "y_train", "x_test", "y_test"), IDX_SHA256, strict=True))
    assert {names[key]: idx_sha256(array) for key, array in mnist.items()} == IDX_SHA256


def test_arrays_are_uint8_in_their_shapes(mnist):
    assert {key: (array.dtype, array.shape) for key, array in mnist.items()} == {
        "x_train": (np.uint8, (60_000, 28, 28)),
        "y_train": (np.uint8, (60_000,)),
        "x_test": (np.uint8, (10_000, 28, 28)),
        "y_test": (np.uint8, (10_000,)),
    }


def test_each_call_returns_new_arrays(mnist):
    (again, _), _ = load_mnist()
    again[:] = 0
    assert mnist["x_train"].any()
    assert load_mnist()[0][0].any()


def test_loading_takes_under_a_second():
    # CPU time, so that other work on the machine does not count.
    start = time.process_time()
    load_mnist()
    assert time.process_time() - start < 1


def assert_names_file_and_remedy(error: Exception, path) -> None:
    assert str(path) in str(error)
    assert "to get it back, run `git checkout -- mnist_helpers/mnist.npz`" in str(error)


@pytest.mark.parametrize("as_type", [str, lambda path: path], ids=["str", "Path"])
def test_missing_file(tmp_path, as_type):
    path = tmp_path / "mnist.npz"
    with pytest.raises(FileNotFoundError, match=r"the data file .* is missing") as caught:
        load_mnist(as_type(path))
    assert_names_file_and_remedy(caught.value, path)


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def flip_one_bit(path):
    with path.open("r+b") as file:
        file.seek(5_000_000)
        byte = file.read(1)[0]
        file.seek(5_000_000)
        file.write(bytes([byte ^ 1]))


def empty(path):
    path.write_bytes(b"")


def replace_by_a_web_page(path):
    path.write_text("<!DOCTYPE html><title>404</title>")


@pytest.mark.parametrize("damage", [truncate, flip_one_bit, empty, replace_by_a_web_page])
def test_damaged_file(tmp_path, damage):
    path = shutil.copy(data.MNIST_FILE, tmp_path / "copy.npz")
    assert len(load_mnist(path)) == 2  # intact before the damage
    damage(path)
    with pytest.raises(ValueError, match="is damaged or has been changed") as caught:
        load_mnist(path)
    assert_names_file_and_remedy(caught.value, path)
    assert f"{path.stat().st_size:,} bytes" in str(caught.value)
    assert data.MNIST_SHA256 in str(caught.value)


def test_file_with_one_pixel_flipped(tmp_path, mnist):
    path = tmp_path / "mnist.npz"
    x_train = mnist["x_train"].copy()
    x_train[41_234, 14, 14] ^= 255
    np.savez(path, **(mnist | {"x_train": x_train}))
    with pytest.raises(ValueError, match="is damaged or has been changed") as caught:
        load_mnist(path)
    assert_names_file_and_remedy(caught.value, path)


class Trap:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.fixture(params=["object array in the npz", "pickle under the name of the npz"])
def trapped(request, tmp_path):
    """A file that runs code when unpickled, and the folder that this code creates."""
    path, sprung = tmp_path / "mnist.npz", tmp_path / "sprung"
    if request.param == "object array in the npz":
        array = np.empty(1, dtype=object)
        array[0] = Trap(sprung)
        np.savez(path, x_train=array, y_train=array, x_test=array, y_test=array)
    else:
        path.write_bytes(pickle.dumps(Trap(sprung)))
    return path, sprung


def test_trap_springs_when_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").is_dir()


def test_pickled_file_is_rejected_by_its_hash(trapped):
    path, sprung = trapped
    with pytest.raises(ValueError, match="is damaged or has been changed") as caught:
        load_mnist(path)
    assert_names_file_and_remedy(caught.value, path)
    assert not sprung.exists()


def test_nothing_is_unpickled_even_if_the_hash_matches(trapped, monkeypatch):
    path, sprung = trapped
    monkeypatch.setattr(data, "MNIST_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle="):
        load_mnist(path)
    assert not sprung.exists()


# load_splits


def expected_splits(mnist):
    """The raw images and labels of each split: the first 50,000, the last 10,000, the test set."""
    return (
        (mnist["x_train"][:50_000], mnist["y_train"][:50_000]),
        (mnist["x_train"][-10_000:], mnist["y_train"][-10_000:]),
        (mnist["x_test"], mnist["y_test"]),
    )


def test_images_are_the_pixels_over_255_in_order(mnist, flat):
    scaled = np.array([value / 255 for value in range(256)], dtype="float32")
    for (images, _), (raw, _) in zip(flat, expected_splits(mnist), strict=True):
        assert images.dtype == np.float32
        assert images.shape == (len(raw), 784)
        assert np.array_equal(images, scaled[raw].reshape(-1, 784))
        assert images.min() == 0
        assert images.max() == 1


def test_labels_are_one_hot_in_order(mnist, flat):
    for (_, labels), (_, raw) in zip(flat, expected_splits(mnist), strict=True):
        assert labels.dtype == np.float32
        assert labels.shape == (len(raw), 10)
        assert np.array_equal(labels, np.eye(10)[raw])


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


@pytest.mark.parametrize("layout", ["Flat", "", None, 784, ("flat",), np.zeros((2, 2))])
def test_unknown_layout(layout):
    with pytest.raises(ValueError, match="layout must be 'flat' or 'channels', got ") as caught:
        load_splits(layout)
    assert repr(layout) in str(caught.value)


# one_hot


def test_one_hot_by_eye():
    rows = one_hot([3, 0, 9])
    assert rows.dtype == np.float32
    assert rows.tolist() == [
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64"])
def test_one_hot_of_random_labels(rng, dtype):
    labels = rng.integers(0, 10, 500).astype(dtype)
    assert np.array_equal(one_hot(labels), np.eye(10)[labels.astype(int)])


def test_one_hot_with_other_classes():
    assert one_hot([1, 0], classes=2).tolist() == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match="labels must lie between 0 and 1, got 1 to 2"):
        one_hot([1, 2], classes=2)


def test_one_hot_of_no_labels():
    assert one_hot(np.array([], dtype="uint8")).shape == (0, 10)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 10], "labels must lie between 0 and 9, got 0 to 10"),
        ([-1, 3], "labels must lie between 0 and 9, got -1 to 3"),
        (
            np.eye(10, dtype=int),
            r"integers, \(n,\), got int64 of shape \(10, 10\); these look one-hot already",
        ),
        (np.eye(10), "got float64 .* these look one-hot already"),
        ([0.0, 1.0], r"got float64 of shape \(2,\)$"),
        ([True, False], r"got bool of shape \(2,\)$"),
        (["1", "2"], r"got <U1 of shape \(2,\)$"),
        (7, r"got int64 of shape \(\)$"),
    ],
)
def test_one_hot_of_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels)


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


@pytest.mark.parametrize(
    ("n", "batch_size", "steps", "message"),
    [
        (9, 2, 1, "x and y must have the same length, got 10 and 9"),
        (10, 11, 1, "batch_size must be from 1 to 10, the number of images, got 11"),
        (10, 0, 1, "batch_size must be from 1 to 10"),
        (10, 2, 0, "steps must be at least 1, got 0"),
    ],
)
def test_bad_batches(n, batch_size, steps, message):
    with pytest.raises(ValueError, match=message):
        shuffled_batches(np.zeros(10), np.zeros(n), batch_size, steps, seed=0)
