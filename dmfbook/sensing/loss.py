"""The loss of measurements, ``‖𝒜(X) − y‖²``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent, times_power
from dmfbook._validation import Array, real_array
from dmfbook.sensing.checks import checked_measurements
from dmfbook.sensing.operator import SensingOperator


class Sensing:
    """Squared misfit of linear measurements, ``ℓ(X) = ‖𝒜(X) − y‖²``.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜``: an ensemble, entries of one's own (:func:`entry_sampling`), a linear operator
        (:func:`sensing_operator`), or a class of one's own.
    measurements : array (n,)
        Their values y. A stack (…, n) has values of its own for each run, in a :class:`SensingProblem`.

    Raises
    ------
    ValueError, TypeError
        If the operator is none, or the measurements are not finite real numbers, n in each set.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> loss = dmf.Sensing(dmf.dense_sensing([[[1.0, 1.0]]]), [2.0])
    >>> float(loss.value([[1.0, 3.0]])), loss.gradient([[1.0, 3.0]])
    (4.0, array([[4., 4.]]))
    """

    def __init__(self, operator: SensingOperator, measurements: ArrayLike) -> None:
        self._operator = operator
        self._measurements = checked_measurements(operator, measurements)

    @property
    def operator(self) -> SensingOperator:
        """The measurements ``𝒜``."""
        return self._operator

    @property
    def measurements(self) -> Array:
        """Their values y, read-only; array (n,), or a stack."""
        return self._measurements

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the measured matrices."""
        return self._operator.matrix_shape

    def value(self, X: ArrayLike) -> Any:
        """``‖𝒜(X) − y‖²``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each; infinite where it is beyond the range of float64.
        """
        with np.errstate(over="ignore"):
            return np.sum(self._misfit(X) ** 2, axis=-1)

    def gradient(self, X: ArrayLike) -> Array:
        """``2 𝒜*(𝒜(X) − y)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        return self._operator.back(2 * self._misfit(X))

    def curvature(self, X: ArrayLike, Z: ArrayLike) -> Array:
        """``2 𝒜*(𝒜(Z))``, whatever `X` is.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            Where; a matrix or a stack of them.
        Z : array (…, d_L, d_0)
            Directions, one or a stack; leading axes broadcast with those of `X`.

        Returns
        -------
        array (…, d_L, d_0)
            One matrix for each pair.
        """
        return self._operator.back(2 * self._operator.measure(self._matrices("Z", Z)))

    def curvature_trace(self, X: Array, left: Array, right: Array) -> Any:
        """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩ = 2 Σ_k ⟨left, S_k right S_kᵀ⟩``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            Where.
        left, right : arrays (…, d_L, d_L) and (…, d_0, d_0)
            Symmetric matrices.

        Returns
        -------
        float or array (…,)
            The sum over all units ``E_ij``.
        """
        runs = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        lefts, rights = (np.broadcast_to(a, (*runs, *a.shape[-2:])) for a in (left, right))
        total = np.empty(runs)
        for run in np.ndindex(runs):
            total[run] = 2 * np.vdot(lefts[run], self._operator._spread(rights[run]))
        return total[()]

    def units(self, size: int) -> tuple[int, int] | None:
        """Units in which matrices and measurements are of order one: ``ℓ(X) = 4^c ℓ'(X / 2^x)``.

        Parameters
        ----------
        size : int
            Binary exponent of the largest entries of the matrices.

        Returns
        -------
        x, c : int, or None
            Exponents; here equal. None for a stack of measurements, whose runs differ in size.
        """
        if self._measurements.ndim > 1:
            return None
        values = self._measurements
        unit = max(size, binary_exponent(values)) if values.any() else size
        return unit, unit

    def in_units(self, x: int, c: int) -> Sensing:
        """The loss ``ℓ'`` in such units.

        Parameters
        ----------
        x, c : int
            What :meth:`units` returned.

        Returns
        -------
        Sensing
            ``ℓ'(X) = ℓ(2^x X) / 4^c``.
        """
        return Sensing(self._operator, times_power(self._measurements, -c))

    def _misfit(self, X: ArrayLike) -> Array:
        return self._operator.measure(self._matrices("X", X)) - self._measurements

    def _matrices(self, name: str, value: ArrayLike) -> Array:
        """Matrices of the right shape; entries of float64 arrays are not looked at, for speed."""
        matrices = np.asarray(value)
        if matrices.dtype != np.float64:
            matrices = real_array(name, matrices)
        if matrices.shape[-2:] != self.shape:
            raise ValueError(
                f"{name} must have shape {self.shape}, or be a stack of such, got {matrices.shape}"
            )
        return matrices

    def __reduce__(self) -> tuple[Any, ...]:
        return Sensing, (self._operator, self._measurements)

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"Sensing({self._operator.shape[0]} measurements of {rows} × {cols} matrices)"
