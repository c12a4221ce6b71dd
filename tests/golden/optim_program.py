"""What is run on torch to record `optim.json`, and on adjoint to be compared with it.

Parameters and gradients are made here from formulas, so that both start from the same numbers; the
gradient of each step depends on the parameter, so that an error would grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SHAPES = ((3, 2), (), (4,), (2, 2))  # the last two are the second group's
STEPS = 10
RECORDED = (1, 2, 10)

OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.05, "maximize": True},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True},
    ],
    "Adam": [
        {},
        {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1},
        {"lr": 0.05, "amsgrad": True, "maximize": True, "weight_decay": 0.1},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "AdamW": [
        {},
        {"lr": 0.05, "betas": [0.3, 0.9], "weight_decay": 0.2},
        {"lr": 0.05, "amsgrad": True, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"lr": 0.05, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1},
        {"lr": 0.05, "centered": True, "maximize": True},
        {"lr": 0.05, "centered": True, "momentum": 0.5, "eps": 1e-3},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2},
        {"lr": 0.1, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.7, "rho": 0.8, "weight_decay": 0.1, "maximize": True}],
    "Adamax": [{}, {"lr": 0.05, "betas": [0.8, 0.95], "weight_decay": 0.1, "maximize": True}],
    "NAdam": [
        {},
        {"lr": 0.05, "momentum_decay": 0.1, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.05, "betas": [0.8, 0.9], "weight_decay": 0.1, "maximize": True},
        {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "ASGD": [{}, {"lr": 0.05, "lambd": 0.01, "t0": 3.0, "weight_decay": 0.1, "maximize": True}],
    "Rprop": [{}, {"lr": 0.05, "etas": [0.4, 1.5], "step_sizes": [0.01, 0.1], "maximize": True}],
}


def cases() -> Iterator[dict[str, Any]]:
    for name, variants in OPTIMIZERS.items():
        for options in variants:
            for dtype in ("float64", "float32"):
                yield {"optimizer": name, "options": options, "dtype": dtype}
        yield {"optimizer": name, "options": variants[-1], "dtype": "complex128"}


def initial(which: int, dtype: str) -> Array:
    shape = SHAPES[which]
    base = np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)
    value = np.sin(1.3 * base + which)
    if dtype.startswith("complex"):
        value = value + 1j * np.cos(0.7 * base - which)
    return np.asarray(value).astype(dtype)


def gradient(which: int, step: int, value: Array) -> Array:
    """The gradient of parameter `which` at `step` (from 0), where the parameter is `value`."""
    base = np.arange(value.size, dtype=np.float64).reshape(value.shape)
    wave = np.cos(2.1 * step + 0.9 * base + which)
    if value.dtype.kind == "c":
        wave = wave + 1j * np.sin(1.7 * step - 0.4 * base)
    return np.asarray(0.5 * value + wave).astype(value.dtype)


def second_group(options: dict[str, Any]) -> dict[str, Any]:
    """The options in which the second group differs."""
    return {"lr": 2.5 * options.get("lr", 0.01)}


# Schedules: the optimizer's options for two groups, then how many steps, and what step() is given.
GROUPS = [0.5, 0.02]  # initial rates
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 0.9, "total_iters": 6}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 7, "power": 1.7}),
    ("CosineAnnealingLR", {"T_max": 6, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 3, "step_size_down": 5}),
    ("CyclicLR", {"base_lr": [0.01, 0.1], "max_lr": 0.3, "step_size_up": 3, "mode": "triangular2"}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9},
    ),
    ("OneCycleLR", {"max_lr": 0.8, "total_steps": 18}),
    ("OneCycleLR", {"max_lr": [0.8, 0.2], "epochs": 6, "steps_per_epoch": 3, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.8, "total_steps": 18, "anneal_strategy": "linear"}),
]
SCHEDULE_STEPS = 17
METRICS = [5, 4, 4, 4, 3.9999, 4, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 1, 1.2, 1.2, 1.2, 1.2]
PLATEAUS: list[dict[str, Any]] = [
    {"patience": 1, "factor": 0.5},
    {"patience": 0, "cooldown": 2, "min_lr": [0.1, 0.001]},
    {"mode": "max", "patience": 2, "threshold_mode": "abs", "threshold": 0.5},
    {"mode": "max", "patience": 1, "threshold": 0.2, "eps": 0.01},
]
