"""Non-zero modes of a target, and layers in which they pass from one hidden basis to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dmfbook._scale import in_range, normalized, scaled_power, times_power
from dmfbook._validation import Array, widths_of
from dmfbook.network.losses.moments import InputFactor


@dataclass(frozen=True)
class Modes:
    """The non-zero singular values of a matrix and their vectors.

    Parameters
    ----------
    left, right : arrays (d_L, r) and (d_0, r)
        Singular vectors, in columns.
    ratios : array (r,)
        Singular values over the largest.
    leading : float
        The largest, over ``2**exponent``; zero if the matrix vanishes.
    exponent : int
        What was taken out.
    """

    left: Array
    ratios: Array
    right: Array
    leading: float
    exponent: int

    @property
    def rank(self) -> int:
        """Number r of modes."""
        return len(self.ratios)

    def leading_root(self, depth: int) -> tuple[float, int]:
        """``σ_1^{1/L}`` over a power of two, and its exponent."""
        return scaled_power(self.leading, self.exponent, (1, depth))


@dataclass(frozen=True)
class SeenTarget:
    """What the inputs see of a target ``M``; with ``X Xᵀ = Q Qᵀ`` its values ``M Q``.

    Parameters
    ----------
    image : array (d_L, rank Q)
        ``M Q`` over powers of two.
    projected : array (d_L, d_0)
        ``M`` on the span of the inputs and zero beyond it, over ``2**exponent``.
    power : float
        ``‖Q‖_F²`` over ``4**input_exponent``.
    exponent, input_exponent : int
        What was taken out of M and of Q.
    """

    image: Array
    projected: Array
    power: float
    exponent: int
    input_exponent: int


def seen_target(target: Array, inputs: InputFactor | None) -> SeenTarget:
    """A checked target on inputs, white ones if none are given."""
    scaled, exponent = normalized(target)
    if inputs is None:
        return SeenTarget(scaled, scaled, float(target.shape[1]), exponent, 0)
    coordinates = scaled @ inputs.vectors
    power = float(np.sum(inputs.roots**2))
    return SeenTarget(
        coordinates * inputs.roots,
        coordinates @ inputs.vectors.T,
        power,
        exponent,
        inputs.exponent,
    )


def modes_of(target: Array) -> Modes:
    """Modes of a matrix; singular values that rounding may have made count as zero."""
    scaled, exponent = normalized(target)
    left, values, right = np.linalg.svd(scaled, full_matrices=False)
    leading = float(values.max(initial=0.0))  # what no input sees has no column
    resolution = max(target.shape) * np.finfo(float).eps * leading
    rank = int(np.count_nonzero(values > resolution))
    return Modes(left[:, :rank], values[:rank] / leading, right[:rank].T, leading, exponent)


def hidden_widths_above(widths: Sequence[int], rank: int) -> tuple[int, ...]:
    """Return hidden widths that let all modes through, at least one."""
    hidden = widths_of("hidden_widths", widths)
    if not hidden:
        raise ValueError("hidden_widths must hold at least 1 width (depth 2), got none")
    if min(hidden) < rank:
        raise ValueError(
            f"hidden_widths must not be below the rank {rank} of the target, got {hidden}"
        )
    return hidden


def in_bases(cores: list[Array], bases: list[Array], exponent: int) -> list[Array]:
    """Layers that act as `cores` between orthonormal hidden bases, times a power of two.

    Parameters
    ----------
    cores : list of L arrays, shapes (r, d_0), (r, r), …, (r, r), (d_L, r)
        What each layer does to the modes.
    bases : list of L - 1 arrays, shapes (d_l, r)
        Hidden bases, in columns.
    exponent : int
        The power.
    """
    layers = [
        bases[0] @ cores[0],
        *[
            after @ core @ before.T
            for core, (before, after) in zip(cores[1:-1], pairwise(bases), strict=True)
        ],
        cores[-1] @ bases[-1].T,
    ]
    return [in_range("a factor", times_power(layer, exponent)) for layer in layers]
