"""Runs survive saving and loading, damaged files are detected, and the course's own runs are sound."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from mnist_helpers import load_results, load_run, load_splits, quiet_start, save_results, save_run
from tools.course import NETWORKS

with quiet_start():
    import keras

MADE = {"seed": 7, "batch_size": 32, "seconds": 1.26}
STUDY = {"errors": {"all": [70, 75]}, "epochs": 3}


def data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((64, 784), dtype="float32"), np.eye(10)[rng.integers(0, 10, 64)]


def train(hidden: int):
    """A network small enough to train in a test: one epoch on 64 random rows."""
    keras.utils.set_random_seed(hidden)
    layers = [keras.layers.Dense(hidden, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input(shape=(784,)), *layers])
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model.fit(*data(hidden), batch_size=32, validation_data=data(hidden), verbose=0)


@pytest.fixture(scope="module")
def histories() -> dict:
    return {"mlp": train(3), "cnn": train(4)}


@pytest.fixture(scope="module")
def saved(histories, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    for name, history in histories.items():
        save_run(folder, name, history, **MADE)
    save_results(folder, "study", STUDY)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of the two saved runs and the study, to damage."""
    return Path(shutil.copytree(saved, tmp_path / "runs"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")}


def test_loaded_equals_saved_and_says_how_it_was_made(histories, saved):
    model, run = load_run("mlp", str(saved))
    history = histories["mlp"]
    for ours, theirs in zip(model.get_weights(), history.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    expected = {
        "history": history.history,
        "parameters": 784 * 3 + 3 + 3 * 10 + 10,
        "optimizer": "SGD",
        "learning_rate": 0.01,
        "loss": "categorical_crossentropy",
        "batch_size": 32,
        "epochs": 1,
        "seed": 7,
        "seconds": 1.3,
    }
    assert {key: run[key] for key in expected} == expected
    assert run["versions"]["keras"] == keras.__version__
    assert load_results("study", saved) == {"name": "study"} | STUDY
    assert sorted(contents(saved)) == ["cnn.json", "cnn.keras", "mlp.json", "mlp.keras", "study.json"]


def test_saving_again_replaces_both_files_or_none(histories, folder, monkeypatch):
    def fail(self, text, encoding):
        self.write_bytes(text[:100].encode())
        raise OSError("No space left on device")

    before = contents(folder)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "write_text", fail)
        save_run(folder, "mlp", histories["cnn"], **MADE)
    assert contents(folder) == before
    save_run(str(folder), "mlp", histories["cnn"], **MADE)
    assert load_run("mlp", folder)[1]["parameters"] == histories["cnn"].model.count_params()


def fitted_twice():
    model = train(3).model
    return model.fit(*data(3), batch_size=32, epochs=2, verbose=0)


def diverged():
    history = train(3)
    history.history["loss"] = [np.nan]
    return history


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda: train(3).model.fit(*data(3), epochs=0), "mlp", "what fit returned after at least one epoch"),
        (lambda: {"loss": [1.0]}, "mlp", "history must be what fit returned"),
        (fitted_twice, "mlp", "has 2 epochs of 2 steps, but its model was trained for 6 steps"),
        (diverged, "mlp", "mlp has results that are nan or infinite"),
        (lambda: None, "../mlp", r"name must be of small letters, digits and _, .* got '\.\./mlp'"),
    ],
)
def test_what_cannot_be_saved_changes_nothing(folder, make, name, message):
    before = contents(folder)
    with pytest.raises(ValueError, match=message):
        save_run(folder, name, make(), **MADE)
    assert contents(folder) == before


def test_folder_of_results_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="x does not exist; create it first"):
        save_results(tmp_path / "x", "study", STUDY)


def change(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))


def flip_one_bit(folder: Path) -> None:
    content = bytearray((folder / "mlp.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "mlp.keras").write_bytes(content)


def replace_model(folder: Path) -> None:
    """Put another file in place of the model, and record its hash: as the author of a bad file would."""
    record = load_results("mlp", folder) | {"sha256": hashlib.sha256(b"bad").hexdigest()}
    save_results(folder, "mlp", record)
    (folder / "mlp.keras").write_bytes(b"bad")


def with_code(folder: Path) -> None:
    """Save a model with a Lambda layer, which contains Python code."""
    model = keras.Sequential([keras.Input(shape=(2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.compile(loss="mse", optimizer="sgd")
    save_run(folder, "mlp", model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0), **MADE)


@pytest.mark.parametrize(
    ("damage", "file", "message"),
    [
        (lambda folder: (folder / "mlp.keras").unlink(), "mlp.keras", r"is missing \(there: cnn\)"),
        (lambda folder: (folder / "mlp.json").unlink(), "mlp.json", r"is missing \(there: cnn, study\)"),
        (shutil.rmtree, "mlp.json", r"is missing \(there: none\)"),
        (flip_one_bit, "mlp.keras", "its SHA-256 is not the one recorded in mlp.json"),
        (replace_model, "mlp.keras", "is no network for Keras"),
        (with_code, "mlp.keras", "is no network for Keras: .*(?i:lambda)"),
        (lambda folder: shutil.copy(folder / "cnn.json", folder / "mlp.json"), "mlp.json", "or swapped"),
        (lambda folder: change(folder / "mlp.json", b'"epochs": 1', b'"epochs": 2'), "mlp.json", "checksum"),
        *[
            (lambda folder, text=text: (folder / "mlp.json").write_bytes(text), "mlp.json", "is damaged")
            for text in (b"", b"null", b"[]", b"{}", b"\xff\xfe\x00")
        ],
    ],
)
def test_damage_is_named_with_its_remedy(folder, damage, file, message):
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_run("mlp", folder)
    assert f"the reference file {folder / file} " in str(caught.value)
    assert "download the course again, or, in a clone of it, run `git checkout" in str(caught.value)


def test_byte_order_mark_is_no_damage(folder):
    file = folder / "mlp.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_results("mlp", folder)["name"] == "mlp"


# The course's own runs. That they have their notebook's layers and recipe, test_shown_code.py shows.


@pytest.mark.parametrize("name", NETWORKS)
def test_reference_model_is_the_one_that_the_record_describes(name):
    model, run = load_run(name)
    recipe = ("AdamW", 128, 40) if name == "ten_minutes" else ("SGD", 32, 30)
    assert (run["optimizer"], run["batch_size"], run["epochs"], run["seed"]) == (*recipe, 1998)
    assert model.count_params() == run["parameters"]
    assert {len(values) for values in run["history"].values()} == {run["epochs"]}
    _, (images, labels), _ = load_splits("channels")
    images = images.reshape(len(images), *model.input_shape[1:])
    measured = model.evaluate(images, labels, batch_size=500, verbose=0, return_dict=True)
    # Another processor may round differently: one image in 10,000 may be classified differently.
    assert measured["accuracy"] == pytest.approx(run["history"]["val_accuracy"][-1], abs=1.01e-4)
    assert measured["loss"] == pytest.approx(run["history"]["val_loss"][-1], rel=1e-4)


def test_best_run_is_the_first_of_three_and_took_ten_minutes_at_most():
    counts, (model, run) = load_results("ten_minutes_seeds"), load_run("ten_minutes")
    assert counts["seeds"] == 3 and counts["epochs"] == run["epochs"] and counts["first_seed"] == run["seed"]
    assert counts["seconds"][0] == run["seconds"] and max(counts["seconds"]) <= 600
    assert counts["val_errors"][0] == round(10_000 * (1 - run["history"]["val_accuracy"][-1]))
    _, _, (images, labels) = load_splits("channels")
    digits = model.predict(images, batch_size=500, verbose=0).argmax(axis=1)
    # Another processor may round differently.
    assert abs(np.sum(digits != labels.argmax(axis=1)) - counts["errors"][0]) <= 1


def test_factors_of_the_intervals_fit_ten_values():
    assert scipy.stats.t.ppf(1 - 0.05 / 2, df=9) == pytest.approx(2.26, abs=5e-3)
    assert scipy.stats.t.ppf(1 - 0.05 / 3 / 2, df=9) == pytest.approx(2.93, abs=5e-3)
