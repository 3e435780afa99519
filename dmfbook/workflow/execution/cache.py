"""When an executed notebook is still good: its key is a hash of all that it depends on."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dmfbook
from dmfbook.workflow.sources.notebooks import Chapter
from dmfbook.workflow.system.environment import identity
from dmfbook.workflow.system.errors import BuildError
from dmfbook.workflow.system.files import read_text

PACKAGE = Path(dmfbook.__file__).parent

# Stands in each folder of pages that we make: what is in it, and for which sources.
_STAMP = ".dmfbook.json"

# Inode, size and time of the last change of files; nobody can set that time back.
Moment = dict[Path, tuple[int, int, int]]

# What changes without a change of what is run: outputs, and the times papermill and Jupyter record.
_NOISE = ("outputs", "execution_count", "id")
# A path in a string: names, and folders between slashes; of a file with an ending, as data have.
_PATH = re.compile(r"""["']((?:[\w.-]+/)*[\w-]+\.\w+)["']""")
_METADATA_NOISE = ("papermill", "execution", "collapsed", "ExecuteTime")


def surroundings(root: Path) -> str:
    """Hash what every chapter depends on besides its own cells.

    Parameters
    ----------
    root : Path
        Root of the book, where ``requirements.txt`` stands.

    Returns
    -------
    str
        A hexadecimal digest of the sources of `dmfbook` and where they are, of the lock, and of the
        interpreter and its environment.
    """
    lock = root / "requirements.txt"
    locked = read_text(lock) if lock.is_file() else ""
    content = [str(PACKAGE), digest(PACKAGE, sorted(PACKAGE.rglob("*.py"))), locked]
    return hashlib.sha256(json.dumps(content + identity(locked)).encode()).hexdigest()


def moment(root: Path) -> Moment:
    """Note when what every chapter depends on was last written, to see whether it changes.

    Parameters
    ----------
    root : Path
        Root of the book.

    Returns
    -------
    dict of Path to tuple of ints
        Of each source of `dmfbook`, of each module beside a chapter, and of the lock: inode, size,
        and time of the last change.
    """
    modules = [*PACKAGE.rglob("*.py"), *(root / "book").rglob("*.py")]
    files = [*modules, root / "requirements.txt"]
    states = {path: path.stat() for path in files if path.is_file()}
    return {path: (now.st_ino, now.st_size, now.st_ctime_ns) for path, now in states.items()}


def check_unchanged(root: Path, before: Moment) -> None:
    """Make sure that what every chapter depends on is as it was.

    Parameters
    ----------
    root : Path
        Root of the book.
    before : dict
        What `moment` returned when the work began.

    Raises
    ------
    BuildError
        If a file changed; names it.
    """
    now = moment(root)
    changed = [path for path in before | now if before.get(path) != now.get(path)]
    if changed:
        raise BuildError(
            f"{changed[0]} was edited during the build, so it is not known what was built; run again"
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
    files = [_modules(chapter.source), _data(chapter)]
    content = [cells, _kernel(chapter.kernel), files, dict(values), around]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def without_noise(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a cell without recorded times and empty tags."""
    return {
        name: entry
        for name, entry in metadata.items()
        if name not in _METADATA_NOISE and not (name == "tags" and not entry)
    }


def certify(notebook: dict[str, Any], key: str) -> None:
    """Write into an executed notebook under which key, and what its content is.

    Parameters
    ----------
    notebook : dict
        The notebook as JSON gives it; changed in place.
    key : str
        The result of `key`.
    """
    notebook["metadata"].pop("dmfbook", None)
    notebook["metadata"]["dmfbook"] = {"key": key, "content": _content(notebook)}


def stored_key(executed: Path) -> str | None:
    """Return the key under which a notebook was executed.

    Parameters
    ----------
    executed : Path
        An executed notebook, which need not exist.

    Returns
    -------
    str or None
        The key; None where there is none, or the notebook was edited since.
    """
    try:
        notebook = json.loads(executed.read_bytes())
        stored = notebook["metadata"].pop("dmfbook")
        return stored["key"] if stored["content"] == _content(notebook) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def stamp(folder: Path, key: str) -> None:
    """Write into a folder of pages under which key, and what its files are.

    Parameters
    ----------
    folder : Path
        The folder, complete.
    key : str
        A digest of all that the pages depend on.
    """
    content = {"key": key, "files": _files(folder)}
    (folder / _STAMP).write_text(json.dumps(content), encoding="utf-8")


def stamped_key(folder: Path) -> str | None:
    """Return the key under which a folder of pages was built.

    Parameters
    ----------
    folder : Path
        The folder, which need not exist.

    Returns
    -------
    str or None
        The key; None where there is none, or a file was changed, added or deleted since.
    """
    stored = _stamped(folder)
    return stored["key"] if stored["files"] == _files(folder) else None


def is_ours(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what was stamped, even if some of it is gone.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True also where it is empty.
    """
    return folder.is_dir() and _files(folder).items() <= _stamped(folder)["files"].items()


def _kernel(name: str) -> list[Any]:
    """Say what a kernel is: the running interpreter, which `surroundings` knows, or another."""
    if name == "python3":
        return [name]
    from dmfbook.workflow.kernels.manager import kernel_spec

    return [name, kernel_spec(name).to_dict()]


def _modules(source: Path) -> str:
    """Hash the modules and packages that a chapter finds beside it."""
    folder = source.parent
    packages = (path.parent for path in folder.glob("*/__init__.py"))
    inner = (path for package in packages for path in package.rglob("*.py"))
    return digest(folder, sorted([*folder.glob("*.py"), *inner]))


def _data(chapter: Chapter) -> dict[str, str]:
    """Hash the files that the code of a chapter names, by their paths from where it stands."""
    code = ["".join(c["source"]) for c in chapter.notebook["cells"] if c["cell_type"] == "code"]
    names = {name for cell in code for name in _PATH.findall(cell)}
    places = {name: chapter.source.parent / name for name in sorted(names)}
    return {name: _file(place) for name, place in places.items() if place.is_file()}


def _stamped(folder: Path) -> dict[str, Any]:
    try:
        stored = json.loads((folder / _STAMP).read_bytes())
        return {"key": str(stored["key"]), "files": dict(stored["files"])}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {"key": None, "files": {}}


def _files(folder: Path) -> dict[str, str]:
    """Hash each file below a folder, but the hidden ones that file managers leave."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    names = {path.relative_to(folder).as_posix(): path for path in found if path.name[0] != "."}
    return {name: _file(path) for name, path in sorted(names.items())}


def _file(path: Path) -> str:
    content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _content(notebook: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(notebook, sort_keys=True).encode()).hexdigest()
