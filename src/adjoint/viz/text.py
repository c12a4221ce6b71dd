"""Floor 5: a graph as text: one line a place, chains in one column, side branches indented."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from .graph import LEAF, Graph, Place
from .writing import show_bytes, show_ms

Row = tuple[str, Place | None]


def write_text(graph: Graph) -> str:
    """The whole text: a line that sums up, where there is something to sum, and the rows."""
    linked = any(place.inputs for place in graph.places)
    rows = list(_rows(graph) if linked else _tree(graph))
    columns = [[name, *(_cells(graph, place) if place else [""] * 6)] for name, place in rows]
    widths = [max(len(row[i]) for row in columns) for i in range(7)]
    lines = []
    for row in columns:
        cells = [
            cell.rjust(width) if 0 < i < 5 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cells(graph: Graph, place: Place) -> list[str]:
    """Saved bytes, milliseconds forward and backward, gradient norm, module, line."""
    line = place.line
    where = "" if line is None else f"# {os.path.basename(line.file)}:{line.number}: {line.text}"
    measured = place.gradient_norm is not None
    return [
        f"saves {show_bytes(place.saved_bytes)}" if place.saved_bytes else "",
        "" if place.forward_ms is None else f"forward {show_ms(place.forward_ms)}",
        "" if place.backward_ms is None else f"backward {show_ms(place.backward_ms)}",
        f"|grad| {place.gradient_norm:.3g}" if measured else "",
        graph.path_of(place) if place.kind != LEAF else "",
        where[:80],
    ]


def heights(graph: Graph) -> list[int]:
    """The longest way from each place to a leaf."""
    found = [0] * len(graph.places)
    for place in reversed(graph.places):  # inputs come after what they feed
        found[place.number] = 1 + max((found[i] for i in place.inputs), default=-1)
    return found


def _rows(graph: Graph) -> Iterator[Row]:
    """Each place under the last that uses it; the longest input goes on in the same column."""
    height = heights(graph)
    waiting = [0] * len(graph.places)
    for place in graph.places:
        for i in set(place.inputs):
            waiting[i] += 1
    pointed = _pointed_at(graph)
    stack: list[tuple[str, str, int]] = []
    roots = [place.number for place in graph.places if not waiting[place.number]]
    for root in reversed(roots):
        stack.append(("", "", root))
    while stack:
        first, prefix, number = stack.pop()
        place = graph.places[number]
        if waiting[number] > 0:  # others that use it come further down
            yield f"{first}→ #{pointed[number]} {place.name}", None
            continue
        mark = f"  #{pointed[number]}" if number in pointed else ""
        shape = "" if place.shape is None else f" {list(place.shape)}"
        yield f"{first}{place.name}{shape}{mark}", place
        inputs = sorted(dict.fromkeys(place.inputs), key=lambda i: height[i])
        for i in inputs:
            waiting[i] -= 1
        if inputs and graph.places[inputs[-1]].kind == LEAF:
            stack.append((f"{prefix}└─ ", f"{prefix}   ", inputs[-1]))
        elif inputs:
            stack.append((prefix, prefix, inputs[-1]))
        stack.extend((f"{prefix}├─ ", f"{prefix}│  ", i) for i in reversed(inputs[:-1]))


def _pointed_at(graph: Graph) -> dict[int, int]:
    """A number for each place that several use, in the order of the list."""
    users = [0] * len(graph.places)
    for place in graph.places:
        for i in set(place.inputs):
            users[i] += 1
    shared = [place.number for place in graph.places if users[place.number] > 1]
    return {number: n + 1 for n, number in enumerate(shared)}


def _tree(graph: Graph) -> Iterator[Row]:
    """Modules and their parameters, as a tree."""
    below: list[list[int]] = [[] for _ in graph.groups]
    owned: list[list[Place]] = [[] for _ in graph.groups]
    for group in graph.groups[1:]:
        below[group.parent].append(group.number)
    for place in graph.places:
        owned[place.group].append(place)
    stack = [("", "", 0)]
    while stack:
        first, prefix, number = stack.pop()
        group = graph.groups[number]
        shown = f" {group.type}" if group.name != group.type else ""
        yield f"{first}{group.name}{shown}", None
        rest = [g for g in below[number] if _has_places(g, below, owned)]
        for i, place in enumerate(owned[number]):
            corner = "├─ " if rest or i < len(owned[number]) - 1 else "└─ "
            name = place.name.rpartition(".")[2]
            yield f"{prefix}{corner}{name} {list(place.shape or ())}", place
        for i, child in reversed(list(enumerate(rest))):
            last = i == len(rest) - 1
            stack.append((
                prefix + ("└─ " if last else "├─ "), prefix + ("   " if last else "│  "), child
            ))  # fmt: skip


def _has_places(
    group: int, below: Sequence[Sequence[int]], owned: Sequence[Sequence[Place]]
) -> bool:
    stack = [group]
    while stack:
        number = stack.pop()
        if owned[number]:
            return True
        stack.extend(below[number])
    return False
