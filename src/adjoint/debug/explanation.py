"""Floor 5: `explain_grad`: why a gradient is None, zero, small, large, or just what it is.

Given a function that computes the loss, it is run once and watched, so that a cut is known by its
line; given the loss alone, what its graph tells is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from adjoint.api.random import get_rng_state, set_rng_state
from adjoint.autograd import origin
from adjoint.autograd.tape import OperationNode, edge_of
from adjoint.autograd.tensor import Tensor

from .calls import Cut
from .cuts import at_its_word, called, in_source, same_values, shared_memory
from .influence import Influence
from .path import Step, follow
from .reasons import ADVICE
from .statistics import Place, Statistics, measure, nodes_behind, place_of_node


@dataclass
class Explanation:
    """Why a gradient is what it is; `str()` is the report.

    cause: one word (the table is in docs/explanations.md), "fine" when nothing is wrong.
    place: the line, also as `line` and `file`. advice: what to change. path: the steps from the
    loss to the parameter, with the size of the gradient at each. gradient: its statistics, None
    when there is none. certain: False when the cause is only likely; `candidates` are then the
    places it may be. also: other places where a part of the influence is cut off.
    """

    cause: str
    place: Place | None = None
    note: str = ""
    gradient: Statistics | None = None
    path: list[Step] = field(default_factory=list)
    certain: bool = True
    candidates: list[Cut] = field(default_factory=list)
    also: list[Cut] = field(default_factory=list)

    @property
    def advice(self) -> str:
        """What to change."""
        return ADVICE[self.cause]

    @property
    def line(self) -> int | None:
        """The number of the user's line."""
        return None if self.place is None else self.place.line

    @property
    def file(self) -> str | None:
        """The file of the user's line."""
        return None if self.place is None else self.place.file

    def __str__(self) -> str:
        head = "no gradient arrives" if self.gradient is None else str(self.gradient)
        likely = "" if self.certain else " (likely, not proved)"
        rows = [f"{self.cause}{likely}: {self.note or head}"]
        if self.place is not None:
            rows.append(f"  at {self.place}")
        if self.note and self.gradient is not None:
            rows.append(f"  {self.gradient}")
        rows += [f"  may be: {cut}" for cut in self.candidates]
        rows += [f"  another way to the loss is cut: {cut}" for cut in self.also]
        rows += [self.advice] if self.advice else []
        if self.path:
            rows.append("From the loss to the parameter, with the largest element of the gradient:")
            rows += _shortened([f"  {step}" for step in self.path])
        return "\n".join(rows)

    __repr__ = __str__


def _shortened(rows: list[str], most: int = 24) -> list[str]:
    if len(rows) <= most:
        return rows
    half = most // 2
    return [*rows[:half], f"  ... {len(rows) - 2 * half} more ...", *rows[-half:]]


def explain_grad(
    parameter: Tensor, loss: Tensor | Callable[[], Tensor], *, optimizer: Any = None
) -> Explanation:
    """Why the gradient of a loss by a parameter is None, zero, tiny, huge, or fine.

    loss: best a function without arguments that computes the loss. It is run once and watched:
    whatever the parameter has an influence on is followed, recorded or not, so that a cut is
    known by its line. The state of the random generator is put back; other effects of the
    function stay. Or the loss itself: its graph is examined, and what that cannot prove is marked
    as likely. With an `optimizer` it is also checked that it holds this parameter. No `.grad` is
    changed. Hooks are run, as part of what makes the gradient.

    Errors: TypeError when the parameter is no Tensor, or the loss neither Tensor nor function.

    >>> w = torch.ones(2, requires_grad=True)
    >>> found = torch.debug.explain_grad(w, lambda: (w.detach() * 2).sum())
    >>> found.cause, found.certain
    ('detach', True)
    """
    if not isinstance(parameter, Tensor):
        raise TypeError(f"explain_grad: expected a Tensor, but got {type(parameter).__name__}")
    if isinstance(loss, Tensor):
        found = _explain_graph(parameter, loss, _caller())
    elif callable(loss):
        found = _explain_function(parameter, loss)
    else:
        raise TypeError(
            "explain_grad: the loss has to be a Tensor, or a function that returns one, but got "
            f"{type(loss).__name__}"
        )
    return _check_optimizer(found, parameter, optimizer)


def _caller() -> Any:
    """The frame of the user's that asks."""
    code, frame = origin.caller(3)[0], sys._getframe(1)
    while frame.f_code is not code and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _explain_function(parameter: Tensor, function: Callable[[], Tensor]) -> Explanation:
    random = get_rng_state()
    try:
        with Influence(parameter) as influence:
            loss = function()
    finally:
        set_rng_state(random)
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"explain_grad: the function has to return the loss, a Tensor, but it returned "
            f"{type(loss).__name__}"
        )
    if not parameter.requires_grad:
        return _explain_frozen(parameter, influence.uses[0] if influence.uses else None)
    if influence.connects(loss):
        found = _explain_path(parameter, loss)
        found.also = _distinct([influence.cuts[i] for i in sorted(influence.partly(loss))])
        return found
    cuts = influence.of(loss)
    if cuts:
        first, *others = _distinct([influence.cuts[i] for i in sorted(cuts)])
        return _explain_cut(first, also=others)
    if influence.left:
        cut, before = influence.left[-1]
        nearest = [influence.cuts[i] for i in sorted(before)]
        near = [c for c in nearest if c.place.line != cut.place.line]
        found = _explain_cut(near[0] if near and cut.kind == "branch" else cut, certain=False)
        found.note += "; what becomes of it there cannot be followed"
        return found
    if influence.uses:
        note = "it is used, but nothing that is made of it reaches the loss; the last line is"
        return Explanation("unused", influence.last or influence.uses[-1], note)
    copy = same_values(nodes_behind([edge_of(loss)[0]]), parameter) if loss.requires_grad else None
    if copy is not None:
        copy.kind = "recreated"
        found = _explain_cut(copy, certain=False)
        found.note = "it is not used; a tensor of the same values is, in its place"
        return found
    return Explanation("unused", None, "the function that computes the loss never uses it")


def _distinct(cuts: Iterable[Cut]) -> list[Cut]:
    """One cut of each kind and line: a loop makes the same many times."""
    return list({(cut.kind, cut.place): cut for cut in reversed(list(cuts))}.values())[::-1]


_NOTES = {
    "detach": "the influence goes on without history after detach()",
    "data": "the influence goes on without history through .data",
    "numpy": "the influence leaves the graph for NumPy",
    "item": "the influence leaves the graph as a Python number",
    "branch": "the influence leaves the graph in a decision (`if`)",
    "tensor": "the values are copied to a new tensor",
    "recreated": "a new leaf is made of the values; the gradient goes to that",
    "no_grad": "{function} is computed while nothing is recorded{switched}",
    "inference_mode": "{function} is computed in inference mode{switched}",
    "argmax": "{function} gives positions, which have no derivative",
    "comparison": "{function} gives {dtype}, which has no derivative",
    "integer": "{function} gives {dtype}, which has no derivative",
    "custom": "a custom Function marks its result as not differentiable",
    "not_differentiable": "{function} passes no gradient on",
    "requires_grad": "the parameter does not require grad",
    "checkpoint": "a pass inside {function}(use_reentrant=True) makes the gradient, which is not "
    "followed",
    "checkpoint_inputs": "no input of {function}(use_reentrant=True) requires grad, so that "
    "nothing inside it gets a gradient",
}


def _explain_cut(cut: Cut, certain: bool = True, also: Iterable[Cut] = ()) -> Explanation:
    switched = "" if cut.switched is None else f" (switched off at {cut.switched})"
    function = cut.function or "this"
    note = _NOTES[cut.kind].format(function=function, dtype=cut.dtype, switched=switched)
    if cut.leaf is not None:
        note += f"; a new leaf is made of it at {cut.leaf}, which gets the gradient"
    cause = "checkpoint" if cut.kind == "checkpoint_inputs" else cut.kind
    return Explanation(cause, cut.place, note, certain=certain, also=list(also))


def _explain_frozen(parameter: Tensor, place: Place | None) -> Explanation:
    return Explanation(
        "requires_grad", place, f"the parameter of shape {list(parameter.shape)} is frozen: its "
        "requires_grad is False"
    )  # fmt: skip


def _explain_graph(parameter: Tensor, loss: Tensor, frame: Any) -> Explanation:
    nodes = nodes_behind([edge_of(loss)[0]]) if loss.requires_grad else []
    if not parameter.requires_grad:
        cut = shared_memory(nodes, parameter)
        return _explain_frozen(parameter, None if cut is None else cut.place)
    if nodes and edge_of(parameter)[0] in nodes:
        return _explain_path(parameter, loss)
    codes = called(dict.fromkeys(n.code for n in nodes if isinstance(n, OperationNode)), frame)
    candidates = in_source(codes)
    cut = shared_memory(nodes, parameter)
    if cut is not None:
        return _explain_cut(at_its_word(cut, candidates))
    cut = same_values(nodes, parameter)
    if cut is not None:
        found = _explain_cut(at_its_word(cut, candidates), certain=False)
    elif len(candidates) == 1:
        found = _explain_cut(candidates[0], certain=False)
    else:
        note = "the loss has no graph at all" if not nodes else "the graph does not lead to it"
        note += "; these lines of its functions have a word that cuts" if candidates else ""
        cause = "cut" if candidates or not nodes else "unused"
        found = Explanation(cause, None, note, certain=False, candidates=candidates)
    if found.cause != "cut":  # whose advice says so
        found.note += "; a function that computes the loss, in its place, would prove it"
    return found


def _explain_path(parameter: Tensor, loss: Tensor) -> Explanation:
    found = follow(parameter, loss)
    cause, place, note = found.verdict()
    if cause == "fine" and parameter._edge is None and found.statistics is not None:
        note += _compare(parameter, found.statistics)
    if cause == "fine" and parameter._edge is not None and not parameter.retains_grad:
        cause, place = "non_leaf", place_of_node(parameter._edge[0])
        note = "it is no leaf but a result, so that backward leaves its .grad None"
    return Explanation(cause, place, note, found.statistics, found.path())


def _compare(parameter: Tensor, gradient: Statistics) -> str:
    """What `.grad` tells beside a gradient that is fine: when it was cleared, or was not."""
    held = parameter.grad
    if held is None or not held._data.any():
        state = "None" if held is None else "zero"
        return (
            f"; its .grad is {state} now: backward has not run, or zero_grad() came after it (the "
            "order is zero_grad, backward, step)"
        )
    times = measure(held._data).largest / gradient.largest
    if times < 2.5:
        return ""
    return (
        f"; .grad now is {times:.3g} times as large: it adds up over calls of backward until "
        "zero_grad()"
    )


def _check_optimizer(found: Explanation, parameter: Tensor, optimizer: Any) -> Explanation:
    """A gradient that is fine is no use when the optimizer holds another tensor."""
    if optimizer is None or found.cause not in ("fine", "non_leaf"):
        return found
    held = [p for group in optimizer.param_groups for p in group["params"]]
    if any(p is parameter for p in held):
        return found
    alike = sum(p.shape == parameter.shape for p in held)
    found.cause = "optimizer"
    found.note = (
        f"the gradient is fine, but the optimizer does not hold this tensor ({len(held)} others, "
        f"{alike} of this shape)"
    )
    return found
