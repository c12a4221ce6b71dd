"""Floor 0: softmax, log-softmax and logsumexp over NumPy arrays, in as few passes as NumPy allows.

The largest element is taken off first, so that nothing overflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .pieces import starts
from .reductions import add_reduce, maximum_reduce

# Rows are taken this many numbers at a time, so that the passes over them stay in the cache.
_BLOCK = 1 << 14


def _softmax(x: Any, out: Any, axis: int) -> None:
    np.subtract(x, maximum_reduce(x, axis, None, None, True), out=out)
    np.exp(out, out=out)
    out /= add_reduce(out, axis, None, None, True)


def _log_softmax(x: Any, out: Any, axis: int) -> None:
    np.subtract(x, maximum_reduce(x, axis, None, None, True), out=out)
    out -= np.log(add_reduce(np.exp(out), axis, None, None, True))


def _in_blocks(kernel: Any, x: Any, axis: int) -> Any:
    """Run `kernel(x, out, axis)` in at least single precision, large inputs block by block."""
    given = x.dtype
    if given.itemsize == 2:
        x = x.astype(np.float32)
    out = np.empty(x.shape, x.dtype)
    if not x.size:
        return out.astype(given, copy=False)
    if x.size <= _BLOCK or axis != x.ndim - 1 or not x.flags.c_contiguous:
        kernel(x, out, axis)
    else:
        rows, results = x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
        step = _BLOCK // x.shape[-1] or 1
        for start in starts(len(rows), step):
            kernel(rows[start : start + step], results[start : start + step], 1)
    return out.astype(given, copy=False)


def softmax(x: Any, *, axis: int) -> Any:
    """exp(x) / sum(exp(x)) along `axis`."""
    return _in_blocks(_softmax, x, axis)


def log_softmax(x: Any, *, axis: int) -> Any:
    """x - log(sum(exp(x))) along `axis`."""
    return _in_blocks(_log_softmax, x, axis)


def logsumexp(x: Any, *, axis: Any, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`; -inf of nothing."""
    given = x.dtype
    if given.itemsize == 2:
        x = x.astype(np.float32)
    high = maximum_reduce(x.real, axis, None, None, True, initial=-np.inf)
    high = np.where(np.isinf(high), x.real.dtype.type(0), high)
    total = np.log(add_reduce(np.exp(x - high), axis, None, None, keepdims))
    return (total + high.reshape(total.shape)).astype(given, copy=False)
