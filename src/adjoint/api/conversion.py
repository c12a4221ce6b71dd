"""Floor 3: from tensors to Python and NumPy, and what a tensor tells about itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.printing import tensor_repr, with_suffixes
from ..autograd import modes
from ..autograd.lifted import Batched, Lifted, moves, values_of
from ..autograd.meta import Meta
from ..autograd.tensor import Tensor, wrap
from .promotion import Number
from .registration import FUNCTIONS


def method(f: Any) -> Any:
    """Attach a function as the method of Tensor that has its name."""
    setattr(Tensor, f.__name__, f)
    return f


@method
def item(self: Tensor) -> Any:
    """The value of a tensor of one element as a Python number.

    >>> torch.tensor([2.5]).item()
    2.5
    """
    array = self._data
    if array.size != 1:
        raise RuntimeError(
            f"a Tensor with {array.size} elements cannot be converted to Scalar: its shape is "
            f"{list(array.shape)}; use .tolist(), or reduce it first"
        )
    value = array.item()
    return float(value) if array.dtype.kind == "V" else value


@method
def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers (one number for a 0-d tensor).

    >>> torch.tensor([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    array = self._data
    return (array.astype(np.float32) if array.dtype.kind == "V" else array).tolist()


@method
def numpy(self: Tensor, *, force: bool = False) -> Any:
    """The values as a NumPy array that shares the memory.

    A tensor that requires grad is refused, unless `force` or grad mode is off. bfloat16 comes as
    ml_dtypes' type.

    >>> x = torch.zeros(2)
    >>> x.numpy()[0] = 5
    >>> x
    tensor([5., 0.])
    """
    if self.requires_grad and not force and modes.state.grad:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    array = self._data
    if isinstance(array, Lifted):
        if moves(self):
            raise RuntimeError(
                "Can't call numpy() on a Tensor whose derivative is being computed by forward mode "
                "(jvp, jet): NumPy's functions have none. Use torch's functions, or "
                "tensor.detach().numpy() where the result shall be a constant."
            )
        return np.asarray(array)
    return array.view()


@method
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    """For `np.asarray(t)` and every NumPy function."""
    array = numpy(self)
    if dtype is None or array.dtype == dtype:
        return array.copy() if copy else array
    if copy is False:
        raise ValueError(f"a copy is needed to convert {self.dtype} to {np.dtype(dtype)}")
    return array.astype(dtype)


@method
def __len__(self: Tensor) -> int:
    """The size of the first dimension."""
    shape = self._data.shape
    if not shape:
        raise TypeError("len() of a 0-d tensor: it holds one number, see .item() or .numel()")
    length: int = shape[0]
    return length


@method
def __iter__(self: Tensor) -> Any:
    """The slices along the first dimension."""
    if not self._data.ndim:
        raise TypeError("iteration over a 0-d tensor: it holds one number, see .item()")
    return iter(self.unbind(0))


@method
def __reversed__(self: Tensor) -> Tensor:
    """The tensor flipped along its first dimension."""
    flipped: Tensor = self.flip(0) if self._data.ndim else self
    return flipped


@method
def __array_wrap__(
    self: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Tensor:
    """What a NumPy function of a tensor gives is a tensor again."""
    t: Tensor = wrap(array)
    return t


@method
def __dlpack__(self: Tensor, **options: Any) -> Any:
    """The memory in DLPack's form, for other libraries."""
    if self.requires_grad:
        raise BufferError(
            "Can't export tensors that require gradient, use tensor.detach() before exporting"
        )
    if isinstance(self._data, Lifted):
        raise BufferError(
            "Can't export tensors inside a transform (vmap, jvp), where they have no memory of "
            "their own; return the tensor from the transformed function"
        )
    return self._data.__dlpack__(**options)


@method
def __dlpack_device__(self: Tensor) -> Any:
    """DLPack's numbers for the CPU."""
    return self._data.__dlpack_device__()


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of another library's array.

    >>> torch.from_dlpack(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=torch.float64)
    """
    t: Tensor = wrap(np.from_dlpack(ext_tensor))
    return t


FUNCTIONS["from_dlpack"] = from_dlpack


@method
def __bool__(self: Tensor) -> bool:
    """The truth of the only element."""
    size = self._data.size
    if size != 1:
        how_many = "more than one value" if size else "no values"
        raise RuntimeError(
            f"Boolean value of Tensor with {how_many} is ambiguous: its shape is "
            f"{list(self._data.shape)}; use .any() or .all()"
        )
    array = self._data
    return bool(array.item() if array.__class__ is np.ndarray else array)


FUNCTIONS["is_nonzero"] = __bool__
Tensor.is_nonzero = __bool__  # type: ignore[attr-defined]


def _only(self: Tensor, kind: str) -> Any:
    """The only element, for the conversions to Python's number types."""
    if self._data.size != 1:
        raise ValueError(
            "only one element tensors can be converted to Python scalars, but this one has shape "
            f"{list(self._data.shape)}"
        )
    value = self.item()
    if isinstance(value, complex):
        if value.imag:
            raise RuntimeError(
                f"value cannot be converted to type {kind} without overflow: {value} has an "
                "imaginary part; use .real"
            )
        value = value.real
    return value


@method
def __float__(self: Tensor) -> float:
    """The only element as a float."""
    return float(_only(self, "double"))


@method
def __int__(self: Tensor) -> int:
    """The only element as an int, rounded towards zero."""
    return int(_only(self, "int64_t"))


@method
def __complex__(self: Tensor) -> complex:
    """The only element as a complex number."""
    if self._data.size != 1:
        _only(self, "complex")
    return complex(self.item())


@method
def __index__(self: Tensor) -> int:
    """The only element of an integer tensor, as an index."""
    array = self._data
    if array.size != 1 or array.dtype.kind not in "biu":
        raise TypeError(
            "only integer tensors of a single element can be converted to an index, but this one "
            f"is {self.dtype} of shape {list(array.shape)}"
        )
    return int(array.item())


@method
def __contains__(self: Tensor, element: Any) -> bool:
    """Whether any element equals a number or a (broadcastable) tensor."""
    if modes.lifted and isinstance(element, (Tensor, *Number)):
        return bool((self == element).any())  # type: ignore[attr-defined]
    if isinstance(element, Tensor):
        element = element._data
    elif not isinstance(element, Number):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool(np.any(self._data == element))


@method
def __repr__(self: Tensor, *, tensor_contents: str | None = None) -> str:
    """The values, and what is not usual: dtype, requires_grad, grad_fn."""
    if self._data.__class__ is Batched:
        inner = repr(self._data.value).replace("\n", "\n    ")
        return (
            f"BatchedTensor(lvl={self._data.level.depth}, "
            f"bdim={0 if self._data.batched else None}, value=\n    {inner}\n)"
        )
    if self._data.__class__ is Meta:
        return _meta_text(self)
    tangent = getattr(self._data, "tangent", None)
    if tangent is not None and not self._data.level.alive:
        tangent = None
    node = self.grad_fn
    is_parameter = type(self) is not Tensor and type(self).__name__ == "Parameter"
    return tensor_repr(
        values_of(self),
        dtype_name=str(self.dtype),
        default_dtype=str(dtypes.get_default_dtype()),
        requires_grad=self.requires_grad,
        grad_fn_name=None if node is None else node.name().rpartition("::")[2],
        tangent=None if tangent is None else format(tangent),
        heading="Parameter containing:\n" if is_parameter else "",
    )


def _meta_text(t: Tensor) -> str:
    """What there is of a tensor without values."""
    heading = "Parameter containing:\n" if type(t).__name__ == "Parameter" else ""
    suffixes = ["device='meta'", f"size={tuple(t.shape)}"]
    if t.dtype is not dtypes.get_default_dtype():
        suffixes.append(f"dtype={t.dtype}")
    if t.requires_grad:
        suffixes.append("requires_grad=True")
    prefix = "tensor("
    return heading + with_suffixes(f"{prefix}...", suffixes, len(prefix)) + ")"


@method
def __format__(self: Tensor, spec: str) -> str:
    """A 0-d tensor is formatted as its number."""
    if self._data.ndim == 0 and type(self) is Tensor:
        return format(self.item(), spec)
    return object.__format__(self, spec)


# Set again because defining `__eq__` would take it away.
Tensor.__hash__ = object.__hash__  # type: ignore[method-assign]
# NumPy leaves `array * tensor` to the tensor.
Tensor.__array_priority__ = 1000  # type: ignore[attr-defined]
