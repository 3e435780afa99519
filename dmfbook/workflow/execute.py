"""Execution of chapters by papermill: two at a time, only those that changed."""

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmfbook.workflow import cache, results
from dmfbook.workflow.environment import find_fonts
from dmfbook.workflow.errors import BookError, BuildError, of_system, shortened
from dmfbook.workflow.files import check_writable, whole
from dmfbook.workflow.notebooks import Book, Chapter

AT_A_TIME = 2


@dataclass(frozen=True)
class Limits:
    """How long an execution may take, in seconds; what takes longer is killed.

    Attributes
    ----------
    cell : float
        For each cell.
    run : float
        For all cells of a chapter together, and for the start of its kernel.
    """

    cell: float = 3600
    run: float = 4 * 3600


NO_HURRY = Limits()


@dataclass(frozen=True)
class Run:
    """A chapter to execute.

    Attributes
    ----------
    chapter : Chapter
        What to execute.
    target : Path
        Where the executed notebook goes.
    values : dict
        Parameters to set, checked by `Chapter.check`. Where there are none, papermill injects no
        cell and the page shows the defaults alone.
    """

    chapter: Chapter
    target: Path
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The chapter's name and the parameters that are set."""
        return " ".join(
            [self.chapter.name, *(f"{name}={value!r}" for name, value in self.values.items())]
        )


def execute(book: Book, runs: Iterable[Run], limits: Limits = NO_HURRY) -> list[Run]:
    """Execute what is not in the cache.

    A run is in the cache if its target was executed from the same cells with the same parameters,
    the same sources of `dmfbook`, lock and interpreter, and was not edited since. Targets appear
    complete or not at all, and only if the execution is good; see `results.check`.

    Parameters
    ----------
    book : Book
        The book, for its lock and its folder ``_build/failed``.
    runs : iterable of Run
        What is wanted.
    limits : Limits, optional
        How long each may take.

    Returns
    -------
    list of Run
        Those that were executed now.

    Raises
    ------
    BookError
        If a kernel is missing or a target cannot be written; nothing is executed.
    BuildError
        If a cell failed, took too long or is not good, or if `dmfbook` was edited meanwhile. The
        other runs are finished first, and the executed copy is kept.
    """
    before = cache.moment(book.root)
    around = cache.surroundings(book.root)
    keyed = [(run, cache.key(run.chapter, run.values, around)) for run in runs]
    stale = [(run, key) for run, key in keyed if cache.stored_key(run.target) != key]
    if not stale:
        return []
    failed = book.built / "failed"
    # jupyter_client and papermill take half a second to import: only when they are needed.
    from dmfbook.workflow.kernels import kernel_spec

    for name in {run.chapter.kernel for run, _ in stale}:
        kernel_spec(name)
    for folder in dict.fromkeys([*(run.target.parent for run, _ in stale), failed]):
        check_writable(folder)
    if any("matplotlib" in json.dumps(run.chapter.notebook) for run, _ in stale):
        find_fonts(book.built)
    failures = _execute_all([_Execution(book, run, key, before) for run, key in stale], limits)
    if failures:
        raise BuildError(
            f"{len(failures)} of {len(stale)} executions failed\n\n" + "\n\n".join(failures)
        )
    return [run for run, _ in stale]


def spelled(values: Mapping[str, Any]) -> str:
    """Return the end of a name for results at these parameters, another one for others.

    Parameters
    ----------
    values : mapping of str to object
        Parameters that are set.

    Returns
    -------
    str
        A dash and eight hexadecimal digits; empty where none is set.
    """
    text = repr(sorted(values.items()))
    return f"-{hashlib.sha256(text.encode()).hexdigest()[:8]}" if values else ""


def variation_runs(book: Book) -> list[Run]:
    """Return a run, into ``_build/variations``, for each parameter set of ``variations.yml``.

    Parameters
    ----------
    book : Book
        The book.

    Returns
    -------
    list of Run
        To be handed to `execute`.

    Raises
    ------
    BookError
        If the file is at fault; see `Book.variations`.
    """
    runs = {}
    for chapter, values in book.variations():
        target = book.built / "variations" / f"{chapter.name}{spelled(values)}.ipynb"
        runs[target] = Run(chapter, target, values)
    return list(runs.values())


class _Execution:
    """One execution, which can be watched and told to stop."""

    def __init__(self, book: Book, run: Run, key: str, before: cache.Moment) -> None:
        self.book, self.run, self.key, self.before = book, run, key, before
        self.kept = book.built / "failed" / f"{run.chapter.name}{spelled(run.values)}.ipynb"
        self.stopped = threading.Event()
        self.overdue = ""
        self.kernel: Any = None
        # What `Progress` shows.
        self.title = run.title
        self.cells = sum(
            cell["cell_type"] == "code" and bool(cell["source"].strip())
            for cell in run.chapter.notebook["cells"]
        )
        self.done = 0
        self.place = self.line = ""
        self.began: float | None = None
        self.cell_began: float | None = None
        self.ended: float | None = None

    def __call__(self) -> str | None:
        """Execute; return None, or what went wrong in words for a person."""
        self.began = time.monotonic()
        self.kept.unlink(missing_ok=True)
        try:
            with whole(self.run.target) as partial:
                try:
                    self._papermill(partial)
                except Exception:
                    if not self.stopped.is_set() and partial.exists():
                        os.replace(partial, self.kept)
                    raise
        except Exception as error:  # a failure of one chapter must not hide the others
            at = f"{self.place}, `{self.line}`\n  " if self.place else ""
            where = f"\n  executed copy: {self.kept}" if self.kept.exists() else ""
            return f"{self.title}: {at}{self.overdue or _in_words(error)}{where}"
        finally:
            self.ended = time.monotonic()
            _close_event_loop()
        return None

    def stop(self) -> None:
        """Kill the kernel; to be called again, since one that is only starting cannot be killed."""
        self.stopped.set()
        if self.kernel is not None:
            self.kernel.kill()

    def enforce(self, limits: Limits) -> None:
        """Kill the kernel of what takes too long."""
        now = time.monotonic()
        if self.cell_began is not None and now - self.cell_began > limits.cell:
            self.overdue = f"ran longer than {limits.cell:g} s; see the option --cell-limit"
        elif self.began is not None and now - self.began > limits.run:
            self.overdue = f"the chapter ran {limits.run:g} s; see the option --run-limit"
        if self.overdue and self.kernel is not None:
            self.kernel.kill()

    def _papermill(self, partial: Path) -> None:
        import nbformat
        import papermill

        from dmfbook.workflow.kernels import AsyncBookKernel

        class Kernel(AsyncBookKernel):
            """Papermill makes the kernel itself; this tells which."""

            def __init__(kernel, **kwargs: Any) -> None:
                super().__init__(self.book.built, **kwargs)
                self.kernel = kernel

        executed = papermill.execute_notebook(
            nbformat.reads(json.dumps(self.run.chapter.notebook), as_version=4),
            # papermill formats the path with the parameters; a brace must stand for itself.
            str(partial).replace("{", "{{").replace("}", "}}"),
            parameters=self.run.values,
            kernel_name=self.run.chapter.kernel,
            language="python",
            progress_bar=False,
            kernel_manager_class=Kernel,
            resources={"metadata": {"path": str(self.run.chapter.source.parent)}},
            record_timing=False,
            on_cell_execute=self._note_cell,
            on_cell_executed=self._note_end,
        )
        self.place = ""
        cache.check_unchanged(self.book.root, self.before)
        results.clean(executed)
        try:
            results.check(executed)
        except results.Refused as fault:
            self._note_cell(executed.cells[fault.index], fault.index)
            raise
        notebook = json.loads(nbformat.writes(executed))
        cache.certify(notebook, self.key)
        text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
        partial.write_text(text + "\n", encoding="utf-8")

    def _note_cell(self, cell: Any, cell_index: int) -> None:
        declared = [
            "parameters" in declaring["metadata"].get("tags", [])
            for declaring in self.run.chapter.notebook["cells"]
        ].index(True)
        # Number as in the source, which has no cell that papermill injects behind that one.
        injected = bool(self.run.values) and cell_index > declared
        self.place = f"cell {cell_index + 1 - injected}"
        lines = (line.strip() for line in cell.source.splitlines())
        self.line = shortened(next(filter(None, lines), ""), 100)
        self.cell_began = time.monotonic()

    def _note_end(self, **_: Any) -> None:
        self.cell_began = None
        self.done += 1


def _execute_all(executions: list[_Execution], limits: Limits) -> list[str]:
    """Execute two at a time; on Ctrl-C kill the kernels before the interrupt goes on."""
    from dmfbook.workflow.progress import Progress

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with Progress(executions) as progress, ThreadPoolExecutor(AT_A_TIME) as pool:
        futures: list[Future[str | None]] = [pool.submit(one) for one in executions]
        try:
            while wait(futures, timeout=0.5).not_done:
                for one in executions:
                    one.enforce(limits)
                progress.show()
        except BaseException:
            for future in futures:
                future.cancel()
            _stop(executions, futures)
            raise
    return [message for future in futures if (message := future.result())]


def _stop(executions: list[_Execution], futures: list[Future[str | None]]) -> None:
    """Kill all kernels and wait for their threads, however often somebody presses Ctrl-C."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            for one in executions:
                one.stop()
            if not wait(futures, timeout=0.2).not_done:
                return


def _close_event_loop() -> None:
    """Close the event loop that nbclient opened in this thread; nothing else would."""
    from jupyter_core.utils import ensure_event_loop

    ensure_event_loop().close()


def _in_words(error: Exception) -> str:
    if isinstance(error, (results.Refused, BookError)):
        return str(error)
    if isinstance(error, OSError):
        return of_system(error)
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name is None:
        name, value = type(error).__name__, str(error)
    # An exception may quote all that it was given.
    return shortened(f"{name}: {value}".strip())
