"""Floor 5: the way of a gradient from the loss to a parameter: its size at every node.

A watched pass is run on the nodes between the two; what it saw is kept as numbers, no arrays.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.autograd.tape import Node, edge_of
from adjoint.autograd.tensor import Tensor
from adjoint.autograd.views import CopySlices

from .passes import Visit, WatchedPass, fitted, leading_to
from .reasons import (
    NORMALISING,
    drops_parts,
    is_bias,
    is_constant,
    operation_name,
    passes_parts,
    reason,
)
from .statistics import (
    Place,
    Statistics,
    freed_among,
    is_faulty,
    measure,
    name_of,
    nodes_behind,
    place_of_node,
)

# Gradients whose largest element is beyond these are called huge and tiny.
HUGE, TINY = 1e4, 1e-8
NOISE = 1e-4  # what may be left of contributions that cancel

Verdict = tuple[str, "Place | None", str]


@dataclass(frozen=True)
class Step:
    """One node on the way: its name, its line and the largest element of the gradient there."""

    operation: str
    place: Place | None
    largest: float

    def __str__(self) -> str:
        where = "" if self.place is None else f"  {self.place}"
        return f"{self.largest:10.4g}  {self.operation}{where}"


@dataclass
class _Seen:
    """What is remembered of a visit."""

    given: float
    sent: list[float]


def _largest(ct: Any) -> float:
    if ct is None or not ct.size:
        return 0.0
    array = np.abs(ct.astype(np.float32) if ct.dtype.kind == "V" else ct)
    finite = array[np.isfinite(array)]
    return float(finite.max()) if finite.size else math.inf


def _precision(node: Node) -> float:
    """What rounding leaves of a sum that is zero, relative to its terms."""
    dtype = node.metas_of(0)[1]
    return 64 * float(np.finfo(dtype).eps) if dtype is not None and dtype.kind in "fc" else 0.0


class Way:
    """The nodes between a loss and a parameter, and what a pass saw there."""

    def __init__(self, parameter: Tensor, loss: Tensor) -> None:
        self.target, self.output = edge_of(parameter)
        self.root = edge_of(loss)[0]
        self.nodes = nodes_behind([self.root])
        self.through = leading_to(self.nodes, self.target)
        self.seen: dict[Node, _Seen] = {}
        self.losses: list[tuple[Node, str, str]] = []  # (node, cause, sentence) where it ended
        self.droppers: list[Node] = []  # visited nodes that send zeros for parts
        self.arriving: dict[Node, float] = {}  # the largest contribution that was sent to a node
        self.rounded: Verdict | None = None  # where all but rounding errors cancelled
        self.missing: Node | None = None  # a node that sent None
        self.faulty: Node | None = None
        self.gradient: Any = None
        self.statistics: Statistics | None = None
        self.ran = False

    def look(self, visit: Visit) -> None:
        """Note one visit of the pass."""
        node = visit.node
        given = max((_largest(ct) for ct in visit.given.values()), default=0.0)
        arrived = max((_largest(ct) for ct in visit.arrived.values()), default=0.0)
        if node is self.target:
            self.gradient = visit.given.get(self.output)
        contribution = self.arriving.get(node, 0.0)
        if arrived == 0 and contribution:
            user = self._last_user(node)
            self.losses.append((user, "cancelled", "the contributions add up to zero"))
        elif arrived and arrived <= _precision(node) * contribution:
            self._note_rounded(self._last_user(node), arrived / contribution)
        if arrived and not given:
            self.losses.append((node, *reason(visit, range(len(node.edges)))))
        seen = self.seen[node] = _Seen(given, [])
        self._note_sent(visit, seen)
        if self.faulty is None and any(g is not None and is_faulty(g) for g in visit.sent):
            self.faulty = node

    def _note_sent(self, visit: Visit, seen: _Seen) -> None:
        node = visit.node
        wanted: dict[int, float] = {}
        for i, (edge, ct) in enumerate(zip(node.edges, visit.sent)):
            size = _largest(ct)
            seen.sent.append(size)
            if edge[0] not in self.through:
                continue
            if ct is None:
                self.missing = self.missing or node
                continue
            arriving = _largest(fitted(edge, ct))
            if size and not arriving:
                kind = "underflow" if ct.dtype != edge[0].metas_of(edge[1])[1] else "cancelled"
                sentence = {
                    "underflow": f"{ct.dtype} is converted, and becomes 0",
                    "cancelled": "the sum over the broadcast dimensions is zero",
                }
                self.losses.append((node, kind, sentence[kind]))
            self.arriving[edge[0]] = max(self.arriving.get(edge[0], 0.0), arriving)
            wanted[i] = size
        if wanted and seen.given and not any(wanted.values()):
            self.losses.append((node, *reason(visit, list(wanted))))
        elif wanted and drops_parts(node):
            self.droppers.append(node)
        elif wanted and seen.given and not all(wanted.values()) and passes_parts(node):
            self.losses.append((node, "part", ""))
        normalises = operation_name(node) in NORMALISING and is_constant(visit.given[0])
        for i, size in wanted.items():
            # Normalising divides by the spread of its rows, which may be small.
            bound = _precision(node) * (128 if normalises else 1) * seen.given
            if 0 < size <= bound and (normalises or is_bias(node, i)):
                self._note_rounded(node, size / seen.given)

    def _note_rounded(self, node: Node, factor: float) -> None:
        note = f"the contributions add up to zero, but for rounding (a factor of {factor:.2g})"
        self.rounded = "cancelled", place_of_node(node), note

    def path(self) -> list[Step]:
        """The steps where the gradient is largest, from the loss down."""
        steps, node = [], self.root
        while node in self.seen:
            seen = self.seen[node]
            steps.append(Step(name_of(node), place_of_node(node), seen.given))
            if node is self.target:
                break
            ways = [
                (size, i)
                for i, (size, edge) in enumerate(zip(seen.sent, node.edges))
                if edge[0] in self.through
            ]
            if not ways:
                break
            node = node.edges[max(ways, key=lambda way: (way[0], -way[1]))[1]][0]
        return steps

    def verdict(self) -> Verdict:
        """The cause, its line and a sentence."""
        freed = freed_among([n for n in self.nodes if n in self.through])
        if not self.ran and freed is not None:
            note = f"what {freed.name()} saved was freed by an earlier backward"
            return "freed", place_of_node(freed), note
        if self.gradient is None:
            node = self.missing or self.target
            return "custom", place_of_node(node), f"{name_of(node)} returned None for it"
        assert self.statistics is not None
        if self.faulty is not None and not self.statistics.is_finite:
            note = f"{name_of(self.faulty)} first gave a NaN or an infinity"
            return "nonfinite", place_of_node(self.faulty), note
        if self.statistics.largest == 0:
            return self._why_zero()
        if self.rounded is not None and self.statistics.largest < NOISE:
            return self.rounded
        if self.statistics.largest > HUGE:
            return self._why_far(1)
        if self.statistics.largest < TINY:
            return self._why_far(-1)
        return "fine", None, "the gradient is neither zero nor out of the usual range"

    def _why_zero(self) -> Verdict:
        whole = [loss for loss in self.losses if loss[1] != "part"] or self.losses
        if not whole:
            return "zero_slope", None, "every contribution is zero"
        # The last: what was lost on the way to it would be lost there as well.
        node, cause, sentence = whole[-1]
        if cause == "part" or (passes_parts(node) and cause == "zero_slope"):
            dropper = next((n for n in reversed(self.droppers) if n.seq > node.seq), node)
            if isinstance(dropper, CopySlices):
                note = "what was written was overwritten in place later"
                return "overwritten", place_of_node(dropper), note
            name = dropper.name()
            return "not_selected", place_of_node(dropper), f"{name} selected other elements"
        place = place_of_node(node)
        if place is None:  # the line that used it last
            place = place_of_node(self._last_user(node))
        return cause, place, sentence

    def _last_user(self, value: Node) -> Node:
        return next(
            n for n in reversed(self.nodes) if any(following is value for following, _ in n.edges)
        )

    def _why_far(self, sign: int) -> Verdict:
        """The line at which the gradient grows (sign 1) or shrinks (-1) most, over all visits."""
        growth: dict[tuple[str, int], list[float]] = defaultdict(list)
        places: dict[tuple[str, int], Place] = {}
        for node, seen in self.seen.items():
            place = place_of_node(node)
            sent = [s for s, e in zip(seen.sent, node.edges) if e[0] in self.through]
            if place is None or not sent or not seen.given or not max(sent):
                continue
            key = place.file, place.line
            growth[key].append(math.log10(max(sent) / seen.given) * sign)
            places[key] = place
        if not growth:
            return "fine", None, "the gradient given to the loss is itself of this size"
        top = max(growth, key=lambda key: sum(growth[key]))
        times, factor = sum(g > 0.01 for g in growth[top]), 10 ** (sum(growth[top]) * sign)
        note = f"this line changes it by a factor of {factor:.3g}, in {times} steps"
        if sign < 0:
            return "vanishing", places[top], note
        return ("exploding" if times >= 3 else "steep"), places[top], note


def follow(parameter: Tensor, loss: Tensor) -> Way:
    """Run a watched pass between a loss and a parameter; not where the graph is freed."""
    way = Way(parameter, loss)
    if freed_among([n for n in way.nodes if n in way.through]) is None:
        way.ran = True
        WatchedPass(way.look, way.through).start(loss)
        if way.gradient is not None:
            way.statistics = measure(way.gradient, "gradient")
    return way
