"""Floor 2: batching rules of reading and writing at indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import engine
from ...autograd.tensor import Tensor, wrap
from .. import indexing, shape
from ..batching import Call, axes_moved, moved, one_by_one, reshaped, rule


@rule("scatter", "scatter_value")
def scatter(call: Call) -> Any:
    """A 0-d value is written everywhere: with the hidden axis it needs the shape of the places."""
    if call.rank(2) == 0:
        sizes = call.whole(1)._data.shape
        value = call.lined_up(2, len(sizes) - 1)
        call.values[2], call.batched[2] = shape.expand(value, shape=sizes), True
    return axes_moved(call)


def _places(call: Call, first: int, axes: Any) -> tuple[list[Tensor], tuple[int, ...], int, int]:
    """Indices and axes past the hidden one; where the result has it; rank of the indices.

    Indices of each example are joined by the number of the example.
    """
    numbers = range(first, len(call.values))
    rank = max([call.rank(i) for i in numbers], default=0)
    beside = tuple([a + 1 for a in axes])
    adjacent = list(axes) == list(range(axes[0], axes[0] + len(axes)))
    if any(call.batched[i] for i in numbers):
        own = np.arange(call.size).reshape(call.size, *(1,) * rank)
        indices = [wrap(own), *[call.lined_up(i, rank) for i in numbers]]
        return indices, (0, *beside), rank, axes[0] if adjacent else 0
    # Without it, indices that are not side by side put their dimensions before the hidden one.
    return [call.values[i] for i in numbers], beside, rank, -1 if adjacent else -2


def _to_logical(t: Tensor, rank: int, lead: int) -> Tensor:
    """From the order of a result of `index` to: hidden axis, then as the operation gives it."""
    if lead == -2:
        return moved(t, rank, 0)
    for _ in range(rank if lead > 0 else 0):  # (b, *index, *before, ...) to (b, *before, *index)
        t = moved(t, 1, lead + rank)
    return t


def _from_logical(t: Tensor, rank: int, lead: int) -> Tensor:
    """The other way round."""
    if lead == -2:
        return moved(t, 0, rank)
    for _ in range(rank if lead > 0 else 0):
        t = moved(t, lead + rank, 1)
    return t


@rule("index", "masked_select")
def index(call: Call) -> Any:
    """Elements at places, of each example."""
    indices, axes, rank, lead = _places(call, 1, call.params["axes"])
    out = call.operation(call.whole(0), *indices, axes=axes)
    return _to_logical(out, rank, lead)


@rule("unindex")
def unindex(call: Call) -> Any:
    """Added where `index` reads."""
    indices, axes, rank, lead = _places(call, 1, call.params["axes"])
    ct = _from_logical(call.whole(0), rank, lead)
    return call.operation(ct, *indices, shape=(call.size, *call.params["shape"]), axes=axes)


@rule("index_put")
def index_put(call: Call) -> Any:
    """Written at places, of each example."""
    indices, axes, rank, lead = _places(call, 2, call.params["axes"])
    result = rank + call.rank(0) - len(call.params["axes"])
    values = call.lined_up(1, result)
    if call.batched[1]:
        values = _from_logical(values, rank, lead)
    elif call.rank(1) > 0 and lead != -1:
        sizes = (1,) * (result - call.rank(1)) + call.of(1)
        values = _from_logical(reshaped(values, (1, *sizes)), rank, lead)
    accumulate = call.params["accumulate"]
    return call.operation(call.whole(0), values, *indices, axes=axes, accumulate=accumulate)


def _as_index(call: Call, inputs: int, operation: Any, **params: Any) -> Any:
    """One index along a dimension, as the general form."""
    params["axes"] = (call.params["dim"],)
    inner = Call(operation, call.level, call.values, call.batched, params)
    return index(inner) if inputs == 1 else index_put(inner)


@rule("index_select")
def index_select(call: Call) -> Any:
    """One index for all: past the hidden axis; else as `index`."""
    if call.rank(0) == 0:
        return one_by_one(call)
    if call.batched[1]:
        return _as_index(call, 1, indexing.index)
    return call.operation(call.whole(0), call.values[1], dim=call.params["dim"] + 1)


@rule("index_copy", "index_fill", "index_fill_tensor", "index_add")
def index_write(call: Call) -> Any:
    """One index along a dimension, as the general form."""
    if call.rank(0) == 0:
        return one_by_one(call)
    return _as_index(call, 2, indexing.index_put, accumulate=call.operation.name == "index_add")


@rule("take")
def take(call: Call) -> Any:
    """One run of elements."""
    flat = call.one_run(0)
    params = {"axes": (0,)}
    flags = [True, call.batched[1]]
    return index(Call(indexing.index, call.level, [flat, call.values[1]], flags, params))


@rule("put")
def put(call: Call) -> Any:
    """Written into one run of elements."""
    x = call.whole(0)
    flat = call.one_run(0)
    params = {"axes": (0,), "accumulate": call.params["accumulate"]}
    values, flags = [flat, *call.values[1:]], [True, *call.batched[1:]]
    out = index_put(Call(indexing.index_put, call.level, values, flags, params))
    return reshaped(out, x._data.shape)


@rule("embedding")
def embedding(call: Call) -> Any:
    """One table: its own rule. A table for each example: all tables in one."""
    w, indices = call.values
    skip = call.params["skip"]
    if not call.batched[0]:
        return call.operation(w, indices, skip=skip)
    count = w._data.shape[1]
    table = reshaped(w, (call.size * count, *w._data.shape[2:]))
    return call.operation(table, _numbered(call, 1, count), skip=_in_all(skip, count, call.size))


def _in_all(skip: int | range | None, count: int, size: int) -> range | None:
    """The rows left out of one table of `count` rows, in `size` of them one after the other."""
    if skip is None:
        return None
    first, step = (skip, count) if isinstance(skip, int) else (skip.start, skip.step)
    return range(first, count * size, step)


def _numbered(call: Call, i: int, count: int) -> Tensor:
    """Indices of each example, moved on by `count` for every example before it."""
    places = call.whole(i)
    start = np.arange(call.size).reshape(call.size, *(1,) * call.rank(i)) * count
    negative = engine._tensor_namespace[0].where(places < 0, places + count, places)
    found: Tensor = negative + wrap(start)
    return found


@rule("add_rows")
def add_rows(call: Call) -> Any:
    """The rows of all examples into one table."""
    count = call.params["count"]
    skip = _in_all(call.params["skip"], count, call.size)
    own = _numbered(call, 1, count)
    out = call.operation(call.whole(0), own, count=count * call.size, skip=skip)
    return reshaped(out, (call.size, count, *out._data.shape[1:]))
