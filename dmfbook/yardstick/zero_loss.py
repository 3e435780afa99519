"""Minimizers of zero loss with a spectrum that the caller chooses, and saddles without weight decay on top of them.

The middle layers are partial isometries; mode i has the square ``x_i`` in the last layer and ``y_i`` in the first, and
``s_j`` are the squares of the inputs' singular values. The eigenvalues are then ``2 s_j (x_i + y_j + (L−2) x_i y_j)``
for each output i and input j, with ``x_i = 0`` or ``y_j = 0`` beyond the modes, and zero for all other parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dmfbook._validation import Array, generator, positive_number
from dmfbook.yardstick.asks import (
    LeadingEnd,
    checked_widths,
    decaying_inputs,
    leading_end,
    rank_between,
)
from dmfbook.yardstick.modes import AlignedModes
from dmfbook.yardstick.network import KnownNetwork, known_network


def zero_loss_network(
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
    """A minimizer of zero loss whose Hessian's spectrum is chosen at both ends and known in between.

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
        The next eigenvalue is ``(1 − gap)`` times the last of them.
    largest : float, positive
        The largest eigenvalue.
    rank : int, optional
        Number of modes of the network; as many as there is room for, up to 32, if it is not given.
    inputs_condition : float, from 1, optional
        Condition number of the inputs' second moment, whose eigenvalues decline geometrically. Without it the inputs
        are white.

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
    ``O(Σ d_l³)`` flops for the bases, and for r modes of at most n kinds of positions ``O(r n L³)`` for the spectrum.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> known = dmf.zero_loss_network((30, 20, 20, 10), rng, condition=1e4, leading=2)
    >>> known.top(3).round(12), round(known.condition_number, 6)
    (array([1.  , 1.  , 0.95]), 10000.0)
    """
    checked, random = checked_widths(widths), generator("rng", rng)
    asks = leading_end(leading, spread, gap, largest)
    most = min(checked)
    r = rank_between(rank, asks.leading + 2, most)
    ratio = positive_number("condition", condition)
    inputs = decaying_inputs(checked[0], 1, inputs_condition)
    cap = _largest_beyond(asks, len(checked) - 1)
    # The least positive eigenvalue, over that of balanced layers, joins the last mode with nothing if it can.
    least = (len(checked) - 1) / ratio
    if checked[0] > r:
        tail = least / inputs[-1] ** 2
    elif checked[-1] > r:
        tail = least / inputs[r - 1] ** 2
    else:
        e = least / inputs[r - 1] ** 2
        tail = e / (1 + (1 + (len(checked) - 3) * e) ** 0.5)
    if not 0 < tail < 0.9 * cap:
        raise ValueError(
            f"condition must be at least {ratio * tail / (0.9 * cap):.4g} here, got {condition}"
        )
    x, y = squares(asks, len(checked) - 1, r, tail)
    modes = modes_without_reg(checked, x, y, inputs)
    network = known_network(
        "minimizer of zero loss",
        modes.scaled(asks.largest / (2 * modes.depth)),
        inputs_condition is not None,
        random,
    )
    return asks.check(network, ratio)


def _largest_beyond(asks: LeadingEnd, depth: int) -> float:
    """The square in the last layer of the first mode beyond the leading group."""
    beyond = (depth * asks.next - 1) / (depth - 1)
    if beyond <= 0:
        raise ValueError(
            f"spread and gap are too large: the next eigenvalue is never below 1/{depth} of the largest at depth {depth}"
        )
    return beyond


def squares(asks: LeadingEnd, depth: int, rank: int, tail: float) -> tuple[Array, Array]:
    """Squares ``x_i`` of the last layer and ``y_i`` of the first, down to `tail`, for the largest eigenvalue ``2 L``."""
    cap, m = _largest_beyond(asks, depth), asks.leading
    # Eigenvalues of output i and the first input, where y = 1.
    group = (depth * asks.group - 1) / (depth - 1)
    x = np.concatenate([group, np.geomspace(cap, tail, rank - m)])
    y = np.append(1.0, np.geomspace(0.9 * cap, tail, rank - 1))
    return x, y


def modes_without_reg(
    widths: tuple[int, ...], x: Array, y: Array, inputs: Array, idle: Array | None = None
) -> AlignedModes:
    """Modes with these squares, and target values `idle` of modes that the network leaves out."""
    layers = np.ones((len(widths) - 1, len(x)))
    layers[0], layers[-1] = np.sqrt(y), np.sqrt(x)
    residuals = np.append(np.zeros(len(x)), [] if idle is None else idle)
    return AlignedModes(widths, layers, residuals, inputs)
