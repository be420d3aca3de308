"""Check each transformation against scipy, and on images small enough to check by eye."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from mnist_helpers import load_mnist
from mnist_helpers.transforms import add_noise, resize, rotate, shift, thicken


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first 200 training digits: float32, (200, 28, 28)."""
    (images, _), _ = load_mnist()
    return images[:200].astype("float32") / 255


def paper(*dots: tuple[int, int], dtype="float64") -> np.ndarray:
    """One image with a dot of ink at each (row, column)."""
    image = np.zeros((1, 28, 28), dtype)
    for row, column in dots:
        image[0, row, column] = 1
    return image


def middle_of_mass(images: np.ndarray) -> np.ndarray:
    """(row, column) of each image's center of mass."""
    return np.array([ndimage.center_of_mass(image) for image in images])


CHANGES = {
    "shift": lambda images: shift(images, 2.5, -1),
    "rotate": lambda images: rotate(images, 20),
    "resize": lambda images: resize(images, 0.8),
    "enlarge": lambda images: resize(images, 1.3),
    "thicken": lambda images: thicken(images, 1.5),
    "thin": lambda images: thicken(images, -0.5),
    "add_noise": lambda images: add_noise(images, 0.3, np.random.default_rng(1)),
}
NO_CHANGES = {
    "shift": lambda images: shift(images, 0, 0),
    "rotate": lambda images: rotate(images, 0),
    "resize": lambda images: resize(images, 1),
    "thicken": lambda images: thicken(images, 0),
    "add_noise": lambda images: add_noise(images, 0, np.random.default_rng(1)),
}


# All transformations


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_is_new_and_of_the_same_shape_and_type(digits, name, dtype):
    images = digits.astype(dtype)
    changed = CHANGES[name](images)
    assert changed.dtype == dtype and changed.shape == images.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert np.abs(changed - images).mean() > 0.01
    np.testing.assert_array_equal(images, digits)  # the input is not modified


@pytest.mark.parametrize("name", NO_CHANGES)
def test_no_change_changes_nothing(digits, name):
    np.testing.assert_allclose(NO_CHANGES[name](digits), digits, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "add_noise"])
def test_images_are_independent(digits, name):
    change = CHANGES[name]
    np.testing.assert_allclose(change(digits)[7:9], change(digits[7:9]), atol=1e-6)
    assert change(digits[:0]).shape == (0, 28, 28)


@pytest.mark.parametrize("name", CHANGES)
def test_rounding_errors_beyond_the_range_are_clipped(name):
    images = np.full((1, 28, 28), np.nextafter(1, 2))
    images[:, :10] = -1e-15
    changed = CHANGES[name](images)
    assert changed.min() >= 0 and changed.max() <= 1


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28)), r"must be \(n, 28, 28\), got \(28, 28\); for one image pass image\[None\]"),
        (np.zeros((2, 784)), r"must be \(n, 28, 28\), got \(2, 784\)$"),
        (np.zeros((2, 28, 28, 1)), r"must be \(n, 28, 28\), got \(2, 28, 28, 1\)"),
        (np.zeros((2, 28, 28), "uint8"), "must be floats from 0 to 1, got uint8; divide by 255 first"),
        (np.full((1, 28, 28), 255.0), "must be from 0 to 1, got 255.0 to 255.0"),
        (np.full((1, 28, 28), -0.5), "must be from 0 to 1, got -0.5"),
        (np.full((1, 28, 28), np.nan), "must be from 0 to 1, got nan"),
    ],
)
def test_bad_images(name, images, message):
    with pytest.raises(ValueError, match=f"images {message}"):
        CHANGES[name](images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: shift(x, np.nan, 0), "dx must be a finite number, got nan"),
        (lambda x: shift(x, 0, np.inf), "dy must be a finite number, got inf"),
        (lambda x: rotate(x, np.nan), "degrees must be a finite number, got nan"),
        (lambda x: resize(x, 0), "factor must be a finite number of 0.1 or more, got 0"),
        (lambda x: resize(x, -1), "factor must be"),
        (lambda x: resize(x, np.inf), "factor must be"),
        (lambda x: thicken(x, np.nan), "pixels must be a finite number, got nan"),
        (lambda x: add_noise(x, -0.1, np.random.default_rng()), "deviation must be .* 0 or more, got -0.1"),
        (lambda x: add_noise(x, np.nan, np.random.default_rng()), "deviation must be"),
    ],
)
def test_bad_amounts(change, message):
    with pytest.raises(ValueError, match=message):
        change(paper())


# shift


def test_shift_by_eye():
    np.testing.assert_allclose(shift(paper((10, 10)), 3, -2), paper((8, 13)))
    np.testing.assert_allclose(shift(paper((10, 10)), 0.5, 0), paper((10, 10), (10, 11)) / 2)
    np.testing.assert_allclose(shift(paper((10, 10)), 0, 0.25)[0, 10:12, 10], [0.75, 0.25])


def test_ink_that_leaves_the_image_is_lost():
    np.testing.assert_allclose(shift(paper((10, 27)), 1, 0), paper())
    np.testing.assert_allclose(shift(paper((10, 27)), 0.5, 0), paper((10, 27)) / 2)
    np.testing.assert_allclose(shift(paper((10, 10)), 1000, 0), paper())


@pytest.mark.parametrize(("dx", "dy"), [(3, -2), (0.3, 0.6), (-1.7, 4)])
def test_shift_equals_scipy(digits, dx, dy):
    theirs = ndimage.shift(digits, (0, dy, dx), order=1, mode="grid-constant")
    np.testing.assert_allclose(shift(digits, dx, dy), theirs, atol=1e-5)


# rotate


def test_rotate_by_eye():
    # A dot to the right of the center moves to the top, and one at the top moves to the left.
    np.testing.assert_allclose(rotate(paper((13, 24)), 90), paper((3, 13)), atol=1e-12)
    np.testing.assert_allclose(rotate(paper((3, 13)), 90), paper((14, 3)), atol=1e-12)


@pytest.mark.parametrize("quarters", [1, 2, 3, -1, 4])
def test_quarter_turns_move_pixels_exactly(digits, quarters):
    turned = np.rot90(digits, quarters, axes=(1, 2))
    np.testing.assert_allclose(rotate(digits, 90 * quarters), turned, atol=1e-5)


@pytest.mark.parametrize("degrees", [7, -30, 45, 123.4])
def test_rotate_equals_scipy(digits, degrees):
    theirs = ndimage.rotate(digits, degrees, axes=(1, 2), reshape=False, order=1, mode="grid-constant")
    np.testing.assert_allclose(rotate(digits, degrees), theirs, atol=1e-5)


# resize


@pytest.mark.parametrize("factor", [1.2, 1.5, 2])
def test_enlarging_equals_scipy(digits, factor):
    theirs = [
        ndimage.affine_transform(
            image, np.eye(2) / factor, 13.5 * (1 - 1 / factor), order=1, mode="grid-constant"
        )
        for image in digits
    ]
    np.testing.assert_allclose(resize(digits, factor), theirs, atol=1e-5)


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.6, 0.8])
def test_shrinking_keeps_the_share_of_the_ink_and_its_middle(digits, factor):
    shrunk = resize(digits, factor)
    np.testing.assert_allclose(shrunk.sum(axis=(1, 2)), digits.sum(axis=(1, 2)) * factor**2, rtol=0.05)
    expected = 13.5 + (middle_of_mass(digits) - 13.5) * factor
    np.testing.assert_allclose(middle_of_mass(shrunk), expected, atol=0.2)


def test_shrinking_by_eye():
    # A stroke four pixels high becomes two pixels high, with soft edges.
    stroke = np.zeros((1, 28, 28))
    stroke[:, 12:16] = 1
    half = resize(stroke, 0.5)[0, :, 14]
    np.testing.assert_allclose(half[12:16], [0.125, 0.875, 0.875, 0.125])
    np.testing.assert_allclose(half.sum(), 2)


def test_uniform_gray_is_unchanged():
    inner = np.full((1, 28, 28), 0.4)
    for factor in (0.5, 0.7, 0.9, 1.1, 3):
        np.testing.assert_allclose(resize(inner, factor)[:, 10:18, 10:18], 0.4)


# thicken


def test_one_pixel_is_scipys_dilation_with_the_square_and_the_plus(digits):
    square, plus = np.ones((1, 3, 3)), ndimage.generate_binary_structure(2, 1)[None]
    dilated = [ndimage.grey_dilation(digits, footprint=shape, mode="nearest") for shape in (square, plus)]
    np.testing.assert_allclose(thicken(digits, 1), np.mean(dilated, axis=0), atol=1e-6)
    eroded = [ndimage.grey_erosion(digits, footprint=shape, mode="nearest") for shape in (square, plus)]
    np.testing.assert_allclose(thicken(digits, -1), np.mean(eroded, axis=0), atol=1e-6)


@pytest.mark.parametrize("pixels", [0.25, 0.5, 1, 1.5, 2, 3])
def test_a_stroke_grows_by_that_much_on_each_side(pixels):
    stroke = np.zeros((1, 28, 28))
    stroke[:, :, 10:18] = 1
    assert thicken(stroke, pixels)[0, 5].sum() == pytest.approx(8 + 2 * pixels)
    assert thicken(stroke, -pixels)[0, 5].sum() == pytest.approx(8 - 2 * pixels)


@pytest.mark.parametrize("pixels", [1, 2, 3])
def test_a_slanted_stroke_grows_as_much_as_a_straight_one(pixels):
    row, column = np.mgrid[:28, :28]
    stroke = np.clip(4.5 - np.abs(row - column) / np.sqrt(2), 0, 1)[None]
    # Along a row the slanted stroke is wider, by the square root of 2.
    grown = (thicken(stroke, pixels)[0, 14].sum() - stroke[0, 14].sum()) / np.sqrt(2)
    assert grown == pytest.approx(2 * pixels, rel=0.1)


def test_thickness_is_monotonic_everywhere(digits):
    steps = [thicken(digits, pixels) for pixels in (-3, -1, -0.5, 0, 0.3, 0.8, 1, 1.5, 2)]
    assert all((thin <= thick + 1e-6).all() for thin, thick in itertools.pairwise(steps))


def test_extreme_thickness_leaves_no_paper_and_extreme_thinness_no_ink(digits):
    assert (thicken(digits, 1e9) > 0).all()
    np.testing.assert_allclose(thicken(digits, -1e9), 0)


# add_noise


def test_noise_has_the_deviation_and_is_clipped():
    gray = np.full((200, 28, 28), 0.5)
    noisy = add_noise(gray, 0.1, np.random.default_rng(3))
    assert noisy.mean() == pytest.approx(0.5, abs=0.002)
    assert noisy.std() == pytest.approx(0.1, rel=0.01)
    on_paper = add_noise(np.zeros((200, 28, 28)), 0.1, np.random.default_rng(3))
    assert (on_paper == 0).mean() == pytest.approx(0.5, abs=0.01)  # the negative half is clipped


def test_the_same_seed_gives_the_same_noise(digits):
    first, again, other = (add_noise(digits, 0.2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5
    noise = first[(first > 0) & (first < 1) & (digits > 0.3)]
    assert len(np.unique(noise)) > len(noise) / 2  # not the same number for all pixels
