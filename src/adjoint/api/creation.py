"""Floor 3: making tensors: from data and buffers, and filled with one value."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arrays import device as devices
from ..arrays import dtypes
from ..autograd.lifted import made_like
from ..autograd.meta import Meta
from ..autograd.tensor import Tensor, wrap
from .literals import array_from, from_number, numpy_dtype
from .promotion import number_array
from .registration import FUNCTIONS, write_out

_OPTIONS = frozenset({"layout", "pin_memory", "memory_format", "names"})


def creator(f: Any) -> Any:
    """Publish a function that makes tensors (no method form)."""
    FUNCTIONS[f.__name__.rstrip("_")] = f
    return f


def finish(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """The tensor on a new array, with the options every creation function has."""
    if device is not None and devices.is_meta(device):
        array = Meta(array.shape, array.dtype)
    t: Tensor = wrap(array)
    if requires_grad:
        t.requires_grad_(True)
    return t


def check_options(options: dict[str, Any], name: str) -> None:
    """Options without an effect on the CPU are accepted, unknown ones refused."""
    for option in options:
        if option not in _OPTIONS:
            raise TypeError(f"{name}() got an unexpected keyword argument '{option}'")


def shape_of(size: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))`, `f(torch.Size([2, 3]))` -> (2, 3)."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    shape = []
    for n in size:
        if isinstance(n, float) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' must be tuple of ints, but found element of type "
                f"{type(n).__name__}"
            )
        try:
            shape.append(n.__index__())
        except TypeError:
            raise TypeError(
                f"{name}(): argument 'size' must be tuple of ints, but found {n!r}; pass a tensor "
                "of sizes as .tolist()"
            ) from None
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"{name}: Dimension size must be non-negative. Trying to create tensor with negative "
            f"dimension {min(shape)}: {shape}"
        )
    return tuple(shape)


def check_tensor(input: Any, name: str) -> None:
    """TypeError unless the first argument is a Tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )


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
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        if data._data.__class__ is not np.ndarray:  # of a transform
            copied = data.detach().clone()
            return copied if dtype is None else copied.to(dtype)
    return finish(array_from(data, dtype, copy=True), requires_grad, device)


@creator
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor on `data`, sharing memory with an array of the same dtype; a Tensor as it is.

    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    return finish(array_from(data, dtype, copy=False), device=device)


@creator
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """A tensor on `obj`: memory is shared if it can be, unless `copy` says True or False.

    A Tensor keeps its history (with torch's warning) unless `requires_grad` says False.

    >>> torch.asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    if isinstance(obj, Tensor):
        result = obj.to(device=device, dtype=dtype, copy=bool(copy))
        shares = result is obj
        if requires_grad:
            result.requires_grad_()
        elif requires_grad is False:
            moves = result.requires_grad or result._data.__class__ is not np.ndarray
            result = result.detach() if moves else result
        elif result.requires_grad:
            warnings.warn(
                "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad "
                "instead of False. Pass requires_grad=False explicitly to get the old behavior "
                "and silence this warning.",
                UserWarning,
                stacklevel=2,
            )
    else:
        array = array_from(obj, dtype, copy=bool(copy))
        shares = isinstance(obj, np.ndarray) and array is obj
        result = finish(array, bool(requires_grad), device)
    if copy is False and not shares:
        raise ValueError(
            "asarray(): cannot alias this object with the dtype asked for; leave copy=None"
        )
    return result


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
    t: Tensor = wrap(dtypes.canonical(ndarray))
    return t


@creator
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d tensor on the bytes of `buffer`, sharing its memory.

    >>> torch.frombuffer(bytearray([1, 2, 3]), dtype=torch.uint8, offset=1)
    tensor([2, 3], dtype=torch.uint8)
    """
    wanted = numpy_dtype(dtype)
    length = memoryview(buffer).nbytes
    if not length or not count:
        raise ValueError(
            f"both buffer length ({length}) and count ({count}) must not be 0: there is nothing "
            "to read"
        )
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    rest = length - offset
    if count < 0 and rest % wanted.itemsize:
        raise ValueError(
            f"buffer length ({rest} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({wanted.itemsize})"
        )
    if count > 0 and count * wanted.itemsize > rest:
        raise ValueError(
            f"requested buffer length ({count} * {wanted.itemsize} bytes) after offset ({offset} "
            f"bytes) must not be greater than actual buffer length ({length} bytes)"
        )
    return finish(np.frombuffer(buffer, wanted, count, offset), requires_grad)


@creator
def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A 0-d tensor of the number `s`, of the default dtype unless given.

    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    return finish(from_number(s, numpy_dtype(dtype)), requires_grad, device)


def _sized(name: str, make: Any, what: str, example: str = "") -> Any:
    """`name(*size)`: a tensor of a given shape."""

    def create(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        out: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        if not size:
            if "size" not in options:
                raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
            size = (options.pop("size"),)
        if options:
            check_options(options, name)
        made = finish(make(shape_of(size, name), numpy_dtype(dtype)), requires_grad, device)
        return made if out is None else write_out(made, out, name)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"A tensor {what}. `size`: ints, or one sequence of ints.\n{example}"
    return creator(create)


zeros = _sized("zeros", np.zeros, "filled with 0", "\n>>> torch.zeros(2)\ntensor([0., 0.])\n")
ones = _sized("ones", np.ones, "filled with 1", "\n>>> torch.ones(2)\ntensor([1., 1.])\n")
empty = _sized(
    "empty",
    np.empty,
    "whose values are whatever the memory held",
    "\n>>> torch.empty(2, 3).shape\ntorch.Size([2, 3])\n",
)


@creator
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Tensor | None = None,
    **options: Any,
) -> Tensor:
    """A tensor filled with one number, of the number's kind of dtype unless given.

    >>> torch.full((2,), 3)
    tensor([3, 3])
    """
    check_options(options, "full")
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(size).__name__}; write ({size},)"
        )
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    number = array_from(fill_value, dtype, copy=True)
    made = finish(np.full(shape_of((size,), "full"), number, number.dtype), requires_grad, device)
    return made if out is None else write_out(made, out, "full")


def _like(name: str, make: Any, what: str) -> Any:
    """`name(input)`: a tensor of the shape, dtype and memory order of another."""

    def create(
        input: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **options: Any,
    ) -> Tensor:
        check_tensor(input, name)
        if options:
            check_options(options, name)
        wanted = input._data.dtype if dtype is None else numpy_dtype(dtype)
        if input._data.__class__ is Meta:
            like = np.empty(input._data.shape, np.bool_)
            return finish(make(like, wanted), requires_grad, device or devices.META)
        if input._data.__class__ is not np.ndarray:  # of a transform: with its hidden axes
            t = made_like(input, lambda lead: make(np.empty(lead + input._data.shape), wanted))
            return t.requires_grad_() if requires_grad else t
        return finish(make(input._data, wanted), requires_grad, device)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = (
        f"A tensor {what}, of the shape and (unless given) the dtype of `input`.\n\n"
        f">>> x = torch.{name}(torch.tensor([[1, 2, 3]]))\n>>> x.shape, x.dtype\n"
        "(torch.Size([1, 3]), torch.int64)"
    )
    return creator(create)


zeros_like = _like("zeros_like", np.zeros_like, "filled with 0")
ones_like = _like("ones_like", np.ones_like, "filled with 1")
empty_like = _like("empty_like", np.empty_like, "whose values are whatever the memory held")


@creator
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """A tensor filled with one number, of the shape and (unless given) the dtype of `input`.

    >>> torch.full_like(torch.zeros(2), 7)
    tensor([7., 7.])
    """
    check_tensor(input, "full_like")
    check_options(options, "full_like")
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    wanted = input._data.dtype if dtype is None else numpy_dtype(dtype)
    number = number_array(fill_value, wanted)
    if input._data.__class__ is not np.ndarray:
        return made_like(input, lambda lead: np.full(lead + input._data.shape, number, wanted))
    return finish(np.full_like(input._data, number, wanted), requires_grad, device)
