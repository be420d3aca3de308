"""Runs survive saving and loading, damaged files are detected, and the course's own runs are sound."""

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from mnist_helpers import load_results, load_run, load_splits, quiet_start, save_results, save_run
from mnist_helpers.reference import REFERENCE_FOLDER
from tools.course import COMPARED, NETWORKS, STUDIES

with quiet_start():
    import keras

MADE = {"seed": 7, "batch_size": 32, "seconds": 1.26}


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
    save_results(folder, "study", {"errors": {"all": [70, 75]}, "epochs": 3})
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of the two saved runs and the study, to damage."""
    return Path(shutil.copytree(saved, tmp_path / "runs"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")}


# Saving and loading


def test_loaded_equals_saved(histories, saved):
    model, run = load_run("mlp", str(saved))
    history = histories["mlp"]
    for ours, theirs in zip(model.get_weights(), history.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert run["history"] == history.history
    assert sorted(run["history"]) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert load_results("study", saved) == {"name": "study", "errors": {"all": [70, 75]}, "epochs": 3}
    assert sorted(contents(saved)) == ["cnn.json", "cnn.keras", "mlp.json", "mlp.keras", "study.json"]


def test_record_says_how_the_run_was_made(saved):
    run = load_results("mlp", saved)
    expected = {
        "name": "mlp",
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


def test_saving_again_replaces(histories, folder):
    save_run(str(folder), "mlp", histories["cnn"], **MADE)
    assert load_run("mlp", folder)[1]["parameters"] == histories["cnn"].model.count_params()


def test_failed_save_changes_nothing(histories, folder, monkeypatch):
    def fail(self, text, encoding):
        self.write_bytes(text[:100].encode())
        raise OSError("No space left on device")

    before = contents(folder)
    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        save_run(folder, "mlp", histories["cnn"], **MADE)
    assert contents(folder) == before


def fitted_twice():
    history = train(3)
    history.model.fit(*data(3), batch_size=32, epochs=2, verbose=0)
    return history.model.history


def diverged():
    history = train(3)
    history.history["loss"] = [np.nan]
    return history


def untrained():
    return train(3).model.fit(*data(3), epochs=0)


@pytest.mark.parametrize(
    ("save", "error", "message"),
    [
        (lambda to: save_run(to, "mlp", untrained(), **MADE), ValueError, "after at least one epoch"),
        (
            lambda to: save_run(to, "mlp", {"loss": [1.0]}, **MADE),
            ValueError,
            "history must be what fit returned",
        ),
        (
            lambda to: save_run(to, "mlp", fitted_twice(), **MADE),
            ValueError,
            "history has 2 epochs of 2 steps, but its model was trained for 6 steps: build the model anew",
        ),
        (
            lambda to: save_run(to, "mlp", diverged(), **MADE),
            ValueError,
            "mlp has results that are nan or inf",
        ),
        (
            lambda to: save_run(to, "../mlp", None, **MADE),
            ValueError,
            r"small letters, .* got '\.\./mlp'",
        ),
        (
            lambda to: save_run(to / "x", "mlp", train(3), **MADE),
            FileNotFoundError,
            "x does not exist; create",
        ),
        (lambda to: save_results(to, "MLP", {}), ValueError, "small letters, digits and _, .* got 'MLP'"),
        (lambda to: save_results(to, "study", {"errors": object()}), TypeError, "not JSON serializable"),
        (
            lambda to: save_results(to / "x", "study", {}),
            FileNotFoundError,
            "x does not exist; create it first",
        ),
    ],
)
def test_what_cannot_be_saved_changes_nothing(folder, save, error, message):
    before = contents(folder)
    with pytest.raises(error, match=message):
        save(folder)
    assert contents(folder) == before


# Damage


def change(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))


def swap(folder: Path, kind: str) -> None:
    mlp, cnn = folder / f"mlp.{kind}", folder / f"cnn.{kind}"
    of_mlp, of_cnn = mlp.read_bytes(), cnn.read_bytes()
    mlp.write_bytes(of_cnn)
    cnn.write_bytes(of_mlp)


def flip_one_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def replace_model(folder: Path, content: bytes) -> None:
    """Put another model file in place, and record its hash: as the author of a bad file would."""
    record = load_results("mlp", folder) | {"sha256": hashlib.sha256(content).hexdigest()}
    save_results(folder, "mlp", record)
    (folder / "mlp.keras").write_bytes(content)


def with_code(folder: Path) -> None:
    """Save a model with a Lambda layer, which contains Python code."""
    layers = [keras.Input(shape=(2,)), keras.layers.Lambda(lambda x: x + 1), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(loss="mse", optimizer="sgd")
    save_run(folder, "mlp", model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0), **MADE)


@pytest.mark.parametrize(
    ("damage", "file", "message"),
    [
        (lambda folder: (folder / "mlp.keras").unlink(), "mlp.keras", r"is missing \(there: cnn\)"),
        (lambda folder: (folder / "mlp.json").unlink(), "mlp.json", r"is missing \(there: cnn, study\)"),
        (shutil.rmtree, "mlp.json", r"is missing \(there: none\)"),
        (lambda folder: flip_one_bit(folder / "mlp.keras"), "mlp.keras", "is damaged, changed or swapped"),
        (lambda folder: swap(folder, "keras"), "mlp.keras", "SHA-256 is not the one recorded in mlp.json"),
        (lambda folder: swap(folder, "json"), "mlp.json", "is the record of 'cnn', not of 'mlp'"),
        (
            lambda folder: replace_model(folder, pickle.dumps(1)),
            "mlp.keras",
            "is no network that Keras loads",
        ),
        (with_code, "mlp.keras", "is no network that Keras loads: .*(?i:lambda)"),
        *[
            (lambda folder, text=text: (folder / "mlp.json").write_bytes(text), "mlp.json", "is damaged")
            for text in (b"", b"null", b"[]", b"{}", b'{"name": "mlp"}', b'{"name": "ml', b"\xff\xfe\x00")
        ],
        *[
            (
                lambda folder, edit=edit: change(folder / "mlp.json", *edit),
                "mlp.json",
                "its checksum does not fit",
            )
            for edit in [
                (b'"parameters": 2395', b'"parameters": 2394'),
                (b'"loss": [', b'"loss": [NaN, '),
                (b'"seed": 7,\n', b""),
                (b'"epochs": 1', b'"epochs": 2'),
            ]
        ],
    ],
)
def test_damage_is_named_with_its_remedy(folder, damage, file, message):
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_run("mlp", folder)
    assert f"the reference file {folder / file} " in str(caught.value)
    assert "download the course again, or, in a clone of it, run `git checkout" in str(caught.value)


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="name must be of small letters"):
        load_run("../mlp")
    with pytest.raises(
        FileNotFoundError, match=r"ablation.keras is missing \(there: cnn, deep_cnn, mlp, ten_"
    ):
        load_run("ablation")


def test_byte_order_mark_is_no_damage(folder):
    file = folder / "mlp.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_results("mlp", folder)["name"] == "mlp"


# The course's own runs

LAYERS = {
    "mlp": ["Dense 256 relu", "Dense 256 relu", "Dense 256 relu", "Dense 10 softmax"],
    "cnn": [
        *["Conv2D 32 relu", "MaxPooling2D", "Conv2D 32 relu", "MaxPooling2D"],
        *["Flatten", "Dense 256 relu", "Dense 10 softmax"],
    ],
    "deep_cnn": [
        *["Conv2D 32 relu", "Conv2D 32 relu", "MaxPooling2D", "Dropout 0.25"],
        *["Conv2D 64 relu", "Conv2D 64 relu", "MaxPooling2D", "Dropout 0.25"],
        *["Flatten", "Dense 256 relu", "Dropout 0.5", "Dense 10 softmax"],
    ],
}
START = {"optimizer": "SGD", "learning_rate": 0.01, "loss": "categorical_crossentropy", "batch_size": 32}
RECIPES = {
    "mlp": START | {"epochs": 30, "seed": 1998, "parameters": 335_114},
    "cnn": START | {"epochs": 30, "seed": 1998, "parameters": 217_194},
    "deep_cnn": START | {"epochs": 30, "seed": 1998, "parameters": 329_962},
    "ten_minutes": {
        "optimizer": "AdamW",
        "batch_size": 128,
        "epochs": 40,
        "seed": 1998,
        "parameters": 299_434,
    },
}


def test_reference_folder_holds_the_networks_and_studies_of_the_list():
    files = {path.name for path in REFERENCE_FOLDER.iterdir()}
    assert files == {f"{name}.keras" for name in NETWORKS} | {
        f"{name}.json" for name in [*NETWORKS, *STUDIES, "training_times"]
    }


@pytest.fixture(scope="module", params=NETWORKS)
def course_run(request):
    return request.param, *load_run(request.param)


def test_reference_run_followed_the_recipe(course_run):
    name, model, run = course_run
    assert {key: run[key] for key in RECIPES[name]} == RECIPES[name]
    assert model.count_params() == run["parameters"]
    lengths = {key: len(values) for key, values in run["history"].items()}
    assert lengths == dict.fromkeys(["loss", "accuracy", "val_loss", "val_accuracy"], run["epochs"])


@pytest.mark.parametrize("name", COMPARED)
def test_reference_model_has_the_layers_of_its_notebook(name):
    described = []
    for layer in load_run(name)[0].layers:
        config = layer.get_config()
        parts = [config.get(key) for key in ("units", "filters", "rate", "activation")]
        described.append(" ".join(str(part) for part in [type(layer).__name__, *parts] if part is not None))
        assert config.get("kernel_size", (3, 3)) == (3, 3)
    assert described == LAYERS[name]


def test_reference_model_is_the_one_that_the_record_describes(course_run):
    _, model, run = course_run
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
