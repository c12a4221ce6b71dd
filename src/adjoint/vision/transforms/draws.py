"""Floor 5, vision: single draws from the random stream, as torchvision makes them."""

from __future__ import annotations

import numpy as np

from adjoint.arrays.random import default_generator, integers
from adjoint.arrays.random import uniform as sample_uniform


def happens(p: float) -> bool:
    """`torch.rand(1) < p`, which torch compares in float32."""
    return bool(unit() < np.float32(p))


def unit() -> np.float32:
    """`torch.rand(1)`."""
    return default_generator.unit32(1)[0]


def uniform(low: float, high: float) -> float:
    """`torch.empty(1).uniform_(low, high).item()`."""
    return float(sample_uniform(default_generator, (1,), np.float32, low, high)[0])


def below(limit: int) -> int:
    """`torch.randint(0, limit, size=(1,)).item()`."""
    return int(integers(default_generator, (1,), 0, limit, np.int64)[0])
