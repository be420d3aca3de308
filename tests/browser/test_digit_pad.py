"""The digit pad, used as a person would: on the page of notebook 06, and in JupyterLab."""

from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import expect_no_complaints, watch
from browser.state import STICKING_OUT, expect_state, make_narrow, state
from mnist_helpers import draw_strokes, load_mnist, load_run, prepare
from mnist_helpers.widgets import DigitPad

NAMES = {"MLP": "mlp", "CNN": "cnn", "Deep CNN": "deep_cnn"}
LESSON = "06_draw_your_own.html"
SOURCE = """\
from mnist_helpers.widgets import DigitPad
pad = DigitPad({"MLP": load_run("mlp")[0], "Ten minutes": load_run("ten_minutes")[0]})
pad
"""
ONE = [[(150, 40), (140, 150), (132, 240)]]
SEVEN = [[(60, 60), (210, 60), (150, 150), (110, 240)]]
# The ink in a canvas once the next frame is painted, from the red of each pixel
INK = """async canvas => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, i) => 1 - data[4 * i] / 255);
}"""
FILLED = "bars => bars.map(bar => bar.firstChild.getBoundingClientRect().width / bar.clientWidth)"


@pytest.fixture(scope="module")
def networks() -> dict:
    """The networks as a page without a kernel has them, with a scale for each channel of an array."""

    def rounded(values: np.ndarray) -> np.ndarray:
        steps = np.abs(values).max(axis=tuple(range(values.ndim - 1))) / 127
        return steps * np.rint(values / np.where(steps == 0, 1, steps))

    models = {name: load_run(run)[0] for name, run in NAMES.items()}
    for model in models.values():
        model.set_weights([rounded(values) for values in model.get_weights()])
    return models


@pytest.fixture
def pad(networks) -> DigitPad:
    """What the page shows at first; tests set its traits and compare."""
    return DigitPad(networks)


def open_view(page: Page, url: str) -> Locator:
    page.goto(url)
    place = page.locator("[data-live]")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-state", "ready")
    expect_reading(page.locator(".digit-pad"), 2, 2, 2)
    return page.locator(".digit-pad")


@pytest.fixture
def view(page, address) -> Locator:
    return open_view(page, f"{address}/{LESSON}")


def draw(view: Locator, strokes: list, steps: int = 8) -> None:
    sheet, mouse = view.locator(".sheet"), view.page.mouse
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()

    def place(point):
        return [box[side] + value / 280 * box["width"] for side, value in zip("xy", point, strict=True)]

    for stroke in strokes:
        mouse.move(*place(stroke[0]))
        mouse.down()
        for point in stroke[1:]:
            mouse.move(*place(point), steps=steps)
        mouse.up()


def note_bytes(page: Page) -> dict[str, int]:
    """The bytes of each response, as they will have come over the wire."""
    sent = {}
    finished = lambda request: sent.update({request.url: request.sizes()["responseBodySize"]})  # noqa: E731
    page.on("requestfinished", finished)
    return sent


def expect_reading(view: Locator, *digits: int) -> None:
    """Both the table's headers and the text below the pad give each network's digit."""
    for i, digit in enumerate(digits):
        expect(view.locator("thead th").nth(i + 1)).to_contain_text(f"reads {digit}")
        expect(view.locator(".says")).to_contain_text(f"reads {digit} (")


def ink(view: Locator, canvas: str = "The input of the networks") -> np.ndarray:
    part = view.locator(".sheet") if canvas == "sheet" else view.get_by_role("img", name=canvas)
    values = np.array(part.evaluate(INK))
    return values.reshape(int(len(values) ** 0.5), -1)


def assert_shows(view: Locator, pad: DigitPad) -> None:
    """The view has the input that Python computes, and its probabilities as numbers and as bars."""
    assert np.abs(ink(view) - pad.input).max() < 0.003
    expected = np.stack(list(pad.probabilities.values()), axis=1)
    texts = [text.strip("<> %") for text in view.locator("tbody td").all_text_contents()]
    assert np.abs(np.reshape(texts, (10, -1)).astype(float) / 100 - expected).max() <= 0.00101
    filled = view.locator(".bar").evaluate_all(FILLED)
    assert np.abs(np.reshape(filled, (10, -1)) - expected).max() < 0.02
    for i, digit in enumerate(pad.digits.values()):
        expect(view.locator("tbody tr").nth(digit).locator("td").nth(i)).to_have_class("top")


# On a page without a kernel


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_one_is_drawn_and_read(page, address, built, pad, where):
    folder = address if where == "served" else (built / "site").as_uri()
    view = open_view(page, f"{folder}/{LESSON}")
    expect(view.get_by_text("An example. Your first stroke replaces it.")).to_be_visible()
    assert view.locator("thead th").all_inner_texts()[1:] == [f"{name}\nreads 2" for name in NAMES]
    assert_shows(view, pad)
    assert np.abs(ink(view, "The drawing in 28×28") - pad.input).max() < 0.003
    assert ink(view, "The drawing as pixels").shape == (20, 20)
    assert ink(view, "The drawing, cropped").shape == (116, 116)
    for words in ("the ink's 88×116 cells", "fitted: 16×20 pixels"):
        expect(view.get_by_text(words)).to_be_visible()
    draw(view, ONE)
    expect_reading(view, 1, 1, 1)
    assert np.abs(ink(view) - prepare(draw_strokes(ONE, 24))).max() < 0.2


def test_pad_reads_with_the_smallest_network_first_and_is_ready_before_it_comes_into_view(page, address):
    sent = note_bytes(page)
    page.goto(f"{address}/{LESSON}", wait_until="networkidle")
    (smallest,) = [size for url, size in sent.items() if "/live/data/" in url]
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/live/data/*.js", lambda route: None)  # the other two take their time
    place = page.locator("[data-live]")
    place.scroll_into_view_if_needed()
    expect(place.locator(".says")).to_have_text(
        "MLP is being loaded, CNN reads 2 (>99.9 %), Deep CNN is being loaded."
    )
    assert len([url for url in asked if "/live/" in url]) == 2
    assert sum(sent.values()) <= 1_200_000  # until the first digit is read
    page.unroute("**/live/data/*.js")
    page.reload(wait_until="networkidle")
    place.scroll_into_view_if_needed()
    expect_reading(place.locator(".digit-pad"), 2, 2, 2)
    networks = [size for url, size in sent.items() if "/live/data/" in url]
    assert len(networks) == 3 and smallest == min(networks)


def test_steps_and_sliders_change_the_input(view, pad):
    for step, label in {"crop": "crop", "fit": "fit into 20×20", "center": "center by mass"}.items():
        view.get_by_role("checkbox", name=label).uncheck()
        setattr(pad, step, False)
        assert_shows(view, pad)
    assert max(np.ravel(list(pad.probabilities.values()))) < 0.999  # undecided, so there was something to see
    for slider, key in (("rotation", "ArrowRight"), ("size", "ArrowLeft"), ("shift right", "ArrowLeft")):
        view.get_by_label(slider).press(key)
    view.get_by_label("noise", exact=True).press("End")
    view.get_by_label("noise seed").press("ArrowRight")
    expect(view.get_by_label("shift right")).to_have_attribute("aria-valuetext", "−1 px")
    pad.rotation, pad.size, pad.right, pad.noise, pad.seed = 5, 0.95, -1, 1, 1
    assert_shows(view, pad)
    view.get_by_role("button", name="Reset the sliders").click()
    pad.rotation, pad.size, pad.right, pad.noise, pad.seed = 0, 1, 0, 0, 0
    assert_shows(view, pad)
    expect(view.get_by_label("shift right")).to_have_attribute("aria-valuetext", "0 px")


def test_pen_width_eraser_undo_and_clear(view):
    amounts = [ink(view, "sheet").sum()]
    undo = view.get_by_role("button", name="Undo")

    def change() -> float:
        amounts.append(ink(view, "sheet").sum())
        return amounts[-1] - amounts[-2]

    draw(view, [[(40, 60), (240, 60)]])
    assert change() + amounts[0] == pytest.approx(200 * 24 + np.pi * 12**2, rel=0.03)  # the example is gone
    view.get_by_label("width of the pen").fill("12")
    draw(view, [[(40, 160), (240, 160)]])
    assert change() == pytest.approx(200 * 12 + np.pi * 6**2, rel=0.03)
    view.get_by_label("width of the pen").fill("50")
    view.get_by_label("eraser").check()
    draw(view, [[(140, 20), (140, 260)]])
    assert change() == pytest.approx(-50 * (24 + 12), rel=0.1)
    view.get_by_role("button", name="Clear").click()
    assert amounts[-1] + change() == pytest.approx(0)
    expect(view.locator(".says")).to_have_text("Nothing drawn yet.")
    assert {*view.locator("tbody td").all_inner_texts()} == {"–"}
    assert not any(view.locator(".bar").evaluate_all(FILLED))
    assert view.locator("td.top").count() == 0
    for expected in [*amounts[-2::-1], amounts[0]]:  # back to the example, step by step, and no further
        undo.click()
        assert ink(view, "sheet").sum() == pytest.approx(expected)
    expect(view.get_by_text("An example. Your first stroke replaces it.")).to_be_visible()

    view.get_by_label("eraser").uncheck()
    for i in range(22):
        draw(view, [[(30 + 10 * i, 100), (30 + 10 * i, 110)]], steps=1)
        if i == 1:
            before = ink(view, "sheet")
    for _ in range(25):  # it remembers 20
        undo.click()
    assert np.array_equal(ink(view, "sheet"), before)


def test_finger_draws_and_does_not_scroll_the_page(view):
    view.page.set_viewport_size({"width": 360, "height": 640})
    sheet = view.locator(".sheet")
    sheet.scroll_into_view_if_needed()
    expect(sheet).to_have_css("touch-action", "none")
    box, scrolled = sheet.bounding_box(), view.page.evaluate("scrollY")
    session = view.page.context.new_cdp_session(view.page)

    def touch(kind, *points):
        places = np.array(points) * box["width"] / 280 + [box["x"], box["y"]]
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places.tolist())]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    palm = (20, 250)
    touch("touchStart", SEVEN[0][0])
    touch("touchStart", SEVEN[0][0], palm)
    for start, end in pairwise(SEVEN[0]):
        for place in np.linspace(start, end, 10):
            touch("touchMove", place, palm)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_reading(view, 7, 7, 7)
    assert np.abs(ink(view) - prepare(draw_strokes(SEVEN, 24))).max() < 0.2
    assert view.page.evaluate("scrollY") == scrolled


def test_digit_is_picked_and_drawn_over(view):
    digits, labels = load_mnist()[1]
    number = view.get_by_label("number")
    number.fill("4")
    number.press("Enter")
    expect(view.get_by_text(f"Its label is {labels[4]}.")).to_be_visible()
    assert np.abs(ink(view) - digits[4] / 255).max() < 0.003
    draw(view, [[(20, 20), (260, 20)]])
    assert np.abs(ink(view) - digits[4] / 255).max() > 0.1
    for wrong in ("200", "-1", "", "1.5"):
        number.fill(wrong)
        view.get_by_role("button", name="Put on the pad").click()
        expect(view.get_by_text("Enter a number from 0 to 199.")).to_be_visible()
        assert np.abs(ink(view) - digits[4] / 255).max() > 0.1


def test_widget_that_cannot_be_loaded_says_so(page, address):
    page.route("**/views/digit_pad.js", lambda route: route.abort())
    page.goto(f"{address}/{LESSON}")
    place = page.locator("[data-live]")
    place.scroll_into_view_if_needed()
    expect(place).to_have_attribute("data-state", "failed")
    expect(place).to_contain_text("The widget could not be started (")
    page.console_errors.clear()


# On the front page


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=str)
def test_front_page_reads_a_digit_in_its_first_screen(page, address, size):
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    sent = note_bytes(page)
    page.goto(f"{address}/index.html")
    view = page.locator(".digit-pad")
    expect(view.locator(".large")).to_have_text("2")
    draw(view, SEVEN)
    expect(view.locator(".large")).to_have_text("7")
    expect(view.locator(".says")).to_contain_text("CNN reads 7 (")
    page.wait_for_load_state("networkidle")
    assert sum(sent.values()) <= 1_200_000
    (network,) = [url for url in sent if "/live/data/" in url]  # loaded once, though named in the page's head
    assert sent[network] <= 250_000
    assert page.evaluate("scrollY") == 0
    assert view.locator(".reads .bar").count() == 10
    view.get_by_role("button", name="Clear").click()
    expect(view.locator(".large")).to_have_text("–")
    expect(view.locator(".says")).to_have_text("Nothing drawn yet.")
    for part in (".sheet", ".large", ".reads .bar >> nth=9"):
        box = view.locator(part).bounding_box()
        assert 0 <= box["x"] < box["x"] + box["width"] <= width
        assert 0 <= box["y"] < box["y"] + box["height"] <= height
    assert view.locator(".sheet").bounding_box()["width"] >= 280


@pytest.mark.parametrize("name", ["Start with 01", "Train a network here", "For teachers"])
def test_doors_of_the_front_page_lead_somewhere(page, address, name):
    page.goto(f"{address}/index.html")
    page.locator(".doors").get_by_role("link", name=name).click()
    page.wait_for_function("location.hash || /[/](01_|teaching)/.test(location.pathname)")
    if anchor := page.evaluate("location.hash"):
        expect(page.locator(anchor).get_by_role("button", name="Train")).to_be_in_viewport()


@pytest.mark.parametrize("size", [(390, 844), (768, 1024), (1280, 720)], ids=str)
def test_answers_are_seen_while_a_slider_moves(page, address, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.goto(f"{address}/index.html")
    view = page.locator(".digit-pad")
    view.get_by_text("More: ").click()
    sliders = view.locator(".sliders")
    sliders.evaluate("sliders => sliders.scrollIntoView({ block: 'center' })")
    for part in [*sliders.locator("input").all(), *view.locator("details table thead th").all()]:
        expect(part).to_be_in_viewport(ratio=1)
    expect(view.get_by_label("rotation")).to_have_css("touch-action", "pan-y")


def test_more_of_the_front_page_has_all_the_rest(page, address, pad):
    page.goto(f"{address}/index.html")
    view = page.locator(".digit-pad")
    expect(view.locator(".large")).to_have_text("2")
    expect(view.get_by_label("rotation")).to_be_hidden()
    view.get_by_text("More: ").press("Enter")
    table = view.locator("details table")
    for name in NAMES:
        expect(table.get_by_role("columnheader", name=name, exact=False).last).to_contain_text("reads 2")
    view.get_by_label("rotation").press("ArrowRight")
    pad.rotation = 5
    assert np.abs(ink(view) - pad.input).max() < 0.003
    texts = [text.strip("<> %") for text in table.locator("tbody td").all_text_contents()]
    expected = [pad.probabilities[name] for name in ("CNN", "MLP", "Deep CNN")]
    assert np.abs(np.reshape(texts, (10, -1)).astype(float) / 100 - np.transpose(expected)).max() < 0.003
    view.get_by_text("More: ").click()
    expect(view.get_by_label("rotation")).to_be_hidden()


def test_network_that_cannot_be_loaded_is_asked_for_again(page, address):
    page.route("**/live/data/*.js", lambda route: route.abort())
    page.goto(f"{address}/index.html")
    view = page.locator(".digit-pad")
    expect(view.locator(".says")).to_have_text("CNN could not be loaded; your next change tries again.")
    page.unroute("**/live/data/*.js")
    draw(view, ONE)
    expect(view.locator(".large")).to_have_text("1")
    page.console_errors.clear()


# In JupyterLab


def test_compact_pad_shares_its_state_with_the_kernel(open_cell):
    page = open_cell(SOURCE.replace("})", "}, compact=True)"))
    view = page.locator(".digit-pad")
    draw(view, SEVEN)
    expect(view.locator(".large")).to_have_text("7")
    expect_state(page, "[*pad.digits.values()]", [7, 7])
    view.get_by_text("More: ").click()
    expect_state(page, "pad.more", True)
    state(page, "setattr(pad, 'more', False)")
    expect(view.get_by_label("rotation")).to_be_hidden()
    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []


def test_page_and_python_share_one_state(open_cell):
    page = open_cell(SOURCE + "display(pad, pad)")
    expect(page.locator(".digit-pad")).to_have_count(2)
    one, other = page.locator(".digit-pad").all()
    draw(one, SEVEN)
    expect_reading(one, 7, 7)
    expect_state(page, "[*pad.digits.values()]", [7, 7])
    assert np.abs(ink(one) - np.array(state(page, "pad.input.tolist()"))).max() < 0.003
    # The second view shows it too, and what is done there comes back.
    expect_reading(other, 7, 7)
    other.get_by_label("rotation").press("ArrowRight")
    expect(one.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+5°")
    expect_state(page, "pad.rotation", 5)

    # Python changes all views; no view sends back what it had.
    state(page, "[setattr(pad, 'rotation', 30), setattr(pad, 'erase', True)]")
    for view in (one, other):
        expect(view.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+30°")
        expect(view.get_by_label("eraser")).to_be_checked()
    assert np.abs(ink(one) - np.array(state(page, "pad.input.tolist()"))).max() < 0.003
    state(page, "setattr(pad, 'drawing', 0 * pad.drawing)")
    for view in (one, other):
        expect(view.locator(".hint")).to_have_text(
            "Draw with your finger, the mouse, or arrow keys and Space."
        )
        expect(view.locator(".says")).to_have_text("Nothing drawn yet.")
        assert ink(view, "sheet").max() == 0
    assert state(page, "float(pad.drawing.max())") == 0


def test_page_that_is_loaded_again_shows_the_same_pad(open_cell, browser):
    page = open_cell(SOURCE)
    view = page.locator(".digit-pad")
    draw(view, ONE)
    view.get_by_label("rotation").press("ArrowLeft")
    expect_state(page, "[*pad.digits.values(), pad.rotation]", [1, 1, -5])
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    path = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    again = browser.new_page()
    watch(again)
    again.goto(page.evaluate("location.origin") + f"/doc/tree/{path}")
    expect_reading(again.locator(".digit-pad"), 1, 1)
    expect(again.get_by_label("rotation")).to_have_attribute("aria-valuetext", "−5°")
    assert np.array_equal(ink(again.locator(".digit-pad"), "sheet"), ink(view, "sheet"))
    assert state(page, "pad.rotation") == -5
    expect_no_complaints(again)
    again.close()


def test_keys_draw_a_one_in_a_narrow_lab(open_cell):
    page = open_cell(SOURCE)
    view, cells = page.locator(".digit-pad"), page.locator(".jp-Cell").count()
    words, height = view.locator(".hint"), view.bounding_box()["height"]

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)

    view.locator(".sheet").focus()
    press(*["ArrowUp"] * 9)
    expect(words).to_have_text("Pen up, 14 of 28 across, 5 of 28 down.")
    press("Space", *["ArrowDown"] * 18)
    expect(words).to_have_text("Pen down, 14 of 28 across, 23 of 28 down.")
    press("Space")
    expect_reading(view, 1, 1)
    press("Shift+ArrowRight", "Control+z")
    expect_reading(view, 2, 2)
    press(*"abdx")  # in JupyterLab: new and deleted cells
    expect(view.locator(".sheet")).to_be_focused()
    press("Tab")
    expect(view.get_by_label("eraser")).to_be_focused()
    view.get_by_label("rotation").focus()
    press("a", "ArrowUp", "ArrowUp")  # ArrowUp in JupyterLab: the cell above
    expect(view.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+10°")
    assert page.locator(".jp-Cell").count() == cells
    assert view.bounding_box()["height"] == height  # nothing jumps
    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
