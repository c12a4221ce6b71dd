"""Floor 3: the old constructors: `torch.Tensor(2, 3)`, `torch.LongTensor([1, 2])`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import device as devices
from ..arrays import dtypes
from ..autograd.tensor import Tensor, new, wrap
from .creation import shape_of
from .literals import array_from
from .registration import FUNCTIONS


def construct(cls: Any, args: tuple[Any, ...], dtype: dtypes.dtype, name: str) -> Tensor:
    """Sizes make an uninitialised tensor, a sequence or array its values, a Tensor an alias."""
    args = args or (0,)
    if len(args) == 1 and not hasattr(args[0], "__index__"):
        data = args[0]
        if isinstance(data, (int, float, complex)):
            raise TypeError(
                f"new(): data must be a sequence (got {type(data).__name__}): use "
                f"torch.tensor({data}), which takes numbers"
            )
    elif len(args) == 1 and isinstance(args[0], (Tensor, np.ndarray)):
        data = args[0]
    else:
        return _of_class(cls, np.empty(shape_of(args, name), dtype.numpy))
    if type(data).__name__ == "Size":
        return _of_class(cls, np.empty(data, dtype.numpy))
    if isinstance(data, Tensor):
        if cls is _Any and data.dtype is not dtype:
            raise TypeError(
                f"{name} expects a tensor of {dtype}, but got {data.dtype}; convert it with "
                f".to({dtype})"
            )
        return _of_class(cls, data._data)
    return _of_class(cls, array_from(data, dtype, copy=True))


class _Any(Tensor):
    """Marks the constructors that insist on a dtype."""

    __slots__ = ()


def _of_class(cls: Any, array: Any) -> Tensor:
    t: Tensor = wrap(array)
    if cls is Tensor or cls is _Any:
        return t
    made: Tensor = new(cls)
    made._data = t._data
    made._requires_grad = False
    made._edge = made._view = made._meta = None
    made._storage = t._storage
    return made


def _legacy_tensor(cls: Any, *args: Any, device: Any = None, **options: Any) -> Tensor:
    """`torch.Tensor(...)`, of the default dtype.

    >>> torch.Tensor([1, 2])
    tensor([1., 2.])
    """
    if options:
        raise TypeError(
            f"Tensor() got unexpected keyword arguments {sorted(options)}; use torch.tensor(data, "
            "dtype=...)"
        )
    return construct(cls, args, dtypes.get_default_dtype(), "Tensor")


Tensor.legacy_constructor = _legacy_tensor


class TensorType(type):
    """The class of `torch.FloatTensor` and its like: constructors, and types to compare with.

    >>> torch.LongTensor([1, 2])
    tensor([1, 2])
    >>> isinstance(torch.tensor([1.5]), torch.FloatTensor)
    True
    """

    dtype: dtypes.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        return construct(_Any, args, cls.dtype, cls.__name__)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype


for _dtype in dtypes.ALL:
    if not _dtype.is_complex:
        _name = f"{_dtype.short}Tensor"
        _doc = f"Tensors of {_dtype!r}: makes them, and is their class for isinstance.\n\n"
        _doc += f">>> torch.{_name}(2, 3).dtype\n{_dtype!r}"
        _members = {"dtype": _dtype, "__module__": "torch", "__doc__": _doc}
        FUNCTIONS[_name] = TensorType(_name, (), _members)


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by an old type, such as `torch.DoubleTensor` or its name.

    >>> torch.set_default_tensor_type(torch.DoubleTensor)
    >>> torch.tensor(1.5).dtype
    torch.float64
    """
    name = t if isinstance(t, str) else f"torch.{t.__name__}"
    cls = FUNCTIONS.get(name.removeprefix("torch."))
    if not isinstance(cls, TensorType):
        raise TypeError(f"invalid type object: {t!r}; pass for example torch.FloatTensor")
    dtypes.set_default_dtype(cls.dtype)


FUNCTIONS["set_default_tensor_type"] = set_default_tensor_type


def set_default_device(device: Any) -> None:
    """Say where new tensors go: the CPU, or None for it; DeviceError for another.

    >>> torch.set_default_device("cpu")
    """
    devices.check(device)


def get_default_device() -> devices.device:
    """Where new tensors go: the CPU.

    >>> torch.get_default_device()
    device(type='cpu')
    """
    return devices.CPU


FUNCTIONS["set_default_device"] = set_default_device
FUNCTIONS["get_default_device"] = get_default_device
