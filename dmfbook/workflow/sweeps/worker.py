"""What a worker of a sweep does: one run, by the same steps as everywhere else."""

import ast
import functools
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.single import Execution, Limits, Run
from dmfbook.workflow.kernels.forked import ForkServer
from dmfbook.workflow.sources.cells import parse_cell
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.system.environment import find_fonts
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.temporary import TemporaryFolder

# What packages load only when they are used.
_LATER = {
    "matplotlib": ("matplotlib.backends.backend_svg", "PIL.GifImagePlugin", "PIL.JpegImagePlugin"),
    "myst_nb": ("myst_nb.ext.glue",),
}

_lock = threading.Lock()
_servers: dict[tuple[tuple[str, ...], bool], ForkServer] = {}


@dataclass(frozen=True)
class Outcome:
    """What came out of a run.

    Attributes
    ----------
    notebook : str
        The executed notebook; of a run that failed as far as it came, which may be nothing.
    error : str
        What went wrong; empty where nothing did.
    final : bool
        Whether the same run would end in the same way again. What took too long, or whose kernel
        died, may be a matter of the machine.
    seconds : float
        Time taken.
    """

    notebook: str
    error: str
    final: bool
    seconds: float


def run_chapter(
    chapter: Chapter,
    values: dict[str, Any],
    key: str,
    limits: Limits,
    loaded: tuple[str, ...],
    pictures: bool = True,
) -> Outcome:
    """Execute a chapter at some parameters, in a kernel that a fork server becomes.

    Nothing is read from a folder that machines would have to share, and nothing is written that
    outlives the worker; only a chapter that imports modules beside it needs its folder.

    Parameters
    ----------
    chapter : Chapter
        The chapter.
    values : dict
        Its parameters, checked.
    key : str
        What the result is certified with.
    limits : Limits
        How long it may take and how much it may show.
    loaded : tuple of str
        What the fork server loads; see `imports`.
    pictures : bool, optional
        Whether figures are drawn.

    Returns
    -------
    Outcome
        What came out, whatever happened.
    """
    start = time.perf_counter()
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    home = _home()
    book = Book(home)
    if not chapter.source.parent.is_dir():
        chapter = replace(chapter, source=home / chapter.source.name)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        run = Run(chapter, Path(folder) / chapter.source.name, values)
        server = _server(loaded, pictures) if chapter.kernel == NATIVE_KERNEL_NAME else None
        one = Execution(book, run, key, _moment(), server)
        one.kept = Path(folder) / "failed.ipynb"
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(one)
            while wait([future], timeout=0.5).not_done:
                one.enforce(limits)
            future.result()
        made = one.kept if one.fault else run.target
        notebook = made.read_text(encoding="utf-8") if made.exists() else ""
    final = not (one.overdue or "DeadKernelError" in one.fault)
    return Outcome(notebook, one.fault, final, time.perf_counter() - start)


def imports(chapter: Chapter) -> tuple[str, ...]:
    """Return the modules that a chapter's cells may import, wherever in their code.

    Parameters
    ----------
    chapter : Chapter
        The chapter.

    Returns
    -------
    tuple of str
        Names, in order; of ``from a import b`` both ``a`` and ``a.b``, which may be none. Then what
        these load only when they are used.
    """

    def names() -> Iterator[str]:
        for cell in chapter.notebook["cells"]:
            if cell["cell_type"] != "code":
                continue
            try:
                tree = parse_cell(cell["source"])
            except BookError:
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module
                    yield from (f"{node.module}.{name.name}" for name in node.names)

    found = dict.fromkeys(names())
    packages = {name.partition(".")[0] for name in found}
    return (*found, *(each for name in _LATER if name in packages for each in _LATER[name]))


def _server(loaded: tuple[str, ...], pictures: bool) -> ForkServer:
    """Return the fork server of this process for these modules; start it if it is not there."""
    which = loaded, pictures
    with _lock:
        if which not in _servers or _servers[which].ended:
            built = _home() / "_build"
            built.mkdir(exist_ok=True)
            if any(name.startswith(("matplotlib", "dmfbook.figures")) for name in loaded):
                find_fonts(built)
            _servers[which] = ForkServer(built, loaded, pictures)
        return _servers[which]


@functools.cache
def _home() -> Path:
    """Return a folder of this process alone."""
    _keep.append(TemporaryFolder())
    return _keep[-1].path


# Removed when the process ends.
_keep: list[TemporaryFolder] = []


@functools.cache
def _moment() -> cache.Moment:
    """Return when the sources of this process were written; who edits them later ends its runs."""
    return cache.moment(_home())
