"""custom_vjp and custom_jvp: rules for plain functions, in every order."""

from __future__ import annotations

import gc
import weakref
from collections import namedtuple

import pytest

import adjoint as torch
from adjoint.autograd import custom_jvp, custom_vjp, gradcheck, gradgradcheck


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


Residuals = namedtuple("Residuals", "x parts")


def make_tanh(residuals):
    """tanh(x) whose backward takes its residuals in one form or another."""

    @custom_vjp
    def tanh(x):
        """Hyperbolic tangent."""
        return torch.tanh(x)

    def fwd(x):
        out = torch.tanh(x)
        return out, residuals(x, out)

    def bwd(kept, ct):
        if isinstance(kept, Residuals):
            kept = kept.parts["slope"][0]
        return (ct * kept,)

    tanh.defvjp(fwd, bwd)
    return tanh


def test_values_and_names() -> None:
    tanh = make_tanh(lambda x, out: 1 - out * out)
    x = leaf(0.5)
    y = tanh(x)
    assert y.tolist() == torch.tanh(x).tolist()
    assert y.grad_fn.name() == "tanhBackward"
    assert tanh.__doc__ == "Hyperbolic tangent."


@pytest.mark.parametrize(
    "residuals",
    [
        lambda x, out: 1 - out * out,
        lambda x, out: Residuals(x, {"slope": [1 - out * out, None, 3]}),
    ],
)
def test_every_order_even_with_residuals_that_are_neither_inputs_nor_outputs(residuals) -> None:
    tanh = make_tanh(residuals)
    x = leaf(0.3, -0.7)
    assert gradcheck(tanh, x)
    assert gradgradcheck(tanh, x)
    y, want = tanh(x), torch.tanh(x)
    for _ in range(3):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (want,) = torch.autograd.grad(want.sum(), x, create_graph=True)
        torch.testing.assert_close(y, want)


def test_the_rule_is_used() -> None:
    @custom_vjp
    def clip(x, limit=1.0):
        return x * 1

    clip.defvjp(lambda x, limit: (x * 1, limit), lambda limit, ct: (ct.clamp(-limit, limit), None))
    x = leaf(2.0)
    (clip(x, limit=0.5) * 3 + clip(x) * 3).sum().backward()
    assert x.grad.tolist() == [1.5]


def test_several_outputs() -> None:
    @custom_vjp
    def both(a, b):
        return a * b, a + b

    both.defvjp(
        lambda a, b: ((a * b, a + b), (a, b)),
        lambda kept, cts: (cts[0] * kept[1] + cts[1], cts[0] * kept[0] + cts[1]),
    )
    assert gradcheck(both, (leaf(1.0, 2.0), leaf(3.0, 4.0)))
    assert gradgradcheck(both, (leaf(1.0, 2.0), leaf(3.0, 4.0)))


def test_arguments_without_derivative_come_first() -> None:
    @custom_vjp
    def plain(x):
        return x

    seen = []

    def scale(f, x, k):
        return f(x) * k

    scaled = custom_vjp(scale, nondiff_argnums=(0, 2))

    def bwd(f, k, residuals, ct):
        seen.append((f(3), k))
        return ct * k

    scaled.defvjp(lambda f, x, k: (f(x) * k, None), bwd)
    x = leaf(1.0)
    scaled(lambda v: v, x, 4).sum().backward()
    assert x.grad.tolist() == [4.0]
    assert seen == [(3, 4)]


def test_nothing_is_recorded_unless_needed() -> None:
    ran = []

    @custom_vjp
    def f(x):
        ran.append("fun")
        return x * 2

    f.defvjp(lambda x: (ran.append("fwd"), (x * 2, None))[1], lambda kept, ct: (ct * 2,))
    f(leaf(1.0).detach())
    with torch.no_grad():
        f(leaf(1.0))
    f(leaf(1.0))
    assert ran == ["fun", "fun", "fwd"]


def test_no_reference_cycles() -> None:
    tanh = make_tanh(lambda x, out: out)
    gc.collect()
    gc.disable()
    try:
        y = tanh(leaf(1.0))
        watched = weakref.ref(y)
        del y
        assert watched() is None
    finally:
        gc.enable()


def test_saved_residuals_are_checked() -> None:
    tanh = make_tanh(lambda x, out: 1 - x)
    x = leaf(1.0) * 1
    y = tanh(x)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


# custom_jvp


@custom_jvp
def log1pexp(x):
    return torch.log(1 + torch.exp(x))


@log1pexp.defjvp
def _(primals, tangents):
    (x,), (t,) = primals, tangents
    return log1pexp(x), t * (1 - 1 / (1 + torch.exp(x)))


def test_one_rule_serves_backward_in_every_order() -> None:
    x = leaf(0.3, -0.7)
    assert gradcheck(log1pexp, x)
    assert gradgradcheck(log1pexp, x)
    y, want = log1pexp(x), torch.log(1 + torch.exp(x))
    for _ in range(3):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (want,) = torch.autograd.grad(want.sum(), x, create_graph=True)
        torch.testing.assert_close(y, want)
    large = leaf(100.0)
    log1pexp(large).sum().backward()
    assert large.grad.tolist() == [1.0]


def test_the_rule_is_the_jvp_of_the_function() -> None:
    ctx = log1pexp(leaf(0.0)).grad_fn
    assert ctx.apply_jvp(torch.ones(1, dtype=torch.float64)).tolist() == [0.5]


def make_product():
    product = custom_jvp(lambda name, a, k, b: (a * b * k, a + b), nondiff_argnums=(0,))

    def rule(name, primals, tangents):
        (a, k, b), (ta, tk, tb) = primals, tangents
        assert (name, tk) == ("name", None)
        return product(name, a, k, b), ((ta * b + a * tb) * k, ta + tb)

    product.defjvp(rule)
    return product


def test_several_arguments_and_outputs() -> None:
    product = make_product()
    f = lambda a, b: product("name", a, 3, b)  # noqa: E731
    assert gradcheck(f, (leaf(1.0, 2.0), leaf(3.0, 4.0)))
    assert gradgradcheck(f, (leaf(1.0, 2.0), leaf(3.0, 4.0)))
    assert gradcheck(f, (leaf(1.0), torch.ones(1, dtype=torch.float64)))


def test_complex() -> None:
    square = custom_jvp(lambda z: z * z)
    square.defjvp(lambda primals, tangents: (primals[0] ** 2, 2 * primals[0] * tangents[0]))
    z = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)
    assert gradcheck(square, z)
    assert gradgradcheck(square, z)


def test_one_rule_per_argument() -> None:
    power = custom_jvp(lambda k, x, y: x**k * y, nondiff_argnums=(0,))
    power.defjvps(lambda t, out, x, y: 3 * x * x * y * t, lambda t, out, x, y: x * x * x * t)
    assert gradcheck(lambda x, y: power(3, x, y), (leaf(1.5), leaf(2.0)))
    frozen = custom_jvp(lambda x, y: x * y)
    frozen.defjvps(lambda t, out, x, y: t * y, None)
    x, y = leaf(2.0), leaf(3.0)
    frozen(x, y).sum().backward()
    assert (x.grad.tolist(), y.grad) == ([3.0], None)


# Misuse


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (custom_vjp, "No VJP defined for custom_vjp function f using defvjp"),
        (custom_jvp, "No JVP defined for custom_jvp function f using defjvp"),
    ],
)
def test_the_rule_is_missing(decorator, message) -> None:
    @decorator
    def f(x):
        return x

    with pytest.raises(AttributeError, match=message):
        f(leaf(1.0))


def test_wrong_rules() -> None:
    f = custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: x * y, lambda kept, ct: (ct,))
    with pytest.raises(TypeError, match=r"must return a pair \(output, residuals\)"):
        f(leaf(1.0), leaf(2.0))
    f.defvjp(lambda x, y: (x * y, None), lambda kept, ct: (ct,))
    with pytest.raises(TypeError, match="one cotangent for each of 2 arguments"):
        f(leaf(1.0), leaf(2.0)).sum().backward()
    g = custom_jvp(lambda x: x * 2)
    g.defjvp(lambda primals, tangents: tangents[0])
    with pytest.raises(TypeError, match=r"must return a pair \(output, tangent\)"):
        g(leaf(1.0)).sum().backward()


def test_keyword_only_arguments_are_refused() -> None:
    @custom_vjp
    def f(x, *, k=2):
        return x * k

    f.defvjp(lambda x: (x, None), lambda kept, ct: (ct,))
    with pytest.raises(TypeError, match=r"cannot have keyword-only arguments \(k\)"):
        f(leaf(1.0))
