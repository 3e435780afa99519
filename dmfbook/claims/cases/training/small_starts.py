"""Two factors that start small, unbalanced or damped; and the runs of which observations count the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.imbalance import differences
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.sensing.ensembles import entry_sampling, gaussian_sensing
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SensingProblem
from dmfbook.training.trajectory import Trajectory


@dataclass(frozen=True)
class BalanceCase:
    """A start of gradient descent, and how long it runs."""

    problem: Problem
    factors: list[Array]
    step: float
    steps: int

    @cached_property
    def run(self) -> Trajectory:
        """The descent, with its losses and the squared norms of its gradients."""

        def slope(factors: list[Array]) -> float:
            return float(np.sum(flatten(self.problem.gradient(factors)) ** 2))

        record = {"loss": self.problem.loss, "slope": slope}
        return gradient_descent(self.problem, self.factors, self.step, self.steps, record=record)

    @property
    def descends(self) -> bool:
        """Whether each step takes at least half of what the gradient promises from the loss."""
        loss, slope = self.run.records["loss"], self.run.records["slope"]
        promised = 0.5 * self.step * slope[:-1]
        return bool(np.all(loss[1:] <= loss[:-1] - promised + 1e-12 * loss[0]))

    @cached_property
    def change(self) -> float:
        """Largest nuclear norm by which a difference of Gram matrices changes."""
        pairs = zip(differences(self.run.factors), differences(self.factors), strict=True)
        return max(float(np.linalg.norm(after - before, "nuc")) for after, before in pairs)

    @property
    def rounding(self) -> float:
        """How far rounding may move a difference of Gram matrices."""
        size = sum(squared_size(factors) for factors in (self.factors, self.run.factors))
        return 64 * float(np.finfo(float).eps) * self.steps * size


def squared_size(factors: list[Array]) -> float:
    """Sum of the squared Frobenius norms."""
    return float(sum(np.sum(factor**2) for factor in factors))


def descending(
    rng: np.random.Generator,
    depth: int = 2,
    scale: float = 1.0,
    reg: float = 0.0,
    share: float = 1.0,
) -> BalanceCase:
    """Random factors, and a step so short that each step descends as it must; a share of the longest such."""
    widths = rng.integers(2, 5, depth + 1)
    target = rng.normal(size=(widths[-1], widths[0]))
    problem = Problem(target, widths[1:-1].tolist(), reg)
    factors = [scale * rng.normal(size=shape) for shape in zip(widths[1:], widths, strict=False)]
    case = BalanceCase(problem, factors, 0.3 / float(np.linalg.norm(target, 2)), 200)
    while not case.descends:
        case = BalanceCase(problem, factors, 0.7 * case.step, 200)
    return BalanceCase(problem, factors, share * case.step, 200)


def to_the_end_at_once(rng: np.random.Generator) -> BalanceCase:
    """A number whose second factor is zero, and the step that leads to a minimizer at once."""
    first = float(rng.uniform(0.5, 2))
    problem = Problem([[float(rng.uniform(0.5, 2))]], (1,))
    factors = [np.array([[first]]), np.array([[0.0]])]
    return BalanceCase(problem, factors, 1 / (2 * first**2), 1)


def too_long_a_step(rng: np.random.Generator) -> BalanceCase:
    """Unbalanced factors close to a minimizer that is too sharp for the step."""
    target, ratio = float(rng.uniform(1, 2)), float(rng.uniform(1.5, 2))
    root = np.sqrt(target)
    factors = [np.array([[1.001 * ratio * root]]), np.array([[root / ratio]])]
    step = 1.2 / (target * (ratio**2 + ratio**-2))
    return BalanceCase(Problem([[target]], (1,)), factors, step, 4)


def with_weight_decay(rng: np.random.Generator) -> BalanceCase:
    """Unbalanced factors of the target itself, weight decay, and short steps."""
    left, right = (orthonormal_frame(int(rng.integers(2, 5)), 2, rng) for _ in range(2))
    values = rng.uniform(1, 2, 2)
    factors = [3 * np.diag(values) @ right.T, left / 3]
    return BalanceCase(Problem(left * values @ right.T, (2,), 0.1), factors, 1e-3, 1000)


@dataclass(frozen=True)
class DampedCase:
    """A start in the bases of the target, balanced, and scaled descent with a damping."""

    problem: Problem
    sigma: Array
    values: Array
    start: list[Array]
    step: float
    damping: float
    steps: int

    @cached_property
    def products(self) -> Array:
        """End-to-end values of the modes in the bases of the target, after each step (t, n)."""
        rank = len(self.sigma)
        left, _, right = np.linalg.svd(self.problem.target, full_matrices=False)
        left, right = left[:, :rank], right[:rank]
        record = {"modes": lambda layers: np.diag(left.T @ end_to_end(layers) @ right.T)}
        run = gradient_descent(
            self.problem, self.start, self.step, self.steps, scaling=self.damping, record=record
        )
        return np.asarray(run.records["modes"])


def damped(
    rng: np.random.Generator,
    *,
    step: float = 0.25,
    damping: float = 1.0,
    scale: float = 1e-3,
    condition: float = 5.0,
    tilt: float = 0.0,
    spare: int = 2,
    steps: int = 8,
) -> DampedCase:
    """Modes of some size, of a target of some condition; the damping in units of its least singular value.

    `tilt` turns the hidden basis of the first factor against that of the second; `spare` hidden units are idle.
    """
    sigma = rng.uniform(0.8, 1.2) * np.linspace(1, 1 / condition, 3)
    hidden = 3 + spare
    frames = [orthonormal_frame(side, 3, rng) for side in (4, hidden, 5)]
    values = scale * np.sqrt(sigma) * np.array([1.0, 0.8, 0.6]) * rng.uniform(0.95, 1.05, 3)
    turn = np.linalg.qr(np.eye(3) + tilt * rng.normal(size=(3, 3)))[0] if tilt else np.eye(3)
    start = [frames[1] @ turn * values @ frames[0].T, frames[2] * values @ frames[1].T]
    problem = Problem(frames[2] * sigma @ frames[0].T, (hidden,))
    return DampedCase(problem, sigma, values, start, step, damping * sigma[-1], steps)


Made = Callable[[float], tuple[SensingProblem, Array, list[Array]]]


@dataclass(frozen=True)
class Race:
    """Problems, truths and starts by condition number, the damping, and the error at which a run has arrived.

    The damping is in units of the least singular value; `enough` takes the truth.
    """

    made: Made
    damping: float
    enough: Callable[[Array], float]

    @cached_property
    def scaled(self) -> tuple[float, float]:
        """Steps of scaled descent at κ = 1 and κ = 10; infinite where it does not arrive."""
        first, last = (self._count(k, 0.25, 300, self.damping / k, np.inf) for k in (1.0, 10.0))
        return first, last

    @cached_property
    def plain(self) -> tuple[float, float]:
        """Steps of gradient descent at κ = 1, and at κ = 10 or the 1,200 after which it is given up."""
        return self._count(1.0, 0.2, 200, None, np.inf), self._count(10.0, 0.2, 1200, None, 1200.0)

    @property
    def growth(self) -> tuple[float, float]:
        """Steps at κ = 10 over those at κ = 1, scaled and plain."""
        return self.scaled[1] / self.scaled[0], self.plain[1] / self.plain[0]

    def _count(
        self, condition: float, step: float, most: int, scaling: float | None, otherwise: float
    ) -> float:
        problem, truth, start = self.made(condition)
        record = {"error": lambda factors: np.linalg.norm(end_to_end(factors) - truth)}
        run = gradient_descent(problem, start, step, most, scaling=scaling, record=record)
        reached = np.flatnonzero(run.records["error"] < self.enough(truth))
        return float(reached[0]) if len(reached) else otherwise


def completion(rng: np.random.Generator, noise: float = 0.0, spiked: bool = False) -> Race:
    """Nine tenths of the entries of an 80 × 70 matrix of rank 2 from the spectral start, to a relative error of 1e-4.

    Singular vectors have entries of about one size; or, `spiked`, those on the left have one entry each.
    """
    shape, rank, seed = (80, 70), 2, int(rng.integers(2**31))

    def made(condition: float) -> tuple[SensingProblem, Array, list[Array]]:
        sample = np.random.default_rng(seed)
        left, right = (spread_frame(side, rank, sample) for side in shape)
        if spiked:
            left = np.eye(shape[0], rank)
        truth = left * np.linspace(1, 1 / condition, rank) @ right.T
        operator = entry_sampling(shape, truth.size * 9 // 10, sample)
        error = sample.normal(size=truth.shape) / np.sqrt(truth.size)
        seen = operator.measure(truth + noise * error)
        u, s, vt = np.linalg.svd(operator.back(seen), full_matrices=False)
        root = np.sqrt(s[:rank])
        start = [root[:, None] * vt[:rank], u[:, :rank] * root]
        return SensingProblem(operator, seen), truth, start

    return Race(made, 0.0, lambda truth: 1e-4 * float(np.linalg.norm(truth)))


def spread_frame(width: int, columns: int, rng: np.random.Generator) -> Array:
    """Orthonormal columns with the span of random signs: no row has much more than its share."""
    return np.asarray(np.linalg.qr(rng.choice([-1.0, 1.0], (width, columns)))[0])


def over_parameterized(rng: np.random.Generator, damping: float = 0.5) -> Race:
    """700 Gaussian measurements of a 14 × 16 matrix of rank 2, width 5, from a small start, to 1e-2 of σ_2."""
    shape, seed = (14, 16), int(rng.integers(2**31))

    def made(condition: float) -> tuple[SensingProblem, Array, list[Array]]:
        sample = np.random.default_rng(seed)
        left, right = (orthonormal_frame(side, 2, sample) for side in shape)
        truth = left * np.linspace(1, 1 / condition, 2) @ right.T
        operator = gaussian_sensing(shape, 700, sample)
        start = [1e-6 * sample.normal(size=side) for side in ((5, 16), (14, 5))]
        return SensingProblem(operator, operator.measure(truth)), truth, start

    return Race(made, damping, lambda truth: 1e-2 * float(np.linalg.svd(truth)[1][1]))
