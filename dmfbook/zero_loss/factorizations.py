"""Random factorizations of a target: any, or of least sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import in_range, scaled_power, times_power
from dmfbook._validation import Array, generator, matrix, nonnegative_number, positive_number
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.moments import InputFactor, input_factor
from dmfbook.zero_loss.flattest import flattest_split
from dmfbook.zero_loss.modes import Modes, hidden_widths_above, in_bases, modes_of, seen_target


def zero_loss_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    rng: np.random.Generator,
    condition: float = 10.0,
) -> list[Array]:
    """Random factorization of a target, unbalanced.

    Balanced factors of the target's non-zero modes, with Gaussian entries where those leave room,
    are seen through a random change of basis in each hidden layer.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``, none below the rank of `target`.
    rng : numpy.random.Generator
        Source of randomness.
    condition : float, >= 1
        Condition number of each change of basis. At 1 they are orthogonal, and the modes are balanced.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with end-to-end matrix `target`, up to a relative error of about `condition` ``L ε``, or its square
        times ``L ε`` at worst, for conditions in the thousands.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a hidden width is too small, `condition` is below 1, or `rng` is no
        generator.

    Notes
    -----
    ``O(Σ d_l³)`` flops, memory for a few hidden matrices.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> factors = dmf.zero_loss_factors([[2.0, 1.0]], (3, 4), np.random.default_rng(0))
    >>> dmf.end_to_end(factors).round(12)
    array([[2., 1.]])
    """
    random = generator("rng", rng)
    if positive_number("condition", condition) < 1:
        raise ValueError(f"condition must be a number from 1 on, got {condition}")
    modes = modes_of(matrix("target", target))
    hidden = hidden_widths_above(hidden_widths, modes.rank)
    depth = len(hidden) + 1
    root, exponent = modes.leading_root(depth)
    widths = (modes.rank, *hidden, modes.rank)
    layers = [np.zeros((after, before)) for before, after in pairwise(widths)]
    place = np.arange(modes.rank)
    for layer in layers:
        layer[place, place] = root * modes.ratios ** (1 / depth)
    for layer in layers[1:-1]:
        room = layer[modes.rank :, modes.rank :]
        room[:] = root / max(1, *room.shape) ** 0.5 * random.standard_normal(room.shape)
    stretch = float(condition) ** 0.5
    for l, width in enumerate(hidden):
        stretches = np.geomspace(1 / stretch, stretch, width)
        first, second = (orthonormal_frame(width, width, random) for _ in range(2))
        layers[l] = first @ (stretches[:, None] * (second @ layers[l]))
        layers[l + 1] = ((layers[l + 1] @ second.T) / stretches) @ first.T
    layers[0], layers[-1] = layers[0] @ modes.right.T, modes.left @ layers[-1]
    return [in_range("a factor", times_power(layer, exponent)) for layer in layers]


def flat_factors(
    target: ArrayLike,
    hidden_widths: Sequence[int],
    rng: np.random.Generator,
    spread: float = 0.0,
    spare: float = 0.0,
    inputs: ArrayLike | None = None,
) -> list[Array]:
    """Random flat minimum: a factorization of least sharpness.

    For white inputs the leading mode is shared equally by the layers. Each other mode may be shared unequally, as
    long as no layer has more than ``σ_1^{1/L}`` of it; then ``‖A_l‖₂ ‖B_l‖₂ = σ_1^{1−1/L}`` for all l. For other
    inputs all layers but the first are ``√p`` times a partial isometry, with the p that :func:`flat_sharpness`
    minimizes over.

    Parameters
    ----------
    target : array (d_L, d_0)
        The matrix ``M``, what the network is to be: its outputs are ``M X``.
    hidden_widths : sequence of L - 1 >= 1 ints
        ``(d_1, …, d_{L-1})``, none below the rank of `target`, or of ``M X`` with inputs.
    rng : numpy.random.Generator
        Source of randomness: bases of the hidden layers, and which layer gets how much of a mode.
    spread : float, from 0 to 1
        At 0 the factors are balanced; at 1 each mode but the leading one has its smallness in a single
        layer, as unequal as the condition allows. With inputs there is no such freedom: 0 only.
    spare : float, >= 0
        Size, in units of ``σ_1^{1/L}``, or of ``√p`` with inputs, of Gaussian entries of the middle layers that no
        input reaches and no output sees. They exist for depth 3 and more and hidden widths above the rank, and may be
        as large as you like: the point stays flat, however far from Frobenius balance it gets. Such entries have
        hidden units of their own, drawn at random, so that rounding does not link them to the others either.
    inputs : array (d_0, n), optional
        Samples, as for :func:`sharpness`; white inputs without them.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Factors with end-to-end matrix `target` up to rounding. With inputs that do not span ``R^{d_0}`` it equals the
        target on their span and vanishes beyond it.

    Raises
    ------
    ValueError, TypeError
        If the target is not a finite real matrix, a hidden width is too small, `spread` is not within 0 and 1, or not
        0 with inputs, `spare` is negative or not finite, the inputs are not a finite real matrix with ``d_0`` rows, or
        `rng` is no generator.
    OverflowError
        If a factor is beyond the range of float64.

    Notes
    -----
    ``O(Σ d_l³)`` flops, memory for a few hidden matrices; with inputs the cost of :func:`flat_sharpness` as well, and
    the same directions count as absent.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> target = [[4.0, 0.0], [0.0, 1.0]]
    >>> factors = dmf.flat_factors(target, (3,), np.random.default_rng(0), spread=1.0)
    >>> round(dmf.sharpness(factors) / dmf.flat_sharpness(target, 2), 12), dmf.imbalance(factors) > 1
    (1.0, True)
    >>> samples = [[2.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    >>> factors = dmf.flat_factors(target, (3,), np.random.default_rng(0), inputs=samples)
    >>> round(dmf.sharpness(factors, samples) / dmf.flat_sharpness(target, 2, samples), 12)
    1.0
    """
    random, checked = generator("rng", rng), matrix("target", target)
    share, size = nonnegative_number("spread", spread), nonnegative_number("spare", spare)
    if share > 1:
        raise ValueError(f"spread must lie between 0 and 1, got {spread}")
    if inputs is None:
        modes = modes_of(checked)
        hidden = hidden_widths_above(hidden_widths, modes.rank)
        cores = _shared_modes(modes, len(hidden) + 1, share, random)
    elif share > 0:
        raise ValueError(f"spread must be 0 with inputs, got {spread}: they leave no such freedom")
    else:
        moments = input_factor(inputs, checked.shape[1])
        hidden, cores = _isometries_behind_the_first(checked, hidden_widths, moments)
    rank = len(cores.layers[0])
    rooms = [
        size * cores.unit / max(1, *shape) ** 0.5 * random.standard_normal(shape)
        for shape in [(after - rank, before - rank) for before, after in pairwise(hidden)]
    ]
    if size == 0:
        bases = [orthonormal_frame(width, width, random)[:, :rank] for width in hidden]
        return in_bases(cores.layers, bases, cores.exponent)
    orders = [random.permutation(width) for width in hidden]
    bases = [np.zeros((width, rank)) for width in hidden]
    for basis, order in zip(bases, orders, strict=True):
        basis[order[:rank]] = orthonormal_frame(rank, rank, random)
    layers = in_bases(cores.layers, bases, cores.exponent)
    for layer, room, (before, after) in zip(layers[1:-1], rooms, pairwise(orders), strict=True):
        layer[np.ix_(after[rank:], before[rank:])] = times_power(room, cores.exponent)
    return [in_range("a factor", layer) for layer in layers]


class _Cores(NamedTuple):
    """What each layer of a flat minimum does to the modes, and the size of a layer, over ``2**exponent``."""

    layers: list[Array]
    unit: float
    exponent: int


def _shared_modes(modes: Modes, depth: int, spread: float, rng: np.random.Generator) -> _Cores:
    """Layers none of which has more than ``σ_1^{1/L}`` of a mode."""
    burdened = rng.integers(depth, size=modes.rank)
    # Shares of log(σ_1/σ_i) that the layers take; a layer that takes none has the leading value.
    shares = np.full((depth, modes.rank), (1 - spread) / depth)
    shares[burdened, np.arange(modes.rank)] += spread
    root, exponent = modes.leading_root(depth)
    first, *middle, last = root * modes.ratios**shares
    layers = [first[:, None] * modes.right.T, *map(np.diag, middle), modes.left * last]
    return _Cores(layers, root, exponent)


def _isometries_behind_the_first(
    target: Array, hidden_widths: Sequence[int], inputs: InputFactor
) -> tuple[tuple[int, ...], _Cores]:
    """Hidden widths, and layers of which all but the first are ``√p`` times a partial isometry."""
    seen = seen_target(target, inputs)
    modes = modes_of(seen.image)
    hidden = hidden_widths_above(hidden_widths, modes.rank)
    depth = len(hidden) + 1
    root = float(flattest_split(target, depth, inputs).p ** 0.5)
    power, exponent = scaled_power(1.0, seen.exponent, (1, depth))
    # W_1 = p^{−(L−1)/2} Uᵀ M on the span of the inputs, where U holds the left singular vectors of M Q.
    first = modes.left.T @ seen.projected / root ** (depth - 1)
    middle = [root * power * np.eye(modes.rank)] * (depth - 2)
    layers = [power * first, *middle, root * power * modes.left]
    return hidden, _Cores(layers, root * power, exponent)
