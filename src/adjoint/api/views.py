"""Floor 3: `Tensor.view`, and the methods that change the shape of a tensor in place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..arrays.dtypes import as_dtype, dtype
from ..autograd import inplace, origin
from ..autograd.lifted import Lifted
from ..autograd.modes import state
from ..autograd.storage import Reshaped
from ..autograd.tensor import Tensor, new, refresh, storage_of, wrap
from ..ops import shape as ops
from . import shape as shapes
from .documentation import method_example, text_of
from .examples import on_values
from .registration import FUNCTIONS, public

_DTYPES = (dtype, type)  # classes of arguments that name a dtype


@public(function=False)
def view(self: Tensor, *shape: Any, **options: Any) -> Tensor:
    """The same memory in another shape (one size may be -1), or as another dtype.

    RuntimeError when the layout does not allow it without a copy; `reshape` copies then. Read as
    another dtype the tensor has no gradient, and the last size changes with the size of elements.

    >>> torch.arange(4).view(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """
    given = shape or (options["dtype"] if "dtype" in options else options.pop("size"),)
    if len(given) == 1 and given[0].__class__ in _DTYPES:
        d = given[0] if isinstance(given[0], dtype) else as_dtype(given[0])
        return _as_dtype(self, d)
    if self._data.flags.c_contiguous:
        out = shapes.in_shape(self._data, given, "view")
        return ops.view.run_view(self, out, {"shape": out.shape})
    return shapes.as_view(self, shapes.sizes_of(given, "view"))


def _as_dtype(x: Tensor, d: dtype) -> Tensor:
    """The bytes of x read as another dtype."""
    array = x._data
    if isinstance(array, Lifted):
        return _as_dtype_lifted(x, d)
    old, wanted = array.itemsize, d.itemsize
    if old != wanted:
        name, other = x.dtype.short, d.short
        if array.ndim == 0:
            raise RuntimeError(
                f"self.dim() cannot be 0 to view {name} as {other} (different element sizes)"
            )
        if wanted > old and array.shape[-1] * old % wanted:
            raise RuntimeError(
                f"self.size(-1) must be divisible by {wanted // old} to view {name} as {other} "
                f"(different element sizes), but got {array.shape[-1]}"
            )
    try:
        out = array.view(d.numpy)
    except ValueError:
        raise RuntimeError(
            f"self.stride(-1) must be 1 to view {x.dtype.short} as {d.short} (different element "
            f"sizes), but got {array.strides[-1] // array.itemsize}; use .contiguous() first"
        ) from None
    result = wrap(out)
    result._storage = storage_of(x)
    return result


def _as_dtype_lifted(x: Tensor, d: dtype) -> Tensor:
    """The same of all examples; a tangent has no meaning there."""

    def read(_: int, array: Any) -> Any:
        return _as_dtype(wrap(np.ascontiguousarray(array)), d)._data

    found: Tensor = on_values(read, x)
    return found


def reshaping(name: str, make: Callable[..., Tensor]) -> None:
    """`x.name_(...)`: the tensor itself becomes the view that `make` gives; its memory stays."""

    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self._view is not None:
            refresh(self)
        inplace.check_history(self, name)
        old = _twin(self)
        made = make(old, *args, **kwargs)
        if made._view is None:
            raise RuntimeError(
                f"{name} is not supported inside vmap, where its result is no view of the tensor; "
                f"use {name[:-1]}"
            )
        view = self._view
        self._data = made._data
        if view is not None and view.__class__ is not Reshaped:
            self._view = made._view
            made._view.creation, made._view.inherited = view.creation, view.inherited
        elif view is not None or self._edge is not None or not self._requires_grad:
            # Views of this tensor are made from what it was: its old self becomes their base.
            self._view = made._view.reshaped(old if view is None else view.of)
        if state.grad:  # as in torch, a gradient is retained where it was
            self._edge, self._requires_grad = made._edge, made._requires_grad
            if made._edge is not None:
                node: Any = made._edge[0]
                node.__class__ = _in_place_class(node.__class__)
        storage_of(self).bump(origin.caller(2))
        if self._view is not None and (state.grad or self._view.__class__ is Reshaped):
            self._view.version = storage_of(self).version
        return self

    change.__name__, change.__qualname__ = name, f"Tensor.{name}"
    change.__module__ = "adjoint"
    text = f"In-place form of `{name[:-1]}`: the shape changes, the memory stays."
    change.__doc__ = text + method_example(text_of(make), name)
    change.__wrapped__ = make  # type: ignore[attr-defined]  # whose signature it has
    setattr(Tensor, name, change)
    FUNCTIONS[name] = change


# torch numbers the nodes of in-place forms after those of the views.
_IN_PLACE = {
    "AsStridedBackward0": "AsStridedBackward1",
    "SqueezeBackward0": "SqueezeBackward3",
    "SqueezeBackward1": "SqueezeBackward4",
    "SqueezeBackward2": "SqueezeBackward5",
    "TBackward0": "TBackward1",
    "TransposeBackward0": "TransposeBackward1",
    "UnsqueezeBackward0": "UnsqueezeBackward1",
}


@functools.cache
def _in_place_class(node_class: Any) -> Any:
    """The class of nodes of an in-place form: the view's under the name that torch gives."""
    name = _IN_PLACE.get(node_class.__name__, node_class.__name__)
    return type(name, (node_class,), {"__slots__": (), "__module__": "builtins"})


def _twin(x: Tensor) -> Tensor:
    """Another handle on x as it is."""
    twin: Tensor = new(Tensor)
    twin._data, twin._requires_grad, twin._edge = x._data, x._requires_grad, x._edge
    twin._storage, twin._view = storage_of(x), x._view
    twin._meta = x._meta if x._edge is None else None  # what x retains stays with x
    return twin


for _name, _make in (
    ("t_", shapes.t),
    ("transpose_", shapes.transpose),
    ("swapaxes_", shapes.transpose),
    ("swapdims_", shapes.transpose),
    ("squeeze_", shapes.squeeze),
    ("unsqueeze_", shapes.unsqueeze),
):
    reshaping(_name, _make)


@public("resize_", function=False)
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place, keeping elements in order; new elements are zeros.

    RuntimeError for tensors that require grad.

    >>> torch.tensor([1, 2, 3, 4]).resize_(2, 2)
    tensor([[1, 2],
            [3, 4]])
    """
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad; use reshape or pad")
    if isinstance(self._data, Lifted):
        raise RuntimeError(
            "resize_ is not supported inside a transform (vmap, jvp), where a tensor has no memory "
            "of its own; use reshape, or torch.nn.functional.pad"
        )
    shape = shapes.sizes_of(sizes, "resize_", "size")
    n, array = prod(shape), self._data
    if n <= array.size and array.flags.c_contiguous:
        self._data = array.reshape(-1)[:n].reshape(shape)
    else:
        grown = np.zeros(n, array.dtype)
        count = min(n, array.size)
        grown[:count] = array.reshape(-1)[:count]
        self._data = grown.reshape(shape)
    storage_of(self).bump(origin.caller(2))
    return self


@public("resize_as_", function=False)
def resize_as_(self: Tensor, other: Tensor, memory_format: Any = None) -> Tensor:
    """Change the shape in place to that of `other`.

    >>> torch.tensor([1, 2, 3, 4]).resize_as_(torch.zeros(2, 2))
    tensor([[1, 2],
            [3, 4]])
    """
    return resize_(self, other._data.shape)
