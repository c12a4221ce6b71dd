"""The machine that runs a random program, on torch to record it and on adjoint to compare.

A program is a list of steps, plain data: `[name, arguments, keywords, grad mode]`. Tensors are
numbered as they are made and named "v0", "v1", ...; `{"index": ...}` is an integer tensor,
`{"mask": ...}` a boolean one, `{"slice": ...}` a slice, `{"tensor": [values, dtype]}` a constant.
What is seen after each step: the class of the error, or a digest of the new tensors and the state
of every tensor whose state changed.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any

import numpy as np

# Where torch refuses with these words, adjoint may go on.
EXCUSES = {
    "has been modified by an inplace": "torch's formula saved a value that adjoint's does not need",
    "through the graph a second time": "torch's formula saved something, adjoint's nothing",
    "has been detached in-place": "adjoint refuses only where its history is needed",
    "refer to a single memory location": "adjoint computes first and then writes",
    "refers to a single memory location": "adjoint computes first and then writes",
    "its base or another view of its base": "torch looks at the history of a saved value first",
    "AsStridedBackward0 returned an invalid": "a tensor that was reshaped in place under no_grad",
}
PASSES = ("backward", "backward_of", "grad")  # steps that run the engine


def digest(values: Any) -> list[float]:
    """Two numbers that stand for an array: a weighted sum, and the sum of magnitudes."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    flat = np.where(np.isnan(flat), 31.0, np.clip(flat, -1e6, 1e6))
    weights = np.cos(np.arange(flat.size) * 1.7 + 0.3)
    return [float(f"{flat @ weights:.8g}"), float(f"{np.abs(flat).sum():.3g}")]


class Machine:
    """The tensors of one program, and what is done to them."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.tensors: list[Any] = []
        self.states: list[str] = []
        self.error = ""  # the last one's words
        self.born: dict[int, int] = {}  # versions at first sight: torch's formulas may count some

    def decode(self, value: Any) -> Any:
        """An argument as the torch in use wants it."""
        if isinstance(value, str) and value[:1] == "v" and value[1:].isdigit():
            return self.tensors[int(value[1:])]
        if isinstance(value, str) and value.startswith("torch."):
            return getattr(self.torch, value[6:])
        if isinstance(value, list):
            return [self.decode(v) for v in value]
        if isinstance(value, dict):
            ((kind, content),) = value.items()
            if kind == "index":
                return self.torch.tensor(content, dtype=self.torch.int64)
            if kind == "mask":
                return self.torch.tensor(content, dtype=self.torch.bool)
            if kind == "slice":
                return slice(*content)
            if kind == "tuple":
                return tuple(self.decode(v) for v in content)
            if kind == "dots":
                return ...
            values, dtype = content
            return self.torch.tensor(values, dtype=getattr(self.torch, dtype))
        return value

    def step(self, name: str, args: list[Any], kwargs: dict[str, Any], mode: str) -> list[Any]:
        """Run one step; returns the tensors it made (None where there is none)."""
        given = [self.decode(a) for a in args]
        named = {k: self.decode(v) for k, v in kwargs.items()}
        switch = getattr(self.torch, mode)() if mode else contextlib.nullcontext()
        with switch:
            special = getattr(self, "do_" + name, None)
            if special is not None:
                made = special(*given, **named)
            elif name.startswith("."):
                made = getattr(given[0], name[1:])(*given[1:], **named)
            else:
                made = getattr(self.torch, name)(*given, **named)
        if name.endswith("_") or made is None:
            return []
        return list(made) if isinstance(made, (tuple, list)) else [made]

    def do_leaf(self, values: Any, dtype: str, requires_grad: bool) -> Any:
        made = self.torch.tensor(values, dtype=getattr(self.torch, dtype))
        return made.requires_grad_(requires_grad)

    def do_getitem(self, x: Any, key: Any) -> Any:
        return x[key]

    def do_setitem(self, x: Any, key: Any, value: Any) -> None:
        x[key] = value

    def do_add_at(self, x: Any, key: Any, value: Any) -> None:
        x[key] += value

    def do_mul_at(self, x: Any, key: Any, value: Any) -> None:
        x[key] *= value

    def do_grad_of(self, x: Any) -> Any:
        return x.grad

    def do_retain_grad_(self, x: Any) -> None:
        x.retain_grad()

    def do_backward(self, x: Any, gradient: Any = None, **options: Any) -> None:
        x.backward(gradient, **options)

    def do_backward_of(self, xs: Any, gradients: Any, **options: Any) -> None:
        self.torch.autograd.backward(xs, gradients, **options)

    def do_grad(self, outputs: Any, inputs: Any, copy: bool = False, **options: Any) -> Any:
        found = self.torch.autograd.grad(outputs, inputs, **options)
        return [g if g is None or not copy else g.clone() for g in found]

    def do_hook(self, x: Any, factor: float) -> None:
        self.state(x)  # torch crashes when the history of a view is not up to date
        x.register_hook(lambda grad: None if grad is None else grad * factor)

    def do_keep_hook(self, x: Any) -> None:
        """A hook that changes nothing and puts the gradient among the tensors when it runs."""
        self.state(x)
        x.register_hook(self.keep)

    def keep(self, t: Any) -> None:
        """Put a gradient among the tensors; torch tells hooks of outputs that got none."""
        if t is not None:
            self.tensors.append(t.detach().clone())

    def do_prehook(self, x: Any, factor: float) -> None:
        x.grad_fn.register_prehook(
            lambda grads: tuple(None if g is None else g * factor for g in grads)
        )

    def do_posthook(self, x: Any, factor: float) -> None:
        x.grad_fn.register_hook(
            lambda grads, _: tuple(None if g is None else g * factor for g in grads)
        )

    def do_after_hook(self, x: Any, factor: float) -> None:
        def scale(leaf: Any) -> None:
            if leaf.grad is not None:
                with self.torch.no_grad():
                    leaf.grad.mul_(factor)

        x.register_post_accumulate_grad_hook(scale)

    def state(self, t: Any) -> str:
        """What autograd says of a tensor, in a few letters."""
        if t is None:
            return "-"
        try:
            kind = "L" if t.is_leaf else "n" if t.grad_fn is not None else "?"
        except RuntimeError:  # a view whose history cannot be told
            return "E"
        kept = "k" if t.retains_grad else ""
        version = t._version - self.born.setdefault(id(t), t._version)
        return f"{kind if t.requires_grad else kind.lower()}{kept}{version}"

    def look(self) -> str:
        """The states that have changed since the last look."""
        changed = []
        for i, t in enumerate(self.tensors):
            now = self.state(t)
            if i >= len(self.states):
                self.states.append("")
            if now != self.states[i]:
                self.states[i] = now
                changed.append(f"{i}:{now}")
        return " ".join(changed)

    def values(self, t: Any) -> Any:
        """Shape and digest of a tensor."""
        if t is None:
            return None
        with self.torch.no_grad():
            array = t.detach().numpy()
        return [list(array.shape), *digest(array)]


def run(torch: Any, program: dict[str, Any]) -> dict[str, Any]:
    """Run a program: what is seen after each step, and all values and gradients at the end."""
    machine = Machine(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen: list[Any] = []
        for step in program["steps"]:
            seen.append(observe(machine, step, program["watch"]))
            if isinstance(seen[-1], str) and any(words in machine.error for words in EXCUSES):
                seen[-1] += " excused"
        found = {"seen": seen}
        # A pass that failed has run in part: what it left is not compared.
        failed = isinstance(seen[-1], str) and program["steps"][-1][0] in PASSES
        return found if failed else {**found, **finish(machine)}


def observe(machine: Machine, step: list[Any], watch: bool) -> Any:
    """Run one step; what it did."""
    try:
        made = machine.step(*step)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        machine.error = str(error)
        return type(error).__name__
    machine.tensors += made
    for t in made:
        machine.state(t)
    return [machine.look() if watch else "", [machine.values(t) for t in made]]


def finish(machine: Machine) -> dict[str, Any]:
    """Values and gradients of every tensor, and their states."""
    tensors = machine.tensors
    return {
        "values": [machine.values(t) for t in tensors],
        "grads": {
            str(i): machine.values(t.grad)
            for i, t in enumerate(tensors)
            if t is not None and machine.state(t) != "E" and t.grad is not None
        },
        "states": " ".join(machine.state(t) for t in tensors),
    }


def compare(wanted: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Where two runs differ. After an excused difference the rest cannot be compared."""
    for i, (a, b) in enumerate(zip(wanted["seen"], got["seen"])):
        if isinstance(a, str) and a.endswith(" excused"):
            if not isinstance(b, str):
                return []
            a = a.split()[0]
        found = differences(a, b.split()[0] if isinstance(b, str) else b, f"step {i}")
        if found:
            return found
    rest = ("values", "grads", "states")
    return differences({k: wanted.get(k) for k in rest}, {k: got.get(k) for k in rest})


def differences(wanted: Any, got: Any, where: str = "") -> list[str]:
    """Where two observations differ; numbers may by rounding."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        found = []
        for key in sorted({*wanted, *got}):
            found += differences(wanted.get(key), got.get(key), f"{where}.{key}")
        return found
    if isinstance(wanted, list) and isinstance(got, list):
        if is_value(wanted) and is_value(got):
            same = wanted[0] == got[0] and math.isclose(
                wanted[1], got[1], rel_tol=1e-5, abs_tol=2e-6 * (1 + wanted[2])
            )
            return [] if same else [f"{where}: {wanted} wanted, {got} found"]
        if len(wanted) != len(got):
            return [f"{where}: {wanted} wanted, {got} found"]
        found = []
        for i, (a, b) in enumerate(zip(wanted, got)):
            found += differences(a, b, f"{where}[{i}]")
        return found
    return [] if wanted == got else [f"{where}: {wanted!r} wanted, {got!r} found"]


def is_value(x: list[Any]) -> bool:
    """Whether a list is a shape and a digest."""
    return len(x) == 3 and isinstance(x[0], list) and isinstance(x[1], float)
