"""Dask distributed, as far as sweeps and verifications use it."""

import asyncio
import concurrent.futures
import contextlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dmfbook.workflow.sweeps.versions import check_equal, fingerprint, versions
from dmfbook.workflow.system.errors import BookError, BuildError
from dmfbook.workflow.system.temporary import TemporaryFolder

INSTALL = "pip install '.[sweep]', in the folder that holds pyproject.toml"
# Seconds for a scheduler to answer, and for its first worker.
_PATIENCE = 30
# Dask asks each worker a hundred times a second what it does and fifty times whether it is late;
# each time that interrupts the work, and nobody looks.
_UNWATCHED = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}


class Lost(Exception):
    """The machines failed a task, not the task itself: each worker that had it died."""


@contextlib.contextmanager
def workers(address: str | None) -> Iterator[Any]:
    """Connect to a scheduler, or start one here with a worker for each core and one more.

    A worker waits some tenths of a second in each run for its kernel; the one more works meanwhile.

    Parameters
    ----------
    address : str or None
        Address of a running scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    distributed.Client
        Connected; all workers have our versions.

    Raises
    ------
    BookError
        If Dask is not installed, no scheduler answers, it has no worker, or one has other versions.
    """
    try:
        import dask
        from dask.system import CPU_COUNT
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        message = f"many runs at once need {error.name}; install it with: {INSTALL}"
        raise BookError(message) from None
    for name in ("distributed", "distributed.client", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if address is None:
            folder = TemporaryFolder()
            stack.callback(folder.remove)
            with dask.config.set(_UNWATCHED):
                local = LocalCluster(
                    n_workers=CPU_COUNT + 1,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",  # whichever is free; nobody looks
                    local_directory=str(folder.path),
                    silence_logs=logging.CRITICAL,
                )
            stack.callback(local.close, timeout=_PATIENCE)
        try:
            client = Client(local if address is None else address, timeout=_PATIENCE)
            stack.callback(client.close, timeout=_PATIENCE)
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (TimeoutError, OSError, ValueError) as error:
            raise BookError(f"no scheduler with a worker at {address}: {error}") from None
        check_equal(client.run(versions))
        yield client


def spread(
    client: Any, function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Call a function on the workers, and yield what it returns as it is done.

    Only a few calls for each worker wait at the scheduler, so there may be millions. A worker that
    dies takes nothing along but the calls that it was at: they go to another one.

    Parameters
    ----------
    client : distributed.Client
        What `workers` yields.
    function : callable
        A function that workers can import.
    jobs : iterable of tuple
        Arguments of each call.

    Yields
    ------
    job : tuple
        The arguments.
    outcome : object
        What the function returned; a `Lost` where all workers that tried died.

    Raises
    ------
    BuildError
        If the scheduler is gone, or a worker that came later has other versions.
    """
    from distributed import KilledWorker, as_completed
    from distributed.comm import CommClosedError

    lost = CommClosedError, TimeoutError, asyncio.CancelledError, concurrent.futures.CancelledError
    ahead = iter(jobs)
    pending: dict[str, tuple[Any, ...]] = {}
    queue = as_completed()

    def submit() -> None:
        room = 2 * max(1, sum(client.nthreads().values())) - len(pending)
        for job in itertools.islice(ahead, max(0, room)):
            future = client.submit(_answer, function, job, pure=False)
            pending[future.key] = job
            queue.add(future)

    try:
        submit()
        for future in queue:
            job = pending.pop(future.key)
            try:
                theirs, outcome = future.result()
            except KilledWorker as error:
                theirs, outcome = fingerprint(), Lost(str(error))
            if theirs != fingerprint():
                check_equal(client.run(versions))
                raise BuildError("a worker had other versions, and is gone; run the same again")
            yield job, outcome
            submit()
    except lost as error:
        why = " ".join(str(error).split())
        raise BuildError(f"the scheduler is gone ({why}); run the same again to go on") from None


def _answer(function: Callable[..., Any], job: tuple[Any, ...]) -> tuple[str, Any]:
    """What runs on a worker."""
    return fingerprint(), function(*job)
