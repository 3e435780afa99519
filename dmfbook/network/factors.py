"""Products of factors, their partial products, and the vector that stacks them.

Factors are sequences ``[W_1, …, W_L]`` with ``W_l`` of shape ``(d_l, d_{l-1})``; they act right to left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._scale import are_ordinary, binary_exponent, in_range, times_power
from dmfbook._validation import Array, factor_list, positive, real_array, widths_of


def end_to_end(factors: Sequence[ArrayLike]) -> Array:
    """End-to-end matrix ``X = W_L ⋯ W_1``.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    array (d_L, d_0)
        Their product.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    OverflowError
        If an entry of the product is beyond the range of float64; those of partial products may be.

    Notes
    -----
    ``O(Σ d_l d_{l-1} d_0)`` flops, and memory for two partial products.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.end_to_end([[[1.0], [2.0]], [[3.0, 4.0]]])
    array([[11.]])
    """
    products = deque(_running_products(factor_list(factors), np.matmul), maxlen=1)
    return in_range("the product of the factors", products.pop())


def partial_products(factors: Sequence[ArrayLike]) -> tuple[list[Array], list[Array]]:
    """Partial products on both sides of each layer.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.

    Returns
    -------
    left : list of L arrays, shapes (d_L, d_l)
        ``left[l-1]`` is ``A_l = W_L ⋯ W_{l+1}``; the last is the identity.
    right : list of L arrays, shapes (d_{l-1}, d_0)
        ``right[l-1]`` is ``B_l = W_{l-1} ⋯ W_1``; the first is the identity.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied.
    OverflowError
        If an entry of a partial product is beyond the range of float64.

    Notes
    -----
    ``O(L d³)`` flops for widths ``d``; memory is the output.

    Examples
    --------
    Each layer lies between its partial products: ``A_l W_l B_l = X``.

    >>> import dmfbook as dmf
    >>> left, right = dmf.partial_products([[[1.0], [2.0]], [[3.0, 4.0]]])
    >>> left[0], right[1]
    (array([[3., 4.]]), array([[1.],
           [2.]]))
    """
    checked = factor_list(factors)
    right = [np.eye(checked[0].shape[1]), *_running_products(checked[:-1], np.matmul)]
    onwards = _running_products(checked[:0:-1], lambda factor, product: product @ factor)
    left = [*reversed([*onwards]), np.eye(len(checked[-1]))]
    for product in (*left, *right):
        in_range("a partial product", product)
    return left, right


def _running_products(
    factors: list[Array], multiply: Callable[[Array, Array], Array]
) -> Iterator[Array]:
    """The first factor, the product of the first two, and so on, from units in which none leaves the range."""
    in_units = not are_ordinary(map(binary_exponent, factors))
    product, unit = factors[0], 0
    yield product
    for factor in factors[1:]:
        if in_units:
            sizes = binary_exponent(product), binary_exponent(factor)
            product, factor = times_power(product, -sizes[0]), times_power(factor, -sizes[1])
            unit += sum(sizes)
        product = multiply(factor, product)
        yield times_power(product, unit) if unit else product


def partial_products_of(factors: list[Array]) -> tuple[list[Array], list[Array]]:
    """Partial products of factors, or of stacks of them, that were checked before."""
    right = [np.eye(factors[0].shape[-1])]
    for factor in factors[:-1]:
        right.append(factor @ right[-1])
    left = [np.eye(factors[-1].shape[-2])]
    for factor in reversed(factors[1:]):
        left.append(left[-1] @ factor)
    return left[::-1], right


def flatten(factors: Sequence[ArrayLike], order: Literal["F", "C"] = "F") -> Array:
    """Stack factors into one vector, layer 1 first, column by column or row by row within a layer.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.
    order : {"F", "C"}
        Within a layer: "F" column by column, the order of Hessians here; "C" row by row, the order in which torch
        and jax flatten the parameters of a network.

    Returns
    -------
    array (N,)
        ``(vec W_1, …, vec W_L)`` with ``N = Σ d_l d_{l-1}``, a copy.

    Raises
    ------
    ValueError, TypeError
        If the factors are not finite real matrices that can be multiplied, or the order is none of the two.

    Notes
    -----
    ``O(N)``; memory is the output.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.flatten([[[1, 2], [3, 4]], [[5, 6]]])
    array([1., 3., 2., 4., 5., 6.])

    A permutation of the parameters takes a Hessian to the order of torch:

    >>> dmf.flatten([[[1, 2], [3, 4]], [[5, 6]]], order="C")
    array([1., 2., 3., 4., 5., 6.])
    """
    _check_order(order)
    return np.concatenate([factor.ravel(order=order) for factor in factor_list(factors)])


def unflatten(
    vector: ArrayLike, widths: Sequence[int], order: Literal["F", "C"] = "F"
) -> list[Array]:
    """Cut a stacked vector into factors; the inverse of :func:`flatten`.

    Parameters
    ----------
    vector : array (N,)
        ``(vec W_1, …, vec W_L)``.
    widths : sequence of L + 1 ints
        ``(d_0, …, d_L)``, the order in which the layers act.
    order : {"F", "C"}
        Within a layer: "F" column by column; "C" row by row, as torch and jax flatten parameters.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Copies, so that writing to them leaves `vector` alone.

    Raises
    ------
    ValueError, TypeError
        If the length of `vector` is not the number of parameters that `widths` ask for, or the order is none of the
        two.

    Notes
    -----
    ``O(N)``; memory is the output.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.unflatten([1, 3, 2, 4, 5, 6], (2, 2, 1))
    [array([[1., 2.],
           [3., 4.]]), array([[5., 6.]])]
    """
    _check_order(order)
    widths = widths_of("widths", widths)
    if len(widths) < 3:
        raise ValueError(f"widths must hold at least 3 numbers (depth 2), got {len(widths)}")
    flat = real_array("vector", vector)
    size = sum(before * after for before, after in pairwise(widths))
    if flat.shape != (size,):
        raise ValueError(f"vector must have shape ({size},) for widths {widths}, got {flat.shape}")
    layers = transposed_layers(flat, widths)
    if order == "C":
        return [layer.reshape(layer.shape[::-1]).copy() for layer in layers]
    return [np.array(layer.T, order="C") for layer in layers]


def _check_order(order: object) -> None:
    if not (isinstance(order, str) and order in ("F", "C")):
        raise ValueError(f"order must be 'F' (columns) or 'C' (rows), got {order!r}")


def transposed_layers(flat: Array, widths: Sequence[int]) -> list[Array]:
    """Views ``W_lᵀ`` of stacked vectors ``(…, N)``, shapes ``(…, d_{l-1}, d_l)``.

    A column-major layer is its transpose in row-major order, so no entry is moved.
    """
    layers, start = [], 0
    for before, after in pairwise(widths):
        stop = start + before * after
        layers.append(flat[..., start:stop].reshape(*flat.shape[:-1], before, after))
        start = stop
    return layers


def imbalance(factors: Sequence[ArrayLike], reg: ArrayLike = 1.0) -> float:
    """Largest violation of balance, ``max_l ‖λ_{l+1} W_{l+1}ᵀ W_{l+1} − λ_l W_l W_lᵀ‖_F``.

    It vanishes at every critical point of a regularized problem.

    Parameters
    ----------
    factors : sequence of L >= 2 arrays, shapes (d_l, d_{l-1})
        The factors, first applied first.
    reg : float or L floats, positive
        Weights ``λ_l``; with the default 1 this is plain balance.

    Returns
    -------
    float
        In units of `reg` times the square of a factor; 0 for balanced factors, infinite beyond the range of
        float64.

    Raises
    ------
    ValueError, TypeError
        If the factors cannot be multiplied or a weight is not positive.

    Notes
    -----
    ``O(L d³)`` flops for widths ``d``, memory for two Gram matrices.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> dmf.imbalance([[[1.0], [2.0]], [[1.0, 2.0]]])
    0.0
    >>> dmf.imbalance([[[2.0]], [[1.0]]], reg=(1.0, 4.0))
    0.0
    """
    checked = factor_list(factors)
    weights = positive("reg", reg)
    if weights.shape not in ((), (len(checked),)):
        raise ValueError(
            f"reg must be a number or {len(checked)} numbers, got shape {weights.shape}"
        )
    layers = zip(np.broadcast_to(weights, len(checked)), checked, strict=True)
    return max(_gap(before, after) for before, after in pairwise(layers))


def _gap(before: tuple[float, Array], after: tuple[float, Array]) -> float:
    """``‖λ' W'ᵀ W' − λ W Wᵀ‖_F`` of two layers, given as weight and factor."""
    sizes = [(binary_exponent(np.array(reg)), binary_exponent(w)) for reg, w in (before, after)]
    unit = max(of_reg + 2 * of_factor for of_reg, of_factor in sizes)
    grams = []
    for (reg, factor), (of_reg, of_factor) in zip((before, after), sizes, strict=True):
        one = times_power(factor, -of_factor)
        gram = one @ one.T if factor is before[1] else one.T @ one
        grams.append(times_power(np.ldexp(reg, -of_reg) * gram, of_reg + 2 * of_factor - unit))
    return float(times_power(np.linalg.norm(grams[1] - grams[0]), unit))
