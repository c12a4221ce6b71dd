"""Floor 1: `memory_budget`: how many bytes the graph may keep for backward.

The public context manager; what it does is in `budget_meter`, what it knows in `budget_values`.
"""

from __future__ import annotations

import re
from contextlib import ContextDecorator
from typing import Any

from .budget_meter import MemoryBudgetError, Meter
from .saved import drop_hooks, set_hooks

__all__ = ["MemoryBudgetError", "memory_budget", "parse_bytes"]

_UNITS = {"": 1, "B": 1} | {
    prefix + end: base ** (i + 1)
    for i, prefix in enumerate("KMGT")
    for end, base in (("B", 1000), ("IB", 1024), ("", 1000))
}


def parse_bytes(size: Any) -> int:
    """A number of bytes: an int, or a text like "300MB" (10⁶), "1.5 GiB" (2³⁰), "64k"."""
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*", size)
        if match is None or match[2].upper() not in _UNITS:
            raise ValueError(
                f"memory_budget: {size!r} is no number of bytes; write it as '300MB', '1.5GB', "
                "'512MiB' (powers of 1024) or as an int"
            )
        count = int(float(match[1]) * _UNITS[match[2].upper()])
    elif isinstance(size, int) and not isinstance(size, bool):
        count = size
    else:
        raise TypeError(
            f"memory_budget: expected a size as str ('300MB') or int, got {type(size).__name__}"
        )
    if count <= 0:
        raise ValueError(f"memory_budget: a budget has to be positive, but got {size!r}")
    return count


class memory_budget(ContextDecorator):
    """Keep what is saved for backward under `size` bytes; gradients are the same, bit by bit.

    When a new saved value would go over the budget, others are dropped, and computed again when
    backward needs them. What counts are the distinct buffers that the graph keeps, parameters
    aside: saved values, and what computing them again needs. Values that cannot be computed again
    (data, random masks, results of custom Functions) are kept. The budget goes on to hold in
    backward, also after the block.

    size: int, bytes, or str: "300MB" (10⁶ bytes), "1.5GB", "512MiB" (2²⁰ bytes).

    Read from the object: `limit`; `bytes`, kept now, and `peak`, kept at most; `recomputed`, how
    many operations were run again; `evicted`, how many values were dropped.

    MemoryBudgetError (a MemoryError) when one step needs more than the budget at once; ValueError
    and TypeError for a size that is none. Source: Kirisame et al., Dynamic Tensor
    Rematerialization, 2021.

    >>> x = torch.linspace(0, 1, 1000, requires_grad=True)
    >>> with torch.memory_budget("12kB") as budget:
    ...     y = x
    ...     for _ in range(20):
    ...         y = torch.sin(y)
    ...     y.sum().backward()
    >>> budget.peak, budget.recomputed
    (12000, 35)
    """

    def __init__(self, size: Any) -> None:
        self._meter = Meter(parse_bytes(size))

    def __enter__(self) -> memory_budget:
        set_hooks(self._meter, self._meter.unpack)
        return self

    def __exit__(self, *exc: object) -> None:
        drop_hooks()

    @property
    def limit(self) -> int:
        """The budget in bytes."""
        return self._meter.limit

    @property
    def bytes(self) -> int:
        """How many bytes are kept now."""
        return self._meter.bytes

    @property
    def peak(self) -> int:
        """How many bytes were kept at most."""
        return self._meter.peak

    @property
    def recomputed(self) -> int:
        """How many operations were run again."""
        return self._meter.recomputed

    @property
    def evicted(self) -> int:
        """How often a value that was still needed was dropped."""
        return self._meter.evicted

    def __repr__(self) -> str:
        return (
            f"memory_budget(limit={self.limit}, peak={self.peak}, recomputed={self.recomputed}, "
            f"evicted={self.evicted})"
        )
