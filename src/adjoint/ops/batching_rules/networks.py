"""Floor 2: batching rules of convolutions, pooling and normalization: samples merged."""

from __future__ import annotations

from typing import Any

from ...autograd.tensor import Tensor
from .. import arithmetic, convolution, normalization
from ..batching import Call, moved, reshaped, rule


@rule(
    "max_pool", "pool_take", "pool_put", "average_pool", "average_pool_transpose",
    "pick_class", "put_class",
)  # fmt: skip
def merged(call: Call) -> Any:
    """Everything per sample: all samples of all examples together."""
    out = call.operation(*[call.merged(i) for i in range(len(call.values))], **call.params)
    if call.operation.several:
        return [call.apart(o) for o in out]
    return call.apart(out)


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
        return call.apart(call.operation(call.merged(0), *call.values[1:], **call.params))
    if not call.batched[1]:
        out = call.apart(convolution.convolve(call.merged(0), w, **call.params))
    else:
        params = {**call.params, "groups": call.params["groups"] * call.size}
        out = _unfolded(call, convolution.convolve(_folded(call, 0), call.merged(1), **params))
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
        return call.apart(call.operation(call.merged(0), call.values[1], **call.params))
    params = {**call.params, "groups": call.params["groups"] * call.size}
    return _unfolded(call, call.operation(_folded(call, 0), call.merged(1), **params))


@rule("convolve_weight_transpose")
def convolve_weight_transpose(call: Call) -> Any:
    """A weight for each example: channels in groups."""
    params = {**call.params, "groups": call.params["groups"] * call.size}
    return call.apart(call.operation(_folded(call, 0), _folded(call, 1), **params))


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
