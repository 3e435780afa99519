"""The loss of a matrix factorization: squared distance to a target."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent, times_power
from dmfbook._validation import Array, matrix
from dmfbook.network.losses.stacks import frozen, matrices, squared_norm, trace


class Factorization:
    """Squared Frobenius distance to a target, ``ℓ(X) = ‖M − X‖_F²``.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``. Kept read-only: copied, unless it owns its data and is read-only.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix; the methods, if they are given matrices of another shape.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> loss = dmf.Factorization([[2.0, 0.0]])
    >>> float(loss.value([[1.0, 1.0]])), loss.gradient([[1.0, 1.0]])
    (2.0, array([[-2.,  2.]]))
    """

    def __init__(self, target: ArrayLike) -> None:
        self._target = frozen(matrix("target", target))
        self._size = binary_exponent(self._target)

    @property
    def target(self) -> Array:
        """The matrix ``M``, read-only; array (d_L, d_0)."""
        return self._target

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        return self._target.shape

    def value(self, X: ArrayLike) -> Any:
        """``‖M − X‖_F²``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each.
        """
        return squared_norm(self._target - matrices("X", X, self.shape))

    def gradient(self, X: ArrayLike) -> Array:
        """``2 (X − M)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        return 2 * (matrices("X", X, self.shape) - self._target)

    def curvature(self, X: ArrayLike, Z: ArrayLike) -> Array:
        """``2 Z``, whatever `X` is.

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
        return 2 * matrices("Z", Z, self.shape[1:])

    def curvature_trace(self, X: Array, left: Array, right: Array) -> Any:
        """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩ = 2 tr(left) tr(right)``.

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
        return 2 * trace(left) * trace(right)

    def units(self, size: int) -> tuple[int, int]:
        """Units in which matrices and the target are of order one: ``ℓ(X) = 4^c ℓ'(X / 2^x)``.

        Parameters
        ----------
        size : int
            Binary exponent of the largest entries of the matrices.

        Returns
        -------
        x, c : int
            Exponents; here equal.
        """
        unit = max(size, self._size) if self._target.any() else size
        return unit, unit

    def in_units(self, x: int, c: int) -> Factorization:
        """The loss ``ℓ'`` in such units.

        Parameters
        ----------
        x, c : int
            What :meth:`units` returned.

        Returns
        -------
        Factorization
            ``ℓ'(X) = ℓ(2^x X) / 4^c``.
        """
        return Factorization(times_power(self._target, -c))

    def __reduce__(self) -> tuple[Any, ...]:
        return Factorization, (self._target,)

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"Factorization({rows} × {cols} target)"
