"""Floor 0: discrete distributions over NumPy arrays, number for number as torch's CPU kernels.

Recipes: ATen's DistributionTemplates.h, MultinomialKernel.cpp and TensorFactories.cpp.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.arrays.pieces import starts
from adjoint.arrays.random.common import (
    DIGITS,
    FLOAT64,
    Array,
    Shape,
    cast,
    check,
    largest_value,
    memory_axes,
    memory_order,
    require_floating,
)
from adjoint.arrays.random.continuous import exponential
from adjoint.arrays.random.generator import CHUNK, LOW_53, Generator

if TYPE_CHECKING:
    import numpy.typing as npt


def integers(
    gen: Generator, shape: Shape, low: int, high: int | None, np_dtype: npt.DTypeLike
) -> Array:
    """Integers in [low, high), as `torch.randint` and `random_(low, high)`, of any real dtype.

    `high=None` means up to the largest value of the dtype. Ranges from 2**28 on take two words
    a number, smaller ones one. Raises RuntimeError for an empty range and for bounds that the
    dtype cannot hold.
    """
    dtype = np.dtype(np_dtype)
    if dtype.kind == "c":
        raise RuntimeError(
            f"random_ handles only integral, floating-point and boolean types, but got {dtype}; "
            "draw a real dtype and convert"
        )
    low, span = _integer_range(dtype, low, high)
    count = math.prod(shape)
    with gen.lock:
        drawn = gen.words(count) if span < 2**28 else gen.words64(count)
    if span < 2**64:
        drawn %= np.uint64(span)
    drawn += np.uint64(low % 2**64)
    return cast(drawn.view(np.int64), dtype).reshape(shape)


def random_full(gen: Generator, shape: Shape, np_dtype: npt.DTypeLike) -> Array:
    """`random_()` without bounds: 0 to the largest integer, or to 2**digits in a floating dtype."""
    dtype = np.dtype(np_dtype)
    if dtype.kind == "c":
        raise NotImplementedError(
            f"random_: expected a real dtype, but got {dtype}; draw a real dtype and convert"
        )
    if dtype in DIGITS:
        span = 2 ** DIGITS[dtype] + 1
    else:
        span = 2 if dtype.kind == "b" else int(np.iinfo(dtype).max) + 1
    count = math.prod(shape)
    with gen.lock:
        wide = dtype == FLOAT64 or dtype == np.int64
        drawn = gen.words64(count) if wide else gen.words(count)
    drawn %= np.uint64(span)
    return cast(drawn.view(np.int64), dtype).reshape(shape)


def permutation(gen: Generator, n: int, np_dtype: npt.DTypeLike = np.int64) -> Array:
    """A random order of 0 .. n-1, as `torch.randperm`: Fisher-Yates with one word a step.

    Raises RuntimeError for a negative n and where the dtype cannot count so far.
    """
    dtype = np.dtype(np_dtype)
    check(n >= 0, f"randperm: expected n >= 0, but got {n}")
    # torch changes its algorithm here; a list of so many would not fit in memory anyway.
    check(n < (2**32 - 1) // 20, f"randperm: n = {n} is too large; the limit is 214748363")
    if dtype.kind in "bc":
        raise NotImplementedError(f'"randperm" not implemented for {dtype}; use torch.int64')
    top = 2 ** DIGITS[dtype] + 1 if dtype in DIGITS else int(np.iinfo(dtype).max) + 1
    check(n <= top, f"randperm: n cannot be greater than {top} for {dtype}; use torch.int64")
    steps = max(n - 1, 0)
    with gen.lock:
        drawn = gen.words(steps)
    places = np.arange(steps, dtype=np.uint64)
    drawn %= np.uint64(n) - places
    drawn += places
    order = list(range(n))
    for here, there in enumerate(drawn.tolist()):
        order[here], order[there] = order[there], order[here]
    return np.array(order, dtype)


def bernoulli(gen: Generator, shape: Shape, p: float, np_dtype: npt.DTypeLike) -> Array:
    """1 with probability p, else 0, as `bernoulli_(p)` and dropout: two words a number.

    Raises RuntimeError unless 0 <= p <= 1. (On Intel processors torch draws these from MKL
    instead, and its numbers differ from those on every other machine.)
    """
    dtype = np.dtype(np_dtype)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    if dtype.kind == "c":
        raise NotImplementedError(
            f"bernoulli_: expected a real dtype, but got {dtype}; draw a real dtype and convert"
        )
    count = math.prod(shape)
    # k 2**-53 < p exactly when k < p 2**53, which is itself exact
    threshold = np.uint64(math.ceil(p * 2.0**53))
    out = np.empty(count, dtype)
    with gen.lock:
        for start in starts(count, CHUNK):
            part = out[start : start + CHUNK]
            drawn = gen.words64(part.size)
            drawn &= LOW_53
            part[...] = drawn < threshold
    return out.reshape(shape)


def bernoulli_tensor(gen: Generator, probabilities: Array, np_dtype: npt.DTypeLike) -> Array:
    """1 with each element's own probability, as `torch.bernoulli(t)` and `bernoulli_(t)`.

    float64 probabilities are compared with 53-bit uniforms, all others with 24-bit ones. Raises
    RuntimeError for a probability outside [0, 1] (and nan), NotImplementedError unless they are
    floating.
    """
    dtype = probabilities.dtype
    require_floating("bernoulli", dtype)
    valid = (probabilities >= 0) & (probabilities <= 1)
    if not valid.all():
        found = probabilities[~valid].flat[0]
        raise RuntimeError(
            "bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got false: a probability "
            f"is {found}; pass it through sigmoid or clamp(0, 1) first"
        )
    out = np.empty_like(probabilities, dtype=np_dtype)
    ordered = memory_order(out)
    axes = probabilities.transpose(memory_axes(out))
    with gen.lock:
        if dtype == FLOAT64:
            ordered[...] = gen.unit64(out.size).reshape(ordered.shape) < axes
        else:
            unit = gen.unit32(out.size).reshape(ordered.shape)
            ordered[...] = unit < axes.astype(np.float32, copy=False)
    return out


def geometric(gen: Generator, shape: Shape, np_dtype: npt.DTypeLike, p: float) -> Array:
    """The number of trials up to the first success, ceil(log u / log(1 - p)), as `geometric_`."""
    dtype = np.dtype(np_dtype)
    check(0 < p < 1, f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if dtype.kind in "bc":
        raise NotImplementedError(f"geometric_: expected an integer or floating dtype, not {dtype}")
    with gen.lock:
        unit = gen.unit64(math.prod(shape))
    with np.errstate(divide="ignore"):
        return cast(np.ceil(np.log(unit) / math.log1p(-p)), dtype).reshape(shape)


def multinomial(
    gen: Generator, probabilities: Array, n_samples: int, replacement: bool = False
) -> npt.NDArray[np.int64]:
    """Draw category numbers by weight, as `torch.multinomial`.

    `probabilities: (k,) or (rows, k), floating`, weights that need not sum to 1; returns int64
    `(n_samples,)` or `(rows, n_samples)`. Without replacement the largest of p / Exp(1) win, with
    replacement the cumulative sum is searched. Raises RuntimeError for weights that are negative,
    not finite or all zero, and for more samples than categories without replacement.
    """
    _check_multinomial(probabilities, n_samples, replacement)
    weights = probabilities
    if weights.dtype.itemsize == 2:
        weights = weights.astype(np.float32)
    if not replacement or n_samples == 1:
        return _race(gen, probabilities, n_samples)
    rows = weights.reshape(-1, weights.shape[-1])
    out = np.empty((len(rows), n_samples), np.int64)
    with gen.lock:
        for row, chosen in zip(rows, out):
            cumulative = np.cumsum(row)
            cumulative /= cumulative[-1]
            cumulative[-1] = 1
            chosen[...] = np.searchsorted(cumulative, gen.unit64(n_samples))
    return out.reshape(*weights.shape[:-1], n_samples)


def _race(gen: Generator, probabilities: Array, n_samples: int) -> npt.NDArray[np.int64]:
    """The categories whose exponential clocks of rate p ring first."""
    clocks = np.empty_like(probabilities)
    ordered = memory_order(clocks)
    ordered[...] = exponential(gen, ordered.shape, clocks.dtype)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scores = (probabilities / clocks).astype(np.float64)
    ranked: npt.NDArray[np.int64]
    if n_samples == 1:
        ranked = scores.argmax(-1, keepdims=True)
    else:
        ranked = np.argsort(-scores, axis=-1, kind="stable")[..., :n_samples]
    return ranked


def _check_multinomial(probabilities: Array, n_samples: int, replacement: bool) -> None:
    """Make torch's checks, in torch's order."""
    shape = probabilities.shape
    check(
        probabilities.dtype in DIGITS,
        "multinomial only supports floating-point dtypes for input, got: "
        f"{probabilities.dtype}; convert the weights with .float()",
    )
    check(
        len(shape) in (1, 2),
        f"multinomial: prob_dist must be 1 or 2 dim, but got shape {shape}; flatten it first",
    )
    check(n_samples > 0, f"multinomial: cannot sample n_sample <= 0 samples, got {n_samples}")
    check(
        replacement or n_samples <= shape[-1],
        "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
        f"got {n_samples} samples of {shape[-1]} categories; pass replacement=True",
    )
    check(
        bool((np.isfinite(probabilities) & (probabilities >= 0)).all()),
        "multinomial: probability tensor contains either `inf`, `nan` or element < 0",
    )
    check(
        bool((probabilities > 0).any(-1).all()),
        "multinomial: invalid multinomial distribution (sum of probabilities <= 0); every row "
        "needs a weight above 0",
    )


def draw_seed(gen: Generator) -> int:
    """A seed below 2**63 from the stream, as DataLoader and RandomSampler draw theirs."""
    with gen.lock:
        return int(gen.words64(1)[0]) & 0x7FFFFFFFFFFFFFFF


def _integer_range(dtype: np.dtype[Any], low: int, high: int | None) -> tuple[int, int]:
    """First value and number of values of `integers`, after torch's checks."""
    floating = dtype in DIGITS
    if high is None:
        if low == -(2**63):
            return 0, 2**64  # the words themselves, read as signed
        top = 2 ** DIGITS[dtype] if floating else 1 if dtype.kind == "b" else np.iinfo(dtype).max
        high = int(top) + 1
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if floating:
        largest = largest_value(dtype)
        least = -largest
    elif dtype.kind == "b":
        least, largest = 0, 1
    else:
        limits = np.iinfo(dtype)
        least, largest = limits.min, limits.max
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= largest:
            raise RuntimeError(
                f"random_: {name} is out of bounds for {dtype}: expected {least} to {largest}, "
                f"but got {value}; choose a wider dtype"
            )
    if floating:
        low, high = _representable(dtype, low, high)
    return low, high - low


def _representable(dtype: np.dtype[Any], low: int, high: int) -> tuple[int, int]:
    """Move the bounds inwards to values of `dtype`, lest rounding leave the range."""
    digits = DIGITS[dtype]
    above = int(cast(np.asarray(low + 1), dtype))
    if above < low:
        low = above + (1 << (abs(low + 1).bit_length() - digits))
    below = int(cast(np.asarray(high - 1), dtype))
    if below >= high:
        high = below - (1 << (abs(high - 1).bit_length() - digits))
    check(
        low < high,
        "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
        f"from={low} >= to={high} in {dtype}; choose a wider dtype",
    )
    return low, high
