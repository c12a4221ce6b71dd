"""Random expressions from the operations of the registry: derivatives against finite differences.

Every step applies an operation near one of its own samples, so that it stays in its domain and away
from its kinks; what moves it there are values that earlier steps made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.laws.samples import OPERATIONS

import adjoint as torch
from adjoint.ops.operation import REGISTRY
from adjoint.testing.sampling import moving, outputs

LEAF = 6
Step = tuple[str, int, int]  # operation, number of the sample, seed of what it takes
Function = Callable[[torch.Tensor], torch.Tensor]


def is_real(sample: Any) -> bool:
    """Whether an operation's inputs are all real, and in float64 where they are floating."""
    return all(v.dtype.kind in "biu" or v.dtype == np.float64 for v in sample.inputs)


CALLS = [
    (name, number)
    for name in OPERATIONS
    for number, sample in enumerate(REGISTRY[name].samples())
    if is_real(sample) and moving(REGISTRY[name], sample.inputs)
]
SAMPLES = {name: list(REGISTRY[name].samples()) for name, _ in CALLS}

steps = st.lists(
    st.tuples(st.sampled_from(CALLS), st.integers(0, 2**20)).map(lambda c: (*c[0], c[1])),
    min_size=1,
    max_size=4,
)


def pick(pool: list[torch.Tensor], shape: tuple[int, ...], rng: Any) -> torch.Tensor:
    """Elements of an earlier value (of the leaf, where that has none), in a shape."""
    source = pool[int(rng.integers(len(pool)))]
    source = source if source.numel() else pool[0]
    places = torch.from_numpy(rng.integers(0, source.numel(), int(np.prod(shape))))
    return source.reshape(-1)[places].reshape(shape)


def apply(step: Step, pool: list[torch.Tensor]) -> None:
    """Add to the pool what one operation makes of earlier values."""
    name, number, seed = step
    operation, sample = REGISTRY[name], SAMPLES[name][number]
    rng = np.random.default_rng(seed)
    moved = moving(operation, sample.inputs)
    inputs = []
    for i, value in enumerate(sample.inputs):
        t = torch.from_numpy(np.array(value))
        if i in moved:
            t = t + 0.1 * torch.tanh(pick(pool, value.shape, rng))
        inputs.append(t)
    for out in outputs(operation, operation(*inputs, **sample.params)):
        if out.is_complex():
            out = out.real + out.imag
        if out.is_floating_point():
            pool.append(torch.tanh(0.3 * out))


def expression(program: list[Step]) -> Function:
    """A scalar function of one vector: every value of the program, weighted."""

    def f(x: torch.Tensor) -> torch.Tensor:
        pool = [x]
        for step in program:
            apply(step, pool)
        total = torch.zeros((), dtype=torch.float64)
        for value in pool:
            weights = np.cos(np.arange(value.numel()) + 1.0).reshape(value.shape)
            total = total + (value * torch.from_numpy(weights)).sum()
        return total

    return f


def slope(f: Function, x: Any, direction: Any) -> float:
    """The directional derivative by central differences, where two step widths agree on it."""
    found = []
    for eps in (1e-4, 2e-4):
        ahead, behind = (f(torch.from_numpy(x + s * eps * direction)).item() for s in (1, -1))
        found.append((ahead - behind) / (2 * eps))
    assume(abs(found[0] - found[1]) <= 1e-6 * (1 + abs(found[0])))  # a kink, or too wild
    return (4 * found[0] - found[1]) / 3


def gradient(f: Function, x: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
    (found,) = torch.autograd.grad(f(x), x, create_graph=create_graph)
    return found


def draw(seed: int) -> list[Any]:
    """A point and two directions."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(LEAF) for _ in range(3)]


QUICK = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@settings(QUICK, max_examples=80)
@given(steps, st.integers(0, 2**20))
def test_gradients_are_finite_differences(program: list[Step], seed: int) -> None:
    point, direction, _ = draw(seed)
    f = expression(program)
    wanted = slope(f, point, direction)
    found = gradient(f, torch.tensor(point, requires_grad=True)).numpy() @ direction
    assert abs(found - wanted) <= 1e-6 * (1 + abs(wanted))


@settings(QUICK, max_examples=40)
@given(steps, st.integers(0, 2**20))
def test_second_derivatives_are_differences_of_gradients(program: list[Step], seed: int) -> None:
    point, direction, other = draw(seed)
    f = expression(program)

    def along(x: torch.Tensor) -> torch.Tensor:
        x = x.detach().requires_grad_()
        return gradient(f, x) @ torch.from_numpy(direction)

    wanted = slope(along, point, other)
    x = torch.tensor(point, requires_grad=True)
    first = gradient(f, x, create_graph=True) @ torch.from_numpy(direction)
    found = 0.0  # of an expression that is linear in x
    if first.requires_grad:
        (second,) = torch.autograd.grad(first, x, allow_unused=True, materialize_grads=True)
        found = float(second.numpy() @ other)
    assert abs(found - wanted) <= 1e-5 * (1 + abs(wanted))


@settings(QUICK, max_examples=40)
@given(steps, st.integers(0, 2**20))
def test_recording_the_backward_changes_no_gradient(program: list[Step], seed: int) -> None:
    x = torch.tensor(draw(seed)[0], requires_grad=True)
    f = expression(program)
    plain, recorded = gradient(f, x), gradient(f, x, create_graph=True)
    np.testing.assert_allclose(recorded.detach().numpy(), plain.numpy(), rtol=1e-12, atol=1e-12)
