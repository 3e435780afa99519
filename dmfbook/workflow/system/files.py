"""Files and folders that appear whole or not at all, and replace nothing that is not ours."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dmfbook.workflow.system.errors import BookError


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

    Raises
    ------
    OSError
        If the file cannot be written; names `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target = target.resolve()  # a link stays a link
    partial = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        yield partial
        if target.exists():
            shutil.copymode(target, partial)
        os.replace(partial, target)
    except OSError as error:
        # A full disk is reported without a name, the rest with one that no reader has seen.
        if error.filename in (None, str(partial), partial):
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        remove(partial)


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make an empty folder, which is gone when the block ends.

    Parameters
    ----------
    folder : Path
        The folder. What a killed process left there is removed.

    Yields
    ------
    Path
        `folder`.
    """
    remove(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def put_in_place(new: Path, place: Path) -> None:
    """Replace a folder by another one that is complete.

    No system call of every platform exchanges two folders. So there is an instant without a folder
    in that place; `recover` then finds the new one, or the old one, beside it.

    Parameters
    ----------
    new : Path
        What to put there, on the same file system.
    place : Path
        What to replace, if it exists.
    """
    recover(place)
    fresh, old = _beside(place)
    try:
        os.replace(new, fresh)
        with contextlib.suppress(FileNotFoundError):
            os.replace(place, old)
        os.replace(fresh, place)
    finally:
        recover(place)


def recover(place: Path) -> None:
    """End a replacement that was interrupted, by this process or by one that is dead.

    Parameters
    ----------
    place : Path
        The folder that was to be replaced.
    """
    for beside in _beside(place):
        if beside.is_dir() and not os.path.lexists(place):
            os.replace(beside, place)
        remove(beside)


def read_text(path: Path) -> str:
    """Read a text file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        What it holds.

    Raises
    ------
    BookError
        If it cannot be read or is not UTF-8; names it.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BookError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BookError(f"{path} is not UTF-8 in line {line}; save it as UTF-8") from None


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
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"a full disk makes files and takes nothing")
    except OSError as error:
        raise BookError(f"cannot write to {folder}: {error.strerror}") from None


def _beside(place: Path) -> tuple[Path, Path]:
    """Return where the new folder waits, and where the old one is kept meanwhile."""
    return place.with_name(f".{place.name}.new"), place.with_name(f".{place.name}.old")


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there.

    Parameters
    ----------
    path : Path
        What to remove. The orphan of a killed process may still write there, for a moment.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    for patience in (0.1, 0.2, 0.4, None):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif os.path.lexists(path):  # a read-only file system refuses even to look for nothing
                path.unlink()
            return
        except OSError:
            if patience is None:
                raise
            time.sleep(patience)
