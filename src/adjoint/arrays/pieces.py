"""Floor 0: the pieces in which kernels work through large arrays, lest those leave the cache."""

from __future__ import annotations

from collections.abc import Iterable


def starts(count: int, step: int) -> Iterable[int]:
    """Where pieces of `step` begin in `count`.

    Every loop over pieces takes its starts from here, and makes and frees the same buffers in each
    of them: a run on shapes alone goes through a few.
    """
    return range(0, count, step)
