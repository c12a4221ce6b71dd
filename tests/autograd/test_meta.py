"""Tensors on the meta device have no values, and nothing makes some up."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.autograd import modes
from adjoint.autograd.meta import Meta
from adjoint.autograd.tensor import wrap
from adjoint.ops.operation import REGISTRY


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_an_operation_refuses_what_has_no_values(name: str) -> None:
    operation = REGISTRY[name]
    for sample in operation.samples():
        arrays = [np.asarray(a) for a in sample.inputs]
        for i, array in enumerate(arrays):
            inputs = [wrap(a) for a in arrays]
            inputs[i] = wrap(Meta(array.shape, array.dtype))
            with pytest.raises(NotImplementedError, match="no data"):
                operation(*inputs, **sample.params)


@pytest.mark.parametrize("method", ["any", "all", "numpy", "tolist", "cpu", "exp", "t", "sum"])
def test_values_cannot_be_asked_for(method: str) -> None:
    x = adjoint.empty(2, 3, device="meta")
    with pytest.raises(NotImplementedError, match=r"\[2, 3\] on device 'meta'"):
        getattr(x, method)()


def test_written_values_are_dropped_and_draw_nothing() -> None:
    adjoint.manual_seed(0)
    expected = adjoint.rand(1)
    adjoint.manual_seed(0)
    x = adjoint.empty(2, device="meta")
    assert x.fill_(3).normal_().uniform_().copy_(adjoint.ones(2)) is x
    assert x.is_meta
    assert adjoint.rand(1) == expected


def test_operations_are_fast_again_without_them() -> None:
    before = modes.lifted
    x = adjoint.empty(2, device="meta")
    twin = x.detach()
    assert modes.lifted == before + 1
    del x
    assert modes.lifted == before + 1
    del twin
    assert modes.lifted == before


def test_devices_that_are_not_there_are_refused() -> None:
    for move in (adjoint.ones(1).to, adjoint.nn.Linear(1, 1).to):
        with pytest.raises(RuntimeError, match="not available"):
            move("cuda")
