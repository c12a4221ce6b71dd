"""Floor 2: filling and replacing at the places of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general
from .samples import Sample, spread


def _values(*shape: int, key: Any = 0) -> Any:
    return spread(shape, -2, 2, key)


def _mask_samples() -> Any:
    mask = np.array([[True, False, True], [False, False, True]])
    yield Sample((_values(2, 3), mask, _values()))
    yield Sample((_values(2, 3), mask[0], _values()))
    yield Sample((_values(2, 2, 3), mask, _values()))
    yield Sample((_values(), np.array(True), _values(key=1)))
    yield Sample((_values(0, 3), np.zeros((0, 1), bool), _values()))


class Filled:
    """x where the mask is False, `value` (0-d) where it is True."""

    def forward(xp, x, mask, value):
        return xp.where(mask, value, x)

    def vjp_x(xp, ct, mask, x_dtype):
        return xp.where(mask, xp.zeros((), dtype=x_dtype), ct)

    def vjp_value(xp, ct, mask, value_dtype):
        return xp.sum(xp.where(mask, ct, xp.zeros((), dtype=value_dtype)))

    def jvp_x(xp, t, mask, x_dtype):
        return xp.where(mask, xp.zeros((), dtype=x_dtype), t)

    def jvp_value(xp, t, x_shape, mask, value_dtype):
        filled = xp.where(mask, t, xp.zeros((), dtype=value_dtype))
        return xp.broadcast_to(filled, x_shape)


# One rule for what torch calls by the kind of value, and for `x[mask] = number`.
masked_fill, masked_fill_tensor, mask_put = (
    general(
        name,
        node=node,
        samples=_mask_samples,
        reference=lambda x, mask, value: np.where(mask, value, x),
    )(Filled)
    for name, node in (
        ("masked_fill", "MaskedFillBackward0"),
        ("masked_fill_tensor", "MaskedFillBackward1"),
        ("mask_put", "IndexPutBackward0"),
    )
)


def _scattered(x: Any, source: Any, mask: Any, places: Any) -> Any:
    out = x.copy()
    out[mask] = source[: mask.sum()]
    return out


def _scatter_samples() -> Any:
    mask = np.array([[True, False, True], [False, False, True]])
    yield Sample((_values(2, 3), _values(4), mask, np.cumsum(mask).reshape(2, 3) - 1))


@general("masked_scatter", samples=_scatter_samples, reference=_scattered)
class masked_scatter:
    """x with the elements of the run `source` where the mask is True, in order.

    `places`: for each element of x, which one of `source` it would take.
    """

    def forward(xp, x, source, mask, places):
        return xp.where(mask, xp.index(source, (places,), (0,)), x)

    def vjp_x(xp, ct, x_dtype, mask):
        return xp.where(mask, xp.zeros((), dtype=x_dtype), ct)

    def vjp_source(xp, ct, source_shape, x_dtype, mask, places):
        kept = xp.where(mask, ct, xp.zeros((), dtype=x_dtype))
        return xp.unindex(kept, source_shape, (places,), (0,))

    def jvp_x(xp, t, x_dtype, mask):
        return xp.where(mask, xp.zeros((), dtype=x_dtype), t)

    def jvp_source(xp, t, x_dtype, mask, places):
        return xp.where(mask, xp.index(t, (places,), (0,)), xp.zeros((), dtype=x_dtype))
