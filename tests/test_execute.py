"""The building blocks of `make course` and `make outputs`."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import course, execute


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook of the given cells; tell where it is."""

    def write(*sources: str, **metadata):
        path = tmp_path / "01_look.ipynb"
        cells = [new_code_cell(source, metadata=metadata) for source in sources]
        nbformat.write(new_notebook(cells=cells), path)
        return path

    return write


def test_run_specific_output_is_removed(notebook, monkeypatch):
    path = notebook(
        "print('1563/1563 - 2s - 1ms/step - accuracy: 0.5')\nprint('40/40 - 12ms - 3us/step')",
        "import ipywidgets\nipywidgets.IntSlider(description='a')",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    )
    before = path.read_bytes()
    monkeypatch.setenv("MPLBACKEND", "agg")  # of the shell: the kernel is to have its own
    executed, seconds = execute.execute(path)
    assert seconds > 0
    assert path.read_bytes() == before
    [line], [widget], _ = (cell.outputs for cell in executed.cells)
    assert line.text == "1563/1563 - accuracy: 0.5\n40/40\n"
    assert set(widget.data) == {"text/plain"}
    assert len(execute.pictures(executed.cells[2])) == 1
    assert executed.metadata == {"language_info": {"name": "python"}}
    assert not any("execution" in cell.metadata for cell in executed.cells)


def test_outputs_are_rewritten_only_if_changed(notebook):
    path = notebook("print(1)")
    execute.make_outputs([path])
    first = path.stat().st_mtime_ns
    assert course.read(path).cells[0].outputs
    execute.make_outputs([path])
    assert path.stat().st_mtime_ns == first
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_notebook_that_would_lose_a_picture_is_not_written(notebook):
    path = notebook("print('no picture')", mystnb={"image": {"alt": "A line that rises."}})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"stays as it was: the cells .+ gave no picture; if that is meant"):
        execute.make_outputs([path])
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n{}", "{}"])
def test_damaged_notebook_is_named(tmp_path, text):
    path = tmp_path / "02_mlp.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"the notebook \S+02_mlp.ipynb is damaged .+ undo the change"):
        course.read(path)


def test_unknown_lesson_is_named(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["execute", "outputs", "2_mlp"])
    with pytest.raises(SystemExit):
        execute.main()
    assert "2_mlp not in tools/course.toml, which has 01_preprocessing, 02_mlp" in capsys.readouterr().err
