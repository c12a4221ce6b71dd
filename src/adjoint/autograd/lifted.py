"""Floor 1: what stands in the place of an array while a function is transformed.

A transform (vmap, jvp, jet) pushes a Level. Inside, a Tensor's `_data` may be Lifted: several
Tensors of the floor of levels below, which operations see as one array. The tape lies over it as
over any array, so reverse mode nests with everything; what the parts do is recorded below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from ..arrays import device as devices
from ..arrays.strides import contiguous_strides
from . import modes
from .tensor import Tensor, mark_born, new

_next_number = count(1).__next__


class Level:
    """One transform being run in this thread: a context manager.

    `grad` is the grad mode outside, in which the parts of its Lifted values are computed.
    """

    __slots__ = (
        "kind", "size", "randomness", "joined", "number", "depth", "grad", "alive", "asked",
    )  # fmt: skip

    number: int
    depth: int  # how many levels there are with this one, for people
    grad: bool

    def __init__(self, kind: str, size: int = 0, randomness: str = "error") -> None:
        self.kind = kind
        self.size = size  # of the batch, for vmap
        self.randomness = randomness
        # Whether what is differentiated inside is tracked below as well: torch's dual levels.
        self.joined = False
        self.alive = False
        # In Taylor mode, while a rule is run as a recurrence: the series it asked for so far.
        self.asked: dict[Any, Any] | None = None

    def __enter__(self) -> Level:
        self.number = _next_number()
        self.grad = modes.state.grad
        self.alive = True
        modes.state.levels = (*modes.state.levels, self)
        self.depth = len(modes.state.levels)
        modes.lifted += 1
        return self

    def __exit__(self, *exc: object) -> None:
        modes.lifted -= 1
        modes.state.levels = tuple([lvl for lvl in modes.state.levels if lvl is not self])
        self.alive = False


@contextmanager
def inside(levels: tuple[Level, ...]) -> Iterator[None]:
    """Be in these transforms again, ended or not: to compute again what was computed in them."""
    before, alive = modes.state.levels, [level.alive for level in levels]
    modes.state.levels = levels
    modes.lifted += len(levels)
    for level in levels:
        level.alive = True
    try:
        yield
    finally:
        for level, was in zip(levels, alive, strict=True):
            level.alive = was
        modes.lifted -= len(levels)
        modes.state.levels = before


# A dtype that is equal to NumPy's own and not the same object: the fast paths, which ask for
# identity, leave Lifted data to the general one at no cost.
_twins: dict[Any, Any] = {}


def twin(dtype: Any) -> Any:
    """A dtype object that is equal to `dtype` but not identical to NumPy's."""
    found = _twins.get(dtype)
    if found is None:
        found = _twins[dtype] = np.dtype(dtype, copy=True)
    return found


class Lifted:
    """Tensors that together act as one array at a level. Knows shape and dtype, not values."""

    __slots__ = ("level", "shape", "dtype")

    place = devices.CPU

    level: Level
    shape: tuple[int, ...]
    dtype: Any

    def parts(self) -> tuple[Tensor | None, ...]:
        """The Tensors of the levels below."""
        raise NotImplementedError  # every kind defines it

    def map(self, f: Callable[[Tensor], Tensor]) -> Lifted:
        """The same kind of value, with `f` applied to every part."""
        raise NotImplementedError  # every kind defines it

    def detached(self) -> Any:
        """The data without history or tangent at any level."""
        return self.map(lambda t: t.detach())

    def overwrite(self, source: Tensor) -> None:
        """Write the value of `source` into the parts, in place."""
        raise NotImplementedError  # every kind defines it

    @property
    def ndim(self) -> int:
        """The number of dimensions, without hidden ones."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements, without hidden ones."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ghost(self) -> Any:
        """An array of this shape and dtype without memory, to ask NumPy for shapes of views."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides as of a contiguous array: Lifted values have no layout that users could see."""
        return contiguous_strides(self.shape, self.dtype.itemsize)

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of what operations see."""
        return self.size * self.itemsize

    @property
    def flags(self) -> Any:
        """Layout flags of a contiguous array that may be written."""
        return _FLAGS

    @property
    def base(self) -> None:
        """No memory of its own, so none that it views."""
        return None

    def copy(self, order: str = "C") -> Lifted:
        """Parts of their own memory."""
        return self.map(lambda t: t.clone())

    # Views of Lifted data are made by the operation; callers only look at the shape of these.
    def __getitem__(self, key: Any) -> Any:
        return self.ghost[key]

    def reshape(self, *shape: Any) -> Any:
        """The shape that a reshape would give."""
        return self.ghost.reshape(*shape)

    def transpose(self, *axes: Any) -> Any:
        """The shape that a transpose would give."""
        return self.ghost.transpose(*axes)

    def swapaxes(self, first: int, second: int) -> Any:
        """The shape that swapping two axes would give."""
        return self.ghost.swapaxes(first, second)

    def squeeze(self, axis: Any = None) -> Any:
        """The shape without axes of size 1."""
        return self.ghost.squeeze(axis)

    @property
    def T(self) -> Any:
        """The shape with all axes reversed."""
        return self.ghost.T


class _Flags:
    writeable = c_contiguous = owndata = aligned = True
    f_contiguous = False
    contiguous = forc = True


_FLAGS = _Flags()


UNMAPPED_WRITE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor "
    "`other` in extra_args that has more elements than `self`. This happened due to `other` being "
    "vmapped over but `self` not being vmapped over in a vmap. Please try to use out-of-place "
    "operators instead, or make the tensor from a mapped one: x.new_zeros(...), "
    "torch.zeros_like(x)."
)


class Batched(Lifted):
    """One example of a batch: `value` holds all of them along its first axis when `batched`."""

    __slots__ = ("value", "batched")

    def __init__(self, level: Level, value: Tensor, batched: bool = True) -> None:
        array = value._data
        self.level, self.value, self.batched = level, value, batched
        self.shape = array.shape[1:] if batched else array.shape
        self.dtype = twin(array.dtype)

    def parts(self) -> tuple[Tensor | None, ...]:
        return (self.value,)

    def map(self, f: Callable[[Tensor], Tensor]) -> Batched:
        return Batched(self.level, f(self.value), self.batched)

    def overwrite(self, source: Tensor) -> None:
        data = source._data
        value = source
        if data.__class__ is Batched and data.level is self.level:
            value = data.value
            if data.batched and not self.batched:
                raise RuntimeError(UNMAPPED_WRITE)
        self.value.copy_(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if not self.batched:
            return np.asarray(self.value._data, dtype)
        raise RuntimeError(self._explain("an array of its values (.numpy(), NumPy functions)"))

    def __bool__(self) -> bool:
        if not self.batched:
            return bool(self.value._data)
        if not self.level.alive:
            raise RuntimeError(escaped(self))
        raise RuntimeError(
            "vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
            "flow (if, while, assert, bool()). All examples run together, so there is no one "
            "truth; choose between both results with torch.where(condition, a, b) instead."
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self.batched:
            return getattr(self.value._data, name)
        if name == "item" and self.level.alive:
            raise RuntimeError(
                "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap "
                "over calling .item() on a Tensor, please try to rewrite what you're doing with "
                "other operations: torch.where(condition, a, b) chooses for each example, and "
                "out_dims returns values."
            )
        raise RuntimeError(self._explain(f"its values (.{name})"))

    def _explain(self, what: str) -> str:
        if not self.level.alive:
            return escaped(self)
        return (
            f"vmap: this function asks a Tensor of shape {list(self.shape)} for {what}, which it "
            "has only one example at a time. What depends on values cannot run for all examples "
            "together; use operations of fixed shape (torch.where), or call it outside of vmap."
        )


def escaped(data: Lifted) -> str:
    """What is wrong with a Tensor whose transform is over."""
    kind = data.level.kind
    return (
        f"a Tensor of shape {list(data.shape)} was made inside {kind} and is used after it has "
        f"ended; return it from the function that {kind} transforms instead of keeping it in a "
        "variable outside"
    )


class Dual(Lifted):
    """A primal and its tangent (None: it does not move)."""

    __slots__ = ("primal", "tangent")

    def __init__(self, level: Level, primal: Tensor, tangent: Tensor | None) -> None:
        self.level, self.primal, self.tangent = level, primal, tangent
        self.shape = primal._data.shape
        self.dtype = twin(primal._data.dtype)

    def parts(self) -> tuple[Tensor | None, ...]:
        return (self.primal, self.tangent)

    def map(self, f: Callable[[Tensor], Tensor]) -> Dual:
        return Dual(self.level, f(self.primal), None if self.tangent is None else f(self.tangent))

    def overwrite(self, source: Tensor) -> None:
        data = source._data
        if data.__class__ is Dual and data.level is self.level:
            self.primal.copy_(data.primal)
            if self.tangent is not None:
                self.tangent.copy_(0 * self.tangent if data.tangent is None else data.tangent)
            elif data.tangent is not None:
                self.tangent = data.tangent.clone()
        else:
            self.primal.copy_(source)
            if self.tangent is not None:
                self.tangent.zero_()

    def detached(self) -> Any:
        return self.primal.detach()._data

    @property
    def values(self) -> Any:
        """The primal's array: what value-dependent code (comparisons, printing) may look at."""
        return self.primal._data

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype)

    def __bool__(self) -> bool:
        return bool(self.values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.values, name)


class Series(Dual):
    """A truncated Taylor series: `terms[k]` is the coefficient of t**k (None: zero)."""

    __slots__ = ("terms",)

    def __init__(self, level: Level, terms: Sequence[Tensor | None]) -> None:
        first = terms[0]
        assert first is not None
        super().__init__(level, first, None)
        self.terms = tuple(terms)

    def parts(self) -> tuple[Tensor | None, ...]:
        return self.terms

    def map(self, f: Callable[[Tensor], Tensor]) -> Series:
        return Series(self.level, [None if t is None else f(t) for t in self.terms])

    def overwrite(self, source: Tensor) -> None:
        raise RuntimeError(
            "jet: writing in place is not supported in Taylor mode; use the out-of-place form"
        )


def made_like(t: Tensor, make: Callable[[tuple[int, ...]], Any]) -> Tensor:
    """A new Tensor for each example where `t` has one: `make(hidden sizes)` gives its array."""
    lead: list[int] = []
    levels: list[Level] = []
    while isinstance(t._data, Lifted):
        data = t._data
        if data.__class__ is Batched and data.batched:
            lead.insert(0, data.level.size)
            levels.append(data.level)
        part = data.parts()[0]
        assert part is not None
        t = part
    array = make(tuple(lead))
    found = lift(array)
    for level in reversed(levels):
        found = lift(Batched(level, found))
    return found


def values_of(t: Tensor) -> Any:
    """The array of a Tensor, of all examples together where it is of a batch: to check values."""
    while isinstance(t._data, Lifted):
        part = t._data.parts()[0]
        assert part is not None
        t = part
    return t._data


def constant_at(level: Level, t: Tensor) -> Tensor:
    """A Tensor of the levels below as one of `level` that does not move with it."""
    if level.kind == "vmap":
        return lift(Batched(level, t, False))
    return lift(Series(level, (t,)) if level.kind == "jet" else Dual(level, t, None))


def layout_of(t: Tensor) -> Any:
    """The array of a Tensor, or one without values where it is Lifted: to work out shapes."""
    data = t._data
    return data.ghost if isinstance(data, Lifted) else data


def lift(data: Any) -> Tensor:
    """A Tensor on Lifted data, a leaf of its level."""
    t: Tensor = new(Tensor)
    t._data = data
    t._requires_grad = False
    t._edge = t._storage = t._view = t._meta = None
    if modes.reversing:
        mark_born(t)
    return t


def mapped_over(t: Tensor) -> set[Level]:
    """The vmaps whose examples differ in a tensor."""
    found = set()
    while isinstance(t._data, Lifted):
        if t._data.__class__ is Batched and t._data.batched:
            found.add(t._data.level)
        part = t._data.parts()[0]
        assert part is not None
        t = part
    return found


def moves(t: Tensor) -> bool:
    """Whether jvp or jet follow a tensor at any level; dual levels, as in torch, do not tell."""
    stack = [t]
    while stack:
        data = stack.pop()._data
        if isinstance(data, Lifted):
            level = data.level
            parts = [part for part in data.parts() if part is not None]
            if level.kind != "vmap" and level.alive and not level.joined and len(parts) > 1:
                return True
            stack.extend(parts)
    return False


def unrecorded(t: Any) -> Any:
    """A gradient of a pass that records nothing, in a level that is joined with the one below."""
    data = t._data if isinstance(t, Tensor) else None
    if isinstance(data, Lifted) and data.level.joined:
        return lift(data.map(lambda part: part.detach()))
    return t


def spread(t: Tensor, level: Level) -> Tensor:
    """What a Tensor holds for all examples of a batch, along a first axis."""
    data = t._data
    if data.__class__ is Batched and data.level is level:
        if data.batched:
            return data.value
        t = data.value
    return t.expand(level.size, *t._data.shape)  # type: ignore[no-any-return]


def level_of(t: Tensor) -> Level | None:
    """The level at which a Tensor is Lifted; None for an ordinary one."""
    data = t._data
    return data.level if isinstance(data, Lifted) else None


def top_level(tensors: Sequence[Tensor]) -> Level | None:
    """The innermost level among Tensors; None when all are ordinary. Refuses escaped ones."""
    top: Level | None = None
    for t in tensors:
        if t._view is not None and t._view.base._data.__class__ is Dual:
            from .lifted_writing import follow

            follow(t)
        data = t._data
        if data.__class__ is not np.ndarray and isinstance(data, Lifted):
            level = data.level
            if not level.alive:
                if level.kind == "meta":
                    data.parts()  # refuses
                if isinstance(data, Dual):  # what is left of a dual is its primal
                    t._data, t._storage = data.primal._data, data.primal._storage
                    return top_level(tensors)
                raise RuntimeError(escaped(data))
            if top is None or level.number > top.number:
                top = level
    return top


def tracked_below(t: Tensor) -> str | None:
    """The kind of the transform that hides a history of levels below from the tensor; or None."""
    data = t._data
    if not isinstance(data, Lifted) or not data.level.alive:
        return None
    parts = [part for part in data.parts() if part is not None]
    hidden = any(part.requires_grad or tracked_below(part) is not None for part in parts)
    return data.level.kind if hidden else None


def bottom_arrays(t: Tensor) -> list[Any]:
    """The arrays below all levels that hold a Tensor's value."""
    found, stack = [], [t]
    while stack:
        data = stack.pop()._data
        if isinstance(data, Lifted):
            stack.extend([part for part in data.parts() if part is not None])
        else:
            found.append(data)
    return found
