"""Arrays without values against NumPy's: shapes, dtypes, strides, and what shares memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from adjoint.arrays.ghosts import Uncounted, UnknownValues, allocate, is_ghost, state

Made = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    state.ledger = Uncounted()
    yield
    state.ledger = None


def arrays() -> list[Any]:
    """Layouts of all kinds."""
    x = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    return [
        x, x.T, x.transpose(0, 2, 1, 3), x[:, ::2], x[..., ::-1], x[:, :, 1:2], x[0, 0, 0], x[:0],
        np.broadcast_to(x[:1], (2, 3, 4, 5)), x.astype(np.float32), x.astype(complex),
        np.arange(24).reshape(2, 3, 4), np.asfortranarray(x),
    ]  # fmt: skip


def ghost_of(x: Any) -> Any:
    """One of the same layout, made by way of the memory it views."""
    return allocate((1,), x.dtype).strided(x.shape, x.strides)


def same(got: Any, want: Any, strides: bool = True) -> None:
    assert is_ghost(got)
    assert (got.shape, got.dtype) == (np.shape(want), want.dtype)
    if strides and np.size(want) > 1:
        assert got.strides == want.strides


VIEWS: list[Made] = [
    lambda a: a.T,
    lambda a: a.mT,
    lambda a: a[0],
    lambda a: a[..., 0],
    lambda a: a[1:, None],
    lambda a: a[::-1],
    lambda a: a.swapaxes(0, -1),
    lambda a: np.moveaxis(a, 0, -1),
    lambda a: np.expand_dims(a, 1),
    lambda a: np.flip(a, 1),
    lambda a: np.diagonal(a, 1, 0, 1),
    lambda a: np.broadcast_to(a, (7, *a.shape)),
    lambda a: np.split(a, 2, -1)[1] if a.shape[-1] % 2 == 0 else a[...],
    lambda a: a.real,
    lambda a: a.view(np.uint8) if a.flags.c_contiguous else a[...],
]


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_views_are_those_of_numpy(number: int) -> None:
    for x in arrays():
        if x.ndim < 2 or 0 in x.shape:
            continue
        ghost = ghost_of(x)
        found = VIEWS[number](ghost)
        same(found, VIEWS[number](x))
        assert np.may_share_memory(found, ghost)
        assert found is ghost or found.base is not None


@pytest.mark.parametrize("shape", [(-1,), (6, 20), (2, 3, 20), (24, 5), (4, 5, 6), (1, 120, 1)])
def test_reshape_copies_where_numpy_copies(shape: tuple[int, ...]) -> None:
    for x in arrays():
        if x.size != 120:
            continue
        ghost, want = ghost_of(x), x.reshape(shape)
        found = ghost.reshape(shape)
        same(found, want)
        assert np.may_share_memory(found, ghost) == np.may_share_memory(want, x)
    with pytest.raises(ValueError, match="cannot reshape array of size 120"):
        allocate((120,), float).reshape(7, -1)


P, J, B = np.array([0, 1, 1]), np.array([[0], [1]]), np.array([True, False])
COPIES: list[Made] = [
    lambda a: a.copy(),
    lambda a: a.astype(np.complex128),
    lambda a: a + a,
    lambda a: a * 2,
    lambda a: 1 - a,
    lambda a: np.sqrt(a),
    lambda a: a > 1,
    lambda a: np.where(a > 1, a, 0),
    lambda a: a.sum(),
    lambda a: a.sum(0, keepdims=True),
    lambda a: a.mean(-1),
    lambda a: a.max(axis=(0, 1)),
    lambda a: np.add.accumulate(a, 1),
    lambda a: a.argmax(0),
    lambda a: np.sort(a, 0),
    lambda a: np.concatenate([a, a], 1),
    lambda a: np.stack([a, a], 1),
    lambda a: np.repeat(a, 3, 0),
    lambda a: np.tile(a, (2, 1, 1)),
    lambda a: np.pad(a, 1),
    lambda a: np.matmul(a, a.mT),
    lambda a: np.tensordot(a, a, ([0, 1], [0, 1])),
    lambda a: np.einsum("i...j->j...", a),
    lambda a: a[P],
    lambda a: a[:, P],
    lambda a: a[P % a.shape[0], :, None, J % a.shape[2]],
    lambda a: a[P, P[None]],
    lambda a: a[1, ..., P],
    lambda a: a[B] if len(a) == 2 else a[P],
    lambda a: a.take(J, 1),
    lambda a: np.take_along_axis(a, np.argsort(a, 1), 1),
    lambda a: np.empty_like(a),
    lambda a: a.var(0),
    lambda a: np.linalg.qr(a.astype(float))[1],
]


@pytest.mark.parametrize("number", range(len(COPIES)))
def test_copies_are_those_of_numpy(number: int) -> None:
    for x in arrays():
        if x.ndim < 3 or 0 in x.shape or (x.dtype.kind == "c" and number in (6, 7, 11, 13)):
            continue
        with np.errstate(all="ignore"):
            want = COPIES[number](x if number < 33 else x.real)
        ghost = ghost_of(x if number < 33 else x.real)
        found = COPIES[number](ghost)
        same(found, want, strides=number < 8 and not x.T.flags.c_contiguous)
        assert not np.may_share_memory(found, ghost)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: a + allocate((5,), float),
        lambda a: a.sum(7),
        lambda a: a[0, 0, 0],
        lambda a: a[9],
        lambda a: np.matmul(a, a),
        lambda a: a.__iadd__(allocate((2, 2, 3), float)),
        lambda a: np.concatenate([a, a[:, :2]]),
        lambda a: a.__setitem__(slice(1), allocate((4,), float)),
        lambda a: np.broadcast_to(a, (5, 3)),
        lambda a: np.add(a, 1.5, out=a.astype(int)),
        lambda a: a[:0].max(),
    ],
)
def test_errors_are_numpys(wrong: Made) -> None:
    with pytest.raises((ValueError, IndexError, TypeError)) as got:
        wrong(allocate((2, 3), float))
    assert not isinstance(got.value, UnknownValues)


def test_buffers_go_with_the_last_reference() -> None:
    class Counter(Uncounted):
        now = 0

        def take(self, nbytes: int, shape: Any, dtype: Any) -> Any:
            self.now += nbytes

        def give(self, nbytes: int, record: Any) -> None:
            self.now -= nbytes

    state.ledger = counter = Counter()
    x = allocate((100,), np.float32)
    view = x[10:].reshape(9, 10)
    del x
    assert counter.now == 400
    y = view.copy()
    y += 1
    assert counter.now == 760
    del view, y
    assert counter.now == 0


def test_large_temporaries_are_reused_as_numpy_does() -> None:
    import tracemalloc

    def peak_of(x: Any) -> int:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        y = (x * 2 + 1) * 3
        most = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        del y
        return most

    class Peak(Uncounted):
        now = most = 0

        def take(self, nbytes: int, shape: Any, dtype: Any) -> Any:
            self.now += nbytes
            self.most = max(self.now, self.most)

        def give(self, nbytes: int, record: Any) -> None:
            self.now -= nbytes

    for size in (10_000, 100_000):
        x = allocate((size,), float)
        state.ledger = peak = Peak()
        _y = (x * 2 + 1) * 3
        assert peak.most == pytest.approx(peak_of(np.ones(size)), rel=0.05)


def test_writing_to_real_memory_is_refused() -> None:
    x = allocate((3,), float)
    for write in (
        lambda a: np.add(x, 1, out=a),
        lambda a: np.copyto(a, x),
        lambda a: a.__setitem__(slice(None), x),
    ):
        with pytest.raises((ValueError, UnknownValues)):
            write(np.zeros(3))
