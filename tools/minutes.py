"""How long a lesson takes: its words at a reading speed, and its cells as `make bench` measured them."""

import functools
import json
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tools.course import NOTEBOOKS, ROOT, read

WORDS_A_MINUTE = 150
OPENING = "Opening"  # what comes before the first section: title, objectives, imports
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def by_section(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode, str]]:
    """The parts of a notebook in order: the title of its section, the cell, and the text that is in both."""
    section = OPENING
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield section, cell, cell.source
            continue
        for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
            section = next(iter(re.findall(r"\A## (.+)", part)), section)
            yield section, cell, part


def words(text: str) -> int:
    """How many words there are to read; what only a test sees is not counted."""
    return len(COMMENT.sub("", text).split())


@functools.cache
def run_times() -> dict:
    return json.loads((ROOT / "tools" / "run_times.json").read_text(encoding="utf-8"))


@functools.cache
def sections(lesson: str) -> dict[str, tuple[float, float]]:
    """Of each section of a lesson, such as "02_mlp": minutes to read, and seconds to run."""
    (path,) = (path for path in NOTEBOOKS if path.stem == lesson)
    measured, counts = run_times().get("sections", {}).get(lesson, {}), {}
    for section, _, text in by_section(read(path)):
        counts[section] = counts.get(section, 0) + words(text)
    return {name: (count / WORDS_A_MINUTE, measured.get(name, 0.0)) for name, count in counts.items()}


def table(lesson: str) -> str:
    """A lesson's sections as a table in Markdown, each linked, with minutes to read and seconds to run."""
    lines = ["| Section | Minutes to read | Seconds to run |", "| --- | --- | --- |"]
    for name, (minutes, seconds) in sections(lesson).items():
        anchor = "" if name == OPENING else "#" + re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-")
        lines.append(
            f"| [{name}](../{lesson}.ipynb{anchor}) | {minutes:.1f} | {f'{seconds:.1f}' if seconds else ''} |"
        )
    minutes, seconds = (sum(column) for column in zip(*sections(lesson).values(), strict=True))
    return "\n".join([*lines, f"| Together | {minutes:.0f} | {seconds:.0f} |"])
