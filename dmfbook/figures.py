"""The book's one plotting style and the plots that several chapters share."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython import get_ipython
from IPython.core.formatters import BaseFormatter
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike
from traitlets import ObjectName, Unicode

from dmfbook.figure_data import MIME_TYPE, numbers

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
    # Names inside of an SVG are the same every time.
    "svg.hashsalt": "dmfbook",
}


def use_style() -> None:
    """Set the book's style; where this runs in a notebook, figures are shown as vector graphics.

    Each then has two more outputs, which the pages offer to take along: a PDF, and the `numbers` behind it.

    Examples
    --------
    >>> from dmfbook import figures
    >>> figures.use_style()
    """
    plt.rcParams.update(STYLE)
    shell = get_ipython()
    if shell is not None:
        # Without a date, so that the same figure is the same file.
        set_matplotlib_formats("svg", metadata={"Date": None})
        formatters = shell.display_formatter.formatters
        formatters["application/pdf"].for_type(Figure, _pdf)
        formatters[MIME_TYPE] = _Numbers(parent=shell.display_formatter)
        formatters[MIME_TYPE].for_type(Figure, numbers)


class _Numbers(BaseFormatter):
    """What IPython asks for the numbers behind a figure."""

    format_type = Unicode(MIME_TYPE)
    print_method = ObjectName("_repr_numbers_")
    _return_type = dict


def _pdf(figure: Figure) -> str:
    """Print a figure as base64, as notebooks hold a PDF."""
    file = io.BytesIO()
    figure.savefig(file, format="pdf", bbox_inches="tight", metadata={"CreationDate": None})
    return base64.b64encode(file.getvalue()).decode("ascii")


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


def show_blocks(
    ax: Axes, matrix: ArrayLike, sizes: Sequence[int], rows: Sequence[int] | None = None
) -> AxesImage:
    """Draw a matrix whose blocks belong to the layers, on a signed logarithmic scale.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    matrix : array (K, N)
        The matrix, scaled so that its entries are at most 1; those below 0.01 fade to white.
    sizes : sequence of L ints
        Block sizes, with sum N; lines are drawn between them, and each is named by its layer that
        has room for its name.
    rows : sequence of L ints, optional
        Block sizes down, with sum K. Without them they are `sizes`.

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
    names = [f"$W_{{{layer}}}$" for layer in range(1, len(sizes) + 1)]
    for axis, line, blocks in (
        (ax.xaxis, ax.axvline, sizes),
        (ax.yaxis, ax.axhline, sizes if rows is None else rows),
    ):
        ends = list(accumulate(blocks))
        for end in ends[:-1]:
            line(end - 0.5, color="black", lw=0.6)
        shown: list[tuple[float, str]] = []
        for end, block, name in zip(ends, blocks, names, strict=True):
            middle = end - block / 2 - 0.5
            if not shown or middle - shown[-1][0] > 0.1 * ends[-1]:  # names are as wide as that
                shown.append((middle, name))
        axis.set_ticks(*zip(*shown, strict=True))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(True)
    return image


def show_scale(image: AxesImage, axes: Sequence[Axes], location: str = "right") -> Colorbar:
    """Draw the colour bar of matrices that `show_blocks` has drawn.

    Parameters
    ----------
    image : matplotlib AxesImage
        What `show_blocks` returned, for one of them.
    axes : sequence of matplotlib Axes
        Beside which it stands.
    location : str, optional
        Where: ``"right"`` or ``"bottom"`` of them.

    Returns
    -------
    matplotlib Colorbar
        With a few of the values of its signed logarithmic scale.

    Examples
    --------
    >>> fig, axes = plt.subplots(1, 2)
    >>> bar = show_scale(show_blocks(axes[0], np.eye(3), [1, 2]), axes)
    """
    ticks = [-1, -0.1, 0, 0.1, 1]
    options: Any = {"ax": axes, "ticks": ticks, "format": "%g", "location": location}
    figure: Any = axes[0].get_figure(root=True)
    return figure.colorbar(image, label="entry / largest", **options)


def show_margins(
    ax: Axes, names: Sequence[str], ratios: Mapping[str, Sequence[Sequence[float]]]
) -> None:
    """Draw errors in units of their tolerances, a row a check, with a line at 1.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw, on a logarithmic scale; ratios beyond its ends become arrows.
    names : sequence of str
        Names of the rows, the first on top.
    ratios : mapping of str to sequences
        For up to three kinds of ratios, named in the legend, the ratios of each row: any number.

    Examples
    --------
    >>> fig, ax = plt.subplots()
    >>> show_margins(ax, ["sum", "product"], {"error": [[1e-3], [0.2]], "control": [[30], [7, 9]]})
    """
    low, high = 1e-8, 1e16
    looks = zip("ox+", (BLUE, VERMILION, GREEN), strict=True)
    for (kind, rows), (marker, colour) in zip(ratios.items(), looks, strict=False):
        height = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        across = np.array([ratio for row in rows for ratio in row], dtype=float)
        inside = (across > low) & (across < high)
        ax.plot(across[inside], height[inside], marker, ls="none", color=colour, mew=2, label=kind)
        ax.plot(np.full((across <= low).sum(), low), height[across <= low], "<", color=colour)
        ax.plot(np.full((across >= high).sum(), high), height[across >= high], ">", color=colour)
    ax.axvline(1, color="black", lw=0.8)
    ax.set(xscale="log", xlim=(low / 3, high * 3), xlabel="error / tolerance")
    ax.set_yticks(range(len(names)), names)
    # The first row on top, and no more room above than between them, however many there are.
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
