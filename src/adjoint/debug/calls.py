"""Floor 5: calls into adjoint as the watch of an influence sees them, and what a cut is.

Reads frames and their arguments; follows nothing.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from adjoint.autograd import origin
from adjoint.autograd.tensor import Tensor

from .statistics import Place, names

Cuts = frozenset[int]
NOTHING: Cuts = frozenset()

# Functions whose result has nothing of their argument's values.
UNRELATED = names(
    "zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros "
    "new_ones new_empty new_full new_tensor_like grad _base grad_fn is_leaf requires_grad shape "
    "size dim numel is_tensor __len__ __hash__ storage_of edge_of meta_of accumulator refresh "
    "register_hook register_parameter register_buffer __setattr__ backward __enter__ __exit__ "
    "step zero_grad parameters named_parameters __repr__ __format__ dtype device retain_grad "
    "is_floating_point is_complex is_inference ndim stride data_ptr"
)
# Calls that run the user's code without recording it, and make up for that themselves.
UNRECORDED = names("apply checkpoint checkpoint_sequential")
TO_PYTHON = names("item tolist __float__ __int__ __complex__ __index__")
TO_NUMPY = frozenset(("numpy", "__array__", "__dlpack__"))
NEW_TENSORS = names(
    "tensor as_tensor asarray scalar_tensor new_tensor from_numpy from_dlpack __new__"
)
CHOICES = names(
    "argmax argmin argsort topk sort max min kthvalue searchsorted bucketize nonzero multinomial "
    "bernoulli unique median mode cummax cummin"
)


# Cuts that are steps on the way out of the graph, when they are on the line that leaves it.
STEPS_OUT = ("detach", "data", "comparison", "argmax", "integer")
_SLOTS = ("_data", "_requires_grad", "_edge", "_storage", "_view", "_meta")
# Functions that stand around another, whose name is the one to tell.
WRAPPERS = names("method written compare logical test extreme <lambda>")


@dataclass
class Cut:
    """A place where an influence went on without the graph."""

    kind: str  # as `Explanation.cause`
    place: Place
    function: str  # what the user called there
    switched: Place | None = None  # where recording was switched off
    dtype: str = ""
    leaf: Place | None = None  # where a new leaf was made of what came of it

    def __str__(self) -> str:
        return f"{self.kind} at {self.place}"


class Call:
    """One running call into adjoint that touches the influence."""

    __slots__ = (
        "inputs",
        "partial",
        "versions",
        "cuts_before",
        "given",
        "boundary",
        "inner",
        "operation",
        "owner",
        "user",
    )

    def __init__(self, boundary: bool, cuts_before: int) -> None:
        self.inputs: Cuts | None = None  # the cuts behind what it was given; None: no influence
        self.partial = NOTHING  # cuts on some of the ways to it
        self.versions: list[tuple[Tensor, int]] = []
        self.cuts_before = cuts_before
        self.given: list[tuple[Any, Any]] = []  # its arguments, and whether they require grad
        self.boundary = boundary  # called by the user's code
        self.inner = ""  # the first function of adjoint that it called itself
        self.operation = ""
        self.owner = ""  # the class of the object that was called
        self.user = False  # it called the user's code, which was followed by itself

    def gave_back(self, thing: Any) -> bool:
        """Whether a result is an argument as it was, such as one of a pair that was made fit."""
        needs = getattr(thing, "requires_grad", None)
        return any(thing is given and needs == before for given, before in self.given)


_LIBRARIES = (os.path.dirname(np.__file__) + os.sep, "<frozen", "<__array_function__")
_STANDARD = os.path.dirname(os.__file__) + os.sep


@functools.cache
def is_library(filename: str) -> bool:
    """Whether a file is NumPy's or Python's own: between the user's code and adjoint."""
    return filename.startswith(_LIBRARIES) or (
        filename.startswith(_STANDARD) and "-packages" not in filename
    )


def is_ours(filename: str) -> bool:
    """Whether a file is adjoint's."""
    return origin.is_internal[filename]


class Held:
    """Holds a number as a weak reference holds an object."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __call__(self) -> Any:
        return self.thing


def arguments_of(frame: FrameType, code: CodeType) -> list[Any]:
    """What a call was given."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 4) + bool(code.co_flags & 8)  # *args and **kwargs
    found = frame.f_locals
    return [found[name] for name in code.co_varnames[:count] if name in found]


def things_in(value: Any, depth: int = 3) -> Iterator[Any]:
    """Tensors, arrays and numbers in a value or in what it holds."""
    if isinstance(value, Tensor):
        if all(hasattr(value, name) for name in _SLOTS):  # else it is being made
            yield value
    elif isinstance(value, (np.ndarray, float, complex)):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in value:
            yield from things_in(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from things_in(item, depth - 1)


def root_of(array: Any) -> Any:
    """The array that owns the memory."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array
