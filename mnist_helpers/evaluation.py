"""Turn labels and probabilities into counts, intervals and rankings, with numpy alone."""

import math
from statistics import NormalDist

import numpy as np

from mnist_helpers.checks import CLASSES, as_counts, as_digits, as_pair, number, whole


def wilson_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion, such as an accuracy. Introduced in notebook 05.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am.
    Stat. Assoc. 22 (1927), 209–212.

    Parameters
    ----------
    correct : the number of successes, 0 to `n`: a count, not a share.
    n : the number of trials, at least 1.
    confidence : the level of the interval, strictly between 0 and 1.

    Returns
    -------
    low, high : floats with 0 <= low <= correct / n <= high <= 1.

    Raises
    ------
    ValueError
        If a count is not whole, or an argument is out of its range.
    """
    n = whole(n, "n", 1)
    correct = whole(correct, "correct", 0, n)
    if not 0 < number(confidence, "confidence", 0, 1) < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95; got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = correct / n
    center = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    # At 0 and at n correct, one end equals p, and rounding could put it on the wrong side.
    return min(p, max(0.0, center - half)), max(p, min(1.0, center + half))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test of two classifiers. Introduced in notebook 05.

    If the two are equally good, each image that only one of them got right is a fair coin toss between
    A and B. Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions
    or percentages", Psychometrika 12 (1947), 153–157, with the exact binomial distribution.

    Parameters
    ----------
    only_a, only_b : the number of images that only A, or only B, classified correctly.

    Returns
    -------
    p : the probability of a split at least this uneven, in (0, 1]; 1 if both counts are 0.

    Raises
    ------
    ValueError
        If a count is negative or not whole.
    """
    only_a, only_b = whole(only_a, "only_a"), whole(only_b, "only_b")
    n = only_a + only_b
    ways = tail = 1  # ways: n over k, from the one before, since math.comb starts anew for each k
    for k in range(min(only_a, only_b)):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**n)


def confusion_matrix(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count how often each true digit was predicted as each digit. Introduced in notebook 05.

    Parameters
    ----------
    true, predicted : integers 0 to 9, ``(n,)`` each.

    Returns
    -------
    int64, ``(10, 10)``; row: true digit, column: predicted digit. The counts sum to n.

    Raises
    ------
    ValueError
        If the digits are not as described.
    """
    true = as_digits(true, "true")
    predicted = as_digits(predicted, "predicted", len(true))
    counts = np.zeros((CLASSES, CLASSES), dtype="int64")
    np.add.at(counts, (true, predicted), 1)
    return counts


def precision_recall(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of each digit. Introduced in notebook 05.

    Parameters
    ----------
    confusion : counts, integers, ``(k, k)``; row: true class, column: predicted class.

    Returns
    -------
    precision, recall : float64 in [0, 1], ``(k,)`` each; nan where a class was never predicted
        (precision) or never occurs (recall).

    Raises
    ------
    ValueError
        If `confusion` is not as described, such as shares in place of counts.
    """
    confusion = as_counts(confusion)
    right = np.diag(confusion).astype("float64")
    with np.errstate(invalid="ignore"):
        return right / confusion.sum(axis=0), right / confusion.sum(axis=1)


def rank_mistakes(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Find the misclassified images, most confident mistakes first. Introduced in notebook 05.

    Parameters
    ----------
    true : integers 0 to 9, ``(n,)``.
    probabilities : floats, ``(n, 10)``, each row summing to 1.

    Returns
    -------
    int64, ``(number of mistakes,)``: positions in `true`, in descending confidence; ties keep their order.

    Raises
    ------
    ValueError
        If `true` or `probabilities` is not as described.
    """
    true, probabilities = as_pair(true, probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != true)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")]


def reliability_bins(
    true: np.ndarray, probabilities: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin predictions by confidence, and compute the accuracy in each bin. Introduced in notebook 05.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    Parameters
    ----------
    true : integers 0 to 9, ``(n,)``.
    probabilities : floats, ``(n, 10)``, each row summing to 1.
    bins : the number of equal-width bins between 0 and 1.

    Returns
    -------
    confidence, accuracy : float64 in [0, 1], ``(bins,)``: the mean over each bin; nan if it is empty.
    count : int64, ``(bins,)``; sums to n.

    Raises
    ------
    ValueError
        If an argument is not as described.
    """
    true, probabilities = as_pair(true, probabilities)
    bins = whole(bins, "bins", 1)
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    # A bin includes its lower edge; a confidence of 1 goes into the last bin.
    which = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(which, weights=sure, minlength=bins) / count
        accuracy = np.bincount(which, weights=right, minlength=bins) / count
    return confidence, accuracy, count
