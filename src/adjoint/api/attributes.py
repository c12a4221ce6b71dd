"""Floor 3: what a tensor tells about itself: shape, strides, memory, kind; and `cpu`, `cuda`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import cpu as arrays
from ..arrays import device as devices
from ..arrays import layout as layouts
from ..arrays.strides import empty_in_order
from ..autograd.lifted import Lifted
from ..autograd.size import Size, size_of
from ..autograd.storage import CustomView
from ..autograd.tensor import Tensor
from ..ops import shape as shapes
from .conversion import method
from .dims import canonical_dim
from .registration import FUNCTIONS, public


def attribute(f: Any) -> Any:
    """Attach a function as a read-only attribute of Tensor."""
    setattr(Tensor, f.__name__, property(f))
    return f


@attribute
def shape(self: Tensor) -> Size:
    """The sizes of the dimensions.

    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    """
    return size_of(self._data)


@method
def size(self: Tensor, dim: Any = None) -> Any:
    """The shape, or the size of one dimension.

    >>> torch.zeros(2, 3).size()
    torch.Size([2, 3])
    >>> torch.zeros(2, 3).size(1)
    3
    """
    if dim is None:
        return size_of(self._data)
    array = self._data
    if array.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return array.shape[canonical_dim(dim, array.ndim, "size")]


@method
def dim(self: Tensor) -> int:
    """The number of dimensions.

    >>> torch.zeros(2, 3).dim()
    2
    """
    ndim: int = self._data.ndim
    return ndim


Tensor.ndimension = dim  # type: ignore[attr-defined]
Tensor.ndim = property(dim)  # type: ignore[attr-defined]


@method
def element_size(self: Tensor) -> int:
    """Bytes of one element.

    >>> torch.zeros(3, dtype=torch.float64).element_size()
    8
    """
    return self.dtype.itemsize


Tensor.itemsize = property(element_size)  # type: ignore[attr-defined]


@attribute
def nbytes(self: Tensor) -> int:
    """Bytes of all elements.

    >>> torch.zeros(2, 3).nbytes
    24
    """
    count: int = self._data.nbytes
    return count


@method
def stride(self: Tensor, dim: Any = None) -> Any:
    """Steps in memory between neighbours, in elements: of each dimension, or of one.

    >>> torch.zeros(2, 3).stride()
    (3, 1)
    """
    array = self._data
    if array.size == 0 and array.__class__ is np.ndarray:
        array = _empty_with_strides(self)
    strides = tuple([s // array.itemsize for s in array.strides])
    if 0 in strides and 1 in array.shape:
        strides = _unsqueezed(self, strides)
    return strides if dim is None else strides[canonical_dim(dim, array.ndim, "stride")]


def _empty_with_strides(t: Tensor) -> Any:
    """The array of an empty tensor with the strides that torch tells; NumPy's are all 0.

    A view's are those that its steps make of the base's. (A cut of a tensor that is not empty has
    them from NumPy.)
    """
    view = t._view
    if view is None:
        return empty_in_order(t._data.shape, t._data.dtype)
    if view.base._data.size or any(isinstance(s.operation, CustomView) for s in view.steps):
        return t._data
    array = empty_in_order(view.base._data.shape, view.base._data.dtype)
    for step in view.steps:
        array = step.forward(arrays, array)
    return array


def _unsqueezed(t: Tensor, strides: tuple[int, ...]) -> tuple[int, ...]:
    """With torch's steps of new dimensions, over all that follows; NumPy's are 0."""
    if t._view is not None and any(s.operation is shapes.expand for s in t._view.steps):
        return strides
    found: list[int] = []
    step = 1
    for n, s in zip(reversed(t._data.shape), reversed(strides)):
        found.append(step if n == 1 and s == 0 else s)
        step = n * found[-1]
    return tuple(found[::-1])


@method
def storage_offset(self: Tensor) -> int:
    """Elements between the start of the memory and the first element.

    >>> torch.zeros(2, 3)[1].storage_offset()
    3
    """
    array = self._data
    if isinstance(array, Lifted):
        return 0
    root = root_array(array)
    return (_address(array) - _address(root)) // array.itemsize


def root_array(array: Any) -> Any:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _address(array: Any) -> int:
    if isinstance(array, Lifted):
        raise RuntimeError(
            "Cannot access data pointer of Tensor that doesn't have storage: inside a transform "
            "(vmap, jvp) a tensor has no memory of its own; return it from the transformed function"
        )
    address: int = array.__array_interface__["data"][0]
    return address


@method
def data_ptr(self: Tensor) -> int:
    """The address of the first element; 0 when there is none.

    >>> x = torch.zeros(2, 3)
    >>> x[1].data_ptr() - x.data_ptr()
    12
    """
    return _address(self._data) if self._data.size else 0


@method
def is_contiguous(self: Tensor, memory_format: Any = layouts.contiguous_format) -> bool:
    """Whether the elements lie in memory densely, the last dimension innermost (or as asked).

    >>> torch.zeros(2, 3).t().is_contiguous()
    False
    """
    array = self._data
    if memory_format is layouts.contiguous_format:
        flag: bool = array.flags.c_contiguous
        return flag
    order = memory_format.order
    return order is not None and len(order) == array.ndim and layouts.is_ordered(array, order)


@public("is_floating_point")
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is floating."""
    return input.dtype.is_floating_point


@public("is_complex")
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.dtype.is_complex


@public("is_signed", function=False)
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input.dtype.is_signed


@public("is_same_size")
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape.

    >>> torch.is_same_size(torch.zeros(2, 3), torch.ones(2, 3))
    True
    """
    same: bool = input._data.shape == other._data.shape
    return same


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

    >>> torch.is_tensor(torch.ones(1))
    True
    """
    return isinstance(obj, Tensor)


FUNCTIONS.update(is_tensor=is_tensor, Size=Size)
FUNCTIONS.update(
    {
        name: getattr(layouts, name)
        for name in (
            "memory_format",
            "contiguous_format",
            "preserve_format",
            "channels_last",
            "channels_last_3d",
            "layout",
            "strided",
        )
    }
)
Tensor.layout = layouts.strided  # type: ignore[attr-defined]


@method
def get_device(self: Tensor) -> int:
    """-1: the CPU has no number.

    >>> torch.zeros(2).get_device()
    -1
    """
    return -1


@method
def is_shared(self: Tensor) -> bool:
    """Whether the memory is shared between processes: never here.

    >>> torch.zeros(2).is_shared()
    False
    """
    return False


@method
def share_memory_(self: Tensor) -> Tensor:
    """The tensor itself: memory is not shared between processes here.

    >>> x = torch.zeros(2)
    >>> x.share_memory_() is x
    True
    """
    return self


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: pinning only matters for copies to a GPU.

    >>> torch.ones(2).pin_memory()
    tensor([1., 1.])
    """
    return self


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Whether the memory is pinned: never here.

    >>> torch.zeros(2).is_pinned()
    False
    """
    return False


for _name in (
    "is_cuda",
    "is_sparse",
    "is_sparse_csr",
    "is_quantized",
    "is_mps",
    "is_mkldnn",
    "is_nested",
    "is_xpu",
    "is_xla",
    "is_ipu",
    "is_vulkan",
    "is_maia",
    "is_mtia",
):
    setattr(Tensor, _name, False)


def _is_cpu(self: Tensor) -> bool:
    """Whether the tensor is on the CPU.

    >>> torch.zeros(2).is_cpu
    True
    """
    return self.device.type == "cpu"


def _is_meta(self: Tensor) -> bool:
    """Whether the tensor is on the meta device, where it has a shape and no values.

    >>> torch.zeros(2, device="meta").is_meta
    True
    """
    return self.device.type == "meta"


Tensor.is_cpu, Tensor.is_meta = property(_is_cpu), property(_is_meta)  # type: ignore[attr-defined]


@method
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Refused: there is no GPU here.

    >>> try:
    ...     torch.ones(2).cuda()
    ... except (RuntimeError, AssertionError):
    ...     print("no GPU")
    no GPU
    """
    return self.to(devices.device("cuda" if device is None else device))


@method
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself: it is on the CPU.

    >>> x = torch.zeros(2)
    >>> x.cpu() is x
    True
    """
    return self.to(devices.CPU)  # refuses a tensor without values


FUNCTIONS["get_device"] = get_device
FUNCTIONS["newaxis"] = None


@public("is_inference", method=False)
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made inside `inference_mode`.

    >>> with torch.inference_mode():
    ...     x = torch.ones(2)
    >>> torch.is_inference(x)
    True
    """
    return input.is_inference()


def typename(obj: Any) -> str:
    """The name of a tensor's type ("torch.FloatTensor"), or of an object's class.

    >>> torch.typename(torch.ones(1))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return f"torch.{obj.dtype.short}Tensor"
    cls = obj if isinstance(obj, type) else type(obj)
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")


FUNCTIONS["typename"] = typename


@attribute
def name(self: Tensor) -> str | None:
    """The name that a hook registry knows the tensor by, if any.

    >>> print(torch.zeros(2).name)
    None
    """
    return None if self._meta is None else self._meta.name


@method
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same memory in the same way.

    >>> x = torch.zeros(2, 3)
    >>> x.is_set_to(x.view(2, 3)), x.is_set_to(x.t())
    (True, False)
    """
    a, b = self._data, tensor._data
    same = (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)
    return same and (a is b or _address(a) == _address(b))


class UntypedStorage:
    """The memory behind a tensor: its address and size.

    >>> torch.zeros(2, 3).untyped_storage().nbytes()
    24
    """

    def __init__(self, array: Any) -> None:
        self._array = root_array(array)
        _address(self._array)  # refuses what has no memory

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return _address(self._array)

    def nbytes(self) -> int:
        """Bytes in all."""
        count: int = self._array.nbytes
        return count

    size = __len__ = nbytes


FUNCTIONS["UntypedStorage"] = UntypedStorage


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory that this tensor and its views share.

    >>> x = torch.zeros(2, 3)
    >>> x.untyped_storage().nbytes(), x[0].untyped_storage().nbytes()
    (24, 24)
    """
    return UntypedStorage(self._data)
