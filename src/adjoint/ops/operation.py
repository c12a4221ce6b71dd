"""Floor 2: what an operation is, the four kinds, and the registry.

An operation is written once, as rules over an array namespace `xp`. The names of a rule's
parameters say what it needs kept: inputs, outputs, parameters, or `<input>_shape`/`<input>_dtype`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy import asarray, ndarray

from ..arrays import cpu
from ..arrays.dtypes import LOW_PRECISION
from ..autograd import origin
from ..autograd.modes import state
from ..autograd.origin import getframe, is_internal
from ..autograd.storage import DEFAULT, MULTI_OUTPUT, NO_GRAD, View, ViewStep
from ..autograd.tape import OperationNode, accumulator, next_sequence_number
from ..autograd.tensor import Tensor, new, refresh, storage_of, wrap
from .plan import MINUS_ONE, ONE, Plan, make_plan

Rule = Callable[..., Any]

REGISTRY: dict[str, Operation] = {}
_NO_PARAMS: dict[str, Any] = {}


class Operation:
    """One operation: its rules, its node class, its documentation and its samples.

    Calling it with Tensors of one dtype computes, and records when a gradient may be wanted.
    """

    kind = "general"
    prefix = "vjp_"  # of the rules that give cotangents

    def __init__(self, name: str, rules: type, node: str | None, options: dict[str, Any]) -> None:
        self.name = name
        self.doc = inspect.cleandoc(rules.__doc__ or "")
        self.forward: Rule = rules.__dict__["forward"]
        self.inputs, self.variadic, self.params = _signature(self.forward)
        self.outputs: tuple[str, ...] = options.pop("outputs", ("out",))
        self.several = options.pop("several", len(self.outputs) > 1)
        self.differentiable: tuple[int, ...] = options.pop(
            "differentiable", tuple(range(len(self.outputs)))
        )
        self.view: bool = options.pop("view", False)
        self.keeps_dtype: bool = options.pop("keeps_dtype", True)
        self.samples: Callable[[], Iterable[Any]] = options.pop("samples")
        self.reference: Rule | None = options.pop("reference", None)
        self.laws: frozenset[str] = frozenset(options.pop("except_laws", ()))
        if options:
            raise TypeError(f"operation {name}: unknown options {sorted(options)}")
        self.rules = {k: v for k, v in rules.__dict__.items() if not k.startswith("__")}
        self.vjps = self._collect(self.prefix)
        self.jvps = self._collect("jvp_")
        self._check_rules()
        self.plans: dict[Any, Plan] = {}
        node_name = node or "".join(part.capitalize() for part in name.split("_")) + "Backward0"
        # In module builtins so that it prints as torch's nodes do: `<MulBackward0 object at ...>`.
        self.node_class: type[OperationNode] = type(
            node_name,
            (OperationNode,),
            {"__slots__": (), "operation": self, "__module__": "builtins"},
        )

    def _collect(self, prefix: str) -> dict[int, Any]:
        """Rules by input number: `d_x`, `vjp_x`, `transpose_x`, `jvp_x`."""
        found = {}
        for key, rule in self.rules.items():
            if key.startswith(prefix):
                found[self._input_number(key, prefix)] = rule
        return found

    def _input_number(self, key: str, prefix: str) -> int:
        name = key[len(prefix) :]
        if name not in self.inputs:
            raise TypeError(
                f"operation {self.name}: rule {key} is for no input; the inputs are {self.inputs}"
            )
        return self.inputs.index(name)

    def _check_rules(self) -> None:
        """A missing rule or an unknown name fails here, at import."""
        known = {"forward"}
        for key, rule in self.rules.items():
            if not key.startswith((self.prefix, "jvp_")) and key not in known:
                raise TypeError(f"operation {self.name}: {key} is not a rule of a {self.kind} one")
            if callable(rule) and key.startswith((self.prefix, "jvp_")):
                for name in rule_names(rule, self.prefix if key.startswith(self.prefix) else "jvp_"):
                    self.source(name)
        missing = set(self.vjps) - set(self.jvps) if self.kind == "general" else ()
        if missing:
            names = [self.inputs[i] for i in missing]
            raise TypeError(f"operation {self.name}: no jvp rule for {names}")

    def source(self, name: str) -> tuple[str, int]:
        """Where a rule's named value comes from: (input|output|param|shape|dtype, number)."""
        if name in self.inputs:
            return "input", self.inputs.index(name)
        if name in self.outputs:
            return "output", self.outputs.index(name)
        if name in self.params:
            return "param", self.params.index(name)
        for ending in ("shape", "dtype"):
            stem = name.removesuffix(f"_{ending}")
            if stem != name and stem in self.inputs:
                return ending, self.inputs.index(stem)
        raise TypeError(
            f"operation {self.name}: a rule names {name!r}, which is none of its inputs "
            f"{self.inputs}, outputs {self.outputs} or parameters {self.params}"
        )

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __call__(self, *tensors: Tensor, **params: Any) -> Any:
        out = self.compute([t._data for t in tensors], params)
        if not self.several:
            result = wrap(out)
            results: tuple[Tensor, ...] = (result,)
        else:
            result = results = tuple([wrap(o) for o in out])
        if self.view:
            self._mark_views(tensors[0], results, params)
        if state.grad:
            mask = self.mask(tensors)
            if mask:
                record(self, mask, tensors, results, params, 2)
        return result

    # `run_one` and `run_two` are `__call__` for elementwise operations on one or two tensors of
    # one float dtype: the library's fast path, measured 2 times faster than the general one.

    def run_one(self, x: Tensor) -> Tensor:
        """`self(x)` for an elementwise operation without parameters."""
        try:
            out = self.forward(cpu, x._data)
        except RuntimeWarning:
            out = self.compute((x._data,), {})
        t: Tensor = new(Tensor)
        t._data = out if out.__class__ is ndarray else asarray(out)
        t._requires_grad = False
        t._edge = t._storage = t._view = t._meta = None
        if state.grad:
            if x._view is not None:
                refresh(x)
            if x._requires_grad:
                plan = self.plans.get(1) or self.plan(1, 1, False)
                self.link(plan, (x,), t, out)
        elif state.inference:
            storage_of(t).inference = True
        return t

    def run_two(self, x: Tensor, y: Tensor) -> Tensor:
        """`self(x, y)` for an elementwise operation without parameters."""
        try:
            out = self.forward(cpu, x._data, y._data)
        except RuntimeWarning:
            out = self.compute((x._data, y._data), {})
        t: Tensor = new(Tensor)
        t._data = out if out.__class__ is ndarray else asarray(out)
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
                self.link(plan, (x, y), t, out)
        elif state.inference:
            storage_of(t).inference = True
        return t

    def run_view(self, x: Tensor, out: Any, params: dict[str, Any]) -> Tensor:
        """`self(x, **params)` for a view operation whose array is known: subscripts are frequent."""
        t: Tensor = new(Tensor)
        t._data = out
        t._requires_grad = False
        t._edge = t._meta = None
        mark_view(x, t, ViewStep(self, params, x._data, None))
        if state.grad:
            if x._view is not None:
                refresh(x)
            if x._requires_grad:
                record(self, 1, (x,), (t,), params, 2)
        return t

    def link(self, plan: Plan, tensors: Sequence[Tensor], t: Tensor, out: Any) -> None:
        """Record one application without parameters, of one real output."""
        node = _make_node(self, plan, tensors, (t,), 4)
        if plan.constant_sources:
            node.constants = _constants(plan, tensors, _NO_PARAMS)
        node.shape = out.shape
        node.dtype = out.dtype
        t._edge = (node, 0)
        t._requires_grad = True

    def compute(self, arrays: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the forward rule on bare arrays."""
        try:
            out = self.forward(cpu, *arrays, **params)
        except RuntimeWarning:  # the user turned NumPy's warnings into errors
            with np.errstate(all="ignore"):
                out = self.forward(cpu, *arrays, **params)
        if arrays and arrays[0].dtype in LOW_PRECISION and not self.several:
            return self._narrow(out, arrays[0].dtype)
        return out

    def _narrow(self, out: Any, dtype: Any) -> Any:
        """NumPy computes half precision in float32 here and there; the result is half again."""
        if self.keeps_dtype and out.dtype.kind == "f" and out.dtype != dtype:
            return out.astype(dtype)
        return out

    def mask(self, tensors: Sequence[Tensor]) -> int:
        """Bit i: input i requires grad and has a rule."""
        mask = 0
        for i, t in enumerate(tensors):
            if t._view is not None:
                refresh(t)
            if t._requires_grad and (min(i, len(self.inputs) - 1) if self.variadic else i) in (
                self.vjps
            ):
                mask |= 1 << i
        return mask

    def plan(self, mask: int, count: int, is_complex: bool) -> Plan:
        """The prepared backward for one choice of inputs that need gradients."""
        key = (mask, count, is_complex) if self.variadic or is_complex else mask
        found = self.plans.get(key)
        if found is None:
            found = self.plans[key] = make_plan(self, mask, count, is_complex)
        return found

    def pull_rule(self, i: int, is_complex: bool) -> Rule:
        """The rule `(xp, ct, *saved) -> cotangent` for input i."""
        rule: Rule = self.vjps[i]
        return rule

    def pull_names(self, i: int) -> tuple[str, ...]:
        """What that rule needs saved."""
        return rule_names(self.vjps[i], self.prefix)

    def jvp(self, xp: Any, primals: Sequence[Any], tangents: Sequence[Any], **params: Any) -> Any:
        """Value and tangent: (out, J t); inputs whose tangent is None do not move."""
        out = self.forward(xp, *primals, **params)
        outs = out if self.several else (out,)
        total: Any = None
        for i, t in enumerate(tangents):
            number = min(i, len(self.inputs) - 1) if self.variadic else i
            if t is not None and (number in self.jvps or number in self.vjps):
                part = self.push(xp, i, t, primals, outs, params)
                total = part if total is None else _add(total, part)
        return out, total

    def push(
        self, xp: Any, i: int, t: Any, primals: Sequence[Any], outs: Any, params: dict[str, Any]
    ) -> Any:
        """The contribution of the tangent of input i to the tangent of the output."""
        rule = self.jvps[i]
        names = rule_names(rule, "jvp_")
        return rule(xp, t, *[self.lookup(n, primals, outs, params) for n in names])

    def lookup(self, name: str, primals: Sequence[Any], outs: Any, params: dict[str, Any]) -> Any:
        """The value of a name that a rule asked for."""
        where, number = self.source(name)
        if where == "param":
            return params[name] if name in params else self.defaults[name]
        if where == "output":
            return outs if self.several and len(self.outputs) == 1 else outs[number]
        of = primals[number:] if self.variadic and number == len(self.inputs) - 1 else None
        if where == "input":
            return primals[number] if of is None else of
        values = [getattr(p, "_data", p) for p in (primals[number : number + 1] if of is None else of)]
        found = tuple([v.shape if where == "shape" else v.dtype for v in values])
        return found[0] if of is None else found

    @property
    def defaults(self) -> dict[str, Any]:
        """Default values of the parameters."""
        signature = inspect.signature(self.forward)
        return {k: v.default for k, v in signature.parameters.items() if v.kind == v.KEYWORD_ONLY}

    def _mark_views(self, t: Tensor, results: Sequence[Tensor], params: dict[str, Any]) -> None:
        """Tie results that share the input's memory to its storage and base."""
        array = t._data
        many = len(results) > 1 or self.several
        for number, result in enumerate(results):
            out = result._data
            owner = out.base
            if out is not array and (owner is None or owner is not array and owner is not array.base):
                continue  # reshape had to copy
            mark_view(t, result, ViewStep(self, params, array, number if many else None))

    def transpose_view(
        self, xp: Any, ct: Any, shape: Any, dtype: Any, params: dict[str, Any], output: int | None
    ) -> Any:
        """The transpose of one view of this linear operation, for ViewStep."""
        names = rule_names(self.vjps[0], self.prefix)
        known = {f"{self.inputs[0]}_shape": shape, f"{self.inputs[0]}_dtype": dtype}
        values = [known[n] if n in known else {**self.defaults, **params}[n] for n in names]
        return self.vjps[0](xp, ct if output is None else {output: ct}, *values)


def mark_view(t: Tensor, result: Tensor, step: ViewStep) -> None:
    """Make `result`, one step from `t`, a view that autograd tracks."""
    storage = result._storage = storage_of(t)
    parent = t._view
    creation = MULTI_OUTPUT if step.output is not None else (DEFAULT if state.grad else NO_GRAD)
    if parent is None:
        result._view = View(t, (step,), storage.version, creation)
    else:
        creation = creation or parent.creation
        result._view = View(parent.base, (*parent.steps, step), storage.version, creation)


class Elementwise(Operation):
    """Author writes forward and one partial derivative per input; the rest is derived.

    vjp: ct * conj(d_x), jvp: d_x * t. `d_x = ONE` says the partial is 1.
    """

    kind = "elementwise"
    prefix = "d_"

    def pull_rule(self, i: int, is_complex: bool) -> Rule:
        partial = self.vjps[i]
        if partial is ONE:
            return _identity
        if partial is MINUS_ONE:
            return _negate
        return _times_conjugate(partial) if is_complex else _times(partial)

    def pull_names(self, i: int) -> tuple[str, ...]:
        partial = self.vjps[i]
        return () if partial in (ONE, MINUS_ONE) else rule_names(partial, self.prefix)

    def push(
        self, xp: Any, i: int, t: Any, primals: Sequence[Any], outs: Any, params: dict[str, Any]
    ) -> Any:
        partial = self.vjps[i]
        if partial in (ONE, MINUS_ONE):
            moved = xp.broadcast_to(t, outs[0].shape)
            return moved if partial is ONE else xp.negative(moved)
        names = rule_names(partial, self.prefix)
        factor = partial(xp, *[self.lookup(n, primals, outs, params) for n in names])
        return xp.broadcast_to(xp.multiply(factor, t), outs[0].shape)


class Linear(Operation):
    """Linear in each input that has a `transpose_` rule (bilinear ones in each of two).

    vjp: the transpose; jvp: the forward itself, with the tangent in the input's place.
    """

    kind = "linear"
    prefix = "transpose_"

    def push(
        self, xp: Any, i: int, t: Any, primals: Sequence[Any], outs: Any, params: dict[str, Any]
    ) -> Any:
        if self.variadic:
            zeros = [xp.zeros_like(p) for p in primals]
            return self.forward(xp, *[t if j == i else z for j, z in enumerate(zeros)], **params)
        moved = [t if j == i else p for j, p in enumerate(primals)]
        return self.forward(xp, *moved, **params)


class General(Operation):
    """Author writes forward, `vjp_` and `jvp_` for each input that has a derivative."""


def _identity(xp: Any, ct: Any) -> Any:
    return ct


def _negate(xp: Any, ct: Any) -> Any:
    return xp.negative(ct)


def _times(partial: Rule) -> Rule:
    if len(inspect.signature(partial).parameters) == 2:  # one saved value: no star, 60 ns less

        def rule_of_one(xp: Any, ct: Any, value: Any) -> Any:
            return xp.multiply(ct, partial(xp, value))

        return rule_of_one

    def rule(xp: Any, ct: Any, *saved: Any) -> Any:
        return xp.multiply(ct, partial(xp, *saved))

    return rule


def _times_conjugate(partial: Rule) -> Rule:
    def rule(xp: Any, ct: Any, *saved: Any) -> Any:
        return xp.multiply(ct, xp.conj(partial(xp, *saved)))

    return rule


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, tuple):
        return tuple(x if y is None else y if x is None else x + y for x, y in zip(a, b))  # noqa: B905
    return a + b


def _signature(forward: Rule) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    parameters = list(inspect.signature(forward).parameters.values())[1:]  # without xp
    inputs = tuple(p.name for p in parameters if p.kind != p.KEYWORD_ONLY)
    variadic = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    return inputs, variadic, tuple(p.name for p in parameters if p.kind == p.KEYWORD_ONLY)


def rule_names(rule: Rule, prefix: str) -> tuple[str, ...]:
    """What a rule asks to be kept: its parameters after `xp` (and after `ct` or `t`)."""
    names = tuple(inspect.signature(rule).parameters)
    return names[1:] if prefix == "d_" else names[2:]


def record(
    operation: Operation,
    mask: int,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    params: dict[str, Any],
    depth: int,
) -> OperationNode:
    """Make the node of one application and link its results to it.

    `depth` calls up is the first frame that may be the user's.
    """
    first = results[0]._data
    plan = operation.plan(mask, len(tensors), first.dtype.kind == "c")
    node = _make_node(operation, plan, tensors, results, depth + 1)
    if plan.constant_sources:
        node.constants = _constants(plan, tensors, params)
    if operation.several:
        _link_several(operation, node, results)
    else:
        node.shape, node.dtype = first.shape, first.dtype
        result = results[0]
        result._edge = (node, 0)
        result._requires_grad = True
    return node


def _make_node(
    operation: Operation,
    plan: Plan,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    depth: int,
) -> OperationNode:
    """The node, but for what describes its outputs.

    On the path of every recorded operation, so loops are plain and what can be read in place is
    not called: 0.7 µs where a tidier form took 2.4.
    """
    node: OperationNode = new(operation.node_class)
    edges = []
    for i in plan.needed:
        source = tensors[i]
        edge = source._edge
        if edge is None:  # a leaf; `accumulator`, inlined for the second and later uses
            meta = source._meta
            held = None if meta is None or meta.accumulator is None else meta.accumulator()
            edge = (accumulator(source) if held is None else held, 0)
        edges.append(edge)
    node.edges = edges
    node.seq = next_sequence_number()
    node.plan = plan
    node.hooks = node.versions = None
    node.constants = ()
    frame = getframe(depth)
    code = frame.f_code
    if is_internal.get(code.co_filename, True):
        node.where = (*origin.caller(depth + 1), state.module)
    else:
        node.where = (code, frame.f_lasti, state.module)
    if plan.saves_output:
        _save(node, plan, tensors, results)
    else:
        saved = []
        for i in plan.saved_inputs:
            t = tensors[i]
            if t._storage is not None and (t._storage.version or t._storage.inference):
                _save(node, plan, tensors, results)
                break
            saved.append(t)
        else:
            node.saved = saved
    return node


def _link_several(operation: Operation, node: OperationNode, results: Sequence[Tensor]) -> None:
    node.shape = node.dtype = None
    node.metas = tuple([(r._data.shape, r._data.dtype) for r in results])
    numbers: Sequence[int] = (
        operation.differentiable if len(operation.outputs) > 1 else range(len(results))
    )
    for number in numbers:
        result = results[number]
        if result._data.dtype.kind in "fcV":
            result._edge = (node, number)
            result._requires_grad = True


def _save(
    node: OperationNode, plan: Plan, tensors: Sequence[Tensor], results: Sequence[Tensor]
) -> None:
    """Keep what the plan's rules named: handles of inputs, aliases of outputs."""
    versions: list[int] | None = None
    saved: list[Tensor] = []
    for is_output, number in plan.saved_sources:
        if is_output:
            result = results[number]
            t: Tensor = new(Tensor)  # an alias: the output itself would make a cycle
            t._data = result._data
            t._requires_grad = False
            t._edge = t._view = t._meta = None
            t._storage = storage_of(result)
        else:
            t = tensors[number]
        storage = t._storage
        if storage is not None:
            if storage.inference:
                raise RuntimeError(
                    "Inference tensors cannot be saved for backward. To work around you can make "
                    "a clone to get a normal tensor and use it in autograd."
                )
            if storage.version:
                versions = versions or [0] * len(plan.saved_sources)
                versions[len(saved)] = storage.version
        saved.append(t)
    node.saved = saved
    node.versions = versions


def _constants(
    plan: Plan, tensors: Sequence[Tensor], params: dict[str, Any]
) -> list[Any]:
    """Shapes, dtypes and parameters that rules named."""
    values: list[Any] = []
    for where, key in plan.constant_sources:
        if where == "shape":
            values.append(tensors[key]._data.shape)
        elif where == "param":
            values.append(params[key] if key in params else plan.defaults[key])
        elif where == "dtype":
            values.append(tensors[key]._data.dtype)
        elif where == "shapes":
            values.append([t._data.shape for t in tensors[key:]])
        else:
            values.append([t._data.dtype for t in tensors[key:]])
    return values


def register(cls: type[Operation]) -> Callable[..., Callable[[type], Any]]:
    """The decorator of one kind: `@elementwise("tanh", samples=...)` over a class of rules."""

    def decorator(name: str, *, node: str | None = None, **options: Any) -> Callable[[type], Any]:
        def make(rules: type) -> Any:
            if name in REGISTRY:
                raise TypeError(f"operation {name} is defined twice")
            operation = REGISTRY[name] = cls(name, rules, node, options)
            return operation

        return make

    return decorator


elementwise = register(Elementwise)
linear = register(Linear)
general = register(General)
