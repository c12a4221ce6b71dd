"""Floor 0: arrays with more elements at their ends, or fewer: negative numbers crop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Pads = Sequence[tuple[int, int]]  # (before, after) for each axis


def _overlap(shape: Sequence[int], pads: Pads) -> tuple[Any, Any]:
    """The subscripts of what is kept: in the array, and in the padded one."""
    inner = tuple([slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(shape, pads)])
    outer = tuple(
        [slice(max(b, 0), max(b, 0) + s.stop - s.start) for s, (b, _) in zip(inner, pads)]
    )
    return inner, outer


def pad_constant(x: Any, pads: Pads, value: Any) -> Any:
    """`x` with `value` around it."""
    shape = [n + b + a for n, (b, a) in zip(x.shape, pads)]
    out = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    inner, outer = _overlap(x.shape, pads)
    out[outer] = x[inner]
    return out


def _sources(n: int, before: int, after: int, mode: str) -> Any:
    """For each element of a padded axis, the one of the `n` that it repeats."""
    places = np.arange(-before, n + after)
    if mode == "reflect":
        return (n - 1) - np.abs((n - 1) - np.abs(places))
    if mode == "replicate":
        return places.clip(0, n - 1)
    start, stop = max(-before, 0), n - max(-after, 0)
    return (places - start) % max(stop - start, 1) + start


def pad_edges(x: Any, pads: Pads, mode: str) -> Any:
    """`x` continued beyond its ends: "reflect", "replicate" or "circular"."""
    out = x
    for axis, (before, after) in enumerate(pads):
        if before or after:
            out = out.take(_sources(x.shape[axis], before, after, mode), axis)
    return out.copy() if out is x else out


def pad_edges_transpose(x: Any, shape: Sequence[int], pads: Pads, mode: str) -> Any:
    """Every element of `x` added to the one that `pad_edges` repeated."""
    out = x
    for axis, (before, after) in reversed(list(enumerate(pads))):
        if not (before or after):
            continue
        sources = _sources(shape[axis], before, after, mode)
        moved = np.moveaxis(out, axis, 0)
        total = np.zeros((shape[axis], *moved.shape[1:]), x.dtype)
        head, tail = max(before, 0), sources.size - max(after, 0)
        total[sources[head:tail]] += moved[head:tail]
        for end in (slice(0, head), slice(tail, sources.size)):
            places = sources[end]
            if mode == "replicate" and places.size:
                total[places[0]] += moved[end].sum(axis=0)
            else:  # no place comes twice at one end
                total[places] += moved[end]
        out = np.moveaxis(total, 0, axis)
    return out.copy() if out is x else out
