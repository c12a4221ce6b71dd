"""Floor 2: batching rules of operations that move elements: shapes, views, copies."""

from __future__ import annotations

from math import prod
from typing import Any

from .. import joining, placement
from ..batching import Call, axes_moved, one_by_one, reshaped, rule


@rule("stack")
def stacked(call: Call) -> Any:
    """The dimension is one of the result, so it can be counted for examples of no dimension too."""
    dim = call.params["dim"]
    parts = [call.whole(i) for i in range(len(call.values))]
    return call.operation(*parts, dim=dim + 1 if dim >= 0 else dim)


@rule("clone")
def clone(call: Call) -> Any:
    """A copy; a wanted order of dimensions begins with the hidden one."""
    order = call.params.get("order")
    order = None if order is None else (0, *[d + 1 for d in order])
    return call.operation(call.values[0], order=order)


@rule("copy", "fill_tensor", "linked")
def copy(call: Call) -> Any:
    """The written tensor decides the shape, so it has the hidden axis."""
    return call.operation(call.whole(0), call.lined_up(1, call.rank(0)))


@rule("permute", "permute_copy")
def permute(call: Call) -> Any:
    """The hidden axis stays first."""
    return call.operation(
        call.values[0], dims=(0, *[d % call.rank(0) + 1 for d in call.params["dims"]])
    )


@rule("expand", "expand_copy")
def expand(call: Call) -> Any:
    """New dimensions go after the hidden one."""
    target = call.params["shape"]
    return call.operation(call.lined_up(0, len(target)), shape=(call.size, *target))


@rule("repeat")
def repeat(call: Call) -> Any:
    """New dimensions go after the hidden one."""
    repeats = call.params["repeats"]
    return call.operation(call.lined_up(0, len(repeats)), repeats=(1, *repeats))


@rule("roll")
def roll(call: Call) -> Any:
    """As one run: flattened, rolled, and in shape again."""
    if call.params["dims"] is not None:
        return axes_moved(call)
    x = call.values[0]
    flat = call.one_run(0)
    return reshaped(call.operation(flat, shifts=(call.params["shifts"],), dims=(1,)), x._data.shape)


@rule("unfold", "unfold_copy", "fold_windows")
def unfold(call: Call) -> Any:
    """A 0-d tensor has one window; others move past the hidden axis."""
    return one_by_one(call) if call.rank(0) == 0 else axes_moved(call)


@rule("cross")
def cross(call: Call) -> Any:
    """Broadcast, along an axis of size 3."""
    rank = max(call.rank(0), call.rank(1))
    axis = call.params["axis"]
    x, y = call.lined_up(0, rank), call.lined_up(1, rank)
    return call.operation(x, y, axis=axis if axis < 0 else axis + 1 - rank - 1)


@rule("as_strided", "embed_strided")
def strided(call: Call) -> Any:
    """A stride more, from one example to the next: each is one run of elements."""
    params = call.params
    shape_of_one = params["shape"] if "shape" in params else call.of(0)
    moved_on = {
        "size": (call.size, *params["size"]),
        "stride": (prod(shape_of_one), *params["stride"]),
        "offset": params["offset"],
    }
    if "shape" in params:
        moved_on["shape"] = (call.size, *shape_of_one)
    return call.operation(call.whole(0), **moved_on)


@rule("block_diag")
def block_diag(call: Call) -> Any:
    """Each block between zeros, and all of them one below the other."""
    xs = [call.whole(i) for i in range(len(call.values))]
    columns = sum(x._data.shape[2] for x in xs)
    parts, at = [], 0
    for x in xs:
        size, rows, own = x._data.shape
        key = (slice(None), slice(None), slice(at, at + own))
        parts.append(placement.embed(x, shape=(size, rows, columns), key=key))
        at += own
    return joining.cat(*parts, dim=1)
