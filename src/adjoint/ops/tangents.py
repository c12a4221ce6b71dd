"""Floor 2: forward mode: an operation on primals and tangents, by its jvp rule.

Value and tangent are computed with Tensors of the levels below, so they are recorded there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import engine
from ..autograd.constant_gradient import connected_to
from ..autograd.lifted import Dual, Level
from ..autograd.modes import state
from ..autograd.tape import edge_of
from ..autograd.tensor import Tensor, wrap
from .definition import Definition
from .limits import namespace


def apply_dual(
    operation: Any, level: Level, tensors: Sequence[Tensor], params: dict[str, Any]
) -> list[Any]:
    """Outputs as Duals, also those that do not move."""
    primals: list[Tensor] = []
    tangents: list[Tensor | None] = []
    for t in tensors:
        data = t._data
        if data.__class__ is Dual and data.level is level:
            primals.append(data.primal)
            tangents.append(data.tangent)
        else:
            primals.append(t)
            tangents.append(None)
    out = operation(*primals, **params)
    outs = out if operation.several else (out,)
    moved = tangents_of(operation, primals, tangents, outs, params)
    if level.joined and state.grad:
        moved = _connected(operation, primals, tangents, outs, moved)
    return [Dual(level, value, tangent) for value, tangent in zip(outs, moved)]


def tangents_of(
    operation: Any,
    primals: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    outs: Sequence[Tensor],
    params: dict[str, Any],
) -> Sequence[Tensor | None]:
    """The tangents of all outputs: the sum of what each moving input contributes."""
    if all(t is None for t in tangents):
        return [None] * len(outs)
    if operation.kind == "linear":
        total = _push_linear(operation, primals, tangents, params)
    else:
        total = _push(operation, primals, tangents, outs, params)
    if total is None:
        return [None] * len(outs)
    found = list(total) if operation.several else [total]
    for number, (value, tangent) in enumerate(zip(outs, found)):
        if tangent is None or value._data.dtype.kind not in "fcV":
            found[number] = None
        elif not isinstance(tangent, Tensor):
            found[number] = wrap(tangent)
    return found


def _connected(
    operation: Any,
    primals: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    outs: Sequence[Tensor],
    moved: Sequence[Tensor | None],
) -> Sequence[Tensor | None]:
    """Tangents that lead to all that torch's depend on, if only by zero.

    In a dual level of torch an input that does not move has a tangent of zeros, which the rule
    multiplies with the values that it names.
    """
    places: dict[Any, None] = {}
    for i, t in enumerate(tangents):
        number = input_number(operation, i)
        if t is None and number in operation.vjps:
            for name in operation.pull_names(number):
                where, k = operation.source(name)
                values = {"input": primals, "output": outs}.get(where, ())
                several = operation.variadic if where == "input" else operation.several
                # The last name stands for all that are left, where there may be several.
                for value in values[k:] if several else values[k : k + 1]:
                    if value.requires_grad:
                        places[edge_of(value)] = None
    if not places:
        return moved
    edges = list(places)
    return [None if t is None else connected_to(t, edges) for t in moved]


def input_number(operation: Definition, i: int) -> int:
    """The number, as rules count, of the input at a position: variadic ones share the last."""
    return min(i, len(operation.inputs) - 1) if operation.variadic else i


def _push(
    operation: Definition,
    primals: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    outs: Sequence[Tensor],
    params: dict[str, Any],
) -> Any:
    safe = state.safe
    xp = engine._tensor_namespace[0] if safe is None else namespace(True)
    total: Any = None
    for i, t in enumerate(tangents):
        number = input_number(operation, i)
        if t is not None and (number in operation.jvps or number in operation.vjps):
            if safe is None:
                part = operation.push(xp, i, t, primals, outs, params)
            else:

                def push(t: Any, values: Sequence[Any], i: int = i) -> Any:
                    return operation.push(xp, i, t, values, outs, params)

                part = safe.push(operation, t, primals, params, push)
            total = part if total is None else _add(total, part)
    return total


def _push_linear(
    operation: Any,
    primals: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    params: dict[str, Any],
) -> Any:
    """The operation itself with tangents in the places of inputs: views of tangents stay views."""
    xp = engine._tensor_namespace[0]
    last = len(operation.inputs) - 1
    total: Any = None
    moving = [
        i
        for i, t in enumerate(tangents)
        if t is not None and input_number(operation, i) in operation.vjps
    ]
    together = [i for i in moving if operation.variadic and i >= last]
    if together:  # linear in all of the list together
        moved = [
            p if i < last else xp.zeros_like(p) if tangents[i] is None else tangents[i]
            for i, p in enumerate(primals)
        ]
        total = operation(*moved, **params)
    for i in moving:
        if i not in together:

            def push(t: Any, values: Sequence[Any], i: int = i) -> Any:
                return operation(*[t if j == i else p for j, p in enumerate(values)], **params)

            if state.safe is None:
                part = push(tangents[i], primals)
            else:
                part = state.safe.push(operation, tangents[i], primals, params, push)
            total = part if total is None else _add(total, part)
    return total


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, (tuple, list)):
        return tuple([x if y is None else y if x is None else x + y for x, y in zip(a, b)])
    return a + b
