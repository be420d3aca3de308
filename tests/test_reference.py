"""Runs survive saving and loading, damaged files are detected, and the course's own runs are sound."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from mnist_helpers import (
    load_results,
    load_run,
    load_splits,
    quiet_start,
    reference,
    save_results,
    save_run,
)

with quiet_start():
    import keras

MADE = {"seed": 7, "batch_size": 32, "seconds": 1.26}


def train(hidden: int):
    """A network small enough to train in a test: one epoch on 64 random rows."""
    keras.utils.set_random_seed(hidden)
    rng = np.random.default_rng(hidden)
    x, y = rng.random((64, 784), dtype="float32"), np.eye(10)[rng.integers(0, 10, 64)]
    model = keras.Sequential(
        [
            keras.Input(shape=(784,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model.fit(x, y, batch_size=32, epochs=1, validation_data=(x, y), verbose=0)


@pytest.fixture(scope="module")
def histories() -> dict:
    return {"mlp": train(3), "cnn": train(4)}


@pytest.fixture(scope="module")
def saved(histories, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    for name, history in histories.items():
        save_run(folder, name, history, **MADE)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of the two saved runs, to damage."""
    return Path(shutil.copytree(saved, tmp_path / "runs"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Saving and loading


def test_loaded_equals_saved(histories, saved):
    model, run = load_run("mlp", saved)
    history = histories["mlp"]
    for ours, theirs in zip(model.get_weights(), history.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert run["history"] == history.history
    assert {key: len(values) for key, values in run["history"].items()} == {
        "loss": 1,
        "accuracy": 1,
        "val_loss": 1,
        "val_accuracy": 1,
    }


def test_loaded_model_is_compiled(saved):
    model, run = load_run("cnn", saved)
    rng = np.random.default_rng(4)
    x, y = rng.random((64, 784), dtype="float32"), np.eye(10)[rng.integers(0, 10, 64)]
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    measured = model.evaluate(x, y, verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(run["history"]["val_loss"][-1], rel=1e-5)
    assert measured["accuracy"] == pytest.approx(run["history"]["val_accuracy"][-1])


def test_record_says_how_the_run_was_made(saved):
    run = json.loads((saved / "mlp.json").read_text(encoding="utf-8"))
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
    assert run["versions"]["numpy"] == np.__version__


def test_saving_writes_two_files_per_run(saved):
    assert sorted(contents(saved)) == ["cnn.json", "cnn.keras", "mlp.json", "mlp.keras"]
    assert len(list(saved.iterdir())) == 4


def test_saving_again_replaces(histories, folder):
    save_run(str(folder), "mlp", histories["cnn"], **MADE)
    _, run = load_run("mlp", str(folder))
    assert run["parameters"] == histories["cnn"].model.count_params() != histories["mlp"].model.count_params()


@pytest.mark.parametrize(
    ("where", "what"),
    [(keras.Sequential, "save"), (json, "dumps"), (Path, "write_text")],
    ids=["model.save", "json.dumps", "write_text"],
)
@pytest.mark.parametrize("new", [True, False], ids=["first run", "second run"])
def test_failed_save_changes_nothing(histories, folder, monkeypatch, where, what, new):
    if new:
        for file in folder.glob("mlp.*"):
            file.unlink()
    before = contents(folder)
    works = getattr(where, what)

    def fill_half_then_fail(*args, **kwargs):
        works(*args, **kwargs)
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(where, what, fill_half_then_fail)
        with pytest.raises(OSError, match="No space left"):
            save_run(folder, "mlp", histories["cnn"], **MADE)
    assert contents(folder) == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(before)


def test_unserializable_record_changes_nothing(histories, folder):
    before = contents(folder)
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_run(folder, "mlp", histories["cnn"], seed=object(), batch_size=32, seconds=1)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["MLP", "", "mlp.keras", "../mlp", None])
def test_unknown_name(histories, folder, name):
    before = contents(folder)
    for call in (lambda: save_run(folder, name, histories["mlp"], **MADE), lambda: load_run(name, folder)):
        with pytest.raises(ValueError, match="one of mlp, cnn, deep_cnn, ten_minutes, got ") as caught:
            call()
        assert str(caught.value).endswith(repr(name))
    assert contents(folder) == before


def test_saving_to_a_missing_folder(histories, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it first") as caught:
        save_run(tmp_path / "nowhere", "mlp", histories["mlp"], **MADE)
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert not list(tmp_path.iterdir())


def untrained():
    history = keras.callbacks.History()
    history.set_model(keras.Sequential([keras.Input(shape=(2,)), keras.layers.Dense(1)]))
    history.on_train_begin()  # as after fit(epochs=0) or an interrupt in the first epoch
    return history


@pytest.mark.parametrize(
    "history",
    [untrained(), keras.callbacks.History(), {"loss": [1.0]}, None],
    ids=["no epochs", "no fit", "history.history", "None"],
)
def test_history_without_epochs(tmp_path, history):
    with pytest.raises(ValueError, match="history must be what fit returned after at least one epoch"):
        save_run(tmp_path, "mlp", history, **MADE)
    assert not list(tmp_path.iterdir())


# Damage


def assert_refused(folder, name, error, file, message):
    """Loading fails, and the error says which file it is, what is wrong and how to restore it."""
    with pytest.raises(error, match=message) as caught:
        load_run(name, folder)
    assert f"the reference file {folder / file} " in str(caught.value)
    assert "run `git checkout -- mnist_helpers/reference`" in str(caught.value)
    assert "`make reference`" in str(caught.value)


@pytest.mark.parametrize("file", ["mlp.keras", "mlp.json"])
def test_missing_file(folder, file):
    (folder / file).unlink()
    assert_refused(folder, "mlp", FileNotFoundError, file, "is missing")
    load_run("cnn", folder)  # the other run is unaffected


def test_missing_folder(tmp_path):
    assert_refused(tmp_path / "nowhere", "mlp", FileNotFoundError, "mlp.keras", "is missing")


@pytest.mark.parametrize("damage", ["truncated", "bit flipped", "empty"])
def test_damaged_model(folder, damage):
    file = folder / "mlp.keras"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes({"truncated": content[:-1], "bit flipped": content, "empty": b""}[damage])
    assert_refused(folder, "mlp", ValueError, "mlp.keras", "is damaged, changed or swapped: .* in mlp.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"name": "mlp", "sha2',
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"{}",
        b'{"name": "mlp"}',
        b'{"name": "mlp", "sha256": "", "epochs": 1}',
        b'{"name": "mlp", "sha256": "", "epochs": 1, "history": []}',
        b'{"name": "mlp", "sha256": "", "epochs": 1, "history": {}}',
        b'{"name": "mlp", "sha256": "", "epochs": 1, "history": {"loss": [1.5, 1.2]}}',
    ],
)
def test_damaged_record(folder, content):
    (folder / "mlp.json").write_bytes(content)
    assert_refused(folder, "mlp", ValueError, "mlp.json", "is damaged")


def test_record_with_another_hash(folder):
    file = folder / "mlp.json"
    run = json.loads(file.read_text())
    run["sha256"] = run["sha256"][::-1]
    file.write_text(json.dumps(run))
    assert_refused(folder, "mlp", ValueError, "mlp.keras", "its SHA-256 is not the one recorded in mlp.json")


@pytest.mark.parametrize(
    ("kinds", "file", "message"),
    [
        (
            ["keras", "json"],
            "{}.json",
            "is the record of '{other}', not of '{name}': files have been swapped",
        ),
        (["keras"], "{}.keras", "is damaged, changed or swapped"),
        (["json"], "{}.json", "is the record of '{other}', not of '{name}': files have been swapped"),
    ],
    ids=["both", "models", "records"],
)
def test_swapped_runs(folder, kinds, file, message):
    for kind in kinds:
        mlp, cnn, aside = folder / f"mlp.{kind}", folder / f"cnn.{kind}", folder / "aside"
        mlp.rename(aside)
        cnn.rename(mlp)
        aside.rename(cnn)
    for name, other in (("mlp", "cnn"), ("cnn", "mlp")):
        assert_refused(folder, name, ValueError, file.format(name), message.format(name=name, other=other))


def test_model_with_code_in_it_is_rejected(tmp_path):
    # A Lambda layer contains Python code. Keras' safe mode refuses it even if the hash is right.
    x = np.ones((4, 2))
    model = keras.Sequential(
        [keras.Input(shape=(2,)), keras.layers.Lambda(lambda x: x + 1), keras.layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer="sgd")
    save_run(tmp_path, "mlp", model.fit(x, x[:, :1], verbose=0), **MADE)
    with pytest.raises(ValueError, match=r"(?i)lambda.*unsafe|unsafe.*lambda"):
        load_run("mlp", tmp_path)


# The course's own three runs

PARAMETERS = {"mlp": 335_114, "cnn": 217_194, "deep_cnn": 329_962}
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


@pytest.fixture(scope="module", params=reference.RUNS)
def course_run(request):
    return request.param, *load_run(request.param)


def test_reference_folder_holds_the_runs_and_the_studies():
    files = {path.name for path in reference.REFERENCE_FOLDER.iterdir() if not path.name.startswith(".")}
    runs = {f"{name}.{kind}" for name in (*PARAMETERS, "ten_minutes") for kind in ("keras", "json")}
    assert files == {*runs, *(f"{name}.json" for name in reference.STUDIES)}


def test_reference_model_has_the_layers_of_its_notebook(course_run):
    name, model, run = course_run
    described = []
    for layer in model.layers:
        config = layer.get_config()
        parts = [config.get("units"), config.get("filters"), config.get("rate"), config.get("activation")]
        described.append(" ".join(str(part) for part in [type(layer).__name__, *parts] if part is not None))
    assert described == LAYERS[name]
    assert model.count_params() == run["parameters"] == PARAMETERS[name]
    assert all(
        layer.kernel_size == (3, 3) for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
    )


def test_reference_run_followed_the_recipe(course_run):
    _, _, run = course_run
    recipe = {"optimizer": "SGD", "learning_rate": 0.01, "loss": "categorical_crossentropy", "batch_size": 32}
    assert {key: run[key] for key in recipe} == recipe
    assert run["epochs"] == 30
    assert {key: len(values) for key, values in run["history"].items()} == dict.fromkeys(
        ["loss", "accuracy", "val_loss", "val_accuracy"], 30
    )
    assert run["seconds"] > 0


def test_reference_runs_share_one_seed():
    assert len({load_run(name)[1]["seed"] for name in reference.RUNS}) == 1


@pytest.fixture(scope="module")
def validation():
    _, (images, labels), _ = load_splits("channels")
    return images, labels


def test_reference_model_is_the_one_that_the_record_describes(course_run, validation):
    _, model, run = course_run
    images, labels = validation
    images = images.reshape(len(images), *model.input_shape[1:])
    measured = model.evaluate(images, labels, batch_size=500, verbose=0, return_dict=True)
    # Another processor may round differently: one image in 10,000 may be classified differently.
    assert measured["accuracy"] == pytest.approx(run["history"]["val_accuracy"][-1], abs=1.01e-4)
    assert measured["loss"] == pytest.approx(run["history"]["val_loss"][-1], rel=1e-4)


# The best run, of notebook 07


def test_best_run_is_the_one_that_the_record_describes(validation):
    model, run = load_run(reference.BEST_RUN)
    images, labels = validation
    measured = model.evaluate(images, labels, batch_size=500, verbose=0, return_dict=True)
    assert measured["accuracy"] == pytest.approx(run["history"]["val_accuracy"][-1], abs=1.01e-4)
    assert measured["loss"] == pytest.approx(run["history"]["val_loss"][-1], rel=1e-4)
    assert (run["epochs"], run["optimizer"], run["batch_size"]) == (40, "AdamW", 128)
    assert model.count_params() == run["parameters"] == 299_434


def test_best_run_took_ten_minutes_at_most_with_each_seed():
    counts, run = load_results("ten_minutes_seeds"), load_run(reference.BEST_RUN)[1]
    assert counts["seeds"] == 3 and counts["epochs"] == run["epochs"] and counts["first_seed"] == run["seed"]
    assert counts["seconds"][0] == run["seconds"] and max(counts["seconds"]) <= 600
    assert counts["val_errors"][0] == round(10_000 * (1 - run["history"]["val_accuracy"][-1]))


def test_best_run_makes_the_recorded_errors():
    _, _, (images, labels) = load_splits("channels")
    digits = load_run(reference.BEST_RUN)[0].predict(images, batch_size=500, verbose=0).argmax(axis=1)
    errors = int(np.sum(digits != labels.argmax(axis=1)))
    # Another processor may round differently.
    assert abs(errors - load_results("ten_minutes_seeds")["errors"][0]) <= 1


# Results of a study


def test_saved_results_are_loaded(tmp_path):
    save_results(tmp_path, "ablation", {"errors": {"all": [70, 75]}, "epochs": 3})
    assert load_results("ablation", tmp_path) == {
        "name": "ablation",
        "errors": {"all": [70, 75]},
        "epochs": 3,
    }
    assert [file.name for file in tmp_path.iterdir()] == ["ablation.json"]


def test_unserializable_results_change_nothing(tmp_path):
    save_results(tmp_path, "ablation", {"errors": 1})
    with pytest.raises(TypeError):
        save_results(tmp_path, "ablation", {"errors": object()})
    assert load_results("ablation", tmp_path)["errors"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["ablation.json"]


def test_results_with_a_missing_folder_or_unknown_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        save_results(tmp_path / "nowhere", "ablation", {})
    for act in (lambda: save_results(tmp_path, "mlp", {}), lambda: load_results("mlp", tmp_path)):
        with pytest.raises(ValueError, match=r"name must be one of optimizers, ablation, .*, got 'mlp'"):
            act()


@pytest.mark.parametrize("content", [b"", b"null", b"{}", b'{"name": "abl', b"\xff"])
def test_damaged_results(tmp_path, content):
    (tmp_path / "ablation.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"ablation.json is damaged .*make reference"):
        load_results("ablation", tmp_path)


def test_missing_or_swapped_results(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"ablation.json is missing; .*make reference"):
        load_results("ablation", tmp_path)
    (tmp_path / "ablation.json").write_text('{"name": "mlp"}')
    with pytest.raises(ValueError, match="holds 'mlp', not 'ablation'"):
        load_results("ablation", tmp_path)


def test_ablation_has_ten_counts_of_each_variant():
    record = load_results("ablation")
    assert record["epochs"] == 2 and record["seeds"] == 10
    assert all(len(counts) == 10 for counts in record["errors"].values())
    assert all(0 < count < 200 for counts in record["errors"].values() for count in counts)


def test_factors_of_the_intervals_fit_ten_values():
    assert scipy.stats.t.ppf(1 - 0.05 / 2, df=9) == pytest.approx(2.26, abs=5e-3)
    assert scipy.stats.t.ppf(1 - 0.05 / 3 / 2, df=9) == pytest.approx(2.93, abs=5e-3)
