"""Fixtures and settings that all tests share."""

import json
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pictures
import pytest
from nbval.plugin import IPyNbCell

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from tools.course import LESSONS, ROOT

# Two workers share the processor. If each takes all of its cores, their threads wait for one another, and
# training takes twice the time.
if "PYTEST_XDIST_WORKER" in os.environ:
    threads = str(max(1, (os.cpu_count() or 1) // 2))
    os.environ |= {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}

# They take minutes and need Chromium, or the packages of a class, so they only run when asked for.
collect_ignore = ["browser", "class"]


def pytest_configure(config: pytest.Config) -> None:
    IPyNbCell.compare_outputs = pictures.compare_outputs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out a reader's own notebooks, and begin with what takes longest, so that no worker idles."""
    seconds = json.loads((ROOT / "tools" / "run_times.json").read_text(encoding="utf-8"))["seconds"]
    items[:] = sorted(
        (item for item in items if item.path.suffix != ".ipynb" or item.path.stem in LESSONS),
        key=lambda item: -seconds.get(item.path.stem, 0),
    )


@pytest.fixture(autouse=True)
def _fresh_figures():
    """Close the figures that a test drew and undo the style that it set."""
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(28)


@pytest.fixture
def predictions(rng) -> tuple[np.ndarray, np.ndarray]:
    """True digits and probabilities for 2,000 images, from a classifier that is right about half the time."""
    probabilities = rng.dirichlet(np.full(10, 0.3), 2000).astype("float32")
    guessed = rng.integers(0, 10, 2000)
    true = np.where(rng.random(2000) < 0.5, probabilities.argmax(axis=1), guessed)
    return true, probabilities


@pytest.fixture
def python():
    """Run a program in a fresh interpreter; the result has stdout, stderr and returncode."""

    def run(program: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
            env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"} | environment,
        )

    return run
