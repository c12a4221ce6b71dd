"""Random functions under random nestings of transforms: each is held to what it is made of.

A nesting is checked from the outside: a derivative against central differences of the function that
it differentiates, which is itself transformed; a batch against the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as torch
from adjoint.autograd.lifted import Level
from adjoint.func import grad, hessian, jacfwd, jacrev, jet, jvp, linearize, vjp, vmap

SIZE = 3
STEP = 1e-5
F = Callable[[Any], Any]

SMOOTH: list[F] = [
    torch.tanh, torch.sin, torch.exp, torch.sigmoid,
    lambda x: x**2, lambda x: 1 / (1 + x * x), lambda x: (x * x + 1).log(),
    lambda x: x.softmax(0), lambda x: x.cumsum(0), lambda x: x.flip(0) * x,
    lambda x: x - x.mean(), lambda x: torch.outer(x, x).sum(1), lambda x: x * x.norm(),
    lambda x: torch.cat([x[1:], x[:1]]) * x, lambda x: (x @ x) * x,
    lambda x: torch.where(x > 0, x.sin(), x), lambda x: torch.stack([x, x.cos()]).prod(0),
]  # fmt: skip


def random_function(rng: np.random.Generator) -> F:
    """A smooth map from R³ to R³."""
    steps = [SMOOTH[i] for i in rng.integers(len(SMOOTH), size=rng.integers(1, 4))]
    matrix = torch.tensor(rng.uniform(-1, 1, (SIZE, SIZE)))

    def function(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return matrix @ x + x

    return function


def flat(x: Any) -> Any:
    return x.reshape(-1)


def differences(f: F, direction: Any) -> F:
    """The derivative of f along a direction, by central differences."""
    return lambda x: (f(x + STEP * direction) - f(x - STEP * direction)) / (2 * STEP)


def jacobian_of(f: F) -> F:
    eye = torch.eye(SIZE, dtype=torch.float64)
    return lambda x: torch.stack([differences(f, e)(x) for e in eye], -1)


def transformed(f: F, rng: np.random.Generator) -> tuple[str, F, F]:
    """(name, f under a random transform, the same by differences or loops)."""
    v = torch.tensor(rng.uniform(-1, 1, SIZE))
    u = torch.tensor(rng.uniform(-1, 1, 200))
    scales = torch.tensor(rng.uniform(0.5, 1.5, (2, 1)))

    def pull(x: Any) -> Any:
        out, back = vjp(f, x)
        return back(u[: out.numel()].reshape(out.shape))[0]

    def along(x: Any) -> Any:
        return jet(f, (x,), ([v, torch.zeros_like(v)],))[1][0]

    def weighted(x: Any) -> Any:
        out = f(x)
        return (out * u[: out.numel()]).sum()

    transposed: F = lambda x: jacobian_of(f)(x).mT @ u[: jacobian_of(f)(x).shape[0]]  # noqa: E731
    pushed = differences(f, v)
    choices: list[tuple[str, F, F]] = [
        ("grad", grad(weighted), transposed),
        ("vjp", pull, transposed),
        ("jvp", lambda x: jvp(f, (x,), (v,))[1], pushed),
        ("linearize", lambda x: linearize(f, x)[1](v), pushed),
        ("jet", along, pushed),
        ("jacrev", lambda x: flat(jacrev(f)(x)), lambda x: flat(jacobian_of(f)(x))),
        ("jacfwd", lambda x: flat(jacfwd(f)(x)), lambda x: flat(jacobian_of(f)(x))),
        (
            "vmap",
            lambda x: flat(vmap(f)(x * scales)),
            lambda x: torch.cat([f(x * scales[0]), f(x * scales[1])]),
        ),
        (
            "vmap with a closure",
            lambda x: flat(vmap(lambda s: f(x * s) * x.sum(), in_dims=1, out_dims=1)(scales.mT).mT),
            lambda x: torch.cat([f(x * scales[0]) * x.sum(), f(x * scales[1]) * x.sum()]),
        ),
    ]
    return choices[rng.integers(len(choices))]


def nested(seed: int) -> tuple[list[str], F, F]:
    """Two to four transforms around a random function; the outermost also by its definition."""
    rng = np.random.default_rng(seed)
    f: F = random_function(rng)
    reference = f
    names: list[str] = []
    for _ in range(rng.integers(2, 5)):
        inner = f
        name, f, reference = transformed(inner, rng)
        names.append(name)
        if np.prod([SIZE if n.startswith("jac") else 1 for n in names]) > 9:
            break
    return names, f, reference


@pytest.mark.parametrize("seed", range(60))
def test_random_nesting(seed: int) -> None:
    names, f, reference = nested(seed)
    x = torch.tensor(np.random.default_rng([seed, 1]).uniform(0.3, 0.9, SIZE))
    got, want = f(x), reference(x)
    assert not got.requires_grad, names
    scale = max(1.0, float(want.abs().max()))
    assert float((got - want).abs().max()) <= 2e-6 * scale, (names, got, want)


def test_levels_are_not_confused() -> None:
    """The derivative of x ↦ x · d/dy (x + y) is 1 in every mix of modes."""
    one = torch.tensor(1.0)

    def forward(f: F, x: Any) -> Any:
        return jvp(f, (x,), (one,))[1]

    def reverse(f: F, x: Any) -> Any:
        return grad(f)(x)

    def taylor(f: F, x: Any) -> Any:
        return jet(f, (x,), ([one],))[1][0]

    for outer in (forward, reverse, taylor):
        for inner in (forward, reverse, taylor):
            found = outer(lambda x, d=inner: x * d(lambda y: x + y, one), one)  # type: ignore[misc]
            assert float(found) == 1.0, (outer, inner)
            found = vmap(lambda x, o=outer, d=inner: o(lambda y: x * d(lambda z: y * z * x, y), x))(
                torch.tensor([1.0, 2.0])
            )
            assert found.tolist() == [1.0, 4.0], (outer, inner)


def test_a_history_outside_is_kept_and_only_that() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([3.0, 5.0])
    slope = grad(lambda x: (w * x**2).sum())(x)
    assert slope.requires_grad
    slope.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [6.0, 10.0]
    assert x.grad is None
    with torch.no_grad():
        assert not grad(lambda x: (w * x**2).sum())(x).requires_grad
    for f in (grad(lambda x: (x**2).sum()), hessian(lambda x: (x**3).sum()), jacrev(torch.sin)):
        assert not f(x).requires_grad
    value, pull = vjp(lambda x: x * w, x)
    assert value.requires_grad and pull(torch.ones(2))[0].requires_grad
    assert not vjp(torch.sin, x)[0].requires_grad


def test_no_level_outlives_its_transform() -> None:
    from adjoint.autograd import modes

    def fails(x: Any) -> Any:
        raise KeyError("inside")

    x = torch.ones(2)
    for run in (
        lambda: vmap(fails)(x),
        lambda: jvp(fails, (x,), (x,)),
        lambda: jet(fails, (x,), ([x],)),
        lambda: grad(fails)(x),
        lambda: vmap(grad(fails))(x),
    ):
        with pytest.raises(KeyError):
            run()
        assert modes.lifted == 0 and modes.state.levels == () and modes.state.grad


def test_a_tensor_that_escapes_is_refused() -> None:
    kept: list[Any] = []

    def keeps(x: Any) -> Any:
        kept.append(x)
        return x * 2

    vmap(keeps)(torch.ones(2, 3))
    refused = pytest.raises(RuntimeError, match="made inside vmap and is used after it has ended")
    with refused, Level("vmap", 2):
        kept[0] + 1
