"""The digit browser: what Python sends of each digit, and what the page makes of it."""

import threading

import numpy as np
import pytest
from javascript import run
from traitlets import TraitError

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
            assert browser.content["image"] == browser.pixels.tobytes() == images[position].tobytes()
            assert browser.content["choices"] == {"digit": digit, "number": number}
        assert browser.content["last"] == number


def test_histograms_count_the_pixels_with_ink(browser, images):
    values = images[0][images[0] > 0].astype(int)
    expected = np.bincount(np.minimum(values * 16 // 255, 15), minlength=16).tolist()
    assert browser.histogram.tolist() == browser.scaled_histogram.tolist() == expected
    assert run("digit_browser.js", "module.countBins(data)", images[0].ravel().tolist()) == expected


def test_page_can_tell_that_the_kernel_has_not_answered_yet(browser):
    waiting = "[data, {...data, number: 1}].map((state) => module.isWaiting({ get: (name) => state[name] }))"
    assert run("controls.js", waiting, browser.get_state(["digit", "number", "content"])) == [False, True]


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


def test_content_made_in_one_thread_has_the_changes_of_another(browser, monkeypatch):
    make = browser._content
    second = threading.Thread(target=setattr, args=[browser, "number", 3])

    def make_slowly() -> dict:
        content = make()
        if threading.current_thread() is first:
            second.start()
            second.join(0.2)  # it cannot end: its own content waits for this one
        return content

    monkeypatch.setattr(browser, "_content", make_slowly)
    first = threading.Thread(target=setattr, args=[browser, "number", 2])
    first.start()
    first.join()
    second.join()
    assert browser.content["choices"]["number"] == browser.number == 3
