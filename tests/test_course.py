"""What `make course`, `make outputs` and `make reference` are made of."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pages import NOTEBOOKS, alt_text, read

import course


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def lesson(request):
    notebook = read(request.param)
    return notebook, BeautifulSoup(course.to_html(notebook, request.param.stem), "html.parser")


def test_page_loads_nothing(lesson):
    _, page = lesson
    assert not page.select("script[src], link[href], iframe, object, embed")
    assert all(image["src"].startswith("data:") for image in page.select("img"))
    styles = " ".join(style.get_text() for style in page.select("style"))
    assert not re.search(r"@import|url\(['\"]?(?!['\"]?data:)(https?:)?//", styles)


def test_page_has_the_alt_texts(lesson):
    notebook, page = lesson
    expected = [alt_text(cell) for cell in notebook.cells if alt_text(cell)]
    assert [image["alt"] for image in page.select("img")] == expected


def test_page_folds_solutions_and_nothing_else(lesson):
    notebook, page = lesson
    solutions = [cell.id for cell in notebook.cells if "solution" in cell.metadata.get("tags", [])]
    assert [fold.select_one("[id^='cell-id=']")["id"] for fold in page.select("details")] == [
        f"cell-id={cell}" for cell in solutions
    ]
    assert not page.select("details[open]")


def test_page_leaves_no_formula_to_a_script(lesson):
    notebook, page = lesson
    for code in page.select("pre, code, annotation"):
        code.decompose()
    assert "$" not in page.select_one("main").get_text()
    assert bool(page.select("math")) == any(
        "$" in cell.source for cell in notebook.cells if "markdown" in cell.cell_type
    )


def test_page_links_to_pages(lesson):
    _, page = lesson
    links = [link["href"] for link in page.select("a[href]")]
    assert not [link for link in links if ".ipynb" in link]
    assert any(re.fullmatch(r"\d\d_\w+\.html", link) for link in links)


@pytest.fixture
def path(tmp_path):
    cells = [
        new_code_cell("print('1563/1563 - 2s - 1ms/step - accuracy: 0.5')\nprint('40/40 - 12ms - 3us/step')"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider(description='a')"),
        new_markdown_cell("Text - 2s - 1ms/step"),
    ]
    path = tmp_path / "01_look.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_what_runs_do_not_share_is_left_out(path):
    before = path.read_bytes()
    notebook, seconds = course.execute(path)
    assert seconds > 0
    assert path.read_bytes() == before
    [line], [widget], text = notebook.cells[0].outputs, notebook.cells[1].outputs, notebook.cells[2].source
    assert line.text == "1563/1563 - accuracy: 0.5\n40/40\n"
    assert set(widget.data) == {"text/plain"}
    assert text == "Text - 2s - 1ms/step"
    assert notebook.metadata == {"language_info": {"name": "python"}}
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_outputs_are_written_once(path, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(course, "NOTEBOOKS", [path])
    course.make_outputs()
    first = path.read_bytes()
    course.make_outputs()
    assert path.read_bytes() == first
    told = capsys.readouterr().out
    assert re.fullmatch(r"01_look \d+ s, changed\n01_look \d+ s, as it was\n", told)
    assert [file.name for file in tmp_path.iterdir()] == ["01_look.ipynb"]


def test_interrupted_writing_keeps_the_old_file(tmp_path):
    file = tmp_path / "page.html"
    course.write_whole(file, "old")
    with pytest.raises(UnicodeEncodeError):
        course.write_whole(file, "new \ud800")
    assert file.read_text() == "old"


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("no formula, 5 dollars", "no formula, 5 dollars"),
        ("$x^2$", '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">'),
        ("$$x\n+ y$$", 'display="block">'),
    ],
)
def test_formulas_become_mathml(markdown, expected):
    assert expected in course.with_mathml(markdown)
