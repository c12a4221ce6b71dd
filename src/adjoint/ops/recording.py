"""Floor 2: recording: the node of one application, with what its rules need kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import modes, origin
from ..autograd.modes import state
from ..autograd.origin import getframe, is_internal
from ..autograd.saved import pack_node
from ..autograd.tape import OperationNode, accumulator, next_sequence_number
from ..autograd.tensor import Tensor, is_cut, new, storage_of
from .plan import Plan

_latest: Any = None  # the user's code that recorded last: mostly it records next


def record(
    operation: Any,
    mask: int,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    params: dict[str, Any],
    depth: int,
) -> None:
    """Make the node of one application and link its results to it.

    `depth` calls up, counted from `record_one`, is the first frame that may be the user's.
    """
    first = results[0]
    if not operation.several and first._data.dtype.kind not in "fcV":
        return  # integers and bools have no derivative
    plan = operation.plan(mask, len(tensors), first._data.dtype.kind == "c")
    out = first._data
    node = operation.record_one(operation.node_class, plan, tensors, results, out, params, depth)
    if operation.several:
        first._edge, first._requires_grad = None, False
        _link_several(operation, node, results)


def record_one(
    node_class: type[OperationNode],
    plan: Plan,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    out: Any,
    params: dict[str, Any],
    depth: int,
) -> OperationNode:
    """Make the node of one application and link its first result to it; `out` is its array.

    On the path of every recorded operation, so it is long, loops are plain, and what can be read
    in place is not called: 0.9 µs where a tidier form took 2.4.
    """
    global _latest
    node = node_class()
    edges = []
    for i in plan.needed:
        source = tensors[i]
        edge = source._edge
        if edge is None:  # a leaf; `accumulator`, inlined for the second and later uses
            meta, held = source._meta, None
            if meta is not None and meta.accumulator is not None and meta.spent is None:
                held = meta.accumulator()
            if held is None and source._view is not None and is_cut(source):
                return record_cut(node_class, plan, tensors, results, out, params, depth + 1)
            edge = (accumulator(source) if held is None else held, 0)
        edges.append(edge)
    node.edges = edges
    node.seq = next_sequence_number()
    node.plan = plan
    node.shape = out.shape
    node.dtype = out.dtype
    node.hooks = node.versions = None
    frame = getframe(depth)
    node.code = code = frame.f_code
    node.offset = frame.f_lasti
    if code is not _latest:
        if is_internal[code.co_filename]:
            node.code, node.offset = state.origin or origin.caller(depth + 1)
        else:
            _latest = code
    node.constants = _constants(plan, tensors, params) if plan.constant_sources else ()
    if plan.saves_output:
        _save(node, plan, tensors, results)
    else:
        saved = []
        for i in plan.saved_inputs:
            t = tensors[i]
            if t._storage is not None and (t._storage.version or t._storage.inference):
                _save(node, plan, tensors, results)
                break
            saved.append(t)
        else:
            node.saved = saved
    if modes.running:  # a module runs, or something watches
        node.module = state.module
        if state.packing is not None or modes.anomaly is not None:
            _tell(node, tensors, results, params)
    else:
        node.module = None
    result = results[0]
    result._edge = (node, 0)
    result._requires_grad = True
    return node


def record_cut(
    node_class: type[OperationNode],
    plan: Plan,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    out: Any,
    params: dict[str, Any],
    depth: int,
) -> OperationNode:
    """`record_one` where an input is a view made unrecorded of a tensor that requires grad.

    The result requires grad, but no gradient flows there, and nothing is saved for it.
    """
    operation = node_class.operation
    mask = sum([1 << i for i in plan.needed if not is_cut(tensors[i])])
    plan = operation.plan(mask, len(tensors), plan.origin[2])
    node: OperationNode = operation.record_one(
        node_class, plan, tensors, results, out, params, depth + 1
    )
    return node


def _link_several(operation: Any, node: OperationNode, results: Sequence[Tensor]) -> None:
    node.shape = node.dtype = None
    node.metas = tuple([(r._data.shape, r._data.dtype) for r in results])
    numbers: Sequence[int] = (
        operation.differentiable if len(operation.outputs) > 1 else range(len(results))
    )
    for number in numbers:
        result = results[number]
        if result._data.dtype.kind in "fcV":
            result._edge = (node, number)
            result._requires_grad = True


def _save(
    node: OperationNode, plan: Plan, tensors: Sequence[Tensor], results: Sequence[Tensor]
) -> None:
    """Keep what the plan's rules named: handles of inputs, aliases of outputs."""
    if plan.saves_result and results[0]._storage is None:  # as of tanh: the loop, spelled out
        alias: Tensor = new(Tensor)
        alias._data = results[0]._data
        alias._requires_grad = False
        alias._edge = alias._view = alias._meta = alias._storage = None
        node.saved = [alias]
        return
    sources = plan.saved_sources
    versions: list[int] | None = None
    saved: list[Tensor] = []
    for is_output, number in sources:
        if is_output:
            result = results[number]
            t: Tensor = new(Tensor)  # an alias: the output itself would make a cycle
            t._data = result._data
            t._requires_grad = False
            t._edge = t._view = t._meta = None
            # A result that gets a history shares its storage when it has one: `storage_of`.
            linked = number in plan.linked_outputs
            storage = t._storage = result._storage if linked else storage_of(result)
        else:
            t = tensors[number]
            storage = t._storage
        if storage is not None:
            if storage.inference:
                raise RuntimeError(
                    "Inference tensors cannot be saved for backward. To work around you can make "
                    "a clone to get a normal tensor and use it in autograd."
                )
            if storage.version:
                if versions is None:
                    versions = [0] * len(sources)
                versions[len(saved)] = storage.version
        saved.append(t)
    node.saved = saved
    node.versions = versions


def _tell(
    node: OperationNode,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    params: dict[str, Any],
) -> None:
    """Show a new node to saved-tensor hooks and to anomaly mode."""
    if state.packing is not None:
        # Hooks may look at versions: saved outputs get their storages now, not when written.
        for (is_output, number), t in zip(node.plan.saved_sources, node.saved or ()):
            if is_output:
                t._storage = storage_of(results[number])
        pack_node(node, tensors, results, params)
    if modes.anomaly is not None:
        modes.anomaly.recorded(node, tensors, results)


def _constants(plan: Plan, tensors: Sequence[Tensor], params: dict[str, Any]) -> list[Any]:
    """Shapes, dtypes and parameters that rules named."""
    sources = plan.constant_sources
    if len(sources) == 1 and sources[0][0] == "shape":  # sums and means
        return [tensors[sources[0][1]]._data.shape]
    values: list[Any] = []
    for where, key in sources:
        if where == "shape":
            values.append(tensors[key]._data.shape)
        elif where == "param":
            values.append(params[key] if key in params else plan.defaults[key])
        elif where == "dtype":
            values.append(tensors[key]._data.dtype)
        elif where == "shapes":
            values.append([t._data.shape for t in tensors[key:]])
        else:
            values.append([t._data.dtype for t in tensors[key:]])
    return values
