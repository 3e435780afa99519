"""The least sharpness, and what the flattest factors look like, as *Flat minima* states it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import imbalance, partial_products

Deviation = Callable[
    [Sequence[Array], Array], float
]  # of factors; with the singular values of the target


def least_sharpness(
    sigma: Array,
    depth: int,
    *,
    factor: float = 2.0,
    layers: float = 0,
    power: float = 2.0,
    norm: float = np.inf,
) -> float:
    """``2 L σ_1^{2 − 2/L}`` from the singular values.

    The options are for false neighbours: another constant, fewer layers, another power, another norm.
    """
    size = float(np.linalg.norm(sigma, norm))
    return factor * (depth - layers) * size ** (2 - power / depth)


def smallest_product(sigma: Array, depth: int, power: float = 1.0) -> float:
    """``σ_1^{1 − 1/L}``; rivals have another power."""
    return float(sigma[0] ** (1 - power / depth))


def largest_share(
    depth: int, ratio: float, *, fewer: float = 2, exponent: float = 2.0, root: float = 0.5
) -> float:
    """``t = √(1 + (L − 2) (1 − ρ²))``; the options are for false neighbours."""
    return float((1 + (depth - fewer) * (1 - ratio**exponent)) ** root)


def product_deviation(
    factors: Sequence[Array],
    sigma: Array,
    *,
    power: float = 1.0,
    layers: slice = slice(None),
    norm: Any = 2,
) -> float:
    """Largest relative distance of ``‖A_l‖₂ ‖B_l‖₂`` from ``σ_1^{1 − 1/L}``; rivals take other powers, layers, norms."""
    products = [
        np.linalg.norm(a, norm) * np.linalg.norm(b, norm)
        for a, b in zip(*partial_products(factors), strict=True)
    ]
    wanted = smallest_product(sigma, len(products), power)
    return float(np.abs(np.array(products[layers]) / wanted - 1).max())


def layer_deviation(factors: Sequence[Array], sigma: Array) -> float:
    """Largest relative distance of the layers' spectral norms from ``σ_1^{1/L}``; at depth 2 that of the products."""
    norms = np.array([np.linalg.norm(factor, 2) for factor in factors])
    return float(np.abs(norms / sigma[0] ** (1 / len(norms)) - 1).max())


def balance_deviation(factors: Sequence[Array], sigma: Array) -> float:
    """Imbalance, in units of ``σ_1^{2/L}``."""
    return imbalance(factors) / float(sigma[0] ** (2 / len(factors)))


# False neighbours of the condition that is necessary at depth 2 and for a number.
OTHER_CONDITIONS: Mapping[str, Deviation] = MappingProxyType(
    {
        "the products are σ_1^{1−2/L}": partial(product_deviation, power=2.0),
        "the products are σ_1": partial(product_deviation, power=0.0),
        "the first product is enough": partial(product_deviation, layers=slice(1)),
        "products of Frobenius norms": partial(product_deviation, norm="fro"),
        "all layers have the norm σ_1^{1/L}": layer_deviation,
        "balance is necessary": balance_deviation,
    }
)


def followed(factors: Sequence[Array], target: Array, pair: int = 0) -> list[Array]:
    """Unit vectors through the layers, from a right singular vector of the target to the left one."""
    left, _, right = np.linalg.svd(target)
    vectors = [right[pair]]
    for factor in factors[:-1]:
        after = factor @ vectors[-1]
        # A vector that vanishes has no direction, and the path ends there.
        vectors.append(after / (np.linalg.norm(after) or 1.0))
    return [*vectors, left[:, pair]]


def path_gaps(
    factors: Sequence[Array], target: Array, pair: int = 0, *, power: float = 1.0, back: float = 1.0
) -> Iterator[tuple[float, float]]:
    """For each layer the larger gap in ``W e = μ e'`` and ``Wᵀ e' = μ e`` with ``μ = σ^{1/L}``, and the size of the terms.

    Rivals have another power of ``μ``, or on the way back only.
    """
    values = np.linalg.svd(target, compute_uv=False)
    unit = float(values[pair] ** (power / len(factors))) if pair < len(values) else 0.0
    vectors = followed(factors, target, pair)
    for factor, (before, after) in zip(factors, pairwise(vectors), strict=True):
        gaps = factor @ before - unit * after, factor.T @ after - unit**back * before
        size = float(np.linalg.norm(factor, 2)) + 2 * unit
        yield max(float(np.linalg.norm(gap)) for gap in gaps), size


def block_values(
    factors: Sequence[Array],
    vectors: Sequence[Array],
    unit: float,
    *,
    layers: float = 0,
    exchanged: bool = False,
    norms: bool = False,
) -> Array:
    """The four numbers of a path through `vectors` with ``μ = unit``, the largest of which is half the sharpness.

    Rivals have fewer layers in the first, the powers of ``μ`` exchanged, or sums of norms for norms of sums.
    """
    depth = len(factors)
    beside = [
        factor - unit * np.outer(after, before)
        for factor, (before, after) in zip(factors, pairwise(vectors), strict=True)
    ]
    left, right = partial_products(beside)
    left[-1], right[0] = (np.eye(len(e)) - np.outer(e, e) for e in (vectors[-1], vectors[0]))
    outputs, inputs = [a @ a.T for a in left], [b.T @ b for b in right]
    rising = unit ** (2.0 * np.arange(depth))
    falling = rising[::-1]
    if exchanged:
        rising, falling = falling, rising
    sums = (
        [power * gram for power, gram in zip(falling, inputs, strict=True)],
        [power * gram for power, gram in zip(rising, outputs, strict=True)],
        [np.kron(gram, other) for gram, other in zip(inputs, outputs, strict=True)],
    )
    largest = [
        sum(np.linalg.norm(term, 2) for term in terms) if norms else np.linalg.norm(sum(terms), 2)
        for terms in sums
    ]
    return np.array([(depth - layers) * unit ** (2 * depth - 2), *largest], dtype=np.float64)
