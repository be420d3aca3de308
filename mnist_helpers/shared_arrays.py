"""Arrays that many kernels on one machine share, as in a class: made once, mapped into each kernel's memory.

A folder of such arrays is named by the environment variable ``MNIST_HELPERS_ARRAYS``. Without it, every
kernel has arrays of its own; nothing else differs.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mnist_helpers.files import write_whole

FOLDER = "MNIST_HELPERS_ARRAYS"
ALIGNED = 64  # bytes: where TensorFlow expects an array to begin, and ends the process if it does not


class SharedArray(np.memmap):
    """An array whose memory is that of a file. What is written to it stays in this process.

    TensorFlow, which copies a numpy array before it trains on it, takes this one as it is.
    """

    def __array_wrap__(self, array, context=None, return_scalar=False):
        array = array.view(np.ndarray)  # what is computed from it is an array like any other
        return array[()] if return_scalar else array

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __tf_tensor__(self, dtype=None, name=None):
        import tensorflow as tf

        array = self.view(np.ndarray)
        mapped = self._mmap is not None and array.flags.c_contiguous and array.flags.writeable
        mapped = mapped and array.ctypes.data % ALIGNED == 0
        if mapped and dtype in (None, tf.as_dtype(array.dtype)):
            return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
        return tf.constant(array, dtype, name=name)


def save_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an existing folder, for `shared_array`."""
    with write_whole(folder) as drafts:
        for name, array in arrays.items():
            np.save(drafts / f"{name}.npy", array, allow_pickle=False)


def shared_array(name: str) -> SharedArray | None:
    """Map an array that `save_arrays` wrote; None if there is no such array on this machine."""
    file = Path(os.environ.get(FOLDER, ""), f"{name}.npy")
    if not os.environ.get(FOLDER) or not file.is_file():
        return None
    return np.load(file, mmap_mode="c", allow_pickle=False).view(SharedArray)
