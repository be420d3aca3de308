"""Is this machine ready for the course? ``make check``, or ``python -m mnist_helpers.ready``.

Prints a line for each thing that a lesson needs, and what to do where one is missing. The exit status is 1 if
something is missing without which the notebooks do not run.
"""

import contextlib
import functools
import shutil
import socket
import sys
import time
import webbrowser

from mnist_helpers.data import MNIST_FILE, load_mnist, load_splits
from mnist_helpers.reference import load_results, load_run
from mnist_helpers.startup import quiet_start

GIGABYTE = 1e9
NETWORKS = ("mlp", "cnn", "deep_cnn", "ten_minutes")
STUDIES = ("optimizers", "ablation", "ten_minutes_parts", "ten_minutes_seeds", "training_times")
STUDIES += ("image_counts", "few_images", "adversarial_training")
NOTEBOOKS = {"02": "mlp", "03": "cnn", "04": "deep_cnn"}
STEPS, VALIDATION_STEPS = 1563, 313  # of an epoch: 50,000 and 10,000 images in batches of 32
LONG_EPOCH = 180  # seconds
PORTS = range(8888, 8939)  # those that JupyterLab tries


class Missing(Exception):
    """Without it, the notebooks do not run."""


class Notice(Exception):
    """The notebooks run, and something is to be known."""


def python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise Missing(
            f"this is Python {version}; set up the environment anew with Python 3.11, 3.12 or 3.13, as the "
            "README says under Start"
        )
    if sys.prefix == sys.base_prefix:
        raise Notice(f"{version}, in no environment of its own: other packages may get in the way")
    return f"{version}, in the environment {sys.prefix}"


def memory() -> str:
    try:
        import psutil  # Jupyter needs it too

        free = psutil.virtual_memory().available
    except Exception as error:
        raise Notice(
            f"this system does not tell how much is free ({error}); a notebook needs 2 GB"
        ) from error
    text = f"{free / GIGABYTE:.1f} GB free"
    if free < GIGABYTE:
        raise Missing(f"{text}, and a notebook needs up to 2 GB: close other programs and other notebooks")
    if free < 2 * GIGABYTE:
        raise Notice(f"{text}: run one notebook at a time, and shut its kernel down before the next")
    return text


def disk() -> str:
    free = shutil.disk_usage(MNIST_FILE.parent).free
    text = f"{free / GIGABYTE:.1f} GB free"
    if free < 0.1 * GIGABYTE:
        raise Missing(f"{text}, too little to save a notebook: delete something or move the course")
    if free < GIGABYTE:
        raise Notice(f"{text}: enough to work, and too little for `make course`")
    return text


def files() -> str:
    load_mnist()
    for name in STUDIES:
        load_results(name)
    for name in NETWORKS:
        network(name)
    return f"the data, {len(NETWORKS)} trained networks and {len(STUDIES)} records are whole"


def processor() -> str:
    seconds = {notebook: seconds_an_epoch(name) for notebook, name in NOTEBOOKS.items()}
    text = "an epoch of " + ", of ".join(f"{notebook} takes {s:.0f} s" for notebook, s in seconds.items())
    if max(seconds.values()) > LONG_EPOCH:
        raise Notice(f"{text}: in the slow ones, start the training first and read on while it runs")
    return text


@functools.cache
def network(name: str):
    """A reference network; its file is checked."""
    return load_run(name)[0]


@functools.cache
def splits():
    """Parts of the training and validation images, with labels: enough for a few steps."""
    (x, y), (x_val, y_val), _ = load_splits("channels")
    return (x[:20_000], y[:20_000]), (x_val[:1600], y_val[:1600])


def seconds_an_epoch(name: str, seconds: float = 1.0) -> float:
    """How long an epoch of a notebook takes here, from a few of its steps, in training and in validation."""
    with quiet_start():
        import keras

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.ends = []  # of the steps; the first one is built, too

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())
            self.model.stop_training = len(self.ends) > 20 and self.ends[-1] > self.ends[0] + seconds

        on_test_begin, on_test_batch_end = on_train_begin, on_train_batch_end

    model = keras.models.clone_model(network(name))
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    (x, y), (x_val, y_val) = splits()
    x, x_val = (part.reshape(-1, *model.input_shape[1:]) for part in (x, x_val))
    clock, validation_clock = Clock(), Clock()
    model.fit(x, y, batch_size=32, verbose=0, callbacks=[clock])
    model.evaluate(x_val, y_val, batch_size=32, verbose=0, callbacks=[validation_clock])
    step, validation_step = (
        (of.ends[-1] - of.ends[5]) / (len(of.ends) - 6) for of in (clock, validation_clock)
    )
    return STEPS * step + VALIDATION_STEPS * validation_step


def port() -> str:
    for number in PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", number))
            taken = f"; {PORTS[0]} is taken, perhaps by a JupyterLab that still runs" * (number > PORTS[0])
            return f"{number} is free for JupyterLab{taken}"
    raise Missing(
        f"JupyterLab finds none from {PORTS[0]} to {PORTS[-1]}: end the JupyterLabs that still run, or ask "
        "who looks after this machine whether programs may listen on 127.0.0.1"
    )


def browser() -> str:
    try:
        return f"{webbrowser.get().name.rpartition('/')[2] or 'found'} opens by itself"
    except (webbrowser.Error, AttributeError) as error:
        raise Notice("none opens by itself: copy the address that JupyterLab prints into one") from error


CHECKS = {
    "Python": python,
    "memory": memory,
    "disk": disk,
    "files": files,
    "processor": processor,
    "port": port,
    "browser": browser,
}


def finding(check) -> tuple[str, str]:
    """What a check finds: ok, look or STOP, and what it says."""
    try:
        return "ok", check()
    except Notice as notice:
        return "look", str(notice)
    except Missing as missing:
        return "STOP", str(missing)
    except (OSError, ValueError) as error:  # the package says what to do
        return "STOP", str(error)
    except Exception as error:
        return "STOP", f"{type(error).__name__}: {error}. Install the packages again, as the README says"


def main() -> int:
    stops = 0
    for name, check in CHECKS.items():
        state, text = finding(check)
        stops += state == "STOP"
        print(f"{state:5}{name:10} {text}", flush=True)
    print("This machine is not ready: see STOP above." if stops else "This machine is ready.")
    return min(stops, 1)


if __name__ == "__main__":
    sys.exit(main())
