"""What `make bench` makes of its measurements, and the record that the course quotes."""

import json

import pytest

from tests.benchmarks import training

PUBLISHED = {"mlp": 0.9756, "cnn": 0.9853, "deep_cnn": 0.9926}


def run(seconds: float, accuracy: float, seed: int = 1) -> dict:
    return {
        "fit_seconds": seconds,
        "seconds": seconds + 5,
        "peak_megabytes": 1000 + seed,
        "test_accuracy": accuracy,
        "seed": seed,
    }


def test_runs_are_summed_up_by_their_medians():
    found = training.summary("fast", [run(2, 0.97, 1), run(9, 0.98, 2), run(3, 0.99, 3)], epochs=0)
    assert found == {
        "peak_megabytes": 1003,
        "fit_seconds": 3,
        "seconds": 8,
        "test_accuracy": pytest.approx(0.98),
        "test_accuracies": {"1": 0.97, "2": 0.98, "3": 0.99},
    }


def test_few_epochs_are_extrapolated_and_say_so():
    found = training.summary("start", [run(6, 0.5)], epochs=3)
    assert found == {
        "peak_megabytes": 1001,
        "epoch_seconds": 2,
        "fit_seconds": 60,
        "seconds": 65,
        "extrapolated_from_epochs": 3,
    }
    record = {"networks": {"mlp": {"recipes": {"start": found, "start_in_calls_of_100": found}}}}
    record["networks"]["mlp"] |= {"same_history": False, "limit_seconds_an_epoch": 0.5}
    told = training.table(record)
    assert told.count("extrapolated from 3 epochs") == 2 and "NOT the same history" in told


def test_all_epochs_are_not_extrapolated():
    found = training.summary("start", [run(60, 0.97)], epochs=30)
    assert (found["fit_seconds"], found["epoch_seconds"]) == (60, 2)
    assert "extrapolated_from_epochs" not in found


def test_limit_counts_every_product_and_sum(monkeypatch):
    monkeypatch.setattr(training, "operations_a_second", lambda: 1.0)
    dense = 784 * 256 + 256 * 256 + 256 * 256 + 256 * 10
    assert training.limit("mlp") == 50_000 * 6 * dense
    assert training.limit("cnn") == 50_000 * 6 * (
        26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 32 + 800 * 256 + 256 * 10
    )


def test_fast_recipe_is_that_of_the_lesson():
    lesson = training.recipe_of_the_lesson()
    assert set(lesson["RECIPES"]) == set(training.LAYOUTS)
    assert callable(lesson["train_fast"])


@pytest.mark.parametrize("network", training.LAYOUTS)
def test_fast_recipe_reached_what_the_plain_one_is_said_to(network):
    measured = json.loads(training.RECORD.read_text(encoding="utf-8"))["networks"][network]
    fast = measured["recipes"]["fast"]
    assert len(fast["test_accuracies"]) >= 3
    assert fast["test_accuracy"] >= PUBLISHED[network]
    assert min(fast["test_accuracies"].values()) >= PUBLISHED[network] - 0.0015
    assert measured["same_history"]
