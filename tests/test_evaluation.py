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


def test_wilson_by_eye():
    # The limiting case of 0 out of n, whose upper end is z² / (n + z²), and its mirror image.
    z2 = 1.959963984540054**2
    assert wilson_interval(0, 10) == pytest.approx((0, z2 / (10 + z2)))
    assert wilson_interval(10, 10) == pytest.approx((10 / (10 + z2), 1))
    assert wilson_interval(50, 100) == pytest.approx((0.4038, 0.5962), abs=5e-5)


def test_wilson_contains_the_proportion():
    for n in range(1, 200):
        for correct in range(n + 1):
            low, high = wilson_interval(correct, n)
            assert 0 <= low <= correct / n <= high <= 1


def test_wilson_takes_small_integer_types():
    assert wilson_interval(np.int32(49_000), np.int32(50_000)) == wilson_interval(49_000, 50_000)
    assert wilson_interval(np.uint8(150), np.uint8(200)) == wilson_interval(150, 200)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((11, 10), "correct must be from 0 to n, and n at least 1; got 11 of 10"),
        ((-1, 10), "got -1 of 10"),
        ((0, 0), "got 0 of 0"),
        ((0.975, 10_000), "correct must be a whole number, got 0.975"),
        ((9, 10.5), "n must be a whole number, got 10.5"),
        ((math.nan, 10), "correct must be a whole number, got nan"),
        ((1, math.inf), "n must be a whole number, got inf"),
        ((9, 10, 95), "confidence must lie between 0 and 1, such as 0.95; got 95"),
        ((9, 10, 0), "confidence must lie"),
        ((9, 10, 1), "confidence must lie"),
        ((9, 10, math.nan), "confidence must lie"),
    ],
)
def test_wilson_of_bad_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        wilson_interval(*arguments)


# mcnemar_exact


def test_mcnemar_equals_scipy(rng):
    pairs = [(0, 1), (1, 0), (1, 1), (3, 17), (40, 40), (147, 98), (600, 700), *rng.integers(0, 300, (50, 2))]
    for only_a, only_b in pairs:
        if total := int(only_a + only_b):
            theirs = binomtest(int(only_a), total, 0.5).pvalue
            assert mcnemar_exact(only_a, only_b) == pytest.approx(theirs, rel=1e-9)


def test_mcnemar_by_eye():
    # Five against none: two of the 2⁵ sequences of tosses are that uneven.
    assert mcnemar_exact(5, 0) == mcnemar_exact(0, 5) == 2 / 32
    # One against three: (1 + 4) sequences of 16 on each side.
    assert mcnemar_exact(1, 3) == 10 / 16
    assert mcnemar_exact(4, 4) == 1
    assert mcnemar_exact(0, 0) == 1


def test_mcnemar_of_large_counts():
    assert 0 < mcnemar_exact(0, 1000) < 1e-300
    assert mcnemar_exact(np.int64(70), np.uint8(20)) == mcnemar_exact(70, 20)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((-1, 3), "must not be negative, got -1 and 3"),
        ((3, -1), "must not be negative, got 3 and -1"),
        ((2.5, 3), "only_a must be a whole number, got 2.5"),
        ((3, 2.5), "only_b must be a whole number, got 2.5"),
        ((math.nan, 3), "only_a must be a whole number, got nan"),
        ((3, math.inf), "only_b must be a whole number, got inf"),
    ],
)
def test_mcnemar_of_bad_counts(counts, message):
    with pytest.raises(ValueError, match=message):
        mcnemar_exact(*counts)


# confusion_matrix


def test_confusion_equals_sklearn(predictions):
    true, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    ours = confusion_matrix(true, predicted)
    assert not np.array_equal(ours, ours.T)  # so that a transposed matrix would be noticed
    assert np.array_equal(ours, metrics.confusion_matrix(true, predicted, labels=range(10)))
    assert ours.dtype == np.int64
    assert ours.sum() == len(true)


def test_confusion_by_eye():
    # A 4 is read as 9 twice, a 9 as 4 never; a 7 is read correctly once.
    counts = confusion_matrix([4, 4, 7], np.array([9, 9, 7], dtype="uint8"))
    assert counts[4, 9] == 2
    assert counts[9, 4] == 0
    assert counts[7, 7] == 1
    assert counts.sum() == 3


def test_confusion_of_nothing():
    nothing = np.array([], dtype=int)
    assert np.array_equal(confusion_matrix(nothing, nothing), np.zeros((10, 10)))


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1, 2], [1], "true and predicted must have the same length, got 2 and 1"),
        ([1, 10], [1, 2], "true must hold digits 0 to 9, got 1 to 10"),
        ([1, 2], [-1, 2], "predicted must hold digits 0 to 9, got -1 to 2"),
        (
            np.eye(10),
            range(10),
            r"true must be a 1-D array of integers, .* shape \(10, 10\); .* take argmax\(axis=1\)",
        ),
        (range(10), np.eye(10), r"predicted must be a 1-D array of integers, .* take argmax\(axis=1\)"),
        ([1.0], [1], r"true must be a 1-D array of integers, \(n,\), got float64 of shape \(1,\)$"),
        ([True], [1], "true must be a 1-D array of integers, .* got bool"),
        (1, 1, "true must be a 1-D array of integers"),
    ],
)
def test_confusion_of_bad_labels(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(true, predicted)


# precision_recall


def test_precision_and_recall_equal_sklearn(predictions):
    true, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    precision, recall = precision_recall(confusion_matrix(true, predicted))
    theirs = metrics.precision_recall_fscore_support(true, predicted, labels=range(10))
    assert not np.allclose(precision, recall)
    np.testing.assert_allclose(precision, theirs[0], rtol=1e-12)
    np.testing.assert_allclose(recall, theirs[1], rtol=1e-12)


def test_precision_and_recall_by_eye():
    # Four of class 0, one of them predicted as 1; two of class 1, both found.
    precision, recall = precision_recall([[3, 1], [0, 2]])
    assert precision.tolist() == [1, 2 / 3]
    assert recall.tolist() == [3 / 4, 1]


def test_precision_and_recall_are_nan_where_they_mean_nothing():
    # Class 1 never occurs, class 2 is never predicted; numpy does not warn about 0 / 0.
    with np.errstate(all="raise"):
        precision, recall = precision_recall([[5, 1, 0], [0, 0, 0], [2, 0, 0]])
    np.testing.assert_array_equal(precision, [5 / 7, 0, np.nan])
    np.testing.assert_array_equal(recall, [5 / 6, np.nan, 0])


@pytest.mark.parametrize(
    ("confusion", "message"),
    [
        (np.zeros((10, 9), dtype=int), r"must be a square matrix of counts, got shape \(10, 9\)"),
        (np.zeros(10, dtype=int), r"must be a square matrix of counts, got shape \(10,\)"),
        (np.zeros((2, 2, 2), dtype=int), r"must be a square matrix of counts, got shape \(2, 2, 2\)"),
        ([[1, -1], [0, 1]], "must hold counts, non-negative integers, got int64"),
        ([[0.9, 0.1], [0.2, 0.8]], "must hold counts, non-negative integers, got float64"),
    ],
)
def test_precision_and_recall_of_a_bad_matrix(confusion, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(confusion)


# rank_mistakes


def test_rank_mistakes_equals_a_plain_sort(predictions):
    true, probabilities = predictions
    ours = rank_mistakes(true, probabilities)
    wrong = [i for i in range(len(true)) if np.argmax(probabilities[i]) != true[i]]
    assert 500 < len(wrong) < 1500
    assert ours.tolist() == sorted(wrong, key=lambda i: -max(probabilities[i]))
    assert ours.dtype == np.int64


def test_rank_mistakes_by_eye():
    probabilities = rows((1, 0.6), (2, 0.99), (3, 0.9), (4, 0.7))
    # Images 0 and 2 are right, even though 2 is among the most confident.
    assert rank_mistakes([1, 7, 3, 8], probabilities).tolist() == [1, 3]
    # The confidence that counts is the one in the wrong answer, not in the right one.
    assert rank_mistakes([0, 0, 0, 0], probabilities).tolist() == [1, 2, 3, 0]


def test_rank_mistakes_keeps_the_order_of_ties():
    surer = rows((5, 0.8))
    probabilities = np.concatenate(
        [np.tile(rows((1, 0.6)), (30, 1)), surer, np.tile(rows((1, 0.6)), (30, 1))]
    )
    assert rank_mistakes(np.zeros(61, dtype=int), probabilities).tolist() == [30, *range(30), *range(31, 61)]


def test_rank_mistakes_of_a_perfect_classifier():
    assert rank_mistakes(np.arange(10), np.eye(10)).tolist() == []


# reliability_bins


def test_reliability_equals_sklearn(predictions):
    true, probabilities = predictions
    confidence, accuracy, count = reliability_bins(true, probabilities)
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    their_accuracy, their_confidence = calibration.calibration_curve(right, sure, n_bins=10)
    filled = count > 0
    np.testing.assert_allclose(confidence[filled], their_confidence, rtol=1e-12)
    np.testing.assert_allclose(accuracy[filled], their_accuracy, rtol=1e-12)
    assert count.sum() == len(true)


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


@pytest.mark.parametrize("bins", [1, 4, 10, 15])
def test_reliability_with_other_bins(predictions, bins):
    true, probabilities = predictions
    confidence, accuracy, count = reliability_bins(true, probabilities, bins)
    edges = np.linspace(0, 1, bins + 1)
    assert np.array_equal(count, np.histogram(probabilities.max(axis=1).astype("float64"), edges)[0])
    right = probabilities.argmax(axis=1) == true
    assert np.nansum(accuracy * count) == pytest.approx(right.sum())
    filled = count > 0
    assert (edges[:-1][filled] <= confidence[filled]).all()
    assert (confidence[filled] <= edges[1:][filled]).all()


def test_reliability_of_nothing():
    confidence, accuracy, count = reliability_bins(np.array([], dtype=int), np.empty((0, 10)))
    assert count.tolist() == [0] * 10
    assert np.isnan(confidence).all()
    assert np.isnan(accuracy).all()


@pytest.mark.parametrize("bins", [0, -3])
def test_reliability_with_bad_bins(bins):
    with pytest.raises(ValueError, match=f"bins must be at least 1, got {bins}"):
        reliability_bins([1], rows((1, 0.5)), bins)


# What rank_mistakes and reliability_bins both check

GOOD = rows((1, 0.6), (2, 0.9))


def with_entry(value: float) -> np.ndarray:
    probabilities = GOOD.copy()
    probabilities[1, 4] = value
    return probabilities


@pytest.mark.parametrize("function", [rank_mistakes, reliability_bins])
@pytest.mark.parametrize(
    ("true", "probabilities", "message"),
    [
        ([1, 2, 3], GOOD, r"\(n, 10\) with n = 3, the length of true; got \(2, 10\)"),
        ([1, 2], GOOD[:, :9], r"got \(2, 9\)"),
        ([1, 2], [1, 2], r"got \(2,\)"),
        ([1, 2], GOOD * 1.01, "each row of probabilities must be between 0 and 1 and sum to 1"),
        ([1, 2], np.log(GOOD), "each row of probabilities"),
        ([1, 2], with_entry(math.nan), "each row of probabilities"),
        ([1, 2], with_entry(math.inf), "each row of probabilities"),
        ([1, 2], GOOD + np.array([-0.3, 0.3] + [0] * 8), "each row of probabilities"),
        (np.eye(10)[:2], GOOD, r"true must be a 1-D array of integers, .* take argmax\(axis=1\)"),
        ([1, 10], GOOD, "true must hold digits 0 to 9, got 1 to 10"),
    ],
)
def test_bad_probabilities(function, true, probabilities, message):
    with pytest.raises(ValueError, match=message):
        function(true, probabilities)
