"""How `make bench` summarizes its measurements, and the record that the course quotes."""

import pytest
from results import FAST_EPOCHS

from mnist_helpers import load_results
from tests.benchmarks import training

PUBLISHED = {"mlp": 0.9756, "cnn": 0.9853, "deep_cnn": 0.9926}


def run(*seconds: float, accuracy: float = 0.5, seed: int = 1) -> dict:
    return {
        "epoch_seconds": list(seconds),
        "whole_seconds": sum(seconds) + 5,
        "peak_megabytes": 1000 + seed,
        "val_accuracy": accuracy + 0.001,
        "test_accuracy": accuracy,
        "seed": seed,
    }


def test_runs_are_summarized_by_their_medians():
    runs = [run(2, accuracy=0.97), run(9, accuracy=0.98, seed=2), run(3, accuracy=0.99, seed=3)]
    assert training.summary(runs, epochs=0) == {
        "peak_megabytes": 1003,
        "fit_seconds": 3,
        "whole_seconds": 8,
        "val_accuracies": {"1": 0.971, "2": 0.981, "3": 0.991},
        "test_accuracies": {"1": 0.97, "2": 0.98, "3": 0.99},
    }


def test_a_few_epochs_are_extrapolated_and_marked():
    found = training.summary([run(6, 1, 2)], epochs=3)
    assert found == {"epoch_seconds": 1.5, "fit_seconds": 6 + 29 * 1.5, "extrapolated_from_epochs": 3}
    record = {"networks": {"mlp": {"recipes": {"start": found, "calls_of_100": found}}}}
    record["networks"]["mlp"] |= {"same_losses": False, "limit_seconds_an_epoch": 0.5}
    told = training.table(record)
    assert told.count("extrapolated from 3 epochs") == 2 and "NOT the same losses" in told


def test_all_epochs_are_not_extrapolated():
    found = training.summary([run(*[4] + 29 * [2])], epochs=30)
    assert (found["fit_seconds"], found["epoch_seconds"]) == (62, 2)
    assert "extrapolated_from_epochs" not in found


def test_limit_counts_every_multiplication_and_addition(monkeypatch):
    monkeypatch.setattr(training, "operations_a_second", lambda: 1.0)
    dense = 784 * 256 + 256 * 256 + 256 * 256 + 256 * 10
    assert training.limit("mlp") == 50_000 * 6 * dense
    assert training.limit("cnn") == 50_000 * 6 * (
        26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 32 + 800 * 256 + 256 * 10
    )


def test_fast_recipe_comes_from_the_lesson():
    lesson = training.recipe_of_the_lesson()
    assert set(lesson["RECIPES"]) == set(training.LAYOUTS)
    assert callable(lesson["train_fast"])
    assert {network: epochs for network, (epochs, _, _) in lesson["RECIPES"].items()} == FAST_EPOCHS


@pytest.mark.parametrize("network", training.LAYOUTS)
def test_fast_recipe_reached_the_published_accuracy(network):
    measured = load_results("training_times")["networks"][network]
    fast = measured["recipes"]["fast"]["test_accuracies"]
    assert len(fast) >= 3
    assert sum(fast.values()) / len(fast) >= PUBLISHED[network]
    assert min(fast.values()) >= PUBLISHED[network] - 0.0015
    assert measured["same_losses"]
    assert "extrapolated_from_epochs" not in measured["recipes"]["start"]
