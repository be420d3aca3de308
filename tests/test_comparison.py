"""Re-executing the notebooks would notice changes in text, pictures, widgets and alt texts."""

import base64
import copy
import io
import itertools
import math
import re
import zlib
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
from nbval.plugin import get_sanitize_patterns
from pages import FOLDER, read
from pictures import WIDGET, alike, compare_outputs, pixels_of, same

from tools.course import NOTEBOOKS, ROOT, alt_text, tags

SANITIZER = get_sanitize_patterns((ROOT / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8"))
# All that the comparison may ignore: the digits in Keras' training lines, and what is called live or timed.
TRAINED = r"(?:accuracy|loss): [\d.e-]+"
MEASURED = r"live [a-z ]+ [\d.,]+|\d+\.\d+ s\b|this processor .*"
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def sanitized(text: str) -> str:
    for pattern, replacement in SANITIZER:
        text = re.sub(pattern, replacement, text)
    return text


@each_notebook
def test_changed_digit_is_noticed(path):
    outputs = [output for cell in read(path).cells for output in cell.get("outputs", [])]
    printed = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    ignored = re.compile(f"{TRAINED}|{MEASURED}")
    digits = [
        (line, digit.start())
        for line in "\n".join(printed).splitlines()
        for digit in re.finditer(r"\d", ignored.sub(lambda part: "x" * len(part[0]), line))
    ]
    assert digits
    for line, place in digits:
        changed = line[:place] + str((int(line[place]) + 1) % 10) + line[place + 1 :]
        assert sanitized(changed) != sanitized(line), f"not compared: {line}"


def png(pixels: np.ndarray) -> str:
    matplotlib.image.imsave(file := io.BytesIO(), pixels)
    return base64.b64encode(file.getvalue()).decode()


@each_notebook
def test_swapped_or_changed_picture_is_noticed(path):
    cells = [cell for cell in read(path).cells if "live" not in tags(cell)]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert pictures and all(alike(picture, picture) for picture in pictures)
    assert not any(itertools.starmap(alike, itertools.combinations(pictures, 2)))
    pixels = pixels_of(pictures[0]).copy()
    pixels[8:16, 100:106, :3] = 1 - pixels[8:16, 100:106, :3]
    assert not alike(pictures[0], png(pixels))
    assert not alike(pictures[0], png(pixels[:, 1:]))


def packed(content: bytes, level: int = 6) -> dict[str, str]:
    return {"zlib": base64.b64encode(zlib.compress(content, level)).decode()}


def test_states_of_a_widget_are_compared_by_their_content():
    state = {"rate": 0.5, "image": [[0, 0.25]], "pixels": packed(b"0123" * 9)}
    assert same(state, {"rate": 0.500001, "image": [[0, 0.25]], "pixels": packed(b"0123" * 9, level=0)})
    changes = ({"rate": 0.501}, {"image": [[0, 0.26]]}, {"pixels": packed(b"0124" * 9)}, {"seed": 1})
    assert not any(same(state, state | change) for change in changes)


@pytest.mark.parametrize("kind", ["image/png", WIDGET])
def test_lost_picture_or_widget_is_noticed(kind):
    cells = read(FOLDER / "04_deep_cnn.ipynb").cells
    (cell,) = (cell for cell in cells if "= DropoutExplorer(" in cell.source)
    notebook = SimpleNamespace(skip_compare=["image/png"])
    comparison = SimpleNamespace(
        cell=cell, parent=notebook, sanitize=str, colors=None, comparison_traceback=[]
    )
    assert compare_outputs(comparison, cell.outputs, cell.outputs)
    outputs = copy.deepcopy(cell.outputs)
    del outputs[0].data[kind]
    assert not compare_outputs(comparison, outputs, cell.outputs)


def words(text: str) -> set[str]:
    """A text's numbers and words; words are cut to five letters, so that "filters" is "filter"."""
    return {word[:5].lower() for word in re.findall(r"[A-Za-z]{3,}|\d+", text.replace("_", " "))}


def around(cells: list, i: int) -> set[str]:
    """The words in a cell, in the text before it and in the paragraph after it."""
    before = next(cell.source for cell in cells[i::-1] if cell.cell_type == "markdown")
    after = next((cell.source for cell in cells[i + 1 : i + 2] if cell.cell_type == "markdown"), "")
    return words(" ".join([before, cells[i].source, after.partition("\n\n")[0]]))


@each_notebook
def test_swapped_alt_texts_are_noticed(path):
    cells = read(path).cells
    alt = {i: words(alt_text(cell)) for i, cell in enumerate(cells) if alt_text(cell)}
    places = {i: around(cells, i) for i in alt}

    def fit(i: int, j: int) -> float:
        """How well the alt text of cell i fits cell j; rare words count for more."""
        shared = alt[i] & places[j]
        return sum(math.log(len(places) / sum(word in place for place in places.values())) for word in shared)

    for i, j in itertools.combinations(alt, 2):
        assert fit(i, i) + fit(j, j) > fit(i, j) + fit(j, i), (
            f"the alt texts of cells {i} and {j} could be swapped: say what each picture shows"
        )
