"""Shift, rotate, resize or thicken digits, or add noise. Stacks of images in, stacks of 28×28 grids out."""

import numpy as np

from mnist_helpers.checks import SIDE, as_images, number


def shift(images: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Shift digits, by bilinear interpolation. Ink that leaves the image is lost.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)`` or flat; 1 is ink.
    dx, dy : how many pixels to the right and down; may be fractional or negative.

    Returns
    -------
    float32 in [0, 1], ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If `images` or `dx` or `dy` is not as described.
    """
    images, dx, dy = as_images(images), number(dx, "dx"), number(dy, "dy")
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return _resample(images, rows - dy, columns - dx)


def rotate(images: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate digits about the center of the image, by bilinear interpolation.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)`` or flat; 1 is ink.
    degrees : the angle, counterclockwise.

    Returns
    -------
    float32 in [0, 1], ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If `images` or `degrees` is not as described.
    """
    images = as_images(images)
    angle, center = np.radians(number(degrees, "degrees")), (SIDE - 1) / 2
    down, right = np.mgrid[:SIDE, :SIDE] - center
    # Where each pixel comes from: rotated the other way. Rows count downward.
    rows = center + np.cos(angle) * down + np.sin(angle) * right
    columns = center - np.sin(angle) * down + np.cos(angle) * right
    return _resample(images, rows, columns)


def resize(images: np.ndarray, factor: float) -> np.ndarray:
    """Enlarge or shrink digits about the center of the image, which stays 28×28 pixels.

    Enlarging is bilinear interpolation. For shrinking, the triangle of weights is widened, so that each
    new pixel averages everything that falls into it and no stroke is skipped.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)`` or flat; 1 is ink.
    factor : at least 0.1; 1 leaves the digits as they are, 0.5 halves their height and width.

    Returns
    -------
    float32 in [0, 1], ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If `images` or `factor` is not as described.
    """
    images, factor = as_images(images), number(factor, "factor", 0.1)
    center = (SIDE - 1) / 2
    rows, columns = center + (np.mgrid[:SIDE, :SIDE] - center) / factor
    return _resample(images, rows, columns, reach=max(1.0, 1 / factor))


def thicken(images: np.ndarray, pixels: float) -> np.ndarray:
    """Make strokes thicker, by moving their edges outward, or thinner, by moving them inward.

    One pixel is one gray dilation: each pixel becomes the maximum of its neighborhood, averaged over two
    neighborhoods, the 3×3 square and the plus within it, since the square alone would thicken slanted
    strokes too much and the plus too little. Fractions of a pixel are interpolated between whole numbers.
    Thinning is the dilation of the paper.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)`` or flat; 1 is ink.
    pixels : how far each edge moves; a stroke's width changes by twice as much. Negative is thinner.

    Returns
    -------
    float32 in [0, 1], ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If `images` or `pixels` is not as described.
    """
    images, pixels = as_images(images), number(pixels, "pixels")
    if pixels < 0:
        return 1 - thicken(1 - images, -pixels)
    steps, part = divmod(min(pixels, SIDE), 1)  # beyond the image's side, nothing changes
    for _ in range(int(steps)):
        images = _dilate(images)
    return images + np.float32(part) * (_dilate(images) - images) if part else images


def add_noise(images: np.ndarray, deviation: float, rng: np.random.Generator | int) -> np.ndarray:
    """Add Gaussian noise to every pixel, and clip to the range from 0 to 1.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)`` or flat; 1 is ink.
    deviation : the standard deviation of the noise before clipping, 0 or more.
    rng : the random generator, or a seed for one; the same seed gives the same noise.

    Returns
    -------
    float32 in [0, 1], ``(n, 28, 28)``.

    Raises
    ------
    ValueError
        If `images` or `deviation` is not as described.
    """
    images, deviation = as_images(images), number(deviation, "deviation", 0)
    noise = np.random.default_rng(rng).standard_normal(images.shape, dtype="float32")
    return np.clip(images + np.float32(deviation) * noise, 0, 1)


def _resample(images: np.ndarray, rows: np.ndarray, columns: np.ndarray, reach: float = 1.0) -> np.ndarray:
    """Sample images at the given positions; outside of them is paper.

    Each new pixel is a weighted sum of old ones, with the same weights for all images, so the whole stack
    takes one matrix product.
    """
    # Extends beyond the borders, so that a pixel half outside gets half of its ink.
    grid = np.arange(-SIDE, 2 * SIDE)

    def weights(places: np.ndarray) -> np.ndarray:
        triangle = np.maximum(0, 1 - np.abs(places.reshape(-1, 1) - grid) / reach)
        total = triangle.sum(axis=1, keepdims=True)
        return (triangle / np.where(total, total, 1))[:, SIDE : 2 * SIDE]

    pixels = SIDE * SIDE
    matrix = weights(rows)[:, :, None] * weights(columns)[:, None, :]
    matrix = matrix.reshape(pixels, pixels).astype(images.dtype)
    return np.clip(images.reshape(-1, pixels) @ matrix.T, 0, 1).reshape(-1, SIDE, SIDE)


def _dilate(images: np.ndarray) -> np.ndarray:
    # Beyond the border, repeat the border: that adds no ink and takes none away.
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    tall = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    square = np.maximum(np.maximum(tall[:, :, :-2], tall[:, :, 1:-1]), tall[:, :, 2:])
    middle = padded[:, 1:-1]
    plus = np.maximum(np.maximum(middle[:, :, :-2], tall[:, :, 1:-1]), middle[:, :, 2:])
    return (square + plus) / 2
