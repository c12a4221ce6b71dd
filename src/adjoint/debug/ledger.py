"""Floor debug: the bytes of a run on shapes alone: how many there are at most, and whose."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..arrays.ghosts import haunt, is_kept
from ..arrays.ghosts.array import Buffer
from ..autograd import origin
from ..autograd.tape import OperationNode
from ..autograd.views import AsStridedBackward0, CopySlices
from ..ops.application import Operation
from .memory import Report, Row

_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep


class Place(NamedTuple):
    """Where a buffer was made: the user's line, and the operation or the node of the graph."""

    line: origin.Origin  # that made it; of the forward pass, for what backward makes
    running: origin.Origin  # that was running
    name: str  # of the operation or the node
    kind: str


class Record(NamedTuple):
    """One buffer that was made in the run."""

    number: int
    nbytes: int
    shape: tuple[int, ...]
    dtype: Any
    place: Place


class Ledger:
    """Counts the buffers of a run: `now`, `peak`, and what was alive at the peak."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0
        self.place: Place | None = None  # at the peak
        self._number = 0
        self._peak_number = 0
        self._alive: dict[int, Record] = {}
        self._ended: list[Record] = []  # alive at the peak, gone since
        self._outside: dict[int, tuple[Any, Any]] = {}
        self._buffers: dict[int, tuple[Any, Buffer]] = {}

    def take(self, nbytes: int, shape: tuple[int, ...], dtype: Any) -> Record:
        """A buffer is made."""
        self._number = number = self._number + 1
        place = locate()
        record = Record(number, nbytes, shape, dtype, place)
        self._alive[number] = record
        self.now += nbytes
        if self.now > self.peak:
            self.peak = self.now
            self.place = place
            self._peak_number = number
            self._ended.clear()
        return record

    def give(self, nbytes: int, record: Record | None) -> None:
        """A buffer is gone; it has no record if it was there before the run."""
        self.now -= nbytes
        if record is not None:
            del self._alive[record.number]
            if record.number <= self._peak_number:
                self._ended.append(record)

    def line(self) -> str:
        """The user's line that runs, for errors."""
        return origin.describe(locate().running)

    # -- arrays from outside ----------------------------------------------------------------------

    def adopt(self, array: Any) -> Any:
        """The Ghost of an array that a tensor had before the run; the memory counts as alive."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        held = self._buffers.get(id(owner))
        if held is None:
            known = array is owner and is_kept(array)
            held = owner, Buffer(owner.nbytes, self, None, known)
            self._buffers[id(owner)] = held
        value = array.copy() if array is owner and is_kept(array) else None
        return haunt(array, held[1], value)

    def settle(self) -> None:
        """All tensors have their Ghosts: from now on these alone hold the buffers."""
        self._buffers.clear()

    def ghost_of(self, array: Any) -> Any:
        """The Ghost of an array that the run meets: it has memory already, which is not counted."""
        held = self._outside.get(id(array))
        if held is None:
            value = array.copy() if is_kept(array) else None
            ghost = haunt(array, Buffer(0, None, None, value is not None), value)
            held = self._outside[id(array)] = array, ghost
        return held[1]

    # -- what is told -----------------------------------------------------------------------------

    def report(self, top: int) -> Report:
        """What was alive at the peak, by the line that made it."""
        groups: dict[tuple[str, str], list[Record]] = {}
        alive = [r for r in self._alive.values() if r.number <= self._peak_number]
        for record in sorted([*alive, *self._ended], key=lambda r: (-r.nbytes, r.number)):
            place = record.place
            text = origin.describe(place.line) + (f" [{place.name}]" if place.name else "")
            groups.setdefault((text, place.kind), []).append(record)
        rows = []
        for (text, kind), records in groups.items():
            example = f"{records[0].dtype} {list(records[0].shape)}"
            total = sum([r.nbytes for r in records])
            rows.append(Row(text, total, len(records), kind, example))
        return Report(sorted(rows, key=lambda r: (-r.bytes, r.line)), top)


# The functions in whose frames an operation or a node is run, and how to name it.
_OPERATIONS: dict[CodeType, bool] = {
    f.__code__: False
    for f in (Operation.compute, Operation.__call__, Operation.run_one, Operation.run_two)
}
_NODES: dict[CodeType, bool] = {
    f.__code__: True
    for f in (
        OperationNode.apply, OperationNode.apply_for, AsStridedBackward0.apply, CopySlices.apply,
    )
}  # fmt: skip
_RUNNING = {**_OPERATIONS, **_NODES}
_skipped: dict[str, bool] = {}


def _is_skipped(filename: str) -> bool:
    """Whether a file is adjoint's or NumPy's: no line of the user's."""
    found = _skipped.get(filename)
    if found is None:
        found = origin.classify(filename) or filename.startswith(_NUMPY)
        found = _skipped[filename] = found or filename.startswith("<frozen")
    return found


def locate() -> Place:
    """Where the program is: the user's line, and the operation or node that is being run."""
    frame: FrameType | None = sys._getframe(2)
    last: Any = frame
    name, node = "", None
    while frame is not None:
        code = frame.f_code
        if not name:
            is_node = _RUNNING.get(code)
            if is_node is not None:
                inside = frame.f_locals["self"]
                name = inside.name() if is_node else inside.name
                node = inside if is_node else None
        if not _is_skipped(code.co_filename):
            break
        last, frame = frame, frame.f_back
    running = (last if frame is None else frame).f_code, (last if frame is None else frame).f_lasti
    if node is not None:
        made = getattr(node, "origin", None)
        return Place(made or running, running, name, "gradient")
    return Place(running, running, name, "tensor")
