"""Read the course's pages: what a person sees of them, their headings, links and markers, and their code."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Comment
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.course import NOTEBOOKS, ROOT, alt_text
from tools.course import read as read_notebook

README = ROOT / "README.md"
FOLDER = ROOT / "notebooks"
GUIDE = {path: FOLDER / "teaching" / f"{path.stem}.md" for path in NOTEBOOKS}  # the teacher's guide
PAGES = [README, FOLDER / "index.md", FOLDER / "glossary.md", FOLDER / "references.md", *NOTEBOOKS]
PAGES += [FOLDER / "teaching.md", *filter(Path.exists, GUIDE.values())]

MARKER = re.compile(r"<!-- result: ([\w.]+) -->")
HOLDS = re.compile(r"<!-- holds: ([\w.]+) -->")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# Replaces code and math, so that the text on either side does not run together.
GAP = "¤"

read = functools.cache(read_notebook)


def label(page: Path) -> str:
    """A page's name in the tests."""
    return page.stem if page.parent.name != "teaching" else f"teaching/{page.stem}"


def cells_of(page: Path | NotebookNode) -> list[NotebookNode]:
    """A notebook's cells; a page of Markdown is one cell."""
    if isinstance(page, NotebookNode):
        return page.cells
    if page.suffix == ".ipynb":
        return read(page).cells
    return [new_markdown_cell(page.read_text(encoding="utf-8"))]


def markdown_of(page: Path | NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in cells_of(page) if cell.cell_type == "markdown")


def texts(page: Path | NotebookNode) -> Iterator[tuple[str, str]]:
    """A page's text besides code, and where it is: (where, Markdown) for each cell and alt text."""
    for i, cell in enumerate(cells_of(page)):
        if cell.cell_type == "markdown":
            yield f"cell {i}", cell.source
        elif text := alt_text(cell):
            yield f"alt text of cell {i}", text


def marked_conclusions(page: Path) -> set[str]:
    """The names of the conclusions marked in a page's text, and in the metadata of its alt texts."""
    in_alt_texts = (cell.metadata.get("holds", []) for cell in cells_of(page))
    return set(HOLDS.findall(markdown_of(page))).union(*in_alt_texts)


# Markdown


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


# Code


@functools.cache
def nodes(source: str) -> list[ast.AST]:
    """All parts of a cell's code; none if it is not Python, which the rule `is_plain_python` reports."""
    try:
        return list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []


def name_of(node: ast.AST) -> str:
    """``f`` for the name ``f``, the attribute ``x.f``, and calls of either."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return getattr(node, "id", "") or getattr(node, "attr", "")
