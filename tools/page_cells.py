"""How a notebook's cells stand on the site's pages: what opens on demand, and how tables fit on a phone.

Below **Your turn.** outputs are folded, as far as the next text. Widgets stay open, and so does a cell with
the tag `question`: its output is what is asked about. Code is folded where it imports, sets what a run needs,
checks, or begins by making the axes of a figure. Nothing of this is written into the notebooks.
"""

import ast
import re
from html import unescape
from itertools import dropwhile, takewhile

from docutils import nodes
from sphinx.addnodes import pending_xref

OUTPUT, CODE, ENLARGE = "Show what happens", "Show the code that {}", "Enlarge"
WIDEST = 76  # characters of a table in an output that can still be read on a phone, if they are small


def fold(app, doctree) -> None:
    """Fold outputs that are to be guessed, and code that is beside the lesson."""
    prompts = [node.parent for node in doctree.findall(nodes.strong) if node.astext() == "Your turn."]
    for cell in [cell for prompt in prompts for cell in answers_to(prompt)]:
        for output in parts(cell, "cell_code_output"):
            if not any(output.findall(is_widget)) and "tag_question" not in cell["classes"]:
                put_into(f'<details class="fold"><summary>{OUTPUT}</summary>', output, "</details>")
    for cell in list(doctree.findall(is_cell)):
        for code in parts(cell, "cell_code_source"):
            if does := purpose(cell, code.astext()):
                start = f'<details class="fold"><summary>{CODE.format(does)}</summary>'
                put_into(start, code, "</details>")


def fit(app, doctree) -> None:
    """Say how many columns a table of output has, so that its letters can be as small as they must."""
    for cell in list(doctree.findall(is_cell)):
        for output in list(cell.findall(lambda node: isinstance(node, nodes.literal_block | nodes.raw))):
            text = output.astext()
            if isinstance(output, nodes.raw):
                text = unescape(re.sub("<[^>]+>", "", text)) if "<pre" in text else ""
            lines = text.splitlines()
            columns = max(map(len, lines), default=0)
            is_table = len(re.findall(r"\S {2,}(?=\S)|[━─]{3,}", text)) > 2
            if cell.children[0] is not output.parent and is_table and columns <= WIDEST:
                put_into(f'<div class="fit" style="--columns: {columns}">', output, "</div>")


def offer_to_enlarge(app, doctree) -> None:
    """Give each figure a button, which blocks.js shows if the figure does not fit on the page in its size."""
    figures = list(doctree.findall(nodes.image)) if app.env.docname == "index" else []
    for cell in doctree.findall(is_cell):
        figures += cell.findall(nodes.image) if not any(cell.findall(is_widget)) else []
    for image in figures:
        image["classes"].append("no-scaled-link")  # to the picture's file
        put_into('<span class="figure">', image, f'<button type="button" hidden>{ENLARGE}</button></span>')


def say_where_code_runs(app, doctree) -> None:
    """Above a notebook's exercises, which ask to change code, lead to what it takes."""
    for title in doctree.findall(nodes.title):
        if title.astext() == "Exercises":
            words = "To change code and run it, open this notebook in JupyterLab"
            if app.config.html_theme_options.get("launch_buttons"):
                words += ", with the rocket at the top of the page or on your computer"
            link = pending_xref("", nodes.inline("", "how"), reftarget="/take_away", refexplicit=True)
            link.attributes |= {"refdomain": "std", "reftype": "doc", "refdoc": app.env.docname}
            paragraph = nodes.paragraph("", f"{words} (", link, nodes.Text(")."), classes=["on-page"])
            title.parent.insert(1, paragraph)


def answers_to(prompt: nodes.Element) -> list[nodes.Element]:
    """The code cells between a prompt and the next text."""
    siblings = prompt.parent.children
    after = dropwhile(lambda node: not is_cell(node), siblings[siblings.index(prompt) :])
    return list(takewhile(is_cell, after))


def is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def is_widget(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and "data-live" in node.astext()


def parts(cell: nodes.Element, kind: str) -> list[nodes.Element]:
    found = [part for part in cell.children if isinstance(part, nodes.container) and part.children]
    return [part for part in found if part.get("nb_element") == kind]


def put_into(start: str, part: nodes.Element, end: str) -> None:
    place = part.parent.index(part)
    part.parent.insert(place + 1, nodes.raw("", end, format="html"))
    part.parent.insert(place, nodes.raw("", start, format="html"))


def purpose(cell: nodes.Element, source: str) -> str | None:
    """What code does that is beside the lesson; None if it belongs to it."""
    if {"tag_exercise", "tag_solution", "tag_script"} & set(cell["classes"]):
        return None
    first, *_, last = [*ast.parse(source).body] * 2
    if parts(cell, "cell_code_output"):
        return "draws" if ast.unparse(first).partition(" = ")[2].startswith("plt.subplot") else None
    if isinstance(first, ast.Import | ast.ImportFrom):
        return "imports"
    if "tag_parameters" in cell["classes"]:
        return "sets how much is trained"
    defines = any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(source)))
    return "checks" if isinstance(last, ast.Assert | ast.If) and not defines else None
