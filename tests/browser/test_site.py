"""The published site, the slides and the PDF, as used by a reader without Python: with Chromium alone."""

import re
import subprocess
import sys
import unicodedata

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tools.course import NOTEBOOKS, ROOT, alt_text, read, title

PAGES = ["index", *(path.stem for path in NOTEBOOKS), "glossary", "references"]
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
OUTSIDE = """() => [...document.querySelectorAll("article p, article li, article img, article .live, h1, h2")]
    .filter(part => part.getClientRects().length && !part.closest("table, pre"))
    .filter(part => part.getBoundingClientRect().right > innerWidth + 1)
    .map(part => part.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_little_fits_any_window_and_is_accessible(address, page, name):
    sizes = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    assert 100_000 < sum(sizes) <= MOST_BYTES
    page.evaluate(TO_THE_END)
    for place in page.locator(".live").all():
        expect(place).to_have_attribute("data-state", "ready")
        expect(place.locator("xpath=../img")).to_be_hidden()
    assert page.locator("article details:not([open])").count() == 0

    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []

    for scheme, rules in AXE.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        page.evaluate("Promise.allSettled(document.getAnimations().map(change => change.finished))")
        found = Axe().run(page, options=rules).response["violations"]
        assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


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
                await new Promise(requestAnimationFrame);
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
    command = [sys.executable, "-m", "tools.publish", "pdf"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    pdf = pypdf.PdfReader(run.stdout.strip())
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.outline
    text = " ".join(page.extract_text() for page in pdf.pages)
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))  # "fi" may be one letter
    assert not [path.stem for path in NOTEBOOKS if title(read(path)) not in text]
    figures = [cell for path in NOTEBOOKS for cell in read(path).cells if alt_text(cell)]
    assert sum(len(page.images) for page in pdf.pages) >= len(figures)
