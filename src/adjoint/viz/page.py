"""Floor 5: a graph as one HTML page that needs nothing else: template, data, scripts in one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib import resources
from math import isfinite
from typing import Any

from .coordinates import label_of, place_label, text_width, widths
from .graph import OPERATION, Graph, Place
from .layout import Layout
from .writing import show_bytes, show_ms

SCRIPTS = ("coordinates.js", "view.js", "painting.js", "controls.js")
METRICS = {
    "saved": "saved_bytes", "forward": "forward_ms", "backward": "backward_ms",
    "norm": "gradient_norm",
}  # fmt: skip


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def write_page(graph: Graph) -> str:
    """The page; `@name@` in the template stands for each part."""
    parts = {
        "title": escape(graph.title),
        "summary": escape(summary(graph)),
        "style": _part("page.css"),
        "data": _embed(page_data(graph)),
        "script": "\n".join(_part(name) for name in SCRIPTS),
    }
    pieces = _part("page.html").split("@")
    return "".join(parts[piece] if n % 2 else piece for n, piece in enumerate(pieces))


def write_frame(graph: Graph, height: int = 520) -> str:
    """The page for a notebook's output, apart from the notebook's own scripts and styles."""
    return (
        f'<iframe srcdoc="{escape(write_page(graph), quote=True)}" title="graph" '
        f'style="width:100%;height:{height}px;border:1px solid #8886;border-radius:8px" '
        'sandbox="allow-scripts"></iframe>'
    )


def summary(graph: Graph) -> str:
    """`12 operations · 1 leaf · 1.5 KB saved · backward 1.2 ms`."""
    operations = [place for place in graph.places if place.kind == OPERATION]
    leaves = sum(place.kind == "leaf" for place in graph.places)
    parts = [f"{leaves} {'leaf' if leaves == 1 else 'leaves'}"]
    if operations:
        parts.insert(0, f"{len(operations)} operation{'s' * (len(operations) > 1)}")
    if graph.saved_bytes:
        parts.append(f"{show_bytes(graph.saved_bytes)} saved")
    for label, name in (("forward", "forward_ms"), ("backward", "backward_ms")):
        times = _values(operations, name)
        if times:
            parts.append(f"{label} {show_ms(sum(times))}")
    return " · ".join(parts)


def _values(places: Iterable[Place], name: str) -> list[float]:
    return [value for place in places if (value := getattr(place, name)) is not None]


def _embed(data: Any) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        .replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )  # fmt: skip


def page_data(graph: Graph) -> dict[str, Any]:
    """All that the page knows: places, module calls, frames, widths, lines, measures."""
    layout = Layout(graph)
    lines: dict[tuple[Any, ...], int] = {}
    places = [_place(graph, layout, place, lines) for place in graph.places]
    inside: list[list[int]] = [[] for _ in graph.groups]
    for number, home in enumerate(layout.home):
        while home >= 0:
            inside[home].append(number)
            home = layout.parent(home)
    groups = []
    for group in graph.groups:
        parent = layout.parents[group.number]
        count = len(inside[group.number])
        groups.append({
            "name": group.name, "label": label_of(group.name), "type": group.type,
            "path": group.path, "parent": -1 if parent is None else parent,
            "below": f"{label_of(group.type)}, {count}" if group.type != group.name
            else f"{count} nodes", "places": inside[group.number],
        })  # fmt: skip
    frames = {
        number: {
            "items": frame.items, "rows": frame.rows, "links": frame.links, "far": frame.far,
            "layer": frame.layer,
        }
        for number, frame in layout.frames.items()
    }  # fmt: skip
    titles = [60 + text_width(label_of(group.name)) for group in graph.groups]
    return {
        "places": places, "groups": groups, "frames": frames, "lines": list(lines),
        "drawn": [n for n, parent in enumerate(layout.parents) if parent is not None],
        "widths": [*widths(graph, layout), titles], "sums": _sums(graph, inside),
        "ranges": _ranges(graph),
    }  # fmt: skip


def _place(
    graph: Graph, layout: Layout, place: Place, lines: dict[tuple[Any, ...], int]
) -> dict[str, Any]:
    line = -1
    if place.line is not None:
        found = (place.line.file, place.line.number, place.line.function, place.line.text)
        line = lines.setdefault(found, len(lines))
    row: dict[str, Any] = {
        "name": place.name, "label": place_label(graph, layout, place), "kind": place.kind,
        "shape": place.shape_text(), "dtype": place.dtype, "path": graph.path_of(place),
        "home": layout.home[place.number], "inputs": place.inputs, "line": line,
        "kept": [_kept(value) for value in place.saved],
    }  # fmt: skip
    for key, name in METRICS.items():
        value = getattr(place, name)
        if value is not None and (key != "saved" or place.saved):
            row[key] = _number(value)
    return row


def _kept(value: Any) -> str:
    if value.bytes is None:
        return f"{value.name}: packed by a hook"
    shape = "×".join(map(str, value.shape)) or "scalar"
    return f"{value.name}: {shape} {value.dtype}, {show_bytes(value.bytes)}"


def _number(value: float) -> float | str:
    """A number for JSON, which has no infinity and no NaN."""
    if not isfinite(value):
        return str(value)
    return value if isinstance(value, int) else float(f"{value:.5g}")


def _sums(graph: Graph, inside: list[list[int]]) -> list[dict[str, Any]]:
    """For each group its bytes and milliseconds in all, and its largest norm."""
    found = []
    for members in inside:
        places = [graph.places[n] for n in members]
        row: dict[str, Any] = {"saved": sum(place.saved_bytes for place in places)}
        for key in ("forward", "backward"):
            times = _values(places, METRICS[key])
            if times:
                row[key] = _number(sum(times))
        norms = _values(places, "gradient_norm")
        if norms:
            wrong = [norm for norm in norms if not isfinite(norm)]
            row["norm"] = _number(wrong[0] if wrong else max(norms))
        found.append(row)
    return found


def _ranges(graph: Graph) -> dict[str, tuple[float, float]]:
    """Where the colours of each measure begin and end; outliers of norms count as the ends."""
    found = {}
    for key, name in METRICS.items():
        values = sorted(v for v in _values(graph.places, name) if isfinite(v) and v > 0)
        if values:
            cut = len(values) // 20 if key == "norm" else 0
            found[key] = (values[cut], values[-1 - cut])
    return found
