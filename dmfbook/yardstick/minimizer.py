"""Regularized minimizers with a known spectrum.

With balanced layers, mode i has the value ``w_i`` in each and the target ``σ_i = w_i^L + λ w_i^{2−L}``. Two modes
have the eigenvalue ``μ⁺ = 2 (σ_i + σ_j) (w_i^L − w_j^L) / (w_i² − w_j²)``, one alone ``μ⁻ = 2 L w^{2L−2} − 2 (L−2) λ``.
The leading group are the pairs of the first mode with the next ones; ``w_1 = 1`` until the network is scaled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from dmfbook._validation import Array, generator, positive_number
from dmfbook.regularized.scalar import collapse_threshold, stationary_values
from dmfbook.yardstick.asks import (
    LeadingEnd,
    checked_widths,
    decaying_inputs,
    leading_end,
    rank_between,
)
from dmfbook.yardstick.modes import AlignedModes
from dmfbook.yardstick.network import KnownNetwork, known_network


def minimizer_network(
    widths: Sequence[int],
    rng: np.random.Generator,
    *,
    condition: float = 100.0,
    leading: int = 1,
    spread: float = 0.0,
    gap: float = 0.05,
    largest: float = 1.0,
    rank: int | None = None,
    inputs_condition: float | None = None,
) -> KnownNetwork:
    """A minimizer under weight decay whose Hessian's spectrum is chosen at both ends and known in between.

    The weight follows from the gap: ``reg`` of the result is what makes it possible. The zero eigenvalues are those
    along changes of basis of the hidden layers.

    Parameters
    ----------
    widths : sequence of L + 1 >= 3 ints
        ``(d_0, …, d_L)``, inputs first; they set the number of parameters.
    rng : numpy.random.Generator
        Draws the bases of the layers, of the inputs and of the outputs.
    condition : float
        Largest over least positive eigenvalue.
    leading : int, from 1
        Number m of leading eigenvalues.
    spread : float, from 0 to 1
        They lie evenly between ``(1 − spread)`` times the largest and the largest; at 0 they are one eigenvalue of
        multiplicity m.
    gap : float, between 0 and 1
        The next eigenvalue is ``(1 − gap)`` times the last of them. How large it can be depends on the depth.
    largest : float, positive
        The largest eigenvalue.
    rank : int, optional
        Number of modes of the network; as many as there is room for, up to 32, if it is not given.
    inputs_condition : float, from 1, optional
        Condition number of the inputs' second moment: one in the directions of the modes, declining geometrically
        beyond them. Without it the inputs are white.

    Returns
    -------
    KnownNetwork
        The network and its spectrum.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of this kind, or there is no such network: the gap is too large for the depth, the
        condition number too small, the widths below the number of modes.

    Notes
    -----
    White inputs make it a global minimizer; on data it is a local one at least, since no eigenvalue is negative.
    The cost of :func:`zero_loss_network`.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> known = dmf.minimizer_network((30, 20, 20, 10), rng, condition=1e4, leading=2)
    >>> known.top(3).round(12), round(known.condition_number, 6), known.morse_index
    (array([1.  , 1.  , 0.95]), 10000.0, 0)
    """
    checked, random = checked_widths(widths), generator("rng", rng)
    asks = leading_end(leading, spread, gap, largest)
    depth, ratio = len(checked) - 1, positive_number("condition", condition)
    # From depth 3 on, the least eigenvalue needs a mode of the target that is left out.
    left_out = int(depth > 2)
    on_data = inputs_condition is not None
    beyond = int(on_data and positive_number("inputs_condition", inputs_condition) > 1)
    most = min(*checked, checked[0] - left_out - beyond, checked[-1] - left_out)
    r = rank_between(rank, asks.leading + 2, most)
    reg = _weight(asks, depth)
    top = _plus(_second(reg, depth), reg, depth)
    last, missing = _last_modes(top, ratio, reg, depth)
    group = [_partner(value * top, last, reg, depth) for value in asks.group]
    # The next mode's pair with the first is clearly below what follows the group.
    head = _partner((asks.next * top + _plus(last, reg, depth)) / 2, last, reg, depth)
    tail = np.geomspace(head, last, r - len(group))[1 - r + len(group) :]
    w = np.concatenate([[1.0], group, tail])
    residuals = np.append(reg * w ** (2 - depth), missing)
    inputs = decaying_inputs(checked[0], len(residuals), inputs_condition)
    modes = AlignedModes(checked, np.tile(w, (depth, 1)), residuals, inputs, reg)
    network = known_network(
        "regularized minimizer",
        modes.scaled(asks.largest / top),
        on_data,
        random,
    )
    if network.morse_index:
        raise ValueError("no such minimizer was found: the critical point is a saddle")
    return asks.check(network, ratio)


def _plus(w: float, reg: float, depth: int) -> float:
    """``μ⁺`` of the first mode and another one, without a difference that cancels."""
    slope = float(np.sum(w ** np.arange(depth)))
    return 2 * (1 + w**depth + reg * (1 + w ** (2 - depth))) * slope / (1 + w)


def _minus(reg: float, depth: int) -> float:
    """``μ⁻`` of the first mode alone."""
    return 2 * depth - 2 * (depth - 2) * reg


def _second(reg: float, depth: int) -> float:
    """The second mode, two equal ones of which have the first one's ``μ⁻`` for their ``μ⁺``."""
    return float((1 - reg * (2 * depth - 2) / depth) ** (1 / (2 * depth - 2)))


def _weight(asks: LeadingEnd, depth: int) -> float:
    """The weight at which the leading group is followed by such a gap."""

    def excess(reg: float) -> float:
        return asks.next * _plus(_second(reg, depth), reg, depth) - _minus(reg, depth)

    # Beyond this the second mode would collapse.
    most = depth / (depth**2 - 2)
    if excess(most) <= 0:
        largest = 1 - _minus(most, depth) / _plus(_second(most, depth), most, depth)
        raise ValueError(
            f"gap and spread must have (1 − gap)(1 − spread) above {1 - largest:.4g} at depth {depth}, got {asks.next:.4g}"
        )
    return float(brentq(excess, 0, most, xtol=1e-15, rtol=1e-15))


def _partner(plus: float, last: float, reg: float, depth: int) -> float:
    """The mode whose pair with the first has this ``μ⁺``, between the last mode and the second."""
    second = _second(reg, depth)

    def excess(w: float) -> float:
        return _plus(w, reg, depth) - plus

    if not (last < second and excess(last) < 0):
        raise ValueError(
            "no modes are left between the leading ones and the last: spread and gap are too large for this "
            "condition number"
        )
    return float(brentq(excess, last, second, xtol=1e-15))


def _last_modes(top: float, condition: float, reg: float, depth: int) -> tuple[float, Array]:
    """The weakest mode, and a left-out one next to it, for a least positive eigenvalue.

    Two layers: ``μ⁻ = 4 w²`` of the last mode. More: ``2 (σ_r − σ_j) w_r^{L−2}`` of the last mode, just above the
    threshold of collapse, and of the left-out one, just below.
    """
    least = top / condition
    if not least <= 2 * reg:
        raise ValueError(
            f"condition must be at least {top / (2 * reg):.4g} here, got {condition:g}"
        )
    if depth == 2:
        return float((least / 4) ** 0.5), np.empty(0)
    collapsing = (reg * (depth - 2)) ** (1 / (2 * depth - 2))
    step = least / (2 * collapsing ** (depth - 2))
    target = collapse_threshold(reg, depth) + step / 2
    w = float(stationary_values(target, reg, depth)[1])
    return w, np.array([target - least / (2 * w ** (depth - 2))])
