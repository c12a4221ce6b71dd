"""Floor 2: pooling: the maximum and the mean of sliding windows.

`padding` holds (before, after) for each spatial axis. The maximum keeps one byte per window, its
place there; of equal elements the first.
"""

from __future__ import annotations

import numpy as np

from .operation import general, linear
from .samples import Sample, cases, generator, spread

SQUARE = {"kernel": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
OVERLAP = {"kernel": (3, 2), "stride": (1, 2), "padding": ((1, 0), (1, 1)), "dilation": (1, 2)}
LINE = {"kernel": (3,), "stride": (2,), "padding": ((1, 1),), "dilation": (1,)}


def each_window(x, kernel, stride, padding, dilation, value):
    """Windows (n, c, *out, *kernel), from their definition."""
    x = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=value)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    axes = tuple(range(2, x.ndim))
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    steps = tuple(slice(None, None, s) for s in stride)
    inside = tuple(slice(None, None, d) for d in dilation)
    return found[(slice(None), slice(None), *steps, *inside)]


def largest(x, kernel, stride, padding, dilation):
    """Maximum and its place in each window."""
    found = each_window(x, kernel, stride, padding, dilation, -np.inf)
    flat = found.reshape(*found.shape[: x.ndim], np.prod(kernel))
    return flat.max(-1), flat.argmax(-1)


@general(
    "max_pool",
    node="MaxPool2DWithIndicesBackward0",
    outputs=("out", "places"),
    differentiable=(0,),
    constant=True,
    samples=cases(
        ((2, 3, 4, 6), SQUARE), ((1, 2, 5, 4), OVERLAP), ((2, 2, 7), LINE), ((0, 2, 7), LINE)
    ),
    reference=largest,
)
class max_pool:
    """The maximum of each window of x (n, c, *space); the second output is its place there."""

    def forward(xp, x, *, kernel, stride, padding, dilation):
        return xp.max_pool(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)

    def vjp_x(xp, ct, places, x_shape, kernel, stride, padding, dilation):
        return xp.pool_put(
            ct[0],
            places,
            size=x_shape[2:],
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )

    def jvp_x(xp, t, places, kernel, stride, padding, dilation):
        moved = xp.pool_take(
            t, places, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )
        return moved, None


def place_samples(out_shape, shape, params, **more):
    """An array and places in windows of that many elements."""

    def make():
        places = generator(out_shape, shape).integers(0, np.prod(params["kernel"]), out_shape)
        yield Sample((spread(shape, -2.0, 2.0), places.astype(np.uint8)), {**params, **more})

    return make


@linear("pool_take", samples=place_samples((1, 2, 2, 3), (1, 2, 4, 6), SQUARE))
class pool_take:
    """The element of each window at its place."""

    def forward(xp, x, places, *, kernel, stride, padding, dilation):
        return xp.pool_take(
            x, places, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )

    def transpose_x(xp, ct, places, x_shape, kernel, stride, padding, dilation):
        return xp.pool_put(
            ct,
            places,
            size=x_shape[2:],
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )


@linear("pool_put", samples=place_samples((1, 2, 5, 2), (1, 2, 5, 2), OVERLAP, size=(6, 4)))
class pool_put:
    """The transpose of `pool_take`: each element to its window's place."""

    def forward(xp, x, places, *, size, kernel, stride, padding, dilation):
        return xp.pool_put(
            x,
            places,
            size=size,
            kernel=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )

    def transpose_x(xp, ct, places, kernel, stride, padding, dilation):
        return xp.pool_take(
            ct, places, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )


MEANS = {
    "kernel": (2, 3),
    "stride": (2, 2),
    "padding": ((0, 0), (1, 1)),
    "counts": ((2, 2), (2, 3, 2)),
}


def window_means(x, kernel, stride, padding, counts):
    """Window sums over counts."""
    found = each_window(x, kernel, stride, padding, (1,) * len(kernel), 0)
    axes = tuple(range(x.ndim, found.ndim))
    grid = np.ones(())
    for axis in counts:
        grid = np.multiply.outer(grid, axis)
    return found.sum(axes) / grid


@linear(
    "average_pool",
    node="AvgPool2DBackward0",
    constant=True,
    samples=cases(((2, 3, 4, 5), MEANS), ((0, 3, 4, 5), MEANS)),
    reference=window_means,
)
class average_pool:
    """The sum of each window over `counts`, the numbers of elements along each axis."""

    def forward(xp, x, *, kernel, stride, padding, counts):
        return xp.average_pool(x, kernel=kernel, stride=stride, padding=padding, counts=counts)

    def transpose_x(xp, ct, x_shape, kernel, stride, padding, counts):
        return xp.average_pool_transpose(
            ct, size=x_shape[2:], kernel=kernel, stride=stride, padding=padding, counts=counts
        )


@linear("average_pool_transpose", samples=cases(((2, 3, 2, 3), {"size": (4, 5), **MEANS})))
class average_pool_transpose:
    """Each window's share of its value, added to all of its elements."""

    def forward(xp, x, *, size, kernel, stride, padding, counts):
        return xp.average_pool_transpose(
            x, size=size, kernel=kernel, stride=stride, padding=padding, counts=counts
        )

    def transpose_x(xp, ct, kernel, stride, padding, counts):
        return xp.average_pool(ct, kernel=kernel, stride=stride, padding=padding, counts=counts)
