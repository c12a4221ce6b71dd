"""Floor 3: pickle and deepcopy of tensors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..arrays.dtypes import canonical
from ..autograd.lifted import Lifted
from ..autograd.meta import Meta
from ..autograd.tensor import Tensor, mark_born, meta_of, new
from .attributes import root_array
from .conversion import method


def rebuild(cls: Any, array: Any, requires_grad: bool, attributes: dict[str, Any]) -> Tensor:
    """A leaf of class `cls` on `array`; what pickled tensors call."""
    t: Tensor = new(cls)
    t._data = canonical(array) if isinstance(array, np.ndarray) else array
    t._requires_grad = requires_grad
    t._edge = t._storage = t._view = t._meta = None
    t.__dict__.update(attributes)
    mark_born(t)
    return t


@method
def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
    """Values, requires_grad and the user's attributes; not the graph."""
    if self._data.__class__ is Meta:
        self._data.refuse()
    if isinstance(self._data, Lifted):
        raise RuntimeError(
            "a Tensor cannot be pickled, nor copied with copy.copy, inside a transform (vmap, "
            "jvp): it has no memory of its own; use .clone(), or return it from the transformed "
            "function"
        )
    array = np.ascontiguousarray(self._data).reshape(self._data.shape)
    return rebuild, (type(self), array, self.requires_grad, self.__dict__.copy())


@method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy of a leaf and of its gradient; tensors that share memory share it in the copy too."""
    if id(self) in memo:
        found: Tensor = memo[id(self)]
        return found
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. If you were attempting to deepcopy a module, this may be "
            "because of a torch.nn.utils.weight_norm usage. Copy the values with "
            ".detach().clone() instead."
        )
    twin = rebuild(type(self), _copied(self._data, memo), self.requires_grad, {})
    memo[id(self)] = twin
    twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
    if self._meta is not None and self._meta.grad is not None:
        meta_of(twin).grad = copy.deepcopy(self._meta.grad, memo)
    return twin


def _copied(array: Any, memo: dict[int, Any]) -> Any:
    """The array in a copy of its memory, which arrays on the same memory share."""
    if isinstance(array, Lifted):
        return array.detached().copy()
    root = root_array(array)
    if root is array or not root.flags.c_contiguous or root.dtype != array.dtype:
        return copy.deepcopy(array, memo) if array.flags.c_contiguous else array.copy("K")
    twin = copy.deepcopy(root, memo)
    start = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    flat = twin.reshape(-1)[start // array.itemsize :]
    return np.lib.stride_tricks.as_strided(flat, array.shape, array.strides)
