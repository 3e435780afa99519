"""One execution of a chapter by papermill, which can be watched, limited and stopped."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmfbook.workflow.execution import cache, results
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.system.errors import BookError, of_system, shortened
from dmfbook.workflow.system.files import whole

if TYPE_CHECKING:
    from dmfbook.workflow.kernels.forked import ForkServer

# For what has a limit of ours; theirs would end a good execution on a machine that is busy.
_NEVER = 10**8


@dataclass(frozen=True)
class Limits:
    """How long an execution may take and how much it may show; what exceeds that is killed.

    Attributes
    ----------
    cell : float
        Seconds for each cell.
    run : float
        Seconds for all cells of a chapter together, with the start of its kernel; and for Sphinx.
    output : float
        Megabytes that a cell may show, as the kernel sends them.
    """

    cell: float = 3600
    run: float = 4 * 3600
    output: float = 100


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


class Execution:
    """One execution, which can be watched and told to stop.

    Parameters
    ----------
    book : Book
        The book, for its folder ``_build``.
    run : Run
        What to execute.
    key : str
        What the result is certified with; see `cache.key`.
    before : dict
        What `cache.moment` returned before.
    server : ForkServer, optional
        What becomes the kernel, where the chapter asks for none of its own.
    """

    def __init__(
        self,
        book: Book,
        run: Run,
        key: str,
        before: cache.Moment,
        server: "ForkServer | None" = None,
    ) -> None:
        self.book, self.run, self.key, self.before = book, run, key, before
        self.server = server
        self.kept = book.built / "failed" / f"{run.chapter.name}{spelled(run.values)}.ipynb"
        self.stopped = threading.Event()
        self.overdue = self.raised = self.fault = ""
        self.kernel: Any = None
        self.notebook: Any = None
        self.heard = 0
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
                    self._papermill()
                except Exception:
                    if not self.stopped.is_set() and self.notebook is not None:
                        self._write(self.kept)
                    raise
                self._write(partial)
        except Exception as error:  # a failure of one chapter must not hide the others
            at = f"{self.place}, `{self.line}`\n  " if self.place else ""
            why = self.overdue or self.raised or _in_words(error)
            self.fault = f"{at}{why}"
            where = f"\n  executed copy: {self.kept}" if self.kept.exists() else ""
            return f"{self.title}: {self.fault}{where}"
        finally:
            self.notebook = None
            self.ended = time.monotonic()
            _close_event_loop()
        return None

    def stop(self) -> None:
        """Kill the kernel; to be called again, since one that is only starting cannot be killed."""
        self.stopped.set()
        if self.kernel is not None:
            self.kernel.kill()

    def enforce(self, limits: Limits) -> None:
        """Kill the kernel of what takes too long or shows too much."""
        now = time.monotonic()
        if self.kernel is not None and self.kernel.received - self.heard > 1e6 * limits.output:
            self.overdue = f"shows more than {limits.output:g} MB; see the option --output-limit"
        elif self.cell_began is not None and now - self.cell_began > limits.cell:
            self.overdue = f"ran longer than {limits.cell:g} s; see the option --cell-limit"
        elif self.began is not None and now - self.began > limits.run:
            self.overdue = f"the chapter ran {limits.run:g} s; see the option --run-limit"
        if self.overdue and self.kernel is not None:
            self.kernel.kill()

    def _papermill(self) -> None:
        import nbformat
        import papermill

        from dmfbook.workflow.execution import engine
        from dmfbook.workflow.kernels.manager import AsyncBookKernel

        class Kernel(AsyncBookKernel):
            """Papermill makes the kernel itself; this tells which."""

            def __init__(kernel, **kwargs: Any) -> None:
                super().__init__(self.book.built, self.server, **kwargs)
                self.kernel = kernel

        papermill.execute_notebook(
            nbformat.reads(json.dumps(self.run.chapter.notebook), as_version=4),
            None,
            engine_name=engine.NAME,
            on_start=self._note_start,
            parameters=self.run.values,
            kernel_name=self.run.chapter.kernel,
            language="python",
            progress_bar=False,
            kernel_manager_class=Kernel,
            resources={"metadata": {"path": str(self.run.chapter.source.parent)}},
            record_timing=False,
            start_timeout=_NEVER,
            iopub_timeout=_NEVER,
            on_cell_execute=self._note_cell,
            on_cell_executed=self._note_end,
        )
        self.place = ""
        cache.check_unchanged(self.book.root, self.before)
        results.clean(self.notebook)
        try:
            results.check(self.notebook, self.server is None or self.server.pictures)
        except results.Refused as fault:
            self._note_cell(self.notebook.cells[fault.index], fault.index)
            raise

    def _write(self, path: Path) -> None:
        """Write the notebook as far as it is executed; certified, if it is good."""
        import nbformat

        notebook = json.loads(nbformat.writes(self.notebook))
        good = path != self.kept
        if good:
            cache.certify(notebook, self.key)
        text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        # A cell that was killed may have shown half of a character.
        path.write_text(text, encoding="utf-8", errors="strict" if good else "replace")

    def _note_start(self, notebook: Any) -> None:
        self.notebook = notebook

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
        self.heard = self.kernel.received
        self.cell_began = time.monotonic()

    def _note_end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self.cell_began = None
        self.done += 1
        reply = execute_reply["content"]
        results.check_end(cell, cell_index, reply)
        if reply["status"] == "error":
            # What papermill says of it may be nothing: a cell can hide its own traceback.
            self.raised = shortened(f"{reply['ename']}: {reply['evalue']}".strip())


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
