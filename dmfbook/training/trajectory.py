"""What a run has recorded, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.training.objective import Objective, loss_of

Status = Literal["finished", "converged", "diverged", "interrupted"]
Recorder = Callable[[list[Array]], Any]


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """A run of :func:`gradient_descent` or :func:`gradient_flow`.

    Attributes
    ----------
    times : array (K,)
        When something was recorded: the sum of the steps taken, or the flow's time.
    records : dict of str to array (K, …)
        What the recorders returned then; first for the start, last for the end (but not for a point found
        to have diverged, nor for the last point of a run that was cut off).
    factors : list of L arrays, shapes (d_l, d_{l-1})
        The last point.
    loss : float
        Objective at the last point; infinite where it overflows, NaN after an error.
    steps : int
        Number of steps taken.
    status : {"finished", "converged", "diverged", "interrupted"}
        Why the run ended: all steps taken (or all the time run); the gradient within the tolerance; the gradient no
        longer finite, or a step that leaves the point behind and climbs (see :func:`gradient_descent`); the reader
        (a KeyboardInterrupt) or an error.
    """

    times: Array
    records: dict[str, NDArray[Any]]
    factors: list[Array]
    loss: float
    steps: int
    status: Status

    def __repr__(self) -> str:
        names = ", ".join(self.records) or "nothing"
        end = f"loss {self.loss:.3g}, {len(self.times)} records of {names}"
        return f"Trajectory({self.status}, steps {self.steps}, {end})"


class Log:
    """Collects what the recorders of a run return, and keeps it whatever happens.

    Parameters
    ----------
    objective : Objective
        What is descended.
    layers : list of arrays
        The point, which changes in place.
    record : mapping of str to callable, optional
        The recorders.

    Attributes
    ----------
    steps, time, status : int, float, str
        How the run stands; the loop that owns the log moves them.
    """

    def __init__(
        self, objective: Objective, layers: list[Array], record: Mapping[str, Recorder] | None
    ) -> None:
        self.steps, self.time = 0, 0.0
        self.status: Status = "finished"
        self._objective, self._layers = objective, layers
        self._record = _checked_recorders(record)
        self._recorded_at = -1
        self._rows: list[tuple[float, list[NDArray[Any]]]] = []

    def add(self) -> None:
        """Record the present point, unless that has been done."""
        if self._recorded_at == self.steps:
            return
        row = []
        for i, (name, recorder) in enumerate(self._record.items()):
            value = _numbers(name, recorder([layer.copy() for layer in self._layers]))
            if self._rows and value.shape != self._rows[0][1][i].shape:
                raise ValueError(
                    f"record[{name!r}] must return arrays of constant shape, got {value.shape} "
                    f"at step {self.steps} after {self._rows[0][1][i].shape}"
                )
            row.append(value)
        # All at once: an interrupt leaves no half a row.
        self._rows.append((self.time, row))
        self._recorded_at = self.steps

    @contextmanager
    def kept(self) -> Iterator[None]:
        """End a run that the reader interrupts; give an error what was recorded so far."""
        try:
            with np.errstate(all="ignore"):  # overflow on the way to infinity is found by the run
                yield
        except KeyboardInterrupt:
            self.status = "interrupted"
        except Exception as error:
            if self._rows:
                self.status = "interrupted"
                error.trajectory = self._trajectory(np.nan)  # type: ignore[attr-defined]
                error.add_note("What was recorded so far is this error's attribute `trajectory`.")
            raise

    def finish(self) -> Trajectory:
        """The run, with the loss at its last point."""
        with np.errstate(all="ignore"):
            return self._trajectory(loss_of(self._objective, self._layers))

    def _trajectory(self, loss: float) -> Trajectory:
        times = np.array([time for time, _ in self._rows])
        columns = zip(*(row for _, row in self._rows), strict=True)
        values = list(columns) if self._rows else [()] * len(self._record)
        records = {
            name: np.array(column) for name, column in zip(self._record, values, strict=True)
        }
        last = [layer.copy() for layer in self._layers]
        return Trajectory(times, records, last, loss, self.steps, self.status)


@contextmanager
def progress_bar(shown: bool, total: float, **options: Any) -> Iterator[Callable[[float], Any]]:
    """A bar for a long run, as a function that moves it on; or a function that does nothing."""
    if not shown:
        yield lambda _: None
        return
    try:
        from tqdm import tqdm  # an extra: only those who want a bar need it
    except ImportError:
        raise ImportError("progress=True needs the package tqdm: pip install tqdm") from None
    with tqdm(total=total, **options) as bar:
        yield bar.update


def _checked_recorders(record: Any) -> dict[str, Recorder]:
    """Return recorders as a dict, or say what is wrong with them."""
    if record is None:
        return {}
    if not isinstance(record, Mapping):
        raise TypeError(
            f"record must be a mapping of names to functions, got {type(record).__name__}"
        )
    for name, recorder in record.items():
        if not isinstance(name, str):
            raise TypeError(f"names in record must be strings, got {name!r}")
        if not callable(recorder):
            raise TypeError(f"record[{name!r}] must be a function of the factors, got {recorder!r}")
    return dict(record)


def _numbers(name: str, value: Any) -> NDArray[Any]:
    """Return a copy of what a recorder returned, which must be a number or an array of numbers."""
    try:
        array = np.array(value)
    except ValueError as error:
        raise ValueError(f"record[{name!r}] must return a rectangular array: {error}") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"record[{name!r}] must return a number or an array of numbers, got {value!r}"
        )
    return array
