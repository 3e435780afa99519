"""Signs of the eigenvalues of a symmetric rational matrix, by exact elimination."""

from __future__ import annotations

from typing import NamedTuple

from flint import fmpq, fmpq_mat


class Inertia(NamedTuple):
    """Numbers of negative, vanishing and positive eigenvalues."""

    negative: int
    zero: int
    positive: int


def inertia(symmetric: fmpq_mat) -> Inertia:
    """Count the signs of the eigenvalues.

    Congruence keeps them (Sylvester): the signs of the pivots of a symmetric elimination are those of the eigenvalues.
    Where all that is left of the diagonal vanishes, a pair of entries ``a`` is a pivot of size two, with one
    eigenvalue of each sign.

    Parameters
    ----------
    symmetric : fmpq_mat (N, N)
        The matrix.

    Returns
    -------
    Inertia
        The three numbers, which add up to N.

    Raises
    ------
    ValueError
        If the matrix is not symmetric.

    Notes
    -----
    ``O(N^3)`` operations on rationals whose digits grow with N; far fewer where most entries vanish.

    Examples
    --------
    >>> from flint import fmpq_mat
    >>> inertia(fmpq_mat(2, 2, [0, 1, 1, 0]))
    Inertia(negative=1, zero=0, positive=1)
    """
    if symmetric != symmetric.transpose():
        raise ValueError("inertia needs a symmetric matrix")
    rows = {
        i: {j: x for j, x in enumerate(row) if x != 0} for i, row in enumerate(symmetric.tolist())
    }
    counts = {-1: 0, 1: 0}
    while any(rows.values()):
        # The pivot with the fewest neighbours keeps what is sparse so.
        pivots = [i for i, row in rows.items() if i in row]
        if pivots:
            i = min(pivots, key=lambda i: len(rows[i]))
            counts[1 if rows[i][i] > 0 else -1] += 1
            _eliminate(rows, i)
        else:
            i = min((i for i, row in rows.items() if row), key=lambda i: len(rows[i]))
            # Adding row and column j to i is a congruence that puts 2 a_ij on the diagonal.
            _add(rows, i, next(iter(rows[i])))
    return Inertia(counts[-1], symmetric.nrows() - counts[-1] - counts[1], counts[1])


def _eliminate(rows: dict[int, dict[int, fmpq]], i: int) -> None:
    """Clear a pivot's row and column, and forget both."""
    row = rows.pop(i)
    pivot = row.pop(i)
    for j, x in row.items():
        share, target = x / pivot, rows[j]
        del target[i]
        for k, y in row.items():
            left = target.get(k, fmpq(0)) - share * y
            if left == 0:
                target.pop(k, None)
            else:
                target[k] = left


def _add(rows: dict[int, dict[int, fmpq]], i: int, j: int) -> None:
    """Add row j to row i, then column j to column i."""
    added = dict(rows[i])
    for k, x in rows[j].items():
        added[k] = added.get(k, fmpq(0)) + x
    added[i] = added.get(i, fmpq(0)) + added.get(j, fmpq(0))
    for k in set(rows[i]) | set(added):
        x = added.get(k, fmpq(0))
        if x == 0:
            rows[i].pop(k, None)
            rows[k].pop(i, None)
        else:
            rows[i][k] = x
            rows[k][i] = x
