"""Check each count, interval and ranking against another library, and on cases that can be checked by eye."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import calibration, metrics

from mnist_helpers import (
    confusion_matrix,
    mcnemar_exact,
    precision_recall,
    rank_mistakes,
    reliability_bins,
    wilson_interval,
)


def rows(*confidences_at: tuple[int, float]) -> np.ndarray:
    """Probabilities with the given confidence in the given digit, and the rest spread over the others."""
    out = np.array([np.full(10, (1 - confidence) / 9) for _, confidence in confidences_at])
    for row, (digit, confidence) in zip(out, confidences_at, strict=True):
        row[digit] = confidence
    return out


# wilson_interval


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_wilson_equals_scipy(rng, confidence):
    for n in [1, 2, 7, 100, 10_000, *rng.integers(1, 60_000, 20)]:
        for correct in {0, 1, n // 2, n - 1, n, rng.integers(0, n + 1)}:
            theirs = binomtest(int(correct), int(n)).proportion_ci(confidence, method="wilson")
            assert wilson_interval(correct, n, confidence) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def test_wilson_contains_the_proportion():
    for n in range(1, 200):
        for correct in range(n + 1):
            low, high = wilson_interval(correct, n)
            assert 0 <= low <= correct / n <= high <= 1


def test_counts_may_be_of_small_integer_types():
    assert wilson_interval(np.int32(49_000), np.int32(50_000)) == wilson_interval(49_000, 50_000)
    assert wilson_interval(np.uint8(150), np.uint8(200)) == wilson_interval(150, 200)
    assert mcnemar_exact(np.int8(120), np.uint8(200)) == mcnemar_exact(120, 200)


# mcnemar_exact


def test_mcnemar_equals_scipy_and_the_formula_of_notebook_05(rng):
    pairs = [(0, 1), (1, 0), (1, 1), (3, 17), (40, 40), (147, 98), (600, 700), *rng.integers(0, 300, (50, 2))]
    for only_a, only_b in pairs:
        n, fewer = int(only_a + only_b), int(min(only_a, only_b))
        p = mcnemar_exact(only_a, only_b)
        assert p == min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)
        assert p == pytest.approx(binomtest(fewer, n, 0.5).pvalue, rel=1e-9)


def test_mcnemar_of_large_counts():
    assert 0 < mcnemar_exact(0, 1000) < 1e-300
    # With math.comb for each term, this took minutes.
    assert mcnemar_exact(20_000, 20_300) == pytest.approx(binomtest(20_000, 40_300).pvalue, rel=1e-9)


# confusion_matrix


def test_confusion_equals_sklearn(predictions):
    true, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    ours = confusion_matrix(true, predicted)
    assert not np.array_equal(ours, ours.T)  # so that a transposed matrix would be noticed
    assert np.array_equal(ours, metrics.confusion_matrix(true, predicted, labels=range(10)))
    assert ours.dtype == np.int64


# precision_recall


def test_precision_and_recall_equal_sklearn(predictions):
    true, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    precision, recall = precision_recall(confusion_matrix(true, predicted))
    theirs = metrics.precision_recall_fscore_support(true, predicted, labels=range(10))
    assert not np.allclose(precision, recall)
    np.testing.assert_allclose(precision, theirs[0], rtol=1e-12)
    np.testing.assert_allclose(recall, theirs[1], rtol=1e-12)


def test_precision_and_recall_are_nan_where_they_mean_nothing():
    # Class 1 never occurs, class 2 is never predicted; numpy does not warn about 0 / 0.
    with np.errstate(all="raise"):
        precision, recall = precision_recall([[5, 1, 0], [0, 0, 0], [2, 0, 0]])
    np.testing.assert_array_equal(precision, [5 / 7, 0, np.nan])
    np.testing.assert_array_equal(recall, [5 / 6, np.nan, 0])


# rank_mistakes


def test_rank_mistakes_equals_a_plain_sort(predictions):
    true, probabilities = predictions
    ours = rank_mistakes(true, probabilities)
    wrong = [i for i in range(len(true)) if np.argmax(probabilities[i]) != true[i]]
    assert 500 < len(wrong) < 1500
    assert ours.tolist() == sorted(wrong, key=lambda i: -max(probabilities[i]))
    assert ours.dtype == np.int64


def test_rank_mistakes_keeps_the_order_of_ties():
    tied = np.tile(rows((1, 0.6)), (30, 1))
    probabilities = np.concatenate([tied, rows((5, 0.8)), tied])
    assert rank_mistakes(np.zeros(61, dtype=int), probabilities).tolist() == [30, *range(30), *range(31, 61)]


# reliability_bins


@pytest.mark.parametrize("bins", [1, 4, 10, 15])
def test_reliability_equals_sklearn(predictions, bins):
    true, probabilities = predictions
    confidence, accuracy, count = reliability_bins(true, probabilities, bins)
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    their_accuracy, their_confidence = calibration.calibration_curve(right, sure, n_bins=bins)
    filled = count > 0
    np.testing.assert_allclose(confidence[filled], their_confidence, rtol=1e-12)
    np.testing.assert_allclose(accuracy[filled], their_accuracy, rtol=1e-12)
    assert np.array_equal(count, np.histogram(sure, np.linspace(0, 1, bins + 1))[0])


def test_reliability_by_eye():
    # Two in the bin from 0.6 to 0.7, one of them right; one in the last, wrong.
    probabilities = rows((1, 0.62), (2, 0.66), (3, 0.94))
    confidence, accuracy, count = reliability_bins([1, 0, 0], probabilities)
    assert count.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 1]
    assert count.dtype == np.int64
    np.testing.assert_allclose(confidence, [np.nan] * 6 + [0.64, np.nan, np.nan, 0.94])
    np.testing.assert_allclose(accuracy, [np.nan] * 6 + [0.5, np.nan, np.nan, 0])


def test_reliability_at_the_edges_of_bins():
    # A bin includes its lower edge; a confidence of 1, or slightly above by rounding, is in the last.
    probabilities = rows((0, 0.5), (0, 0.8), (0, 1.0), (0, 1.0))
    probabilities[3, 0] = 1.0000002
    _, _, count = reliability_bins([0, 0, 0, 0], probabilities)
    assert count.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 1, 2]


# What an argument must be is tested in test_checks.py; here, that each is checked at all.


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: wilson_interval(11, 10), "correct must be a whole number from 0 to 10, got 11"),
        (lambda: wilson_interval(0, 0), "n must be a whole number of 1 or more, got 0"),
        (lambda: wilson_interval(0.97, 10_000), "correct must be a whole number from 0 to 10000, got 0.97"),
        (lambda: wilson_interval(1.0, 10_000), "correct must be a whole number from 0 to 10000, got 1.0"),
        (lambda: wilson_interval(9, 10, 95), "confidence must be a finite number from 0 to 1, got 95"),
        (lambda: wilson_interval(9, 10, 1), "confidence must lie between 0 and 1, such as 0.95; got 1"),
        (lambda: mcnemar_exact(-1, 3), "only_a must be a whole number of 0 or more, got -1"),
        (lambda: mcnemar_exact(3, 2.5), "only_b must be a whole number of 0 or more, got 2.5"),
        (lambda: confusion_matrix([1, 2], [1]), "predicted must have length 2, one for each image, got 1"),
        (lambda: confusion_matrix(np.eye(10), range(10)), r"true must be a 1-D .* take argmax\(axis=1\)"),
        (lambda: confusion_matrix([1], [10]), "predicted must be from 0 to 9, got 10 to 10"),
        (
            lambda: precision_recall([[0.9, 0.1], [0.2, 0.8]]),
            "confusion must hold counts, integers of 0 or more",
        ),
        (lambda: rank_mistakes([1], rows((1, 0.5), (2, 0.5))), "with n = 1, the length of true"),
        (
            lambda: reliability_bins([1], 2 * rows((1, 0.5))),
            "each row of probabilities must be between 0 and 1",
        ),
        (lambda: reliability_bins([1], rows((1, 0.5)), 0), "bins must be a whole number of 1 or more, got 0"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
