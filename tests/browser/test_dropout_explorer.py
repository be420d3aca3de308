"""The dropout explorer on a page: draws, rescaling and inference, by keyboard and from Python."""

from playwright.sync_api import Locator, Page, expect

from browser.state import expect_state, make_narrow, state

SOURCE = """\
from mnist_helpers.widgets.dropout_explorer import DropoutExplorer

explorer = DropoutExplorer(np.arange(1, 11), rate=0.5, seed=3)
explorer
"""


def said(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text=":")


def expect_what_python_says(page: Page) -> None:
    expect(said(page)).to_have_text(state(page, "explorer._said.text"))
    dropped = state(page, "int((~explorer.survives).sum())")
    expect(page.locator("svg[role=img] text")).to_have_count(dropped)
    after = state(page, "float(explorer.after.sum())")
    expect(page.get_by_role("row", name="after")).to_contain_text(f"{after:.2f}")


def test_controls_by_keyboard_and_from_python(open_cell):
    page = open_cell(SOURCE)
    expect_what_python_says(page)
    page.get_by_role("slider", name="rate").press("ArrowRight")
    expect(said(page)).to_contain_text("each divided by 1 − 0.55 = 0.45.")
    assert abs(state(page, "explorer.rate") - 0.55) < 1e-9
    expect_what_python_says(page)

    page.get_by_role("button", name="Draw again").press("Enter")
    expect(page.get_by_label("seed")).to_have_value("4")
    expect_what_python_says(page)
    page.get_by_label("seed").press("ArrowUp")
    expect_state(page, "explorer.seed", 5)
    expect_what_python_says(page)

    state(page, "[setattr(explorer, 'seed', 40), setattr(explorer, 'rate', 0.2)]")
    expect(page.get_by_label("seed")).to_have_value("40")
    expect(page.get_by_role("slider", name="rate")).to_have_value("0.2")
    expect_what_python_says(page)

    page.get_by_role("button", name="inference").press("Enter")
    expect(said(page)).to_have_text("Inference: nothing is dropped, nothing is rescaled.")
    expect_what_python_says(page)
    for row in ("before", "after", "average"):
        expect(page.get_by_role("row", name=row)).to_contain_text("55.00")

    make_narrow(page)
    box = page.locator("svg[role=img]").bounding_box()
    assert box["x"] + box["width"] <= 360
