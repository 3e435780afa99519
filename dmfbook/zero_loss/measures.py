"""Measures of flatness that are sums over the positive eigenvalues of the Hessian at zero loss.

With ``P_l = A_l A_lᵀ`` and ``Q_l = B_lᵀ B_l`` these are the positive eigenvalues of ``2 Σ_l Q_l ⊗ P_l``. A measure is
written as a function of ``x = log h``, in which it is convex: that is all that the theory needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._scale import in_range
from dmfbook._validation import Array, factor_list, nonnegative_number, positive_number
from dmfbook.network.factors import partial_products_of
from dmfbook.network.problem import Problem
from dmfbook.zero_loss.chain import pulled_back, scaled_chain


class Measure(Protocol):
    """A sum ``Σ φ(h)`` over positive eigenvalues h, with φ increasing and ``φ(eˣ)`` convex."""

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """``φ(eˣ)`` and its first two derivatives by x."""
        ...


@dataclass(frozen=True)
class PowerMeasure:
    """The sum of powers of the positive eigenvalues, ``Σ h^p``; for ``p = 0`` the sum of their logarithms.

    Its root ``(Σ h^p)^{1/p}`` is the Schatten norm: ``p = 1`` is the trace, ``p = 2`` the squared Frobenius norm,
    ``p = 0`` the logarithm of the determinant on the range, and large p come near to the largest eigenvalue. Training
    with functions of the Hessian as regularizers is the subject of [1]_.

    Parameters
    ----------
    order : float, >= 0
        The power p.

    Raises
    ------
    ValueError, TypeError
        If the order is negative or no finite number.

    References
    ----------
    .. [1] tahmasebi2024universal, arXiv 2406.03682.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> factors = [[[1.0]], [[3.0]]]
    >>> [round(dmf.hessian_measure(factors, dmf.PowerMeasure(p)), 9) for p in (1, 2)]
    [20.0, 400.0]
    """

    order: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", nonnegative_number("order", self.order))

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """Value and first two derivatives by ``x = log h``.

        Parameters
        ----------
        x : array
            Logarithms of eigenvalues.

        Returns
        -------
        tuple of three arrays
            ``e^{p x}``, ``p e^{p x}``, ``p² e^{p x}``, or ``x``, 1, 0.
        """
        p = self.order
        if p == 0:
            return x, np.ones_like(x), np.zeros_like(x)
        value = np.exp(p * x)
        return value, p * value, p**2 * value


@dataclass(frozen=True)
class NoiseMeasure:
    """What label noise makes least at a step of size η: ``−(2/η) Σ log(1 − η h / 2)``.

    It is infinite where the step is too long for the point, ``η h ≥ 2``. For small steps it is the trace, for a step
    near ``2 / λ_max`` the largest eigenvalue counts most [1]_.

    Parameters
    ----------
    step : float, positive
        The step η of gradient descent.

    Raises
    ------
    ValueError, TypeError
        If the step is not positive or no finite number.

    References
    ----------
    .. [1] damian2021label, arXiv 2106.06530.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> factors = [[[1.0]], [[3.0]]]
    >>> round(dmf.hessian_measure(factors, dmf.NoiseMeasure(1e-6)), 3)
    20.0
    >>> dmf.hessian_measure(factors, dmf.NoiseMeasure(0.2))
    inf
    """

    step: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", positive_number("step", self.step))

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """Value and first two derivatives by ``x = log h``.

        Parameters
        ----------
        x : array
            Logarithms of eigenvalues.

        Returns
        -------
        tuple of three arrays
            With ``u = η eˣ / 2``: ``−(2/η) log(1 − u)``, ``(2/η) u / (1 − u)``, ``(2/η) u / (1 − u)²``; infinite for
            ``u ≥ 1``.
        """
        half, u = 2 / self.step, self.step * np.exp(x) / 2
        inside = u < 1
        rest = np.where(inside, 1 - u, np.nan)
        parts = -half * np.log1p(-np.where(inside, u, 0.0)), half * u / rest, half * u / rest**2
        value, slope, bend = (np.where(inside, part, np.inf) for part in parts)
        return value, slope, bend


def hessian_measure(factors: Sequence[ArrayLike], measure: Measure) -> float:
    """Measure of flatness of ``‖M − W_L ⋯ W_1‖_F²`` at factors of the target.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        Factors with product M, first applied first.
    measure : PowerMeasure, NoiseMeasure, or another with a method ``at``
        What is summed over the positive eigenvalues of the Hessian.

    Returns
    -------
    float
        The sum; zero where there is no positive eigenvalue.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied, or the measure has no method ``at``.
    OverflowError
        If the sum is beyond the range of float64.

    Notes
    -----
    An eigenvalue decomposition of side ``d_0 d_L``. Eigenvalues below ``d_0 d_L ε`` times the largest count as zero.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> factors = dmf.flattest_factors(np.diag([3.0, 1.0]), (2, 2))
    >>> trace = dmf.hessian_measure(factors, dmf.PowerMeasure(1))
    >>> bool(np.isclose(trace, dmf.flattest_trace(np.diag([3.0, 1.0]), 3)))
    True
    """
    checked, checked_measure = factor_list(factors), _measure(measure)
    chain = scaled_chain(checked)
    left, right = partial_products_of(chain.layers)
    values = np.asarray(np.linalg.eigvalsh(_small_matrix(left, right, chain.weights)), float)
    positive = values[_counted(values)]
    with np.errstate(over="ignore"):
        total = float(
            np.sum(checked_measure.at(np.log(2 * positive) + chain.exponent * np.log(2))[0])
        )
    if isinstance(measure, NoiseMeasure):
        return total
    in_range("the measure", np.asarray(total))
    return total


@dataclass(frozen=True, eq=False)
class Flattened:
    """A factorization problem with a measure of flatness as regularizer, to be descended.

    The objective is the loss plus `weight` times the measure, taken of the positive eigenvalues of ``2 J Jᵀ``, which
    at zero loss are those of the Hessian.

    Parameters
    ----------
    problem : Problem
        The problem; its loss has to be the squared error.
    measure : PowerMeasure, NoiseMeasure, or another with a method ``at``
        The measure.
    weight : float, >= 0
        Its weight.

    Raises
    ------
    ValueError, TypeError
        If an argument is of the wrong kind, or the weight is negative.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> flat = dmf.Flattened(dmf.Problem([[1.0]], (1,)), dmf.PowerMeasure(1), weight=0.05)
    >>> run = dmf.gradient_descent(flat, [[[0.5]], [[2.0]]], 0.05, 2000)
    >>> bool(np.isclose(*run.factors))
    True
    """

    problem: Problem
    measure: Measure
    weight: float

    def __post_init__(self) -> None:
        if not isinstance(self.problem, Problem):
            raise TypeError(f"problem must be a dmfbook.Problem, got {type(self.problem).__name__}")
        _measure(self.measure)
        object.__setattr__(self, "weight", nonnegative_number("weight", self.weight))

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Loss of the problem plus weight times measure.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (d_l, d_{l-1})
            The point.

        Returns
        -------
        float
            The objective.
        """
        return self.problem.loss(factors) + self.weight * hessian_measure(factors, self.measure)

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient of the objective.

        Parameters
        ----------
        factors : sequence of L arrays, shapes (d_l, d_{l-1})
            The point.

        Returns
        -------
        list of L arrays, shapes (d_l, d_{l-1})
            One block a layer.
        """
        blocks = self.problem.gradient(factors)
        slopes = measure_gradient(factor_list(factors), self.measure)
        return [block + self.weight * slope for block, slope in zip(blocks, slopes, strict=True)]


def measure_gradient(factors: list[Array], measure: Measure) -> list[Array]:
    """Derivative of a measure by each of the checked factors.

    With ``K = Σ_l Q_l ⊗ P_l = V diag(κ) Vᵀ`` it is ``⟨V diag(h φ'(h) / κ) Vᵀ, dK⟩``, and ``dK`` is made of the
    changes of ``P_l`` and ``Q_l``.
    """
    left, right = partial_products_of(factors)
    values, vectors = np.linalg.eigh(_small_matrix(left, right, np.ones(len(factors))))
    counted = _counted(values)
    slopes = measure.at(np.log(2 * values[counted]))[1] / values[counted]
    kept = vectors[:, counted]
    sides = right[0].shape[1], len(left[-1])
    weights = ((kept * slopes) @ kept.T).reshape(*sides, *sides)
    pairs = list(zip(left, right, strict=True))
    by_left = [2 * np.einsum("aibj,ab->ij", weights, b.T @ b) @ a for a, b in pairs]
    by_right = [2 * b @ np.einsum("aibj,ij->ab", weights, a @ a.T) for a, b in pairs]
    return pulled_back(factors, left, right, by_left, by_right)


def _small_matrix(left: list[Array], right: list[Array], weights: Array) -> Array:
    """``Σ_l Q_l ⊗ P_l`` with weights."""
    terms = zip(left, right, weights, strict=True)
    return np.asarray(sum(weight * np.kron(b.T @ b, a @ a.T) for a, b, weight in terms))


def _counted(values: Array) -> NDArray[np.bool_]:
    """Which eigenvalues are positive beyond rounding."""
    return np.asarray(values > len(values) * np.finfo(float).eps * values[-1])


def _measure(measure: Measure) -> Measure:
    if isinstance(measure, type) or not callable(getattr(measure, "at", None)):
        raise TypeError(
            f"measure must have a method at, as dmfbook.PowerMeasure(1), got {measure!r}"
        )
    return measure
