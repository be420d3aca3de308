"""Check each count, interval and ranking against another library, and on cases that can be checked by eye."""

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


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_wilson_equals_scipy_and_contains_the_proportion(confidence):
    for n in [*range(1, 60), 10_000, 59_999]:
        for correct in {0, 1, n // 3, n // 2, n - 1, n}:
            low, high = wilson_interval(np.uint16(correct), np.uint16(n), confidence)
            theirs = binomtest(correct, n).proportion_ci(confidence, method="wilson")
            assert (low, high) == pytest.approx(theirs, rel=1e-9, abs=1e-12)
            assert 0 <= low <= correct / n <= high <= 1


def test_mcnemar_equals_scipy(rng):
    large = [(np.int8(120), np.uint8(200)), (0, 1000), (20_000, 20_300)]  # each at once, not in minutes
    for only_a, only_b in [(0, 1), (1, 0), (1, 1), (40, 40), *rng.integers(0, 300, (20, 2)), *large]:
        theirs = binomtest(int(only_a), int(only_a) + int(only_b), 0.5).pvalue
        assert mcnemar_exact(only_a, only_b) == pytest.approx(theirs, rel=1e-9)
    assert mcnemar_exact(0, 0) == 1


def test_confusion_precision_and_recall_equal_sklearn(predictions):
    true, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    ours = confusion_matrix(true, predicted)
    assert not np.array_equal(ours, ours.T)  # so that a transposed matrix would be noticed
    assert np.array_equal(ours, metrics.confusion_matrix(true, predicted, labels=range(10)))
    theirs = metrics.precision_recall_fscore_support(true, predicted, labels=range(10))
    np.testing.assert_allclose(precision_recall(ours), theirs[:2], rtol=1e-12)


def test_precision_and_recall_are_nan_where_they_mean_nothing():
    # Class 1 never occurs, class 2 is never predicted; numpy does not warn about 0 / 0.
    with np.errstate(all="raise"):
        precision, recall = precision_recall([[5, 1, 0], [0, 0, 0], [2, 0, 0]])
    np.testing.assert_array_equal(precision, [5 / 7, 0, np.nan])
    np.testing.assert_array_equal(recall, [5 / 6, np.nan, 0])


def test_rank_mistakes_equals_a_plain_sort(predictions):
    true, probabilities = predictions
    probabilities = np.concatenate([probabilities, probabilities])  # each twice: ties keep their order
    true = np.concatenate([true, true])
    wrong = [i for i in range(len(true)) if np.argmax(probabilities[i]) != true[i]]
    assert rank_mistakes(true, probabilities).tolist() == sorted(wrong, key=lambda i: -max(probabilities[i]))


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_reliability_equals_sklearn(predictions, bins):
    true, probabilities = predictions
    confidence, accuracy, count = reliability_bins(true, probabilities, bins)
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    their_accuracy, their_confidence = calibration.calibration_curve(right, sure, n_bins=bins)
    np.testing.assert_allclose(confidence[count > 0], their_confidence, rtol=1e-12)
    np.testing.assert_allclose(accuracy[count > 0], their_accuracy, rtol=1e-12)
    assert np.array_equal(count, np.histogram(sure, np.linspace(0, 1, bins + 1))[0])


def test_reliability_at_the_edges_of_bins():
    # A bin includes its lower edge; a confidence of 1, or slightly above by rounding, is in the last.
    probabilities = rows((0, 0.5), (0, 0.8), (0, 1.0), (0, 1.0))
    probabilities[3, 0] = 1.0000002
    _, accuracy, count = reliability_bins([0, 0, 0, 0], probabilities)
    assert count.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 1, 2]
    assert np.array_equal(np.isnan(accuracy), count == 0)


# What an argument must be is tested in test_checks.py; here, that each is checked at all.


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: wilson_interval(11, 10), "correct must be a whole number from 0 to 10, got 11"),
        (lambda: wilson_interval(0, 0), "n must be a whole number of 1 or more, got 0"),
        (lambda: wilson_interval(1.0, 10_000), "correct must be a whole number from 0 to 10000, got 1.0"),
        (lambda: wilson_interval(9, 10, 95), "confidence must be a finite number from 0 to 1, got 95"),
        (lambda: wilson_interval(9, 10, 1), "confidence must lie between 0 and 1, such as 0.95; got 1"),
        (lambda: mcnemar_exact(-1, 3), "only_a must be a whole number of 0 or more, got -1"),
        (lambda: mcnemar_exact(3, 2.5), "only_b must be a whole number of 0 or more, got 2.5"),
        (lambda: confusion_matrix([1, 2], [1]), "predicted must have length 2, one for each image, got 1"),
        (lambda: confusion_matrix(np.eye(10), range(10)), r"true must be a 1-D .* take argmax\(axis=1\)"),
        (lambda: confusion_matrix([1], [10]), "predicted must be from 0 to 9, got 10 to 10"),
        (lambda: precision_recall([[0.9, 0.1], [0.2, 0.8]]), "confusion must hold counts"),
        (lambda: rank_mistakes([1], rows((1, 0.5), (2, 0.5))), "with n = 1, the length of true"),
        (lambda: reliability_bins([1], 2 * rows((1, 0.5))), "each row of probabilities must be"),
        (lambda: reliability_bins([1], rows((1, 0.5)), 0), "bins must be a whole number of 1 or more, got 0"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
