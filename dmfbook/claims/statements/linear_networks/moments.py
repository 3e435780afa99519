"""What samples are to a linear network: a root of their second moment, a target, and a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.frames import orthonormal_frame

ABSENT = 1e-9  # singular values of the inputs below this share of the largest count as zero


@dataclass(frozen=True)
class Moments:
    """Q with ``Q Qᵀ = S``, ``M̃ = C (Q⁺)ᵀ``, and ``‖Y‖² − ‖M̃‖²``."""

    root: Array
    target: Array
    rest: float


def moments_of(
    inputs: Array,
    outputs: Array,
    rng: np.random.Generator,
    centred: bool = False,
    crossed: bool = False,
    squared: bool = False,
) -> Moments:
    """The moments of samples, with one of all the roots Q, in a random basis.

    Rivals take the means off, or the cross moment for ``M̃``, or S for its root.
    """
    if centred:
        inputs = inputs - inputs.mean(axis=1, keepdims=True)
        outputs = outputs - outputs.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(inputs, full_matrices=False)
    rank = int(np.sum(values > ABSENT * values[0]))
    basis = orthonormal_frame(rank, rank, rng)
    root = (left[:, :rank] * values[:rank] ** (2 if squared else 1)) @ basis
    back = left[:, :rank] @ basis if crossed else np.linalg.pinv(root).T
    target = outputs @ inputs.T @ back
    return Moments(root, target, float(np.vdot(outputs, outputs) - np.vdot(target, target)))
