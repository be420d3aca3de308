"""The package as a whole: quick to import, free of TensorFlow where possible, documented, and quiet."""

import importlib
import inspect
import json

import pytest

import mnist_helpers


def test_import_is_quick_and_loads_nothing_heavy(python):
    result = python(
        "import json, sys, time\n"
        "start = time.process_time()\n"
        "import mnist_helpers\n"
        "print(json.dumps([time.process_time() - start, sorted(sys.modules)]))"
    )
    seconds, modules = json.loads(result.stdout)
    assert "mnist_helpers" in modules
    assert not {"tensorflow", "keras", "matplotlib", "numpy"} & set(modules)
    assert seconds < 0.3


def test_all_but_the_reference_runs_work_without_tensorflow(python):
    result = python(
        "import sys\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None  # importing either raises ImportError\n"
        "from mnist_helpers import *\n"
        "import numpy as np\n"
        "_, (images, labels), _ = load_splits('flat')\n"
        "true = labels.argmax(axis=1)\n"
        "probabilities = one_hot((true + 1) % 10)\n"
        "assert confusion_matrix(true, probabilities.argmax(axis=1))[0, 1] == (true == 0).sum()\n"
        "set_style()\n"
        "assert len(show_mistakes(images, true, probabilities, rank_mistakes(true, probabilities))) == 25\n"
        "print('done')"
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_data_and_evaluation_work_without_matplotlib(python):
    result = python(
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from mnist_helpers import load_splits, load_mnist, one_hot, confusion_matrix, wilson_interval\n"
        "print(wilson_interval(9, 10)[0] > 0.5, one_hot([1]).sum())"
    )
    assert (result.stdout, result.stderr) == ("True 1.0\n", "")


def test_reference_imports_keras_only_when_called(python):
    result = python("import sys\nfrom mnist_helpers import load_run, save_run\nprint('keras' in sys.modules)")
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_names_are_those_of_the_modules():
    assert len(set(mnist_helpers.__all__)) == len(mnist_helpers.__all__)
    assert dir(mnist_helpers) == sorted(mnist_helpers.__all__)
    public = {
        name
        for module in ("data", "evaluation", "plots", "reference", "startup")
        for name, value in vars(importlib.import_module(f"mnist_helpers.{module}")).items()
        if inspect.isfunction(value) and value.__module__.endswith(module) and not name.startswith("_")
    }
    assert set(mnist_helpers.__all__) == public


@pytest.mark.parametrize("name", mnist_helpers.__all__)
def test_every_name_is_documented(name):
    function = getattr(mnist_helpers, name)
    assert callable(function)
    summary, *_ = inspect.getdoc(function).splitlines()
    assert summary.endswith(".")
    doc = inspect.getdoc(function)
    parameters = inspect.signature(function).parameters
    assert ("Parameters\n----------" in doc) == bool(parameters)
    for parameter in parameters:
        assert parameter in doc.partition("Parameters\n")[2]
    # A function that raises documents it.
    if "raise " in inspect.getsource(inspect.unwrap(function)):
        assert "Raises\n------" in doc


@pytest.mark.parametrize("name", ["load_minst", "CLASSES", "_digits"])
def test_unknown_name(name):
    with pytest.raises(AttributeError, match=f"mnist_helpers has no '{name}'; it offers .*load_mnist"):
        getattr(mnist_helpers, name)


# The hardware


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("model name\t: EPYC\nflags\t\t: fpu avx512_bf16 sse\nbugs\t: x\n", True),
        ("flags : amx_bf16", True),
        ("flags : avx512f avx512_bf16x\nbugs : amx_bf16\n", False),
        ("model name : another system\n", None),
    ],
)
def test_bfloat16_is_looked_up_in_the_flags(tmp_path, text, answer):
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    assert mnist_helpers.processor_has_bfloat16(file) is answer
    assert mnist_helpers.processor_has_bfloat16(tmp_path / "none") is None


@pytest.mark.parametrize(("limit", "answer"), [("AVX2", False), ("AVX512_CORE_AMX", True), ("ALL", True)])
def test_bfloat16_is_not_used_beyond_the_limit_of_onednn(tmp_path, monkeypatch, limit, answer):
    file = tmp_path / "cpuinfo"
    file.write_text("flags : avx512_bf16")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert mnist_helpers.processor_has_bfloat16(file) is answer


# quiet_start


def test_keras_starts_silently(python):
    result = python(
        "from mnist_helpers import quiet_start\n"
        "with quiet_start():\n"
        "    import keras\n"
        "print(keras.ops.convert_to_numpy(keras.ops.ones((2, 2)) @ keras.ops.ones((2, 2))).sum())"
    )
    assert (result.stdout, result.stderr) == ("8.0\n", "")


def test_only_the_block_is_quiet(python):
    result = python(
        "import os, sys\n"
        "from mnist_helpers import quiet_start\n"
        "say = lambda word: (os.write(2, f'{word} '.encode()), print(word, file=sys.stderr, flush=True))\n"
        "say('before')\n"
        "with quiet_start():\n"
        "    say('within')\n"
        "    print('stdout stays')\n"
        "say('after')"
    )
    assert result.stderr.split() == ["before", "before", "after", "after"]
    assert result.stdout == "stdout stays\n"


def test_exception_propagates_and_stderr_is_restored(python):
    result = python(
        "import sys\n"
        "from mnist_helpers import quiet_start\n"
        "try:\n"
        "    with quiet_start():\n"
        "        import no_such_module\n"
        "except ImportError as error:\n"
        "    print(error.name, file=sys.stderr)\n"
        "with quiet_start():\n"
        "    raise RuntimeError('seen')"
    )
    assert result.returncode == 1
    assert result.stderr.startswith("no_such_module\nTraceback")
    assert result.stderr.endswith("RuntimeError: seen\n")


def test_no_file_descriptor_is_leaked(python):
    result = python(
        "import os\n"
        "from mnist_helpers import quiet_start\n"
        "def free():\n"
        "    numbers = [os.dup(2) for _ in range(4)]\n"
        "    for number in numbers:\n"
        "        os.close(number)\n"
        "    return numbers\n"
        "before = free()\n"
        "with quiet_start():\n"
        "    pass\n"
        "print(free() == before)"
    )
    assert result.stdout == "True\n"


@pytest.mark.parametrize("given", [{}, {"TF_CPP_MIN_LOG_LEVEL": "0"}])
def test_log_level_that_is_set_is_kept(python, given):
    result = python(
        "import os\n"
        "from mnist_helpers import quiet_start\n"
        "with quiet_start():\n"
        "    pass\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
        **given,
    )
    assert result.stdout.strip() == given.get("TF_CPP_MIN_LOG_LEVEL", "3")
