"""The published site, as used by a reader without Python: with Chromium alone."""

import io
import re
import unicodedata
import zipfile

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tools.course import NOTEBOOKS, read
from tools.handouts import handout, print_handouts

PAGES = ["index", *(path.stem for path in NOTEBOOKS), "take_away", "glossary", "references", "teaching"]
PAGES += [f"teaching/{path.stem}" for path in NOTEBOOKS]
MOST_BYTES = 1_500_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What axe looks for in each color scheme: only colors differ in the dark.
AXE = {
    "light": {"preload": False, "runOnly": {"type": "tag", "values": RULES}},
    "dark": {"preload": False, "runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
TO_THE_END = """async () => {
    for (const summary of document.querySelectorAll("article details > summary")) summary.click();
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
        scrollTo(0, y);
        for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    }
    const shown = [...document.images].filter(image => image.checkVisibility());
    await Promise.all(shown.map(image => image.decode()));
}"""
STILL = ["index", *(path.stem for path in NOTEBOOKS)]
SHIFTS = """
    window.shifts = 0;
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifts += shift.value;
    }).observe({ type: "layout-shift", buffered: true });
"""
THROUGH = """async () => {
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 3) {
        scrollTo(0, y);
        for (let i = 0; i < 6; i++) await new Promise(requestAnimationFrame);
    }
}"""
OUTSIDE = """() => [...document.querySelectorAll("article p, article li, article img, article .live, h1, h2")]
    .filter(part => part.getClientRects().length && !part.closest("table, pre"))
    .filter(part => part.getBoundingClientRect().right > innerWidth + 1)
    .map(part => part.outerHTML.slice(0, 200))"""

CLIPPED = """() => [...document.querySelectorAll("article :is(pre, table, div.math)")]
    .filter(block => block.scrollWidth > block.clientWidth + 2)
    .filter(block => getComputedStyle(block).maskImage === "none" || !block.matches(".goes-on-right"))
    .map(block => block.outerHTML.slice(0, 200))"""
# How far the middle of a displayed formula is from the middle of its block
OFF_CENTER = """() => [...document.querySelectorAll("math[display=block]")].map(formula => {
    const middle = ({left, right}) => (left + right) / 2;
    const parts = [...formula.querySelectorAll("*")].map(part => part.getBoundingClientRect());
    const drawn = parts.filter(({width}) => width);
    const ends = { left: Math.min(...drawn.map(r => r.left)), right: Math.max(...drawn.map(r => r.right)) };
    return Math.abs(middle(ends) - middle(formula.parentElement.getBoundingClientRect()));
})"""


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_little_fits_any_window_and_is_accessible(address, page, name):
    sizes, pending = [], set()
    page.on("request", lambda request: pending.add(request))
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: pending.discard(request))
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.evaluate(THROUGH)
    for place in page.locator(".live").all():
        expect(place).to_have_attribute("data-state", "ready")
        expect(place.locator("xpath=../img")).to_be_hidden()
    while pending:
        page.wait_for_timeout(100)
    assert 100_000 < sum(sizes) <= MOST_BYTES  # all that comes until something is opened or played with
    page.evaluate(TO_THE_END)
    assert page.context.cookies() == []
    for fold in page.locator(".live details > summary").all():
        fold.click()
    expect(page.locator("article details:not([open])")).to_have_count(0)

    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        # The observer of sizes needs a moment, and the sidebar may still be moving.
        page.wait_for_function(f"({CLIPPED})().length === 0", timeout=5_000)

    for scheme, rules in AXE.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        page.evaluate("Promise.allSettled(document.getAnimations().map(change => change.finished))")
        found = Axe().run(page, options=rules).response["violations"]
        assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


def test_wide_output_shows_on_which_side_it_goes_on(address, page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/07_faster_training.html")
    block = page.locator("table.goes-on-right").first
    block.evaluate("block => block.scrollTo(10_000, 0)")
    expect(page.locator("table.goes-on-left:not(.goes-on-right)")).to_have_count(1)


def test_code_is_copied_as_it_stands_in_the_notebook(address, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/02_mlp.html")
    cells = [cell for cell in read(NOTEBOOKS[1]).cells if cell.cell_type == "code"]
    buttons = page.locator("article .cell_input").get_by_role("button", name="Copy", exact=True)
    expect(buttons).to_have_count(page.locator("article .cell_input:visible").count())
    page.locator("article .cell_input").nth(5).get_by_role("button").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == cells[5].source


def test_archives_and_slides_are_taken_away(address, page, tmp_path):
    page.goto(f"{address}/take_away.html")
    archives = page.locator("article a[download]")
    expect(archives).to_have_count(2 + len(NOTEBOOKS))
    with page.expect_download() as download:
        archives.first.click()
    expect_one_folder_with_the_package(download.value.path())
    for link in archives.all():
        answer = page.request.get(f"{address}/{link.get_attribute('href')}")
        expect_one_folder_with_the_package(io.BytesIO(answer.body()))
    page.get_by_role("link", name="Slides", exact=True).click()
    page.get_by_role("link", name=re.compile("^02 ")).click()
    page.wait_for_function("window.Reveal?.isReady()")


def test_button_above_a_notebook_hands_it_out_with_the_package(address, page):
    page.goto(f"{address}/02_mlp.html")
    page.get_by_role("button", name="Take it away").click()
    archive = page.get_by_role("link", name=re.compile(r"This notebook, to run \(\d+ MB\)"))
    expect(archive).to_be_visible()
    answer = page.request.get(f"{address}/{archive.get_attribute('href')}")
    expect_one_folder_with_the_package(io.BytesIO(answer.body()))
    page.get_by_role("link", name="The whole course").click()
    expect(page.get_by_role("button", name="Run this notebook")).to_have_count(0)  # no address, no button


def expect_one_folder_with_the_package(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        (folder,) = {name.partition("/")[0] for name in archive.namelist()}
        assert {f"{folder}/README.md", f"{folder}/mnist_helpers/mnist.npz"} <= {*archive.namelist()}


@pytest.mark.parametrize("where", ["site", "slides", "print"])
def test_displayed_formulas_are_centered(address, page, where):
    page.emulate_media(media="print" if where == "print" else "screen")
    page.goto(f"{address}/../{'slides' if where == 'slides' else 'site'}/02_mlp.html")
    page.add_style_tag(content=".reveal .slides section { display: block !important; }")
    distances = page.evaluate(OFF_CENTER)
    assert len(distances) >= 2 and max(distances) < 10


@pytest.mark.parametrize("size", [(390, 844), (768, 1024), (1440, 900)], ids=str)
@pytest.mark.parametrize("name", STILL)
def test_nothing_moves_when_a_widget_comes(address, page, name, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.add_init_script(SHIFTS)
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.evaluate(THROUGH)
    for place in page.locator(".live").all():
        expect(place).to_have_attribute("data-state", "ready")
    assert page.evaluate("window.shifts") <= 0.05


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_search_finds_a_page(address, built, page, where):
    folder = address if where == "served" else (built / "site").as_uri()
    page.goto(f"{folder}/search.html?q=dropout")
    expect(page.get_by_role("link", name=re.compile("Go deeper")).last).to_be_visible()
    if where == "from disk":  # no excerpts from the pages there, but the links are enough
        assert all("fetch" in error or "ERR_FAILED" in error for error in page.console_errors)
        page.console_errors.clear()


def test_each_handout_is_one_sheet_with_room_to_write(page, tmp_path):
    print_handouts(page, tmp_path)
    for path in NOTEBOOKS:
        (sheet,) = pypdf.PdfReader(tmp_path / f"handout-{path.stem}.pdf").pages
        assert [round(float(side) / 72 * 25.4) for side in sheet.mediabox[2:]] == [210, 297]
        text = unicodedata.normalize("NFKC", sheet.extract_text())
        assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2", "3"] and "\nNotes\n" in text
        page.set_content(handout(path))
        assert page.locator(".notes").bounding_box()["height"] > 100
