"""Floor 2: Taylor mode: an operation on truncated Taylor series, by its jvp rule.

y(t) = f(x(t)) has y' = J(x(t)) x'(t): the jvp rule, evaluated on series of one order less, and
integrated. Sums are termwise and products are convolutions, which ends the recursion; so the cost
is polynomial in the order, where nested forward mode is exponential.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.lifted import Level, Series, lift
from ..autograd.tensor import Tensor
from . import arithmetic
from .definition import rule_names
from .plan import MINUS_ONE, ONE
from .tangents import input_number, tangents_of

Terms = Sequence[Any]  # coefficients of t**k: Tensors, None for zero


def apply_series(
    operation: Any, level: Level, tensors: Sequence[Tensor], params: dict[str, Any]
) -> list[Any]:
    """Outputs as Series, also those that do not move."""
    order = 1
    inputs: list[Terms] = []
    for t in tensors:
        data = t._data
        if data.__class__ is Series and data.level is level:
            inputs.append(data.terms)
            order = max(order, len(data.terms))
        else:
            inputs.append((t,))
    inputs = [tuple(s) + (None,) * (order - len(s)) for s in inputs]
    moving = [i for i, s in enumerate(inputs) if any(term is not None for term in s[1:])]
    if not moving:
        out = operation(*[s[0] for s in inputs], **params)
        return [Series(level, (o,)) for o in (out if operation.several else (out,))]
    if operation is arithmetic.mul or _is_bilinear(operation, moving):
        found = [_product(operation, inputs, moving, order, params)]
    elif operation.kind == "linear":
        found = _termwise(operation, inputs, moving, order, params)
    elif _is_sum(operation, moving):
        found = [_summed(operation, inputs, moving, order, params)]
    else:
        found = _integrated(operation, level, inputs, order, params)
    return [Series(level, s) for s in found]


def _is_bilinear(operation: Any, moving: Sequence[int]) -> bool:
    return operation.kind == "linear" and len(moving) > 1 and not operation.variadic


def _is_sum(operation: Any, moving: Sequence[int]) -> bool:
    """Whether the partial derivatives by what moves are 1 or -1."""
    return operation.kind == "elementwise" and all(
        operation.vjps.get(i) in (ONE, MINUS_ONE) for i in moving
    )


def _summed(
    operation: Any, inputs: Sequence[Terms], moving: Sequence[int], order: int, params: Any
) -> list[Any]:
    """Partial derivatives of 1 and -1: later coefficients are sums and differences."""
    out = operation(*[s[0] for s in inputs], **params)
    found: list[Any] = [out]
    for k in range(1, order):
        total = None
        for i in moving:
            term = inputs[i][k]
            if term is None:
                continue
            term = -term if operation.vjps[i] is MINUS_ONE else term
            total = term if total is None else total + term
        found.append(None if total is None else total.broadcast_to(out._data.shape))
    return found


def _product(
    operation: Any, inputs: Sequence[Terms], moving: Sequence[int], order: int, params: Any
) -> list[Any]:
    """Cauchy's product: out[k] = sum of a[i] b[k - i]; factors that do not move have one term."""
    first, second = (moving[0], moving[-1]) if len(moving) > 1 else (0, 1)
    a, b = inputs[first], inputs[second]
    found: list[Any] = []
    for k in range(order):
        total = None
        for i in range(k + 1):
            if a[i] is None or b[k - i] is None:
                continue
            args = [s[0] for s in inputs]
            args[first], args[second] = a[i], b[k - i]
            part = operation(*args, **params)
            total = part if total is None else total + part
        found.append(total)
    return found


def _termwise(
    operation: Any, inputs: Sequence[Terms], moving: Sequence[int], order: int, params: Any
) -> list[list[Any]]:
    """Each coefficient alone: of what does not move together, the later ones are zero."""
    together = [
        i
        for i in range(len(inputs))
        if i in moving or (operation.variadic and input_number(operation, i) in operation.vjps)
    ]
    columns: list[Any] = []
    for k in range(order):
        terms = [s[k] if i in together else s[0] for i, s in enumerate(inputs)]
        if k and all(terms[i] is None for i in together):
            columns.append(None)
            continue
        filled = [0 * s[0] if t is None else t for t, s in zip(terms, inputs)]
        out = operation(*filled, **params)
        columns.append(out if operation.several else (out,))
    first = columns[0]
    assert first is not None
    return [[None if c is None else c[j] for c in columns] for j in range(len(first))]


def _integrated(
    operation: Any, level: Level, inputs: Sequence[Terms], order: int, params: Any
) -> list[list[Any]]:
    """y[0] = f(x[0]), and (k + 1) y[k + 1] is coefficient k of J(x) x'."""
    out = operation(*[s[0] for s in inputs], **params)
    outs = tuple(out) if operation.several else (out,)
    primals = [_series(level, s[:-1]) for s in inputs]
    tangents = [_derivative(level, s) for s in inputs]
    known = outs
    if order > 2 and _needs_outputs(operation, tangents):
        known = operation(*primals, **params)
        known = tuple(known) if operation.several else (known,)
    moved = tangents_of(operation, primals, tangents, known, params)
    found = []
    for value, slope in zip(outs, moved):
        terms: list[Any] = [value]
        data = None if slope is None else slope._data
        if data.__class__ is Series and data.level is level:
            slopes = data.terms
        else:
            slopes = (slope,)
        for k in range(order - 1):
            term = slopes[k] if k < len(slopes) else None
            terms.append(None if term is None else term / (k + 1))
        found.append(terms)
    return found


def _series(level: Level, terms: Terms) -> Tensor:
    """A Tensor on a series, or its first term where nothing else is there."""
    if all(t is None for t in terms[1:]):
        return terms[0]
    return lift(Series(level, terms))


def _derivative(level: Level, terms: Terms) -> Tensor | None:
    """x'(t): None where x does not move."""
    slopes = [None if t is None else k * t for k, t in enumerate(terms)][1:]
    if all(s is None for s in slopes):
        return None
    if slopes[0] is None:
        slopes[0] = 0 * terms[0]
    return _series(level, slopes)


def _needs_outputs(operation: Any, tangents: Sequence[Tensor | None]) -> bool:
    """Whether a rule of an input that moves names an output."""
    prefix = "d_" if operation.kind == "elementwise" else "jvp_"
    rules = operation.vjps if operation.kind == "elementwise" else operation.jvps
    named: set[str] = set()
    for i, t in enumerate(tangents):
        rule = rules.get(min(i, len(operation.inputs) - 1) if operation.variadic else i)
        if t is not None and callable(rule):
            named.update(rule_names(rule, prefix))
    return not named.isdisjoint(operation.outputs)
