"""A start of TensorFlow without its notes about the hardware."""

import contextlib
import os
import sys
from collections.abc import Iterator


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
