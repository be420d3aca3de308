"""Measure how long each notebook and each of its sections run: ``make bench``.

The start of the kernel is counted with what comes before the first section.
"""

import json
from datetime import datetime

from nbformat import NotebookNode

from mnist_helpers.files import write_whole
from tools.course import NOTEBOOKS, ROOT
from tools.execute import execute
from tools.measure_training import machine
from tools.minutes import OPENING, by_section


def main() -> None:
    seconds, sections = {}, {}
    for path in NOTEBOOKS:
        notebook, whole = execute(path, timed=True)
        seconds[path.stem] = round(whole, 1)
        sections[path.stem] = of_sections(notebook, whole)
        print(f"{path.stem:20}{seconds[path.stem]:7.1f} s")
    record = {"seconds": seconds, "sections": sections, **machine()}
    with write_whole(ROOT / "tools") as drafts:
        (drafts / "run_times.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def of_sections(notebook: NotebookNode, whole: float) -> dict[str, float]:
    """How many seconds each section of a timed notebook took; together they are the whole."""
    found: dict[str, float] = {}
    for section, cell, _ in by_section(notebook):
        times = cell.metadata.get("execution", {})
        begin, end = (times.get(f"iopub.{part}") for part in ("execute_input", "status.idle"))
        took = datetime.fromisoformat(end) - datetime.fromisoformat(begin) if begin and end else None
        found[section] = found.get(section, 0) + (took.total_seconds() if took else 0)
    found[OPENING] += whole - sum(found.values())
    return {section: round(took, 1) for section, took in found.items()}


if __name__ == "__main__":
    main()
