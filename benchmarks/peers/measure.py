"""One run of a tool: its answer, its cost, and how far it is off."""

import gc
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

import dmfbook as dmf
from benchmarks.peers.case import Answer, Case, Tool
from benchmarks.peers.grid import Network
from benchmarks.peers.tools import TOOLS

SECONDS = 15
COLUMNS = (
    "family",
    "size",
    "tool",
    "setting",
    "precision",
    "seed",
    "quantity",
    "exact",
    "exact_promised",
    "value",
    "error",
    "error_promised",
    "claimed",
    "converged",
    "products",
    "cpu_seconds",
    "wall_seconds",
    "failure",
)


def rows(
    network: Network, known: dmf.KnownNetwork, name: tuple[str, str], precision: str, seed: int
) -> Iterator[dict[str, object]]:
    """The rows of one run, one for each quantity."""
    tool = TOOLS[name]
    case = Case(known, precision, seed, network.asked)
    costs: dict[str, object] = {}
    answer, failure = None, ""
    if precision not in tool.precisions:
        failure = f"works in {' and '.join(tool.precisions)} only"
    else:
        try:
            answer, costs = timed(tool, case)
        except Exception as error:
            failure = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
    base = dict.fromkeys(COLUMNS, "") | {
        "family": network.family,
        "size": network.size,
        "tool": name[0],
        "setting": name[1],
        "precision": precision,
        "seed": seed,
        "failure": failure,
    }
    for place, quantity in enumerate(network.quantities(name)):
        exact, promised = exact_values(known, tool, quantity, place)
        row = base | costs | {"quantity": quantity, "exact": exact, "exact_promised": promised}
        yield row | (compared(answer, place, exact, promised) if answer else {})


def exact_values(
    known: dmf.KnownNetwork, tool: Tool, quantity: str, place: int
) -> tuple[float, float]:
    """What is asked for, and what the tool promises in its stead."""
    if quantity == "density":
        return known.trace, known.trace
    exact = float(known.top(place + 1)[place])
    if tool.promise == "largest":
        return exact, exact
    ends = np.concatenate([known.top(place + 1), known.bottom(place + 1)])
    return exact, float(ends[np.argsort(-np.abs(ends), kind="stable")][place])


def compared(answer: Answer, place: int, exact: float, promised: float) -> dict[str, object]:
    """The answer beside the exact values; errors are relative, of a density its distance."""
    value = answer.values[place]
    found: dict[str, object] = {"value": value}
    if answer.distance is not None:
        found |= {"error": answer.distance, "error_promised": answer.distance}
    else:
        found["error"] = abs(value - exact) / abs(exact)
        found["error_promised"] = abs(value - promised) / abs(promised)
    if answer.claimed is not None:
        found["claimed"] = answer.claimed
    if answer.converged is not None:
        found["converged"] = int(answer.converged)
    if not np.isfinite(value):
        found["failure"] = "the answer is not finite"
    return found


def timed(tool: Tool, case: Case) -> tuple[Answer, dict[str, object]]:
    """The answer and what it cost; making the module and compiling cost nothing here."""
    with prepared(tool, case) as run:
        case.products, wall, processor = 0, time.perf_counter(), time.process_time()
        answer = run()
        costs: dict[str, object] = {
            "cpu_seconds": time.process_time() - processor,
            "wall_seconds": time.perf_counter() - wall,
        }
    products = case.products if answer.products is None else answer.products
    return answer, costs | ({"products": products} if products else {})


@contextmanager
def prepared(tool: Tool, case: Case) -> Iterator[Callable[[], Answer]]:
    """The call that is measured, ready to be made, in silence and for a limited time."""
    with limited(SECONDS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = tool.prepare(case)
        gc.collect()
        yield run


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Stop what takes too long, in processor time."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"stopped after {seconds} seconds of processor time")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
