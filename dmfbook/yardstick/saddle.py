"""Saddles of a given Morse index with a known spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from dmfbook._validation import Array, generator, integer, number
from dmfbook.yardstick.asks import (
    LeadingEnd,
    checked_widths,
    decaying_inputs,
    leading_end,
    rank_between,
)
from dmfbook.yardstick.modes import AlignedModes
from dmfbook.yardstick.network import KnownNetwork, known_network
from dmfbook.yardstick.zero_loss import modes_without_reg, squares

# The last mode's square, over the largest.
TAIL = 0.02
# By how much left-out modes exceed the one on its smaller root, relative.
EXCESS = 0.1


def saddle_network(
    widths: Sequence[int],
    rng: np.random.Generator,
    *,
    index: int = 1,
    dominance: float | None = None,
    leading: int = 1,
    spread: float = 0.0,
    gap: float = 0.05,
    largest: float = 1.0,
    rank: int | None = None,
    inputs_condition: float | None = None,
) -> KnownNetwork:
    """A saddle of given Morse index whose Hessian's spectrum is chosen at the leading end and known everywhere.

    The network lacks modes of its target that are stronger than `index` of those it has, one for each negative
    eigenvalue; there is no weight decay. With a `dominance` it has one mode at a point where weight decay and target
    hold each other without a minimum, and the negative eigenvalue is larger in size than all positive ones.

    Parameters
    ----------
    widths : sequence of L + 1 >= 3 ints
        ``(d_0, …, d_L)``, inputs first; they set the number of parameters.
    rng : numpy.random.Generator
        Draws the bases of the layers, of the inputs and of the outputs.
    index : int, from 1
        Number of negative eigenvalues.
    dominance : float, above 1, optional
        Size of the smallest eigenvalue over the largest. Needs depth 5 or more, and is below ``(L − 2) / 2``.
    leading, spread, gap : optional
        As for :func:`zero_loss_network`; not with a `dominance`, where the largest eigenvalue is a multiple one.
    largest : float, positive
        The largest eigenvalue.
    rank : int, optional
        Number of modes of the network, as many as there is room for, up to 32, if it is not given; at depth 2 the
        hidden width, which must be below the others; one with a `dominance`.
    inputs_condition : float, from 1, optional
        Condition number of the inputs' second moment. Without it the inputs are white.

    Returns
    -------
    KnownNetwork
        The network and its spectrum.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of this kind, or there is no such network.

    Notes
    -----
    The cost of :func:`zero_loss_network`.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> dmf.saddle_network((20, 16, 16, 12), rng, index=5).morse_index
    5
    >>> known = dmf.saddle_network((6,) * 7, rng, dominance=1.5)
    >>> round(known.smallest, 12), round(known.largest, 12)
    (-1.5, 1.0)
    """
    checked, random = checked_widths(widths), generator("rng", rng)
    number_below = integer("index", index, 1)
    asks = leading_end(leading, spread, gap, largest)
    on_data = inputs_condition is not None
    if dominance is None:
        modes = _left_out(checked, number_below, asks, rank, inputs_condition)
        modes = modes.scaled(asks.largest / (2 * modes.depth))
        network = asks.check(known_network("saddle", modes, on_data, random))
    else:
        if (leading, spread, rank) != (1, 0.0, None):
            raise ValueError("leading, spread and rank cannot be chosen together with a dominance")
        modes = _on_smaller_root(
            checked, number_below, number("dominance", dominance), inputs_condition
        )
        network = known_network("saddle", modes.scaled(asks.largest), on_data, random)
    if network.morse_index != number_below:
        raise ValueError(
            f"no such saddle was found: its index is {network.morse_index}, not {index}"
        )
    return network


def _left_out(
    widths: tuple[int, ...],
    index: int,
    asks: LeadingEnd,
    rank: int | None,
    inputs_condition: float | None,
) -> AlignedModes:
    """Modes left out that are each stronger than some of those behind the leading group."""
    side, m = min(widths[0], widths[-1]), asks.leading + 1
    least, most = m + 1, min(min(widths), side - 1)
    if len(widths) == 3:  # each spare hidden unit would add a negative eigenvalue
        if not m < widths[1] < side:
            raise ValueError(
                f"the hidden width of a saddle of depth 2 must be above {m} and below the others, got {widths[1]}"
            )
        least = widths[1]
    r = rank_between(rank, least, most)
    behind = r - m
    left_out = ceil(index / behind)
    if r + left_out > side:
        raise ValueError(
            f"index must be at most {behind * (side - r)} for rank {r} and these widths, got {index}"
        )
    inputs = decaying_inputs(widths[0], 1, inputs_condition)
    x, y = squares(asks, len(widths) - 1, r, TAIL * asks.next)
    strengths = inputs[:r] * np.sqrt(x * y)
    passed = np.full(left_out, behind)
    passed[-1] = index - behind * (left_out - 1)
    # In the middle, by logarithms, of the last mode it does not pass and the first that it passes.
    idle = np.sqrt(strengths[r - passed - 1] * strengths[r - passed])
    return modes_without_reg(widths, x, y, inputs, idle)


def _on_smaller_root(
    widths: tuple[int, ...], index: int, dominance: float, inputs_condition: float | None
) -> AlignedModes:
    """One mode on its smaller root, and stronger ones left out, for the largest eigenvalue one.

    With ``u = w^{2L−2} / λ`` the eigenvalues that matter are ``2 λ (L u − L + 2)``, ``4 λ`` and, with a left-out mode
    of ``1 + δ`` times the target value, ``2 λ (1 + u) (2 + δ)``.
    """
    depth = len(widths) - 1
    excess = EXCESS if index > 1 else 0.0
    most = (depth - 2) / (2 + excess)
    if most <= 1:
        raise ValueError(f"a dominance needs depth 5 or more, got depth {depth}")
    if not 1 < dominance < most:
        raise ValueError(
            f"dominance must lie between 1 and {most:.4g} at depth {depth} and index {index}, got {dominance:g}"
        )
    if index > min(widths[0], widths[-1]):
        raise ValueError(
            f"index must be at most {min(widths[0], widths[-1])} for these widths, got {index}"
        )
    size = 2 * dominance * (1 + excess / 2)
    u = (depth - 2 - size) / (depth + size) if index > 1 else (depth - 2 - size) / depth
    reg = 1 / (2 * (1 + u) * (2 + excess)) if index > 1 else 0.25
    w = (u * reg) ** (1 / (2 * depth - 2))
    lack = reg * w ** (2 - depth)
    residuals: Array = np.full(index, (1 + excess) * (w**depth + lack))
    residuals[0] = lack
    inputs = decaying_inputs(widths[0], index, inputs_condition)
    return AlignedModes(widths, np.full((depth, 1), w), residuals, inputs, reg)
