"""The rules that every notebook of the course follows.

To add one, write a function that takes a notebook and the name of its lesson, and yields what is wrong; put
`@rule` above it, and a line into `DEFECTS` with a change to the small good lesson that it must notice.
"""

import ast
import functools
import json
import re
from collections.abc import Callable, Iterator

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import MARKER, README, headings, links, markdown_of, parse, prose, read, texts

from mnist_helpers import load_run
from tools.course import COMPARED, LESSONS, NETWORKS, NOTEBOOKS, alt_text

Rule = Callable[[NotebookNode, str], Iterator[str]]
RULES: dict[str, Rule] = {}

# The lessons that train a network by the plain recipe, and write it out.
NETWORK_OF = {NETWORKS[network]["notebook"]: network for network in COMPARED}
TAGS = {"parameters", "exercise", "solution", "hide-cell", "readme-picture", "results", "script", "live"}
COMPARATIVE = re.compile(
    r"\b(more|fewer|less|most|least|best|worst|better|worse|hardly|nearly|half|twice|only|\w+er than)\b",
    re.IGNORECASE,
)
FORBIDDEN_WORDS = re.compile(
    r"\b(simply|just|obviously|easy|of course|clearly|TODO|FIXME|PLACEHOLDER\w*)\b", re.IGNORECASE
)


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


def neighbor(lesson: str, step: int) -> str | None:
    """The file of the lesson before (-1) or after (1) a lesson."""
    place = list(LESSONS).index(lesson) + step
    return f"{list(LESSONS)[place]}.ipynb" if 0 <= place < len(LESSONS) else None


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")


@functools.cache
def nodes(source: str) -> list[ast.AST]:
    """All parts of a cell's code; none if it is not Python, which `is_plain_python` reports."""
    try:
        return list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []


def name_of(node: ast.AST) -> str:
    """``f`` for the name ``f``, the attribute ``x.f``, and calls of either."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return getattr(node, "id", "") or getattr(node, "attr", "")


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
    exercises: list[tuple[str, list[str]]] = [("before the first exercise", [])]
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            found = [text for _, text in headings(cell.source) if text.startswith("Exercise ")]
            exercises += [(title, []) for title in found]
            continue
        hidden = "hide-cell" in tags(cell) and cell.metadata.get("jupyter", {}).get("source_hidden") is True
        if hidden != ("solution" in tags(cell)):
            yield f"cell {i}: solutions, and only they, must be tagged hide-cell and have their source hidden"
        if kinds := tags(cell) & {"exercise", "solution"} or (len(exercises) > 1 and {"other code"}):
            exercises[-1][1].extend(kinds)
    (_, stray), *exercises = exercises
    numbers = [title.partition(":")[0] for title, _ in exercises]
    if stray or numbers != [f"Exercise {i}" for i in range(1, len(exercises) + 1)]:
        yield f"exercises must be numbered from 1, with nothing of them before; found {numbers}, {stray}"
    if not 2 <= len(exercises) <= 4:
        yield f"there must be 2 to 4 exercises, found {len(exercises)}"
    for title, (first, *others) in ((title, cells or [None]) for title, cells in exercises):
        if first != "exercise" or set(others) != {"solution"}:
            yield f"{title} must have a stub, then its solution; found {[first, *others]}"


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
    for i, cell in enumerate(notebook.cells):
        pictures = sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
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
    for i, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {i} gave an error or a warning: {output.get('text') or output.get('evalue')}"


@rule
def compares_every_output(notebook, lesson):
    for i, cell in code_cells(notebook):
        if unknown := tags(cell) - TAGS:
            yield f"cell {i} has unknown tags {unknown}"
        if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell.source):
            yield f"cell {i}: a comment must not tell nbval to skip a cell"


@rule
def measures_only_in_07(notebook, lesson):
    """Outside training lines, only 07 may print numbers that nbval does not compare."""
    for i, cell in code_cells(notebook):
        for output in cell.outputs:
            measured = re.search(r"\b\d+\.\d+ s\b|live [a-z ]+ \d", output.get("text", ""))
            if measured and not lesson.startswith("07"):
                yield f"cell {i} prints {measured[0]!r}, which is not compared"


@rule
def trains_as_the_reference_run_did(notebook, lesson):
    """nbval ignores the digits in training lines, so compare them with the reference run's record."""
    printed = "".join(output.get("text", "") for _, cell in code_cells(notebook) for output in cell.outputs)
    lines = re.findall(r"^\d+/\d+((?: - \w+: [\d.]+)+)$", printed, re.MULTILINE)
    expected = lines_of_reference_run(NETWORK_OF[lesson]) if lesson in NETWORK_OF else []
    if lines != expected[: len(lines)] or bool(lines) != bool(expected):
        yield (
            f"the training printed {lines}, the reference run {expected[: len(lines)]}; "
            "run make reference and make outputs on the same machine"
        )


def lines_of_reference_run(network: str) -> list[str]:
    """What Keras printed for each epoch, without the number of batches and the times."""
    history = load_run(network)[1]["history"]
    keys = ("accuracy", "loss", "val_accuracy", "val_loss")
    return [
        "".join(f" - {key}: {value:.4f}" for key, value in zip(keys, epoch, strict=True))
        for epoch in zip(*(history[key] for key in keys), strict=True)
    ]


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


# The rules notice defects in a small good lesson


def lesson() -> NotebookNode:
    solution = {"tags": ["solution", "hide-cell"], "jupyter": {"source_hidden": True}}
    lines = [f"Epoch {i}\n1563/1563{line}\n" for i, line in enumerate(lines_of_reference_run("mlp"), 1)]
    cells = [
        "# Train\n\n5<!-- result: read.02.minutes --> minutes to read, 1<!-- result: run.02.minutes --> "
        "to run. Before: [01](01_preprocessing.ipynb).\n\n**You will**\n\n- build,\n- train,\n- and\n  look.",
        new_code_cell("EPOCHS = 2\nRUN_FOLDER = None", metadata={"tags": ["parameters"]}),
        new_code_cell("import matplotlib.pyplot as plt\nfrom mnist_helpers import load_splits, save_run"),
        new_code_cell("(x_train, y_train), (x_val, y_val), _ = load_splits('flat')"),
        "## Build\n\nAdjust `just`.",
        new_code_cell("model.fit(x_train, y_train)", outputs=[new_output("stream", text="".join(lines[:2]))]),
        new_code_cell("if RUN_FOLDER:\n    save_run(RUN_FOLDER, 'mlp', history)"),
        new_code_cell(
            "plt.show()",
            metadata={"mystnb": {"image": {"alt": "The loss falls from epoch to epoch and levels off."}}},
            outputs=[new_output("display_data", {"image/png": "iVBORw0KGgo="})],
        ),
        "## What you have seen\n\n- How to build,\n- how to train,\n- what it is.\n\n## Exercises",
        "### Exercise 1: Change it",
        new_code_cell("print(1)", metadata={"tags": ["exercise"]}),
        new_code_cell("print(2)", metadata=solution),
        "A remark.",
        "### Exercise 2: Change it back",
        new_code_cell("print(3)", metadata={"tags": ["exercise"]}),
        new_code_cell("print(4)", metadata=solution),
        new_code_cell("print(5)", metadata=solution),
        "Next: [03](03_cnn.ipynb)",
    ]
    cells = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    for count, (_, cell) in enumerate(code_cells(new_notebook(cells=cells)), 1):
        cell.execution_count = count
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})


# For each rule, what in the lesson's JSON is changed to what, and a part of the complaint
DEFECTS = {
    "begins_with_title_objectives_and_times": [
        ("# Train", "Train", "only title"),
        (r"- build,\n", "", "3 to 5 points"),
        ("read.02", "read.03", "how many minutes"),
        ("(01_preprocessing", "(03_cnn", "link to 01_preprocessing"),
    ],
    "ends_with_summary_exercises_and_next": [
        ("## What you have seen", "## Summary", "once each"),
        (r"- how to train,\n", "", "3 objectives, but 2"),
        ("(03_cnn", "(04_deep_cnn", "link to 03_cnn"),
    ],
    "has_exercises_with_solutions": [
        ("### Exercise 2: ", "", "2 to 4"),
        ("### Exercise 2: ", "### Exercise 3: ", "numbered from 1"),
        ('["exercise"]', "[]", "a stub, then its solution"),
        ('"source_hidden": true', '"source_hidden": false', "have their source hidden"),
    ],
    "solutions_check_what_they_conclude": [("print(4)", "print(4)  # More!", "'More'")],
    "is_plain_python": [("print(1)", "%store model", "not plain Python")],
    "imports_in_one_cell": [("print(1)", "import math", "nowhere else")],
    "has_short_cells": [("print(1)", r"print(1)\n" * 26, "has 26 lines")],
    "describes_its_pictures": [
        (" falls from epoch to epoch", "", "needs an alt text"),
        ("image/png", "text/plain", "but no picture"),
    ],
    "is_executed_in_order": [
        ('"execution_count": 3', '"execution_count": null', "1, 2, 3"),
        ('"stdout"', '"stderr"', "an error or a warning"),
    ],
    "compares_every_output": [
        ('"exercise"', '"nbval-skip"', "unknown tags"),
        ("print(1)", "# NBVAL_SKIP", "to skip a cell"),
    ],
    "measures_only_in_07": [("Epoch 1", "It took 1.5 s", "not compared")],
    "trains_as_the_reference_run_did": [
        ("- accuracy: 0.", "- accuracy: 1.", "on the same machine"),
        ("1563/1563", "", "on the same machine"),
    ],
    "leaves_the_test_set_alone": [
        ("(x_val, y_val), _ =", "(x_val, y_val), rest =", "must be unpacked"),
        ("print(1)", "print(_[0])", "must not be read"),
        ("print(1)", "mnist_helpers.load_mnist()", "must not be read"),
    ],
    "saves_only_what_make_reference_asks_for": [
        ("if RUN_FOLDER:", "if True:", "under `if RUN_FOLDER:`"),
        ("RUN_FOLDER = None", "RUN_FOLDER = 'x'", "must be None"),
    ],
    "chooses_its_words": [
        ("A remark.", "Obviously, a remark.", "Obviously"),
        ("falls from", "simply falls from", "alt text"),
    ],
    "has_lean_metadata": [
        ('"python3"', '"course"', "kernel"),
        ('"tags": ["exercise"]', '"execution": {}', "extra keys {'execution'}"),
    ],
}


@pytest.mark.parametrize("name", RULES)
def test_rule_accepts_a_good_lesson_and_notices_defects(name):
    good = json.dumps(lesson())
    assert not list(RULES[name](nbformat.reads(good, as_version=4), "02_mlp"))
    for old, new, complaint in DEFECTS[name]:
        assert old in good
        bad = nbformat.reads(good.replace(old, new), as_version=4)
        assert complaint in "\n".join(RULES[name](bad, "02_mlp"))
