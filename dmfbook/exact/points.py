"""Points of the landscape at which everything is rational: target, factors, weights, Hessian.

With rational ``w`` and ``λ`` the value ``σ = w^L + λ w^{2−L}`` is rational, and so are target and factors in rational
frames. Reflections ``I − 2 v vᵀ / vᵀv`` of integer vectors are such frames.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

from flint import fmpq, fmpq_mat

from dmfbook._validation import integer
from dmfbook.exact.rationals import Number, diagonal, identity, matrix, rational

Matrix = fmpq_mat


@dataclass(frozen=True, eq=False)
class RationalPoint:
    """Factors with a target and weights, all rational; made by :func:`critical_point` or :func:`fitted_point`.

    Parameters
    ----------
    factors : tuple of fmpq_mat
        ``W_1, …, W_L``.
    target : fmpq_mat
        The target ``M``; behind inputs Q what ``W_L ⋯ W_1 Q`` shall be.
    weights : tuple of fmpq
        ``λ_1, …, λ_L``.
    inputs : fmpq_mat, optional
        The factor Q of the second moments of data; without it the identity.
    mean : fmpq, optional
        Geometric mean of the weights, at a critical point.
    sigma : tuple of fmpq, optional
        Singular values of the target, those of active modes first.
    w : tuple of fmpq, optional
        Values of the modes, zero for inactive ones.
    other : tuple of fmpq_mat, optional
        Other factors with the same product.
    turns : tuple of fmpq_mat, optional
        Orthogonal ``Q_0, …, Q_L`` that lead from `factors` to `other`.
    """

    factors: tuple[Matrix, ...]
    target: Matrix
    weights: tuple[fmpq, ...]
    inputs: Matrix | None = None
    mean: fmpq | None = None
    sigma: tuple[fmpq, ...] | None = None
    w: tuple[fmpq, ...] | None = None
    other: tuple[Matrix, ...] | None = None
    turns: tuple[Matrix, ...] | None = None

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """``d_0, …, d_L``."""
        return (self.factors[0].ncols(), *(factor.nrows() for factor in self.factors))

    @property
    def depth(self) -> int:
        """Number of factors L."""
        return len(self.factors)

    @property
    def size(self) -> int:
        """Number of parameters N."""
        return sum(factor.nrows() * factor.ncols() for factor in self.factors)

    @property
    def input_factor(self) -> Matrix:
        """Q, the identity where there are no inputs."""
        return identity(self.widths[0]) if self.inputs is None else self.inputs

    def turned(self, seed: int) -> RationalPoint:
        """The same point beside another member of its orbit, which rational reflections lead to.

        Parameters
        ----------
        seed : int, >= 0
            Seed of the reflections.

        Returns
        -------
        RationalPoint
            With `other` and `turns`.
        """
        hidden = [reflection(d, seed, l) for l, d in enumerate(self.widths[1:-1])]
        turns = (identity(self.widths[0]), *hidden, identity(self.widths[-1]))
        other = tuple(
            after * factor * before.transpose()
            for before, after, factor in zip(turns[:-1], turns[1:], self.factors, strict=True)
        )
        return replace(self, other=other, turns=turns)

    def __repr__(self) -> str:
        widths = " → ".join(map(str, self.widths))
        return f"RationalPoint({widths}, N = {self.size})"


def critical_point(
    widths: Sequence[int],
    mean: Number,
    w: Sequence[Number],
    idle: Sequence[Number] = (),
    *,
    ratios: Sequence[Number] | None = None,
    turn: int | None = None,
    inputs: Sequence[Sequence[Number]] | None = None,
) -> RationalPoint:
    """Critical point with given values of its modes; the target follows from them.

    Parameters
    ----------
    widths : sequence of ints
        ``d_0, …, d_L``, all positive, L at least 2.
    mean : int, str or fmpq, positive
        Geometric mean ``λ̄`` of the weights; strings are ``"p/q"`` or ``"p"``.
    w : sequence of the same, positive
        Values of the active modes, at most as many as the narrowest width.
    idle : sequence of the same, non-negative
        Singular values of inactive modes; further ones are zero.
    ratios : sequence of the same, positive, optional
        ``√(λ_l / λ̄)`` of the layers, whose product is 1; all 1 by default.
    turn : int, optional
        Seed of reflections for all frames; without it target and factors are diagonal.
    inputs : matrix (d_0, q) of the same, optional
        Factor Q of the second moments of data, of full row rank. The target is then ``X Q + λ̄ Σ w_i^{2−L} u_i z_iᵀ``
        with ``Q z_i = v_i``, and `idle` must be empty.

    Returns
    -------
    RationalPoint
        The critical point.

    Raises
    ------
    TypeError, ValueError
        If an argument is no rational number or none of what is said above.

    Notes
    -----
    ``O(Σ d_l^3)`` operations on rationals of some digits.

    Examples
    --------
    >>> from dmfbook.exact import critical_point
    >>> point = critical_point((1, 1, 1), mean=1, w=["3/2"])
    >>> point.target
    [13/4]
    """
    widths = tuple(integer("each width", d, 1) for d in widths)
    depth = len(widths) - 1
    if depth < 2:
        raise ValueError(f"widths must have at least 3 entries, got {widths}")
    lam, values, others = rational("mean", mean), _numbers("w", w), _numbers("idle", idle)
    scales = (fmpq(1),) * depth if ratios is None else _numbers("ratios", ratios)
    capacity, modes = min(widths), min(widths[0], widths[-1])
    if lam <= 0 or any(x <= 0 for x in (*values, *scales)) or any(x < 0 for x in others):
        raise ValueError("mean, w and ratios must be positive, and idle not negative")
    if len(values) > capacity or len(values) + len(others) > modes:
        raise ValueError(
            f"widths {widths} have place for {capacity} active modes and {modes} in all, got"
            f" {len(values)} active and {len(others)} idle"
        )
    if len(scales) != depth or reduce(lambda a, b: a * b, scales) != 1:
        raise ValueError(f"ratios must be {depth} numbers whose product is 1, got {ratios!r}")
    sigma = tuple(x**depth + lam * x ** (2 - depth) for x in values)
    frames = [identity(d) if turn is None else reflection(d, turn, l) for l, d in enumerate(widths)]
    factors = tuple(
        after * diagonal([x / scale for x in values], rows, columns) * before.transpose()
        for before, after, scale, columns, rows in zip(
            frames[:-1], frames[1:], scales, widths[:-1], widths[1:], strict=True
        )
    )
    weights = tuple(lam * scale**2 for scale in scales)
    active = (*values, *(fmpq(0),) * (modes - len(values)))
    shape, first, last = (widths[-1], widths[0]), frames[0], frames[-1]
    if inputs is None:
        sigma = (*sigma, *others, *(fmpq(0),) * (modes - len(sigma) - len(others)))
        target = last * diagonal(sigma, *shape) * first.transpose()
        return RationalPoint(factors, target, weights, None, lam, sigma, active)
    if others:
        raise ValueError("idle must be empty where there are inputs")
    q = matrix(inputs)
    if q.nrows() != widths[0] or q.rank() < widths[0]:
        raise ValueError(f"inputs must have {widths[0]} rows of full rank, got {inputs!r}")
    pull = diagonal([lam * x ** (2 - depth) for x in values], *shape)
    pull = last * pull * first.transpose() * (q * q.transpose()).inv() * q
    product = reduce(lambda x, factor: factor * x, factors)
    return RationalPoint(factors, product * q + pull, weights, q, lam, None, active)


def fitted_point(
    factors: Sequence[Sequence[Sequence[Number]]],
    *,
    inputs: Sequence[Sequence[Number]] | None = None,
    weights: Sequence[Number] | None = None,
    target: Sequence[Sequence[Number]] | None = None,
) -> RationalPoint:
    """Factors that fit their target exactly; with a target of its own any point at all.

    Parameters
    ----------
    factors : sequence of matrices (d_l, d_{l-1})
        ``W_1, …, W_L`` of integers, strings or fmpq.
    inputs : matrix (d_0, q), optional
        Factor Q of the second moments of data.
    weights : sequence of L numbers, non-negative, optional
        Weights; zero by default.
    target : matrix (d_L, d_0) or (d_L, q), optional
        By default the product of the factors, and of Q.

    Returns
    -------
    RationalPoint
        The point; it says nothing of modes.

    Raises
    ------
    TypeError, ValueError
        If an entry is no rational number or a shape does not fit.

    Examples
    --------
    >>> from dmfbook.exact import fitted_point
    >>> fitted_point([[[1], [2]], [["1/2", 1]]]).target
    [5/2]
    """
    layers = tuple(matrix(factor) for factor in factors)
    for l, (before, after) in enumerate(zip(layers[:-1], layers[1:], strict=True), 1):
        if after.ncols() != before.nrows():
            raise ValueError(
                f"factors[{l}] must have {before.nrows()} columns to follow factors[{l - 1}],"
                f" got {after.ncols()}"
            )
    if len(layers) < 2:
        raise ValueError(f"factors must be at least 2 matrices, got {len(layers)}")
    q = None if inputs is None else matrix(inputs)
    if q is not None and q.nrows() != layers[0].ncols():
        raise ValueError(f"inputs must have {layers[0].ncols()} rows, got {q.nrows()}")
    product = reduce(lambda x, factor: factor * x, layers)
    product = product if q is None else product * q
    goal = product if target is None else matrix(target)
    if (goal.nrows(), goal.ncols()) != (product.nrows(), product.ncols()):
        raise ValueError(f"target must have the shape of the product, got {target!r}")
    reg = (fmpq(0),) * len(layers) if weights is None else _numbers("weights", weights)
    if len(reg) != len(layers) or any(each < 0 for each in reg):
        raise ValueError(f"weights must be {len(layers)} numbers >= 0, got {weights!r}")
    return RationalPoint(layers, goal, reg, q)


def reflection(size: int, seed: int, place: int) -> Matrix:
    """The reflection along a small integer vector, drawn from a seed and a place."""
    draw = random.Random(f"{seed} {place}")
    vector = [draw.choice((-1, 1, 1, 2)) for _ in range(size)]
    norm = sum(x * x for x in vector)
    entries = [
        fmpq(int(i == j)) - fmpq(2 * a * b, norm)
        for i, a in enumerate(vector)
        for j, b in enumerate(vector)
    ]
    return fmpq_mat(size, size, entries)


def _numbers(name: str, values: Sequence[Number]) -> tuple[fmpq, ...]:
    return tuple(rational(f"each of {name}", value) for value in values)
