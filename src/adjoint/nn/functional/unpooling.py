"""Floor 5: the partial inverse of max pooling, and power-mean pooling."""

from __future__ import annotations

import math
from typing import Any

from adjoint.arrays.checks import is_outside
from adjoint.autograd.lifted import values_of
from adjoint.autograd.tensor import Tensor
from adjoint.autograd.views import own

from .arguments import batched, expect_tensor, per_axis
from .pooling import avg_pool1d, avg_pool2d, avg_pool3d


def _max_unpool(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
    n: int,
) -> Tensor:
    name = f"max_unpool{n}d"
    expect_tensor(input, name, "input", 1)
    expect_tensor(indices, name, "indices", 2)
    kernel = per_axis(kernel_size, n, name, "kernel_size")
    strides = kernel if stride is None else per_axis(stride, n, name, "stride")
    paddings = per_axis(padding, n, name, "padding")
    if input._data.shape != indices._data.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor "
            f"({list(input._data.shape)}) but got indices tensor with shape: "
            f"{list(indices._data.shape)}"
        )
    input, alone = batched(input, n, name)
    indices = indices.unsqueeze(0) if alone else indices
    usual = tuple(
        (m - 1) * s - 2 * p + k
        for m, s, p, k in zip(input._data.shape[2:], strides, paddings, kernel, strict=True)
    )
    size = usual if output_size is None else _given_size(output_size, usual, strides)
    flat = input.reshape(*input._data.shape[:2], -1)
    at = indices.reshape(flat._data.shape)
    count = math.prod(size)
    all_at = values_of(at)
    if is_outside(all_at, 0, count):
        wrong = all_at[(all_at < 0) | (all_at >= count)].flat[0]
        raise RuntimeError(
            f"Found an invalid max index: {wrong} (output volumes are of size "
            f"{'x'.join(map(str, size))})"
        )
    zeros = flat.new_zeros((*flat._data.shape[:2], count))
    out = zeros.scatter(2, at, flat).reshape(*flat._data.shape[:2], *size)
    return own(out.squeeze(0) if alone else out)


def _given_size(output_size: Any, usual: tuple[int, ...], strides: Any) -> tuple[int, ...]:
    n = len(usual)
    size = tuple(int(m) for m in output_size)
    size = size[2:] if len(size) == n + 2 else size
    if len(size) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a "
            f"length of '{len(size)}'"
        )
    for m, want, s in zip(size, usual, strides, strict=True):
        if not want - s < m < want + s:
            raise ValueError(
                f"invalid output_size {list(size)}: each must be within a stride of {list(usual)}"
            )
    return size


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Maxima put back at the indices `max_pool1d` returned, zeros elsewhere.

    >>> x = torch.tensor([[[1.0, 3.0, 5.0, 2.0]]])
    >>> values, places = F.max_pool1d(x, 2, return_indices=True)
    >>> F.max_unpool1d(values, places, 2)
    tensor([[[0., 3., 5., 0.]]])
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Maxima put back at the indices `max_pool2d` returned, zeros elsewhere.

    >>> x = torch.tensor([[[1.0, 3.0], [5.0, 2.0]]])
    >>> values, places = F.max_pool2d(x, 2, return_indices=True)
    >>> F.max_unpool2d(values, places, 2)
    tensor([[[0., 0.],
             [5., 0.]]])
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Maxima put back at the indices `max_pool3d` returned, zeros elsewhere.

    >>> x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    >>> values, places = F.max_pool3d(x, 2, return_indices=True)
    >>> F.max_unpool3d(values, places, 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 3)


def _lp_pool(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool, n: int
) -> Tensor:
    """(Σ |x|^p)^(1/p) of each window, as torch forms it: sign kept, mean times count."""
    kernel = per_axis(kernel_size, n, f"lp_pool{n}d", "kernel_size")
    mean = (avg_pool1d, avg_pool2d, avg_pool3d)[n - 1]
    out = mean(input.pow(norm_type), kernel, stride, 0, ceil_mode)
    return (out.sign() * out.abs().relu() * math.prod(kernel)).pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of every window of (n, c, length).

    >>> F.lp_pool1d(torch.tensor([[[3.0, 4.0]]]), norm_type=2, kernel_size=2)
    tensor([[[5.]]])
    """
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 1)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of every window of images (n, c, h, w).

    >>> F.lp_pool2d(torch.tensor([[[3.0, 4.0]]]), norm_type=2, kernel_size=(1, 2))
    tensor([[[5.]]])
    """
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 2)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of every window of volumes (n, c, d, h, w).

    >>> F.lp_pool3d(torch.ones(1, 1, 2, 2, 1), norm_type=2, kernel_size=(2, 2, 1)).item()
    2.0
    """
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 3)
