"""The digit browser: what Python sends of each digit, and what the page makes of it."""

import zlib

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

from mnist_helpers import load_mnist
from mnist_helpers.widgets import DigitBrowser

LABELS = np.array([5, 0, 4, 1, 5, 5, 0, 1, 9, 4, 5, 0])


@pytest.fixture
def images(rng) -> np.ndarray:
    """Twelve images of noise, with some pixels 0; the first has every value, the edges of all bins too."""
    images = rng.integers(0, 256, (12, 28, 28), dtype="uint8") * (rng.random((12, 28, 28)) < 0.4)
    images[0] = np.arange(784).reshape(28, 28) % 256
    return images


@pytest.fixture
def browser(images) -> DigitBrowser:
    return DigitBrowser(images, LABELS)


def test_finds_each_image_of_each_digit(browser, images):
    assert browser.position == 0
    for digit in (0, 1, 4, 5, 9):
        browser.digit = digit
        assert browser.number == 0
        for number, position in enumerate(np.flatnonzero(digit == LABELS)):
            browser.number = number
            assert browser.position == position
            assert browser.pixels.tobytes() == images[position].tobytes()
        assert browser.counts[browser.digits.index(digit)] == number + 1


def test_blocks_hold_each_image_of_each_digit_with_its_position(rng):
    labels = rng.permutation(np.repeat([2, 6, 8], [250, 100, 7]))
    images = rng.integers(0, 256, (len(labels), 28, 28), dtype="uint8")
    browser = DigitBrowser(images, labels)
    assert [*browser.on_demand] == ["2-0", "2-1", "2-2", "6-0", "8-0"]
    for digit in browser.digits:
        blocks = [pack() for name, pack in browser.on_demand.items() if name.startswith(f"{digit}-")]
        assert all(len(block) == 100 * 788 for block in blocks[:-1])
        unpacked = run("digits.js", "data.flatMap(module.unpackBlock)", blocks)
        assert [each["position"] for each in unpacked] == np.flatnonzero(labels == digit).tolist()
        for each in unpacked:
            assert each["image"] == images[each["position"]].ravel().tolist()


def test_histograms_count_the_pixels_with_ink(browser, images):
    values = images[0][images[0] > 0].astype(int)
    expected = np.bincount(np.minimum(values * 16 // 255, 15), minlength=16).tolist()
    assert browser.histogram.tolist() == browser.scaled_histogram.tolist() == expected
    assert run("digit_browser.js", "module.countBins(data)", images[0].ravel().tolist()) == expected


def test_page_has_300_of_each_of_the_course_s_digits_and_others_as_a_picture(browser):
    (images, labels), _ = load_mnist()
    training = DigitBrowser(images[:50_000], labels[:50_000])
    bundle = training.page_bundle()
    assert bundle["view"] == "digit_browser" and "_images" not in bundle["state"]
    assert bundle["state"]["digits"] == [*range(10)] and bundle["state"]["counts"] == [300] * 10
    assert training.counts == np.bincount(labels[:50_000]).tolist()  # the notebook has them all
    for digit in range(10):
        blocks = [DigitBrowser.on_demand[f"{digit}-{number}"]() for number in range(3)]
        assert blocks == [training.on_demand[f"{digit}-{number}"]() for number in range(3)]
        assert max(len(zlib.compress(block, 9)) for block in blocks) < 25_000
    training.number = 299
    assert training.page_bundle()
    training.number = 300
    assert training.page_bundle() == browser.page_bundle() == {}
    assert DigitBrowser(images[1:50_000], labels[1:50_000]).page_bundle() == {}


def test_numbers_around_a_pixel_stop_at_the_edges():
    places = [0, 3, 4, 13, 24, 27]
    first = run("digit_browser.js", "data.map((place) => module.placesAround(place)[0])", places)
    assert first == [0, 0, 1, 10, 21, 21]


@pytest.mark.parametrize(
    ("of_images", "labels", "complaint"),
    [
        (lambda x: x / 255, LABELS, r"images must be uint8, \(n, 28, 28\) .* got float64"),
        (lambda x: x[0], LABELS, r"got uint8 of shape \(28, 28\)"),
        (lambda x: x[:0], LABELS[:0], r"got uint8 of shape \(0, 28, 28\)"),
        (lambda x: x[:5], LABELS, "labels must have length 5, .* got 12"),
    ],
)
def test_bad_arrays(images, of_images, labels, complaint):
    with pytest.raises(ValueError, match=complaint):
        DigitBrowser(of_images(images), labels)


@pytest.mark.parametrize(("name", "value"), [("digit", 2), ("number", 4), ("number", -1), ("row", 28)])
def test_bad_value_changes_nothing_and_the_page_gets_the_old_one_back(browser, name, value, monkeypatch):
    before, sent = browser.get_state(), []
    with pytest.raises(TraitError, match=name):
        setattr(browser, name, value)
    monkeypatch.setattr(browser, "send_state", lambda *keys, **_: sent.append(browser.get_state()))
    browser.set_state({name: value})
    assert browser.get_state() == before == sent[-1]
