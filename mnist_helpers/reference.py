"""The reference runs: save and load a trained network and the record of its training.

``make reference`` writes to ``mnist_helpers/reference``: it runs the training notebooks with the
parameters of a full run, and they call `save_run` and `save_results`. ``make bench`` adds
``training_times``. Nothing else writes there.
"""

import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

from mnist_helpers.startup import quiet_start

REFERENCE_FOLDER = Path(__file__).with_name("reference")
RUNS = ("mlp", "cnn", "deep_cnn")  # trained with the recipe that the course starts from
BEST_RUN = "ten_minutes"
STUDIES = ("optimizers", "ablation", "ten_minutes_parts", "ten_minutes_seeds", "training_times")
REMEDY = (
    "to get it back, run `git checkout -- mnist_helpers/reference`, or rebuild it with `make reference` "
    "(training_times: `make bench`)"
)


def save_run(folder, name: str, history, *, seed: int, batch_size: int, seconds: float) -> None:
    """Save a trained model and how it was trained as ``<name>.keras`` and ``<name>.json``.

    Each file is first written in full next to its destination and then renamed, so that it is never half
    written. The record contains the model file's SHA-256, which `load_run` checks.

    Parameters
    ----------
    folder : an existing folder.
    name : "mlp", "cnn", "deep_cnn" or "ten_minutes".
    history : the ``keras.callbacks.History`` that ``fit`` returned; it refers to its model.
    seed, batch_size : as used in training.
    seconds : how long ``fit`` took.

    Raises
    ------
    ValueError
        If `name` is unknown or `history` has no finished epoch.
    FileNotFoundError
        If `folder` does not exist.
    """
    import keras
    import numpy
    import tensorflow

    folder = Path(folder)
    _check_name(name, (*RUNS, BEST_RUN))
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder.resolve()} does not exist; create it first")
    if not getattr(history, "epoch", None):
        raise ValueError("history must be what fit returned after at least one epoch, but it has none")

    model = history.model
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        model_file = Path(draft) / f"{name}.keras"
        model.save(model_file)
        record = {
            "name": name,
            "sha256": hashlib.sha256(model_file.read_bytes()).hexdigest(),
            "parameters": model.count_params(),
            "optimizer": type(model.optimizer).__name__,
            "learning_rate": round(float(model.optimizer.learning_rate), 9),
            "loss": model.loss,
            "batch_size": batch_size,
            "epochs": len(history.epoch),
            "seed": seed,
            "seconds": round(seconds, 1),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "versions": {
                "python": platform.python_version(),
                "tensorflow": tensorflow.__version__,
                "keras": keras.__version__,
                "numpy": numpy.__version__,
            },
            "history": history.history,
        }
        record_file = Path(draft) / f"{name}.json"
        record_file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for file in (model_file, record_file):
            file.replace(folder / file.name)


def load_run(name: str, folder=REFERENCE_FOLDER) -> tuple:
    """Load a trained model and the record of its training.

    Parameters
    ----------
    name : "mlp", "cnn", "deep_cnn" or "ten_minutes".
    folder : where the two files are; by default, the course's own reference folder.

    Returns
    -------
    model : the trained ``keras.Model``, compiled as it was for training.
    run : dict
        The record. It includes ``run["history"]`` (a list with one number per epoch for each of loss,
        accuracy, val_loss and val_accuracy), ``run["epochs"]``, ``run["seconds"]`` and
        ``run["parameters"]``.

    Raises
    ------
    ValueError
        If `name` is unknown, or one of the files is damaged, changed or misnamed.
    FileNotFoundError
        If one of the files is missing.
    """
    _check_name(name, (*RUNS, BEST_RUN))
    model_file, record_file = (Path(folder) / f"{name}.{kind}" for kind in ("keras", "json"))
    for file in (model_file, record_file):
        if not file.is_file():
            raise FileNotFoundError(f"the reference file {file} is missing; {REMEDY}")
    try:
        run = json.loads(record_file.read_text(encoding="utf-8"))
        recorded_name, recorded_hash = run["name"], run["sha256"]
        if {len(values) for values in run["history"].values()} != {run["epochs"]}:
            raise ValueError(f"its history does not have {run['epochs']} epochs")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the reference file {record_file} is damaged ({type(error).__name__}: {error}); {REMEDY}"
        ) from error
    if recorded_name != name:
        raise ValueError(
            f"the reference file {record_file} is the record of {recorded_name!r}, not of {name!r}: "
            f"files have been swapped; {REMEDY}"
        )
    if hashlib.sha256(model_file.read_bytes()).hexdigest() != recorded_hash:
        raise ValueError(
            f"the reference file {model_file} is damaged, changed or swapped: its SHA-256 is not the "
            f"one recorded in {record_file.name}; {REMEDY}"
        )
    with quiet_start():
        import keras

    return keras.saving.load_model(model_file, safe_mode=True), run


def save_results(folder, name: str, results: dict) -> None:
    """Save the results of a study of many training runs as ``<name>.json``.

    The file is first written in full next to its destination and then renamed.

    Parameters
    ----------
    folder : an existing folder.
    name : one of `STUDIES`.
    results : a dict that JSON can hold: strings, numbers, lists, dicts.

    Raises
    ------
    ValueError
        If `name` is unknown.
    FileNotFoundError
        If `folder` does not exist.
    TypeError
        If JSON cannot hold the results.
    """
    folder = Path(folder)
    _check_name(name, STUDIES)
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder.resolve()} does not exist; create it first")
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        file = Path(draft) / f"{name}.json"
        file.write_text(json.dumps({"name": name} | results, indent=1) + "\n", encoding="utf-8")
        file.replace(folder / file.name)


def load_results(name: str, folder=REFERENCE_FOLDER) -> dict:
    """Load what `save_results` saved.

    Parameters
    ----------
    name : one of `STUDIES`.
    folder : where the file is; by default, the course's own reference folder.

    Returns
    -------
    The results, with their name under ``"name"``.

    Raises
    ------
    ValueError
        If `name` is unknown, or the file is damaged or misnamed.
    FileNotFoundError
        If the file is missing.
    """
    _check_name(name, STUDIES)
    file = Path(folder) / f"{name}.json"
    if not file.is_file():
        raise FileNotFoundError(f"the reference file {file} is missing; {REMEDY}")
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
        recorded_name = results["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"the reference file {file} is damaged ({type(error).__name__}: {error}); {REMEDY}"
        ) from error
    if recorded_name != name:
        raise ValueError(f"the reference file {file} holds {recorded_name!r}, not {name!r}; {REMEDY}")
    return results


def _check_name(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}")
