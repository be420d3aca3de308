"""The digit browser without a page: what it says and shows about each digit and pixel."""

import base64
import io
import re
import threading

import ipywidgets
import numpy as np
import pytest
from leaks import assert_leaves_nothing
from matplotlib import pyplot as plt
from PIL import Image
from traitlets import TraitError

from mnist_helpers.widgets.digit_browser import DigitBrowser

LABELS = np.array([5, 0, 4, 1, 5, 5, 0, 1, 9, 4, 5, 0])


@pytest.fixture
def images(rng) -> np.ndarray:
    """Twelve images of noise, with some pixels 0."""
    return rng.integers(0, 256, (12, 28, 28), dtype="uint8") * (rng.random((12, 28, 28)) < 0.4)


@pytest.fixture
def browser(images) -> DigitBrowser:
    return DigitBrowser(images, LABELS)


def parts(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A widget and all widgets inside it."""
    return [widget, *(part for child in getattr(widget, "children", ()) for part in parts(child))]


def control(widget: ipywidgets.Widget, description: str) -> ipywidgets.Widget:
    (found,) = (part for part in parts(widget) if getattr(part, "description", None) == description)
    return found


def choose(widget: ipywidgets.Widget, description: str, cell: list[int]) -> None:
    """Click a cell in the grid: the page sends this message."""
    control(widget, description)._handle_custom_msg({"cell": cell}, [])


def view(widget: ipywidgets.Widget) -> list[dict]:
    """All that is sent to the page."""
    return [part.get_state() for part in parts(widget)]


def html(widget: ipywidgets.Widget) -> str:
    return "".join(part.value for part in parts(widget) if isinstance(part, ipywidgets.HTML))


def window(browser: DigitBrowser) -> list[list[str]]:
    """The table of numbers, row by row, with the row and column numbers at its edges."""
    rows = re.findall(r"<tr>(.*?)(?=<tr>|</table>)", html(browser))
    return [re.findall(r"<t[hd][^>]*>(\d*)</t[hd]>", row) for row in rows]


def bars(browser: DigitBrowser) -> list[np.ndarray]:
    """The heights of the bars, one array per chart."""
    charts = re.findall(r"<svg.*?</svg>", html(browser))
    return [np.array([float(height) for height in re.findall(r" height='([\d.]+)'", c)]) for c in charts]


def test_starts_with_the_first_image(browser, images):
    assert (browser.digit, browser.number, browser.position) == (5, 0, 0)
    assert np.array_equal(browser.pixels, images[0])


@pytest.mark.parametrize("digit", [0, 1, 4, 5, 9])
def test_finds_each_image_of_a_digit(browser, images, digit):
    browser.digit = digit
    for number, image in enumerate(images[digit == LABELS]):
        browser.number = number
        assert np.array_equal(browser.pixels, image)
        assert np.array_equal(images[browser.position], image)
        assert control(browser, "The digit, enlarged").values == image.tolist()
    with pytest.raises(
        TraitError, match=f"number must be from 0 to {number} for .* {digit}, got {number + 1}"
    ):
        browser.number = number + 1


def test_another_digit_starts_at_its_first_image(browser):
    browser.number = 3
    browser.digit = 9
    assert (browser.number, browser.position) == (0, 8)
    assert control(browser, "image").max == 0
    browser.digit = 5
    assert control(browser, "image").max == 3


def test_says_what_it_shows(browser, images):
    browser.digit, browser.number, browser.row, browser.column = 4, 1, 3, 20
    ink, pixel = np.count_nonzero(images[9]), images[9, 3, 20]
    assert repr(browser) == (
        f"DigitBrowser: digit 4, image 1 of 0 to 1 (position 9); {ink} of 784 pixels have ink; "
        f"row 3, column 20: {pixel}, scaled {pixel / 255:.3f}"
    )
    said = [part.text for part in parts(browser) if hasattr(part, "text")]
    assert repr(browser) == "DigitBrowser: " + "; ".join(said)


@pytest.mark.parametrize(
    ("row", "column", "top", "left"), [(0, 0, 0, 0), (7, 8, 4, 5), (24, 25, 21, 21), (27, 2, 21, 0)]
)
def test_numbers_around_the_pixel(browser, images, row, column, top, left):
    browser.row, browser.column = row, column
    (_, *head), *rows = window(browser)
    assert head == [str(left + i) for i in range(7)]
    assert [int(line[0]) for line in rows] == [top + i for i in range(7)]
    assert np.array_equal(
        np.array([line[1:] for line in rows], int), images[0, top : top + 7, left : left + 7]
    )
    (marked,) = re.findall(r"<td[^>]*outline[^>]*>(\d+)</td>", html(browser))
    assert int(marked) == images[0, row, column]
    assert control(browser, "The digit, enlarged").cell == [row, column]


def test_controls_and_state_stay_in_sync(browser):
    control(browser, "digit").value = 0
    control(browser, "image").value = 2
    control(browser, "row").value = 11
    control(browser, "column").value = 12
    assert (browser.digit, browser.number, browser.row, browser.column) == (0, 2, 11, 12)
    browser.row, browser.number, browser.digit = 5, 1, 1
    assert [control(browser, name).value for name in ("digit", "image", "row", "column")] == [1, 0, 5, 12]


def test_chosen_cell_selects_the_pixel(browser, images):
    choose(browser, "The digit, enlarged", [19, 6])
    assert (browser.row, browser.column) == (19, 6)
    assert f"row 19, column 6: {images[0, 19, 6]}, " in repr(browser)


def test_histogram_counts_the_pixels_with_ink(browser, images):
    # In integers: bin k begins at 255 k / 16.
    values = images[0][images[0] > 0].astype(int)
    expected = np.bincount(np.minimum(values * 16 // 255, 15), minlength=16)
    assert np.array_equal(browser.histogram, expected)
    assert browser.histogram.sum() == np.count_nonzero(images[0])


def test_scaling_does_not_change_the_shape():
    every_value = np.arange(784).reshape(28, 28) % 256
    browser = DigitBrowser(every_value[None].astype("uint8"), [3])
    assert browser.scaled.dtype == np.float32 and browser.scaled.max() == 1
    assert np.array_equal(browser.histogram, browser.scaled_histogram)
    before, after = bars(browser)
    assert np.array_equal(before, after)
    assert np.allclose(before / 60, browser.histogram / browser.histogram.max(), atol=0.01)
    assert re.findall(r">(0|1|255)</text>", html(browser)) == ["0", "255", "0", "1"]


def test_blank_image():
    browser = DigitBrowser(np.zeros((1, 28, 28), "uint8"), [0])
    assert "; 0 of 784 pixels have ink" in repr(browser)
    assert [chart.max() for chart in bars(browser)] == [0, 0]


@pytest.mark.parametrize(
    ("of_images", "labels", "complaint"),
    [
        (lambda x: x / 255, LABELS, r"images must be uint8, \(n, 28, 28\), as load_mnist .* got float64"),
        (lambda x: x.reshape(12, 784), LABELS, r"got uint8 of shape \(12, 784\)"),
        (lambda x: x[0], LABELS, r"got uint8 of shape \(28, 28\)"),
        (lambda x: x[:5], LABELS, "the same length, at least 1; got 5 and 12"),
        (lambda x: x[:0], LABELS[:0], "the same length, at least 1; got 0 and 0"),
        (lambda x: x, np.eye(12), "labels must be a 1-D array of integers"),
        (lambda x: x, LABELS + 5, "labels must hold digits 0 to 9"),
    ],
)
def test_bad_arrays(images, of_images, labels, complaint):
    with pytest.raises(ValueError, match=complaint):
        DigitBrowser(of_images(images), labels)


@pytest.mark.parametrize(
    ("name", "value"),
    [("digit", 2), ("digit", "5"), ("number", 4), ("number", -1), ("row", 28), ("column", -1), ("row", 1.5)],
)
def test_bad_value_changes_nothing(browser, name, value):
    before, state = repr(browser), view(browser)
    with pytest.raises(TraitError):
        setattr(browser, name, value)
    assert (repr(browser), view(browser)) == (before, state)


def test_page_without_a_kernel_gets_a_picture_and_words(browser):
    data, _ = browser._repr_mimebundle_()
    assert data["text/plain"] == repr(browser)
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    assert "application/vnd.jupyter.widget-view+json" in data
    assert not plt.get_fignums()


def test_static_figure_shows_one_shape_over_two_axes(browser, images):
    picture, *charts = browser.static_figure().axes
    assert np.array_equal(picture.images[0].get_array(), images[0])
    assert picture.images[0].get_clim() == (0, 255)
    assert [chart.get_xlim() for chart in charts] == [(0, 255), (0, 1)]
    for chart in charts:
        assert [bar.get_height() for bar in chart.patches] == browser.histogram.tolist()


def test_two_browsers_are_independent(browser, images):
    other = DigitBrowser(images, LABELS)
    state = view(browser)
    other.digit, other.row = 9, 20
    assert view(browser) == state


def test_two_threads_keep_view_and_state_in_sync(browser, monkeypatch):
    # Messages from two sliders in JupyterLab can be handled in two threads of the kernel.
    in_the_middle, other_is_done, read = threading.Event(), threading.Event(), browser._reading

    def read_slowly() -> str:
        text = read()
        if threading.current_thread() is first:
            in_the_middle.set()
            other_is_done.wait(0.3)
        return text

    monkeypatch.setattr(browser, "_reading", read_slowly)
    first = threading.Thread(target=setattr, args=[browser, "row", 20])
    first.start()
    assert in_the_middle.wait(5)
    browser.column = 9
    other_is_done.set()
    first.join()
    assert read().startswith("row 20, column 9:")
    assert [part.text for part in parts(browser) if hasattr(part, "text")][1] == read()


def test_two_hundred_changes_leave_nothing_behind(browser):
    def change() -> None:
        for i in range(200):
            browser.digit, browser.row, browser.column = (0, 1, 4, 5, 9)[i % 5], i % 28, i % 27

    assert_leaves_nothing(change)
