"""Losses of the end-to-end matrix: value, gradient and second derivative.

A loss knows matrices ``X`` of one shape ``(d_L, d_0)`` and nothing of factors. Every method takes stacks
``(…, d_L, d_0)`` of them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent, times_power
from dmfbook._validation import Array, integer, matrix, real_array


class Loss(Protocol):
    """What a loss of the end-to-end matrix has to offer; a class of your own needs no base class.

    `X` and `Z` may be stacks ``(…, d_L, d_0)``, whose leading axes broadcast in `curvature`.

    Attributes
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the matrices.

    Notes
    -----
    Of matrices and data whose squares leave the range of float64 a loss has to take care itself. One that is
    homogeneous can be helped: with the methods `units` and `in_units` of :class:`Factorization` it is asked only for
    matrices of order one.

    Examples
    --------
    The logarithm of the hyperbolic cosine of each residual:

    >>> import dmfbook as dmf
    >>> class LogCosh:
    ...     shape = (1, 2)
    ...     def value(self, X):
    ...         return np.log(np.cosh(X - 1)).sum(axis=(-2, -1))
    ...     def gradient(self, X):
    ...         return np.tanh(X - 1)
    ...     def curvature(self, X, Z):
    ...         return Z / np.cosh(X - 1) ** 2
    >>> dmf.Problem(LogCosh(), hidden_widths=(1,)).gradient([[[1.0, 1.0]], [[1.0]]])
    [array([[0., 0.]]), array([[0.]])]
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        ...

    def value(self, X: Array) -> Any:
        """``ℓ(X)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each.
        """
        ...

    def gradient(self, X: Array) -> Array:
        """``∇ℓ(X)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        ...

    def curvature(self, X: Array, Z: Array) -> Array:
        """Second derivative ``∇²ℓ(X)[Z]`` in the direction `Z`.

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
        ...


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
        return f"Factorization({_size(self.shape)} target)"


def checked_loss(loss: Any) -> Any:
    """Return a loss of the end-to-end matrix, or say what it lacks.

    Its derivatives are called once, at the zero matrix, so that a wrong shape is found here.
    """
    methods = ("value", "gradient", "curvature")
    missing = [name for name in methods if not callable(getattr(loss, name, None))]
    if missing or not hasattr(loss, "shape"):
        lacks = ", ".join(missing or ["shape"])
        raise TypeError(
            "target must be a matrix or a loss with shape, value, gradient and curvature, "
            f"got {type(loss).__name__} without {lacks}"
        )
    try:
        rows, cols = loss.shape
    except (TypeError, ValueError):
        raise TypeError(f"the loss's shape must be two integers, got {loss.shape!r}") from None
    rows, cols = integer("the loss's shape[0]", rows, 1), integer("the loss's shape[1]", cols, 1)
    if isinstance(loss, Factorization):
        return loss
    zero = np.zeros((rows, cols))
    # A loss may be infinite at zero, or its derivatives beyond the range.
    with np.errstate(all="ignore"), suppress(OverflowError):
        for name, found in (
            ("gradient", loss.gradient(zero)),
            ("curvature", loss.curvature(zero, zero)),
        ):
            if np.shape(found) != zero.shape:
                raise ValueError(
                    f"the loss's {name} must have shape {zero.shape}, got {np.shape(found)}"
                )
    return loss


def matrices(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return matrices of this shape, or rows of them, in float64; unlike at other doors they may be infinite or NaN."""
    array = np.asarray(value)
    if array.dtype != np.float64:
        array = real_array(name, value)
    if array.shape[-len(shape) :] != shape or array.ndim < 2:
        expected = ", ".join(["…", *map(str, shape)])
        raise ValueError(f"{name} must have shape ({expected}), got {array.shape}")
    return array


def trace(matrices: Array) -> Any:
    """Trace of each matrix of a stack."""
    return np.trace(matrices, axis1=-2, axis2=-1)


def squared_norm(matrices: Array) -> Any:
    """Squared Frobenius norm of each matrix of a stack."""
    if matrices.ndim == 2:
        return np.vdot(matrices, matrices)
    return np.einsum("...ij,...ij->...", matrices, matrices)


def frozen(array: Any) -> Any:
    """A read-only array: `array` itself if nobody can write to it, else a copy."""
    # At width 16,384 a copy takes 2 GiB.
    if array.flags.writeable or not array.flags.owndata:
        array = array.copy()
        array.flags.writeable = False
    return array


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} × {shape[1]}"
