"""The scalar problem for every target and every weight, in ball arithmetic.

In units of ``m^{1/L}`` the loss is ``m² f(x)``, ``f(x) = (1 − x^L)² + λ L x²`` with ``λ m^{2/L − 2}`` in place of λ: the
target may be set to 1, and what is left is one dimension. Two polynomials say all: ``f'(x) = 2 L x (λ − h(x))`` and
``f(x) − f(0) = L x² (λ − c(x))``. Where each of them rises and falls is decided piece by piece, by bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from flint import arb, arb_poly, ctx, fmpq, fmpq_poly

from dmfbook.exact.expressions import truth

BITS = 40  # pieces of [0, 1] are no shorter than 2^−BITS


@dataclass(frozen=True)
class Shape:
    """How a polynomial on [0, 1] rises to its top and falls behind it.

    Parameters
    ----------
    rising, falling : tuple of fmpq
        Ends of pieces on each of which it rises, from 0 on, and falls, up to 1.
    rest : (fmpq, fmpq)
        Bounds of its values between both. Only for λ between them nothing is decided.
    """

    rising: tuple[fmpq, ...]
    falling: tuple[fmpq, ...]
    rest: tuple[fmpq, fmpq]

    @property
    def top(self) -> tuple[fmpq, fmpq]:
        """Ends of the piece in which the maximum lies."""
        return self.rising[-1], self.falling[0]


@cache
def stationary(depth: int) -> fmpq_poly:
    """``h(x) = x^{L−2} (1 − x^L)``: positive stationary points are where it is λ."""
    fit = fmpq_poly([1] + [0] * (depth - 1) + [-1]) ** 2
    return -fit.derivative() / (2 * depth * fmpq_poly([0, 1]))


@cache
def better(depth: int) -> fmpq_poly:
    """``c(x) = x^{L−2} (2 − x^L) / L``: x is better than zero where it exceeds λ."""
    fit = fmpq_poly([1] + [0] * (depth - 1) + [-1]) ** 2
    return (fit(0) - fit) / (depth * fmpq_poly([0, 0, 1]))


def shape(polynomial: fmpq_poly, bits: int = BITS) -> Shape:
    """Bisect [0, 1] until the slope has a sign on each piece, but on the shortest ones.

    Parameters
    ----------
    polynomial : fmpq_poly
        A polynomial with one maximum on [0, 1].
    bits : int
        Pieces are no shorter than ``2^−bits``. The rest shrinks as ``4^−bits``.

    Returns
    -------
    Shape
        What was decided.

    Raises
    ------
    ArithmeticError
        If it does not rise first and fall then.
    """
    slope = polynomial.derivative()
    while slope[0] == 0:  # a zero at the end, which decides nothing
        slope = fmpq_poly(slope.coeffs()[1:])
    with_precision = ctx.prec
    ctx.prec = 4 * bits + 64
    try:
        pieces = _pieces(slope, fmpq(0), fmpq(1), bits)
        signs = [sign for _, _, sign in pieces]
        if signs != sorted(signs, reverse=True):
            raise ArithmeticError(f"expected a rise, then a fall, got slopes {signs}")
        low = max((b for _, b, sign in pieces if sign > 0), default=fmpq(0))
        high = min((a for a, _, sign in pieces if sign < 0), default=fmpq(1))
        rising = [a for a, _, sign in pieces if sign > 0] + [low]
        falling = [high] + [b for _, b, sign in pieces if sign < 0]
        middle, half = (low + high) / 2, (high - low) / 2
        # The mean value form, whose width is of second order; four times it leaves room for other intervals.
        spread = _value(polynomial.derivative(), low, high) * arb(0, 4 * _arb(half))
        value = _value(polynomial, middle, middle) + spread
        rest = (polynomial(low),) * 2 if low == high else _outward(value, bits)
        return Shape(_merged(slope, rising), _merged(slope, falling), rest)
    finally:
        ctx.prec = with_precision


def _pieces(slope: fmpq_poly, a: fmpq, b: fmpq, bits: int) -> list[tuple[fmpq, fmpq, int]]:
    """Pieces with the sign of the slope on them, 0 where it is not decided."""
    value = _value(slope, a, b)
    if value > 0 or value < 0:
        return [(a, b, 1 if value > 0 else -1)]
    if (b - a) * 2**bits <= 1:
        return [(a, b, 0)]
    middle = (a + b) / 2
    return _pieces(slope, a, middle, bits) + _pieces(slope, middle, b, bits)


def _merged(slope: fmpq_poly, ends: list[fmpq]) -> tuple[fmpq, ...]:
    """The same pieces, joined where one ball decides the sign on all of them."""
    value = _value(slope, ends[0], ends[-1])
    joined = len(ends) > 1 and (value > 0 or value < 0)
    return (ends[0], ends[-1]) if joined else tuple(ends)


def _value(polynomial: fmpq_poly, a: fmpq, b: fmpq) -> arb:
    """A ball that holds all values between two numbers."""
    return arb_poly(polynomial)(_arb((a + b) / 2) + arb(0, _arb((b - a) / 2)))


def _arb(value: fmpq) -> arb:
    return arb(value.p) / arb(value.q)


def _outward(value: arb, bits: int) -> tuple[fmpq, fmpq]:
    """Rational bounds, a unit further out than rounding needs."""
    unit = 4 ** (bits + 4)
    low, high = (value.lower() * unit).floor(), (value.upper() * unit).ceil()
    numbers = [each.unique_fmpz() for each in (low, high)]
    if None in numbers:
        raise ArithmeticError(f"the precision does not tell the bounds of {value}")
    return fmpq(numbers[0] - 1, unit), fmpq(numbers[1] + 1, unit)


@cache
def shapes(depth: int, bits: int) -> tuple[Shape, Shape]:
    """The shapes of `stationary` and `better`."""
    return shape(stationary(depth), bits), shape(better(depth), bits)


class Box:
    """All targets and weights of one depth; names are those that lines use.

    Parameters
    ----------
    depth : int, >= 2
        Number of factors L.
    lam : fmpq, optional
        One weight, in units in which the target is 1.
    bits : int
        As for :func:`shape`.
    """

    def __init__(self, depth: int, lam: fmpq | None = None, bits: int = BITS) -> None:
        self.depth, self.lam = depth, lam
        self.stationary, self.better = shapes(depth, bits)

    def decides(self, lam: fmpq) -> bool:
        """Whether a weight is in neither rest."""
        rests = (self.stationary.rest, self.better.rest)
        return all(lam < low or lam > high for low, high in rests)

    def parts(self) -> dict[str, Any]:
        """What a certificate holds of it."""
        shapes = {"stationary": self.stationary, "better": self.better}
        found = {name: {"top": each.top, "rest": each.rest} for name, each in shapes.items()}
        return {"depth": self.depth, "lam": self.lam} | found

    def says(self, line: str) -> bool:
        """Whether an expression is true."""
        names: dict[str, Any] = {
            "L": self.depth,
            "lam": self.lam,
            "fold": self.stationary.rest,
            "collapse": self.better.rest,
            "top": self.better.top,
            "h": stationary(self.depth).coeffs(),
            "roots": (self.stationary.top[0] > 0) + (self.stationary.top[1] < 1),
        }
        return truth(line, names)
