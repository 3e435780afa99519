"""Global minimizer, strict saddle, or saddle that is not strict: critical points without weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import binary_exponent, times_power
from dmfbook._validation import Array, positive_number
from dmfbook.network.factors import partial_products_of
from dmfbook.network.losses.factorization import Factorization
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem, checked_point

Kind = Literal["global minimizer", "strict saddle", "non-strict saddle"]


def kind_without_reg(
    problem: Problem, factors: Sequence[ArrayLike], tolerance: float = 1e-10
) -> Kind:
    """Kind of a critical point of a problem without weight decay, from ranks of products of its layers.

    With ``G = ∇ℓ(X)``, ``S = Q Qᵀ`` and r the rank of ``X Q`` [1]_: a saddle is strict, the Hessian has a negative
    eigenvalue, if and only if ``X Q`` leaves out a singular value of the whitened target that is larger than one
    it has, or there are layers ``k > l`` with ``A_kᵀ G B_lᵀ ≠ 0`` and ``rank W_{k-1} ⋯ W_{l+1} > r``.

    Parameters
    ----------
    problem : Problem
        A problem of factorization or regression whose weights are zero. Dependent inputs are allowed, and so
        are singular values that repeat or vanish.
    factors : sequence of L arrays, shapes (d_l, d_{l-1})
        The point.
    tolerance : float, positive
        How well the point is known: layers up to an error of spectral norm `tolerance` times
        ``max(max_l ‖W_l‖₂, (‖M̃‖₂ / ‖Q‖₂)^{1/L})``, data up to `tolerance` times their norm. What errors of this size
        can change counts as zero, or as equal.

    Returns
    -------
    {"global minimizer", "strict saddle", "non-strict saddle"}
        There are no others: every local minimizer is global, and there is no local maximizer unless the loss
        is constant, where every point is a global minimizer.

    Raises
    ------
    TypeError
        If the problem is one of neither kind, or the tolerance no number.
    ValueError
        If a weight is positive (see :func:`dmfbook.critical_points`), the factors do not have the problem's shapes,
        the gradient is larger than errors of that size explain, or the tolerance is not positive.

    Notes
    -----
    ``O(L² d³)`` flops for widths ``d``, a Hessian would take ``O(L² d⁴)`` and its eigenvalues ``O(L³ d⁶)``. An error
    bound of a product is the sum over its layers of one layer's error times the norms of the others.

    References
    ----------
    .. [1] achour2024loss, arXiv 2107.13289; its abstract announces conditions on ranks of partial products.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> zero = [[[0.0]], [[0.0]], [[0.0]]]
    >>> dmf.kind_without_reg(dmf.Problem([[2.0]], (1,)), zero[:2])
    'strict saddle'
    >>> dmf.kind_without_reg(dmf.Problem([[2.0]], (1, 1)), zero)
    'non-strict saddle'
    """
    checked = checked_point(problem, factors)
    tolerance = positive_number("tolerance", tolerance)
    if any(problem.reg):
        raise ValueError(
            f"kind_without_reg needs a problem without weight decay, got reg={problem.reg}; "
            "critical_points lists the points of others"
        )
    if not isinstance(problem.end_to_end_loss, (Factorization, Regression)):
        raise TypeError(
            "kind_without_reg needs a problem of factorization or regression, got one with "
            f"{problem.end_to_end_loss!r}"
        )
    chain = _Chain(*_in_units(problem.end_to_end_loss, checked), tolerance)
    chain.check_slopes()
    return chain.kind()


def _in_units(
    loss: Factorization | Regression, factors: list[Array]
) -> tuple[Factorization | Regression, list[Array]]:
    """Loss and layers of order one, in a unit that all layers share: errors are compared between them."""
    depth = len(factors)
    product, value = loss.units(depth * max(map(binary_exponent, factors)))
    unit, rest = divmod(product, depth)
    scaled = [times_power(factor, -unit) for factor in factors]
    return loss.in_units(product - rest, value - rest), scaled


class _Known(NamedTuple):
    """Norms of the members of a product, and bounds on their errors."""

    norm: float
    error: float


class _Chain:
    """Whitened inputs, layers and residual, and what is known of their products."""

    def __init__(self, loss: Factorization | Regression, factors: list[Array], tolerance: float):
        if isinstance(loss, Regression):
            target, inputs = loss.whitened_target, loss.input_factor
        else:
            target, inputs = loss.target, np.eye(loss.shape[1])
        left, right = partial_products_of(factors)
        self.left, self.right = left, [product @ inputs for product in right]
        self.product = factors[-1] @ self.right[-1]
        self.residual = target - self.product
        self.factors, self.tolerance = factors, tolerance
        norms = [_norm(factor) for factor in factors]
        of_target, of_inputs = _norm(target), _norm(inputs)
        natural = (of_target / of_inputs) ** (1 / len(factors)) if of_inputs else 0.0
        size = max(natural, *norms)
        self.layers = [_Known(norm, tolerance * size) for norm in norms]
        self.inputs = _Known(of_inputs, tolerance * of_inputs)
        self.fit = _Known(
            _norm(self.residual), tolerance * of_target + _error([self.inputs, *self.layers])
        )

    def check_slopes(self) -> None:
        """Raise unless the gradient is as small as errors of the layers explain."""
        for l, (a, b) in enumerate(zip(self.left, self.right, strict=True)):
            others = [layer for i, layer in enumerate(self.layers) if i != l]
            allowed = _error([self.inputs, self.fit, *others])
            slope = _norm(a.T @ self.residual @ b.T)
            if slope > allowed:
                raise ValueError(
                    f"factors must be a critical point up to tolerance {self.tolerance:g}: "
                    f"‖A_lᵀ (M̃ − X Q) (B_l Q)ᵀ‖₂ of layer {l + 1} is {slope / allowed:.3g} times "
                    "what errors of this size explain"
                )

    def kind(self) -> Kind:
        """Kind of the point."""
        values = np.linalg.svd(self.product, compute_uv=False)
        known = _error([self.inputs, *self.layers])
        rank = int(np.count_nonzero(values > known))
        largest_left_out = self.fit.norm
        if rank and largest_left_out > values[rank - 1] + known + self.fit.error:
            return "strict saddle"
        if largest_left_out <= self.fit.error or rank >= min(map(len, self.factors)):
            return "global minimizer"
        pairs = combinations(range(len(self.factors)), 2)
        strict = any(self._bends(l, k, rank) for l, k in pairs)
        return "strict saddle" if strict else "non-strict saddle"

    def _bends(self, l: int, k: int, rank: int) -> bool:
        """Whether ``A_kᵀ (M̃ − X Q) (B_l Q)ᵀ`` is not zero and the product between both layers has a larger rank."""
        outer = [self.inputs, self.fit, *self.layers[:l], *self.layers[k + 1 :]]
        coupling = self.left[k].T @ self.residual @ self.right[l].T
        if _norm(coupling) <= _error(outer):
            return False
        between = np.eye(len(self.factors[l]))
        for factor in self.factors[l + 1 : k]:
            between = factor @ between
        values = np.linalg.svd(between, compute_uv=False)
        return bool(values[rank] > _error(self.layers[l + 1 : k]))


def _norm(array: Array) -> float:
    return float(np.linalg.norm(array, 2)) if array.size else 0.0


def _error(parts: Sequence[_Known]) -> float:
    """Bound on the error of a product, ``Π (n_i + e_i) − Π n_i``, in a form without cancellation."""
    error, product = 0.0, 1.0
    for norm, own in parts:
        error = error * (norm + own) + product * own
        product *= norm
    return error
