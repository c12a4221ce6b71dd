"""The laws: what holds for every operation, found in the registry, none named here."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.arrays import cpu, ignore_numpy_warnings
from adjoint.autograd.tensor import wrap
from tests.laws.samples import (
    arrays,
    forward,
    law,
    moving,
    outputs,
    random_like,
    tensors,
)

STEP = 1e-6


def finite_difference(f: Any, values: Any, tangents: Any) -> list[Any]:
    """Central difference of a list-valued function along a direction."""
    plus = f([v if t is None else v + STEP * t for v, t in zip(values, tangents)])
    minus = f([v if t is None else v - STEP * t for v, t in zip(values, tangents)])
    return [(p - m) / (2 * STEP) for p, m in zip(plus, minus)]


def directions(operation: Any, values: Any) -> list[Any]:
    places = moving(operation, values)
    return [
        random_like(v, operation.name, i) if i in places else None for i, v in enumerate(values)
    ]


def inner(a: Any, b: Any) -> float:
    return float(sum(np.sum(np.conj(x) * y).real for x, y in zip(a, b)))


def close(got: Any, want: Any, tolerance: float) -> None:
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


@law
def test_reference_value(operation: Any, sample: Any) -> None:
    """The forward rule agrees with an independent implementation."""
    if operation.reference is None:
        assert operation.doc, f"{operation.name} has neither a reference nor a formula"
        return
    with np.errstate(all="ignore"):
        want = operation.reference(*arrays(sample), **sample.params)
    want = list(want) if operation.several else [want]
    with np.errstate(all="ignore"):
        result = operation.forward(cpu, *arrays(sample), **sample.params)
    got = list(result) if operation.several else [result]
    for g, w in zip(got, want, strict=True):
        close(g, w, 1e-9)


@law
def test_jvp_is_the_finite_difference(operation: Any, sample: Any) -> None:
    values = arrays(sample)
    tangents = directions(operation, values)
    if all(t is None for t in tangents):
        assert not moving(operation, values)
        return
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    got = [tangent] if not operation.several else _moved(operation, tangent)
    want = finite_difference(lambda v: forward(operation, v, sample.params), values, tangents)
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        close(g, w, 2e-5)


def _moved(operation: Any, tangent: Any) -> list[Any]:
    if len(operation.outputs) == 1:
        return list(tangent)
    return [tangent[i] for i in operation.differentiable]


@law
def test_transpose_identity(operation: Any, sample: Any) -> None:
    """<ct, J v> = <J^T ct, v>: the vjp is the transpose of the jvp."""
    values = arrays(sample)
    tangents = directions(operation, values)
    places = moving(operation, values)
    if not places:
        return
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = [random_like(o._data, "ct", i) for i, o in enumerate(outs)]
    wanted = [inputs[i] for i in places]
    found = torch.autograd.grad(outs, wanted, [wrap(c) for c in cts], allow_unused=True)
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    moved = [tangent] if not operation.several else _moved(operation, tangent)
    for t, g in zip(wanted, found, strict=True):
        assert g is not None
        assert g.shape == t.shape
        assert g.dtype == t.dtype
    left = inner(cts, moved)
    right = inner([g._data for g in found], [tangents[i] for i in places])
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)


@law
def test_second_order(operation: Any, sample: Any) -> None:
    """The gradient, recorded again, has the derivative that differencing it gives."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    probe = [wrap(random_like(values[i], "probe", i)) for i in places]

    def gradients(v: Any, create_graph: bool) -> Any:
        inputs = tensors(operation, v)
        outs = outputs(operation, operation(*inputs, **sample.params))
        cts = [wrap(random_like(o._data, "ct", i)) for i, o in enumerate(outs)]
        wanted = [inputs[i] for i in places]
        found = torch.autograd.grad(outs, wanted, cts, create_graph=create_graph)
        return wanted, found

    wanted, first = gradients(values, create_graph=True)
    recorded = [(g, p) for g, p in zip(first, probe) if g.requires_grad]
    tangents = directions(operation, values)
    slope = finite_difference(
        lambda v: [g._data for g in gradients(v, create_graph=False)[1]], values, tangents
    )
    want = inner([p._data for p in probe], slope)
    if not recorded:
        assert want == pytest.approx(0, abs=1e-4), "the gradient varies but was not recorded"
        return
    second = torch.autograd.grad(
        [g for g, _ in recorded],
        wanted,
        [p for _, p in recorded],
        materialize_grads=True,
    )
    got = inner([s._data for s in second], [tangents[i] for i in places])
    assert got == pytest.approx(want, rel=2e-4, abs=2e-4)


@law
def test_non_contiguous_inputs(operation: Any, sample: Any) -> None:
    """Strided inputs give the same values."""
    plain = forward(operation, arrays(sample), sample.params)
    strided = []
    for value in arrays(sample):
        room = np.empty((*value.shape, 2), value.dtype)
        room[..., 0] = value
        strided.append(room[..., 0])
    for got, want in zip(forward(operation, strided, sample.params), plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@law
def test_lower_precision(operation: Any, sample: Any) -> None:
    """float32 and float16 inputs give results and gradients of their own type."""
    for dtype, tolerance in ((np.float32, 1e-4), (np.float16, 0.05)):
        _check_precision(operation, sample, dtype, tolerance)


def _check_precision(operation: Any, sample: Any, dtype: Any, tolerance: float) -> None:
    values = arrays(sample)
    places = moving(operation, values)
    if not places or any(v.dtype != np.float64 for i, v in enumerate(values) if i in places):
        return
    if not operation.keeps_dtype:
        return
    small = [v.astype(dtype) if v.dtype == np.float64 else v for v in values]
    inputs = tensors(operation, small)
    outs = outputs(operation, operation(*inputs, **sample.params))
    exact = forward(operation, values, sample.params)
    for got, want in zip(outs, exact, strict=True):
        if want.dtype == np.float64:
            assert got._data.dtype == dtype
            close(got._data.astype(np.float64), want, tolerance)
    found = torch.autograd.grad(
        outs, [inputs[i] for i in places], [wrap(np.ones_like(o._data)) for o in outs]
    )
    assert all(g._data.dtype == dtype for g in found)


@law
def test_inputs_are_not_written(operation: Any, sample: Any) -> None:
    values = arrays(sample)
    before = [v.copy() for v in values]
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    places = moving(operation, values)
    if places:
        cts = [wrap(random_like(o._data, i)) for i, o in enumerate(outs)]
        kept = [c._data.copy() for c in cts]
        torch.autograd.grad(outs, [inputs[i] for i in places], cts)
        for c, k in zip(cts, kept):
            np.testing.assert_array_equal(c._data, k)
    for v, b in zip(values, before):
        np.testing.assert_array_equal(v, b)


@law
def test_gradients_own_their_memory(operation: Any, sample: Any) -> None:
    """`.grad` of one leaf shares memory with nothing: not another's, not the cotangent's."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = [wrap(random_like(o._data, i)) for i, o in enumerate(outs)]
    torch.autograd.backward(outs, cts)
    found = [inputs[i].grad._data for i in places]
    others = [o._data for o in outs] + [c._data for c in cts] + values
    for i, g in enumerate(found):
        assert g.flags.writeable
        for other in [*found[:i], *others]:
            assert not np.shares_memory(g, other)


@law
def test_freed_without_the_collector(operation: Any, sample: Any) -> None:
    """No reference cycles: graph, outputs and saved values go when the last name does."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    gc.collect()
    gc.disable()
    try:
        inputs = tensors(operation, values)
        result = operation(*inputs, **sample.params)
        outs = outputs(operation, result)
        node = outs[0].grad_fn
        watched = [weakref.ref(node), *(weakref.ref(o) for o in outs)]
        torch.autograd.backward(outs, [wrap(np.ones_like(o._data)) for o in outs])
        if node.plan.saved_names:
            assert node.saved is None, "saved values outlive backward"
        del result, outs, node, inputs
        assert [w() for w in watched] == [None] * len(watched)
    finally:
        gc.enable()


@law
def test_saved_set_is_the_declared_one(operation: Any, sample: Any) -> None:
    """A node keeps exactly what the rules of the inputs that need gradients name."""
    values = arrays(sample)
    for place in moving(operation, values):
        inputs = [wrap(v) for v in values]
        inputs[place].requires_grad_(True)
        node = outputs(operation, operation(*inputs, **sample.params))[0].grad_fn
        declared = set(operation.pull_names(node.plan.rule_number(place)))
        assert set(node.plan.saved_names) | set(node.plan.constant_names) == declared
        assert len(node.edges) == 1


@law
def test_special_values_do_not_warn(operation: Any, sample: Any) -> None:
    """0, inf and nan pass without NumPy's warnings, forward and backward, as in torch."""
    values = arrays(sample)
    places = moving(operation, values)
    for i in places:
        flat = values[i].reshape(-1)
        flat[: min(3, flat.size)] = [0.0, np.inf, np.nan][: flat.size]
        values[i] = flat.reshape(values[i].shape)
    inputs = tensors(operation, values)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ignore_numpy_warnings()
        outs = outputs(operation, operation(*inputs, **sample.params))
        if places:
            torch.autograd.backward(outs, [wrap(np.ones_like(o._data)) for o in outs])
    assert [str(w.message) for w in caught] == []
