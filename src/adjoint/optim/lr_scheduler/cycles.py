"""Floor 5: schedules that move the rate up and down, and momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ..optimizer import Optimizer
from .scheduler import (
    LRScheduler,
    check_optimizer,
    function_state,
    per_group,
    restore_functions,
    set_option,
    warn_outside_step,
)

__all__ = ["CyclicLR", "OneCycleLR"]


class _Cycle(LRScheduler):
    """A schedule that may also move the momentum, or beta1 of optimizers that have betas."""

    cycle_momentum: bool
    use_beta1: bool

    def _take_momenta(self, low: Any, high: Any, last_epoch: int) -> tuple[list[Any], list[Any]]:
        """Check that there is a momentum, start it at the top, and note the bounds."""
        optimizer = self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled; "
                f"{type(optimizer).__name__} has neither: pass cycle_momentum=False"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        highs = per_group("max_momentum", optimizer, high)
        lows = per_group("base_momentum", optimizer, low)
        if last_epoch == -1:
            for group, least, most in zip(optimizer.param_groups, lows, highs):
                self._set_momentum(group, most)
                group["max_momentum"], group["base_momentum"] = most, least
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_Cycle):
    """The rate rises from base_lr to max_lr in step_size_up steps and falls in step_size_down.

    Call `step` after every batch. mode: "triangular" (equal cycles), "triangular2" (the height
    halves every cycle), "exp_range" (it falls by gamma every step), or a `scale_fn` of the cycle
    or of the iteration (`scale_mode`). With `cycle_momentum` momentum moves between max_momentum
    and base_momentum the other way.

    Errors: ValueError for an unknown mode and for optimizers without momentum.
    Source: Smith 2017.

    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = torch.optim.lr_scheduler.CyclicLR(
    ...     optimizer, base_lr=0.1, max_lr=1.0, step_size_up=2
    ... )
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.1, 0.55, 1.0, 0.55, 0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        own = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = own if scale_fn is None else scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._take_momenta(
                base_momentum, max_momentum, last_epoch
            )
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs):
                set_option(group, "lr", lr)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of a cycle, as a fraction, by cycle or iteration."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return float(1 / (2.0 ** (x - 1)))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[Any]:
        """The rates for `self.last_epoch`; sets the momenta."""
        warn_outside_step(self)
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds):
                self._set_momentum(group, high - (high - low) * height * scale)
        return [
            low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs)
        ]

    def state_dict(self) -> dict[str, Any]:
        """The attributes; of a `scale_fn` that is an object, its attributes."""
        state = super().state_dict()
        custom = self._scale_fn_custom
        state["_scale_fn_custom"] = None if custom is None else function_state([custom])[0]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a saved state; a `scale_fn` stays and gets its attributes back."""
        rest = {key: value for key, value in state_dict.items() if key != "_scale_fn_custom"}
        restore_functions([self._scale_fn_custom], [state_dict.get("_scale_fn_custom")])
        super().load_state_dict(rest)


class _Phase(NamedTuple):
    """Until `end_step` (counted from 0), from one option of the group to another."""

    end_step: float
    start_lr: str
    end_lr: str
    start_momentum: str
    end_momentum: str


class OneCycleLR(_Cycle):
    """One cycle: the rate rises from max_lr / div_factor to max_lr, then falls to almost nothing.

    Call `step` after every batch, total_steps (or epochs * steps_per_epoch) times in all.
    pct_start: the fraction of the steps in which it rises. The end is the start divided by
    final_div_factor. anneal_strategy: "cos" or "linear". With `three_phase` it first falls as it
    rose, and then to the end. Momentum moves the other way between base_momentum and max_momentum.

    Errors: ValueError for steps that are no positive integers, a pct_start outside [0, 1], an
    unknown strategy, an optimizer without momentum, and more steps than were announced.
    Source: Smith & Topin 2018.

    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.04, 0.9505, 0.6113, 0.1883]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _count_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        max_lrs = per_group("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._take_momenta(base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates for step `self.last_epoch`; sets the momenta."""
        warn_outside_step(self)
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        phases = [_Phase(**phase) for phase in self._schedule_phases]
        i = next((i for i, p in enumerate(phases) if step <= p.end_step), len(phases) - 1)
        phase = phases[i]
        start = phases[i - 1].end_step if i else 0.0
        done = (step - start) / (phase.end_step - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase.start_lr], group[phase.end_lr], done))
            if self.cycle_momentum:
                momenta = group[phase.start_momentum], group[phase.end_momentum]
                self._set_momentum(group, self._between(*momenta, done))
        return rates

    def _between(self, start: Any, end: Any, done: float) -> Any:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
        return (end - start) * done + start


def _count_steps(total: int | None, epochs: int | None, per_epoch: int | None) -> int:
    if total is not None:
        if total <= 0 or not isinstance(total, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total}")
        return total
    if epochs is None or per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in (("epochs", epochs), ("steps_per_epoch", per_epoch)):
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return epochs * per_epoch


def _phases(total: int, rising: float, three: bool) -> list[dict[str, Any]]:
    """As plain dicts, which is how torch's `state_dict` holds them."""
    up = _Phase(rising * total - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if three:
        back = 2 * rising * total - 2
        phases = [
            up,
            _Phase(back, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
            _Phase(total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]
    else:
        phases = [up, _Phase(total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    return [phase._asdict() for phase in phases]
