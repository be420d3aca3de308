"""From labels and probabilities to counts, intervals and rankings. All of it is numpy and counting."""

import math
from statistics import NormalDist

import numpy as np

from mnist_helpers.data import CLASSES


def wilson_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion, such as an accuracy.

    Introduced in notebook 05. Source: E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", J. Am. Stat. Assoc. 22 (1927), 209–212.

    Parameters
    ----------
    correct : how many of the `n` were right, from 0 to `n`.
    n : how many there were, at least 1.
    confidence : between 0 and 1.

    Returns
    -------
    low, high : floats with 0 <= low <= correct / n <= high <= 1.

    Raises
    ------
    ValueError
        If one of the three is outside its range, or one of the first two not a whole number.
    """
    correct, n = _count("correct", correct), _count("n", n)
    if not 0 <= correct <= n or n < 1:
        raise ValueError(f"correct must be from 0 to n, and n at least 1; got {correct} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95; got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = correct / n
    center = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    # Rounding can leave an end on the wrong side of p, where the two are equal: at none and at all right.
    return min(p, max(0.0, center - half)), max(p, min(1.0, center + half))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test on two classifiers' paired errors.

    Of the images that just one of the two got right, each is A's or B's by the toss of a fair coin if
    the two are equally good. Introduced in notebook 05. Source: Q. McNemar, "Note on the sampling
    error of the difference between correlated proportions or percentages", Psychometrika 12 (1947),
    153–157, with the binomial distribution in place of its approximation.

    Parameters
    ----------
    only_a, only_b : how many images only A, and only B, classified correctly; not negative.

    Returns
    -------
    p : the probability of a split at least this uneven, between 0 and 1; 1 if there are none.

    Raises
    ------
    ValueError
        If a count is negative or not a whole number.
    """
    only_a, only_b = _count("only_a", only_a), _count("only_b", only_b)
    if only_a < 0 or only_b < 0:
        raise ValueError(f"only_a and only_b must not be negative, got {only_a} and {only_b}")
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / 2**n)


def confusion_matrix(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count how often each digit was taken for each.

    Introduced in notebook 05.

    Parameters
    ----------
    true, predicted : integers 0 to 9, ``(n,)`` each.

    Returns
    -------
    int64, ``(10, 10)``; row: true digit, column: predicted digit; the sum is n.

    Raises
    ------
    ValueError
        If the two differ in length or hold anything but digits.
    """
    true, predicted = _digits("true", true), _digits("predicted", predicted)
    if len(true) != len(predicted):
        raise ValueError(f"true and predicted must be of one length, got {len(true)} and {len(predicted)}")
    counts = np.zeros((CLASSES, CLASSES), dtype="int64")
    np.add.at(counts, (true, predicted), 1)
    return counts


def precision_recall(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of each digit.

    Introduced in notebook 05.

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
        If `confusion` is not square or holds anything but counts.
    """
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or len(set(confusion.shape)) != 1:
        raise ValueError(f"confusion must be a square of counts, got shape {confusion.shape}")
    # Shares instead of counts would give numbers that look right: each row's total is lost in them.
    if not np.issubdtype(confusion.dtype, np.integer) or (confusion < 0).any():
        raise ValueError(
            f"confusion must hold counts, integers from 0 up, got {confusion.dtype}:\n{confusion}"
        )
    right = np.diag(confusion).astype("float64")
    with np.errstate(invalid="ignore"):
        return right / confusion.sum(axis=0), right / confusion.sum(axis=1)


def rank_mistakes(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Find the misclassified images, those that the network was surest of first.

    Introduced in notebook 05.

    Parameters
    ----------
    true : integers 0 to 9, ``(n,)``.
    probabilities : floats, ``(n, 10)``, each row summing to 1.

    Returns
    -------
    int64, ``(number of mistakes,)``: positions in `true`, by falling confidence; ties keep their order.

    Raises
    ------
    ValueError
        If the shapes do not fit or a row is not a distribution.
    """
    true, probabilities = _pair(true, probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != true)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")]


def reliability_bins(
    true: np.ndarray, probabilities: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort predictions by confidence into bins, and see how often each bin was right.

    Introduced in notebook 05. Source: C. Guo et al., "On calibration of modern neural networks",
    ICML 2017.

    Parameters
    ----------
    true : integers 0 to 9, ``(n,)``.
    probabilities : floats, ``(n, 10)``, each row summing to 1.
    bins : how many bins of equal width between 0 and 1.

    Returns
    -------
    confidence, accuracy : float64 in [0, 1], ``(bins,)``: means over the bin; nan for an empty one.
    count : int64, ``(bins,)``; the sum is n.

    Raises
    ------
    ValueError
        If the shapes do not fit, a row is not a distribution or `bins` is below 1.
    """
    true, probabilities = _pair(true, probabilities)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    # A bin holds its lower edge; a confidence of 1 belongs to the last.
    which = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(which, weights=sure, minlength=bins) / count
        accuracy = np.bincount(which, weights=right, minlength=bins) / count
    return confidence, accuracy, count


def _count(name: str, value: float) -> int:
    if not float(value).is_integer():
        raise ValueError(f"{name} must be a whole number, got {value}")
    return int(value)


def _digits(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(
            f"{name} must be a row of integers, (n,), got {values.dtype} of shape {values.shape}"
            + ("; for one-hot rows or probabilities, take argmax(axis=1)" if values.ndim == 2 else "")
        )
    if values.size and not (values.min() >= 0 and values.max() < CLASSES):
        raise ValueError(f"{name} must hold digits 0 to 9, got {values.min()} to {values.max()}")
    return values


def _pair(true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, probabilities = _digits("true", true), np.asarray(probabilities)
    if probabilities.shape != (len(true), CLASSES):
        raise ValueError(
            f"probabilities must be (n, {CLASSES}) with n = {len(true)}, the length of true; "
            f"got {probabilities.shape}"
        )
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or (probabilities < 0).any():
        raise ValueError("each row of probabilities must be between 0 and 1 and sum to 1")
    return true, probabilities
