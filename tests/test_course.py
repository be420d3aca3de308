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


def markdown(file: str, kind: str) -> list[SyntaxTreeNode]:
    """All parts of a kind in a Markdown file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    parts = SyntaxTreeNode(MarkdownIt().enable("table").parse(text)).walk()
    return [part for part in parts if part.type == kind]


def test_readme_has_a_row_for_each_lesson():
    links = [part for table in markdown("README.md", "table") for part in table.walk() if part.type == "link"]
    assert [link.attrs["href"] for link in links] == [f"notebooks/{path.name}" for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_follows_the_list(path):
    lesson, notebook = LESSONS[path.stem], read(path)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for function, kind in (("save_run", "networks"), ("save_results", "studies")):
        assert set(re.findall(rf'{function}\(\s*RUN_FOLDER, "(\w+)"', code)) == set(lesson.get(kind, ()))
    parameters = "\n".join(cell.source for cell in notebook.cells if "parameters" in tags(cell))
    assert set(lesson.get("train", ())) <= set(re.findall(r"^(\w+) = ", parameters, re.MULTILINE))
    for names in re.findall(r"^NAMES = (\{.*?\})$", code, re.MULTILINE | re.DOTALL):
        assert ast.literal_eval(names) == {network: NETWORKS[network]["name"] for network in COMPARED}


def test_reference_folder_holds_what_the_list_names():
    files = {path.name for path in ROOT.glob("mnist_helpers/reference/[!.]*")}
    of_networks = {f"{network}.{kind}" for network in NETWORKS for kind in ("keras", "json")}
    assert files == of_networks | {f"{study}.json" for study in [*STUDIES, "training_times"]}


# The example in CONTRIBUTING.md: after the language of a block comes its file, and after that the cell's tags


def follow(text: str, file: Path, cell_tags: list[str], is_code: bool) -> None:
    """Put one block of the example where it belongs: at the end of a file, a notebook or the table."""
    if file.suffix == ".ipynb":
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = read(file) if file.exists() else new_notebook(metadata=kernel)
        make_cell = new_code_cell if is_code else new_markdown_cell
        notebook.cells.append(make_cell(text.strip(), metadata={"tags": cell_tags} if cell_tags else {}))
        nbformat.write(notebook, file)
        return
    before = file.read_text(encoding="utf-8")
    after = re.findall(r"^\| \[\d\d .*\n", before, re.MULTILINE)[-1] if file.name == "README.md" else before
    file.write_text(before.replace(after, f"{after}{text}"), encoding="utf-8")


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTEST_XDIST_WORKER": ""}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def test_example_is_a_part_of_the_course_with_four_files_changed(tmp_path):
    copy = tmp_path / "course"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__", ".*", "build"))
    steps = [(part.content, part.info.split()) for part in markdown("CONTRIBUTING.md", "fence")]
    for text, (language, file, *cell_tags) in steps:
        follow(text, copy / file, cell_tags, language == "python")
    assert len({file for _, (_, file, *_) in steps}) == 4
    for command in ("reference", "outputs"):
        done = run(copy, "tools.execute", command, "10_one_layer")
        assert done.returncode == 0, done.stderr
    files = [f"tests/test_{name}.py" for name in ("course", "links", "notebook_rules")]
    of_the_example = "10_one_layer or and_next or test_links or (test_course and not example)"
    checked = run(
        copy, "pytest", *files, "-q", "--numprocesses=0", "-p", "no:cacheprovider", "-k", of_the_example
    )
    failed = re.findall(r"^FAILED .*\[(\S+)\]", checked.stdout, re.MULTILINE)
    # What a lesson of three cells lacks, as CONTRIBUTING.md says
    lacks = ("begins_with_title_objectives_and_times", "ends_with_summary_exercises_and_next")
    lacks = {f"{rule}-10_one_layer" for rule in (*lacks, "has_exercises_with_solutions")}
    assert set(failed) == lacks, checked.stdout
