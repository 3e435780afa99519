"""The book's one plotting style and the plots that several chapters share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.image import AxesImage
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike

from dmfbook.claims.claim import Verdict

# Okabe and Ito's colours, which colour-blind readers can tell apart; black is for axes and text.
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
)

STYLE: Any = {
    "axes.prop_cycle": cycler(color=[BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.6),
    "font.size": 10.5,
    "image.cmap": "viridis",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    # The page puts a light card behind each figure, in both of its themes.
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


def use_style() -> None:
    """Set the book's style, and vector graphics where this runs in a notebook.

    Examples
    --------
    >>> from dmfbook import figures
    >>> figures.use_style()
    """
    plt.rcParams.update(STYLE)
    if get_ipython() is not None:
        set_matplotlib_formats("svg")


def shades(count: int) -> list[tuple[float, float, float, float]]:
    """Colours for an ordered family of curves, dark to light.

    Parameters
    ----------
    count : int, >= 1
        Number of curves.

    Returns
    -------
    list of RGBA tuples
        All dark enough to be seen on a light ground.

    Examples
    --------
    >>> len(shades(3))
    3
    """
    return [plt.colormaps["viridis"](x) for x in np.linspace(0, 0.85, count)]


def show_blocks(ax: Axes, matrix: ArrayLike, sizes: Sequence[int]) -> AxesImage:
    """Draw a symmetric matrix whose blocks belong to the layers, on a signed logarithmic scale.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    matrix : array (N, N)
        The matrix, scaled so that its entries are at most 1; those below 0.01 fade to white.
    sizes : sequence of L ints
        Block sizes, with sum N; lines are drawn between them and each is named by its layer.

    Returns
    -------
    matplotlib AxesImage
        For a colour bar.

    Examples
    --------
    >>> fig, ax = plt.subplots()
    >>> image = show_blocks(ax, np.eye(3), [1, 2])
    """
    norm = SymLogNorm(1e-2, vmin=-1, vmax=1)
    image = ax.imshow(matrix, norm=norm, cmap="RdBu_r", interpolation="nearest")
    ends = list(accumulate(sizes))
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color="black", lw=0.6)
        ax.axvline(end - 0.5, color="black", lw=0.6)
    centres = [end - size / 2 - 0.5 for end, size in zip(ends, sizes, strict=True)]
    names = [f"$W_{{{layer}}}$" for layer in range(1, len(sizes) + 1)]
    ax.set_xticks(centres, names)
    ax.set_yticks(centres, names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(True)
    return image


def show_margins(ax: Axes, verdicts: Sequence[Verdict]) -> None:
    """Draw for each verdict the errors of claim and control in units of the tolerance.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw, on a logarithmic scale; errors beyond its ends become arrows.
    verdicts : sequence of Verdict
        One a row, the first on top.

    Examples
    --------
    >>> from dmfbook.claims import all_claims
    >>> fig, ax = plt.subplots()
    >>> show_margins(ax, [all_claims()[0].verify(cases=1)])
    """
    low, high = 1e-8, 1e16
    rows = np.arange(len(verdicts))
    for evidence, marker, colour, name in (
        ([verdict.worst for verdict in verdicts], "o", BLUE, "claim"),
        ([verdict.control for verdict in verdicts], "x", VERMILION, "control"),
    ):
        ratios = np.array([each.error / each.tolerance for each in evidence])
        inside = (ratios > low) & (ratios < high)
        ax.plot(ratios[inside], rows[inside], marker, color=colour, mew=2, label=name)
        ax.plot(np.full((ratios <= low).sum(), low), rows[ratios <= low], "<", color=colour)
        ax.plot(np.full((ratios >= high).sum(), high), rows[ratios >= high], ">", color=colour)
    ax.axvline(1, color="black", lw=0.8)
    ax.set(xscale="log", xlim=(low / 3, high * 3), xlabel="error / tolerance")
    ax.set_yticks(rows, [verdict.claim.label for verdict in verdicts])
    ax.invert_yaxis()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
