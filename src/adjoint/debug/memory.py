"""Floor debug: `memory`: which tensors and saved values are alive, by the line that made them.

Walks the live objects when asked; nothing is noted while programs run. Lines are those of the
nodes of the graph; a tensor without history has none, so it is told by what holds it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..autograd import origin
from ..autograd.saved import Packed
from ..autograd.tape import OperationNode
from ..autograd.tensor import Tensor
from .holders import looking_at, name_holder


class Row(NamedTuple):
    """What one line made that is alive: bytes, buffers, and what they are."""

    line: str
    bytes: int
    buffers: int
    kind: str  # "saved", "tensor", "parameter", "gradient"
    example: str  # shape and dtype of the largest


def human(count: float) -> str:
    """`1.5 MB`: bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable: the last unit takes all")


class Report:
    """What is alive: `rows`, largest first; `total` bytes; `str(report)` is a table."""

    def __init__(self, rows: list[Row], top: int) -> None:
        self.rows = rows
        self.top = top
        self.total = sum([r.bytes for r in rows])

    def of_kind(self, kind: str) -> int:
        """The bytes of one kind: "saved", "tensor", "parameter" or "gradient"."""
        return sum([r.bytes for r in self.rows if r.kind == kind])

    def __str__(self) -> str:
        shown = self.rows[: self.top]
        lines = [f"{human(self.total)} alive in {sum([r.buffers for r in self.rows])} buffers"]
        lines += [
            f"{human(r.bytes):>10}  {r.buffers:>5} × {r.kind:<9} {r.line}  ({r.example})"
            for r in shown
        ]
        rest = self.rows[self.top :]
        if rest:
            lines.append(
                f"{human(sum([r.bytes for r in rest])):>10}  "
                f"{sum([r.buffers for r in rest]):>5} × of {len(rest)} other lines"
            )
        return "\n".join(lines)

    __repr__ = __str__


class _Found(NamedTuple):
    """One buffer: its memory, what it is, and where it was made (a node) or who holds it."""

    array: Any
    kind: str
    node: Any
    tensor: Any
    shape: tuple[int, ...] = ()


_RANK = {"parameter": 0, "gradient": 1, "tensor": 2, "saved": 3}


def live(kind: type) -> list[Any]:
    """All live objects of a type, but for those being made, and what a failure left half made."""
    return [o for o in gc.get_objects() if isinstance(o, kind) and is_whole(o)]


def is_whole(o: Any) -> bool:
    """Whether a tensor or a node has been made: not one that is being made, or failed half way."""
    if isinstance(o, Tensor):
        return hasattr(o, "_meta")
    return not isinstance(o, OperationNode) or (hasattr(o, "plan") and hasattr(o, "saved"))


def buffers() -> dict[int, _Found]:
    """Every buffer that tensors and graphs keep alive, once, by the id of the array that owns it.

    Memory that a tensor has and a graph has saved counts as the tensor's.
    """
    found: dict[int, _Found] = {}
    for item in _items():
        array = item.array
        if array.__class__ is not np.ndarray:
            continue
        while array.base.__class__ is np.ndarray:
            array = array.base
        before = found.get(id(array))
        if before is None or _RANK[item.kind] < _RANK[before.kind]:
            node = item.node if item.node is not None or before is None else before.node
            found[id(array)] = _Found(array, item.kind, node, item.tensor, item.array.shape)
        elif before.node is None and item.node is not None:
            found[id(array)] = before._replace(node=item.node)
    return found


def _items() -> Iterator[_Found]:
    aliases = set()
    for node in live(OperationNode):
        for name, kept in zip(node.plan.saved_names, node.saved or ()):
            t, maker = _content(kept), node
            if t is None:
                continue
            aliases.add(id(kept))
            array = t._data if isinstance(t, Tensor) else t
            if isinstance(t, Tensor) and t._edge is None and t._requires_grad:
                yield from _of_tensor(t)  # its gradient too
                continue
            number = node.plan.output_number(name)
            if number is None and isinstance(kept, (Tensor, Packed)):
                edge = kept._edge if isinstance(kept, Tensor) else kept.edge
                maker = edge[0] if edge is not None else None
                if not isinstance(maker, OperationNode):
                    maker = node
            yield _Found(array, "saved", maker, None)
    for t in live(Tensor):
        if id(t) in aliases or (t._data.ndim == 0 and not t._data.flags.writeable):
            continue  # the latter stand for Python numbers
        yield from _of_tensor(t)


def _of_tensor(t: Tensor) -> Iterator[_Found]:
    grad = None if t._meta is None else t._meta.grad
    if grad is not None:
        yield _Found(grad._data, "gradient", None, t)
    if t._edge is None:
        yield _Found(t._data, "parameter" if t._requires_grad else "tensor", None, t)
        return
    node = t._edge[0]
    yield _Found(t._data, "tensor", node if isinstance(node, OperationNode) else None, t)


def _content(kept: Any) -> Any:
    """The array or Tensor that a saved value holds now; nothing is unpacked or computed again."""
    if not isinstance(kept, Packed):
        return kept
    value = kept.value
    if isinstance(value, (Tensor, np.ndarray)):
        return value
    return getattr(getattr(value, "value", None), "array", None)  # under a memory budget


# Holders are looked for where it matters: the frames of all threads are searched for each.
_NAMED = 40


def _is_told_by_line(item: _Found) -> bool:
    return item.node is not None and item.kind in ("saved", "tensor")


def _line(item: _Found, named: bool) -> str:
    if _is_told_by_line(item):
        return f"{origin.describe(item.node.origin)} [{item.node.name().rpartition('::')[2]}]"
    if item.tensor is None:
        return "an unknown line"
    if not named:
        return f"other {item.kind}s"
    holder = name_holder(item.tensor)
    return f"gradient of {holder}" if item.kind == "gradient" else holder


def _rows(found: Iterable[_Found]) -> list[Row]:
    groups: dict[tuple[str, str], list[Any]] = {}
    items = sorted(found, key=lambda i: -i.array.nbytes)
    count = 0
    with looking_at([i.tensor for i in items if not _is_told_by_line(i)][:_NAMED]):
        for item in items:
            count += not _is_told_by_line(item)
            groups.setdefault((_line(item, count <= _NAMED), item.kind), []).append(item)
    rows = []
    for (line, kind), items in groups.items():
        largest = items[0]
        example = f"{largest.array.dtype} {list(largest.shape)}"
        size = sum([i.array.nbytes for i in items])
        rows.append(Row(line, size, len(items), kind, example))
    return sorted(rows, key=lambda r: (-r.bytes, r.line))


def memory(top: int = 10) -> Report:
    """What is alive now: bytes by the line that made them, largest first.

    Saved values and tensors with a history are told by the line of their operation; parameters,
    gradients and data by the name of what holds them. Memory shared by several tensors counts once.
    Nothing is noted while programs run: the live objects are walked, about 1 µs each.

    top: int, how many lines the table shows. Returns a Report: `rows` of (line, bytes, buffers,
    kind, example), `total`, and `str(report)`, a table.

    >>> x = torch.ones(1000, requires_grad=True)
    >>> y = x.exp()
    >>> report = torch.debug.memory()
    >>> report.total >= 8000
    True
    """
    return Report(_rows(buffers().values()), top)


class Peak(NamedTuple):
    """What one run needed: `bytes` at the most, beside what was alive before."""

    bytes: int
    seconds: float
    result: Any
    report: Report

    def __str__(self) -> str:
        return f"{human(self.bytes)} at the peak, in {self.seconds:.3f} s\n{self.report}"


def memory_peak(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Peak:
    """The most memory that `function(*args, **kwargs)` needs, measured by running it.

    It is run for real; `predict_memory` tells the peak without computing. Measured are the arrays
    that NumPy allocates (tracemalloc), temporary ones included, beside what was alive before; the
    lines are those alive when it returns. tracemalloc makes programs of many small operations
    several times slower, and does not see the end of what was made before it was started.

    Returns a Peak: `bytes`, `seconds`, `result` (what the function returned), `report`.

    >>> peak = torch.debug.memory_peak(lambda: torch.ones(1000, 1000).exp())
    >>> 8e6 <= peak.bytes < 8.2e6
    True
    """
    import tracemalloc

    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        start = time.perf_counter()
        result = function(*args, **kwargs)
        seconds = time.perf_counter() - start
        most = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not running:
            tracemalloc.stop()
    return Peak(most, seconds, result, memory())
