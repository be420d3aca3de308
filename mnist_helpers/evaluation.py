"""Turn labels and probabilities into counts, intervals and rankings, with numpy alone."""

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
    correct : the number of successes, 0 to `n`.
    n : the number of trials, at least 1.
    confidence : the level of the interval, strictly between 0 and 1.

    Returns
    -------
    low, high : floats with 0 <= low <= correct / n <= high <= 1.

    Raises
    ------
    ValueError
        If an argument is outside its range, or `correct` or `n` is not a whole number.
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
    # At 0 and at n correct, one end equals p, and rounding could put it on the wrong side.
    return min(p, max(0.0, center - half)), max(p, min(1.0, center + half))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test on two classifiers' paired errors.

    If the two classifiers are equally good, each image that only one of them got right is a fair coin
    toss between A and B. Introduced in notebook 05. Source: Q. McNemar, "Note on the sampling
    error of the difference between correlated proportions or percentages", Psychometrika 12 (1947),
    153–157, with the exact binomial distribution instead of its approximation.

    Parameters
    ----------
    only_a, only_b : the number of images that only A, or only B, classified correctly.

    Returns
    -------
    p : the probability of a split at least this uneven, in (0, 1]; 1 if both counts are 0.

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
    """Count how often each true digit was predicted as each digit.

    Introduced in notebook 05.

    Parameters
    ----------
    true, predicted : integers 0 to 9, ``(n,)`` each.

    Returns
    -------
    int64, ``(10, 10)``; row: true digit, column: predicted digit. The counts sum to n.

    Raises
    ------
    ValueError
        If the two differ in length or hold anything but digits.
    """
    true, predicted = _digits("true", true), _digits("predicted", predicted)
    if len(true) != len(predicted):
        raise ValueError(
            f"true and predicted must have the same length, got {len(true)} and {len(predicted)}"
        )
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
        raise ValueError(f"confusion must be a square matrix of counts, got shape {confusion.shape}")
    # A row-normalized matrix would give plausible but wrong results: the row totals are lost.
    if not np.issubdtype(confusion.dtype, np.integer) or (confusion < 0).any():
        raise ValueError(
            f"confusion must hold counts, non-negative integers, got {confusion.dtype}:\n{confusion}"
        )
    right = np.diag(confusion).astype("float64")
    with np.errstate(invalid="ignore"):
        return right / confusion.sum(axis=0), right / confusion.sum(axis=1)


def rank_mistakes(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Find the misclassified images, most confident mistakes first.

    Introduced in notebook 05.

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
        If the shapes do not match or a row is not a probability distribution.
    """
    true, probabilities = _pair(true, probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != true)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")]


def reliability_bins(
    true: np.ndarray, probabilities: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin predictions by confidence, and compute the accuracy in each bin.

    Introduced in notebook 05. Source: C. Guo et al., "On calibration of modern neural networks",
    ICML 2017.

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
        If the shapes do not match, a row is not a probability distribution, or `bins` is below 1.
    """
    true, probabilities = _pair(true, probabilities)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    sure = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == true
    # A bin includes its lower edge; a confidence of 1 goes into the last bin.
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
            f"{name} must be a 1-D array of integers, (n,), got {values.dtype} of shape {values.shape}"
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
