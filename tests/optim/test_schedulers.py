"""Schedules: warnings, errors, functions in their state, tensors as rates."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import adjoint as torch
from adjoint import optim
from adjoint.optim import lr_scheduler


def sgd(*rates: float, **options: Any) -> optim.SGD:
    groups = [
        {"params": [torch.tensor([0.0], requires_grad=True)], "lr": lr} for lr in rates or (1.0,)
    ]
    return optim.SGD(groups, **options)


class Doubling:
    def __init__(self) -> None:
        self.factor = 2.0

    def __call__(self, epoch: int) -> float:
        return self.factor**epoch


def test_the_wrong_order_warns() -> None:
    optimizer = sgd()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before"):
        scheduler.step()
    optimizer = sgd()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    scheduler.step()  # warnings are errors here
    optimizer = sgd()
    optimizer.step()  # before the schedule began
    with pytest.warns(UserWarning, match="Detected call"):
        lr_scheduler.StepLR(optimizer, 1).step()


def test_get_lr_and_epoch_warn() -> None:
    optimizer = sgd()
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        scheduler.get_lr()
    optimizer.step()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(3)
    assert scheduler.get_last_lr() == [0.125]
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.warns(UserWarning, match="epoch parameter"):
        plateau.step(1.0, 5)
    assert plateau.last_epoch == 5


def test_functions_by_group_and_their_state() -> None:
    optimizer = sgd(1.0, 3.0)
    doubling = Doubling()
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda epoch: 0.5**epoch, doubling])
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 6.0]
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [None, {"factor": 2.0}]
    doubling.factor = 7.0
    scheduler.load_state_dict(state)
    assert doubling.factor == 2.0
    multiplied = lr_scheduler.MultiplicativeLR(sgd(), lambda epoch: 0.5)
    multiplied.optimizer.step()
    for _ in range(2):
        multiplied.step()
    assert multiplied.get_last_lr() == [0.25]


def test_a_rate_that_is_a_tensor_is_filled() -> None:
    lr = torch.tensor(1.0)
    optimizer = optim.SGD([torch.tensor([0.0], requires_grad=True)], lr=lr)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == 0.5
    assert optimizer.param_groups[0]["initial_lr"].item() == 1.0


def test_going_on_from_an_epoch() -> None:
    optimizer = sgd()
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(optimizer, 2, last_epoch=3)
    optimizer.param_groups[0]["initial_lr"] = 1.0
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma=0.5, last_epoch=2)
    assert scheduler.last_epoch == 3


def test_beta1_cycles_in_place_of_momentum() -> None:
    p = torch.tensor([0.0], requires_grad=True)
    optimizer = optim.Adam([p])
    lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)
    optimizer = optim.Adam([p])
    lr_scheduler.CyclicLR(optimizer, 0.1, 1.0)
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_a_cycle_without_momentum_and_with_a_function() -> None:
    optimizer = optim.Adagrad([torch.tensor([0.0], requires_grad=True)])
    scale = Doubling()
    scheduler = lr_scheduler.CyclicLR(
        optimizer, 1.0, 2.0, step_size_up=2, scale_fn=scale, cycle_momentum=False
    )
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [2.0]  # half the height, twice
    state = scheduler.state_dict()
    assert state["_scale_fn_custom"] == {"factor": 2.0}
    scale.factor = 5.0
    scheduler.load_state_dict(state)
    assert scale.factor == 2.0


def test_one_cycle_ends() -> None:
    optimizer = sgd(momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=2)
    optimizer.step()
    scheduler.step()
    scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        scheduler.step()


def test_a_nested_sequence_starts_anew() -> None:
    optimizer = sgd(1.0)
    inner = lr_scheduler.ChainedScheduler([lr_scheduler.ExponentialLR(optimizer, 0.5)])
    constant = lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=1)
    scheduler = lr_scheduler.SequentialLR(optimizer, [constant, inner], [1])
    assert scheduler.get_last_lr() == [0.5]


PLATEAU = lr_scheduler.ReduceLROnPlateau(sgd())
STEP = lr_scheduler.StepLR(sgd(), 1)
OTHER = lr_scheduler.StepLR(sgd(), 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lr_scheduler.StepLR("x", 1), TypeError, "str is not an Optimizer"),
        (lambda: lr_scheduler.LRScheduler(sgd()), NotImplementedError, "get_lr"),
        (lambda: lr_scheduler.LambdaLR(sgd(), [abs, abs]), ValueError, "Expected 1 lr_lambdas"),
        (lambda: lr_scheduler.MultiplicativeLR(sgd(), 3), TypeError, "should be a function"),
        (lambda: lr_scheduler.ConstantLR(sgd(), 2), ValueError, "between 0 and 1"),
        (lambda: lr_scheduler.LinearLR(sgd(), 0), ValueError, "Starting multiplicative"),
        (lambda: lr_scheduler.LinearLR(sgd(), 1, 2), ValueError, "Ending multiplicative"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 0), ValueError, "T_0"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 1, 0), ValueError, "T_mult"),
        (
            lambda: lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 1, eta_min="x"),
            ValueError,
            "eta_min",
        ),
        (
            lambda: lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 1).step(-1),
            ValueError,
            "non-negative epoch",
        ),
        (lambda: lr_scheduler.CyclicLR(sgd(), 0, 1, mode="x"), ValueError, "mode is invalid"),
        (lambda: lr_scheduler.CyclicLR(sgd(), [0, 1], 1), ValueError, "same length"),
        (lambda: lr_scheduler.OneCycleLR(sgd(), 1), ValueError, "You must define either"),
        (lambda: lr_scheduler.OneCycleLR(sgd(), 1, 0), ValueError, "total_steps, but got 0"),
        (lambda: lr_scheduler.OneCycleLR(sgd(), 1, None, 0, 1), ValueError, "integer epochs"),
        (lambda: lr_scheduler.OneCycleLR(sgd(), 1, 9, pct_start=2), ValueError, "pct_start"),
        (lambda: lr_scheduler.OneCycleLR(sgd(), 1, 9, anneal_strategy="x"), ValueError, "cos"),
        (
            lambda: lr_scheduler.OneCycleLR(
                optim.Adagrad([torch.tensor([0.0], requires_grad=True)]), 1, 9
            ),
            ValueError,
            "support momentum or beta1.*Adagrad",
        ),
        (lambda: lr_scheduler.ReduceLROnPlateau(sgd(), "x"), ValueError, "mode x is unknown"),
        (lambda: lr_scheduler.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "should be < 1"),
        (
            lambda: lr_scheduler.ReduceLROnPlateau(sgd(), threshold_mode="x"),
            ValueError,
            "threshold mode",
        ),
        (lambda: lr_scheduler.ReduceLROnPlateau(sgd(), min_lr=[0, 0]), ValueError, "got 2"),
        (lambda: lr_scheduler.SequentialLR(sgd(), [], []), ValueError, "at least one"),
        (lambda: lr_scheduler.SequentialLR(STEP.optimizer, [STEP], [1]), ValueError, "one more"),
        (
            lambda: lr_scheduler.SequentialLR(STEP.optimizer, [STEP, OTHER], [1]),
            ValueError,
            "same optimizer",
        ),
        (lambda: lr_scheduler.ChainedScheduler([]), ValueError, "at least one"),
        (lambda: lr_scheduler.ChainedScheduler([PLATEAU]), ValueError, "ReduceLROnPlateau"),
        (lambda: lr_scheduler.ChainedScheduler([STEP, 3]), TypeError, "`optimizer`"),
    ],
)
def test_wrong_options_are_told(make: Any, error: type[Exception], message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(error, match=message):
            make()


def test_a_group_added_later_needs_a_floor() -> None:
    optimizer = sgd(1.0, 1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.0, 0.0])
    single = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.5)
    optimizer.add_param_group({"params": [torch.tensor([0.0], requires_grad=True)], "lr": 1.0})
    scheduler.step(1.0)
    with pytest.raises(RuntimeError, match="number of param groups"):
        scheduler.step(1.0)
    single.step(1.0)
    single.step(1.0)
    assert single.get_last_lr() == [0.5, 0.5, 0.5]
