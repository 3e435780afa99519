"""Check certificates with fractions and intervals alone: ``python tools/check_certificate.py FILE``.

A certificate names a point with rational entries and a line ``says`` that is true or false of it. This page reads
the line, measures everything in it anew, from the loss ‖M − W_L ⋯ W_1 Q‖² + Σ λ_l ‖W_l‖², and accepts or refuses.
It shares no code with what wrote the file, and no method: eigenvalues are counted by Descartes' rule of signs, exact
where all roots are real, on characteristic polynomials modulo one prime beyond twice their coefficients.
"""

import ast
import hashlib
import json
import re
import sys
from fractions import Fraction
from functools import cache, reduce
from itertools import pairwise, zip_longest
from math import lcm, prod

FIELDS = {
    "label",
    "role",
    "name",
    "about",
    "given",
    "says",
    "holds",
    "point",
    "witness",
    "tools",
    "digest",
}
# 2^p − 1 is prime for these p.
MERSENNE = (521, 607, 1279, 2203, 2281, 3217, 4253, 4423, 9689, 9941, 11213, 19937, 44497, 86243)
SYNTAX = (
    *(
        ast.Expression,
        ast.Constant,
        ast.Name,
        ast.Load,
        ast.Store,
        ast.List,
        ast.Tuple,
        ast.Subscript,
    ),
    *(
        ast.BinOp,
        ast.UnaryOp,
        ast.BoolOp,
        ast.Compare,
        ast.IfExp,
        ast.Call,
        ast.operator,
        ast.unaryop,
    ),
    *(ast.boolop, ast.cmpop, ast.ListComp, ast.GeneratorExp, ast.comprehension),
)


class Refused(Exception):
    """What an entry says is not what was found."""


def number(text):
    """A rational from ``"p/q"`` or ``"p"``."""
    if not re.fullmatch(r"-?\d+(/[1-9]\d*)?", text):
        raise Refused(f"{text!r} is no rational")
    return Fraction(text)


def read(value):
    """Lists of lists of rationals, by name where there are names."""
    if isinstance(value, dict):
        return {name: read(each) for name, each in value.items()}
    return [read(each) for each in value] if isinstance(value, list) else number(value)


def write(value):
    """The same as strings."""
    return [write(each) for each in value] if isinstance(value, list) else str(value)


def mul(*matrices):
    """Product of matrices, which are lists of rows."""
    return reduce(
        lambda a, b: [[sum(map(Fraction.__mul__, r, c)) for c in turned(b)] for r in a], matrices
    )


def turned(a):
    """Transpose."""
    return [list(row) for row in zip(*a, strict=True)]


def scaled(factor, a):
    """Multiple of a matrix."""
    return [[factor * x for x in row] for row in a]


def plus(a, b):
    """Sum of matrices."""
    return [[x + y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def minus(a, b):
    """Difference of matrices."""
    return plus(a, scaled(-1, b))


def eye(n):
    """The identity."""
    return [[Fraction(i == j) for j in range(n)] for i in range(n)]


def square(a):
    """Squared Frobenius norm."""
    return sum(x * x for row in a for x in row)


def kron(a, b):
    """Kronecker product."""
    return [[x * y for x in r for y in s] for r in a for s in b]


def end(factors):
    """The product W_L ⋯ W_1."""
    return reduce(lambda x, w: mul(w, x), factors)


def times(p, q):
    """Product of polynomials, lowest coefficients first."""
    result = [0] * (len(p) + len(q) - 1)
    for i, x in enumerate(p):
        for j, y in enumerate(q):
            result[i + j] += x * y
    return result


def spectrum(roots):
    """The monic polynomial with these roots, each so many times."""
    return reduce(times, ([-v, Fraction(1)] for v, t in roots for _ in range(t)), [Fraction(1)])


def poly(matrix):
    """Characteristic polynomial, block by block."""
    scale = lcm(*(x.denominator for row in matrix for x in row))
    whole = [[int(x * scale) for x in row] for row in matrix]
    left, found = set(range(len(whole))), [1]
    while left:
        block, new = set(), {min(left)}
        while new:
            block |= new
            new = {j for i in new for j in left if whole[i][j] or whole[j][i]} - block
        left -= block
        found = times(
            found, _modular([[whole[i][j] for j in sorted(block)] for i in sorted(block)])
        )
    return [Fraction(x, scale ** (len(found) - 1 - k)) for k, x in enumerate(found)]


def _modular(a):
    """Characteristic polynomial of integers, modulo a prime beyond twice its coefficients (1 + r)^n."""
    n, radius = len(a), max(sum(map(abs, row)) for row in a)
    p = next(2**e - 1 for e in MERSENNE if e > 2 + n * (1 + radius).bit_length())
    for k in range(1, n - 1):  # similar to a matrix of Hessenberg form
        pivot = next((i for i in range(k, n) if a[i][k - 1] % p), None)
        if pivot is None:
            continue
        a[k], a[pivot] = a[pivot], a[k]
        for row in a:
            row[k], row[pivot] = row[pivot], row[k]
        inverse = pow(a[k][k - 1], -1, p)
        for i in range(k + 1, n):
            if share := a[i][k - 1] * inverse % p:
                a[i] = [(x - share * y) % p for x, y in zip(a[i], a[k], strict=True)]
                for row in a:
                    row[k] = (row[k] + share * row[i]) % p
    found = [[1]]
    for m in range(n):
        here = [
            (x - a[m][m] * y) % p for x, y in zip_longest([0, *found[m]], found[m], fillvalue=0)
        ]
        below = 1
        for i in range(m - 1, -1, -1):
            below = below * a[i + 1][i] % p
            share = below * a[i][m] % p
            for j, x in enumerate(found[i]):
                here[j] = (here[j] - share * x) % p
        found.append(here)
    return [x - p if 2 * x > p else x for x in found[n]]


def counts(p, at=Fraction(0)):
    """Roots below, at and above a number, of a polynomial all of whose roots are real."""
    p = list(p)
    for i in range(len(p)):  # in powers of x − at
        for j in range(len(p) - 2, i - 1, -1):
            p[j] += at * p[j + 1]
    zero = next(i for i, x in enumerate(p) if x)
    signs = [x > 0 for x in p if x]
    above = sum(a != b for a, b in pairwise(signs))
    return len(p) - 1 - zero - above, zero, above


class Point:
    """What is measured at a point; attributes are the names that a line may use."""

    def __init__(self, given):
        parts = {name: read(value) for name, value in given.items()}
        self.factors, self.target = parts.pop("factors"), parts.pop("target")
        self.d, self.reg = [len(self.factors[0][0]), *map(len, self.factors)], parts.pop("weights")
        self.L, self.N = len(self.factors), sum(a * b for a, b in pairwise(self.d))
        self.on_data, self.modes, self.pair = (x in parts for x in ("inputs", "w", "other"))
        self.inputs = parts.pop("inputs", eye(self.d[0]))
        if self.pair:
            self.other, self.turn = parts.pop("other"), parts.pop("turns", [])
            if end(self.other) != end(self.factors):
                raise Refused("the other factors have another product")
            for l, x in enumerate(self.turn[:-1]):
                if mul(self.turn[l + 1], self.factors[l]) != mul(self.other[l], x):
                    raise Refused("the turns do not lead to the other factors")
        if any(len(row) != d for w, d in zip(self.factors, self.d[:-1], strict=True) for row in w):
            raise Refused("the factors do not follow each other")
        if self.modes:
            self.lam, self.w, self.sigma = parts.pop("mean"), parts.pop("w"), parts.pop("sigma", [])
            self.check_modes()
        if parts:
            raise Refused(f"{sorted(parts)} is no part of a point")

    def check_modes(self):
        """Values of modes are those of the product; with their singular values, of the target."""
        if self.lam <= 0 or self.lam**self.L != prod(self.reg) or min(self.w) < 0:
            raise Refused("the mean is not that of the weights, or a value is negative")
        self.idle = [i for i, x in enumerate(self.w) if not x]
        self.active = [i for i, x in enumerate(self.w) if x]
        slope = {i: self.L * self.w[i] ** (2 * self.L - 2) / self.lam for i in self.active}
        self.smaller = [i for i in self.active if slope[i] < self.L - 2]
        self.folded = [i for i in self.active if slope[i] == self.L - 2]
        pairs = [(end(self.factors), [x**self.L for x in self.w])] if self.critical else []
        if not self.on_data:
            pairs.append((self.target, self.sigma))
            found = [(x**self.L + self.lam * x ** (2 - self.L) if x else None) for x in self.w]
            if any(x != y for x, y in zip(found, self.sigma, strict=True) if x is not None):
                raise Refused("a value is no root of its singular value")
        for matrix, values in pairs:
            zeros = (0, self.d[0] - min(self.d[0], self.d[-1]))
            if poly(mul(turned(matrix), matrix)) != spectrum(
                [*((x * x, 1) for x in values), zeros]
            ):
                raise Refused("these are not the singular values")

    def __getattr__(self, name):
        """Measure what is asked for the first time."""
        if name not in MEASURES:
            raise AttributeError(name)
        self.__dict__[name] = MEASURES[name](self)
        return self.__dict__[name]

    def products(self, factors):
        """A_l = W_L ⋯ W_{l+1}, and B_l Q = W_{l−1} ⋯ W_1 Q."""
        left = [reduce(mul, factors[:l:-1], eye(self.d[-1])) for l in range(self.L)]
        return left, [end([self.inputs, *factors[:l]]) for l in range(self.L)]

    def second(self, factors):
        """Hessian by pairs of entries: two first derivatives, and what both change together."""
        (a, b), residual = self.products(factors), minus(self.target, end([self.inputs, *factors]))
        layers = range(self.L)
        left = [[mul(turned(a[k]), a[l]) for l in layers] for k in layers]
        right = [[mul(b[k], turned(b[l])) for l in layers] for k in layers]
        pull = [[mul(turned(a[k]), residual, turned(b[l])) for l in layers] for k in layers]
        between = [
            [end([eye(self.d[l + 1]), *factors[l + 1 : k]]) for l in range(k)] for k in layers
        ]
        result = [[None] * self.N for _ in range(self.N)]
        for x, (k, i, j) in enumerate(self.places):
            for y, (l, m, n) in enumerate(self.places[: x + 1]):
                entry = left[k][l][i][m] * right[k][l][j][n] + (x == y) * self.reg[k]
                entry -= pull[k][l][i][n] * between[k][l][j][m] if k > l else 0
                result[x][y] = result[y][x] = 2 * entry
        return result

    def each(self, function):
        """A list with one value a layer."""
        return list(map(function, self.reg, self.factors, self.A, self.B))


MEASURES = {
    "q": lambda p: len(p.target[0]),
    "k": lambda p: len(p.active),
    "A": lambda p: p.products(p.factors)[0],
    "B": lambda p: p.products(p.factors)[1],
    "residual": lambda p: minus(p.target, end([p.inputs, *p.factors])),
    "fits": lambda p: square(p.residual) == 0,
    "loss": lambda p: square(p.residual) + sum(p.each(lambda r, w, a, b: r * square(w))),
    "critical": lambda p: all(
        p.each(lambda r, w, a, b: mul(turned(a), p.residual, turned(b)) == scaled(r, w))
    ),
    "inner": lambda p: p.each(lambda r, w, a, b: scaled(r, mul(turned(w), w))),
    "outer": lambda p: p.each(lambda r, w, a, b: scaled(r, mul(w, turned(w)))),
    "hessian": lambda p: p.second(p.factors),
    "hessian_of_other": lambda p: p.second(p.other),
    "charpoly": lambda p: poly(p.hessian),
    "index": lambda p: counts(p.charpoly)[0],
    "nullity": lambda p: counts(p.charpoly)[1],
    "trace": lambda p: sum(p.hessian[i][i] for i in range(p.N)),
    "places": lambda p: [
        (l, i, j) for l in range(p.L) for j in range(p.d[l]) for i in range(p.d[l + 1])
    ],
    "diagonal": lambda p: all(i == j or not p.factors[l][i][j] for l, i, j in p.places),
    "v": lambda p: [
        [w[i][i] if i < min(len(w), len(w[0])) else 0 for i in range(max(p.d))] for w in p.factors
    ],
}


class Box:
    """All targets and weights at one depth, in units in which the target is 1.

    The loss is (1 − x^L)² + λ L x². Its slope has the sign of λ − h(x), and x is better than zero where c(x) exceeds λ;
    h and c follow from the loss. Each must rise on [0, a] and fall on [b, 1], with values within `rest` between both.
    """

    def __init__(self, given):
        parts = read(given)
        self.L, self.lam = int(parts.pop("depth")), parts.pop("lam", None)
        one_minus = [1] + [0] * (self.L - 1) + [-1]
        fit = [Fraction(x) for x in times(one_minus, one_minus)]
        self.h = [-x / (2 * self.L) for x in slope_of(fit)[1:]]
        self.c = [-x / self.L for x in fit[2:]]
        stationary, better = parts.pop("stationary"), parts.pop("better")
        if parts:
            raise Refused(f"{sorted(parts)} is no part of a box")
        self.roots, _, self.fold = self.shape(self.h, stationary)
        _, self.top, self.collapse = self.shape(self.c, better)
        self.measure = [high - low for low, high in (self.fold, self.collapse)]
        while self.h[-1] == 0:
            self.h.pop()

    def shape(self, polynomial, given):
        """Check a rise and a fall in intervals; give the number of branches, the top and the rest."""
        rising, falling, rest = (given.pop(name) for name in ("rising", "falling", "rest"))
        slope = slope_of(polynomial)
        reduced = slope[next(i for i, x in enumerate(slope) if x) :]  # a zero at 0 decides nothing
        if given or rising[0] != 0 or falling[-1] != 1 or rising[-1] > falling[0]:
            raise Refused("the pieces do not cover [0, 1]")
        for ends, sign in ((rising, 1), (falling, -1)):
            for a, b in pairwise(ends):
                if not (a < b and (sign * values(reduced, a, b)).a > 0):
                    raise Refused(f"the slope has no sign on [{a}, {b}]")
        low, high = rising[-1], falling[0]
        middle = values(polynomial, (low + high) / 2, (low + high) / 2)
        found = middle + values(slope, low, high) * interval((low - high) / 2, (high - low) / 2)
        exact = reduce(lambda y, x: y * low + x, reversed(polynomial), Fraction(0))
        if low == high:
            fits = rest == [exact, exact]
        else:
            fits = (
                interval(rest[0], rest[0]).b <= found.a and found.b <= interval(rest[1], rest[1]).a
            )
        if not fits:
            raise Refused("values between rise and fall leave the rest")
        if self.lam is not None and rest[0] <= self.lam <= rest[1]:
            raise Refused("the weight is in the rest")
        return (low > 0) + (high < 1), [low, high], rest


def slope_of(polynomial):
    """Coefficients of the derivative."""
    return [k * x for k, x in enumerate(polynomial)][1:]


def interval(low, high):
    """An interval of mpmath that holds two rationals."""
    from mpmath import iv

    iv.prec = 256
    ends = [iv.mpf(x.numerator) / x.denominator for x in (low, high)]
    return iv.mpf([ends[0].a, ends[1].b])


def values(polynomial, low, high):
    """An interval that holds a polynomial's values between two numbers."""
    x = interval(low, high)
    return sum(
        (interval(y, y) * x**k for k, y in enumerate(polynomial) if y), interval(*[0 * low] * 2)
    )


def shifted(matrix, value):
    """Numbers of eigenvalues below, at and above a value."""
    return counts(poly(matrix), Fraction(value))


FUNCTIONS = {
    **{f.__name__: f for f in (abs, all, any, enumerate, len, max, min, range, set, sum)},
    **{f.__name__: f for f in (poly, spectrum, mul, eye, kron, square, end, Fraction)},
    "T": turned,
    "times_x": lambda p, n: [Fraction(0)] * n + p,
    "entry": lambda m, i, j: m[i][j],
    "prod": lambda each: prod(each, start=Fraction(1)),
    "add": lambda factor, each: scaled(factor, reduce(plus, each)),
    "is_largest": lambda m, v: shifted(m, v)[1] > 0 == shifted(m, v)[2],
    "is_least_positive": lambda m, v: (
        v > 0 and shifted(m, v)[1] > 0 and shifted(m, v)[0] == sum(shifted(m, 0)[:2])
    ),
}


class Exactly(ast.NodeTransformer):
    """Refuses all but sums, products, comparisons and loops; makes quotients and powers exact."""

    def visit(self, node):
        """Visit a part of a line."""
        if not isinstance(node, SYNTAX):
            raise Refused(f"a line must not hold {type(node).__name__}")
        node = self.generic_visit(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Pow)):
            node.left = ast.Call(ast.Name("Fraction", ast.Load()), [node.left], [])
        return ast.fix_missing_locations(node)


@cache
def compiled(line):
    """Code of a line, and the names in it."""
    tree = Exactly().visit(ast.parse(line, mode="eval"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return compile(tree, "line", "eval"), [name for name in names if not name.startswith("_")]


def truth(line, point):
    """Whether a line is true of a point."""
    code, names = compiled(line)
    known = {name: getattr(point, name) for name in names if hasattr(point, name)}
    return eval(code, {"__builtins__": {}} | known | FUNCTIONS)


@cache
def point_of(text):
    """The point, made once for all entries that are about it."""
    given = json.loads(text)
    return Box(given) if "depth" in given else Point(given)


def digest(value):
    """SHA-256 of what a value is, whatever its layout in the file."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def check(entry):
    """Raise unless all that an entry says is so."""
    if set(entry) != FIELDS or digest({**entry, "digest": ""}) != entry["digest"]:
        raise Refused("fields or digest are not those of a certificate")
    point = point_of(json.dumps(entry["point"], sort_keys=True))
    for name, value in entry["witness"].items():
        if write(getattr(point, name)) != value:
            raise Refused(f"{name} is not {value}")
    if entry["role"] not in ("claim", "rival", "control"):
        raise Refused(f"{entry['role']!r} is no role")
    if entry["holds"] is not (entry["role"] == "claim"):
        raise Refused("a claim must hold, and nothing else")
    if entry["role"] != "control" and truth(entry["given"], point) is not True:
        raise Refused("the hypotheses do not hold")
    if truth(entry["says"], point) is not entry["holds"]:
        raise Refused(f"it is {not entry['holds']} what is said")


def main(path):
    """Check a file, print what was refused and how much was accepted."""
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)
    refused = 0
    for place, entry in enumerate(whole["entries"]):
        try:
            check(entry)
        except Exception as error:
            refused += 1
            print(f"refused: entry {place}: {type(error).__name__}: {error}")
    if digest([entry.get("digest") for entry in whole["entries"]]) != whole["digest"]:
        refused += 1
        print("refused: entries are missing, or not in their order")
    print(f"{len(whole['entries'])} entries, {refused or 'none'} refused; digest {whole['digest']}")
    return refused


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1])))
