"""Powers of two taken out first and put back last, so that no scale is special."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array


def binary_exponent(*arrays: Array) -> int:
    """Exponent e for which the largest entry of all arrays lies in ``[2**(e-1), 2**e)``; 0 if all vanish.

    Dividing by ``2**e`` (:func:`numpy.ldexp`) is exact, except where an entry falls below the normal range, and
    such an entry is negligible beside the largest.
    """
    largest = max((float(np.abs(array).max()) for array in arrays if array.size), default=0.0)
    return int(np.frexp(largest)[1])
