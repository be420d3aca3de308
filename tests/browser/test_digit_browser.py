"""The digit browser on a page: by mouse and keyboard, wide and narrow."""

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import run_all
from browser.state import STICKING_OUT, make_narrow, state
from mnist_helpers import load_mnist

SOURCE = """\
from mnist_helpers.widgets.digit_browser import DigitBrowser
(images, labels), _ = load_mnist()
browser = DigitBrowser(images, labels)
browser
"""


@pytest.fixture(scope="module")
def fives() -> np.ndarray:
    (images, labels), _ = load_mnist()
    return images[labels == 5]


def window(page: Page) -> list[str]:
    return page.locator(".jp-OutputArea-output td").all_inner_texts()


def pixel(page: Page, row: int, column: int) -> Locator:
    return page.get_by_role("gridcell", name=f"row {row}, column {column}:")


def test_find_a_digit_and_read_its_pixels(open_cell, fives):
    page = open_cell(SOURCE)
    about, reading = page.get_by_role("status").filter(has_text="digit"), page.get_by_role("status").last
    expect(about).to_contain_text("digit 5, image 0 of 0 to 5420 (position 0); 166 of 784 pixels have ink")
    expect(reading).to_have_text(f"row 7, column 8: {fives[0, 7, 8]}, scaled {fives[0, 7, 8] / 255:.3f}")
    expect(page.locator(".cell-grid")).to_have_count(1)

    # By mouse: point at a pixel, then click it.
    pixel(page, 10, 12).hover()
    expect(page.get_by_text(f"row 10, column 12: {fives[0, 10, 12]}", exact=True)).to_be_visible()
    assert state(page, "[browser.row, browser.column]") == [7, 8]
    pixel(page, 24, 5).click()
    expect(reading).to_contain_text(f"row 24, column 5: {fives[0, 24, 5]}, ")
    assert state(page, "[browser.row, browser.column]") == [24, 5]
    shown = [int(text) for text in window(page) if text]
    assert shown == fives[0, 21:28, 2:9].ravel().tolist()

    # By keyboard: move over the picture, along an edge too.
    for key in ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowLeft"]:
        page.keyboard.press(key)
    expect(pixel(page, 26, 5)).to_be_focused()
    expect(pixel(page, 26, 5)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".cell-grid [aria-selected=true]")).to_have_count(1)
    expect(reading).to_contain_text("row 26, column 5:")

    # By keyboard: Tab moves from the picture to the sliders.
    page.keyboard.press("Tab")
    row, column = page.get_by_role("slider", name="row"), page.get_by_role("slider", name="column")
    expect(row).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(column).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(reading).to_have_text("row 0, column 6: 0, scaled 0.000")
    expect(pixel(page, 0, 6)).to_have_attribute("aria-selected", "true")

    # Another image, then another digit.
    page.get_by_role("spinbutton", name="image").fill("3")
    page.keyboard.press("Enter")
    expect(about).to_contain_text("digit 5, image 3 of 0 to 5420")
    page.keyboard.press("ArrowDown")
    expect(about).to_contain_text("digit 5, image 2 of 0 to 5420")
    row.fill("14")
    expect(reading).to_contain_text(f"row 14, column 6: {fives[2, 14, 6]}, ")
    page.get_by_role("combobox", name="digit").select_option("8")
    expect(about).to_contain_text("digit 8, image 0 of 0 to 5850")
    assert state(page, "[browser.digit, browser.number, browser.row, browser.column]") == [8, 0, 14, 6]


def test_scaling_changes_the_axis_and_not_the_shape(open_cell):
    page = open_cell(SOURCE)
    charts = page.get_by_role("img", name="Pixels with ink")
    expect(charts).to_have_count(2)
    heights = "chart => [...chart.querySelectorAll('rect')].map(bar => bar.getBoundingClientRect().height)"
    before, after = (chart.evaluate(heights) for chart in charts.all())
    assert before == after and max(before) > 30
    assert [chart.locator("text").last.text_content() for chart in charts.all()] == ["255", "1"]


def test_fits_a_phone_and_runs_again(open_cell):
    page = open_cell(SOURCE)
    expect(page.locator(".cell-grid")).to_be_visible()
    make_narrow(page)
    expect(page.locator(".cell-grid")).to_be_visible()
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
    page.set_viewport_size({"width": 1024, "height": 768})

    run_all(page, seconds=30)
    expect(page.locator(".cell-grid")).to_have_count(1)
    pixel(page, 3, 3).click()
    expect(page.get_by_role("status").last).to_contain_text("row 3, column 3: 0")
