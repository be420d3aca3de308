"""The building blocks of `make course`, `make outputs` and `make reference`."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import course


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


def test_run_specific_output_is_removed(path):
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


def test_outputs_are_rewritten_only_if_changed(path, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(course, "NOTEBOOKS", [path])
    course.make_outputs()
    first = path.read_bytes()
    course.make_outputs()
    assert path.read_bytes() == first
    told = capsys.readouterr().out
    assert re.fullmatch(r"01_look \d+ s, changed\n01_look \d+ s, unchanged\n", told)
    assert [file.name for file in tmp_path.iterdir()] == ["01_look.ipynb"]


def test_failed_write_keeps_the_old_file(tmp_path):
    file = tmp_path / "page.html"
    course.write_whole(file, "old")
    with pytest.raises(UnicodeEncodeError):
        course.write_whole(file, "new \ud800")
    assert file.read_text() == "old"
