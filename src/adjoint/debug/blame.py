"""Floor 5: `blame`: the operation and the line where a NaN or an infinity first appeared.

It reads the recorded graph: nothing of the user's program runs again, but for its backward rules
and hooks when a gradient is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.autograd.function_node import FunctionNode
from adjoint.autograd.origin import written
from adjoint.autograd.tape import AccumulateGrad, Node, OperationNode, edge_of
from adjoint.autograd.tensor import Tensor

from .holders import find_holder
from .passes import Visit, WatchedPass, leading_to
from .reasons import MASKS, operation_name
from .statistics import (
    Place,
    Statistics,
    freed_among,
    is_faulty,
    measure,
    module_hooks,
    name_of,
    nodes_behind,
    place_of_node,
    saved_operands,
)
from .values import Key, Values, missing_inputs, suspected, suspicion

_RETAIN = (
    "Call blame before backward, or keep the graph with backward(retain_graph=True), or run the "
    "program under torch.autograd.detect_anomaly(check_forward=True, check_inf=True)."
)
_DOMAIN = (
    "Keep the input inside the operation's domain (torch.clamp, + eps, a smaller step), or select "
    "a safe input before the operation, not after it (torch.where on its input)."
)
_SLOPE = (
    "The value is finite but its slope is not, or 0 meets an infinity: sqrt or a norm at 0, log or "
    "a division at 0. Keep the input away from there (torch.clamp, + eps), or select a safe input "
    "before the operation (torch.where on its input, not on its result)."
)


@dataclass
class Blame:
    """Where a NaN or an infinity first appeared; `str()` is the report.

    kind: "nan", "inf", or "" when all is finite. where: "forward", "backward", or "" when it is
    not known. operation: the node's name ("leaf": it was there from the beginning). operands: the
    statistics of what the operation took and gave. candidates: the places it may be, where the
    values in between were not kept; `line`, `file`, `source` and `module` are of the first.
    """

    kind: str
    where: str
    operation: str = ""
    place: Place | None = None
    operands: list[Statistics] = field(default_factory=list)
    note: str = ""
    advice: str = ""
    candidates: list[tuple[str, Place | None]] = field(default_factory=list)

    @property
    def line(self) -> int | None:
        """The number of the user's line."""
        return None if self.place is None else self.place.line

    @property
    def file(self) -> str | None:
        """The file of the user's line."""
        return None if self.place is None else self.place.file

    @property
    def source(self) -> str | None:
        """The text of the user's line."""
        return None if self.place is None else self.place.source

    @property
    def module(self) -> str | None:
        """The path of the module that was run there."""
        return None if self.place is None else self.place.module

    def __bool__(self) -> bool:
        """Whether there is anything to blame."""
        return bool(self.kind)

    def __str__(self) -> str:
        if not self.kind:
            return self.note or "Every value and every gradient that was looked at is finite."
        rows = []
        if self.operation:
            rows = [f"The first {self.kind} appeared {self.where} in {self.operation}"]
            rows += [f"  at {self.place}"] if self.place is not None else []
            rows += [f"  {operand}" for operand in self.operands]
        if len(self.candidates) > 1:
            rows.append("That is likely, not proved: values were not kept. It may also be one of:")
            rows += [f"  {name} at {place}" for name, place in self.candidates[1:]]
        return "\n".join(rows + [text for text in (self.note, self.advice) if text])

    __repr__ = __str__


def blame(tensor: Tensor, wrt: Any = None, *, gradient: Tensor | None = None) -> Blame:
    """The operation and the line where a NaN or an infinity in a tensor first appeared.

    tensor: a result with its graph, such as the loss. When it holds a NaN or an infinity, the
    values of the graph are searched: those that nodes saved, and those that follow from them.
    Otherwise, or when `wrt` is given (a parameter, or several), its gradients are computed once
    more, without touching any `.grad`, and the first operation whose gradient is NaN or infinite
    although it was given a finite one is named. `gradient` is that of the tensor (default: ones).

    Errors: TypeError when `tensor` is none; RuntimeError when it has no graph.

    >>> x = torch.tensor([1.0, -1.0], requires_grad=True)
    >>> loss = (x.log() * 2).sum()
    >>> found = torch.debug.blame(loss)
    >>> found.operation, found.where, found.kind
    ('LogBackward0', 'forward', 'nan')
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"blame: expected a Tensor, but got {type(tensor).__name__}")
    if not tensor.requires_grad or tensor.grad_fn is None:
        what = measure(tensor._data, "it")
        raise RuntimeError(
            f"blame: this tensor has no graph behind it ({what}). Pass the result of recorded "
            "operations, such as the loss; for a gradient that is NaN, blame(loss, parameter)"
        )
    nodes = nodes_behind([edge_of(tensor)[0]])
    if is_faulty(tensor._data):
        return _blame_forward(tensor, nodes)
    return _blame_backward(tensor, nodes, wrt, gradient)


def _kind(array: Any) -> str:
    return "nan" if measure(array).nan else "inf"


def _blame_forward(tensor: Tensor, nodes: list[Node]) -> Blame:
    values = Values(nodes, tensor)
    node, key = _first_faulty(nodes, values)
    known = values.known.get(key)
    kind = _kind(tensor._data if known is None else known)
    if isinstance(node, AccumulateGrad):
        return _blame_leaf(kind, node, nodes, _operands(node, key, values))
    suspects = suspected(node, values)
    first = suspects[0]
    found = Blame(kind, "forward", name_of(first), place_of_node(first), advice=_DOMAIN)
    found.operands = _operands(first, key if first is node else (first, 0), values)
    given = values.faulty_operands(first)
    stray = missing_inputs(first, values)
    if given:
        found.note = (
            f"The operation was given it: its operand {', '.join(given)} has no history and held "
            "it already."
        )
        found.advice = "Look at where that operand comes from (data, an earlier unrecorded step)."
    elif stray:
        found.note = (
            f"What is known of its inputs is finite; the operand {', '.join(stray)} has no history "
            "and was not kept, so either that held it already or the operation overflowed."
        )
    if len(suspects) > 1:
        found.candidates = [(name_of(n), place_of_node(n)) for n in suspects]
        if any(getattr(n, "saved", ()) is None for n in suspects):
            found.note = f"Saved values were freed by an earlier backward. {_RETAIN}"
    return found


def _blame_leaf(
    kind: str, leaf: AccumulateGrad, nodes: list[Node], operands: list[Statistics]
) -> Blame:
    """It was there from the beginning: name the line that first used the leaf."""
    user = next(n for n in nodes if any(following is leaf for following, _ in n.edges))
    holder = find_holder(leaf.variable)
    known = "" if holder is None else f" ({holder})"
    note = (
        f"A leaf holds it{known}, of shape {list(leaf.variable._data.shape)}; the line is the "
        "first that uses it."
    )
    advice = "Look at how it was initialised, and at the optimizer's last step."
    return Blame(kind, "forward", "leaf", place_of_node(user), operands, note, advice)


def _first_faulty(nodes: list[Node], values: Values) -> tuple[Node, Key]:
    """The earliest node that must have given a faulty output, and which one."""
    faulty = _faulty(nodes, values)
    root = next(iter(values.known))  # the value that was asked about
    chain: set[Key] = {root}
    stack = [root[0]]
    while stack:
        for edge in stack.pop().edges:
            if edge not in chain and (edge in faulty or values.fault(edge) is None):
                chain.add(edge)
                stack.append(edge[0])
    led = sorted((key for key in chain if key in faulty), key=lambda key: (key[0].seq, key[1]))
    leaves = [key for key in led if isinstance(key[0], AccumulateGrad)]
    if leaves:
        return leaves[0][0], leaves[0]
    if _kind(values.known[root]) == "nan":
        led = [key for key in led if not _is_meant(key, values)] or led
    return led[0][0], led[0]


def _faulty(nodes: list[Node], values: Values) -> set[Key]:
    """Outputs that hold a fault, known to or inferred."""
    faulty = {(n, i) for n in nodes for i in range(n.output_count) if values.fault((n, i))}
    # What an operation that passes faults on gave, it was given: by its one unknown input.
    for node in reversed(nodes):
        if not any((node, i) in faulty for i in range(node.output_count)):
            continue
        if suspicion(node, values):
            continue
        unknown = {edge for edge in node.edges if values.fault(edge) is None}
        if len(unknown) == 1 and not any(values.fault(edge) for edge in node.edges):
            faulty |= unknown
    return faulty


def _is_meant(key: Key, values: Values) -> bool:
    """Whether an infinity was put there on purpose: a mask of -inf, as before a softmax."""
    node = key[0]
    if key not in values.known or _kind(values.known[key]) == "nan":
        return False
    name = operation_name(node)
    if name in MASKS or (name in ("add", "sub") and values.faulty_operands(node)):
        return True
    # What follows from a mask: the logarithm of a softmax, a maximum of nothing else.
    if isinstance(node, FunctionNode) or np.isposinf(np.real(values.known[key])).any():
        return False
    inputs = values.inputs(node)
    count = node.plan.count if isinstance(node, OperationNode) else len(node.edges)
    return len(inputs) < count or any(is_faulty(a) for a in inputs.values())


def _operands(node: Node, key: Key, values: Values) -> list[Statistics]:
    """The known inputs of a node, by name, and its output."""
    names = getattr(getattr(node, "operation", None), "inputs", ())
    found = []
    for number, array in sorted(values.inputs(node).items()):
        name = names[min(number, len(names) - 1)] if names else f"input {number}"
        found.append(measure(array, name))
    if key in values.known:
        found.append(measure(values.known[key], "output"))
    return found


class _Finder:
    """Looks at each visit of a watched pass until the first fault."""

    def __init__(self, target: Node | None) -> None:
        self.target = target
        self.found: Blame | None = None
        self.sent_finite = True

    def look(self, visit: Visit) -> None:
        if self.found is not None:
            return
        node = visit.node
        for ct in visit.arrived.values():
            if ct is not None and is_faulty(ct):
                self.found = self._made(
                    node,
                    [measure(ct, "sum of the gradients")],
                    "Finite gradients of several uses of this value were added, or converted to "
                    "its dtype, and that overflowed.",
                    "Scale the loss down, or compute in a wider dtype.",
                )
                return
        for output, ct in visit.given.items():
            if ct is not None and is_faulty(ct):
                operands = [measure(visit.arrived[output], "gradient"), measure(ct, "replaced by")]
                told = f"The hook {written(visit.hook)} made it."
                self.found = self._made(node, operands, told, "Look at the hook.")
                return
        for ct in visit.sent:
            if ct is not None and is_faulty(ct):
                given = [measure(g, "gradient given") for g in visit.given.values()]
                operands = [*given, *saved_operands(node), measure(ct, "gradient returned")]
                hooks = module_hooks(node)
                note = f"The module's hook {hooks} made it." if hooks else ""
                advice = "Look at the hook." if hooks else _SLOPE
                self.found = self._made(node, operands, note, advice)
                return

    def _made(self, node: Node, operands: list[Statistics], note: str, advice: str) -> Blame:
        kind = "nan" if operands[-1].nan else "inf"
        return Blame(kind, "backward", name_of(node), place_of_node(node), operands, note, advice)


def _blame_backward(tensor: Tensor, nodes: list[Node], wrt: Any, gradient: Any) -> Blame:
    freed = freed_among(nodes)
    if freed is not None:
        note = (
            f"The gradients cannot be computed again: what {freed.name()} saved, made at "
            f"{place_of_node(freed)}, was freed by an earlier backward. {_RETAIN}"
        )
        return Blame("", "", note=note)
    needed = None if wrt is None else _needed(nodes, wrt)
    finder = _Finder(None)
    WatchedPass(finder.look, needed).start(tensor, gradient)
    if finder.found is None:
        return Blame("", "", note=f"Every gradient is finite. {measure(tensor._data, 'The value')}")
    return finder.found


def _needed(nodes: list[Node], wrt: Any) -> set[Node]:
    """The nodes on the way to what is asked about."""
    found: set[Node] = set()
    for t in wrt if isinstance(wrt, (tuple, list)) else (wrt,):
        target = edge_of(t)[0] if t.requires_grad else None
        if target not in nodes:
            raise RuntimeError(
                f"blame: the tensor does not depend on the `wrt` of shape {list(t._data.shape)}; "
                "explain_grad(wrt, tensor) tells where it was cut off"
            )
        found |= leading_to(nodes, target)
    return found
