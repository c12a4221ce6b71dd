"""Floor 3: `dim` arguments: negative, repeated, in tuples, out of range."""

from __future__ import annotations

from typing import Any


def canonical_dim(dim: Any, ndim: int, name: str = "operation") -> int:
    """One dim as 0 <= dim < ndim; a 0-d tensor is treated as having one dimension.

    Raises IndexError outside the range, TypeError for what is not an int.
    """
    if dim.__class__ is not int:
        dim = _integer(dim, name, "int")
    if ndim == 0:
        ndim = 1
    if 0 <= dim < ndim:
        return dim
    if -ndim <= dim < 0:
        return dim + ndim
    raise IndexError(
        f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})"
        f" in {name}()"
    )


def canonical_dims(dim: Any, ndim: int, name: str = "operation") -> tuple[int, ...] | None:
    """A dim or a sequence of them as a tuple of distinct non-negative ints.

    None and the empty sequence mean all dimensions, and give None.
    """
    if dim is None:
        return None
    if isinstance(dim, (tuple, list)):
        dims = tuple(canonical_dim(d, ndim, name) for d in dim)
        if len(set(dims)) != len(dims):
            repeated = next(d for i, d in enumerate(dims) if d in dims[:i])
            raise RuntimeError(
                f"dim {repeated} appears multiple times in the list of dims: {name}() got "
                f"dim={tuple(dim)} for a tensor of {ndim} dimensions"
            )
        if ndim == 0:
            return ()
        return dims or None
    if dim.__class__ is not int:
        dim = _integer(dim, name, "tuple of ints")
    found = canonical_dim(dim, ndim, name)
    return (found,) if ndim else ()


def _integer(dim: Any, name: str, expected: str) -> int:
    """A NumPy integer or a 0-d integer tensor as an int."""
    if isinstance(dim, (bool, float)) or not hasattr(dim, "__index__"):
        raise TypeError(f"{name}(): argument 'dim' must be {expected}, not {type(dim).__name__}")
    found: int = dim.__index__()
    return found
