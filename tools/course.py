"""What the course consists of: the list in course.toml, where it is, and how a notebook is read."""

import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"

LESSONS: dict[str, dict] = {
    lesson["notebook"]: lesson
    for lesson in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["lessons"]
}
NOTEBOOKS = [ROOT / "notebooks" / f"{lesson}.ipynb" for lesson in LESSONS]
NETWORKS: dict[str, dict] = {
    network: {"notebook": lesson} | about
    for lesson, of_lesson in LESSONS.items()
    for network, about in of_lesson.get("networks", {}).items()
}
STUDIES = [study for lesson in LESSONS.values() for study in lesson.get("studies", [])]
# The networks that the course compares with what others have published.
COMPARED = [network for network, about in NETWORKS.items() if "published" in about]


def read(notebook: Path) -> NotebookNode:
    """Read a notebook; an error names the file."""
    try:
        return nbformat.read(notebook, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise ValueError(
            f"the notebook {notebook} is damaged ({reason}); undo the change, or resolve the conflict, in it"
        ) from error


def title(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.partition("\n")[0].removeprefix("# ")


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def alt_text(cell: NotebookNode) -> str:
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
