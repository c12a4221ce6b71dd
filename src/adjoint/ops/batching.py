"""Floor 2: vmap: an operation on all examples of a batch at once, its first axis hidden.

Most operations need no rule of their own: elementwise ones line their inputs up, and where every
parameter has a name whose meaning is known (`dim`, `shape`, `key` ...) it is moved past the hidden
axis. The others have a rule in `batching_rules`, are composed of operations that have one, or run
one example at a time. Knows Tensors of the levels below, nothing of the level itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

from ..autograd import engine
from ..autograd.lifted import Batched, Level, lift
from ..autograd.modes import state
from ..autograd.tensor import Tensor
from . import joining, shape


class Call:
    """One application: `values` of which those in `batched` have the hidden axis first."""

    __slots__ = ("operation", "level", "values", "batched", "params")

    def __init__(
        self,
        operation: Any,
        level: Level,
        values: list[Tensor],
        batched: list[bool],
        params: dict[str, Any],
    ) -> None:
        self.operation = operation
        self.level = level
        self.values = values
        self.batched = batched
        self.params = params

    @property
    def size(self) -> int:
        """How many examples there are."""
        return self.level.size

    def rank(self, i: int) -> int:
        """The dimensions of input i as the operation sees it."""
        return len(self.values[i]._data.shape) - self.batched[i]

    def of(self, i: int) -> tuple[int, ...]:
        """The shape of input i as the operation sees it."""
        seen: tuple[int, ...] = self.values[i]._data.shape[self.batched[i] :]
        return seen

    def whole(self, i: int) -> Tensor:
        """Input i with the hidden axis, repeated without a copy when it has none."""
        return self.values[i] if self.batched[i] else spread(self.values[i], self.size)

    def lined_up(self, i: int, rank: int) -> Tensor:
        """Input i with dimensions of size 1 after the hidden axis, to broadcast as `rank`."""
        value = self.values[i]
        missing = rank - self.rank(i)
        if not self.batched[i] or missing <= 0:
            return value
        array = value._data
        sizes = (array.shape[0], *(1,) * missing, *array.shape[1:])
        return reshaped(value, sizes)

    def one_run(self, i: int) -> Tensor:
        """Input i with all its dimensions as one, after the hidden axis."""
        return reshaped(self.whole(i), (self.size, prod(self.of(i))))

    # Examples that hold batches of their own: n axes become one.
    def merged(self, i: int) -> Tensor:
        """Input i with the hidden axis and its first merged."""
        x = self.whole(i)
        sizes = x._data.shape
        return reshaped(x, (sizes[0] * sizes[1], *sizes[2:]))

    def apart(self, t: Tensor) -> Tensor:
        """The other way round."""
        sizes = t._data.shape
        return reshaped(t, (self.size, sizes[0] // max(self.size, 1), *sizes[1:]))


Rule = Callable[[Call], Any]
RULES: dict[str, Rule] = {}  # by the operation's name; filled by `batching_rules`
_found: dict[Any, Rule] = {}  # by the operation: what `rule_of` has found


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Make a function the batching rule of the operations named."""

    def decorate(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        _found.clear()
        return f

    return decorate


def spread(t: Tensor, size: int) -> Tensor:
    """The same for every example, without a copy."""
    found: Tensor = shape.expand(t, shape=(size, *t._data.shape))
    return found


def reshaped(t: Tensor, sizes: Sequence[int]) -> Tensor:
    """Another shape; copied only where the layout makes it necessary (by `reshape` above)."""
    found: Tensor = engine._tensor_namespace[0].reshape(t, tuple(sizes))
    return found


def moved(t: Tensor, source: int, destination: int) -> Tensor:
    """One axis moved to another place."""
    order = list(range(len(t._data.shape)))
    order.insert(destination, order.pop(source))
    found: Tensor = shape.permute(t, dims=tuple(order))
    return found


def apply_batched(
    operation: Any, level: Level, tensors: Sequence[Tensor], params: dict[str, Any]
) -> list[Any]:
    """Outputs as Batched, also where nothing is mapped: below, another grad mode may hold."""
    values, batched, mapped = [], [], False
    for t in tensors:
        data = t._data
        if data.__class__ is Batched and data.level is level:
            values.append(data.value)
            batched.append(data.batched)
            mapped = mapped or data.batched
        else:
            values.append(t)
            batched.append(False)
    if mapped:
        use = _found.get(operation) or rule_of(operation)
        out = use(Call(operation, level, values, batched, params))
    else:
        out = operation(*values, **params)
    if operation.several:
        return [Batched(level, o, mapped) for o in out]
    return [Batched(level, out, mapped)]


def rule_of(operation: Any) -> Rule:
    """How an operation is batched."""
    found = RULES.get(operation.name)
    if found is None and operation.kind == "elementwise":
        found = lined_up
    if found is None:
        found = axes_moved if moves_axes(operation) else one_by_one
    _found[operation] = found
    return found


def batching_kind(operation: Any) -> str:
    """A word for how an operation is batched, for the table of operations."""
    used = rule_of(operation)
    names: dict[Any, str] = {
        lined_up: "elementwise",
        axes_moved: "axes",
        one_by_one: "loop",
        composed: "composed",
    }
    return names.get(used, "rule")


def lined_up(call: Call) -> Any:
    """Elementwise: inputs broadcast as they would without the hidden axis."""
    values = call.values
    if len(values) > 1:
        ranks = [len(v._data.shape) - b for v, b in zip(values, call.batched)]
        rank = max(ranks)
        if ranks.count(rank) < len(ranks):
            values = [call.lined_up(i, rank) for i in range(len(values))]
    return call.operation(*values, **call.params)


# What parameters mean, by name: how each is moved past the hidden axis.
def _dims(value: Any, call: Call) -> Any:
    if value is None:
        return tuple(range(1, call.rank(0) + 1))
    if isinstance(value, (tuple, list)):
        return tuple([_dims(v, call) for v in value])
    return value + 1 if value >= 0 else value


def _shape(value: Any, call: Call) -> Any:
    return (call.size, *value)


def _key(value: Any, call: Call) -> Any:
    return (slice(None), *(value if isinstance(value, tuple) else (value,)))


def _pads(value: Any, call: Call) -> Any:
    return ((0, 0), *value)


def _repeats(value: Any, call: Call) -> Any:
    return (1, *value)


MEANING: dict[str, Callable[[Any, Call], Any]] = {
    **dict.fromkeys(("dim", "dims", "dim0", "dim1", "dim2", "axis", "axes"), _dims),
    "shape": _shape,
    "key": _key,
    "pads": _pads,
}
AXES = frozenset(name for name, meaning in MEANING.items() if meaning is _dims)
# Parameters that say nothing of axes.
NEUTRAL = frozenset(
    """keepdim correction offset k largest descending step size sizes shifts diagonal ord accumulate
    include_self value mode eps dtype reduction""".split()  # noqa: SIM905
)


def moves_axes(operation: Any) -> bool:
    """Whether every parameter has a known meaning, and one says where the inputs' axes are."""
    params = set(operation.params)
    return bool(params) and params <= MEANING.keys() | NEUTRAL and bool(params & MEANING.keys())


def axes_moved(call: Call) -> Any:
    """Every input with the hidden axis; parameters moved past it."""
    values = [v if b else spread(v, call.size) for v, b in zip(call.values, call.batched)]
    params = dict(call.params)
    for v in values:
        if len(v._data.shape) == 1 and AXES & params.keys():
            return _as_vectors(call)  # a dimension of a 0-d tensor cannot be counted past another
    for name, meaning, default in _moving_params(call.operation):
        if name in params:
            params[name] = meaning(params[name], call)
        elif default is not _NO_DEFAULT:
            params[name] = meaning(default, call)
    return call.operation(*values, **params)


_NO_DEFAULT = object()


@cache
def _moving_params(operation: Any) -> list[tuple[str, Any, Any]]:
    """Name, meaning and default of each parameter to be moved past the hidden axis."""
    defaults = operation.defaults
    return [
        (name, MEANING[name], defaults.get(name, _NO_DEFAULT))
        for name in operation.params
        if name in MEANING
    ]


def _as_vectors(call: Call) -> Any:
    """Examples of no dimension as vectors of one element, as torch treats them."""
    count = len(call.values)
    if any(call.rank(i) for i in range(count)):
        return one_by_one(call)
    values = [reshaped(call.whole(i), (call.size, 1)) for i in range(count)]
    params = {k: (0,) if k in AXES and v == () else v for k, v in call.params.items()}
    out = axes_moved(Call(call.operation, call.level, values, [True] * count, params))
    if call.operation.several:
        return [reshaped(o, (call.size,)) for o in out]
    return reshaped(out, (call.size,))


def leading(call: Call) -> Any:
    """For operations that take any number of leading axes: the hidden one is one more."""
    return call.operation(*[call.whole(i) for i in range(len(call.values))], **call.params)


def composed(call: Call) -> Any:
    """The forward rule on Tensors of the level: for operations written in others that batch."""
    seen = [lift(Batched(call.level, v, b)) for v, b in zip(call.values, call.batched)]
    before = state.grad
    state.grad = False  # at the level; the parts are recorded below, as the level remembers
    try:
        out = call.operation.forward(engine._tensor_namespace[0], *seen, **call.params)
    finally:
        state.grad = before
    found = [_whole(call, o) for o in (out if call.operation.several else (out,))]
    return found if call.operation.several else found[0]


def _whole(call: Call, t: Tensor) -> Tensor:
    data = t._data
    if data.__class__ is not Batched or data.level is not call.level:
        return spread(t, call.size)
    value: Tensor = data.value
    return value if data.batched else spread(value, call.size)


def one_by_one(call: Call) -> Any:
    """Each example alone, and the results stacked: always right, and slow."""
    several = call.operation.several
    rows = []
    for i in range(call.size):
        key = (i, ...)
        inputs = [shape.select(v, key=key) if b else v for v, b in zip(call.values, call.batched)]
        out = call.operation(*inputs, **call.params)
        rows.append(out if several else (out,))
    if not rows:
        return _empty(call)
    sizes = {tuple([o._data.shape for o in row]) for row in rows}
    if len(sizes) > 1:
        raise RuntimeError(
            f"vmap: {call.operation.name} gives results of different shapes for different "
            f"examples ({sorted(sizes)}), which cannot be one Tensor; use an operation of fixed "
            "shape (torch.where instead of a boolean mask)"
        )
    found = [joining.stack(*column, dim=0) for column in zip(*rows)]
    return found if several else found[0]


def _empty(call: Call) -> Any:
    """No examples: the shapes are those of an example of zeros."""
    zeros = engine._tensor_namespace[0].zeros
    inputs = [
        zeros(v._data.shape[1:], dtype=v._data.dtype) if b else v
        for v, b in zip(call.values, call.batched)
    ]
    out = call.operation(*inputs, **call.params)
    outs = out if call.operation.several else (out,)
    found = [zeros((0, *o._data.shape), dtype=o._data.dtype) for o in outs]
    return found if call.operation.several else found[0]
