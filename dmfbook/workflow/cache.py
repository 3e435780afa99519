"""When an executed notebook is still good: its key is a hash of all that it depends on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dmfbook
from dmfbook.workflow.notebooks import Chapter

PACKAGE = Path(dmfbook.__file__).parent

# What changes without a change of what is run: outputs, and the times papermill and Jupyter record.
_NOISE = ("outputs", "execution_count", "id")
_METADATA_NOISE = ("papermill", "execution", "collapsed", "ExecuteTime")


def surroundings(root: Path) -> str:
    """Hash what every chapter depends on: the sources of `dmfbook` and the lock.

    Parameters
    ----------
    root : Path
        Root of the book, where ``requirements.txt`` stands.

    Returns
    -------
    str
        A hexadecimal digest.
    """
    lock = root / "requirements.txt"
    return digest(PACKAGE, sorted(PACKAGE.rglob("*.py"))) + digest(
        root, [lock] if lock.is_file() else []
    )


def digest(root: Path, files: Iterable[Path]) -> str:
    """Hash files: where each stands below `root`, and what it holds.

    Parameters
    ----------
    root : Path
        A folder.
    files : iterable of Path
        Files below it.

    Returns
    -------
    str
        A hexadecimal digest.
    """
    total = hashlib.sha256()
    for path in files:
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def key(chapter: Chapter, values: Mapping[str, Any], around: str) -> str:
    """Hash everything that an executed notebook depends on.

    Parameters
    ----------
    chapter : Chapter
        Its cells count, their outputs and recorded times do not.
    values : mapping of str to object
        The parameters that are set.
    around : str
        The result of `surroundings`.

    Returns
    -------
    str
        A hexadecimal digest.
    """
    cells = [
        {name: entry for name, entry in cell.items() if name not in _NOISE}
        | {"metadata": without_noise(cell["metadata"])}
        for cell in chapter.notebook["cells"]
    ]
    content = [cells, chapter.kernel, dict(values), around]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def without_noise(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a cell without recorded times and empty tags."""
    return {
        name: entry
        for name, entry in metadata.items()
        if name not in _METADATA_NOISE and not (name == "tags" and not entry)
    }


def stored_key(executed: Path) -> str | None:
    """Return the key under which a notebook was executed, or None where there is none.

    Parameters
    ----------
    executed : Path
        An executed notebook, which need not exist.

    Returns
    -------
    str or None
        The key.
    """
    try:
        return json.loads(executed.read_text(encoding="utf-8"))["metadata"]["dmfbook"]["key"]
    except (OSError, ValueError, KeyError):
        return None
