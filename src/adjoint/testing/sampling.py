"""Floor 5: what the laws are made of: samples as arrays and tensors, directions, differences."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays import cpu
from ..autograd.tensor import Tensor, wrap

STEP = 1e-6


def expect(held: Any, otherwise: str) -> None:
    """Raise AssertionError unless something held; `assert` would vanish under `python -O`."""
    if not held:
        raise AssertionError(otherwise)


def close(got: Any, want: Any, tolerance: float) -> None:
    """Relative and absolute difference within a tolerance; NaN equals NaN."""
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def moving(operation: Any, inputs: Sequence[Any]) -> list[int]:
    """Positions of the inputs that have a derivative: a rule, and a floating value."""
    last = len(operation.inputs) - 1
    return [
        i
        for i, value in enumerate(inputs)
        # all variadic inputs share the last rule
        if (min(i, last) if operation.variadic else i) in operation.vjps
        and value.dtype.kind in "fc"
    ]


def random_like(values: Any, *key: Any) -> Any:
    """A direction for a value: normal draws of its shape, real or complex as it is."""
    rng = np.random.default_rng(zlib.crc32(repr((values.shape, key)).encode()))
    draws = rng.standard_normal(values.shape)
    if values.dtype.kind == "c":
        draws = draws + 1j * rng.standard_normal(values.shape)
    return draws.astype(values.dtype)


def complexified(operation: Any, sample: Any) -> Iterator[list[Any]]:
    """The sample's inputs with imaginary parts: of all that have a derivative, then of each alone.

    Each alone only where inputs may differ in type, which is elementwise. Complex samples stay.
    """
    values = arrays(sample)
    places = moving(operation, values)
    if any(values[i].dtype.kind == "c" for i in places):
        yield values
        return
    together = [places] if places else []
    alone = [[i] for i in places] if operation.kind == "elementwise" and len(places) > 1 else []
    for chosen in together + alone:
        yield [_with_imaginary(v, i) if i in chosen else v for i, v in enumerate(values)]


def _with_imaginary(value: Any, key: int) -> Any:
    """Small imaginary parts of either sign, away from 0, where many functions have their cuts."""
    rng = np.random.default_rng(zlib.crc32(repr((value.shape, key)).encode()))
    return value + 1j * rng.uniform(0.1, 0.3, value.shape) * rng.choice([-1, 1], value.shape)


def directions(operation: Any, values: Sequence[Any]) -> list[Any]:
    """A direction for each input that has a derivative, None for the others."""
    places = moving(operation, values)
    return [
        random_like(v, operation.name, i) if i in places else None for i, v in enumerate(values)
    ]


def arrays(sample: Any) -> list[Any]:
    """The sample's inputs as fresh arrays."""
    return [np.array(value) for value in sample.inputs]


def outputs(operation: Any, result: Any) -> list[Any]:
    """The differentiable outputs, as a list."""
    if not operation.several:
        return [result]
    if len(operation.outputs) == 1:
        return list(result)
    return [result[i] for i in operation.differentiable]


moved = outputs  # the tangents of the outputs come in the same form as the outputs


def forward(operation: Any, values: Sequence[Any], params: Any) -> list[Any]:
    """The differentiable outputs on bare arrays."""
    with np.errstate(all="ignore"):
        return outputs(operation, operation.forward(cpu, *values, **params))


def tensors(operation: Any, values: Sequence[Any]) -> list[Tensor]:
    """Tensors of the values, requiring grad where there is a derivative."""
    made: list[Tensor] = [wrap(v) for v in values]
    for i in moving(operation, values):
        made[i].requires_grad_(True)
    return made


def finite_difference(
    f: Callable[[list[Any]], list[Any]], values: Sequence[Any], tangents: Sequence[Any]
) -> list[Any]:
    """Central difference of a list-valued function along a direction."""

    def shifted(step: float) -> list[Any]:
        # asarray: the sum of 0-d arrays is a NumPy scalar, which rules need not take
        pairs = zip(values, tangents, strict=True)
        return [v if t is None else np.asarray(v + step * t) for v, t in pairs]

    plus, minus = f(shifted(STEP)), f(shifted(-STEP))
    return [(p - m) / (2 * STEP) for p, m in zip(plus, minus, strict=True)]


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    """Re <a, b>, summed over lists of arrays."""
    return float(sum(np.sum(np.conj(x) * y).real for x, y in zip(a, b, strict=True)))
