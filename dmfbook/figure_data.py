"""The numbers behind a figure, read from what matplotlib has drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from numpy.typing import ArrayLike, NDArray

# An output of this type is for programs: neither a page nor a stored output shows it.
MIME_TYPE = "application/vnd.dmfbook.figure+json"

# Significant digits. A picture shows three or so, and a map has many numbers.
DIGITS, DIGITS_OF_MAP = 6, 4


def numbers(figure: Figure) -> dict[str, Any]:
    """The numbers that a figure shows, as JSON can hold them.

    Parameters
    ----------
    figure : matplotlib Figure
        Any figure with two-dimensional axes.

    Returns
    -------
    dict
        Under ``"panels"`` a list with an entry for each pair of axes but colour bars: its ``title``, for ``x`` and ``y``
        the ``label``, the ``scale`` and the ``limits``, and under ``drawn`` what stands there, in the order in which it was drawn. Each
        of these says its ``kind``, its ``label`` in the legend (empty where it has none) and its ``colour``; then come

        - ``x`` and ``y`` of a ``line``, of ``points`` and of the outline of an ``area``; `values` of points too, where
          colours show some;
        - ``x``, ``from`` and ``to`` of ``bars`` (``y`` where they lie);
        - ``edges`` and ``values`` of ``steps``, a value between two edges;
        - ``parts``, a list of ``x`` and ``y``, of ``segments``; of a ``contour`` also its ``level``;
        - ``extent`` (left, right, bottom, top) and ``values`` of an ``image``, first row first;
        - ``x``, ``y`` (corners) and ``values`` of a ``mesh``; of both the label of their colour bar as ``shown``.

        Numbers have 6 significant digits, those of images and meshes 4; what is not finite is None, and left out at
        both ends of a line. Lines across the whole panel, which mark a value, are a ``mark`` with ``x`` or ``y``. Texts
        are left out.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots()
    >>> line = axes.plot([1, 2], [3, 4], label="depth 2")
    >>> numbers(figure)["panels"][0]["drawn"][0]["y"]
    [3.0, 4.0]
    """
    # Matplotlib's own name for the axes of a colour bar.
    shown = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    return {"panels": [_panel(axes) for axes in shown]}


def _panel(axes: Axes) -> dict[str, Any]:
    drawn = [_bars(each) for each in axes.containers if isinstance(each, BarContainer)]
    for artist in axes.get_children():
        kind = next((kind for kind in _READERS if isinstance(artist, kind)), None)
        if kind is not None and artist.get_visible():
            drawn += _READERS[kind](artist)
    return {
        "title": axes.get_title(),
        "x": _axis(axes.get_xlabel(), axes.get_xscale(), axes.get_xlim()),
        "y": _axis(axes.get_ylabel(), axes.get_yscale(), axes.get_ylim()),
        "drawn": drawn,
    }


def _axis(label: str, scale: str, limits: tuple[float, float]) -> dict[str, Any]:
    return {"label": label, "scale": scale, "limits": _list(limits)}


def _entry(kind: str, artist: Any, colour: Any = None, **content: Any) -> dict[str, Any]:
    label = str(artist.get_label())
    about = {"kind": kind, "label": "" if label.startswith("_") else label}
    if colour is not None:
        about["colour"] = to_hex(colour)
    return about | content


def _line(line: Line2D) -> list[dict[str, Any]]:
    axes: Any = line.axes
    x, y = np.asarray(line.get_xdata(orig=False)), np.asarray(line.get_ydata(orig=False))
    if not len(x):
        return []
    # A line across the panel has one coordinate in units of the panel.
    in_x, in_y = line.get_transform().contains_branch_seperately(axes.transData)
    if in_x and in_y:
        seen = np.flatnonzero(np.isfinite(_array(x)) & np.isfinite(_array(y)))
        part = slice(seen[0], seen[-1] + 1) if len(seen) else slice(0)
        kind = "points" if line.get_linestyle() == "None" else "line"
        return [_entry(kind, line, line.get_color(), x=_list(x[part]), y=_list(y[part]))]
    if in_x or in_y:
        name, value = ("x", x[0]) if in_x else ("y", y[0])
        return [_entry("mark", line, line.get_color(), **{name: _number(value)})]
    return []


def _points(points: PathCollection) -> list[dict[str, Any]]:
    x, y = np.ma.getdata(points.get_offsets()).T
    values, colours = points.get_array(), points.get_facecolor()
    colour = colours[0] if values is None and len(colours) == 1 else None
    more = {} if values is None else {"values": _list(values)}
    return [_entry("points", points, colour, x=_list(x), y=_list(y), **more)]


def _areas(areas: PolyCollection) -> list[dict[str, Any]]:
    colours = areas.get_facecolor()
    return [
        _entry("area", areas, colours[i % len(colours)] if len(colours) else None, **_outline(path))
        for i, path in enumerate(areas.get_paths())
    ]


def _steps(steps: StepPatch) -> list[dict[str, Any]]:
    values, edges, _ = steps.get_data()
    colour = steps.get_facecolor() if steps.get_fill() else steps.get_edgecolor()
    return [_entry("steps", steps, colour, edges=_list(edges), values=_list(values))]


def _segments(lines: LineCollection) -> list[dict[str, Any]]:
    parts = [{"x": _list(part[:, 0]), "y": _list(part[:, 1])} for part in lines.get_segments()]
    colours = lines.get_edgecolor()
    colour = colours[0] if len(colours) == 1 else None
    return [_entry("segments", lines, colour, parts=parts)] if parts else []


def _contours(contours: QuadContourSet) -> list[dict[str, Any]]:
    drawn = []
    for level, path in zip(contours.levels, contours.get_paths(), strict=False):
        parts = [np.asarray(part) for part in path.to_polygons(closed_only=False)]
        outlines = [
            {"x": _list(p[:, 0], DIGITS_OF_MAP), "y": _list(p[:, 1], DIGITS_OF_MAP)} for p in parts
        ]
        drawn.append(_entry("contour", contours, level=_number(level), parts=outlines))
    return [entry for entry in drawn if entry["parts"]]


def _image(image: AxesImage) -> list[dict[str, Any]]:
    values: Any = image.get_array()
    extent = _list(image.get_extent())
    content = {"shown": _shown(image), "extent": extent, "values": _list(values, DIGITS_OF_MAP)}
    return [_entry("image", image, **content)]


def _mesh(mesh: QuadMesh) -> list[dict[str, Any]]:
    corners = np.asarray(mesh.get_coordinates())
    x, y = corners[0, :, 0], corners[:, 0, 1]
    values = _array(mesh.get_array()).reshape(len(y) - 1, len(x) - 1)
    content = {"shown": _shown(mesh), "x": _list(x), "y": _list(y)}
    return [_entry("mesh", mesh, **content, values=_list(values, DIGITS_OF_MAP))]


def _shown(mappable: Any) -> str:
    """Read what the colours mean from the colour bar, if there is one."""
    bar = mappable.colorbar
    return "" if bar is None else bar.ax.get_ylabel() or bar.ax.get_xlabel()


def _bars(bars: BarContainer) -> dict[str, Any]:
    upright = bars.orientation == "vertical"
    boxes = [bar.get_bbox() for bar in bars.patches]
    places = [(box.x0 + box.x1 if upright else box.y0 + box.y1) / 2 for box in boxes]
    ends = [(box.y0, box.y1) if upright else (box.x0, box.x1) for box in boxes]
    content = {"x" if upright else "y": _list(places)}
    content |= {"from": _list([end[0] for end in ends]), "to": _list([end[1] for end in ends])}
    return _entry("bars", bars, bars.patches[0].get_facecolor() if boxes else None, **content)


def _outline(path: Any) -> dict[str, Any]:
    return {"x": _list(path.vertices[:, 0]), "y": _list(path.vertices[:, 1])}


def _list(values: ArrayLike, digits: int = DIGITS) -> Any:
    """Turn an array of any dimension into lists."""
    array = _array(values)
    if array.ndim > 1:
        return [_list(row, digits) for row in array]
    return [_number(value, digits) for value in array.tolist()]


def _array(values: Any) -> NDArray[np.float64]:
    """Return floats, with nan where something is masked."""
    floats: Any = np.ma.asarray(values, dtype=float)
    return np.asarray(np.ma.filled(floats, np.nan))


def _number(value: float, digits: int = DIGITS) -> float | None:
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


# A contour set is a collection too; the first that fits reads.
_READERS: dict[type[Artist], Callable[[Any], list[dict[str, Any]]]] = {
    Line2D: _line,
    PathCollection: _points,
    PolyCollection: _areas,
    LineCollection: _segments,
    StepPatch: _steps,
    QuadContourSet: _contours,
    QuadMesh: _mesh,
    AxesImage: _image,
}
