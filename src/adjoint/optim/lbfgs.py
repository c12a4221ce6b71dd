"""Floor 5: L-BFGS, which calls the loss several times a step and remembers the last directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.autograd import origin
from adjoint.autograd.modes import enable_grad
from adjoint.autograd.tensor import Tensor, storage_of, wrap

from .line_search import Point, strong_wolfe
from .optimizer import Group, Optimizer
from .update import check_options, number

__all__ = ["LBFGS"]

Array = Any


class LBFGS(Optimizer):
    """L-BFGS: quasi-Newton steps for smooth functions, from the last `history_size` gradients.

    `step` needs a closure that zeroes the gradients, computes the loss, calls backward and returns
    the loss; it makes up to `max_iter` iterations with up to `max_eval` evaluations (by default
    max_iter * 1.25), and ends early where no gradient is above `tolerance_grad` or nothing moves by
    more than `tolerance_change`. Steps have length lr, or are searched when `line_search_fn` is
    "strong_wolfe". All parameters form one group.

    Errors: ValueError for several groups or a negative lr; RuntimeError for another line search.
    Source: Nocedal & Wright 2006, algorithm 7.5.

    >>> x = torch.tensor([3.0, -4.0], requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (x * x).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(25., grad_fn=<SumBackward0>)
    >>> round(float(closure()), 6)
    0.0
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        check_options(defaults)
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimise for up to `max_iter` iterations; returns the loss at the start."""
        group = self.param_groups[0]
        if closure is None:
            raise TypeError(
                "LBFGS.step() needs a closure that computes the loss again: optimizer.step(closure)"
            )
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"only 'strong_wolfe' is supported, but got {group['line_search_fn']!r}"
            )
        with np.errstate(all="ignore"):
            return _Minimisation(group, self.state[group["params"][0]], closure).run()


class _Minimisation:
    """One call of `step`: the parameters as one vector, and the memory of past iterations."""

    def __init__(self, group: Group, state: dict[str, Any], closure: Callable[[], Any]) -> None:
        self.group = group
        self.params: list[Tensor] = group["params"]
        self.state = state
        self.closure = closure
        self.writer = origin.caller(3)

    def evaluate(self) -> tuple[Any, Array]:
        """The loss as the closure returned it, and the gradient."""
        with enable_grad():
            loss = self.closure()
        return loss, self.gradient()

    def gradient(self) -> Array:
        parts = []
        for p in self.params:
            grad = None if p._meta is None else p._meta.grad
            parts.append(_flat(np.zeros_like(p._data) if grad is None else grad._data))
        return np.concatenate(parts)

    def move(self, length: float, direction: Array) -> None:
        """p <- p + length * direction, in place."""
        start = 0
        for p in self.params:
            count = p._data.size * (2 if p._data.dtype.kind == "c" else 1)
            part = direction[start : start + count] * direction.dtype.type(length)
            storage_of(p).bump(self.writer)
            p._data += part.view(p._data.dtype).reshape(p._data.shape)
            start += count

    def run(self) -> Any:
        group, state = self.group, self.state
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first, gradient = self.evaluate()
        loss = float(first)
        evaluations = 1
        state["func_evals"] += 1
        if _largest(gradient) <= group["tolerance_grad"]:
            return first
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self.direction(gradient)
            state["prev_flat_grad"] = wrap(gradient.copy())
            before, state["prev_loss"] = loss, loss
            length = self.first_length(gradient)
            state["d"], state["t"] = wrap(direction), length
            slope = float(gradient @ direction)
            if slope > -group["tolerance_change"]:
                break
            last = iteration == group["max_iter"]
            point = Point(0.0, loss, gradient, slope)
            point, used = self.advance(direction, point, length, evaluations, last)
            loss, gradient, state["t"] = point.value, point.gradient, point.t
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(direction * point.t) <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                break
        return first

    def first_length(self, gradient: Array) -> float:
        lr = number(self.group["lr"])
        if self.state["n_iter"] > 1:
            return lr
        return min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr

    def advance(
        self, direction: Array, start: Point, length: float, evaluations: int, last: bool
    ) -> tuple[Point, int]:
        """Move along the direction; where that led, and how many evaluations it took."""
        if self.group["line_search_fn"] is None:
            self.move(length, direction)
            if last:  # nobody will look at the loss there
                return start._replace(t=length), 0
            loss, gradient = self.evaluate()
            return Point(length, float(loss), gradient, 0.0), 1

        values = [p._data.copy() for p in self.params]

        def along(t: float) -> tuple[float, Array]:
            self.move(t, direction)
            loss, gradient = self.evaluate()
            for p, value in zip(self.params, values, strict=True):
                np.copyto(p._data, value)
            return float(loss), gradient

        most = self.group["max_eval"] - evaluations
        point, used = strong_wolfe(along, direction, start, length, max_evaluations=most)
        self.move(point.t, direction)
        return point, used

    def direction(self, gradient: Array) -> Array:
        """Minus the gradient times the approximate inverse Hessian."""
        state = self.state
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -gradient
        change = gradient - state["prev_flat_grad"]._data
        moved = state["d"]._data * gradient.dtype.type(state["t"])
        product = float(change @ moved)
        if product > 1e-10:
            if len(state["old_dirs"]) == self.group["history_size"]:
                for name in ("old_dirs", "old_stps", "ro"):
                    state[name].pop(0)
            state["old_dirs"].append(wrap(change))
            state["old_stps"].append(wrap(moved))
            state["ro"].append(1.0 / product)
            state["H_diag"] = product / float(change @ change)
        return _two_loops(-gradient, state)


def _two_loops(q: Array, state: dict[str, Any]) -> Array:
    """The recursion that applies the approximation to `q` without forming it."""
    kind = q.dtype.type
    history = [
        (change._data, moved._data, float(ro))
        for change, moved, ro in zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)
    ]
    weights = []
    for change, moved, ro in reversed(history):
        weight = float(moved @ q) * ro
        weights.append(weight)
        q -= kind(weight) * change
    q *= kind(float(state["H_diag"]))
    for (change, moved, ro), weight in zip(history, reversed(weights), strict=True):
        q += kind(weight - float(change @ q) * ro) * moved
    return q


def _flat(array: Array) -> Array:
    """The elements in one row, complex ones as pairs of reals."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0))
