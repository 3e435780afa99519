"""Temporary folders that are gone when their process has ended, even if it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TextIO

_PREFIX = "dmfbook-"


class TemporaryFolder:
    """A folder of this process, which holds a lock in it as long as it lives.

    Nobody removes a folder for a process that is killed. So each that is made first removes those
    whose lock is free.

    Parameters
    ----------
    home : Path, optional
        Where; in the folder for temporary files without it.
    """

    def __init__(self, home: Path | None = None) -> None:
        place = home or Path(tempfile.gettempdir())
        clear(place)
        self._folder = tempfile.TemporaryDirectory(
            prefix=_PREFIX, dir=place, ignore_cleanup_errors=True
        )
        self._alive = mark(Path(self._folder.name))

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self._folder.name)

    def remove(self) -> None:
        """Remove the folder now."""
        self._alive.close()
        self._folder.cleanup()


def mark(folder: Path) -> TextIO:
    """Lock a file in a folder until this process ends, however it ends.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    file
        Open; the lock is free when it is closed.
    """
    file = open(folder / "born", "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    # Whoever finds it by its name finds it locked.
    os.rename(folder / "born", folder / "alive")
    return file


def clear(home: Path) -> None:
    """Remove the folders whose process was killed: the lock in them is free.

    Parameters
    ----------
    home : Path
        Where they are.
    """
    for path in home.glob(f"{_PREFIX}*/alive"):
        with contextlib.suppress(OSError), open(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)
