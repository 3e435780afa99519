"""Files that appear whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dmfbook.workflow.errors import BookError


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a temporary name beside `target`, which takes its place when the block ends well.

    Parameters
    ----------
    target : Path
        The file to write; its folder is made where it is missing.

    Yields
    ------
    Path
        What to write to. Hidden, so that Sphinx skips it, and with the ending of `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Make sure that a folder exists and takes files.

    Parameters
    ----------
    folder : Path
        The folder, made where it is missing.

    Raises
    ------
    BookError
        If it does not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise BookError(f"cannot write to {folder}: {error.strerror}") from None
