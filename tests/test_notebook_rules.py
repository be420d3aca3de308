"""The rules that every notebook of the course follows.

A rule is a function that takes a notebook and its path and yields what is wrong; `@rule` applies it to every
notebook of the course. Below the rules, each is tested on notebooks that break it.
"""

import ast
import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import NormalDist

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import (
    LESSONS,
    NOTEBOOKS,
    README,
    alt_text,
    broken_links,
    headings,
    markdown_of,
    prose,
    read,
    texts,
)

import mnist_helpers
from mnist_helpers import load_run, quiet_start

with quiet_start():
    import tensorflow as tf

Rule = Callable[[NotebookNode, Path], Iterator[str]]
RULES: dict[str, Rule] = {}

COURSE = [
    *("01_preprocessing", "02_mlp", "03_cnn", "04_deep_cnn", "05_evaluation"),
    *("06_draw_your_own", "07_faster_training"),
]
RUN_OF = {"02": "mlp", "03": "cnn", "04": "deep_cnn"}
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


# Helpers


def number(path: Path) -> str:
    return path.stem[:2]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode, exercises: bool = True) -> list[tuple[int, NotebookNode]]:
    return [
        (i, cell)
        for i, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and (exercises or not tags(cell) & {"exercise", "solution"})
    ]


def syntax_tree(source: str) -> ast.Module:
    """Python as a notebook reads it: with ``await`` outside of functions."""
    return compile(source, "a cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@functools.cache
def parsed(source: str) -> ast.Module:
    """A code cell's syntax tree; empty if it is not Python, which `is_plain_python` reports."""
    try:
        return syntax_tree(source)
    except SyntaxError:
        return ast.Module([], [])


def nodes(cell: NotebookNode) -> list[ast.AST]:
    return list(ast.walk(parsed(cell.source)))


def name_of(node: ast.AST) -> str:
    """``f`` for the name ``f``, the attribute ``x.f``, and calls of either."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def calls(cell: NotebookNode, name: str) -> list[ast.Call]:
    return [node for node in nodes(cell) if isinstance(node, ast.Call) and name_of(node) == name]


def bullets(markdown: str) -> int:
    """How many bullets a list has, up to the first line that does not belong to a bullet."""
    lines = re.match(r"\s*((?:(?:[-*] .*|  .*|)\n)*)", markdown + "\n")[1].splitlines()
    return sum(line.startswith(("- ", "* ")) for line in lines)


# The spine


@rule
def begins_with_title_objectives_and_times(notebook, path):
    first = notebook.cells[0].source if notebook.cells[0].cell_type == "markdown" else ""
    titles = [text for level, text in headings(markdown_of(notebook)) if level == 1]
    if len(titles) != 1 or not first.startswith("# "):
        yield f"the first cell must begin with the only title, found {titles}"
    if not 3 <= bullets(first.partition("**You will**")[2]) <= 5:
        yield "the first cell must have **You will** and 3 to 5 bullets"
    read_times, run_times = (
        rf"\d+<!-- result: {what}\.{number(path)}\.minutes -->" for what in ("read", "run")
    )
    if not re.search(rf"\bAbout {read_times} minutes to read, {run_times}(?: minutes?)? to run\.", first):
        yield "the first cell must say how many minutes it takes to read and to run, with sources"
    before = [other for other in sorted(path.parent.glob(LESSONS)) if other.name < path.name]
    if before and f"]({before[-1].name}" not in first:
        yield f"the first cell must link to {before[-1].name}"


@rule
def ends_with_summary_exercises_and_next(notebook, path):
    markdown = markdown_of(notebook)
    sections = [text for level, text in headings(markdown) if level == 2]
    if [text for text in sections if text in {"What you have seen", "Exercises"}] != [
        "What you have seen",
        "Exercises",
    ]:
        yield "there must be ## What you have seen, then ## Exercises, once each"
    objectives = bullets(markdown.partition("**You will**")[2])
    seen = bullets(markdown.partition("## What you have seen\n")[2])
    if objectives != seen:
        yield f"{objectives} objectives, but {seen} bullets in What you have seen"
    after = [other for other in sorted(path.parent.glob(LESSONS)) if other.name > path.name]
    if after and (
        notebook.cells[-1].cell_type != "markdown" or f"]({after[0].name}" not in notebook.cells[-1].source
    ):
        yield f"the last cell must link to {after[0].name}"


@rule
def has_exercises_with_solutions(notebook, path):
    # One character per cell: an exercise's number, its stub, a solution, other code, or other text.
    shape = ""
    for cell in notebook.cells:
        titles = re.findall(r"^### Exercise (\d): \S", cell.source, re.MULTILINE)
        kinds = [kind for kind in ("exercise", "solution") if kind in tags(cell)]
        if cell.cell_type == "code":
            shape += "".join(kind[0] for kind in kinds) or "c"
        else:
            shape += "".join(titles) or "t"
    if not re.fullmatch("[ct]*1es+t*2es+t*(3es+t*(4es+t*)?)?", shape):
        yield "exercises must be 2 to 4, each a ### Exercise title, a stub (e), solutions (s); found " + shape
    for i, cell in code_cells(notebook):
        hidden = "hide-cell" in tags(cell) and cell.metadata.get("jupyter", {}).get("source_hidden") is True
        if hidden != ("solution" in tags(cell)):
            yield f"cell {i}: solutions, and only they, must be tagged hide-cell and have their source hidden"


@rule
def solutions_check_what_they_conclude(notebook, path):
    for i, cell in code_cells(notebook):
        comments = "\n".join(re.findall(r"(?<!\S)#.*", cell.source))
        concludes = COMPARATIVE.search(comments)
        checks = any(isinstance(node, ast.Assert) for node in nodes(cell))
        if "solution" in tags(cell) and concludes and not checks:
            yield f"cell {i} concludes ({concludes[0]!r}) but asserts nothing"


# Cells


@rule
def is_plain_python(notebook, path):
    """No shell commands, no magics: the code runs in any Python."""
    for i, cell in code_cells(notebook):
        try:
            syntax_tree(cell.source)
        except SyntaxError as error:
            yield f"cell {i} is not plain Python: {error.text}"


@rule
def imports_in_one_cell(notebook, path):
    importing = [
        i
        for i, cell in code_cells(notebook)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes(cell))
        and "script" not in tags(cell)  # a complete script, to be copied into an empty file
    ]
    first = [i for i, cell in code_cells(notebook) if "parameters" not in tags(cell)][:1]
    if importing != first:
        yield f"imports must be in the first code cell after parameters, nowhere else; found in {importing}"


@rule
def has_short_cells(notebook, path):
    for i, cell in code_cells(notebook):
        if (lines := len(cell.source.splitlines())) > 25:
            yield f"cell {i} has {lines} lines, at most 25 are allowed"


@rule
def describes_its_pictures(notebook, path):
    for i, cell in enumerate(notebook.cells):
        pictures = sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        alt = alt_text(cell)
        if pictures and len(alt) < 40:
            yield f"cell {i} has a picture and needs an alt text of at least 40 characters, got {alt!r}"
        if alt and not pictures:
            yield f"cell {i} has an alt text but no picture"


@rule
def links_lead_somewhere(notebook, path):
    for link in broken_links(markdown_of(notebook), path):
        yield f"the link {link} is broken"


@rule
def is_executed_in_order(notebook, path):
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts must be 1, 2, 3, ..., found {counts}"
    for i, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {i} gave an error or a warning: {output.get('text') or output.get('evalue')}"


@rule
def compares_every_output(notebook, path):
    for i, cell in code_cells(notebook):
        if unknown := tags(cell) - TAGS:
            yield f"cell {i} has unknown tags {unknown}"
        if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell.source):
            yield f"cell {i}: a comment must not tell nbval to skip a cell"


@rule
def measures_only_in_07(notebook, path):
    """Outside training lines, only 07 may print numbers that nbval does not compare."""
    for i, cell in code_cells(notebook):
        for output in cell.outputs:
            measured = re.search(r"\b\d+\.\d+ s\b|live [a-z ]+ \d", output.get("text", ""))
            if measured and number(path) != "07":
                yield f"cell {i} prints {measured[0]!r}, which is not compared"


@rule
def trains_as_the_reference_run_did(notebook, path):
    """nbval ignores the digits in training lines, so compare them with the reference run's record."""
    printed = "".join(output.get("text", "") for _, cell in code_cells(notebook) for output in cell.outputs)
    lines = re.findall(r"^\d+/\d+((?: - \w+: [\d.]+)+)$", printed, re.MULTILINE)
    if number(path) not in RUN_OF:
        if lines:
            yield "only notebooks 02 to 04 may print training lines"
        return
    expected = lines_of_reference_run(RUN_OF[number(path)])
    if not lines or lines != expected[: len(lines)]:
        yield (
            f"the training printed {lines}, the reference run {expected[: len(lines)]}; "
            "run make reference and make outputs on the same machine"
        )


def lines_of_reference_run(run: str) -> list[str]:
    """What Keras printed for each epoch, without the number of batches and the times."""
    history = load_run(run)[1]["history"]
    keys = ("accuracy", "loss", "val_accuracy", "val_loss")
    return [
        "".join(f" - {key}: {value:.4f}" for key, value in zip(keys, epoch, strict=True))
        for epoch in zip(*(history[key] for key in keys), strict=True)
    ]


# What code may do


@rule
def leaves_the_test_set_alone(notebook, path):
    if number(path) not in {"01", *RUN_OF}:
        return
    check = _only_prepares_test_set if number(path) == "01" else _never_has_test_set
    for i, cell in code_cells(notebook):
        for node in nodes(cell):
            if complaint := check(node):
                yield f"cell {i}: {complaint}: {ast.unparse(node)}"
        unpacked = [
            node.value
            for node in nodes(cell)
            if isinstance(node, ast.Assign)
            and isinstance(target := node.targets[0], ast.Tuple)
            and len(target.elts) == 3
            and name_of(target.elts[2]) == "_"
        ]
        if number(path) in RUN_OF and any(call not in unpacked for call in calls(cell, "load_splits")):
            yield f"cell {i}: load_splits must be unpacked into training, validation and _"


def _never_has_test_set(node: ast.AST) -> str | None:
    reads = name_of(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    if "test" in reads or reads in {"load_mnist", "load_data"}:
        return "the test set must not be read"
    if reads == "_" and isinstance(node.ctx, ast.Load):
        return "the test set is in _, which must not be read"
    return None


def _only_prepares_test_set(node: ast.AST) -> str | None:
    looked_at = []
    if isinstance(node, ast.Subscript) and name_of(node.value) != "shape":
        looked_at = [node.value]
    elif isinstance(node, ast.Compare):
        looked_at = [node]
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
        looked_at = [node.value]  # A second name would hide it from this rule.
    elif isinstance(node, ast.Call):
        if re.match("show_|plot_|imshow|matshow", name_of(node)):
            looked_at = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif name_of(node) in {"fit", "predict", "evaluate"}:
            return "this notebook has no network"
    for part in looked_at:
        for inner in ast.walk(part):
            if name_of(inner) in {"x_test", "y_test", "load_mnist", "load_splits"}:
                return "the test set may only be prepared and counted"
    return None


FILE_ACCESS = {
    *("open", "save", "savez", "savez_compressed", "savetxt", "savefig", "save_weights", "save_model"),
    *(
        "load",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "tofile",
        "memmap",
        "load_weights",
        "load_model",
        "load_data",
    ),
    *("dump", "read_text", "read_bytes", "write_text", "write_bytes", "imread", "imsave", "export"),
    *("get_file", "urlopen", "urlretrieve", "get_ipython", "system", "popen"),
}
FILE_MODULES = {
    *("os", "io", "pathlib", "pickle", "shelve", "shutil", "sqlite3", "subprocess", "tempfile"),
    *("urllib", "requests", "h5py", "joblib", "importlib"),
}


@rule
def touches_no_files(notebook, path):
    for i, cell in code_cells(notebook):
        guarded = {
            inner
            for node in nodes(cell)
            if isinstance(node, ast.If)
            and name_of(node.test) == "RUN_FOLDER"
            and number(path) in {*RUN_OF, "07"}
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in nodes(cell):
            if name_of(node) in {"save_run", "save_results"} and node not in guarded:
                yield f"cell {i}: {name_of(node)} is only for training notebooks, under `if RUN_FOLDER`"
            elif isinstance(node, ast.Call) and name_of(node) in FILE_ACCESS:
                yield f"cell {i} reads or writes files: {ast.unparse(node)}"
            elif isinstance(node, ast.Import | ast.ImportFrom) and imported(node) & FILE_MODULES:
                yield f"cell {i} imports a module that reads or writes files: {ast.unparse(node)}"
            elif isinstance(node, ast.Assign) and re.match("RUN_FOLDER = (?!None)", ast.unparse(node)):
                yield f"cell {i}: RUN_FOLDER must be None, so that a reader's run saves nothing"


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.partition(".")[0] for name in names}


# Words and metadata


@rule
def chooses_its_words(notebook, path):
    for where, text in texts(notebook):
        for word in FORBIDDEN_WORDS.findall(prose(text)):
            yield f"{where}: {word!r} is not used in this course"


@rule
def has_lean_metadata(notebook, path):
    """No metadata that differs from run to run, so that `make outputs` makes small diffs."""
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel must be python3"
    if extra := set(notebook.metadata) - {"kernelspec", "language_info"}:
        yield f"the notebook's metadata has extra keys {extra}"
    for i, cell in enumerate(notebook.cells):
        if extra := set(cell.metadata) - {"tags", "jupyter", "mystnb", "slideshow", "holds"}:
            yield f"the metadata of cell {i} has extra keys {extra}"


# Shown code, compared with the package and the reference runs

INTRODUCED = {
    name: found[1]
    for name in mnist_helpers.__all__
    if (found := re.search(r"Introduced\s+in\s+notebook\s+(\d\d)", getattr(mnist_helpers, name).__doc__))
}


def _predictions(rng: np.random.Generator) -> tuple:
    return rng.integers(0, 10, 500), rng.dirichlet(np.full(10, 0.3), 500)


ARGUMENTS: dict[str, Callable[[np.random.Generator], tuple]] = {
    "one_hot": lambda rng: (rng.integers(0, 10, 50),),
    "shuffled_batches": lambda rng: (
        rng.random((20, 3)),
        np.arange(20),
        *map(int, rng.integers(1, 20, 3)),  # batch size, steps, seed
    ),
    "wilson_interval": lambda rng: (int(rng.integers(0, 201)), 200),
    "mcnemar_exact": lambda rng: tuple(map(int, rng.integers(0, 9, 2))),
    "confusion_matrix": lambda rng: tuple(rng.integers(0, 10, (2, 500))),
    "precision_recall": lambda rng: (rng.integers(1, 50, (10, 10)),),
    "rank_mistakes": _predictions,
    "reliability_bins": _predictions,
}


@rule
def shows_what_the_helpers_do(notebook, path):
    for name in (name for name, where in INTRODUCED.items() if where == number(path)):
        if name == "load_splits":
            if not any(
                calls(cell, name) and _asserts_equality(cell) for _, cell in code_cells(notebook, False)
            ):
                yield "a cell must call load_splits and assert that its arrays equal the lesson's"
            continue
        shown = [
            node
            for _, cell in code_cells(notebook, exercises=False)
            for node in nodes(cell)
            if isinstance(node, ast.FunctionDef) and node.name == name
        ]
        if len(shown) != 1:
            yield f"{name} must be defined once, because the package says that it is introduced here"
        elif difference := difference_to_helper(shown[0]):
            yield difference


def _asserts_equality(cell: NotebookNode) -> bool:
    return bool(calls(cell, "assert_array_equal")) or any(
        isinstance(node, ast.Assert) and "array_equal" in map(name_of, ast.walk(node)) for node in nodes(cell)
    )


def difference_to_helper(shown: ast.FunctionDef) -> str | None:
    """Compare a function shown in a notebook with the helper of the same name, on random arguments."""
    namespace = {"np": np, "math": math, "NormalDist": NormalDist, "tf": tf}
    exec(compile(ast.Module([shown], []), f"<shown {shown.name}>", "exec"), namespace)
    rng = np.random.default_rng(1927)
    for _ in range(30):
        arguments = ARGUMENTS[shown.name](rng)
        with np.errstate(invalid="ignore"):
            expected = getattr(mnist_helpers, shown.name)(*arguments)
            try:
                found = namespace[shown.name](*arguments)
            except Exception as error:
                return f"the {shown.name} that is shown does not run on its own: {error!r}"
        found, expected = map(_arrays, (found, expected))
        if not (len(found) == len(expected) and all(map(_equal, found, expected))):
            return f"the {shown.name} that is shown gives {found}, the package's gives {expected}"
    return None


def _arrays(result) -> tuple:
    if isinstance(result, tf.data.Dataset):
        return tuple(array for batch in result.as_numpy_iterator() for array in batch)
    return result if isinstance(result, tuple) else (result,)


def _equal(found, expected) -> bool:
    if isinstance(expected, np.ndarray) and getattr(found, "dtype", None) != expected.dtype:
        return False
    same_shape = np.shape(found) == np.shape(expected)
    return same_shape and np.allclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True)


@rule
def builds_and_trains_the_reference_network(notebook, path):
    if number(path) not in RUN_OF:
        return
    reference, run = load_run(RUN_OF[number(path)])
    try:
        model, recipe = build(notebook)
    except Exception as error:
        yield f"the cells that build and compile the network do not run on their own: {error!r}"
        return
    if anatomy(model) != anatomy(reference):
        yield f"the network is not the reference run's: {anatomy(model)}, {anatomy(reference)}"
    for key, value in recipe.items():
        if value != run[key]:
            yield f"{key} is {value!r} here, {run[key]!r} in the reference run"


def build(notebook: NotebookNode) -> tuple:
    """Build and compile the network shown in a notebook; return it and its training recipe."""
    cells = [cell for _, cell in code_cells(notebook, exercises=False)]
    (model_cell,) = (cell for cell in cells if calls(cell, "Sequential") and calls(cell, "set_random_seed"))
    (parameters,) = (cell for cell in cells if "parameters" in tags(cell))
    imports = [
        node for cell in cells for node in nodes(cell) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    namespace = {}
    for code in (ast.Module(imports, []), parsed(parameters.source), parsed(model_cell.source)):
        exec(compile(code, "<notebook>", "exec"), namespace)
    ((name, model),) = (item for item in namespace.items() if type(item[1]).__name__ == "Sequential")

    def value(node: ast.AST):
        return eval(compile(ast.Expression(node), "<notebook>", "eval"), namespace)

    def call_of(method: str) -> ast.Call:
        (call,) = (call for cell in cells for call in calls(cell, method) if name_of(call.func.value) == name)
        return call

    value(call_of("compile"))
    training = {keyword.arg: keyword.value for keyword in call_of("fit").keywords}
    if name_of(training["epochs"]) != "EPOCHS":
        raise ValueError("fit must train for EPOCHS epochs")
    return model, {
        "optimizer": type(model.optimizer).__name__,
        "learning_rate": round(float(model.optimizer.learning_rate), 9),
        "loss": model.loss,
        "batch_size": value(training["batch_size"]),
        "seed": value(calls(model_cell, "set_random_seed")[0].args[0]),
    }


def anatomy(model) -> list:
    """A network's input shape and its layers' types and settings, without their names."""
    return [model.input_shape] + [
        (type(layer).__name__, {key: value for key, value in layer.get_config().items() if key != "name"})
        for layer in model.layers
    ]


# The course follows the rules


def complaints(name: str, notebook: NotebookNode, path: Path) -> str:
    return "\n".join(RULES[name](notebook, path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", RULES)
def test_rule_is_followed(name, path):
    found = complaints(name, read(path), path)
    assert not found, found


def test_course_is_complete():
    assert [path.stem for path in NOTEBOOKS][: len(COURSE)] == COURSE
    assert set(INTRODUCED.values()) <= {number(path) for path in NOTEBOOKS}


def test_readme_chooses_its_words():
    assert not FORBIDDEN_WORDS.findall(prose(README.read_text(encoding="utf-8")))


# The rules notice violations

LESSON = """
=== markdown
# Train a network

About 5<!-- result: read.02.minutes --> minutes to read, 1<!-- result: run.02.minutes --> to run.
Before this one: [01](01_preprocessing.ipynb).

**You will**

- build,
- train,
- and
  look.
=== code parameters
EPOCHS = 2
SEED = 1998
RUN_FOLDER = None
=== code
import numpy as np
from mnist_helpers import load_splits, quiet_start, save_run
with quiet_start():
    import keras
    from keras import layers
=== code
(x_train, y_train), (x_val, y_val), _ = load_splits("flat")
=== markdown
## Build

See [the end](#What-you-have-seen) and [there](01_preprocessing.ipynb#One-digit). Adjust `just`.
=== code
keras.utils.set_random_seed(SEED)
model = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        layers.Dense(256, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
=== code
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
=== code
history = model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_data=(x_val, y_val))
=== code
assert history.history["val_accuracy"][-1] > 0.85
if RUN_FOLDER:
    save_run(RUN_FOLDER, "mlp", history, seed=SEED, batch_size=32, seconds=1)
=== code
plot_history(history.history)
plt.show()
=== markdown
## What you have seen

- How to build,
- how to train,
- what it looks like.

## Exercises

### Exercise 1: Change it
=== code exercise
print(1)
=== code solution hide-cell
print(2)
=== markdown
A remark on that.
=== markdown
### Exercise 2: Change it back
=== code exercise
print(2)
=== code solution hide-cell
model.fit(x_train, y_train, epochs=1)
=== code solution hide-cell
print(1)
=== markdown
Next: [03](03_cnn.ipynb)
"""


def notebook_of(text: str) -> NotebookNode:
    cells = []
    for part in re.split("^=== ", text, flags=re.MULTILINE)[1:]:
        (kind, *cell_tags), source = part.partition("\n")[0].split(), part.partition("\n")[2].strip()
        if kind == "markdown":
            cells.append(new_markdown_cell(source))
            continue
        cells.append(
            new_code_cell(source, execution_count=1 + sum(cell.cell_type == "code" for cell in cells))
        )
        if cell_tags:
            cells[-1].metadata.tags = cell_tags
        if "solution" in cell_tags:
            cells[-1].metadata.jupyter = {"source_hidden": True}
        if source.startswith("history = "):
            lines = [
                f"Epoch {i}/2\n1563/1563{line}\n" for i, line in enumerate(lines_of_reference_run("mlp"), 1)
            ]
            cells[-1].outputs = [new_output("stream", text="".join(lines[:2]))]
        if "plot_" in source:
            cells[-1].metadata.mystnb = {
                "image": {"alt": "The loss falls from epoch to epoch and levels off."}
            }
            cells[-1].outputs = [new_output("display_data", {"image/png": "iVBORw0KGgo="})]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})


@pytest.fixture
def course(tmp_path) -> Path:
    """A folder with a course of three notebooks; the second is a good lesson."""
    for name in ("01_preprocessing", "02_mlp", "03_cnn"):
        text = LESSON if name == "02_mlp" else "=== markdown\n# Look\n\n## One digit"
        nbformat.write(notebook_of(text), tmp_path / f"{name}.ipynb")
    return tmp_path


@pytest.mark.parametrize("name", RULES)
def test_rule_accepts_a_good_notebook(name, course):
    assert not complaints(name, notebook_of(LESSON), course / "02_mlp.ipynb")


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("begins_with_title_objectives_and_times", "# Train", "Train", "only title"),
        ("begins_with_title_objectives_and_times", "## Build", "# Build", "only title"),
        ("begins_with_title_objectives_and_times", "**You will**", "You will", "You will"),
        ("begins_with_title_objectives_and_times", "- build,\n", "", "3 to 5"),
        ("begins_with_title_objectives_and_times", "- build,\n", "- build,\n" * 4, "3 to 5"),
        ("begins_with_title_objectives_and_times", "read.02", "read.03", "how many minutes"),
        (
            "begins_with_title_objectives_and_times",
            "1<!-- result: run.02.minutes -->",
            "1",
            "how many minutes",
        ),
        (
            "begins_with_title_objectives_and_times",
            "01_preprocessing.ipynb",
            "03_cnn.ipynb",
            "01_preprocessing",
        ),
        ("ends_with_summary_exercises_and_next", "## What you have seen", "## Summary", "once each"),
        ("ends_with_summary_exercises_and_next", "## Exercises", "## What you have seen", "once each"),
        ("ends_with_summary_exercises_and_next", "- how to train,\n", "", "3 objectives, but 2"),
        ("ends_with_summary_exercises_and_next", "](03_cnn.ipynb)", "](01_preprocessing.ipynb)", "03_cnn"),
        ("solutions_check_what_they_conclude", "\nprint(2)\n", "\nprint(2)  # More!\n", "'More'"),
        ("has_exercises_with_solutions", "### Exercise 2: Change it back", "Change it back", "2 to 4"),
        ("has_exercises_with_solutions", "### Exercise 2:", "### Exercise 3:", "2 to 4"),
        ("has_exercises_with_solutions", "=== code exercise\nprint(2)", "=== code\nprint(2)", "2 to 4"),
        ("has_exercises_with_solutions", "=== code solution hide-cell\nprint(2)\n", "", "2 to 4"),
        (
            "has_exercises_with_solutions",
            "solution hide-cell\nprint(2)",
            "solution\nprint(2)",
            "tagged hide-cell",
        ),
        ("has_exercises_with_solutions", "=== code exercise\nprint(2)", "=== markdown\nText.", "2 to 4"),
        ("is_plain_python", "print(1)", "!ls", "not plain Python"),
        ("is_plain_python", "print(1)", "%store model", "not plain Python"),
        ("imports_in_one_cell", "print(1)", "import math", "nowhere else"),
        ("imports_in_one_cell", "=== code\nimport", "=== code\nx = 1\n=== code\nimport", "nowhere else"),
        ("imports_in_one_cell", "print(1)", "def f():\n    from math import pi", "nowhere else"),
        ("has_short_cells", "print(1)", "print(1)\n" * 26 + "x", "has 27 lines"),
        ("links_lead_somewhere", "](#What", "](#Which", "#Which-you"),
        ("links_lead_somewhere", "#One-digit", "#Two-digits", "#Two-digits"),
        ("links_lead_somewhere", "](03_cnn", "](04_cnn", "04_cnn"),
        ("compares_every_output", "code exercise", "code exercise nbval-skip", "unknown tags"),
        ("compares_every_output", "print(1)", "# NBVAL_SKIP", "to skip a cell"),
        ("leaves_the_test_set_alone", "(x_val, y_val), _ =", "(x_val, y_val), test =", "must be unpacked"),
        ("leaves_the_test_set_alone", "(x_val, y_val), _ =", "(x_val, y_val), *_ =", "must be unpacked"),
        ("leaves_the_test_set_alone", "print(1)", "print(_[0])", "must not be read"),
        ("leaves_the_test_set_alone", "print(1)", "load_splits('flat')[2]", "must be unpacked"),
        ("leaves_the_test_set_alone", "print(1)", "print(x_test)", "must not be read"),
        ("leaves_the_test_set_alone", "print(1)", "mnist_helpers.load_mnist()", "must not be read"),
        ("touches_no_files", "print(1)", "open('x')", "reads or writes"),
        ("touches_no_files", "print(1)", "model.save('x')", "reads or writes"),
        ("touches_no_files", "print(1)", "np.load('x')", "reads or writes"),
        ("touches_no_files", "import numpy as np", "import os.path", "imports a module"),
        ("touches_no_files", "import numpy as np", "from pathlib import Path", "imports a module"),
        ("touches_no_files", "if RUN_FOLDER:", "if True:", "under `if RUN_FOLDER`"),
        ("touches_no_files", "RUN_FOLDER = None", "RUN_FOLDER = 'x'", "must be None"),
        ("chooses_its_words", "A remark", "Obviously a remark", "Obviously"),
        ("chooses_its_words", "A remark", "Of course, a remark", "Of course"),
        ("chooses_its_words", "A remark", "PLACEHOLDER_REMARK", "PLACEHOLDER_REMARK"),
        ("chooses_its_words", "A remark", "It is just a remark", "just"),
        (
            "builds_and_trains_the_reference_network",
            'Dense(256, activation="relu")',
            "Dense(128)",
            "is not the reference run's",
        ),
        (
            "builds_and_trains_the_reference_network",
            'Dense(256, activation="relu")',
            "Dropout(0.5)",
            "is not the reference run's",
        ),
        ("builds_and_trains_the_reference_network", "shape=(784,)", "shape=(None,)", "do not run"),
        (
            "builds_and_trains_the_reference_network",
            "categorical_cr",
            "binary_cr",
            "loss is 'binary_crossentropy'",
        ),
        (
            "builds_and_trains_the_reference_network",
            'optimizer="sgd"',
            'optimizer="adam"',
            "optimizer is 'Adam'",
        ),
        (
            "builds_and_trains_the_reference_network",
            '"sgd"',
            "keras.optimizers.SGD(0.1)",
            "learning_rate is 0.1",
        ),
        (
            "builds_and_trains_the_reference_network",
            "batch_size=32, epochs",
            "batch_size=64, epochs",
            "is 64",
        ),
        ("builds_and_trains_the_reference_network", "epochs=EPOCHS", "epochs=30", "EPOCHS epochs"),
        ("builds_and_trains_the_reference_network", "SEED = 1998", "SEED = 7", "seed is 7"),
        ("builds_and_trains_the_reference_network", "keras.utils.set_random_seed(SEED)\n", "", "do not run"),
    ],
)
def test_rule_notices_changed_text(name, old, new, complaint, course):
    assert old in LESSON
    assert complaint in complaints(name, notebook_of(LESSON.replace(old, new, 1)), course / "02_mlp.ipynb")


def picture(notebook: NotebookNode) -> NotebookNode:
    return next(cell for cell in notebook.cells if "mystnb" in cell.metadata)


def training(notebook: NotebookNode) -> NotebookNode:
    return next(cell for cell in notebook.cells if "stream" in str(cell.get("outputs")))


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("describes_its_pictures", lambda nb: picture(nb).metadata.pop("mystnb"), "needs an alt text"),
        (
            "describes_its_pictures",
            lambda nb: picture(nb).metadata.mystnb.image.update(alt="Loss."),
            "needs an alt",
        ),
        ("describes_its_pictures", lambda nb: picture(nb).update(outputs=[]), "but no picture"),
        (
            "chooses_its_words",
            lambda nb: picture(nb).metadata.mystnb.image.update(alt="Just so."),
            "alt text of",
        ),
        ("trains_as_the_reference_run_did", lambda nb: training(nb).update(outputs=[]), "printed []"),
        (
            "trains_as_the_reference_run_did",
            lambda nb: (
                training(nb).outputs[0].update(text=training(nb).outputs[0].text.replace("0.9", "0.8"))
            ),
            "on the same machine",
        ),
        ("is_executed_in_order", lambda nb: picture(nb).update(execution_count=99), "1, 2, 3"),
        ("is_executed_in_order", lambda nb: nb.cells[1].update(execution_count=None), "1, 2, 3"),
        (
            "is_executed_in_order",
            lambda nb: picture(nb).update(
                outputs=[new_output("error", ename="E", evalue="oh", traceback=[])]
            ),
            "an error or a warning: oh",
        ),
        (
            "is_executed_in_order",
            lambda nb: picture(nb).update(outputs=[new_output("stream", name="stderr", text="hm")]),
            "an error or a warning: hm",
        ),
        (
            "has_exercises_with_solutions",
            lambda nb: nb.cells[12].metadata.jupyter.update(source_hidden=False),
            "have their source hidden",
        ),
        ("has_lean_metadata", lambda nb: nb.metadata.kernelspec.update(name="course"), "kernel"),
        ("has_lean_metadata", lambda nb: nb.metadata.update(widgets={}), "extra keys {'widgets'}"),
        (
            "has_lean_metadata",
            lambda nb: nb.cells[2].metadata.update(execution={}),
            "cell 2 has extra keys {'execution'}",
        ),
    ],
)
def test_rule_notices_changed_metadata(name, change, complaint, course):
    notebook = notebook_of(LESSON)
    change(notebook)
    assert complaint in complaints(name, notebook, course / "02_mlp.ipynb")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("(x_train, y_train), (x_test, y_test) = load_mnist()\nprint(x_test.shape[0], len(y_test))", ""),
        ("x_test = x_test.reshape(-1, 784).astype('float32') / 255\ny_test = one_hot(y_test)", ""),
        ("for labels in (y_train, y_test):\n    print(np.bincount(labels))", ""),
        ("for a, b in zip(load_splits('flat'), [x_train, x_test]):\n    assert np.array_equal(a, b)", ""),
        ("x_test[0]", "only be prepared"),
        ("(x_test / 255)[:10]", "only be prepared"),
        ("load_mnist()[1]", "only be prepared"),
        ("show_digits(x_test)", "only be prepared"),
        ("ax.imshow(image=x_test)", "only be prepared"),
        ("(guesses == y_test).mean()", "only be prepared"),
        ("images = x_test", "only be prepared"),
        ("model.evaluate(x_train)", "no network"),
    ],
)
def test_first_notebook_only_prepares_the_test_set(source, complaint, course):
    notebook, path = new_notebook(cells=[new_code_cell(source)]), course / "01_preprocessing.ipynb"
    found = complaints("leaves_the_test_set_alone", notebook, path)
    assert complaint in found and bool(complaint) == bool(found)


ONE_HOT = """
def one_hot(labels):
    rows = np.zeros((len(labels), 10), dtype="float32")
    rows[np.arange(len(labels)), labels] = 1
    return rows
"""
CONFUSION = """
def confusion_matrix(true, predicted):
    counts = np.zeros((10, 10), dtype="int64")
    for row, column in zip(true, predicted):
        counts[row, column] += 1
    return counts
"""
MCNEMAR = """
def mcnemar_exact(only_a, only_b):
    n, fewer = only_a + only_b, min(only_a, only_b)
    return min(1, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)
"""


@pytest.mark.parametrize(
    ("shown", "old", "new"),
    [
        (ONE_HOT, "= 1", "= 2"),
        (ONE_HOT, "float32", "float64"),
        (CONFUSION, "[row, column]", "[column, row]"),
        (CONFUSION, "np.zeros", "zeros"),
        (MCNEMAR, "min(1, 2", "min(2, 2"),
        (MCNEMAR, "return min", "return 0, min"),
    ],
)
def test_difference_between_shown_and_packaged_code_is_found(shown, old, new):
    good, bad = (ast.parse(source).body[0] for source in (shown, shown.replace(old, new)))
    assert difference_to_helper(good) is None
    assert difference_to_helper(bad)


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([ONE_HOT, "assert np.array_equal(load_splits('flat')[0][0], x_train)"], ""),
        (["assert np.array_equal(load_splits('flat')[0][0], x_train)"], "one_hot must be defined once"),
        (
            [ONE_HOT, "print(load_splits('flat'))", "assert np.array_equal(a, b)"],
            "must call load_splits and assert",
        ),
        (
            [ONE_HOT.replace("= 1", "= 2"), "np.testing.assert_array_equal(load_splits('flat'), x)"],
            "that is shown",
        ),
    ],
)
def test_first_notebook_shows_what_the_helpers_do(cells, complaint, course):
    notebook, path = new_notebook(cells=list(map(new_code_cell, cells))), course / "01_preprocessing.ipynb"
    found = complaints("shows_what_the_helpers_do", notebook, path)
    assert complaint in found and bool(complaint) == bool(found)
