"""Floor 5: a graph in Graphviz's language, modules as clusters."""

from __future__ import annotations

from collections.abc import Iterator

from .graph import LEAF, OPERATION, ROOT, Graph, Place

FILL = {OPERATION: "#e8eef7", LEAF: "#e3f4e1", ROOT: "#fdf0d5"}


def write_dot(graph: Graph) -> str:
    """The digraph: nodes inside their clusters, then the links."""
    rows = [
        "digraph {",
        '  node [shape=box style="rounded,filled" fontname="Helvetica"];',
        '  graph [fontname="Helvetica" color="#9aa7ba" style=rounded];',
        *_clusters(graph),
    ]
    rows += [f"  n{i} -> n{place.number};" for place in graph.places for i in place.inputs]
    return "\n".join([*rows, "}"]) + "\n"


def _clusters(graph: Graph) -> Iterator[str]:
    """The nodes by group; groups are closed when their last inner group is."""
    inside: dict[int, list[Place]] = {}
    below: dict[int, list[int]] = {}
    for place in graph.places:
        inside.setdefault(place.group, []).append(place)
    for group in graph.groups:
        below.setdefault(group.parent, []).append(group.number)
    for place in inside.get(-1, ()):
        yield "  " + _node(place)
    stack = [(number, 1) for number in reversed(below.get(-1, []))]
    while stack:
        number, depth = stack.pop()
        indent = "  " * depth
        if number < 0:
            yield f"{indent}}}"
            continue
        group = graph.groups[number]
        yield f'{indent}subgraph cluster_{number} {{ label="{_escape(group.name)}";'
        yield from (f"{indent}  {_node(place)}" for place in inside.get(number, ()))
        stack.append((-1, depth))
        stack.extend((inner, depth + 1) for inner in reversed(below.get(number, [])))


def _node(place: Place) -> str:
    label = _escape(place.name)
    if place.shape is not None:
        label += "\\n" + _escape(place.shape_text())
    tip = _escape(str(place.line or ""))
    return f'n{place.number} [label="{label}" fillcolor="{FILL[place.kind]}" tooltip="{tip}"];'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
