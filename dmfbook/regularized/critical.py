"""Critical points of the regularized problem: the global minimizer, all others, the null set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER, SMALLER, Modes, Roots
from dmfbook.regularized.point import CriticalPoint


def global_minimizer(problem: Problem) -> CriticalPoint:
    """Global minimizer of a regularized problem, up to changes of basis of the hidden layers.

    The modes of the target above the collapse threshold take the larger root, at most as many as
    the narrowest layer lets through; all others vanish [1]_. On the null set where the end-to-end
    minimizer is not unique (:func:`exceptional_gap`) this is one of largest rank.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Returns
    -------
    CriticalPoint
        The orbit of global minimizers.

    Raises
    ------
    ValueError
        If a weight is zero.

    Notes
    -----
    One singular value decomposition of the target, none if it is diagonal.

    References
    ----------
    .. [1] kamber2026landscape, arXiv 2603.27072.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.global_minimizer(dmf.Problem([[2.0, 0.0], [0.0, 0.5]], (2,), reg=1.0)).end_to_end
    array([[1., 0.],
           [0., 0.]])
    """
    modes = Modes(problem)
    return CriticalPoint(problem, leading_roots(modes, modes.kept(ties=True)), modes)


def critical_points(problem: Problem) -> Iterator[CriticalPoint]:
    """All critical points of a regularized problem, one an orbit, lazily.

    Each mode of the target is left out or takes one of its positive roots (two above the fold, one
    at the fold and at depth 2), and no more modes are active than the narrowest layer lets
    through [1]_. An orbit is taken under changes of basis of the hidden layers and, where singular
    values repeat, under the symmetries of the target as well: the end-to-end matrix itself then
    moves in a continuous family, and one member stands for all that put equally many of the equal
    modes on each root. All members of a family have the same loss and the same spectrum.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Yields
    ------
    CriticalPoint
        By increasing rank, starting with zero; within a rank in lexicographic order, larger singular
        values and larger roots first. So the first of each rank has the least loss of that rank.

    Raises
    ------
    ValueError
        If a weight is zero; on the call, not on the first point.

    Notes
    -----
    With n singular values above the fold, all distinct, and narrowest width d there are
    ``Σ_{k ≤ min(n, d)} C(n, k) 2^k`` points for depth 3 and more, ``Σ_{k ≤ min(n, d)} C(n, k)`` for
    depth 2. Each costs ``O(d_0 + d_L)``; one decomposition of the target serves all.

    References
    ----------
    .. [1] chen2025complete, arXiv 2506.20344.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[3.0]], (2, 2), reg=1.0)
    >>> [(point.rank, point.kind) for point in dmf.critical_points(problem)]
    [(0, 'local minimizer'), (1, 'global minimizer'), (1, 'strict saddle')]
    """
    modes = Modes(problem)
    return (CriticalPoint(problem, roots, modes) for roots in _selections(modes))


def local_minimizers(problem: Problem) -> Iterator[CriticalPoint]:
    """All local minimizers of a regularized problem, one an orbit, without a walk through its other critical points.

    The leading modes take their larger roots, all others vanish [1]_: with an inactive mode above an active one, or
    a mode on its smaller root, the Hessian has a negative eigenvalue, and with a mode at the fold the loss is cubic.
    For depth 3 and more any number of modes above the fold may lead, as far as the narrowest layer lets them through;
    at depth 2 all of them do, and every local minimizer is global. Where the last mode ties with the first left out,
    one member stands for its family, as in :func:`critical_points`.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Yields
    ------
    CriticalPoint
        By increasing rank, global minimizers included; at most one of each rank. Their `kind` tells them apart.

    Raises
    ------
    ValueError, TypeError
        If a weight is zero or the problem is not one of factorization; on the call, not on the first point.

    Notes
    -----
    With n modes above the fold and narrowest width d there are ``min(n, d) + 1`` for depth 3 and more, one at depth 2.
    Each costs ``O(d_0 + d_L)``; one decomposition of the target serves all.

    References
    ----------
    .. [1] chen2025complete, arXiv 2506.20344.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.Problem([[3.0, 0.0], [0.0, 1.8]], (2, 2), reg=1.0)
    >>> for point in dmf.local_minimizers(problem):
    ...     print(point)
    CriticalPoint(rank 0 of 2, local minimizer, loss 12.2, L = 3)
    CriticalPoint(rank 1 of 2, global minimizer, loss 8.95, L = 3)
    CriticalPoint(rank 2 of 2, local minimizer, loss 9.29, L = 3)
    """
    modes = Modes(problem)
    most = min(modes.capacity, int(np.count_nonzero(modes.values > modes.fold)))
    fewest = most if problem.depth == 2 else 0
    return (
        CriticalPoint(problem, leading_roots(modes, rank), modes)
        for rank in range(fewest, most + 1)
    )


def critical_point(problem: Problem, roots: ArrayLike) -> CriticalPoint:
    """Critical point with given roots, one orbit.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.
    roots : array of ints (min(d_0, d_L),)
        For each singular value of the target, largest first: 0 leaves the mode out, 1 takes its smaller root, 2 the
        larger; at the fold and for depth 2 the only root counts as the larger.

    Returns
    -------
    CriticalPoint
        The point; among equal singular values it is the member of the family that `roots` says.

    Raises
    ------
    ValueError, TypeError
        If a weight is zero, the problem is not one of factorization, `roots` are not one of 0, 1, 2 for each mode, a
        mode lacks its root, or more modes are active than the narrowest layer lets through.
    OverflowError
        If a smaller root is below the range of float64.

    Notes
    -----
    One singular value decomposition of the target, none if it is diagonal.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.critical_point(dmf.Problem([[3.0]], (2, 2), reg=1.0), roots=[1])
    CriticalPoint(rank 1 of 1, strict saddle, loss 9.11, L = 3)
    """
    return CriticalPoint(problem, roots)  # type: ignore[arg-type]


def exceptional_gap(problem: Problem) -> float:
    """Distance of the target to the targets whose end-to-end minimizer is not unique.

    It is not unique if a mode that the narrowest layer lets through sits at the collapse
    threshold (depth 3 and more), or if the last mode let through ties with the first held back
    and both would be active.

    Parameters
    ----------
    problem : Problem
        The objective; all its weights must be positive.

    Returns
    -------
    float
        Distance in the spectral norm, divided by the larger of ``‖M‖₂`` and the collapse threshold.
        Zero on the exceptional set and its boundary, to the resolution of the singular values;
        infinity where there is no exceptional target (depth 2 without a bottleneck).

    Raises
    ------
    ValueError
        If a weight is zero.

    Notes
    -----
    A perturbation moves no singular value by more than its spectral norm (Weyl), and the nearest
    exceptional target shares the singular vectors. One decomposition of the target, none if it is
    diagonal.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.exceptional_gap(dmf.Problem([[2.0]], (1, 1), reg=1.0))
    0.0
    >>> dmf.exceptional_gap(dmf.Problem([[4.0]], (1, 1), reg=1.0))
    0.5
    """
    modes = Modes(problem)
    values, kept = modes.values, modes.capacity
    gaps = [np.inf]
    if problem.depth > 2:
        gaps.extend(np.abs(values[:kept] - modes.collapse))
    if kept < len(values):
        # Both modes move to where they meet, halfway between them or up at the threshold.
        gaps.append(max((values[kept - 1] - values[kept]) / 2, modes.collapse - values[kept]))
    return float(min(gaps) / max(values[0], modes.collapse))


def leading_roots(modes: Modes, rank: int) -> Roots:
    """The first modes on their larger roots, all others inactive."""
    roots = np.zeros(len(modes.values), np.int8)
    roots[:rank] = LARGER
    return roots


def _selections(modes: Modes) -> Iterator[Roots]:
    """Roots of all critical points, by rank, then lexicographically."""
    # Roots exist for leading modes only; equal ones form a group whose members are interchangeable.
    available = modes.available
    _, starts, sizes = np.unique(-modes.values[:available], return_index=True, return_counts=True)
    groups = list(zip(starts.tolist(), sizes.tolist(), strict=True))
    single = np.isnan(modes.smaller)

    def place(roots: Roots, first: int, count: int) -> Iterator[Roots]:
        if count == 0:
            yield roots
            return
        for group in range(first, len(groups)):
            start, size = groups[group]
            if count > available - start:
                return
            for taken in range(min(size, count), 0, -1):
                for smaller in range(1 if single[start] else taken + 1):
                    placed = roots.copy()
                    placed[start : start + taken] = LARGER
                    placed[start + taken - smaller : start + taken] = SMALLER
                    yield from place(placed, group + 1, count - taken)

    for rank in range(min(modes.capacity, available) + 1):
        yield from place(np.zeros(len(modes.values), np.int8), 0, rank)
