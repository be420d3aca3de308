"""Start TensorFlow without its log messages about the hardware, and look up a CPU feature for notebook 07."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Silence the messages that TensorFlow and Keras print when they are imported inside this block.

    While they load, TensorFlow's libraries write messages about the processor and missing graphics cards
    straight to the process's stderr, whatever ``TF_CPP_MIN_LOG_LEVEL`` says; a notebook shows them like
    errors. Inside the block, stderr goes to the null device; Python exceptions still propagate.
    """
    # For the messages at TensorFlow's first computation, later on. A value set by the user is kept.
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
    """Whether the processor multiplies bfloat16 numbers in hardware, by AVX512-BF16 or AMX.

    Parameters
    ----------
    information : the file in which Linux lists the processor's features.

    Returns
    -------
    True or False; None if there is no such list, as on macOS and Windows. False, too, if the variable
    ``ONEDNN_MAX_CPU_ISA`` keeps TensorFlow's library from using these instructions.
    """
    if not re.search("BF16|FP16|AMX|AVX10|ALL|DEFAULT", os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()):
        return False
    if not Path(information).is_file():
        return None
    flags = re.search(r"^flags\s*:(.*)$", Path(information).read_text(encoding="utf-8"), re.MULTILINE)
    return bool({"avx512_bf16", "amx_bf16"} & set(flags[1].split())) if flags else None
