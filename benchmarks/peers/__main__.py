"""Measure what is missing among the stored rows: ``python -m benchmarks.peers``."""

import json
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version

import threadpoolctl
import torch

from benchmarks.peers import grid, measure, stored
from benchmarks.peers.tools import TOOLS

PACKAGES = (
    "dmfbook",
    "PyHessian",
    "hessian-eigenthings",
    "curvlinops-for-pytorch",
    "torch",
    "jax",
    "matfree",
    "scipy",
    "numpy",
)
KEY = ("family", "size", "tool", "setting", "precision", "seed")


def main() -> None:
    """Write the header, then the rows of each network, as soon as they are measured."""
    torch.set_num_threads(1)
    about = json.dumps(header(), indent=1) + "\n"
    if stored.ROWS.exists() and stored.HEADER.read_text(encoding="utf-8") != about:
        raise SystemExit(f"{stored.ROWS} has other versions, networks or machine; remove it first")
    stored.HEADER.write_text(about, encoding="utf-8")
    with stored.table(stored.ROWS, measure.COLUMNS, KEY) as (done, write):
        for seed in range(max(grid.SEEDS.values())):  # outermost: a run cut short has whole seeds
            start = time.process_time()
            for network in grid.networks():
                write(list(measured(network, seed, done)))
            print(f"seed {seed}: {time.process_time() - start:.0f} s", flush=True)


def measured(
    network: grid.Network, seed: int, done: set[tuple[str, ...]]
) -> Iterator[dict[str, object]]:
    """The rows of a network and a seed that are not there yet."""
    known = None
    for name in network.tools_of(seed):
        for precision in grid.PRECISIONS:
            key = (network.family, str(network.size), *name, precision, str(seed))
            if key not in done:
                known = known or network.known(seed)
                yield from measure.rows(network, known, name, precision, seed)


def header() -> dict[str, object]:
    """What the rows are about: versions, machine, networks, calls."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return {
        "columns": list(measure.COLUMNS),
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {processor()}",
        "blas": sorted(
            {f"{pool['internal_api']} {pool['version']} {pool['architecture']}" for pool in pools}
        ),
        "threads": 1,
        "seconds_at_most": measure.SECONDS,
        "precisions": list(grid.PRECISIONS),
        "networks": [network.described() for network in grid.networks()],
        "tools": [
            {"tool": name[0], "setting": name[1], "promise": tool.promise, "call": tool.call}
            for name, tool in TOOLS.items()
            if name in (*grid.EIGENVALUE_TOOLS, *grid.DENSITY_TOOLS)
        ],
    }


def processor() -> str:
    """Name of the processor, as Linux has it."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    main()
