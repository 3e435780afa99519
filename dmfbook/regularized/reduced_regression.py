"""A regression with weight decay in axes of its inputs and in units of order one: values, descents, bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end, flatten, partial_products, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical_weight import strongest_direction

# Singular values below this share of the largest are zero up to the accuracy of a descent.
ABSENT = 1e-8
DISTURBANCE = (
    0.01  # of a start, in units of its layers: what a start lacks entirely it would never get
)
# Newton's method takes a dense Hessian, up to this size.
LARGEST_NEWTON = 1_500
MOST_NEWTON = 50
NULL = 1e-10  # eigenvalues below this share of the largest belong to directions along an orbit


@dataclass(frozen=True)
class ReducedRegression:
    """Minimize ``‖T − X diag(q)‖_F² + L λ̄ Σ s_i(X)^{2/L}`` over matrices X of rank at most k.

    That is what is left of ``F`` after the best factors of each X.

    Parameters
    ----------
    roots : array (r,)
        Norms q of the columns of the inputs' factor Q, positive, the largest first.
    target : array (d_L, r)
        Whitened target T.
    depth, width : int
        L and k.
    reg : float
        Geometric mean λ̄ of the weights.
    """

    roots: Array
    target: Array
    depth: int
    width: int
    reg: float

    @property
    def is_white(self) -> bool:
        """Whether no direction of the inputs is stronger than another, beyond rounding."""
        return bool(
            self.roots[-1] > (1 - 8 * np.finfo(float).eps * len(self.roots)) * self.roots[0]
        )

    @cached_property
    def problem(self) -> Problem:
        """The same as a problem of factors, all hidden widths k."""
        loss = Regression(np.diag(self.roots), self.target)
        return Problem(loss, (self.width,) * (self.depth - 1), self.reg)

    def value(self, matrix: Array) -> float:
        """What is minimized."""
        values = np.linalg.svd(matrix, compute_uv=False)
        penalty = self.depth * self.reg * np.sum(values ** (2 / self.depth))
        return float(np.linalg.norm(self.target - matrix * self.roots) ** 2 + penalty)

    def dual_bound(self, matrix: Array) -> float:
        """A lower bound of the least value at depth 2, which its minimizer attains.

        ``‖E‖² ≥ 2⟨E, D⟩ − ‖D‖²`` for every D. With ``E = T − X Q``, and ``‖D Qᵀ‖₂ ≤ λ̄`` such that the penalty
        ``2 λ̄ ‖X‖_*`` outweighs ``2⟨X, D Qᵀ⟩``, what is left is ``2⟨T, D⟩ − ‖D‖²``; D is a multiple of the residual.
        """
        residual = self.target - matrix * self.roots
        pull = float(np.linalg.norm(residual * self.roots, 2))
        fit, square = float(np.vdot(self.target, residual)), float(np.vdot(residual, residual))
        if not pull or not square:
            return 0.0
        share = min(max(fit, 0.0) / square, self.reg / pull)
        return share * (2 * fit - share * square)

    def descend(self, matrix: Array, rng: np.random.Generator) -> Array:
        """A local minimizer below some matrix, all of whose modes are worth their price."""
        # Each mode that is dropped lowers the loss; ties must not make it go on for ever.
        for _ in range(self.width + 1):
            end = self._descend(matrix, rng)
            left, values, right = np.linalg.svd(end, full_matrices=False)
            kept = values > ABSENT * values[0]
            pulls = np.einsum("ik,ij,kj->k", left, self.target * self.roots, right)
            squares = np.linalg.norm(right * self.roots, axis=1) ** 2
            prices = self.depth * self.reg * values ** (2 / self.depth)
            # The columns of `left` are orthonormal, so the loss is a sum over modes.
            worthwhile = kept & (values * (values * squares - 2 * pulls) + prices <= 0)
            matrix = (left * np.where(worthwhile, values, 0.0)) @ right
            if (worthwhile == kept).all():
                break
        return matrix

    def starts(self, count: int, rng: np.random.Generator) -> list[Array]:
        """Where descents start: what goes last, the ridge regression cut to each rank, `count` random matrices.

        Just below the critical weight nothing but what goes last may be better than zero.
        """
        ridge = self.target * (self.roots / (self.roots**2 + self.reg))
        left, values, right = np.linalg.svd(ridge, full_matrices=False)
        ranks = range(min(self.width, len(values)), 0, -1)
        cut = [(left[:, :rank] * values[:rank]) @ right[:rank] for rank in ranks]
        size = np.linalg.norm(ridge) / np.sqrt(ridge.size)
        v = strongest_direction(self.roots, self.target, self.depth)
        last = np.outer(self.target @ (self.roots * v), v) / np.linalg.norm(self.roots * v) ** 2
        return [last, *cut, *(size * rng.standard_normal(ridge.shape) for _ in range(count))]

    def shallow(self, largest: float) -> ReducedRegression:
        """The problem of depth 2 whose value is nowhere larger, among matrices of spectral norm up to `largest`.

        ``s^{2/L} ≥ s · largest^{2/L−1}`` for them.
        """
        weight = self.depth * self.reg * largest ** (2 / self.depth - 1) / 2
        return replace(self, depth=2, width=min(self.target.shape), reg=weight)

    def _descend(self, matrix: Array, rng: np.random.Generator) -> Array:
        problem = self.problem
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        rank = min(self.width, len(values))
        layer = values[:rank] ** (1 / self.depth)
        factors = [np.zeros((self.width, len(self.roots)))]
        factors += [np.zeros((self.width, self.width)) for _ in range(self.depth - 2)]
        factors += [np.zeros((len(self.target), self.width))]
        for middle in factors[1:-1]:
            np.fill_diagonal(middle[:rank, :rank], layer)
        factors[0][:rank], factors[-1][:, :rank] = (
            layer[:, None] * right[:rank],
            left[:, :rank] * layer,
        )
        start = flatten(factors)
        start += DISTURBANCE * layer[0] * rng.standard_normal(len(start))

        options = {"maxiter": 200, "maxcor": 10, "ftol": 1e-13, "gtol": 1e-6}
        end = minimize(self._objective, start, jac=True, method="L-BFGS-B", options=options).x
        return np.asarray(end_to_end(unflatten(self._newton(end), problem.widths)))

    def _objective(self, vector: Array) -> tuple[float, Array]:
        """Loss of factors and its gradient, both from one product."""
        layers = unflatten(vector, self.problem.widths)
        left, right = partial_products(layers)
        residual = self.target - (left[0] @ layers[0]) * self.roots
        slope = -2 * residual * self.roots
        blocks = [
            a.T @ slope @ b.T + 2 * self.reg * w
            for a, b, w in zip(left, right, layers, strict=True)
        ]
        value = np.vdot(residual, residual) + self.reg * np.vdot(vector, vector)
        return float(value), flatten(blocks)

    def _newton(self, vector: Array) -> Array:
        """Newton steps, each eigenvalue of the Hessian taken by its absolute value: they lead down, off saddles too."""
        if self.problem.size > LARGEST_NEWTON:
            return vector
        value, slope = self._objective(vector)
        for _ in range(MOST_NEWTON):
            values, vectors = np.linalg.eigh(
                hessian(self.problem, unflatten(vector, self.problem.widths))
            )
            sizes = np.abs(values)
            across = sizes > NULL * sizes.max()  # not along the orbit
            step = -vectors[:, across] @ ((slope @ vectors[:, across]) / sizes[across])
            share, gain = 1.0, -float(slope @ step)
            while share > 1e-4:
                moved = vector + share * step
                lower, after = self._objective(moved)
                # Where the loss no longer tells, the gradient does.
                flat = gain < 1e-12 * value and np.linalg.norm(after) < np.linalg.norm(slope) / 2
                if flat or lower < value - 0.1 * share * gain:
                    break
                share /= 2
            else:
                break
            vector, value, slope = moved, lower, after
        return vector
