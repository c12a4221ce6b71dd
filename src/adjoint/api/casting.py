"""Floor 3: tensors of another dtype, in other memory, and new ones like a given one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..arrays import device as devices
from ..arrays import dtypes
from ..arrays.layout import contiguous_format, is_ordered, order_of
from ..autograd import inplace, modes, origin
from ..autograd.lifted import layout_of, made_like, top_level
from ..autograd.meta import Meta
from ..autograd.tensor import Tensor, storage_of, wrap
from ..ops import conversion as ops
from ..ops import overwrite, shape
from .conversion import method
from .creation import finish, shape_of
from .literals import array_from, numpy_dtype
from .promotion import Number, number_array
from .registration import FUNCTIONS, public


@method
def to(self: Tensor, *args: Any, **options: Any) -> Tensor:
    """The tensor in another dtype or on another device; itself when nothing changes.

    Forms: to(dtype), to(device), to(device, dtype), to(other), each with `non_blocking` and
    `copy` (a copy even when nothing changes).

    >>> torch.tensor([1.7, -1.7]).to(torch.int64)
    tensor([ 1, -1])
    """
    memory_format = options.pop("memory_format", None)
    d, copy, meta = _target(self, args, options)
    if meta or self._data.__class__ is Meta:
        return _on_meta(self, d, copy, meta)
    if d is not None and d is not self.dtype:
        return in_format(cast_to(self, d.numpy), memory_format)
    if copy:
        return clone(self, memory_format=memory_format)
    return in_format(self, memory_format)


def _on_meta(t: Tensor, d: Any, copy: bool, meta: bool | None) -> Tensor:
    """A tensor without values in a dtype; refused where values are asked of it."""
    if meta is False:
        t._data.refuse()
    if t._data.__class__ is Meta and not copy and d in (None, t.dtype):
        return t
    result: Tensor = wrap(Meta(t._data.shape, t._data.dtype if d is None else d.numpy))
    return result


def in_format(t: Tensor, memory_format: Any) -> Tensor:
    """`t` itself, or a copy whose dimensions lie in memory as asked."""
    order = order_of(memory_format, t._data.ndim)
    return t if order is None or is_ordered(t._data, order) else ops.clone(t, order=order)


def cast_to(t: Tensor, wanted: Any) -> Tensor:
    """`t` in the NumPy dtype `wanted`; the imaginary part is dropped where there is no place."""
    given = t._data.dtype
    if given == wanted:
        return t
    if t._data.__class__ is Meta:
        result: Tensor = wrap(Meta(t._data.shape, wanted))
        return result
    if given.kind == "c" and wanted.kind not in "cb":
        warnings.warn(
            "Casting complex values to real discards the imaginary part",
            UserWarning,
            stacklevel=3,
        )
        t = FUNCTIONS["real"](t)
    if wanted.kind in "biu" and t.requires_grad:
        t = t.detach()  # what is rounded to integers has no derivative
    return ops.cast(t, dtype=wanted)


def _target(
    self: Tensor, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, bool, bool | None]:
    """The dtype asked for (None: as it is), whether to copy anyway, and to the meta device."""
    d = options.pop("dtype", None)
    place = options.pop("device", None)
    other = options.pop("other", None)
    copy = options.pop("copy", False)
    options.pop("non_blocking", None)
    if options:
        raise TypeError(f"to() got an unexpected keyword argument {next(iter(options))!r}")
    flags = []
    for arg in args:
        if isinstance(arg, Tensor):
            other = arg
        elif isinstance(arg, dtypes.dtype) or arg in (float, int, bool, complex):
            d = arg
        elif isinstance(arg, bool):
            flags.append(arg)  # non_blocking, copy
        elif arg is not None:
            place = arg
    if len(flags) > 1:
        copy = flags[1]
    if other is not None:
        d, place = other.dtype, other.device
    meta = place is not None and devices.is_meta(place)
    return (None if d is None else dtypes.as_dtype(d)), copy, meta if place is not None else None


def _caster(name: str, d: dtypes.dtype) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        result = cast_to(self, d.numpy)
        return result if memory_format is None else in_format(result, memory_format)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = (
        f"The tensor as {d!r}; itself when it is so already.\n\n"
        f">>> torch.tensor([0, 1]).{name}().dtype\n{d!r}"
    )
    method(convert)


for _name, _dtype in (
    ("float", dtypes.float32),
    ("double", dtypes.float64),
    ("half", dtypes.float16),
    ("bfloat16", dtypes.bfloat16),
    ("int", dtypes.int32),
    ("long", dtypes.int64),
    ("short", dtypes.int16),
    ("char", dtypes.int8),
    ("byte", dtypes.uint8),
    ("bool", dtypes.bool_),
    ("cfloat", dtypes.complex64),
    ("cdouble", dtypes.complex128),
):
    _caster(_name, _dtype)

TYPE_NAMES: dict[str, dtypes.dtype] = {f"{d.short}Tensor": d for d in dtypes.ALL}


@method
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The type's old name ("torch.FloatTensor"), or the tensor converted to `dtype`.

    >>> torch.tensor([1]).type()
    'torch.LongTensor'
    >>> torch.tensor([1]).type(torch.float64)
    tensor([1.], dtype=torch.float64)
    """
    if dtype is None:
        return f"torch.{self.dtype.short}Tensor"
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.")
        if name not in TYPE_NAMES:
            raise ValueError(f"invalid type: {dtype!r}; known are {', '.join(TYPE_NAMES)}")
        dtype = TYPE_NAMES[name]
    return self.to(getattr(dtype, "dtype", dtype))


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor as the dtype of `other`.

    >>> torch.tensor([1, 2]).type_as(torch.zeros(1))
    tensor([1., 2.])
    """
    return self.to(other)


@public("clone")
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy in memory of its own; the gradient passes through it.

    >>> torch.clone(torch.tensor([1.0]))
    tensor([1.])
    """
    if memory_format is None:
        return ops.clone(input)
    return ops.clone(input, order=order_of(memory_format, input._data.ndim))


@method
def contiguous(self: Tensor, memory_format: Any = contiguous_format) -> Tensor:
    """The tensor itself if its elements lie in order, else a copy in which they do.

    >>> torch.tensor([[1, 2], [3, 4]]).t().contiguous().stride()
    (2, 1)
    """
    if memory_format is not contiguous_format:
        return in_format(self, memory_format)
    return self if self._data.flags.c_contiguous else shape.contiguous(self)


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of `src` (broadcastable, of any dtype) into this tensor.

    The gradient flows to `src`.

    >>> torch.zeros(2, 2).copy_(torch.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    if not isinstance(src, Tensor):
        if not isinstance(src, Number):
            raise TypeError(
                f"copy_(): argument 'other' (position 1) must be Tensor, not "
                f"{src.__class__.__name__}"
            )
        src = wrap(number_array(src, self._data.dtype))
    try:
        np.broadcast_to(layout_of(src), self._data.shape)
    except ValueError:
        raise RuntimeError(
            f"copy_: the shape {list(src._data.shape)} of the source cannot be broadcast to the "
            f"shape {list(self._data.shape)} of the tensor that is written"
        ) from None
    return _overwrite(self, src._data, lambda old: overwrite.copy(old, src), src, "copy_")


@public("fill_")
def fill_(input: Tensor, value: Any) -> Tensor:
    """Write one number (or a 0-d tensor) into every element.

    >>> torch.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value._data.ndim} dimensions."
            )
        return _overwrite(
            input, value._data, lambda old: overwrite.fill_tensor(old, value), value, "fill_"
        )
    if not isinstance(value, Number):
        raise TypeError(
            f"fill_(): argument 'value' must be Number or Tensor, not {value.__class__.__name__}"
        )
    number = number_array(value, input._data.dtype)
    return _overwrite(input, number, lambda old: overwrite.fill(old, value=number), None, "fill_")


def copy_over(x: Tensor, source: Tensor, name: str) -> Tensor:
    """Write values of the same shape into `x`, under the name of the method that made them."""
    return _overwrite(x, source._data, lambda old: overwrite.copy(old, source), source, name)


@public("fill", method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input`, every element of which is `value` (a number or a 0-d tensor).

    >>> torch.fill(torch.zeros(2), 3)
    tensor([3., 3.])
    """
    return fill_(input.clone(), value)


@public("zero_")
def zero_(input: Tensor) -> Tensor:
    """Write 0 into every element.

    >>> torch.ones(2).zero_()
    tensor([0., 0.])
    """
    return _overwrite(input, 0, overwrite.zero, None, "zero_")


def _overwrite(x: Tensor, values: Any, compute: Any, source: Tensor | None, name: str) -> Tensor:
    """Put new values in: recorded when a gradient may be wanted, else copied at once."""
    if x._data.__class__ is Meta:
        return x  # no place for values
    lifted = modes.lifted and top_level((x,) if source is None else (x, source)) is not None
    if lifted or (
        modes.state.grad
        and x._data.dtype.kind in "fcV"
        and (x.requires_grad or (source is not None and source.requires_grad))
    ):
        return inplace.write(x, compute, name)
    inplace.check_writable(x, name)
    storage_of(x).bump(origin.caller(2))
    np.copyto(x._data, values, casting="unsafe")
    return x


@method
def apply_(self: Tensor, f: Any) -> Tensor:
    """Replace every element by `f(element)`; slow, one call each.

    >>> torch.tensor([1.0, 2.0]).apply_(lambda v: v * v)
    tensor([1., 4.])
    """
    values = np.array([f(v) for v in self._data.ravel().tolist()], self._data.dtype)
    return copy_(self, wrap(values.reshape(self._data.shape)))


@method
def map_(self: Tensor, other: Tensor, f: Any) -> Tensor:
    """Replace every element by `f(element, element of other)`; slow, one call each.

    >>> torch.tensor([1.0, 5.0]).map_(torch.tensor([3.0, 2.0]), max)
    tensor([3., 5.])
    """
    pairs = zip(self._data.ravel().tolist(), np.broadcast_to(other._data, self._data.shape).flat)
    values = np.array([f(a, b.item()) for a, b in pairs], self._data.dtype)
    return copy_(self, wrap(values.reshape(self._data.shape)))


@method
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A new leaf that copies `data`, by default of this tensor's dtype.

    >>> torch.zeros(1, dtype=torch.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=torch.float64)
    """
    return finish(
        array_from(data, self.dtype if dtype is None else dtype, copy=True), requires_grad, device
    )


def _new_filled(name: str, make: Any) -> None:
    def new_like(
        self: Tensor,
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **options: Any,
    ) -> Tensor:
        shape = shape_of(size or (options.pop("size"),), name)
        made = numpy_dtype(dtype, self.dtype)
        if self._data.__class__ is Meta:
            return finish(make(shape, made), requires_grad, device or devices.META)
        if self._data.__class__ is not np.ndarray:  # of a transform: one for each example
            return made_like(self, lambda lead: make((*lead, *shape), made))
        return finish(make(shape, made), requires_grad, device)

    new_like.__name__ = new_like.__qualname__ = name
    new_like.__doc__ = (
        f"As `torch.{name[4:]}`, by default of this tensor's dtype.\n\n"
        f">>> torch.tensor([1, 2]).{name}(2, 3).dtype\ntorch.int64"
    )
    method(new_like)


for _name, _make in (("new_zeros", np.zeros), ("new_ones", np.ones), ("new_empty", np.empty)):
    _new_filled(_name, _make)


@method
def new_full(
    self: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of shape `size` filled with `fill_value`, by default of this tensor's dtype.

    >>> torch.zeros(1, dtype=torch.float64).new_full((2,), 3)
    tensor([3., 3.], dtype=torch.float64)
    """
    made = numpy_dtype(dtype, self.dtype)
    sizes = shape_of((size,), "new_full")
    number = number_array(fill_value, made)
    if self._data.__class__ is not np.ndarray:
        return made_like(self, lambda lead: np.full((*lead, *sizes), number, made))
    return finish(np.full(sizes, number, made), requires_grad, device)


@method
def new(self: Tensor, *args: Any) -> Tensor:
    """A new tensor of this dtype from sizes, a sequence or a tensor; use `new_tensor`.

    >>> torch.tensor([0.5]).new([1, 2])
    tensor([1., 2.])
    """
    if len(args) == 1 and isinstance(args[0], (list, Tensor, np.ndarray)):
        return finish(array_from(args[0], self.dtype, copy=True))
    return finish(np.empty(shape_of(args or (0,), "new"), self._data.dtype))


@public("detach", method=False)
def detach(input: Tensor) -> Tensor:
    """The same memory, outside the graph.

    >>> x = torch.ones(2, requires_grad=True)
    >>> torch.detach(x * 2)
    tensor([2., 2.])
    """
    return input.detach()


@public("detach_", method=False)
def detach_(input: Tensor) -> Tensor:
    """Cut a tensor from its history, in place."""
    return input.detach_()


@method
def as_subclass(self: Tensor, cls: Any) -> Any:
    """The tensor as an instance of a subclass of Tensor, on the same memory and history.

    >>> class Distance(torch.Tensor):
    ...     pass
    >>> type(torch.ones(2).as_subclass(Distance)).__name__
    'Distance'
    """
    alias = self.view_as(self) if self.requires_grad else self.detach()
    alias.__class__ = cls
    return alias
