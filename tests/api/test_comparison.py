"""Comparisons, logic and bits: operators, dtypes, foreign operands, errors."""

from __future__ import annotations

import math

import pytest

import adjoint as torch

NAN, INF = math.nan, math.inf


class TestComparison:
    def test_operators(self):
        x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 2.0, 1.0])
        assert (x < y).tolist() == [True, False, False]
        assert (x <= 2).tolist() == [True, True, False]
        assert (x > 2).tolist() == [False, False, True]
        assert (x == y).tolist() == [False, True, False]
        assert (x != 2.0).tolist() == [True, False, True]
        assert (x >= torch.tensor([1, 3, 3])).tolist() == [True, False, True]
        assert (torch.tensor([1, 2]) < 1.5).tolist() == [True, False]
        assert (x > 0).dtype is torch.bool

    def test_results_have_no_gradient(self):
        x = torch.tensor([1.0], requires_grad=True)
        for t in (x > 0, x == x, torch.isnan(x), torch.logical_not(x), torch.signbit(x)):
            assert not t.requires_grad

    def test_foreign_operands(self):
        x = torch.tensor([1.0])
        assert (x == None) is False  # noqa: E711
        assert (x != "a") is True
        with pytest.raises(TypeError, match="'<' not supported"):
            _ = x < "a"
        with pytest.raises(TypeError, match="invalid combination"):
            torch.eq(1, x)

    def test_hash_is_by_identity(self):
        x, y = torch.tensor([1.0]), torch.tensor([1.0])
        assert len({x, y, x}) == 2

    def test_complex_numbers_have_no_order(self):
        c = torch.tensor([1j])
        assert (c == c).tolist() == [True]
        with pytest.raises(NotImplementedError, match='"lt_cpu" not implemented'):
            _ = c < c

    def test_close(self):
        x = torch.tensor([1.0, NAN])
        assert torch.isclose(x, x).tolist() == [True, False]
        assert torch.allclose(x, x, equal_nan=True)
        assert torch.isclose(torch.tensor([INF]), torch.tensor([INF])).item()
        with pytest.raises(RuntimeError, match="Float did not match Double"):
            torch.isclose(x, x.double())
        with pytest.raises(RuntimeError, match="rtol must be greater"):
            torch.isclose(x, x, rtol=-1)

    def test_equal(self):
        assert torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
        assert not torch.equal(torch.tensor([1, 2]), torch.tensor([[1, 2]]))
        assert not torch.equal(torch.tensor([NAN]), torch.tensor([NAN]))

    def test_in_place(self):
        x = torch.tensor([1.0, 2.0])
        assert x.gt_(1).tolist() == [0.0, 1.0]


class TestBits:
    def test_operators(self):
        i = torch.tensor([6, -3])
        assert (i & 3).tolist() == [2, 1]
        assert (1 | i).tolist() == [7, -3]
        assert (i ^ i).tolist() == [0, 0]
        assert (i << 1).tolist() == [12, -6]
        assert (i >> 1).tolist() == [3, -2]
        assert (~i).tolist() == [-7, 2]
        b = torch.tensor([True, False])
        assert (~b).tolist() == [False, True]
        assert (b & True).dtype is torch.bool
        b &= torch.tensor([False, True])
        assert b.tolist() == [False, False]

    def test_floats_are_refused(self):
        x = torch.tensor([1.0])
        with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
            x & x
        with pytest.raises(TypeError, match="only implemented on integer and Boolean"):
            ~x

    def test_shifts_by_too_much(self):
        i = torch.tensor([3, -4])
        assert (i << 100).tolist() == [0, 0]
        assert (i >> 100).tolist() == [0, -1]

    def test_divisibility(self):
        assert torch.gcd(torch.tensor([12, -18]), torch.tensor([8, 27])).tolist() == [4, 9]
        assert torch.lcm(torch.tensor([4]), torch.tensor([6])).tolist() == [12]
