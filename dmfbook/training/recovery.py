"""Losses of matrix sensing problems and their gradients, for many runs at once.

Factors may carry leading axes, equal in all of them: independent runs with the same operator, whose
losses are added, so that one gradient step moves each run as if it were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range
from dmfbook._validation import Array, real_array
from dmfbook.network.gradient import Gradient, views
from dmfbook.sensing.checks import checked_operator
from dmfbook.sensing.loss import Sensing
from dmfbook.sensing.operator import SensingOperator


@dataclass(frozen=True, eq=False, repr=False)
class SensingProblem:
    """Deep matrix sensing, ``F(W) = ‖𝒜(W_L ⋯ W_1) − y‖²``, of any depth from 1 on.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜``.
    measurements : array (n,) or (…, n)
        Their values y: one set for all runs, or one for each.

    Raises
    ------
    ValueError, TypeError
        If the operator is none, or the measurements are not finite real numbers, n in each set.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.SensingProblem(dmf.dense_sensing([[[1.0]]]), [2.0])
    >>> problem.loss([[[1.0]], [[3.0]]]), problem.gradient([[[1.0]], [[3.0]]])
    (1.0, [array([[6.]]), array([[2.]])])
    """

    operator: SensingOperator
    measurements: Array
    _loss: Sensing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_loss", Sensing(self.operator, self.measurements))
        object.__setattr__(self, "measurements", self._loss.measurements)

    def end_to_end(self, factors: Sequence[ArrayLike]) -> Array:
        """End-to-end matrices ``W_L ⋯ W_1``, one a run.

        Parameters
        ----------
        factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
            The point.

        Returns
        -------
        array (…, d_L, d_0)
            The products.

        Raises
        ------
        ValueError, TypeError
            If the factors do not fit.
        OverflowError
            If a product is beyond the range of float64.
        """
        return in_range("an end-to-end matrix", self._product(factors))

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Loss at `factors`, the sum over all runs.

        Parameters
        ----------
        factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
            The point, first applied first.

        Returns
        -------
        float
            ``‖𝒜(X) − y‖²``; infinite where it is beyond the range of float64.
        """
        return _total(self._loss, self._product(factors))

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient at `factors`, ``∂F/∂W_l = 2 A_lᵀ 𝒜*(𝒜(X) − y) B_lᵀ``.

        Parameters
        ----------
        factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
            The point, first applied first.

        Returns
        -------
        list of L arrays, shapes (…, d_l, d_{l-1})
            One block a layer.

        Raises
        ------
        ValueError, TypeError
            If the factors do not fit.
        OverflowError
            If an entry of the gradient is beyond the range of float64.

        Notes
        -----
        ``O(n d² + L d³)`` flops a run, for n dense measurements of matrices with sides d.
        """
        return blocks_of(self._slope(factors))

    def _product(self, factors: Sequence[ArrayLike]) -> Array:
        product, *rest = self._checked(factors)
        with np.errstate(over="ignore", invalid="ignore"):
            for factor in rest:
                product = factor @ product
        return product

    def _slope(self, factors: Sequence[ArrayLike], loss: Any = None) -> Gradient:
        """The gradient at a copy of `factors` that may move, for descent; of another loss if one is given."""
        checked = self._checked(factors)
        return Gradient(loss or self._loss, [0.0] * len(checked), checked)

    def __reduce__(self) -> tuple[Any, ...]:
        return SensingProblem, (self.operator, self.measurements)

    def __repr__(self) -> str:
        return f"SensingProblem({_size(self)})"

    def _checked(self, factors: Sequence[ArrayLike]) -> list[Array]:
        checked = _arrays(factors)
        if not checked:
            raise ValueError("factors must hold at least 1 matrix, got none")
        sides = [factor.shape[-2:] for factor in checked]
        fits = all(len(side) == 2 for side in sides) and (
            (sides[-1][0], sides[0][1]) == self.operator.matrix_shape
            and all(before[0] == after[1] for before, after in pairwise(sides))
            and len({factor.shape[:-2] for factor in checked}) == 1
        )
        if not fits:
            raise ValueError(
                f"factors must be matrices, or equally long stacks of matrices, with a product of "
                f"shape {self.operator.matrix_shape}, got shapes {[f.shape for f in checked]}"
            )
        _check_runs(checked[0], self.measurements)
        return checked


@dataclass(frozen=True, eq=False, repr=False)
class SymmetricSensingProblem:
    """Symmetric matrix sensing with one factor, ``f(U) = ¼ ‖𝒜(U Uᵀ) − y‖²``.

    The factor is handed over as a sequence of one array.

    Parameters
    ----------
    operator : SensingOperator
        The measurements ``𝒜`` of square matrices.
    measurements : array (n,) or (…, n)
        Their values y: one set for all runs, or one for each.

    Raises
    ------
    ValueError, TypeError
        If the operator is none, the measured matrices are not square, or the measurements are not finite real numbers, n in
        each set.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.SymmetricSensingProblem(dmf.dense_sensing([[[1.0]]]), [2.0])
    >>> problem.loss([[[2.0]]]), problem.gradient([[[2.0]]])
    (1.0, [array([[4.]])])
    """

    operator: SensingOperator
    measurements: Array
    _loss: Sensing = field(init=False)

    def __post_init__(self) -> None:
        rows, cols = checked_operator(self.operator).matrix_shape
        if rows != cols:
            raise ValueError(f"operator must measure square matrices, got shape {(rows, cols)}")
        object.__setattr__(self, "_loss", Sensing(self.operator, self.measurements))
        object.__setattr__(self, "measurements", self._loss.measurements)

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Loss at ``[U]``, the sum over all runs.

        Parameters
        ----------
        factors : sequence of one array, shape (…, d, r)
            The point.

        Returns
        -------
        float
            ``¼ ‖𝒜(U Uᵀ) − y‖²``; infinite where it is beyond the range of float64.
        """
        factor = self._checked(factors)
        with np.errstate(over="ignore", invalid="ignore"):
            product = factor @ factor.mT
        return _total(self._loss, product) / 4

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient at ``[U]``: the symmetric part of ``𝒜*(𝒜(U Uᵀ) − y)``, times U.

        Parameters
        ----------
        factors : sequence of one array, shape (…, d, r)
            The point.

        Returns
        -------
        list of one array, shape (…, d, r)
            The gradient.

        Raises
        ------
        ValueError, TypeError
            If the factors do not fit.
        OverflowError
            If an entry of the gradient is beyond the range of float64.

        Notes
        -----
        ``O(n d² + d² r)`` flops a run, for n dense measurements.
        """
        return blocks_of(self._slope(factors))

    def _slope(self, factors: Sequence[ArrayLike]) -> _SymmetricGradient:
        """The gradient at a copy of `factors` that may move, for descent."""
        return _SymmetricGradient(self._loss, self._checked(factors))

    def __reduce__(self) -> tuple[Any, ...]:
        return SymmetricSensingProblem, (self.operator, self.measurements)

    def __repr__(self) -> str:
        return f"SymmetricSensingProblem({_size(self)})"

    def _checked(self, factors: Sequence[ArrayLike]) -> Array:
        checked = _arrays(factors)
        if len(checked) != 1:
            raise ValueError(f"factors must hold 1 matrix, got {len(checked)}")
        factor, (side, _) = checked[0], self.operator.matrix_shape
        if factor.ndim < 2 or factor.shape[-2] != side:
            raise ValueError(
                f"factors[0] must have {side} rows, or be a stack of such, got shape {factor.shape}"
            )
        _check_runs(factor, self.measurements)
        return factor


class _SymmetricGradient:
    """Gradient of ``ℓ(U Uᵀ) / 4`` at a factor that changes in place, as :class:`Gradient` for chains."""

    def __init__(self, loss: Sensing, factor: Array) -> None:
        self._loss = loss
        self.point = factor.ravel().copy()
        self.layers = views(self.point, [factor.shape])
        self._gradient = np.empty_like(self.point)
        self.blocks = views(self._gradient, [factor.shape])

    def __call__(self) -> Array:
        (factor,), (block,) = self.layers, self.blocks
        slope = self._loss.gradient(factor @ factor.mT)
        np.matmul(slope + slope.mT, factor, out=block)
        block /= 4
        return self._gradient


def blocks_of(slope: Any) -> list[Array]:
    """What a slope says, if it is finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        in_range("the gradient", slope())
    return slope.blocks


def _total(loss: Sensing, matrices: Array) -> float:
    """Sum of the losses of all runs, infinite beyond the range of float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.sum(loss.value(matrices)))
    return np.inf if np.isnan(total) else total


def _arrays(factors: Sequence[ArrayLike]) -> list[Array]:
    try:
        items = list(factors)
    except TypeError:
        raise TypeError(f"factors must be a sequence of matrices, got {factors!r}") from None
    return [real_array(f"factors[{i}]", factor) for i, factor in enumerate(items)]


def _size(problem: SensingProblem | SymmetricSensingProblem) -> str:
    rows, cols = problem.operator.matrix_shape
    return f"{problem.operator.shape[0]} measurements of {rows} × {cols} matrices"


def _check_runs(factor: Array, measurements: Array) -> None:
    if measurements.shape[:-1] not in ((), factor.shape[:-2]):
        raise ValueError(
            f"factors must have leading axes {measurements.shape[:-1]}, one run for each set of "
            f"measurements, got shape {factor.shape}"
        )
