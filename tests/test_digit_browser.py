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
    """Twelve images of noise, with some pixels 0."""
    return rng.integers(0, 256, (12, 28, 28), dtype="uint8") * (rng.random((12, 28, 28)) < 0.4)


@pytest.fixture
def browser(images) -> DigitBrowser:
    return DigitBrowser(images, LABELS)


def test_finds_each_image_of_each_digit(browser, images):
    assert (browser.digit, browser.number, browser.position) == (5, 0, 0)
    for digit in (0, 1, 4, 5, 9):
        browser.digit = digit
        assert browser.number == 0
        for number, position in enumerate(np.flatnonzero(digit == LABELS)):
            browser.number = number
            assert browser.position == position
            assert browser.content["image"] == browser.pixels.tobytes() == images[position].tobytes()
            assert browser.content["choices"] == {"digit": digit, "number": number}
        assert browser.content["last"] == number


def test_says_what_it_shows(browser, images):
    browser.digit, browser.number, browser.row, browser.column = 4, 1, 3, 20
    pixel = images[9, 3, 20]
    assert repr(browser) == (
        f"DigitBrowser: digit 4, image 1 of 0 to 1 (position 9); {np.count_nonzero(images[9])} of 784 pixels "
        f"have ink; row 3, column 20: {pixel}, scaled {pixel / 255:.3f}"
    )


def test_histograms_count_the_pixels_with_ink(images):
    images[0] = np.arange(784).reshape(28, 28) % 256  # every value, the edges of all bins too
    browser = DigitBrowser(images, LABELS)
    assert browser.scaled.dtype == np.float32 and browser.scaled.max() == 1
    values = images[0][images[0] > 0].astype(int)
    expected = np.bincount(np.minimum(values * 16 // 255, 15), minlength=16).tolist()
    assert browser.histogram.tolist() == browser.scaled_histogram.tolist() == expected
    assert run("digit_browser.js", "module.countBins(data)", images[0].ravel().tolist()) == expected
    picture, *charts = browser.static_figure().axes
    assert np.array_equal(picture.images[0].get_array(), images[0])
    assert [chart.get_xlim() for chart in charts] == [(0, 255), (0, 1)]
    assert [[bar.get_height() for bar in chart.patches] for chart in charts] == [expected, expected]


def test_page_can_tell_that_the_kernel_has_not_answered_yet(browser):
    waiting = "[data, {...data, number: 1}].map((state) => module.isWaiting({ get: (name) => state[name] }))"
    assert run("kernel.js", waiting, browser.get_state(["digit", "number", "content"])) == [False, True]


def test_numbers_around_a_pixel_stop_at_the_edges():
    first = run(
        "digit_browser.js", "data.map((place) => module.placesAround(place)[0])", [0, 3, 4, 13, 24, 27]
    )
    assert first == [0, 0, 1, 10, 21, 21]


@pytest.mark.parametrize(
    ("of_images", "labels", "complaint"),
    [
        (lambda x: x / 255, LABELS, r"images must be uint8, \(n, 28, 28\) .* got float64"),
        (lambda x: x.reshape(12, 784), LABELS, r"got uint8 of shape \(12, 784\)"),
        (lambda x: x[0], LABELS, r"got uint8 of shape \(28, 28\)"),
        (lambda x: x[:0], LABELS[:0], r"got uint8 of shape \(0, 28, 28\)"),
        (lambda x: x[:5], LABELS, "labels must have length 5, .* got 12"),
        (lambda x: x, np.eye(12), "labels must be a 1-D array of integers"),
        (lambda x: x, LABELS + 5, "labels must be from 0 to 9, got 5 to 14"),
    ],
)
def test_bad_arrays(images, of_images, labels, complaint):
    with pytest.raises(ValueError, match=complaint):
        DigitBrowser(of_images(images), labels)


@pytest.mark.parametrize(
    ("name", "value"),
    [("digit", 2), ("digit", "5"), ("number", 4), ("number", -1), ("row", 28), ("column", -1), ("row", 1.5)],
)
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
