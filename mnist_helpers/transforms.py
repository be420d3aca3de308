"""Shift, rotate, resize or thicken digits, or add noise. Stacks of images in, stacks out."""

import numpy as np

SIDE = 28


def shift(images: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Shift digits, by bilinear interpolation. Ink that leaves the image is lost.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)``; 1 is ink.
    dx, dy : how many pixels to the right and down; may be fractional or negative.

    Returns
    -------
    floats in [0, 1], of the shape and type of `images`.

    Raises
    ------
    ValueError
        If `images` is not as described, or `dx` or `dy` is not finite.
    """
    images = _as_stack(images)
    _check("dx", dx)
    _check("dy", dy)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return _resample(images, rows - dy, columns - dx)


def rotate(images: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate digits about the center of the image, by bilinear interpolation.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)``; 1 is ink.
    degrees : the angle, counterclockwise.

    Returns
    -------
    floats in [0, 1], of the shape and type of `images`.

    Raises
    ------
    ValueError
        If `images` is not as described, or `degrees` is not finite.
    """
    images = _as_stack(images)
    _check("degrees", degrees)
    angle, center = np.radians(degrees), (SIDE - 1) / 2
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
    images : floats in [0, 1], ``(n, 28, 28)``; 1 is ink.
    factor : at least 0.1; 1 leaves the digits as they are, 0.5 halves their height and width.

    Returns
    -------
    floats in [0, 1], of the shape and type of `images`.

    Raises
    ------
    ValueError
        If `images` is not as described, or `factor` is below 0.1 or not finite.
    """
    images = _as_stack(images)
    _check("factor", factor, at_least=0.1)
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
    images : floats in [0, 1], ``(n, 28, 28)``; 1 is ink.
    pixels : how far each edge moves; a stroke's width changes by twice as much. Negative is thinner.

    Returns
    -------
    floats in [0, 1], of the shape and type of `images`.

    Raises
    ------
    ValueError
        If `images` is not as described, or `pixels` is not finite.
    """
    images = _as_stack(images)
    _check("pixels", pixels)
    if pixels < 0:
        return 1 - thicken(1 - images, -pixels)
    whole, part = divmod(min(pixels, SIDE), 1)  # beyond the image's side, nothing changes
    for _ in range(int(whole)):
        images = _dilate(images)
    return images + images.dtype.type(part) * (_dilate(images) - images) if part else images


def add_noise(images: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise to every pixel, and clip to the range from 0 to 1.

    Parameters
    ----------
    images : floats in [0, 1], ``(n, 28, 28)``; 1 is ink.
    deviation : the standard deviation of the noise before clipping, 0 or more.
    rng : the random generator; the same seed gives the same noise.

    Returns
    -------
    floats in [0, 1], of the shape and type of `images`.

    Raises
    ------
    ValueError
        If `images` is not as described, or `deviation` is negative or not finite.
    """
    images = _as_stack(images)
    _check("deviation", deviation, at_least=0)
    noise = rng.standard_normal(images.shape, dtype="float32").astype(images.dtype)
    return np.clip(images + images.dtype.type(deviation) * noise, 0, 1)


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


def _as_stack(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        hint = "; for one image pass image[None]" if images.shape == (SIDE, SIDE) else ""
        raise ValueError(f"images must be (n, {SIDE}, {SIDE}), got {images.shape}{hint}")
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be floats from 0 to 1, got {images.dtype}; divide by 255 first")
    # Rounding in an earlier step may overshoot slightly; that is not an error.
    tolerance = 1e-5
    if images.size and not (images.min() >= -tolerance and images.max() <= 1 + tolerance):
        raise ValueError(f"images must be from 0 to 1, got {images.min()} to {images.max()}")
    return np.clip(images, 0, 1)


def _check(name: str, value: float, at_least: float = -np.inf) -> None:
    if not (np.isfinite(value) and value >= at_least):
        bound = f" of {at_least} or more" if np.isfinite(at_least) else ""
        raise ValueError(f"{name} must be a finite number{bound}, got {value}")
