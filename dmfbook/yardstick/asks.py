"""What a caller asks of the leading end of a spectrum, and whether it came out so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dmfbook._validation import (
    Array,
    integer,
    nonnegative_number,
    number,
    positive_number,
    widths_of,
)
from dmfbook.yardstick.blocks import resolution
from dmfbook.yardstick.network import KnownNetwork

# How well the asks must be met; the roots of equations that they need are found to some 1e-12.
MET = 1e-9
# So many modes have hundreds of different eigenvalues, and their blocks take no time.
USUAL_RANK = 32


@dataclass(frozen=True)
class LeadingEnd:
    """The leading eigenvalues that a network shall have.

    Attributes
    ----------
    leading : int
        Number m of eigenvalues in the leading group.
    spread : float
        The group lies evenly between ``(1 − spread)`` times the largest and the largest.
    gap : float
        The next eigenvalue is ``(1 − gap)`` times the last one of the group.
    largest : float
        The largest eigenvalue.
    """

    leading: int
    spread: float
    gap: float
    largest: float

    @property
    def group(self) -> Array:
        """The group, over the largest, descending; array (m,)."""
        if self.leading == 1:
            return np.ones(1)
        return 1 - self.spread * np.arange(self.leading) / (self.leading - 1)

    @property
    def next(self) -> float:
        """The next eigenvalue, over the largest."""
        return float(self.group[-1]) * (1 - self.gap)

    def check(self, network: KnownNetwork, condition: float | None = None) -> KnownNetwork:
        """Return the network if its spectrum is what was asked for."""
        found = network.top(self.leading + 1)
        asked = self.largest * np.append(self.group, self.next)
        if not np.allclose(found, asked, rtol=MET, atol=0):
            raise ValueError(
                f"no such network was found: its leading eigenvalues should be {asked}, but are {found}"
            )
        if condition is None:
            return network
        # The least eigenvalue is known up to the rounding of the largest.
        slack = MET + resolution(network.problem.depth) * condition
        if not np.isclose(network.condition_number, condition, rtol=slack, atol=0):
            raise ValueError(
                f"no such network was found: its condition number should be {condition:g}, but is "
                f"{network.condition_number:g}"
            )
        return network


def leading_end(leading: object, spread: object, gap: object, largest: object) -> LeadingEnd:
    """Return the checked asks."""
    count, width = integer("leading", leading, 1), nonnegative_number("spread", spread)
    relative = number("gap", gap)
    if not width < 1:
        raise ValueError(f"spread must be below 1, got {width:g}")
    if width and count == 1:
        raise ValueError(f"a spread needs at least 2 leading eigenvalues, got spread {width:g}")
    if not 0 < relative < 1:
        raise ValueError(f"gap must lie between 0 and 1, got {relative:g}")
    return LeadingEnd(count, width, relative, positive_number("largest", largest))


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Return the widths of a network of at least two layers."""
    checked = widths_of("widths", widths)
    if len(checked) < 3:
        raise ValueError(f"widths must hold at least 3 numbers (depth 2), got {len(checked)}")
    return checked


def rank_between(rank: int | None, least: int, most: int) -> int:
    """Return the rank that was asked for, or a usual one, if it is possible."""
    found = min(max(least, USUAL_RANK), most) if rank is None else integer("rank", rank, 1)
    if not least <= found <= most:
        raise ValueError(
            f"rank must be from {least} to {most} for these widths and leading, got {found}"
        )
    return found


def decaying_inputs(width: int, strongest: int, condition: float | None) -> Array:
    """Singular values of the inputs: `strongest` ones, then down to ``condition**-½``; all ones if they are white."""
    found = np.ones(width)
    if condition is None:
        return found
    root = positive_number("inputs_condition", condition) ** 0.5
    if root < 1:
        raise ValueError(f"inputs_condition must be a number from 1 on, got {condition}")
    if root > 1 and strongest >= width:
        raise ValueError(
            f"the first width must be above {strongest}, the number of modes, for inputs of condition {condition:g}, "
            f"got {width}"
        )
    beyond = np.arange(1, width - strongest + 1) / max(1, width - strongest)
    found[strongest:] = root**-beyond
    return found
