"""Claims of the chapter *Flat minima*; the oracles are a search over factorizations and dense Hessians."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_target
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.spectra import dense_sharpness
from dmfbook.network.factors import end_to_end, partial_products
from dmfbook.network.frames import orthonormal_frame
from dmfbook.zero_loss.factorizations import flat_factors, zero_loss_factors
from dmfbook.zero_loss.sharpness import flat_sharpness, spectral_imbalance, spectral_products

ROUNDING = 1e-9  # of a dense Hessian's eigenvalues at well-conditioned points, generously


@dataclass(frozen=True)
class Factorization:
    """A case: a factorization of a target, and the weight of a penalty that is not part of the theorem."""

    factors: list[Array]
    reg: float = 0.0

    @property
    def target(self) -> Array:
        """End-to-end matrix ``M``."""
        return end_to_end(self.factors)

    @property
    def depth(self) -> int:
        """Number of factors ``L``."""
        return len(self.factors)

    @property
    def flat_value(self) -> float:
        """``2 L σ_1^{2−2/L}``."""
        return flat_sharpness(self.target, self.depth)


@dataclass(frozen=True)
class Descent:
    """Outcome of a search for the least sharpness."""

    factors: list[Array]
    values: Array  # sharpness after each iteration, the first that of the start

    def excess(self, flat: float) -> float:
        """How far above the value `flat` the search ended, relatively."""
        return float(self.values[-1] / flat - 1)


def descend_sharpness(factors: list[Array], reg: float = 0.0) -> Descent:
    """Minimize the sharpness over all changes of basis of the hidden layers.

    ``W_l → T_l W_l T_{l−1}⁻¹`` with invertible ``T_l``, ``T_0 = I`` and ``T_L = I``, leaves the product as it
    is. The search is a quasi-Newton method (BFGS, differences for gradients), started anew where it stops
    until that gains nothing.
    """
    values = [dense_sharpness(factors, reg)]
    for _ in range(8):
        found, path = _bfgs(factors, reg)
        factors = _change_bases(factors, found.x)
        gain = values[-1] - np.exp(found.fun)
        values.extend(path)
        if gain <= 1e-12 * values[-1]:
            break
    return Descent(factors, np.array(values))


def _bfgs(factors: list[Array], reg: float) -> tuple[OptimizeResult, list[float]]:
    path: list[float] = []

    def log_sharpness(vector: Array) -> float:
        try:
            return float(np.log(dense_sharpness(_change_bases(factors, vector), reg)))
        except (np.linalg.LinAlgError, ValueError):
            return np.inf  # a singular change of basis

    start = np.zeros(sum(len(factor) ** 2 for factor in factors[:-1]))
    with np.errstate(all="ignore"):  # the line search may step beyond all bounds and come back
        found = minimize(
            log_sharpness,
            start,
            method="BFGS",
            options={"gtol": 1e-9},
            callback=lambda intermediate_result: path.append(np.exp(intermediate_result.fun)),
        )
    return found, path


def _change_bases(factors: list[Array], vector: Array) -> list[Array]:
    changed, start = list(factors), 0
    for l, factor in enumerate(factors[:-1]):
        width = len(factor)
        turn = np.eye(width) + vector[start : start + width**2].reshape(width, width)
        start += width**2
        changed[l] = turn @ changed[l]
        changed[l + 1] = changed[l + 1] @ np.asarray(np.linalg.inv(turn), dtype=np.float64)
    return changed


def random_factorization(rng: np.random.Generator) -> Factorization:
    """Depth 2 or 3, outer widths 1 to 3, hidden widths that let the target through."""
    outer = rng.integers(1, 4, size=2)
    hidden = [max(2, int(outer.min()))] * int(rng.integers(1, 3))
    target = random_target(rng, (outer[1], outer[0]))
    return Factorization(zero_loss_factors(target, hidden, rng, condition=3.0))


def penalized_factorization(rng: np.random.Generator) -> Factorization:
    """Control: the layers are penalized, and the penalty curves the loss as well."""
    case = random_factorization(rng)
    return replace(case, reg=rng.uniform(0.1, 1) * case.flat_value)


def condition_holds(rng: np.random.Generator) -> Factorization:
    """All products of spectral norms are ``σ_1^{1−1/L}``; modes unevenly spread over the layers."""
    widths = rng.integers(2, 5, size=rng.integers(3, 7))
    target = random_target(rng, (widths[-1], widths[0]))
    hidden = np.maximum(widths[1:-1], min(target.shape))
    return Factorization(flat_factors(target, hidden, rng, spread=rng.uniform(0, 1)))


def bare_constancy(rng: np.random.Generator) -> Factorization:
    """Control: all products of spectral norms are equal, but larger than ``σ_1^{1−1/L}``."""
    case = condition_holds(rng)
    hidden = [len(factor) for factor in case.factors[:-1]]
    return Factorization(equalized(zero_loss_factors(case.target, hidden, rng, condition=10.0)))


def equalized(factors: list[Array]) -> list[Array]:
    """Rescale the layers, their product unchanged, so that all ``‖A_l‖₂ ‖B_l‖₂`` are equal."""
    products = spectral_products(factors)
    scales = products / np.exp(np.mean(np.log(products)))
    return [scale * factor for scale, factor in zip(scales, factors, strict=True)]


def shallow_or_scalar(rng: np.random.Generator) -> Factorization:
    """Depth 2, or a number factored to depth 3 or 4."""
    if rng.integers(2):
        outer = rng.integers(1, 4, size=2)
        hidden = [int(rng.integers(max(2, outer.min()), 4))]
    else:
        outer, hidden = np.array([1, 1]), [2] * int(rng.integers(2, 4))
    target = random_target(rng, (outer[1], outer[0]))
    return Factorization(zero_loss_factors(target, hidden, rng, condition=3.0))


def off_path(rng: np.random.Generator) -> tuple[Factorization, bool]:
    """Control: a factorization without a search for the least sharpness."""
    return random_factorization(rng), False


def searched(rng: np.random.Generator) -> tuple[Factorization, bool]:
    """A factorization to start a search from."""
    return random_factorization(rng), True


@dataclass(frozen=True)
class Path:
    """A factorization with a path: unit vectors ``e_l`` and the value of the path in each layer."""

    factors: list[Array]
    vectors: list[Array]
    values: Array


def path_and_rest(rng: np.random.Generator) -> Path:
    """Each layer is ``μ e_l e_{l−1}ᵀ`` and a random map between the complements, small or large."""
    depth = int(rng.integers(2, 6))
    return _path(rng, np.full(depth, rng.uniform(0.8, 1.5)))


def uneven_path(rng: np.random.Generator) -> Path:
    """Control: the layers have different shares of the leading mode."""
    case = path_and_rest(rng)
    stretch = np.ones(len(case.values))
    stretch[0], stretch[-1] = 1.5, 1 / 1.5
    return _path(rng, case.values * stretch)


def _path(rng: np.random.Generator, values: Array) -> Path:
    widths = rng.integers(2, 5, size=len(values) + 1)
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    sizes = [rng.standard_normal((after - 1, before - 1)) for before, after in pairwise(widths)]
    # The largest singular value of the rest's product stays below that of the path.
    sizes = [rest / np.linalg.norm(rest, 2) * rng.uniform(0.5, 1) for rest in sizes]
    shares = np.exp(rng.normal(scale=0.4, size=len(values)))
    shares /= np.prod(shares) ** (1 / len(values))
    factors = []
    for value, share, rest, (right, left) in zip(
        values, shares, sizes, pairwise(bases), strict=True
    ):
        core = np.zeros((len(left), len(right)))
        core[0, 0], core[1:, 1:] = value, np.prod(values) ** (1 / len(values)) * share * rest
        factors.append(left @ core @ right.T)
    return Path(factors, [basis[:, 0] for basis in bases], values)


@dataclass(frozen=True)
class Relaxed:
    """A flat minimum that violates the condition at layer 2, times a factor that is 1 in the theorem."""

    depth: int
    leading: float
    second: float
    beyond: float = 1.0

    @property
    def violation(self) -> float:
        """``‖A_2‖₂ ‖B_2‖₂ / σ_1^{1−1/L}``, the most that the construction allows."""
        return float(np.sqrt(1 + (self.depth - 2) * (1 - (self.second / self.leading) ** 2)))

    @property
    def factors(self) -> list[Array]:
        """``W_1 = μ diag(1, t)``, ``W_2 = μ diag(1, σ_2 / (σ_1 t))``, the others ``μ I``."""
        t = self.beyond * self.violation
        rows = [(1, t), (1, self.second / self.leading / t), *[(1, 1)] * (self.depth - 2)]
        return [self.leading ** (1 / self.depth) * np.diag(row) for row in rows]


def relaxed(rng: np.random.Generator) -> Relaxed:
    """Depth 3 to 6 and two different singular values."""
    leading = float(rng.uniform(0.5, 3))
    return Relaxed(int(rng.integers(3, 7)), leading, leading * float(rng.uniform(0, 0.9)))


def relaxed_too_far(rng: np.random.Generator) -> Relaxed:
    """Control: a fifth beyond what the proposition allows."""
    return replace(relaxed(rng), beyond=1.2)


@claim(
    "thm-flat-value",
    "The least sharpness of all factorizations",
    source="mulayoff2020unique",
    status="paper's claim",
    cases={"depth 2 or 3, any widths that let the target through": random_factorization},
    controls={"no regularization": penalized_factorization},
)
def least_sharpness(case: Factorization) -> Evidence:
    """Compare with the least sharpness that a search over factorizations finds."""
    found = descend_sharpness(case.factors, case.reg)
    # The search stops where differences of the sharpness drown in rounding.
    return Evidence(abs(found.excess(case.flat_value)), 1e-6)


@claim(
    "thm-flat-path",
    "The path of the leading mode",
    source="mulayoff2020unique",
    status="paper's claim",
    cases={"the end of a search from random factors": searched},
    controls={"the factors are as flat as can be": off_path},
)
def leading_path(case: tuple[Factorization, bool]) -> Evidence:
    """Follow the leading right singular vector through the flattest factorization that a search finds."""
    start, search = case
    factors, flat = start.factors, start.flat_value
    excess = 0.0
    if search:
        found = descend_sharpness(factors)
        factors, excess = found.factors, abs(found.excess(flat))
    scale = np.linalg.norm(start.target, 2) ** (1 / start.depth)
    before = np.linalg.svd(start.target)[2][0]
    error = 0.0
    for factor in factors:
        after = factor @ before
        after = after / np.linalg.norm(after)
        error = max(
            error,
            float(np.linalg.norm(factor @ before - scale * after)),
            float(np.linalg.norm(factor.T @ after - scale * before)),
        )
        before = after
    # Near a minimum an excess e of the value allows a distance of order √e.
    return Evidence(error / float(scale), 10 * float(np.sqrt(start.depth * excess)) + 1e-6)


@claim(
    "prop-flat-condition",
    "A sufficient condition for flatness",
    source="kamber2025sharpness",
    status="paper's claim",
    cases={"modes spread unevenly over the layers": condition_holds},
    controls={"the products are as small as can be": bare_constancy},
)
def sufficient_condition(case: Factorization) -> Evidence:
    """Compare the dense Hessian's largest eigenvalue with the least one of all factorizations."""
    return Evidence(abs(dense_sharpness(case.factors) / case.flat_value - 1), ROUNDING)


@claim(
    "cor-flat-necessary",
    "Where the condition is necessary",
    source="kamber2025sharpness",
    status="paper's claim",
    cases={"depth 2, or a number": shallow_or_scalar},
    controls={"depth 2, or a number": lambda rng: Factorization(relaxed(rng).factors)},
)
def necessary_condition(case: Factorization) -> Evidence:
    """Test the condition at the flattest factorization that a search finds."""
    found = descend_sharpness(case.factors)
    excess = abs(found.excess(case.flat_value))
    error = spectral_imbalance(found.factors)
    return Evidence(error, 4 * float(np.sqrt(case.depth * excess)) + 1e-6)


@claim(
    "prop-flat-blocks",
    "What the path leaves free",
    source="this book",
    status="new",
    cases={"any maps between the complements": path_and_rest},
    controls={"the layers share the leading mode evenly": uneven_path},
)
def flat_blocks(case: Path) -> Evidence:
    """Compare the largest of four eigenvalues with that of the dense Hessian."""
    dense = dense_sharpness(case.factors)
    return Evidence(abs(2 * max(block_values(case)) / dense - 1), ROUNDING)


def block_values(case: Path) -> tuple[float, float, float, float]:
    """Eigenvalues of the four blocks into which a path splits the small matrix, each the largest."""
    vectors, depth = case.vectors, len(case.factors)
    # σ_1 is read off the target, as if all shares were equal.
    scale = float(vectors[-1] @ end_to_end(case.factors) @ vectors[0]) ** (1 / depth)
    rest = [
        factor - scale * np.outer(after, before)
        for factor, (before, after) in zip(case.factors, pairwise(vectors), strict=True)
    ]
    left, right = partial_products(rest)
    outs = [_projected(a @ a.T, vectors[-1]) for a in left]
    ins = [_projected(b.T @ b, vectors[0]) for b in right]
    powers = scale ** (2 * np.arange(depth))
    both = sum(np.kron(k, g) for k, g in zip(ins, outs, strict=True))
    return (
        depth * scale ** (2 * depth - 2),
        float(np.linalg.norm(sum(p * k for p, k in zip(powers[::-1], ins, strict=True)), 2)),
        float(np.linalg.norm(sum(p * g for p, g in zip(powers, outs, strict=True)), 2)),
        float(np.linalg.norm(both, 2)),
    )


def _projected(gram: Array, vector: Array) -> Array:
    away = np.eye(len(vector)) - np.outer(vector, vector)
    return np.asarray(away @ gram @ away)


@claim(
    "prop-flat-not-necessary",
    "Where the condition is not necessary",
    source="this book",
    status="new",
    cases={"depth 3 to 6, two different values": relaxed},
    controls={"the deviation is small": relaxed_too_far},
)
def flat_without_condition(case: Relaxed) -> Evidence:
    """Compare the dense Hessian with the least sharpness, and the violation with its formula."""
    factors = case.factors
    flat = flat_sharpness(end_to_end(factors), case.depth)
    excess = abs(dense_sharpness(factors) / flat - 1)
    constant = case.leading ** (1 - 1 / case.depth)
    violation = spectral_products(factors)[1] / constant
    return Evidence(excess + abs(violation - case.violation), ROUNDING)
