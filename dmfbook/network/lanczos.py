"""The Lanczos method with thick restarts: eigenpairs at the ends of a symmetric operator's spectrum.

Unlike ARPACK it measures residuals by the operator's norm alone, finds both ends in one space, is the same in every run,
and leaves dense algebra to NumPy: threads of SciPy's library and of NumPy's, taking turns, wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array

SUBSPACE = 24  # vectors that are held, beside those that are wanted
PATIENCE, LARGEST = (
    20,
    150,
)  # restarts after which their number is doubled, unless it has reached the second
RESTARTS = 200  # after as many the iteration gives up
INVARIANT = 1e-13  # what is left of a product when the space is invariant, in units of the norm

Product = Callable[[Array], Array]
Enough = Callable[[Array, Array, float], bool]


@dataclass(frozen=True)
class RitzPairs:
    """Approximate eigenpairs at the ends of a spectrum.

    Attributes
    ----------
    values : array (k,)
        Ritz values, ascending.
    vectors : array (k, N)
        Orthonormal Ritz vectors, one a row.
    norm : float
        Largest modulus of a Ritz value, a lower bound of the operator's norm.
    """

    values: Array
    vectors: Array
    norm: float


def lanczos(
    apply: Product,
    locked: Array,
    low: int,
    high: int,
    enough: Enough,
    rng: np.random.Generator,
    norm: float = 0.0,
) -> RitzPairs:
    """The `low` smallest and `high` largest eigenpairs; of a repeated eigenvalue it may see one copy only.

    Parameters
    ----------
    apply : function
        Product of the operator with a vector (N,), a new array.
    locked : array (q, N)
        Orthonormal rows; what is orthogonal to them is searched.
    low, high : int
        How many pairs from either end, fewer than ``N − q`` together.
    enough : function
        Says of their Ritz values, of the residuals ``‖A v − θ v‖`` and of the norm whether to stop. In the end the
        iteration gives up.
    rng : numpy.random.Generator
        Where to start. Another search needs another start: this one leads to the same vectors again.
    norm : float
        What is known of the operator's norm.
    """
    wanted, free = low + high, locked.shape[1] - len(locked)
    size = min(wanted + max(SUBSPACE, wanted), free)
    space = _Space(apply, locked, size, rng)
    restart = 0
    while True:
        restart += 1
        space.fill()
        values, turn = np.linalg.eigh(space.projected)
        norm = max(norm, -float(values[0]), float(values[-1]))
        ends = np.r_[:low, len(values) - high : len(values)]
        residuals = space.rest * np.abs(turn[-1, ends])
        if enough(values[ends], residuals, norm) or restart == RESTARTS:
            return RitzPairs(values[ends], turn[:, ends].T @ space.basis, norm)
        spare = (len(values) - wanted) // (4 if low and high else 2)
        kept = np.r_[: low and low + spare, len(values) - (high and high + spare) : len(values)]
        # Where convergence is slow, a larger space pays.
        size = min(2 * size, free) if restart % PATIENCE == 0 and size < LARGEST else size
        space.restart(values[kept], turn[:, kept], size)


class _Space:
    """Orthonormal rows, the operator projected on them, and the direction in which it leads out of them."""

    def __init__(self, apply: Product, locked: Array, size: int, rng: np.random.Generator) -> None:
        self._apply, self._locked, self._rng = apply, locked, rng
        self.basis, self.projected = np.empty((size, locked.shape[1])), np.zeros((size, size))
        self._held = 0
        self._next = self._fresh()

    def fill(self) -> None:
        """Extend the space to its full size."""
        first = self._held
        for j in range(first, len(self.basis)):
            self.basis[j] = self._next
            known = self.basis[: j + 1]
            image = self._apply(self._next)
            column = np.zeros(j + 1)
            # All of the image that lies in the space lies along few rows, up to rounding.
            for rows in (known if j == first else known[-2:], known):
                part = rows @ image
                image -= part @ rows
                column[-len(rows) :] += part
            image -= (self._locked @ image) @ self._locked
            self.projected[: j + 1, j] = self.projected[j, : j + 1] = column
            self._held = j + 1
            self._leave(image)

    def _leave(self, image: Array) -> None:
        """Take the direction of what is left of an image, or another one where the space is invariant."""
        self.rest = float(np.linalg.norm(image))
        if self.rest > INVARIANT * np.abs(self.projected).max():
            self._next = image / self.rest
        else:
            self.rest = 0.0
            if self._held < self.basis.shape[1] - len(self._locked):
                self._next = self._fresh()

    def _fresh(self) -> Array:
        """A random direction that is orthogonal to all there is."""
        vector = self._rng.standard_normal(self.basis.shape[1])
        for rows in 2 * (self._locked, self.basis[: self._held]):
            vector -= (rows @ vector) @ rows
            vector /= np.linalg.norm(vector)
        return vector

    def restart(self, values: Array, turn: Array, size: int) -> None:
        """Keep some Ritz vectors, in a space of another size perhaps."""
        kept = turn.T @ self.basis
        if size > len(self.basis):
            self.basis = np.empty((size, self.basis.shape[1]))
        self._held = len(kept)
        self.basis[: self._held] = kept
        self.projected = np.zeros((size, size))
        self.projected[range(self._held), range(self._held)] = values
