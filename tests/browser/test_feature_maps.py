"""The feature maps on the page: any digit, on demand, and one that is drawn."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.test_digit_pad import INK, ONE, draw
from browser.test_widgets import expect_accessible_on_any_screen, open_view, press
from mnist_helpers import load_run, load_splits
from mnist_helpers.widgets import FeatureMaps


@pytest.fixture(scope="module")
def maps() -> FeatureMaps:
    _, (images, one_hot), _ = load_splits("channels")
    models = {"Deep CNN": load_run("deep_cnn")[0], "CNN": load_run("cnn")[0]}
    return FeatureMaps(models, images, one_hot.argmax(axis=1))


def without_numbers(text: str) -> str:
    """Without the largest values: the page has the weights in 8 bits."""
    return re.sub(r"\d+\.\d\d", "…", text)


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_page_follows_any_digit_and_a_drawn_one(page: Page, address, built, maps, where):
    folder = address if where == "served" else (built / "site").as_uri()
    loaded = []
    page.on("request", lambda request: loaded.extend(re.findall(r"live/(?:data|.*maps/.-.).*", request.url)))
    view = open_view(page, f"{folder}/04_deep_cnn.html", "feature_maps")
    said = view.get_by_role("status").first

    def expect_shown(**choices: object) -> None:
        maps.set_state(choices)
        expect(view).to_have_attribute("aria-busy", "false")
        text = without_numbers(repr(maps).partition(". ")[2])
        expect(said).to_have_text(re.compile(re.escape(text).replace("…", r"\d+\.\d\d") + "$"))
        shown = view.get_by_role("img", name="The digit, a").evaluate(INK)
        assert np.abs(np.reshape(shown, (28, 28)) - maps._image()).max() < 0.003

    for name, value in {"network": "Deep CNN", "digit": 3, "number": 0, "layer": "convolution 4"}.items():
        setattr(maps, name, value)
    expect_shown(channel=0)
    digits = [name for name in loaded if "maps/" in name]
    assert len(digits) == 1 and len(set(loaded) - set(digits)) <= 2  # the CNN comes when the page is idle
    view.get_by_role("slider", name="number").press("End")
    expect_shown(number=299)
    view.get_by_role("slider", name="digit").press("ArrowRight")
    expect_shown(digit=4)
    view.get_by_role("button", name="CNN", exact=True).press("Enter")
    expect_shown(network="CNN")
    assert len(set(loaded)) == 3 + 2

    view.get_by_role("button", name="one that you draw").press("Enter")
    expect(said).to_contain_text("CNN: your drawing, read as 2.")
    expect(view.get_by_role("slider", name="number")).to_be_hidden()
    draw(view, ONE)
    expect(said).to_contain_text("CNN: your drawing, read as 1.")
    view.get_by_role("button", name="Undo").press("Enter")
    expect(said).to_contain_text("CNN: your drawing, read as 2.")
    view.locator(".sheet").focus()
    press(page, *["ArrowUp"] * 9, "Space", *["ArrowDown"] * 18)
    expect(said).to_contain_text("CNN: your drawing, read as 1.")
    expect_accessible_on_any_screen(page, view)
    view.get_by_role("button", name="a digit of MNIST").click()
    expect_shown()


def test_page_says_which_digits_or_network_cannot_be_loaded_and_asks_again(page: Page, address):
    page.route("**/live/data/*.js", lambda route: route.abort())
    page.route("**/feature_maps/3-0.js", lambda route: route.abort())
    view = open_view(page, f"{address}/03_cnn.html", "feature_maps")
    said = view.get_by_role("status").first
    expect(said).to_have_text("These digits cannot be loaded.")
    view.get_by_role("slider", name="digit").press("ArrowRight")
    expect(said).to_have_text("CNN could not be loaded; your next change tries again.")
    expect(view).to_have_attribute("aria-busy", "false")
    page.unroute("**/live/data/*.js")
    page.unroute("**/feature_maps/3-0.js")
    view.get_by_role("slider", name="digit").press("ArrowLeft")
    expect(said).to_contain_text("CNN: a 3, read as 3.")
    page.console_errors.clear()
