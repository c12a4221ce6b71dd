"""Floor debug: `leaks`: what a training step leaves behind, who holds it, and how to let go.

Runs the step a few times and looks at what each run left alive; nothing is noted on the way.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..autograd import origin
from ..autograd.tape import AccumulateGrad, Node, OperationNode, next_sequence_number
from ..autograd.tensor import Tensor
from .holders import find_holder
from .memory import buffers, human, live

_UNKNOWN = "something whose name is not known"
_LOOKED_AT = 50  # tensors of a step whose holder is looked for


class Leak(NamedTuple):
    """One thing that keeps growing."""

    holder: str  # the variable, attribute or container
    line: str  # that made what it holds; empty when that is not known
    kind: str  # "history": a graph that reaches into earlier steps; "tensors": more each step
    nodes: int  # of earlier steps that it keeps alive
    fix: str

    def __str__(self) -> str:
        if self.kind == "history":
            what = f"keeps the graphs of earlier steps alive ({self.nodes} nodes)"
        else:
            what = "holds more tensors after every step"
            what += f", with their graphs ({self.nodes} nodes)" if self.nodes else ""
        made = f"\n  made at {self.line}" if self.line else ""
        return f"{self.holder} {what}{made}\n  fix: {self.fix}"


class Leaks:
    """What was found: `found`, a list of Leak; `growth`, bytes a step; false when there is none."""

    def __init__(self, found: list[Leak], sizes: list[int]) -> None:
        self.found = found
        self.sizes = sizes  # bytes alive after each step

    @property
    def growth(self) -> float:
        """Bytes that a step leaves behind, on average."""
        return (self.sizes[-1] - self.sizes[0]) / max(len(self.sizes) - 1, 1)

    def __bool__(self) -> bool:
        return bool(self.found)

    def __str__(self) -> str:
        sizes = ", ".join([human(n) for n in self.sizes])
        if not self.found:
            return f"no leak: after each step alive: {sizes}"
        head = f"{human(self.growth)} more after every step (alive: {sizes})"
        return "\n".join([head, *[str(leak) for leak in self.found]])

    __repr__ = __str__


def leaks(step: Callable[[], Any], steps: int = 3) -> Leaks:
    """Run `step()` a few times and find what grows: history kept from step to step.

    Typical: `total += loss` (each sum's history holds all before it), a list of outputs, a hidden
    state that is not detached. A first run, which may set up optimizers and caches, is not counted.

    step: a function of no arguments, one training step. steps: int, at least 2, how often it is run
    and looked at. Returns Leaks: `found`, each with the holder, the line and the fix; `growth`.

    ValueError when steps is less than 2.

    >>> w = torch.ones(3, requires_grad=True)
    >>> history = []
    >>> report = torch.debug.leaks(lambda: history.append((w * 2).sum()))
    >>> [leak.kind for leak in report.found]
    ['tensors']
    >>> report.found[0].fix
    'keep numbers: .append(value.item()), or value.detach() where tensors are needed'
    """
    if steps < 2:
        raise ValueError(f"leaks: steps has to be at least 2 to see growth, but got {steps}")
    step()
    seen = {id(t): weakref.ref(t) for t in _tensors()}
    starts: list[int] = []
    sizes: list[int] = []
    fresh: list[list[weakref.ref[Tensor]]] = []
    for _ in range(steps):
        starts.append(next_sequence_number())
        step()
        fresh.append(_note_new(seen))
        sizes.append(sum([b.array.nbytes for b in buffers().values()]))
    found = [*_histories(starts), *_collections(fresh)]
    # What nobody is known to hold is in a graph, if there is one that is held.
    return Leaks([leak for leak in found if leak.holder != _UNKNOWN] or found, sizes)


def _tensors() -> list[Tensor]:
    gc.collect()
    return live(Tensor)


def _note_new(seen: dict[int, weakref.ref[Tensor]]) -> list[weakref.ref[Tensor]]:
    """The tensors that were not alive before."""
    new = []
    for t in _tensors():
        known = seen.get(id(t))
        if known is None or known() is not t:
            seen[id(t)] = weakref.ref(t)
            new.append(seen[id(t)])
    return new


def _histories(starts: list[int]) -> list[Leak]:
    """Where the graph of the last step goes on into those before, and by which variable."""
    nodes: list[Node] = [n for n in live(Node) if not isinstance(n, AccumulateGrad)]
    old = {n for n in nodes if starts[0] <= n.seq < starts[-1]}
    ties: dict[Any, Node] = {}  # by the place that made the value which was carried over
    for node in nodes:
        for following, _ in node.edges if node.seq >= starts[-1] else ():
            if following in old and following.origin not in ties:
                ties[following.origin] = node
    carried = [
        t
        for t in live(Tensor)
        if t._edge is not None and t._edge[0].seq >= starts[-1] and t._edge[0].origin in ties
    ]
    found: dict[str, Leak] = {}
    for t in carried:
        holder = find_holder(t)
        if holder is not None and holder not in found:
            assert t._edge is not None
            line = origin.describe(ties[t._edge[0].origin].origin)
            found[holder] = Leak(holder, line, "history", len(old), _advice(t, holder))
    return list(found.values())


def _advice(t: Tensor, holder: str) -> str:
    if holder.startswith(".grad of"):
        return (
            "backward(create_graph=True) adds up gradients with their history: use "
            "torch.autograd.grad, or zero_grad() in every step"
        )
    name = holder.split("'")[1] if "'" in holder else "value"
    if holder.startswith("attribute"):
        name = f"self.{name}"
    if t._data.size == 1:
        return f"add up numbers, not graphs: {name} += loss.item(), or loss.detach()"
    return f"cut the history where a step begins: {name} = {name}.detach()"


def _collections(fresh: list[list[weakref.ref[Tensor]]]) -> list[Leak]:
    """Containers that hold tensors of several steps."""
    groups: dict[str, list[tuple[int, Tensor]]] = {}
    saved = _only_saved()
    for number, references in enumerate(fresh):
        looked = 0
        for reference in references:
            t = reference()
            # `t`, the argument of getrefcount; then whoever keeps it besides graphs
            if t is None or sys.getrefcount(t) - 2 <= saved.get(id(t), 0) or looked > _LOOKED_AT:
                continue
            looked += 1
            groups.setdefault(find_holder(t) or _UNKNOWN, []).append((number, t))
    found = []
    for holder, members in groups.items():
        if len({number for number, _ in members}) < len(fresh):
            continue  # a cache that was filled once, or what each step makes anew
        t = members[-1][1]
        node = None if t._edge is None else t._edge[0]
        line = "" if node is None else origin.describe(node.origin)
        tied = 0 if node is None else len(_reached([t for _, t in members]))
        advice = "keep numbers: .append(value.item()), or value.detach() where tensors are needed"
        if holder == _UNKNOWN:
            advice = "look for a cache (functools.lru_cache), a queue, or a generator that waits"
        elif node is None:
            advice = "keep numbers (.item()), bound its length (deque(maxlen=...)), or clear it"
        found.append(Leak(holder, line, "tensors", tied, advice))
    return found


def _only_saved() -> dict[int, int]:
    """How many saved values each tensor is."""
    counts: dict[int, int] = {}
    for node in live(OperationNode):
        for t in node.saved or ():
            counts[id(t)] = counts.get(id(t), 0) + 1
    return counts


def _reached(tensors: Iterable[Tensor]) -> set[Node]:
    """The nodes behind some tensors, those of leaves aside."""
    nodes = [t._edge[0] for t in tensors if t._edge is not None]
    seen = set(nodes)
    while nodes:
        for following, _ in nodes.pop().edges:
            if following not in seen and not isinstance(following, AccumulateGrad):
                seen.add(following)
                nodes.append(following)
    return seen
