"""The formulas of *Which depth denoises* as the page states them, to be evaluated and to be changed."""

from __future__ import annotations

import math


def jump(depth: int) -> float:
    """``a = (L − 2)/(L − 1)``: what is kept of a value at the collapse threshold."""
    return (depth - 2) / (depth - 1)


def balance(part: float, ratio: float) -> tuple[float, float]:
    """The value at which zero is as far off as ``a`` times it, and the square of how far."""
    rest = 1 - part**2 / 4
    square = (1 + ratio + math.sqrt((1 + ratio) ** 2 - rest * (1 - ratio) ** 2)) / rest
    return math.sqrt(square), part**2 * square / 4


def best_threshold(depth: int, ratio: float) -> tuple[float, float]:
    """Best collapse threshold of a depth, and its worst excess."""
    if depth == 2:
        edge = 1 + math.sqrt(ratio)
        return edge, edge**2
    return balance(jump(depth), ratio)
