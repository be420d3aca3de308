"""What `make site`, `make student` and `make slides` write. browser/test_site.py opens it."""

import os
import re
import zipfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.errors import SphinxError

from tools import mathml, publish, slides
from tools.course import NOTEBOOKS, ROOT, alt_text, read, tags, title
from tools.launch_buttons import launch_buttons

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SITE", "https://you.github.io/course")
        return publish.make_site(site=tmp_path_factory.mktemp("built") / "site").parent


@pytest.fixture(scope="module")
def articles(site) -> dict[str, BeautifulSoup]:
    pages = {file.stem: BeautifulSoup(file.read_bytes(), "html.parser") for file in site.glob("*.html")}
    return {name: page.select_one("article.bd-article") or page for name, page in pages.items()}


@each_notebook
def test_page_shows_its_notebook(site, articles, path):
    article, cells = articles[path.stem], read(path).cells
    assert (site / "_sources" / path.name).read_bytes() == path.read_bytes()  # what is downloaded
    images = article.select("img")
    assert [image["alt"] for image in images] == [alt_text(cell) for cell in cells if alt_text(cell)]
    assert all(image["loading"] == "lazy" for image in images)
    folds = [fold.get_text(" ", strip=True).split()[0] for fold in article.select("details.hide > summary")]
    assert folds == ["Solution" for cell in cells if "solution" in tags(cell)]
    assert not article.select("details[open]")
    text = BeautifulSoup(str(article), "html.parser")
    for code in text.select("pre, code, annotation"):
        code.decompose()
    assert "$" not in text.get_text()
    assert bool(text.select("math")) == any("$" in cell.source for cell in cells)


def test_site_has_all_pages_and_links_terms_where_they_are_introduced(articles):
    lessons, linked = {path.stem for path in NOTEBOOKS}, set()
    assert set(articles) == {"index", "take_away", "glossary", "references", "genindex", "search"} | lessons
    for path in NOTEBOOKS:
        links = articles[path.stem].select("a[href^='glossary']")
        assert links and all(link.select("strong, em") for link in links), path.stem
        linked |= {link["href"].partition("#")[2] for link in links}
    terms = articles["glossary"].select("dt[id]")
    assert linked <= {term["id"] for term in terms}
    assert len(linked) > 0.8 * len({term.find_next("dd").sourceline for term in terms})


def test_each_page_says_what_it_is_about(site):
    found = set()
    for name in ["index", "take_away", "glossary", "references", *(path.stem for path in NOTEBOOKS)]:
        page = BeautifulSoup((site / f"{name}.html").read_bytes(), "html.parser")
        about = {
            tag.get("property", tag.get("name")): tag["content"] for tag in page.select("head meta[content]")
        }
        assert about["description"] == about["og:description"] and 30 < len(about["description"]) <= 200
        assert about["og:title"] in page.title.string
        assert about["og:url"] == f"https://you.github.io/course/{name}.html"
        assert (site / about["og:image"].removeprefix("https://you.github.io/course/")).is_file()
        found.add(about["description"])
    assert len(found) == 4 + len(NOTEBOOKS)


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


# The buttons


def test_launch_buttons_open_the_repository():
    repository, hub = "https://github.com/you/handwriting.git/", "https://hub.school.org"
    options = launch_buttons({"COURSE_REPOSITORY": repository, "COURSE_JUPYTERHUB": hub})
    assert options["repository_url"] == "https://github.com/you/handwriting"
    assert options["path_to_docs"] == "notebooks"
    assert sorted(options["launch_buttons"]) == ["binderhub_url", "colab_url", "jupyterhub_url"]
    assert launch_buttons({}) == {}


NO_REPOSITORY = "COURSE_REPOSITORY must be the address of a repository, https://host/owner/name, got "


@pytest.mark.parametrize(
    ("repository", "hub", "complaint"),
    [
        ("foo", "", f"{NO_REPOSITORY}'foo'"),
        ("git@github.com:you/it", "", NO_REPOSITORY),
        ("https://github.com/you", "", NO_REPOSITORY),
        ("https://github.com/you/it", "hub", "COURSE_JUPYTERHUB must be the address of a hub"),
        ("", "https://hub.school.org", f"{NO_REPOSITORY}''"),
    ],
)
def test_address_that_is_none_is_refused(repository, hub, complaint, monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", repository)
    monkeypatch.setenv("COURSE_JUPYTERHUB", hub)
    monkeypatch.setattr("sys.argv", ["publish", "site"])
    with pytest.raises(SystemExit, match=f"^make site: {complaint}"):
        publish.main()


# What can be taken away


def test_site_offers_what_was_built_with_it(site, articles):
    hrefs = [link["href"] for link in articles["take_away"].select("li a[href]")]
    archives = ["downloads/handwriting.zip", "downloads/handwriting-teacher.zip"]
    assert hrefs[:3] == [*archives, "slides/index.html"]
    assert {*hrefs[3:]} <= {"downloads/course.pdf"}
    assert all((site / href).is_file() for href in hrefs)
    assert "jupyter lab notebooks" in articles["take_away"].get_text()
    decks = BeautifulSoup((site / "slides" / "index.html").read_bytes(), "html.parser").select("li a")
    assert [deck["href"] for deck in decks] == [f"{path.stem}.html" for path in NOTEBOOKS]
    assert [deck.string for deck in decks] == [f"{path.stem[:2]} {title(read(path))}" for path in NOTEBOOKS]


@pytest.mark.parametrize("stale", [False, True])
def test_only_a_pdf_of_these_notebooks_is_offered(tmp_path, monkeypatch, stale):
    pdf = tmp_path / "course.pdf"
    pdf.write_bytes(b"%PDF")
    if stale:
        os.utime(pdf, (0, 0))
    monkeypatch.setattr(publish, "BUILD", tmp_path)
    publish.put_downloads(tmp_path / "site")
    assert (tmp_path / "site" / "downloads" / "course.pdf").exists() is not stale


def test_teachers_get_solutions_and_outputs_and_all_that_students_get(site, tmp_path):
    names = {}
    for edition in ("handwriting", "handwriting-teacher"):
        with zipfile.ZipFile(site / "downloads" / f"{edition}.zip") as file:
            file.extractall(tmp_path)
        folder = tmp_path / edition
        names[edition] = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        assert "jupyter lab notebooks" in (folder / "README.md").read_text()
    assert names["handwriting"] == names["handwriting-teacher"]
    for path in NOTEBOOKS:
        assert nbformat.read(tmp_path / "handwriting-teacher" / "notebooks" / path.name, 4) == read(path)


# The student edition


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(publish.make_student(folder / "handwriting.zip")) as file:
        file.extractall(folder)
    return folder / "handwriting"


def test_students_get_the_course_and_its_package(student, monkeypatch):
    found = {path.relative_to(student).as_posix() for path in student.rglob("*") if path.is_file()}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mnist_helpers").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert found == package | {
        *(
            f"notebooks/{name}"
            for name in ("glossary.md", "references.md", *(path.name for path in NOTEBOOKS))
        ),
        *("README.md", "LICENSE", "requirements.txt", "pyproject.toml", "environment.yml"),
    }
    left_over = Path("mnist_helpers/reference/left_over.json")
    assert not any(left_over.match(pattern) for pattern in publish.PACKED)
    monkeypatch.setattr(publish, "PACKED", ("LICENSE", "mnist_helpers/gone.*"))
    with pytest.raises(FileNotFoundError, match=r"mnist_helpers/gone\.\* missing"):
        publish.packed()


@each_notebook
def test_students_get_exercises_without_solutions_or_outputs(student, path):
    cells = nbformat.read(student / "notebooks" / path.name, as_version=4).cells
    left = [cell.source for cell in read(path).cells if "solution" not in tags(cell)]
    assert [cell.source for cell in cells] == left
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


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
    assert [image["alt"] for image in deck.select("img")] == shown
    assert deck.select("aside.notes")
    for slide in deck.select("section section")[1:]:
        for part in slide.select("aside, h1, h2, h3, h4"):
            part.decompose()
        assert slide.get_text(strip=True) or slide.select("img"), "a slide is a title only"
    assert "$" not in "".join(part.get_text() for part in deck.select("section p"))


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
