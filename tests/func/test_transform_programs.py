"""Whole programs written with transforms: each is held to a loop, to another mode or to a number.

What is here was wrong once, or is what people write with torch.func and nothing else tests.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import adjoint as torch
import adjoint.nn.functional as F
from adjoint import nn
from adjoint.autograd import modes
from adjoint.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    vjp,
    vmap,
)
from adjoint.utils.checkpoint import checkpoint

Function = Callable[..., Any]


@pytest.fixture
def batch() -> Any:
    return torch.tensor(
        [[0.3, -0.8, 1.1], [1.4, 0.2, -0.5], [-0.7, 0.9, 0.4], [0.1, 1.2, -1.3]],
        dtype=torch.float64,
    )


def looped(f: Function, batch: Any) -> Any:
    """What vmap has to give."""
    return torch.stack([f(x) for x in batch])


def differences(f: Function, x: Any, step: float = 1e-6) -> Any:
    """The Jacobian of f by central differences."""
    eye = torch.eye(x.numel(), dtype=x.dtype)
    return torch.stack([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in eye], -1)


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    assert a.shape == b.shape
    assert torch.allclose(a, b, rtol=tolerance, atol=tolerance)


def normed(x: Any) -> Any:
    """The norm of one example, which has no dimension but the normalised one."""
    return F.layer_norm(x, [3], x, x * x)


def written(x: Any) -> Any:
    """Some elements written into a value that moves."""
    y = x * 0
    y[1:] += x[:-1] ** 2
    return y * x


MODES: list[tuple[str, Function]] = [
    ("jacrev", jacrev),
    ("jacfwd", jacfwd),
    ("reverse over forward", lambda f: jacrev(lambda x: jvp(f, (x,), (x,))[1])),
    ("forward over forward", lambda f: jacfwd(lambda x: jvp(f, (x,), (x,))[1])),
    ("forward over reverse", lambda f: jacfwd(lambda x: vjp(f, x)[1](x)[0])),
    ("reverse over reverse", lambda f: jacrev(lambda x: vjp(f, x)[1](x)[0])),
]


def primal_of(name: str, f: Function) -> Function:
    """The function that a mode differentiates, in plain reverse mode or none."""
    if " over " not in name:
        return f
    if name.endswith("forward"):
        return lambda x: jacrev(f)(x) @ x
    return lambda x: x @ jacrev(f)(x)


@pytest.mark.parametrize(("name", "mode"), MODES, ids=[name for name, _ in MODES])
def test_every_mode_agrees_with_differences_also_in_a_batch(
    name: str, mode: Function, batch: Any
) -> None:
    f = normed
    close(mode(f)(batch[0]), differences(primal_of(name, f), batch[0]), 1e-7)
    close(vmap(mode(f))(batch), looped(mode(f), batch))


def test_a_parameter_of_layer_norm_of_one_example_is_differentiated_twice(batch: Any) -> None:
    x, weight = batch[0], batch[1].clone().requires_grad_()

    def loss(w: Any) -> Any:
        return F.layer_norm(x, [3], w).sin().sum()

    (slope,) = torch.autograd.grad(loss(weight), weight, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), weight)
    close(second, differences(grad(loss), batch[1]).sum(0), 1e-7)


@pytest.mark.parametrize("use", [grad, hessian, jacfwd, lambda f: jacfwd(jacfwd(f))])
def test_a_checkpoint_computes_again_with_its_tangents(use: Function, batch: Any) -> None:
    def plain(x: Any) -> Any:
        return (x**3).sin().sum()

    def kept(x: Any) -> Any:
        return checkpoint(lambda y: (y**3).sin(), x, use_reentrant=False).sum()

    close(use(kept)(batch[0]), use(plain)(batch[0]))
    close(vmap(use(kept))(batch), looped(use(plain), batch))


def test_a_checkpoint_in_a_batch_is_differentiated_outside(batch: Any) -> None:
    def cubes(x: Any) -> Any:
        return checkpoint(lambda y: (y**3).sum(), x, use_reentrant=False)

    outer = grad(lambda x: vmap(grad(cubes))(x).sum())(batch)
    close(outer, 6 * batch)


def test_functional_call_takes_names_that_the_module_does_not_have(batch: Any) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 3, bias=False).double()
            self.scale = torch.ones(1, dtype=torch.float64)

        def forward(self, x: Any) -> Any:
            out = self.inner(x) * self.scale
            return out + self.shift if hasattr(self, "shift") else out

    module = Scaled()
    own = module(batch)
    values = {"scale": batch[0], "shift": batch[1], "inner.bias": batch[2]}
    close(functional_call(module, values, batch), (own + batch[2]) * batch[0] + batch[1])
    close(module(batch), own)
    assert not hasattr(module, "shift")
    assert module.inner.bias is None

    def loss(shift: Any, x: Any) -> Any:
        return functional_call(module, {"shift": shift}, x).sum()

    close(vmap(grad(loss), in_dims=(None, 0))(batch[0], batch), torch.ones_like(batch))
    with pytest.raises(AttributeError, match="no module named 'other'"):
        functional_call(module, {"other.weight": batch}, batch)
    with pytest.raises(TypeError, match="forward is a method"):
        functional_call(module, {"forward": batch}, batch)
    with pytest.raises(RuntimeError, match="Unexpected"):
        functional_call(module, {"shift": batch}, batch, strict=True)
    close(module(batch), own)


@pytest.mark.parametrize("dim", [0, -1])
def test_numbers_of_an_example_are_stacked_in_one_operation(dim: int, batch: Any) -> None:
    def pair(x: Any) -> Any:
        return torch.stack([x[0], x.sum(), torch.tensor(2.0, dtype=torch.float64)], dim)

    close(vmap(pair)(batch), looped(pair, batch))
    close(vmap(jacrev(pair))(batch), looped(jacrev(pair), batch))
    assert vmap(pair)(batch[:0]).shape == (0, 3)
    out = vmap(lambda x: torch.stack([x, x * 2], dim))(batch.clone().requires_grad_())
    assert type(out.grad_fn.next_functions[0][0]).__name__ != "SelectBackward0"
    close(out, torch.stack([batch, batch * 2], 1 if dim == 0 else -1))


def test_tasks_learn_in_inner_loops(batch: Any) -> None:
    inputs, targets = batch, batch.flip(0)
    start = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64)

    def loss(w: Any, x: Any, y: Any) -> Any:
        return ((torch.tanh(w * x) - y) ** 2).mean()

    def task(w: Any, x: Any, y: Any) -> Any:
        for _ in range(3):
            w = w - 0.1 * grad(loss)(w, x, y)
        return loss(w, y, x)

    def together(w: Any) -> Any:
        return vmap(task, (None, 0, 0))(w, inputs, targets).mean()

    def apart(w: Any) -> Any:
        return torch.stack([task(w, x, y) for x, y in zip(inputs, targets)]).mean()

    close(grad(together)(start), grad(apart)(start))
    close(grad(together)(start), differences(together, start), 1e-7)
    leaf = start.clone().requires_grad_()
    together(leaf).backward()
    close(leaf.grad, grad(apart)(start))


def test_a_linear_solve_is_differentiated_twice_in_a_batch() -> None:
    points = torch.linspace(0.0, 2.0, 5, dtype=torch.float64)
    target = torch.tensor([0.4, -1.0, 0.3, 0.8, -0.6], dtype=torch.float64)
    scales = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)

    def likelihood(scale: Any) -> Any:
        apart = (points[:, None] - points[None]) ** 2
        kernel = torch.exp(-apart / (2 * scale**2)) + 0.1 * torch.eye(5, dtype=torch.float64)
        return target @ torch.linalg.solve(kernel, target) + torch.logdet(kernel)

    def slope(scale: Any) -> Any:
        return (likelihood(scale + 1e-6) - likelihood(scale - 1e-6)) / 2e-6

    close(vmap(grad(likelihood))(scales), looped(slope, scales), 1e-6)
    ways = [hessian, lambda f: jacrev(jacrev(f)), lambda f: jacfwd(jacfwd(f))]
    bent = looped(
        lambda s: (grad(likelihood)(s + 1e-6) - grad(likelihood)(s - 1e-6)) / 2e-6, scales
    )
    for way in ways:
        close(vmap(way(likelihood))(scales), bent, 1e-5)


def test_an_error_leaves_no_level_and_no_cycle(batch: Any) -> None:
    def wrong(x: Any) -> Any:
        raise KeyError(x.shape)

    calls: list[Function] = [vmap, grad, jacrev, jacfwd, hessian]
    levels, recording = modes.lifted, torch.is_grad_enabled()
    for transform in calls:
        with pytest.raises(KeyError):
            transform(wrong)(batch)
    assert (modes.lifted, torch.is_grad_enabled()) == (levels, recording)

    def program() -> None:
        vmap(hessian(lambda x: written(x).sum()))(batch)

    program()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            program()
        assert len(gc.get_objects()) - before < 20
    finally:
        gc.enable()
