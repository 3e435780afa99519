"""How flat a network on data can be: a convex problem in one unknown.

With ``T = Qᵀ Mᵀ M Q`` and ``Σ = QᵀQ`` the least sharpness is twice the minimum over p > 0 of
``λ_max((L−1) T / p + p^{L−1} Σ)``; it is attained where every layer but the first is ``√p`` times a partial isometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from dmfbook._scale import normalized, scaled_power
from dmfbook._validation import Array
from dmfbook.network.losses.moments import InputFactor


@dataclass(frozen=True)
class FlattestSplit:
    """The minimum ``value · 2**exponent`` and where it is attained.

    Parameters
    ----------
    value : float
        Half the least sharpness; zero if the target vanishes on the inputs.
    exponent : int
        What was taken out of it.
    p : float
        The minimizer for the target over its own power of two; zero if the target vanishes on the inputs.
    """

    value: float
    exponent: int
    p: float


def flattest_split(target: Array, depth: int, inputs: InputFactor) -> FlattestSplit:
    """Minimize ``λ_max((L−1) T / p + p^{L−1} Σ)`` over p.

    In ``x = L log p`` the function is the largest, over unit vectors v, of strictly convex ones, ``(L−1) e^{−x/L} a +
    e^{(1−1/L)x} b`` with ``a = ‖MQv‖²`` and ``b = ‖Qv‖²``. Its slope has the sign of ``b − e^{−x} a`` for the largest
    of them. At the root some largest one has ``b = e^{−x} a`` and so the value ``L e^{(1−1/L)x} b``. It is not below
    ``(L−1) e^{−x/L} ‖MQ‖²``, a part of the value for the leading right singular vector of MQ, and b is at most the
    largest moment: that bounds the root from below; ``a ≤ ‖M‖² b`` does so from above.
    """
    scaled, shift = normalized(target)
    image = scaled @ (inputs.vectors * inputs.roots)
    if not image.any():
        return FlattestSplit(0.0, 0, 0.0)
    moments, gram = inputs.roots**2, image.T @ image

    def leading(x: float) -> tuple[float, Array]:
        values, vectors = np.linalg.eigh((depth - 1) * np.exp(-x) * gram + np.diag(moments))
        return float(values[-1]), vectors[:, -1]

    def slope(x: float) -> float:
        v = leading(x)[1]
        return float(moments @ v**2 - np.exp(-x) * np.sum((image @ v) ** 2))

    low = np.log(np.linalg.eigvalsh(gram)[-1] / moments[0])
    high = 2 * np.log(np.linalg.norm(scaled @ inputs.vectors, 2))
    # Below, log(L / (L−1)) < 1 is left out; at neither end does the slope vanish.
    x = brentq(slope, low - 1, high + 1, xtol=1e-15, rtol=1e-15, maxiter=1000)
    power, exponent = scaled_power(1.0, shift, (2 * depth - 2, depth))
    value = leading(x)[0] * float(np.exp(x - x / depth)) * power
    return FlattestSplit(value, exponent + 2 * inputs.exponent, float(np.exp(x / depth)))
