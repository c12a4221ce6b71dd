"""Floor 5: the laws: what holds for every operation, checked on its samples.

Each law is a function of an operation and one sample, and raises when it is broken. The tests of
the built-in operations and `check_operation`, for one's own, run the same ones.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays import cpu, ignore_numpy_warnings
from ..autograd.derivatives import backward, grad
from ..autograd.origin import is_internal
from ..autograd.tensor import Tensor, wrap
from ..ops.definition import Definition
from ..ops.samples import Sample
from .sampling import (
    arrays,
    close,
    complexified,
    directions,
    expect,
    finite_difference,
    forward,
    inner,
    moved,
    moving,
    outputs,
    random_like,
    tensors,
)

Law = Callable[[Any, Any], None]
LAWS: dict[str, Law] = {}


class LawError(AssertionError):
    """An operation breaks a law; the message names the law, the sample and what was found."""


def law(check: Law) -> Law:
    """Enter a law under its name."""
    LAWS[check.__name__] = check
    return check


def check_law(operation: Definition, name: str) -> None:
    """Hold an operation to one law, over all its samples."""
    if name in operation.laws:  # `except_laws=` of its definition
        return
    for number, sample in enumerate(operation.samples()):
        try:
            LAWS[name](operation, sample)
        except Exception as error:
            shapes = [np.shape(value) for value in sample.inputs]
            raise LawError(
                f"operation {operation.name!r} breaks the law {name} on sample {number} (inputs of "
                f"shape {shapes}, parameters {sample.params}): {LAWS[name].__doc__}\n"
                f"{type(error).__name__}: {error}"
            ) from error


def check_operation(operation: Definition, laws: Iterable[str] | None = None) -> None:
    """Hold an operation to the laws, on its own samples; raises LawError at the first it breaks.

    The laws: the value against a reference, forward derivative against finite differences, backward
    as its transpose, second order by inputs and by cotangents, complex inputs, strided inputs,
    lower precision, inputs left unwritten, memory, saved values, special values. `laws`: names of
    some of `testing.LAWS`, by default all.

    >>> torch.testing.check_operation(torch.library.REGISTRY["tanh"])
    """
    if not isinstance(operation, Definition):
        raise TypeError(
            "check_operation takes an operation, as the decorators of torch.library return it, but "
            f"got {type(operation).__name__}"
        )
    names = list(LAWS) if laws is None else list(laws)
    unknown = sorted(set(names) - set(LAWS))
    if unknown:
        raise ValueError(f"no law is called {unknown[0]!r}; there are {', '.join(LAWS)}")
    if next(iter(operation.samples()), None) is None:
        raise LawError(f"operation {operation.name!r} has no samples, so nothing can be checked")
    for name in names:
        check_law(operation, name)


@law
def reference_value(operation: Any, sample: Any) -> None:
    """The forward rule agrees with an independent implementation."""
    if operation.reference is None:
        expect(operation.doc, "it has neither a reference nor a docstring with its formula")
        return
    with np.errstate(all="ignore"):
        want = operation.reference(*arrays(sample), **sample.params)
        result = operation.forward(cpu, *arrays(sample), **sample.params)
    wants = list(want) if operation.several else [want]
    got = list(result) if operation.several else [result]
    for g, w in zip(got, wants, strict=True):
        close(g, w, 1e-9)


@law
def jvp_is_the_finite_difference(operation: Any, sample: Any) -> None:
    """The forward derivative along a direction is what differencing along it gives."""
    values = arrays(sample)
    tangents = directions(operation, values)
    if all(t is None for t in tangents):
        return
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    want = finite_difference(lambda v: forward(operation, v, sample.params), values, tangents)
    for g, w in zip(moved(operation, tangent), want, strict=True):
        expect(g.shape == w.shape, f"the tangent has shape {g.shape}, the output {w.shape}")
        close(g, w, 2e-5)


@law
def transpose_identity(operation: Any, sample: Any) -> None:
    """<ct, J v> = <J^T ct, v>: the vjp is the transpose of the jvp."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    tangents = directions(operation, values)
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = [random_like(o._data, "ct", i) for i, o in enumerate(outs)]
    wanted = [inputs[i] for i in places]
    found = grad(outs, wanted, [wrap(c) for c in cts], allow_unused=True)
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    for place, t, g in zip(places, wanted, found, strict=True):
        expect(g is not None, f"no gradient arrives at input {place}")
        expect(
            (g.shape, g.dtype) == (t.shape, t.dtype),
            f"the gradient of input {place} is {g.dtype} {tuple(g.shape)}, the input "
            f"{t.dtype} {tuple(t.shape)}",
        )
    left = inner(cts, moved(operation, tangent))
    right = inner([g._data for g in found], [tangents[i] for i in places])
    close(left, right, 1e-9)


@law
def second_order(operation: Any, sample: Any) -> None:
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
        return wanted, grad(outs, wanted, cts, create_graph=create_graph)

    wanted, first = gradients(values, True)
    recorded = [(g, p) for g, p in zip(first, probe, strict=True) if g.requires_grad]
    tangents = directions(operation, values)
    slope = finite_difference(lambda v: [g._data for g in gradients(v, False)[1]], values, tangents)
    want = inner([p._data for p in probe], slope)
    if not recorded:
        expect(abs(want) <= 1e-4, "the gradient varies but was not recorded")
        return
    second = grad(
        [g for g, _ in recorded], wanted, [p for _, p in recorded], materialize_grads=True
    )
    got = inner([s._data for s in second], [tangents[i] for i in places])
    close(got, want, 2e-4)


@law
def pulled_twice(operation: Any, sample: Any) -> None:
    """Pulled again by its cotangent, the gradient gives J v: it is linear in the cotangent."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    tangents = directions(operation, values)
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = [wrap(random_like(o._data, "ct", i)).requires_grad_() for i, o in enumerate(outs)]
    found = grad(outs, [inputs[i] for i in places], cts, create_graph=True)
    pairs = [(g, wrap(tangents[i])) for g, i in zip(found, places) if g.requires_grad]
    if not pairs:
        return
    again = grad([g for g, _ in pairs], cts, [v for _, v in pairs], materialize_grads=True)
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    for got, want in zip(again, moved(operation, tangent), strict=True):
        close(got._data, want, 1e-9)


@law
def complex_inputs(operation: Any, sample: Any) -> None:
    """Complex inputs are refused (or excepted), or have torch's derivatives, dL/dRe + i dL/dIm."""
    hold_complex(operation, sample)


COMPLEX_TOO = (
    "reference_value",
    "jvp_is_the_finite_difference",
    "transpose_identity",
    "second_order",
)


def hold_complex(operation: Any, sample: Any) -> bool:
    """Hold the value and the derivatives of complex inputs to their laws; False: all refused.

    To refuse is to raise TypeError or NotImplementedError. `except_laws=("complex_inputs",)` is for
    an operation that computes something of complex numbers, but is kept from them by its callers.
    """
    taken = False
    for inputs in complexified(operation, sample):
        turned = Sample(tuple(inputs), sample.params)
        try:
            for name in COMPLEX_TOO:
                if name not in operation.laws:
                    LAWS[name](operation, turned)
        except (TypeError, NotImplementedError):  # complex numbers have no order, no erf
            continue
        taken = True
    return taken


@law
def non_contiguous_inputs(operation: Any, sample: Any) -> None:
    """Strided inputs give the same values."""
    plain = forward(operation, arrays(sample), sample.params)
    strided = []
    for value in arrays(sample):
        room = np.empty((*value.shape, 2), value.dtype)
        room[..., 0] = value
        strided.append(room[..., 0])
    for got, want in zip(forward(operation, strided, sample.params), plain, strict=True):
        close(got, want, 1e-12)


@law
def lower_precision(operation: Any, sample: Any) -> None:
    """float32 and float16 inputs give results and gradients of their own type."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places or any(values[i].dtype != np.float64 for i in places):
        return
    if not operation.keeps_dtype:
        return
    exact = forward(operation, values, sample.params)
    for dtype, tolerance in ((np.dtype(np.float32), 1e-4), (np.dtype(np.float16), 0.05)):
        small = [v.astype(dtype) if v.dtype == np.float64 else v for v in values]
        inputs = tensors(operation, small)
        outs = outputs(operation, operation(*inputs, **sample.params))
        for got, want in zip(outs, exact, strict=True):
            if want.dtype == np.float64:
                expect(got._data.dtype == dtype, f"{dtype} became {got._data.dtype}")
                close(got._data.astype(np.float64), want, tolerance)
        ones = [wrap(np.ones_like(o._data)) for o in outs]
        for g in grad(outs, [inputs[i] for i in places], ones):
            expect(g._data.dtype == dtype, f"a gradient of {dtype} became {g._data.dtype}")


@law
def inputs_are_not_written(operation: Any, sample: Any) -> None:
    """Neither forward nor backward writes to inputs or cotangents."""
    values = arrays(sample)
    before = [v.copy() for v in values]
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    places = moving(operation, values)
    if places:
        cts = [wrap(random_like(o._data, i)) for i, o in enumerate(outs)]
        kept = [c._data.copy() for c in cts]
        grad(outs, [inputs[i] for i in places], cts)
        for c, k in zip(cts, kept, strict=True):
            np.testing.assert_array_equal(c._data, k)
    for v, b in zip(values, before, strict=True):
        np.testing.assert_array_equal(v, b)


@law
def gradients_own_their_memory(operation: Any, sample: Any) -> None:
    """`.grad` of one leaf shares memory with nothing: not another's, not the cotangent's."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    inputs = tensors(operation, values)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = [wrap(random_like(o._data, i)) for i, o in enumerate(outs)]
    backward(outs, cts)
    found = [_gradient(inputs[i]) for i in places]
    others = [o._data for o in outs] + [c._data for c in cts] + values
    for i, g in enumerate(found):
        expect(g.flags.writeable, f"the gradient of input {places[i]} cannot be written")
        for other in [*found[:i], *others]:
            expect(
                not np.shares_memory(g, other),
                f"the gradient of input {places[i]} shares memory with another array",
            )


def _gradient(t: Tensor) -> Any:
    expect(t.grad is not None, "an input got no gradient")
    return t.grad._data  # type: ignore[union-attr]


@law
def freed_without_the_collector(operation: Any, sample: Any) -> None:
    """No reference cycles: graph, outputs and saved values go when the last name does."""
    values = arrays(sample)
    if not moving(operation, values):
        return
    enabled = gc.isenabled()
    gc.disable()  # no collection before: it would take longer than all laws of an operation
    try:
        inputs = tensors(operation, values)
        result = operation(*inputs, **sample.params)
        outs = outputs(operation, result)
        node: Any = outs[0].grad_fn
        watched = [weakref.ref(node), *(weakref.ref(o) for o in outs)]
        backward(outs, [wrap(np.ones_like(o._data)) for o in outs])
        if node.plan.saved_names:
            expect(node.saved is None, "saved values outlive backward")
        del result, outs, node, inputs
        alive = sum(w() is not None for w in watched)
        expect(not alive, f"{alive} of the node and its outputs are in a reference cycle")
    finally:
        if enabled:
            gc.enable()


@law
def saved_set_is_the_declared_one(operation: Any, sample: Any) -> None:
    """A node keeps exactly what the rules of the inputs that need gradients name."""
    values = arrays(sample)
    for place in moving(operation, values):
        inputs = [wrap(v) for v in values]
        inputs[place].requires_grad_(True)
        node: Any = outputs(operation, operation(*inputs, **sample.params))[0].grad_fn
        declared = set(operation.pull_names(node.plan.rule_number(place)))
        kept = set(node.plan.saved_names) | set(node.plan.constant_names)
        expect(kept == declared, f"keeps {sorted(kept)}, its rules name {sorted(declared)}")
        expect(len(node.edges) == 1, f"{len(node.edges)} edges for one input that needs a gradient")


@law
def special_values_do_not_warn(operation: Any, sample: Any) -> None:
    """0, inf and nan pass without NumPy's warnings, forward and backward, as in torch."""
    values = arrays(sample)
    places = moving(operation, values)
    for i in places:
        flat = values[i].reshape(-1)
        flat[: min(3, flat.size)] = [0.0, np.inf, np.nan][: flat.size]
        values[i] = flat.reshape(values[i].shape)
    inputs = tensors(operation, values)
    # NumPy's warnings are filtered in adjoint's own files; in other people's they are theirs.
    ours = is_internal[operation.forward.__code__.co_filename]
    quiet = contextlib.nullcontext() if ours else np.errstate(all="ignore")
    with quiet, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ignore_numpy_warnings()
        outs = outputs(operation, operation(*inputs, **sample.params))
        if places:
            backward(outs, [wrap(np.ones_like(o._data)) for o in outs])
    expect(not caught, f"warnings: {[str(w.message) for w in caught]}")
