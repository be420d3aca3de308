"""course.toml lists what the course consists of; its pages, notebooks and files follow that list."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.course import COMPARED, LESSONS, NETWORKS, NOTEBOOKS, ROOT, STUDIES, read, tags


def markdown(file: str) -> SyntaxTreeNode:
    text = (ROOT / file).read_text(encoding="utf-8")
    return SyntaxTreeNode(MarkdownIt().enable("table").parse(text))


def code(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")


def test_readme_has_a_row_for_each_lesson():
    links = [
        link.attrs["href"]
        for table in markdown("README.md").children
        if table.type == "table"
        for link in table.walk()
        if link.type == "link"
    ]
    assert links == [f"notebooks/{path.name}" for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_saves_what_the_list_says(path):
    lesson = LESSONS[path.stem]
    assert read(path).cells[0].source.startswith("# ")
    assert set(re.findall(r'save_run\(\s*RUN_FOLDER, "(\w+)"', code(path))) == set(lesson.get("networks", ()))
    assert set(re.findall(r'save_results\(\s*RUN_FOLDER, "(\w+)"', code(path))) == set(
        lesson.get("studies", ())
    )
    set_by_make = [cell.source for cell in read(path).cells if "parameters" in tags(cell)]
    for name in lesson.get("train", ()):
        assert re.search(rf"^{name} = ", "\n".join(set_by_make), re.MULTILINE)


def test_reference_folder_holds_what_the_list_names():
    files = {path.name for path in ROOT.glob("mnist_helpers/reference/[!.]*") if path.is_file()}
    of_networks = {f"{network}.{kind}" for network in NETWORKS for kind in ("keras", "json")}
    assert files == of_networks | {f"{study}.json" for study in [*STUDIES, "training_times"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_names_the_networks_as_the_list_does(path):
    for names in re.findall(r"^NAMES = (\{.*?\})$", code(path), re.MULTILINE | re.DOTALL):
        assert ast.literal_eval(names) == {network: NETWORKS[network]["name"] for network in COMPARED}


# The example in CONTRIBUTING.md


def steps() -> list[SyntaxTreeNode]:
    """The blocks of the example: each has a file after its language, and a cell its tags after that."""
    fences = [block for block in markdown("CONTRIBUTING.md").walk() if block.type == "fence"]
    return [block for block in fences if len(block.info.split()) > 1]


def follow(text: str, file: Path, cell_tags: list[str], is_code: bool) -> None:
    """Put one block of the example where it belongs: at the end of a file, a notebook or the table."""
    if file.suffix == ".ipynb":
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.read(file, as_version=4) if file.exists() else new_notebook(metadata=kernel)
        cell = (new_code_cell if is_code else new_markdown_cell)(text.strip())
        cell.metadata = {"tags": cell_tags} if cell_tags else {}
        notebook.cells.append(cell)
        nbformat.write(notebook, file)
    elif file.name == "README.md":
        before = file.read_text(encoding="utf-8")
        row = re.findall(r"^\| \[\d\d .*\n", before, re.MULTILINE)[-1]
        file.write_text(before.replace(row, row + text), encoding="utf-8")
    else:
        with file.open("a", encoding="utf-8") as end:
            end.write("\n" + text)


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTEST_XDIST_WORKER": ""}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def test_example_touches_four_files():
    assert len({step.info.split()[1] for step in steps()}) == 4


OF_THE_EXAMPLE = "08_one_layer or and_next or test_links or (test_course and not example)"


def test_example_is_a_part_of_the_course(tmp_path):
    copy = tmp_path / "course"
    hidden = shutil.ignore_patterns("__pycache__", ".*", "build")
    shutil.copytree(ROOT, copy, ignore=hidden)
    for step in steps():
        language, file, *cell_tags = step.info.split()
        follow(step.content, copy / file, cell_tags, language == "python")
    for command in ("reference", "outputs"):
        done = run(copy, "tools.execute", command, "08_one_layer")
        assert done.returncode == 0, done.stderr
    options = ("-q", "--numprocesses=0", "-p", "no:cacheprovider", "-k", OF_THE_EXAMPLE)
    tests = ("course", "links", "notebook_rules")
    checked = run(copy, "pytest", *options, *(f"tests/test_{name}.py" for name in tests))
    failed = re.findall(r"^FAILED .*\[(\S+)\]", checked.stdout, re.MULTILINE)
    # What a lesson of three cells lacks, as CONTRIBUTING.md says
    lacks = ("begins_with_title_objectives_and_times", "ends_with_summary_exercises_and_next")
    assert set(failed) == {f"{rule}-08_one_layer" for rule in (*lacks, "has_exercises_with_solutions")}, (
        checked.stdout
    )
