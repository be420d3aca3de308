"""Arrays that many kernels map are the same data, take no memory of their own, and stay as they are."""

import json

import numpy as np
import pytest

from mnist_helpers import data, load_mnist, load_splits
from mnist_helpers.shared_arrays import FOLDER, save_arrays, shared_array


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    data.share_mnist(folder)
    return folder


def flattened(parts) -> list[np.ndarray]:
    return [array for part in parts for array in part]


@pytest.mark.parametrize("load", [load_mnist, lambda: load_splits("flat"), lambda: load_splits("channels")])
def test_shared_data_is_the_data(folder, monkeypatch, load):
    own = flattened(load())
    monkeypatch.setenv(FOLDER, str(folder))
    monkeypatch.setattr(data, "MNIST_FILE", folder / "none")  # it is not read
    for array, other in zip(flattened(load()), own, strict=True):
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert np.array_equal(array, other) and array.flags.writeable


def test_without_the_files_each_kernel_has_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert type(load_splits("flat")[0][0]) is np.ndarray


def test_what_is_written_to_a_shared_array_stays_in_this_process(tmp_path, monkeypatch):
    save_arrays(tmp_path, {"few": np.arange(6.0).reshape(2, 3)})
    monkeypatch.setenv(FOLDER, str(tmp_path))
    few = shared_array("few")
    few += 1
    assert few.tolist() == [[1, 2, 3], [4, 5, 6]] and shared_array("few").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert type(few + 1) is np.ndarray and isinstance(few.sum(), np.float64)
    assert repr(few[:1]) == "array([[1., 2., 3.]])"


def test_tensorflow_takes_a_part_that_begins_anywhere(folder, python):
    code = (
        "from mnist_helpers import load_splits, quiet_start\n"
        "with quiet_start():\n"
        "    import tensorflow as tf\n"
        "(x, _), *_ = load_splits('flat')\n"
        "print(float(tf.reduce_max(tf.convert_to_tensor(x[7, 1:]) * 2)))"
    )
    run = python(code, **{FOLDER: str(folder)})  # TensorFlow ended the process
    assert (run.returncode, run.stdout) == (0, "2.0\n")


# In a process of its own: what it maps is not counted among what others have mapped.
TRAINING = """
import json, re
import numpy as np
from pathlib import Path
from mnist_helpers import load_splits, quiet_start
with quiet_start():
    import keras
    import tensorflow as tf


def private():
    return int(re.search(r"Private_Dirty: *(\\d+)", Path("/proc/self/smaps_rollup").read_text())[1]) / 1024


(x, y), validation, _ = load_splits("flat")
keras.utils.set_random_seed(1998)
model = keras.Sequential([keras.Input(shape=(784,)), keras.layers.Dense(10, activation="softmax")])
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
before = private()
images = tf.convert_to_tensor(x)  # what Keras trains on
copied = private() - before
history = model.fit(x, y, batch_size=5000, validation_data=validation, verbose=0).history
copies = [tf.convert_to_tensor(part).numpy() for part in (x[1:4], x[:9:3], x.T[:2], x[:3].astype("float64"))]
same = all(map(np.array_equal, copies, (x[1:4], x[:9:3], x.T[:2], x[:3])))
print(json.dumps([history, model.get_weights()[0].sum().item(), same, copied]))
"""


def test_a_training_gives_the_same_numbers_and_copies_no_images(folder, python, monkeypatch):
    results = []
    for setting in ("", str(folder)):
        monkeypatch.setenv(FOLDER, setting)
        run = python(TRAINING)
        assert run.returncode == 0, run.stderr
        results.append(json.loads(run.stdout.splitlines()[-1]))
    (history, weight, same, copied), (shared_history, shared_weight, shared_same, taken) = results
    assert (history, weight) == (shared_history, shared_weight) and same and shared_same
    assert taken < 20 and copied > 150  # MB; the training images are 157
