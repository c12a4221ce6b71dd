"""make_tensor: intervals, types, strides, zeros."""

from __future__ import annotations

import pytest

import adjoint as torch
from adjoint.testing import make_tensor


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (torch.bool, 0, 1),
        (torch.uint8, 0, 9),
        (torch.int8, -9, 9),
        (torch.int64, -9, 9),
        (torch.float16, -9, 9),
        (torch.bfloat16, -9, 9),
        (torch.float32, -9, 9),
        (torch.float64, -9, 9),
    ],
)
def test_defaults(dtype, low, high) -> None:
    t = make_tensor((1000,), dtype=dtype, device="cpu")
    assert t.dtype == dtype
    values = t.double()
    assert low <= values.min() < values.max() <= high
    assert values.max() - values.min() > 0.9 * (high - low)


def test_shapes() -> None:
    assert make_tensor(2, 3, dtype=torch.int64).shape == (2, 3)
    assert make_tensor([2, 3], dtype=torch.int64).shape == (2, 3)
    assert make_tensor((), dtype=torch.float32).shape == ()


def test_complex_draws_both_parts() -> None:
    z = make_tensor(50, dtype=torch.complex64, low=1, high=2, requires_grad=True)
    assert z.requires_grad
    for part in (z.detach().real, z.detach().imag):
        assert part.min() >= 1
        assert part.max() <= 2


def test_limits_of_integers_are_rounded_up() -> None:
    t = make_tensor(100, dtype=torch.int64, low=0.5, high=2.5)
    assert sorted(set(t.tolist())) == [1, 2]


def test_limits_are_brought_into_what_the_type_holds() -> None:
    t = make_tensor(100, dtype=torch.uint8, low=-100, high=3)
    assert (int(t.min()), int(t.max())) == (0, 2)


def test_noncontiguous() -> None:
    t = make_tensor((2, 3), dtype=torch.float64, noncontiguous=True)
    assert t.stride() == (6, 2)
    assert make_tensor((1,), dtype=torch.float64, noncontiguous=True).is_contiguous()


def test_exclude_zero() -> None:
    assert make_tensor(100, dtype=torch.bool, exclude_zero=True).all()
    assert (make_tensor(100, dtype=torch.int8, low=0, high=2, exclude_zero=True) == 1).all()
    assert (make_tensor(100, dtype=torch.float32, exclude_zero=True) != 0).all()


def test_the_seed_decides() -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(make_tensor(5, dtype=torch.float32).tolist())
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": torch.int64, "requires_grad": True}, "not supported for boolean and integral"),
        ({"dtype": torch.float32, "low": 2, "high": 1}, "`low` must be less than `high`"),
        ({"dtype": torch.float32, "low": float("nan")}, "cannot be NaN"),
        ({"dtype": torch.uint8, "low": 300, "high": 400}, r"only supports \[0, 256\)"),
        (
            {
                "dtype": torch.float32,
                "noncontiguous": True,
                "memory_format": torch.contiguous_format,
            },
            "mutually exclusive",
        ),
    ],
)
def test_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_tensor(2, **options)


def test_the_type_has_to_be_a_dtype() -> None:
    with pytest.raises(TypeError, match=r"is not supported by torch\.testing\.make_tensor"):
        make_tensor(2, dtype="float32")


def test_memory_format() -> None:
    t = make_tensor((2, 3, 4, 5), dtype=torch.float32, memory_format=torch.channels_last)
    assert t.stride() == (60, 1, 15, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.complex64])
def test_the_whole_range_of_a_type(dtype) -> None:
    t = make_tensor(50, dtype=dtype, low=float("-inf"), high=float("inf")).abs()
    assert t.isfinite().any()
    assert t.max() > torch.finfo(dtype).max / 100


def test_an_interval_of_one_number() -> None:
    with pytest.warns(FutureWarning, match="low==high"):
        t = make_tensor(3, dtype=torch.float32, low=2, high=2)
    assert t.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="must be less"):
        make_tensor(3, dtype=torch.int64, low=2, high=2)
