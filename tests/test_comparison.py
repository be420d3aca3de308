"""Re-executing the notebooks would notice changes in text, pictures and alt texts."""

import base64
import io
import itertools
import math
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from nbval.plugin import get_sanitize_patterns
from pages import NOTEBOOKS, ROOT, read
from pictures import alike, pixels_of

from tools.course import alt_text, tags

SANITIZER = get_sanitize_patterns((ROOT / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8"))
# All that the comparison may ignore: the digits in Keras' training lines, and what 07 measures.
LIVE = re.compile(r"(?:accuracy|loss): [\d.e-]+|live [a-z ]+ [\d.,]+|\d+\.\d+ s\b|this processor .*")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def outputs(path: Path, without: str = "") -> list:
    cells = (cell for cell in read(path).cells if without not in tags(cell))
    return [output for cell in cells for output in cell.get("outputs", [])]


def sanitized(text: str) -> str:
    for pattern, replacement in SANITIZER:
        text = re.sub(pattern, replacement, text)
    return text


@each_notebook
def test_changed_digit_is_noticed(path):
    printed = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs(path)]
    digits = [
        (line, digit.start())
        for line in "\n".join(printed).splitlines()
        for digit in re.finditer(r"\d", LIVE.sub(lambda live: "x" * len(live[0]), line))
    ]
    assert digits
    for line, place in digits:
        changed = line[:place] + str((int(line[place]) + 1) % 10) + line[place + 1 :]
        assert sanitized(changed) != sanitized(line), f"not compared: {line}"


def png(pixels: np.ndarray) -> str:
    matplotlib.image.imsave(file := io.BytesIO(), pixels)
    return base64.b64encode(file.getvalue()).decode()


def pictures(path: Path) -> list[str]:
    data = (output.get("data", {}) for output in outputs(path, without="live"))
    return [bundle["image/png"] for bundle in data if "image/png" in bundle]


@each_notebook
def test_swapped_pictures_are_noticed(path):
    found = pictures(path)
    assert found and all(alike(picture, picture) for picture in found)
    assert not any(itertools.starmap(alike, itertools.combinations(found, 2)))


@each_notebook
def test_changed_bar_or_title_is_noticed(path):
    for picture in pictures(path)[:1]:
        pixels = pixels_of(picture).copy()
        pixels[8:16, 100:106, :3] = 1 - pixels[8:16, 100:106, :3]
        assert not alike(picture, png(pixels))
        assert not alike(picture, png(pixels[:, 1:]))


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
