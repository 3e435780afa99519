"""What a loss of the end-to-end matrix has to offer, and a look at whether it does.

A loss knows matrices ``X`` of one shape ``(d_L, d_0)`` and nothing of factors. Every method takes stacks
``(…, d_L, d_0)`` of them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from dmfbook._validation import Array, integer
from dmfbook.network.losses.factorization import Factorization


class Loss(Protocol):
    """What a loss of the end-to-end matrix has to offer; a class of your own needs no base class.

    `X` and `Z` may be stacks ``(…, d_L, d_0)``, whose leading axes broadcast in `curvature`.

    Attributes
    ----------
    shape : (int, int)
        Shape ``(d_L, d_0)`` of the matrices.

    Notes
    -----
    Of matrices and data whose squares leave the range of float64 a loss has to take care itself. One that is
    homogeneous can be helped: with the methods `units` and `in_units` of :class:`Factorization` it is asked only for
    matrices of order one.

    Examples
    --------
    The logarithm of the hyperbolic cosine of each residual:

    >>> import dmfbook as dmf
    >>> class LogCosh:
    ...     shape = (1, 2)
    ...     def value(self, X):
    ...         return np.log(np.cosh(X - 1)).sum(axis=(-2, -1))
    ...     def gradient(self, X):
    ...         return np.tanh(X - 1)
    ...     def curvature(self, X, Z):
    ...         return Z / np.cosh(X - 1) ** 2
    >>> dmf.Problem(LogCosh(), hidden_widths=(1,)).gradient([[[1.0, 1.0]], [[1.0]]])
    [array([[0., 0.]]), array([[0.]])]
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(d_L, d_0)`` of the matrices."""
        ...

    def value(self, X: Array) -> Any:
        """``ℓ(X)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        float or array (…,)
            The loss of each.
        """
        ...

    def gradient(self, X: Array) -> Array:
        """``∇ℓ(X)``.

        Parameters
        ----------
        X : array (…, d_L, d_0)
            A matrix or a stack of them.

        Returns
        -------
        array (…, d_L, d_0)
            The gradient at each.
        """
        ...

    def curvature(self, X: Array, Z: Array) -> Array:
        """Second derivative ``∇²ℓ(X)[Z]`` in the direction `Z`.

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
        ...


def checked_loss(loss: Any) -> Any:
    """Return a loss of the end-to-end matrix, or say what it lacks.

    Its derivatives are called once, at the zero matrix, so that a wrong shape is found here.
    """
    methods = ("value", "gradient", "curvature")
    missing = [name for name in methods if not callable(getattr(loss, name, None))]
    if missing or not hasattr(loss, "shape"):
        lacks = ", ".join(missing or ["shape"])
        raise TypeError(
            "target must be a matrix or a loss with shape, value, gradient and curvature, "
            f"got {type(loss).__name__} without {lacks}"
        )
    try:
        rows, cols = loss.shape
    except (TypeError, ValueError):
        raise TypeError(f"the loss's shape must be two integers, got {loss.shape!r}") from None
    rows, cols = integer("the loss's shape[0]", rows, 1), integer("the loss's shape[1]", cols, 1)
    if isinstance(loss, Factorization):
        return loss
    zero = np.zeros((rows, cols))
    # A loss may be infinite at zero, or its derivatives beyond the range.
    with np.errstate(all="ignore"), suppress(OverflowError):
        for name, found in (
            ("gradient", loss.gradient(zero)),
            ("curvature", loss.curvature(zero, zero)),
        ):
            if np.shape(found) != zero.shape:
                raise ValueError(
                    f"the loss's {name} must have shape {zero.shape}, got {np.shape(found)}"
                )
    return loss
