"""One process at a time in a folder of results."""

import contextlib
import fcntl
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dmfbook.workflow.system.files import check_writable, remove

# Which thread of this process holds which lock; it may take it again.
_held: dict[Path, int] = {}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process out of a folder; wait, and say so, while one is in it.

    The operating system gives a lock back when its holder ends, however it ends: a dead process
    never blocks a living one. What such a process left half written in the folder is removed.

    Parameters
    ----------
    folder : Path
        The folder, made where it is missing.

    Raises
    ------
    BookError
        If it cannot be made or written. One that exists and is read-only needs no lock.
    """
    folder = folder.resolve()
    sealed = folder.is_dir() and not os.access(folder, os.W_OK)
    if sealed or _held.get(folder) == threading.get_ident():
        yield
        return
    check_writable(folder)
    path = folder / ".lock"
    with _locked(path) as file:
        _held[folder] = threading.get_ident()
        file.truncate(0)
        file.write(f"process {os.getpid()} ({Path(sys.argv[0]).name} {' '.join(sys.argv[1:])})")
        file.flush()
        try:
            sweep(folder)
            for left in folder.glob(".*"):
                if re.fullmatch(r"\..+\.(build|source)", left.name):  # of `scratch`
                    remove(left)
            yield
        finally:
            del _held[folder]
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove files that `whole` began and a kill left; nobody else may be writing there.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    for path in folder.iterdir():
        if re.fullmatch(r"\..+\.\d+\.\w+", path.name) and path.is_file():
            path.unlink()


def _locked(path: Path) -> TextIO:
    """Open a file and lock it."""
    while True:
        file = open(path, "a+", encoding="utf-8")
        try:
            _lock(file, path.parent)
            # Its last holder removed the file? Then whoever comes now locks another one.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        print(f"waiting for {holder}, which works in {folder}", file=sys.stderr, flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:  # some network file systems have no locks
        print(f"cannot lock {folder} ({error.strerror}); run nothing else there", file=sys.stderr)
