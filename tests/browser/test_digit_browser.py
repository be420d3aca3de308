"""The digit browser on a page: by mouse and keyboard, wide and narrow."""

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from browser.state import STICKING_OUT, expect_state, make_narrow, state
from mnist_helpers import load_mnist

SOURCE = """\
from mnist_helpers.widgets import DigitBrowser
(images, labels), _ = load_mnist()
browser = DigitBrowser(images, labels)
browser
"""
SELECTION = "[browser.row, browser.column]"


@pytest.fixture(scope="module")
def fives() -> np.ndarray:
    (images, labels), _ = load_mnist()
    return images[labels == 5]


def pixel(page: Page, row: int, column: int) -> Locator:
    return page.get_by_role("gridcell", name=f"row {row}, column {column}:")


def test_find_a_digit_and_read_its_pixels(open_cell, fives):
    page = open_cell(SOURCE)
    about, reading = page.get_by_role("status").filter(has_text="digit"), page.get_by_role("status").last
    expect(about).to_contain_text("digit 5, image 0 of 0 to 5420 (position 0); 166 of 784 pixels have ink")
    expect(reading).to_have_text(f"row 7, column 8: {fives[0, 7, 8]}, scaled {fives[0, 7, 8] / 255:.3f}")
    charts = page.get_by_role("img", name="Pixels with ink")
    counts = ", ".join(map(str, state(page, "browser.histogram.tolist()")))
    labels = [f"{title}. Pixels with ink, from 0 to {last}: {counts}." for title, last in AXES]
    assert [chart.get_attribute("aria-label") for chart in charts.all()] == labels
    assert max(charts.last.evaluate(HEIGHTS)) > 30

    # By mouse: point at a pixel, then click it.
    pixel(page, 10, 12).hover()
    expect(page.get_by_text(f"row 10, column 12: {fives[0, 10, 12]}", exact=True)).to_be_visible()
    assert state(page, SELECTION) == [7, 8]
    pixel(page, 24, 5).click()
    expect(reading).to_contain_text(f"row 24, column 5: {fives[0, 24, 5]}, ")
    expect_state(page, SELECTION, [24, 5])
    shown = page.locator(".digit-browser td:not(:empty)").all_inner_texts()
    assert [int(text) for text in shown] == fives[0, 21:28, 2:9].ravel().tolist()
    expect(page.locator(".digit-browser td.selected")).to_have_text(str(fives[0, 24, 5]))

    # By keyboard: move over the picture, along an edge too, and on to the sliders.
    for key in ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowLeft"]:
        page.keyboard.press(key)
    expect(pixel(page, 26, 5)).to_be_focused()
    expect(page.locator(".cell-grid [aria-selected=true]")).to_have_accessible_name("row 26, column 5: 0")
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="row")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="column")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(reading).to_have_text("row 0, column 6: 0, scaled 0.000")

    # Another image, then another digit.
    number = page.get_by_role("spinbutton", name="image")
    number.fill("3")
    expect(about).to_contain_text("digit 5, image 3 of 0 to 5420")
    page.keyboard.press("ArrowDown")
    expect(about).to_contain_text("digit 5, image 2 of 0 to 5420")
    number.fill("99999")
    expect(about).to_contain_text("digit 5, image 5420 of 0 to 5420")
    page.get_by_role("combobox", name="digit").select_option("8")
    expect(about).to_contain_text("digit 8, image 0 of 0 to 5850")
    expect_state(page, f"[browser.digit, browser.number, *{SELECTION}]", [8, 0, 0, 6])

    # From code
    state(page, "browser.set_trait('number', 7)")
    expect(about).to_contain_text("digit 8, image 7 of 0 to 5850")
    expect(number).to_have_value("7")
    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []


AXES = (("as it came", 255), ("divided by 255", 1))
HEIGHTS = "chart => [...chart.querySelectorAll('.bars > div')].map(bar => bar.getBoundingClientRect().height)"
