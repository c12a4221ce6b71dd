"""Floor 1: torch.autograd: the tape, the engine, grad modes and hooks.

Knows arrays; knows nothing of particular operations, of neural networks, or of torch's argument
forms.
"""

import importlib
from typing import Any

from . import function, grad_mode, graph
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .custom import custom_jvp, custom_vjp
from .derivatives import backward, grad
from .function import Function
from .grad_mode import enforce_grad_layout_policy, set_multithreading_enabled
from .gradcheck import gradcheck, gradgradcheck
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .variable import Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "custom_jvp",
    "custom_vjp",
    "detect_anomaly",
    "enable_grad",
    "enforce_grad_layout_policy",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

# Modules that load when touched.
_ROOMS = frozenset(("forward_ad", "functional"))


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
