"""Which critical points are minimizers and which saddles, as `thm-kinds` states it."""

from __future__ import annotations

import numpy as np

from dmfbook.claims.statements.modes import OUT, PointCase
from dmfbook.claims.statements.regularized.signs import TIE, at_fold, on_smaller, swaps
from dmfbook.regularized.scalar import collapse_threshold

GLOBAL, LOCAL = "global minimizer", "local minimizer"
STRICT, DEGENERATE = "strict saddle", "saddle that is not strict"


class Kinds:
    """The conditions of the theorem."""

    def kind(self, case: PointCase) -> str:
        """Kind of a critical point."""
        if self.is_local(case):
            return GLOBAL if self.is_global(case) else LOCAL
        return DEGENERATE if self.is_degenerate(case) else STRICT

    def is_local(self, case: PointCase) -> bool:
        """Part 1: a local minimizer."""
        if case.problem.depth == 2:
            return self.in_order(case) and self.nothing_to_gain(case)
        return self.in_order(case) and self.on_larger(case) and at_fold(case) == 0

    def is_global(self, case: PointCase) -> bool:
        """Part 2: a local minimizer that is global."""
        threshold, inactive = self.threshold(case), case.roots == OUT
        active = case.sigma[~inactive] >= threshold * (1 - TIE)
        return bool(
            active.all()
            and (self.is_full(case) or np.all(case.sigma[inactive] <= threshold * (1 + TIE)))
        )

    def is_degenerate(self, case: PointCase) -> bool:
        """Part 3: a saddle that is not strict."""
        deep = case.problem.depth > 2
        return deep and self.in_order(case) and self.on_larger(case) and at_fold(case) > 0

    def in_order(self, case: PointCase) -> bool:
        """No inactive mode is above an active one."""
        return swaps(case) == 0

    def on_larger(self, case: PointCase) -> bool:
        """All active modes are on their larger roots."""
        return on_smaller(case) == 0

    def nothing_to_gain(self, case: PointCase) -> bool:
        """At depth 2: all places are taken or no inactive mode exceeds the weight."""
        inactive = case.sigma[case.roots == OUT]
        return self.is_full(case) or bool(np.all(inactive <= case.mean * (1 + TIE)))

    def is_full(self, case: PointCase) -> bool:
        """As many modes are active as the narrowest layer lets through."""
        return case.rank == min(case.problem.widths)

    def threshold(self, case: PointCase) -> float:
        """``m_c``."""
        return float(collapse_threshold(case.mean, case.problem.depth))
