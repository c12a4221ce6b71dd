"""Floor 1: custom_vjp and custom_jvp: derivatives for plain functions, by decorators.

Both are custom Functions underneath. Derivatives of every order are right: when a backward is
itself differentiated, the rule runs again on the graph's own tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import modes
from .derivatives import grad
from .function import Function
from .lifted import Level, constant_at, top_level
from .modes import enable_grad, state
from .tensor import Tensor, wrap

__all__ = ["custom_jvp", "custom_vjp"]


class _Custom:
    """A function of tensors, decorated; the subclasses say what its rule is."""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.signature = inspect.signature(fun)
        self.function: type[Function] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function is None:
            what = "VJP" if isinstance(self, custom_vjp) else "JVP"
            raise AttributeError(
                f"No {what} defined for {type(self).__name__} function {self._name()} using "
                f"def{what.lower()}."
            )
        if kwargs or len(args) < len(self.signature.parameters):
            bound = self.signature.bind(*args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                raise TypeError(
                    f"{type(self).__name__} function {self._name()} cannot have keyword-only "
                    f"arguments ({', '.join(bound.kwargs)}): a rule takes all of them by position"
                )
            args = bound.args
        if state.grad or modes.lifted:
            for i in self._positions(len(args)):
                self._expect_plain(args[i], f"argument {i}")
        tensors = [a for a in args if isinstance(a, Tensor)]
        tracked = state.grad and any(t.requires_grad for t in tensors)
        if tracked or (modes.lifted and top_level(tensors) is not None):
            output = self.function.apply(*args)
            for part in output if isinstance(output, tuple) else (output,):
                self._expect_plain(part, "its output")
            return output
        return self.fun(*args)

    def _expect_plain(self, value: Any, what: str) -> None:
        """Refuse tensors inside a container, which the rule would not be asked about."""
        if not isinstance(value, (dict, list, tuple)):
            return
        held: list[Tensor] = []
        _take_out(value, held)
        if any(t._data.dtype.kind in "fcV" for t in held):
            raise TypeError(
                f"{type(self).__name__} function {self._name()}: {what} is a "
                f"{type(value).__name__} of tensors, for which a rule gives no derivative. Pass "
                "tensors as arguments of their own and return a tensor or a tuple of tensors; an "
                "argument without derivative is named in nondiff_argnums"
            )

    def _name(self) -> str:
        return getattr(self.fun, "__name__", "function")

    def _define(self, forward: Any, backward: Any, jvp: Any = None) -> None:
        """The Function that does the work; its nodes are named after the decorated function."""
        rules: dict[str, Any] = {
            "forward": staticmethod(forward),
            "backward": staticmethod(backward),
            "generate_vmap_rule": True,
        }
        if jvp is not None:
            rules["jvp"] = staticmethod(jvp)
        self.function = type(self._name(), (Function,), rules)

    def _positions(self, count: int) -> list[int]:
        """Positions of the arguments that have a derivative."""
        return [i for i in range(count) if i not in self.nondiff_argnums]

    def _fixed(self, args: Sequence[Any]) -> list[Any]:
        """The arguments without derivative, which rules take first."""
        return [args[i] for i in self.nondiff_argnums]


class custom_vjp(_Custom):
    """Give a function its own backward: `f.defvjp(fwd, bwd)`.

    `fwd(*args)` returns (output, residuals); `bwd(residuals, ct)` the cotangents of the arguments,
    a tuple, None where there is none. `ct` is a tuple when the output is one. Arguments in
    `nondiff_argnums` have no derivative, and bwd takes them before the residuals.

    >>> @torch.autograd.custom_vjp
    ... def double(x):
    ...     return 2 * x
    >>> double.defvjp(lambda x: (2 * x, None), lambda residuals, ct: (2 * ct,))
    >>> x = torch.tensor(1.0, requires_grad=True)
    >>> double(x).backward()
    >>> x.grad
    tensor(2.)
    """

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule: `fwd(*args) -> (output, residuals)`, `bwd(residuals, ct) -> cts`."""

        def forward(ctx: Any, *args: Any) -> Any:
            found = fwd(*args)
            if not isinstance(found, tuple) or len(found) != 2:
                raise TypeError(
                    f"custom_vjp: the fwd of {self._name()} must return a pair (output, "
                    f"residuals), but it returned {type(found).__name__}"
                )
            output, residuals = found
            ctx.several = isinstance(output, tuple)
            tensors: list[Tensor] = []
            ctx.residuals = _take_out(residuals, tensors)
            ctx.count = len(tensors)
            known = [id(t) for t in (*args, *(output if ctx.several else (output,)))]
            ctx.again = any(id(t) not in known for t in tensors)
            inputs: list[Tensor] = []
            ctx.inputs = _take_out(args, inputs)
            ctx.save_for_backward(*tensors, *(inputs if ctx.again or self.nondiff_argnums else ()))
            return output

        def backward(ctx: Any, *cts: Any) -> Any:
            saved = ctx.saved_tensors
            residuals = _put_back(ctx.residuals, saved[: ctx.count])
            args = _put_back(ctx.inputs, saved[ctx.count :]) if len(saved) > ctx.count else ()
            if ctx.again and state.grad:  # residuals made by fwd depend on the inputs
                residuals = fwd(*args)[1]
            ct = cts if ctx.several else cts[0]
            found = bwd(*self._fixed(args), residuals, ct)
            return self._spread(found, len(ctx.needs_input_grad))

        def jvp(ctx: Any, *tangents: Any) -> Any:
            raise NotImplementedError(
                f"forward mode (jvp) of {self._name()}: a custom_vjp function has a backward rule "
                "only; decorate it with custom_jvp, whose rule serves both modes"
            )

        self._define(forward, backward, jvp)

    def _spread(self, found: Any, count: int) -> tuple[Any, ...]:
        """Cotangents in the places of all arguments."""
        places = self._positions(count)
        given = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        if len(given) != len(places):
            raise TypeError(
                f"custom_vjp: the bwd of {self._name()} must return one cotangent for each of "
                f"{len(places)} arguments (None where there is none), but it returned {len(given)}"
            )
        full: list[Any] = [None] * count
        for place, ct in zip(places, given, strict=True):
            full[place] = ct
        return tuple(full)


class custom_jvp(_Custom):
    """Give a function its own forward derivative, which serves backward too: `f.defjvp(rule)`.

    `rule(primals, tangents)` returns (output, tangent of the output) and is linear in the tangents;
    an argument that has none (a number, an integer tensor) has the tangent None. Arguments in
    `nondiff_argnums` have no derivative, and the rule takes them before the primals.

    >>> @torch.autograd.custom_jvp
    ... def square(x):
    ...     return x * x
    >>> @square.defjvp
    ... def _(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return x * x, 2 * x * t
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> square(x).backward()
    >>> x.grad
    tensor(6.)
    """

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: `rule(primals, tangents) -> (output, tangent)`; returns it."""

        def forward(ctx: Any, *args: Any) -> Any:
            inputs: list[Tensor] = []
            ctx.inputs = _take_out(args, inputs)
            ctx.save_for_backward(*inputs)
            if modes.lifted:  # kept by the context, so only where forward mode may ask for them
                ctx.save_for_forward(*inputs)
            return self.fun(*args)

        def push(args: Sequence[Any], tangents: Sequence[Any]) -> Any:
            primals = [args[i] for i in self._positions(len(args))]
            found = rule(*self._fixed(args), tuple(primals), tuple(tangents))
            if not isinstance(found, tuple) or len(found) != 2:
                raise TypeError(
                    f"custom_jvp: the rule of {self._name()} must return a pair (output, tangent), "
                    f"but it returned {type(found).__name__}"
                )
            return found[1]

        def backward(ctx: Any, *cts: Any) -> Any:
            return self._transpose(push, _put_back(ctx.inputs, ctx.saved_tensors), ctx, cts)

        def jvp(ctx: Any, *tangents: Any) -> Any:
            args = _put_back(ctx.inputs, ctx.saved_tensors)
            return push(args, [tangents[i] for i in self._positions(len(args))])

        self._define(forward, backward, jvp)
        return rule

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one rule per argument, `jvp(t, output, *primals)`; None where there is none."""

        def rule(*given: Any) -> Any:
            *fixed, primals, tangents = given
            output = self(*self._interleaved(fixed, primals))
            parts = [
                jvp(t, output, *primals)
                for jvp, t in zip(jvps, tangents, strict=True)
                if jvp is not None and t is not None
            ]
            return output, sum(parts[1:], parts[0])

        self.defjvp(rule)

    def _interleaved(self, fixed: Sequence[Any], primals: Sequence[Any]) -> list[Any]:
        """All arguments in their order."""
        first, second = iter(fixed), iter(primals)
        total = len(fixed) + len(primals)
        by_place = {i: next(first) for i in self.nondiff_argnums}
        return [by_place[i] if i in by_place else next(second) for i in range(total)]

    def _transpose(
        self, push: Callable[..., Any], args: Sequence[Any], ctx: Any, cts: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The cotangents of the arguments: the rule, differentiated by its tangents at 0."""
        again = state.grad
        places = self._positions(len(args))
        with enable_grad():
            if not again:
                args = [a.detach() if isinstance(a, Tensor) else a for a in args]
            level = top_level([a for a in (*args, *cts) if isinstance(a, Tensor)])
            tangents = [_zero_tangent(args[i], ctx.needs_input_grad[i], level) for i in places]
            moved = push(args, tangents)
            moved = moved if isinstance(moved, tuple) else (moved,)
            wanted = [t for t in tangents if t is not None and t.requires_grad]
            pairs = [
                (m, ct)
                for m, ct in zip(moved, cts, strict=True)
                if isinstance(m, Tensor) and m.requires_grad and ct is not None
            ]
            outs, given = [m for m, _ in pairs], [ct for _, ct in pairs]
            found = iter(
                grad(outs, wanted, given, create_graph=again, allow_unused=True) if outs else ()
            )
        full: list[Any] = [None] * len(args)
        for place, t in zip(places, tangents, strict=True):
            if t is not None and t.requires_grad:
                full[place] = next(found, None)
        return tuple(full)


def _zero_tangent(primal: Any, moves: bool, level: Level | None) -> Tensor | None:
    """The tangent 0 of an argument; it requires grad where a cotangent is wanted."""
    if not isinstance(primal, Tensor) or primal._data.dtype.kind not in "fcV":
        return None
    zero: Tensor = wrap(np.zeros(primal._data.shape, primal.dtype.numpy))
    if level is not None:
        zero = constant_at(level, zero)
    return zero.requires_grad_(moves)


class _Slot:
    """The place of a tensor that was taken out of a structure."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _take_out(tree: Any, tensors: list[Tensor]) -> Any:
    """The structure with its tensors moved to a list, so that they can be saved with checks."""
    if isinstance(tree, Tensor):
        tensors.append(tree)
        return _Slot(len(tensors) - 1)
    return _mapped(tree, lambda leaf: _take_out(leaf, tensors))


def _put_back(tree: Any, tensors: Sequence[Any]) -> Any:
    """The structure with its tensors in their places again."""
    if isinstance(tree, _Slot):
        return tensors[tree.number]
    return _mapped(tree, lambda leaf: _put_back(leaf, tensors))


def _mapped(tree: Any, f: Callable[[Any], Any]) -> Any:
    """A function applied to what tuples, lists and dictionaries hold; other values stay."""
    if isinstance(tree, dict):
        return {key: f(value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        values = [f(value) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)
    return tree
