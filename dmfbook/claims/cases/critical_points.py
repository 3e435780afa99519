"""Critical points of a chosen kind, made from the statement of `thm-all-critical-points`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import OUT, PointCase, mean_of, mode_value
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER, SMALLER
from dmfbook.regularized.scalar import collapse_threshold, fold_threshold

Mode = tuple[float, int]  # share of a threshold, and root
Weights = Callable[[np.random.Generator, int], Array]


def critical(
    depths: tuple[int, int],
    modes: Sequence[Mode],
    *,
    ends: tuple[int, int] | None = None,
    spare: tuple[int, int] = (0, 2),
    narrow: bool = False,
    weights: Weights = lambda rng, depth: rng.uniform(0.1, 0.5, depth),
    unit: str = "fold",
) -> Callable[[np.random.Generator], PointCase]:
    """Maker of critical points with these modes, at random members of their orbits.

    Parameters
    ----------
    depths : (int, int)
        Least and greatest depth.
    modes : sequence of (float, int)
        For each mode its singular value as a share of the threshold, and its root. Shares other than
        0 and 1 vary by three percent, equal ones together.
    ends : (int, int), optional
        By how much the input and the output are wider than the modes need; 0 or 1 at random by default.
    spare : (int, int)
        Least and greatest number of units of a hidden layer beyond the active modes.
    narrow : bool
        Whether one of the hidden layers has no unit beyond the active modes.
    weights : callable
        Makes the weights of so many layers; unequal ones by default.
    unit : {"fold", "collapse"}
        The threshold that the shares refer to.
    """

    def maker(rng: np.random.Generator) -> PointCase:
        depth = int(rng.integers(depths[0], depths[1] + 1))
        rank = sum(root != OUT for _, root in modes)
        extra = ends or rng.integers(0, 2, 2)
        hidden = max(1, rank) + rng.integers(spare[0], spare[1] + 1, depth - 1)
        if narrow:
            hidden[rng.integers(depth - 1)] = rank
        reg = weights(rng, depth)
        threshold = {"fold": fold_threshold, "collapse": collapse_threshold}[unit]
        shares = {s: s * (1 if s in (0, 1) else rng.uniform(0.97, 1.03)) for s, _ in modes}
        scale = float(threshold(mean_of(reg), depth))
        ordered = sorted(modes, key=lambda mode: mode[1] == OUT)
        widths = (len(modes) + extra[0], *hidden, len(modes) + extra[1])
        # Where both ends are wider than the modes ask for, the target has further ones, which are zero.
        ordered += [(0, OUT)] * int(min(extra))
        sigma = scale * np.array([shares.get(s, s) for s, _ in ordered])
        return at_modes(rng, [int(d) for d in widths], reg, sigma, [root for _, root in ordered])

    return maker


def equal(rng: np.random.Generator, depth: int) -> Array:
    """One weight for all layers."""
    return np.full(depth, rng.uniform(0.1, 0.5))


def spread(rng: np.random.Generator, depth: int) -> Array:
    """Weights that differ by a factor of four."""
    return rng.permutation(np.geomspace(0.1, 0.4, depth)) * rng.uniform(1, 1.5)


def at_modes(
    rng: np.random.Generator,
    widths: Sequence[int],
    reg: Array,
    sigma: Array,
    roots: Sequence[int],
) -> PointCase:
    """The critical point whose modes are on the given roots, active ones first."""
    depth, rank = len(widths) - 1, int(np.count_nonzero(roots))
    left, right = (orthonormal_frame(d, len(sigma), rng) for d in (widths[-1], widths[0]))
    w = np.array(
        [mode_value(*each, mean_of(reg), depth) for each in zip(sigma, roots, strict=True)]
    )
    frames = [right, *(orthonormal_frame(d, rank, rng) for d in widths[1:-1]), left]
    scales = np.sqrt(mean_of(reg) / np.asarray(reg))
    factors = [
        (scale * after[:, :rank] * w[:rank]) @ before[:, :rank].T
        for scale, before, after in zip(scales, frames[:-1], frames[1:], strict=True)
    ]
    problem = Problem((left * sigma) @ right.T, widths[1:-1], reg)
    return PointCase(problem, sigma, w, np.array(roots), factors, int(rng.integers(2**32)))


def not_critical(weights: Weights = spread) -> Callable[[np.random.Generator], PointCase]:
    """Maker of a control: factors of a minimizer, changed at random by three tenths of their size."""
    maker = critical((2, 5), [(1.6, LARGER), (2.2, LARGER)], weights=weights)

    def control(rng: np.random.Generator) -> PointCase:
        case = maker(rng)
        vector, step = flatten(case.factors), rng.normal(size=case.problem.size)
        step *= 0.3 * np.linalg.norm(vector) / np.linalg.norm(step)
        return replace(case, factors=unflatten(vector + step, case.problem.widths))

    return control


def without_weight_decay(rng: np.random.Generator) -> PointCase:
    """Control: no weight decay; a split of the target into factors that are far from balanced."""
    depth, sigma = int(rng.integers(2, 5)), np.array([3.0, 2.0]) * rng.uniform(0.9, 1.1)
    case = at_modes(
        rng, (2, *rng.integers(2, 4, depth - 1).tolist(), 3), np.ones(depth), sigma * 2, [2, 2]
    )
    w, factors = sigma ** (1 / depth), []
    left, _, right = np.linalg.svd(case.problem.target)
    frames = [
        right[:2].T,
        *(orthonormal_frame(len(f), 2, rng) for f in case.factors[:-1]),
        left[:, :2],
    ]
    tilts = [np.eye(2), *(_tilt(rng) for _ in range(depth - 1)), np.eye(2)]
    for before, after, tilt, over in zip(
        frames[:-1], frames[1:], tilts[:-1], tilts[1:], strict=True
    ):
        factors.append(after @ over @ np.diag(w) @ np.linalg.inv(tilt) @ before.T)
    problem = Problem(end_to_end(factors), case.problem.hidden_widths)
    return PointCase(problem, sigma, w, case.roots, factors, case.seed)


def _tilt(rng: np.random.Generator) -> Array:
    """A change of basis that is far from orthogonal, and in general position."""
    angle = rng.uniform(0.3, 0.6)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([2.5, 1 / 2.0])


def any_modes(rng: np.random.Generator) -> PointCase:
    """Any choice of roots for three modes that may repeat, vanish or sit at the fold; unequal weights."""
    shares = rng.choice([0.0, 0.6, 1.0, 1.3, 1.3, 1.7, 2.2], 3)
    depths = (2, 2) if rng.random() < 0.3 else (3, 6)
    deep = depths[0] > 2
    modes = []
    for share in shares.tolist():
        available = [OUT] if share < 1 or (share == 1 and not deep) else [OUT, LARGER]
        if deep and share > 1:
            available.append(SMALLER)
        modes.append((share, int(rng.choice(available))))
    return critical(depths, modes)(rng)
