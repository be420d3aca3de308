"""Start TensorFlow quietly and with the settings that the course needs, and look up a CPU feature for 07."""

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CPU_INFORMATION = Path("/proc/cpuinfo")  # where Linux lists the processor's features
KERAS_SETTINGS = {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last"}


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Silence the messages that TensorFlow and Keras print when they are imported inside this block.

    While they load, TensorFlow's libraries write messages about the processor and missing graphics cards
    straight to the process's stderr, whatever ``TF_CPP_MIN_LOG_LEVEL`` says; a notebook shows them like
    errors. Inside the block, stderr goes to a temporary file. It is shown if the block raises; if the
    process dies in the block, it stays as ``mnist_helpers_*.log`` in the folder for temporary files.

    Inside the block there is no scikit-learn, unless it is loaded already: Keras would load it for wrappers
    that no lesson uses, which takes about a fifth of its start and 40 MB of every kernel.

    Raises
    ------
    RuntimeError
        If Keras is set to another backend, number type or order of axes than the course's.
    """
    _check_keras_settings()
    # For the messages at TensorFlow's first computation, later on. A value set by the user is kept.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.ExitStack() as stack:  # undone in reverse order
        if "sklearn" not in sys.modules:
            sys.modules["sklearn"] = None  # an import of it fails
            stack.callback(sys.modules.pop, "sklearn")
        with contextlib.suppress(OSError):  # if there is no stderr, or no place for the file, go on without
            kept = os.dup(2)
            stack.callback(os.close, kept)
            log = stack.enter_context(tempfile.NamedTemporaryFile(prefix="mnist_helpers_", suffix=".log"))

            def show_after_an_error(kind, error, traceback) -> None:
                if kind:
                    log.seek(0)
                    os.write(kept, log.read())

            stack.push(show_after_an_error)
            _flush_stderr()
            os.dup2(log.fileno(), 2)
            stack.callback(os.dup2, kept, 2)
            stack.callback(_flush_stderr)
        yield


def _flush_stderr() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, broken or closed
        sys.stderr.flush()


def _check_keras_settings() -> None:
    """Look where Keras will look: a wrong backend may not be installed, and then Keras cannot be asked."""
    home = os.path.expanduser("~")
    base = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    file = Path(os.environ.get("KERAS_HOME", base), "keras.json").expanduser()
    try:
        settings = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # Keras ignores a file that it cannot read, too
        settings = {}
    for name, needed in KERAS_SETTINGS.items():
        found, place = settings.get(name, needed), f"the file {file}"
        if name == "backend" and (variable := os.environ.get("KERAS_BACKEND")):
            found, place = variable, "the environment variable KERAS_BACKEND"
        if found != needed:
            raise RuntimeError(
                f"Keras is set to {name} {found!r}, but the course needs {needed!r}: change it in {place}, "
                "and restart the kernel"
            )


def processor_has_bfloat16() -> bool | None:
    """Whether the processor multiplies bfloat16 numbers in hardware, by AVX512-BF16 or AMX.

    Returns
    -------
    True or False; None if there is no ``/proc/cpuinfo``, as on macOS and Windows. False, too, if the variable
    ``ONEDNN_MAX_CPU_ISA`` keeps TensorFlow's library from using these instructions.
    """
    if not re.search("BF16|FP16|AMX|AVX10|ALL|DEFAULT", os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()):
        return False
    if not CPU_INFORMATION.is_file():
        return None
    flags = re.search(r"^flags\s*:(.*)$", CPU_INFORMATION.read_text(encoding="utf-8"), re.MULTILINE)
    return bool({"avx512_bf16", "amx_bf16"} & set(flags[1].split())) if flags else None
