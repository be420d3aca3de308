"""A slide deck of each notebook: reveal.js from a folder beside it, formulas as MathML, nothing from the web.

What is on a slide is written in the cells' metadata, under ``slideshow``. ``slide_type`` is as in JupyterLab:
``slide`` (of a new section), ``subslide`` (the next), ``notes`` (only said) or ``skip``. Of a text, headings,
lists, formulas, tables and questions are shown; the rest is said, so it goes to the speaker's notes. Of code
with a figure, the figure is shown. ``show`` says it otherwise: ``titles``, ``code`` or ``output``. Imports,
asserts and what is about RUN_FOLDER are on no slide. A figure whose letters would be too small for the last
row goes on several slides, cut where it is white. A widget is live, in place of its picture.
"""

import ast
import base64
import importlib.resources
import io
import re
import shutil
from copy import deepcopy
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from PIL import Image

from tools.course import BUILD, NOTEBOOKS, ROOT, alt_text, read, title
from tools.files import whole_folder
from tools.live_widgets import widgets_in, write_live
from tools.mathml import with_mathml

TEMPLATES = ROOT / "tools" / "templates"
REVEAL = "reveal.js"
ROOM = (1240, 600)  # of a figure on a slide, in pixels; slides.css
LINE = 30  # the height of a line of output
HIGHEST_TEXT = 40  # pixels that a line of text in a figure has at most
# How much larger than it is, 110 pixels an inch, a figure must be for letters of 11 points to have 18 pixels
LEAST = 18 / (11 / 72 * 110)


def make_slides(target: Path = BUILD / "slides", static: str = "") -> Path:
    """Write a deck for each notebook, from the cells that its slideshow metadata selects.

    What is live needs live.js and what it loads: it is beside the decks, or where `static` says.
    """
    template = (TEMPLATES / "deck.html.j2").read_text(encoding="utf-8")
    exporter = SlidesExporter(raw_template=template, reveal_url_prefix=REVEAL, reveal_theme="white-contrast")
    carrier = importlib.resources.files("sphinx_revealjs") / "_static" / "revealjs"
    with whole_folder(target) as folder:
        for part in ("dist", "plugin/notes"):
            shutil.copytree(str(carrier / part), folder / REVEAL / part)
        shutil.copy(TEMPLATES / "slides.css", folder)
        if not static:
            shutil.copy(ROOT / "tools" / "site" / "static" / "live.js", folder)
            write_live(folder / "live", [widget for path in NOTEBOOKS for widget in widgets_in(path)])
        for path in NOTEBOOKS:
            resources = {"static": static, "live": {text: name for name, text, _ in widgets_in(path)}}
            html, _ = exporter.from_notebook_node(for_slides(read(path)), resources)
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
            for shown in on_slides(condensed(cell, about.get("show", ""))):
                cells += [on_slide(f"*{section}*", kind), shown]
                kind = "subslide"
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
    cell.source = re.sub(r"\n{3,}", "\n\n", without_plumbing(cell.source))
    cell.metadata.alt = alt_text(cell)
    cell.metadata.hide_input = (
        not cell.source or show == "output" or (bool(alt_text(cell)) and show != "code")
    )
    if show == "code":
        cell.outputs = []
    return cell


def without_plumbing(source: str) -> str:
    """Code without imports, asserts and what is about RUN_FOLDER."""
    whole = ast.parse(source)
    left_out = [part for part in whole.body if "RUN_FOLDER" in ast.unparse(part)]
    left_out += [
        part for part in ast.walk(whole) if isinstance(part, ast.Import | ast.ImportFrom | ast.Assert)
    ]
    gone = {line for part in left_out for line in range(part.lineno, part.end_lineno + 1)}
    lines = [line for number, line in enumerate(source.splitlines(), 1) if number not in gone]
    return "\n".join(lines).strip()


def on_slides(cell: NotebookNode) -> list[NotebookNode]:
    """A cell for each slide that its code and outputs need; none if there is nothing to show."""
    from mnist_helpers.widgets.base import FOR_THE_PAGE

    shown, room = [[]], ROOM[1]
    for output in cell.outputs:
        parts, height = [output], height_of(output)
        picture = output.get("data", {}).get("image/png")
        if picture and FOR_THE_PAGE not in output.data:  # a widget's picture stays whole
            image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
            parts = [with_picture(output, part) for part in cut(np.asarray(image))]
            if box := cell.metadata.slideshow.get("enlarge"):
                sides = [side * share for side, share in zip(image.size * 2, box, strict=True)]
                parts.append(with_picture(output, np.asarray(image.crop(sides))))
            height = min(LEAST * image.height, ROOM[1])
        elif picture:
            height = ROOM[1]
        if shown[-1] and height > room:
            shown, room = [*shown, []], ROOM[1]
        shown[-1].append(parts[0])
        shown += [[part] for part in parts[1:]]
        room -= height
    slides = [deepcopy(cell) for _ in shown]
    for i, (slide, outputs) in enumerate(zip(slides, shown, strict=True)):
        slide.id, slide.outputs = f"{cell.id}-{i}", outputs
        pictures = [output for output in outputs if "image/png" in output.get("data", {})]
        for output in pictures:
            text = sum(height_of(other) for other in outputs if other not in pictures)
            output.metadata.height = (ROOM[1] - text) // len(pictures)
        slide.metadata.hide_input |= i > 0
    return [slide for slide in slides if slide.outputs or not slide.metadata.hide_input]


def height_of(output: NotebookNode) -> int:
    """The height of what is printed; of HTML, that of its text."""
    data = output.get("data", {})
    return LINE * (1 + (output.get("text") or data.get("text/plain", "")).count("\n"))


def with_picture(output: NotebookNode, pixels: np.ndarray) -> NotebookNode:
    output, file = deepcopy(output), io.BytesIO()
    Image.fromarray(pixels).quantize(256).save(file, "png")
    output.data["image/png"] = base64.b64encode(file.getvalue()).decode()
    return output


def cut(pixels: np.ndarray) -> list[np.ndarray]:
    """A figure in the parts that its letters need to be legible, or whole where it has no white gaps."""
    width, height = (side / LEAST for side in ROOM)
    columns = strips(pixels.swapaxes(0, 1), width)
    return [part for column in columns for part in strips(column.swapaxes(0, 1), height)]


def strips(pixels: np.ndarray, most: int) -> list[np.ndarray]:
    """Pixels cut between rows of panels, so that a part has at most so many rows of pixels."""
    ink = np.flatnonzero((pixels < 250).any(axis=(1, 2)))
    if len(pixels) <= most or not len(ink):
        return [pixels]
    bands = np.split(ink, np.flatnonzero(np.diff(ink) > 4) + 1)
    panels = [i for i, band in enumerate(bands) if len(band) > HIGHEST_TEXT]
    # A panel has as many lines of text before it as the first one.
    starts = [max(i - panels[0], before + 1) for before, i in pairwise(panels)]
    places = [(bands[i - 1][-1] + bands[i][0]) // 2 for i in starts]
    place = max((place for place in places if place <= most), default=0)
    return [pixels[:place], *strips(pixels[place:], most)] if place else [pixels]


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
