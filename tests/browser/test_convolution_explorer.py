"""The convolution explorer on a page: it shows what Python computes, with and without a kernel."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import run_all
from browser.state import expect_state, state
from mnist_helpers import load_splits
from mnist_helpers.widgets.convolution_explorer import ConvolutionExplorer

SOURCE = """\
from mnist_helpers.widgets.convolution_explorer import ConvolutionExplorer

explorer = ConvolutionExplorer(load_splits("channels")[0][0][15], row=13, column=15)
explorer
"""
WIDGET = ".convolution-explorer"
PLACE = "[explorer.row, explorer.column]"


def numbers(page: Page, label: str) -> list[float]:
    texts = page.get_by_role("group", name=label).locator("span").all_text_contents()
    return [float(text.replace("−", "-")) for text in texts]


def expect_place(page: Page, row: int, column: int) -> None:
    expect(page.locator(f"{WIDGET} .status")).to_contain_text(f"Row {row}, column {column},")
    expect_state(page, PLACE, [row, column])


def filled(page: Page) -> int:
    label = page.get_by_role("img", name="feature map").get_attribute("aria-label")
    return int(label.split(", ")[-1].split()[0])


def test_window_is_stepped_by_key_button_slider_and_mouse(open_cell):
    page = open_cell(SOURCE)
    expect_place(page, 13, 15)
    assert numbers(page, "products") == state(page, "explorer.products.round(2).ravel().tolist()")
    assert filled(page) == 13 * 26 + 15 + 1

    digit = page.locator(f"{WIDGET} .digit")
    digit.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        digit.press(key)
    expect_place(page, 14, 14)
    expect(digit).to_be_focused()  # JupyterLab has not taken the keys to move from cell to cell
    assert numbers(page, "pixels") == state(
        page, "np.array(explorer.image)[14:17, 14:17].round(2).ravel().tolist()"
    )

    page.get_by_role("button", name="Next").press("Enter")
    expect_place(page, 14, 15)
    page.get_by_role("button", name="Last").click()
    expect_place(page, 25, 25)
    page.get_by_role("button", name="Next").click()
    expect_place(page, 25, 25)
    assert filled(page) == 676
    page.get_by_role("slider", name="place").press("ArrowLeft")
    expect_place(page, 25, 24)

    box = digit.bounding_box()
    page.mouse.move(box["x"] + 10.5 * box["width"] / 28, box["y"] + 5.5 * box["height"] / 28)
    page.mouse.down()
    expect_place(page, 4, 9)
    page.mouse.move(box["x"] + 40.5 * box["width"] / 28, box["y"] - 9)
    expect_place(page, 0, 25)
    page.mouse.up()


def test_playing_grows_the_map_and_ends_with_the_view(open_cell):
    page = open_cell(SOURCE)
    before = filled(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"() => document.querySelector('{WIDGET} [type=range]').value >= {before + 4}")
    page.get_by_role("button", name="Pause").click()
    reached = filled(page)
    page.wait_for_timeout(300)
    assert filled(page) == reached
    expect_state(page, "explorer.row * 26 + explorer.column + 1", reached)

    page.get_by_role("button", name="Play").click()
    state(page, "globals().update(first=explorer)")
    run_all(page, seconds=60)
    expect(page.get_by_role("button", name="Play")).to_have_count(1)
    page.wait_for_timeout(300)  # for messages on their way
    reached = state(page, "[first.row, first.column]")
    page.wait_for_timeout(300)
    assert state(page, "[first.row, first.column]") == reached


def test_kernel_and_switches_by_hand_and_from_python(open_cell):
    page = open_cell(SOURCE)
    preset = page.get_by_role("combobox", name="kernel")
    preset.select_option("blur")
    expect_state(page, "explorer.kernel", [1 / 9] * 9)
    weight = page.get_by_label("weight in row 0, column 2")
    expect(weight).to_have_value("0.111")
    weight.fill("-2.5")
    expect(preset).to_have_value("own")
    expect_state(page, "explorer.kernel", [1 / 9, 1 / 9, -2.5, *[1 / 9] * 6])

    for wrong in ("", "100"):
        weight.fill(wrong)
        expect(weight).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"{WIDGET} .status")).to_contain_text("the weight in row 0, column 2 stays -2.5")
    weight.blur()
    expect(weight).to_have_value("-2.5")
    expect(weight).to_have_attribute("aria-invalid", "false")
    assert state(page, "explorer.kernel[2]") == -2.5

    state(page, "setattr(explorer, 'kernel', [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])")
    expect(preset).to_have_value("sharpen")
    state(page, "[setattr(explorer, 'row', 3), setattr(explorer, 'relu', True)]")
    expect(page.locator(f"{WIDGET} .status")).to_contain_text("Row 3, column 15,")
    expect(page.get_by_role("checkbox", name="ReLU")).to_be_checked()

    pooled = page.get_by_role("img", name="after pooling, 13×13", include_hidden=True)
    expect(pooled).to_be_hidden()
    page.get_by_label("2×2 max pooling").press("Space")
    page.get_by_label("whole map at once").check()
    expect(pooled).to_be_visible()
    assert filled(page) == 676
    expect_state(page, "[explorer.relu, explorer.pool, explorer.whole]", [True] * 3)
    largest = state(page, "explorer.feature_map[1, 7]")
    expect(page.locator(f"{WIDGET} .status")).to_contain_text(f"the largest in its square is {largest:.2f}")


@pytest.fixture
def page_without_kernel(browser):
    """The module on an otherwise empty page; returns the page and the digit that it shows."""
    page = browser.new_page()
    errors = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    digit = load_splits("channels")[0][0][15, :, :, 0]
    page.route(
        "http://page.test/", lambda route: route.fulfill(body="<body></body>", content_type="text/html")
    )
    page.route(
        "http://page.test/explorer.js",
        lambda route: route.fulfill(body=str(ConvolutionExplorer._esm), content_type="text/javascript"),
    )
    page.goto("http://page.test/")
    page.evaluate(
        "async image => (await import('/explorer.js')).mount(document.body, { image, row: 13, column: 15 })",
        digit.tolist(),
    )
    yield page, digit
    page.close()
    assert errors == []


def test_page_without_kernel(page_without_kernel):
    page, digit = page_without_kernel
    expected = ConvolutionExplorer(digit, row=14, column=15)
    page.locator(".digit").press("ArrowDown")
    assert numbers(page, "products") == expected.products.round(2).ravel().tolist()
    page.get_by_role("combobox", name="kernel").select_option("outline")
    expected.kernel = [-1, -1, -1, -1, 8, -1, -1, -1, -1]
    assert numbers(page, "products") == expected.products.round(2).ravel().tolist()


def test_map_is_filled_up_to_the_window(page_without_kernel):
    page, _ = page_without_kernel
    not_yet = [119, 119, 119, 255]  # the dot in the middle of an empty cell
    for place, is_filled in (((13, 15), True), ((13, 16), False), ((12, 25), True), ((14, 0), False)):
        assert (middle_of_cell(page, *place) != not_yet) is is_filled
    page.get_by_label("whole map at once").check()
    assert middle_of_cell(page, 25, 25) != not_yet


def middle_of_cell(page: Page, row: int, column: int) -> list[int]:
    return page.get_by_role("img", name="feature map").evaluate(
        """(canvas, [row, column]) => {
            const cell = canvas.width / 26;
            const [x, y] = [(column + 0.5) * cell, (row + 0.5) * cell];
            return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
        }""",
        [row, column],
    )


def test_page_and_python_compute_the_same(page_without_kernel, rng):
    page, digit = page_without_kernel
    kernels = rng.normal(0, 1, (5, 9))
    found = page.evaluate(
        """async ([image, kernels]) => {
            const { convolve, rectify, maxPool, productsAt } = await import('/explorer.js');
            return kernels.map(kernel => {
                const map = convolve(image, kernel);
                return [productsAt(image, kernel, 9, 12), map, rectify(map), maxPool(map)];
            });
        }""",
        [digit.tolist(), kernels.tolist()],
    )
    for kernel, (products, convolved, rectified, pooled) in zip(kernels, found, strict=True):
        explorer = ConvolutionExplorer(digit, kernel, row=9, column=12)
        np.testing.assert_allclose(products, explorer.products.ravel(), atol=1e-12)
        np.testing.assert_allclose(convolved, explorer.feature_map, atol=1e-12)
        explorer.relu = True
        np.testing.assert_allclose(rectified, explorer.feature_map, atol=1e-12)
        explorer.relu, explorer.pool = False, True
        np.testing.assert_allclose(pooled, explorer.feature_map, atol=1e-12)


def test_it_fits_a_phone_and_nothing_jumps(page_without_kernel):
    page, _ = page_without_kernel
    page.set_viewport_size({"width": 272, "height": 640})  # what JupyterLab leaves of 360 pixels
    height = page.locator(WIDGET).bounding_box()["height"]
    for label in ("ReLU", "2×2 max pooling", "whole map at once"):
        page.get_by_label(label).first.check()
        assert page.locator(WIDGET).bounding_box()["height"] == height
    assert page.evaluate("document.documentElement.scrollWidth") == 272


def test_colors_keep_their_contrast(page_without_kernel):
    page, _ = page_without_kernel
    for cell in page.locator(f"{WIDGET} .nine span").all():
        colors = cell.evaluate("cell => [getComputedStyle(cell).color, cell.style.background]")
        assert contrast(*colors) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors, as defined in WCAG 2.2."""
    lights = []
    for color in (one, other):
        share = np.array([int(part) for part in color.strip("rgb()").split(",")]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(lights) / min(lights)
