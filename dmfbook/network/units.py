"""Units in which a point of a problem has no product that leaves the range of float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dmfbook._scale import are_ordinary, binary_exponent, norm_exponent, times_power
from dmfbook._validation import Array
from dmfbook.network.losses.loss import Loss
from dmfbook.network.losses.stacks import squared_norm


@dataclass(frozen=True)
class Units:
    """A loss and factors in units that are powers of two: ``ℓ(W_L ⋯ W_1) = 2^v ℓ'(W'_L ⋯ W'_1)``.

    Attributes
    ----------
    loss : Loss
        The loss ``ℓ'``.
    factors : list of L arrays, shapes (…, d_l, d_{l-1})
        ``W'_l = W_l / 2^{f_l}``, all of about the same size.
    layers : tuple of L ints
        Exponents ``f_l``.
    value : int
        Exponent v.
    single_runs : list of lists of L arrays, shapes (d_l, d_{l-1})
        The points of a stack, if each needs units of its own; else empty.
    """

    loss: Loss
    factors: list[Array]
    layers: tuple[int, ...]
    value: int
    single_runs: list[list[Array]]

    @property
    def are_plain(self) -> bool:
        """Whether all units are one."""
        return not (self.value or any(self.layers))


def units_of(loss: Any, factors: list[Array]) -> Units:
    """Units in which ``ℓ(W_L ⋯ W_1)`` and its derivatives can be computed; one for points of ordinary size.

    A loss that is homogeneous has the methods `units` and `in_units` of :class:`Factorization`. With any other only
    the factors are made equal in size.
    """
    sizes = [norm_exponent(factor) for factor in factors]
    units = loss.units(sum(sizes)) if hasattr(loss, "units") else None
    product, value = units or (0, 0)
    if are_ordinary([*sizes, product, value]):
        return Units(loss, factors, (0,) * len(factors), 0, [])
    scaled_loss, runs = loss, []
    if units:
        scaled_loss = loss.in_units(product, value)
        stack = factors[0].shape[:-2]
        runs = [[factor[run] for factor in factors] for run in np.ndindex(stack) if stack]
    # What is left of the sizes is shared out evenly.
    rest, depth = sum(sizes) - product, len(sizes)
    layers = tuple(
        size - (rest * (l + 1) // depth - rest * l // depth) for l, size in enumerate(sizes)
    )
    scaled = [times_power(factor, -unit) for factor, unit in zip(factors, layers, strict=True)]
    return Units(scaled_loss, scaled, layers, 2 * value, runs)


def squared_norms(factors: Array, weight: float, is_plain: bool) -> Any:
    """``weight · ‖W‖_F²`` of each factor of a stack, without squares that leave the range."""
    if is_plain:
        return weight * squared_norm(factors)
    unit = binary_exponent(factors)
    return times_power(weight * squared_norm(times_power(factors, -unit)), 2 * unit)
