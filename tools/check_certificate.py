"""Check certificates in fractions alone: ``python check_certificate.py certificates.json``.

A certificate names a point with rational entries, and a line ``says`` that is true or false of it. This script reads
the line, measures each name in it anew from the loss ‖M − W_L ⋯ W_1 Q‖² + Σ λ_l ‖W_l‖², and accepts or refuses. It
shares no code with what wrote the file, and no method: the Hessian is what the gradient changes by, characteristic
polynomials come from traces (Faddeev and Le Verrier), and Descartes' rule of signs counts roots.
"""

import ast
import hashlib
import json
import sys
from fractions import Fraction
from functools import cache, reduce
from itertools import pairwise
from math import lcm, prod

FIELDS = set("label role name about given says holds point witness tools digest".split())
SYNTAX = set(
    "Expression Constant Name Load Store List Tuple Subscript BinOp UnaryOp BoolOp Compare Call IfExp"
    " ListComp GeneratorExp comprehension".split()
)
OPERATORS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


class Refused(Exception):
    """What an entry says is not what was found."""


def read(value):
    """Lists of lists of rationals, by name where there are names."""
    if isinstance(value, dict):
        return {name: read(each) for name, each in value.items()}
    return [read(each) for each in value] if isinstance(value, list) else Fraction(value)


def write(value):
    """The same as strings."""
    return [write(each) for each in value] if isinstance(value, list) else str(value)


# Matrices are lists of rows, polynomials lists of coefficients, the constant one first.


def turned(a):
    return [list(row) for row in zip(*a, strict=True)]


def mul(*matrices):
    return reduce(lambda a, b: [[dot(row, column) for column in turned(b)] for row in a], matrices)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True) if x and y)


def end(factors):
    return reduce(lambda x, w: mul(w, x), factors)


def add(factor, matrices):
    rows = zip(*matrices, strict=True)
    return [[factor * sum(each) for each in zip(*row, strict=True)] for row in rows]


def minus(a, b):
    return [[x - y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def eye(n, x=1):
    return [[x * (i == j) for j in range(n)] for i in range(n)]


def square(a):
    return sum(x * x for row in a for x in row)


def kron(a, b):
    return [[x * y for x in r for y in s] for r in a for s in b]


def times(p, q):
    pairs = [(i + j, x * y) for i, x in enumerate(p) for j, y in enumerate(q)]
    return [sum(x for k, x in pairs if k == n) for n in range(len(p) + len(q) - 1)]


def spectrum(roots):
    """The monic polynomial with these roots, each so many times."""
    return reduce(times, ([-v, 1] for v, t in roots for _ in range(t)), [1])


def poly(matrix):
    """Characteristic polynomial, in integers, one block of connected places after the other."""
    scale = lcm(*(x.denominator for row in matrix for x in row))
    whole = [[int(x * scale) for x in row] for row in matrix]
    left, found = set(range(len(whole))), [1]
    while left:
        block, new = set(), {min(left)}
        while new:
            block |= new
            new = {j for i in new for j in left if whole[i][j] or whole[j][i]} - block
        left -= block
        a = [[whole[i][j] for j in block] for i in block]
        p, power = [1], eye(len(a), 0)
        for k in range(1, len(a) + 1):
            power = mul(a, minus(power, eye(len(a), -p[0])))
            p = [-sum(power[i][i] for i in range(len(a))) // k, *p]
        found = times(found, p)
    return [Fraction(x, scale ** (len(found) - 1 - k)) for k, x in enumerate(found)]


def counts(p):
    """Roots below, at and above zero, where all are real: Descartes' rule of signs is exact."""
    zero = next(i for i, x in enumerate(p) if x)
    above = sum(a != b for a, b in pairwise(x > 0 for x in p if x))
    return len(p) - 1 - zero - above, zero, above


def around(matrix, value):
    """Eigenvalues below, at and above a value."""
    return counts(poly(minus(matrix, eye(len(matrix), value))))


class Point:
    """What is measured at a point: attributes, or entries of MEASURES, are the names of a line."""

    def __init__(self, given):
        parts = read(given)
        self.on_data, self.modes, self.pair = (x in parts for x in ("inputs", "w", "other"))
        self.factors, self.target, self.reg = map(parts.pop, ("factors", "target", "weights"))
        self.layers = list(zip(self.reg, self.factors, strict=True))
        self.d = [len(self.factors[0][0]), *map(len, self.factors)]
        self.L, self.N = len(self.factors), sum(a * b for a, b in pairwise(self.d))
        self.inputs, self.q = parts.pop("inputs", eye(self.d[0])), len(self.target[0])
        self.other, self.turn = parts.pop("other", None), parts.pop("turns", None)
        self.lam, self.w, self.sigma = (parts.pop(name, None) for name in ("mean", "w", "sigma"))
        if self.modes:
            self.check_modes()
        if parts:
            raise Refused(f"{sorted(parts)} is no part of a point")

    def check_modes(self):
        """w^L are the singular values of the product, sigma those of the target, w their roots."""
        if self.lam <= 0 or self.lam**self.L != prod(self.reg) or min(self.w) < 0:
            raise Refused("the mean is not that of the weights, or a value is negative")
        L, lam = self.L, self.lam
        self.idle = [i for i, x in enumerate(self.w) if not x]
        self.active = [i for i, x in enumerate(self.w) if x]
        bend = {i: L * self.w[i] ** (2 * L - 2) - (L - 2) * lam for i in self.active}
        self.smaller = [i for i in bend if bend[i] < 0]
        self.folded = [i for i in bend if bend[i] == 0]
        values = [x**L for x in self.w]
        zeros = (0, self.d[0] - min(self.d[0], self.d[-1]))
        for matrix, found in ((end(self.factors), values), (self.target, self.sigma)):
            gram = found and poly(mul(turned(matrix), matrix))
            if found and gram != spectrum([*((x * x, 1) for x in found), zeros]):
                raise Refused("these are not the singular values")
        for i in self.active if self.sigma else ():
            if values[i] + lam * self.w[i] ** (2 - L) != self.sigma[i]:
                raise Refused("a value is no root of its singular value")

    def __getattr__(self, name):
        if name not in MEASURES:
            raise AttributeError(name)
        self.__dict__[name] = MEASURES[name](self)
        return self.__dict__[name]

    def rest(self, factors):
        return minus(self.target, end([self.inputs, *factors]))

    def before(self, factors):
        return [end([self.inputs, *factors[:l]]) for l in range(self.L)]

    def after(self, factors):
        return [reduce(mul, factors[:l:-1], eye(self.d[-1])) for l in range(self.L)]

    def slope(self, factors):
        """Half of the gradient, λ_l W_l − A_lᵀ (M − X Q) (B_l Q)ᵀ, layer by layer."""
        rest = self.rest(factors)
        pull = [
            mul(turned(a), rest, turned(b))
            for a, b in zip(self.after(factors), self.before(factors), strict=True)
        ]
        return [minus(add(self.reg[l], [factors[l]]), pull[l]) for l in range(self.L)]

    def second(self, factors):
        """Hessian. The loss is quadratic in each entry, so differences of the gradient are exact."""
        rows = []
        for l, i, j in self.places:
            ends = []
            for step in (1, -1):
                moved = [[[*row] for row in w] for w in factors]
                moved[l][i][j] += step
                found = self.slope(moved)
                ends.append([found[k][m][n] for k, m, n in self.places])
            rows.append([x - y for x, y in zip(*ends, strict=True)])
        return rows


MEASURES = {
    "k": lambda p: len(p.active),
    "A": lambda p: p.after(p.factors),
    "B": lambda p: p.before(p.factors),
    "residual": lambda p: p.rest(p.factors),
    "fits": lambda p: square(p.residual) == 0,
    "loss": lambda p: square(p.residual) + sum(r * square(w) for r, w in p.layers),
    "critical": lambda p: not any(map(square, p.slope(p.factors))),
    "inner": lambda p: [add(r, [mul(turned(w), w)]) for r, w in p.layers],
    "outer": lambda p: [add(r, [mul(w, turned(w))]) for r, w in p.layers],
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
    """All targets and weights at one depth: in units where the target is 1, (1 − x^L)² + λ L x².

    Its slope has the sign of λ − h(x), and x is better than zero where c(x) exceeds λ. Each of them
    rises on [0, a], falls on [b, 1], and has its values between both in `rest`.
    """

    def __init__(self, given):
        parts = read(given)
        self.L, self.lam = int(parts.pop("depth")), parts.pop("lam", None)
        root = [1] + [0] * (self.L - 1) + [-1]
        fit = times(root, root)[2:]
        self.h = [Fraction(-(k + 2) * x, 2 * self.L) for k, x in enumerate(fit)]
        (low, high), self.fold = shape(self.h, **parts.pop("stationary"))
        self.top, self.collapse = shape([Fraction(-x, self.L) for x in fit], **parts.pop("better"))
        self.roots = (low > 0) + (high < 1)
        self.measure = [y - x for x, y in (self.fold, self.collapse)]
        if self.lam is not None and any(x <= self.lam <= y for x, y in (self.fold, self.collapse)):
            raise Refused("the weight is in the rest")
        if parts:
            raise Refused(f"{sorted(parts)} is no part of a box")


def shape(polynomial, top, rest):
    """Check a rise and a fall: Descartes allows the slope one positive root, so one change."""
    (a, b), slope = top, derivative(polynomial)
    bound = value([abs(x) for x in derivative(slope)], b) * (b - a) ** 2 / 8
    slope = slope[next(i for i, x in enumerate(slope) if x) :]  # a zero at 0 decides nothing
    rises, falls = value(slope, a) > 0 or a == b == 0, max(value(slope, x) for x in (b, 1)) < 0
    if counts(slope)[2] > 1 or not (0 <= a <= b < 1 and rises and falls):
        raise Refused(f"it does not rise up to {a} and fall from {b}")
    # Where it is largest the slope vanishes, and an end is at most (b − a) / 2 away.
    ends = value(polynomial, a), value(polynomial, b)
    if not rest[0] <= min(ends) <= max(ends) + bound <= rest[1]:
        raise Refused("values between rise and fall leave the rest")
    return top, rest


def value(polynomial, x):
    return reduce(lambda y, each: y * x + each, reversed(polynomial))


def derivative(polynomial):
    return [k * x for k, x in enumerate(polynomial)][1:]


FUNCTIONS = {
    **{f.__name__: f for f in (abs, all, any, enumerate, len, max, min, range, set, sum)},
    **{f.__name__: f for f in (poly, spectrum, mul, eye, kron, square, end, add, prod, Fraction)},
    "T": turned,
    "times_x": lambda p, n: [0] * n + p,
    "entry": lambda m, i, j: m[i][j],
    "is_largest": lambda m, v: around(m, v)[1] > 0 == around(m, v)[2],
    "is_least_positive": lambda m, v: (
        v > 0 < around(m, v)[1] and around(m, v)[0] == sum(around(m, 0)[:2])
    ),
}


class Exactly(ast.NodeTransformer):
    """Refuses all but arithmetic, comparisons and loops; makes quotients and powers exact."""

    def visit(self, node):
        if type(node).__name__ not in SYNTAX and not isinstance(node, OPERATORS):
            raise Refused(f"a line must not hold {type(node).__name__}")
        node = self.generic_visit(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow):
            node.left = ast.Call(ast.Name("Fraction", ast.Load()), [node.left], [])
        return node


@cache
def compiled(line):
    """Code of a line, and the names in it."""
    tree = ast.fix_missing_locations(Exactly().visit(ast.parse(line, mode="eval")))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return compile(tree, "line", "eval"), [name for name in names if name[0] != "_"]


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
    role, holds = entry["role"], entry["holds"]
    if role not in ("claim", "rival", "control") or holds is not (role == "claim"):
        raise Refused("a claim must hold, a rival or control must not")
    if role != "control" and truth(entry["given"], point) is not True:
        raise Refused("the hypotheses do not hold")
    if truth(entry["says"], point) is not holds:
        raise Refused(f"it is {not holds} what is said")


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
