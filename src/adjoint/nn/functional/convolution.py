"""Floor 5: convolutions and their transposes, over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

from adjoint.api.products import c_name
from adjoint.autograd.tensor import Tensor
from adjoint.ops import convolution as ops

from .arguments import batched, expect_tensor, per_axis, place


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of (n, c, length) with weight (o, c/groups, k); see `conv2d`.

    >>> F = torch.nn.functional
    >>> F.conv1d(torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2.]]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 1)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images (n, c, h, w) with weight (o, c/groups, kh, kw), plus bias (o,).

    out[n, o, y, x] = Σ input[n, c, y·stride + i·dilation - padding, ...] weight[o, c, i, j].
    `padding`: zeros on both sides, one number per axis, "valid" (none) or "same" (output of the
    input's size, stride 1). An input without batch axis gives an output without one.

    >>> F = torch.nn.functional
    >>> F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 2)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of volumes (n, c, d, h, w); see `conv2d`.

    >>> F.conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2)).item()
    8.0
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 3)


def _convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    n: int,
) -> Tensor:
    name = f"conv{n}d"
    expect_tensor(input, name, "input", 1)
    expect_tensor(weight, name, "weight", 2)
    stride = per_axis(stride, n, name, "stride")
    dilation = per_axis(dilation, n, name, "dilation")
    _check_rates(stride, dilation, groups, name)
    if weight._data.ndim != n + 2:
        raise RuntimeError(
            f"{name}: weight must be {n + 2}-D (out, in/groups, *kernel), but has shape "
            f"{list(weight._data.shape)}{place()}"
        )
    input, alone = batched(input, n, name)
    kernel = weight._data.shape[2:]
    padding = _padding(padding, kernel, stride, dilation, name)
    _check_channels(input, weight, bias, groups, weight._data.shape[0], name)
    _check_room(input._data.shape[2:], kernel, padding, dilation)
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if bias is None:
        out = ops.convolve(input, weight, **params)
    else:
        out = ops.convolution(input, weight, bias, **params)
    return out.squeeze(0) if alone else out


def _check_rates(stride: Any, dilation: Any, groups: int, name: str) -> None:
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"non-positive stride is not supported: {name} got {tuple(stride)}")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero: {name} got {tuple(dilation)}")
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported: {name} got {groups}")


def _padding(
    padding: Any, kernel: Any, stride: Any, dilation: Any, name: str
) -> tuple[tuple[int, int], ...]:
    """(before, after) for every axis."""
    n = len(kernel)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * n
        if padding != "same":
            raise RuntimeError(
                f"Invalid padding string: '{padding}': {name} takes 'same', 'valid' or numbers"
            )
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    sizes = per_axis(padding, n, name, "padding")
    if any(p < 0 for p in sizes):
        raise RuntimeError(f"negative padding is not supported: {name} got {sizes}")
    return tuple((p, p) for p in sizes)


def _check_channels(
    input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, outputs: int, name: str
) -> None:
    shape, size = weight._data.shape, input._data.shape
    if shape[0] < groups or shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, and "
            f"divisible by it, but got weight of size {list(shape)} instead{place()}"
        )
    expected = shape[1] * groups
    if size[1] != expected:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(shape)}, expected input{list(size)} to "
            f"have {expected} channels, but got {size[1]} channels instead{place()}. The axes of "
            "the input are (batch, channels, ...)."
        )
    _check_bias_and_dtype(input, weight, bias, outputs, name)


def _check_bias_and_dtype(
    input: Tensor, weight: Tensor, bias: Tensor | None, outputs: int, name: str
) -> None:
    if bias is not None:
        expect_tensor(bias, name, "bias", 3)
        if bias._data.shape != (outputs,):
            raise RuntimeError(
                f"Given weight of size {list(weight._data.shape)}, expected bias to be "
                f"1-dimensional with {outputs} elements, but got bias of size "
                f"{list(bias._data.shape)} instead{place()}"
            )
    for t, what in ((weight, "weight"), (bias, "bias")):
        if t is not None and t._data.dtype != input._data.dtype:
            raise RuntimeError(
                f"Input type ({c_name(input.dtype)}) and {what} type ({c_name(t.dtype)}) should be "
                f"the same{place()}; convert the input with .to({t.dtype})"
            )


def _check_room(space: Any, kernel: Any, padding: Any, dilation: Any) -> None:
    padded = [n + sum(p) for n, p in zip(space, padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise RuntimeError(
            "Calculated padded input size per channel: "
            f"({' x '.join(map(str, padded))}). Kernel size: ({' x '.join(map(str, reach))}). "
            f"Kernel size can't be greater than actual input size{place()}; use a smaller kernel, "
            "or padding"
        )


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv1d` in its input; weight (c, o/groups, k). See `conv_transpose2d`.

    >>> F.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 10.0]]]))
    tensor([[[ 1., 12., 20.]]])
    """
    return _transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv2d` in its input: (n, c, h, w), weight (c, o/groups, kh, kw).

    Each axis gets (size - 1)·stride - 2·padding + dilation·(k - 1) + output_padding + 1 elements.

    >>> F = torch.nn.functional
    >>> F.conv_transpose2d(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 2, 2))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    return _transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv3d` in its input; see `conv_transpose2d`.

    >>> F.conv_transpose3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 3, 2, 2, 2)).shape
    torch.Size([1, 3, 3, 3, 3])
    """
    return _transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)


def _transposed(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
    n: int,
) -> Tensor:
    name = f"conv_transpose{n}d"
    expect_tensor(input, name, "input", 1)
    expect_tensor(weight, name, "weight", 2)
    stride = per_axis(stride, n, name, "stride")
    padding = per_axis(padding, n, name, "padding")
    extra = per_axis(output_padding, n, name, "output_padding")
    dilation = per_axis(dilation, n, name, "dilation")
    _check_rates(stride, dilation, groups, name)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"output_padding: {list(extra)}, stride: {list(stride)}, dilation: {list(dilation)}"
        )
    input, alone = batched(input, n, name)
    shape, kernel = weight._data.shape, weight._data.shape[2:]
    if len(shape) != n + 2 or input._data.shape[1] != shape[0] or shape[0] % groups:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(shape)}, expected input"
            f"{list(input._data.shape)} to have {shape[0]} channels, a multiple of groups={groups},"
            f" but got {input._data.shape[1]} channels instead{place()}"
        )
    outputs = shape[1] * groups
    _check_bias_and_dtype(input, weight, bias, outputs, name)
    size = tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + e + 1
        for m, s, p, d, k, e in zip(
            input._data.shape[2:], stride, padding, dilation, kernel, extra, strict=True
        )
    )
    if any(m <= 0 for m in size):
        raise RuntimeError(
            f"Given input size per channel: {list(input._data.shape[2:])}. Calculated output size "
            f"per channel: {list(size)}. Output size is too small{place()}"
        )
    pairs = tuple((p, p) for p in padding)
    params = {"stride": stride, "padding": pairs, "dilation": dilation, "groups": groups}
    out = ops.convolve_input_transpose(input, weight, size=size, **params)
    if bias is not None:
        out = out + bias.reshape(-1, *(1 for _ in size))
    return out.squeeze(0) if alone else out
