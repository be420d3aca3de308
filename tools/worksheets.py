"""Make the worksheets' versions with nbgrader, and grade what was handed in.

``make worksheets`` and ``make grade FOLDER=...`` call this. Clearing, comparing, scoring and feedback are
nbgrader's. What is here is around it: find what was handed in, run each notebook where it can do no harm
(`confine.py`), and write the marks.
"""

import argparse
import csv
import os
import re
import shutil
import sysconfig
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import nbformat
from nbformat import NotebookNode
from nbgrader import utils as nbgrader_utils
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, GenerateSolution
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from tools.course import BUILD, ROOT
from tools.files import whole_folder
from tools.run_worksheet import Limits, held, run_apart, stopped, unprotected

VERSIONS = BUILD / "worksheets"
SOURCES = sorted((ROOT / "worksheets").glob("*.ipynb"))
LARGEST = 20_000_000  # bytes of a notebook that is handed in
OF_NBGRADER = {"timestamp.txt", "submission_secret.txt"}  # beside what its exchange brings
COLUMNS = ["student", "worksheet", "task", "points", "max", "total", "note"]
OPEN = "open: to be read"


@dataclass
class Found:
    """A file that was handed in, and what is wrong with it, if anything."""

    student: str
    path: Path
    worksheet: str = ""
    problem: str = ""
    notebook: NotebookNode | None = None

    @property
    def id(self) -> str:
        """The student's name in nbgrader, which looks for files with patterns and so misses some names."""
        safe = re.sub(r"[][*?]", "_", self.student)
        return safe if safe == self.student else f"{safe}-{crc32(self.student.encode()):08x}"


# The versions of a worksheet


def config(**of_class) -> Config:
    """nbgrader's settings: the course's own, and of some classes others."""
    settings = Config()
    settings.ClearSolutions.code_stub = {"python": "raise NotImplementedError()"}
    settings.HTMLExporter.sanitize_html = True  # what a student wrote runs nothing in the teacher's browser
    settings.HTMLExporter.embed_images = True
    for name, values in of_class.items():
        settings[name].update(values)
    return settings


warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's, about nothing that a teacher can change


@event.listens_for(Engine, "connect")
def _wait_for_no_disk(connection, _) -> None:
    """Dozens of small commits for each notebook need not reach the disk one by one."""
    connection.execute("PRAGMA synchronous = OFF")


# nbgrader calls alembic by its name.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])


def convert(converter: type, course: Path, worksheet: str, student: str = "*", **of_class) -> None:
    """Run one of nbgrader's converters for one worksheet, and for one student."""
    directory = CourseDirectory(root=str(course), assignment_id=worksheet, student_id=student)
    for name, value in of_class.pop("directories", {}).items():
        setattr(directory, name, value)
    converter(coursedir=directory, force=True, config=config(**of_class)).start()


def without(preprocessors: list, *names: str) -> list:
    return [one for one in preprocessors if one.__name__ not in names]


def make_versions(course: Path) -> None:
    """In a folder: the worksheets' source, release, autograder and solution versions, and a gradebook."""
    for source in SOURCES:
        folder = course / "source" / source.stem
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder)
        convert(GenerateAssignment, course, source.stem)
        keeps_tests = {
            "preprocessors": without(GenerateAssignment.preprocessors.default(), "ClearHiddenTests")
        }
        convert(
            GenerateAssignment,
            course,
            source.stem,
            directories={"release_directory": "autograder"},
            GenerateAssignment={"no_database": True, **keeps_tests},
        )
        unexecuted = {"preprocessors": without(GenerateSolution.preprocessors.default(), "Execute")}
        convert(GenerateSolution, course, source.stem, GenerateSolution=unexecuted)


# What was handed in


def hand_in(folder: Path) -> list[Found]:
    """All files of a folder: FOLDER/<student>/<worksheet>.ipynb, or FOLDER/submitted/ as nbgrader has it.

    Every file is in the list, whatever is wrong with it, and so is every student's folder without a file.
    """
    if (folder / "submitted").is_dir():
        folder = folder / "submitted"
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or not entry.is_dir():
            found.append(Found("", entry, problem="lies in no student's folder"))
            continue
        files = [one for one in sorted(entry.rglob("*")) if not one.is_dir() or one.is_symlink()]
        files = [one for one in files if not hidden(one.relative_to(entry)) and one.name not in OF_NBGRADER]
        found += [read_one(entry.name, one) for one in files]
        if not files:
            found.append(Found(entry.name, entry, problem="nothing was handed in"))
    for one in found:  # of several for one worksheet, the one that has its name, or else the newest
        others = [other for other in found if other.notebook and other.student == one.student]
        same = [other for other in others if other.worksheet == one.worksheet]
        best = max(same, key=lambda it: (it.path.stem == it.worksheet, size_and_time(it.path)), default=one)
        if one.notebook and one is not best:
            one.problem = f"not graded: {best.path.name} is the same worksheet"
    return found


def hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def size_and_time(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.name


def read_one(student: str, path: Path) -> Found:
    """Read a file, and find out which worksheet it is: by its cells, or else by its name."""
    by_name = [name for name in releases() if path.name.startswith((name, name[:2]))]
    one = Found(student, path, worksheet=by_name[0] if by_name else "")
    if path.is_symlink() or not path.is_file():
        one.problem = "is a link and no file of its own"
    elif not path.stat().st_size:
        one.problem = "is empty"
    elif path.stat().st_size > LARGEST:
        one.problem = f"is larger than {LARGEST // 1_000_000} MB; its outputs must be cleared"
    else:
        try:
            notebook = nbformat.read(path, as_version=4)
            known = {name: len(own_cells(notebook, release)) for name, release in releases().items()}
            if max(known.values()):
                one.worksheet = max(known, key=known.get)
            one.notebook = notebook if one.worksheet else None
            one.problem = "" if one.worksheet else "belongs to no worksheet"
        except Exception as error:  # whatever a file holds, it must not end the grading of the others
            one.problem = f"is no notebook that can be read ({type(error).__name__})"
    return one


@cache
def releases(version: str = "release") -> dict[str, NotebookNode]:
    """The worksheets as `make worksheets` has written them."""
    paths = [VERSIONS / version / source.stem / source.name for source in SOURCES]
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def own_cells(notebook: NotebookNode, release: NotebookNode) -> dict[str, NotebookNode]:
    """The cells of a notebook that are a worksheet's, by name; of a cell and its copies, the first.

    Where nbgrader's metadata are lost, the cell's id is its name. Where the ids are lost too, texts and
    checks are found by what they say, and an answer by what is before it.
    """
    names = [cell.metadata.nbgrader.grade_id for cell in release.cells]
    answer = [nbgrader_utils.is_solution(cell) for cell in release.cells]
    said = {release.cells[i].source.strip(): names[i] for i in range(len(names)) if not answer[i]}
    answer_after = {names[i - 1]: names[i] for i in range(1, len(names)) if answer[i]}
    named, own, last = {name_of(cell) for cell in notebook.cells}, {}, None
    for cell in notebook.cells:
        name = name_of(cell)
        if name not in names:
            name = said.get(str(cell.source).strip()) or answer_after.get(last)
            name = None if name in named else name
        if name in names and name not in own:
            own[name], last = cell, name
    return own


def name_of(cell: NotebookNode) -> str | None:
    about = cell.metadata.get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else cell.get("id")
    return name if isinstance(name, str) else None


def restored(notebook: NotebookNode, graded: NotebookNode) -> NotebookNode:
    """The worksheet as it is graded, with a notebook's answers, and its further cells at their places."""
    own = own_cells(notebook, graded)
    names = {id(cell): name for name, cell in own.items()}
    further, last = {None: []}, None
    for cell in notebook.cells:
        if id(cell) in names:
            last = names[id(cell)]
        elif cell.cell_type == "code":
            further.setdefault(last, []).append(nbformat.v4.new_code_cell(str(cell.source)))
    result = deepcopy(graded)
    result.cells = further[None]
    for cell in deepcopy(graded.cells):
        name = cell.metadata.nbgrader.grade_id
        if nbgrader_utils.is_solution(cell) and name in own:
            cell.source = str(own[name].source)
        result.cells += [cell, *further.get(name, [])]
    return result


# Marks and feedback


def grade(folder: Path, output: Path, limits: Limits, jobs: int = 2) -> list[dict]:
    """Grade a folder. Writes marks.csv, feedback/ and the rest of nbgrader's folders; gives the marks."""
    found = hand_in(folder)
    output.mkdir(parents=True, exist_ok=True)
    if not (output / "gradebook.db").exists():
        shutil.copy(VERSIONS / "gradebook.db", output)
    for source in SOURCES:
        copy = output / "source" / source.stem / source.name
        if not same(source, copy):
            shutil.copytree(VERSIONS / "source" / source.stem, copy.parent, dirs_exist_ok=True)
            convert(GenerateAssignment, output, source.stem)
    gradable = [one for one in found if not one.problem]
    with ThreadPoolExecutor(jobs) as pool:
        marks = pool.map(lambda one: run_one(one, output, limits), gradable)
        for one, notes in zip(gradable, marks, strict=True):
            one.problem = "; ".join([*notes, *score(one, output)])
            print(f"{one.student}: {one.worksheet}{': ' * bool(one.problem)}{one.problem}", flush=True)
    rows = [row for one in found for row in marks_of(one, output)]
    with (output / "marks.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    return rows


def harmless(value):
    """Text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@") else value


def submitted(one: Found, output: Path) -> Path:
    return output / "submitted" / one.id / one.worksheet / f"{one.worksheet}.ipynb"


def run_one(one: Found, output: Path, limits: Limits) -> list[str]:
    path = submitted(one, output)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(restored(one.notebook, releases("autograder")[one.worksheet]), path)
    return run_apart(path, limits)


def score(one: Found, output: Path) -> list[str]:
    """Have nbgrader compare the cells with the source, take down the marks and write the feedback."""
    executed = {
        "sanitize_preprocessors": without(Autograde.sanitize_preprocessors.default(), "ClearOutput"),
        "autograde_preprocessors": without(Autograde.autograde_preprocessors.default(), "Execute"),
    }
    path, notes = submitted(one, output), []
    for attempt in range(2):
        try:
            convert(Autograde, output, one.worksheet, one.id, Autograde=executed)
            break
        except NbGraderException:
            if attempt:
                return ["not graded: nbgrader cannot take it"]
            notes = stopped(path, ["what its cells gave is nothing that nbgrader can take"])
    try:
        convert(GenerateFeedback, output, one.worksheet, one.id)
        page = output / "feedback" / one.id / one.worksheet / f"{one.worksheet}.html"
        text = page.read_text(encoding="utf-8")  # MathJax; there are no formulas
        page.write_text(re.sub(r'<script src="https:[^>]*>\s*</script>', "", text), encoding="utf-8")
    except NbGraderException:
        notes.append("there is no feedback, since what its cells gave cannot be shown")
    return notes


def marks_of(one: Found, output: Path) -> list[dict]:
    """The rows of the table for one file: one for each task, or one that says why there is none."""
    about = {"student": one.student, "worksheet": one.worksheet or one.path.name, "note": one.problem}
    if not one.notebook or one.problem.startswith("not graded"):
        return [about | {"points": 0, "total": 0, "note": f"{one.path.name}: {one.problem}"}]
    with Gradebook(f"sqlite:///{output / 'gradebook.db'}") as gradebook:
        grades = gradebook.find_submission_notebook(one.worksheet, one.worksheet, one.id).grades
        rows = [{"task": it.name, "points": points(it), "max": whole(it.max_score)} for it in grades]
    total = sum(row["points"] or 0 for row in rows)
    for row in rows:
        row |= about | {"total": total}
        if row["points"] is None:
            row["note"] = "; ".join(filter(None, [OPEN, one.problem]))
    return sorted(rows, key=lambda row: row["task"])


def points(grade) -> float | None:
    """None where a person must read the answer."""
    if grade.manual_score is None and grade.auto_score is None:
        return None
    return whole(grade.score)


def whole(number: float) -> float:
    """An int where that is the same."""
    return int(number) if number == int(number) else number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.worksheets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make")
    grading = commands.add_parser("grade")
    grading.add_argument("folder", type=Path)
    grading.add_argument(
        "--trust", action="store_true", help="grade where files cannot be kept from a notebook"
    )
    for name, default in asdict(Limits()).items():
        grading.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    options = parser.parse_args()
    make()
    print(f"Worksheets: {VERSIONS / 'release'}; with tests: autograder; with solutions: solution")
    if options.command == "grade":
        limits = Limits(**{name: getattr(options, name) for name in asdict(Limits())})
        grade_here(options.folder, limits, options.trust)


def same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def make() -> None:
    if all(same(source, VERSIONS / "source" / source.stem / source.name) for source in SOURCES):
        return
    with whole_folder(VERSIONS) as draft:
        make_versions(draft)
    releases.cache_clear()


def grade_here(folder: Path, limits: Limits, trust: bool) -> None:
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}. Say which to grade: make grade FOLDER=...")
    folder = folder.resolve()
    output = folder.with_name(f"{folder.name}-graded")
    files = [path for path in folder.rglob("*.ipynb") if path.is_file()][:1]
    if (readable := unprotected([*SOURCES, *files, ROOT / "README.md"], limits)) and not trust:
        raise SystemExit(
            f"A notebook that is graded here could read {readable[0]}, and other files. Grade on Linux 5.13 "
            "or later; or, if you trust all who handed in, say TRUST=1."
        )
    print(f"Confined by: {', '.join(held())}")
    rows = grade(folder, output, limits)
    graded = {(row["student"], row["worksheet"]) for row in rows if row.get("task")}
    print(f"{len(graded)} worksheets graded, {sum(not row.get('task') for row in rows)} files not.")
    print(f"{sum((row['note'] or '').startswith(OPEN) for row in rows)} answers are open: read them by hand.")
    print(f"Marks: {output / 'marks.csv'}. Feedback: {output / 'feedback'}")


if __name__ == "__main__":
    main()
