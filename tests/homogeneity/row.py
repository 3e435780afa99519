"""A row of the table of degrees: a function, where it is tried, and how it scales."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# One argument at least reaches from 2^-FAR to 2^FAR times its size, none farther than 2^±FARTHEST.
FAR, FARTHEST = 400, 900

Degrees = int | Sequence[int]


@dataclass(frozen=True)
class Row:
    """``call(t^a x, t^b y, …) = t^r call(x, y, …)`` for ``t = 2^s``: degrees a, b, … and r.

    Attributes
    ----------
    call : function of `arguments`
        Returns a number, an array, or a sequence of these.
    arguments : mapping
        Where to try it: numbers, arrays, or sequences of arrays, by name.
    degrees : mapping
        Degree of each argument that is scaled; a sequence of arrays has one degree, or one each.
        Choose them so that they are integers (with a target of degree L a weight has ``2L − 2``).
    result : int or sequence of ints
        Degree of the result; one for each member if it is a sequence of numbers or arrays.
    accuracy : float
        Relative error of the whole result that is granted; 0 asks for the same bits. A row with
        more says why in a comment.
    """

    call: Callable[..., Any]
    arguments: Mapping[str, Any]
    degrees: Mapping[str, Degrees]
    result: Degrees
    accuracy: float = 0.0

    @property
    def powers(self) -> list[int]:
        """Exponents s to try, even and odd, both ways, small and large."""
        sizes = np.abs(np.concatenate([np.ravel(degree) for degree in self.degrees.values()]))
        most = int(min(FAR // min(sizes[sizes > 0]), FARTHEST // max(sizes)))
        return sorted({-most, -(most // 2) - 1, -1, 1, most // 2, most} - {0})

    def check(self, power: int) -> None:
        """Fail unless scaling the arguments by ``2^power`` to their degrees scales the result."""
        plain = self.call(**self.arguments)
        arguments = {
            name: scaled(value, self.degrees.get(name, 0), power)
            for name, value in self.arguments.items()
        }
        expected = scaled(plain, self.result, power)
        try:
            found = self.call(**arguments)
        except OverflowError:
            assert any(np.isinf(part).any() for part in parts(expected)), "overflow is needless"
            return
        for one, other in zip(parts(found), parts(expected), strict=True):
            # Rounding below the normal range is the last bit that a result can have there.
            finite = np.where(np.isfinite(other), other, 0.0)
            granted = self.accuracy * np.max(np.abs(finite), initial=0.0)
            granted = max(granted, np.finfo(float).smallest_subnormal)
            np.testing.assert_allclose(one, other, rtol=0, atol=granted)


def scaled(value: Any, degree: Degrees, power: int) -> Any:
    """Multiply a number, an array or each member of a sequence by ``2^(degree · power)``."""
    if isinstance(value, (list, tuple)):
        degrees = [degree] * len(value) if isinstance(degree, int) else degree
        return [scaled(one, each, power) for one, each in zip(value, degrees, strict=True)]
    if degree == 0:
        return value
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(value, np.multiply(degree, power))


def parts(value: Any) -> list[np.ndarray]:
    """The arrays of a result."""
    if isinstance(value, (list, tuple)):
        return [part for one in value for part in parts(one)]
    return [np.asarray(value)]
