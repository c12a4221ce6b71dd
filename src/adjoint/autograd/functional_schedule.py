"""Floor 1: a backward pass prepared once and run for many cotangents: the rows of a Jacobian.

The engine's walk without what is the same for each row: the order of nodes, what they saved.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import cpu
from . import modes
from .captures import Captures
from .engine import fit
from .tape import Node, OperationNode, freed_message, modified_message

Row = list[Any]  # for each input an array (a Tensor with create_graph), or None
# Where a cotangent goes: slot, output (of several), shape and dtype expected there, the node.
Target = tuple[int, int | None, tuple[int, ...], Any, Node]
Step = tuple[int, Any, list[Any], list[Target | None]]  # slot, rule, saved values, targets


class Schedule:
    """A backward pass over bare arrays, prepared for many cotangents.

    The nodes in the order in which the engine runs them, with their saved values read and checked
    once, which saves about a third of the time of a Hessian of 20 variables. The tests hold it to
    be equal to the engine. Hooks, anomaly mode, safe branches and nodes of custom Functions are
    the engine's.
    """

    __slots__ = ("steps", "start", "wanted", "size")

    steps: list[Step]
    start: tuple[int, Node]
    wanted: list[tuple[int, int | None]]  # for each input its slot, and which output it is
    size: int

    @classmethod
    def of(cls, captures: Captures, start: Node) -> Schedule | None:
        """The schedule from a node to what is captured; None when the engine has to do it."""
        nodes = sorted(captures.needed | {start}, key=lambda node: -node.seq)
        if modes.safe or modes.anomaly is not None or any(node.hooks is not None for node in nodes):
            return None
        through = [node for node in nodes if node in captures.through]
        if any(type(node).apply is not OperationNode.apply for node in through):
            return None
        slots = {node: i for i, node in enumerate(nodes)}
        schedule = cls()
        schedule.size, schedule.start = len(nodes), (slots[start], start)
        live = {position for positions in captures.wanted.values() for position in positions}
        schedule.wanted = [
            (slots.get(node, -1) if i in live else -1, None if node.shape is not None else output)
            for i, (node, output) in enumerate(captures.edges)
        ]
        schedule.steps = [_step(node, slots) for node in through]
        return schedule

    def row(self, ct: Any, output: int) -> Row:
        """The gradients of the inputs for one cotangent of the start."""
        try:
            return self._row(ct, output)
        except RuntimeWarning:  # the user turned NumPy's warnings into errors
            with np.errstate(all="ignore"):
                return self._row(ct, output)

    def _row(self, ct: Any, output: int) -> Row:
        # One more slot, the last: for an input that the start does not lead to.
        pending: list[Any] = [None] * (self.size + 1)
        slot, node = self.start
        pending[slot] = ct if node.shape is not None else {output: ct}
        for slot, pull, values, targets in self.steps:
            ct = pending[slot]
            if ct is None:
                continue
            for target, g in zip(targets, pull(cpu, ct, values)):
                if g is None or target is None:
                    continue
                slot, number, shape, dtype, node = target
                if g.shape != shape or g.dtype is not dtype:
                    g = fit(cpu, g, shape, dtype, node)
                before = pending[slot]
                if number is not None:
                    _add(pending, slot, number, g)
                else:
                    pending[slot] = g if before is None else before + g
        return [
            pending[slot] if number is None else (pending[slot] or {}).get(number)
            for slot, number in self.wanted
        ]


def _step(node: Any, slots: dict[Node, int]) -> Step:
    """A node's slot and rule, its saved values, and where its cotangents go."""
    saved = node.saved
    if saved is None:
        raise RuntimeError(freed_message(node))
    values = []
    for tensor, version in zip(saved, node.versions or (0,) * len(saved), strict=True):
        if tensor._storage is not None and tensor._storage.version != version:
            raise RuntimeError(modified_message(node, tensor, version))
        values.append(tensor._data)
    values.extend(node.constants)
    targets: list[Target | None] = []
    for following, output in node.edges:
        if following not in slots:
            targets.append(None)
            continue
        shape, dtype = following.metas_of(output)
        number = None if following.shape is not None else output
        targets.append((slots[following], number, shape, dtype, following))
    return slots[node], node.plan.pull, values, targets


def _add(pending: list[Any], slot: int, number: int, ct: Any) -> None:
    """Add to what is pending for one of several outputs."""
    outputs = pending[slot]
    if outputs is None:
        outputs = pending[slot] = {}
    outputs[number] = outputs[number] + ct if number in outputs else ct
