"""Execution of chapters by papermill: two at a time, only those that changed."""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmfbook.workflow import cache
from dmfbook.workflow.errors import BuildError
from dmfbook.workflow.files import check_writable, whole
from dmfbook.workflow.notebooks import Book, Chapter

AT_A_TIME = 2


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


def execute(book: Book, runs: Iterable[Run]) -> list[Run]:
    """Execute what is not in the cache.

    A run is in the cache if its target was executed from the same cells with the same parameters,
    the same sources of `dmfbook` and the same lock. Targets appear complete or not at all.

    Parameters
    ----------
    book : Book
        The book, for its lock and its folder ``_build/failed``.
    runs : iterable of Run
        What is wanted.

    Returns
    -------
    list of Run
        Those that were executed now.

    Raises
    ------
    BookError
        If a kernel is missing or a target cannot be written; nothing is executed.
    BuildError
        If a cell failed. The other runs are finished first, and the executed copy is kept.
    """
    around = cache.surroundings(book.root)
    keyed = [(run, cache.key(run.chapter, run.values, around)) for run in runs]
    stale = [(run, key) for run, key in keyed if cache.stored_key(run.target) != key]
    if not stale:
        return []
    failed = book.built / "failed"
    # jupyter_client and papermill take half a second to import: only when they are needed.
    from dmfbook.workflow.kernels import check_kernel

    for name in {run.chapter.kernel for run, _ in stale}:
        check_kernel(name)
    for folder in dict.fromkeys([*(run.target.parent for run, _ in stale), failed]):
        check_writable(folder)
    failures = _execute_all([_Execution(run, key, failed) for run, key in stale])
    if failures:
        raise BuildError(
            f"{len(failures)} of {len(stale)} executions failed\n\n" + "\n\n".join(failures)
        )
    return [run for run, _ in stale]


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
        spelled = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:8]
        target = book.built / "variations" / f"{chapter.name}-{spelled}.ipynb"
        runs[target] = Run(chapter, target, values)
    return list(runs.values())


class _Execution:
    """One execution, which counts its cells and can be told to stop."""

    def __init__(self, run: Run, key: str, failed: Path) -> None:
        self.run = run
        self.key = key
        suffix = f"-{key[:8]}" if run.values else ""
        self.kept = failed / f"{run.chapter.name}{suffix}.ipynb"
        self.stopped = threading.Event()
        self.at = ""

    def __call__(self, progress: Any) -> str | None:
        """Execute; return None, or what went wrong in words for a person."""
        self.kept.unlink(missing_ok=True)
        try:
            with whole(self.run.target) as partial:
                try:
                    self._papermill(partial, progress)
                except Exception:
                    if not self.stopped.is_set() and partial.exists():
                        os.replace(partial, self.kept)
                    raise
        except Exception as error:  # a failure of one chapter must not hide the others
            where = f"\n  executed copy: {self.kept}" if self.kept.exists() else ""
            return f"{self.run.title}: {self.at}{_in_words(error)}{where}"
        finally:
            _close_event_loop()
        return None

    def _papermill(self, partial: Path, progress: Any) -> None:
        import nbformat
        import papermill

        from dmfbook.workflow.kernels import BookKernel

        source = nbformat.reads(json.dumps(self.run.chapter.notebook), as_version=4)
        executed = papermill.execute_notebook(
            source,
            # papermill formats the path with the parameters; a brace must stand for itself.
            str(partial).replace("{", "{{").replace("}", "}}"),
            parameters=self.run.values,
            kernel_name=self.run.chapter.kernel,
            language="python",
            progress_bar=False,
            kernel_manager_class=BookKernel,
            resources={"metadata": {"path": str(self.run.chapter.source.parent)}},
            # Streams arrive in pieces that depend on timing; merged they are the same every time.
            coalesce_streams=True,
            record_timing=False,
            on_cell_execute=self._note_cell,
            on_cell_executed=lambda **_: progress.update(),
        )
        _clean(executed)
        executed.metadata["dmfbook"] = {"key": self.key}
        nbformat.write(executed, partial)

    def _note_cell(self, cell: Any, cell_index: int) -> None:
        declared = [
            "parameters" in declaring["metadata"].get("tags", [])
            for declaring in self.run.chapter.notebook["cells"]
        ].index(True)
        # Number as in the source, which has no cell that papermill injects behind that one.
        injected = bool(self.run.values) and cell_index > declared
        line = next((line for line in cell.source.splitlines() if line.strip()), "")
        self.at = f"cell {cell_index + 1 - injected}, `{line.strip()}`\n  "


def _execute_all(executions: list[_Execution]) -> list[str]:
    """Execute two at a time; on Ctrl-C kill the kernels before the interrupt goes on."""
    from tqdm import tqdm

    from dmfbook.workflow.kernels import kill_kernels

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with (
        tqdm(total=_cells(executions), unit="cell", desc="executing", disable=None) as progress,
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        futures: list[Future[str | None]] = [pool.submit(one, progress) for one in executions]
        try:
            return [message for future in as_completed(futures) if (message := future.result())]
        except BaseException:
            for one, future in zip(executions, futures, strict=True):
                one.stopped.set()
                future.cancel()
            # Again and again: a kernel that is only just starting cannot be killed yet.
            while wait(futures, timeout=0.2).not_done:
                kill_kernels()
            raise


def _close_event_loop() -> None:
    """Close the event loop that nbclient opened in this thread; nothing else would."""
    from jupyter_core.utils import ensure_event_loop

    ensure_event_loop().close()


def _cells(executions: list[_Execution]) -> int:
    return sum(
        cell["cell_type"] == "code" and bool(cell["source"].strip())
        for one in executions
        for cell in one.run.chapter.notebook["cells"]
    )


def _clean(notebook: Any) -> None:
    """Remove what papermill writes about itself; refuse a notebook that stopped early."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata = type(cell.metadata)(cache.without_noise(cell.metadata))
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            # papermill takes a cell that calls sys.exit() for the end of a good run.
            raise RuntimeError("ended the notebook before its last cell")


def _in_words(error: Exception) -> str:
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name is None:
        name, value = type(error).__name__, str(error)
    return f"{name}: {value}".strip()
