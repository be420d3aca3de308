"""Fixtures and settings that all tests share."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pictures
import pytest
from nbval.plugin import IPyNbCell

matplotlib.use("Agg")

from matplotlib import pyplot as plt

BROWSER_TESTS = Path(__file__).with_name("browser")
collect_ignore = [BROWSER_TESTS.name]  # They take minutes and need Chromium, so they only run when asked for.


def pytest_configure(config: pytest.Config) -> None:
    IPyNbCell.compare_outputs = pictures.compare_outputs


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if any(path in BROWSER_TESTS.parents for path in asked_for):
        terminalreporter.write_line("The browser tests were not run. They need Chromium: make test-browser")


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
