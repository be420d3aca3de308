"""The digit pad, used as a person would: on a page without a kernel, and in JupyterLab."""

import functools
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.conftest import HOST, Quiet, expect_no_complaints, watch
from browser.state import STICKING_OUT, expect_state, make_narrow, state
from mnist_helpers import draw_strokes, load_mnist, load_run, prepare
from mnist_helpers.widgets import DigitPad
from mnist_helpers.widgets.base import esm, packed
from tools.live_widgets import write_script

NAMES = {"MLP": "mlp", "Deep CNN": "deep_cnn", "Ten minutes": "ten_minutes"}
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Digit pad</title>
<script src="live.js" defer></script>
<main><div data-live="lesson/digit_pad"></div></main>
"""
SOURCE = """\
from mnist_helpers.widgets import DigitPad
pad = DigitPad({"MLP": load_run("mlp")[0], "Ten minutes": load_run("ten_minutes")[0]})
pad
"""
ONE = [[(150, 40), (140, 150), (132, 240)]]
SEVEN = [[(60, 60), (210, 60), (150, 150), (110, 240)]]
# The ink in a canvas, from the red of each pixel
INK = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, i) => 1 - data[4 * i] / 255);
}"""


@pytest.fixture(scope="module")
def pad() -> DigitPad:
    """What the page shows at first; tests set its traits and compare."""
    (digits, labels), _ = load_mnist()
    models = {name: load_run(run)[0] for name, run in NAMES.items()}
    return DigitPad(models, digits[:100].astype("float32") / 255, labels[:100])


@pytest.fixture(scope="module")
def site(tmp_path_factory, pad) -> Iterator[tuple[str, str]]:
    """A page with the pad, and all that live.js loads: its addresses on a server, and on disk."""
    folder = tmp_path_factory.mktemp("page")
    bundle = pad.page_bundle()
    for network, stored in zip(pad.networks, bundle["state"]["networks"], strict=True):
        write_script(folder / "live", f"data/{stored['weights']['sha256']}", packed(network["weights"]))
    write_script(folder / "live", "lesson/digit_pad", bundle)
    write_script(folder / "live", "views/digit_pad", esm("digit_pad.js"))
    live = Path(__file__).parents[2] / "tools" / "site" / "static" / "live.js"
    (folder / "live.js").write_bytes(live.read_bytes())
    (folder / "index.html").write_text(PAGE)
    server = ThreadingHTTPServer((HOST, 0), functools.partial(Quiet, directory=folder.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}/{folder.name}/index.html", (folder / "index.html").as_uri()
    server.shutdown()


@pytest.fixture
def plain(page, site, pad) -> Page:
    pad.crop = pad.fit = pad.center = True
    page.goto(site[0])
    expect_reading(page, 2, 2, 2)
    return page


def draw(page: Page, strokes: list, steps: int = 8) -> None:
    sheet = page.locator(".digit-pad .sheet").first
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()

    def place(point):
        return [box[side] + value / 280 * box["width"] for side, value in zip("xy", point, strict=True)]

    for stroke in strokes:
        page.mouse.move(*place(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*place(point), steps=steps)
        page.mouse.up()


def expect_reading(page: Page, *digits: int) -> None:
    """Both the table's headers and the text below the pad give each network's digit."""
    heads, words = page.locator(".digit-pad thead th"), page.locator(".digit-pad .says").first
    for i, digit in enumerate(digits):
        expect(heads.nth(i + 1)).to_contain_text(f"reads {digit}")
        expect(words).to_contain_text(f"reads {digit} (")


def ink(page: Page, canvas: str = "The input of the networks") -> np.ndarray:
    """What a canvas shows, after the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    part = page.locator(".sheet") if canvas == "sheet" else page.get_by_role("img", name=canvas)
    values = np.array(part.first.evaluate(INK))
    return values.reshape(int(len(values) ** 0.5), -1)


def assert_shows(page: Page, pad: DigitPad) -> None:
    """The page has the input that Python computes, and its probabilities as numbers and as bars."""
    assert np.abs(ink(page) - pad.input).max() < 0.003
    expected = np.stack(list(pad.probabilities.values()), axis=1)
    rows = page.locator(".digit-pad tbody tr").all()
    texts = [[cell.strip("<> %") for cell in row.locator("td").all_text_contents()] for row in rows]
    assert np.abs(np.array(texts, float) / 100 - expected).max() <= 0.00101
    bars = page.locator(".digit-pad .bar").evaluate_all(
        "bars => bars.map((bar) => bar.firstChild.getBoundingClientRect().width / bar.clientWidth)"
    )
    assert np.abs(np.reshape(bars, (10, -1)) - expected).max() < 0.02
    for i, digit in enumerate(pad.digits.values()):
        expect(page.locator(".digit-pad tbody tr").nth(digit).locator("td").nth(i)).to_have_class("top")


# On a page without a kernel


@pytest.mark.parametrize("where", [0, 1], ids=["served", "from disk"])
def test_one_is_drawn_and_read(page, site, pad, where):
    page.goto(site[where])
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "ready")
    expect(page.get_by_text("An example. Your first stroke replaces it.")).to_be_visible()
    assert page.locator("thead th").all_inner_texts()[1:] == [f"{name}\nreads 2" for name in NAMES]
    assert_shows(page, pad)
    assert np.abs(ink(page, "The drawing in 28×28") - pad.input).max() < 0.003
    assert ink(page, "The drawing as pixels").shape == (20, 20)
    assert ink(page, "The drawing, cropped").shape == (116, 116)
    for words in ("the ink's 88×116 cells", "fitted: 16×20 pixels"):
        expect(page.get_by_text(words)).to_be_visible()
    draw(page, ONE)
    expect_reading(page, 1, 1, 1)
    assert np.abs(ink(page) - prepare(draw_strokes(ONE, 24))).max() < 0.2


def test_steps_and_sliders_change_the_input(plain, pad):
    for step, label in {"crop": "crop", "fit": "fit into 20×20", "center": "center by mass"}.items():
        plain.get_by_role("checkbox", name=label).uncheck()
        setattr(pad, step, False)
        assert_shows(plain, pad)
    assert max(np.ravel(list(pad.probabilities.values()))) < 0.999  # undecided, so there was something to see
    for slider, key in (("rotation", "ArrowRight"), ("size", "ArrowLeft"), ("shift right", "ArrowLeft")):
        plain.get_by_label(slider).press(key)
    plain.get_by_label("noise", exact=True).press("End")
    plain.get_by_label("noise seed").press("ArrowRight")
    expect(plain.get_by_label("shift right")).to_have_attribute("aria-valuetext", "−1 px")
    pad.rotation, pad.size, pad.right, pad.noise, pad.seed = 5, 0.95, -1, 1, 1
    assert_shows(plain, pad)
    plain.get_by_role("button", name="Reset the sliders").click()
    pad.rotation, pad.size, pad.right, pad.noise, pad.seed = 0, 1, 0, 0, 0
    assert_shows(plain, pad)
    expect(plain.get_by_label("shift right")).to_have_attribute("aria-valuetext", "0 px")


def test_pen_width_eraser_undo_and_clear(plain):
    amounts = [ink(plain, "sheet").sum()]

    def change() -> float:
        amounts.append(ink(plain, "sheet").sum())
        return amounts[-1] - amounts[-2]

    draw(plain, [[(40, 60), (240, 60)]])
    assert change() + amounts[0] == pytest.approx(200 * 24 + np.pi * 12**2, rel=0.03)  # the example is gone
    plain.get_by_label("width of the pen").fill("12")
    draw(plain, [[(40, 160), (240, 160)]])
    assert change() == pytest.approx(200 * 12 + np.pi * 6**2, rel=0.03)
    plain.get_by_label("width of the pen").fill("50")
    plain.get_by_label("eraser").check()
    draw(plain, [[(140, 20), (140, 260)]])
    assert change() == pytest.approx(-50 * (24 + 12), rel=0.1)
    plain.get_by_role("button", name="Clear").click()
    assert amounts[-1] + change() == pytest.approx(0)
    for expected in [*amounts[-2::-1], amounts[0]]:  # back to the example, step by step, and no further
        plain.get_by_role("button", name="Undo").click()
        assert ink(plain, "sheet").sum() == pytest.approx(expected)
    expect(plain.get_by_text("An example. Your first stroke replaces it.")).to_be_visible()


def test_undo_remembers_twenty_steps(plain):
    for i in range(22):
        draw(plain, [[(20 + 10 * i, 100), (20 + 10 * i, 110)]], steps=1)
        if i == 1:
            before = ink(plain, "sheet")
    for _ in range(25):
        plain.get_by_role("button", name="Undo").click()
    assert np.array_equal(ink(plain, "sheet"), before)


def test_finger_draws_and_does_not_scroll_the_page(plain):
    plain.set_viewport_size({"width": 360, "height": 640})
    assert plain.evaluate("() => document.documentElement.scrollWidth") == 360
    expect(plain.locator(".sheet")).to_have_css("touch-action", "none")
    box = plain.locator(".sheet").bounding_box()
    session = plain.context.new_cdp_session(plain)
    palm = {"x": box["x"] + 20, "y": box["y"] + 250, "id": 2}

    def touch(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def finger(point):
        scale = box["width"] / 280
        return {"x": box["x"] + point[0] * scale, "y": box["y"] + point[1] * scale, "id": 1}

    touch("touchStart", finger(SEVEN[0][0]))
    touch("touchStart", finger(SEVEN[0][0]), palm)
    for start, end in pairwise(SEVEN[0]):
        for share in np.linspace(0, 1, 10):
            touch("touchMove", finger(np.add(start, share * np.subtract(end, start)).tolist()), palm)
    touch("touchEnd")
    expect_reading(plain, 7, 7, 7)
    assert np.abs(ink(plain) - prepare(draw_strokes(SEVEN, 24))).max() < 0.2
    assert plain.evaluate("() => scrollY") == 0


def test_digit_is_picked_and_drawn_over(plain):
    digits, labels = load_mnist()[0]
    number = plain.get_by_label("number")
    number.fill("4")
    number.press("Enter")
    expect(plain.get_by_text(f"Its label is {labels[4]}.")).to_be_visible()
    assert np.abs(ink(plain) - digits[4] / 255).max() < 0.003
    draw(plain, [[(20, 20), (260, 20)]])
    assert np.abs(ink(plain) - digits[4] / 255).max() > 0.1
    for wrong in ("100", "-1", "", "1.5"):
        number.fill(wrong)
        plain.get_by_role("button", name="Put on the pad").click()
        expect(plain.get_by_text("Enter a number from 0 to 99.")).to_be_visible()
        assert np.abs(ink(plain) - digits[4] / 255).max() > 0.1


def test_many_changes_leave_nothing_behind(plain):
    session = plain.context.new_cdp_session(plain)
    rotation = plain.get_by_label("rotation")

    def change(times):
        for i in range(times):
            rotation.press("ArrowLeft" if i % 2 else "ArrowRight")
        ink(plain)
        session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        return counters["nodes"], counters["jsEventListeners"]

    change(10)
    nodes, listeners = change(10)
    nodes_after, listeners_after = change(60)
    assert nodes_after <= nodes + 5
    assert listeners_after == listeners


def test_widget_that_cannot_be_loaded_says_so(page, site):
    page.route("**/views/digit_pad.js", lambda route: route.abort())
    page.goto(site[0])
    expect(page.get_by_text("The widget could not be started (")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "failed")
    page.console_errors.clear()


# In JupyterLab


def test_page_and_python_share_one_state(open_cell):
    page = open_cell(SOURCE + "display(pad, pad)")
    views = page.locator(".digit-pad")
    expect(views).to_have_count(2)
    draw(page, SEVEN)
    expect_reading(page, 7, 7)
    expect_state(page, "[*pad.digits.values()]", [7, 7])
    image = np.array(state(page, "pad.input.tolist()"))
    assert np.abs(ink(page) - image).max() < 0.003
    # The second view shows it too, and what is done there comes back.
    expect(views.nth(1).locator(".says")).to_contain_text("MLP reads 7 (")
    views.nth(1).get_by_label("rotation").press("ArrowRight")
    expect(views.nth(0).get_by_label("rotation")).to_have_attribute("aria-valuetext", "+5°")
    expect_state(page, "pad.rotation", 5)

    # Python changes all views; a new one starts with what is there, and changes nothing.
    state(page, "[setattr(pad, 'rotation', 30), setattr(pad, 'erase', True)]")
    for view in views.all():
        expect(view.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+30°")
        expect(view.get_by_label("eraser")).to_be_checked()
    assert np.abs(ink(page) - np.array(state(page, "pad.input.tolist()"))).max() < 0.003
    state(page, "setattr(pad, 'drawing', 0 * pad.drawing)")
    expect(views.nth(0).locator(".hint")).to_have_text("Draw a digit, or use arrow keys and Space.")
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # longer than a view waits to send
    assert ink(page, "sheet").max() == 0
    assert state(page, "float(pad.drawing.max())") == 0


def test_page_that_is_loaded_again_shows_the_same_pad(open_cell, browser):
    page = open_cell(SOURCE)
    draw(page, ONE)
    page.get_by_label("rotation").press("ArrowLeft")
    expect_reading(page, 1, 1)
    expect_state(page, "[*pad.digits.values()]", [1, 1])
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    path = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    again = browser.new_page()
    watch(again)
    again.goto(page.evaluate("location.origin") + f"/doc/tree/{path}")
    expect_reading(again, 1, 1)
    expect(again.get_by_label("rotation")).to_have_attribute("aria-valuetext", "−5°")
    assert np.array_equal(ink(again, "sheet"), ink(page, "sheet"))
    assert state(page, "pad.rotation") == -5
    expect_no_complaints(again)
    again.close()


def test_keys_draw_a_one_in_a_narrow_dark_lab(open_cell):
    page = open_cell(SOURCE)
    cells, sheet = page.locator(".jp-Cell").count(), page.locator(".sheet")
    words = page.locator(".digit-pad .hint")
    height = page.locator(".digit-pad").bounding_box()["height"]
    sheet.focus()
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    expect(words).to_have_text("Pen up, 14 of 28 across, 5 of 28 down.")
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    expect(words).to_have_text("Pen down, 14 of 28 across, 23 of 28 down.")
    page.keyboard.press("Space")
    expect_reading(page, 1, 1)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+z")
    expect_reading(page, 2, 2)
    for key in "abdx":  # in JupyterLab: new and deleted cells
        page.keyboard.press(key)
    expect(sheet).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("pen", exact=True)).to_be_focused()
    page.get_by_label("rotation").focus()
    for key in ("a", "ArrowUp", "ArrowUp"):  # ArrowUp: the cell above
        page.keyboard.press(key)
    expect(page.get_by_label("rotation")).to_have_attribute("aria-valuetext", "+10°")
    assert page.locator(".jp-Cell").count() == cells
    assert page.locator(".digit-pad").bounding_box()["height"] == height  # nothing jumps

    theme = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    try:
        page.evaluate(theme, "JupyterLab Dark")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        found = Axe().run(page, ".digit-pad").response["violations"]
        assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
    finally:
        page.evaluate(theme, "JupyterLab Light")
    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
