"""The rules that every notebook of the course follows.

To add one, write a function that takes a notebook and the name of its lesson, and yields what is wrong; put
`@rule` above it, and into `DEFECTS` a change to notebook 02 that this rule must notice, and no other.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator

import nbformat
import pytest
from nbformat import NotebookNode
from pages import (
    FOLDER,
    MARKER,
    README,
    headings,
    links,
    markdown_of,
    name_of,
    nodes,
    parse,
    prose,
    read,
    texts,
)

from mnist_helpers import load_results
from tools.course import COMPARED, LESSONS, NETWORKS, NOTEBOOKS, alt_text, tags

Rule = Callable[[NotebookNode, str], Iterator[str]]
RULES: dict[str, Rule] = {}

# The lessons that train a network by the plain recipe, and write it out.
NETWORK_OF = {NETWORKS[network]["notebook"]: network for network in COMPARED}
TAGS = {
    *("parameters", "exercise", "solution", "hide-cell", "readme-picture", "results", "script", "live"),
    "question",  # below a "Your turn": its output is what is asked about, so the page shows it at once
}
COMPARATIVE = re.compile(
    r"\b(more|fewer|less|most|least|best|worst|better|worse|hardly|nearly|half|twice|only|\w+er than)\b",
    re.IGNORECASE,
)
FORBIDDEN_WORDS = re.compile(
    r"\b(simply|just|obviously|easy|of course|clearly|TODO|FIXME|PLACEHOLDER\w*)\b", re.IGNORECASE
)

# What a reader of the page cannot do
NEEDS_A_KERNEL = re.compile(
    r"\brun (it|them|the cells?|(this|that|the next) cell|the notebook)\b|\bthen (run|write)\b|\bpress ■"
    r"|\bchange (¤|the (code|line|cell))|\bclick on\b|\binto the cell",
    re.IGNORECASE,
)


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


def neighbor(lesson: str, step: int) -> str | None:
    """The file of the lesson before (-1) or after (1) a lesson."""
    place = list(LESSONS).index(lesson) + step
    return f"{list(LESSONS)[place]}.ipynb" if 0 <= place < len(LESSONS) else None


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((i, output) for i, cell in code_cells(notebook) for output in cell.outputs)


def points(markdown: str, tag: str, title: str) -> int:
    """How many points the list has that follows an element with this text."""
    found = parse(markdown).find(tag, string=title)
    points = found and found.find_next("ul")
    return len(points.find_all("li", recursive=False)) if points else 0


# What a notebook begins and ends with


@rule
def begins_with_title_objectives_and_times(notebook, lesson):
    first = notebook.cells[0].source
    titles = [text for level, text in headings(markdown_of(notebook)) if level == 1]
    if len(titles) != 1 or not first.startswith("# "):
        yield f"the first cell must begin with the only title, found {titles}"
    if not 3 <= points(first, "strong", "You will") <= 5:
        yield "the first cell must have **You will** and 3 to 5 points"
    times = {f"{what}.{lesson[:2]}.minutes" for what in ("read", "run")}
    if not times <= set(MARKER.findall(first)):
        yield f"the first cell must say how many minutes it takes, from the results {sorted(times)}"
    if (before := neighbor(lesson, -1)) and before not in links(first):
        yield f"the first cell must link to {before}"


@rule
def ends_with_summary_exercises_and_next(notebook, lesson):
    markdown, ends = markdown_of(notebook), ["What you have seen", "Exercises"]
    if [text for level, text in headings(markdown) if level == 2 and text in ends] != ends:
        yield "there must be ## What you have seen, then ## Exercises, once each"
    objectives, seen = points(markdown, "strong", "You will"), points(markdown, "h2", "What you have seen")
    if objectives != seen:
        yield f"{objectives} objectives, but {seen} points in What you have seen"
    if (after := neighbor(lesson, 1)) and after not in links(notebook.cells[-1].source):
        yield f"the last cell must link to {after}"


@rule
def has_exercises_with_solutions(notebook, lesson):
    order = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            titles = [text for _, text in headings(cell.source) if text.startswith("Exercise ")]
            order += [title.partition(":")[0] for title in titles]
        else:
            order += {"exercise", "solution"}.intersection(tags(cell)) or {"code"}
    numbers = [part for part in order if part.startswith("Exercise")]
    if numbers != [f"Exercise {i}" for i in range(1, len(numbers) + 1)]:
        yield f"exercises must be numbered from 1, found {numbers}"
    if not re.fullmatch(r"(code )*(Exercise \d exercise (solution )+){2,4}", " ".join([*order, ""])):
        yield f"there must be 2 to 4 exercises, each with a stub, then its solution; found {order}"


@rule
def hides_solutions(notebook, lesson):
    for i, cell in code_cells(notebook):
        hidden = "hide-cell" in tags(cell) and cell.metadata.get("jupyter", {}).get("source_hidden") is True
        if hidden != ("solution" in tags(cell)):
            yield f"cell {i}: solutions, and only they, must be tagged hide-cell and have their source hidden"


@rule
def solutions_check_what_they_conclude(notebook, lesson):
    for i, cell in code_cells(notebook):
        comments = "\n".join(re.findall(r"(?<!\S)#.*", cell.source))
        concludes = COMPARATIVE.search(comments)
        checks = any(isinstance(node, ast.Assert) for node in nodes(cell.source))
        if "solution" in tags(cell) and concludes and not checks:
            yield f"cell {i} concludes ({concludes[0]!r}) but asserts nothing"


# Cells


@rule
def is_plain_python(notebook, lesson):
    """No shell commands, no magics: the code runs in any Python."""
    for i, cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {i} is not plain Python: {error.text}"


@rule
def imports_in_one_cell(notebook, lesson):
    importing = [
        i
        for i, cell in code_cells(notebook)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes(cell.source))
        and "script" not in tags(cell)  # a complete script, to be copied into an empty file
    ]
    first = [i for i, cell in code_cells(notebook) if "parameters" not in tags(cell)][:1]
    if importing != first:
        yield f"imports must be in the first code cell after parameters, nowhere else; found in {importing}"


@rule
def has_short_cells(notebook, lesson):
    for i, cell in code_cells(notebook):
        source = re.sub(r"import \([^)]*\)", "import ...", cell.source)  # a list of names, one a line
        if (lines := len(source.splitlines())) > 25:
            yield f"cell {i} has {lines} lines, at most 25 are allowed"


@rule
def describes_its_pictures(notebook, lesson):
    for i, cell in code_cells(notebook):
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        alt = alt_text(cell)
        if pictures and len(alt) < 40:
            yield f"cell {i} has a picture and needs an alt text of at least 40 characters, got {alt!r}"
        if alt and not pictures:
            yield f"cell {i} has an alt text but no picture"


@rule
def is_executed_in_order(notebook, lesson):
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts must be 1, 2, 3, ..., found {counts}"


@rule
def gives_no_warning(notebook, lesson):
    for i, output in outputs(notebook):
        if output.output_type == "error" or output.get("name") == "stderr":
            yield f"cell {i} gave an error or a warning: {output.get('text') or output.get('evalue')}"


@rule
def compares_every_output(notebook, lesson):
    for i, cell in code_cells(notebook):
        if unknown := set(tags(cell)) - TAGS:
            yield f"cell {i} has unknown tags {unknown}"
        if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell.source):
            yield f"cell {i}: a comment must not tell nbval to skip a cell"


@rule
def trains_as_the_reference_run_did(notebook, lesson):
    """nbval ignores the digits in training lines, so compare them with the reference run's record."""
    printed = "".join(output.get("text", "") for _, output in outputs(notebook))
    lines = re.findall(r"^\d+/\d+((?: - \w+: [\d.]+)+)$", printed, re.MULTILINE)
    history = load_results(NETWORK_OF[lesson])["history"] if lesson in NETWORK_OF else {}
    expected = [
        "".join(f" - {key}: {history[key][epoch]:.4f}" for key in sorted(history))
        for epoch in range(len(lines))
    ]
    if lines != expected or bool(lines) != bool(history):
        yield (
            f"the training printed {lines}, the reference run {expected}; "
            "run make reference and make outputs on the same machine"
        )


# What code may do


@rule
def leaves_the_test_set_alone(notebook, lesson):
    """The lessons that train have it in ``_``, which they do not read."""
    for i, cell in code_cells(notebook) if lesson in NETWORK_OF else ():
        if cell.source.count("load_splits(") > cell.source.count(", _ = load_splits("):
            yield f"cell {i}: load_splits must be unpacked into training, validation and _"
        for node in nodes(cell.source):
            read = name_of(node) if isinstance(getattr(node, "ctx", None), ast.Load) else ""
            if read in {"_", "load_mnist"} or "test" in read:
                yield f"cell {i}: the test set must not be read: {read}"


@rule
def saves_only_what_make_reference_asks_for(notebook, lesson):
    for i, cell in code_cells(notebook):
        found = nodes(cell.source)
        guards = [node for node in found if isinstance(node, ast.If) and name_of(node.test) == "RUN_FOLDER"]
        guarded = {node for guard in guards for part in guard.body for node in ast.walk(part)}
        for node in found:
            saves = isinstance(node, ast.Call) and name_of(node) in {"save_run", "save_results"}
            if saves and node not in guarded:
                yield f"cell {i}: {name_of(node)} must be under `if RUN_FOLDER:`"
        if re.search(r"^RUN_FOLDER = (?!None)", cell.source, re.MULTILINE):
            yield f"cell {i}: RUN_FOLDER must be None, so that a reader's run saves nothing"


# Words and metadata


@rule
def chooses_its_words(notebook, lesson):
    for where, text in texts(notebook):
        for word in FORBIDDEN_WORDS.findall(prose(text)):
            yield f"{where}: {word!r} is not used in this course"


@rule
def asks_for_what_the_page_can_do(notebook, lesson):
    """Lessons are read on a page without a kernel, too; exercises need one, and the page says where it is."""
    for i, cell in enumerate(notebook.cells):
        if cell.source.startswith("## Exercises"):
            break
        for paragraph in re.split(r"\n\s*\n", cell.source) if cell.cell_type == "markdown" else ():
            found = NEEDS_A_KERNEL.search(prose(paragraph))
            if found and "JupyterLab" not in paragraph:
                yield f"cell {i}: {found[0]!r} needs a kernel; say it without, or with 'In JupyterLab'"


@rule
def has_questions_where_it_says_so(notebook, lesson):
    """Below **Your turn.** the page folds the outputs, but for those that are asked about."""
    asked = False
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            asked = "**Your turn.**" in cell.source
            guesses = re.search(r"(?:^|[.?!] )Guess\b", prose(cell.source), re.MULTILINE)
            if guesses and not asked and "### Exercise" not in cell.source:
                yield f"cell {i}: the page folds what is to be guessed only below **Your turn.**"
        elif "question" in tags(cell) and not asked:
            yield f"cell {i} is tagged question, but there is no **Your turn.** above it"


@rule
def has_lean_metadata(notebook, lesson):
    """No metadata that differs from run to run, so that `make outputs` makes small diffs."""
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel must be python3"
    if extra := set(notebook.metadata) - {"kernelspec", "language_info"}:
        yield f"the notebook's metadata has extra keys {extra}"
    for i, cell in enumerate(notebook.cells):
        if extra := set(cell.metadata) - {"tags", "jupyter", "mystnb", "slideshow", "holds"}:
            yield f"the metadata of cell {i} has extra keys {extra}"


# The course follows the rules


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", RULES)
def test_rule_is_followed(name, path):
    assert not list(RULES[name](read(path), path.stem))


def test_readme_chooses_its_words():
    assert not FORBIDDEN_WORDS.findall(prose(README.read_text(encoding="utf-8")))


# Each rule notices its defect, and no other rule does: what is changed to what in the JSON of notebook 02
DEFECTS = {
    "begins_with_title_objectives_and_times": ("read.02.minutes", "read.03.minutes"),
    "ends_with_summary_exercises_and_next": ("## What you have seen", "## Summary"),
    "has_exercises_with_solutions": ("### Exercise 2", "### Exercise 5"),
    "hides_solutions": ('"source_hidden": true', '"source_hidden": false'),
    "solutions_check_what_they_conclude": ("assert scaled_loss", "scaled_loss"),
    "is_plain_python": ("print(logits.round(2) + 0)", "%pinfo logits"),
    "imports_in_one_cell": ("thousand = keras", r"import math\nthousand = keras"),
    "has_short_cells": (r"total = 0\n", r"total = 0\n" * 20),
    "describes_its_pictures": ('"alt"', '"caption"'),
    "is_executed_in_order": ('"execution_count": 3,', '"execution_count": null,'),
    "gives_no_warning": ('"stdout"', '"stderr"'),
    "compares_every_output": ("print(logits.round(2) + 0)", "print(logits.round(2) + 0)  # NBVAL_SKIP"),
    "trains_as_the_reference_run_did": ("- accuracy: 0.", "- accuracy: 1."),
    "leaves_the_test_set_alone": ("image, label = x_train[0]", "image, label = _[0][0]"),
    "saves_only_what_make_reference_asks_for": ("if RUN_FOLDER:", "if seconds:"),
    "chooses_its_words": ("The network **overfits**", "Obviously, it **overfits**"),
    "asks_for_what_the_page_can_do": ("layer by layer, and add up.", "layer by layer, then run the cell."),
    "has_questions_where_it_says_so": ("**Your turn.** Here is a neuron", "Here is a neuron"),
    "has_lean_metadata": ('"slideshow"', '"execution"'),
}


@pytest.mark.parametrize("name", RULES)
def test_rule_alone_notices_its_defect(name):
    (old, new), good = DEFECTS[name], json.dumps(read(FOLDER / "02_mlp.ipynb"), ensure_ascii=False)
    assert old in good
    bad = nbformat.reads(good.replace(old, new), as_version=4)
    assert [rule for rule, check in RULES.items() if list(check(bad, "02_mlp"))] == [name]
