"""The hardware: a start of TensorFlow without its notes about it, and what notebook 07 asks of it."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Import TensorFlow or Keras inside this block, and it starts without a word.

    TensorFlow's libraries write notes about the processor and about missing graphics cards straight
    to the process's error stream while they load, whatever ``TF_CPP_MIN_LOG_LEVEL`` says; a notebook
    shows them like an error. The block sends that stream to nowhere; Python's exceptions pass.
    """
    # For what TensorFlow would say later, at its first computation. A value that is set is kept.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def processor_has_bfloat16(information=Path("/proc/cpuinfo")) -> bool | None:
    """Whether the processor multiplies numbers of type bfloat16 itself, by AVX512-BF16 or AMX.

    Parameters
    ----------
    information : the file in which Linux lists what the processor can do.

    Returns
    -------
    True or False; None where there is no such list, on macOS and Windows for instance.
    """
    if not Path(information).is_file():
        return None
    flags = re.search(r"^flags\s*:(.*)$", Path(information).read_text(encoding="utf-8"), re.MULTILINE)
    return bool({"avx512_bf16", "amx_bf16"} & set(flags[1].split())) if flags else None
