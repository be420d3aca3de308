"""Check each transformation against scipy, and on images small enough to check by eye."""

import numpy as np
import pytest
from scipy import ndimage

from mnist_helpers import add_noise, load_mnist, resize, rotate, shift, thicken


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first 200 training digits: float32, (200, 28, 28)."""
    (images, _), _ = load_mnist()
    return images[:200].astype("float32") / 255


def middle_of_mass(images: np.ndarray) -> np.ndarray:
    """(row, column) of each image's center of mass."""
    return np.array([ndimage.center_of_mass(image) for image in images])


CHANGES = [
    lambda images: shift(images, 2.5, -1),
    lambda images: rotate(images, 20),
    lambda images: resize(images, 0.8),
    lambda images: resize(images, 1.3),
    lambda images: thicken(images, 1.5),
    lambda images: thicken(images, -0.5),
    lambda images: add_noise(images, 0.3, 1),
]
NO_CHANGES = [
    lambda images: shift(images, 0, 0),
    lambda images: rotate(images, 0),
    lambda images: resize(images, 1),
    lambda images: thicken(images, 0),
    lambda images: add_noise(images, 0, 1),
]


# All transformations


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 784)])
def test_result_is_a_new_stack_of_grids(digits, change, shape):
    images = digits.reshape(shape).copy()
    changed = change(images)
    assert changed.dtype == "float32" and changed.shape == digits.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert np.abs(changed - digits).mean() > 0.01
    np.testing.assert_array_equal(images.reshape(digits.shape), digits)  # the input is not modified


@pytest.mark.parametrize("change", NO_CHANGES)
def test_no_change_changes_nothing(digits, change):
    np.testing.assert_allclose(change(digits), digits, atol=1e-6)


@pytest.mark.parametrize("change", CHANGES[:-1])  # not the noise
def test_images_are_independent(digits, change):
    np.testing.assert_allclose(change(digits)[7:9], change(digits[7:9]), atol=1e-6)
    assert change(digits[:0]).shape == (0, 28, 28)


IMAGE = np.zeros((1, 28, 28))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        *[(lambda change=change: change(IMAGE[0]), "images must be .* for one image") for change in CHANGES],
        (lambda: shift(IMAGE, np.nan, 0), "dx must be a finite number of any size, got nan"),
        (lambda: shift(IMAGE, 0, np.inf), "dy must be a finite number of any size, got inf"),
        (lambda: rotate(IMAGE, "20"), "degrees must be a finite number of any size, got '20'"),
        (lambda: resize(IMAGE, 0), "factor must be a finite number of 0.1 or more, got 0"),
        (lambda: thicken(IMAGE, np.nan), "pixels must be a finite number of any size, got nan"),
        (lambda: add_noise(IMAGE, -0.1, 1), "deviation must be a finite number of 0 or more, got -0.1"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()


# shift


@pytest.mark.parametrize(("dx", "dy"), [(3, -2), (0.3, 0.6), (-1.7, 4), (1000, 0)])
def test_shift_equals_scipy(digits, dx, dy):
    theirs = ndimage.shift(digits, (0, dy, dx), order=1, mode="grid-constant")
    np.testing.assert_allclose(shift(digits, dx, dy), theirs, atol=1e-5)


# rotate


@pytest.mark.parametrize("degrees", [7, -30, 90, 123.4])
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
    first, again, other = (add_noise(digits, 0.2, rng) for rng in (1, np.random.default_rng(1), 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5
    noise = first[(first > 0) & (first < 1) & (digits > 0.3)]
    assert len(np.unique(noise)) > len(noise) / 2  # not the same number for all pixels
