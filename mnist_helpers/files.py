"""Write files whole, and say how to get one of the course's own files back."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def write_whole(folder: Path | str) -> Iterator[Path]:
    """Give an empty folder to write files in; at the end of the block they replace those in `folder`.

    If the block fails, `folder` stays as it was: no file is ever half written. A folder that does not
    exist is a FileNotFoundError.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder.resolve()} does not exist; create it first")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
        yield Path(draft)
        for file in Path(draft).iterdir():
            file.replace(folder / file.name)


def remedy(path: str) -> str:
    """What to do if one of the course's files, such as ``mnist_helpers/mnist.npz``, is missing or damaged."""
    return f"to get it back, download the course again, or, in a clone of it, run `git checkout -- {path}`"
