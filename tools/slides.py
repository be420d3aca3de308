"""A slide deck of each notebook: reveal.js from a folder beside it, formulas as MathML, nothing from the web.

What is on a slide is written in the cells' metadata, under ``slideshow``. ``slide_type`` is as in JupyterLab:
``slide`` (of a new section), ``subslide`` (the next), ``notes`` (only said) or ``skip``. Of a text, headings,
lists, formulas, tables and questions are shown; the rest is said, so it goes to the speaker's notes. Of code
with a figure, the figure is shown. ``show`` says it otherwise: ``titles``, ``code`` or ``output``.
"""

import importlib.resources
import re
import shutil
from html import escape
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.course import BUILD, NOTEBOOKS, ROOT, alt_text, read, title
from tools.files import whole_folder
from tools.mathml import with_mathml

TEMPLATES = ROOT / "tools" / "templates"
REVEAL = "reveal.js"


def make_slides(target: Path = BUILD / "slides") -> Path:
    """Write a deck for each notebook, from the cells that its slideshow metadata selects."""
    template = (TEMPLATES / "deck.html.j2").read_text(encoding="utf-8")
    exporter = SlidesExporter(raw_template=template, reveal_url_prefix=REVEAL, reveal_theme="white-contrast")
    carrier = importlib.resources.files("sphinx_revealjs") / "_static" / "revealjs"
    with whole_folder(target) as folder:
        for part in ("dist", "plugin/notes"):
            shutil.copytree(str(carrier / part), folder / REVEAL / part)
        shutil.copy(TEMPLATES / "slides.css", folder)
        for path in NOTEBOOKS:
            html, _ = exporter.from_notebook_node(for_slides(read(path)))
            (folder / f"{path.stem}.html").write_text(html, encoding="utf-8")
        names = {path.stem: f"{path.stem[:2]} {escape(title(read(path)))}" for path in NOTEBOOKS}
        links = "".join(f'<li><a href="{stem}.html">{name}</a></li>\n' for stem, name in names.items())
        index = (TEMPLATES / "decks.html").read_text(encoding="utf-8").replace("LINKS", links)
        (folder / "index.html").write_text(index, encoding="utf-8")
    return target / "index.html"


def for_slides(notebook: NotebookNode) -> NotebookNode:
    """Reduce a notebook to what goes on slides; the rest of its prose becomes speaker notes (key S)."""
    cells, section = [], ""
    exercises = re.findall(
        r"^### (Exercise .+)", "\n".join(cell.source for cell in notebook.cells), re.MULTILINE
    )
    for cell in notebook.cells:
        about = cell.metadata.get("slideshow", {})
        kind = about.get("slide_type", "skip")
        if kind == "skip":
            continue
        if cell.cell_type == "code":
            cells += [on_slide(f"*{section}*", kind), condensed(cell, about.get("show", ""))]
            continue
        shown, said = shown_and_said(cell.source, about.get("show", ""))
        section = (re.findall(r"^#+ (.+)", shown, re.MULTILINE) or [section])[-1]
        if shown.startswith("## Exercises"):
            shown = "\n".join(["## Exercises\n", *(f"- {exercise}" for exercise in exercises)])
        if kind != "notes":
            cells.append(on_slide(shown, kind))
        if said:
            cells.append(on_slide(said, "notes"))
    notebook.metadata.title = title(notebook)
    notebook.cells = without_bare_titles(cells)
    return notebook


def without_bare_titles(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Put a title that would have a slide to itself on the next one, or into the notes if there is none."""
    slides: list[list[NotebookNode]] = []
    for cell in cells:
        if cell.metadata.slideshow.slide_type in {"slide", "subslide"}:
            slides.append([])
        slides[-1].append(cell)
    kept = slides[:1]
    for slide, after in zip(slides[1:], [*slides[2:], None], strict=True):
        title, *others = slide
        if not is_bare(title.source) or any(cell.metadata.slideshow.slide_type == "-" for cell in others):
            kept.append(slide)
        elif after and after[0].metadata.slideshow.slide_type == "subslide":
            if title.source:
                text = re.sub(r"\A\*[^*]+\*\Z", "", after[0].source)
                after[0] = on_slide(f"{title.source}\n\n{text}".strip(), "slide")
            after += others
        else:
            said = [on_slide(title.source, "notes")] if title.source else []
            kept[-1] += [*said, *others]
    return [cell for slide in kept for cell in slide]


def is_bare(markdown: str) -> bool:
    return all(line.startswith("#") for line in markdown.splitlines() if line)


def on_slide(markdown: str, kind: str) -> NotebookNode:
    return new_markdown_cell(with_mathml(markdown), metadata={"slideshow": {"slide_type": kind}})


def condensed(cell: NotebookNode, show: str) -> NotebookNode:
    """A code cell on a slide, below its section's title."""
    cell.metadata.slideshow.slide_type = "-"
    cell.source = re.sub(r"\n{3,}", "\n\n", cell.source)
    cell.metadata.alt = alt_text(cell)
    cell.metadata.hide_input = show == "output" or (bool(alt_text(cell)) and show != "code")
    if show == "code":
        cell.outputs = []
    return cell


def shown_and_said(markdown: str, show: str) -> tuple[str, str]:
    """Split text: headings, lists, formulas, tables and questions are shown, the rest is said."""
    if "<details" in markdown:  # a question with foldable answers
        return markdown, ""
    blocks = re.split(r"\n\s*\n", markdown.strip())
    kind = "#" if show == "titles" else r"#|[-*] |\d+\. |\$\$|\||!\[|\*\*Your turn"
    shown = [bool(re.match(kind, block)) for block in blocks]
    return tuple(
        "\n\n".join(block for block, on in zip(blocks, shown, strict=True) if on is wanted)
        for wanted in (True, False)
    )
