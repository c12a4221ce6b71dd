"""Floor 3: `x[...]` and `x[...] = value`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.dtypes import COMPLEX, NP_BOOL, NP_INT64, of_scalar
from ..autograd import inplace, modes, origin
from ..autograd.lifted import layout_of, top_level, values_of
from ..autograd.modes import set_grad_enabled, state
from ..autograd.tensor import Tensor, storage_of, wrap
from ..ops import indexing as ops
from ..ops import masking, overwrite
from ..ops import shape as views
from ..ops.conversion import cast
from .examples import mapped_levels
from .promotion import Number, constant
from .subscripts import Picks, basic_key, bounded, bounded_slice, check_mask, subscript


def getitem(self: Tensor, key: Any) -> Tensor:
    """x[key]: a view for ints, slices, None and `...`; a copy for masks and integer tensors.

    >>> x = torch.arange(6).reshape(2, 3)
    >>> x[1, ::2], x[x > 3]
    (tensor([3, 5]), tensor([4, 5]))
    """
    kind = key.__class__
    array = self._data
    if kind is int and array.ndim:
        n = array.shape[0]
        place = (key if 0 <= key < n else bounded(key, 0, n), ...)
        return views.select.run_view(self, array[place], {"key": place})
    if kind is slice and array.ndim:
        cut = bounded_slice(key, array.shape[0])
        return views.slice_.run_view(self, array[cut], {"key": (cut,)})
    if kind is tuple:
        found = basic_key(array.shape, key)
        if found is not None:
            return found[1].run_view(self, array[found[0]], {"key": found[0]})
    elif kind is Tensor and array.ndim and key._data.ndim and key._data.dtype == NP_INT64:
        try:
            return ops.index(self, key, axes=(0,))
        except IndexError as error:
            raise told(error) from None
    viewed, picks = subscript(self, key)
    return viewed if picks is None else pick(viewed, picks)


def pick(x: Tensor, picks: Picks) -> Tensor:
    """The elements of x at integer tensors."""
    try:
        return ops.index(x, *picks.indices, axes=tuple(picks.axes))
    except IndexError as error:
        raise told(error) from None


def told(error: IndexError) -> IndexError:
    """NumPy's complaint about an index in torch's words."""
    if "cannot do a non-empty take" in str(error):
        return IndexError("index is out of bounds for dimension with size 0")
    return IndexError(str(error).replace("axis", "dimension"))


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, in place, broadcast and converted to the dtype of x.

    >>> x = torch.zeros(3)
    >>> x[1:] = 2
    >>> x
    tensor([0., 2., 2.])
    """
    value = _as_value(self, value)
    if key is ...:
        self.copy_(_without_leading_ones(value))
        return
    with_history = state.grad and (value.requires_grad or self.requires_grad)
    general = with_history or bool(modes.lifted and _is_lifted(self, key, value))
    if not general:
        found = basic_key(self._data.shape, key)
        if found is not None:
            target = self._data[found[0]]
            if value._data.ndim:
                value = _fitting(target.shape, value)
            _write(self, target, ..., value._data)
            return
        if key.__class__ is Tensor and key._data.dtype == NP_BOOL and not value._data.ndim:
            check_mask(key._data, self._data.shape, 0)
            _write(self, self._data, key._data, value._data)
            return
    if general and key.__class__ is Tensor and key._data.dtype == NP_BOOL and mapped_levels(key):
        _fill_mapped(self, key, value)
        return
    with set_grad_enabled(state.grad if general else with_history):
        viewed, picks = subscript(self, key)
    if picks is None:
        _set_basic(viewed, value, general)
    else:
        _set_picks(viewed, picks, value, general)


def _is_lifted(x: Tensor, key: Any, value: Tensor) -> bool:
    """Whether anything here is of a transform."""
    items = key if isinstance(key, (tuple, list)) else (key,)
    found = [t for t in items if isinstance(t, Tensor)]
    return top_level((x, value, *found)) is not None


def _fill_mapped(x: Tensor, mask: Tensor, value: Tensor) -> None:
    """x[mask] = one value, for a mask of each example."""
    if value._data.size != 1:
        raise RuntimeError(
            "vmap: x[mask] = values takes another number of values for each example (a dynamic "
            f"shape); it works for one value, but got shape {list(value._data.shape)}. Use "
            "x.copy_(torch.where(mask, values, x)) with values of the shape of x"
        )
    shape = mask._data.shape
    check_mask(layout_of(mask), x._data.shape, 0)
    mask = mask.reshape(shape + (1,) * (x._data.ndim - len(shape)))
    value = cast(value.reshape(()), dtype=x.dtype.numpy)
    inplace.write(x, lambda old: masking.mask_put(old, mask, value), "x[...] = ...")


def _as_value(x: Tensor, value: Any) -> Tensor:
    """The assigned value as a Tensor."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, Number):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a torch.{x.dtype.short}Tensor; make it a "
            "tensor with torch.tensor(...) first"
        )
    if of_scalar(value).category == COMPLEX > x.dtype.category:
        raise RuntimeError(
            f"value cannot be converted to type {x.dtype.name} without overflow: {value!r} is "
            "complex"
        )
    return constant(value, x._data.dtype)


def _without_leading_ones(value: Tensor) -> Tensor:
    """torch lets a value have dimensions of size 1 in front."""
    shape = value._data.shape
    if not shape or shape[0] != 1:
        return value
    first = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    return value.reshape(shape[first:])


def _fitting(shape: tuple[int, ...], value: Tensor) -> Tensor:
    """The value without leading ones, checked to broadcast to the shape it is written to."""
    value = _without_leading_ones(value)
    given = value._data.shape
    if given and given != shape:
        lead = len(shape) - len(given)
        for i in range(len(given)):
            if lead < 0 or given[i] not in (1, shape[lead + i]):
                raise RuntimeError(
                    f"The expanded size of the tensor ({shape[lead + i] if lead >= 0 else 1}) must "
                    f"match the existing size ({given[i]}) at non-singleton dimension "
                    f"{max(lead, 0) + i}.  Target sizes: {list(shape)}.  Tensor sizes: "
                    f"{list(given)}"
                )
    return value


def _set_basic(view: Tensor, value: Tensor, with_history: bool) -> None:
    if _is_same_place(view, value):  # `x[0] += 1` ends by assigning x[0] to itself
        inplace.check_history(view, "x[...] = ...")
        storage_of(view).bump(origin.caller(3))
        return
    value = _fitting(view._data.shape, value)
    if with_history:
        inplace.write(view, lambda old: overwrite.copy(old, value), "x[...] = ...")
    else:
        _write(view, view._data, ..., value._data)


def _is_same_place(view: Tensor, value: Tensor) -> bool:
    """Whether `value` is a view of the same elements of the same base."""
    if value._view is None or view._view is None or value._view.base is not view._view.base:
        return False
    a, b = values_of(view), values_of(value)
    return (
        a.shape == b.shape
        and a.strides == b.strides
        and a.dtype == b.dtype
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _write(x: Tensor, target: Any, key: Any, values: Any) -> None:
    """Write without history."""
    if key is ...:
        inplace.check_writable(x, "x[...] = ...", target)
    else:
        inplace.check_writable(x, "x[index] = ...")
    if values.ndim and np.may_share_memory(target, values):
        values = values.copy()
    if values.dtype is target.dtype:
        target[key] = values
    else:
        with np.errstate(all="ignore"):
            target[key] = values.real if values.dtype.kind == "c" != target.dtype.kind else values
    storage_of(x).bump(origin.caller(3))


def _set_picks(x: Tensor, picks: Picks, value: Tensor, with_history: bool) -> None:
    if picks.mask is not None and value._data.size == 1 and value._data.ndim <= 1:
        _fill_mask(x, picks.mask, value, with_history)
        return
    if value._data.dtype != x._data.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{x.dtype.short} for the destination and {value.dtype.short} for the source; convert "
            f"the value with .to({x.dtype})"
        )
    value = _without_leading_ones(value)
    try:
        if with_history:
            inplace.write(
                x,
                lambda old: ops.index_put(
                    old, value, *picks.indices, axes=tuple(picks.axes), accumulate=False
                ),
                "x[index] = ...",
            )
        else:
            _write(x, x._data, _numpy_key(picks), value._data)
    except ValueError:
        picked = x._data[_numpy_key(picks)]
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value._data.shape)} cannot be broadcast "
            f"to indexing result of shape {list(picked.shape)}"
        ) from None
    except IndexError as error:
        raise told(error) from None


def _numpy_key(picks: Picks) -> Any:
    key: list[Any] = [slice(None)] * (picks.axes[-1] + 1)
    for axis, places in zip(picks.axes, picks.indices):
        key[axis] = places._data
    return tuple(key)


def _fill_mask(x: Tensor, found: tuple[Any, int], value: Tensor, with_history: bool) -> None:
    """x[mask] = one value."""
    mask, axis = found
    value = value.reshape(()) if value._data.ndim else value
    if not with_history:
        _write(x, x._data, (slice(None),) * axis + (mask,), value._data)
        return
    if value._data.dtype != x._data.dtype:
        value = cast(value, dtype=x._data.dtype)
    mask = mask.reshape(mask.shape + (1,) * (x._data.ndim - axis - mask.ndim))
    inplace.write(x, lambda old: masking.mask_put(old, wrap(mask), value), "x[index] = ...")


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__setitem__ = setitem  # type: ignore[method-assign]


def _delitem(self: Tensor, key: Any) -> None:
    raise TypeError("Tensor does not support deleting items; index what is to be kept")


Tensor.__delitem__ = _delitem  # type: ignore[attr-defined]
