"""Floor 2: batching rules of operations whose inputs have roles: products, convolutions, indices.

Everything else follows from kinds and parameter names; see `batching`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor, wrap
from . import (
    arithmetic,
    convolution,
    extremes,
    indexing,
    losses,
    normalization,
    products,
    reduction,
    shape,
)
from .batching import (
    Call,
    axes_moved,
    composed,
    leading,
    lined_up,
    moved,
    one_by_one,
    reshaped,
    rule,
)


def _names(text: str) -> list[str]:
    return text.split()


# Of another kind, because their derivatives are not partials, but lined up all the same.
rule(
    *_names(
        "relu leaky_relu prelu hardtanh hardsigmoid hardswish softshrink hardshrink threshold abs "
        "sign sgn where nan_to_num copysign heaviside deg2rad rad2deg zero fill cast real imag "
        "conj angle complex polar maximum minimum fmax fmin clamp_number clamp_min clamp_max clamp "
        "floor ceil trunc round round_decimals frexp floor_divide trunc_divide contiguous"
    )
)(lined_up)
# Of matrices, in any number of leading axes.
rule(
    *_names(
        "inv det slogdet cholesky eigh qr svd tril triu view_as_real view_as_complex solve pinv "
        "matrix_exp"
    )
)(leading)
# Written in operations that batch.
rule(*_names("masked_fill masked_fill_tensor mask_put nll_loss addmm linear"))(composed)
rule(*_names("as_strided embed_strided block_diag masked_scatter median nanmedian"))(one_by_one)


@rule("stack")
def stacked(call: Call) -> Any:
    """The dimension is one of the result, so it can be counted for examples of no dimension too."""
    dim = call.params["dim"]
    parts = [call.whole(i) for i in range(len(call.values))]
    return call.operation(*parts, dim=dim + 1 if dim >= 0 else dim)


@rule(
    *_names(
        "mse_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits"
    )
)
def loss_of_pairs(call: Call) -> Any:
    """All values, reduced for each example: their derivatives stay those of the loss."""
    how, rank = call.params["reduction"], call.rank(0)
    params = {**call.params, "reduction": "none"}
    values = call.operation(call.whole(0), call.whole(1), **params)
    if how == "none" or rank == 0:
        return values
    of = reduction.sum_dim if how == "sum" else reduction.mean_dim
    return of(values, dim=tuple(range(1, rank + 1)), keepdim=False)


def _one_run(call: Call, i: int) -> Tensor:
    """Input i with all its dimensions as one, after the hidden axis."""
    return reshaped(call.whole(i), (call.size, prod(call.of(i))))


@rule("solve")
def solve(call: Call) -> Any:
    """A vector on the right is a matrix of one column, so that it is not taken for a batch."""
    if call.rank(1) > 1:
        return lined_up(call)
    b = call.values[1]
    columns = reshaped(b, (*b._data.shape, 1))
    out = lined_up(Call(call.operation, call.level, [call.values[0], columns], call.batched, {}))
    return reshaped(out, out._data.shape[:-1])


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
    flat = _one_run(call, 0)
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


@rule("scatter", "scatter_value")
def scatter(call: Call) -> Any:
    """A 0-d value is written everywhere: with the hidden axis it needs the shape of the places."""
    if call.rank(2) == 0:
        sizes = call.whole(1)._data.shape
        value = call.lined_up(2, len(sizes) - 1)
        call.values[2], call.batched[2] = shape.expand(value, shape=sizes), True
    return axes_moved(call)


# Reductions over everything: over all axes but the hidden one.
@rule("sum", "mean")
def sum_all(call: Call) -> Any:
    """The sum (mean) over all dimensions."""
    x, rank = call.values[0], call.rank(0)
    if rank == 0:
        return x
    of = reduction.sum_dim if call.operation.name == "sum" else reduction.mean_dim
    return of(x, dim=tuple(range(1, rank + 1)), keepdim=False)


@rule("prod")
def prod_all(call: Call) -> Any:
    """The product of one run of elements."""
    return reduction.prod_dim(_one_run(call, 0), dim=1, keepdim=False)


@rule("max", "min")
def extreme_all(call: Call) -> Any:
    """The extreme of one run of elements; ties share the gradient, as over everything."""
    of = extremes.amax if call.operation.name == "max" else extremes.amin
    return of(_one_run(call, 0), dim=(1,), keepdim=False)


@rule("trace")
def trace(call: Call) -> Any:
    """The sum of the diagonal."""
    main = shape.diagonal(call.values[0], offset=0, dim1=1, dim2=2)
    return reduction.sum_dim(main, dim=(1,), keepdim=False)


# Products.
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


# Examples that hold batches of their own: n axes become one.
def _merged(call: Call, i: int) -> Tensor:
    """Input i with the hidden axis and its first merged."""
    x = call.whole(i)
    sizes = x._data.shape
    return reshaped(x, (sizes[0] * sizes[1], *sizes[2:]))


def _apart(call: Call, t: Tensor) -> Tensor:
    sizes = t._data.shape
    return reshaped(t, (call.size, sizes[0] // max(call.size, 1), *sizes[1:]))


@rule(
    "max_pool", "pool_take", "pool_put", "average_pool", "average_pool_transpose",
    "pick_class", "put_class",
)  # fmt: skip
def merged(call: Call) -> Any:
    """Everything per sample: all samples of all examples together."""
    out = call.operation(*[_merged(call, i) for i in range(len(call.values))], **call.params)
    if call.operation.several:
        return [_apart(call, o) for o in out]
    return _apart(call, out)


@rule("cross_entropy")
def cross_entropy(call: Call) -> Any:
    """Losses of all rows together, then reduced for each example."""
    loss, slope = losses.cross_entropy(_merged(call, 0), _merged(call, 1), reduction="none")
    loss, slope = _apart(call, loss), _apart(call, slope)
    how = call.params["reduction"]
    if how != "none":
        of = reduction.sum_dim if how == "sum" else reduction.mean_dim
        loss = of(loss, dim=(1,), keepdim=False)
    return [loss, slope]


def _folded(call: Call, i: int) -> Tensor:
    """Input i (n, c, ...) with the hidden axis folded into its channels: (n, size * c, ...)."""
    x = moved(call.whole(i), 0, 1)
    sizes = x._data.shape
    return reshaped(x, (sizes[0], sizes[1] * sizes[2], *sizes[3:]))


def _unfolded(call: Call, t: Tensor) -> Tensor:
    sizes = t._data.shape
    apart = reshaped(t, (sizes[0], call.size, sizes[1] // max(call.size, 1), *sizes[2:]))
    return moved(apart, 1, 0)


@rule("convolve", "convolution")
def convolve(call: Call) -> Any:
    """One weight: samples merged. A weight for each example: channels in groups."""
    w = call.values[1]
    if not any(call.batched[1:]):
        return _apart(call, call.operation(_merged(call, 0), *call.values[1:], **call.params))
    if not call.batched[1]:
        out = _apart(call, convolution.convolve(_merged(call, 0), w, **call.params))
    else:
        params = {**call.params, "groups": call.params["groups"] * call.size}
        out = _unfolded(call, convolution.convolve(_folded(call, 0), _merged(call, 1), **params))
    if len(call.values) == 2:
        return out
    b = call.values[2]
    lead = (call.size, 1) if call.batched[2] else (1, 1)
    per_channel = (*lead, call.of(2)[0], *(1,) * (call.rank(0) - 2))
    return arithmetic.add(out, reshaped(b, per_channel))


@rule("convolve_input_transpose")
def convolve_input_transpose(call: Call) -> Any:
    """As the convolution."""
    if not call.batched[1]:
        return _apart(call, call.operation(_merged(call, 0), call.values[1], **call.params))
    params = {**call.params, "groups": call.params["groups"] * call.size}
    return _unfolded(call, call.operation(_folded(call, 0), _merged(call, 1), **params))


@rule("convolve_weight_transpose")
def convolve_weight_transpose(call: Call) -> Any:
    """A weight for each example: channels in groups."""
    params = {**call.params, "groups": call.params["groups"] * call.size}
    return _apart(call, call.operation(_folded(call, 0), _folded(call, 1), **params))


@rule("layer_norm", "batch_norm", "group_norm")
def affine_norm(call: Call) -> Any:
    """Standardised, then scaled and shifted by each example's own parameters."""
    params = call.params
    axes = tuple([a + 1 for a in params["axes"]])
    form = tuple(params["affine_shape"])
    form = (1,) * (call.rank(0) - len(form)) + form
    if call.batched == [True, False, False]:
        return call.operation(*call.values, axes=axes, affine_shape=(1, *form), eps=params["eps"])
    out, mean, var = normalization.standardize(call.whole(0), axes=axes, eps=params["eps"])
    w, b = [
        reshaped(call.values[i], ((call.size if call.batched[i] else 1), *form)) for i in (1, 2)
    ]
    return [arithmetic.add(arithmetic.mul(out, w), b), mean, var]


# Indices.
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
    flat = _one_run(call, 0)
    params = {"axes": (0,)}
    flags = [True, call.batched[1]]
    return index(Call(indexing.index, call.level, [flat, call.values[1]], flags, params))


@rule("put")
def put(call: Call) -> Any:
    """Written into one run of elements."""
    x = call.whole(0)
    flat = _one_run(call, 0)
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
    own = _numbered(call, 1, count)
    if skip is not None:
        return one_by_one(call)
    table = reshaped(w, (call.size * count, *w._data.shape[2:]))
    return call.operation(table, own, skip=None)


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
    count, skip = call.params["count"], call.params["skip"]
    x, places = call.whole(0), call.whole(1)
    if skip is not None:
        kept = engine._tensor_namespace[0].expand_dims(places == skip, axis=-1)
        x = engine._tensor_namespace[0].where(kept, 0, x)
    own = _numbered(call, 1, count)
    out = call.operation(x, own, count=count * call.size, skip=None)
    return reshaped(out, (call.size, count, *out._data.shape[1:]))
