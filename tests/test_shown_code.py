"""The code that a notebook shows does what the package and the reference runs did: it is executed here."""

import ast
import math
import re
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from nbformat import NotebookNode
from pages import name_of, nodes, read
from test_notebook_rules import NETWORK_OF

import mnist_helpers
from mnist_helpers import load_run, quiet_start
from tools.course import NOTEBOOKS, tags

with quiet_start():
    import tensorflow as tf


def shown_cells(lesson: str) -> list[NotebookNode]:
    """The code cells outside exercises and solutions of the notebook whose name begins so."""
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith(lesson))
    code = (cell for cell in read(path).cells if cell.cell_type == "code")
    return [cell for cell in code if not {"exercise", "solution"}.intersection(tags(cell))]


def calls(cells: list[NotebookNode], name: str) -> list[ast.Call]:
    found = (node for cell in cells for node in nodes(cell.source))
    return [node for node in found if isinstance(node, ast.Call) and name_of(node) == name]


# Functions that the package has, too

INTRODUCED_IN = {
    name: found[1]
    for name in mnist_helpers.__all__
    if (found := re.search(r"Introduced\s+in\s+notebook\s+(\d\d)", getattr(mnist_helpers, name).__doc__))
}


def _predictions(rng: np.random.Generator) -> tuple:
    return rng.integers(0, 10, 500), rng.dirichlet(np.full(10, 0.3), 500)


def _batches(rng: np.random.Generator) -> tuple:
    batch_size, steps, seed = map(int, rng.integers(1, 20, 3))
    return rng.random((20, 3)), np.arange(20), batch_size, steps, seed


ARGUMENTS: dict[str, Callable[[np.random.Generator], tuple]] = {
    "one_hot": lambda rng: (rng.integers(0, 10, 50),),
    "shuffled_batches": _batches,
    "wilson_interval": lambda rng: (int(rng.integers(0, 201)), 200),
    "mcnemar_exact": lambda rng: tuple(map(int, rng.integers(0, 9, 2))),
    "confusion_matrix": lambda rng: tuple(rng.integers(0, 10, (2, 500))),
    "precision_recall": lambda rng: (rng.integers(1, 50, (10, 10)),),
    "rank_mistakes": _predictions,
    "reliability_bins": _predictions,
}


def check_function(cells: list[NotebookNode], name: str) -> None:
    """Compare a function defined in these cells with the helper of the same name, on random arguments."""
    parts = (node for cell in cells for node in nodes(cell.source))
    shown = [node for node in parts if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(shown) == 1, f"{name} is not defined where the package says that it is introduced"
    namespace = {"np": np, "math": math, "NormalDist": NormalDist, "tf": tf}
    exec(compile(ast.Module(shown, []), f"<shown {name}>", "exec"), namespace)
    rng = np.random.default_rng(1927)
    for _ in range(30):
        arguments = ARGUMENTS[name](rng)
        with np.errstate(invalid="ignore"):
            found, expected = (
                _arrays(function(*arguments)) for function in (namespace[name], getattr(mnist_helpers, name))
            )
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, strict=True)


def _arrays(result) -> tuple:
    if isinstance(result, tf.data.Dataset):
        return tuple(array for batch in result.as_numpy_iterator() for array in batch)
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", sorted(INTRODUCED_IN.keys() - {"load_splits"}))
def test_shown_function_does_what_the_helper_does(name):
    check_function(shown_cells(INTRODUCED_IN[name]), name)


def test_load_splits_is_compared_with_the_steps_that_are_shown():
    cells = [cell for cell in shown_cells(INTRODUCED_IN["load_splits"]) if calls([cell], "load_splits")]
    assert any("assert np.array_equal" in cell.source for cell in cells)


# Networks


def check_network(cells: list[NotebookNode], network: str) -> None:
    """Compare a network that is built and trained in these cells with its reference run."""
    reference, run = load_run(network)
    model, recipe = build(cells)
    assert anatomy(model) == anatomy(reference)
    assert recipe == {key: run[key] for key in recipe}


def build(cells: list[NotebookNode]) -> tuple:
    """Build and compile the network shown in a notebook; return it and its training recipe."""
    (parameters,) = (cell for cell in cells if "parameters" in tags(cell))
    building = next(
        cell for cell in cells if calls([cell], "Sequential") and calls([cell], "set_random_seed")
    )
    parts = (node for cell in cells for node in nodes(cell.source))
    imports = [node for node in parts if isinstance(node, ast.Import | ast.ImportFrom)]
    namespace = {}
    for code in (ast.Module(imports, []), parameters.source, building.source):
        exec(compile(code, "<notebook>", "exec"), namespace)

    def value(node: ast.AST):
        return eval(compile(ast.Expression(node), "<notebook>", "eval"), namespace)

    # Later calls only go on with the training, and others train other networks.
    first_compile, first_fit = (
        next(call for call in calls(cells, method) if name_of(call.func.value) == "model")
        for method in ("compile", "fit")
    )
    value(first_compile)
    training = {keyword.arg: keyword.value for keyword in first_fit.keywords}
    assert name_of(training["epochs"]) == "EPOCHS"
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


@pytest.mark.parametrize("lesson", NETWORK_OF)
def test_shown_network_is_built_and_trained_as_the_reference_run_was(lesson):
    check_network(shown_cells(lesson), NETWORK_OF[lesson])


# Each check notices what is changed to what in the code


@pytest.mark.parametrize(
    ("check", "of", "lesson", "old", "new"),
    [
        (check_function, "one_hot", "01", "def one_hot", "def two_hot"),
        (check_function, "one_hot", "01", "labels] = 1", "labels] = 2"),
        (check_function, "one_hot", "01", "float32", "float64"),
        (check_network, "mlp", "02", '"relu"', '"tanh"'),
        (check_network, "mlp", "02", "batch_size=32", "batch_size=64"),
        (check_network, "mlp", "02", "epochs=EPOCHS", "epochs=30"),
    ],
)
def test_difference_is_noticed(check, of, lesson, old, new):
    cells = shown_cells(lesson)
    changed = [NotebookNode(cell | {"source": cell.source.replace(old, new)}) for cell in cells]
    assert changed != cells
    with pytest.raises(AssertionError):
        check(changed, of)
