"""Floor 5: the base of learning rate schedules.

A schedule computes either from the rate before (the chainable form, `get_lr`, so that several
schedules can act on one optimizer) or from the epoch alone (`_get_closed_form_lr`). The attributes
have torch's names: `state_dict` is made of them, and checkpoints of either library fit.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adjoint.autograd.tensor import Tensor, storage_of, wrap

from ..optimizer import Optimizer
from ..update import number

__all__ = [
    "LRScheduler",
    "check_optimizer",
    "current_rates",
    "function_state",
    "per_group",
    "restore_functions",
    "set_option",
    "warn_outside_step",
]

_EPOCH_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)
_ORDER_WARNING = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, "
    "you should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  "
    "Failure to do this will result in PyTorch skipping the first value of the learning rate "
    "schedule. See more details at "
    "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
)


class LRScheduler:
    """The base of schedules: sets the `lr` of every parameter group when `step` is called.

    last_epoch: the epoch to go on from; -1 starts anew, and notes the present rates as
    "initial_lr" in the groups. A subclass defines `get_lr`: the rates at `self.last_epoch`.

    Errors: TypeError unless `optimizer` is an Optimizer; KeyError when going on (last_epoch >= 0)
    while the groups have no "initial_lr".

    >>> class Halving(torch.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr * 0.5**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    optimizer: Optimizer
    base_lrs: list[Any]
    last_epoch: int
    _last_lr: list[Any]
    _step_count: int
    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0. Load the optimizer's state first, or start "
                    "with last_epoch=-1"
                )
        self.base_lrs = [_own(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        if optimizer._opt_called is None:
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer, to be saved."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of a scheduler of the same kind returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates that are set now, one for each parameter group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates for `self.last_epoch`; called by `step`. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or to `epoch`, which is deprecated) and set its rates."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(_ORDER_WARNING, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(_EPOCH_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        closed_form: Callable[[], list[Any]] | None = None
        if epoch is None:
            self.last_epoch += 1
        else:
            self.last_epoch = epoch
            closed_form = getattr(self, "_get_closed_form_lr", None)
        self._set_rates(closed_form or self.get_lr)

    def _set_rates(self, compute: Callable[[], list[Any]]) -> None:
        self._get_lr_called_within_step = True
        try:
            rates = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = current_rates(self.optimizer)


def check_optimizer(optimizer: Any) -> None:
    """TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def warn_outside_step(scheduler: LRScheduler) -> None:
    """Warn the user who calls `get_lr`, which is for the scheduler itself."""
    if not scheduler._get_lr_called_within_step:
        warnings.warn(
            "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
            UserWarning,
            stacklevel=3,
        )


def current_rates(optimizer: Optimizer) -> list[Any]:
    """The rates set now; tensors are copied, because the next step writes into them."""
    return [_own(group["lr"]) for group in optimizer.param_groups]


def set_option(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option of a group; one that is a Tensor is filled."""
    if isinstance(group[name], Tensor):
        group[name]._data.fill(number(value))
        storage_of(group[name]).bump(None)
    else:
        group[name] = value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group: `value` itself when it is a list, else repeated."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_own(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
            f"values, param_groups has {count}."
        )
    return [_own(v) for v in value]


def _own(value: Any) -> Any:
    return wrap(np.array(value._data)) if isinstance(value, Tensor) else value


def function_state(functions: Iterable[Any]) -> list[Any]:
    """What is saved of callables: the attributes of objects; nothing of plain functions."""
    return [None if isinstance(f, types.FunctionType) else f.__dict__.copy() for f in functions]


def restore_functions(functions: Iterable[Any], states: Iterable[Any]) -> None:
    """Give callable objects their saved attributes back."""
    for function, state in zip(functions, states, strict=True):
        if state is not None:
            function.__dict__.update(state)
