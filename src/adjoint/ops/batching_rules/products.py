"""Floor 2: batching rules of products and of solving."""

from __future__ import annotations

from math import prod
from typing import Any

from ...autograd.tensor import Tensor
from .. import arithmetic, products, shape
from ..batching import Call, lined_up, reshaped, rule


@rule("solve")
def solve(call: Call) -> Any:
    """A vector on the right is a matrix of one column, so that it is not taken for a batch."""
    if call.rank(1) > 1:
        return lined_up(call)
    b = call.values[1]
    columns = reshaped(b, (*b._data.shape, 1))
    out = lined_up(Call(call.operation, call.level, [call.values[0], columns], call.batched, {}))
    return reshaped(out, out._data.shape[:-1])


def _matmul(x: Tensor, y: Tensor) -> Any:
    """Over broadcast leading axes; one matrix for all rows is one product."""
    a, b = x._data, y._data
    if b.ndim == 2 and a.ndim > 2:
        rows = reshaped(x, (prod(a.shape[:-1]), a.shape[-1]))
        return reshaped(products.mm(rows, y), (*a.shape[:-1], b.shape[-1]))
    return products.matmul(x, y)


@rule("mm", "bmm", "matmul")
def matmul(call: Call) -> Any:
    """The hidden axis is one more leading axis."""
    rank = max(call.rank(0), call.rank(1), 2)
    x, y = call.lined_up(0, rank), call.lined_up(1, rank)
    return _matmul(x, y)


@rule("mv")
def mv(call: Call) -> Any:
    """A vector is a matrix of one column."""
    x, y = call.values
    if not call.batched[0]:  # one matrix: the vectors are its rows' partners, all in one product
        return products.mm(y, shape.transpose(x, dim0=0, dim1=1))
    column = reshaped(y, (*y._data.shape, 1))
    out = _matmul(x, column)
    return reshaped(out, out._data.shape[:-1])


@rule("dot")
def dot(call: Call) -> Any:
    """A row times a column."""
    x, y = call.values
    if call.batched[0] and call.batched[1]:
        out = products.matmul(
            reshaped(x, (call.size, 1, *call.of(0))), reshaped(y, (call.size, *call.of(1), 1))
        )
        return reshaped(out, (call.size,))
    return products.mv(x, y) if call.batched[0] else products.mv(y, x)


@rule("project")
def project(call: Call) -> Any:
    """x wᵀ: with one w for all, its own rule; else w transposed for each example."""
    x, w = call.values
    if not call.batched[1]:
        return products.project(x, w)
    turned = shape.transpose(w, dim0=1, dim1=2)
    if call.rank(0) == 1:
        row = reshaped(x, (*x._data.shape[:-1], 1, x._data.shape[-1]))
        out = products.matmul(row, turned)
        return reshaped(out, (call.size, out._data.shape[-1]))
    extra = call.rank(0) - 2
    sizes = (call.size, *(1,) * extra, *turned._data.shape[1:])
    return products.matmul(x, reshaped(turned, sizes) if extra else turned)


@rule("linear")
def linear(call: Call) -> Any:
    """One weight and bias for all examples: its own rule; else product and sum."""
    if not call.batched[1] and not call.batched[2]:
        return call.operation(*call.values)
    inner = Call(products.project, call.level, call.values[:2], call.batched[:2], {})
    if not any(inner.batched):
        out, flag = products.project(*inner.values), False
    else:
        out, flag = project(inner), True
    total = Call(arithmetic.add, call.level, [out, call.values[2]], [flag, call.batched[2]], {})
    return lined_up(total)
