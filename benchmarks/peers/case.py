"""One question to a tool, and its answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import dmfbook as dmf


@dataclass
class Case:
    """A network in some precision, a seed for what the tool draws, and a counter of products."""

    known: dmf.KnownNetwork
    precision: str
    seed: int
    asked: int = 1
    products: int = 0

    @property
    def epsilon(self) -> float:
        """Distance of one to the next number."""
        return float(np.finfo(self.precision).eps)

    def start(self, columns: int | None = None) -> np.ndarray:
        """Gaussian vectors to start with, for the tools that ask for them."""
        rng = np.random.default_rng(self.seed)
        shape = (self.known.size,) if columns is None else (self.known.size, columns)
        return rng.standard_normal(shape).astype(self.precision)


@dataclass(frozen=True)
class Answer:
    """What a tool returned.

    Attributes
    ----------
    values : list of float
        Leading eigenvalues in the order in which the tool gives them; of a density, the trace that it implies.
    claimed : float, optional
        Relative accuracy that the tool states, or that its stopping rule suggests to a reader.
    converged : bool, optional
        Whether the tool says that it converged, if it says.
    distance : float, optional
        Of a density: its distance to the exact one.
    products : int, optional
        Number of Hessian-vector products, where it is fixed beforehand; else the case has counted.
    """

    values: list[float]
    claimed: float | None = None
    converged: bool | None = None
    distance: float | None = None
    products: int | None = None


@dataclass(frozen=True)
class Tool:
    """A way to ask.

    ``prepare`` takes a case and returns the function that is timed: what it does before (making the module,
    compiling) is not. ``promise`` names the eigenvalue that the tool promises: the ``"largest"``, or the ``"largest in
    size"``; or a ``"density"``.
    """

    prepare: Callable[[Case], Callable[[], Answer]]
    promise: str = "largest"
    call: str = ""
    precisions: tuple[str, ...] = field(default=("float64", "float32"))


def sequence(values: Any) -> list[float]:
    """Numbers of any library as a list of Python's."""
    return np.asarray(values, dtype=np.float64).ravel().tolist()
