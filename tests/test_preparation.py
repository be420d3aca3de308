"""Preparing a drawing as an input, on drawings small enough to check by eye and on MNIST itself."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from mnist_helpers import center_by_mass, crop_to_ink, draw_strokes, fit_into_box, load_mnist, prepare


def test_crop_keeps_all_ink_and_no_empty_border():
    drawing = np.zeros((6, 7))
    drawing[1, 4] = 0.01  # the faintest ink counts
    drawing[3, 2] = 1
    drawing[5, 6] = 1e-9  # but this is paper
    assert np.array_equal(crop_to_ink(drawing), [[0, 0, 0.01], [0, 0, 0], [1, 0, 0]])
    assert crop_to_ink(np.zeros((6, 7))).shape == (6, 7)  # no ink: all of it


def test_fit_keeps_the_aspect_ratio_and_the_mean_ink(rng):
    # Three cells become two pixels: each gets one and a half.
    assert np.allclose(fit_into_box(np.tile([1, 0, 0.0], (30, 10))), np.tile([2 / 3, 0], (20, 10)))
    # 13.5 pixels wide: centered in 14, with a quarter of a pixel of paper on each side.
    assert np.allclose(fit_into_box(np.ones((200, 135))), np.tile([0.75, *[1] * 12, 0.75], (20, 1)))
    assert np.allclose(fit_into_box(np.array([[0.2, 0.4]])), np.repeat([[0.2, 0.4]] * 10, 10, axis=1))
    drawing = rng.random((183, 183))
    assert fit_into_box(drawing).mean() == pytest.approx(drawing.mean())


def test_center_is_at_most_half_a_pixel_off(rng):
    for _ in range(20):
        image = center_by_mass(rng.random((20, 12)) ** 5)
        assert np.abs(np.subtract(center_of_mass(image), 14)).max() <= 0.5


def test_center_cuts_off_what_does_not_fit():
    digit = np.zeros((5, 28))
    digit[:, 27] = 1
    digit[2, 0] = 0.01
    image = center_by_mass(digit)
    assert image.shape == (28, 28) and image.base is None  # no view of a larger array, ten thousand times
    assert image.sum() == pytest.approx(5)  # the faint dot fell off on the left
    assert np.array_equal(np.argwhere(image), [(row, 14) for row in range(12, 17)])
    assert not center_by_mass(np.zeros((20, 20))).any()


def test_mnist_digits_prepared_again_stay_as_they_are():
    # This shows that we follow MNIST: the same box, the same center, the same rounding.
    digits = load_mnist()[0][0][:2000] / 255
    assert np.mean([np.allclose(prepare(digit), digit, atol=1e-6) for digit in digits]) > 0.999
    for digit in digits[:20]:
        paper = np.zeros((56, 56))
        paper[5:33, 20:48] = digit  # off center
        assert np.allclose(prepare(np.kron(paper, np.ones((5, 5)))), digit, atol=1e-6)


def test_each_step_can_be_left_out(rng):
    drawing = rng.random((280, 280))
    means = drawing.reshape(28, 10, 28, 10).mean(axis=(1, 3))
    assert np.allclose(prepare(drawing, crop=False, fit=False, center=False), means, atol=1e-6)

    drawing = np.zeros((280, 280))
    drawing[20:80, 10:30] = 1  # a bar of 6×2 pixels at the pad's own scale
    drawing[70:80, 10:60] = 1  # with a foot, so that its mass is not in its middle

    def box(**steps):
        places = np.argwhere(prepare(drawing, **steps) > 0)
        return places.min(axis=0).tolist(), (1 + np.ptp(places, axis=0)).tolist()

    # The mass lies 35 cells down and 15 to the right, of 60 and 50: 11.7 and 5 pixels of 20.
    assert box() == ([3, 9], [20, 17])
    assert box(center=False) == ([4, 5], [20, 17])
    assert box(fit=False) == ([11, 13], [6, 5])
    assert box(fit=False, center=False) == ([11, 11], [6, 5])
    assert box(crop=False, center=False)[1] == [5, 5]  # the whole pad in 20 pixels


def test_strokes_have_width_and_round_ends_and_do_not_add_up():
    stroke = [(10, 15), (20, 15)]
    drawing = draw_strokes([[(200, 200)], stroke, stroke[::-1]], width=6)
    assert drawing.shape == (280, 280) and drawing[200, 200] == 1
    assert np.flatnonzero(drawing[:, 15]).tolist() == [12, 13, 14, 15, 16, 17]
    assert drawing[14, 8] == 1  # the cap
    assert drawing[12, 7] < 0.1  # is round
    assert np.array_equal(drawing[:100], draw_strokes([stroke], width=6)[:100])
    dot = draw_strokes(np.array([[[15, 15]]]), width=6)
    assert dot.sum() == pytest.approx(np.pi * 3**2, rel=0.01)
    assert not draw_strokes([], width=6).any()


PAPER = np.zeros((28, 28))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: prepare(np.zeros((28, 30))), r"drawing must be square, \(n, n\), got \(28, 30\)"),
        (lambda: prepare(255 + PAPER), "drawing must be from 0 to 1, got 255.0 to 255.0; divide"),
        (lambda: prepare(1 - PAPER), "all of its border is ink; pass 1 - drawing"),
        (lambda: crop_to_ink(np.zeros(784)), r"drawing must be \(rows, columns\), got shape \(784,\)"),
        (lambda: fit_into_box(np.zeros((28, 28), "uint8")), "drawing must be floats from 0 to 1, got uint8"),
        (lambda: center_by_mass(PAPER + np.nan), "digit must be finite"),
        (lambda: draw_strokes([[(np.nan, 5)]], 6), "strokes must be finite"),
        (lambda: draw_strokes([[(1, 2, 3)]], 6), r"lists of points \(x, y\), got points of shape \(3,\)"),
        (lambda: draw_strokes([[(0.2, 0.9)]], 6), "strokes must run from 0 to 280, but all lie in 0 to 1"),
        (lambda: draw_strokes([], -6), "width must be a finite number of 0 or more, got -6"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message):
        act()
