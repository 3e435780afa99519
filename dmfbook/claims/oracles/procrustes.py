"""Changes of basis of the hidden layers that carry one set of factors to another, found by alternation."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array


def distance_modulo_basis(factors: list[Array], others: list[Array]) -> float:
    """Distance of `others` from `factors` after the best changes of basis of the hidden layers.

    Found by alternating: given its neighbours, each basis is an orthogonal Procrustes problem.
    """
    bases = [np.eye(factors[0].shape[1]), *(np.eye(len(factor)) for factor in factors)]

    def distance() -> float:
        moved = [q @ w @ p.T for w, q, p in zip(factors, bases[1:], bases, strict=False)]
        return float(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(moved, others, strict=True))))

    last = np.inf
    for sweep in range(5000):
        for l in range(1, len(factors)):
            inner = others[l - 1] @ bases[l - 1] @ factors[l - 1].T
            # In the first sweep the next basis is not known yet; the layers before decide.
            outer = others[l].T @ bases[l + 1] @ factors[l] if sweep else 0.0
            left, _, right = np.linalg.svd(inner + outer)
            bases[l] = left @ right
        if sweep % 10 == 1:
            now = distance()
            if now > last * (1 - 1e-3) or now < 1e-13:
                break
            last = now
    return distance()
