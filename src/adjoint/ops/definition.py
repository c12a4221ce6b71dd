"""Floor 2: the definition of an operation: its rules, and what follows from them without Tensors.

The names of a rule's parameters say what it needs kept: inputs, outputs, parameters, or
`<input>_shape` and `<input>_dtype`. A missing rule or an unknown name fails at import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..autograd.tape import node_class

Rule = Callable[..., Any]


class Definition:
    """One operation as its author wrote it: rules, outputs, documentation, samples."""

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
        # Whether torch's backward takes an input on which it does not depend.
        constant: bool = options.pop("constant", False)
        self.keeps_dtype: bool = options.pop("keeps_dtype", True)
        self.samples: Callable[[], Iterable[Any]] = options.pop("samples")
        self.reference: Rule | None = options.pop("reference", None)
        self.laws: frozenset[str] = frozenset(options.pop("except_laws", ()))
        if options:
            raise TypeError(f"operation {name}: unknown options {sorted(options)}")
        self.rules = {k: v for k, v in rules.__dict__.items() if not k.startswith("__")}
        self.vjps = self._collect(self.prefix)
        self.jvps = self._collect("jvp_")
        self.products = self._collect("times_d_")
        self._check_rules()
        node_name = node or "".join(part.capitalize() for part in name.split("_")) + "Backward0"
        kept = (*self.inputs, *self.outputs, *self.params, f"{self.inputs[0]}_shape")
        self.node_class = node_class(node_name, self, kept)
        self.node_class.constant = constant

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
            if key.startswith("times_d_") and self.prefix == "d_":
                self._check_product(key, rule)
                continue
            if not key.startswith((self.prefix, "jvp_")) and key not in known:
                raise TypeError(f"operation {self.name}: {key} is not a rule of a {self.kind} one")
            if callable(rule) and key not in known:
                prefix = self.prefix if key.startswith(self.prefix) else "jvp_"
                for name in rule_names(rule, prefix):
                    self.source(name)
        missing = set(self.vjps) - set(self.jvps) if self.kind == "general" else ()
        if missing:
            names = [self.inputs[i] for i in missing]
            raise TypeError(f"operation {self.name}: no jvp rule for {names}")

    def _check_product(self, key: str, rule: Rule) -> None:
        partial = self.rules.get(key.removeprefix("times_"))
        if not callable(partial) or rule_names(rule, "jvp_") != rule_names(partial, "d_"):
            raise TypeError(
                f"operation {self.name}: {key} has to take xp, ct and what "
                f"{key.removeprefix('times_')} takes"
            )

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

    def pull_rule(self, i: int, is_complex: bool) -> Rule:
        """The rule `(xp, ct, *saved) -> cotangent` for input i."""
        rule: Rule = self.vjps[i]
        return rule

    def partial(self, i: int) -> Rule | None:
        """The partial derivative that the cotangent is multiplied by, where there is just that."""
        return None

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
        asked = primals[number : number + 1] if of is None else of
        values = [getattr(p, "_data", p) for p in asked]
        found = tuple([v.shape if where == "shape" else v.dtype for v in values])
        return found[0] if of is None else found

    @property
    def defaults(self) -> dict[str, Any]:
        """Default values of the parameters."""
        return dict(getattr(self.forward, "__wrapped__", self.forward).__kwdefaults__ or {})

    def transpose_view(
        self, xp: Any, ct: Any, shape: Any, dtype: Any, params: dict[str, Any], output: int | None
    ) -> Any:
        """The transpose of one view of this linear operation, for ViewStep."""
        names = rule_names(self.vjps[0], self.prefix)
        known = {f"{self.inputs[0]}_shape": shape, f"{self.inputs[0]}_dtype": dtype}
        values = [known[n] if n in known else {**self.defaults, **params}[n] for n in names]
        return self.vjps[0](xp, ct if output is None else {output: ct}, *values)


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, tuple):
        return tuple(x if y is None else y if x is None else x + y for x, y in zip(a, b))
    return a + b


def _signature(forward: Rule) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Names of the array inputs, whether the last is a list of them, names of the parameters.

    Read off the code object: `inspect.signature` would take half of the time to import adjoint.
    """
    code = getattr(forward, "__wrapped__", forward).__code__
    names, last = code.co_varnames, code.co_argcount + code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    inputs = names[1 : code.co_argcount] + (names[last : last + 1] if variadic else ())
    return inputs, variadic, names[code.co_argcount : last]


def rule_names(rule: Rule, prefix: str) -> tuple[str, ...]:
    """What a rule asks to be kept: its parameters after `xp` (and after `ct` or `t`)."""
    names = rule.__code__.co_varnames[: rule.__code__.co_argcount]
    return names[1:] if prefix == "d_" else names[2:]
