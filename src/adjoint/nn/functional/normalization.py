"""Floor 5: normalisation functions: batch, instance, group, layer and RMS norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.api.examples import mapped_levels
from adjoint.api.padding import pad
from adjoint.api.registration import write_out
from adjoint.autograd import modes
from adjoint.autograd.lifted import top_level
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor, storage_of
from adjoint.autograd.views import own
from adjoint.ops import normalization as ops

from .arguments import expect_tensor, place
from .pooling import avg_pool1d


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of (n, c, ...) and scale it: (x - mean) / sqrt(var + eps) * w + b.

    In training the moments are the batch's (biased variance), and the running ones move towards
    them by `momentum` (with the unbiased variance); otherwise the running ones are used.
    Ioffe & Szegedy 2015.

    >>> x = torch.tensor([[1.0], [3.0]])
    >>> torch.nn.functional.batch_norm(x, None, None, training=True, eps=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    expect_tensor(input, "batch_norm", "input", 1)
    x = input._data
    if x.ndim < (2 if training else 1):
        raise ValueError(
            f"expected at least 2D input (got {x.ndim}D input){place()}: batch_norm needs "
            "(batch, channels, ...)"
        )
    channels = x.shape[1 if x.ndim > 1 else 0]
    named = (running_mean, "running_mean"), (running_var, "running_var")
    for t, name in (*named, (weight, "weight"), (bias, "bias")):
        if t is not None and t._data.size != channels:
            raise RuntimeError(
                f"{name} should contain {channels} elements not {t._data.size}{place()}: the "
                f"input has shape {list(x.shape)}"
            )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when training=False; pass "
                "them, or training=True"
            )
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    count = x.size // channels if channels else 0
    if count <= 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(x.shape)}){place()}; use a larger batch, or eval() for inference"
        )
    axes = (0, *range(2, x.ndim))
    out, mean, var = _normalize(ops.batch_norm, input, weight, bias, axes, _channel(x.ndim), eps)
    _update(running_mean, mean, momentum)
    _update(running_var, var, momentum, count / (count - 1))
    return out


def _channel(ndim: int) -> tuple[int, ...]:
    """How a value per channel broadcasts: (1, c, 1, ...)."""
    return (1, -1, *(1,) * (ndim - 2)) if ndim > 1 else (-1,)


def _normalize(
    operation: Any,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    axes: tuple[int, ...],
    affine_shape: tuple[int, ...],
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Values and moments; with both of weight and bias in one operation."""
    if (
        weight is not None
        and bias is not None
        and weight._data.dtype == bias._data.dtype == input._data.dtype
    ):
        shape = tuple(weight._data.size if n == -1 else n for n in affine_shape)
        found = operation(input, weight, bias, axes=axes, affine_shape=shape, eps=eps)
        return found
    out, mean, var = ops.standardize(input, axes=axes, eps=eps)
    if weight is not None:
        out = out * weight.reshape(affine_shape)
    if bias is not None:
        out = out + bias.reshape(affine_shape)
    return out, mean, var


def _update(
    running: Tensor | None,
    moment: Tensor,
    momentum: float,
    factor: float = 1,
    over: int | None = None,
) -> None:
    """running = (1 - momentum) running + momentum * factor * moment, in place."""
    if running is None:
        return
    if modes.lifted and top_level((running, moment)) is not None:
        _update_lifted(running, moment, momentum, factor, over)
        return
    observed = moment._data if over is None else moment._data.mean(over)
    observed = observed * factor
    array = running._data
    array *= 1 - momentum
    array += (momentum * observed.reshape(array.shape)).astype(array.dtype, copy=False)
    storage_of(running).bump(None)


def _update_lifted(
    running: Tensor, moment: Tensor, momentum: float, factor: float, over: int | None
) -> None:
    """The same for each example, without derivatives."""
    own = mapped_levels(running)
    if any(level not in own for level in mapped_levels(moment)):
        raise RuntimeError(
            "Batch norm got a batched tensor as input while the running_mean or running_var, which "
            "will be updated in place, were not batched: in vmap every example would write its own "
            "moments into statistics that all share. Use module.eval(), "
            "BatchNorm(..., track_running_stats=False), or func.functional_call with a copy of the "
            "buffers for each example."
        )
    observed = moment.detach() if over is None else moment.detach().mean(over)
    with no_grad():
        kept = running * (1 - momentum)
        running.copy_(kept + (observed * (momentum * factor)).reshape(running.shape))


def _by_running(
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Normalise by given moments: one scale and one shift per channel."""
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    channel = _channel(input._data.ndim)
    return input * scale.reshape(channel) + shift.reshape(channel)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample of (n, c, ...) over its spatial axes.

    >>> F.instance_norm(torch.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    expect_tensor(input, "instance_norm", "input", 1)
    x = input._data
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats=False"
            )
        return _by_running(input, running_mean, running_var, weight, bias, eps)
    count = int(np.prod(x.shape[2:]))
    if count <= 1:
        raise ValueError(
            "Expected more than 1 spatial element when training, got input size "
            f"torch.Size({list(x.shape)}){place()}"
        )
    axes = tuple(range(2, x.ndim))
    out, mean, var = _normalize(ops.layer_norm, input, weight, bias, axes, _channel(x.ndim), eps)
    _update(running_mean, mean, momentum, over=0)
    _update(running_var, var, momentum, count / (count - 1), over=0)
    return out


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each of `num_groups` groups of channels of each sample (Wu & He 2018).

    >>> torch.nn.functional.group_norm(torch.tensor([[1.0, 3.0]]), 1, eps=0.0)
    tensor([[-1.,  1.]])
    """
    expect_tensor(input, "group_norm", "input", 1)
    shape = input._data.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    n, channels = shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(shape)} and num_groups={num_groups}{place()}"
        )
    for t, name in ((weight, "weight"), (bias, "bias")):
        if t is not None and t._data.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in "
                f"input, but got {name} of shape {list(t._data.shape)} and input of shape "
                f"{list(shape)}{place()}"
            )
    grouped = input.reshape(n, num_groups, channels // num_groups, *shape[2:])
    axes = tuple(range(2, len(shape) + 1))
    affine = (1, num_groups, channels // num_groups, *(1,) * (len(shape) - 2))
    out, _, _ = _normalize(ops.group_norm, grouped, weight, bias, axes, affine, eps)
    return own(out.reshape(shape))


def _trailing(input: Tensor, normalized_shape: Sequence[int], name: str) -> tuple[int, ...]:
    """The axes that `normalized_shape` names: the last ones of the input."""
    single = isinstance(normalized_shape, int)
    shape = (normalized_shape,) if single else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            f"Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            f"one element, but got normalized_shape = [] ({name})"
        )
    got = input._data.shape
    if got[len(got) - len(shape) :] != shape or len(got) < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(got)}{place()}"
        )
    return tuple(range(len(got) - len(shape), len(got)))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last axes, of `normalized_shape` (Ba et al. 2016).

    >>> torch.nn.functional.layer_norm(torch.tensor([[1.0, 3.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.]])
    """
    expect_tensor(input, "layer_norm", "input", 1)
    axes = _trailing(input, normalized_shape, "layer_norm")
    shape = input._data.shape[axes[0] :]
    for t, name in ((weight, "weight"), (bias, "bias")):
        if t is not None and t._data.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of "
                f"shape {list(t._data.shape)} and normalized_shape = {list(shape)}{place()}"
            )
    return _normalize(ops.layer_norm, input, weight, bias, axes, shape, eps)[0]


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divide by the root mean square over the last axes (Zhang & Sennrich 2019).

    `eps` is by default the machine epsilon of the dtype.

    >>> torch.nn.functional.rms_norm(torch.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """
    expect_tensor(input, "rms_norm", "input", 1)
    axes = _trailing(input, normalized_shape, "rms_norm")
    shape = input._data.shape[axes[0] :]
    if weight is not None and weight._data.shape != shape:
        raise RuntimeError(
            f"Expected weight to be of same shape as normalized_shape, but got weight of shape "
            f"{list(weight._data.shape)} and normalized_shape = {list(shape)}{place()}"
        )
    if eps is None:
        eps = float(np.finfo(input._data.dtype).eps)
    squares = (input * input).mean(axes, keepdim=True)
    out = input * (squares + eps).rsqrt()
    return out if weight is None else out * weight


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by (k + alpha * mean of squares over `size` neighbouring channels) ** beta.

    >>> F.local_response_norm(torch.ones(1, 2, 1), size=2, alpha=1.0, beta=1.0)
    tensor([[[0.6667],
             [0.5000]]])
    """
    expect_tensor(input, "local_response_norm", "input", 1)
    shape = input._data.shape
    if len(shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)"
        )
    squares = (input * input).reshape(shape[0], shape[1], -1).transpose(1, 2)
    padded = pad(squares, (size // 2, (size - 1) // 2))
    means = avg_pool1d(padded, size, 1).transpose(1, 2).reshape(shape)
    return input / (means * alpha + k).pow(beta)


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divide by the p-norm along `dim`, or by eps where that is larger.

    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    expect_tensor(input, "normalize", "input", 1)
    length = input.norm(p, dim, keepdim=True).clamp_min(eps)
    result = input / length.expand_as(input)
    return result if out is None else write_out(result, out, "normalize")
