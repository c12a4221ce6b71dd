"""Floor 5, vision: single draws from the random stream, as torchvision makes them."""

from __future__ import annotations

import numpy as np

from adjoint.api import rand, randint


def happens(p: float) -> bool:
    """`torch.rand(1) < p`, which torch compares in float32."""
    return bool(rand(1).numpy()[0] < np.float32(p))


def uniform(low: float, high: float) -> float:
    """`torch.empty(1).uniform_(low, high).item()`."""
    start, stop = np.float32(low), np.float32(high)
    return float(rand(1).numpy()[0] * (stop - start) + start)


def below(limit: int) -> int:
    """`torch.randint(0, limit, size=(1,)).item()`."""
    return int(randint(0, limit, size=(1,)).item())
