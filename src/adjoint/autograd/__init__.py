"""Floor 1: torch.autograd: the tape, the engine, grad modes and hooks.

Knows arrays; knows nothing of particular operations, of neural networks, or of torch's argument
forms.
"""

from . import function
from .custom import custom_jvp, custom_vjp
from .engine import backward, grad
from .function import Function
from .gradcheck import gradcheck, gradgradcheck
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .tensor import Tensor as Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "custom_jvp",
    "custom_vjp",
    "enable_grad",
    "function",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]
