"""Floor 1: Jacobians for gradcheck: by finite differences, and row by row from backward.

`J[i, j]` is the derivative of output element j by input element i. For a complex input it is
∂/∂Re + i ∂/∂Im, torch's convention; a complex output counts as two real ones, its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivatives import as_tuple, grad
from .tensor import Tensor, wrap

REAL, IMAGINARY = "real", "imaginary"


def part_of(array: Any, part: str) -> Any:
    """The part of an output that is being checked; a real output is its real part."""
    if array.dtype.kind != "c":
        return array
    return array.real if part == REAL else array.imag


class Numerical:
    """Central differences of a function at its inputs, which are moved in place and put back."""

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Any], eps: float) -> None:
        self.func = func
        self.inputs = inputs
        self.eps = eps

    def outputs(self) -> list[Any]:
        """The outputs now, as arrays of their own."""
        found = as_tuple(self.func(*self.inputs))
        return [np.array(o._data) if isinstance(o, Tensor) else None for o in found]

    def along(self, t: Tensor, direction: Any) -> list[Any]:
        """The derivative of every output along a direction of one input."""
        array = t._data
        before = array.copy()
        try:
            array[...] = before + self.eps * direction
            plus = self.outputs()
            array[...] = before - self.eps * direction
            minus = self.outputs()
        finally:
            array[...] = before
        return [None if p is None else self._slope(p, m) for p, m in zip(plus, minus, strict=True)]

    def _slope(self, plus: Any, minus: Any) -> Any:
        for what in ("shape", "dtype"):
            a, b = getattr(plus, what), getattr(minus, what)
            if a != b:
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {what} when inputs are "
                    f"perturbed by {self.eps}, but got: {what}s {a} and {b}."
                )
        if plus.dtype.kind in "biu":
            plus, minus = plus.astype(np.float64), minus.astype(np.float64)
        return (plus - minus) / (2 * self.eps)

    def jacobians(self, t: Tensor, part: str) -> list[Any]:
        """For every output, its Jacobian by one input: (elements of `t`, elements of output)."""
        rows: list[list[Any]] = []
        for place in np.ndindex(t._data.shape):
            unit = np.zeros(t._data.shape, t._data.dtype)
            unit[place] = 1
            slopes = [_flat(s, part) for s in self.along(t, unit)]
            if t._data.dtype.kind == "c":
                turned = [_flat(s, part) for s in self.along(t, unit * 1j)]
                slopes = [s if s is None else s + 1j * u for s, u in zip(slopes, turned)]
            rows.append(slopes)
        if not rows:
            return [None if o is None else np.zeros((0, o.size)) for o in self.outputs()]
        return [None if column[0] is None else np.stack(column) for column in zip(*rows)]


def _flat(slope: Any, part: str) -> Any:
    return None if slope is None else part_of(slope, part).reshape(-1)


def pull(output: Tensor, inputs: Sequence[Tensor], ct: Any) -> list[Any]:
    """The gradients of the inputs for one cotangent, as Tensors; None where it is not used."""
    found = grad(output, inputs, wrap(ct), retain_graph=True, allow_unused=True)
    return list(found)


def analytical(output: Tensor, inputs: Sequence[Tensor], part: str) -> list[list[Tensor | None]]:
    """For every input, the gradients for each element of the output, in order."""
    rows: list[list[Tensor | None]] = [[] for _ in inputs]
    for place in np.ndindex(output._data.shape):
        ct = np.zeros(output._data.shape, output._data.dtype)
        ct[place] = 1 if part == REAL else 1j
        for row, g in zip(rows, pull(output, inputs, ct), strict=True):
            row.append(g)
    return rows


def stacked(gradients: Sequence[Tensor | None], t: Tensor) -> Any:
    """Gradients of one input side by side: (elements of `t`, their number)."""
    result = np.zeros((t._data.size, len(gradients)), t._data.dtype)
    for j, g in enumerate(gradients):
        if g is not None:
            values = g._data
            if values.dtype.kind == "c" and result.dtype.kind != "c":
                result = result.astype(np.complex128)
            result[:, j] = values.reshape(-1)
    return result
