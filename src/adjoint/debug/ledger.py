"""Floor debug: the bytes of a run on shapes alone: how many there are at most, and whose."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..arrays.ghosts import Uncounted, haunt, is_kept
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


class Ledger(Uncounted):
    """Counts the buffers of a run: `now`, `peak`, and what was alive at the peak."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self.place: Place | None = None  # at the peak
        self._number = 0
        self._peak_number = 0
        self._alive: dict[int, Record] = {}
        self._ended: list[Record] = []  # alive at the peak, gone since
        self._frames = dict(_FRAMES)
        self._buffers: dict[int, tuple[Any, Buffer, Any]] = {}

    def take(self, nbytes: int, shape: tuple[int, ...], dtype: Any) -> Record:
        """A buffer is made."""
        self._number = number = self._number + 1
        place = locate(self._frames)
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
            self._alive.pop(record.number, None)
            if record.number <= self._peak_number:
                self._ended.append(record)

    def line(self) -> str:
        """The user's line that runs, for errors."""
        return origin.describe(locate(self._frames).running)

    # -- arrays from outside ----------------------------------------------------------------------

    def adopt(self, array: Any) -> Any:
        """The Ghost of an array that a tensor had before the run; the memory counts as alive."""
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        held = self._buffers.get(id(owner))
        if held is None:
            known = is_kept(owner) and owner.flags.forc and not owner.dtype.hasobject
            memory = owner.ravel("K").copy() if known else None
            held = owner, Buffer(owner.nbytes, self, None, known), memory
            self._buffers[id(owner)] = held
        _, buffer, memory = held
        if memory is None:
            return haunt(array, buffer)
        # one copy for all who share the memory: what one of them writes the others read
        offset = array.ctypes.data - owner.ctypes.data
        value = np.ndarray(array.shape, array.dtype, memory, offset, array.strides)
        return haunt(array, buffer, value)

    def settle(self) -> None:
        """All tensors have their Ghosts: from now on these alone hold the buffers."""
        self._buffers.clear()

    def close(self) -> None:
        """Let go what was noted: a tensor that the program kept of the run keeps its ledger."""
        self._outside.clear()
        self._alive.clear()
        self._ended.clear()
        self._frames.clear()

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


# The functions in whose frames an operation or a node of the graph is run. A run adds what a frame
# of any other code is, once it met one: one look-up for each frame.
_USER, _INSIDE, _OPERATION, _NODE = range(4)
_FRAMES: dict[CodeType, int] = {
    **{
        f.__code__: _OPERATION
        for f in (Operation.compute, Operation.__call__, Operation.run_one, Operation.run_two)
    },
    **{
        cls.__dict__[name].__code__: _NODE
        for cls in (OperationNode, AsStridedBackward0, CopySlices)
        for name in ("apply", "apply_for")
        if name in cls.__dict__
    },
}


def _classify(code: CodeType) -> int:
    """Whether code is adjoint's or NumPy's, or has a line of the user's."""
    name = code.co_filename
    inside = origin.is_internal[name] or name.startswith((_NUMPY, "<frozen"))
    return _INSIDE if inside else _USER


def locate(frames: dict[CodeType, int]) -> Place:
    """Where the program is: the user's line, and the operation or node that is being run."""
    frame: FrameType | None = sys._getframe(2)
    last: Any = frame
    name, node = "", None
    while frame is not None:
        last = frame
        kind = frames.get(frame.f_code)
        if kind is None:
            kind = frames[frame.f_code] = _classify(frame.f_code)
        if kind is _USER:
            break
        if kind is not _INSIDE and not name:
            running = frame.f_locals["self"]
            name = running.name() if kind is _NODE else running.name
            node = running if kind is _NODE else None
        frame = frame.f_back
    line = last.f_code, last.f_lasti
    if node is not None:
        return Place(getattr(node, "origin", None) or line, line, name, "gradient")
    return Place(line, line, name, "tensor")
