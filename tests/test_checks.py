"""What every function accepts as images, labels and numbers, and what it says about anything else."""

import numpy as np
import pytest

from mnist_helpers.checks import as_counts, as_digits, as_drawing, as_grids, as_images, as_pair, number, whole


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 28, 28, 1), (3, 784), (0, 784)])
def test_images_of_any_form(rng, shape):
    images = rng.random(shape)
    checked = as_images(images)
    assert (checked.dtype, checked.shape) == (np.float32, (shape[0], 28, 28))
    np.testing.assert_array_equal(checked.ravel(), images.astype("float32").ravel())
    bytes_ = (255 * images).astype("uint8")
    np.testing.assert_array_equal(as_grids(bytes_).ravel(), bytes_.ravel())


def test_rounding_errors_are_clipped_and_the_argument_is_not_changed():
    image = np.full((1, 28, 28), 1.000001)
    image[0, 0, 0] = -0.000001
    assert (as_images(image).min(), as_images(image).max()) == (0, 1)
    assert image.max() == 1.000001


def test_drawings_keep_their_precision():
    assert as_drawing(np.full((3, 5), 1 / 3)).tolist() == [[1 / 3] * 5] * 3


def test_labels_and_numbers_of_any_integer_type():
    assert as_digits(np.array([0, 9], dtype="uint8"), count=2).dtype == np.int64
    assert (whole(np.uint8(200), "n"), number(np.float32(0.5), "rate", 0, 1), number(3, "x")) == (200, 0.5, 3)
    assert type(whole(np.int32(2), "n")) is int


def test_pairs_may_be_off_by_rounding(predictions):
    true, probabilities = predictions
    np.testing.assert_array_equal(as_pair(true, probabilities * 1.0005)[0], true)


ZEROS, EVEN = np.zeros((2, 28, 28)), np.full((2, 10), 0.1)


def with_entry(array: np.ndarray, value: float) -> np.ndarray:
    changed = array.copy()
    changed[1, 4] = value
    return changed


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: as_images(ZEROS[0], "x"), r"^x must be \(n, 28, 28\), .*; for one image pass"),
        (lambda: as_images(np.zeros((2, 27, 28))), r"got \(2, 27, 28\)$"),
        (lambda: as_images(5), r"got \(\)$"),
        (lambda: as_images(ZEROS.astype("uint8")), "floats from 0 to 1, got uint8; divide by 255 first"),
        (lambda: as_images(ZEROS > 0, "x"), r"got bool; pass x\.astype\(\"float32\"\)"),
        (lambda: as_images(with_entry(ZEROS, 255)), r"from 0 to 1, got 0\.0 to 255\.0; divide by 255 first"),
        (lambda: as_images(with_entry(ZEROS, -1)), r"must be from 0 to 1, got -1\.0 to 0\.0$"),
        (lambda: as_images(with_entry(ZEROS, np.nan)), "images must be finite, but 28 of 1,568 values"),
        (lambda: as_grids(with_entry(ZEROS, -np.inf)), "images must be finite"),
        (lambda: as_grids(ZEROS.astype(str)), "images must hold numbers, got <U"),
        (lambda: as_drawing(np.zeros((3, 5, 1))), r"must be \(rows, columns\), got shape \(3, 5, 1\)"),
        (lambda: as_drawing(np.zeros((0, 5))), r"got shape \(0, 5\)"),
        (lambda: as_drawing(np.full((3, 5), 2.0)), r"got 2\.0 to 2\.0; divide by 255 first"),
        (lambda: as_digits([1, 10], "true"), "^true must be from 0 to 9, got 1 to 10"),
        (lambda: as_digits([-1, 2]), "labels must be from 0 to 9, got -1 to 2"),
        (lambda: as_digits([1, 2], classes=2), "from 0 to 1, got 1 to 2"),
        (lambda: as_digits([1, 2], count=3), "must have length 3, one for each image, got 2"),
        (lambda: as_digits(np.eye(10)), r"a 1-D array of integers, .*take argmax\(axis=1\)"),
        (lambda: as_digits([1.0]), r"got float64 of shape \(1,\)$"),
        (lambda: as_digits([True]), "got bool of .*for a mask, take np.flatnonzero"),
        (lambda: as_digits([[1], [1, 2]]), "labels must be an array, but its rows differ in length or type"),
        (lambda: as_pair([1, 2, 3], EVEN), r"\(n, 10\) with n = 3, the length of true; got \(2, 10\)"),
        (lambda: as_pair([1, 2], EVEN[:, :9]), r"got \(2, 9\)"),
        (lambda: as_pair([1, 10], EVEN), "true must be from 0 to 9"),
        (lambda: as_pair([1, 2], EVEN * 1.01), "each row of probabilities .* logits need a softmax"),
        (lambda: as_pair([1, 2], EVEN + np.array([-0.3, 0.3] + [0] * 8)), "each row of probabilities"),
        (lambda: as_pair([1, 2], with_entry(EVEN, np.nan)), "probabilities must be finite, but 1 of 20"),
        (lambda: as_counts(np.zeros((10, 9), int)), r"a square matrix of counts, got shape \(10, 9\)"),
        (lambda: as_counts(np.eye(3)), "confusion must hold counts, which are integers, got float64"),
        (lambda: as_counts([[1, -1], [0, 1]]), "confusion must hold counts, 0 or more, got -1"),
        (lambda: whole(1.0, "n"), "^n must be a whole number of 0 or more, got 1.0; a count must be an int"),
        (lambda: whole(True, "n"), "got True"),
        (lambda: whole(np.int64(11), "n", 1, 10), "must be a whole number from 1 to 10, got .*11"),
        (lambda: whole(np.array([98]), "n"), r"got array\(\[98\]\)"),
        (lambda: number(np.nan, "rate"), "rate must be a finite number of any size, got nan"),
        (lambda: number("1", "rate"), "got '1'"),
        (lambda: number(1.5, "rate", 0, 1), "must be a finite number from 0 to 1, got 1.5"),
        (lambda: number(0.05, "factor", 0.1), "must be a finite number of 0.1 or more, got 0.05"),
    ],
)
def test_bad_arguments(check, message):
    with pytest.raises(ValueError, match=message):
        check()
