"""What helps to read the pages on any screen: folds, figures to enlarge, outputs that fit, dark colors."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser.test_site import AXE, THROUGH
from browser.test_widgets import BROWSER, CONVOLUTION, DROPOUT
from tools.course import NOTEBOOKS

PHONE = {"width": 390, "height": 844}
UNFOLD = "for (const fold of document.querySelectorAll('article details')) fold.open = true"
# Outputs with numbers that cannot be seen without scrolling sideways
CUT_OFF = """() => [...document.querySelectorAll("article .cell_output pre")]
    .filter(block => block.scrollWidth > block.clientWidth + 2)
    .map(block => block.textContent.slice(0, 200))"""


def test_fold_opens_by_key(address, page):
    page.goto(f"{address}/02_mlp.html")
    what_happens = page.get_by_text("bias 0.1: z = 0.45, output 0.45")
    expect(what_happens).to_be_hidden()
    page.get_by_text("Show what happens").first.focus()
    page.keyboard.press("Enter")
    expect(what_happens).to_be_visible()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_phone_shows_all_that_is_printed(address, page, path):
    page.set_viewport_size(PHONE)
    page.goto(f"{address}/{path.stem}.html")
    page.evaluate(UNFOLD)
    assert page.evaluate(CUT_OFF) == []
    sizes = page.locator(".fit pre").evaluate_all(
        "all => all.map(pre => parseFloat(getComputedStyle(pre).fontSize))"
    )
    assert min(sizes) > 6.5


@pytest.mark.parametrize("width", [390, 1440])
def test_figure_is_enlarged_and_put_back(address, page, width):
    page.set_viewport_size(PHONE | {"width": width})
    page.goto(f"{address}/05_evaluation.html")
    page.evaluate(UNFOLD)
    figure = page.locator(".figure", has=page.get_by_alt_text("Confusion matrices")).first
    figure.scroll_into_view_if_needed()
    button = figure.get_by_role("button", name="Enlarge", exact=True)
    button.click()
    dialog = page.get_by_role("dialog", name="The figure, enlarged")
    natural = figure.locator("img").evaluate("image => image.naturalWidth")
    large = dialog.locator("img")
    assert large.bounding_box()["width"] > 1.2 * figure.bounding_box()["width"]
    assert Axe().run(page, options=AXE["light"]).response["violations"] == []
    if width == 390:  # the whole of it would be no larger than on the page
        assert large.bounding_box()["width"] == natural
        expect(dialog.locator(".goes-on-right")).to_be_visible()
        large.click()
        expect(dialog.get_by_role("button", name="Full size")).to_be_visible()
    expect(large).to_be_in_viewport(ratio=1)
    large.click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    page.wait_for_function("!history.state?.enlarged")
    figure.locator("img").click()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.wait_for_function("!history.state?.enlarged")
    button.click()
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(f"{address}/05_evaluation.html")


def test_figure_that_fits_is_not_to_be_enlarged(address, page):
    page.goto(f"{address}/02_mlp.html")
    small = page.locator(".figure", has=page.get_by_alt_text("The training image with index 0")).first
    small.scroll_into_view_if_needed()
    expect(small.get_by_role("button", include_hidden=True)).to_be_hidden()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_front_page_shows_the_path_whole_and_its_gallery_large(address, page, media):
    page.set_viewport_size(PHONE if media == "screen" else {"width": 718, "height": 1000})
    page.emulate_media(media=media)
    page.goto(f"{address}/index.html")
    tables = page.locator("#the-path table")
    expect(tables).to_have_count(2)
    assert tables.evaluate_all("all => all.map(table => table.scrollWidth - table.clientWidth)") == [0, 0]
    rights = tables.evaluate_all("all => all.map(table => table.getBoundingClientRect().right)")
    assert max(rights) <= page.viewport_size["width"]
    expect(page.locator("#the-path .goes-on-right")).to_have_count(0)
    button = page.get_by_role("button", name="Enlarge", exact=True)
    expect(button).to_be_visible(visible=media == "screen")


def test_search_icon_is_beside_what_is_typed_and_marks_do_not_stay(address, page):
    page.goto(f"{address}/search.html?q=dropout")
    expect(page.get_by_role("link", name=re.compile("Go deeper")).last).to_be_visible()
    page.keyboard.press("Control+k")
    for field in page.locator("form.bd-search:visible").all():
        icon = field.locator(".fa-magnifying-glass").bounding_box()
        assert icon["x"] + icon["width"] <= field.locator("input").bounding_box()["x"]
    page.goto(f"{address}/04_deep_cnn.html")  # not from the results
    page.wait_for_timeout(200)
    expect(page.locator(".highlighted, .highlight-link")).to_have_count(0)
    page.goto(f"{address}/search.html?q=dropout")
    page.get_by_role("link", name=re.compile("Go deeper")).last.click()
    expect(page.locator(".highlighted").first).to_be_attached()
    expect(page.locator(".highlight-link")).to_be_hidden()


def test_widgets_are_dark_in_the_dark(address, page):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/01_preprocessing.html")
    page.evaluate(THROUGH)
    root = page.locator(".live .mnist-widget")
    style = root.evaluate("part => [getComputedStyle(part).colorScheme, getComputedStyle(part).color]")
    assert style[0] == "dark" and min(int(part) for part in style[1][4:-1].split(",")) > 150
    assert root.locator("xpath=ancestor-or-self::*").evaluate_all(
        "parts => parts.every(part => getComputedStyle(part).backgroundColor !== 'rgb(255, 255, 255)')"
    )


@pytest.mark.parametrize("source", [BROWSER, CONVOLUTION, DROPOUT], ids=["browser", "convolution", "dropout"])
def test_widgets_are_readable_in_the_dark_theme_of_jupyterlab(open_cell, source):
    page = open_cell(source)
    change_theme(page, "JupyterLab Dark")
    try:
        scheme = page.locator(".mnist-widget").evaluate("part => getComputedStyle(part).colorScheme")
        found = Axe().run(page, context=".mnist-widget", options=AXE["dark"]).response["violations"]
        assert scheme == "dark" and found == []
        boxes = page.locator(".mnist-widget [type=checkbox]:not(:checked)")
        empty = boxes.evaluate_all("all => all.map(box => getComputedStyle(box).backgroundColor)")
        assert set(empty) <= {"rgba(0, 0, 0, 0)"} and bool(empty) == (source == CONVOLUTION)
    finally:
        change_theme(page, "JupyterLab Light")


def change_theme(page, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    # JupyterLab removes its splash 200 ms later, and throws if a second change has removed it already.
    expect(page.locator("#jupyterlab-splash")).not_to_be_attached()


def test_nothing_covers_controls_on_a_phone(address, page):
    page.set_viewport_size(PHONE)
    page.goto(f"{address}/06_draw_your_own.html")
    page.evaluate("scrollTo(0, 9000)")
    page.evaluate("scrollTo(0, 8000)")  # "Back to top" comes when one scrolls up
    expect(page.locator("#pst-back-to-top")).to_be_hidden()
