"""A network whose Hessian's whole spectrum is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dmfbook._validation import Array, integer, real_array
from dmfbook.network.factors import flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.regression import Regression
from dmfbook.network.losses.stacks import frozen
from dmfbook.network.problem import Problem
from dmfbook.regularized.spectrum import SpectralDensity
from dmfbook.yardstick.blocks import eigenvalues_of, end_of
from dmfbook.yardstick.modes import AlignedModes

Kind = Literal["minimizer of zero loss", "regularized minimizer", "saddle"]


@dataclass(frozen=True, eq=False, repr=False)
class KnownNetwork:
    """A critical point of a linear network's loss, and all eigenvalues of the Hessian there.

    Made by :func:`zero_loss_network`, :func:`minimizer_network` and :func:`saddle_network`. The loss is
    ``Σ (inputs W_1ᵀ ⋯ W_Lᵀ − outputs)² + reg Σ_l ‖W_l‖_F²``, a sum over samples and outputs without a mean or a ½;
    samples are rows, as in torch and jax. Networks compare by identity.

    The layers, the inputs and the outputs share singular bases, which are drawn at random; so the Hessian falls apart
    into blocks of at most 2L parameters, in bases that nobody sees. The factors are rounded to float64, which moves
    an eigenvalue by a small multiple of ``L ε`` times the largest; converted to float32 they are a point nearby, where
    this ε is 6e-8.

    Attributes
    ----------
    kind : str
        ``"minimizer of zero loss"``, ``"regularized minimizer"`` or ``"saddle"``.
    problem : Problem
        The loss as this package states it: of :class:`Factorization` if the inputs are white, else of
        :class:`Regression`.
    factors : list of L arrays, shapes (d_l, d_{l-1})
        The weights of the layers, first applied first: those of ``torch.nn.Linear``.
    inputs : array (n, d_0)
        Samples, one a row; the identity for white inputs.
    outputs : array (n, d_L)
        What the network should return.
    values : array, ascending
        Different eigenvalues of the Hessian, read-only.
    counts : array of ints, of the same shape
        How often each occurs, read-only; they add up to N.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> rng = np.random.default_rng(0)
    >>> known = dmf.saddle_network((8, 6, 6, 5), rng, index=2)
    >>> known
    KnownNetwork(saddle of index 2, white, widths (8, 6, 6, 5), 114 eigenvalues from -0.106 to 1)
    >>> bool(np.allclose(known.spectrum(), np.linalg.eigvalsh(dmf.hessian(known.problem, known.factors))))
    True
    """

    kind: Kind
    problem: Problem
    factors: list[Array]
    inputs: Array
    outputs: Array
    values: Array
    counts: NDArray[np.int64]
    _modes: AlignedModes
    _bases: list[Array]

    @property
    def size(self) -> int:
        """Number of parameters N."""
        return self.problem.size

    @property
    def reg(self) -> float:
        """Weight λ of the layers in the loss, half the `weight_decay` of torch."""
        return self.problem.reg[0]

    @property
    def parameters(self) -> Array:
        """All weights, layer by layer and row by row, as torch and jax order them; array (N,)."""
        return flatten(self.factors, order="C")

    def objective(self, weights: Sequence[Any], inputs: Any, outputs: Any) -> Any:
        """The loss, with operators only: for tensors of torch, arrays of jax, and those of NumPy.

        Parameters
        ----------
        weights : sequence of L arrays, shapes (d_l, d_{l-1})
            The ``factors``, as tensors of the library that shall differentiate.
        inputs, outputs : arrays (n, d_0) and (n, d_L)
            The network's own, as such tensors.

        Returns
        -------
        scalar of that library
            ``Σ (inputs W_1ᵀ ⋯ W_Lᵀ − outputs)² + reg Σ_l ‖W_l‖_F²``.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> known = dmf.zero_loss_network((6, 5, 5), np.random.default_rng(0))
        >>> abs(float(known.objective(known.factors, known.inputs, known.outputs))) < 1e-12
        True
        """
        answers = inputs
        for weight in weights:
            answers = answers @ weight.T
        loss = ((answers - outputs) ** 2).sum()
        if self.reg:
            for weight in weights:
                loss = loss + self.reg * (weight**2).sum()
        return loss

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue."""
        return float(self.values[0])

    @property
    def largest(self) -> float:
        """The largest eigenvalue, the sharpness."""
        return float(self.values[-1])

    @property
    def morse_index(self) -> int:
        """Number of negative eigenvalues."""
        return int(self.counts[self.values < 0].sum())

    @property
    def nullity(self) -> int:
        """Number of zero eigenvalues."""
        return int(self.counts[self.values == 0].sum())

    @property
    def trace(self) -> float:
        """Sum of all eigenvalues."""
        return float(self.values @ self.counts)

    @property
    def condition_number(self) -> float:
        """Largest over least positive eigenvalue."""
        return self.largest / float(self.values[self.values > 0][0])

    def top(self, k: int) -> Array:
        """The k largest eigenvalues, descending, each as often as it occurs.

        Parameters
        ----------
        k : int, from 1
            How many, at most N.

        Returns
        -------
        array (k,)
            The eigenvalues.

        Raises
        ------
        ValueError, TypeError
            If k is no integer from 1 to N.
        """
        return self._repeated(slice(None, None, -1), k)

    def bottom(self, k: int) -> Array:
        """The k smallest eigenvalues, ascending, each as often as it occurs.

        Parameters
        ----------
        k : int, from 1
            How many, at most N.

        Returns
        -------
        array (k,)
            The eigenvalues.

        Raises
        ------
        ValueError, TypeError
            If k is no integer from 1 to N.
        """
        return self._repeated(slice(None), k)

    def _repeated(self, order: slice, k: int) -> Array:
        number = self._number(k)
        counts = np.minimum(self.counts[order], number)
        enough = int(np.searchsorted(np.cumsum(counts), number)) + 1
        return np.repeat(self.values[order][:enough], counts[:enough])[:number]

    def _number(self, k: int) -> int:
        number = integer("k", k, 1)
        if number > self.size:
            raise ValueError(f"k must be at most N = {self.size}, got {number}")
        return number

    def spectrum(self) -> Array:
        """All eigenvalues, each as often as it occurs.

        Returns
        -------
        array (N,)
            The eigenvalues, ascending; 8 N bytes.
        """
        return np.repeat(self.values, self.counts)

    def density(self, bins: int | ArrayLike = 200) -> SpectralDensity:
        """Count the eigenvalues in bins.

        Parameters
        ----------
        bins : int or array (bins + 1,), ascending
            Number of equal bins from the smallest to the largest eigenvalue, or the edges of the bins; eigenvalues
            outside the edges are not counted.

        Returns
        -------
        SpectralDensity
            Edges and counts.

        Raises
        ------
        ValueError, TypeError
            If `bins` is neither a positive number nor ascending edges.
        """
        edges = integer("bins", bins, 1) if np.ndim(bins) == 0 else real_array("bins", bins)
        counts, limits = np.histogram(self.values, edges, weights=self.counts)
        return SpectralDensity(limits, counts.astype(np.int64))

    def eigenpairs(self, which: str = "largest", k: int = 1) -> tuple[Array, list[list[Array]]]:
        """Eigenvalues at one end of the spectrum, and orthonormal eigenvectors.

        Parameters
        ----------
        which : {"largest", "smallest"}
            The largest, descending, or the smallest, ascending.
        k : int, from 1
            How many, repeated ones as often as they occur.

        Returns
        -------
        values : array (k,)
            The eigenvalues.
        directions : list of k lists of L arrays, shapes (d_l, d_{l-1})
            The eigenvectors, one block a layer; ``flatten(direction, order="C")`` is one in the order of
            :attr:`parameters`. Where eigenvalues coincide they are some basis of the eigenspace.

        Raises
        ------
        ValueError, TypeError
            If `which` is neither of the two or k no integer from 1 to N.

        Examples
        --------
        >>> import dmfbook as dmf
        >>> known = dmf.minimizer_network((8, 6, 6, 5), np.random.default_rng(0))
        >>> values, (direction,) = known.eigenpairs()
        >>> operator = dmf.hessian_operator(known.problem, known.factors)
        >>> vector = dmf.flatten(direction)
        >>> bool(np.allclose(operator @ vector, values[0] * vector))
        True
        """
        if which not in ("largest", "smallest"):
            raise ValueError(f"which must be 'largest' or 'smallest', got {which!r}")
        values, vectors = end_of(self._modes, 1 if which == "largest" else -1, self._number(k))
        return values, [self._direction(*vector) for vector in vectors]

    def _direction(self, pair: tuple[int, int], vector: Array) -> list[Array]:
        direction = [np.zeros_like(factor) for factor in self.factors]
        names = self._modes.places.names(*pair)
        for (l, row, column), value in zip(names, vector, strict=True):
            direction[l] += np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column])
        return direction

    def __repr__(self) -> str:
        kind = f"saddle of index {self.morse_index}" if self.kind == "saddle" else self.kind
        inputs = "on data" if isinstance(self.problem.end_to_end_loss, Regression) else "white"
        return (
            f"KnownNetwork({kind}, {inputs}, widths {self.problem.widths}, {self.size} eigenvalues "
            f"from {self.smallest:.3g} to {self.largest:.3g})"
        )


def known_network(
    kind: Kind, modes: AlignedModes, on_data: bool, rng: np.random.Generator
) -> KnownNetwork:
    """The network with these modes, in random bases."""
    widths = modes.widths
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    n, m = modes.layers.shape[1], len(modes.residuals)
    factors = [
        (after[:, :n] * w) @ before[:, :n].T
        for after, w, before in zip(bases[1:], modes.layers, bases[:-1], strict=True)
    ]
    if on_data:
        samples = orthonormal_frame(widths[0], widths[0], rng)
        inputs = (samples * modes.inputs) @ bases[0].T
        outputs = (samples[:, :m] * modes.target) @ bases[-1][:, :m].T
        loss: Any = Regression(inputs.T, outputs.T)
    else:
        inputs = np.eye(widths[0])
        outputs = (bases[0][:, :m] * modes.target) @ bases[-1][:, :m].T
        loss = outputs.T
    values, counts = eigenvalues_of(modes)
    problem = Problem(loss, widths[1:-1], modes.reg)
    parts = problem, factors, inputs, outputs, frozen(values), frozen(counts)
    return KnownNetwork(kind, *parts, modes, bases)
