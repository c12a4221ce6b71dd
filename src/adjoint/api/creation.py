"""Floor 3: making tensors: from data, filled, ranges, and the *_like forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import device as devices
from ..arrays import dtypes
from ..autograd.tensor import Tensor, wrap
from .registration import FUNCTIONS


def creator(f: Any) -> Any:
    """Publish a function that makes tensors (no method form)."""
    FUNCTIONS[f.__name__.rstrip("_")] = f
    return f


def finish(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """The tensor on a new array, with the options every creation function has."""
    if device is not None:
        devices.check(device)
    t: Tensor = wrap(array)
    if requires_grad:
        t.requires_grad_(True)
    return t


def numpy_dtype(dtype: Any, default: Any = None) -> Any:
    """The NumPy dtype for a `dtype=` argument, or the default (float) when None."""
    if dtype is None:
        return (default or dtypes.get_default_dtype()).numpy
    return dtypes.as_dtype(dtype).numpy


def shape_of(size: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))`, `f(torch.Size([2, 3]))` -> (2, 3)."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = []
    for n in size:
        if isinstance(n, (bool, float)) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' must be tuple of ints, but found element of type "
                f"{type(n).__name__}"
            )
        shape.append(n.__index__())
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {shape}"
        )
    return tuple(shape)


def infer_dtype(data: Any) -> dtypes.dtype:
    """The dtype of nested Python data: the highest category in it."""
    kind = np.asarray(data).dtype.kind if not isinstance(data, (list, tuple)) else None
    if kind is None:
        array = np.array(data)
        if array.dtype.kind == "O":
            raise ValueError(
                "could not make a tensor of this nested sequence: every row must have the same "
                "length and hold numbers"
            )
        kind = array.dtype.kind if array.size else "f"
    return {
        "b": dtypes.bool_,
        "i": dtypes.int64,
        "u": dtypes.int64,
        "f": dtypes.get_default_dtype(),
        "c": dtypes.default_complex(),
    }[kind]


def unwrap(data: Any) -> Any:
    """Tensors inside nested lists as Python numbers."""
    if isinstance(data, Tensor):
        return data._data.tolist()
    if isinstance(data, (list, tuple)):
        return [unwrap(d) if isinstance(d, (list, tuple, Tensor)) else d for d in data]
    return data


def array_from(data: Any, dtype: Any, *, copy: bool) -> Any:
    """An array from a Tensor, array, number or nested sequence, with torch's dtype inference."""
    if isinstance(data, Tensor):
        data = data._data
    if isinstance(data, (np.ndarray, np.generic)):
        wanted = dtypes.from_numpy(data.dtype).numpy if dtype is None else numpy_dtype(dtype)
        with np.errstate(all="ignore"):
            array = np.array(data, dtype=wanted) if copy else np.asarray(data, dtype=wanted)
        return array
    if hasattr(data, "__array__"):
        return array_from(np.asarray(data), dtype, copy=copy)
    data = unwrap(data)
    if isinstance(data, str) or data is None or isinstance(data, dict):
        raise TypeError(
            f"new(): invalid data type '{type(data).__name__}': expected numbers, nested "
            "sequences of numbers, or an array"
        )
    try:
        wanted = infer_dtype(data).numpy if dtype is None else numpy_dtype(dtype)
    except ValueError as error:
        raise _ragged(data) from error
    with np.errstate(all="ignore"):
        if wanted.kind in "iu" and not isinstance(data, (list, tuple)):
            return np.array(int(data), np.int64).astype(wanted)
        return np.array(data).astype(wanted) if np.size(data) else np.array(data, wanted)


def _ragged(data: Any) -> Exception:
    """torch's complaint about rows of different length."""
    for dim, row in enumerate(data):
        if isinstance(row, (list, tuple)) and len(row) != len(data[0]):
            return ValueError(
                f"expected sequence of length {len(data[0])} at dim 1 (got {len(row)}): row {dim} "
                "has another length than row 0"
            )
    return ValueError("could not make a tensor of this nested sequence: rows differ in shape")


@creator
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new leaf tensor that copies `data`: a number, nested sequence, array or Tensor.

    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    return finish(array_from(data, dtype, copy=True), requires_grad, device)


@creator
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor on `data`, sharing memory with an array of the same dtype; a Tensor as it is.

    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtypes.as_dtype(dtype))
    return finish(array_from(data, dtype, copy=False), device=device)


@creator
def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the array's memory.

    >>> torch.from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array with array.copy().)"
        )
    return wrap(ndarray)


@creator
def zeros(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """A tensor filled with 0. `size`: ints, or one sequence of ints.

    >>> torch.zeros(2)
    tensor([0., 0.])
    """
    shape = shape_of(size or (options.pop("size"),), "zeros")
    return finish(np.zeros(shape, numpy_dtype(dtype)), requires_grad, device)


@creator
def ones(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """A tensor filled with 1. `size`: ints, or one sequence of ints.

    >>> torch.ones(2, 2)
    tensor([[1., 1.],
            [1., 1.]])
    """
    shape = shape_of(size or (options.pop("size"),), "ones")
    return finish(np.ones(shape, numpy_dtype(dtype)), requires_grad, device)
