"""What `make site`, `make student` and `make slides` write. browser/test_site.py opens it."""

import re
from itertools import dropwhile, groupby, takewhile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.errors import SphinxError
from test_archives import EDITIONS, EVERYWHERE

from tools import mathml, minutes, publish, slides
from tools.course import NOTEBOOKS, alt_text, read, tags, title
from tools.launch_buttons import launch_links

PAGES = ("index", "take_away", "teaching", "glossary", "references")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    (folder / "course.pdf").write_bytes(b"%PDF" + bytes(3_000_000))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"COURSE_SITE": "https://you.github.io/course", **EVERYWHERE}.items():
            patch.setenv(name, value)
        return publish.make_site(site=folder / "site", pdf=lambda: folder / "course.pdf").parent


@pytest.fixture(scope="module")
def articles(site) -> dict[str, BeautifulSoup]:
    pages = {file.stem: BeautifulSoup(file.read_bytes(), "html.parser") for file in site.glob("*.html")}
    return {name: page.select_one("article.bd-article") or page for name, page in pages.items()}


@each_notebook
def test_page_shows_its_notebook(site, articles, path):
    article, cells = articles[path.stem], read(path).cells
    images = article.select("img")
    assert [image["alt"] for image in images] == [alt_text(cell) for cell in cells if alt_text(cell)]
    assert all(image["loading"] == "lazy" for image in images)
    folds = [fold.get_text(" ", strip=True).split()[0] for fold in article.select("details.hide > summary")]
    assert folds == ["Solution" for cell in cells if cell.cell_type == "code" and "solution" in tags(cell)]
    assert not article.select("details[open]")
    text = BeautifulSoup(str(article), "html.parser")
    for code in text.select("pre, code, annotation"):
        code.decompose()
    assert "$" not in text.get_text()
    assert bool(text.select("math")) == any("$" in cell.source for cell in cells)


@each_notebook
def test_page_folds_what_is_to_be_guessed_and_what_is_beside_the_lesson(articles, path):
    article = articles[path.stem]
    for prompt in article.find_all("strong", string="Your turn."):
        after = dropwhile(lambda part: "cell" not in part.get("class", []), siblings_of(prompt.parent))
        for cell in takewhile(lambda part: "cell" in part.get("class", []), after):
            for output in cell.select(".cell_output"):
                at_once = "tag_question" in cell["class"] or output.select(".live")
                assert is_folded(output, "Show what happens") != bool(at_once), output.get_text()[:100]
    codes = {
        code: code.get_text() for code in article.select(".cell:not(.tag_solution, .tag_script) .cell_input")
    }
    for code, text in codes.items():
        if re.match(r"import |from |EPOCHS =", text):
            assert is_folded(code, "Show the code that ")
        if re.search(r"\.(compile|fit|evaluate)\(|^def |layers\.", text, re.MULTILINE):
            assert not is_folded(code, "Show the code that ") or "import" in text, text
    assert not is_folded(article.select_one(".cell_input pre:not(details pre)"))


def siblings_of(part):
    return [sibling for sibling in part.next_siblings if sibling.name]


def is_folded(part, summary=""):
    fold = part.find_parent("details", class_="fold")
    return bool(fold) and not fold.has_attr("open") and fold.summary.string.startswith(summary)


@each_notebook
def test_page_says_where_code_runs_and_offers_to_enlarge_figures(articles, path):
    article = articles[path.stem]
    assert [link["href"] for link in article.select("#exercises > .on-page a")] == ["take_away.html"]
    figures = [
        image for image in article.select(".cell_output img") if not image.find_next_sibling(class_="live")
    ]
    assert all(image.find_next_sibling("button").string == "Enlarge" for image in figures)


def test_site_has_all_pages_and_links_terms_where_they_are_introduced(articles):
    lessons, linked = {path.stem for path in NOTEBOOKS}, set()
    assert set(articles) == {*PAGES, "genindex", "search"} | lessons
    for path in NOTEBOOKS:
        links = articles[path.stem].select("a[href^='glossary']")
        assert links and all(link.select("strong, em") for link in links), path.stem
        linked |= {link["href"].partition("#")[2] for link in links}
    terms = articles["glossary"].select("dt[id]")
    assert linked <= {term["id"] for term in terms}
    assert len(linked) > 0.8 * len({term.find_next("dd").sourceline for term in terms})


def test_each_page_says_what_it_is_about(site):
    found = set()
    for name in [*PAGES, *(f"{folder}{path.stem}" for path in NOTEBOOKS for folder in ("", "teaching/"))]:
        page = BeautifulSoup((site / f"{name}.html").read_bytes(), "html.parser")
        about = {
            tag.get("property", tag.get("name")): tag["content"] for tag in page.select("head meta[content]")
        }
        assert about["description"] == about["og:description"] and 30 < len(about["description"]) <= 200
        assert about["og:title"] in page.title.string
        assert about["og:url"] == f"https://you.github.io/course/{name}.html"
        assert (site / about["og:image"].removeprefix("https://you.github.io/course/")).is_file()
        found.add(about["description"])
    assert len(found) == len(PAGES) + 2 * len(NOTEBOOKS)


def test_guide_gives_the_minutes_of_each_section_and_leads_there(site, articles):
    for path in NOTEBOOKS:
        page = BeautifulSoup((site / "teaching" / f"{path.stem}.html").read_bytes(), "html.parser")
        links = page.select("#minutes table a")
        names = [name.replace("`", "") for name in minutes.sections(path.stem)]
        assert [link.get_text().replace("’", "'") for link in links] == names
        assert all(articles[path.stem].find(id=link["href"].partition("#")[2]) for link in links[1:])
        assert not page.select("a[href$='.pdf']")  # none was printed


def test_letters_lead_to_the_first_term_of_each(articles):
    links = articles["glossary"].select("p.letters a")
    terms = articles["glossary"].select("dt:first-child, dd + dt")
    first = {term.get_text()[0].upper(): term["id"] for term in reversed(terms)}
    assert [(link.string, link["href"]) for link in links] == [
        (key, f"#{first[key]}") for key in sorted(first)
    ]


@each_notebook
def test_questions_have_feedback_on_every_answer(articles, path):
    section = articles[path.stem].find(id="check-yourself")
    questions = re.findall(r"^\d+\. .*\?$", section.get_text(), re.MULTILINE)
    said = [answer.select_one("p").get_text(" ", strip=True) for answer in section.select("details")]
    assert len(questions) >= 3
    assert sum(text.startswith("Right.") for text in said) == len(questions)
    assert all(re.match(r"No: |Not quite: |Right\.", text) for text in said)


def test_failed_build_leaves_the_old_site_and_no_draft(tmp_path):
    notebooks, site = tmp_path / "notebooks", tmp_path / "site"
    for folder in (notebooks, site):
        folder.mkdir()
    (notebooks / "conf.py").write_text("extensions = ['myst_nb']\n")
    (notebooks / "index.md").write_text("# Title\n\n[nowhere](nowhere.md)\n")
    (site / "index.html").write_text("old")
    with pytest.raises(SphinxError, match="the site has warnings"):
        publish.make_site(notebooks, site, settings=notebooks)
    assert (site / "index.html").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [notebooks, site]


# What can be taken away


def test_site_offers_what_was_built_with_it_and_says_how_large_it_is(site, articles):
    offered = articles["take_away"].select("li a[href]")
    students, teachers, *single = (f"downloads/{edition}.zip" for edition in EDITIONS)
    hrefs = [students, teachers, "downloads/course.pdf", "slides/index.html", *single]
    assert [link["href"] for link in offered] == hrefs
    for link in offered:
        file = site / link["href"]
        assert file.is_file()
        if file.parent.name == "downloads":
            assert link.next_sibling.startswith(f" ({round(file.stat().st_size / 1e6)} MB)")
    assert "jupyter lab 01_preprocessing.ipynb" in articles["take_away"].get_text()
    decks = BeautifulSoup((site / "slides" / "index.html").read_bytes(), "html.parser").select("li a")
    assert [deck["href"] for deck in decks] == [f"{path.stem}.html" for path in NOTEBOOKS]
    assert [deck.string for deck in decks] == [f"{path.stem[:2]} {title(read(path))}" for path in NOTEBOOKS]


@pytest.mark.parametrize("printed", [True, False])
def test_what_was_not_made_is_not_offered(tmp_path, printed):
    parts = ('<a href="../downloads/handout.pdf" download>', "</a>")
    item = nodes.list_item("", nodes.raw("", parts[0]), nodes.Text("Sheet"), nodes.raw("", parts[1]))
    items = nodes.bullet_list("", item)
    for folder in ("site/downloads", "build"):
        (tmp_path / folder).mkdir(parents=True)
    if printed:
        (tmp_path / "build" / "handout.pdf").write_bytes(b"%PDF" + bytes(10_000))
    publish.offer(
        tmp_path / "site", lambda: tmp_path / "build" / "course.pdf", None, items, "teaching/02_mlp"
    )
    assert items.astext().endswith("(10 kB)" if printed else "") and len(items) == printed
    assert (tmp_path / "site" / "downloads" / "handout.pdf").is_file() is printed


def test_buttons_above_a_notebook_run_it_and_hand_it_out(site):
    for file in [*site.glob("*.html"), *site.glob("teaching/*.html")]:
        links = BeautifulSoup(file.read_bytes(), "html.parser").select(".article-header-buttons a[href]")
        hrefs = [link["href"] for link in links]
        here = [href for href in hrefs if not urlsplit(href).netloc]
        assert all((file.parent / href).is_file() for href in here), file
        if f"{file.stem}.ipynb" in (path.name for path in NOTEBOOKS) and file.parent == site:
            assert here[:2] == [f"downloads/handwriting-{file.stem}.zip", f"slides/{file.stem}.html"]
            assert hrefs[:3] == [*launch_links(f"{file.stem}.ipynb", EVERYWHERE).values()]
        else:
            assert len(hrefs) - len(here) == (1 if here else 0)
    assert not list(site.glob("_sources/*"))


def test_pages_need_nothing_from_elsewhere_and_name_no_file_of_the_repository(site, articles):
    for name, article in articles.items():
        page = BeautifulSoup((site / f"{name}.html").read_bytes(), "html.parser")
        parts = page.select("[src], link[href]:not([rel=canonical])")
        assert not [part for part in parts if urlsplit(part.get("src") or part["href"]).netloc], name
        assert not page.select("link[type*=rss], link[type*=atom]")
        assert not re.findall("README|CONTRIBUTING", article.get_text()), name


# The slides


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> Path:
    return slides.make_slides(tmp_path_factory.mktemp("built") / "slides").parent


@each_notebook
def test_deck_shows_the_figures_and_says_the_rest(decks, path):
    about = [(cell.metadata.slideshow, alt_text(cell)) for cell in read(path).cells]
    assert {slide.slide_type for slide, _ in about} <= {"slide", "subslide", "notes", "skip"}
    assert {slide.get("show", "titles") for slide, _ in about} <= {"titles", "code", "output"}
    deck = BeautifulSoup((decks / f"{path.stem}.html").read_bytes(), "html.parser")
    shown = [alt for slide, alt in about if alt and slide.slide_type != "skip"]
    assert [alt for alt, _ in groupby(image["alt"] for image in deck.select("img"))] == shown
    assert not re.search(r"RUN_FOLDER|^ *(assert|import|from \w+ import) ", code_on(deck), re.MULTILINE)
    assert deck.select("aside.notes")
    for slide in deck.select("section section")[1:]:
        for part in slide.select("aside, h1, h2, h3, h4"):
            part.decompose()
        assert slide.get_text(strip=True) or slide.select("img"), "a slide is a title only"
    assert "$" not in "".join(part.get_text() for part in deck.select("section p"))


def code_on(deck: BeautifulSoup) -> str:
    return "\n".join(block.get_text() for block in deck.select(".jp-CodeCell .highlight pre"))


def test_plumbing_stays_off_the_slides():
    source = """import numpy as np

x = np.arange(3)
for value in x:
    assert value < 3
    print(value)
if RUN_FOLDER:
    save_results(RUN_FOLDER, x)
assert (
    len(x) == 3
)"""
    assert slides.without_plumbing(source) == "x = np.arange(3)\nfor value in x:\n    print(value)"
    assert slides.without_plumbing("assert EPOCHS > 0") == ""


def panels(rows: int, title: bool) -> np.ndarray:
    """A figure of panels below each other, each with or without a line of text above it."""
    figure = np.full((rows * 220, 300, 3), 255, dtype="uint8")
    for top in range(0, len(figure), 220):
        figure[top + 50 : top + 200, 20:280] = 0
        if title:
            figure[top + 10 : top + 22, 100:200] = 0
    return figure


@pytest.mark.parametrize("title", [True, False])
def test_figure_that_is_too_high_is_cut_between_its_panels(title):
    most = slides.ROOM[1] / slides.LEAST
    parts = slides.cut(panels(5, title))
    assert [len(part) // 200 for part in parts] == [2, 2, 1] and all(len(part) <= most for part in parts)
    assert np.array_equal(np.concatenate(parts), panels(5, title))
    for part in parts:
        assert (part[: 40 if title else 60] == 0).any() and (part[-25:] == 255).any()
    sideways = slides.cut(np.tile(panels(1, title), (1, 5, 1)))
    assert [part.shape[1] // 290 for part in sideways] == [3, 2]
    assert len(slides.cut(panels(2, title))) == 1
    assert len(slides.cut(np.zeros((900, 300, 3), dtype="uint8"))) == 1  # no gap to cut at


def test_cell_goes_to_the_slide_as_its_metadata_says():
    def cell(source, kind, make=new_markdown_cell, **about):
        return make(source, metadata={"slideshow": {"slide_type": kind, **about}})

    output = new_output("stream", text="2")
    cells = [
        cell("# One\n\nText.\n\n- a\n- b", "slide"),
        cell("## Two\n\n- a", "slide", show="titles"),
        cell("Text.", "skip"),
        cell("1", "subslide", new_code_cell, show="code"),
        cell("2", "subslide", new_code_cell, show="output"),
    ]
    cells[3].outputs = cells[4].outputs = [output]
    found = slides.for_slides(new_notebook(cells=cells)).cells
    texts = [(cell.source, cell.metadata.slideshow.slide_type) for cell in found]
    assert texts == [
        *(
            ("# One\n\n- a\n- b", "slide"),
            ("Text.", "notes"),
            ("## Two", "slide"),
            ("1", "-"),
            ("- a", "notes"),
        ),
        *(("*Two*", "subslide"), ("2", "-")),
    ]
    assert (found[3].outputs, found[3].metadata.hide_input) == ([], False)
    assert (found[6].outputs, found[6].metadata.hide_input) == ([output], True)


def test_formulas_become_mathml():
    text = mathml.with_mathml("5 dollars, $x^2$ and\n\n$$x\n+ y$$")
    kinds = re.findall(r'<math xmlns="http://www.w3.org/1998/Math/MathML" display="(\w+)">', text)
    assert text.startswith("5 dollars, ") and kinds == ["inline", "block"]
