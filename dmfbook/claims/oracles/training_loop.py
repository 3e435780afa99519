"""Training as common libraries do it: batches of rows, ``weight`` of shape (out, in), row-major, ``weight_decay``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array

# Mean or sum of the squared errors: the factor in front of their sum, from samples and outputs.
REDUCTIONS: dict[str, Callable[[int, int], float]] = {
    "mean": lambda samples, outputs: 1 / (samples * outputs),
    "mean over samples": lambda samples, outputs: 1 / samples,
    "sum": lambda samples, outputs: 1.0,
    "half the sum": lambda samples, outputs: 0.5,
}


@dataclass(frozen=True)
class Settings:
    """What one sets in such a library; `biases`, `batches` and `decoupled` are for controls."""

    reduction: str
    learning_rate: float
    weight_decay: float
    momentum: float
    steps: int
    biases: bool = False
    batches: int = 1
    decoupled: bool = False


def train(
    weights: Sequence[Array], inputs: Array, outputs: Array, settings: Settings
) -> list[Array]:
    """Train linear layers with stochastic gradient descent and momentum.

    Parameters
    ----------
    weights : sequence of arrays (out, in)
        The start; biases, if there are any, start at zero.
    inputs, outputs : arrays (samples, features)
        One sample a row.
    settings : Settings
        The options.

    Returns
    -------
    list of arrays (out, in)
        The weights after the last step.
    """
    layers = [weight.copy() for weight in weights]
    biases = [np.zeros(len(weight)) for weight in weights]
    speeds = [np.zeros_like(each) for each in (*layers, *biases)]
    rows = np.arange(len(inputs))
    for step in range(settings.steps):
        batch = rows[step % settings.batches :: settings.batches]
        slopes = backward(layers, biases, inputs[batch], outputs[batch], settings.reduction)
        if not settings.biases:
            slopes = [*slopes[: len(layers)], *(np.zeros_like(bias) for bias in biases)]
        for parameter, slope, speed in zip((*layers, *biases), slopes, speeds, strict=True):
            if settings.decoupled:
                parameter *= 1 - settings.learning_rate * settings.weight_decay
            else:
                slope = slope + settings.weight_decay * parameter
            speed *= settings.momentum
            speed += slope
            parameter -= settings.learning_rate * speed
    return layers


def backward(
    layers: Sequence[Array],
    biases: Sequence[Array],
    inputs: Array,
    outputs: Array,
    reduction: str,
) -> list[Array]:
    """Gradients of the squared error in all weights, then in all biases, by back-propagation."""
    reached = [inputs]
    for weight, bias in zip(layers, biases, strict=True):
        reached.append(reached[-1] @ weight.T + bias)
    error = 2 * REDUCTIONS[reduction](*outputs.shape) * (reached[-1] - outputs)
    of_weights: list[Array] = []
    of_biases: list[Array] = []
    for weight, before in zip(reversed(layers), reversed(reached[:-1]), strict=True):
        of_weights.insert(0, error.T @ before)
        of_biases.insert(0, error.sum(axis=0))
        error = error @ weight
    return [*of_weights, *of_biases]
