"""Every registered operation with every sample of it, as test parameters."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint.ops
from adjoint.arrays import cpu
from adjoint.autograd.tensor import Tensor, wrap
from adjoint.ops.operation import REGISTRY, Operation

for _module in pkgutil.iter_modules(adjoint.ops.__path__):  # importing a family registers it
    importlib.import_module(f"adjoint.ops.{_module.name}")


Check = Callable[[Operation, Any], None]


def law(check: Check) -> Any:
    """Make a check of (operation, sample) a test of every operation, over all its samples."""

    def test(operation: str) -> None:
        found = REGISTRY[operation]
        for number, sample in enumerate(found.samples()):
            try:
                check(found, sample)
            except Exception as error:
                shapes = [np.shape(value) for value in sample.inputs]
                raise AssertionError(
                    f"{operation}, sample {number}, shapes {shapes}, {sample.params}: {error}"
                ) from error

    test.__name__ = test.__qualname__ = check.__name__
    test.__doc__ = check.__doc__
    return pytest.mark.parametrize("operation", sorted(REGISTRY))(test)


def number_of(operation: Operation, position: int) -> int:
    """The rule's number of an input: all variadic inputs share the last."""
    last = len(operation.inputs) - 1
    return min(position, last) if operation.variadic else position


def moving(operation: Operation, inputs: Any) -> list[int]:
    """Positions of the inputs that have a derivative: a rule, and a floating value."""
    return [
        i
        for i, value in enumerate(inputs)
        if number_of(operation, i) in operation.vjps and value.dtype.kind in "fc"
    ]


def random_like(values: Any, *key: Any) -> Any:
    """A direction for a value: normal draws of its shape, real or complex as it is."""
    rng = np.random.default_rng(zlib.crc32(repr((values.shape, key)).encode()))
    draws = rng.standard_normal(values.shape)
    if values.dtype.kind == "c":
        draws = draws + 1j * rng.standard_normal(values.shape)
    return draws.astype(values.dtype)


def arrays(sample: Any) -> list[Any]:
    """The sample's inputs as fresh arrays."""
    return [np.array(value) for value in sample.inputs]


def outputs(operation: Operation, result: Any) -> list[Any]:
    """The differentiable outputs, as a list."""
    if not operation.several:
        return [result]
    if len(operation.outputs) == 1:
        return list(result)
    return [result[i] for i in operation.differentiable]


def forward(operation: Operation, values: Any, params: Any) -> list[Any]:
    """The differentiable outputs on bare arrays."""
    with np.errstate(all="ignore"):
        return outputs(operation, operation.forward(cpu, *values, **params))


def tensors(operation: Operation, values: Any) -> list[Tensor]:
    """Tensors of the values, requiring grad where there is a derivative."""
    made = [wrap(v) for v in values]
    for i in moving(operation, values):
        made[i].requires_grad_(True)
    return made
