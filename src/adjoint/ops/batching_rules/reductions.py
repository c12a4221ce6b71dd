"""Floor 2: batching rules of reductions over everything, and of losses."""

from __future__ import annotations

from typing import Any

from .. import extremes, losses, reduction, shape
from ..batching import Call, axes_moved, rule


@rule(
    "mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)  # fmt: skip
def loss_of_pairs(call: Call) -> Any:
    """All values, reduced for each example: their derivatives stay those of the loss."""
    how, rank = call.params["reduction"], call.rank(0)
    params = {**call.params, "reduction": "none"}
    values = call.operation(call.whole(0), call.whole(1), **params)
    if how == "none" or rank == 0:
        return values
    of = reduction.sum_dim if how == "sum" else reduction.mean_dim
    return of(values, dim=tuple(range(1, rank + 1)), keepdim=False)


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
    return reduction.prod_dim(call.one_run(0), dim=1, keepdim=False)


@rule("max", "min")
def extreme_all(call: Call) -> Any:
    """The extreme of one run of elements; ties share the gradient, as over everything."""
    of = extremes.amax if call.operation.name == "max" else extremes.amin
    return of(call.one_run(0), dim=(1,), keepdim=False)


@rule("median", "nanmedian")
def median(call: Call) -> Any:
    """The median of one run of elements; equal ones share the gradient, as over everything."""
    if call.params.get("dim") is not None:
        return axes_moved(call)
    return call.operation(call.one_run(0), dim=1)


@rule("trace")
def trace(call: Call) -> Any:
    """The sum of the diagonal."""
    main = shape.diagonal(call.values[0], offset=0, dim1=1, dim2=2)
    return reduction.sum_dim(main, dim=(1,), keepdim=False)


@rule("cross_entropy")
def cross_entropy(call: Call) -> Any:
    """Losses of all rows together, then reduced for each example."""
    loss, slope = losses.cross_entropy(call.merged(0), call.merged(1), reduction="none")
    loss, slope = call.apart(loss), call.apart(slope)
    how = call.params["reduction"]
    if how != "none":
        of = reduction.sum_dim if how == "sum" else reduction.mean_dim
        loss = of(loss, dim=(1,), keepdim=False)
    return [loss, slope]
