"""A regression with weight decay: factors of small loss, and a bound on how much smaller it can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from dmfbook._scale import in_range, times_power
from dmfbook._validation import Array, generator, integer
from dmfbook.network.factors import end_to_end
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem, checked_problem
from dmfbook.regularized.critical_weight import critical_reg_of
from dmfbook.regularized.modes import geometric_mean
from dmfbook.regularized.reduced_regression import ABSENT, ReducedRegression
from dmfbook.regularized.scalar import shrink

Proof = Literal["critical weight", "white inputs", "duality", "none"]

# A gap below this share of what zero loses beyond the least of all matrices is closed.
CLOSED = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class RegressionFit:
    """Factors with a small loss, and what is known of smaller ones.

    Attributes
    ----------
    factors : list of L arrays, shapes (d_l, d_{l-1})
        Balanced factors, in singular bases of their product; one point of its orbit.
    loss : float
        ``F`` at them.
    lower_bound : float
        No factors have a smaller loss than this, up to rounding.
    rank : int
        Rank of the end-to-end matrix.
    proof : {"critical weight", "white inputs", "duality", "none"}
        Why no other factors have a smaller loss: zero is the minimizer at and above the critical weight; inputs that
        are white (a single sample, say) make it a factorization with a closed form; the dual bound of the convex
        problem at depth 2 is attained. With "none" the factors are the best of those found: whether there are better
        ones is not known, only that their loss is no smaller than `lower_bound`.
    """

    factors: list[Array]
    loss: float
    lower_bound: float
    rank: int
    proof: Proof

    @property
    def is_global(self) -> bool:
        """Whether the factors are a global minimizer, proved up to rounding."""
        return self.proof != "none"

    @property
    def end_to_end(self) -> Array:
        """End-to-end matrix; array (d_L, d_0)."""
        return end_to_end(self.factors)

    def __repr__(self) -> str:
        known = (
            f"global minimizer by {self.proof}"
            if self.is_global
            else (f"best found, none below {self.lower_bound:.6g}")
        )
        return f"RegressionFit(rank {self.rank}, loss {self.loss:.6g}, {known})"


def regression_fit(
    problem: Problem, starts: int = 3, rng: np.random.Generator | None = None
) -> RegressionFit:
    """Minimize the loss of a linear network on data with weight decay, and say what is proved of the result.

    For depth 2 without a bottleneck that is nuclear-norm regression, which is convex, and the result is a global
    minimizer with a proof. From depth 3 on a proof exists at and above the critical weight, and for white inputs;
    elsewhere the result is the best of several local searches, with a lower bound.

    Parameters
    ----------
    problem : Problem
        A problem of :class:`Regression`, all its weights positive.
    starts : int, >= 0
        Number of random starts, beside the direction that goes last and a ridge regression cut to each rank.
    rng : numpy.random.Generator, optional
        Source of the random starts; without it, one with seed 0, so that results repeat.

    Returns
    -------
    RegressionFit
        Factors, their loss, a lower bound of all losses, and the proof if there is one.

    Raises
    ------
    TypeError, ValueError
        If the problem is not one of regression, a weight is zero, `starts` is no integer or negative, or `rng` is
        neither None nor a generator.
    OverflowError
        If a factor is beyond the range of float64.

    Notes
    -----
    Only the moments of the data count, whatever the number of samples. Inputs are taken in eigenvectors of their
    second moment; directions in which they vanish get no weight. A descent is L-BFGS and, up to some 1,500 parameters,
    Newton's method with the dense Hessian, ``O(N³)`` a step; then modes that cost more than they gain are dropped,
    and it goes on. At depth 2 the first descent that closes the gap to the dual bound is the last.

    The lower bound where nothing is proved: no minimizer has singular values above ``B = ((F − least)/(L λ̄))^{L/2}``,
    and below that ``s^{2/L} ≥ s B^{2/L−1}``, which leaves a convex problem. It is crude.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> data = dmf.Regression(inputs=[[1.0, 1.0], [0.0, 2.0]], outputs=[[1.0, 3.0]])
    >>> dmf.regression_fit(dmf.Problem(data, (1,), reg=1.0))
    RegressionFit(rank 1, loss 2.60401, global minimizer by duality)
    >>> dmf.regression_fit(dmf.Problem(data, (1, 1), reg=4.0))
    RegressionFit(rank 0, loss 10, global minimizer by critical weight)
    """
    loss, depth = checked_problem(problem).end_to_end_loss, problem.depth
    if not isinstance(loss, Regression):
        raise TypeError(f"regression_fit needs a problem of regression, got one with {loss!r}")
    if not min(problem.reg) > 0:
        raise ValueError(f"all weights must be positive, got reg {problem.reg}")
    count = integer("starts", starts, 0)
    random = np.random.default_rng(0) if rng is None else generator("rng", rng)
    mean = geometric_mean(np.array(problem.reg))
    if mean >= critical_reg_of(problem):
        zero = np.zeros((loss.shape[0], loss.input_directions.shape[1]))
        return _fit(problem, zero, 0, np.inf, "critical weight")
    roots, target, (p, q) = loss.whitened_parts()
    # In units 2^f of a factor and 2^q of the outputs; the inputs' unit is what makes both fit.
    f = round((q - p) / depth)
    reduced = ReducedRegression(
        times_power(roots, p - q + f * depth),
        target,
        depth,
        min(*problem.widths, len(roots)),
        float(times_power(mean, 2 * (f - q))),
    )
    if reduced.is_white:
        return _fit(problem, _white(reduced), f, np.inf, "white inputs")
    best = _best(reduced, count, random)
    bound = _lower_bound(reduced, best, random)
    closed = reduced.value(best) - bound <= CLOSED * np.linalg.norm(target) ** 2
    bound = float(times_power(bound, 2 * q)) + loss.least
    return _fit(problem, best, f, bound, "duality" if closed else "none")


def _white(reduced: ReducedRegression) -> Array:
    """The minimizer for white inputs: singular values shrink, each by itself."""
    size = float(reduced.roots[0])
    left, values, right = np.linalg.svd(reduced.target, full_matrices=False)
    shrunk = shrink(values, reduced.reg * size ** (-2 / reduced.depth), reduced.depth) / size
    shrunk[reduced.width :] = 0.0
    return np.asarray((left * shrunk) @ right)


def _best(reduced: ReducedRegression, count: int, rng: np.random.Generator) -> Array:
    """The best of several descents; at depth 2 the first without a gap."""
    best, least = np.zeros_like(reduced.target), np.inf
    for start in reduced.starts(count, rng):
        matrix = reduced.descend(start, rng)
        if (value := reduced.value(matrix)) < least:
            best, least = matrix, value
        if reduced.depth == 2:
            gap = least - reduced.dual_bound(best)
            if gap <= CLOSED * np.linalg.norm(reduced.target) ** 2:
                break
    return best


def _lower_bound(reduced: ReducedRegression, best: Array, rng: np.random.Generator) -> float:
    """What no matrix has less of, if one has no more than `best`."""
    if reduced.depth == 2:
        if reduced.width == min(reduced.target.shape):
            return reduced.dual_bound(best)
        convex = replace(reduced, width=min(reduced.target.shape))
    else:
        share = reduced.value(best) / (reduced.depth * reduced.reg)
        convex = reduced.shallow(share ** (reduced.depth / 2))
    return max(convex.dual_bound(best), convex.dual_bound(_best(convex, 0, rng)))


def _fit(problem: Problem, matrix: Array, f: int, bound: float, proof: Proof) -> RegressionFit:
    """The result for a matrix in axes of the inputs and in units ``2^{fL}``."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.count_nonzero(values > ABSENT * values[0]))
    layers = times_power(values[:rank] ** (1 / problem.depth), f)
    directions = problem.end_to_end_loss.input_directions  # type: ignore[attr-defined]
    bases = [directions @ right[:rank].T]
    bases += [np.eye(width, rank) for width in problem.hidden_widths] + [left[:, :rank]]
    mean = geometric_mean(np.array(problem.reg))
    factors = [
        in_range("a factor", np.sqrt(mean / reg) * (after * layers) @ before.T)
        for (before, after), reg in zip(pairwise(bases), problem.reg, strict=True)
    ]
    loss = problem.loss(factors)
    return RegressionFit(factors, loss, min(bound, loss), rank, proof)
