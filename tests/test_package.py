"""The package as a whole: quick to import, free of TensorFlow where possible, documented, and quiet."""

import ast
import inspect
import json
import os
import sys
from pathlib import Path

import pytest

import mnist_helpers
from mnist_helpers import processor_has_bfloat16, quiet_start


def test_import_is_quick_and_each_part_needs_only_its_libraries(python):
    result = python(
        "import json, sys, time\n"
        "start = time.process_time()\n"
        "import mnist_helpers\n"
        "print(json.dumps([time.process_time() - start, sorted(sys.modules)]))\n"
        "for name in ('tensorflow', 'keras', 'matplotlib'):\n"
        "    sys.modules[name] = None  # importing it raises ImportError\n"
        "from mnist_helpers import confusion_matrix, load_run, load_splits, one_hot, prepare, rank_mistakes\n"
        "from mnist_helpers import save_run, shift\n"
        "_, (images, labels), _ = load_splits('flat')\n"
        "true = labels.argmax(axis=1)\n"
        "probabilities = one_hot((true + 1) % 10)\n"
        "assert confusion_matrix(true, probabilities.argmax(axis=1))[0, 1] == (true == 0).sum()\n"
        "shift(images[:2], 1, 0), prepare(images[0].reshape(28, 28))\n"
        "del sys.modules['matplotlib']\n"
        "from mnist_helpers import set_style, show_mistakes\n"
        "set_style()\n"
        "assert len(show_mistakes(images, true, probabilities, rank_mistakes(true, probabilities))) == 25\n"
    )
    assert (result.returncode, result.stderr) == (0, "")
    seconds, modules = json.loads(result.stdout)
    assert not {"tensorflow", "keras", "matplotlib", "numpy"} & set(modules)
    assert seconds < 0.3


@pytest.mark.parametrize("name", mnist_helpers.__all__)
def test_every_name_is_documented(name):
    thing = getattr(mnist_helpers, name)
    doc = inspect.getdoc(thing)
    assert doc.partition("\n")[0].endswith(".")
    if inspect.isfunction(thing):
        parameters = inspect.signature(thing).parameters
        assert ("Parameters\n----------" in doc) == bool(parameters)
        assert all(parameter in doc.partition("Parameters\n")[2] for parameter in parameters)


def test_names_are_listed_once():
    assert dir(mnist_helpers) == sorted(set(mnist_helpers.__all__)) and len(set(mnist_helpers.__all__)) > 30


def test_unknown_name_says_what_there_is():
    with pytest.raises(AttributeError, match=r"mnist_helpers has no 'load_minst'; it offers .*load_mnist"):
        mnist_helpers.load_minst  # noqa: B018


def test_no_module_imports_a_private_name():
    for file in Path(mnist_helpers.__file__).parent.rglob("*.py"):
        imports = [
            node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        private = [alias.name for node in imports for alias in node.names if alias.name.startswith("_")]
        assert not private, f"{file} imports {private}"


# The hardware


@pytest.mark.parametrize(
    ("text", "limit", "answer"),
    [
        ("model name\t: EPYC\nflags\t\t: fpu avx512_bf16 sse\nbugs\t: x\n", "ALL", True),
        ("flags : amx_bf16", "AVX512_CORE_AMX", True),
        ("flags : amx_bf16", "AVX2", False),  # oneDNN is told to use older instructions only
        ("flags : avx512f avx512_bf16x\nbugs : amx_bf16\n", "ALL", False),
        ("model name : another system\n", "ALL", None),
    ],
)
def test_bfloat16_is_looked_up_in_the_flags(tmp_path, monkeypatch, text, limit, answer):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    assert processor_has_bfloat16(file) is answer
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert processor_has_bfloat16(tmp_path / "none") is None


# quiet_start


def test_keras_starts_silently(python):
    result = python(
        "import os\n"
        "from mnist_helpers import quiet_start\n"
        "with quiet_start():\n"
        "    import keras\n"
        "print(keras.ops.convert_to_numpy(keras.ops.ones((2, 2)) @ keras.ops.ones((2, 2))).sum())\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    assert (result.stdout, result.stderr) == ("8.0\n3\n", "")


def say(word: str) -> None:
    with open(2, "w", closefd=False) as stderr:
        print(word, file=stderr)


def test_only_the_block_is_quiet(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    say("before")
    free = os.dup(2)
    os.close(free)
    with quiet_start():
        say("within")
        print("stdout stays")
    say("after")
    out, err = capfd.readouterr()
    assert (out, err.split()) == ("stdout stays\n", ["before", "after"])
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"  # what the user has set is kept
    again = os.dup(2)
    os.close(again)
    assert again == free  # no file descriptor is left open


def test_messages_are_shown_after_an_error(capfd):
    with pytest.raises(ImportError, match="no_such_module"), quiet_start():
        os.write(2, b"the reason\n")
        import no_such_module  # noqa: F401
    say("after")
    assert capfd.readouterr().err == "the reason\nafter\n"


def test_messages_stay_in_a_file_when_the_process_dies(python, tmp_path):
    python(
        "import os\n"
        "from mnist_helpers import quiet_start\n"
        "with quiet_start():\n"
        "    os.write(2, b'the reason')\n"
        "    os.abort()",
        TMPDIR=str(tmp_path),
    )
    assert [file.read_text() for file in tmp_path.glob("mnist_helpers_*.log")] == ["the reason"]


def test_start_works_without_stderr(monkeypatch):
    def no_stderr(descriptor):
        raise OSError("Bad file descriptor")

    monkeypatch.setattr(sys, "stderr", None)
    with quiet_start():
        pass
    monkeypatch.setattr(os, "dup", no_stderr)
    with quiet_start():
        pass


@pytest.fixture
def keras_settings(tmp_path, monkeypatch):
    """Set what is in keras.json, and the environment variable."""

    def put(settings: str, backend: str | None) -> None:
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        (tmp_path / "keras.json").write_text(settings)
        monkeypatch.setenv("KERAS_BACKEND", backend) if backend else monkeypatch.delenv(
            "KERAS_BACKEND", False
        )

    return put


@pytest.mark.parametrize(
    ("settings", "backend", "message"),
    [
        (
            '{"floatx": "float16"}',
            None,
            r"floatx 'float16', .* needs 'float32': change it in the file .*keras\.json",
        ),
        ('{"image_data_format": "channels_first"}', None, "image_data_format 'channels_first'"),
        (
            '{"backend": "jax"}',
            None,
            r"backend 'jax', .* needs 'tensorflow': change it in the file .*keras\.json",
        ),
        (
            "",
            "numpy",
            "backend 'numpy', .* in the environment variable KERAS_BACKEND, and restart the kernel",
        ),
    ],
)
def test_wrong_settings_of_keras_are_named(keras_settings, settings, backend, message):
    keras_settings(settings, backend)
    with pytest.raises(RuntimeError, match=message), quiet_start():
        pytest.fail("TensorFlow would have been started")


@pytest.mark.parametrize(
    ("settings", "backend"), [('{"backend": "jax"}', "tensorflow"), ("{broken", None), ("[]", None)]
)
def test_settings_that_keras_overrides_or_ignores_are_none(keras_settings, settings, backend):
    keras_settings(settings, backend)
    with quiet_start():
        pass
