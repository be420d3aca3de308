"""The feature maps on a page: each control changes what is shown."""

from playwright.sync_api import Locator, Page, expect

from browser.state import make_narrow, state

SOURCE = """\
from mnist_helpers.widgets.feature_maps import FeatureMaps

_, (x_val, y_val), _ = load_splits("channels")
models = {"CNN": load_run("cnn")[0], "Deep CNN": load_run("deep_cnn")[0]}
maps = FeatureMaps(models, x_val, y_val.argmax(axis=1))
maps
"""


def said(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text="Channel")


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def test_controls_by_keyboard_and_from_python(open_cell):
    page = open_cell(SOURCE)
    expect(said(page)).to_contain_text("Convolution 1: 32 channels of 26×26")
    page.get_by_role("button", name="convolution 2").press("Enter")
    expect(said(page)).to_contain_text("Convolution 2: 32 channels of 11×11")
    for _ in range(3):
        slider(page, "channel").press("ArrowRight")
    expect(said(page)).to_contain_text("Channel 3: largest value")
    for _ in range(7):
        slider(page, "digit").press("ArrowRight")
    expect(said(page)).to_contain_text("a 7, read as 7")
    number = page.get_by_role("spinbutton", name="number")
    number.fill("12")
    number.press("Enter")
    page.get_by_role("button", name="Deep CNN").click()
    expect(said(page)).to_contain_text("Convolution 2: 32 channels of 24×24")
    assert state(page, "[maps.network, maps.digit, maps.number, maps.layer, maps.channel]") == [
        *("Deep CNN", 7, 12, "convolution 2", 3),
    ]
    expect(said(page)).to_have_text(state(page, "maps._about()"))

    state(page, "[setattr(maps, 'channel', 31), setattr(maps, 'layer', 'dense 2')]")
    expect(said(page)).to_contain_text("Dense 2: 10 channels of 1×1")
    expect(slider(page, "channel")).to_have_value("9")
    expect(slider(page, "channel")).to_have_attribute("max", "9")


def test_pictures_have_alt_text_and_fit_and_nothing_jumps(open_cell):
    page = open_cell(SOURCE)
    state(page, "setattr(maps, 'network', 'Deep CNN')")
    output = page.locator(".jp-OutputArea-output").last
    heights = set()
    for layer in state(page, "list(maps._allowed('layer'))"):
        state(page, f"setattr(maps, 'layer', '{layer}')")
        picture = page.get_by_alt_text(f"The channels of {layer}; 0 is framed")
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box["x"] + box["width"] <= 1024
        heights.add(output.bounding_box()["height"])
    assert len(heights) == 1  # nothing jumps from layer to layer
    make_narrow(page)
    for image in output.get_by_role("img").all():
        assert image.bounding_box()["x"] + image.bounding_box()["width"] <= 360
