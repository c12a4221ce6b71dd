"""adjoint: define-by-run automatic differentiation on NumPy, with PyTorch's API.

`import adjoint as torch`. This module is the face: torch's names, and nothing but names; heavy
rooms (nn, optim, data, vision ...) load when touched.
"""

from __future__ import annotations

import importlib
from math import e, inf, nan, pi
from typing import Any

from . import api, autograd
from .arrays.device import device
from .arrays.dtypes import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from .arrays.dtypes import bool_ as bool
from .arrays.printing import set_printoptions
from .arrays.threads import get_num_threads, set_num_threads
from .autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled
from .autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .autograd.size import Size
from .autograd.tensor import Tensor

__version__ = "0.1.0"

float = float32
double, half, long, int, short = float64, float16, int64, int32, int16
cfloat, cdouble = complex64, complex128

globals().update(api.FUNCTIONS)

# Modules that load when touched.
_ROOMS = frozenset(
    (
        "accelerator",
        "backends",
        "cli",
        "compat",
        "cuda",
        "data",
        "debug",
        "func",
        "io",
        "library",
        "linalg",
        "nn",
        "optim",
        "special",
        "testing",
        "utils",
        "vision",
        "viz",
    )
)
# Names that live in rooms and are torch's at the top.
_LAZY = {
    "vmap": "func",
    "save": "io",
    "load": "io",
    "memory_budget": "autograd.budget",
    "safe_branches": "ops.safe_branches",
    "use_deterministic_algorithms": "backends",
    "are_deterministic_algorithms_enabled": "backends",
    **dict.fromkeys(
        (  # noqa: SIM905 - thirty quoted names on thirty lines would not be easier to read
            "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d max_pool1d "
            "max_pool2d max_pool3d avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d layer_norm "
            "group_norm rms_norm bilinear cosine_similarity pairwise_distance pdist pixel_shuffle "
            "pixel_unshuffle channel_shuffle dropout alpha_dropout feature_alpha_dropout rrelu"
        ).split(),
        "nn.functional",
    ),
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        found = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
        globals()[name] = found
        return found
    if name in _ROOMS:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(
        f"adjoint has no torch.{name}. If torch has it, adjoint does not support it yet."
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_LAZY})
