"""What `test_every_function.py` runs: each golden case as a function of its tensors.

The makers of a case (`f(2, 3)`, `i(4)`, `t([...])`) hand out the arguments of the function instead
of making tensors, so a case can be mapped, differentiated and pushed forward. Other examples of a
case have other values of the same shapes, dtypes and ranges.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tests.golden.functions_program import Inputs

import adjoint
from adjoint import Tensor, func

EXAMPLES = 2

# Texts that tell of memory, of which Lifted tensors have none, and texts of whole tensors.
SHOWS_MEMORY = r"about\(|stride\(\)|is_contiguous|repr\(|str\(|printoptions|f'"


class Maker(Inputs):
    """Makers that note what they make, for example number `example`."""

    def __init__(self, example: int = 0) -> None:
        super().__init__(adjoint)
        self.example = example
        self.inputs: list[Tensor] = []

    def given(self, make: Callable[[], Tensor]) -> Tensor:
        """The next tensor of the case."""
        self.inputs.append(make())
        return self.inputs[-1]

    def leaf(self, tensor: Tensor) -> Tensor:
        return tensor

    def values(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        self.made += 1
        phase = 0.83 * self.made + 0.37 * self.example

        def make() -> Tensor:
            waves = [math.sin(2.3 * k + phase) for k in range(math.prod(shape))]
            listed = [low + (high - low) * (0.5 + 0.5 * w) for w in waves]
            return self.torch.tensor(listed, dtype=self.torch.float64).reshape(shape).clone()

        return self.given(make)

    def i(self, *shape: int, low: int = 0, high: int = 5) -> Tensor:
        self.made += 1
        first = self.made + self.example

        def make() -> Tensor:
            size = math.prod(shape)
            listed = [low + (7 * k * k + 3 * k + first) % (high - low) for k in range(size)]
            return self.torch.tensor(listed, dtype=self.torch.int64).reshape(shape)

        return self.given(make)

    def v(self, *listed: Any) -> Tensor:
        return self.given(lambda: self.rolled(self.torch.tensor(listed, dtype=adjoint.float64)))

    def t(self, listed: Any, dtype: Any = None) -> Tensor:
        return self.given(lambda: self.rolled(self.torch.tensor(listed, dtype=dtype)))

    def rolled(self, t: Tensor) -> Tensor:
        return t.roll(self.example) if self.example and t.numel() else t

    def module(self, module: Any, *inputs: Any, **more: Any) -> tuple[Any, ...]:
        """The outputs of a module in evaluation and, where it changes nothing, in training."""
        changes = any(name.endswith("running_mean") for name in module.state_dict())
        trained = None if changes else module(*inputs, **more)
        return trained, module.eval()(*inputs, **more)


class Reader(Maker):
    """Makers that hand out what they are given, in the order of the case."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.left = list(reversed(inputs))

    def given(self, make: Callable[[], Tensor]) -> Tensor:
        return self.left.pop() if self.left else make()


class Case:
    """A golden case as a function from its tensors to its tensors."""

    def __init__(self, text: str) -> None:
        self.text = text
        tree = ast.parse(text)
        last = tree.body[-1]
        value = tree.body.pop().value if isinstance(last, ast.Expr) else ast.Constant(None)
        self.body = compile(tree, text, "exec")
        expression = ast.fix_missing_locations(ast.Expression(value))
        self.value = compile(expression, text, "eval")
        self.others: list[str] = []

    def run(self, maker: Maker) -> Any:
        """The value of the case, as it is."""
        names = maker.namespace()
        adjoint.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(self.body, names)
                return eval(self.value, names)
            finally:
                adjoint.set_grad_enabled(True)
                adjoint.set_default_dtype(adjoint.float32)

    def example(self, number: int) -> list[Tensor]:
        """The tensors of an example; what raises is raised by `__call__` again."""
        maker = Maker(number)
        try:
            self.run(maker)
        except Exception:  # noqa: BLE001 - the makers before it have run
            pass
        return [t.detach().clone() for t in original(self, number, len(maker.inputs))]

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        self.others = []
        collect(self.run(Reader([t.clone() for t in inputs])), found, self.others)
        return tuple(found)


def original(case: Case, number: int, count: int) -> list[Tensor]:
    """The tensors as they were made, before the case wrote into them."""
    maker = Maker(number)
    kept: list[Tensor] = []
    given = maker.given

    def keep(make: Callable[[], Tensor]) -> Tensor:
        t = given(make)
        kept.append(t.clone())
        return t

    maker.given = keep  # type: ignore[method-assign]
    try:
        case.run(maker)
    except Exception:  # noqa: BLE001 - as above
        pass
    return kept[:count]


def collect(value: Any, tensors: list[Tensor], others: list[str]) -> None:
    """Tensors in a result, and the rest of it as text."""
    if isinstance(value, Tensor):
        tensors.append(value)
    elif isinstance(value, dict):
        for key in value:
            collect(value[key], tensors, others)
    elif isinstance(value, (tuple, list)) and not isinstance(value, adjoint.Size):
        for item in value:
            collect(item, tensors, others)
    else:
        others.append(repr(value))


def same(a: Any, b: Any, tolerance: float = 1e-9) -> bool:
    """Equal dtypes and shapes, and values up to rounding."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    x, y = (np.asarray(t.detach().numpy()) for t in (a, b))
    if x.dtype.kind == "V" or x.dtype.name == "bfloat16":
        x, y = x.astype(np.float32), y.astype(np.float32)
    if x.dtype.kind not in "fc":
        return bool((x == y).all())
    bits = {2: 1e-2, 4: 2e-5, 8: tolerance, 16: tolerance}
    limit = 2e-5 if a.dtype == adjoint.complex64 else bits[x.dtype.itemsize]
    return bool(np.allclose(x, y, limit, limit, equal_nan=True))


def differentiable(t: Tensor) -> bool:
    return t.dtype.is_floating_point or t.dtype.is_complex


def along(t: Tensor, phase: float) -> Tensor:
    """A direction of a tensor's shape and dtype."""
    waves = np.cos(1.9 * np.arange(t.numel()) + phase) + 0.2
    made = adjoint.tensor(waves.tolist(), dtype=adjoint.float64)
    if t.dtype.is_complex:
        made = adjoint.complex(made, made.flip(0))
    return made.reshape(t.shape).to(t.dtype)


def inner(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> float:
    """The real inner product of lists of tensors."""
    total = 0.0
    for x, y in zip(xs, ys):
        a, b = (t.detach().to(adjoint.complex128).numpy() for t in (x, y))
        total += float((np.conj(a) * b).real.sum())
    return total


def split(case: Case, inputs: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
    """The case as a function of its differentiable tensors alone, to differentiable ones."""
    places = [k for k, t in enumerate(inputs) if differentiable(t)]

    def function(*moving: Tensor) -> tuple[Tensor, ...]:
        full = list(inputs)
        for k, t in zip(places, moving):
            full[k] = t
        return tuple([o for o in case(*full) if differentiable(o)])

    return function, [inputs[k] for k in places]


def stacked(examples: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [adjoint.stack(column) for column in zip(*examples)]


def single(case: Case, inputs: Sequence[Tensor]) -> Any:
    """What one call gives: tensors and texts, or its error."""
    try:
        return case(*inputs), case.others
    except Exception as error:  # noqa: BLE001 - whatever it raises is to be compared
        return error


def check_refused(case: Case, examples: Sequence[Sequence[Tensor]]) -> str | None:
    """What depends on values raises an error that names the way out."""
    try:
        func.vmap(case, randomness="same")(*stacked(examples))
    except (RuntimeError, BufferError) as error:
        if re.search(r"vmap.*(\buse\b|outside|return|override)", str(error), re.I | re.S):
            return None
        return f"the error names no way out: {error}"
    except Exception as error:  # noqa: BLE001 - to be shown
        return failed(error)
    return "does not raise under vmap any more"


def check_vmap(case: Case, examples: Sequence[Sequence[Tensor]]) -> str | None:
    """vmap against the loop of single calls; None where they agree."""
    singles = [single(case, example) for example in examples]
    wrong = next((s for s in singles if isinstance(s, Exception)), None)
    try:
        got = func.vmap(case, randomness="same")(*stacked(examples))
        others = case.others
    except Exception as error:  # noqa: BLE001 - as above
        if wrong is not None:
            return None if isinstance(error, (type(wrong), RuntimeError)) else failed(error)
        return failed(error)
    if wrong is not None:
        return f"gives a result where single calls raise {failed(wrong)}"
    columns = list(zip(*[s[0] for s in singles]))
    if len(columns) != len(got):
        return f"{len(got)} tensors instead of {len(columns)}"
    for k, (column, whole) in enumerate(zip(columns, got)):
        for row, alone in enumerate(column):
            if not same(whole[row], alone):
                return f"output {k} of example {row}: {whole[row]} instead of {alone.detach()}"
    if others != singles[0][1] and not re.search(SHOWS_MEMORY, case.text):
        return f"texts {others} instead of {singles[0][1]}"
    return None


def check_nested(case: Case, examples: Sequence[Sequence[Tensor]]) -> str | None:
    """Forward mode in vmap, vmap in forward mode, and vmap in vmap, against the loop."""

    def pushed(*inputs: Tensor) -> tuple[Tensor, ...]:
        function, moving = split(case, inputs)
        directions = tuple([along(t, 0.9) for t in moving])
        found: tuple[Tensor, ...] = func.jvp(function, tuple(moving), directions)[1]
        return found

    whole = stacked(examples)
    places = [k for k, t in enumerate(whole) if differentiable(t)]
    if not places or not split(case, examples[0])[0](*[examples[0][k] for k in places]):
        return None
    rows = [pushed(*example) for example in examples]

    def batch(*moving: Tensor) -> tuple[Tensor, ...]:
        full = list(whole)
        for k, t in zip(places, moving):
            full[k] = t
        outs = func.vmap(case, randomness="same")(*full)
        return tuple([o for o in outs if differentiable(o)])

    moving = tuple([whole[k] for k in places])
    directions = tuple([adjoint.stack([along(t[0], 0.9)] * len(examples)) for t in moving])
    twice = func.vmap(func.vmap(case, randomness="same"), in_dims=1, randomness="same")
    try:
        inside = func.vmap(pushed, randomness="same")(*whole)
        outside = func.jvp(batch, moving, directions)[1]
        both = twice(*[adjoint.stack([t, t]) for t in whole])
    except Exception as error:  # noqa: BLE001 - whatever it raises is to be shown
        return "nested " + failed(error)
    outs = [case(*example) for example in examples]
    for name, got, expected in (
        ("vmap(jvp)", inside, rows),
        ("jvp(vmap)", outside, rows),
        ("vmap(vmap)", [t[:, 1] for t in both], outs),
    ):
        for k, column in enumerate(zip(*expected)):
            for row, alone in enumerate(column):
                if not same(got[k][row], alone, 1e-6):
                    return f"{name} {k} of example {row}: {got[k][row]} instead of {alone}"
    return None


def check_second(case: Case, examples: Sequence[Sequence[Tensor]]) -> str | None:
    """Products with the Hessian, forward over reverse in vmap, against the loop."""

    def product(*inputs: Tensor) -> tuple[Tensor, ...]:
        function, moving = split(case, inputs)

        def gradient(*points: Tensor) -> tuple[Tensor, ...]:
            outs, pull = func.vjp(function, *points)
            found: tuple[Tensor, ...] = pull(tuple([along(o, 0.4) for o in outs]))
            return found

        directions = tuple([along(t, 0.9) for t in moving])
        pushed: tuple[Tensor, ...] = func.jvp(gradient, tuple(moving), directions)[1]
        return pushed

    try:
        rows = [product(*example) for example in examples]
    except Exception:  # noqa: BLE001 - no second derivative, which golden tests look at
        return None
    try:
        got = func.vmap(product, randomness="same")(*stacked(examples))
    except Exception as error:  # noqa: BLE001 - whatever it raises is to be shown
        return "second derivatives " + failed(error)
    for k, column in enumerate(zip(*rows)):
        for row, alone in enumerate(column):
            if not same(got[k][row], alone, 1e-6):
                return f"second derivative {k} of example {row}: {got[k][row]} instead of {alone}"
    return None


def failed(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def check_jvp(case: Case, inputs: Sequence[Tensor]) -> str | None:
    """<ct, J v> = <Jᵀ ct, v>, and the values of jvp are those of the case."""
    function, moving = split(case, inputs)
    if not moving:
        return None
    try:
        outs, pull = func.vjp(function, *moving)
        if not outs:
            return None
        cts = tuple([along(o, 0.4) for o in outs])
        pulled = pull(cts)
    except Exception:  # noqa: BLE001 - not differentiable is what golden tests look at
        return None
    directions = tuple([along(t, 0.9) for t in moving])
    try:
        values, pushed = func.jvp(function, tuple(moving), directions)
    except Exception as error:  # noqa: BLE001 - whatever it raises is to be shown
        return "jvp " + failed(error)
    for k, (value, out) in enumerate(zip(values, outs)):
        if not same(value, out):
            return f"jvp value {k}: {value} instead of {out.detach()}"
    left, right = inner(cts, pushed), inner(pulled, directions)
    if not (math.isfinite(left) and math.isfinite(right)):
        return None
    short = any(o.dtype not in (adjoint.float64, adjoint.complex128) for o in outs)
    size = sum(abs(inner([a], [b])) for a, b in zip(pulled, directions)) + abs(left) + 1
    if abs(left - right) > (2e-2 if short else 1e-6) * size:
        return f"jvp <ct, Jv> = {left} but <Jt ct, v> = {right}"
    return None


def check_grads(case: Case, examples: Sequence[Sequence[Tensor]]) -> str | None:
    """Gradients of the mapped function, and mapped gradients, against the loop."""

    def of(*inputs: Tensor) -> tuple[Tensor, ...]:
        function, moving = split(case, inputs)
        outs, pull = func.vjp(function, *moving)
        return pull(tuple([along(o, 0.4) for o in outs]))

    try:
        rows = [of(*example) for example in examples]
    except Exception:  # noqa: BLE001 - as in check_jvp
        return None
    if not rows[0]:
        return None
    whole = stacked(examples)
    try:
        mapped = func.vmap(of, randomness="same")(*whole)
    except Exception as error:  # noqa: BLE001
        return "vmap(vjp) " + failed(error)
    places = [k for k, t in enumerate(whole) if differentiable(t)]

    def batch(*moving: Tensor) -> tuple[Tensor, ...]:
        full = list(whole)
        for k, t in zip(places, moving):
            full[k] = t
        outs = func.vmap(case, randomness="same")(*full)
        return tuple([o for o in outs if differentiable(o)])

    try:
        outs, pull = func.vjp(batch, *[whole[k] for k in places])
        cts = tuple([adjoint.stack([along(o[0], 0.4)] * len(examples)) for o in outs])
        outer = pull(cts)
    except Exception as error:  # noqa: BLE001
        return "vjp(vmap) " + failed(error)
    for name, got in (("vmap(vjp)", mapped), ("vjp(vmap)", outer)):
        for k, column in enumerate(zip(*rows)):
            for row, alone in enumerate(column):
                if not same(got[k][row], alone, 1e-5):
                    return f"{name} gradient {k} of example {row}: {got[k][row]} instead of {alone}"
    return None
