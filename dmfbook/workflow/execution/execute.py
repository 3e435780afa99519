"""Execution of chapters by papermill: two at a time, only those that changed."""

import contextlib
import json
import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.single import NO_HURRY, Execution, Limits, Run, spelled
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.environment import find_fonts
from dmfbook.workflow.system.errors import BuildError
from dmfbook.workflow.system.files import check_writable

AT_A_TIME = 2


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
    from dmfbook.workflow.kernels.manager import kernel_spec

    for name in {run.chapter.kernel for run, _ in stale}:
        kernel_spec(name)
    for folder in dict.fromkeys([*(run.target.parent for run, _ in stale), failed]):
        check_writable(folder)
    if any("matplotlib" in json.dumps(run.chapter.notebook) for run, _ in stale):
        find_fonts(book.built)
    failures = _execute_all([Execution(book, run, key, before) for run, key in stale], limits)
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
        target = book.built / "variations" / f"{chapter.name}{spelled(values)}.ipynb"
        runs[target] = Run(chapter, target, values)
    return list(runs.values())


def _execute_all(executions: list[Execution], limits: Limits) -> list[str]:
    """Execute two at a time; on Ctrl-C kill the kernels before the interrupt goes on."""
    from dmfbook.workflow.execution.progress import Progress

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with Progress(executions) as progress, ThreadPoolExecutor(AT_A_TIME) as pool:
        # From the last: a page that gathers all others takes longest, and would run alone at the end.
        futures: list[Future[str | None]] = [pool.submit(one) for one in executions[::-1]][::-1]
        # To wait on futures takes their locks, and Ctrl-C at the wrong moment would never give one back.
        ended: SimpleQueue[Future[str | None]] = SimpleQueue()
        for future in futures:
            future.add_done_callback(ended.put)
        try:
            done = 0
            while done < len(futures):
                with contextlib.suppress(Empty):
                    ended.get(timeout=0.5)
                    done += 1
                for one in executions:
                    one.enforce(limits)
                progress.show()
        except BaseException:
            for future in futures:
                future.cancel()
            _stop(executions, futures)
            raise
    return [message for future in futures if (message := future.result())]


def _stop(executions: list[Execution], futures: list[Future[str | None]]) -> None:
    """Kill all kernels and wait for their threads, however often somebody presses Ctrl-C."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            for one in executions:
                one.stop()
            time.sleep(0.05)
            if all(future.done() for future in futures):
                return
