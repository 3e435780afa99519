"""Least squares on data: the loss of a linear network."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, positive_number
from dmfbook.network.losses import squared_norm, trace
from dmfbook.network.moments import moment_factor, sample_blocks, sample_matrix


class Regression:
    """Least squares on data, ``ℓ(W) = scale · ‖Y − W X‖_F²``: a linear network's loss.

    Only the second moments ``S = X Xᵀ``, ``C = Y Xᵀ`` and ``‖Y‖_F²`` are kept, so samples are read once and
    any number of them costs no more than one.

    Parameters
    ----------
    inputs : array (d_0, n)
        The samples ``X``, one a column.
    outputs : array (d_L, n)
        What the network shall return, ``Y``, one a column.
    scale : float, positive
        Factor of the loss; ``1 / (n d_L)`` makes it the mean squared error of common libraries.

    Raises
    ------
    ValueError, TypeError
        If inputs and outputs are no finite real matrices with equally many columns, or the scale is not a
        positive number.
    OverflowError
        If a second moment is beyond the range of float64.

    Notes
    -----
    ``2 n d_0 (d_0 + d_L)`` flops and the memory of a block of samples and of the moments. A direction of the inputs
    whose moment is below ``d_0 ε`` times the largest counts as absent: a Gram matrix does not resolve it.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> loss = dmf.Regression(inputs=[[1.0, 2.0]], outputs=[[1.0, 3.0]])
    >>> loss.second_moment, loss.cross_moment
    (array([[5.]]), array([[7.]]))
    >>> float(loss.value([[1.0]]).round(12)), loss.gradient([[1.0]])
    (1.0, array([[-4.]]))
    """

    def __init__(self, inputs: ArrayLike, outputs: ArrayLike, scale: float = 1.0) -> None:
        factor = positive_number("scale", scale)
        samples, answers = sample_matrix("inputs", inputs), sample_matrix("outputs", outputs)
        if samples.shape[1] != answers.shape[1]:
            raise ValueError(
                "inputs and outputs must have equally many columns, one a sample, got shapes "
                f"{samples.shape} and {answers.shape}"
            )
        moment = np.zeros((len(samples), len(samples)))
        cross = np.zeros((len(answers), len(samples)))
        power = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for x, y in sample_blocks(inputs=samples, outputs=answers):
                moment += x @ x.T
                cross += y @ x.T
                power += float(np.vdot(y, y))
            self._set(factor * moment, factor * cross, factor * power, samples.shape[1])

    def _set(self, moment: Array, cross: Array, power: float, samples: int) -> None:
        if not (np.isfinite(moment).all() and np.isfinite(cross).all() and np.isfinite(power)):
            raise OverflowError("the second moments of the data are beyond the range of float64")
        for array in (moment, cross):
            array.flags.writeable = False
        self._moment, self._cross, self._power, self._samples = moment, cross, power, samples

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        return self._cross.shape

    @property
    def samples(self) -> int:
        """Number n of samples."""
        return self._samples

    @property
    def second_moment(self) -> Array:
        """``S = scale · X Xᵀ``, read-only; array (d_0, d_0). The second derivative is ``Z ↦ 2 Z S``."""
        return self._moment

    @property
    def cross_moment(self) -> Array:
        """``C = scale · Y Xᵀ``, read-only; array (d_L, d_0)."""
        return self._cross

    @property
    def input_factor(self) -> Array:
        """``Q`` with ``S = Q Qᵀ`` and orthogonal columns, strongest first, read-only; array (d_0, rank S).

        It acts like a fixed layer before the first: ``ℓ(W) = ‖M̃ − W Q‖_F² + least``.
        """
        return self._whitened[0]

    @property
    def whitened_target(self) -> Array:
        """``M̃ = C Q^{+ᵀ}``, what the network has to be on whitened inputs, read-only; array (d_L, rank S)."""
        return self._whitened[1]

    @cached_property
    def _whitened(self) -> tuple[Array, Array]:
        found = moment_factor(self._moment)
        roots = np.ldexp(found.roots, found.exponent)
        # The columns of Q are orthogonal, so its pseudo-inverse only divides them by their squares.
        factor, target = found.vectors * roots, self._cross @ found.vectors / roots
        for array in (factor, target):
            array.flags.writeable = False
        return factor, target

    @cached_property
    def least(self) -> float:
        """Least value of the loss over all matrices: what no network fits, noise included."""
        # Rounding may leave a small negative number where the data are fitted exactly.
        return max(self._power - float(squared_norm(self.whitened_target)), 0.0)

    def value(self, X: ArrayLike) -> Any:
        """``scale · ‖Y − X · inputs‖_F²``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each.
        """
        return squared_norm(self.whitened_target - np.asarray(X) @ self.input_factor) + self.least

    def gradient(self, X: ArrayLike) -> Array:
        """``2 (X S − C)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        return 2 * (np.asarray(X) @ self._moment - self._cross)

    def curvature(self, X: ArrayLike, Z: ArrayLike) -> Array:
        """``2 Z S``, whatever `X` is.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            Where; a matrix or a stack of them.
        Z : array (…, d_L, d_0)
            Directions, one or a stack; leading axes broadcast with those of `X`.

        Returns
        -------
        array (…, d_L, d_0)
            One matrix for each pair.
        """
        return 2 * (np.asarray(Z) @ self._moment)

    def curvature_trace(self, X: Array, left: Array, right: Array) -> Any:
        """``Σ_ij ⟨∇²ℓ(X)[E_ij], left E_ij right⟩ = 2 tr(left) tr(right S)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            Where.
        left, right : arrays (…, d_L, d_L) and (…, d_0, d_0)
            Symmetric matrices.

        Returns
        -------
        float or array (…,)
            The sum over all units ``E_ij``.
        """
        return 2 * trace(left) * np.einsum("...ij,ij->...", right, self._moment)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._moment, self._cross, self._power, self._samples

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._set(*state)

    def __repr__(self) -> str:
        outputs, inputs = self.shape
        return f"Regression({self._samples} samples, {inputs} inputs, {outputs} outputs)"
