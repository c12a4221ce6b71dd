"""Floor 2: torch's error for shapes that do not broadcast, with what would make them fit."""

from __future__ import annotations

from collections.abc import Sequence

Shape = tuple[int, ...]


def explain(name: str, shapes: Sequence[Shape], error: ValueError) -> Exception:
    """The error to raise for NumPy's: another one when it was about broadcasting."""
    if "broadcast" not in str(error):
        return error
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            dim = differing_dim(a, b)
            if dim is not None:
                return RuntimeError(_message(name, a, b, dim))
    return error


def differing_dim(a: Shape, b: Shape) -> int | None:
    """The last dimension in which two shapes do not broadcast, counted in the longer one."""
    ndim = max(len(a), len(b))
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            return ndim - back
    return None


def _message(name: str, a: Shape, b: Shape, dim: int) -> str:
    back = dim - max(len(a), len(b))
    return (
        f"The size of tensor a ({a[back]}) must match the size of tensor b ({b[back]}) at "
        f"non-singleton dimension {dim} ({name}: shapes {list(a)} and {list(b)} are aligned from "
        f"the right; sizes have to be equal, or one of them 1{_way_out(a, b)})"
    )


def _way_out(a: Shape, b: Shape) -> str:
    """A change of the second shape, or else of the first, that would make the two fit."""
    for which, shape, other in (("b", b, a), ("a", a, b)):
        missing = len(other) - len(shape)
        if missing >= 0 and len(shape) == 1:
            for after in range(1, missing + 1):
                if differing_dim(shape + (1,) * after, other) is None:
                    column = ", ".join(["-1", *["1"] * after])
                    return f"; {which}.reshape({column}) would fit"
        if len(shape) > 1 and differing_dim((*shape[:-2], shape[-1], shape[-2]), other) is None:
            return f"; {which}.mT would fit"
    return ""
