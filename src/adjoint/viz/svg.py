"""Floor 5: a graph as SVG: rounded boxes in layers, curves between them, lines on hover."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .layout import Layout

if TYPE_CHECKING:
    from .graph import Graph, Place

HEIGHT, GAP_X, GAP_Y, MARGIN, BEND = 38, 18, 34, 16, 6
FILL = {"operation": "#e8eef7", "leaf": "#e3f4e1", "root": "#fdf0d5"}
SMALL = ' font-size="10" fill="#55617a"'

Point = tuple[float, float]


def _width(place: Place) -> float:
    return 16 + 7.0 * max(len(line) for line in place.label().split("\n"))


def positions(graph: Graph, layout: Layout) -> tuple[dict[int, Point], float, float]:
    """The centre of every box and bend, and the size of the drawing."""
    count = len(graph.places)

    def width(p: int) -> float:
        return _width(graph.places[p]) if p < count else BEND

    widths = [sum(map(width, row)) + GAP_X * (len(row) - 1) for row in layout.rows]
    total = max(widths)
    centres: dict[int, Point] = {}
    for n, (row, row_width) in enumerate(zip(layout.rows, widths, strict=True)):
        x = MARGIN + (total - row_width) / 2
        for p in row:
            centres[p] = (x + width(p) / 2, MARGIN + HEIGHT / 2 + n * (HEIGHT + GAP_Y))
            x += width(p) + GAP_X
    return centres, total + 2 * MARGIN, len(layout.rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN


def draw(graph: Graph) -> str:
    """The whole drawing, self-contained."""
    layout = Layout([place.inputs for place in graph.places])
    centres, width, height = positions(graph, layout)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7a90"/></marker></defs>',
    ]
    for (place, source), bends in layout.path.items():
        parts.append(_curve([centres[p] for p in (source, *bends, place)]))
    parts += [_box(place, *centres[place.number]) for place in graph.places]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(points: Sequence[Point]) -> str:
    """From the lower edge of a box, vertically through each bend's layer, to the next box."""
    (x, y), steps = points[0], []
    y += HEIGHT / 2
    for bx, by in points[1:]:
        top, middle = by - HEIGHT / 2, (y + by - HEIGHT / 2) / 2
        steps.append(f"C{x:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {top:.1f}")
        x, y = bx, by + HEIGHT / 2
        if (bx, by) != points[-1]:
            steps.append(f"V{y:.1f}")
    start = f"M{points[0][0]:.1f} {points[0][1] + HEIGHT / 2:.1f}"
    return (
        f'<path d="{start}{"".join(steps)}" fill="none" stroke="#6b7a90" marker-end="url(#head)"/>'
    )


def _box(place: Place, x: float, y: float) -> str:
    width = _width(place)
    lines = place.label().split("\n")
    title = f"<title>{escape(place.line)}</title>" if place.line else ""
    text = "".join(
        f'<text x="{x:.1f}" y="{y + 4 + 14 * (n - (len(lines) - 1) / 2):.1f}" '
        f'text-anchor="middle"{"" if n == 0 else SMALL}>{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<g>{title}<rect x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" '
        f'height="{HEIGHT}" rx="7" fill="{FILL[place.kind]}" stroke="#9aa7ba"/>{text}</g>'
    )
