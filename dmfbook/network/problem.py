"""The training problem: a loss of the product of factors, with weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range, times_power
from dmfbook._validation import Array, factors_of_widths, nonnegative, stacked_factors, widths_of
from dmfbook.network.gradient import Gradient
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.losses.loss import Loss, checked_loss
from dmfbook.network.units import squared_norms, units_of


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A loss seen through a product of factors, ``F(W) = ℓ(W_L ⋯ W_1) + Σ_l λ_l ‖W_l‖_F²``.

    With a matrix M in place of the loss this is regularized deep matrix factorization, ``ℓ(X) = ‖M − X‖_F²``;
    there is no ½ in the objective. Problems compare by identity.

    Parameters
    ----------
    target : array (d_L, d_0), or a loss
        The matrix ``M`` to factor; or :class:`Factorization`, :class:`Regression`, :class:`Sensing`, or any object with
        the members of :class:`Loss`. Kept under this name, the matrix read-only: copied, unless it owns its data
        and is read-only.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``; their number sets the depth L.
    reg : float or L floats, non-negative
        Regularization weights ``λ_l``; one number serves all layers. Kept as a tuple of L floats.

    Raises
    ------
    ValueError, TypeError
        If the target is neither a finite real matrix nor a loss, a width is below 1, there is no hidden width, or a
        weight is negative or not finite.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[2.0, 0.0]], hidden_widths=(3, 4), reg=0.5)
    >>> problem.depth, problem.widths, problem.size, problem.reg
    (3, (2, 3, 4, 1), 22, (0.5, 0.5, 0.5))

    A linear network on two samples:

    >>> dmf.Problem(dmf.Regression([[1.0, 2.0]], [[1.0, 4.0]]), hidden_widths=(3,))
    Problem(Regression(2 samples, 1 inputs, 1 outputs), hidden_widths=(3,), reg=0.0)
    """

    target: Any
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]
    end_to_end_loss: Loss = field(init=False)

    def __init__(
        self, target: ArrayLike | Loss, hidden_widths: Sequence[int], reg: ArrayLike = 0.0
    ) -> None:
        is_loss = hasattr(target, "gradient") or hasattr(target, "curvature")
        loss = checked_loss(target) if is_loss else Factorization(target)  # type: ignore[arg-type]
        widths = widths_of("hidden_widths", hidden_widths)
        if not widths:
            raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
        depth = len(widths) + 1
        weights = nonnegative("reg", reg)
        if weights.shape not in ((), (depth,)):
            raise ValueError(
                f"reg must be a number or {depth} numbers, one a layer, got shape {weights.shape}"
            )
        kept = loss.target if isinstance(loss, Factorization) else loss
        object.__setattr__(self, "target", kept)
        object.__setattr__(self, "hidden_widths", widths)
        object.__setattr__(self, "reg", tuple(np.broadcast_to(weights, depth).tolist()))
        object.__setattr__(self, "end_to_end_loss", loss)

    @property
    def depth(self) -> int:
        """Number of factors L."""
        return len(self.hidden_widths) + 1

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths ``(d_0, …, d_L)``."""
        outputs, inputs = self.end_to_end_loss.shape
        return (int(inputs), *self.hidden_widths, int(outputs))

    @property
    def size(self) -> int:
        """Number of parameters ``N = Σ d_l d_{l-1}``."""
        return sum(before * after for before, after in pairwise(self.widths))

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Objective ``F`` at `factors`; the sum over all runs where they are stacks.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (…, d_l, d_{l-1})
            The point. Leading axes, equal in all of them, are independent runs.

        Returns
        -------
        float
            ``ℓ(X) + Σ_l λ_l ‖W_l‖_F²``; infinite where it is beyond the range of float64.

        Raises
        ------
        ValueError, TypeError
            If the factors do not have the problem's shapes or are not finite.

        Notes
        -----
        ``O(Σ d_l d_{l-1} d_0)`` flops, and memory for two partial products.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.Problem([[2.0]], (1,), reg=0.5).loss([[[1.0]], [[1.0]]])
        2.0
        """
        return float(np.sum(self.losses(factors)))

    def losses(self, factors: Sequence[ArrayLike]) -> Any:
        """Objective of each run of a stack.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (…, d_l, d_{l-1})
            The points.

        Returns
        -------
        float or array (…,)
            ``F`` of each; their sum is :meth:`loss`. Infinite where it is beyond the range of float64.

        Raises
        ------
        ValueError, TypeError
            If the factors do not have the problem's shapes or are not finite.

        Notes
        -----
        The cost of :meth:`loss`.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.Problem([[2.0]], (1,)).losses([[[[1.0]], [[2.0]]], [[[1.0]], [[1.0]]]])
        array([1., 0.])
        """
        checked = checked_points(self, factors)
        units = units_of(self.end_to_end_loss, checked)
        if units.single_runs:
            return np.reshape(
                [self.losses(run) for run in units.single_runs], checked[0].shape[:-2]
            )
        with np.errstate(over="ignore", invalid="ignore"):
            product = units.factors[0]
            for factor in units.factors[1:]:
                product = factor @ product
            value = units.loss.value(product)
            if units.value:
                value = times_power(value, units.value)
            for reg, factor in zip(self.reg, checked, strict=True):
                if reg:
                    value = value + squared_norms(factor, reg, units.are_plain)
        # Infinities that cancel were too large as well.
        if np.ndim(value):
            return np.where(np.isnan(value), np.inf, value)
        return value if value == value else np.inf

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient of ``F`` at `factors`, ``∂F/∂W_l = A_lᵀ ∇ℓ(X) B_lᵀ + 2 λ_l W_l``.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (…, d_l, d_{l-1})
            The point. Leading axes, equal in all of them, are independent runs.

        Returns
        -------
        list of L arrays, shapes (…, d_l, d_{l-1})
            One block a layer.

        Raises
        ------
        ValueError, TypeError
            If the factors do not have the problem's shapes or are not finite.
        OverflowError
            If an entry of the gradient is beyond the range of float64.

        Notes
        -----
        ``O(L d³)`` flops for widths ``d``, in two sweeps through the layers; memory for the partial
        products.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> dmf.Problem([[2.0]], (1,), reg=0.5).gradient([[[1.0]], [[1.0]]])
        [array([[-1.]]), array([[-1.]])]
        """
        checked = checked_points(self, factors)
        units = units_of(self.end_to_end_loss, checked)
        if units.single_runs:
            runs = [self.gradient(run) for run in units.single_runs]
            return [
                np.reshape(blocks, factor.shape)
                for blocks, factor in zip(zip(*runs, strict=True), checked, strict=True)
            ]
        if units.are_plain:
            slope = Gradient(self.end_to_end_loss, self.reg, checked)
            slope()
            return slope.blocks
        gradient = Gradient(units.loss, [0.0] * self.depth, units.factors)
        with np.errstate(over="ignore", invalid="ignore"):
            gradient()
            return [
                in_range("the gradient", times_power(block, units.value - unit) + 2 * reg * factor)
                for block, unit, reg, factor in zip(
                    gradient.blocks, units.layers, self.reg, checked, strict=True
                )
            ]

    def _slope(self, factors: Sequence[ArrayLike]) -> Gradient:
        """The gradient at a copy of `factors` that may move, for descent."""
        return Gradient(self.end_to_end_loss, self.reg, checked_points(self, factors))

    def __reduce__(self) -> tuple[Any, ...]:
        return Problem, (self.target, self.hidden_widths, self.reg)

    def __repr__(self) -> str:
        reg = self.reg[0] if len(set(self.reg)) == 1 else self.reg
        return f"Problem({self.end_to_end_loss!r}, hidden_widths={self.hidden_widths}, reg={reg})"


def checked_problem(problem: object) -> Problem:
    """Return `problem` if it is one."""
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a dmfbook.Problem, got {type(problem).__name__}")
    return problem


def checked_point(problem: object, factors: Sequence[ArrayLike]) -> list[Array]:
    """Return the factors of one point of a problem, as float64 matrices."""
    return factors_of_widths(factors, checked_problem(problem).widths)


def checked_points(problem: object, factors: Sequence[ArrayLike]) -> list[Array]:
    """Return the factors of one point, or of a stack of points, of a problem."""
    return stacked_factors(factors, checked_problem(problem).widths)


def factorization_target(problem: object, what: str) -> Array:
    """Return the target of a factorization problem, or say that `what` holds for no other loss."""
    loss = checked_problem(problem).end_to_end_loss
    if not isinstance(loss, Factorization):
        raise TypeError(
            f"{what} needs a factorization problem, one with a target matrix; got one with {loss!r}"
        )
    return loss.target
