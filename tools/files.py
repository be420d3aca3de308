"""Folders that are built whole: a failure leaves the old one as it was, and no draft."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to write to, which takes the place of `target` at the end of the block."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as drafts:
        draft = Path(drafts, "new")
        draft.mkdir()
        yield draft
        if target.exists():
            target.rename(Path(drafts, "old"))
        draft.rename(target)
