"""The reference runs: save and load a trained network and the record of its training.

``make reference`` writes to ``mnist_helpers/reference``: it runs the training notebooks with the
parameters of a full run, and they call `save_run` and `save_results`. ``make bench`` adds
``training_times``. Nothing else writes there. A record holds a checksum of itself, and that of a run also
the SHA-256 of its model file, so that a damaged, changed or swapped file is noticed.
"""

import hashlib
import json
import os
import platform
import re
from pathlib import Path

from mnist_helpers.files import remedy, write_whole
from mnist_helpers.startup import quiet_start

REFERENCE_FOLDER = Path(__file__).with_name("reference")
REMEDY = remedy("mnist_helpers/reference")


def save_run(folder, name: str, history, *, seed: int, batch_size: int, seconds: float) -> None:
    """Save a trained model as ``<name>.keras``, and how it was trained as ``<name>.json``.

    Parameters
    ----------
    folder : an existing folder.
    name : such as "mlp".
    history : the ``keras.callbacks.History`` that ``fit`` returned; it refers to its model.
    seed, batch_size : as used in training.
    seconds : how long ``fit`` took.

    Raises
    ------
    ValueError
        If `history` has no finished epoch, is not all of the model's training, or holds nan.
    FileNotFoundError
        If `folder` does not exist.
    """
    import keras
    import numpy
    import tensorflow

    _check_name(name)
    if not getattr(history, "epoch", None):
        raise ValueError("history must be what fit returned after at least one epoch, but it has none")
    model, epochs, steps = history.model, len(history.epoch), history.params["steps"]
    trained = int(model.optimizer.iterations)
    if steps and trained > epochs * steps:
        raise ValueError(
            f"history has {epochs} epochs of {steps} steps, but its model was trained for {trained} steps: "
            "build the model anew, and fit it once"
        )
    with write_whole(folder) as draft:
        model.save(draft / f"{name}.keras")
        record = {
            "name": name,
            "sha256": _sha256((draft / f"{name}.keras").read_bytes()),
            "parameters": model.count_params(),
            "optimizer": type(model.optimizer).__name__,
            "learning_rate": round(float(model.optimizer.learning_rate), 9),
            "loss": model.loss,
            "batch_size": batch_size,
            "epochs": epochs,
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
        _write_record(draft, record)


def load_run(name: str, folder=REFERENCE_FOLDER) -> tuple:
    """Load a trained model and the record of its training.

    Parameters
    ----------
    name : such as "mlp"; a name that there is not is an error that lists those there are.
    folder : where the two files are; by default, the course's own reference folder.

    Returns
    -------
    model : the trained ``keras.Model``, compiled as it was for training.
    run : dict
        The record, with ``run["history"]`` (a list with one number per epoch for each of loss, accuracy,
        val_loss and val_accuracy), ``run["epochs"]``, ``run["seconds"]``, ``run["parameters"]`` and more.

    Raises
    ------
    ValueError
        If a file is damaged, changed or swapped, or `name` is no name.
    FileNotFoundError
        If a file is missing.
    """
    run = load_results(name, folder)
    file = Path(folder) / f"{name}.keras"
    if _sha256(_read(file)) != run.get("sha256"):
        raise ValueError(
            f"the reference file {file} is damaged, changed or swapped: its SHA-256 is not the one recorded "
            f"in {name}.json; {REMEDY}"
        )
    with quiet_start():
        import keras
    try:
        return keras.saving.load_model(file, safe_mode=True), run
    except Exception as error:
        raise ValueError(f"the reference file {file} is no network for Keras: {error}; {REMEDY}") from error


def save_results(folder, name: str, results: dict) -> None:
    """Save the results of a study of many training runs as ``<name>.json``.

    Parameters
    ----------
    folder : an existing folder.
    name : such as "ablation".
    results : a dict that JSON can hold: strings, finite numbers, lists, dicts.

    Raises
    ------
    ValueError, TypeError
        If JSON cannot hold the results, or `name` is no name.
    FileNotFoundError
        If `folder` does not exist.
    """
    _check_name(name)
    with write_whole(folder) as draft:
        _write_record(draft, {"name": name} | results)


def load_results(name: str, folder=REFERENCE_FOLDER) -> dict:
    """Load the record that `save_results` or `save_run` saved.

    Parameters
    ----------
    name : such as "ablation".
    folder : where the file is; by default, the course's own reference folder.

    Returns
    -------
    The record, with its name under ``"name"``.

    Raises
    ------
    ValueError
        If the file is damaged, changed or swapped, or `name` is no name.
    FileNotFoundError
        If the file is missing.
    """
    _check_name(name)
    file = Path(folder) / f"{name}.json"
    content = _read(file)
    try:
        record = json.loads(content)
        intact = record.pop("checksum") == _checksum(record) and record["name"] == name
    except (ValueError, KeyError, TypeError, AttributeError):
        intact = False
    if not intact:
        raise ValueError(
            f"the reference file {file} is damaged, changed or swapped: its checksum or name does not fit; "
            + REMEDY
        )
    return record


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ValueError(f"name must be of small letters, digits and _, such as 'deep_cnn', got {name!r}")


def _read(file: Path) -> bytes:
    if not file.is_file():
        there = ", ".join(sorted(other.stem for other in file.parent.glob(f"*{file.suffix}"))) or "none"
        raise FileNotFoundError(f"the reference file {file} is missing (there: {there}); {REMEDY}")
    return file.read_bytes()


def _write_record(folder: Path, record: dict) -> None:
    try:
        record = json.loads(json.dumps(record, allow_nan=False))
    except ValueError as error:
        raise ValueError(f"{record['name']} has results that are nan or infinite ({error})") from error
    text = json.dumps(record | {"checksum": _checksum(record)}, indent=1) + "\n"
    (folder / f"{record['name']}.json").write_text(text, encoding="utf-8")


def _checksum(record: dict) -> str:
    return _sha256(json.dumps(record, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
