"""Statements of the book about one point, as expressions over what is measured there.

Each is a line of Python that is true or false without rounding: names are those of :mod:`dmfbook.exact.measures`,
layers and modes count from 0, and ``B`` includes the inputs where there are any. A rival is the same line with
one part changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dmfbook.exact.lines import (
    BLOCKS,
    BOUND,
    CLOSED,
    EQUAL,
    FITTED,
    INDEX,
    KINDS,
    KINDS_RIVALS,
    MINIMIZER,
    MODES,
    PENALTY,
    SCALAR,
    SHARPEST,
    SLOWEST,
    SMALL,
    SMALL_RIVALS,
    TRACE,
)


@dataclass(frozen=True)
class Statement:
    """What a theorem says of one rational point.

    Parameters
    ----------
    label : str
        Label of the statement in the book.
    says : str
        The expression.
    given : str
        What a point must be, an expression too.
    rivals : dict of str to (str, str)
        For each false neighbour the part of the expression that is changed, and what replaces it.
    controls : dict of str to str
        For each hypothesis the kind of points that drop it alone.
    """

    label: str
    says: str
    given: str
    rivals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)

    def rival(self, name: str) -> str:
        """The expression of a rival."""
        old, new = self.rivals[name]
        if self.says.count(old) != 1:
            raise ValueError(f"{old!r} must stand once in what {self.label} says")
        return self.says.replace(old, new)


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "thm-trace",
        f"trace == 2*sum(square(A[l])*square(B[l]) for l in range(L)) + 2*{PENALTY}",
        "not on_data",
        rivals={
            "the weights count once": ("+ 2*sum(reg", "+ sum(reg"),
            "the fit counts once": ("== 2*sum(square", "== sum(square"),
            "without the right products": ("*square(B[l])", ""),
        },
    ),
    Statement(
        "prop-gauss-newton",
        SMALL,
        f"{FITTED} and not on_data",
        rivals=SMALL_RIVALS,
        controls={"zero loss": "off the target", "no weights": "fitted, with weights"},
    ),
    Statement(
        "thm-sharpness",
        SMALL,
        f"{FITTED} and not on_data",
        rivals=SMALL_RIVALS,
        controls={"zero loss": "off the target", "no weights": "fitted, with weights"},
    ),
    Statement(
        "cor-sharpness-scalar",
        "poly(hessian) == spectrum([(2*sum(square(A[l])*square(B[l]) for l in range(L)), 1), (0, N - 1)])",
        f"{FITTED} and not on_data and d[0] == d[L] == 1",
        rivals={
            "the largest term instead of the sum": (
                "2*sum(square(A[l])*square(B[l]) for",
                "2*max(square(A[l])*square(B[l]) for",
            ),
            "the terms count once": ("(2*sum(", "(sum("),
        },
        controls={"zero loss": "off the target, a number"},
    ),
    Statement(
        "thm-balance",
        "all(inner[l + 1] == outer[l] for l in range(L - 1))",
        f"{MODES} and not on_data",
        rivals={"of next layers but one": ("inner[l + 1] == outer[l]", "inner[l + 1] == outer[0]")},
        controls={"a critical point": "not balanced"},
    ),
    Statement(
        "thm-layer-values",
        "all(poly(mul(T(factors[l]), factors[l])) == spectrum("
        "[(lam/reg[l]*w[i]**2, 1) for i in active] + [(0, d[l] - k)]) for l in range(L))",
        f"{MODES} and not on_data",
        rivals={
            "the weights do not matter": ("lam/reg[l]*w[i]**2", "w[i]**2"),
            "the ratio is the other way round": ("lam/reg[l]*", "reg[l]/lam*"),
        },
    ),
    Statement(
        "thm-layer-norms",
        "all(reg[l]*square(factors[l]) == lam*sum(w[i]**2 for i in active) for l in range(L))",
        f"{MODES} and not on_data",
        rivals={
            "the norms themselves are equal": ("reg[l]*square(", "lam*square("),
            "the values instead of their squares": ("sum(w[i]**2 for", "sum(w[i] for"),
        },
        controls={"a minimizer": "not balanced"},
    ),
    Statement(
        "thm-one-orbit",
        "end(other) == end(factors) and all(mul(T(turn[l]), turn[l]) == eye(d[l]) for l in range(L + 1))"
        " and all(mul(turn[l + 1], factors[l]) == mul(other[l], turn[l]) for l in range(L))",
        f"{MODES} and pair and not on_data",
        rivals={
            "the layers are equal": (
                "mul(turn[l + 1], factors[l]) == mul(other[l], turn[l])",
                "factors[l] == other[l]",
            )
        },
    ),
    Statement(
        "thm-one-spectrum",
        "end(other) == end(factors) and poly(hessian_of_other) == poly(hessian)",
        f"{MODES} and pair and not on_data",
        rivals={
            "the Hessian itself is the same": (
                "poly(hessian_of_other) == poly(hessian)",
                "hessian_of_other == hessian",
            )
        },
        controls={"a critical point": "another factorization"},
    ),
    Statement(
        "cor-scalar-spectrum",
        SCALAR,
        f"{EQUAL} and d[0] == d[L] == 1 and k == 1 and w[0]**(2*L - 2) > L - 2",
        rivals={
            "the curvature has the power L": ("w[0]**(2*L - 2) - 2", "w[0]**L - 2"),
            "idle units add to 2λ instead of 4λ": (
                "(4*lam, L - 1 + sum(d[l] - 1",
                "(4*lam, L - 1 + 0*sum(d[l] - 1",
            ),
        },
    ),
    Statement(
        "thm-kinds",
        KINDS,
        f"{MODES} and not on_data",
        rivals=KINDS_RIVALS,
        controls={"a critical point": "not balanced"},
    ),
    Statement(
        "thm-blocks",
        BLOCKS,
        f"{MODES} and not on_data and diagonal",
        rivals={
            "the residual counts once": ("- 2*(k > l)", "- 1*(k > l)"),
            "the residual counts with a plus": ("- 2*(k < l)", "+ 2*(k < l)"),
            "the weights count once": ("2*reg[l]*(x == y)", "reg[l]*(x == y)"),
        },
    ),
    Statement(
        "thm-closed-spectrum",
        CLOSED,
        EQUAL,
        rivals={
            "a single mode has 4λ L times": (
                "[(4*lam, L - 1) for i in active]\n",
                "[(4*lam, L) for i in active]\n",
            ),
            "the curvature of a mode has the power L": (
                "2*L*w[i]**(2*L - 2) - 2*(L - 2)*lam",
                "2*L*w[i]**L - 2*(L - 2)*lam",
            ),
            "two modes: plus and minus are exchanged": (
                "(sigma[i] + sigma[j])*(w[i]**L - w[j]**L)",
                "(sigma[i] - sigma[j])*(w[i]**L - w[j]**L)",
            ),
            "the power L−1 beside an inactive mode": (
                "(sigma[i] - sigma[j])*w[i]**(L - 2)",
                "(sigma[i] - sigma[j])*w[i]**(L - 1)",
            ),
            "the longer end is seen twice": ("abs(d[0] - d[L]))", "2*abs(d[0] - d[L]))"),
            "idle units do not count": (
                "(4*lam, sum(d[l] - k for l",
                "(4*lam, 0*sum(d[l] - k for l",
            ),
            "at depth 2 the singular value counts once": ("2*lam - 2*sigma[j]", "2*lam - sigma[j]"),
        },
        controls={"equal weights": "modes, unequal weights"},
    ),
    Statement(
        "thm-morse-index",
        INDEX,
        f"{MODES} and not on_data",
        rivals={
            "crossings do not count": ("and j not in smaller", "and False"),
            "a smaller root above any other crosses it": (" and j not in smaller", ""),
            "swaps do not count": ("if sigma[j] > sigma[i]])", "if False])"),
            "each smaller root counts once": ("*(len(smaller) + 1)//2", ""),
            "ties are no zeros": ("if sigma[i] == sigma[j] and w[i] < w[j]", "if False"),
            "the fold is no zero": ("len(folded)*(len(folded) + 1)//2", "0"),
            "each mode at the fold counts once": ("*(len(folded) + 1)//2", ""),
            "the orbit has no turns within the modes": (
                "k*(d[l] - k) + k*(k - 1)//2",
                "k*(d[l] - k)",
            ),
            "at depth 2 idle units do not matter": (
                "(L == 2)*(d[1] - k)*len([j for j in idle if sigma[j] > lam])",
                "len([j for j in idle if L == 2 and sigma[j] > lam])",
            ),
        },
        controls={"a critical point": "not balanced"},
    ),
    Statement(
        "thm-exact-trace",
        TRACE,
        f"{MODES} and not on_data",
        rivals={
            "the ends count as the others": ("d[L] if l == L - 1", "k if l == L - 1"),
            "the weights count once": ("+ 2*sum(reg", "+ sum(reg"),
            "the weights of the layers do not matter": (
                "prod(lam/reg[q]*w[i]**2 for q in range(l + 1, L))",
                "prod(w[i]**2 for q in range(l + 1, L))",
            ),
        },
        controls={"a critical point": "not balanced"},
    ),
    Statement(
        "thm-trace-bound",
        BOUND,
        "modes and not on_data",
        rivals={
            "the constant is 4 instead of 2": ("(2*L)**L", "(4*L)**L"),
            "the width of the input alone, squared": ("d[0]*d[L]", "d[0]*d[0]"),
            "the power is 2 without 2/L": ("**(2*L - 2)", "**(2*L)"),
            "equal weights make it exact": ("d[0]*reg[0] == d[2]*reg[1]", "reg[0] == reg[1]"),
        },
    ),
    Statement(
        "thm-sharpness-minimizer",
        SHARPEST,
        MINIMIZER,
        rivals={
            "without imbalance": (", 4*lam]", "]"),
            "without the leading mode": ("2*L*w[0]**(2*L - 2) - 2*(L - 2)*lam, ", ""),
            "without two modes": ("range(len(w) > 1)", "range(0)"),
        },
        controls={"a local minimizer": "modes, a smaller root first"},
    ),
    Statement(
        "prop-zero-local-minimizer",
        "poly(hessian) == spectrum([(2*reg[l], d[l]*d[l + 1]) for l in range(L)])",
        f"{MODES} and not on_data and k == 0 and L > 2",
        rivals={"the weights count once": ("2*reg[l]", "reg[l]")},
        controls={"at least three layers": "zero at depth 2"},
    ),
    Statement(
        "thm-sharpness-data",
        SMALL,
        f"{FITTED} and on_data",
        rivals=SMALL_RIVALS,
        controls={"zero loss": "off the target, on data"},
    ),
    Statement(
        "thm-any-balance",
        "all(inner[l + 1] == outer[l] for l in range(L - 1)) and all("
        "poly(mul(T(factors[l]), factors[l])) == spectrum("
        "[(lam/reg[l]*w[i]**2, 1) for i in active] + [(0, d[l] - k)]) for l in range(L))",
        f"{MODES} and on_data",
        rivals={"the weights do not matter": ("lam/reg[l]*w[i]**2", "w[i]**2")},
        controls={"a critical point": "not balanced, on data"},
    ),
    Statement(
        "thm-any-spectrum",
        "end(other) == end(factors) and poly(hessian_of_other) == poly(hessian)",
        f"{MODES} and pair and on_data",
        rivals={
            "the Hessian itself is the same": (
                "poly(hessian_of_other) == poly(hessian)",
                "hessian_of_other == hessian",
            )
        },
        controls={"a critical point": "another factorization, on data"},
    ),
    Statement(
        "thm-least-eigenvalue",
        SLOWEST,
        f"{MINIMIZER} and (L > 2 or d[1] == k or all(sigma[j] < lam for j in idle))",
        rivals={
            "without imbalance": ("[4*lam, 2*L*", "[2*L*"),
            "without the last mode": (", 2*L*w[k - 1]**(2*L - 2) - 2*(L - 2)*lam]", "]"),
            "without the first inactive mode": ("for j in idle]\n", "for j in idle if False]\n"),
            "without idle units": ("any(d[l] > k and d[l + 1] > k for l in range(L))", "0"),
        },
        controls={"a local minimizer": "modes, a smaller root last"},
    ),
)
