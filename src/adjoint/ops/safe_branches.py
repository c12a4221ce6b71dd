"""Floor 2: safe branches: zero times anything is zero, in backward and in forward mode.

A rule runs as always; where its result is not finite, what a zero cotangent (or tangent) alone has
led to is replaced by 0. How far an element reaches is read off the kind and parameters of the
operation. Knows nothing of the walk, which hands each node over while the mode is on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import modes
from ..autograd.lifted import Series, bottom_arrays
from ..autograd.modes import Mode, state
from ..autograd.tape import OperationNode
from ..autograd.tensor import Tensor
from .batching import leading, lined_up, rule_of
from .batching_rules.reductions import loss_of_pairs
from .limits import namespace
from .reduction import kept_shape

_PRODUCTS = frozenset(("linear", "addmm", "convolution"))  # of two inputs, and a bias
_OF_MATRICES = frozenset(("solve",))
_OF_ROWS = frozenset(("cross_entropy", "nll_loss"))  # one loss for the last axis
Compute = Callable[[Any, list[Any]], Sequence[Any]]  # a rule: of a (co)tangent and other values


class safe_branches(Mode):
    """Keep infinite slopes that nothing flows through out of gradients, in this thread.

    Inside the block, in backward and in forward mode, zero times anything is zero: a cotangent of 0
    stays 0 at an infinite or undefined slope, and a slope of 0 lets nothing through. Where only the
    formula is undefined a value is put: 0 for hypot at (0, 0) and xlogy at (0, 0), equal shares for
    logaddexp and logsumexp of equal infinities, 0 for what passes between equal eigenvalues or
    singular values. What is finite without the mode is the same with it, bit by bit. The mode in
    force when `backward` (or `func.grad`, `func.jvp` ...) runs counts; it also decorates functions.

    >>> x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    >>> y = torch.where(x > 0, x.sqrt(), x)
    >>> torch.autograd.grad(y.sum(), x, retain_graph=True)
    (tensor([   nan,    nan, 0.2500]),)
    >>> with torch.safe_branches():
    ...     torch.autograd.grad(y.sum(), x)
    (tensor([1.0000, 1.0000, 0.2500]),)
    """

    def __new__(cls, wrapped: Any = None) -> Any:
        switch = super().__new__(cls)
        switch._outer = []
        return switch if wrapped is None else switch(wrapped)  # `@safe_branches` alone

    _outer: list[Any]  # what was in force at each entry: one object may be entered again inside

    def __enter__(self) -> None:
        self._outer.append(state.safe)
        state.safe = _GUARD
        modes.safe += 1

    def __exit__(self, *exc: object) -> None:
        state.safe = self._outer.pop()
        modes.safe -= 1


class Guard:
    """What the walk and forward mode call while the mode is on; it has no state of its own."""

    def run(self, node: Any, ct: Any, run: Any) -> Any:
        """Run a node of a backward pass, and clean what it returns."""
        saved = getattr(node, "saved", None)
        if not isinstance(node, OperationNode) or type(node).apply is not OperationNode.apply:
            cts = node.apply(ct, run)  # a leaf, or a rule of the user's: only all zeros tell
            return _masked_all(run.xp, None, {}, ct, cts) if _any_spoiled(cts) else cts
        before, run.xp = run.xp, namespace(run.on_tensors)
        try:
            cts = node.apply(ct, run)
            return self._clean(node, saved, ct, cts, run) if _any_spoiled(cts) else cts
        finally:
            run.xp = before

    def _clean(self, node: Any, saved: Any, ct: Any, cts: Any, run: Any) -> Any:
        operation, plan, xp = node.operation, node.plan, run.xp
        params = dict(zip(plan.constant_names, node.constants))
        if _is_structure(operation):
            return cts
        count = len(plan.saved_names)

        def compute(t: Any, values: list[Any]) -> Sequence[Any]:
            return plan.pull(xp, t, [*values, *node.constants])

        freed, node.saved = node.saved, saved
        try:
            values = node._values(run)[:count]
        finally:
            node.saved = freed
        if _is_product(operation):
            return _clean_product(xp, compute, ct, values, cts)
        if "axes" in params and isinstance(ct, dict):
            cts = _clean_runs(xp, compute, ct, values, cts, plan.saved_names, params["axes"])
        slopes = None
        if _is_single(operation, params, ct) and _spoiled(ct):
            with _untracked():
                slopes = compute(xp.ones_like(ct), values)
        return _masked_all(xp, operation, params, ct, cts, slopes)

    def push(
        self, operation: Any, t: Any, primals: Sequence[Any], params: Any, compute: Compute
    ) -> Any:
        """The tangent of the outputs that the tangent `t` of input i brings, cleaned."""
        found = compute(t, list(primals))
        parts = list(found) if operation.several else [found]
        if isinstance(t._data, Series) or not _any_spoiled(parts):
            return found
        xp = namespace(True)

        def each(t: Any, values: list[Any]) -> Sequence[Any]:
            out = compute(t, values)
            return list(out) if operation.several else [out]

        if _is_product(operation):
            parts = _clean_product(xp, each, t, list(primals), parts)
        elif not _is_structure(operation):
            slopes = None
            if _is_entrywise(operation) and _spoiled(t):
                with _untracked():
                    slopes = each(xp.ones_like(t), list(primals))
            parts = [
                g if g is None else _masked(xp, _quiet_tangent(xp, operation, params, t, g), g, s)
                for g, s in zip(parts, slopes or [None] * len(parts))
            ]
        return tuple(parts) if operation.several else parts[0]


_GUARD = Guard()


class _untracked:
    """No recording in the block: what is computed there only says where something is."""

    def __enter__(self) -> None:
        self.before, state.grad = state.grad, False

    def __exit__(self, *exc: object) -> None:
        state.grad = self.before


def _spoiled(value: Any) -> bool:
    """Whether an array or Tensor, or one of several, is not finite somewhere."""
    if isinstance(value, dict):
        return _any_spoiled(value.values())
    arrays = bottom_arrays(value) if isinstance(value, Tensor) else [value]
    return not all(np.isfinite(a).all() for a in arrays if a.dtype.kind in "fcV")


def _any_spoiled(values: Any) -> bool:
    return any(v is not None and _spoiled(v) for v in values)


def _shape(value: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = value._data.shape if isinstance(value, Tensor) else value.shape
    return shape


def _is_product(operation: Any) -> bool:
    """Whether it is linear in each of two inputs."""
    bilinear = operation.kind == "linear" and len(operation.vjps) == 2 and not operation.variadic
    return bilinear or operation.name in _PRODUCTS


def _is_structure(operation: Any) -> bool:
    """Whether it only sums and places: no slope but constants."""
    return (
        operation.kind == "linear" and not _is_product(operation) and operation.name not in _OF_ROWS
    )


def _is_entrywise(operation: Any) -> bool:
    # A loss of pairs is so before it is reduced, and its one cotangent meets each slope after it.
    return operation.kind == "elementwise" or rule_of(operation) in (lined_up, loss_of_pairs)


def _is_single(operation: Any, params: Any, ct: Any) -> bool:
    """Whether each element of what is returned is one element of `ct` times a slope."""
    if isinstance(ct, dict) or (operation.kind != "elementwise" and _kind(ct) == "c"):
        return False
    return _is_entrywise(operation) or "keepdim" in params or not _shape(ct)


def _kind(value: Any) -> str:
    kind: str = (value._data if isinstance(value, Tensor) else value).dtype.kind
    return kind


# How far an element of a cotangent or tangent reaches.
def _all_zero(xp: Any, part: Any, axes: Sequence[int] | None, keepdims: bool = True) -> Any:
    """Where all elements along `axes` (None: at all) are 0."""
    count = xp.sum(xp.not_equal(part, 0), axis=axes, keepdims=keepdims and axes is not None)
    return xp.equal(count, 0)


def _quiet(xp: Any, operation: Any, params: Any, part: Any, shape: tuple[int, ...]) -> Any:
    """Where only zeros of a cotangent's `part` lead; broadcasts to `shape`, that of the result."""
    zero = None
    given = _shape(part)
    if operation is None:
        pass
    elif _is_entrywise(operation):
        zero = xp.equal(part, 0)
    elif "dim" in params and "keepdim" in params:
        zero = xp.equal(part, 0)
        if not params["keepdim"]:
            zero = xp.reshape(zero, kept_shape(shape, params["dim"]))
    elif isinstance(params.get("dim"), int) and len(given) == len(shape):
        zero = _all_zero(xp, part, (params["dim"],))
    elif "axes" in params and len(given) == len(shape):
        zero = _all_zero(xp, part, params["axes"])
    elif operation.name in _OF_ROWS and given:
        zero = xp.expand_dims(xp.equal(part, 0), axis=-1)
    elif rule_of(operation) is leading or operation.name in _OF_MATRICES:
        zero = _quiet_matrices(xp, part, given, shape)
    if zero is None or not _fits(_shape(zero), shape):
        zero = _all_zero(xp, part, None)
    return zero


def _quiet_matrices(xp: Any, part: Any, given: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """For each matrix: whether what belongs to it is 0."""
    batch = len(shape) - 2
    if batch < 0 or given[:batch] != shape[:batch]:
        return None
    inner = tuple(range(batch, len(given)))
    zero = _all_zero(xp, part, inner, keepdims=False) if inner else xp.equal(part, 0)
    return xp.reshape(zero, (*shape[:batch], 1, 1))


def _quiet_tangent(xp: Any, operation: Any, params: Any, t: Any, out: Any) -> Any:
    """Where only zeros of the tangent `t` lead, in the tangent `out` of an output."""
    given, shape = _shape(t), _shape(out)
    params = {**operation.defaults, **params}
    zero, dim = None, params.get("dim")
    if _is_entrywise(operation):
        zero = xp.equal(t, 0)
    elif "dim" in params and "keepdim" in params and dim is not None:
        axes = (dim,) if isinstance(dim, int) else tuple(dim)
        if axes:
            zero = _all_zero(xp, t, axes, keepdims=params["keepdim"])
        else:
            zero = xp.equal(t, 0)
    elif isinstance(dim, int) and len(given) == len(shape):
        zero = _all_zero(xp, t, (dim,))
    elif rule_of(operation) is leading and len(given) >= 2:
        batch = given[:-2]
        if shape[: len(batch)] == batch:
            zero = _all_zero(xp, t, (len(batch), len(batch) + 1), keepdims=False)
            zero = xp.reshape(zero, (*batch, *(1,) * (len(shape) - len(batch))))
    if zero is None or not _fits(_shape(zero), shape):
        zero = _all_zero(xp, t, None)
    return zero


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether `shape` broadcasts to `target`."""
    if len(shape) > len(target):
        return False
    return all(n in (1, m) for n, m in zip(reversed(shape), reversed(target)))


# What is put in place.
def _masked_all(
    xp: Any, operation: Any, params: Any, ct: Any, cts: Any, slopes: Any = None
) -> list[Any]:
    """The cotangents with 0 where only zeros led to something that is not finite."""
    parts = list(ct.values()) if isinstance(ct, dict) else [ct]
    found = []
    for g, slope in zip(cts, slopes or [None] * len(cts)):
        if g is None or not _spoiled(g):
            found.append(g)
            continue
        zero = _quiet(xp, operation, params, parts[0], _shape(g))
        for part in parts[1:]:
            zero = xp.logical_and(zero, _quiet(xp, operation, params, part, _shape(g)))
        found.append(_masked(xp, zero, g, slope))
    return found


def _masked(xp: Any, zero: Any, g: Any, slope: Any = None) -> Any:
    if slope is not None:
        zero = xp.logical_or(zero, xp.equal(slope, 0))
    return xp.where(xp.logical_and(zero, xp.logical_not(xp.isfinite(g))), 0, g)


def _clean_product(xp: Any, compute: Compute, t: Any, values: list[Any], found: Any) -> list[Any]:
    """Sums of products again, without those of 0 and something that is not finite.

    The operation itself, run on ones at such places, says where a product of something not finite
    and something not 0 goes. There what was found stays; elsewhere sums over what is finite do.
    """
    clean = compute(_finite(xp, t), [_finite(xp, v) for v in values])
    with _untracked():
        bad = compute(_marks(xp, t, False), [_marks(xp, v, True) for v in values])
        other = compute(_marks(xp, t, True), [_marks(xp, v, False) for v in values])
    results = []
    for g, c, a, b in zip(found, clean, bad, other):
        if g is None or not _spoiled(g):
            results.append(g)
            continue
        reached = xp.logical_or(xp.not_equal(a, 0), xp.not_equal(b, 0))
        keep = xp.logical_or(xp.isfinite(g), reached)
        results.append(xp.where(keep, g, c))
    return results


def _clean_runs(
    xp: Any, compute: Compute, ct: Any, values: list[Any], found: Any, names: Any, axes: Any
) -> list[Any]:
    """A normalisation again: where the cotangent of a whole run is 0, the run does not count."""
    first, *rest = [_all_zero(xp, part, axes) for part in ct.values()]
    zero = first
    for other in rest:
        zero = xp.logical_and(zero, other)
    kept = [
        xp.where(xp.logical_and(zero, xp.logical_not(xp.isfinite(v))), 0, v)
        if name in ("x", "mean", "var")
        else v
        for name, v in zip(names, values)
    ]
    return [
        g if g is None else xp.where(xp.isfinite(g), g, c) for g, c in zip(found, compute(ct, kept))
    ]


def _finite(xp: Any, value: Any) -> Any:
    """The value with 0 where it is not finite."""
    return xp.where(xp.isfinite(value), value, 0) if _kind(value) in "fcV" else value


def _marks(xp: Any, value: Any, not_finite: bool) -> Any:
    """1 where the value is not finite (or: not 0), else 0, in its dtype."""
    if _kind(value) not in "fcV":
        return value
    dtype = (value._data if isinstance(value, Tensor) else value).dtype
    marks = xp.logical_not(xp.isfinite(value)) if not_finite else xp.not_equal(value, 0)
    return xp.astype(marks, dtype)
