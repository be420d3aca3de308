"""Read the course's pages: what a person sees of them, their headings, links and markers."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Comment
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode

from tools.course import NOTEBOOKS, ROOT, alt_text
from tools.course import read as read_notebook

README = ROOT / "README.md"
FOLDER = ROOT / "notebooks"
PAGES = [README, FOLDER / "index.md", FOLDER / "glossary.md", FOLDER / "references.md", *NOTEBOOKS]

MARKER = re.compile(r"<!-- result: ([\w.]+) -->")
HOLDS = re.compile(r"<!-- holds: ([\w.]+) -->")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# Replaces code and math, so that the text on either side does not run together.
GAP = "¤"

read = functools.cache(read_notebook)


def _fence(renderer, tokens, index, options, env) -> str:
    """Show what a glossary holds as text; other fences hold code or settings."""
    if tokens[index].info.startswith("{glossary}"):
        return MARKDOWN.render(tokens[index].content)
    return renderer.fence(tokens, index, options, env)


MARKDOWN = MarkdownIt().enable("table").use(dollarmath_plugin)
MARKDOWN.add_render_rule("fence", _fence)
_render = functools.cache(MARKDOWN.render)


def parse(markdown: str) -> BeautifulSoup:
    return BeautifulSoup(_render(markdown), "html.parser")


def markdown_of(page: Path | NotebookNode) -> str:
    """A page's Markdown; of a notebook, that of all its cells."""
    if isinstance(page, Path) and page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    notebook = read(page) if isinstance(page, Path) else page
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def texts(page: Path | NotebookNode) -> Iterator[tuple[str, str]]:
    """A page's text besides code: (where, Markdown); of a notebook, for each cell and alt text."""
    if isinstance(page, Path) and page.suffix != ".ipynb":
        yield page.name, markdown_of(page)
        return
    for i, cell in enumerate((read(page) if isinstance(page, Path) else page).cells):
        if cell.cell_type == "markdown":
            yield f"cell {i}", cell.source
        elif text := alt_text(cell):
            yield f"alt text of cell {i}", text


def marked_conclusions(page: Path) -> set[str]:
    """The names of the conclusions marked in a page's text, and in the metadata of its alt texts."""
    names = set(HOLDS.findall(markdown_of(page)))
    cells = read(page).cells if page.suffix == ".ipynb" else []
    return names.union(*(cell.metadata.get("holds", []) for cell in cells))


def marked_prose(markdown: str) -> str:
    """The text that a person reads, without code, math and URLs, but with result markers."""
    page = parse(markdown)
    for part in page.select("pre, code, .math"):
        part.replace_with(GAP)
    for image in page.select("img[alt]"):
        image.replace_with(image["alt"])
    for comment in page.find_all(string=lambda part: isinstance(part, Comment)):
        comment.replace_with(f"<!--{comment}-->" if "result" in comment else "")
    return re.sub(r"https?://[^\s)]+", GAP, re.sub("[\u00a0\u2009\u202f]", " ", page.get_text()))


def prose(markdown: str) -> str:
    return MARKER.sub("", marked_prose(markdown))


def headings(markdown: str) -> list[tuple[int, str]]:
    """(level, text) of each heading."""
    found = parse(markdown).select("h1, h2, h3, h4, h5, h6")
    return [(int(heading.name[1]), heading.get_text()) for heading in found]


def links(markdown: str) -> list[str]:
    """The targets of all links and pictures."""
    return [part.get("href") or part["src"] for part in parse(markdown).select("a[href], img[src]")]
