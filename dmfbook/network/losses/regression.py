"""Least squares on data: the loss of a linear network."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import are_ordinary, binary_exponent, in_range, normalized, times_power
from dmfbook._validation import Array, positive_number
from dmfbook.network.losses.moments import moment_factor, sample_blocks, sample_matrix
from dmfbook.network.losses.stacks import matrices, squared_norm, trace

# The unit of data that are zero is below all others.
SMALLEST_UNIT = -2000


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
        power, units = 0.0, (SMALLEST_UNIT, SMALLEST_UNIT)
        for x, y in sample_blocks(inputs=samples, outputs=answers):
            grown = max(units[0], _unit(x)), max(units[1], _unit(y))
            moment, cross, power = _shifted(
                moment, cross, power, units[0] - grown[0], units[1] - grown[1]
            )
            units = grown
            x, y = _in_unit(x, units[0]), _in_unit(y, units[1])
            moment += x @ x.T
            cross += y @ x.T
            power += float(np.vdot(y, y))
        half = _unit(np.sqrt([factor]))
        factor = float(times_power(factor, -2 * half))
        moments = factor * moment, factor * cross, factor * power
        p, q = (half + (unit if unit > SMALLEST_UNIT else 0) for unit in units)
        self._set(*moments, samples.shape[1], (p, q))

    def _set(
        self, moment: Array, cross: Array, power: float, samples: int, units: tuple[int, int]
    ) -> None:
        """Keep the moments of samples ``X / 2^p`` and ``Y / 2^q``, with `units` p and q."""
        self._moment, self._cross, self._power = moment, cross, power
        self._samples, self._units = samples, units

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        return self._cross.shape

    @property
    def samples(self) -> int:
        """Number n of samples."""
        return self._samples

    @cached_property
    def second_moment(self) -> Array:
        """``S = scale · X Xᵀ``, read-only; array (d_0, d_0). The second derivative is ``Z ↦ 2 Z S``.

        This and the other moments raise an OverflowError if they are beyond the range of float64; what
        :class:`Problem` computes needs only the result to be in range.
        """
        return _kept("the second moment", self._moment, 2 * self._units[0])

    @cached_property
    def cross_moment(self) -> Array:
        """``C = scale · Y Xᵀ``, read-only; array (d_L, d_0)."""
        return _kept("the cross moment", self._cross, sum(self._units))

    @cached_property
    def input_factor(self) -> Array:
        """``Q`` with ``S = Q Qᵀ`` and orthogonal columns, strongest first, read-only; array (d_0, rank S).

        It acts like a fixed layer before the first: ``ℓ(W) = ‖M̃ − W Q‖_F² + least``.
        """
        return _kept("the factor of the inputs", self._whitened[0], self._units[0])

    @cached_property
    def input_directions(self) -> Array:
        """Orthonormal directions of the inputs, those of the columns of :attr:`input_factor`; array (d_0, rank S)."""
        factor = self._whitened[0]
        return _kept("a direction", factor / np.linalg.norm(factor, axis=0), 0)

    @cached_property
    def whitened_target(self) -> Array:
        """``M̃ = C (Q⁺)ᵀ``, what the network has to be on whitened inputs, read-only; array (d_L, rank S)."""
        return _kept("the whitened target", self._whitened[1], self._units[1])

    @cached_property
    def least(self) -> float:
        """Least value of the loss over all matrices, what no network fits, noise included; infinite beyond range."""
        # Rounding may leave a small negative number where the data are fitted exactly.
        rest = max(self._power - float(squared_norm(self._whitened[1])), 0.0)
        return float(times_power(rest, 2 * self._units[1]))

    def whitened_parts(self) -> tuple[Array, Array, tuple[int, int]]:
        """What is left of the data in bases of the inputs' own, in units of order one.

        Returns
        -------
        roots : array (rank S,)
            Norms of the columns of :attr:`input_factor`, over ``2^p``.
        target : array (d_L, rank S)
            :attr:`whitened_target` over ``2^q``.
        exponents : (int, int)
            p and q.
        """
        factor, p = normalized(np.linalg.norm(self._whitened[0], axis=0))
        target, q = normalized(self._whitened[1])
        return factor, target, (p + self._units[0], q + self._units[1])

    @cached_property
    def _whitened(self) -> tuple[Array, Array]:
        found = moment_factor(self._moment)
        roots = np.ldexp(found.roots, found.exponent)
        # The columns of Q are orthogonal, so its pseudo-inverse only divides them by their squares.
        return found.vectors * roots, self._cross @ found.vectors / roots

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
        return (
            squared_norm(self.whitened_target - matrices("X", X, self.shape) @ self.input_factor)
            + self.least
        )

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
        return 2 * (matrices("X", X, self.shape) @ self.second_moment - self.cross_moment)

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
        return 2 * (matrices("Z", Z, self.shape[1:]) @ self.second_moment)

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
        return 2 * trace(left) * np.einsum("...ij,ij->...", right, self.second_moment)

    def units(self, size: int) -> tuple[int, int]:
        """Units in which matrices and data are of order one: ``ℓ(X) = 4^c ℓ'(X / 2^x)``.

        Parameters
        ----------
        size : int
            Binary exponent of the largest entries of the matrices.

        Returns
        -------
        x, c : int
            Exponents.
        """
        inputs = self._units[0] + (binary_exponent(self._moment) + 1) // 2
        outputs = self._units[1] + (binary_exponent(np.array(self._power)) + 1) // 2
        value = max(size + inputs, outputs) if self._power else size + inputs
        return value - inputs, value

    def in_units(self, x: int, c: int) -> Regression:
        """The loss ``ℓ'`` in such units.

        Parameters
        ----------
        x, c : int
            What :meth:`units` returned.

        Returns
        -------
        Regression
            ``ℓ'(X) = ℓ(2^x X) / 4^c``.
        """
        scaled = Regression.__new__(Regression)
        shifts = self._units[0] + x - c, self._units[1] - c
        scaled._set(
            *_shifted(self._moment, self._cross, self._power, *shifts), self._samples, (0, 0)
        )
        return scaled

    def __getstate__(self) -> tuple[Any, ...]:
        return self._moment, self._cross, self._power, self._samples, self._units

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._set(*state)

    def __repr__(self) -> str:
        outputs, inputs = self.shape
        return f"Regression({self._samples} samples, {inputs} inputs, {outputs} outputs)"


def _unit(samples: Array) -> int:
    """Exponent of the unit of a block of samples; 0 for those of ordinary size."""
    if not samples.any():
        return SMALLEST_UNIT
    size = binary_exponent(samples)
    return 0 if are_ordinary([2 * size]) else size


def _in_unit(samples: Array, unit: int) -> Array:
    return times_power(samples, -unit) if unit else samples


def _shifted(
    moment: Array, cross: Array, power: float, p: int, q: int
) -> tuple[Array, Array, float]:
    """Moments of ``2^p X`` and ``2^q Y``."""
    if not (p or q):
        return moment, cross, power
    scaled = times_power(moment, 2 * p), times_power(cross, p + q)
    return *scaled, float(times_power(power, 2 * q))


def _kept(name: str, values: Array, exponent: int) -> Array:
    """Values in units of one, read-only."""
    values = in_range(name, times_power(values, exponent) if exponent else values)
    values.flags.writeable = False
    return values
