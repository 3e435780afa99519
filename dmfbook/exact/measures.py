"""What is measured at a rational point, from the definitions alone, under the names that statements use."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from flint import fmpq, fmpq_mat, fmpq_poly

from dmfbook.exact.expressions import names_in, truth
from dmfbook.exact.inertia import inertia
from dmfbook.exact.points import Matrix, RationalPoint
from dmfbook.exact.rationals import identity, kron


def hessian(point: RationalPoint, factors: tuple[Matrix, ...] | None = None) -> Matrix:
    """Hessian of ``‖M − W_L ⋯ W_1 Q‖² + Σ λ_l ‖W_l‖²``, exact.

    Parameters
    ----------
    point : RationalPoint
        The point.
    factors : tuple of fmpq_mat, optional
        Other factors for the same target and weights.

    Returns
    -------
    fmpq_mat (N, N)
        In the order of :func:`dmfbook.flatten`: columns follow each other, ``W_1`` first.

    Notes
    -----
    ``O(N^2)`` memory, ``O(N^2 d_L q)`` operations.

    Examples
    --------
    >>> from dmfbook.exact import critical_point, hessian
    >>> hessian(critical_point((1, 1, 1), mean=1, w=[2]))
    [10,  6]
    [ 6, 10]
    """
    factors = factors or point.factors
    left, right = partial_products(factors, point.input_factor)
    jacobian = _beside([kron(b.transpose(), a) for a, b in zip(left, right, strict=True)])
    table = (2 * jacobian.transpose() * jacobian).tolist()
    residual = point.target - left[0] * factors[0] * right[0]
    starts = _starts(point.widths)
    for l, first in enumerate(factors):
        between = identity(first.nrows())
        for k in range(l + 1, len(factors)):
            # −2 ⟨R, A_k Δ_k C Δ_l B_l⟩, C the product between layers l and k.
            outer = left[k].transpose() * residual * right[l].transpose()
            for p in range(outer.nrows()):
                for q in range(between.nrows()):
                    row = starts[k] + q * outer.nrows() + p
                    for r in range(between.ncols()):
                        for s in range(outer.ncols()):
                            place = starts[l] + s * between.ncols() + r
                            entry = 2 * outer[p, s] * between[q, r]
                            table[row][place] -= entry
                            table[place][row] -= entry
            between = factors[k] * between
    for l, (before, after) in enumerate(pairwise(point.widths)):
        for i in range(starts[l], starts[l] + before * after):
            table[i][i] += 2 * point.weights[l]
    return fmpq_mat(table)


def partial_products(
    factors: tuple[Matrix, ...], inputs: Matrix
) -> tuple[list[Matrix], list[Matrix]]:
    """``A_l = W_L ⋯ W_{l+1}`` and ``B_l Q = W_{l−1} ⋯ W_1 Q``."""
    right = [inputs]
    for factor in factors[:-1]:
        right.append(factor * right[-1])
    left = [identity(factors[-1].nrows())]
    for factor in factors[:0:-1]:
        left.append(left[-1] * factor)
    return left[::-1], right


def square(matrix: Matrix) -> fmpq:
    """Squared Frobenius norm."""
    return sum((x * x for x in matrix.entries()), fmpq(0))


def spectrum(values: Iterable[tuple[Any, int]]) -> fmpq_poly:
    """The monic polynomial with these roots, each so many times."""
    result = fmpq_poly([1])
    for value, times in values:
        result *= fmpq_poly([-value, 1]) ** times
    return result


def is_largest(matrix: Matrix, value: fmpq) -> bool:
    """Whether a number is the largest eigenvalue."""
    found = inertia(matrix - value * identity(matrix.nrows()))
    return found.positive == 0 and found.zero > 0


def is_least_positive(matrix: Matrix, value: fmpq) -> bool:
    """Whether a number is the least positive eigenvalue."""
    here, zero = inertia(matrix - value * identity(matrix.nrows())), inertia(matrix)
    return value > 0 and here.zero > 0 and here.negative == zero.negative + zero.zero


def end(factors: Iterable[Matrix]) -> Matrix:
    """The product ``W_L ⋯ W_1``."""
    return reduce(lambda x, factor: factor * x, factors)


def _beside(parts: list[Matrix]) -> Matrix:
    rows = zip(*(part.tolist() for part in parts), strict=True)
    return fmpq_mat([sum(row, []) for row in rows])


def _starts(widths: tuple[int, ...]) -> list[int]:
    starts = [0]
    for before, after in pairwise(widths):
        starts.append(starts[-1] + before * after)
    return starts


class Facts:
    """What is measured at one point, each when it is first asked for.

    Parameters
    ----------
    point : RationalPoint
        The point.
    """

    def __init__(self, point: RationalPoint) -> None:
        self.point = point
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = MEASURES[name](self)
        return self._found[name]

    def __contains__(self, name: str) -> bool:
        """Whether a name means anything at this point."""
        if name in OF_MODES:
            return self.point.w is not None and (name != "sigma" or self.point.sigma is not None)
        return name in MEASURES and (name not in OF_PAIRS or self.point.other is not None)

    def says(self, line: str) -> bool:
        """Whether an expression is true of the point.

        Parameters
        ----------
        line : str
            The expression, of names in `MEASURES` and `FUNCTIONS`.

        Returns
        -------
        bool
            Its value.

        Raises
        ------
        NameError
            If it needs what the point does not have.
        """
        used = names_in(line)
        return truth(line, {name: self[name] for name in used if name in self} | dict(FUNCTIONS))


def _critical(facts: Facts) -> bool:
    """Whether the gradient vanishes."""
    point = facts.point
    pairs = zip(point.weights, point.factors, facts["A"], facts["B"], strict=True)
    residual = facts["residual"]
    return all(r * w == a.transpose() * residual * b.transpose() for r, w, a, b in pairs)


def _loss(facts: Facts) -> fmpq:
    norms = zip(facts.point.weights, map(square, facts.point.factors), strict=True)
    return sum((reg * norm for reg, norm in norms), square(facts["residual"]))


def _grams(point: RationalPoint, first: bool) -> list[Matrix]:
    """``λ_l W_lᵀ W_l``, or ``λ_l W_l W_lᵀ``."""
    pairs = [(w.transpose(), w) if first else (w, w.transpose()) for w in point.factors]
    return [reg * (a * b) for reg, (a, b) in zip(point.weights, pairs, strict=True)]


def _places(point: RationalPoint) -> list[tuple[int, int, int]]:
    """Layer, row and column of each parameter."""
    return [
        (l, i, j)
        for l, (before, after) in enumerate(pairwise(point.widths))
        for j in range(before)
        for i in range(after)
    ]


def _layer_values(point: RationalPoint) -> list[list[fmpq]]:
    """Entries on the diagonals of the layers, zero beyond."""
    most = range(max(point.widths))
    return [
        [factor[i, i] if i < min(factor.nrows(), factor.ncols()) else fmpq(0) for i in most]
        for factor in point.factors
    ]


def _modes(point: RationalPoint, test: Callable[[fmpq], bool]) -> list[int]:
    return [i for i, x in enumerate(point.w or ()) if test(x)]


def _bend(point: RationalPoint, w: fmpq) -> fmpq:
    """Positive on the larger root, zero at the fold, negative on the smaller root."""
    assert point.mean is not None
    return point.depth * w ** (2 * point.depth - 2) - (point.depth - 2) * point.mean


OF_MODES = ("lam", "sigma", "w", "k", "active", "idle", "smaller", "folded")
OF_PAIRS = ("other", "turn", "hessian_of_other")

MEASURES: Mapping[str, Callable[[Facts], Any]] = MappingProxyType(
    {
        "L": lambda f: f.point.depth,
        "N": lambda f: f.point.size,
        "d": lambda f: f.point.widths,
        "q": lambda f: f.point.target.ncols(),
        "reg": lambda f: f.point.weights,
        "factors": lambda f: f.point.factors,
        "target": lambda f: f.point.target,
        "modes": lambda f: f.point.w is not None,
        "on_data": lambda f: f.point.inputs is not None,
        "pair": lambda f: f.point.other is not None,
        "diagonal": lambda f: all(
            f.point.factors[l][i, j] == 0 for l, i, j in f["places"] if i != j
        ),
        "A": lambda f: partial_products(f.point.factors, f.point.input_factor)[0],
        "B": lambda f: partial_products(f.point.factors, f.point.input_factor)[1],
        "residual": lambda f: f.point.target - end((f.point.input_factor, *f.point.factors)),
        "fits": lambda f: square(f["residual"]) == 0,
        "critical": _critical,
        "loss": _loss,
        "hessian": lambda f: hessian(f.point),
        "charpoly": lambda f: f["hessian"].charpoly(),
        "trace": lambda f: sum(f["hessian"][i, i] for i in range(f.point.size)),
        "inertia": lambda f: inertia(f["hessian"]),
        "index": lambda f: f["inertia"].negative,
        "nullity": lambda f: f["inertia"].zero,
        "inner": lambda f: _grams(f.point, first=True),
        "outer": lambda f: _grams(f.point, first=False),
        "places": lambda f: _places(f.point),
        "v": lambda f: _layer_values(f.point),
        "lam": lambda f: f.point.mean,
        "sigma": lambda f: f.point.sigma,
        "w": lambda f: f.point.w,
        "active": lambda f: _modes(f.point, lambda x: x > 0),
        "idle": lambda f: _modes(f.point, lambda x: x == 0),
        "k": lambda f: len(f["active"]),
        "smaller": lambda f: _modes(f.point, lambda x: x > 0 and _bend(f.point, x) < 0),
        "folded": lambda f: _modes(f.point, lambda x: x > 0 and _bend(f.point, x) == 0),
        "other": lambda f: f.point.other,
        "turn": lambda f: f.point.turns,
        "hessian_of_other": lambda f: hessian(f.point, f.point.other),
    }
)

BUILTINS = ("abs", "all", "any", "enumerate", "len", "max", "min", "range", "set", "sum")

FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "poly": lambda m: m.charpoly(),
        "spectrum": spectrum,
        "times_x": lambda poly, n: poly * fmpq_poly([0, 1]) ** n,
        "is_largest": is_largest,
        "is_least_positive": is_least_positive,
        "square": square,
        "end": end,
        "entry": lambda m, i, j: m[i, j],
        "mul": lambda *each: reduce(lambda x, y: x * y, each),
        "T": lambda m: m.transpose(),
        "eye": identity,
        "kron": kron,
        "add": lambda factor, each: factor * reduce(lambda x, y: x + y, each),
        "prod": lambda each: math.prod(each, start=fmpq(1)),
    }
    | {name: getattr(builtins, name) for name in BUILTINS}
)
