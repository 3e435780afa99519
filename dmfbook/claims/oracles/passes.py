"""Optimization around zero: the largest weight at which factors beat it, and the lowest way out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.claims.oracles.search import STARTS, truncations
from dmfbook.network.factors import end_to_end, flatten, partial_products_of, unflatten
from dmfbook.network.problem import Problem


def largest_mean(problem: Problem, entries: Array, mean: float, rng: np.random.Generator) -> float:
    """Largest mean weight at which some factors have a loss no larger than zero has; see :func:`last_product`."""
    return last_product(problem, entries, mean, rng)[0]


def last_product(
    problem: Problem,
    entries: Array,
    mean: float,
    rng: np.random.Generator,
    starts: Sequence[Array] | None = None,
) -> tuple[float, Array]:
    """Largest mean weight at which some factors are as good as zero, weights in proportion, and their product.

    The loss is quadratic. Along a ray ``t W`` the best weight is ``max_t (2 a t^L − b t^{2L}) / (c t²)`` with
    ``a = −½⟨∇ℓ(0), X⟩``, ``b = ½⟨∇²ℓ[X], X⟩`` and ``c = Σ_l (λ_l / λ̄) ‖W_l‖²``; over the rays it is maximized by
    optimization, from random starts unless some are given. `entries` are the factors by which entries of the residual
    count, or its rows. At depth 2 the product tends to zero: it comes with norm one.
    """
    depth, fit, shares = problem.depth, entries**2, np.array(problem.reg) / mean
    loss = problem.end_to_end_loss
    zero = np.zeros(loss.shape)
    pull = -fit * loss.gradient(zero) / 2

    def minus_log_weight(vector: Array) -> tuple[float, Array]:
        factors = unflatten(vector, problem.widths)
        left, right = partial_products_of(factors)
        product = factors[-1] @ right[-1]
        curved = fit * loss.curvature(zero, product) / 2
        a, b = np.sum(pull * product), np.sum(curved * product)
        c = shares @ [np.sum(w**2) for w in factors]
        slope = (2 - 2 / depth) / a * pull - (2 - 4 / depth) / b * curved
        gradient = [
            a.T @ slope @ b.T - 2 * share / c * factor
            for a, b, share, factor in zip(left, right, shares, factors, strict=True)
        ]
        value = (1 - 1 / depth) * np.log(a**2) - (1 - 2 / depth) * np.log(b) - np.log(c)
        return -float(value), -flatten(gradient)

    if starts is None:
        # One in four ends at another local maximum.
        starts = [rng.normal(size=problem.size) for _ in range(3 * STARTS)]
    options = {"gtol": 1e-7}
    ends = [
        minimize(minus_log_weight, start, jac=True, method="BFGS", options=options)
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    product = end_to_end(unflatten(best.x, problem.widths))
    a = np.sum(pull * product)
    # t^L = a (L−2) / (b (L−1)) is best; at depth 2 that is zero, and 0⁰ = 1.
    b = np.sum(fit * loss.curvature(zero, product) * product) / 2
    size = (
        a * (depth - 2) / (b * (depth - 1)) if depth > 2 else np.sign(a) / np.linalg.norm(product)
    )
    scale = depth / (depth - 1) * ((depth - 2) / (depth - 1)) ** (1 - 2 / depth)
    return float(scale * np.exp(-best.fun)), np.asarray(size * product)


def lowest_rise(
    problem: Problem, entries: Array, value: float, rng: np.random.Generator, place: int = 0
) -> float:
    """Least loss above that of zero among factors whose product has this singular value in some place, the first is 0.

    One of the starts is near a multiple of the target cut to the rank that this takes: deep random products seldom end in
    the lowest pass.
    """
    reg, fit = np.array(problem.reg), entries**2

    def rise(vector: Array) -> tuple[float, Array]:
        factors = unflatten(vector, problem.widths)
        left, right = partial_products_of(factors)
        product = factors[-1] @ right[-1]
        penalty = reg @ [np.sum(factor**2) for factor in factors]
        value = np.sum(fit * product * (product - 2 * problem.target)) + penalty
        slope = 2 * fit * (product - problem.target)
        layers = zip(left, right, reg, factors, strict=True)
        return float(value), flatten([a.T @ slope @ b.T + 2 * lam * w for a, b, lam, w in layers])

    def excess(vector: Array) -> float:
        product = end_to_end(unflatten(vector, problem.widths))
        return float(np.linalg.svd(product, compute_uv=False)[place] - value)

    def excess_gradient(vector: Array) -> Array:
        factors = unflatten(vector, problem.widths)
        left, right = partial_products_of(factors)
        outputs, _, inputs = np.linalg.svd(factors[-1] @ right[-1])
        slope = np.outer(outputs[:, place], inputs[place])
        return flatten([a.T @ slope @ b.T for a, b in zip(left, right, strict=True)])

    surface = {"type": "eq", "fun": excess, "jac": excess_gradient}
    root = value ** (1 / problem.depth)
    starts = list(root * rng.normal(size=(STARTS, problem.size)))
    size = np.linalg.svd(problem.target, compute_uv=False)[place] ** (1 / problem.depth)
    starts.append(root / size * truncations(problem, rng)[place + 1])
    options = {"ftol": 1e-12, "maxiter": 200}
    results = [
        minimize(rise, start, jac=True, method="SLSQP", constraints=surface, options=options)
        for start in starts
    ]
    # On a pass the loss does not depend on this value, to first order.
    return float(min(result.fun for result in results if abs(excess(result.x)) < 1e-5 * value))
