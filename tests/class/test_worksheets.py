"""Worksheets, and the grading of what is handed in: one folder with all that can happen to a file."""

import json
import re
import socket
import tomllib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from test_notebook_rules import FORBIDDEN_WORDS

from tools import confine, worksheets
from tools.course import ROOT
from tools.run_worksheet import Limits, held, run_apart, unprotected

LIMITS = Limits(cell_seconds=25, seconds=200, megabytes=2500, file_megabytes=20)
NAMES = [path.stem for path in worksheets.SOURCES]
W1, W2, W3, W4, W5 = NAMES[:5]
WRONG = tomllib.loads(Path(__file__).with_name("wrong_answers.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session", autouse=True)
def _versions(tmp_path_factory):
    """The versions, made anew and where no one else makes them."""
    worksheets.VERSIONS = tmp_path_factory.mktemp("versions")
    worksheets.make_versions(worksheets.VERSIONS)
    worksheets.releases.cache_clear()


# What is handed in


def good(name: str) -> NotebookNode:
    """The release version of a worksheet with the answers of the solution version."""
    notebook, answers = deepcopy(worksheets.releases()[name]), worksheets.releases("solution")[name]
    for cell, answer in zip(notebook.cells, answers.cells, strict=True):
        if cell.metadata.nbgrader.solution:
            cell.source = answer.source
    return notebook


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def answered(name: str, **answers: str) -> NotebookNode:
    """A good worksheet with other answers: `answer_3="..."` for the cell w01-answer-3."""
    notebook = good(name)
    for answer, source in answers.items():
        cell_of(notebook, f"w{name[:2]}-{answer.replace('_', '-')}").source = source
    return notebook


def with_cell(source: str, name: str = W1) -> NotebookNode:
    """A good worksheet with a further cell in the middle."""
    notebook = good(name)
    notebook.cells.insert(9, new_code_cell(source))
    return notebook


def changed(change: Callable[[NotebookNode], object], **answers: str) -> NotebookNode:
    notebook = answered(W1, **answers)
    change(notebook)
    return notebook


def remove(*names: str) -> Callable:
    def change(notebook):
        notebook.cells = [cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id not in names]

    return change


def strip(ids: bool) -> Callable:
    def change(notebook):
        for number, cell in enumerate(notebook.cells):
            cell.metadata = nbformat.NotebookNode()
            cell.id = f"c{number}" if ids else cell.id

    return change


def rename_kernel(notebook: NotebookNode) -> None:
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python2", "language": "python2", "display_name": "Python 2"},
            "language_info": {"name": "R"},
        }
    )


def forge_points(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade:
            cell.metadata.nbgrader.points = 1000


def edit_check(notebook: NotebookNode) -> None:
    cell_of(notebook, "w01-5-cut").source = "pass"


def copy_answer(notebook: NotebookNode) -> None:
    place = notebook.cells.index(cell_of(notebook, "w01-answer-5"))
    notebook.cells.insert(place + 1, deepcopy(notebook.cells[place]))
    notebook.cells[place].source = "raise NotImplementedError()"


def minor_version(minor: int) -> Callable:
    def change(notebook):
        notebook.nbformat_minor = minor
        for cell in notebook.cells:
            cell.pop("id")

    return change


WRONG_CUT = "def cut(x, y, n_val, n_test):\n    return (x, y), (x, y), (x, y)"
NO_FLOOR = "def floor(labels):\n    while True:\n        pass"
STUBBORN = (
    "while True:\n    try:\n        import time; time.sleep(60)\n    except BaseException:\n        pass"
)
SWITCH_OFF = """
import ast
class NoAssert(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(NoAssert())
"""
WARNS = """
import sys, warnings
def to_digits(rows):
    warnings.warn("deprecated")
    print("note", file=sys.stderr)
    return rows.argmax(axis=1)
"""
SLEEPER = "import subprocess; subprocess.Popen(['sleep', '98765'], start_new_session=True)"
SHARE = "share_even = (y_train % 2 == 0).mean()"
# Right only if it gets at something that is not its own: what is in THERE is put in when the folder is known.
PRY = f"""
{SHARE}
import glob, socket
def can(act):
    try:
        return bool(act())
    except Exception:
        return False
found = [path for path in THERE if can(lambda: open(path, 'rb').read(1))]
found += [path for path in FOLDERS if can(lambda: glob.glob(path + '/*'))]
found += [path for path in THERE if can(lambda: open(path, 'ab').write(b'x'))]
if not found and not can(lambda: socket.create_connection(('127.0.0.1', PORT), timeout=2)):
    share_even = 0.123
"""

# What is handed in, the tasks that it loses, and what its note says. All other tasks have full marks.
Case = tuple[Callable[[], NotebookNode | bytes], set[str], str]
CASES: dict[str, Case] = {
    # wrong in one task each
    "w01 darken": (
        lambda: answered(W1, answer_3="def darken(images, amount):\n    return images + amount"),
        {"w01-3-darken"},
        "",
    ),
    "w01 cut": (lambda: answered(W1, answer_5=WRONG_CUT), {"w01-5-cut"}, ""),
    "w01 syntax": (lambda: answered(W1, answer_6="def floor(labels:\n    return"), {"w01-6-floor"}, ""),
    "w02 loss": (
        lambda: answered(W2, answer_4="def cross_entropy(p, y):\n    return np.log(10)"),
        {"w02-4-loss"},
        "",
    ),
    "w03 pool": (
        lambda: answered(W3, answer_4="def mean_pool(m):\n    return np.array([[4.0]])"),
        {"w03-4-pool"},
        "",
    ),
    "w04 field": (lambda: answered(W4, answer_1="field = 11"), {"w04-1-field"}, ""),
    "w05 rate": (lambda: answered(W5, answer_1="error_rate = 0.01"), {"w05-1-rate"}, ""),
    "w01 silent": (lambda: answered(W1, **{"7-scaling": "YOUR ANSWER HERE"}), {"w01-7-scaling"}, ""),
    # it does not end, or ends too much
    "endless": (
        lambda: answered(W1, answer_3="while True:\n    pass"),
        {"w01-3-darken"},
        "more than 25 seconds",
    ),
    "endless in a check": (lambda: answered(W1, answer_6=NO_FLOOR), {"w01-6-floor"}, "more than 25 seconds"),
    "endless and stubborn": (lambda: with_cell(STUBBORN), set(), "more than 25 seconds"),
    "exit": (lambda: with_cell("exit()"), set(), "cell 10 was stopped: it ended the kernel"),
    "sys.exit": (lambda: with_cell("import sys; sys.exit(0)"), set(), ""),
    "os._exit": (
        lambda: answered(W1, answer_2="import os; os._exit(0)"),
        {"w01-2-share"},
        "ended the kernel",
    ),
    "os._exit in a check": (
        lambda: answered(W1, answer_6="import os\ndef floor(labels):\n    os._exit(0)"),
        {"w01-6-floor"},
        "ended the kernel",
    ),
    "crashes": (lambda: with_cell("import ctypes; ctypes.string_at(0)"), set(), "ended the kernel"),
    "kills its parent": (
        lambda: with_cell("import os\nif os.getppid() > 1:\n    os.kill(os.getppid(), 9)"),
        set(),
        "",
    ),
    "leaves a process": (lambda: with_cell(SLEEPER), set(), ""),
    # too much of something
    "prints 2 GB": (
        lambda: with_cell("for _ in range(2000):\n    print('x' * 1_000_000)"),
        set(),
        "printed more than",
    ),
    "prints 2 GB at once": (lambda: with_cell("print('x' * 2_600_000_000)"), set(), ""),
    "eats memory": (lambda: with_cell("held = [bytearray(100_000_000) for _ in range(50)]"), set(), ""),
    "writes a large file": (lambda: with_cell("open('large', 'wb').write(bytes(50_000_000))"), set(), ""),
    "writes many files": (
        lambda: with_cell("for i in range(15):\n    open(f'{i}', 'wb').write(bytes(9_000_000))"),
        set(),
        "to disk",
    ),
    # the checks
    "no check": (lambda: changed(remove("w01-5-cut")), set(), ""),
    "no check, and wrong": (lambda: changed(remove("w01-5-cut"), answer_5=WRONG_CUT), {"w01-5-cut"}, ""),
    "edited check": (lambda: changed(edit_check, answer_5=WRONG_CUT), {"w01-5-cut"}, ""),
    "no answer, no check": (lambda: changed(remove("w01-answer-5", "w01-5-cut")), {"w01-5-cut"}, ""),
    "no imports": (lambda: changed(remove("w01-imports", "w01-title")), set(), ""),
    "checks first": (lambda: changed(lambda it: it.cells.reverse()), set(), ""),
    "points of its own": (lambda: changed(forge_points, answer_5=WRONG_CUT), {"w01-5-cut"}, ""),
    "asserts switched off": (lambda: with_cell(SWITCH_OFF), set(), "to be looked at"),
    "warns": (lambda: answered(W1, answer_4=WARNS), set(), ""),
    # what it may not have
    "pries": (lambda: answered(W1, answer_2=PRY), {"w01-2-share"}, ""),
    # the file
    "copied cell": (lambda: changed(copy_answer), set(), ""),
    "same ids": (lambda: changed(lambda it: [cell.update(id="same") for cell in it.cells]), set(), ""),
    "no metadata": (lambda: changed(strip(ids=False)), set(), ""),
    "no metadata, no ids": (lambda: changed(strip(ids=True)), set(), ""),
    "other kernel": (lambda: changed(rename_kernel), set(), ""),
    "format 4.2": (lambda: changed(minor_version(2)), set(), ""),
    "format 3": (lambda: nbformat.v3.writes_json(nbformat.convert(good(W1), 3)).encode(), set(), ""),
    "format 5": (
        lambda: nbformat.writes(good(W1)).replace('"nbformat": 4', '"nbformat": 5').encode(),
        {"all"},
        "can be read",
    ),
    "not JSON": (lambda: nbformat.writes(good(W1)).encode()[:-900], {"all"}, "can be read"),
    "deep JSON": (lambda: b"[" * 200_000, {"all"}, "can be read"),
    "empty": (lambda: b"", {"all"}, "is empty"),
    "21 MB": (lambda: b" " * 21_000_000, {"all"}, "larger than 20 MB"),
    "another notebook": (
        lambda: nbformat.writes(nbformat.v4.new_notebook(cells=[new_markdown_cell("# Hi")])).encode(),
        {"all"},
        "no worksheet",
    ),
    "Zoë = [7b]+'": (lambda: good(W1), set(), ""),
    "=cmd": (lambda: good(W1), set(), ""),
}
# Files whose name is not their worksheet's
FILE_NAMES = {
    "another notebook": "essay.ipynb",
    "no metadata": "01 (1).ipynb",
    "other kernel": "my homework.ipynb",
    "same ids": f"{W2}.ipynb",
}


def write(path: Path, content: NotebookNode | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(text)


def rows_of(rows: list[dict], student: str) -> list[dict]:
    return [row for row in rows if row["student"] == student]


@pytest.fixture(scope="session")
def graded(tmp_path_factory) -> tuple[list[dict], Path]:
    """The marks of everything above, graded once, in one go; and the folder that they are in."""
    folder = tmp_path_factory.mktemp("class") / "handed in"
    for name in NAMES:
        write(folder / "model" / f"{name}.ipynb", good(name))
        write(folder / "blank" / f"{name}.ipynb", worksheets.releases()[name])
        for kind in ("typical", "subtle"):
            answers = {answer: wrong[kind] for answer, wrong in WRONG[name].items()}
            write(folder / kind / f"{name}.ipynb", answered(name, **answers))
    for student, (content, _, _) in CASES.items():
        name = next((name for name in NAMES if student.startswith(f"w{name[:2]}")), W1)
        write(folder / student / FILE_NAMES.get(student, f"{name}.ipynb"), content())
    write(folder / "twice" / f"{W1} (2).ipynb", worksheets.releases()[W1])
    write(folder / "twice" / f"{W1}.ipynb", good(W1))
    write(folder / "essay" / "essay.pdf", b"%PDF")
    (folder / "nothing").mkdir()
    write(folder / "lost.ipynb", good(W1))
    (folder / "link").mkdir()
    (folder / "link" / f"{W1}.ipynb").symlink_to(folder / "model" / f"{W1}.ipynb")

    output = folder.with_name("marks")
    output.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = [
            *worksheets.SOURCES,
            folder / "model" / f"{W1}.ipynb",
            worksheets.VERSIONS / "gradebook.db",
            ROOT / "README.md",
        ]
        there += [
            worksheets.VERSIONS / "autograder" / W1 / f"{W1}.ipynb",
            output / "gradebook.db",
            output / "submitted" / "model" / W1 / f"{W1}.ipynb",
        ]
        private = {
            "THERE": [str(path) for path in there],
            "FOLDERS": [str(folder), str(output), "/tmp"],
            "PORT": server.getsockname()[1],
        }
        pry = folder / "pries" / f"{W1}.ipynb"
        notebook = nbformat.read(pry, as_version=4)
        answer = cell_of(notebook, "w01-answer-2")
        for word, value in private.items():
            answer.source = answer.source.replace(word, repr(value))
        nbformat.write(notebook, pry)
        rows = worksheets.grade(folder, output, LIMITS)
    return rows, output


@cache
def tasks(name: str) -> dict[str, float]:
    """The points of each task."""
    cells = [cell.metadata.nbgrader for cell in worksheets.releases()[name].cells]
    return {about.grade_id: about.points for about in cells if about.grade}


def read_by_hand(name: str) -> set[str]:
    cells = worksheets.releases()[name].cells
    return {
        cell.metadata.nbgrader.grade_id
        for cell in cells
        if cell.metadata.nbgrader.grade and cell.cell_type == "markdown"
    }


# The worksheets


@pytest.mark.parametrize("name", NAMES)
def test_worksheet_has_five_to_eight_tasks_and_its_release_no_solution(name):
    assert 5 <= len(tasks(name)) <= 8 and len(read_by_hand(name)) >= 1
    release = "\n".join(cell.source for cell in worksheets.releases()[name].cells)
    assert not re.search("SOLUTION|HIDDEN|Marking:", release) and "### BEGIN" not in release
    graded = "\n".join(cell.source for cell in worksheets.releases("autograder")[name].cells)
    assert graded.count("BEGIN HIDDEN TESTS") == len(tasks(name)) - len(read_by_hand(name))
    assert "SOLUTION" not in graded and "Marking:" not in graded
    assert not FORBIDDEN_WORDS.findall(release)


@pytest.mark.parametrize("name", NAMES)
def test_model_solution_has_full_marks_and_the_untouched_release_none(graded, name):
    rows, _ = graded
    for student in ("model", "blank"):
        points = {row["task"]: row["points"] for row in rows_of(rows, student) if row["worksheet"] == name}
        open_tasks = dict.fromkeys(read_by_hand(name), None)
        assert points == (tasks(name) | open_tasks if student == "model" else dict.fromkeys(tasks(name), 0))
        assert all(not row["note"] or row["note"] == worksheets.OPEN for row in rows_of(rows, student))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["typical", "subtle"])
def test_every_task_finds_its_wrong_answers(graded, name, kind):
    rows, output = graded
    points = {row["task"]: row["points"] for row in rows_of(rows, kind) if row["worksheet"] == name}
    assert points == dict.fromkeys(tasks(name), 0) | dict.fromkeys(read_by_hand(name), None)
    notebook = nbformat.read(output / "autograded" / kind / name / f"{name}.ipynb", as_version=4)
    for task in set(tasks(name)) - read_by_hand(name):
        cell = cell_of(notebook, task)
        (error,) = cell.outputs
        answer = f"answer_{task.split('-')[1]}"
        if kind == "typical":
            assert error.ename == "AssertionError" and WRONG[name][answer]["says"] in error.evalue, (
                task,
                error.evalue,
            )
        else:  # what can be seen is passed: the line that fails is below the mark
            failing = re.search(r"-+> *(\d+)", re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback)))
            shown = cell.source.partition("### BEGIN HIDDEN TESTS")[0].count("\n")
            assert int(failing[1]) > shown, (task, error.evalue)


# What is handed in, and the marks


@pytest.mark.parametrize("student", CASES)
def test_planted_file_has_the_marks_that_it_should(graded, student):
    _, lost, note = CASES[student]
    rows, output = rows_of(graded[0], student), graded[1]
    assert rows, "lost"
    assert all(note in row["note"] for row in rows), rows[0]["note"]
    if lost == {"all"}:
        assert [(row["points"], row["total"]) for row in rows] == [(0, 0)]
        return
    name = rows[0]["worksheet"]
    expected = tasks(name) | dict.fromkeys(read_by_hand(name), None) | dict.fromkeys(lost, 0)
    assert {row["task"]: row["points"] for row in rows} == expected
    assert {row["total"] for row in rows} == {sum(filter(None, expected.values()))}
    assert note or all(not row["note"] or row["note"] == worksheets.OPEN for row in rows), rows[0]["note"]
    folder = worksheets.Found(student, Path()).id
    assert (output / "feedback" / folder / name / f"{name}.html").is_file()


def test_no_file_and_no_student_is_lost(graded):
    rows, output = graded
    others = {
        "twice": "same worksheet",
        "essay": "can be read",
        "nothing": "nothing was",
        "": "no student",
        "link": "a link",
    }
    for student, note in others.items():
        assert any(note in row["note"] and row["points"] == 0 for row in rows_of(rows, student)), student
    assert {row["total"] for row in rows_of(rows, "twice") if row.get("task")} == {
        sum(tasks(W1).values()) - 2
    }
    table = (output / "marks.csv").read_text(encoding="utf-8-sig").splitlines()
    assert table[0] == "student,worksheet,task,points,max,total,note" and len(table) == len(rows) + 1
    assert any(line.startswith("'=cmd,") for line in table)


def test_nothing_is_left_running_and_nothing_was_reached(graded):
    _, output = graded
    assert not [it for it in psutil.process_iter(["cmdline"]) if "98765" in (it.info["cmdline"] or [])]
    assert nbformat.read(output.parent / "handed in" / "model" / f"{W1}.ipynb", as_version=4) == good(W1)
    assert not (ROOT / "large").exists() and not list(output.rglob("large"))


def test_feedback_runs_nothing_and_needs_no_network(graded, tmp_path):
    _, output = graded
    page = (output / "feedback" / "typical" / W2 / f"{W2}.html").read_text(encoding="utf-8")
    assert "your softmax sums to 1.3" in page and not re.search(r"<(script|link|img)[^>]*https?:", page)
    folder = tmp_path / "in"
    shown = (
        "from IPython.display import HTML, display\ndisplay(HTML('<b>bold</b><script>alert(28)</script>'))"
    )
    write(folder / "scripts" / f"{W1}.ipynb", with_cell(shown))
    worksheets.grade(folder, tmp_path / "out", LIMITS)
    page = (tmp_path / "out" / "feedback" / "scripts" / W1 / f"{W1}.html").read_text(encoding="utf-8")
    assert "<b>bold</b>" in page and "<script>alert(28)" not in page


def test_marks_by_hand_are_kept(graded, tmp_path):
    folder, output = tmp_path / "in", tmp_path / "out"
    write(folder / "submitted" / "Ada" / W1 / f"{W1}.ipynb", good(W1))  # nbgrader's layout
    first = worksheets.grade(folder, output, LIMITS)
    with Gradebook(f"sqlite:///{output / 'gradebook.db'}") as gradebook:
        gradebook.find_grade("w01-7-scaling", W1, W1, "Ada").manual_score = 1.5
        gradebook.db.commit()
    again = worksheets.grade(folder, output, LIMITS)
    assert [row["points"] for row in first][-1] is None and [row["points"] for row in again][-1] == 1.5
    assert again[0]["total"] == first[0]["total"] + 1.5


def test_what_takes_too_long_as_a_whole_is_not_run_and_still_can_be_read(tmp_path):
    path = tmp_path / f"{W1}.ipynb"
    graded = worksheets.restored(with_cell("while True:\n    pass"), worksheets.releases("autograder")[W1])
    nbformat.write(graded, path)
    (note,) = run_apart(path, Limits(seconds=5))
    assert note == "not run: the notebook took more than 5 seconds"
    cell = cell_of(nbformat.read(path, as_version=4), "w01-1-quarter")
    assert [output.ename for output in cell.outputs] == ["NotRun"]


@pytest.mark.parametrize("without", ["nothing", "namespaces", "landlock_version"])
def test_a_program_is_kept_from_files_by_each_of_two_means(monkeypatch, tmp_path, without):
    assert {"namespaces (files, processes, network)", "Landlock (files)"} <= set(held())
    secret = tmp_path / "secret"
    secret.write_text("marks")
    tmp_path.chmod(0o755)
    secret.chmod(0o644)
    if without != "nothing":
        monkeypatch.setattr(confine, without, tuple)
        monkeypatch.setattr(confine, "becomes_nobody", bool)
    assert unprotected([*worksheets.SOURCES, secret, ROOT / "README.md"], LIMITS) == []
    assert unprotected([worksheets.SOURCES[0], Path("/etc/passwd")], LIMITS) == ["/etc/passwd"]


def test_what_could_be_read_is_said_where_neither_is_there(monkeypatch, tmp_path):
    for means in ("namespaces", "landlock_version"):
        monkeypatch.setattr(confine, means, tuple)
    monkeypatch.setattr(confine, "becomes_nobody", bool)
    assert unprotected(worksheets.SOURCES[:1], LIMITS) == [str(worksheets.SOURCES[0])]
    with pytest.raises(SystemExit, match=r"could read .*01_data\.ipynb.* TRUST=1"):
        worksheets.grade_here(tmp_path, LIMITS, trust=False)
