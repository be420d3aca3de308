"""What can be taken away of the course: archives that unpack to one folder, and notebooks as Colab runs them.

In an archive the notebooks lie beside the package, so that they find it without its being installed.
"""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from mnist_helpers.files import write_whole
from tools.course import BUILD, NETWORKS, NOTEBOOKS, ROOT, STUDIES, read, tags, title
from tools.files import whole_folder
from tools.launch_buttons import BRANCH, launch_links, settings
from tools.slides import TEMPLATES

# What goes into an archive besides the notebooks: what is listed, not what happens to be there.
PACKED = (
    *("LICENSE", "requirements.txt", "notebooks/glossary.md", "notebooks/references.md"),
    *("mnist_helpers/mnist.npz", "mnist_helpers/[!.]*.py"),
    *("mnist_helpers/widgets/[!.]*.py", "mnist_helpers/widgets/js/[!.]*.js"),
    *(f"mnist_helpers/reference/{network}.{kind}" for network in NETWORKS for kind in ("keras", "json")),
    *(f"mnist_helpers/reference/{study}.json" for study in [*STUDIES, "training_times"]),
)
COMPRESSED = {".npz", ".keras"}  # as they are
LINK = re.compile(r"\[([^\]]+)\]\((\w+\.(?:ipynb|md))(?:#[^)]*)?\)")


def make_archives(folder: Path) -> None:
    """Write all archives of the site."""
    make_student(folder / "handwriting.zip")
    make_teacher(folder / "handwriting-teacher.zip")
    for path in NOTEBOOKS:
        make_single(folder / f"handwriting-{path.stem}.zip", path)


def make_student(archive: Path = BUILD / "student" / "handwriting.zip") -> Path:
    """Write the archive for students: without solutions and outputs."""
    return make_archive(archive, "student", {path: for_students(read(path)) for path in NOTEBOOKS})


def make_teacher(archive: Path) -> Path:
    """Write the archive for teachers: with solutions and outputs."""
    return make_archive(archive, "teacher", {path: read(path) for path in NOTEBOOKS})


def make_single(archive: Path, path: Path) -> Path:
    """Write the archive of one notebook: as on its page, without links to the others."""
    notebook = relinked(read(path), lambda file: file if file.endswith(".md") else "")
    return make_archive(archive, "notebook", {path: notebook})


def make_archive(archive: Path, edition: str, notebooks: dict[Path, NotebookNode]) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    folder, first = archive.stem, next(iter(notebooks))
    readme = (TEMPLATES / f"{edition}_readme.md").read_text(encoding="utf-8")
    readme = readme.replace("TITLE", f"{first.stem[:2]} {title(notebooks[first])}")
    with (
        write_whole(archive.parent) as drafts,
        zipfile.ZipFile(drafts / archive.name, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        file.writestr(f"{folder}/README.md", readme.replace("INSTALL", how_to_install(first)))
        for path, notebook in notebooks.items():
            file.writestr(f"{folder}/{path.name}", nbformat.writes(notebook) + "\n")
        for path in packed():
            inside = path.relative_to(ROOT).as_posix().removeprefix("notebooks/")
            kind = zipfile.ZIP_STORED if path.suffix in COMPRESSED else zipfile.ZIP_DEFLATED
            file.write(path, f"{folder}/{inside}", kind)
    return archive


def how_to_install(notebook: Path = NOTEBOOKS[0]) -> str:
    """The commands that set up an unpacked archive and open a notebook in it."""
    return (TEMPLATES / "install.md").read_text(encoding="utf-8").strip().replace("NOTEBOOK", notebook.name)


def packed() -> list[Path]:
    """The files that `PACKED` lists."""
    found = {pattern: sorted(ROOT.glob(pattern)) for pattern in PACKED}
    if missing := [pattern for pattern, paths in found.items() if not paths]:
        raise FileNotFoundError(f"{', '.join(missing)} missing; `git status` tells what became of it")
    return [path for paths in found.values() for path in paths]


def for_students(notebook: NotebookNode) -> NotebookNode:
    """Remove the solutions and all outputs."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in tags(cell)]
    return without_outputs(notebook)


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def relinked(notebook: NotebookNode, address: Callable[[str], str]) -> NotebookNode:
    """Let links to other notebooks and pages lead to new addresses; where there is none, keep their text."""

    def link(found: re.Match) -> str:
        text, file = found.groups()
        return f"[{text}]({address(file)})" if address(file) else text

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(link, cell.source)
    return notebook


def make_colab(folder: Path = BUILD / "colab") -> Path:
    """Write the notebooks for the branch that ``COURSE_COLAB`` names.

    A first cell installs the package from the repository, links lead to Colab, and solutions are folded as
    Colab folds code.
    """
    repository, _, _ = settings()

    def address(file: str) -> str:
        pages = f"{repository}/blob/{BRANCH}/notebooks"
        return f"{pages}/{file}" if file.endswith(".md") else launch_links(file)["Colab"]

    with whole_folder(folder) as draft:
        for path in NOTEBOOKS:
            notebook = relinked(without_outputs(read(path)), address)
            for cell in notebook.cells:
                if cell.cell_type == "code" and "solution" in tags(cell):
                    cell.source = f"# @title Solution\n{cell.source}"
                    cell.metadata.cellView = "form"
            install = f"%pip install --quiet git+{repository}@{BRANCH}  # the course's package"
            notebook.cells.insert(1, new_code_cell(install, id="install"))
            (draft / path.name).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    return folder
