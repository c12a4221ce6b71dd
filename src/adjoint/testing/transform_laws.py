"""Floor 5: the laws of transforms: batches are loops, tangents are derivatives, in any order.

Entered into `laws` like the others: they hold for every operation, on its samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays import cpu
from ..autograd.derivatives import grad
from ..autograd.lifted import Batched, Dual, Level, Series, lift, spread
from ..autograd.tensor import Tensor, wrap
from .laws import law
from .sampling import arrays, close, directions, expect, inner, moved, moving, outputs, random_like

SIZE = 2


def _examples(values: Sequence[Any]) -> list[list[Any]]:
    """Each value, and one a little different: floats nearby, indices in another order."""
    other = []
    for i, v in enumerate(values):
        if v.dtype.kind in "fc":
            other.append(v + 1e-3 * np.tanh(random_like(v, "example", i)))
        elif v.dtype.kind in "iu" and v.ndim:
            other.append(np.roll(v, 1, -1))
        else:
            other.append(v)
    return [[v, o] for v, o in zip(values, other, strict=True)]


def _choices(count: int, places: Sequence[int]) -> Iterator[set[int]]:
    """Which inputs are mapped: all, and each alone."""
    yield set(range(count))
    if count > 1:
        for i in range(count):
            yield {i}


@law
def vmap_is_the_loop(operation: Any, sample: Any) -> None:
    """On a batch, whichever inputs are mapped, the result is that of each example alone."""
    values = arrays(sample)
    examples = _examples(values)
    for chosen in _choices(len(values), moving(operation, values)):
        try:
            want = _looped(operation, examples, chosen, sample.params)
        except (ValueError, np.linalg.LinAlgError):
            continue  # the sample's indices do not fit each other in another order
        with Level("vmap", SIZE) as level:
            out = operation(*_mapped(level, examples, chosen), **sample.params)
            got = [spread(o, level)._data for o in outputs(operation, out)]
        for g, w in zip(got, want, strict=True):
            expect(g.shape == w.shape, f"inputs {chosen} mapped: {g.shape} instead of {w.shape}")
            close(g, w, 1e-9)


def _mapped(level: Level, examples: Sequence[Any], chosen: set[int]) -> list[Tensor]:
    return [
        lift(Batched(level, wrap(np.stack(pair)))) if i in chosen else wrap(pair[0].copy())
        for i, pair in enumerate(examples)
    ]


def _looped(operation: Any, examples: Sequence[Any], chosen: set[int], params: Any) -> list[Any]:
    rows = []
    for k in range(SIZE):
        inputs = [wrap(pair[k if i in chosen else 0].copy()) for i, pair in enumerate(examples)]
        rows.append([o._data for o in outputs(operation, operation(*inputs, **params))])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _pulled(operation: Any, inputs: Sequence[Tensor], places: Sequence[int], params: Any) -> Any:
    """Gradients by the inputs that have one, for cotangents that depend on the output only."""
    for i in places:
        inputs[i].requires_grad_(True)
    outs = outputs(operation, operation(*inputs, **params))
    cts = _cotangents(outs)
    return grad(outs, [inputs[i] for i in places], cts, materialize_grads=True)


def _cotangents(outs: Sequence[Tensor]) -> list[Tensor]:
    """The same for every example, and at every level."""
    return [
        wrap(random_like(np.zeros(o._data.shape, o.dtype.numpy), "ct", i))
        for i, o in enumerate(outs)
    ]


@law
def vmap_of_the_gradient(operation: Any, sample: Any) -> None:
    """Differentiated inside of a batch, each example has the gradient that it has alone."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    examples = _examples(values)
    floats = set(places)
    rows = []
    for k in range(SIZE):
        inputs = [wrap(pair[k if i in floats else 0].copy()) for i, pair in enumerate(examples)]
        rows.append([g._data for g in _pulled(operation, inputs, places, sample.params)])
    want = [np.stack(column) for column in zip(*rows, strict=True)]
    with Level("vmap", SIZE) as level:
        found = _pulled(operation, _mapped(level, examples, floats), places, sample.params)
        got = [spread(g, level)._data for g in found]
    for place, g, w in zip(places, got, want, strict=True):
        expect(g.shape == w.shape, f"input {place}: {g.shape} instead of {w.shape}")
        close(g, w, 1e-9)


@law
def gradient_of_vmap(operation: Any, sample: Any) -> None:
    """Differentiated from outside, a batch has the gradients of its examples."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    examples = _examples(values)
    whole = [wrap(np.stack(pair)).requires_grad_(i in places) for i, pair in enumerate(examples)]
    with Level("vmap", SIZE) as level:
        inputs = [
            lift(Batched(level, t)) if i in places else wrap(examples[i][0])
            for i, t in enumerate(whole)
        ]
        out = operation(*inputs, **sample.params)
        outs = [spread(o, level) for o in outputs(operation, out)]
    cts = [random_like(o._data[0], "ct", i) for i, o in enumerate(outs)]
    got = grad(outs, [whole[i] for i in places], [wrap(np.stack([c] * SIZE)) for c in cts])
    rows = []
    for k in range(SIZE):
        inputs = [wrap(p[k if i in places else 0].copy()) for i, p in enumerate(examples)]
        rows.append([g._data for g in _pulled(operation, inputs, places, sample.params)])
    for g, column in zip(got, zip(*rows, strict=True), strict=True):
        close(g._data, np.stack(column), 1e-9)


def _duals(level: Level, values: Sequence[Any], tangents: Sequence[Any]) -> list[Tensor]:
    return [
        wrap(v) if t is None else lift(Dual(level, wrap(v), wrap(t)))
        for v, t in zip(values, tangents, strict=True)
    ]


def _tangent(t: Tensor, level: Level) -> Any:
    data = t._data
    if data.__class__ is Dual and data.level is level and data.tangent is not None:
        return data.tangent._data
    return np.zeros(data.shape, data.dtype)


@law
def forward_mode_is_the_jvp(operation: Any, sample: Any) -> None:
    """Dual numbers carry the forward derivative along, and leave the value as it is."""
    values = arrays(sample)
    tangents = directions(operation, values)
    if all(t is None for t in tangents):
        return
    with np.errstate(all="ignore"):
        _, tangent = operation.jvp(cpu, values, tangents, **sample.params)
    with Level("jvp") as level:
        out = operation(*_duals(level, values, tangents), **sample.params)
        got = [_tangent(o, level) for o in outputs(operation, out)]
    for g, w in zip(got, moved(operation, tangent), strict=True):
        close(g, 0 if w is None else w, 1e-9)


@law
def forward_over_reverse(operation: Any, sample: Any) -> None:
    """The tangent of the gradient is the gradient's derivative: <p, H v> both ways."""
    values = arrays(sample)
    places = moving(operation, values)
    if not places:
        return
    tangents = directions(operation, values)
    with Level("jvp") as level:
        duals = [
            lift(Dual(level, wrap(v), None if t is None else wrap(t)))
            for v, t in zip(values, tangents, strict=True)
        ]
        first = _pulled(operation, duals, places, sample.params)
        got = inner(
            [random_like(values[i], "probe", i) for i in places],
            [_tangent(g, level) for g in first],
        )
    inputs = [wrap(v) for v in values]
    for i in places:
        inputs[i].requires_grad_(True)
    outs = outputs(operation, operation(*inputs, **sample.params))
    cts = _cotangents(outs)
    wanted = [inputs[i] for i in places]
    gradients = grad(outs, wanted, cts, create_graph=True, materialize_grads=True)
    pairs = [
        (g, wrap(random_like(values[i], "probe", i)))
        for g, i in zip(gradients, places, strict=True)
        if g.requires_grad
    ]
    want = 0.0
    if pairs:
        second = grad([g for g, _ in pairs], wanted, [p for _, p in pairs], materialize_grads=True)
        want = inner([s._data for s in second], [tangents[i] for i in places])
    close(got, want, 1e-7)


@law
def taylor_mode_is_nested_forward_mode(operation: Any, sample: Any) -> None:
    """The second Taylor coefficient along a line is half of the second derivative."""
    values = arrays(sample)
    tangents = directions(operation, values)
    if all(t is None for t in tangents):
        return
    with Level("jet") as level:
        lines = [
            wrap(v) if t is None else lift(Series(level, (wrap(v), wrap(t), None)))
            for v, t in zip(values, tangents, strict=True)
        ]
        outs = outputs(operation, operation(*lines, **sample.params))
        got = [_terms(o, level) for o in outs]
    with Level("jvp") as outer, Level("jvp") as inner_level:
        nested = [
            t if v is None else lift(Dual(inner_level, t, wrap(v)))
            for t, v in zip(_duals(outer, values, tangents), tangents, strict=True)
        ]
        outs = outputs(operation, operation(*nested, **sample.params))
        want = [_nested(o, outer, inner_level) for o in outs]
    for (first, second), (w1, w2) in zip(got, want, strict=True):
        close(first, w1, 1e-8)
        close(2 * second, w2, 1e-7)


def _terms(t: Tensor, level: Level) -> list[Any]:
    data = t._data
    if data.__class__ is Series and data.level is level:
        found = [None if c is None else c._data for c in (*data.terms, None, None)[1:3]]
    else:
        found = [None, None]
    return [np.zeros(data.shape) if c is None else c for c in found]


def _nested(t: Tensor, outer: Level, level: Level) -> list[Any]:
    """First and second derivative of a Dual whose parts are Duals."""
    data = t._data
    zeros = np.zeros(data.shape)
    if data.__class__ is not Dual or data.level is not level:
        return [_tangent(t, outer), zeros]
    if data.tangent is None:
        return [zeros, zeros]
    first = data.tangent
    value = first._data.primal._data if first._data.__class__ is Dual else first._data
    return [value, _tangent(first, outer)]
