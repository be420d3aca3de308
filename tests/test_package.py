"""The package as a whole: quick to import, free of TensorFlow where possible, documented, and quiet."""

import ast
import inspect
import json
from pathlib import Path

import pytest

import mnist_helpers
from mnist_helpers import processor_has_bfloat16, quiet_start, startup


def test_import_is_quick_and_each_part_needs_only_its_libraries(python):
    result = python(
        "import json, sys, time\n"
        "start = time.process_time()\n"
        "import mnist_helpers\n"
        "print(json.dumps([time.process_time() - start, sorted(sys.modules)]))\n"
        "for name in ('tensorflow', 'keras', 'matplotlib'):\n"
        "    sys.modules[name] = None  # importing it raises ImportError\n"
        "from mnist_helpers import load_run, load_splits, one_hot, prepare, rank_mistakes, save_run, shift\n"
        "assert len(load_splits('flat')) == 3\n"
        "del sys.modules['matplotlib']\n"
        "from mnist_helpers import set_style, show_mistakes\n"
    )
    assert (result.returncode, result.stderr) == (0, "")
    seconds, modules = json.loads(result.stdout)
    assert not {"tensorflow", "keras", "matplotlib", "numpy"} & set(modules)
    assert seconds < 0.3


def test_every_name_is_documented():
    for name in mnist_helpers.__all__:
        thing = getattr(mnist_helpers, name)
        doc = inspect.getdoc(thing)
        assert doc.partition("\n")[0].endswith("."), name
        if inspect.isfunction(thing):
            parameters = inspect.signature(thing).parameters
            assert all(parameter in doc.partition("Parameters\n")[2] for parameter in parameters), name
            assert ("Raises\n------" in doc) == (name not in ("set_style", "processor_has_bfloat16")), name


def test_unknown_name_says_what_there_is():
    with pytest.raises(AttributeError, match=r"mnist_helpers has no 'load_minst'; it offers .*load_mnist"):
        mnist_helpers.load_minst  # noqa: B018
    assert dir(mnist_helpers) == sorted(mnist_helpers.__all__)


def test_no_module_imports_a_private_name():
    for file in Path(mnist_helpers.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not [alias.name for alias in node.names if alias.name.startswith("_")], file


@pytest.mark.parametrize(
    ("text", "limit", "answer"),
    [
        ("model name\t: EPYC\nflags\t\t: fpu avx512_bf16 sse\nbugs\t: x\n", "ALL", True),
        ("flags : amx_bf16", "AVX2", False),  # oneDNN is told to use older instructions only
        ("flags : avx512f avx512_bf16x\nbugs : amx_bf16\n", "ALL", False),
        ("model name : another system\n", "ALL", None),
        (None, "ALL", None),
    ],
)
def test_bfloat16_is_looked_up_in_the_flags(tmp_path, monkeypatch, text, limit, answer):
    file = tmp_path / "cpuinfo"
    if text:
        file.write_text(text)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setattr(startup, "CPU_INFORMATION", file)
    assert processor_has_bfloat16() is answer


def test_only_the_block_is_quiet_and_only_if_it_succeeds(python):
    result = python(
        "import os, sys\n"
        "from mnist_helpers import quiet_start\n"
        "before = set(os.listdir('/dev/fd'))\n"
        "sys.stderr.write('before ')\n"
        "with quiet_start():\n"
        "    sys.stderr.write('within ')\n"
        "    os.write(2, b'within ')\n"
        "sys.stderr.write('after ')\n"
        "print(before == set(os.listdir('/dev/fd')), os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
        "with quiet_start():\n"
        "    os.write(2, b'the reason ')\n"
        "    import no_such_module\n",
        TF_CPP_MIN_LOG_LEVEL="0",
        PYTHONUNBUFFERED="",  # so that stderr has a buffer, to empty before and after
    )
    assert result.stdout == "True 0\n"  # no file is left open; what the user has set is kept
    assert result.stderr.startswith("before after the reason Traceback")


def test_keras_starts_without_scikit_learn_which_can_be_loaded_afterwards(python):
    result = python(
        "import sys\n"
        "from mnist_helpers import quiet_start\n"
        "with quiet_start():\n"
        "    import keras\n"
        "print(any(name.startswith('sklearn') for name in sys.modules))\n"
        "from sklearn.datasets import load_digits\n"
        "with quiet_start():\n"
        "    from sklearn.utils import shuffle\n"
    )
    assert (result.returncode, result.stdout) == (0, "False\n")


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


def test_start_works_without_stderr(python):
    result = python(
        "import os, sys\n"
        "from mnist_helpers import quiet_start\n"
        "sys.stderr = None\n"
        "os.close(2)\n"
        "with quiet_start():\n"
        "    print('started')"
    )
    assert result.stdout == "started\n"


@pytest.mark.parametrize(
    ("settings", "backend", "message"),
    [
        ('{"floatx": "float16"}', "", r"floatx 'float16', .* 'float32': change it in the file .*keras\.json"),
        ('{"image_data_format": "channels_first"}', "", "image_data_format 'channels_first'"),
        ('{"backend": "jax"}', "", "backend 'jax', .* needs 'tensorflow': change it in the file"),
        ("", "numpy", "backend 'numpy', .* variable KERAS_BACKEND, and restart the kernel"),
        # What Keras overrides or ignores is fine.
        ('{"backend": "jax"}', "tensorflow", None),
        ("{broken", "", None),
        ("[]", "", None),
    ],
)
def test_wrong_settings_of_keras_are_named(tmp_path, monkeypatch, settings, backend, message):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", backend)
    (tmp_path / "keras.json").write_text(settings)
    if message is None:
        with quiet_start():
            return
    with pytest.raises(RuntimeError, match=message), quiet_start():
        pytest.fail("TensorFlow would have been started")
