"""Floor 2: plans: the backward of an operation, prepared once for each set of inputs that need it.

A plan says which values to save and holds a closure that turns a cotangent and the saved values
into the cotangents of those inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy import multiply, ndarray

if TYPE_CHECKING:
    from .operation import Operation

# Partial derivatives that are 1 or -1: marks, because comparing arrays with 1 would cost more than
# it saves.
ONE: Any = object()
MINUS_ONE: Any = object()

Pull = Callable[[Any, Any, list[Any]], Any]


class Plan:
    """The prepared backward: `needed` inputs, what is saved, and `pull(xp, ct, values)`."""

    __slots__ = (
        "needed",
        "count",
        "shown",
        "saved_names",
        "saved_sources",
        "saved_inputs",
        "saved_outputs",
        "saves_output",
        "saves_result",
        "constant_names",
        "constant_sources",
        "defaults",
        "last_input",
        "linked_outputs",
        "pull",
        "origin",
        "parts",
        "outputs",
    )

    needed: tuple[int, ...]
    count: int
    shown: tuple[int, ...]  # inputs that have a rule: what `next_functions` lists
    saved_names: tuple[str, ...]
    saved_sources: tuple[tuple[bool, int], ...]
    saved_inputs: tuple[int, ...]
    saved_outputs: tuple[int | None, ...]  # which output each saved value is
    saves_output: bool
    saves_result: bool  # that, the only output, and nothing else
    constant_names: tuple[str, ...]
    constant_sources: tuple[tuple[str, Any], ...]
    defaults: dict[str, Any]
    last_input: int
    linked_outputs: frozenset[int]
    pull: Pull
    origin: tuple[Any, dict[str, Any], bool]  # operation, places of values, whether complex
    parts: dict[tuple[bool, ...], Pull]
    outputs: tuple[str, ...]

    def part(self, wanted: tuple[bool, ...]) -> Pull:
        """A pull that computes only the cotangents wanted, in the order of `needed`, else None."""
        found = self.parts.get(wanted)
        if found is None:
            found = self.parts[wanted] = _narrowed(self, wanted)
        return found

    def spread(self, edges: Sequence[Any]) -> tuple[Any, ...]:
        """Edges (or cotangents) in the places of all differentiable inputs; else (None, 0)."""
        full: list[Any] = [(None, 0)] * self.count
        for i, edge in zip(self.needed, edges, strict=True):
            full[i] = edge
        return tuple([full[i] for i in self.shown])

    def output_number(self, name: str) -> int | None:
        """The number of the output called `name`, or None."""
        return self.outputs.index(name) if name in self.outputs else None

    def rule_number(self, position: int) -> int:
        """The number, as rules count, of the input at a position: variadic ones share the last."""
        return min(position, self.last_input)


def make_plan(operation: Operation, mask: int, count: int, is_complex: bool) -> Plan:
    """Prepare the backward of `operation` for the inputs set in `mask`, of `count` tensors."""
    plan = Plan()
    plan.needed = tuple(i for i in range(count) if mask >> i & 1)
    plan.count = count
    last = len(operation.inputs) - 1
    plan.shown = tuple([i for i in range(count) if min(i, last) in operation.vjps])
    plan.outputs = operation.outputs
    plan.linked_outputs = frozenset(operation.differentiable)
    numbers = _rule_numbers(operation, plan.needed)
    names: dict[str, None] = {}  # an ordered set
    for number in numbers:
        names.update(dict.fromkeys(operation.pull_names(number)))
    tensor_names = [n for n in names if operation.source(n)[0] in ("input", "output")]
    plan.constant_names = tuple(n for n in names if n not in tensor_names)
    plan.constant_sources = tuple(_constant_source(operation, n) for n in plan.constant_names)
    plan.defaults = operation.defaults
    plan.last_input = len(operation.inputs) - 1
    sources: list[tuple[bool, int]] = []
    saved_names: list[str] = []
    slices: dict[str, slice | int] = {}
    for name in tensor_names:
        where, number = operation.source(name)
        start = len(sources)
        if operation.variadic and where == "input" and number == len(operation.inputs) - 1:
            sources += [(False, i) for i in range(number, count)]
            slices[name] = slice(start, len(sources))
        elif where == "output" and operation.several and len(operation.outputs) == 1:
            raise TypeError(f"operation {operation.name}: a list of outputs cannot be saved")
        else:
            sources.append((where == "output", number))
            slices[name] = start
        saved_names += [name] * (len(sources) - start)
    for i, name in enumerate(plan.constant_names):
        slices[name] = len(sources) + i
    plan.saved_sources, plan.saved_names = tuple(sources), tuple(saved_names)
    plan.saves_output = any(is_output for is_output, _ in sources)
    plan.saves_result = sources == [(True, 0)] and 0 in operation.differentiable
    plan.saved_outputs = tuple(n if is_output else None for is_output, n in sources)
    plan.saved_inputs = tuple(i for is_output, i in sources if not is_output)
    plan.pull = _make_pull(operation, plan, plan.needed, slices, is_complex)
    plan.parts = {}
    plan.origin = operation, slices, is_complex
    return plan


def _narrowed(plan: Plan, wanted: tuple[bool, ...]) -> Pull:
    """The pull for some of the needed inputs, on the values that were saved for all."""
    operation, slices, is_complex = plan.origin
    places = [i for i, chosen in enumerate(wanted) if chosen]
    nothing = [None] * len(wanted)
    if not places:
        return lambda xp, ct, values: nothing
    inner = _make_pull(operation, plan, [plan.needed[i] for i in places], slices, is_complex)
    if len(places) == 1:
        before, after = tuple(nothing[: places[0]]), tuple(nothing[places[0] + 1 :])
        return lambda xp, ct, values: (*before, *inner(xp, ct, values), *after)

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        cts = nothing.copy()
        for i, g in zip(places, inner(xp, ct, values)):
            cts[i] = g
        return cts

    return pull


def _constant_source(operation: Operation, name: str) -> tuple[str, Any]:
    """Where to read a constant: (shape|dtype|shapes|dtypes, input number) or (param, name)."""
    where, number = operation.source(name)
    if where == "param":
        return where, name
    if operation.variadic and number == len(operation.inputs) - 1:
        return where + "s", number
    return where, number


def _rule_numbers(operation: Operation, needed: Sequence[int]) -> list[int]:
    """Input numbers as the rules count them: all variadic inputs share the last."""
    last = len(operation.inputs) - 1
    return list(dict.fromkeys(min(i, last) if operation.variadic else i for i in needed))


def _make_pull(
    operation: Operation,
    plan: Plan,
    needed: Sequence[int],
    slices: dict[str, slice | int],
    is_complex: bool,
) -> Pull:
    numbers = _rule_numbers(operation, needed)
    rules = [operation.pull_rule(n, is_complex) for n in numbers]
    picks = [tuple(slices[name] for name in operation.pull_names(n)) for n in numbers]
    if operation.variadic and len(operation.inputs) - 1 in numbers:
        return _pull_variadic(operation, needed, rules, picks)
    if not any(picks) and len(rules) > 1:
        return _pull_nothing(rules, operation)
    total = len(plan.saved_names) + len(plan.constant_names)
    partials = [operation.partial(n) for n in numbers] if not is_complex else [None]
    if len(rules) == 1 and picks[0] == tuple(range(total)):
        return _pull_all(rules[0]) if partials[0] is None else _pull_partial(partials[0])
    if len(rules) == 2 and len(picks[0]) == len(picks[1]) == 1:
        return _pull_two(rules, picks) if None in partials else _pull_partials(partials, picks)
    if len(rules) == 1 and len(picks[0]) == 1:
        return _pull_one(rules[0], picks[0])
    return _pull_each(rules, picks)


# Closures for the common cases; each is measured against _pull_each, which serves them all.
def _pull_nothing(rules: Sequence[Any], operation: Operation) -> Pull:
    """Sums and differences: nothing is saved."""
    if len(rules) == 2 and all(p is ONE for p in operation.vjps.values()):
        return lambda xp, ct, values: (ct, ct)

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        return [rule(xp, ct) for rule in rules]

    return pull


# The operator `*` lets NumPy reuse the partial's buffer, which saves page faults on large arrays;
# on small ones calling the ufunc is 180 ns faster.
SMALL = 8192


def _pull_partial(partial: Any) -> Pull:
    """One input of an elementwise operation: cotangent times partial derivative."""
    if _is_identity(partial):
        return lambda xp, ct, values: (xp.multiply(ct, values[0]),)

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        factor = partial(xp, values[0]) if len(values) == 1 else partial(xp, *values)
        if ct.__class__ is ndarray and ct.size < SMALL:
            return (multiply(ct, factor),)
        return (ct * factor,)

    return pull


def _pull_partials(partials: Sequence[Any], picks: Sequence[Any]) -> Pull:
    """Two inputs of an elementwise operation, one value each: products."""
    first, second = partials
    ((i,), (j,)) = picks
    if _is_identity(first) and _is_identity(second):
        return lambda xp, ct, values: (xp.multiply(ct, values[i]), xp.multiply(ct, values[j]))

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        factor, other = first(xp, values[i]), second(xp, values[j])
        if ct.__class__ is ndarray and ct.size < SMALL:
            return multiply(ct, factor), multiply(ct, other)
        return ct * factor, ct * other

    return pull


def _is_identity(partial: Any) -> bool:
    """Whether a partial derivative is the saved value itself, as in a product: not worth a call."""
    mark = object()
    try:
        return partial(None, mark) is mark
    except (AttributeError, TypeError):  # it computes something
        return False


def _pull_all(rule: Any) -> Pull:
    """One input: the rule takes every value, in order."""

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        if len(values) == 1:  # spares building a tuple of arguments
            return (rule(xp, ct, values[0]),)
        return (rule(xp, ct, *values),)

    return pull


def _pull_one(rule: Any, pick: Sequence[Any]) -> Pull:
    """One input that takes one of several values: a part of a product's backward."""
    (i,) = pick
    return lambda xp, ct, values: (rule(xp, ct, values[i]),)


def _pull_two(rules: Sequence[Any], picks: Sequence[Any]) -> Pull:
    """Two inputs, one value each: products."""
    first, second = rules
    ((i,), (j,)) = picks

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        return first(xp, ct, values[i]), second(xp, ct, values[j])

    return pull


def _pull_each(rules: Sequence[Any], picks: Sequence[Any]) -> Pull:
    """Any number of inputs, each with its rule, the number of its values and their places."""
    each = tuple([(rule, len(pick), pick) for rule, pick in zip(rules, picks, strict=True)])

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        cts = []
        for rule, count, pick in each:  # spelled out: tuples of arguments cost 0.2 µs a rule
            if count == 1:
                cts.append(rule(xp, ct, values[pick[0]]))
            elif count == 0:
                cts.append(rule(xp, ct))
            else:
                cts.append(rule(xp, ct, *[values[i] for i in pick]))
        return cts

    return pull


def _pull_variadic(
    operation: Operation, needed: Sequence[int], rules: Sequence[Any], picks: Any
) -> Pull:
    """The last input is a list: its rule returns a cotangent for each, of which some are needed."""
    last = len(operation.inputs) - 1
    single = _pull_each(rules[:-1], picks[:-1])
    rule, pick = rules[-1], picks[-1]
    wanted = [i - last for i in needed if i >= last]

    def pull(xp: Any, ct: Any, values: list[Any]) -> Any:
        found = rule(xp, ct, *[values[i] for i in pick])
        return [*single(xp, ct, values), *[found[i] for i in wanted]]

    return pull
