"""Floor 5: a graph as SVG: rounded boxes in layers, curves between them, lines on hover."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .layout import layers_of, rows_of

if TYPE_CHECKING:
    from .graph import Graph, Place

HEIGHT, GAP_X, GAP_Y, MARGIN = 38, 18, 34, 16
FILL = {"operation": "#e8eef7", "leaf": "#e3f4e1", "root": "#fdf0d5"}


def _width(place: Place) -> float:
    return 16 + 7.0 * max(len(line) for line in place.label().split("\n"))


def positions(graph: Graph) -> tuple[dict[int, tuple[float, float]], float, float]:
    """The centre of every box, and the size of the drawing."""
    inputs = [place.inputs for place in graph.places]
    rows = rows_of(layers_of(inputs), inputs)
    widths = [
        sum(_width(graph.places[p]) for p in row) + GAP_X * (len(row) - 1) for row in rows
    ]
    total = max(widths)
    centres: dict[int, tuple[float, float]] = {}
    for n, (row, width) in enumerate(zip(rows, widths, strict=True)):
        x = MARGIN + (total - width) / 2
        y = MARGIN + HEIGHT / 2 + n * (HEIGHT + GAP_Y)
        for p in row:
            centres[p] = (x + _width(graph.places[p]) / 2, y)
            x += _width(graph.places[p]) + GAP_X
    return centres, total + 2 * MARGIN, len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN


def draw(graph: Graph) -> str:
    """The whole drawing, self-contained."""
    centres, width, height = positions(graph)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7a90"/></marker></defs>',
    ]
    for place in graph.places:
        parts += [_curve(centres[i], centres[place.number]) for i in place.inputs]
    parts += [_box(place, *centres[place.number]) for place in graph.places]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = start, end
    y0, y1 = y0 + HEIGHT / 2, y1 - HEIGHT / 2
    bend = max((y1 - y0) / 2, 12)
    return (
        f'<path d="M{x0:.1f} {y0:.1f}C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} '
        f'{x1:.1f} {y1:.1f}" fill="none" stroke="#6b7a90" marker-end="url(#head)"/>'
    )


def _box(place: Place, x: float, y: float) -> str:
    width = _width(place)
    lines = place.label().split("\n")
    title = f"<title>{escape(place.line)}</title>" if place.line else ""
    text = "".join(
        f'<text x="{x:.1f}" y="{y + 4 + 14 * (n - (len(lines) - 1) / 2):.1f}" '
        f'text-anchor="middle"{"" if n == 0 else _SMALL}>{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<g>{title}<rect x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" '
        f'height="{HEIGHT}" rx="7" fill="{FILL[place.kind]}" stroke="#9aa7ba"/>{text}</g>'
    )


_SMALL = ' font-size="10" fill="#55617a"'
