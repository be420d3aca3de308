"""Helpers to read the course's notebooks, README and other pages."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LESSONS = "[0-9][0-9]_*.ipynb"  # not a reader's own notebooks
NOTEBOOKS = sorted((ROOT / "notebooks").glob(LESSONS))

MARKER = re.compile(r"<!-- result: ([\w.]+) -->")
HOLDS = re.compile(r"<!-- holds: ([\w.]+) -->")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# Replaces code and math, so that the text on either side does not run together.
GAP = "¤"

_FENCED = re.compile(r"^ *(```+|~~~+).*?(?:^ *\1 *$|\Z)", re.DOTALL | re.MULTILINE)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_MATH = re.compile(r"\$\$.+?\$\$|\$(?!\s)[^$]+?(?<!\s)\$", re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)(?: \"[^\"]*\")?\)")
_HTML_LINK = re.compile(r"<[^>]* (?:href|src)=\"([^\"]+)\"")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$", re.MULTILINE)


@functools.cache
def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def texts(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """A notebook's text besides code: (where, text) for each markdown cell and alt text."""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield f"cell {i}", cell.source
        elif text := alt_text(cell):
            yield f"alt text of cell {i}", text


def markdown_of(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def alt_text(cell: NotebookNode) -> str:
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def conclusions(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """The conclusions marked in a notebook's text and alt texts: (where, name)."""
    for i, cell in enumerate(notebook.cells):
        names = HOLDS.findall(cell.source) if cell.cell_type == "markdown" else cell.metadata.get("holds", [])
        yield from ((f"cell {i}", name) for name in names)


def without_code(markdown: str) -> str:
    for not_prose in (_FENCED, _CODE_SPAN, _MATH):
        markdown = not_prose.sub(GAP, markdown)
    return markdown


def marked_prose(markdown: str) -> str:
    """The text that a reader sees, without code, math and URLs, but with result markers."""
    text = re.sub(r"https?://[^\s)>]+", GAP, _LINK.sub("]", without_code(HOLDS.sub("", markdown))))
    text = re.sub(r"<!--(?!.*?result).*?-->|</?[A-Za-z][^>]*>", "", text, flags=re.DOTALL)
    return re.sub("[\u00a0\u2009\u202f]", " ", text.replace("*", ""))


def prose(markdown: str) -> str:
    return MARKER.sub("", marked_prose(markdown))


def headings(markdown: str) -> list[tuple[int, str]]:
    """(level, text) of each heading."""
    return [(len(marks), text) for marks, text in _HEADING.findall(_FENCED.sub("", markdown))]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings: as in Jupyter for a notebook, as on GitHub for Markdown."""
    if path.suffix == ".ipynb":
        markdown = markdown_of(nbformat.read(path, as_version=4))
    else:
        markdown = path.read_text(encoding="utf-8")
    names = [re.sub(r"[`*]", "", text) for _, text in headings(MARKER.sub("", markdown))]
    if path.suffix == ".ipynb":
        return {name.replace(" ", "-") for name in names}
    return {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in names}


def links(markdown: str) -> list[str]:
    """The targets of all links and pictures."""
    text = without_code(markdown)
    return _LINK.findall(text) + _HTML_LINK.findall(text)


def broken_links(markdown: str, page: Path) -> list[str]:
    """A page's links to files or headings that do not exist. External links are not checked."""
    broken = []
    for link in links(markdown):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / unquote(file) if file else page
        if not target.exists() or (anchor and unquote(anchor) not in anchors(target)):
            broken.append(link)
    return broken
