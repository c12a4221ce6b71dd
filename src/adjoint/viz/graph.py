"""Floor 5: the autograd graph behind a tensor, collected for drawing.

Nothing of the graph is kept alive by it: a `Graph` holds names, shapes, lines and links.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adjoint.autograd import origin
from adjoint.autograd.derivatives import as_tuple
from adjoint.autograd.tape import AccumulateGrad, Node, edge_of
from adjoint.autograd.tensor import Tensor

OPERATION, LEAF, ROOT = "operation", "leaf", "root"


@dataclass
class Place:
    """One box of the drawing."""

    number: int
    kind: str
    name: str  # MulBackward0, or the name of a parameter
    shape: tuple[int, ...] | None
    dtype: str
    line: str = ""  # where it was made
    inputs: list[int] = field(default_factory=list)  # numbers of the places that feed it

    def label(self) -> str:
        """Name and shape, as drawn."""
        if self.shape is None:
            return self.name
        return f"{self.name}\n{'×'.join(map(str, self.shape)) or 'scalar'}"


@dataclass
class Graph:
    """The places of a graph, results first; inputs of a place come later in the list.

    >>> from adjoint.viz import graph
    >>> x = torch.ones(2, requires_grad=True)
    >>> graph((x * 2).sum()).text().splitlines()[0]
    'result []'
    """

    places: list[Place]

    def text(self) -> str:
        """The graph as an indented tree; a place seen before is only named."""
        lines: list[str] = []
        seen: set[int] = set()
        stack = [(0, p.number) for p in self.places if p.kind == ROOT]
        while stack:
            depth, number = stack.pop()
            place = self.places[number]
            again = number in seen
            mark = " (above)" if again and place.inputs else ""
            shape = "" if place.shape is None else f" {list(place.shape)}"
            line = f"  # {place.line}" if place.line and not again else ""
            lines.append("  " * depth + place.name + shape + mark + line)
            if not again:
                seen.add(number)
                stack.extend((depth + 1, i) for i in reversed(place.inputs))
        return "\n".join(lines)

    def dot(self) -> str:
        """The graph in Graphviz's language."""
        colours = {OPERATION: "#e8eef7", LEAF: "#e3f4e1", ROOT: "#fdf0d5"}
        rows = ["digraph {", '  node [shape=box style="rounded,filled" fontname="Helvetica"];']
        for place in self.places:
            label = _escape_dot(place.label()).replace("\n", "\\n")
            rows.append(
                f'  n{place.number} [label="{label}" fillcolor="{colours[place.kind]}" '
                f'tooltip="{_escape_dot(place.line)}"];'
            )
        rows += [f"  n{i} -> n{place.number};" for place in self.places for i in place.inputs]
        return "\n".join([*rows, "}"]) + "\n"

    def svg(self) -> str:
        """The graph as a drawing, values flowing down to the result."""
        from .svg import draw

        return draw(self)

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        return self.text()


def _escape_dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def graph(tensors: Any, model: Any = None) -> Graph:
    """The graph that made `tensors` (a Tensor or several); parameters of `model` get their names.

    >>> x = torch.ones(2, requires_grad=True)
    >>> print([p.name for p in torch.viz.graph((x * 2).sum()).places])
    ['result', 'SumBackward0', 'MulBackward0', 'leaf']
    """
    roots = as_tuple(tensors)
    for t in roots:
        if not isinstance(t, Tensor):
            raise TypeError(f"viz.graph: expected a Tensor, but got {type(t).__name__}")
        if not t.requires_grad:
            raise RuntimeError(
                "viz.graph: this tensor does not require grad, so there is no graph behind it"
            )
    names = {} if model is None else {id(p): n for n, p in model.named_parameters()}
    places: list[Place] = []
    for t in roots:
        places.append(Place(len(places), ROOT, "result", tuple(t.shape), t.dtype.name))
    numbers: dict[Node, int] = {}
    stack = []
    for number, t in enumerate(roots):
        stack.append((edge_of(t)[0], number))
    while stack:
        node, consumer = stack.pop()
        known = node in numbers
        if not known:
            numbers[node] = len(places)
            places.append(_place(node, len(places), names))
        places[consumer].inputs.append(numbers[node])
        if not known:
            stack.extend((following, numbers[node]) for following, _ in reversed(node.edges))
    return Graph(places)


def _place(node: Node, number: int, names: dict[int, str]) -> Place:
    shape, dtype = node.metas_of(0)
    if isinstance(node, AccumulateGrad):
        name = names.get(id(node.variable), "leaf")
        return Place(number, LEAF, name, shape, str(dtype))
    line = origin.describe(node.origin) if node.origin is not None else ""
    return Place(number, OPERATION, node.name(), shape, str(dtype), line)
