"""Elementwise functions as users call them: forms, dtypes, errors, aliasing, subgradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as torch
from adjoint.api import activation as F

NAN, INF = math.nan, math.inf


def same(t: torch.Tensor, values: object, dtype: torch.dtype = torch.float32) -> None:
    assert t.dtype is dtype
    np.testing.assert_allclose(t.detach().numpy(), values, rtol=1e-6, atol=1e-7)


def gradient(f, *values: object) -> list[float]:
    """The gradient of sum(f(x)) at the first argument, in float64."""
    x = torch.tensor(values[0], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(f(x), x, torch.ones_like(x))
    return g.tolist()


def pair_gradient(f, a: float, b: float) -> tuple[float, float]:
    x = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    gx, gy = torch.autograd.grad(f(x, y), (x, y))
    return gx.item(), gy.item()


class TestUnary:
    @pytest.mark.parametrize("name", ["exp", "log1p", "sin", "tanh", "sigmoid", "erf", "rsqrt"])
    def test_integers_become_the_default_float(self, name):
        t = torch.tensor([1, 2])
        function, method = getattr(torch, name), getattr(t, name)
        assert function(t).dtype is torch.float32
        same(method(), function(torch.tensor([1.0, 2.0])).numpy())

    @pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round", "abs", "sgn", "square"])
    def test_integers_stay(self, name):
        t = getattr(torch, name)(torch.tensor([3, -4]))
        assert t.dtype is torch.int64

    def test_a_result_never_shares_memory(self):
        x = torch.tensor([1, 2])
        for result in (torch.floor(x), torch.round(x), torch.abs(x), torch.pow(x, 1)):
            result[0] = 100
            assert x.tolist() == [1, 2]

    def test_what_is_no_tensor_is_refused(self):
        with pytest.raises(TypeError, match=r"exp\(\): argument 'input' .* must be Tensor"):
            torch.exp(3)

    @pytest.mark.parametrize(
        ("call", "name"),
        [
            (lambda: torch.floor(torch.tensor([True])), "floor"),
            (lambda: torch.abs(torch.tensor([True])), "abs"),
            (lambda: torch.frac(torch.tensor([1])), "frac"),
            (lambda: torch.erf(torch.tensor([1j])), "erf"),
            (lambda: torch.round(torch.tensor([1]), decimals=1), "round"),
            (lambda: F.gelu(torch.tensor([1])), "gelu"),
        ],
    )
    def test_undefined_dtypes_are_named(self, call, name):
        with pytest.raises(NotImplementedError, match=f'"{name}_cpu" not implemented for'):
            call()

    def test_out(self):
        out = torch.zeros(2)
        assert torch.exp(torch.tensor([0.0, 1.0]), out=out) is out
        same(out, [1.0, math.e])

    def test_in_place(self):
        x = torch.tensor([1.0, 4.0])
        assert x.sqrt_() is x
        same(x, [1.0, 2.0])
        with pytest.raises(RuntimeError, match="result type Float can't be cast"):
            torch.tensor([1]).exp_()

    def test_in_place_function_keeps_history(self):
        x = torch.tensor([1.0, -2.0], requires_grad=True)
        y = x * 2
        torch.relu_(y)
        y.sum().backward()
        assert x.grad.tolist() == [2.0, 0.0]

    def test_half_precision_stays(self):
        for dtype in (torch.float16, torch.bfloat16):
            x = torch.tensor([0.5, 0.25], dtype=dtype)
            for f in (torch.exp, torch.tanh, torch.sigmoid, torch.erf, torch.sqrt, F.gelu, F.elu):
                assert f(x).dtype is dtype

    def test_special_values(self):
        assert torch.sign(torch.tensor([NAN, -0.0, -3.0])).tolist() == [0.0, 0.0, -1.0]
        assert torch.sinc(torch.tensor([0.0])).tolist() == [1.0]
        assert torch.round(torch.tensor([0.5, 1.5, -2.5])).tolist() == [0.0, 2.0, -2.0]
        same(torch.round(torch.tensor([1.234]), decimals=2), [1.23])
        assert torch.isnan(torch.logit(torch.tensor([2.0]))).item()
        same(torch.logit(torch.tensor([2.0]), eps=0.5), [0.0])


class TestSubgradients:
    """What torch takes where there is no derivative."""

    def test_of_one(self):
        assert gradient(torch.relu, [0.0]) == [0.0]
        assert gradient(torch.abs, [0.0, NAN]) == [0.0, 0.0]
        assert gradient(torch.floor, [1.0]) == [0.0]
        assert gradient(torch.sign, [0.0]) == [0.0]
        assert gradient(torch.sqrt, [0.0]) == [INF]
        assert gradient(torch.rsqrt, [0.0]) == [-INF]
        assert gradient(lambda x: x.clamp(-1, 1), [-1.0, 1.0, 2.0]) == [1.0, 1.0, 0.0]
        assert gradient(torch.nan_to_num, [NAN, INF, 1.0]) == [0.0, 0.0, 1.0]
        assert gradient(lambda x: x**0, [0.0, 2.0]) == [0.0, 0.0]

    def test_of_two(self):
        assert pair_gradient(torch.maximum, 1.0, 1.0) == (0.5, 0.5)
        assert pair_gradient(torch.minimum, 1.0, 1.0) == (0.5, 0.5)
        assert pair_gradient(torch.fmax, NAN, 1.0) == (0.0, 1.0)
        assert pair_gradient(torch.fmod, -7.0, 2.0) == (1.0, 3.0)
        assert pair_gradient(torch.remainder, -7.0, 2.0) == (1.0, 4.0)
        assert pair_gradient(torch.atan2, 0.0, 0.0) == (0.0, 0.0)
        assert pair_gradient(torch.pow, 0.0, 0.0) == (0.0, 0.0)
        gx, gy = pair_gradient(torch.xlogy, 0.0, 0.0)
        assert gx == 0.0
        assert math.isnan(gy)
        assert all(map(math.isnan, pair_gradient(torch.hypot, 0.0, 0.0)))
        assert math.isnan(pair_gradient(torch.pow, -2.0, 2.0)[1])

    def test_masks_stop_infinities(self):
        # The slope of sqrt at 0 is inf; relu, where and floor must not make nan of it.
        assert gradient(lambda x: torch.relu(x).sqrt(), [-1.0, 4.0]) == [0.0, 0.25]
        assert gradient(lambda x: torch.where(x > 1, x, 0.0).sqrt(), [-1.0, 4.0]) == [0.0, 0.25]
        assert gradient(lambda x: torch.floor(x).sqrt(), [0.5]) == [0.0]

    def test_masked_gradients_are_positive_zeros(self):
        g = gradient(lambda x: torch.relu(x) * -1.0, [-1.0, 2.0])
        assert math.copysign(1.0, g[0]) == 1.0


class TestPow:
    def test_forms(self):
        x = torch.tensor([2.0, 3.0])
        for y in (x**2, x.pow(2), torch.pow(x, 2), torch.pow(x, torch.tensor(2))):
            same(y, [4.0, 9.0])
        same(2**x, [4.0, 8.0])
        same(torch.pow(2, x), [4.0, 8.0])
        y = x.clone()
        y **= 2
        same(y, [4.0, 9.0])

    def test_dtypes(self):
        i = torch.tensor([3, -4])
        same(i**2, [9, 16], torch.int64)
        same(i**2.0, [9, 16], torch.float32)
        same(torch.float_power(i, 2), [9, 16], torch.float64)
        same(torch.tensor([True]) ** 2, [1], torch.int64)
        same(torch.tensor([1, -1, 2]) ** torch.tensor([-3, -3, -1]), [1, -1, 0], torch.int64)

    def test_negative_integer_power(self):
        with pytest.raises(RuntimeError, match="Integers to negative integer powers"):
            torch.tensor([1, 2]) ** -1

    def test_node_names(self):
        x = torch.tensor([2.0], requires_grad=True)
        assert (x**2).grad_fn.name() == "PowBackward0"
        assert (x**x).grad_fn.name() == "PowBackward1"

    @pytest.mark.parametrize("p", [0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5])
    def test_second_derivative(self, p):
        x = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)
        (g,) = torch.autograd.grad(x**p, x, create_graph=True)
        np.testing.assert_allclose(g.item(), p * 1.5 ** (p - 1), rtol=1e-12)
        if p not in (0, 1):
            (h,) = torch.autograd.grad(g, x)
            np.testing.assert_allclose(h.item(), p * (p - 1) * 1.5 ** (p - 2), rtol=1e-12)

    def test_foreign_operands(self):
        with pytest.raises(TypeError):
            torch.tensor([1.0]) ** "a"
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            torch.pow(2, 3)


class TestDivision:
    def test_operators(self):
        i = torch.tensor([7, -7])
        same(i // 2, [3, -4], torch.int64)
        same(i % 3, [1, 2], torch.int64)
        same(7 // torch.tensor([2, -2]), [3, -4], torch.int64)
        same(torch.tensor([5.5, -5.5]) % 2, [1.5, 0.5])
        same(torch.fmod(torch.tensor([-7.0]), 3), [-1.0])

    def test_rounding_mode(self):
        i = torch.tensor([7, -7])
        same(torch.div(i, 2), [3.5, -3.5])
        same(torch.div(i, 2, rounding_mode="floor"), [3, -4], torch.int64)
        same(torch.div(i, 2, rounding_mode="trunc"), [3, -3], torch.int64)
        with pytest.raises(RuntimeError, match="expected rounding_mode to be one of None"):
            torch.div(i, 2, rounding_mode="up")

    @pytest.mark.parametrize("f", [torch.floor_divide, torch.remainder, torch.fmod])
    def test_integers_refuse_zero(self, f):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            f(torch.tensor([1, 2]), 0)
        assert not torch.isfinite(f(torch.tensor([1.0]), 0)).any()


class TestSelection:
    def test_where(self):
        x = torch.tensor([1.0, -1.0])
        same(torch.where(x > 0, x, 0), [1.0, 0.0])
        same(x.where(x > 0, 5.0), [1.0, 5.0])
        same(torch.where(x > 0, 1, 2), [1, 2], torch.int64)
        same(torch.where(x > 0, torch.tensor([1, 2]), 0.5), [1.0, 0.5])
        assert [t.tolist() for t in torch.where(x > 0)] == [[0]]
        with pytest.raises(RuntimeError, match="boolean tensor, but got a tensor with dtype Float"):
            torch.where(x, x, x)

    def test_where_chooses_bits(self):
        """Large tensors are selected by bits: nan, inf and -0.0 come through as they are."""
        n = 10_000
        x = np.resize(np.array([NAN, INF, -0.0, 3.0], np.float32), n)
        y = np.resize(np.array([1.0, -INF, 0.0], np.float32), n)
        c = np.resize(np.array([True, False, True, True, False]), n)
        t = torch.where(torch.from_numpy(c), torch.from_numpy(x), torch.from_numpy(y)).numpy()
        want = np.where(c, x, y)
        assert (t.view(np.int32) == want.view(np.int32)).all()
        t = torch.where(torch.from_numpy(c), torch.from_numpy(x), 2.0).numpy()
        assert (t.view(np.int32) == np.where(c, x, np.float32(2)).view(np.int32)).all()

    def test_clamp(self):
        x = torch.tensor([-2.0, 0.5, 2.0])
        same(x.clamp(-1, 1), [-1.0, 0.5, 1.0])
        same(x.clip(max=torch.tensor([0.0, 0.0, 3.0])), [-2.0, 0.0, 2.0])
        same(x.clamp(2, 1), [1.0, 1.0, 1.0])
        same(torch.tensor([1, 5]).clamp(1.5), [1.5, 5.0])
        same(torch.tensor([1, 5]).clamp(min=2), [2, 5], torch.int64)
        with pytest.raises(RuntimeError, match="At least one of 'min' or 'max'"):
            x.clamp()
        with pytest.raises(TypeError, match="two Tensors or two numbers"):
            x.clamp(x, 3)

    def test_limits_have_gradients(self):
        x = torch.tensor([-2.0, 0.5])
        low = torch.tensor([0.0, 0.0], requires_grad=True)
        torch.clamp(x, min=low).sum().backward()
        assert low.grad.tolist() == [1.0, 0.0]

    def test_extremes_take_tensors(self):
        with pytest.raises(TypeError, match=r"maximum\(\): argument 'other'.*torch.clamp"):
            torch.maximum(torch.tensor([1.0]), 2.0)
        assert torch.fmax(torch.tensor([NAN]), torch.tensor([1.0])).item() == 1.0
        assert math.isnan(torch.maximum(torch.tensor([NAN]), torch.tensor([1.0])).item())


class TestComplex:
    def test_parts_share_memory(self):
        z = torch.tensor([1 + 2j, 3 - 4j])
        z.real[0] = 10.0
        z.imag = torch.tensor([7.0, 8.0])
        assert z.tolist() == [10 + 7j, 3 + 8j]
        pairs = torch.view_as_real(z)
        pairs[1, 0] = -1.0
        assert z[1].item() == -1 + 8j
        assert torch.view_as_complex(pairs)[0].item() == 10 + 7j

    def test_gradient_is_steepest_ascent(self):
        z = torch.tensor(1 + 2j, requires_grad=True)
        (z.abs() ** 2).backward()
        assert z.grad.item() == pytest.approx(2 + 4j)

    def test_real_tensors(self):
        x = torch.tensor([1.0])
        assert torch.real(x) is x
        assert torch.conj(x) is x
        with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-comp"):
            torch.imag(x)
        with pytest.raises(RuntimeError, match="dimension of size 2"):
            torch.view_as_complex(torch.zeros(3))

    def test_complex_refuses_mixed_types(self):
        x = torch.tensor([1.0])
        with pytest.raises(RuntimeError, match="Expected object of scalar type Float"):
            torch.complex(x, x.double())
        with pytest.raises(RuntimeError, match="Half, Float or Double"):
            torch.complex(torch.tensor([1]), torch.tensor([1]))

    def test_sign(self):
        assert torch.sgn(torch.tensor([3 + 4j, 0j])).tolist() == pytest.approx([0.6 + 0.8j, 0j])
        with pytest.raises(NotImplementedError, match=r"torch\.sgn"):
            torch.sign(torch.tensor([1j]))


class TestMore:
    def test_fused(self):
        x = torch.tensor([1.0, 2.0])
        same(torch.addcmul(x, x, x, value=0.5), [1.5, 4.0])
        same(torch.addcdiv(x, x, x), [2.0, 3.0])
        same(torch.lerp(x, x + 1, 0.5), [1.5, 2.5])
        with pytest.raises(RuntimeError, match="Integer division with addcdiv"):
            torch.addcdiv(x, torch.tensor([1]), torch.tensor([1]))
        with pytest.raises(RuntimeError, match="`end`"):
            torch.lerp(x, x.double(), 0.5)

    def test_predicates(self):
        x = torch.tensor([[1.0, 2.0]])
        assert x.numel() == torch.numel(x) == 2
        assert torch.is_tensor(x)
        assert not torch.is_tensor(1)
        assert x.is_floating_point()
        assert not x.is_complex()
        assert torch.result_type(torch.tensor([1]), 1.5) is torch.float32
        assert not torch.can_cast(torch.float32, torch.int64)
        with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
            torch.is_nonzero(x)

    def test_special_functions(self):
        same(torch.special.expit(torch.tensor([0.0])), [0.5])
        same(torch.polygamma(1, torch.tensor([1.0])), [math.pi**2 / 6])
        same(torch.xlogy(torch.tensor([0.0, 2.0]), 0.0), [0.0, -INF])
        same(torch.special.gammaln(torch.tensor([5])), [math.log(24)])
        with pytest.raises(RuntimeError, match="does not support negative n"):
            torch.polygamma(-1, torch.tensor([1.0]))

    def test_frexp(self):
        mantissa, exponent = torch.frexp(torch.tensor([6.0, 0.0]))
        same(mantissa, [0.75, 0.0])
        same(exponent, [3, 0], torch.int32)
