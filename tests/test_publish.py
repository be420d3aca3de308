"""The files that `make site`, `make student` and `make slides` write. browser/test_site.py opens them."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbclient
import nbformat
import pytest
from bs4 import BeautifulSoup
from pages import NOTEBOOKS, ROOT, alt_text, links, read

import publish

EXTRA = ["index", "glossary", "references"]
LOADED = (
    "script[src], link[rel=stylesheet], link[rel=preload], link[rel=icon], img[src], source[src], iframe[src]"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return publish.make_site(site=tmp_path_factory.mktemp("site")).parent


@pytest.fixture(scope="module")
def pages(site) -> dict[str, BeautifulSoup]:
    return {
        file.stem: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        for file in site.glob("*.html")
    }


def article(page: BeautifulSoup) -> BeautifulSoup:
    return page.select_one("article.bd-article")


def test_site_has_all_pages(pages):
    assert set(pages) == {*EXTRA, *(path.stem for path in NOTEBOOKS), "genindex", "search"}


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


def test_links_and_anchors_resolve(site, pages):
    broken = []
    for name, page in pages.items():
        for link in page.select("a[href]"):
            parts = urlsplit(link["href"])
            if parts.scheme:
                continue
            file = (site / unquote(parts.path)) if parts.path else site / f"{name}.html"
            target = pages.get(file.stem) if file.suffix == ".html" else None
            if not file.is_file() or (
                target and parts.fragment and not target.find(id=unquote(parts.fragment))
            ):
                broken.append((name, link["href"]))
    assert not [link for link in broken if link[1] != "#"]


def test_external_links_are_listed_in_one_place(pages):
    listed = {link["href"] for link in pages["references"].select("article a[href^=http]")}
    for path in NOTEBOOKS:
        markdown = "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        external = {link for link in links(markdown) if link.startswith("http")}
        assert external <= listed, f"{path.stem} links to {external - listed}, which references.md does not"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_has_each_figure_with_its_alt_text(pages, path):
    expected = [alt_text(cell) for cell in read(path).cells if alt_text(cell)]
    images = article(pages[path.stem]).select("img")
    assert [image["alt"] for image in images] == expected
    assert all(image["loading"] == "lazy" for image in images)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_folds_only_solutions(pages, path):
    solutions = [cell for cell in read(path).cells if "solution" in cell.metadata.get("tags", [])]
    folds = article(pages[path.stem]).select("details.hide")
    assert [fold.select_one("summary").get_text(" ", strip=True).split()[0] for fold in folds] == [
        "Solution"
    ] * len(solutions)
    assert not article(pages[path.stem]).select("details[open]")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_renders_formulas_without_a_script(pages, path):
    text = BeautifulSoup(str(article(pages[path.stem])), "html.parser")
    for code in text.select("pre, code, annotation"):
        code.decompose()
    assert "$" not in text.get_text()
    assert bool(text.select("math")) == any(
        "$" in cell.source for cell in read(path).cells if cell.cell_type == "markdown"
    )


def test_page_downloads_as_its_notebook(site, pages):
    for path in NOTEBOOKS:
        assert pages[path.stem].select(f"a[href='_sources/{path.name}']")
        assert (site / "_sources" / path.name).read_bytes() == path.read_bytes()


def test_widgets_run_on_the_page_or_have_a_note(pages):
    for name, live in (
        ("index", "digit_pad"),
        ("03_cnn", "convolution_explorer"),
        ("06_draw_your_own", "digit_pad"),
    ):
        assert [place["data-live"] for place in pages[name].select(".live")] == [live]
    notes = {path.stem: len(pages[path.stem].select(".with-kernel")) for path in NOTEBOOKS}
    assert list(notes.values()) == [1, 1, 1, 2, 1, 0, 0]


def test_terms_are_linked_to_the_glossary(pages):
    terms = {term["id"] for term in pages["glossary"].select("dt[id]")}
    linked = set()
    for path in NOTEBOOKS:
        found = {
            link["href"].partition("#")[2] for link in article(pages[path.stem]).select("a[href^='glossary']")
        }
        assert found, path.stem
        linked |= found
    assert linked <= terms
    assert len(linked) >= 93


def test_questions_have_feedback_on_every_answer(pages):
    for path in NOTEBOOKS:
        section = article(pages[path.stem]).find(id="check-yourself")
        questions = re.findall(r"^\d+\. .*\?$", section.get_text(), re.MULTILINE)
        assert len(questions) >= 3
        answers = section.select("details")
        said = [answer.get_text(" ", strip=True) for answer in answers]
        assert all(len(answer.select("p")) >= 1 for answer in answers)
        right = [answer for answer in answers if answer.select("p > strong, p > a > strong")]
        assert sum("Right." in text for text in said) == len(questions), (path.stem, len(right))
        assert all(re.search(r" (No|Not quite): |Right\.", text) for text in said)


def test_launch_buttons_need_the_repository_url(tmp_path, pages):
    assert "mybinder" not in str(pages["02_mlp"])
    address = "https://github.com/you/handwriting"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "-q",
        "-b",
        "html",
        str(ROOT / "notebooks"),
        str(tmp_path),
    ]
    run = subprocess.run(
        command, env=os.environ | {"COURSE_REPOSITORY": address}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "02_mlp.html").read_text(encoding="utf-8")
    for part in ("mybinder.org", "colab.research.google.com", address):
        assert part in page


def test_warning_fails_the_build(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "conf.py").write_text("extensions = ['myst_parser']\n")
    (notebooks / "index.md").write_text("# Title\n\n[nowhere](nowhere.md)\n")
    with pytest.raises(SystemExit) as caught:
        publish.make_site(notebooks, tmp_path / "site")
    assert caught.value.code


# The student edition


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(publish.make_student()) as archive:
        archive.extractall(folder)
    assert [path.name for path in folder.iterdir()] == ["handwriting"]
    return folder / "handwriting"


def test_students_get_the_course_and_its_package(student):
    assert sorted(path.name for path in student.glob("notebooks/*.ipynb")) == [
        path.name for path in NOTEBOOKS
    ]
    for name in ("README.md", "LICENSE", "requirements.txt", "pyproject.toml", "environment.yml"):
        assert (student / name).is_file()
    package = {path.relative_to(ROOT) for path in (ROOT / "mnist_helpers").rglob("*") if path.is_file()}
    packed = {path.relative_to(student) for path in (student / "mnist_helpers").rglob("*") if path.is_file()}
    assert packed == {path for path in package if "__pycache__" not in path.parts}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_students_get_exercises_without_solutions_or_outputs(student, path):
    notebook, whole = nbformat.read(student / "notebooks" / path.name, as_version=4), read(path)
    assert [cell.source for cell in notebook.cells] == [
        cell.source for cell in whole.cells if "solution" not in cell.metadata.get("tags", [])
    ]
    assert any("exercise" in cell.metadata.get("tags", []) for cell in notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_student_edition_runs_with_its_own_package(student):
    notebook = nbformat.read(student / "notebooks" / "01_preprocessing.ipynb", as_version=4)
    notebook.cells = notebook.cells[:20]
    notebook.cells.append(nbformat.v4.new_code_cell("import mnist_helpers; print(mnist_helpers.__file__)"))
    env = os.environ | {"PYTHONPATH": str(student)}
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(student / "notebooks")}}).execute(
        env=env
    )
    assert notebook.cells[-1].outputs[0].text.strip() == str(student / "mnist_helpers" / "__init__.py")


# The slides


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> Path:
    return publish.make_slides(tmp_path_factory.mktemp("slides")).parent


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_deck_shows_the_figures_and_says_the_rest(decks, path):
    deck = BeautifulSoup((decks / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
    cells = read(path).cells
    shown = [cell for cell in cells if cell.metadata.slideshow.slide_type != "skip" and alt_text(cell)]
    assert [image["alt"] for image in deck.select("img")] == [alt_text(cell) for cell in shown]
    assert deck.select("aside.notes")
    for part in deck.select("script[src], link[rel=stylesheet]"):
        assert (decks / (part.get("src") or part["href"])).is_file()
    assert "$" not in "".join(part.get_text() for part in deck.select("section p"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_has_a_slide_type(path):
    kinds = {"slide", "subslide", "notes", "skip"}
    assert {cell.metadata.get("slideshow", {}).get("slide_type") for cell in read(path).cells} <= kinds


@pytest.mark.parametrize(
    ("markdown", "shown", "said"),
    [
        ("## Title\n\nText.", "## Title", "Text."),
        ("Text.\n\n**Your turn.** Guess!\n\n- a\n- b", "**Your turn.** Guess!\n\n- a\n- b", "Text."),
        ("Text\n\n$$x = 1$$", "$$x = 1$$", "Text"),
        ("- " + 200 * "word ", "", "- " + 199 * "word " + "word"),
        ("**1. Why?**\n\n<details><summary>A</summary>\n\nNo.\n\n</details>", None, ""),
    ],
)
def test_prose_goes_to_the_notes(markdown, shown, said):
    assert publish.shown_and_said(markdown) == (markdown if shown is None else shown, said)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("no formula, 5 dollars", "no formula, 5 dollars"),
        ("$x^2$", '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">'),
        ("$$x\n+ y$$", 'display="block">'),
    ],
)
def test_formulas_become_mathml(markdown, expected):
    assert expected in publish.with_mathml(markdown)
