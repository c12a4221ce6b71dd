"""Floor 2: applying an operation to Tensors: compute, tie views to their base, record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
from numpy import asarray, ndarray

from ..arrays import cpu
from ..arrays.dtypes import LOW_PRECISION
from ..autograd import modes
from ..autograd.lifted import top_level
from ..autograd.modes import state
from ..autograd.storage import DEFAULT, INFERENCE, MULTI_OUTPUT, NO_GRAD, Storage, View
from ..autograd.tensor import Tensor, mark_born, new, refresh, storage_of, wrap
from .definition import Definition
from .mismatch import explain
from .plan import Plan, make_plan
from .recording import record, record_one

_NO_PARAMS: dict[str, Any] = {}


def own_code(function: Any) -> Any:
    """A copy of a function with code of its own.

    CPython keeps what it learned of an attribute's place in the code, for one class at a time.
    Every operation makes nodes of a class of its own: a copy for each spares 8 % of a small graph.
    """
    return FunctionType(
        function.__code__.replace(), function.__globals__, function.__name__, function.__defaults__
    )


class Operation(Definition):
    """A definition that can be called with Tensors of one dtype, and records what it did."""

    def __init__(self, name: str, rules: type, node: str | None, options: dict[str, Any]) -> None:
        super().__init__(name, rules, node, options)
        self.plans: dict[Any, Plan] = {}
        self.record_one: Callable[..., Any] = record_one  # a copy of its own from the first plan on
        # What `run_one` and `run_two` call: the forward rule, or the one function that it is.
        self.kernel: Any = self._first_kernel

    def _first_kernel(self, *arrays: Any) -> Any:
        """Find the kernel at the first call; importing an operation runs nothing."""
        self.kernel = single_call(self.forward, len(self.inputs)) or partial(self.forward, cpu)
        return self.kernel(*arrays)

    def plan(self, mask: int, count: int, is_complex: bool) -> Plan:
        """The prepared backward for one choice of inputs that need gradients."""
        key = (mask, count, is_complex) if self.variadic or is_complex else mask
        found = self.plans.get(key)
        if found is None:
            found = self.plans[key] = make_plan(self, mask, count, is_complex)
            if self.record_one is record_one:
                self.record_one = own_code(record_one)
        return found

    def __call__(self, *tensors: Tensor, **params: Any) -> Any:
        if modes.lifted:
            level = top_level(tensors)
            if level is not None:
                return self.run_lifted(level, tensors, params)
        out = self.compute([t._data for t in tensors], params)
        if self.several:
            return self._call_several(tensors, out, params)
        result: Tensor = wrap(out)
        if self.view:
            self._mark_views(tensors[0], (result,), params)
        if state.grad:
            mask = self.mask(tensors)
            if mask:
                record(self, mask, tensors, (result,), params, 3)
        return result

    def _call_several(
        self, tensors: Sequence[Tensor], outs: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Tensor, ...]:
        """`__call__` of an operation that has several results."""
        results: tuple[Tensor, ...] = tuple([wrap(out) for out in outs])
        if self.view:
            self._mark_views(tensors[0], results, params)
        if state.grad and results:  # there are none of an empty dimension's parts
            mask = self.mask(tensors)
            if mask:
                record(self, mask, tensors, results, params, 4)
        return results

    # `run_one` and `run_two` are `__call__` for elementwise operations on one or two tensors of
    # one float dtype: the library's fast path, measured 2 times faster than the general one.

    def run_one(self, x: Tensor) -> Tensor:
        """`self(x)` for an elementwise operation without parameters."""
        try:
            out = self.kernel(x._data)
        except RuntimeWarning:
            out = self.compute((x._data,), {})
        t: Tensor = new(Tensor)
        if out.__class__ is not ndarray:
            out = asarray(out)
        t._data = out
        t._requires_grad = False
        t._edge = t._storage = t._view = t._meta = None
        if state.grad:
            if x._view is not None:
                refresh(x)
            if x._requires_grad:
                plan = self.plans.get(1) or self.plan(1, 1, False)
                self.record_one(self.node_class, plan, (x,), (t,), out, _NO_PARAMS, 3)
            elif modes.reversing:
                mark_born(t)
        elif state.inference or modes.reversing:
            _mark(t)
        return t

    def run_two(self, x: Tensor, y: Tensor) -> Tensor:
        """`self(x, y)` for an elementwise operation without parameters."""
        try:
            out = self.kernel(x._data, y._data)
        except RuntimeWarning:
            out = self.compute((x._data, y._data), {})
        except ValueError as error:
            raise explain(self.name, (x._data.shape, y._data.shape), error) from None
        t: Tensor = new(Tensor)
        if out.__class__ is not ndarray:
            out = asarray(out)
        t._data = out
        t._requires_grad = False
        t._edge = t._storage = t._view = t._meta = None
        if state.grad:
            if x._view is not None:
                refresh(x)
            if y._view is not None:
                refresh(y)
            mask = x._requires_grad | y._requires_grad << 1
            if mask:
                plan = self.plans.get(mask) or self.plan(mask, 2, False)
                self.record_one(self.node_class, plan, (x, y), (t,), out, _NO_PARAMS, 3)
            elif modes.reversing:
                mark_born(t)
        elif state.inference or modes.reversing:
            _mark(t)
        return t

    def run_view(self, x: Tensor, out: Any, params: dict[str, Any]) -> Tensor:
        """`self(x, **params)` for a view operation whose array `out` is known."""
        if x._data.__class__ is not ndarray:
            return self(x, **params)
        t: Tensor = new(Tensor)
        t._data = out
        t._edge = t._meta = None
        t._requires_grad = False
        mark_view(x, t, self, params)
        if x._requires_grad and state.grad:
            plan = self.plans.get(1) or self.plan(1, 1, False)
            self.record_one(self.node_class, plan, (x,), (t,), out, params, 3)
        return t

    # How Tensors inside a transform are computed with; set by `lifting`, which stands above.
    run_lifted: Callable[[Any, Sequence[Tensor], dict[str, Any]], Any]

    def compute(self, arrays: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the forward rule on bare arrays."""
        try:
            out = self.forward(cpu, *arrays, **params)
        except RuntimeWarning:  # the user turned NumPy's warnings into errors
            with np.errstate(all="ignore"):
                out = self.forward(cpu, *arrays, **params)
        except ValueError as error:
            raise explain(self.name, [a.shape for a in arrays], error) from None
        if arrays and arrays[0].itemsize == 2 and not self.several:
            return self._narrow(out, arrays[0].dtype)
        return out

    def _narrow(self, out: Any, dtype: Any) -> Any:
        """NumPy computes half precision in float32 here and there; the result is half again."""
        if dtype not in LOW_PRECISION or not self.keeps_dtype:
            return out
        return out.astype(dtype) if out.dtype.kind == "f" and out.dtype != dtype else out

    def mask(self, tensors: Sequence[Tensor]) -> int:
        """Bit i: input i requires grad and has a rule."""
        mask = 0
        for i, t in enumerate(tensors):
            if t._view is not None:
                refresh(t)
            if t._requires_grad and (i in self.vjps or (self.variadic and self._has_rule(i))):
                mask |= 1 << i
        return mask

    def _has_rule(self, i: int) -> bool:
        """Whether a variadic operation has a rule for its i-th tensor: the last serves many."""
        return min(i, len(self.inputs) - 1) in self.vjps

    def _mark_views(self, t: Tensor, results: Sequence[Tensor], params: dict[str, Any]) -> None:
        """Tie results that share the input's memory to its storage and base."""
        array = t._data
        many = len(results) > 1 or self.several
        for number, result in enumerate(results):
            out = result._data
            owner = out.base
            shares = owner is not None and (
                owner is array or owner is array.base or np.may_share_memory(out, array)
            )
            if not shares and out is not array:
                continue  # reshape had to copy
            mark_view(t, result, self, params, number if many else None)


def _mark(t: Tensor) -> None:
    """Note in which mode a result was made that has no history."""
    if state.inference:
        storage_of(t).inference = True
    mark_born(t)


class _Probe:
    """A namespace that notes which of its functions a rule calls, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any) -> Any:
            self.calls.append((name, args))
            return self.calls

        return note


def single_call(forward: Any, inputs: int) -> Any:
    """The function of the CPU namespace that a rule consists of, or None: spares a call."""
    probe, marks = _Probe(), [object() for _ in range(inputs)]
    try:
        out = forward(probe, *marks)
    except (AttributeError, TypeError, IndexError):  # it does more than call one function
        return None
    if out is not probe.calls or len(out) != 1 or list(out[0][1]) != marks:
        return None
    return getattr(cpu, out[0][0], None)


def mark_view(
    t: Tensor, result: Tensor, operation: Any, params: dict[str, Any], output: int | None = None
) -> None:
    """Make `result`, one step from `t`, a view that autograd tracks."""
    storage = t._storage
    if storage is None:
        storage = t._storage = Storage()
        if t._edge is not None:
            storage.born = t._edge[0].seq
    result._storage = storage
    if storage.inference:
        result._view = None
        return  # views of inference tensors are not tracked
    view: View = new(View)
    before = t._view
    view.of = t
    view.before = before
    view.operation = operation
    view.params = params
    view.array = t._data
    view.output = output
    view.version = storage.version
    view.creation = DEFAULT if output is None else MULTI_OUTPUT
    if before is not None:
        if state.grad:
            refresh(t)
        if before.__class__ is View:
            view.of = before.of
        view.creation = view.creation or before.creation
    view.inherited = False
    if not state.grad:
        if output is None:
            view.creation = INFERENCE if state.inference else NO_GRAD
        # As in torch: made without recording, it is a leaf that still requires grad.
        result._requires_grad = view.inherited = t.requires_grad and not state.inference
    result._view = view
