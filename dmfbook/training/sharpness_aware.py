"""The step of sharpness-aware minimization: the gradient at a point a little uphill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import norm
from dmfbook._validation import Array, generator, nonnegative_number

if TYPE_CHECKING:
    from dmfbook.training.objective import Objective


@dataclass(frozen=True, eq=False, repr=False)
class SharpnessAware:
    """A loss whose gradient is taken a distance ρ uphill: descent on it is sharpness-aware minimization [1]_.

    The gradient at W is that of the loss at ``W + ρ ∇F(W) / ‖∇F(W)‖``, all layers in one vector. If the loss is a sum
    of parts, each gradient is that of one of them, drawn at random, also uphill of this part alone.

    Parameters
    ----------
    parts : sequence of objects with ``loss(factors)`` and ``gradient(factors)``, at least one
        What is added up to the loss: a single Problem, or one for each sample.
    radius : float, >= 0
        The distance ρ.
    rng : numpy.random.Generator, optional
        Draws the parts; needed if there are several.

    Raises
    ------
    ValueError, TypeError
        If there is no part, a part has no loss or gradient, the radius is negative or no finite number, or several
        parts come without a generator.

    References
    ----------
    .. [1] foret2021sharpness, arXiv 2010.01412.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> aware = dmf.SharpnessAware([dmf.Problem([[1.0]], (1,))], radius=0.1)
    >>> run = dmf.gradient_descent(aware, [[[0.5]], [[1.8]]], 0.1, 3000)
    >>> bool(np.isclose(*run.factors))
    True
    """

    parts: Sequence[Objective]
    radius: float
    rng: np.random.Generator | None = None

    def __post_init__(self) -> None:
        parts = _parts(self.parts)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "radius", nonnegative_number("radius", self.radius))
        if self.rng is not None or len(parts) > 1:
            generator("rng", self.rng)

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """The loss itself, not uphill.

        Parameters
        ----------
        factors : sequence of arrays
            The point.

        Returns
        -------
        float
            Sum over the parts.
        """
        return sum(part.loss(factors) for part in self.parts)

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient of one part, uphill.

        Parameters
        ----------
        factors : sequence of arrays
            The point.

        Returns
        -------
        list of arrays
            One block a layer; zero where the gradient at the point is.
        """
        part = self.parts[0 if len(self.parts) == 1 else self._draw()]
        # The blocks of a gradient may be buffers.
        slopes = [np.array(block) for block in part.gradient(factors)]
        length = norm(np.concatenate([block.ravel() for block in slopes]))
        if length == 0:
            return slopes
        steps = [self.radius / length * block for block in slopes]
        uphill = [np.asarray(w) + step for w, step in zip(factors, steps, strict=True)]
        return part.gradient(uphill)

    def _draw(self) -> int:
        return int(generator("rng", self.rng).integers(len(self.parts)))

    def __repr__(self) -> str:
        return f"SharpnessAware({len(self.parts)} parts, radius={self.radius:g})"


def _parts(parts: Sequence[Objective]) -> tuple[Objective, ...]:
    try:
        items = tuple(parts)
    except TypeError:
        raise TypeError(f"parts must be a sequence of objectives, got {parts!r}") from None
    if not items:
        raise ValueError("parts must hold at least 1 objective, got none")
    for i, part in enumerate(items):
        if isinstance(part, type) or not all(
            callable(getattr(part, name, None)) for name in ("loss", "gradient")
        ):
            raise TypeError(f"parts[{i}] must have the methods loss and gradient, got {part!r}")
    return items
