"""What `make site`, `make student` and `make slides` write. browser/test_site.py opens it."""

import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.errors import SphinxError

from tools import files, mathml, publish, slides
from tools.course import NOTEBOOKS, ROOT, alt_text, read, tags
from tools.launch_buttons import launch_buttons

LOADED = (
    "script[src], link[rel=stylesheet], link[rel=preload], link[rel=icon], img[src], source[src], iframe[src]"
)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return publish.make_site(site=tmp_path_factory.mktemp("built") / "site").parent


@pytest.fixture(scope="module")
def pages(site) -> dict[str, BeautifulSoup]:
    return {file.stem: BeautifulSoup(file.read_bytes(), "html.parser") for file in site.glob("*.html")}


def article(page: BeautifulSoup) -> BeautifulSoup:
    return page.select_one("article.bd-article")


def test_site_has_all_pages(pages):
    lessons = {path.stem for path in NOTEBOOKS}
    assert set(pages) == {"index", "glossary", "references", "genindex", "search"} | lessons


def test_pages_load_only_from_the_site(site, pages):
    for name, page in pages.items():
        for part in page.select(LOADED):
            address = part.get("src") or part.get("href")
            parts = urlsplit(address)
            assert not parts.scheme and not parts.netloc, f"{name} loads {address}"
            assert (site / unquote(parts.path)).is_file(), f"{name} lacks {address}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(@import\s+|url\()['\"]?(https?:)?//", text), style


@each_notebook
def test_page_has_each_figure_with_its_alt_text(pages, path):
    images = article(pages[path.stem]).select("img")
    assert [image["alt"] for image in images] == [
        alt_text(cell) for cell in read(path).cells if alt_text(cell)
    ]
    assert all(image["loading"] == "lazy" for image in images)


@each_notebook
def test_page_folds_only_solutions(pages, path):
    solutions = [cell for cell in read(path).cells if "solution" in tags(cell)]
    folds = article(pages[path.stem]).select("details.hide > summary")
    assert [fold.get_text(" ", strip=True).split()[0] for fold in folds] == ["Solution"] * len(solutions)
    assert not article(pages[path.stem]).select("details[open]")


@each_notebook
def test_page_renders_formulas_without_a_script(pages, path):
    text = BeautifulSoup(str(article(pages[path.stem])), "html.parser")
    for code in text.select("pre, code, annotation"):
        code.decompose()
    markdown = "".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    assert "$" not in text.get_text()
    assert bool(text.select("math")) == ("$" in markdown)


@each_notebook
def test_page_downloads_as_its_notebook(site, pages, path):
    assert pages[path.stem].select(f"a[href='_sources/{path.name}']")
    assert (site / "_sources" / path.name).read_bytes() == path.read_bytes()


def test_terms_are_linked_to_the_glossary_where_they_are_introduced(pages):
    linked = set()
    for path in NOTEBOOKS:
        links = article(pages[path.stem]).select("a[href^='glossary']")
        assert links and all(link.select("strong, em") for link in links), path.stem
        linked |= {link["href"].partition("#")[2] for link in links}
    terms = pages["glossary"].select("dt[id]")
    assert linked <= {term["id"] for term in terms}
    assert len(linked) > 0.8 * len({term.find_next("dd").sourceline for term in terms})


@each_notebook
def test_questions_have_feedback_on_every_answer(pages, path):
    section = article(pages[path.stem]).find(id="check-yourself")
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


def test_two_publishers_at_once_both_finish(tmp_path):
    target = tmp_path / "site"
    with files.whole_folder(target) as first, files.whole_folder(target) as second:
        (first / "a").touch()
        (second / "b").touch()
    assert [file.name for file in target.iterdir()] == ["a"]  # the last one to finish
    assert list(tmp_path.iterdir()) == [target]


# The buttons


def test_launch_buttons_open_the_repository():
    options = launch_buttons("https://github.com/you/handwriting.git/", "https://hub.school.org")
    assert options["repository_url"] == "https://github.com/you/handwriting"
    assert options["path_to_docs"] == "notebooks"
    assert sorted(options["launch_buttons"]) == ["binderhub_url", "colab_url", "jupyterhub_url"]
    assert launch_buttons("", "") == {}


@pytest.mark.parametrize(
    ("repository", "hub", "complaint"),
    [
        (
            "foo",
            "",
            "COURSE_REPOSITORY must be the address of a repository, https://host/owner/name, got 'foo'",
        ),
        ("git@github.com:you/it", "", "COURSE_REPOSITORY must be"),
        ("https://github.com/you", "", "COURSE_REPOSITORY must be"),
        ("https://github.com/you/it", "hub", "COURSE_JUPYTERHUB must be the address of a hub"),
        ("", "https://hub.school.org", "set COURSE_REPOSITORY to the address"),
    ],
)
def test_address_that_is_none_is_refused(repository, hub, complaint, monkeypatch):
    with pytest.raises(ValueError, match=complaint):
        launch_buttons(repository, hub)
    monkeypatch.setenv("COURSE_REPOSITORY", repository)
    monkeypatch.setenv("COURSE_JUPYTERHUB", hub)
    monkeypatch.setattr("sys.argv", ["publish", "site"])
    with pytest.raises(SystemExit, match=complaint):
        publish.main()


# The student edition


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    left_over = ROOT / "mnist_helpers" / "reference" / "left_over"
    left_over.touch()
    try:
        archive = publish.make_student(folder / "handwriting.zip")
    finally:
        left_over.unlink()
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder / "handwriting"


def test_students_get_the_course_and_its_package(student):
    found = {path.relative_to(student).as_posix() for path in student.rglob("*") if path.is_file()}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mnist_helpers").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert found == package | {
        *(f"notebooks/{path.name}" for path in NOTEBOOKS),
        *("notebooks/glossary.md", "notebooks/references.md"),
        *("README.md", "LICENSE", "requirements.txt", "pyproject.toml", "environment.yml"),
    }


@each_notebook
def test_students_get_exercises_without_solutions_or_outputs(student, path):
    cells = nbformat.read(student / "notebooks" / path.name, as_version=4).cells
    assert [cell.source for cell in cells] == [
        cell.source for cell in read(path).cells if "solution" not in tags(cell)
    ]
    assert any("exercise" in tags(cell) for cell in cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_missing_file_is_named(monkeypatch):
    monkeypatch.setattr(publish, "PACKED", ("LICENSE", "mnist_helpers/gone.*"))
    with pytest.raises(FileNotFoundError, match="gone"):
        publish.packed()


# The slides


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> Path:
    return slides.make_slides(tmp_path_factory.mktemp("built") / "slides").parent


@each_notebook
def test_deck_shows_the_figures_and_says_the_rest(decks, path):
    deck = BeautifulSoup((decks / f"{path.stem}.html").read_bytes(), "html.parser")
    shown = [
        cell for cell in read(path).cells if cell.metadata.slideshow.slide_type != "skip" and alt_text(cell)
    ]
    assert [image["alt"] for image in deck.select("img")] == [alt_text(cell) for cell in shown]
    assert deck.select("aside.notes")
    for part in deck.select("script[src], link[rel=stylesheet]"):
        assert (decks / (part.get("src") or part["href"])).is_file()
    assert "$" not in "".join(part.get_text() for part in deck.select("section p"))


@each_notebook
def test_metadata_says_what_is_on_a_slide(path):
    about = [cell.metadata.slideshow for cell in read(path).cells]
    assert {slide.slide_type for slide in about} <= {"slide", "subslide", "notes", "skip"}
    assert {slide.show for slide in about if "show" in slide} <= {"titles", "code", "output"}


def test_cell_goes_to_the_slide_as_its_metadata_says():
    def cell(source, kind, make=new_markdown_cell, **about):
        return make(source, metadata={"slideshow": {"slide_type": kind, **about}})

    output = nbformat.v4.new_output("stream", text="2")
    notebook = new_notebook(
        cells=[
            cell("# One\n\nText.\n\n- a\n- b", "slide"),
            cell("## Two\n\n- a", "slide", show="titles"),
            cell("Text.", "skip"),
            cell("1", "subslide", new_code_cell, show="code"),
            cell("2", "subslide", new_code_cell, show="output"),
        ]
    )
    notebook.cells[3].outputs = notebook.cells[4].outputs = [output]
    found = slides.for_slides(notebook).cells
    texts = [(cell.source, cell.metadata.slideshow.slide_type) for cell in found]
    assert texts == [
        *(("# One\n\n- a\n- b", "slide"), ("Text.", "notes"), ("## Two", "slide"), ("- a", "notes")),
        *(("*Two*", "subslide"), ("1", "-"), ("*Two*", "subslide"), ("2", "-")),
    ]
    assert (found[5].outputs, found[5].metadata.hide_input) == ([], False)
    assert (found[7].outputs, found[7].metadata.hide_input) == ([output], True)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("no formula, 5 dollars", "no formula, 5 dollars"),
        ("$x^2$", '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">'),
        ("$$x\n+ y$$", 'display="block">'),
    ],
)
def test_formulas_become_mathml(markdown, expected):
    assert expected in mathml.with_mathml(markdown)
