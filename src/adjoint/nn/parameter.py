"""Floor 5: Parameter and Buffer: tensors that a Module finds by itself when assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor, new, wrap


def _cut(data: Tensor) -> Any:
    """What a leaf on a tensor holds: the same memory, and nothing that forward mode follows."""
    array = data._data
    return array if array.__class__ is np.ndarray else data.detach()._data


class Parameter(Tensor):
    """A tensor that is a parameter of a Module: a leaf, requiring grad unless told otherwise.

    >>> torch.nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = wrap(np.empty(0, np.float32))
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter data has to be a Tensor, but got {type(data).__name__}; make one with "
                "torch.tensor(...)"
            )
        parameter: Parameter = new(cls)
        parameter._data = _cut(data)
        parameter._requires_grad = False
        parameter._edge = parameter._view = parameter._meta = None
        parameter._storage = data._storage
        if requires_grad:
            parameter.requires_grad_(True)
        return parameter

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer when assigned to it.

    >>> class Counter(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.count = nn.Buffer(torch.zeros(1))
    >>> dict(Counter().state_dict())
    {'count': tensor([0.])}
    """

    __slots__ = ()

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        buffer: Buffer = new(cls)
        buffer._data = _cut(data)
        buffer._requires_grad = False
        buffer._edge = buffer._view = buffer._meta = None
        buffer._storage = data._storage
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        pass
