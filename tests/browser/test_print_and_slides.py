"""The slides and the PDF: legible, whole, and live where a slide can be."""

import re
import subprocess
import sys
import unicodedata
from itertools import groupby

import pypdf
import pytest
from playwright.sync_api import Page, expect

from browser.test_digit_pad import ONE, draw, expect_reading
from mnist_helpers import widgets
from tools.course import NOTEBOOKS, ROOT, alt_text, read, tags, title

# The one figure that is there for its shape: its numbers follow on the next slide.
ENLARGED_NEXT = "The 28 by 28 pixels of image 0 as numbers"
PROBLEMS = """async ([h, v, enlargedNext]) => {
    Reveal.slide(h, v);
    const slide = Reveal.getCurrentSlide(), found = [];
    await Promise.all([...slide.querySelectorAll("img")].map(image => image.decode()));
    await new Promise(requestAnimationFrame);
    const shown = [...slide.querySelectorAll("*")].filter(part => part.checkVisibility());
    const arrows = [...document.querySelectorAll(".controls button.enabled, .slide-number")]
        .map(arrow => arrow.getBoundingClientRect());
    for (const part of shown.filter(part => !part.closest("aside, math"))) {
        const box = part.getBoundingClientRect();
        const html = part.outerHTML.slice(0, 100);
        if (box.right > 1281 || box.bottom > 721 || box.left < 0) found.push(["sticks out", html]);
        const words = [...part.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const size = parseFloat(getComputedStyle(part).fontSize);
        if (words && size < 24) found.push([size, html]);
        if (!words && !part.matches("img, .live")) continue;
        if (arrows.some(({ left, top, right, bottom }) =>
            box.left < right && box.right > left && box.top < bottom && box.bottom > top)) {
            found.push(["lies below an arrow", html]);
        }
    }
    for (const image of shown.filter(part => part.matches("img:not(:has(+ .live))"))) {
        const { width, height } = image.getBoundingClientRect();
        const larger = Math.min(width / image.naturalWidth, height / image.naturalHeight);
        const letters = 11 / 72 * 110 * larger; // of 11 points, in figures of 110 pixels an inch
        if (letters < 16 && !image.alt.startsWith(enlargedNext)) found.push([letters, image.alt]);
    }
    if (!slide.textContent.trim()) found.push("is empty");
    return found.map(problem => [h, v, problem]);
}"""
LETTERS = """place => Math.min(...[...place.shadowRoot.querySelectorAll("*:not(style)")]
    .filter(part => part.checkVisibility())
    .filter(part => [...part.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(part => parseFloat(getComputedStyle(part).fontSize) * part.currentCSSZoom))"""
AT = "() => Object.values(Reveal.getIndices()).join()"


def open_deck(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(address)
    page.wait_for_function("window.Reveal?.isReady()")


def open_live_slide(page: Page, address: str) -> None:
    """Open a deck, and its first slide that has a widget."""
    open_deck(page, address)
    page.evaluate(
        """() => {
            const { h, v } = Reveal.getIndices(document.querySelector(".live").closest("section"));
            Reveal.slide(h, v);
        }"""
    )
    expect(page.locator("section.present .live").first).to_have_attribute("data-state", "ready")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_slide_fits_and_is_legible_and_clear_of_the_arrows(address, page, path):
    open_deck(page, f"{address}/../slides/{path.stem}.html")
    places = page.evaluate("Reveal.getSlides().map(Reveal.getIndices).map(({ h, v }) => [h, v])")
    found = [page.evaluate(PROBLEMS, [*place, ENLARGED_NEXT]) for place in places]
    assert [problem for of_slide in found for problem in of_slide] == []
    for place in page.locator(".live").all():
        place.evaluate(
            """place => {
                const { h, v } = Reveal.getIndices(place.closest("section"));
                Reveal.slide(h, v);
            }"""
        )
        expect(place).to_have_attribute("data-state", "ready")
        expect(place.locator("xpath=preceding-sibling::img")).to_be_hidden()
        box = place.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 690
        assert place.evaluate("place => place.scrollWidth - place.clientWidth") == 0
        assert place.evaluate(LETTERS) >= 15


def test_deck_with_a_widget_is_light_until_its_slide(address, page):
    loaded, sizes = [], []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    open_deck(page, f"{address}/slides/06_draw_your_own.html")
    page.wait_for_timeout(500)
    assert not [url for url in loaded if "/live/" in url] and sum(sizes) < 1_500_000


@pytest.mark.parametrize("where", ["on the site", "from disk"])
def test_pad_on_its_slide_reads_a_digit(address, built, page, where):
    folder = f"{address}/slides" if where == "on the site" else (built / "slides").as_uri()
    open_live_slide(page, f"{folder}/06_draw_your_own.html")
    view = page.locator(".digit-pad")
    draw(view, ONE)
    expect_reading(view, 1, 1, 1)


def test_arrow_keys_belong_to_the_widget_that_has_the_focus(address, page):
    open_live_slide(page, f"{address}/../slides/03_cnn.html")
    slider = page.locator(".convolution-explorer").get_by_role("slider", name="place")
    slider.focus()
    before, at = slider.input_value(), page.evaluate(AT)
    page.keyboard.press("ArrowRight")
    expect(slider).not_to_have_value(before)
    assert page.evaluate(AT) == at
    page.keyboard.press("PageDown")
    assert page.evaluate(AT) != at
    page.keyboard.press("PageUp")
    page.mouse.click(640, 30)
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(AT) != at


def test_trainer_trains_on_its_slide(address, page):
    open_deck(page, f"{address}/../slides/02_mlp.html")
    place = page.locator('[data-live="02_mlp/network_trainer"]')
    place.evaluate("place => (({ h, v }) => Reveal.slide(h, v))(Reveal.getIndices(place.closest('section')))")
    expect(place).to_have_attribute("data-state", "ready")
    place.get_by_role("button", name="Step").click()
    expect(place.locator("td", has_text=re.compile(r"\d")).first).to_be_visible()


# The PDF


@pytest.fixture(scope="module")
def pdf() -> pypdf.PdfReader:
    # In a separate process, because this one already runs Playwright.
    command = [sys.executable, "-m", "tools.publish", "pdf"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return pypdf.PdfReader(run.stdout.strip())


@pytest.fixture(scope="module")
def texts(pdf) -> list[str]:
    """The text of each page, in which "fi" may be one letter."""
    found = [unicodedata.normalize("NFKC", page.extract_text()) for page in pdf.pages]
    return [re.sub(r"\s+", " ", text).strip() for text in found]


@pytest.fixture(scope="module")
def chapters(pdf, texts) -> dict[str, tuple[list[str], str]]:
    """Of each entry at the top of the outline: the titles of its sections, and its text."""
    flat = [(entry, below) for entry, below in zip(pdf.outline, [*pdf.outline[1:], []], strict=True)]
    tops = [(entry, below) for entry, below in flat if not isinstance(entry, list)]
    pages = [pdf.get_destination_page_number(entry) for entry, _ in tops] + [len(texts)]
    return {
        entry.title: (
            [part.title for part in below if not isinstance(part, list)] if isinstance(below, list) else [],
            " ".join(texts[start:end]),
        )
        for (entry, below), start, end in zip(tops, pages, pages[1:], strict=False)
    }


def test_pdf_holds_the_course_with_tags_outline_and_page_numbers(pdf, texts, chapters):
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert all(text.endswith(str(number)) for number, text in enumerate(texts, 1))
    beginnings = [f"{path.stem[:2]} {title(read(path))}" for path in NOTEBOOKS]
    assert [name for name in chapters if name[:2].isdigit()] == beginnings
    assert all(any(text.startswith(f"{name} ") for text in texts) for name in beginnings)
    figures = [cell for path in NOTEBOOKS for cell in read(path).cells if alt_text(cell)]
    assert sum(len(page.images) for page in pdf.pages) >= len(figures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_answers_and_solutions_are_at_the_end_of_their_notebook(chapters, path):
    sections, text = chapters[f"{path.stem[:2]} {title(read(path))}"]
    assert sections[-2:] == ["Exercises", "Answers and solutions"]
    lesson, answers = re.split(" Answers and solutions (?=Answer 1, )", text)
    assert not re.search(r" Right\. |Show what happens", lesson)
    wanted = re.findall(r"→ answer (\d+)", lesson)
    assert wanted == re.findall(r"Answer (\d+), to “", answers)
    questions = "\n".join(cell.source for cell in read(path).cells if "<details" in cell.source)
    assert answers.count(" Right. ") == questions.count("Right.")
    solutions = [key for key, _ in groupby("hide-cell" in tags(cell) for cell in read(path).cells)]
    assert len(re.findall(r"Answer \d+, to “Exercise", answers)) == sum(solutions)


def test_what_cannot_be_played_is_named_before_it_is_explained(chapters):
    classes = {widgets.module_name(name): getattr(widgets, name) for name in dir(widgets)}
    for path in NOTEBOOKS:
        _, text = chapters[f"{path.stem[:2]} {title(read(path))}"]
        data = [output.get("data", {}) for cell in read(path).cells for output in cell.get("outputs", [])]
        views = [
            part["view"] for of_output in data for name, part in of_output.items() if "mnist-helpers" in name
        ]
        notes = re.findall(r"On the page(?: \(\S+\))?, this is a thing to play with: (\S+ \S+)", text)
        assert [note.lower() for note in notes] == [
            " ".join(classes[view].__doc__.split()[:2]).lower() for view in views
        ]
        for told in re.finditer(r"\b[Pp]ress (Train|Play)\b", text):
            section = text[: told.start()].rpartition("this is a thing to play with:")[2]
            assert len(section) < 2_000, told


def test_pdf_has_no_link_to_a_file_and_no_downloads(pdf, chapters):
    links = [
        note.get_object().get("/A", {}).get("/URI", "")
        for page in pdf.pages
        for note in page.get("/Annots", [])
    ]
    assert [link for link in links if link and not link.startswith(("https://", "http://"))] == []
    assert "Take it away" not in chapters
