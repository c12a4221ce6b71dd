"""Floor 5: a graph as SVG: boxes in layers, modules as frames, lines on hover; light and dark."""

from __future__ import annotations

from html import escape

from .coordinates import HEADER, Arrangement, Box, Segment, arrange, label_of, place_label
from .graph import Graph, Place
from .layout import Layout
from .writing import show_bytes, show_ms

STYLE = """
.paper{fill:#fff}.operation{fill:#e8eef7}.leaf{fill:#e3f4e1}.root{fill:#fdf0d5}.module{fill:#ece5f6}
.frame{fill:#7a6a99;fill-opacity:.06;stroke:#b3a8c8}.box{stroke:#9aa7ba}.link{stroke:#6b7a90}
.far{stroke:#b9c2cf;stroke-dasharray:4 4}.head{fill:#6b7a90}
text{fill:#1b2330}.small{fill:#55617a;font-size:11px}
@media(prefers-color-scheme:dark){.paper{fill:#14181f}.operation{fill:#23314a}.leaf{fill:#1f3a26}
.root{fill:#4a3a17}.module{fill:#372d4d}.frame{fill:#b9a5e0;stroke:#5b5075}.box{stroke:#51607a}
.link{stroke:#8795ab}.far{stroke:#46536a}.head{fill:#8795ab}text{fill:#e6eaf1}.small{fill:#9fabc0}}
"""


def draw(graph: Graph, depth: int | None = None) -> str:
    """The whole drawing, self-contained; module calls `depth` levels down are single boxes."""
    layout = Layout(graph)
    opened = set()
    level: dict[int, int] = {-1: 0}
    for number, parent in enumerate(layout.parents):
        if parent is not None:
            level[number] = level[parent] + 1
            if depth is None or level[parent] < depth:
                opened.add(number)
    found = arrange(graph, layout, opened)
    width, height = found.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
        '<rect class="paper" width="100%" height="100%"/>',
        *_frames(graph, found),
    ]
    parts += [
        f'<path class="far" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}"/>' for a, b, c, d in found.far
    ]
    parts += [_link(segment, ends) for segment, ends in found.segments]
    parts += [_headline(graph, number, box) for number, box in found.opened.items()]
    for number, box in found.closed.items():
        group = graph.groups[number]
        parts.append(_box("module", label_of(group.name), label_of(group.type), group.path, box))
    for number, box in found.places.items():
        place = graph.places[number]
        tip = _tip(graph, place)
        label = place_label(graph, layout, place)
        parts.append(_box(place.kind, label, place.shape_text(), tip, box))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frames(graph: Graph, found: Arrangement) -> list[str]:
    return [
        f'<rect class="frame" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="9"/>'
        for x, y, w, h in found.opened.values()
    ]


def _headline(graph: Graph, number: int, box: Box) -> str:
    """The name of an open group, over the links that enter it."""
    x, y, _, _ = box
    group = graph.groups[number]
    return (
        f"<g><title>{escape(group.path)}: {escape(group.type)}</title>"
        f'<text class="small" x="{x + 10:.1f}" y="{y + HEADER * 0.65:.1f}" '
        'paint-order="stroke" stroke-width="0">'
        f"{escape(label_of(group.name))}</text></g>"
    )


def _link(segment: Segment, ends: bool) -> str:
    """Down to the end of its row, through the gap, down to the box."""
    x1, y1, leave, enter, x2, y2 = segment
    enter -= 6  # the last bit is straight, for the arrow
    middle = (leave + enter) / 2
    way = f"M{x1:.1f} {y1:.1f}V{leave:.1f}"
    if x1 == x2:
        way += f"V{y2:.1f}"
    else:
        way += f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {enter:.1f}V{y2:.1f}"
    head = ' marker-end="url(#head)"' if ends else ""
    return f'<path class="link" d="{way}" fill="none"{head}/>'


def _tip(graph: Graph, place: Place) -> str:
    """What is shown on hover."""
    lines = [place.name, graph.path_of(place), str(place.line or "")]
    if place.saved_bytes:
        lines.append(f"saves {show_bytes(place.saved_bytes)}")
    if place.forward_ms is not None:
        lines.append(f"forward {show_ms(place.forward_ms)}")
    if place.backward_ms is not None:
        lines.append(f"backward {show_ms(place.backward_ms)}")
    if place.gradient_norm is not None:
        lines.append(f"norm of the gradient {place.gradient_norm:.4g}")
    return "\n".join(filter(None, lines))


def _box(kind: str, name: str, below: str, tip: str, box: Box) -> str:
    x, y, width, height = box
    middle, centre = x + width / 2, y + height / 2
    lines = [(name, "")] + ([(below, ' class="small"')] if below else [])
    text = "".join(
        f'<text{style} x="{middle:.1f}" y="{centre + 4 + 14 * (n - (len(lines) - 1) / 2):.1f}" '
        f'text-anchor="middle">{escape(line)}</text>'
        for n, (line, style) in enumerate(lines)
    )
    return (
        f'<g><title>{escape(tip)}</title><rect class="box {kind}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="7"/>{text}</g>'
    )
