"""How `make bench` summarizes its measurements, and the record that the course quotes."""

import pytest
from results import FAST_EPOCHS

from mnist_helpers import load_results
from tools import measure_training as training
from tools.course import COMPARED, NETWORKS


def run(*seconds: float, accuracy: float = 0.5, seed: int = 1) -> dict:
    scores = {"val_accuracy": accuracy + 0.001, "test_accuracy": accuracy}
    return {"epoch_seconds": list(seconds), "seed": seed} | scores


def test_runs_are_summarized_by_their_medians_and_few_epochs_extrapolated():
    assert training.summary([run(2, accuracy=0.97), run(9, seed=2), run(3, accuracy=0.99, seed=3)]) == {
        "fit_seconds": 3,
        "val_accuracies": {"1": 0.971, "2": 0.501, "3": 0.991},
        "test_accuracies": {"1": 0.97, "2": 0.5, "3": 0.99},
    }
    few = training.summary([run(6, 1, 2)])
    assert few == {"epoch_seconds": 1.5, "fit_seconds": 6 + 29 * 1.5, "extrapolated_from_epochs": 3}
    whole = training.summary([run(*[4] + 29 * [2])])
    assert (whole["fit_seconds"], whole["epoch_seconds"]) == (62, 2)
    assert "extrapolated_from_epochs" not in whole


def test_limit_counts_every_multiplication_and_addition(monkeypatch):
    monkeypatch.setattr(training, "operations_a_second", lambda: 1.0)
    products = 26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 32 + 800 * 256 + 256 * 10
    assert training.limit("cnn") == 50_000 * 6 * products


def test_fast_recipe_comes_from_the_lesson():
    lesson = training.recipe_of_the_lesson()
    assert callable(lesson["train_fast"])
    assert {network: epochs for network, (epochs, _, _) in lesson["RECIPES"].items()} == FAST_EPOCHS


@pytest.mark.parametrize("network", COMPARED)
def test_fast_recipe_reached_the_published_accuracy(network):
    measured = load_results("training_times")["networks"][network]
    fast = list(measured["recipes"]["fast"]["test_accuracies"].values())
    published = NETWORKS[network]["published"]
    assert len(fast) == 3 and sum(fast) / 3 >= published and min(fast) >= published - 0.0015
    assert measured["same_losses"]
    assert "extrapolated_from_epochs" not in measured["recipes"]["start"]
