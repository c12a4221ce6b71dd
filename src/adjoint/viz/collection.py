"""Floor 5: collecting a graph: what `viz.graph` is given, and the places and module calls in it.

A call of a module is one group. Its operations are neighbours in time, so groups drawn as single
boxes leave the graph acyclic; a leaf belongs to the innermost call around all that use it.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adjoint.autograd import origin
from adjoint.autograd.saved import Packed
from adjoint.autograd.tape import AccumulateGrad, Node, OperationNode, edge_of
from adjoint.autograd.tensor import Tensor
from adjoint.autograd.views import CopySlices

from .graph import LEAF, OPERATION, ROOT, Graph, Group, Line, Place, Saved


class Calls:
    """The module calls met so far, as groups; each is known by its frame."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._known: dict[int, int] = {}
        self._frames: list[Any] = []  # held, so that an id stays one frame's
        self._names: dict[int, dict[int, str]] = {}
        self._used: dict[tuple[int, str], int] = {}

    def group_of(self, frame: Any) -> int:
        """The group of a module frame, made with its callers' when first met; -1 for none."""
        chain = []
        while frame is not None and id(frame) not in self._known:
            chain.append(frame)
            frame = frame[1]
        group = -1 if frame is None else self._known[id(frame)]
        for entered in reversed(chain):
            group = self._add(entered, group)
        return group

    def _add(self, frame: Any, parent: int) -> int:
        module, outer = frame
        name = self.name_in(outer[0], module) if outer is not None else type(module).__name__
        times = self._used[parent, name] = self._used.get((parent, name), 0) + 1
        if times > 1:
            name += f" ({times})"
        path = name if parent < 0 else f"{self.groups[parent].path}.{name}"
        number = self._known[id(frame)] = len(self.groups)
        self._frames.append(frame)
        self.groups.append(Group(number, name, type(module).__name__, parent, path))
        return number

    def parameters(self) -> dict[int, str]:
        """The names, by identity, of the parameters of all modules that the program called."""
        called = [module for module, outer in self._frames if outer is None]
        return {id(p): name for m in reversed(called) for name, p in m.named_parameters()}

    def name_in(self, outer: Any, module: Any) -> str:
        """The dotted name of a module in the one that calls it; its type if it is none of it."""
        if id(outer) not in self._names:
            self._names[id(outer)] = {id(m): name for name, m in outer.named_modules()}
        return self._names[id(outer)].get(id(module)) or type(module).__name__


def named(params: Any) -> dict[int, str]:
    """Names by identity, from a dict, pairs, or a module's `named_parameters`."""
    if params is None:
        return {}
    if hasattr(params, "named_parameters"):
        params = params.named_parameters()
    pairs: Iterable[Any] = params.items() if isinstance(params, Mapping) else params
    return {id(p): str(n) for n, p in pairs}


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors of nested tuples, lists and dicts, in order."""
    found = []
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, Mapping):
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, (tuple, list)):
            stack.extend(reversed(value))
    return found


def nodes_behind(roots: Sequence[Tensor]) -> list[Node]:
    """Every node of the graph, latest first: each before the nodes of its inputs."""
    stack = [edge_of(t)[0] for t in roots]
    found = set(stack)
    while stack:
        for following, _ in stack.pop().edges:
            if following not in found:
                found.add(following)
                stack.append(following)
    return sorted(found, key=lambda node: -node.seq)


def collect(roots: Sequence[Tensor], names: Mapping[int, str], title: str) -> Graph:
    """The graph behind `roots`; leaves have their names of `names`, or of the modules called."""
    nodes = nodes_behind(roots)
    numbers = {node: len(roots) + i for i, node in enumerate(nodes)}
    calls = Calls()
    # In the order of the program, so that the first call of a module has the bare name.
    frames: dict[Node, int] = {}
    for node in reversed(nodes):
        if isinstance(node, OperationNode):
            frames[node] = calls.group_of(node.module)
    names = {**calls.parameters(), **names}
    places = []
    for i, t in enumerate(roots):
        name = "result" if len(roots) == 1 else f"result {i}"
        place = Place(i, ROOT, name, tuple(t.shape), t.dtype.name)
        place.inputs.append(numbers[edge_of(t)[0]])
        places.append(place)
    memory: dict[int, int] = {}
    for node in nodes:
        place = _place(node, numbers[node], names, memory)
        place.group = frames.get(node, -1)
        place.inputs.extend(numbers[following] for following, _ in node.edges)
        places.append(place)
    _settle_leaves(places, calls.groups)
    return Graph(places, calls.groups, title, sum(memory.values()))


def _place(node: Node, number: int, names: Mapping[int, str], memory: dict[int, int]) -> Place:
    if isinstance(node, AccumulateGrad):
        shape, dtype = node.metas_of(0)
        name = names.get(id(node.variable)) or "leaf"
        return Place(number, LEAF, name, shape, str(dtype))
    shape, dtype = node.metas_of(0)
    # A write through a view is told at the line that made what was written.
    writer = node.edges[-1][0] if isinstance(node, CopySlices) else node
    name = node.name().rpartition("::")[2]
    place = Place(number, OPERATION, name, shape, str(dtype), line_of(writer.origin))
    place.outputs = node.output_count
    if isinstance(node, OperationNode):
        place.saved = tuple(_saved(node, memory))
    return place


def line_of(where: origin.Origin | None) -> Line | None:
    """The line of an origin, with its text."""
    if where is None:
        return None
    code = where[0]
    number = origin.line_number(where)
    text = linecache.getline(code.co_filename, number).strip()
    return Line(code.co_filename, number, code.co_name, text)


def _saved(node: OperationNode, memory: dict[int, int]) -> Iterable[Saved]:
    """What a node keeps; adds the memory behind it to `memory`, leaves' excepted."""
    values: Sequence[Any] = node.saved or ()
    for name, kept in zip(node.plan.saved_names, values):
        value: Any = kept.value if isinstance(kept, Packed) else kept
        array = value._data if isinstance(value, Tensor) else value
        size = getattr(array, "nbytes", None)
        if size is None:
            yield Saved(name, None, "packed", None)
            continue
        if not (isinstance(value, Tensor) and value._requires_grad and value._edge is None):
            owner = array
            while getattr(owner, "base", None) is not None and hasattr(owner.base, "nbytes"):
                owner = owner.base
            memory[id(owner)] = max(memory.get(id(owner), 0), size)
        yield Saved(name, tuple(array.shape), str(array.dtype), int(size))


def _settle_leaves(places: Sequence[Place], groups: Sequence[Group]) -> None:
    """Put each leaf into the innermost call around all that use it; users come before it."""
    depth: list[int] = []
    for group in groups:
        depth.append(0 if group.parent < 0 else depth[group.parent] + 1)
    around: dict[int, int] = {}
    for place in places:
        if place.kind == LEAF:
            place.group = around.get(place.number, -1)
        for i in place.inputs:
            if places[i].kind == LEAF:
                known = around.get(i, place.group)
                around[i] = _common(known, place.group, groups, depth)


def _common(a: int, b: int, groups: Sequence[Group], depth: Sequence[int]) -> int:
    """The innermost group around two groups."""
    while a != b:
        if a < 0 or b < 0:
            return -1
        if depth[a] >= depth[b]:
            a = groups[a].parent
        else:
            b = groups[b].parent
    return a
