"""Floor 5: what reports say of an array and of a place in the user's code.

Knows arrays, nodes and origins; nothing of why they are looked at.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.autograd import origin
from adjoint.autograd.function_node import FunctionNode
from adjoint.autograd.tape import AccumulateGrad, Node, OperationNode, module_path
from adjoint.autograd.views import CopySlices


@dataclass(frozen=True)
class Statistics:
    """An operand in numbers: `minimum` and `maximum` are of its finite elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    nan: int
    inf: int
    zeros: int

    @property
    def is_finite(self) -> bool:
        """Whether no element is NaN or infinite."""
        return not self.nan and not self.inf

    @property
    def largest(self) -> float:
        """The largest magnitude among finite elements, 0 where there are none."""
        if self.minimum is None or self.maximum is None:
            return 0.0
        return max(abs(self.minimum), abs(self.maximum))

    def __str__(self) -> str:
        text = f"{self.name}: shape {list(self.shape)}, {self.dtype}"
        if self.minimum is not None:
            text += f", from {self.minimum:.4g} to {self.maximum:.4g}"
        counts = ((self.nan, "nan"), (self.inf, "inf"), (self.zeros, "zero"))
        return text + "".join(f", {n} {what}" for n, what in counts if n)


def names(text: str) -> frozenset[str]:
    """The words of a text, to look names up in."""
    return frozenset(text.split())


def measure(array: Any, name: str = "value") -> Statistics:
    """The statistics of an array of any dtype; of a complex one, its magnitudes."""
    given = str(array.dtype)
    array = np.asarray(array)
    if array.dtype.kind == "V" or given == "bfloat16":
        array = array.astype(np.float32)
    zeros = int(array.size - np.count_nonzero(array))
    if array.dtype.kind == "c":
        array = np.abs(array)
    if array.dtype.kind not in "fiub":
        return Statistics(name, array.shape, given, None, None, 0, 0, zeros)
    finite = array[np.isfinite(array)]
    low = float(finite.min()) if finite.size else None
    high = float(finite.max()) if finite.size else None
    nans = int(np.isnan(array).sum())
    return Statistics(
        name, array.shape, given, low, high, nans, array.size - finite.size - nans, zeros
    )


def is_faulty(array: Any) -> bool:
    """Whether an array of floating or complex numbers has a NaN or an infinity."""
    if array.dtype.kind not in "fcV":
        return False
    if array.dtype.kind == "V":
        array = array.astype(np.float32)
    return not np.isfinite(array).all()


@dataclass(frozen=True)
class Place:
    """A line of the user's code, and the path of the module that was run there."""

    file: str
    line: int
    function: str
    source: str
    module: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}"
        if self.function != "<module>":
            text += f", in {self.function}"
        if self.source:
            text += f": {self.source}"
        return text + (f" (in module {self.module})" if self.module else "")


def place_at(where: origin.Origin, module: Any = None) -> Place:
    """The place of an origin; `module` is the modules that were being run."""
    code = where[0]
    line = origin.line_number(where)
    source = linecache.getline(code.co_filename, line).strip()
    path = None if module is None else module_path(module)
    return Place(code.co_filename, line, code.co_name, source, path)


def place_of_node(node: Node) -> Place | None:
    """The user's line that made a node; that of a write through a view is the written value's."""
    if isinstance(node, CopySlices):
        node = node.edges[-1][0]
    if node.origin is None:
        return None
    return place_at(node.origin, node.module if isinstance(node, OperationNode) else None)


def module_hooks(node: Node) -> str:
    """The hooks of a module that a node calls with gradients; empty for any other node."""
    hooks = node.attributes.get("module_hooks", ()) if isinstance(node, FunctionNode) else ()
    return ", ".join([origin.written(hook) for hook in hooks])


def nodes_behind(roots: list[Node]) -> list[Node]:
    """All nodes that can be reached from some, in the order in which they were made."""
    seen = set(roots)
    stack = list(roots)
    while stack:
        for following, _ in stack.pop().edges:
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return sorted(seen, key=lambda node: node.seq)


def has_saved(node: Node) -> bool:
    """Whether backward through a node needs values that it saved."""
    if isinstance(node, FunctionNode):
        return node.plan.count > 0
    return isinstance(node, OperationNode) and bool(node.plan.saved_names)


def freed_among(nodes: list[Node]) -> Node | None:
    """The latest node whose saved values are gone, so that no gradient can be computed again."""
    for node in reversed(nodes):
        if isinstance(node, OperationNode) and node.saved is None and has_saved(node):
            return node
        if isinstance(node, FunctionNode) and node.freed:
            return node
    return None


def saved_operands(node: Node) -> list[Statistics]:
    """The statistics of what a node saved, by name."""
    if not isinstance(node, OperationNode) or node.saved is None:
        return []
    names = node.plan.saved_names
    return [measure(t._data, name) for name, t in zip(names, node.saved)]


def name_of(node: Node) -> str:
    """The name of a node as reports have it; a leaf has none of its own."""
    return "leaf" if isinstance(node, AccumulateGrad) else node.name().rpartition("::")[2]
