"""Measure the peak of memory that is missing among the stored ones: ``python -m benchmarks.peers.memory``.

Libraries keep memory that they have freed, and load code when it is first used. So each run has a process of its own,
a copy of one in which nothing has run; there the tool is first called on a tiny network, and then on the one in question.
"""

import ctypes
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.peers import grid, measure, stored
from benchmarks.peers.case import Case
from benchmarks.peers.tools import TOOLS

KEY = ("family", "size", "tool", "setting", "precision")
PROCESS = Path("/proc/self")
SEED = 0
# Below, a peak would say more about the libraries than about the tool.
LEAST_SIZE = 10_000
Job = tuple[grid.Network, tuple[str, str], str]


def main() -> None:
    """Write the rows, each as soon as it is measured."""
    torch.set_num_threads(1)
    with stored.table(stored.MEMORY, (*KEY, "peak_bytes"), KEY) as (done, write):
        missing = [job for job in jobs() if tuple(map(str, key(job))) not in done]
        processes = multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1)
        with processes:
            for job, peak in zip(missing, processes.imap(peak_of, missing, 1), strict=True):
                write([dict(zip(KEY, key(job), strict=True)) | {"peak_bytes": peak or ""}])


def jobs() -> Iterator[Job]:
    """What is measured: every tool on every network that is large enough, in the precisions in which it works."""
    for network in grid.networks():
        if network.size >= LEAST_SIZE:
            for name in network.tools:
                for precision in TOOLS[name].precisions:
                    yield network, name, precision


def key(job: Job) -> tuple[str, int, str, str, str]:
    """Values of `KEY`."""
    network, name, precision = job
    return network.family, network.size, *name, precision


def peak_of(job: Job) -> int | None:
    """Most bytes that a call adds to what its process holds; None if it gives no answer."""
    network, name, precision = job
    tiny = grid.networks()[0]
    try:
        measure.timed(TOOLS[name], Case(tiny.known(SEED), precision, SEED))
        with measure.prepared(
            TOOLS[name], Case(network.known(SEED), precision, SEED, network.asked)
        ) as run:
            before = start_peak()
            run()
            return memory_of("VmHWM") - before
    except Exception:
        return None


def start_peak() -> int:
    """Bytes that the process holds, from which on the peak is counted anew."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    PROCESS.joinpath("clear_refs").write_text("5")
    return memory_of("VmRSS")


def memory_of(name: str) -> int:
    """Bytes of this process by the kernel's account."""
    lines = PROCESS.joinpath("status").read_text("utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
