"""Build what is published: ``python publish.py site``, ``student``, ``slides`` or ``pdf``.

``site``     the notebooks, with their committed outputs, as a website under build/site/
``student``  the notebooks without solutions or outputs, and the package, as one archive in build/student/
``slides``   a slide deck for each notebook, under build/slides/
``pdf``      the whole course as build/course.pdf
"""

import argparse
import importlib.resources
import math
import re
import shutil
import sys
import zipfile
from pathlib import Path

import latex2mathml.converter
import nbformat
import sphinx.cmd.build
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

ROOT = Path(__file__).parent
BUILD = ROOT / "build"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

# What goes into the student edition besides the notebooks.
PACKAGE = (
    *("mnist_helpers", "LICENSE", "environment.yml", "pyproject.toml", "requirements.txt"),
    *("notebooks/glossary.md", "notebooks/references.md"),
)
STUDENT_README = """\
# How a neural network reads handwriting: student edition

Seven notebooks, without solutions or outputs, and the package that they import. You need Python 3.11, 3.12
or 3.13. Run these commands in this folder (only the second one needs an internet connection):

Linux and macOS:

    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/pip install --no-build-isolation --no-deps -e .
    .venv/bin/jupyter lab notebooks

Windows:

    py -3.11 -m venv .venv
    .venv\\Scripts\\pip install -r requirements.txt
    .venv\\Scripts\\pip install --no-build-isolation --no-deps -e .
    .venv\\Scripts\\jupyter lab notebooks

Start with `01_preprocessing.ipynb`. Each exercise has a cell that runs as it is; change it.
"""

# The slides: reveal.js from a folder next to them, formulas as MathML, nothing from the web.
REVEAL = "reveal.js"
LINES_OF_A_SLIDE = 16  # of code and its output, large enough to read from the back row
LETTERS_OF_A_LINE = 76
WORDS_OF_A_SLIDE = 130
DECK = """
{%- extends 'reveal/index.html.j2' -%}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_css %}
<link rel="icon" href="data:,">
<link rel="stylesheet" href="slides.css">
{% endblock %}
{% block input %}{% if not cell.metadata.hide_input %}{{ super() }}{% endif %}{% endblock %}
{% block data_png scoped %}
<img src="data:image/png;base64,{{ output.data['image/png'] }}" alt="{{ cell.metadata.alt | escape_html }}">
{% endblock %}
{% block footer_js %}
<script src="reveal.js/dist/reveal.js"></script>
<script src="reveal.js/plugin/notes/notes.js"></script>
<script>
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: true, transition: "none",
  plugins: [RevealNotes],
});
</script>
{% endblock footer_js %}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = {"site": make_site, "student": make_student, "slides": make_slides, "pdf": make_pdf}
    parser.add_argument("command", choices=commands)
    print(commands[parser.parse_args().command]())


def make_site(
    notebooks: Path = ROOT / "notebooks", site: Path = BUILD / "site", builder: str = "html"
) -> Path:
    """Build a site from a folder of notebooks and their existing outputs. Warnings are errors."""
    options = ["-W", "--keep-going", "-q", "-E", "-b", builder, "-d", str(BUILD / "doctrees")]
    if status := sphinx.cmd.build.main([*options, str(notebooks), str(site)]):
        sys.exit(status)
    return site / "index.html"


def make_student() -> Path:
    """Write the archive for students. It unpacks into one folder."""
    archive = BUILD / "student" / "handwriting.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    draft = archive.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as file:
        for path in NOTEBOOKS:
            notebook = for_students(nbformat.read(path, as_version=4))
            file.writestr(f"handwriting/notebooks/{path.name}", nbformat.writes(notebook) + "\n")
        for name in PACKAGE:
            for path in sorted([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    file.write(path, f"handwriting/{path.relative_to(ROOT).as_posix()}")
        file.writestr("handwriting/README.md", STUDENT_README)
    draft.replace(archive)
    return archive


def for_students(notebook: NotebookNode) -> NotebookNode:
    """Remove the solutions and all outputs."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def make_slides(folder: Path = BUILD / "slides") -> Path:
    """Write a deck for each notebook, from the cells that its slideshow metadata selects."""
    folder.mkdir(parents=True, exist_ok=True)
    carrier = importlib.resources.files("sphinx_revealjs") / "_static" / "revealjs"
    for part in ("dist", "plugin/notes"):
        shutil.copytree(str(carrier / part), folder / REVEAL / part, dirs_exist_ok=True)
    shutil.copy(ROOT / "notebooks" / "_static" / "slides.css", folder)
    exporter = SlidesExporter(raw_template=DECK, reveal_url_prefix=REVEAL, reveal_theme="white-contrast")
    for path in NOTEBOOKS:
        notebook = for_slides(nbformat.read(path, as_version=4))
        notebook.metadata.title = title(notebook)
        html, _ = exporter.from_notebook_node(notebook)
        (folder / f"{path.stem}.html").write_text(html, encoding="utf-8")
    links = "".join(f'<li><a href="{path.stem}.html">{path.stem}</a></li>\n' for path in NOTEBOOKS)
    index = f'<!DOCTYPE html><html lang="en"><title>Slides</title><h1>Slides</h1><ul>\n{links}</ul></html>\n'
    (folder / "index.html").write_text(index, encoding="utf-8")
    return folder / "index.html"


def for_slides(notebook: NotebookNode) -> NotebookNode:
    """Reduce a notebook to what goes on slides; the rest of its prose becomes speaker notes (key S)."""
    cells, section = [], ""
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "skip")
        if kind == "skip":
            continue
        if cell.cell_type == "markdown":
            shown, said = shown_and_said(cell.source)
            section = (re.findall(r"^#+ (.+)", shown, re.MULTILINE) or [section])[-1]
            if kind != "notes":
                cells.append(on_slide(shown, kind))
            if said:
                cells.append(on_slide(said, "notes"))
        elif cell.outputs or lines_on_slide(cell.source) <= LINES_OF_A_SLIDE:
            cells += [on_slide(f"*{section}*", kind), condensed(cell)]
    notebook.cells = cells
    return notebook


def on_slide(markdown: str, kind: str) -> NotebookNode:
    return new_markdown_cell(with_mathml(markdown), metadata={"slideshow": {"slide_type": kind}})


def condensed(cell: NotebookNode) -> NotebookNode:
    """Fit a code cell on a slide: a figure without its code, or as much code and output as fits."""
    cell.metadata.slideshow.slide_type = "-"  # continues the slide that begins with the section title
    cell.metadata.alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    printed = "".join(
        output.get("text") or output.data.get("text/plain", "")
        for output in cell.outputs
        if "image/png" not in output.get("data", {})
    )
    fits = lines_on_slide(f"{cell.source}\n{printed}") <= LINES_OF_A_SLIDE
    if not fits and lines_on_slide(printed) > LINES_OF_A_SLIDE:
        cell.outputs = []
    cell.metadata.hide_input = bool(cell.outputs) and (bool(cell.metadata.alt) or not fits)
    return cell


def shown_and_said(markdown: str) -> tuple[str, str]:
    """Split text: headings, short lists, formulas, tables and questions are shown, the rest is said."""
    if "<details" in markdown:  # a question with foldable answers
        return markdown, ""
    shown, said, room = [], [], WORDS_OF_A_SLIDE
    for block in re.split(r"\n\s*\n", markdown.strip()):
        length = len(block.split())
        if re.match(r"#|[-*] |\d+\. |\$\$|\||!\[|\*\*Your turn", block) and length <= room:
            shown.append(block)
            room -= length
        else:
            said.append(block)
    return "\n\n".join(shown), "\n\n".join(said)


def lines_on_slide(text: str) -> int:
    """How many lines code takes up on a slide, with long lines wrapped."""
    return sum(max(1, math.ceil(len(line) / LETTERS_OF_A_LINE)) for line in text.strip().splitlines())


def with_mathml(markdown: str) -> str:
    """Replace ``$...$`` and ``$$...$$`` by MathML, which browsers render without a script."""

    def mathml(match: re.Match) -> str:
        display = "block" if match[1] else "inline"
        return latex2mathml.converter.convert((match[1] or match[2]).strip(), display=display)

    return re.sub(r"\$\$(.+?)\$\$|\$(.+?)\$", mathml, markdown, flags=re.DOTALL)


def make_pdf() -> Path:
    """Print the whole course, with tags and an outline, from the single-page build of the site."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("the PDF needs `chromium` on the PATH; on Debian: apt-get install chromium")
    page_file = make_site(site=BUILD / "single", builder="singlehtml")
    target = BUILD / "course.pdf"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.evaluate(
            """async () => {
                document.querySelectorAll("details").forEach((fold) => fold.open = true);
                document.querySelectorAll("img").forEach((image) => image.loading = "eager");
                await Promise.all([...document.images].map((image) => image.decode()));
            }"""
        )
        page.pdf(
            path=target.with_suffix(".draft"),
            format="A4",
            print_background=True,
            scale=0.75,
            tagged=True,
            outline=True,
            margin=dict.fromkeys(("top", "right", "bottom", "left"), "18mm"),
        )
        browser.close()
    target.with_suffix(".draft").replace(target)
    return target


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def title(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    main()
