"""Losses of the end-to-end matrix: value, gradient and second derivative.

A loss knows matrices ``X`` of one shape ``(d_L, d_0)`` and nothing of factors. Every method takes stacks
``(…, d_L, d_0)`` of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent
from dmfbook._validation import Array, integer, matrix, positive_number, real_array

# Samples are read in blocks of about this many numbers (32 MB).
BLOCK_ENTRIES = 2**22


class Loss(Protocol):
    """What a loss of the end-to-end matrix has to offer; a class of your own needs no base class.

    `X` and `Z` may be stacks ``(…, d_L, d_0)``, whose leading axes broadcast in `curvature`.

    Attributes
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the matrices.

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
        If the target is not a finite real matrix.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> loss = dmf.Factorization([[2.0, 0.0]])
    >>> float(loss.value([[1.0, 1.0]])), loss.gradient([[1.0, 1.0]])
    (2.0, array([[-2.,  2.]]))
    """

    def __init__(self, target: ArrayLike) -> None:
        self._target = frozen(matrix("target", target))

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
        return squared_norm(self._target - np.asarray(X))

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
        return 2 * (np.asarray(X) - self._target)

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
        return 2 * np.asarray(Z)

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
        return 2 * _trace(left) * _trace(right)

    def __reduce__(self) -> tuple[Any, ...]:
        return Factorization, (self._target,)

    def __repr__(self) -> str:
        return f"Factorization({_size(self.shape)} target)"


class Regression:
    """Least squares on data, ``ℓ(W) = scale · ‖Y − W X‖_F²``: a linear network's loss.

    Only the second moments ``S = X Xᵀ``, ``C = Y Xᵀ`` and ``‖Y‖_F²`` are kept, so samples are read once and
    any number of them costs no more than one.

    Parameters
    ----------
    inputs : array (d_0, n)
        The samples ``X``, one a column.
    outputs : array (d_L, n)
        What the network shall return, ``Y``, one a column.
    scale : float, positive
        Factor of the loss; ``1 / (n d_L)`` makes it the mean squared error of common libraries.

    Raises
    ------
    ValueError, TypeError
        If inputs and outputs are no finite real matrices with equally many columns, or the scale is not a
        positive number.
    OverflowError
        If a second moment is beyond the range of float64.

    Notes
    -----
    ``2 n d_0 (d_0 + d_L)`` flops and the memory of a block of samples and of the moments. A direction of the inputs
    whose moment is below ``d_0 ε`` times the largest counts as absent: a Gram matrix does not resolve it.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> loss = dmf.Regression(inputs=[[1.0, 2.0]], outputs=[[1.0, 3.0]])
    >>> loss.second_moment, loss.cross_moment
    (array([[5.]]), array([[7.]]))
    >>> float(loss.value([[1.0]]).round(12)), loss.gradient([[1.0]])
    (1.0, array([[-4.]]))
    """

    def __init__(self, inputs: ArrayLike, outputs: ArrayLike, scale: float = 1.0) -> None:
        factor = positive_number("scale", scale)
        samples, answers = _matrix_like("inputs", inputs), _matrix_like("outputs", outputs)
        if samples.shape[1] != answers.shape[1]:
            raise ValueError(
                "inputs and outputs must have equally many columns, one a sample, got shapes "
                f"{samples.shape} and {answers.shape}"
            )
        moment = np.zeros((len(samples), len(samples)))
        cross = np.zeros((len(answers), len(samples)))
        power = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for x, y in _blocks(samples, answers):
                moment += x @ x.T
                cross += y @ x.T
                power += float(np.vdot(y, y))
            self._set(factor * moment, factor * cross, factor * power, samples.shape[1])

    def _set(self, moment: Array, cross: Array, power: float, samples: int) -> None:
        if not (np.isfinite(moment).all() and np.isfinite(cross).all() and np.isfinite(power)):
            raise OverflowError("the second moments of the data are beyond the range of float64")
        for array in (moment, cross):
            array.flags.writeable = False
        self._moment, self._cross, self._power, self._samples = moment, cross, power, samples

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        return self._cross.shape

    @property
    def samples(self) -> int:
        """Number n of samples."""
        return self._samples

    @property
    def second_moment(self) -> Array:
        """``S = scale · X Xᵀ``, read-only; array (d_0, d_0). The second derivative is ``Z ↦ 2 Z S``."""
        return self._moment

    @property
    def cross_moment(self) -> Array:
        """``C = scale · Y Xᵀ``, read-only; array (d_L, d_0)."""
        return self._cross

    @property
    def input_factor(self) -> Array:
        """``Q`` with ``S = Q Qᵀ`` and orthogonal columns, strongest first, read-only; array (d_0, rank S).

        It acts like a fixed layer before the first: ``ℓ(W) = ‖M̃ − W Q‖_F² + least``.
        """
        return self._whitened[0]

    @property
    def whitened_target(self) -> Array:
        """``M̃ = C Q^{+ᵀ}``, what the network has to be on whitened inputs, read-only; array (d_L, rank S)."""
        return self._whitened[1]

    @cached_property
    def _whitened(self) -> tuple[Array, Array]:
        half = binary_exponent(self._moment) // 2
        values, vectors = np.linalg.eigh(np.ldexp(self._moment, -2 * half))
        kept = np.flatnonzero(values > len(values) * np.finfo(float).eps * values[-1])[::-1]
        roots = np.ldexp(np.sqrt(values[kept]), half)
        # The columns of Q are orthogonal, so its pseudo-inverse only divides them by their squares.
        factor, target = vectors[:, kept] * roots, self._cross @ vectors[:, kept] / roots
        for array in (factor, target):
            array.flags.writeable = False
        return factor, target

    @cached_property
    def least(self) -> float:
        """Least value of the loss over all matrices: what no network fits, noise included."""
        # Rounding may leave a small negative number where the data are fitted exactly.
        return max(self._power - float(squared_norm(self.whitened_target)), 0.0)

    def value(self, X: ArrayLike) -> Any:
        """``scale · ‖Y − X · inputs‖_F²``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each.
        """
        return squared_norm(self.whitened_target - np.asarray(X) @ self.input_factor) + self.least

    def gradient(self, X: ArrayLike) -> Array:
        """``2 (X S − C)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        return 2 * (np.asarray(X) @ self._moment - self._cross)

    def curvature(self, X: ArrayLike, Z: ArrayLike) -> Array:
        """``2 Z S``, whatever `X` is.

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
        return 2 * (np.asarray(Z) @ self._moment)

    def curvature_trace(self, X: Array, left: Array, right: Array) -> Any:
        """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩ = 2 tr(left) tr(right S)``.

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
        return 2 * _trace(left) * np.einsum("...ij,ij->...", right, self._moment)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._moment, self._cross, self._power, self._samples

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._set(*state)

    def __repr__(self) -> str:
        outputs, inputs = self.shape
        return f"Regression({self._samples} samples, {inputs} inputs, {outputs} outputs)"


def checked_loss(loss: Any) -> Any:
    """Return a loss of the end-to-end matrix, or say what it lacks.

    Its three methods are called once, at the zero matrix, so that a wrong shape is found here.
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
    if isinstance(loss, (Factorization, Regression)):
        return loss
    zero = np.zeros((rows, cols))
    with np.errstate(all="ignore"):  # a loss may be infinite at zero
        for name, found in (
            ("gradient", loss.gradient(zero)),
            ("curvature", loss.curvature(zero, zero)),
        ):
            if np.shape(found) != zero.shape:
                raise ValueError(
                    f"the loss's {name} must have shape {zero.shape}, got {np.shape(found)}"
                )
        if np.size(loss.value(zero)) != 1:
            raise ValueError(
                f"the loss's value must be a number, got shape {np.shape(loss.value(zero))}"
            )
    return loss


def has_kronecker_structure(loss: Any) -> TypeGuard[Factorization | Regression]:
    """Whether ``∇²ℓ[Z] = 2 Z Q Qᵀ`` for a matrix Q, whatever X is."""
    return isinstance(loss, (Factorization, Regression))


def curvature_matrix(loss: Loss, X: Array) -> Array:
    """Second derivative as a matrix on column-major ``vec Z``, exactly symmetric if the loss is; (d_0 d_L)²."""
    rows, cols = loss.shape
    units = np.eye(rows * cols).reshape(-1, cols, rows).mT
    images = np.asarray(loss.curvature(X, units))
    if images.shape != units.shape:
        raise ValueError(
            f"the loss's curvature must have shape {units.shape} for a stack of directions of that "
            f"shape, got {images.shape}"
        )
    return images.mT.reshape(rows * cols, -1).T


def curvature_trace(loss: Any, X: Array, left: Array, right: Array) -> Any:
    """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩`` for symmetric `left` (…, d_L, d_L), `right` (…, d_0, d_0)."""
    if hasattr(loss, "curvature_trace"):
        return loss.curvature_trace(X, left, right)
    rows, cols = loss.shape
    total = np.zeros(X.shape[:-2])
    for i in range(rows):  # one row of units at a time
        units = np.zeros((cols, *[1] * (X.ndim - 2), rows, cols))
        units[range(cols), ..., i, range(cols)] = 1.0
        images = np.asarray(loss.curvature(X, units))
        total += np.einsum("j...ab,...a,...jb->...", images, left[..., i, :], right)
    return total[()]


def squared_norm(matrices: Array) -> Any:
    """Squared Frobenius norm of each matrix of a stack."""
    if matrices.ndim == 2:
        return np.vdot(matrices, matrices)
    return np.einsum("...ij,...ij->...", matrices, matrices)


def frozen(array: Array) -> Array:
    """A read-only array: `array` itself if nobody can write to it, else a copy."""
    # At width 16,384 a copy takes 2 GiB.
    if array.flags.writeable or not array.flags.owndata:
        array = array.copy()
        array.flags.writeable = False
    return array


def _trace(matrices: Array) -> Any:
    return np.trace(matrices, axis1=-2, axis2=-1)


def _matrix_like(name: str, value: ArrayLike) -> Any:
    """A matrix whose entries are looked at later, block by block."""
    array = value if isinstance(value, np.ndarray) else real_array(name, value)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill or drop its masked entries first")
    if array.ndim != 2:
        raise ValueError(f"{name} must be a matrix, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return array


def _blocks(inputs: Any, outputs: Any) -> Iterator[tuple[Array, Array]]:
    """Blocks of columns of both, checked and in float64."""
    columns = max(1, BLOCK_ENTRIES // (len(inputs) + len(outputs)))
    for start in range(0, inputs.shape[1], columns):
        some = slice(start, start + columns)
        yield matrix("inputs", inputs[:, some]), matrix("outputs", outputs[:, some])


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} × {shape[1]}"
