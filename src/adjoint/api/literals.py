"""Floor 3: arrays from Python data: numbers, nested sequences, arrays, with torch's dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..autograd.tensor import Tensor

_PYTHON = {bool: dtypes.bool_, int: dtypes.int64}


def numpy_dtype(dtype: Any, default: Any = None) -> Any:
    """The NumPy dtype for a `dtype=` argument, or the default (float) when None."""
    if dtype is None:
        return (default or dtypes.get_default_dtype()).numpy
    return dtypes.as_dtype(dtype).numpy


def infer_dtype(data: Any) -> dtypes.dtype:
    """The dtype of a number, or of nested data: that of its elements together."""
    if isinstance(data, (list, tuple)):
        found: dtypes.dtype | None = None
        for d in data:
            inner = infer_dtype(d)
            if isinstance(d, (list, tuple)) and not np.size(d):
                continue
            found = inner if found is None else dtypes.promote_types(found, inner)
        return found or dtypes.get_default_dtype()
    known = _PYTHON.get(type(data))
    if known is not None:
        return known
    if isinstance(data, (np.ndarray, np.generic)):
        return dtypes.from_numpy(data.dtype)
    if isinstance(data, Tensor):
        return data.dtype
    if isinstance(data, (bool, int, float, complex)):
        return dtypes.of_scalar(data)
    if isinstance(data, (str, bytes)):
        raise ValueError(f"too many dimensions '{type(data).__name__}': the data holds {data!r}")
    raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")


def _is_python(data: Any) -> bool:
    """Whether the first element of nested lists is a Python number (then all are taken to be)."""
    while isinstance(data, (list, tuple)):
        if not data:
            return True
        data = data[0]
    return type(data) in (float, int, bool, complex)


def unwrap(data: Any) -> Any:
    """Tensors of one element inside nested lists, as Python numbers."""
    if isinstance(data, Tensor):
        if data._data.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars: the list holds a "
                f"tensor of shape {list(data._data.shape)}; use torch.stack to join tensors"
            )
        return data.item()
    if isinstance(data, (list, tuple)):
        return [unwrap(d) for d in data]
    return data


def array_from(data: Any, dtype: Any, *, copy: bool) -> Any:
    """An array from a Tensor, array, number or nested sequence, with torch's dtype inference."""
    if isinstance(data, Tensor):
        data = data._data
    if isinstance(data, (np.ndarray, np.generic)):
        wanted = dtypes.from_numpy(data.dtype).numpy if dtype is None else numpy_dtype(dtype)
        with np.errstate(all="ignore"):
            made = np.array(data, dtype=wanted) if copy else np.asarray(data, dtype=wanted)
        return dtypes.canonical(made)
    if isinstance(data, (list, tuple)):
        return _from_sequence(data, dtype)
    if type(data) in (float, int, bool, complex):
        return from_number(data, numpy_dtype(dtype, infer_dtype(data)))
    if isinstance(data, (str, bytes)):
        raise TypeError(
            f"new(): invalid data type '{type(data).__name__}': expected numbers, nested "
            "sequences of numbers, or an array"
        )
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return array_from(np.asarray(data), dtype, copy=copy)
    if isinstance(data, (Sequence, bytearray)):
        return _from_sequence(list(data), dtype)
    raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")


def from_number(value: Any, wanted: Any) -> Any:
    """A 0-d array of a Python number; an integer has to fit."""
    if wanted.kind in "iu" and isinstance(value, int):
        limits = np.iinfo(wanted)
        if not -(2**63) <= value < 2**63:
            raise ValueError(
                f"Overflow when unpacking long long: {value} does not fit in 64 bits; pass a float"
            )
        if not limits.min <= value <= limits.max:
            if wanted.kind == "u" and value < 0:
                return np.array(value).astype(wanted)
            raise RuntimeError(
                f"value cannot be converted to type {wanted} without overflow: {value} is outside "
                f"[{limits.min}, {limits.max}]"
            )
    if isinstance(value, complex) and wanted.kind not in "cb":
        raise TypeError(f"must be real number, not complex: {value} cannot become {wanted}")
    with np.errstate(all="ignore"):
        return np.array(value).astype(wanted)


def _from_sequence(data: Any, dtype: Any) -> Any:
    """Nested sequences; of Python numbers in two passes of NumPy, of anything else slower."""
    is_python = _is_python(data)
    if not is_python:
        inferred = infer_dtype(data) if dtype is None else None
        if not any(isinstance(d, np.ndarray) for d in data):
            data = unwrap(data)
    try:
        array = np.array(data)
    except ValueError as error:
        raise _ragged(data) from error
    kind = array.dtype.kind
    if kind in "OUSu" and is_python and array.size:
        raise _unusable(data, array)
    if dtype is not None:
        wanted = numpy_dtype(dtype)
        if kind == "c" and wanted.kind != "c":
            raise TypeError(f"must be real number, not complex: the data cannot become {wanted}")
    elif not is_python:
        wanted = inferred.numpy if inferred else None
    elif kind == "f" or not array.size:
        wanted = dtypes.get_default_dtype().numpy
    else:
        wanted = dtypes.default_complex().numpy if kind == "c" else array.dtype
    with np.errstate(all="ignore"):
        return array.astype(wanted, copy=False)


def _unusable(data: Any, array: Any) -> Exception:
    """Why a sequence whose first element is a number cannot be a tensor."""
    if array.dtype.kind in "US":
        return TypeError("new(): invalid data type 'str': expected numbers only")
    flat = [data]
    while flat:
        value = flat.pop()
        if isinstance(value, (list, tuple)):
            flat.extend(value)
        elif not isinstance(value, (int, float, complex)):
            return RuntimeError(f"Could not infer dtype of {type(value).__name__}")
    return ValueError(
        "Overflow when unpacking long long: the data holds an integer that does not fit in 64 "
        "bits; make it a float"
    )


def _ragged(data: Any, dim: int = 1) -> Exception:
    """torch's complaint about rows of different length."""
    first = data[0]
    if not isinstance(first, (list, tuple)):
        return TypeError(
            "'list' object cannot be interpreted as a number: the data mixes numbers and sequences"
        )
    for number, row in enumerate(data):
        if not isinstance(row, (list, tuple)):
            return TypeError(f"not a sequence: row {number} is {row!r}, others are sequences")
        if len(row) != len(first):
            return ValueError(
                f"expected sequence of length {len(first)} at dim {dim} (got {len(row)}): row "
                f"{number} has another length than row 0"
            )
    return _ragged([cell for row in data for cell in row], dim + 1)
