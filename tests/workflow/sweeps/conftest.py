"""Processes of a sweep: a scheduler, its workers, and the command."""

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


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """Address of a running scheduler."""
    file = tmp_path_factory.mktemp("scheduler") / "address.json"
    options = ["--port", 0, "--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", file]
    process = _start("distributed.cli.dask_scheduler", *options)
    try:
        wait_for(file.exists, 60)
        wait_for(lambda: file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"]
    finally:
        _end(process)


@pytest.fixture
def start_worker(scheduler, tmp_path):
    """Start a worker, which has no nanny: whoever kills it, it stays dead."""
    started = []

    def start():
        place = tmp_path / f"worker-{len(started)}"
        options = ["--no-nanny", "--nthreads", 1, "--no-dashboard", "--local-directory", place]
        started.append(_start("distributed.cli.dask_worker", scheduler, *options))
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
