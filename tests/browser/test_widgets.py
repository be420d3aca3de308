"""All widgets but the pad in JupyterLab: by mouse, keyboard and code, twice in a notebook, on a phone.

The digit browser, the training replay and the mistake gallery on their pages, too.
"""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from browser.conftest import run_all
from browser.state import STICKING_OUT, expect_state, make_narrow, state
from browser.test_site import AXE
from mnist_helpers import load_mnist, load_results, load_run, load_splits
from mnist_helpers.widgets import DigitBrowser, MistakeGallery, TrainingReplay
from tools.course import NETWORKS

CONVOLUTION = """\
from mnist_helpers.widgets import ConvolutionExplorer
widget = ConvolutionExplorer(load_splits("channels")[0][0][15], row=13, column=15)
widget
"""
MAPS = """\
from mnist_helpers.widgets import FeatureMaps
_, (x_val, y_val), _ = load_splits("channels")
models = {"CNN": load_run("cnn")[0], "Deep CNN": load_run("deep_cnn")[0]}
widget = FeatureMaps(models, x_val[:200], y_val[:200].argmax(axis=1))
widget
"""
DROPOUT = """\
from mnist_helpers.widgets import DropoutExplorer
widget = DropoutExplorer(np.arange(1, 11), rate=0.5, seed=3)
widget
"""
BROWSER = """\
from mnist_helpers.widgets import DigitBrowser
widget = DigitBrowser(*load_mnist()[0])
widget
"""
REPLAY = """\
from mnist_helpers import load_results
from mnist_helpers.widgets import TrainingReplay
widget = TrainingReplay({"CNN": load_results("cnn")["history"], "MLP": load_results("mlp")["history"]})
widget
"""
GALLERY = """\
from mnist_helpers.widgets import MistakeGallery
(images, true), _ = load_mnist()
images, true = images[:15000] / 255, true[:15000]
scores = np.exp(2 * np.random.default_rng(5).normal(size=(3, 15000, 10)) + 6 * one_hot(true))
networks = dict(zip(("MLP", "CNN", "Deep CNN"), scores / scores.sum(axis=2, keepdims=True)))
widget = MistakeGallery(images, true, networks)
widget
"""
# The ink in a canvas
INK = """canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]
    .filter((_, i) => i % 4 === 0).map(gray => 255 - gray)"""


def said(page: Page) -> Locator:
    return page.locator(".mnist-widget [role=status]")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def expect_place(page: Page, row: int, column: int) -> None:
    expect(said(page)).to_contain_text(f"Row {row}, column {column},")
    expect_state(page, "[widget.row, widget.column]", [row, column])


def filled(page: Page) -> int:
    label = page.get_by_role("img", name="feature map").get_attribute("aria-label")
    return int(label.split(", ")[-1].split()[0])


def wait_for_place(page: Page, place: int) -> None:
    at_least = "place => document.querySelector('.convolution-explorer [type=range]').value >= place"
    page.wait_for_function(at_least, arg=place)


def test_window_is_stepped_by_key_button_slider_and_mouse(open_cell):
    page = open_cell(CONVOLUTION)
    expect_place(page, 13, 15)
    products = page.get_by_role("group", name="the nine products").locator("span")
    shown = [
        f"{product:.2f}".replace("-", "−") for product in state(page, "widget.products.ravel().tolist()")
    ]
    expect(products).to_have_text(shown)
    assert filled(page) == 13 * 26 + 15 + 1
    digit = page.locator(".convolution-explorer .digit")
    digit.focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft")
    expect_place(page, 14, 14)
    expect(digit).to_be_focused()  # JupyterLab has not taken the keys to move from cell to cell
    page.get_by_role("button", name="Next").press("Enter")
    expect_place(page, 14, 15)
    page.get_by_role("button", name="Last").click()
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
    page = open_cell(CONVOLUTION)
    before = filled(page)
    page.get_by_role("button", name="Play").click()
    wait_for_place(page, before + 4)
    page.get_by_role("button", name="Pause").click()
    expect_state(page, "widget.row * 26 + widget.column + 1", filled(page))

    page.get_by_role("button", name="Play").click()
    state(page, "globals().update(first=widget)")
    run_all(page)
    expect(page.get_by_role("button", name="Play")).to_have_count(1)
    page.get_by_role("button", name="Play").click()  # a clock of the same pace
    wait_for_place(page, before + 2)
    reached = state(page, "[first.row, first.column]")
    wait_for_place(page, before + 6)
    assert state(page, "[first.row, first.column]") == reached


def test_kernel_and_switches_by_hand_and_from_python(open_cell):
    page = open_cell(CONVOLUTION)
    preset = page.get_by_role("combobox", name="kernel")
    preset.select_option("blur")
    weight = page.get_by_label("weight in row 0, column 2")
    expect(weight).to_have_value("0.111")
    weight.fill("-2.5")
    expect(preset).to_have_value("your own")
    expect_state(page, "widget.kernel", [1 / 9, 1 / 9, -2.5, *[1 / 9] * 6])
    for wrong in ("", "100"):
        weight.fill(wrong)
        expect(weight).to_have_attribute("aria-invalid", "true")
        expect(said(page)).to_contain_text("the weight in row 0, column 2 stays -2.5")
    weight.blur()
    expect(weight).to_have_value("-2.5")
    expect(weight).to_have_attribute("aria-invalid", "false")

    state(page, "setattr(widget, 'kernel', [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])")
    expect(preset).to_have_value("sharpen")
    state(page, "[setattr(widget, 'row', 3), setattr(widget, 'relu', True)]")
    expect(page.get_by_role("checkbox", name="ReLU")).to_be_checked()
    pooled = page.get_by_role("img", name="after pooling, 13×13", include_hidden=True)
    expect(pooled).to_be_hidden()
    page.get_by_label("2×2 max pooling").press("Space")
    page.get_by_label("whole map at once").check()
    expect(pooled).to_be_visible()
    assert filled(page) == 676
    expect_state(page, "[widget.relu, widget.pool, widget.whole]", [True] * 3)
    largest = state(page, "widget.feature_map[1, 7]")
    expect(said(page)).to_contain_text(f"the largest in its square is {largest:.2f}")


def test_feature_maps_by_keyboard_and_from_python(open_cell):
    page = open_cell(MAPS)
    page.get_by_role("button", name="convolution 2").press("Enter")
    expect(said(page).first).to_contain_text("Convolution 2: 32 channels of 11×11")
    for name, times in (("channel", 3), ("digit", 7), ("number", 12)):
        page.get_by_role("slider", name=name).focus()
        press(page, *["ArrowRight"] * times)
    expect(said(page).first).to_contain_text("CNN: a 7, read as 7.")
    page.get_by_role("button", name="Deep CNN").click()
    chosen = "[widget.network, widget.digit, widget.number, widget.layer, widget.channel]"
    expect_state(page, chosen, ["Deep CNN", 7, 12, "convolution 2", 3])
    assert state(page, "repr(widget)") == f"FeatureMaps: number 12. {said(page).first.text_content()}"

    heights = set()
    for layer in state(page, "list(widget._allowed('layer'))"):
        state(page, f"setattr(widget, 'layer', '{layer}')")
        expect(page.get_by_role("img", name=f"The channels of {layer}; ")).to_be_visible()
        heights.add(page.locator(".feature-maps").bounding_box()["height"])
    assert len(heights) == 1  # nothing jumps from layer to layer
    expect(page.get_by_role("button", name="dense 2")).to_have_attribute("aria-pressed", "true")
    state(page, "setattr(widget, 'channel', 9)")
    expect(page.get_by_role("slider", name="channel")).to_have_value("9")
    page.get_by_role("slider", name="channel").press("ArrowRight")
    expect(said(page).first).to_contain_text("Channel 9:")


def test_dropout_by_keyboard_and_from_python(open_cell):
    page = open_cell(DROPOUT)
    seed = page.get_by_label("seed")

    def expect_what_python_has() -> None:
        expect_state(page, "widget._summary()", said(page).inner_text())  # a change may be on its way
        expect(page.locator("svg text")).to_have_count(state(page, "int((~widget.survives).sum())"))
        bars = page.locator("svg .after").evaluate_all("bars => bars.map(bar => +bar.getAttribute('height'))")
        after = np.array(state(page, "widget.after.tolist()"))
        np.testing.assert_allclose(bars, after * 15 * (1 - state(page, "widget.rate")))
        for row, name in zip(page.get_by_role("row").all(), ("signal", "after", "average"), strict=True):
            expect(row).to_contain_text(f"{state(page, f'float(widget.{name}.sum())'):.2f}")

    page.get_by_role("slider", name="rate").press("ArrowRight")
    expect_state(page, "round(widget.rate, 9)", 0.55)
    page.get_by_role("button", name="Draw again").press("Enter")
    expect(seed).to_have_value("4")
    seed.press("ArrowUp")
    expect_state(page, "widget.seed", 5)
    expect_what_python_has()
    seed.fill("")
    seed.blur()
    expect(seed).to_have_value("5")
    state(page, "[setattr(widget, 'seed', 8), setattr(widget, 'rate', 0.2)]")
    expect(seed).to_have_value("8")
    expect(page.get_by_role("slider", name="rate")).to_have_value("0.2")
    expect_what_python_has()
    seed.fill("10000")
    expect(seed).to_have_value("9999")
    page.get_by_role("button", name="Draw again").click()
    expect(seed).to_have_value("0")
    page.get_by_role("button", name="inference").press("Enter")
    expect(said(page)).to_have_text("Inference: nothing is dropped, nothing is rescaled.")
    expect_what_python_has()


def test_find_a_digit_and_read_its_pixels(open_cell):
    (images, labels), _ = load_mnist()
    five = images[labels == 5][0]
    page = open_cell(BROWSER)
    about, reading = said(page).first, said(page).last
    expect(about).to_contain_text("digit 5, image 0 of 0 to 5420 (position 0); 166 of 784 pixels have ink")
    expect(reading).to_have_text(f"row 7, column 8: {five[7, 8]}, scaled {five[7, 8] / 255:.3f}")
    counts = ", ".join(map(str, state(page, "widget.histogram.tolist()")))
    for title, last in (("as it came", 255), ("divided by 255", 1)):
        label = f"{title}. Pixels with ink, from 0 to {last}: {counts}."
        expect(page.get_by_role("img", name=label)).to_be_visible()

    page.get_by_role("gridcell", name="row 10, column 12:").hover()
    expect(page.get_by_text(f"row 10, column 12: {five[10, 12]}", exact=True)).to_be_visible()
    page.get_by_role("gridcell", name="row 24, column 5:").click()
    expect_state(page, "[widget.row, widget.column]", [24, 5])
    shown = page.locator(".digit-browser td:not(:empty)").all_inner_texts()
    assert [int(text) for text in shown] == five[21:28, 2:9].ravel().tolist()
    expect(page.locator(".digit-browser td.selected")).to_have_text(str(five[24, 5]))
    press(page, "ArrowRight", *["ArrowDown"] * 4, "ArrowUp", "ArrowLeft")  # along an edge too
    expect(page.get_by_role("gridcell", name="row 26, column 5:")).to_be_focused()
    expect(page.locator(".cell-grid [aria-selected=true]")).to_have_accessible_name("row 26, column 5: 0")
    press(page, "Tab", "Home", "Tab", "ArrowRight")  # on to the sliders
    expect(reading).to_have_text("row 0, column 6: 0, scaled 0.000")

    number = page.get_by_role("spinbutton", name="image")
    number.fill("3")
    expect(about).to_contain_text("digit 5, image 3 of 0 to 5420")
    number.fill("99999")
    expect(about).to_contain_text("digit 5, image 5420 of 0 to 5420")
    page.get_by_role("combobox", name="digit").select_option("8")
    expect(about).to_contain_text("digit 8, image 0 of 0 to 5850")
    expect_state(page, "[widget.digit, widget.number]", [8, 0])
    state(page, "widget.set_trait('number', 7)")
    expect(about).to_contain_text("digit 8, image 7 of 0 to 5850")
    expect(number).to_have_value("7")


def expect_pictures(page: Page) -> None:
    """The page shows the images in the state, in the same order, with what each network read."""
    pictures = page.get_by_role("figure")
    expect(pictures).not_to_have_count(0)
    seen = [text.replace("\u00a0%", " %").split("\n") for text in pictures.all_inner_texts()]
    title = "f'image {widget._positions[i]}, digit {widget._true[i]}'"
    expect_state(page, f"[[{title}, *widget._said(i)] for i in widget._shown]", seen)
    drawn = pictures.last.get_by_role("img", name=seen[-1][0]).evaluate(INK)
    pixels = "widget._images[widget._shown[-1]].ravel()"
    assert drawn == state(page, f"np.rint(255 * {pixels}).astype(int).tolist()")


def test_choose_mistakes_by_mouse_and_keyboard(open_cell):
    page = open_cell(GALLERY)
    about, selected = said(page), page.locator(".cell-grid [aria-selected=true]")
    lists = {name: page.get_by_role("combobox", name=name) for name in ("network", "true digit", "read as")}
    following, previous = (page.get_by_role("button", name=f"{which} page") for which in ("Next", "Previous"))
    expect(previous).to_be_disabled()
    expect_pictures(page)

    lists["network"].select_option("CNN")
    expect(about).to_contain_text("CNN:")
    count = state(page, "int(widget.confusion[8, 2])")
    page.get_by_role("gridcell", name=f"8 read as 2: {count}").click()
    pages = -(-count // 12)
    expect(about).to_have_text(f"CNN: {count} images of 8 misread as 2, surest first; page 1 of {pages}")
    expect_pictures(page)
    press(page, *["ArrowRight"] * 6)  # on to the diagonal
    expect(about).to_contain_text("of 8 read correctly, misread by another network, surest first; page")
    expect(selected).to_have_accessible_name(f"8 read as 8: {state(page, 'int(widget.confusion[8, 8])')}")
    lists["read as"].select_option("any")
    expect(selected).to_have_count(0)
    lists["true digit"].focus()
    press(page, "3", *["ArrowDown"] * 4, "Tab")  # elsewhere, these are JupyterLab's shortcuts
    expect(about).to_contain_text("images of 7 misread, surest first; page 1 of")
    expect(lists["read as"]).to_be_focused()

    following.press("Enter")
    expect(about).to_contain_text("page 2 of")
    page.get_by_role("combobox", name="order").select_option("least sure first")
    expect(about).to_contain_text("images of 7 misread, least sure first; page 1 of")
    expect_pictures(page)
    following.press("Enter")
    expect(about).to_contain_text("page 2 of")
    expect(previous).to_be_enabled()
    expect_pictures(page)
    page.get_by_role("slider", name="at least this sure").press("End")
    expect(about).to_contain_text("CNN: 0 images of 7 misread, at least 100 % sure, least sure first; page 1")
    expect(page.get_by_role("figure")).to_have_count(0)
    expect(following).to_be_disabled()
    press(page, *["ArrowLeft"] * 10)
    expect(about).to_contain_text("at least 90 % sure")
    expect_state(page, "round(widget.confidence, 9)", 0.9)
    count = state(page, "int(widget.confusion[7, 7])")
    expect(page.get_by_role("gridcell", name=f"7 read as 7: {count}")).to_be_visible()
    state(page, "widget.set_trait('true_digit', None)")
    expect(about).to_contain_text("images misread, at least 90 % sure")
    expect(lists["true digit"]).to_have_value("any")


def test_training_is_replayed_by_button_key_and_code(open_cell):
    page = open_cell(REPLAY)
    epoch, play = page.get_by_role("slider", name="epoch"), page.get_by_role("button", name="Play")
    expect(said(page)).to_contain_text("CNN, epoch 1 of 30. Training loss 0.5865.")
    play.press("Enter")
    expect(said(page)).to_contain_text(re.compile(r"Playing: epoch ([4-9]|1\d) of 30"))
    expect(said(page)).to_have_attribute("aria-live", "off")
    page.get_by_role("button", name="Pause").press("Space")
    expect(play).to_be_focused()
    expect(said(page)).to_contain_text(f"CNN, epoch {epoch.input_value()} of 30. Training loss")
    expect_state(page, "widget.epoch", int(epoch.input_value()))
    epoch.focus()
    press(page, "End", "ArrowLeft")
    expect_state(page, "widget.epoch", 29)
    expect(said(page)).to_have_text(state(page, "repr(widget)").removeprefix("TrainingReplay: "))
    play.click()  # the last epoch ends it
    expect(said(page)).to_contain_text("CNN, epoch 30 of 30.")
    expect(said(page)).to_have_attribute("aria-live", "polite")
    page.get_by_role("button", name="enlarged").press("Enter")
    expect_state(page, "widget.enlarged", True)
    state(page, "widget.set_trait('epoch', 22)")
    expect(said(page)).to_contain_text(
        "epoch 22 of 30. Training loss 0.0159. Validation loss 0.0585, the lowest"
    )
    expect(epoch).to_have_value("22")
    play.click()
    expect(said(page)).to_contain_text("Playing: epoch 2")
    state(page, "widget.close()")
    expect(page.locator(".mnist-widget")).to_have_count(0)


@pytest.mark.parametrize(
    ("source", "change"),
    [
        (CONVOLUTION, "column=9, relu=True"),
        (MAPS, "layer='dense 1', digit=4"),
        (DROPOUT, "rate=0.1, seed=8"),
        (BROWSER, "digit=8, row=3"),
        (REPLAY, "epoch=9, enlarged=True"),
        (GALLERY, "network='CNN', true_digit=4"),
    ],
)
def test_two_views_agree_and_fit_a_phone(open_cell, source, change):
    page = open_cell(f"{source}\ndisplay(widget)\nwidget")
    views = page.locator(".mnist-widget")
    first, last = (view.get_by_role("status").first for view in (views.first, views.last))
    before = first.text_content()
    state(page, f"[widget.set_trait(*item) for item in dict({change}).items()]")
    expect(first).not_to_have_text(before)
    expect(last).to_have_text(first.text_content())
    slider = page.get_by_role("slider")
    slider.first.press("ArrowRight")
    expect(slider.nth(slider.count() // 2)).to_have_value(slider.first.input_value())
    both = [first.element_handle(), last.element_handle()]  # a digit may have to come first
    page.wait_for_function("([one, other]) => one.textContent === other.textContent", arg=both)
    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
    # Numbers that do not fit in their cells
    too_wide = page.get_by_role("gridcell").evaluate_all(
        "cells => cells.filter(c => c.scrollWidth > c.clientWidth)"
    )
    assert too_wide == []


# On a page without a kernel


def open_view(page: Page, url: str, name: str) -> Locator:
    page.goto(url)
    place = page.locator(f"[data-live$='/{name}']")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-state", "ready")
    return page.locator(f".{name.replace('_', '-')}")


def expect_accessible_on_any_screen(page: Page, view: Locator) -> None:
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert view.evaluate(STICKING_OUT) == []
        for scheme, rules in AXE.items():
            page.emulate_media(color_scheme=scheme)
            page.evaluate("Promise.allSettled(document.getAnimations().map(change => change.finished))")
            found = Axe().run(page, context=".live", options=rules).response["violations"]
            assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_page_has_digits_to_browse_and_loads_those_that_are_asked_for(page, address, built, where):
    folder = address if where == "served" else (built / "site").as_uri()
    loaded = []
    page.on("request", lambda request: loaded.extend(re.findall(r"digit_browser/(.*)\.js", request.url)))
    view = open_view(page, f"{folder}/01_preprocessing.html", "digit_browser")
    about, reading = view.get_by_role("status").first, view.get_by_role("status").last
    browser = DigitBrowser(*(part[:50_000] for part in load_mnist()[0]))

    def expect_shown(digit: int, number: int) -> None:
        browser.digit, browser.number = digit, number
        said = repr(browser).split(": ", 1)[1].replace(f"of 0 to {browser._last} ", "of 0 to 299 ")
        expect(about).to_have_text(said.rsplit("; ", 1)[0])
        expect(reading).to_have_text(said.rsplit("; ", 1)[1])
        label = f"as it came. Pixels with ink, from 0 to 255: {', '.join(map(str, browser.histogram))}."
        expect(view.get_by_role("img", name=label)).to_be_visible()
        expect(view).to_have_attribute("aria-busy", "false")

    expect_shown(5, 0)
    number = view.get_by_role("spinbutton", name="image")
    number.focus()
    page.keyboard.press("ArrowUp")
    expect_shown(5, 1)
    assert loaded == ["5-0"]
    number.fill("150")
    expect_shown(5, 150)
    number.fill("99999")
    expect_shown(5, 299)
    view.get_by_role("combobox", name="digit").select_option("8")
    expect_shown(8, 0)
    assert loaded == ["5-0", "5-1", "5-2", "8-0"]
    view.get_by_role("gridcell", name="row 10, column 12:").click()
    page.keyboard.press("ArrowDown")
    browser.row, browser.column = 11, 12
    expect_shown(8, 0)

    expect_accessible_on_any_screen(page, view)


def test_page_says_which_digits_cannot_be_loaded_and_asks_again(page, address):
    view = open_view(page, f"{address}/01_preprocessing.html", "digit_browser")
    about, number = view.get_by_role("status").first, view.get_by_role("spinbutton", name="image")
    expect(about).to_contain_text("digit 5, image 0")
    page.route("**/5-1.js", lambda route: route.abort())
    number.fill("100")
    expect(about).to_have_text("These digits cannot be loaded.")
    expect(view).to_have_attribute("aria-busy", "false")
    page.console_errors.clear()
    page.unroute("**/5-1.js")
    number.fill("101")
    expect(about).to_contain_text("digit 5, image 101 of 0 to 299")


# How far each curve and the dot come, in the two charts
DRAWN = """charts => charts.map(chart => [
    ...[...chart.querySelectorAll(".curve")].reverse().map(curve => curve.getAttribute("d"))
        .map(path => path ? path.split("L").length : 0),
    Math.round(chart.querySelector(".mark").getAttribute("cx")),
    chart.querySelector(".mark").style.visibility,
])"""


@pytest.mark.parametrize("where", ["served", "from disk"])
@pytest.mark.parametrize(
    ("lesson", "networks"), [("02_mlp", ["mlp"]), ("03_cnn", ["cnn", "mlp"]), ("04_deep_cnn", ["deep_cnn"])]
)
def test_page_replays_the_training_on_record(page, address, built, lesson, networks, where):
    folder = address if where == "served" else (built / "site").as_uri()
    view = open_view(page, f"{folder}/{lesson}.html", "training_replay")
    replay = TrainingReplay({NETWORKS[name]["name"]: load_results(name)["history"] for name in networks})
    about, epoch = view.get_by_role("status"), view.get_by_role("slider", name="epoch")

    def expect_epoch(number: int) -> None:
        replay.epoch = number
        expect(about).to_have_text(repr(replay).removeprefix("TrainingReplay: "))
        expect(epoch).to_have_value(str(number))
        cells = view.locator(".measured td").filter(has_text=re.compile(r"\d"))
        kinds = [("", 0), *(("val_", i) for i in range(len(networks)))]
        curves = [replay.histories[i][kind + key] for kind, i in kinds for key in ("loss", "accuracy")]
        expect(cells).to_have_text([f"{curve[number - 1]:.4f}" for curve in curves])
        drawn = view.locator(".chart").evaluate_all(DRAWN)
        for (*lengths, mark, visible), key, best in zip(
            drawn, ("loss", "accuracy"), (np.argmin, np.argmax), strict=True
        ):
            shown = [number] * (1 + len(networks))
            assert lengths == [*shown, *[0] * (3 - len(shown))]
            found = best(replay.histories[0][f"val_{key}"][:number]) + 1
            assert (mark, visible) == (10 * found, "visible")

    expect_epoch(1)
    view.get_by_role("button", name="Play").press("Enter")
    expect(view.get_by_role("button", name="Pause")).to_be_focused()
    expect(about).to_contain_text("Playing: epoch 4 of 30.")
    page.keyboard.press("Enter")
    expect(about).to_contain_text("Training loss")
    expect_epoch(int(epoch.input_value()))
    box = epoch.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 14 <= int(epoch.input_value()) <= 17
    expect_epoch(int(epoch.input_value()))
    epoch.focus()
    page.keyboard.press("End")
    expect_epoch(30)
    view.get_by_role("button", name="enlarged").click()
    assert [lengths[:3] for lengths in view.locator(".chart").evaluate_all(DRAWN)] == [[0, 16, 0]] * 2
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect_epoch(30)
    view.get_by_role("button", name="Play").click()  # from the first epoch again
    expect(about).to_contain_text("Playing: epoch 1 of 30.")
    view.get_by_role("button", name="Pause").click()
    expect_accessible_on_any_screen(page, view)


def test_replay_goes_slowly_for_those_who_want_little_motion(page, address):
    page.emulate_media(reduced_motion="reduce")
    page.clock.install()
    view = open_view(page, f"{address}/02_mlp.html", "training_replay")
    epoch = view.get_by_role("slider", name="epoch")
    view.get_by_role("button", name="Play").click()
    page.clock.run_for(900)
    expect(epoch).to_have_value("1")
    page.clock.run_for(3200)
    expect(epoch).to_have_value("5")


@pytest.fixture(scope="module")
def gallery() -> MistakeGallery:
    """The gallery of notebook 05."""
    _, _, (images, labels) = load_splits("channels")
    probabilities = {}
    for run, network in NETWORKS.items():
        model, _ = load_run(run)
        inputs = images.reshape(-1, *model.input_shape[1:])
        probabilities[network["name"]] = model.predict(inputs, batch_size=500, verbose=0)
    return MistakeGallery(images, labels.argmax(axis=1), probabilities)


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_page_has_all_mistakes_of_all_networks(page, address, built, gallery, where):
    folder = address if where == "served" else (built / "site").as_uri()
    view = open_view(page, f"{folder}/05_evaluation.html", "mistake_gallery")
    about = view.get_by_role("status")
    gallery.set_state({"true_digit": None, "predicted_digit": None, "confidence": 0, "order": "surest first"})

    def expect_shown(**choices: object) -> None:
        gallery.set_state(choices)
        expect(about).to_have_text(repr(gallery).removeprefix("MistakeGallery: "))
        pictures = view.get_by_role("figure")
        expect(pictures).to_have_count(len(gallery._shown))
        for i, picture in zip(gallery._shown, pictures.all(), strict=True):
            title = f"image {gallery._positions[i]}, digit {gallery._true[i]}"
            words = [title, *gallery._said(i)]
            assert picture.inner_text() == "\n".join(words).replace(" %", "\u00a0%")
            drawn = picture.get_by_role("img", name=title).evaluate(INK)
            assert drawn == np.rint(255 * gallery._images[i]).astype(int).ravel().tolist()

    for network in gallery.networks:
        view.get_by_role("combobox", name="network").select_option(network)
        expect_shown(network=network, page=0)
        for turned in range(1, gallery.pages):
            view.get_by_role("button", name="Next page").press("Enter")
            expect(about).to_contain_text(f"page {turned + 1} of")
        expect_shown(page=gallery.pages - 1)
        expect(view.get_by_role("button", name="Next page")).to_be_disabled()
    count = int(gallery.confusion[4, 9])
    view.get_by_role("gridcell", name=f"4 read as 9: {count}").click()
    expect_shown(true_digit=4, predicted_digit=9)
    press(page, *["ArrowLeft"] * 5)
    expect_shown(predicted_digit=4)
    assert len(gallery.selection)
    view.get_by_role("combobox", name="read as").select_option("any")
    view.get_by_role("combobox", name="true digit").select_option("any")
    view.get_by_role("slider", name="at least this sure").focus()
    press(page, "End", *["ArrowLeft"] * 10)
    expect_shown(true_digit=None, predicted_digit=None, confidence=0.9)
    assert len(gallery.selection)
    view.get_by_role("combobox", name="order").select_option("least sure first")
    expect_shown(order="least sure first")
    expect_accessible_on_any_screen(page, view)
