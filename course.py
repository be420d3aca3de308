"""Run the whole course: ``python course.py course``, ``reference`` or ``outputs``.

``course``     executes every notebook and builds a site from the results, under build/site/
``reference``  trains the reference networks in full, by executing the training notebooks
``outputs``    executes every notebook and writes its outputs back into it
"""

import argparse
import base64
import os
import re
import shutil
import time
from pathlib import Path

import nbclient
import nbformat
import papermill
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

import publish
from publish import NOTEBOOKS, ROOT

# Parameters of the training notebooks when `make reference` executes them.
REFERENCE = {
    "02_mlp": {"EPOCHS": 30},
    "03_cnn": {"EPOCHS": 30},
    "04_deep_cnn": {"EPOCHS": 30},
    "07_faster_training": {
        "SWEEP": {
            "seeds": 3,
            "rates": [0, 1, 2, 3],
            "schedules": ["constant", "straight", "cosine", "warm-up, cosine"],
        },
        "SMOOTHING": {"seeds": 10},
        "ABLATION": {"epochs": 2, "seeds": 10},
        "PARTS": {"epochs": 6, "steps": 390, "seeds": 3},
        "BEST": {"epochs": 40, "steps": 390, "seeds": 3},
    },
}
# Keras prints how long each epoch took. That differs from run to run, so it is removed.
TIMING = re.compile(r" - \d+m?s(?: - \d+[mu]?s/(?:step|epoch))?")
# A widget view is useless without its kernel.
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = {"course": make_course, "reference": make_reference, "outputs": make_outputs}
    parser.add_argument("command", choices=commands)
    os.environ["PYTHONWARNINGS"] = "ignore"
    commands[parser.parse_args().command]()


def make_course() -> None:
    executed = publish.BUILD / "executed"  # with the README next to the notebooks folder, as here
    shutil.copytree(ROOT / "notebooks", executed / "notebooks", dirs_exist_ok=True)
    shutil.copy(ROOT / "README.md", executed)
    rows, results = [], ""
    for number, path in enumerate(NOTEBOOKS, start=1):
        print(f"[{number}/{len(NOTEBOOKS)}] {path.stem} ", end="", flush=True)
        notebook, seconds = execute(path)
        write_whole(executed / "notebooks" / path.name, nbformat.writes(notebook) + "\n")
        print(f"{seconds:.0f} s")
        live = re.findall(r"^\d+/\d+ .*val_accuracy: ([\d.]+)", printed(notebook), re.MULTILINE)
        rows.append(f"{path.stem:20}{seconds:>7.0f} s{live[-1] if live else '':>15}")
        results += printed(notebook, tag="results")
    print(f"\n{'stage':20}{'run time':>9}{'live accuracy*':>15}", *rows, sep="\n")
    print("* after the last live epoch, on the validation images\n")
    print("The reference runs on the 10,000 test images:", results, sep="\n")
    print(f"Site: {publish.make_site(executed / 'notebooks')}. To run the notebooks yourself: make lab")


def make_reference() -> None:
    folder = ROOT / "mnist_helpers" / "reference"
    log = ROOT / "build" / "reference"
    log.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    for path in NOTEBOOKS:
        if path.stem in REFERENCE:
            papermill.execute_notebook(
                str(path),
                str(log / path.name),
                parameters={**REFERENCE[path.stem], "RUN_FOLDER": str(folder)},
                cwd=str(path.parent),
            )


def make_outputs() -> None:
    for path in NOTEBOOKS:
        print(f"{path.stem} ", end="", flush=True)
        notebook, seconds = execute(path)
        text = nbformat.writes(notebook) + "\n"
        changed = text != path.read_text(encoding="utf-8")
        if changed:
            write_whole(path, text)
        print(f"{seconds:.0f} s, {'changed' if changed else 'unchanged'}")
        picture = first_picture(notebook, tag="readme-picture")
        if picture:
            write_whole(ROOT / "notebooks" / "_static" / "gallery.png", picture)


def execute(path: Path) -> tuple[nbformat.NotebookNode, float]:
    """Run a notebook from top to bottom in a fresh kernel; the file is not changed.

    Whatever differs between runs (dates, times, Python version, widget ids) is left out of the result. Of a
    widget, only its text and picture are kept.
    """
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    nbclient.NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # no warning about an unencrypted local connection
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    seconds = time.perf_counter() - start
    notebook, _ = CoalesceStreamsPreprocessor().preprocess(notebook, {})
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = TIMING.sub("", output.text)
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook, seconds


def printed(notebook: nbformat.NotebookNode, tag: str | None = None) -> str:
    """What a notebook's cells, or those with a tag, printed."""
    cells = [cell for cell in notebook.cells if tag is None or tag in cell.metadata.get("tags", [])]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


def first_picture(notebook: nbformat.NotebookNode, tag: str) -> bytes | None:
    """The first picture in a cell with the tag, as PNG."""
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"])
    return None


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a draft next to the file and rename it, so that the file is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    draft.replace(path)


if __name__ == "__main__":
    main()
