"""What can be descended, and its gradient at a point that moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, number, real_array
from dmfbook.network.gradient import views
from dmfbook.network.problem import Problem
from dmfbook.training.label_noise import NoisyLabels
from dmfbook.training.recovery import SensingProblem, SymmetricSensingProblem


class Objective(Protocol):
    """What can be descended: anything with a loss and a gradient of factors."""

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Value at `factors`."""
        ...

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient at `factors`, one block a layer."""
        ...


class Slope(Protocol):
    """A gradient at layers that change in place, as :class:`~dmfbook.network.gradient.Gradient` is one.

    Attributes
    ----------
    point : array (N,)
        All layers in one vector.
    layers : list of L arrays
        Views of it.
    blocks : list of L arrays
        Views of what a call returns.
    """

    point: Array
    layers: list[Array]
    blocks: list[Array]

    def __call__(self) -> Array:
        """Gradient at the present point (N,); overwritten by the next call."""
        ...


def slope_of(objective: Objective, factors: Sequence[ArrayLike]) -> Slope:
    """Gradient of an objective, at a copy of `factors`."""
    # These know the shapes of their factors, and have buffers; a class derived from them may have another gradient.
    if type(objective) in (Problem, SensingProblem, SymmetricSensingProblem, NoisyLabels):
        return objective._slope(factors)  # type: ignore[attr-defined]
    missing = [
        name for name in ("loss", "gradient") if not callable(getattr(objective, name, None))
    ]
    if isinstance(objective, type):
        raise TypeError(f"objective must be an object, got the class {objective.__name__}")
    if missing:
        raise TypeError(
            "objective must have the methods loss and gradient, "
            f"got {type(objective).__name__} without {' and '.join(missing)}"
        )
    return _OwnSlope(objective, factors)


def loss_of(objective: Objective, factors: list[Array]) -> float:
    """Loss of any objective as a float; infinite where the factors are, or where it overflows."""
    if not all(np.isfinite(factor).all() for factor in factors):
        return np.inf
    try:
        loss = objective.loss(factors)
    except OverflowError:
        return np.inf
    return number("objective.loss(factors)", loss)


class _OwnSlope:
    """The gradient of a user's objective, gathered in one vector; what it returns first is checked."""

    def __init__(self, objective: Objective, factors: Sequence[ArrayLike]) -> None:
        try:
            items = list(factors)
        except TypeError:
            raise TypeError(f"factors must be a sequence of arrays, got {factors!r}") from None
        # What its factors must look like, the objective knows.
        checked = [real_array(f"factors[{i}]", factor) for i, factor in enumerate(items)]
        if not checked:
            raise ValueError("factors must hold at least 1 array, got none")
        shapes = [factor.shape for factor in checked]
        self.point = np.concatenate([factor.ravel() for factor in checked])
        self.layers = views(self.point, shapes)
        self._objective = objective
        self._gradient = np.empty_like(self.point)
        self.blocks = views(self._gradient, shapes)
        self._is_checked = False
        loss_of(objective, self.layers)

    def __call__(self) -> Array:
        try:
            blocks: Any = self._objective.gradient(self.layers)
        except OverflowError:
            self._gradient.fill(np.inf)
            return self._gradient
        if not self._is_checked:
            blocks = _checked_blocks(blocks, self.layers)
            self._is_checked = True
        for slot, block in zip(self.blocks, blocks, strict=True):
            slot[...] = block
        return self._gradient


def _checked_blocks(blocks: Any, layers: list[Array]) -> list[Any]:
    """Return a user's gradient as a list if it has a block of the right shape for each layer."""
    expected = [layer.shape for layer in layers]
    try:
        items = list(blocks)
        found = [np.shape(block) for block in items]
    except TypeError:
        raise TypeError(
            f"objective.gradient must return a list of {len(layers)} arrays, got {blocks!r}"
        ) from None
    if found != expected:
        raise ValueError(
            f"objective.gradient must return arrays of shapes {expected}, those of the factors, "
            f"got shapes {found}"
        )
    for i, block in enumerate(items):
        dtype = np.asarray(block).dtype
        if dtype.kind not in "fiu":
            raise TypeError(
                f"objective.gradient must return real arrays, got dtype {dtype} for layer {i + 1}"
            )
    return items
