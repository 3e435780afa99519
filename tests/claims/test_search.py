"""The brute-force search for minimizers, where a descent by itself would stop at a saddle."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.claims.oracles import search


def test_saddles_are_left(monkeypatch):
    # A hidden unit that is zero stays so: the gradient leads to a saddle of rank one.
    problem = dmf.Problem(np.diag([3.0, 2.0]), (2,), reg=0.1)
    start = dmf.flatten([np.diag([1.0, 0.0])] * 2)
    monkeypatch.setattr(search, "_starts", lambda *arguments: [start])
    (found,) = search.minimizers(problem, np.random.default_rng(0), 1, planted=False)
    # Each mode keeps σ − λ of itself, and costs σ² − (σ − λ)².
    assert found.loss == pytest.approx(9 - 2.9**2 + 4 - 1.9**2, rel=1e-12)
    monkeypatch.setattr(search, "ESCAPES", 1)
    with pytest.raises(ArithmeticError, match="saddle"):
        search.minimizers(problem, np.random.default_rng(0), 1, planted=False)
