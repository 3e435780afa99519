"""Processes of a sweep: a scheduler, its workers, and the command."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from processes import wait_for


def _start(*arguments):
    command = [sys.executable, "-P", "-m", *map(str, arguments)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, **quiet, start_new_session=True)


def _end(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def _scheduler(folder):
    """A scheduler's process, and its address."""
    file = folder / "address.json"
    options = ["--port", 0, "--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", file]
    process = _start("distributed.cli.dask_scheduler", *options)
    try:
        wait_for(file.exists, 60)
        wait_for(lambda: file.read_text().endswith("}"))
        yield process, json.loads(file.read_text())["address"]
    finally:
        if process.poll() is None:
            _end(process)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """Address of a running scheduler."""
    with _scheduler(tmp_path_factory.mktemp("scheduler")) as (_, address):
        yield address


@pytest.fixture
def mortal_scheduler(tmp_path):
    """A scheduler of one test alone, which may kill it: its process and its address."""
    with _scheduler(tmp_path) as found:
        yield found


@pytest.fixture
def start_worker(scheduler, tmp_path):
    """Start a worker, which has no nanny: whoever kills it, it stays dead."""
    started = []

    def start(address=scheduler):
        place = tmp_path / f"worker-{len(started)}"
        options = ["--no-nanny", "--nthreads", 1, "--no-dashboard", "--local-directory", place]
        started.append(_start("distributed.cli.dask_worker", address, *options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            _end(process)


@pytest.fixture
def sweep(book):
    """Start ``dmfbook sweep`` in the miniature book."""

    def start(chapter, *arguments):
        command = [sys.executable, "-m", "dmfbook", "sweep", chapter, "--root", book.root]
        return subprocess.Popen(
            [*map(str, command), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
