"""Statements about the scalar problem, for every target and every weight off a thin rest; see :mod:`dmfbook.exact.boxes`.

For λ below ``fold[0]`` there are `roots` positive stationary points, above ``fold[1]`` none; below ``collapse[0]`` some
x is better than zero, above ``collapse[1]`` none is. So a threshold is right if it lies in the rest, which its power L,
a rational number, decides exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEPTHS = range(2, 13)

FOLD = "(L/(2*L - 2))**L*((L - 2)/(2*L - 2))**(L - 2)"
COLLAPSE = "(L - 2)**(L - 2)/(L - 1)**(2*L - 2)"


@dataclass(frozen=True)
class ScalarStatement:
    """What a theorem says of all targets and weights at one depth.

    Parameters
    ----------
    label : str
        Label of the statement in the book.
    says : str
        The expression.
    given : str
        For which depths.
    rivals : dict of str to str
        False neighbours, as expressions of one weight `lam` in units in which the target is 1.
    controls : dict of str to (str, int or str)
        For each hypothesis what is said without it, and the depth, or the point of the catalogue, at which it is false.
    """

    label: str
    says: str
    given: str = "L >= 2"
    rivals: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, tuple[str, int | str]] = field(default_factory=dict)


def at(threshold: str, rest: str) -> str:
    """Whether a threshold, given by its power L, tells on which side of the rest a weight is."""
    return f"(lam < {rest}[0]) == (lam**L < {threshold})"


SCALAR_STATEMENTS: tuple[ScalarStatement, ...] = (
    ScalarStatement(
        "thm-fold",
        f"roots == 2 and fold[0]**L <= {FOLD} <= fold[1]**L",
        "L >= 3",
        rivals={
            "the fold has L−1 in place of L−2": at(FOLD.replace("(L - 2)/", "(L - 1)/"), "fold"),
            "the fold is where zero stops to be global": at(COLLAPSE, "fold"),
        },
        controls={"at least three layers": ("roots == 2", 2)},
    ),
    ScalarStatement(
        "thm-collapse",
        f"collapse[0]**L <= {COLLAPSE} <= collapse[1]**L and (L == 2 or collapse[1] < fold[0])",
        rivals={
            "the local minimizer counts as soon as there is one": at(FOLD, "collapse"),
            "L in place of L−1": at(COLLAPSE.replace("L - 1", "L"), "collapse"),
            "without the power of L−2": at("1/(L - 1)**(2*L - 2)", "collapse"),
            "the square root of the weight": at(f"({COLLAPSE})**2", "collapse"),
        },
    ),
    ScalarStatement(
        "cor-jump",
        "top[0]**L <= (L - 2)/(L - 1) <= top[1]**L",
        "L >= 3",
        rivals={
            "to the whole threshold": "top[0]**L <= 1 <= top[1]**L",
            "to (L-1)/L of it": "top[0]**L <= (L - 1)/L <= top[1]**L",
            "to (L-2)/L of it": "top[0]**L <= (L - 2)/L <= top[1]**L",
            "no jump": "top[0] == 0",
        },
    ),
    ScalarStatement(
        "thm-critical-regularization",
        f"collapse[0]**L <= {COLLAPSE} <= collapse[1]**L",
        rivals={
            "L−2 has the power 1−1/L": at("(L - 2)**(L - 1)/(L - 1)**(2*L - 2)", "collapse"),
            "L−1 has the power 2−1/L": at("(L - 2)**(L - 2)/(L - 1)**(2*L - 1)", "collapse"),
            "it is the target at every depth": at("1", "collapse"),
        },
    ),
    ScalarStatement(
        "thm-uniqueness",
        "(L == 2 or collapse[1] < fold[0]) and roots <= 2 and collapse[1] - collapse[0] < (1/4)**34",
        rivals={"all local minimizers agree": "L == 2 or fold[1] <= collapse[1]"},
        controls={
            # At w = 1 the loss is least, and zero has the same.
            "the target is off the threshold": (
                "loss != square(target)",
                "a number at the collapse, depth 3",
            )
        },
    ),
    ScalarStatement(
        "cor-soft-threshold",
        "h == [1, 0, -1] and fold == collapse and fold[0] == fold[1] == 1",
        "L == 2",
        rivals={
            "a hard threshold": "h == [1]",
            "a bias of half the weight": "h == [2, 0, -2]",
            "never zero": "fold[1] > 1",
        },
        controls={"two layers": ("fold == collapse", 3)},
    ),
)
