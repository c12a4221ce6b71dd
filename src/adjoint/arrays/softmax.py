"""Floor 0: softmax, log-softmax and logsumexp over NumPy arrays, in as few passes as NumPy allows.

The largest element is taken off first, so that nothing overflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _shifted(x: Any, axis: int) -> Any:
    """x - max(x), in a new array of at least single precision."""
    if x.dtype.itemsize == 2:
        x = x.astype(np.float32)
    if not x.size:
        return x.copy()
    return x - np.maximum.reduce(x, axis, None, None, True)


def softmax(x: Any, *, axis: int) -> Any:
    """exp(x) / sum(exp(x)) along `axis`."""
    out = _shifted(x, axis)
    np.exp(out, out=out)
    out /= np.add.reduce(out, axis, None, None, True)
    return out.astype(x.dtype, copy=False)


def log_softmax(x: Any, *, axis: int) -> Any:
    """x - log(sum(exp(x))) along `axis`."""
    out = _shifted(x, axis)
    out -= np.log(np.add.reduce(np.exp(out), axis, None, None, True))
    return out.astype(x.dtype, copy=False)


def logsumexp(x: Any, *, axis: Any, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`; -inf of nothing."""
    given = x.dtype
    if given.itemsize == 2:
        x = x.astype(np.float32)
    high = np.maximum.reduce(x.real, axis, None, None, True, initial=-np.inf)
    high = np.where(np.isinf(high), x.real.dtype.type(0), high)
    total = np.log(np.add.reduce(np.exp(x - high), axis, None, None, keepdims))
    return (total + high.reshape(total.shape)).astype(given, copy=False)
