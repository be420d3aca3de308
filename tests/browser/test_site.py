"""The published site, the slides and the PDF, as used by a reader without Python: with Chromium alone."""

import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import NOTEBOOKS, ROOT, alt_text, read
from playwright.sync_api import BrowserContext, Page, expect

import publish
from browser.conftest import HOST, watch

PAGES = ["index", *(path.stem for path in NOTEBOOKS), "glossary", "references"]
MOST_BYTES = 1_500_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = {"preload": False, "runOnly": {"type": "tag", "values": RULES}}
TO_THE_END = """async () => {
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
        scrollTo(0, y);
        await new Promise(done => setTimeout(done, 20));
    }
    const shown = [...document.images].filter(image => image.checkVisibility());
    await Promise.all(shown.map(image => image.decode()));
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder with the site and the slides."""
    folder = tmp_path_factory.mktemp("built")
    publish.make_site(site=folder / "site")
    publish.make_slides(folder / "slides")
    return folder


@pytest.fixture(scope="session")
def address(built) -> Iterator[str]:
    """Serve that folder on localhost, with the site under a subpath."""
    server = ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=built))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}/site"
    server.shutdown()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    context = browser.browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    watch(page)
    yield page
    assert page.foreign_requests == []
    assert page.console_errors == []
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_little_before_it_is_used(address, page, name):
    sizes = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    assert page.locator("article h1").count() == 1
    assert 100_000 < sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(address, page, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.evaluate(TO_THE_END)
    for place in page.locator(".live").all():
        expect(place).to_have_attribute("data-state", "ready")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    found = Axe().run(page, options=AXE).response["violations"]
    assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_the_window(address, page, name, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{address}/{name}.html")
    page.evaluate(TO_THE_END)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => [...document.querySelectorAll("article p, article li, article img, article .live, h1, h2")]
            .filter(part => part.getClientRects().length && !part.closest("table, pre"))
            .filter(part => part.getBoundingClientRect().right > innerWidth + 1)
            .map(part => part.outerHTML.slice(0, 200))"""
    )
    assert outside == []


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw a line on the pad, through points given as fractions of its side."""
    pad = page.locator(".live canvas").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def start_live(page: Page) -> None:
    page.locator(".live").scroll_into_view_if_needed()
    expect(page.locator(".live")).to_have_attribute("data-state", "ready", timeout=20_000)


@pytest.mark.parametrize("name", ["index", "06_draw_your_own"])
@pytest.mark.parametrize("where", ["served", "from disk"])
def test_pad_draws_and_answers(address, built, page, name, where):
    page.goto(f"{address}/{name}.html" if where == "served" else (built / "site" / f"{name}.html").as_uri())
    start_live(page)
    expect(page.get_by_text("MLP reads 2").first).to_be_visible()
    draw(page, [(0.5, 0.15), (0.5, 0.5), (0.5, 0.85)])
    expect(page.get_by_text(re.compile("Deep CNN reads 1")).first).to_be_visible()


def test_pad_works_by_keyboard(address, page):
    page.goto(f"{address}/index.html")
    start_live(page)
    page.locator(".live").get_by_role("button", name="Clear").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("MLP reads 2")).to_have_count(0)


def test_explorer_steps_its_window(address, page):
    page.goto(f"{address}/03_cnn.html")
    start_live(page)
    place = page.locator(".live")
    before = place.inner_text()
    place.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.live').shadowRoot.textContent !== before", arg=before
    )
    expect(place.get_by_text(re.compile("column 16")).first).to_be_visible()


def test_widget_replaces_its_picture(address, page):
    page.goto(f"{address}/03_cnn.html")
    picture = page.locator(".cell_output:has(> .live) img")
    expect(picture).to_have_count(1)
    start_live(page)
    expect(picture).to_be_hidden()


def test_widget_that_cannot_be_loaded_says_so(address, page):
    page.route("**/live/digit_pad.js", lambda route: route.abort())
    page.goto(f"{address}/06_draw_your_own.html")
    page.locator(".live").scroll_into_view_if_needed()
    expect(page.locator(".live")).to_have_attribute("data-state", "failed")
    expect(page.locator(".live")).to_contain_text("could not be started")
    expect(page.locator(".cell_output:has(> .live) img")).to_be_visible()
    assert all("ERR_FAILED" in error for error in page.console_errors)
    page.console_errors.clear()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_answers_and_solutions_unfold(address, page, path):
    page.goto(f"{address}/{path.stem}.html")
    answers = page.locator("#check-yourself > details")
    assert answers.count() >= 9
    first = answers.first
    expect(first.locator("p")).to_be_hidden()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(first.locator("p").first).to_be_visible()
    fold = page.locator("details.hide").first
    expect(fold.locator("pre").first).to_be_hidden()
    fold.locator("summary").click()
    expect(fold.locator("pre").first).to_be_visible()


@pytest.mark.parametrize("where", ["served", "from disk"])
def test_search_finds_a_page(address, built, page, where):
    folder = address if where == "served" else (built / "site").as_uri()
    page.goto(f"{folder}/search.html?q=dropout")
    expect(page.get_by_role("link", name=re.compile("Go deeper")).last).to_be_visible()
    if where == "from disk":  # no excerpts from the pages there, but the links are enough
        assert all("fetch" in error or "ERR_FAILED" in error for error in page.console_errors)
        page.console_errors.clear()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_slide_fits_and_is_legible(address, page, path):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{address}/../slides/{path.stem}.html")
    page.wait_for_function("window.Reveal?.isReady()")
    problems = page.evaluate(
        """async () => {
            const found = [];
            for (const slide of Reveal.getSlides()) {
                const { h, v } = Reveal.getIndices(slide);
                Reveal.slide(h, v);
                await new Promise(done => requestAnimationFrame(done));
                for (const part of slide.querySelectorAll("*")) {
                    if (!part.checkVisibility() || part.closest("aside, math")) continue;
                    const { right, bottom } = part.getBoundingClientRect();
                    const html = part.outerHTML.slice(0, 100);
                    if (right > 1281 || bottom > 721) found.push([h, v, "sticks out", html]);
                    const ownText = [...part.childNodes].filter(node => node.nodeType === 3);
                    const size = parseFloat(getComputedStyle(part).fontSize);
                    if (ownText.some(node => node.data.trim()) && size < 24) found.push([h, v, size, html]);
                }
                if (!slide.textContent.trim()) found.push([h, v, "is empty"]);
            }
            await Promise.all([...document.images].map(image => image.decode()));
            return found;
        }"""
    )
    assert problems == []


def test_pdf_holds_the_course_with_tags_and_outline():
    # In a separate process, because this one already runs Playwright.
    run = subprocess.run([sys.executable, "publish.py", "pdf"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    pdf = pypdf.PdfReader(run.stdout.strip())
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.outline
    text = " ".join(page.extract_text() for page in pdf.pages)
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))  # "fi" may be one letter
    for path in NOTEBOOKS:
        assert publish.title(read(path)) in text
    figures = [cell for path in NOTEBOOKS for cell in read(path).cells if alt_text(cell)]
    assert sum(len(page.images) for page in pdf.pages) >= len(figures)
