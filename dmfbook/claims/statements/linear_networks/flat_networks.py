"""What *The flattest network* states about networks that fit their data, with options for false neighbours."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles.flatness.directions import best_direction
from dmfbook.network.factors import partial_products

Norm = Literal["fro", "nuc"] | float


def sharpness_formula(
    factors: list[Array],
    factor: Array,
    *,
    first_only: bool = False,
    apart: bool = False,
    constant: float = 2.0,
) -> float:
    """``2 λ_max(Σ_l (Qᵀ B_lᵀ B_l Q) ⊗ (A_l A_lᵀ))``.

    The options are for false neighbours: inputs that only the first layer sees, the largest value of each term apart,
    another constant.
    """
    basis = factor / np.linalg.norm(factor, axis=0)
    terms = []
    for l, (a, b) in enumerate(zip(*partial_products(factors), strict=True)):
        seen = b @ (basis if first_only and l > 0 else factor)
        terms.append(np.kron(seen.T @ seen, a @ a.T))
    if apart:
        return constant * sum(float(np.linalg.norm(term, 2)) for term in terms)
    return constant * float(np.linalg.eigvalsh(sum(terms))[-1])


def two_layers_formula(
    factors: list[Array], factor: Array, norm: Norm = 2, apart: bool = False
) -> float:
    """``2 λ_max(Qᵀ (‖W_2‖₂² I + W_1ᵀ W_1) Q)``; or another norm of the second layer, or the largest value of each term."""
    first, second = factors
    outer = float(np.linalg.norm(second, norm)) ** 2 * factor.T @ factor
    inner = (first @ factor).T @ (first @ factor)
    if apart:
        return 2 * float(np.linalg.norm(outer, 2) + np.linalg.norm(inner, 2))
    return 2 * float(np.linalg.eigvalsh(outer + inner)[-1])


def flat_value(
    target: Array,
    factor: Array,
    depth: int,
    rng: np.random.Generator,
    *,
    outputs: float = 2.0,
    inputs: float = 2.0,
    layers: int = 0,
    kind: str = "one direction",
) -> float:
    """``2 L max ‖M̃ v‖^{2−2/L} ‖Q v‖^{2/L}`` over unit vectors v.

    The options are for false neighbours: other numbers over L in the exponents, fewer layers, the inverse of Q, the
    largest value of each norm, or the v of the largest outputs.
    """
    powers = 2 - outputs / depth, inputs / depth
    if kind in ("one direction", "inverse"):
        seen = np.asarray(np.linalg.inv(factor)) if kind == "inverse" else factor
        value = best_direction(target, seen, powers, rng)[0]
    else:
        v = np.linalg.svd(target)[2][0]
        second = np.linalg.norm(factor @ v) if kind == "outputs" else np.linalg.norm(factor, 2)
        value = float(np.linalg.norm(target, 2) ** powers[0] * second ** powers[1])
    return 2 * (depth - layers) * value


def least_trace_formula(
    target: Array,
    factor: Array,
    depth: int,
    *,
    norm: Norm = "nuc",
    inputs: Norm = "fro",
    sides: int = 1,
    power: float = 2.0,
) -> float:
    """``2 L (d_L ‖Q‖_F²)^{1/L} ‖M̃‖_*^{2−2/L}``; the options are for false neighbours, other norms and powers."""
    size = len(target) ** sides * float(np.linalg.norm(factor, inputs)) ** 2
    fitted = float(np.linalg.norm(target, norm))
    return float(2 * depth * size ** (1 / depth) * fitted ** (2 - power / depth))


def flat_spectrum(
    target: Array, factor: Array, split: float, depth: int, size: int, behind: bool = True
) -> Array:
    """Eigenvalues of the Hessian, of size `size`, where all layers but the first are ``√p`` times partial isometries.

    A false neighbour has the outputs that the target does not reach behave as the others do.
    """
    gram, moments = target.T @ target, factor.T @ factor
    rank = int(np.linalg.matrix_rank(target, 1e-9 * np.linalg.norm(target)))
    reached = rank if behind else len(target)
    both = np.linalg.eigvalsh((depth - 1) * gram / split + split ** (depth - 1) * moments)
    alone = np.linalg.eigvalsh(gram / split)
    found = 2 * np.concatenate([np.repeat(both, reached), np.repeat(alone, len(target) - reached)])
    padded = np.concatenate([np.zeros(max(size - len(found), 0)), np.sort(found)])
    return np.sort(padded)[-size:]


def path_errors(
    factors: list[Array], start: Array, gain: float, first_back: bool = False
) -> list[float]:
    """How far ``W_l e_{l−1} = g e_l`` and, behind the first layer, ``W_lᵀ e_l = g e_{l−1}`` are from true, over g.

    A false neighbour asks the second of the first layer too.
    """
    units = [start / np.linalg.norm(start)]
    for layer in factors:
        image = layer @ units[-1]
        units.append(image / np.linalg.norm(image))
    errors = []
    for l, (layer, (before, after)) in enumerate(zip(factors, pairwise(units), strict=True)):
        errors.append(float(np.linalg.norm(layer @ before - gain * after)) / gain)
        if l > 0 or first_back:
            errors.append(float(np.linalg.norm(layer.T @ after - gain * before)) / gain)
    return errors


def balanced(target: Array, hidden_widths: tuple[int, ...]) -> list[Array]:
    """Balanced factors of a matrix, in coordinate bases of the hidden layers."""
    left, values, right = np.linalg.svd(target, full_matrices=False)
    widths = (len(values), *hidden_widths, len(values))
    root = values ** (1 / (len(hidden_widths) + 1))
    layers = []
    for before, after in pairwise(widths):
        layers.append(np.zeros((after, before)))
        rank = min(before, after, len(root))
        np.fill_diagonal(layers[-1][:rank, :rank], root[:rank])
    return [layers[0] @ right, *layers[1:-1], left @ layers[-1]]
