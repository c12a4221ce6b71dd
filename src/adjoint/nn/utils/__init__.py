"""Floor 5: torch.nn.utils: gradients, parameters as one vector, and parametrizations."""

import importlib
from typing import Any

from .gradients import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)
from .skipping import skip_init

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "skip_init",
    "vector_to_parameters",
]

# Modules that load when touched.
_ROOMS = frozenset(("parametrizations", "parametrize"))


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"adjoint has no torch.nn.utils.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
