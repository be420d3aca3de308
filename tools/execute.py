"""Execute the course: ``python -m tools.execute course``, ``reference`` or ``outputs``.

``course``     executes every notebook and builds a site from the results, under build/site/
``reference``  trains the reference networks in full, by executing the training notebooks
``outputs``    executes every notebook and writes its outputs back into it

The last two can be told which lessons, such as ``reference 02_mlp``.
"""

import argparse
import base64
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbclient
import nbformat
import papermill
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from mnist_helpers.files import write_whole
from mnist_helpers.reference import REFERENCE_FOLDER
from tools.course import BUILD, LESSONS, NOTEBOOKS, ROOT, alt_text, read, tags

# Keras prints how long each epoch took. That differs from run to run, so it is removed.
TIMING = re.compile(r" - \d+m?s(?: - \d+[mu]?s/(?:step|epoch))?")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # useless without its kernel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=("course", "reference", "outputs"))
    parser.add_argument("lessons", nargs="*", metavar="lesson")
    wish = parser.parse_args()
    if unknown := set(wish.lessons) - LESSONS.keys():
        parser.error(f"{', '.join(unknown)} not in tools/course.toml, which has {', '.join(LESSONS)}")
    notebooks = [path for path in NOTEBOOKS if path.stem in (wish.lessons or LESSONS)]
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        if wish.command == "course":
            make_course()
        elif wish.command == "reference":
            make_reference(notebooks)
        else:
            make_outputs(notebooks)
    except (OSError, ValueError) as error:
        sys.exit(f"make {wish.command}: {error}")


def make_course() -> None:
    from tools import publish

    executed = BUILD / "executed"  # with the README next to the notebooks folder, as here
    shutil.rmtree(executed, ignore_errors=True)
    shutil.copytree(ROOT / "notebooks", executed / "notebooks")
    shutil.copy(ROOT / "README.md", executed)
    rows, results = [], ""
    for number, path in enumerate(NOTEBOOKS, start=1):
        print(f"[{number}/{len(NOTEBOOKS)}] {path.stem} ", end="", flush=True)
        notebook, seconds = execute(path)
        nbformat.write(notebook, executed / "notebooks" / path.name)
        print(f"{seconds:.0f} s")
        live = re.findall(r"^\d+/\d+ .*val_accuracy: ([\d.]+)", printed(notebook), re.MULTILINE)
        rows.append(f"{path.stem:20}{seconds:>7.0f} s{live[-1] if live else '':>15}")
        results += printed(notebook, tag="results")
    print(f"\n{'stage':20}{'run time':>9}{'live accuracy*':>15}", *rows, sep="\n")
    print("* after the last live epoch, on the validation images\n")
    print("The reference runs on the 10,000 test images:", results, sep="\n")
    print(f"Site: {publish.make_site(executed / 'notebooks')}. To run the notebooks yourself: make lab")


def make_reference(notebooks: list[Path]) -> None:
    log = BUILD / "reference"
    log.mkdir(parents=True, exist_ok=True)
    REFERENCE_FOLDER.mkdir(exist_ok=True)
    for path in notebooks:
        if train := LESSONS[path.stem].get("train"):
            parameters = {**train, "RUN_FOLDER": str(REFERENCE_FOLDER)}
            papermill.execute_notebook(str(path), str(log / path.name), parameters, cwd=str(path.parent))


def make_outputs(notebooks: list[Path]) -> None:
    for path in notebooks:
        print(f"{path.stem} ", end="", flush=True)
        notebook, seconds = execute(path)
        if lost := [cell.id for cell in notebook.cells if alt_text(cell) and not pictures(cell)]:
            raise ValueError(
                f"{path} stays as it was: the cells {', '.join(lost)} have an alt text but gave no picture; "
                "if that is meant, remove the alt text"
            )
        text = nbformat.writes(notebook) + "\n"
        changed = text != path.read_text(encoding="utf-8")
        with write_whole(path.parent) as drafts:
            if changed:
                (drafts / path.name).write_text(text, encoding="utf-8", newline="\n")
            for cell in notebook.cells:
                if "readme-picture" in tags(cell):
                    (drafts / "gallery.png").write_bytes(pictures(cell)[0])
        print(f"{seconds:.0f} s, {'changed' if changed else 'unchanged'}")


def execute(path: Path, timed: bool = False) -> tuple[NotebookNode, float]:
    """Run a notebook from top to bottom in a fresh kernel; the file is not changed.

    Whatever differs between runs (dates, Python version, widget ids, and times, unless it is to be timed) is
    left out of the result. Of a widget, its text, its picture and what its page needs are kept.
    """
    notebook = read(path)
    start = time.perf_counter()
    nbclient.NotebookClient(
        notebook,
        timeout=None,
        record_timing=timed,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # no warning about an unencrypted local connection
        resources={"metadata": {"path": str(path.parent)}},
    ).execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"})
    seconds = time.perf_counter() - start
    notebook, _ = CoalesceStreamsPreprocessor().preprocess(notebook, {})
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = TIMING.sub("", output.text)
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook, seconds


def pictures(cell: NotebookNode) -> list[bytes]:
    """The pictures that a cell gave, as PNG."""
    found = [output.get("data", {}).get("image/png") for output in cell.get("outputs", [])]
    return [base64.b64decode(png) for png in found if png]


def printed(notebook: NotebookNode, tag: str | None = None) -> str:
    """What a notebook's cells, or those with a tag, printed."""
    cells = [cell for cell in notebook.cells if tag is None or tag in tags(cell)]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


if __name__ == "__main__":
    main()
