"""Floor 2: Taylor mode: an operation on truncated Taylor series, by its jvp rule.

y(t) = f(x(t)) has y' = J(x(t)) x'(t): coefficient k + 1 of y follows from coefficients 0 to k of J
and x'. J is what the operation's own rule computes, evaluated on series that know only their first
coefficients yet (`Growing`), y itself among them. So a rule is a recurrence, as they stand in
Griewank and Walther, Evaluating Derivatives (2008), table 13.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from numpy import empty, ndarray

from ..autograd.lifted import Level, Series, lift
from ..autograd.modes import state
from ..autograd.tensor import Tensor, wrap
from . import arithmetic
from .plan import MINUS_ONE, ONE
from .tangents import input_number, tangents_of


class Growing(Series):
    """A series while it is computed: `compute(k)` gives coefficient k, from k = 1, in order."""

    __slots__ = ("known", "compute")

    def __init__(self, level: Level, first: Tensor, compute: Callable[[int], Any]) -> None:
        super().__init__(level, (first,))
        self.known: list[Any] = [first]
        self.compute = compute

    def parts(self) -> tuple[Tensor | None, ...]:
        return tuple(self.known)

    def term(self, k: int) -> Any:
        known = self.known
        while len(known) <= k:
            known.append(self.compute(len(known)))
        return known[k]


def apply_series(
    operation: Any, level: Level, tensors: Sequence[Tensor], params: dict[str, Any]
) -> list[Any]:
    """Outputs as Series, also those that do not move.

    What a rule asks for while it is a recurrence grows with it; the same operation on the same
    values is then the same series (cos' = -sin ends the recursion). Everything else is computed at
    once, to the order of the inputs, so that nothing is nested deeper than a rule.
    """
    series = [_series_of(t, level) for t in tensors]
    asked = level.asked
    if asked is not None:
        key = (operation, *[id(s) for s in series], *map(_same, params.items()))
        held = asked.get(key)
        if held is None:
            found = _outputs(operation, level, tensors, series, params)
            asked[key] = held = (found, series, params)  # held: no other gets the ids in the key
        outputs: list[Any] = held[0]
        return outputs
    order = max([len(s.terms) for s in series if s.__class__ is Series])
    level.asked = {}
    try:
        outputs = _outputs(operation, level, tensors, series, params)
        for k in range(1, order):  # in ascending order, outputs of one operation together
            for out in outputs:
                if out.__class__ is Growing:
                    out.term(k)
    finally:
        level.asked = None
    return [Series(level, o.known) if o.__class__ is Growing else o for o in outputs]


def _same(param: tuple[str, Any]) -> Any:
    """What two parameters of one meaning have in common, to be looked up."""
    name, value = param
    try:
        hash(value)
    except TypeError:
        return name, id(value)
    return name, type(value), value


def _series_of(t: Tensor, level: Level) -> Any:
    """The Series of a Tensor at a level; a constant is itself."""
    data = t._data
    return data if isinstance(data, Series) and data.level is level else t


def _term(s: Any, k: int) -> Any:
    """Coefficient k of a series, or of a constant; None for zero."""
    if s.__class__ is Growing:
        return s.term(k)
    if s.__class__ is Series:
        return s.terms[k] if k < len(s.terms) else None
    return None if k else s


def _moves(s: Any) -> bool:
    return s.__class__ is Growing or (
        s.__class__ is Series and any(term is not None for term in s.terms[1:])
    )


def _outputs(
    operation: Any, level: Level, tensors: Sequence[Tensor], series: Sequence[Any], params: Any
) -> list[Any]:
    """What the operation returns, as Series whose coefficients are yet to be computed."""
    moving = [i for i, s in enumerate(series) if _moves(s)]
    found = operation(*[_term(s, 0) for s in series], **params)
    firsts: Sequence[Tensor] = found if operation.several else (found,)
    if not moving:
        return [Series(level, (first,)) for first in firsts]
    compute: Any
    if _is_bilinear(operation) and len(moving) > 1:
        compute = _product(operation, series, moving, params)
    elif operation is arithmetic.div and 1 in moving:
        return [_quotient(level, firsts[0], *series)]
    elif operation.kind == "linear" or operation is arithmetic.mul:
        compute = _termwise(operation, series, moving, params)
    elif _is_sum(operation, moving):
        compute = _summed(operation, series, moving, firsts[0])
    else:
        return _integrated(operation, level, tensors, series, firsts, params)
    if operation.several:
        return [Growing(level, f, partial(_output, compute, j)) for j, f in enumerate(firsts)]
    return [Growing(level, firsts[0], compute)]


def _output(compute: Callable[[int], Any], j: int, k: int) -> Any:
    """Coefficient k of output j of several."""
    found = compute(k)
    return None if found is None else found[j]


def _is_bilinear(operation: Any) -> bool:
    return operation is arithmetic.mul or (operation.kind == "linear" and not operation.variadic)


def _is_sum(operation: Any, moving: Sequence[int]) -> bool:
    """Whether the partial derivatives by what moves are 1 or -1."""
    return operation.kind == "elementwise" and all(
        operation.vjps.get(i) in (ONE, MINUS_ONE) for i in moving
    )


def _summed(
    operation: Any, series: Sequence[Any], moving: Sequence[int], out: Tensor
) -> Callable[[int], Any]:
    """Partial derivatives of 1 and -1: coefficients are sums and differences."""

    def compute(k: int) -> Any:
        total = None
        for i in moving:
            term = _term(series[i], k)
            if term is None:
                continue
            term = -term if operation.vjps[i] is MINUS_ONE else term
            total = term if total is None else total + term
        if total is None or total._data.shape == out._data.shape:
            return total
        return total.broadcast_to(out._data.shape)

    return compute


def _product(
    operation: Any, series: Sequence[Any], moving: Sequence[int], params: dict[str, Any]
) -> Callable[[int], Any]:
    """Cauchy's product: out[k] = sum of a[i] b[k - i]."""
    first, second = moving
    a, b = series[first], series[second]
    if operation is arithmetic.mul:
        return Convolution(a, b).term
    firsts = [_term(s, 0) for s in series]

    def compute(k: int) -> Any:
        total = None
        for i in range(k + 1):
            left, right = _term(a, i), _term(b, k - i)
            if left is None or right is None:
                continue
            args = list(firsts)
            args[first], args[second] = left, right
            part = operation(*args, **params)
            total = part if total is None else total + part
        return total

    return compute


def _quotient(level: Level, first: Tensor, x: Any, y: Any) -> Growing:
    """out y = x, solved for out[k]: its own rule divides by ever higher powers of y."""

    def compute(k: int) -> Any:
        known, above = convolution.term(k, k), _term(x, k)
        if known is None:
            return above if above is None else above / divisor
        return (-known if above is None else above - known) / divisor

    divisor = _term(y, 0)
    out = Growing(level, first, compute)
    convolution = Convolution(out, y)
    return out


class Convolution:
    """Coefficients of an elementwise product of two series.

    Where nothing is recorded below, the coefficients of each factor are in one array, and one of
    the product is a multiplication and a sum: as many array operations as orders, where the sum
    term by term takes their square.
    """

    __slots__ = ("factors", "stacks", "usable")

    def __init__(self, *factors: Any) -> None:
        self.factors = factors
        self.stacks: list[Any] = [None, None]
        self.usable = True

    def term(self, k: int, stop: int | None = None) -> Any:
        """The sum of a[i] b[k - i] for i < stop (without it to k); None for zero."""
        stop = k + 1 if stop is None else stop
        a, b = self.factors
        if self.usable and self._fill(0, stop) and self._fill(1, k + 1):
            left, right = self.stacks
            return wrap((left[:stop] * right[k : k - stop if k >= stop else None : -1]).sum(0))
        self.usable = False
        total = None
        for i in range(stop):
            left, right = _term(a, i), _term(b, k - i)
            if left is not None and right is not None:
                total = left * right if total is None else total + left * right
        return total

    def _fill(self, place: int, count: int) -> bool:
        """Bring the array of a factor up to `count` coefficients; False where they do not fit."""
        stack, first = self.stacks[place], _term(self.factors[place], 0)._data
        for i in range(0 if stack is None else count - 1, count):
            term = _term(self.factors[place], i)
            data = 0 if term is None else term._data
            if term is not None and (
                data.__class__ is not ndarray
                or data.shape != first.shape
                or (term._requires_grad and state.grad)
            ):
                return False
            if stack is None or i >= len(stack):
                rank = max([_term(s, 0)._data.ndim for s in self.factors])  # for broadcasting
                shape = (1,) * (rank - first.ndim) + first.shape
                longer = empty((2 * i + 8, *shape), first.dtype)
                if stack is not None:
                    longer[:i] = stack[:i]
                stack = self.stacks[place] = longer
            stack[i] = data
        return True


def _termwise(
    operation: Any, series: Sequence[Any], moving: Sequence[int], params: dict[str, Any]
) -> Callable[[int], Any]:
    """Each coefficient alone: of what does not move together, the later ones are zero."""
    together = [
        i
        for i in range(len(series))
        if i in moving or (operation.variadic and input_number(operation, i) in operation.vjps)
    ]
    firsts = [_term(s, 0) for s in series]
    latest: list[Any] = [0, None]  # outputs of one operation ask for the same column

    def compute(k: int) -> Any:
        if latest[0] != k:
            terms = [_term(s, k) if i in together else firsts[i] for i, s in enumerate(series)]
            if all(terms[i] is None for i in together):
                latest[:] = k, None
            else:
                filled = [0 * f if t is None else t for t, f in zip(terms, firsts)]
                latest[:] = k, operation(*filled, **params)
        return latest[1]

    return compute


def _integrated(
    operation: Any,
    level: Level,
    tensors: Sequence[Tensor],
    series: Sequence[Any],
    firsts: Sequence[Tensor],
    params: dict[str, Any],
) -> list[Any]:
    """(k + 1) y[k + 1] is coefficient k of J(x) x'; J may name y itself."""
    slopes: list[Any] = []

    def compute(j: int, k: int) -> Any:
        if not slopes:
            tangents = [_derivative(level, s) if _moves(s) else None for s in series]
            known = [lift(out) for out in outs]
            moved = tangents_of(operation, tensors, tangents, known, params)
            slopes.extend([s if s is None else _series_of(s, level) for s in moved])
        slope = slopes[j]
        term = None if slope is None else _term(slope, k - 1)
        return None if term is None else term / k

    outs = [Growing(level, first, partial(compute, j)) for j, first in enumerate(firsts)]
    return outs


def _derivative(level: Level, s: Any) -> Tensor:
    """x'(t): coefficient k is (k + 1) x[k + 1]."""

    def compute(k: int) -> Any:
        term = _term(s, k + 1)
        return term if term is None else (k + 1) * term

    first = compute(0)
    return lift(Growing(level, 0 * _term(s, 0) if first is None else first, compute))
