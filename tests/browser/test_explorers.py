"""The convolution explorer, the feature maps and the dropout explorer, by mouse, keyboard and code."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import run_all
from browser.state import STICKING_OUT, expect_state, make_narrow, state

CONVOLUTION = """\
from mnist_helpers.widgets import ConvolutionExplorer
explorer = ConvolutionExplorer(load_splits("channels")[0][0][15], row=13, column=15)
explorer
"""
MAPS = """\
from mnist_helpers.widgets import FeatureMaps
_, (x_val, y_val), _ = load_splits("channels")
models = {"CNN": load_run("cnn")[0], "Deep CNN": load_run("deep_cnn")[0]}
explorer = FeatureMaps(models, x_val[:200], y_val[:200].argmax(axis=1))
explorer
"""
DROPOUT = """\
from mnist_helpers.widgets import DropoutExplorer
explorer = DropoutExplorer(np.arange(1, 11), rate=0.5, seed=3)
explorer
"""
STATUS = ".mnist-widget [role=status]"


def numbers(page: Page, label: str) -> list[float]:
    texts = page.get_by_role("group", name=label).locator("span").all_text_contents()
    return [float(text.replace("−", "-")) for text in texts]


def expect_place(page: Page, row: int, column: int) -> None:
    expect(page.locator(STATUS)).to_contain_text(f"Row {row}, column {column},")
    expect_state(page, "[explorer.row, explorer.column]", [row, column])


def filled(page: Page) -> int:
    label = page.get_by_role("img", name="feature map").get_attribute("aria-label")
    return int(label.split(", ")[-1].split()[0])


def test_window_is_stepped_by_key_button_slider_and_mouse(open_cell):
    page = open_cell(CONVOLUTION)
    expect_place(page, 13, 15)
    assert numbers(page, "products") == state(page, "explorer.products.round(2).ravel().tolist()")
    assert filled(page) == 13 * 26 + 15 + 1

    digit = page.locator(".convolution-explorer .digit")
    digit.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        digit.press(key)
    expect_place(page, 14, 14)
    expect(digit).to_be_focused()  # JupyterLab has not taken the keys to move from cell to cell
    pixels = state(page, "np.array(explorer.image)[14:17, 14:17].round(2).ravel().tolist()")
    assert numbers(page, "pixels") == pixels

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
    not_yet = [119, 119, 119, 255]  # the dot in the middle of an empty cell
    for place, is_filled in (((0, 25), True), ((1, 0), False)):
        assert (middle_of_cell(page, *place) != not_yet) is is_filled


def middle_of_cell(page: Page, row: int, column: int) -> list[int]:
    return page.get_by_role("img", name="feature map").evaluate(
        """(canvas, [row, column]) => {
            const [x, y] = [column, row].map((place) => (place + 0.5) * canvas.width / 26);
            return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
        }""",
        [row, column],
    )


def wait_for_place(page: Page, place: int) -> None:
    at_least = "place => document.querySelector('.convolution-explorer [type=range]').value >= place"
    page.wait_for_function(at_least, arg=place)


def test_playing_grows_the_map_and_ends_with_the_view(open_cell):
    page = open_cell(CONVOLUTION)
    before = filled(page)
    page.get_by_role("button", name="Play").click()
    wait_for_place(page, before + 4)
    page.get_by_role("button", name="Pause").click()
    expect_state(page, "explorer.row * 26 + explorer.column + 1", filled(page))

    page.get_by_role("button", name="Play").click()
    state(page, "globals().update(first=explorer)")
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
    expect_state(page, "explorer.kernel", [1 / 9] * 9)
    weight = page.get_by_label("weight in row 0, column 2")
    expect(weight).to_have_value("0.111")
    weight.fill("-2.5")
    expect(preset).to_have_value("your own")
    expect_state(page, "explorer.kernel", [1 / 9, 1 / 9, -2.5, *[1 / 9] * 6])
    for wrong in ("", "100"):
        weight.fill(wrong)
        expect(weight).to_have_attribute("aria-invalid", "true")
        expect(page.locator(STATUS)).to_contain_text("the weight in row 0, column 2 stays -2.5")
    weight.blur()
    expect(weight).to_have_value("-2.5")
    expect(weight).to_have_attribute("aria-invalid", "false")

    state(page, "setattr(explorer, 'kernel', [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])")
    expect(preset).to_have_value("sharpen")
    state(page, "[setattr(explorer, 'row', 3), setattr(explorer, 'relu', True)]")
    expect(page.locator(STATUS)).to_contain_text("Row 3, column 15,")
    expect(page.get_by_role("checkbox", name="ReLU")).to_be_checked()
    pooled = page.get_by_role("img", name="after pooling, 13×13", include_hidden=True)
    expect(pooled).to_be_hidden()
    page.get_by_label("2×2 max pooling").press("Space")
    page.get_by_label("whole map at once").check()
    expect(pooled).to_be_visible()
    assert filled(page) == 676
    expect_state(page, "[explorer.relu, explorer.pool, explorer.whole]", [True] * 3)
    largest = state(page, "explorer.feature_map[1, 7]")
    expect(page.locator(STATUS)).to_contain_text(f"the largest in its square is {largest:.2f}")
    state(page, "setattr(explorer, 'image', np.ones((28, 28)))")
    expect(page.get_by_role("group", name="pixels").locator("span").first).to_have_text("1.00")


def test_feature_maps_by_keyboard_and_from_python(open_cell):
    page = open_cell(MAPS)
    said = page.locator(STATUS)
    expect(said).to_contain_text("Convolution 1: 32 channels of 26×26")
    page.get_by_role("button", name="convolution 2").press("Enter")
    expect(said).to_contain_text("Convolution 2: 32 channels of 11×11")
    for name, times in (("channel", 3), ("digit", 7), ("number", 12)):
        for _ in range(times):
            page.get_by_role("slider", name=name).press("ArrowRight")
    expect(said).to_contain_text("CNN: a 7, read as 7.")
    page.get_by_role("button", name="Deep CNN").click()
    expect(said).to_contain_text("Convolution 2: 32 channels of 24×24")
    chosen = "[explorer.network, explorer.digit, explorer.number, explorer.layer, explorer.channel]"
    expect_state(page, chosen, ["Deep CNN", 7, 12, "convolution 2", 3])
    assert state(page, "repr(explorer)") == f"FeatureMaps: number 12. {said.text_content()}"

    heights = set()
    for layer in state(page, "explorer._allowed('layer')"):
        state(page, f"setattr(explorer, 'layer', '{layer}')")
        expect(page.get_by_role("img", name=f"The channels of {layer}; ")).to_be_visible()
        heights.add(page.locator(".feature-maps").bounding_box()["height"])
    assert len(heights) == 1  # nothing jumps from layer to layer
    expect(page.get_by_role("button", name="dense 2")).to_have_attribute("aria-pressed", "true")
    state(page, "setattr(explorer, 'channel', 9)")
    expect(said).to_contain_text("Dense 2: 10 channels of 1×1")
    expect(page.get_by_role("slider", name="channel")).to_have_value("9")
    page.get_by_role("slider", name="channel").press("ArrowRight")
    expect(said).to_contain_text("Channel 9:")


def test_dropout_by_keyboard_and_from_python(open_cell):
    page = open_cell(DROPOUT)

    def expect_what_python_has() -> None:
        expect(page.locator(STATUS)).to_have_text(state(page, "explorer._summary()"))
        expect(page.locator("svg text")).to_have_count(state(page, "int((~explorer.survives).sum())"))
        bars = page.locator("svg .after").evaluate_all("bars => bars.map(bar => +bar.getAttribute('height'))")
        after = np.array(state(page, "explorer.after.tolist()"))
        np.testing.assert_allclose(bars, after * 15 * (1 - state(page, "explorer.rate")))
        for row, numbers in zip(page.get_by_role("row").all(), ("signal", "after", "average"), strict=True):
            expect(row).to_contain_text(f"{state(page, f'float(explorer.{numbers}.sum())'):.2f}")

    expect_what_python_has()
    page.get_by_role("slider", name="rate").press("ArrowRight")
    expect(page.locator(STATUS)).to_contain_text("each divided by 1 − 0.55 = 0.45.")
    expect_state(page, "round(explorer.rate, 9)", 0.55)
    expect_what_python_has()
    seed = page.get_by_label("seed")
    page.get_by_role("button", name="Draw again").press("Enter")
    expect(seed).to_have_value("4")
    seed.press("ArrowUp")
    expect_state(page, "explorer.seed", 5)
    expect_what_python_has()
    seed.fill("10000")
    seed.blur()
    expect(seed).to_have_value("5")
    state(page, "[setattr(explorer, 'seed', 9999), setattr(explorer, 'rate', 0.2)]")
    expect(seed).to_have_value("9999")
    expect(page.get_by_role("slider", name="rate")).to_have_value("0.2")
    expect_what_python_has()
    page.get_by_role("button", name="Draw again").click()
    expect(seed).to_have_value("0")
    page.get_by_role("button", name="inference").press("Enter")
    expect(page.locator(STATUS)).to_have_text("Inference: nothing is dropped, nothing is rescaled.")
    expect_what_python_has()


@pytest.mark.parametrize(
    ("source", "change"),
    [(CONVOLUTION, "column=9, relu=True"), (MAPS, "layer='dense 1', digit=4"), (DROPOUT, "rate=0.1, seed=8")],
)
def test_two_views_agree_and_fit_a_phone(open_cell, source, change):
    page = open_cell(f"{source}\ndisplay(explorer)\nexplorer")
    output, said = page.locator(".jp-OutputArea-output"), page.locator(STATUS)
    expect(said).to_have_count(2)
    before = said.first.text_content()
    state(page, f"[explorer.set_trait(*item) for item in dict({change}).items()]")
    expect(said.first).not_to_have_text(before)
    expect(said.last).to_have_text(said.first.text_content())
    slider = page.get_by_role("slider")
    slider.first.press("ArrowRight")
    expect(slider.nth(slider.count() // 2)).to_have_value(slider.first.input_value())
    expect(said.last).to_have_text(said.first.text_content())
    make_narrow(page)
    assert output.last.evaluate(STICKING_OUT) == []
