"""Floor 3: how a function becomes public: `torch.f`, `Tensor.f`, and its in-place `f_`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..autograd import inplace, modes, origin
from ..autograd.lifted import top_level
from ..autograd.tensor import Tensor, storage_of
from ..ops import overwrite
from .documentation import in_place_doc

F = TypeVar("F", bound=Callable[..., Any])

FUNCTIONS: dict[str, Any] = {}  # torch's top-level names


def public(
    *names: str,
    function: bool = True,
    method: bool = True,
    in_place: bool = False,
    out: bool = True,
) -> Callable[[F], F]:
    """Publish a function whose first argument is a tensor.

    As `torch.name` (with `out=`, unless torch has none there) when `function`, as `Tensor.name`
    when `method`, and with `in_place` as `Tensor.name_` and `torch.name_`, derived by writing the
    result. Without names the function's own is used (less a trailing underscore that avoids a
    builtin).
    """

    def decorate(f: F) -> F:
        for name in names or (f.__name__.rstrip("_"),):
            if function:
                FUNCTIONS[name] = with_out(f, name) if out else f
            if method:
                setattr(Tensor, name, f)
            if in_place:
                written = in_place_form(f, name + "_")
                setattr(Tensor, name + "_", written)
                FUNCTIONS[name + "_"] = written
        return f

    return decorate


# How users write in-place operators, for messages.
_OPERATORS = {
    "__iadd__": "+=",
    "__isub__": "-=",
    "__imul__": "*=",
    "__itruediv__": "/=",
    "__ifloordiv__": "//=",
    "__imod__": "%=",
    "__ipow__": "**=",
    "__iand__": "&=",
    "__ior__": "|=",
    "__ixor__": "^=",
    "__ilshift__": "<<=",
    "__irshift__": ">>=",
}


def in_place_form(f: Callable[..., Any], name: str, room: str = "") -> Callable[..., Tensor]:
    """The in-place method, or function of a room, derived from an out-of-place function."""
    told = _OPERATORS.get(name, name)

    def written(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not isinstance(self, Tensor):
            raise TypeError(f"{name}: argument 'input' must be Tensor, not {type(self).__name__}")

        def compute(old: Tensor) -> Tensor:
            result: Tensor = f(old, *args, **kwargs)
            if old._requires_grad and not result._requires_grad and modes.state.grad:
                return overwrite.copy(old, result)  # no derivative: the gradient stops here
            return result

        return inplace.write(self, compute, told)

    written.__name__ = name
    written.__qualname__ = name if room else f"Tensor.{name}"
    written.__module__ = "adjoint.nn.functional" if room == "F" else "adjoint"
    written.__doc__ = in_place_doc(f, name, room)
    written.__wrapped__ = f  # type: ignore[attr-defined]  # whose signature it has
    return written


def with_out(f: F, name: str, module: str = "adjoint") -> F:
    """`torch.f(..., out=tensor)`: the result is written there; its shape is adjusted if needed."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        result = f(*args, **kwargs)
        if out is None:
            return result
        return write_out(result, out, name)

    call.__name__ = call.__qualname__ = name
    call.__module__ = module  # where pickle finds it
    return call  # type: ignore[return-value]


def write_out(result: Any, out: Any, name: str) -> Any:
    """Write one result (or several) into what `out=` gave."""
    if isinstance(result, tuple):
        written = [write_out(r, o, name) for r, o in zip(result, out, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if result._requires_grad or out.requires_grad:
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    if modes.lifted and top_level((result, out)) is not None:
        raise RuntimeError(
            f"{name}(out=...) is not supported inside a transform (vmap, jvp), whose results are "
            "not arrays to be written; use the result that the function returns"
        )
    inplace.check_type(out, result, f"{name}(out=...)")
    if out._data.shape == result._data.shape:
        inplace.check_writable(out, f"{name}(out=...)")
    else:
        out._data = np.empty(result._data.shape, out._data.dtype)
    storage_of(out).bump(origin.caller(2))
    np.copyto(out._data, result._data, casting="unsafe")
    return out
