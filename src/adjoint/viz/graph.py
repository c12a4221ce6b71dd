"""Floor 5: a graph as it is drawn: places, the module calls that group them, and exports.

Nothing of the autograd graph is kept alive by it: it holds names, numbers and links.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OPERATION, LEAF, ROOT = "operation", "leaf", "root"


@dataclass(frozen=True)
class Line:
    """A line of the user's code.

    >>> print(torch.viz.Line("train.py", 3, "step", "loss = model(x)"))
    train.py:3, in step: loss = model(x)
    """

    file: str
    number: int
    function: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.number}"
        if self.function != "<module>":
            where += f", in {self.function}"
        return f"{where}: {self.text}" if self.text else where


@dataclass(frozen=True)
class Saved:
    """A value that an operation keeps for its derivative; bytes is None where a hook packed it.

    >>> x = torch.ones(2, 3, requires_grad=True)
    >>> [(s.name, s.bytes) for s in torch.viz.graph(x.exp().sum()).places[2].saved]
    [('out', 24)]
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    bytes: int | None


@dataclass
class Place:
    """One box of the drawing: an operation, a leaf or a result.

    `inputs` are the numbers of the places that feed it; `group` is that of the innermost module
    call it belongs to, or -1. Milliseconds and norms are None where nothing was measured.

    >>> x = torch.ones(2, 3, requires_grad=True)
    >>> [(p.kind, p.name, p.shape) for p in torch.viz.graph(x.sum()).places[1:]]
    [('operation', 'SumBackward0', ()), ('leaf', 'leaf', (2, 3))]
    """

    number: int
    kind: str
    name: str  # MulBackward0, or the name of a parameter
    shape: tuple[int, ...] | None
    dtype: str
    line: Line | None = None
    inputs: list[int] = field(default_factory=list)
    group: int = -1
    saved: tuple[Saved, ...] = ()
    forward_ms: float | None = None
    backward_ms: float | None = None
    gradient_norm: float | None = None
    outputs: int = 1

    @property
    def saved_bytes(self) -> int:
        """Bytes of the values that it keeps."""
        return sum(value.bytes or 0 for value in self.saved)

    def shape_text(self) -> str:
        """`2×3`, `scalar`, or of how many outputs."""
        if self.shape is None:
            return ""
        text = "×".join(map(str, self.shape)) or "scalar"
        return text if self.outputs == 1 else f"{text}, {self.outputs} outputs"


@dataclass
class Group:
    """One call of a module: `name` in the calling module, `parent` the group of that, or -1.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    >>> [(g.path, g.type) for g in torch.viz.graph(model, torch.ones(1, 2)).groups]
    [('Sequential', 'Sequential'), ('Sequential.0', 'Linear'), ('Sequential.1', 'Tanh')]
    """

    number: int
    name: str
    type: str
    parent: int
    path: str


@dataclass
class Graph:
    """What `viz.graph` returns: results first, and the inputs of a place after it.

    `places`: what is drawn, `groups`: the module calls they belong to, outer ones first.
    `saved_bytes`: memory of all saved values, without leaves, what is saved twice counted once.
    It shows itself in notebooks.

    >>> x = torch.ones(2, requires_grad=True)
    >>> graph = torch.viz.graph((x * 2).sum())
    >>> len(graph.places), graph.places[0].name, graph.groups
    (4, 'result', [])
    """

    places: list[Place]
    groups: list[Group] = field(default_factory=list)
    title: str = "graph"
    saved_bytes: int = 0

    def text(self) -> str:
        """The graph for a terminal: from the result upwards, side branches indented.

        An operation that several others use stands below the last of them; `→ #n` points to it.

        >>> x = torch.ones(2, requires_grad=True)
        >>> y = (x * x).exp()
        >>> for line in torch.viz.graph(y.sum()).text().splitlines():
        ...     print(line.split("  ")[0])
        result []
        SumBackward0 []
        ExpBackward0 [2]
        MulBackward0 [2]
        └─ leaf [2]
        """
        from .text import write_text

        return write_text(self)

    def dot(self) -> str:
        """The graph in Graphviz's language, modules as clusters.

        >>> x = torch.ones(2, requires_grad=True)
        >>> print(torch.viz.graph(x.sum()).dot().splitlines()[-2])
          n2 -> n1;
        """
        from .dot import write_dot

        return write_dot(self)

    def svg(self, depth: int | None = None) -> str:
        """The graph as a drawing, values flowing down to the result.

        depth: int, draw module calls below this many levels as one box each; None draws all.

        >>> x = torch.ones(2, requires_grad=True)
        >>> torch.viz.graph(x.sum()).svg()[:4]
        '<svg'
        """
        from .svg import draw

        return draw(self, depth)

    def html(self) -> str:
        """One page to explore the graph with: zoom, search, collapse; it needs no network.

        >>> x = torch.ones(2, requires_grad=True)
        >>> torch.viz.graph(x.sum()).html()[:15]
        '<!doctype html>'
        """
        from .page import write_page

        return write_page(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph to a file of the kind its name ends in: .html, .svg, .dot (.gv), .txt.

        The file is there whole or not at all. ValueError for any other ending.

        >>> x = torch.ones(2, requires_grad=True)
        >>> torch.viz.graph(x.sum()).save("graph.html")
        >>> torch.viz.graph(x.sum()).save("graph.png")
        Traceback (most recent call last):
        ValueError: Graph.save: 'graph.png' should end in .html, .svg, .dot, .gv or .txt
        """
        from .writing import write_whole

        write: dict[str, Callable[[], str]] = {
            ".html": self.html, ".svg": self.svg, ".dot": self.dot, ".gv": self.dot,
            ".txt": self.text,
        }  # fmt: skip
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending not in write:
            raise ValueError(
                f"Graph.save: {os.fspath(path)!r} should end in .html, .svg, .dot, .gv or .txt"
            )
        write_whole(path, write[ending]())

    def path_of(self, place: Place) -> str:
        """The path of the module call that a place belongs to: `Net.encoder.0`, or empty.

        >>> x = torch.ones(1, 2)
        >>> graph = torch.viz.graph(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), x)
        >>> graph.path_of(graph.places[1])
        'Sequential.1'
        """
        return self.groups[place.group].path if place.group >= 0 else ""

    def _repr_html_(self) -> str:
        from .page import write_frame

        return write_frame(self)

    def _repr_svg_(self) -> str | None:
        # A notebook keeps every form of an output: thousands of boxes are kept once.
        return self.svg() if len(self.places) <= 300 else None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook keeps: the page, a drawing for viewers without scripts, the text."""
        bundle = {"text/plain": self.text(), "text/html": self._repr_html_()}
        drawing = self._repr_svg_()
        return bundle if drawing is None else {**bundle, "image/svg+xml": drawing}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        kinds = [place.kind for place in self.places]
        return (
            f"<Graph of {self.title}: {kinds.count(OPERATION)} operations, "
            f"{kinds.count(LEAF)} leaves>"
        )
