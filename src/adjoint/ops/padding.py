"""Floor 2: padding with a constant, and by reflection, replication and wrapping around."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operation import general, linear
from .samples import Sample, cases, spread


def _np_pads(x: Any, pads: Any) -> Any:
    """Positive parts for np.pad, after cropping by the negative ones."""
    kept = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, pads))
    return x[kept], [(max(b, 0), max(a, 0)) for b, a in pads]


def _constant(x: Any, pads: Any, value: float) -> Any:
    kept, positive = _np_pads(x, pads)
    return np.pad(kept, positive, constant_values=value)


@general(
    "constant_pad",
    node="ConstantPadNdBackward0",
    samples=cases(
        ((2, 3), {"pads": ((0, 0), (1, 2)), "value": 0}),
        ((2, 3), {"pads": ((1, 0), (-1, 1)), "value": 1.5}),
        ((0, 2), {"pads": ((1, 1), (0, 0)), "value": 2}),
    ),
    reference=_constant,
)
class constant_pad:
    """x with `value` around it; negative pads crop."""

    def forward(xp, x, *, pads, value):
        return xp.pad_constant(x, pads, value)

    def vjp_x(xp, ct, pads):
        return xp.pad_constant(ct, tuple((-b, -a) for b, a in pads), 0)

    def jvp_x(xp, t, pads):
        return xp.pad_constant(t, pads, 0)


class Edges:
    """x continued beyond its ends by its own elements."""

    def forward(xp, x, *, pads, mode):
        return xp.pad_edges(x, pads, mode)

    def transpose_x(xp, ct, x_shape, pads, mode):
        return xp.pad_edges_transpose(ct, x_shape, pads, mode)


_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _edges(x: Any, pads: Any, mode: str) -> Any:
    return np.pad(x, pads, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload]


def _edge_samples(mode: str) -> Any:
    def make() -> Any:
        yield Sample((spread((2, 4), -2, 2),), {"pads": ((0, 0), (2, 3)), "mode": mode})
        yield Sample((spread((3, 4), -2, 2),), {"pads": ((2, 1), (0, 3)), "mode": mode})

    return make


EDGES: dict[tuple[str, int], Any] = {
    (mode, dims): linear(
        f"{name}_pad{dims}d",
        node=f"{name.capitalize()}Pad{dims}DBackward0",
        samples=_edge_samples(mode),
        reference=_edges,
    )(Edges)
    for mode, name in (
        ("reflect", "reflection"),
        ("replicate", "replication"),
        ("circular", "circular"),
    )
    for dims in (1, 2, 3)
}


def _transposed(x: Any, shape: Any, pads: Any, mode: str) -> Any:
    places = np.pad(np.arange(np.prod(shape)).reshape(shape), pads, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload]
    out = np.zeros(np.prod(shape), x.dtype)
    np.add.at(out, places.reshape(-1), x.reshape(-1))
    return out.reshape(shape)


@linear(
    "pad_edges_transpose",
    node="PadBackwardBackward0",
    samples=lambda: [
        Sample((spread((2, 9), -2, 2),), {"shape": (2, 4), "pads": ((0, 0), (2, 3)), "mode": mode})
        for mode in _NUMPY_MODES
    ],
    reference=_transposed,
)
class pad_edges_transpose:
    """Every element of x added to the one that padding repeated."""

    def forward(xp, x, *, shape, pads, mode):
        return xp.pad_edges_transpose(x, shape, pads, mode)

    def transpose_x(xp, ct, pads, mode):
        return xp.pad_edges(ct, pads, mode)
