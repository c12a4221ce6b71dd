"""Floor 0: an array without values: shape, dtype and layout, and a buffer that is only counted.

A Ghost answers everything that a NumPy array does, by NumPy's own protocols, so kernels written in
NumPy run on it unchanged. Knows nothing of who counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..strides import contiguous_strides, is_viewable

Shape = tuple[int, ...]


class UnknownValues(RuntimeError):
    """A run on shapes alone came to code that depends on values.

    >>> try:
    ...     torch.debug.predict_memory(lambda: torch.rand(3).sum().item())
    ... except torch.debug.UnknownValues as error:
    ...     print(str(error)[:53])
    item() needs the value of a float32 array of shape []
    """


class _NoMemory(UnknownValues, AttributeError):
    """Also what NumPy takes for the lack of an attribute."""


class _State(threading.local):
    ledger: Any = None  # who counts in this thread: `take`, `give` and `line`; None: no run


state = _State()

# Small integers and single numbers are what programs steer by: those that were known before the
# run, or are written in the program, stay known. Everything else has no value.
MOST_KNOWN = 1024


def is_kept(array: Any) -> bool:
    """Whether a run on shapes alone keeps the values of such an array."""
    return bool(array.ndim == 0 or (array.dtype.kind in "biu" and array.size <= MOST_KNOWN))


class Buffer:
    """The memory that a Ghost would have: counted while anything refers to it."""

    __slots__ = ("nbytes", "ledger", "record", "is_known")

    def __init__(self, nbytes: int, ledger: Any, record: Any, is_known: bool) -> None:
        self.nbytes = nbytes
        self.ledger = ledger
        self.record = record
        self.is_known = is_known  # until something unknown is written

    def __del__(self) -> None:
        if self.ledger is not None:
            self.ledger.give(self.nbytes, self.record)


class Flags:
    """What `ndarray.flags` tells."""

    __slots__ = ("c_contiguous", "f_contiguous", "_ghost")

    aligned = True

    def __init__(self, c: bool, f: bool, ghost: Ghost) -> None:
        self.c_contiguous = c
        self.f_contiguous = f
        self._ghost = ghost

    @property
    def owndata(self) -> bool:
        return self._ghost.base is None

    @property
    def writeable(self) -> bool:
        return self._ghost.is_writeable

    @writeable.setter
    def writeable(self, value: bool) -> None:
        self._ghost.outline.flags.writeable = value

    contiguous = property(lambda self: self.c_contiguous)
    forc = property(lambda self: self.c_contiguous or self.f_contiguous)
    fnc = property(lambda self: self.f_contiguous and not self.c_contiguous)

    def __getitem__(self, name: str) -> bool:
        found: bool = getattr(self, name.lower())
        return found


_POINTED_AT = np.zeros(16, np.float64)  # what outlines point at; nobody reads through them


class _Interface:
    def __init__(self, shape: Shape, strides: Shape | None, itemsize: int) -> None:
        self.__array_interface__ = {
            "shape": shape,
            "strides": strides,
            "typestr": f"|V{itemsize}",
            "data": (_POINTED_AT.ctypes.data, False),
            "version": 3,
        }


def outline(shape: Shape, strides: Shape | None, itemsize: int) -> Any:
    """An array of NumPy's of any size, without its memory: to make views of, never to read.

    NumPy then tells the shape, the strides and the errors of every view. What copies must not
    be called on it.
    """
    return np.asarray(_Interface(shape, strides, itemsize))


class Ghost:
    """An array without values. `allocate` makes one; views of it share its buffer.

    Its `__class__` is NumPy's ndarray, so that code which asks for arrays takes it for one; its
    `type` is not, so that no C code reads memory that is not there.
    """

    __slots__ = (
        "shape", "dtype", "_outline", "_strides", "_buffer", "_base", "_value", "__weakref__",
    )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 100.0

    shape: Shape
    dtype: Any
    _outline: Any  # made when first needed
    _strides: Shape | None  # None: contiguous
    _buffer: Buffer
    _base: Ghost | None
    _value: Any  # a real array, while the buffer is known

    __class__ = property(lambda self: np.ndarray)

    # -- what there is ----------------------------------------------------------------------------

    @property
    def outline(self) -> Any:
        """What views are made of; see `outline`."""
        found = self._outline
        if found is None:
            found = outline(self.shape, self._strides, self.dtype.itemsize)
            self._outline = found
        return found

    @property
    def value(self) -> Any:
        """The real array, where values are known; else None."""
        return self._value if self._buffer.is_known else None

    @property
    def is_writeable(self) -> bool:
        """Whether it may be written: no broadcast view may."""
        return self._outline is None or bool(self._outline.flags.writeable)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> Shape:
        if self._strides is None:
            if self._outline is None:
                self._strides = contiguous_strides(self.shape, self.dtype.itemsize)
            else:
                self._strides = self._outline.strides
        return self._strides

    @property
    def base(self) -> Ghost | None:
        return self._base

    @property
    def flags(self) -> Flags:
        if self._outline is None and self._strides is None:
            few = sum([n > 1 for n in self.shape]) <= 1 or 0 in self.shape
            return Flags(True, few, self)
        f = self.outline.flags
        return Flags(f.c_contiguous, f.f_contiguous, self)

    # -- values, of which there are none ----------------------------------------------------------

    def known(self, what: str) -> Any:
        """The value, or the error that says that there is none, and where."""
        value = self.value
        if value is None:
            raise unknown(what, self)
        return value

    def item(self, *args: Any) -> Any:
        return self.known("item()").item(*args)

    def tolist(self) -> Any:
        return self.known("tolist()").tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        found: bytes = self.known("tobytes()").tobytes(order)
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise unknown("pickling", self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.known("a NumPy function"), dtype)

    def __bool__(self) -> bool:
        return bool(self.known("a condition"))

    def __int__(self) -> int:
        return int(self.known("int()"))

    def __index__(self) -> int:
        found: int = self.known("an index").__index__()
        return found

    def __float__(self) -> float:
        return float(self.known("float()"))

    def __complex__(self) -> complex:
        return complex(self.known("complex()"))

    def __contains__(self, item: Any) -> bool:
        return item in self.known("`in`")

    @property
    def ctypes(self) -> Any:
        raise unknown("a memory address", self)

    @property
    def __array_interface__(self) -> Any:
        raise _NoMemory(str(unknown("a memory address", self)))

    def __repr__(self) -> str:
        value = self.value
        if value is not None:
            return repr(value)
        return f"<no values: {self.dtype} {list(self.shape)}, in a run on shapes alone>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        value = self.value
        return repr(self) if value is None else format(value, spec)

    # -- views ------------------------------------------------------------------------------------

    def view_by(self, f: Callable[[Any], Any], dtype: Any = None) -> Any:
        """The view that `f` makes of an array, of the same buffer."""
        found = object.__new__(Ghost)
        made = f(self.outline)
        found.shape = made.shape
        found.dtype = self.dtype if dtype is None else dtype
        found._outline = made
        found._strides = None
        found._buffer = self._buffer
        found._base = self if self._base is None else self._base
        found._value = None if self._value is None or dtype is not None else f(self._value)
        return found

    def transpose(self, *axes: Any) -> Any:
        return self.view_by(lambda a: a.transpose(*axes))

    @property
    def T(self) -> Any:
        return self.view_by(lambda a: a.T)

    @property
    def mT(self) -> Any:
        return self.view_by(lambda a: a.mT)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        return self.view_by(lambda a: a.swapaxes(axis1, axis2))

    def squeeze(self, axis: Any = None) -> Any:
        return self.view_by(lambda a: a.squeeze(axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        return self.view_by(lambda a: a.diagonal(offset, axis1, axis2))

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        if dtype is None or dtype is np.ndarray:
            return self.view_by(lambda a: a.view())
        dtype = np.dtype(dtype)
        found = self.view_by(lambda a: a.view(f"V{dtype.itemsize}"), dtype)
        if self._value is not None:
            found._value = self._value.view(dtype)
        return found

    @property
    def real(self) -> Any:
        return self if self.dtype.kind != "c" else self._part("real")

    @real.setter
    def real(self, values: Any) -> None:
        self.real[...] = values

    @property
    def imag(self) -> Any:
        return self._part("imag") if self.dtype.kind == "c" else allocate(self.shape, self.dtype)

    @imag.setter
    def imag(self, values: Any) -> None:
        self._part("imag")[...] = values

    def _part(self, name: str) -> Any:
        half = self.dtype.itemsize // 2
        found = self.view_by(
            lambda _: outline(self.shape, self.strides, half), np.dtype(f"f{half}")
        )
        if self._value is not None:
            found._value = getattr(self._value, name)
        return found

    def strided(self, shape: Shape, strides: Shape, dtype: Any = None) -> Any:
        """A view of any shape and strides (in bytes)."""
        dtype = self.dtype if dtype is None else dtype
        return self.view_by(lambda _: outline(shape, strides, dtype.itemsize), dtype)

    def reshape(self, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        wanted = _whole(sizes, self.shape)
        source = self
        if order == "F":
            return self.transpose().reshape(wanted[::-1]).transpose()
        if not is_viewable(self.shape, self.strides, wanted):
            source = self.copy()
        strides = _reshaped_strides(source.shape, source.strides, wanted, self.dtype.itemsize)
        found = source.view_by(lambda _: outline(wanted, strides, self.dtype.itemsize))
        if source._value is not None:
            found._value = source._value.reshape(wanted)
        return found

    def ravel(self, order: Any = "C") -> Any:
        return self.reshape(-1)

    # -- elements ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        for i in range(self.shape[0]):
            yield self.view_by(partial(_row, i))

    # -- copies -----------------------------------------------------------------------------------

    def copy(self, order: Any = "C") -> Any:
        return self.astype(self.dtype, order)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def astype(
        self, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: Any = True,
        copy: Any = True,
    ) -> Any:  # fmt: skip
        dtype = np.dtype(dtype)
        if not copy and dtype == self.dtype:
            return self
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"cannot cast array data from {self.dtype} to {dtype} by {casting!r}")
        value = self.value
        if value is not None:
            return allocate(self.shape, dtype, value=value.astype(dtype))
        return (
            allocate_like(self, self.shape, dtype)
            if order == "K"
            else allocate(self.shape, dtype, order=order if order == "F" else "C")
        )


def unknown(what: str, ghost: Any) -> UnknownValues:
    """The error of code that depends on values."""
    ledger = state.ledger
    where = "" if ledger is None else f", at {ledger.line()}"
    return UnknownValues(
        f"{what} needs the value of a {ghost.dtype} array of shape {list(ghost.shape)}{where}. "
        "In a run on shapes alone nothing has a value, so code that depends on values (item(), "
        "conditions on tensors, boolean masks, nonzero, unique) cannot be followed. Leave it out "
        "of what is predicted, or measure a real run with torch.debug.memory_peak"
    )


def _whole(shape: Sequence[Any], old: Shape) -> Shape:
    """A shape with -1 filled in; NumPy's error where it does not fit."""
    sizes = [int(n) for n in shape]
    total = prod(old)
    if sizes.count(-1) == 1:
        rest = prod([n for n in sizes if n != -1])
        if rest and total % rest == 0:
            return tuple([total // rest if n == -1 else n for n in sizes])
    if prod(sizes) != total or min(sizes, default=0) < 0:
        raise ValueError(f"cannot reshape array of size {total} into shape {tuple(sizes)}")
    return tuple(sizes)


def _reshaped_strides(shape: Shape, strides: Shape, new: Shape, itemsize: int) -> Shape:
    """Strides of a view in another shape; `is_viewable` holds."""
    if 0 in shape:
        return contiguous_strides(new, itemsize)
    runs: list[
        list[int]
    ] = []  # size and stride of dimensions that lie in memory as one, last first
    for n, stride in zip(reversed(shape), reversed(strides)):
        if n == 1:
            continue
        if runs and stride == runs[-1][0] * runs[-1][1]:
            runs[-1][0] *= n
        else:
            runs.append([n, stride])
    found = []
    left, step = runs.pop(0) if runs else [1, itemsize]
    for n in reversed(new):
        if left == 1 and n != 1 and runs:
            left, step = runs.pop(0)
        found.append(step)
        step *= n
        left //= n
    return tuple(reversed(found))


def allocate(
    shape: Any, dtype: Any, *, order: str = "C", strides: Shape | None = None, value: Any = None
) -> Any:
    """A Ghost with a buffer of its own; `value`: the real array, where it is known."""
    if type(shape) is not tuple:
        shape = tuple([int(n) for n in shape]) if isinstance(shape, list) else (int(shape),)
    nbytes = prod(shape)
    if nbytes <= 0 and min(shape, default=0) < 0:
        raise ValueError("negative dimensions are not allowed")
    if not isinstance(dtype, np.dtype):
        dtype = np.dtype(dtype)
    nbytes *= dtype.itemsize
    found = object.__new__(Ghost)
    found.shape = shape
    found.dtype = dtype
    found._outline = None
    if order == "F" and len(shape) > 1:
        strides = contiguous_strides(shape[::-1], dtype.itemsize)[::-1]
    found._strides = strides
    if strides is not None:
        found._outline = outline(shape, strides, dtype.itemsize)
    found._base = None
    is_known = value is not None and is_kept(value)
    found._value = value if is_known else None
    ledger = state.ledger
    record = None if ledger is None else ledger.take(nbytes, shape, dtype)
    found._buffer = Buffer(nbytes, ledger, record, is_known)
    return found


def allocate_like(like: Any, shape: Shape, dtype: Any, iterated: bool = False) -> Any:
    """A new Ghost whose dimensions lie in memory in the order in which those of `like` do.

    `iterated`: in that of NumPy's iterator, as results of ufuncs do.
    """
    if len(shape) < 2 or like.shape != shape or like.flags.c_contiguous:
        return allocate(shape, dtype)
    old = like.strides
    if iterated:
        axes = _iteration_order(shape, old)
    else:
        axes = sorted(range(len(shape)), key=lambda i: -abs(old[i]))
    dtype = np.dtype(dtype)
    inner = contiguous_strides([shape[i] for i in axes], dtype.itemsize)
    strides = [0] * len(shape)
    for i, step in zip(axes, inner):
        strides[i] = step
    return allocate(shape, dtype, strides=tuple(strides))


def _iteration_order(shape: Shape, strides: Shape) -> list[int]:
    """The axes from outermost to innermost; those without a stride keep their place."""
    steps = [0 if n == 1 else abs(s) for n, s in zip(shape, strides)]
    order: list[int] = []  # innermost first
    for axis in reversed(range(len(shape))):
        place = len(order)
        for i in reversed(range(len(order))):
            other = steps[order[i]]
            if steps[axis] and other:
                if other <= steps[axis]:
                    break
                place = i
        order.insert(place, axis)
    return order[::-1]


def haunt(array: Any, buffer: Buffer, value: Any = None) -> Any:
    """The Ghost of a real array, on a buffer that its owner shares with it."""
    found = object.__new__(Ghost)
    found.shape = array.shape
    found.dtype = array.dtype
    found._outline = None
    found._strides = None if array.flags.c_contiguous else array.strides
    if not array.flags.writeable:
        found.outline.flags.writeable = False
    found._buffer = buffer
    found._base = None
    found._value = value
    return found


def _row(i: int, array: Any) -> Any:
    return array[i, ...]


class Uncounted:
    """The ledger of a run whose bytes nobody asks for, and the base of those that count."""

    def __init__(self) -> None:
        self._outside: dict[int, tuple[Any, Any]] = {}

    def take(self, nbytes: int, shape: Shape, dtype: Any) -> Any:
        """A buffer is made; what is returned is given back when it goes."""

    def give(self, nbytes: int, record: Any) -> None:
        """A buffer is gone."""

    def line(self) -> str:
        """The user's line that runs, for errors."""
        return "an unknown line"

    def ghost_of(self, array: Any) -> Any:
        """The Ghost of an array that the run meets: it has memory already, which is not counted."""
        held = self._outside.get(id(array))
        if held is None:
            value = array.copy() if is_kept(array) else None
            ghost = haunt(array, Buffer(0, None, None, value is not None), value)
            held = self._outside[id(array)] = array, ghost
        return held[1]


def attach(**members: Any) -> None:
    """Give Ghost the methods that another module defines."""
    for name, member in members.items():
        setattr(Ghost, name, member)


def is_ghost(x: Any) -> bool:
    """Whether an array has no memory; `isinstance` and `__class__` tell that it is NumPy's."""
    return type(x) is Ghost
