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


CHANGES = [
    lambda images: shift(images, 2.5, -1),
    lambda images: rotate(images, 20),
    lambda images: resize(images, 0.8),
    lambda images: resize(images, 1.3),
    lambda images: thicken(images, 1.5),
    lambda images: thicken(images, -0.5),
    lambda images: add_noise(images, 0.3, 1),
]
IMAGE = np.zeros((1, 28, 28))


@pytest.mark.parametrize("change", CHANGES)
def test_result_is_a_new_stack_of_grids(digits, change):
    rows = digits.reshape(-1, 784).copy()
    changed = change(rows)
    assert changed.dtype == "float32" and changed.shape == digits.shape
    assert changed.min() >= 0 and changed.max() <= 1
    np.testing.assert_array_equal(rows.reshape(digits.shape), digits)  # the input is not modified
    assert change(digits[:0]).shape == (0, 28, 28)
    with pytest.raises(ValueError, match=r"images must be .* for one image"):
        change(IMAGE[0])


def test_no_change_changes_nothing(digits):
    for same in (shift(digits, 0, 0), rotate(digits, 0), resize(digits, 1), thicken(digits, 0)):
        np.testing.assert_allclose(same, digits, atol=1e-6)
    np.testing.assert_array_equal(add_noise(digits, 0, 1), digits)


@pytest.mark.parametrize(
    ("act", "message"),
    [
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


@pytest.mark.parametrize(("dx", "dy"), [(3, -2), (-1.7, 0.6), (1000, 0)])
def test_shift_equals_scipy(digits, dx, dy):
    theirs = ndimage.shift(digits, (0, dy, dx), order=1, mode="grid-constant")
    np.testing.assert_allclose(shift(digits, dx, dy), theirs, atol=1e-5)


@pytest.mark.parametrize("degrees", [-30, 123.4])
def test_rotate_equals_scipy(digits, degrees):
    theirs = ndimage.rotate(digits, degrees, axes=(1, 2), reshape=False, order=1, mode="grid-constant")
    np.testing.assert_allclose(rotate(digits, degrees), theirs, atol=1e-5)


@pytest.mark.parametrize("factor", [1.2, 2])
def test_enlarging_equals_scipy(digits, factor):
    offset = 13.5 * (1 - 1 / factor)
    options = {"offset": (0, offset, offset), "order": 1, "mode": "grid-constant"}
    theirs = ndimage.affine_transform(digits, np.diag([1, 1 / factor, 1 / factor]), **options)
    np.testing.assert_allclose(resize(digits, factor), theirs, atol=1e-5)


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.8])
def test_shrinking_keeps_the_share_of_the_ink_and_its_middle(digits, factor):
    def middles(images: np.ndarray) -> np.ndarray:
        return np.array([ndimage.center_of_mass(image) for image in images])

    shrunk = resize(digits, factor)
    np.testing.assert_allclose(shrunk.sum(axis=(1, 2)), digits.sum(axis=(1, 2)) * factor**2, rtol=0.05)
    np.testing.assert_allclose(middles(shrunk), 13.5 + (middles(digits) - 13.5) * factor, atol=0.2)


def test_one_pixel_is_scipys_dilation_with_the_square_and_the_plus(digits):
    shapes = np.ones((1, 3, 3)), ndimage.generate_binary_structure(2, 1)[None]
    for pixels, change in ((1, ndimage.grey_dilation), (-1, ndimage.grey_erosion)):
        theirs = [change(digits, footprint=shape, mode="nearest") for shape in shapes]
        np.testing.assert_allclose(thicken(digits, pixels), np.mean(theirs, axis=0), atol=1e-6)


@pytest.mark.parametrize("pixels", [0.25, 1, 2.5])
def test_a_stroke_grows_by_that_much_on_each_side(pixels):
    stroke = np.zeros((1, 28, 28))
    stroke[:, :, 10:18] = 1
    assert thicken(stroke, pixels)[0, 5].sum() == pytest.approx(8 + 2 * pixels)
    assert thicken(stroke, -pixels)[0, 5].sum() == pytest.approx(8 - 2 * pixels)
    # Along a row a slanted stroke is wider, by the square root of 2.
    row, column = np.mgrid[:28, :28]
    slanted = np.clip(4.5 - np.abs(row - column) / np.sqrt(2), 0, 1)[None]
    grown = (thicken(slanted, pixels)[0, 14].sum() - slanted[0, 14].sum()) / np.sqrt(2)
    assert grown == pytest.approx(2 * pixels, rel=0.1)


def test_extreme_thickness_leaves_no_paper_and_extreme_thinness_no_ink(digits):
    assert (thicken(digits, 1e9) > 0).all()
    np.testing.assert_allclose(thicken(digits, -1e9), 0)


def test_noise_has_the_deviation_is_clipped_and_repeats_with_the_seed():
    gray = np.full((200, 28, 28), 0.5)
    noisy = add_noise(gray, 0.1, np.random.default_rng(3))
    assert noisy.mean() == pytest.approx(0.5, abs=0.002)
    assert noisy.std() == pytest.approx(0.1, rel=0.01)
    assert (add_noise(0 * gray, 0.1, 3) == 0).mean() == pytest.approx(0.5, abs=0.01)  # the negative half
    np.testing.assert_array_equal(add_noise(gray, 0.1, 3), noisy)
    assert (add_noise(gray, 0.1, 4) != noisy).mean() > 0.9
