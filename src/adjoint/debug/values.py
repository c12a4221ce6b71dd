"""Floor 5: the forward values of a recorded graph, as far as they are kept or follow from it.

A value is known when a node saved it, when it is a leaf, or when the operation can be computed
again from known inputs. What is not known is said to be unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.arrays import cpu
from adjoint.autograd.function_node import FunctionNode
from adjoint.autograd.tape import AccumulateGrad, Node, OperationNode
from adjoint.autograd.tensor import Tensor, version_of
from adjoint.autograd.views import AsStridedBackward0, CopySlices, _forward

from .statistics import is_faulty, measure, names

Key = tuple[Node, int]

# Operations that give a NaN or an infinity only when they are given one, but for overflow.
_PASSING = names(
    "add sub rsub neg mean mean_dim sum sum_dim mse_loss mul mm mv bmm matmul linear addmm dot abs "
    "relu leaky_relu tanh sigmoid sin cos where masked_fill clamp_number clamp softplus gelu silu "
    "maximum minimum max_dim min_dim amax amin cumsum erf atan max min index gather index_select "
    "take embedding cat stack sort topk masked_select copy zero elu hardtanh"
)


# Operations that never give a NaN without one, though they may give infinities.
_NEVER_NAN = names("exp exp2 expm1 cosh square")


def is_passing(node: Node) -> bool:
    """Whether a node makes no NaN of finite inputs (overflow apart)."""
    if isinstance(node, (AsStridedBackward0, CopySlices)):
        return True
    if not isinstance(node, OperationNode) or isinstance(node, FunctionNode):
        return False
    operation = node.operation
    if 0 in next((c for c in node.constants if isinstance(c, tuple)), ()):
        return False  # the mean of nothing
    return operation.name in _PASSING or (operation.kind == "linear" and len(operation.inputs) == 1)


class Values:
    """What is known of the outputs of `nodes`, which are in the order they were made."""

    def __init__(self, nodes: Sequence[Node], root: Tensor) -> None:
        self.known: dict[Key, Any] = {}
        self.operands: dict[Node, dict[int, Any]] = {}  # of each node, its inputs by number
        self.changed: set[Key] = set()  # leaves written since
        assert root._edge is not None
        self.known[root._edge] = root._data
        for node in nodes:
            self._collect(node)
        for node in nodes:
            self._complete(node)

    def _collect(self, node: Node) -> None:
        """Take what a node saved: its inputs, which are others' outputs, and its own outputs."""
        if isinstance(node, AccumulateGrad) and node.variable is not None:
            self.known[node, 0] = node.variable._data
            if version_of(node.variable):
                self.changed.add((node, 0))
        if not isinstance(node, OperationNode) or node.saved is None:
            return
        if isinstance(node, FunctionNode):
            self._collect_custom(node)
            return
        edges = dict(zip(node.plan.needed, node.edges))
        versions = node.versions or [0] * len(node.saved)
        for (is_output, number), t, version in zip(node.plan.saved_sources, node.saved, versions):
            if not isinstance(t, Tensor) or version_of(t) != version:
                continue  # packed by a hook, or overwritten since
            if is_output:
                self.known.setdefault((node, number), t._data)
                continue
            self.operands.setdefault(node, {})[number] = t._data
            if number in edges:
                self.known.setdefault(edges[number], t._data)
                self.changed.discard(edges[number])

    def _collect_custom(self, node: FunctionNode) -> None:
        names = node.plan.saved_names
        for name, t in zip(names, node.saved or ()):
            number = node.plan.output_number(name)
            if number is not None and isinstance(t, Tensor):
                self.known.setdefault((node, number), t._data)
            elif isinstance(t, Tensor) and t._edge is not None:
                self.known.setdefault(t._edge, t._data)

    def inputs(self, node: Node) -> dict[int, Any]:
        """The known inputs of a node, by number."""
        found = dict(self.operands.get(node, {}))
        for number, edge in zip(input_numbers(node), node.edges):
            if edge in self.known:
                found.setdefault(number, self.known[edge])
        return found

    def _complete(self, node: Node) -> None:
        """Compute a node's outputs again where its inputs and parameters are all known."""
        outputs = range(node.output_count)
        if all((node, i) in self.known for i in outputs) or not node.edges:
            return
        inputs = self.inputs(node)
        if isinstance(node, AsStridedBackward0) and 0 in inputs:
            self.known[node, 0] = _forward(node.steps, cpu, inputs[0])
            return
        parameters = _parameters(node)
        if parameters is None or sorted(inputs) != list(range(node.plan.count)):  # type: ignore[attr-defined]
            return
        for number, out in enumerate(_compute(node, inputs, parameters)):
            shape, dtype = node.metas_of(number)
            if out.shape == shape and out.dtype == dtype:
                self.known.setdefault((node, number), out)

    def faulty_operands(self, node: Node) -> list[str]:
        """Names of saved operands without history that are faulty themselves."""
        inner = set(input_numbers(node))
        names = getattr(getattr(node, "operation", None), "inputs", ())
        return [
            names[min(number, len(names) - 1)]
            for number, array in self.operands.get(node, {}).items()
            if number not in inner and is_faulty(array)
        ]

    def fault(self, key: Key) -> bool | None:
        """Whether a value has a NaN or an infinity; None when it is not known."""
        return is_faulty(self.known[key]) if key in self.known else None


def input_numbers(node: Node) -> Sequence[int]:
    """The numbers of the inputs that a node's edges lead to."""
    if isinstance(node, OperationNode):
        found: Sequence[int] = node.plan.needed
        return found
    return range(len(node.edges))


def missing_inputs(node: Node, values: Values) -> list[str]:
    """The names of inputs that no edge leads to and that were not saved: not known for ever."""
    if not isinstance(node, OperationNode) or isinstance(node, FunctionNode):
        return []
    known = values.inputs(node)
    names = node.operation.inputs
    needed = node.plan.needed
    return [
        names[min(i, len(names) - 1)]
        for i in range(node.plan.count)
        if i not in known and i not in needed
    ]


_PRODUCTS = names("mul mm mv bmm matmul linear addmm dot")
_FILLS = names("masked_fill masked_fill_tensor mask_put where")
_LARGE = 1e6  # an operand that may take a product beyond the range of float32


def suspicion(node: Node, values: Values) -> float:
    """How likely a node made a fault of inputs that are not all known; 0: it cannot have."""
    if isinstance(node, AccumulateGrad):
        return 0
    if values.faulty_operands(node):
        return 5
    if isinstance(node, FunctionNode):
        return 2
    if not is_passing(node) and not _hands_on_nan(node, values):
        return 3
    name = node.operation.name if isinstance(node, OperationNode) else ""
    operands = values.inputs(node).values()
    if name in _PRODUCTS and any(measure(a).largest > _LARGE for a in operands):
        return 2.5
    if missing_inputs(node, values):
        return 2.2 if name in _FILLS else 1.5
    return 0


def _hands_on_nan(node: Node, values: Values) -> bool:
    """Whether a node gave NaN alone, and is of those that give a NaN only for a NaN."""
    out = values.known.get((node, 0))
    if out is None or not isinstance(node, OperationNode) or isinstance(node, FunctionNode):
        return False
    found = measure(out)
    return node.operation.name in _NEVER_NAN and found.nan > 0 and not found.inf


def suspected(node: Node, values: Values) -> list[Node]:
    """The nodes that may have made the fault which a node is known to give, likeliest first.

    They are the node itself and those before it whose values are unknown.
    """
    found = dict.fromkeys((node,))  # in the order of being reached
    stack = [] if values.faulty_operands(node) else [node]
    while stack:
        for edge in stack.pop().edges:
            if values.fault(edge) is None and edge[0] not in found:
                found[edge[0]] = None
                stack.append(edge[0])
    scores = {n: suspicion(n, values) for n in found}
    likely = [n for n in found if scores[n]] or [node]
    return sorted(likely, key=lambda n: (-scores[n], -n.seq))


def _parameters(node: Node) -> dict[str, Any] | None:
    """The parameters of the call that made a node, or None when they are not all kept."""
    if not isinstance(node, OperationNode) or isinstance(node, FunctionNode):
        return None
    constants = dict(zip(node.plan.constant_names, node.constants))
    found = {}
    for name in node.operation.params:
        if name not in constants:
            if name == "dtype":
                constants[name] = node.dtype
            elif name == "shape" and node.shape is not None:
                constants[name] = node.shape
            else:
                return None
        found[name] = constants[name]
    return found


def _compute(node: Any, inputs: dict[int, Any], parameters: dict[str, Any]) -> Sequence[Any]:
    """The forward rule once more, on bare arrays."""
    with np.errstate(all="ignore"):
        out = node.operation.compute([inputs[i] for i in range(len(inputs))], parameters)
    return out if node.operation.several else (np.asarray(out),)
