"""The code that a notebook shows does what the package and the reference runs did: it is executed here."""

import ast
import math
import re
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from pages import NOTEBOOKS, read
from test_notebook_rules import NETWORK_OF, name_of, nodes, tags

import mnist_helpers
from mnist_helpers import load_run, quiet_start

with quiet_start():
    import tensorflow as tf


def shown_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """A notebook's code cells outside exercises and solutions."""
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [cell for cell in code if not tags(cell) & {"exercise", "solution"}]


def calls(cells: list[NotebookNode], name: str) -> list[ast.Call]:
    found = (node for cell in cells for node in nodes(cell.source))
    return [node for node in found if isinstance(node, ast.Call) and name_of(node) == name]


# Functions that the package has, too

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


def differences_to_helpers(cells: list[NotebookNode], number: str) -> Iterator[str]:
    """What the helpers that are introduced in the notebook with this number do otherwise than its cells."""
    for name in (name for name, where in INTRODUCED.items() if where == number):
        if name == "load_splits":  # what it does, the whole lesson shows
            compares = re.compile(r"^ *(assert|np\.testing\.assert).*array_equal", re.MULTILINE)
            if not any(calls([cell], name) and compares.search(cell.source) for cell in cells):
                yield "a cell must call load_splits and assert that its arrays equal the lesson's"
            continue
        parts = (node for cell in cells for node in nodes(cell.source))
        shown = [node for node in parts if isinstance(node, ast.FunctionDef) and node.name == name]
        if len(shown) != 1:
            yield f"{name} must be defined once, because the package says that it is introduced here"
        elif difference := difference_to_helper(shown[0]):
            yield difference


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_shown_function_does_what_the_helper_does(path):
    assert not list(differences_to_helpers(shown_cells(read(path)), path.stem[:2]))


def test_helpers_are_introduced_in_notebooks_of_the_course():
    assert set(INTRODUCED.values()) <= {path.stem[:2] for path in NOTEBOOKS}


ONE_HOT = """
def one_hot(labels):
    rows = np.zeros((len(labels), 10), dtype="float32")
    rows[np.arange(len(labels)), labels] = 1
    return rows
"""
COMPARED = "assert np.array_equal(load_splits('flat')[0][0], x_train)"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("= 1", "= 2", "that is shown gives"),
        ("float32", "float64", "that is shown gives"),
        ("return rows", "return rows, rows", "that is shown gives"),
        ("np.zeros", "zeros", "does not run on its own"),
        ("def one_hot", "def two_hot", "must be defined once"),
        ("assert", "print", "must call load_splits and assert"),
    ],
)
def test_difference_to_a_helper_is_noticed(old, new, complaint):
    cells = [new_code_cell(source.replace(old, new)) for source in (ONE_HOT, COMPARED)]
    found = "\n".join(differences_to_helpers(cells, "01"))
    assert complaint in found and bool(complaint) == bool(found)


# Networks


def differences_to_reference(cells: list[NotebookNode], network: str) -> Iterator[str]:
    """What the cells that build and train a network do otherwise than its reference run did."""
    reference, run = load_run(network)
    try:
        model, recipe = build(cells)
    except Exception as error:
        yield f"the cells that build and compile the network do not run on their own: {error!r}"
        return
    if anatomy(model) != anatomy(reference):
        yield f"the network is not the reference run's: {anatomy(model)}, {anatomy(reference)}"
    for key, value in recipe.items():
        if value != run[key]:
            yield f"{key} is {value!r} here, {run[key]!r} in the reference run"


def build(cells: list[NotebookNode]) -> tuple:
    """Build and compile the network shown in a notebook; return it and its training recipe."""
    (parameters,) = (cell for cell in cells if "parameters" in tags(cell))
    (building,) = (cell for cell in cells if calls([cell], "Sequential") and calls([cell], "set_random_seed"))
    parts = (node for cell in cells for node in nodes(cell.source))
    imports = [node for node in parts if isinstance(node, ast.Import | ast.ImportFrom)]
    namespace = {}
    for code in (ast.Module(imports, []), parameters.source, building.source):
        exec(compile(code, "<notebook>", "exec"), namespace)

    def value(node: ast.AST):
        return eval(compile(ast.Expression(node), "<notebook>", "eval"), namespace)

    def call_of(method: str) -> ast.Call:
        """The first call: what comes after it only goes on."""
        return next(call for call in calls(cells, method) if name_of(call.func.value) == "model")

    value(call_of("compile"))
    training = {keyword.arg: keyword.value for keyword in call_of("fit").keywords}
    if name_of(training["epochs"]) != "EPOCHS":
        raise ValueError("fit must train for EPOCHS epochs")
    model = namespace["model"]
    return model, {
        "optimizer": type(model.optimizer).__name__,
        "learning_rate": round(float(model.optimizer.learning_rate), 9),
        "loss": model.loss,
        "batch_size": value(training["batch_size"]),
        "seed": value(calls([building], "set_random_seed")[0].args[0]),
    }


def anatomy(model) -> list:
    """A network's input shape and its layers' types and settings, without their names."""
    return [model.input_shape] + [
        (type(layer).__name__, {key: value for key, value in layer.get_config().items() if key != "name"})
        for layer in model.layers
    ]


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem in NETWORK_OF], ids=lambda path: path.stem
)
def test_shown_network_is_built_and_trained_as_the_reference_run_was(path):
    assert not list(differences_to_reference(shown_cells(read(path)), NETWORK_OF[path.stem]))


NETWORK = """
EPOCHS, SEED = 2, 1998
---
from mnist_helpers import quiet_start
with quiet_start():
    import keras
    from keras import layers
---
keras.utils.set_random_seed(SEED)
hidden = [layers.Dense(256, activation="relu") for _ in range(3)]
model = keras.Sequential([keras.Input(shape=(784,)), *hidden, layers.Dense(10, activation="softmax")])
---
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
---
history = model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_data=(x_val, y_val))
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("Dense(256", "Dense(128", "is not the reference run's"),
        ("range(3)", "range(2)", "is not the reference run's"),
        ("shape=(784,)", "shape=(None,)", "do not run"),
        ("categorical_cr", "binary_cr", "loss is 'binary_crossentropy'"),
        ('"sgd"', '"adam"', "optimizer is 'Adam'"),
        ('"sgd"', "keras.optimizers.SGD(0.1)", "learning_rate is 0.1"),
        ("batch_size=32", "batch_size=64", "batch_size is 64"),
        ("epochs=EPOCHS", "epochs=30", "EPOCHS epochs"),
        ("1998", "7", "seed is 7"),
    ],
)
def test_difference_to_the_reference_run_is_noticed(old, new, complaint):
    cells = [new_code_cell(source) for source in NETWORK.replace(old, new).split("---")]
    cells[0].metadata.tags = ["parameters"]
    found = "\n".join(differences_to_reference(cells, "mlp"))
    assert complaint in found and bool(complaint) == bool(found)
