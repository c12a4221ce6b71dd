"""Floor 5: pooling: maxima and means of windows, of given or of adapted size."""

from __future__ import annotations

import functools
from math import prod
from typing import Any

import numpy as np

from adjoint.api.examples import on_values
from adjoint.arrays import pooling as arrays
from adjoint.autograd.tensor import Tensor, wrap
from adjoint.autograd.views import own
from adjoint.ops import pooling as ops

from .arguments import batched, expect_real, expect_tensor, per_axis, place

Pairs = tuple[tuple[int, int], ...]


def _windows(
    space: tuple[int, ...],
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    name: str,
) -> tuple[tuple[int, ...], Pairs]:
    """Output sizes, and the padding that makes all windows whole."""
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if d <= 0:
            raise RuntimeError(f"{name}() dilation must be greater than zero, but got {d}")
        if k <= 0:
            raise RuntimeError(f"{name}() kernel_size must be greater than zero, but got {k}")
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p} ({name})")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d} ({name})"
            )
    sizes, pairs = [], []
    for n, k, s, p, d in zip(space, kernel, stride, padding, dilation, strict=True):
        if s <= 0:
            raise RuntimeError(f"stride should not be zero ({name} got {s})")
        reach = d * (k - 1) + 1
        size = -((reach - n - 2 * p) // s) + 1 if ceil_mode else (n + 2 * p - reach) // s + 1
        if ceil_mode and (size - 1) * s >= n + p:  # a window may not begin in the padding
            size -= 1
        sizes.append(size)
        pairs.append((p, max(p, (size - 1) * s + reach - n - p)))
    if any(m < 1 for m in sizes):
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, space))}). Calculated output size: "
            f"({'x'.join(map(str, sizes))}). Output size is too small{place()} ({name} with "
            f"kernel_size {tuple(kernel)}: use a smaller one, or padding)"
        )
    return tuple(sizes), tuple(pairs)


def _max_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
    n: int,
) -> Any:
    name = f"max_pool{n}d"
    expect_tensor(input, name, "input", 1)
    expect_real(input, name)
    kernel = per_axis(kernel_size, n, name, "kernel_size")
    strides = per_axis(_or(stride, kernel_size), n, name, "stride")
    paddings = per_axis(padding, n, name, "padding")
    dilations = per_axis(dilation, n, name, "dilation")
    input, alone = batched(input, n, name)
    space = input._data.shape[2:]
    if n > 1 and 0 in input._data.shape[1:]:
        raise RuntimeError(
            f"{name}(): Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {list(input._data.shape)}"
        )
    _, pairs = _windows(space, kernel, strides, paddings, dilations, ceil_mode, name)
    params: dict[str, Any] = {
        "kernel": kernel,
        "stride": strides,
        "padding": pairs,
        "dilation": dilations,
    }
    out, places = ops.max_pool(input, **params)
    out = own(out.squeeze(0)) if alone else out
    if not return_indices:
        return out
    indices = on_values(functools.partial(_indices, {"size": space, **params}), places)
    return out, (indices.squeeze(0) if alone else indices)


def _indices(params: dict[str, Any], lead: int, places: Any) -> Any:
    """Where maxima are in the flattened input; hidden axes count as samples meanwhile."""
    flat = places.reshape((prod(places.shape[: lead + 1]), *places.shape[lead + 1 :]))
    return arrays.pool_indices(flat, **params).reshape(places.shape)


def _or(stride: Any, kernel_size: Any) -> Any:
    """The stride, which is the kernel's size when not given."""
    return kernel_size if stride is None or stride == [] or stride == () else stride


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of (n, c, length); see `max_pool2d`.

    >>> torch.nn.functional.max_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    tensor([[[3., 2.]]])
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 1)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of images (n, c, h, w).

    Padding counts as -inf. `ceil_mode` keeps a last window that reaches beyond the end. With
    `return_indices` also the index of each maximum in the flattened image. Of equal elements the
    first gets the gradient.

    >>> torch.nn.functional.max_pool2d(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]), 2)
    tensor([[[[4.]]]])
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 2)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of volumes (n, c, d, h, w); see `max_pool2d`.

    >>> F.max_pool3d(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    7.0
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 3)


def _counts(n: int, k: int, s: int, p: int, size: int, include_pad: bool) -> tuple[int, ...]:
    """How many elements each window along an axis counts."""
    found = []
    for i in range(size):
        start = i * s - p
        end = min(start + k, n + p)
        found.append(end - start if include_pad else min(end, n) - max(start, 0))
    return tuple(found)


def _avg_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
    n: int,
) -> Tensor:
    name = f"avg_pool{n}d"
    expect_tensor(input, name, "input", 1)
    expect_real(input, name)
    kernel = per_axis(kernel_size, n, name, "kernel_size")
    strides = per_axis(_or(stride, kernel_size), n, name, "stride")
    paddings = per_axis(padding, n, name, "padding")
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    input, alone = batched(input, n, name)
    space = input._data.shape[2:]
    sizes, pairs = _windows(space, kernel, strides, paddings, (1,) * n, ceil_mode, name)
    if divisor is None:
        counts = tuple(
            _counts(*axis, count_include_pad)
            for axis in zip(space, kernel, strides, paddings, sizes, strict=True)
        )
    else:
        counts = tuple((divisor if i == 0 else 1,) * size for i, size in enumerate(sizes))
    out = ops.average_pool(input, kernel=kernel, stride=strides, padding=pairs, counts=counts)
    return own(out.squeeze(0) if alone else out)


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window of (n, c, length); see `avg_pool2d`.

    >>> torch.nn.functional.avg_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    tensor([[[2., 1.]]])
    """
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of images (n, c, h, w).

    `count_include_pad` says whether padding zeros are counted; `divisor_override` replaces the
    count.

    >>> torch.nn.functional.avg_pool2d(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]), 2)
    tensor([[[[2.5000]]]])
    """
    return _avg_pool(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 2
    )


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of volumes (n, c, d, h, w); see `avg_pool2d`.

    >>> F.avg_pool3d(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    3.5
    """
    return _avg_pool(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 3
    )


def _adapted(output_size: Any, space: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Output sizes, None meaning the input's."""
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * len(space)
    if len(given) != len(space):
        raise RuntimeError(
            f"{name}: output_size must be an int, or {len(space)} ints, but got {output_size}"
        )
    sizes = tuple(n if m is None else int(m) for m, n in zip(given, space, strict=True))
    if any(m < 0 for m in sizes):
        raise RuntimeError(f"{name}: elements of output_size must be non-negative, got {sizes}")
    return sizes


def _borders(n: int, m: int) -> list[tuple[int, int]]:
    """Where the m windows over n elements begin and end."""
    return [(i * n // m, -((-(i + 1) * n) // m)) for i in range(m)]


def _check_rank(input: Tensor, output_size: Any, name: str) -> None:
    """ValueError, as torch, for an input without room for sizes, channels and all."""
    expect_tensor(input, name, "input", 1)
    if isinstance(output_size, (tuple, list)) and input._data.ndim <= len(output_size):
        raise ValueError(
            f"Input dimension should be at least {len(output_size) + 1}, but {name} got an input "
            f"of shape {list(input._data.shape)}{place()}"
        )


def _adaptive_avg(input: Tensor, output_size: Any, n: int) -> Tensor:
    name = f"adaptive_avg_pool{n}d"
    _check_rank(input, output_size, name)
    input, alone = batched(input, n, name)
    space = input._data.shape[2:]
    sizes = _adapted(output_size, space, name)
    if all(m and s % m == 0 for m, s in zip(sizes, space, strict=True)):
        kernel = tuple(s // m for m, s in zip(sizes, space, strict=True))
        if all(m == 1 for m in sizes):
            out = input.mean(tuple(range(2, 2 + n)), keepdim=True)
        else:
            out = _avg_pool(input, kernel, None, 0, False, True, None, n)
    else:
        out = input
        for axis, (s, m) in enumerate(zip(space, sizes, strict=True), start=2):
            means = np.zeros((s, m), input._data.dtype)
            for i, (start, end) in enumerate(_borders(s, m)):
                means[start:end, i] = 1 / (end - start)
            out = (out.transpose(axis, -1) @ wrap(means)).transpose(axis, -1)
    return own(out.squeeze(0) if alone else out)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means of `output_size` windows that cover (n, c, length) evenly.

    >>> F.adaptive_avg_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[2., 6.]]])
    """
    return _adaptive_avg(input, output_size, 1)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that cover images (n, c, h, w) evenly: output (n, c, *output_size).

    Window i of m over n elements is [⌊i n / m⌋, ⌈(i + 1) n / m⌉).

    >>> torch.nn.functional.adaptive_avg_pool2d(torch.ones(1, 1, 5, 4), 1)
    tensor([[[[1.]]]])
    """
    return _adaptive_avg(input, output_size, 2)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that cover volumes evenly; see `adaptive_avg_pool2d`.

    >>> F.adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 1).item()
    3.5
    """
    return _adaptive_avg(input, output_size, 3)


def _adaptive_max(input: Tensor, output_size: Any, return_indices: bool, n: int) -> Any:
    """The maximum is found on arrays; its element is then picked by index, which is recorded."""
    name = f"adaptive_max_pool{n}d"
    _check_rank(input, output_size, name)
    input, alone = batched(input, n, name)
    space = input._data.shape[2:]
    sizes = _adapted(output_size, space, name)
    indices = on_values(lambda n, x: _adaptive_indices(x, sizes), input)
    flat = input.reshape(*input._data.shape[:2], -1)
    out = flat.gather(2, indices.reshape(*indices._data.shape[:2], -1))
    out = out.reshape(indices._data.shape)
    if alone:
        out, indices = out.squeeze(0), own(indices.squeeze(0))
    out = own(out)
    return (out, indices) if return_indices else out


def _adaptive_indices(x: Any, sizes: tuple[int, ...]) -> Any:
    """For each window the index of its first maximum in the flattened spatial axes."""
    lead, space = x.shape[: -len(sizes)], x.shape[-len(sizes) :]
    found = np.empty((*lead, *sizes), np.int64)
    numbers = np.arange(int(np.prod(space))).reshape(space)
    borders = [_borders(s, m) for s, m in zip(space, sizes, strict=True)]
    for at in np.ndindex(*sizes):
        window = tuple(slice(*axis[i]) for axis, i in zip(borders, at, strict=True))
        part = x[(..., *window)].reshape(*lead, -1)
        found[(..., *at)] = numbers[window].reshape(-1)[part.argmax(-1)]
    return found


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of `output_size` windows that cover (n, c, length) evenly.

    >>> F.adaptive_max_pool1d(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), 2)
    tensor([[[3., 7.]]])
    """
    return _adaptive_max(input, output_size, return_indices, 1)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of windows that cover images (n, c, h, w) evenly; see `adaptive_avg_pool2d`.

    >>> torch.nn.functional.adaptive_max_pool2d(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]), 1)
    tensor([[[[4.]]]])
    """
    return _adaptive_max(input, output_size, return_indices, 2)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima of windows that cover volumes evenly; see `adaptive_avg_pool2d`.

    >>> F.adaptive_max_pool3d(torch.arange(8.0).reshape(1, 1, 2, 2, 2), 1).item()
    7.0
    """
    return _adaptive_max(input, output_size, return_indices, 3)
