"""What runs and for how long, for the person who waits."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from tqdm import tqdm

# Seconds after which a log hears again of a cell that still runs; then after twice as many.
_PATIENCE = 60


class Watched(Protocol):
    """A chapter that is to be executed, in another thread."""

    title: str
    cells: int
    done: int
    place: str
    began: float | None
    cell_began: float | None
    ended: float | None


class Progress:
    """A bar on a terminal; elsewhere a line for each start, end and long cell.

    Parameters
    ----------
    watched : sequence of Watched
        All that is to be done.
    """

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._watched = watched
        self._terminal = sys.stderr.isatty()
        self._said: set[str] = set()
        self._bar = tqdm(
            total=sum(one.cells for one in watched), unit="cell", desc="executing", disable=None
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.show()
        self._bar.close()

    def show(self) -> None:
        """Say what runs now; to be called again and again, so that the clock goes on."""
        if self._terminal:
            self._bar.n = sum(one.done for one in self._watched)
            running = (one for one in self._watched if one.began and not one.ended)
            self._bar.set_postfix_str("; ".join(map(_running, running)), refresh=False)
            self._bar.refresh()
            return
        for number, one in enumerate(self._watched, start=1):
            for news, line in _news(one):
                if f"{number} {news}" not in self._said:
                    self._said.add(f"{number} {news}")
                    print(f"{line} ({number} of {len(self._watched)})", file=sys.stderr, flush=True)


def _news(one: Watched) -> Iterator[tuple[str, str]]:
    """Yield what may be said of a chapter, each with a name, since it is said only once."""
    if one.began is None:
        return
    yield "began", f"executing {one.title}"
    if one.ended is not None:
        yield "ended", f"ended {one.title} after {one.ended - one.began:.0f} s"
    elif one.cell_began is not None:
        seconds = time.monotonic() - one.cell_began
        if seconds >= _PATIENCE:
            yield f"{one.place} {int(math.log2(seconds / _PATIENCE))}", f"still {_running(one)}"


def _running(one: Watched) -> str:
    began = one.cell_began or one.began or time.monotonic()
    return f"{one.title}: {one.place or 'starting'} for {time.monotonic() - began:.0f} s"
