"""Floor 0: the Poisson distribution, number for number as torch's CPU kernel.

Recipe: ATen's Distributions.cpp: products of uniforms below a rate of 10, above it the transformed
rejection of Hörmann (1993).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.arrays.random.common import Array, cast, check, require_floating
from adjoint.arrays.random.generator import Generator


def poisson(gen: Generator, rates: Array) -> Array:
    """Counts with the given rates, in their dtype and shape; drawn one by one."""
    require_floating("poisson", rates.dtype)
    check(
        bool((rates >= 0).all()), "poisson: invalid Poisson rate, expected rate to be non-negative"
    )
    with gen.lock:
        drawn = [_draw(gen, rate) for rate in rates.astype(np.float64).ravel().tolist()]
    return cast(np.array(drawn, np.float64), rates.dtype).reshape(rates.shape)


def _draw(gen: Generator, rate: float) -> int:
    if rate >= 10:
        return _rejection(gen, rate)
    count = -1
    product, limit = 1.0, math.exp(-rate)
    if rate == 0:
        return 0
    while product > limit:
        product *= gen.unit64(1)[0]
        count += 1
    return count


def _rejection(gen: Generator, rate: float) -> int:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    threshold = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = gen.unit64(2).tolist()
        u -= 0.5
        room = 0.5 - abs(u)
        k = math.floor((2 * a / room + b) * u + rate + 0.43) if room else -1
        if room >= 0.07 and v <= threshold:
            return k
        if k < 0 or (room < 0.013 and v > room):
            continue
        accepted: Any = math.log(v) if v else -math.inf
        accepted += math.log(inverse_alpha) - math.log(a / (room * room) + b)
        if accepted <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return k
