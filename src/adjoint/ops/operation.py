"""Floor 2: the kinds of operation, and the registry that the tests and the documentation read.

An operation is written once, as rules over an array namespace `xp`; see docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .application import Operation
from .definition import Rule, rule_names
from .plan import MINUS_ONE, ONE

REGISTRY: dict[str, Operation] = {}


class Elementwise(Operation):
    """Author writes forward and one partial derivative per input; the rest is derived.

    vjp: ct * conj(d_x), jvp: d_x * t. `d_x = ONE` says the partial is 1. Where one operation can
    do it, `times_d_x(xp, ct, ...)` is that product for real numbers, of the same names.
    """

    kind = "elementwise"
    prefix = "d_"

    def pull_rule(self, i: int, is_complex: bool) -> Rule:
        partial = self.vjps[i]
        if partial is ONE:
            return _identity
        if partial is MINUS_ONE:
            return _negate
        product = self.products.get(i)
        if product is not None and not is_complex:
            return product
        return _times_conjugate(partial) if is_complex else _times(partial)

    def partial(self, i: int) -> Rule | None:
        partial = self.vjps[i]
        return None if partial in (ONE, MINUS_ONE) or i in self.products else partial

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
        last = len(self.inputs) - 1
        if self.variadic and i >= last:  # linear in all of the list together
            moved = [p if j < last else xp.zeros_like(p) for j, p in enumerate(primals)]
            moved[i] = t
            return self.forward(xp, *moved, **params)
        moved = [t if j == i else p for j, p in enumerate(primals)]
        return self.forward(xp, *moved, **params)


class General(Operation):
    """Author writes forward, `vjp_` and `jvp_` for each input that has a derivative."""


def _identity(xp: Any, ct: Any) -> Any:
    return ct


def _negate(xp: Any, ct: Any) -> Any:
    return xp.negative(ct)


def _times(partial: Rule) -> Rule:
    def rule(xp: Any, ct: Any, *saved: Any) -> Any:
        return ct * partial(xp, *saved)

    return rule


def _times_conjugate(partial: Rule) -> Rule:
    def rule(xp: Any, ct: Any, *saved: Any) -> Any:
        return xp.multiply(ct, xp.conj(partial(xp, *saved)))

    return rule


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
