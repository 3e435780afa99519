"""Small pictures of figures, drawn anew from the numbers behind them: some kilobytes each, and sharp."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, MARGIN = 120, 72, 5

# More cannot be told apart at this size.
_ITEMS, _PLACES = 16, 50

_TRANSFORMS: Mapping[str, Callable[[float], float]] = {
    "linear": float,
    "log": lambda value: math.log(value) if value > 0 else math.nan,
    "symlog": math.asinh,
}

Axis = Callable[[float | None], float]


def can_be_drawn(figure: Mapping[str, Any]) -> bool:
    """Tell whether the first panel of a figure has lines, points, bars or areas; maps are left out."""
    return any(entry["kind"] in _SHAPES for entry in figure["panels"][0]["drawn"])


def thumbnail(figure: Mapping[str, Any]) -> str:
    """Draw the first panel of a figure.

    Parameters
    ----------
    figure : mapping
        The numbers behind it, as `dmfbook.figure_data.numbers` gives them.

    Returns
    -------
    str
        An SVG element, hidden from screen readers: it repeats what the chapter shows.
    """
    panel = figure["panels"][0]
    x = _axis(panel["x"], MARGIN, WIDTH - MARGIN)
    y = _axis(panel["y"], HEIGHT - MARGIN, MARGIN)
    drawn = [entry for entry in panel["drawn"] if entry["kind"] in _SHAPES]
    shapes = "".join(_shape(entry, x, y) for entry in _some(drawn, _ITEMS))
    return (
        f'<svg class="thumbnail" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<path class="frame" d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}"/>{shapes}</svg>'
    )


def _axis(about: Mapping[str, Any], first: float, last: float) -> Axis:
    """Return the map from values to places; nan where there is none."""
    transform = _TRANSFORMS.get(about["scale"], float)
    low, high = map(transform, about["limits"])

    def place(value: float | None) -> float:
        share = (transform(value) - low) / (high - low) if value is not None else math.nan
        return first + share * (last - first) if -0.1 < share < 1.1 else math.nan

    return place


def _shape(entry: Mapping[str, Any], x: Axis, y: Axis) -> str:
    look, path = _SHAPES[entry["kind"]]
    colour = escape(entry.get("colour", "#777777"))
    return f'<path class="{look}" style="color:{colour}" d="{"".join(path(entry, x, y))}"/>'


def _line(entry: Mapping[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    pen = "M"
    for place in _some([*zip(entry["x"], entry["y"], strict=True)], _PLACES):
        across, up = x(place[0]), y(place[1])
        if math.isnan(across + up):
            pen = "M"
        else:
            yield f"{pen}{across:.1f} {up:.1f}"
            pen = "L"


def _points(entry: Mapping[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    for place in _some([*zip(entry["x"], entry["y"], strict=True)], _PLACES):
        across, up = x(place[0]), y(place[1])
        if not math.isnan(across + up):
            yield f"M{across:.1f} {up:.1f}h0"


def _segments(entry: Mapping[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    for part in _some(entry["parts"], _PLACES):
        yield from _line(part, x, y)


def _bars(entry: Mapping[str, Any], x: Axis, y: Axis) -> Iterator[str]:
    if "x" not in entry:
        return
    for place, begin, end in zip(entry["x"], entry["from"], entry["to"], strict=True):
        ends = (y(begin), y(end))
        if not math.isnan(x(place) + sum(ends)):
            yield f"M{x(place):.1f} {ends[0]:.1f}V{ends[1]:.1f}"


_Path = Callable[[Mapping[str, Any], Axis, Axis], Iterator[str]]
_SHAPES: Mapping[str, tuple[str, _Path]] = {
    "line": ("line", _line),
    "points": ("points", _points),
    "area": ("area", _line),
    "segments": ("line", _segments),
    "contour": ("line", _segments),
    "bars": ("bars", _bars),
}


def _some(items: Sequence[Any], most: int) -> Sequence[Any]:
    """Return all items, or evenly many of them with the first and the last."""
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
