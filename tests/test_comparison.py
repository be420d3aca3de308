"""Re-executing the notebooks would notice changes in text, pictures and alt texts."""

import base64
import io
import itertools
import math
import re

import matplotlib.image
import numpy as np
import pytest
from nbval.plugin import get_sanitize_patterns
from pages import NOTEBOOKS, ROOT, alt_text, read
from pictures import alike

SANITIZER = get_sanitize_patterns((ROOT / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8"))
# All that the comparison may ignore: the digits in Keras' training lines, and what 07 measures.
LIVE = re.compile(r"(?:accuracy|loss): [\d.e-]+|live [a-z ]+ [\d.,]+|\d+\.\d+ s\b|this processor .*")


def sanitized(text: str) -> str:
    for pattern, replacement in SANITIZER:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_changed_digit_is_noticed(path):
    seen = 0
    for i, cell in enumerate(read(path).cells):
        for output in cell.get("outputs", []):
            for line in (output.get("text") or output.get("data", {}).get("text/plain", "")).splitlines():
                for digit in re.finditer(r"\d", LIVE.sub(lambda found: "x" * len(found[0]), line)):
                    other = str((int(digit[0]) + 1) % 10)
                    changed = line[: digit.start()] + other + line[digit.end() :]
                    assert sanitized(changed) != sanitized(line), f"cell {i}, not compared: {line}"
                    seen += 1
    assert seen > 50


def pictures(path) -> list[tuple[str, str]]:
    """A notebook's compared pictures, as PNG in Base64, with the size text that nbval compares."""
    return [
        (output.data["image/png"], output.data["text/plain"])
        for cell in read(path).cells
        if "live" not in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_swapped_pictures_are_noticed(path):
    found = pictures(path)
    assert all(alike(picture, picture) for picture, _ in found)
    for (first, size), (second, other_size) in itertools.combinations(found, 2):
        assert size != other_size or not alike(first, second)


def test_changed_bar_or_title_is_noticed():
    path = next(path for path in NOTEBOOKS if path.stem.startswith("05"))
    for picture, _ in pictures(path):
        pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(picture)))
        pixels[8:16, 100:106, :3] = 1 - pixels[8:16, 100:106, :3]
        matplotlib.image.imsave(changed := io.BytesIO(), pixels)
        assert not alike(picture, base64.b64encode(changed.getvalue()).decode())


def words(text: str) -> set[str]:
    """A text's numbers and words; words are cut to five letters, so that "filters" is "filter"."""
    return {word[:5].lower() for word in re.findall(r"[A-Za-z]{3,}|\d+", text.replace("_", " "))}


def around(cells: list, i: int) -> set[str]:
    """The words in a cell, in the text before it and in the paragraph after it."""
    before = next(cell.source for cell in cells[i::-1] if cell.cell_type == "markdown")
    after = next((cell.source for cell in cells[i + 1 : i + 2] if cell.cell_type == "markdown"), "")
    return words(" ".join([before, cells[i].source, after.partition("\n\n")[0]]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_swapped_alt_texts_are_noticed(path):
    cells = read(path).cells
    texts = {i: words(alt_text(cell)) for i, cell in enumerate(cells) if alt_text(cell)}
    places = {i: around(cells, i) for i in texts}

    def fit(i: int, j: int) -> float:
        """How well the alt text of cell i fits cell j; rare words count for more."""
        shared = texts[i] & places[j]
        return sum(math.log(len(places) / sum(word in place for place in places.values())) for word in shared)

    swapped = [
        f"the alt texts of cells {i} and {j} could be swapped: say what each picture shows"
        for i, j in itertools.combinations(texts, 2)
        if fit(i, i) + fit(j, j) <= fit(i, j) + fit(j, i)
    ]
    assert not swapped, "\n".join(swapped)


def test_different_widths_are_noticed():
    small, large = np.zeros((5, 5, 3)), np.zeros((5, 6, 3))
    encoded = []
    for pixels in (small, large):
        matplotlib.image.imsave(file := io.BytesIO(), pixels)
        encoded.append(base64.b64encode(file.getvalue()).decode())
    assert not alike(*encoded)
