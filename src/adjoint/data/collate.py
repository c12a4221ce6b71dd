"""Floor 5: making one batch of many samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from adjoint.api.creation import as_tensor, tensor
from adjoint.api.joining import stack
from adjoint.arrays import dtypes
from adjoint.autograd.modes import state
from adjoint.autograd.tensor import Tensor, wrap

__all__ = ["default_collate", "default_convert"]

_WRONG_TYPE = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of samples of one structure: tensors, with a new first dimension, in its places.

    Tensors and arrays are stacked, numbers become tensors (floats float64), strings stay a
    list; of mappings, sequences and named tuples each part is collated by itself.
    Errors: TypeError for anything else, RuntimeError for samples of different size.

    >>> torch.utils.data.default_collate([(0, 1.5), (2, 3.5)])
    [tensor([0, 2]), tensor([1.5000, 3.5000], dtype=torch.float64)]
    """
    sample = batch[0]
    if isinstance(sample, Tensor):
        return _stack(batch)
    if isinstance(sample, np.ndarray):
        if sample.dtype.kind in "SUO":
            raise TypeError(_WRONG_TYPE.format(sample.dtype))
        return _stack([as_tensor(array) for array in batch])
    if isinstance(sample, (np.bool_, np.number)):
        return as_tensor(np.array(batch))
    if isinstance(sample, float):
        return tensor(batch, dtype=dtypes.float64)
    if isinstance(sample, int):
        return tensor(batch)
    if isinstance(sample, (str, bytes)):
        return batch
    return _collate_parts(batch, sample)


def _stack(batch: Sequence[Any]) -> Any:
    """torch.stack; tensors of one shape and dtype without history at the speed of a copy."""
    first = batch[0]._data
    shape, dtype = first.shape, first.dtype
    for t in batch:
        array = t._data
        if array.shape != shape or array.dtype != dtype or (t._requires_grad and state.grad):
            return stack(list(batch), 0)
    arrays = [t._data for t in batch]
    if not shape:
        return wrap(np.array(arrays, dtype))
    return wrap(np.concatenate(arrays).reshape(len(arrays), *shape))


def _collate_parts(batch: Sequence[Any], sample: Any) -> Any:
    if isinstance(sample, Mapping):
        parts = {key: default_collate([other[key] for other in batch]) for key in sample}
        return _remade(sample, parts)
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):
        return type(sample)(*(default_collate(part) for part in zip(*batch)))
    if isinstance(sample, Sequence):
        if any(len(other) != len(sample) for other in batch):
            raise RuntimeError(
                "each element in list of batch should be of equal size, but their sizes are "
                f"{sorted({len(other) for other in batch})}"
            )
        collated = [default_collate(part) for part in zip(*batch)]
        return collated if isinstance(sample, tuple) else _remade(sample, collated)
    raise TypeError(_WRONG_TYPE.format(type(sample)))


def default_convert(data: Any) -> Any:
    """The same structure with arrays and NumPy numbers as tensors; everything else as it is.

    >>> torch.utils.data.default_convert([np.array([1, 2]), "a"])
    [tensor([1, 2]), 'a']
    """
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, (np.bool_, np.number)):
        return as_tensor(data)
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, Mapping):
        return _remade(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(part) for part in data))
    if isinstance(data, tuple):
        return [default_convert(part) for part in data]
    if isinstance(data, Sequence):
        return _remade(data, [default_convert(part) for part in data])
    return data


def _remade(like: Any, parts: Any) -> Any:
    """A container of the same type with other parts, or a plain one where that fails."""
    kind: Callable[[Any], Any] = type(like)
    if kind is dict or kind is list:
        return parts
    try:
        if isinstance(like, MutableMapping):
            clone: Any = copy.copy(like)  # keeps what the type holds beside its items
            clone.update(parts)
            return clone
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, part in enumerate(parts):
                clone[i] = part
            return clone
        return kind(parts)
    except TypeError:
        return parts
