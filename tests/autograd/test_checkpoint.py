"""Checkpoints: what is computed again, and that gradients and random numbers stay the same."""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn
from adjoint.utils import checkpoint as module
from adjoint.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential

BOTH = pytest.mark.parametrize("use_reentrant", [False, True])


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([1.0, 2.0], requires_grad=True)


def gradient(run: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> list[float]:
    x.grad = None
    run(x).sum().backward()
    found: list[float] = x.grad.tolist()
    x.grad = None
    return found


class Steps:
    """A function of three steps that notes how far it came."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.log.append("a")
        y = x.sin()
        self.log.append("b")
        z = y.exp()
        self.log.append("c")
        return z * 3


@BOTH
def test_backward_computes_again(x, use_reentrant: bool) -> None:
    steps = Steps()
    y = checkpoint(steps, x, use_reentrant=use_reentrant)
    assert "".join(steps.log) == "abc"
    y.sum().backward()
    assert "".join(steps.log) == ("abcabc" if use_reentrant else "abcab")
    assert torch.allclose(x.grad, 3 * x.cos() * x.sin().exp())


def test_without_reentrancy_is_the_default(x) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = checkpoint(Steps(), x)
    assert y.grad_fn.name() == "MulBackward0"


def test_early_stop_may_be_left_out(x) -> None:
    steps = Steps()
    y = checkpoint(steps, x, early_stop=False)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert "".join(steps.log) == "abcabcabc"
    steps.log.clear()
    with module.set_checkpoint_early_stop(False):
        y = checkpoint(steps, x)
    y.sum().backward()
    assert "".join(steps.log) == "abcabc"


def test_values_are_dropped_after_forward(x) -> None:
    made: list[weakref.ref[Any]] = []

    def part(t: torch.Tensor) -> torch.Tensor:
        y = t.sin()
        made.append(weakref.ref(y))
        return y * y

    plain = part(x)
    assert made.pop()() is not None
    y = checkpoint(part, x)
    assert made[0]() is None
    assert torch.equal(y, plain)
    y.sum().backward()
    assert [r() for r in made] == [None, None]


@BOTH
def test_random_numbers_are_the_same(use_reentrant: bool) -> None:
    x = torch.ones(64, requires_grad=True)
    dropout = nn.Dropout(0.5)

    def run(t: torch.Tensor) -> torch.Tensor:
        return dropout(t) * dropout(t)

    torch.manual_seed(0)
    y = checkpoint(run, x, use_reentrant=use_reentrant)
    middle = torch.rand(2)
    y.sum().backward()
    end = torch.rand(2)
    assert x.grad.tolist() == (2 * y).tolist()

    torch.manual_seed(0)
    run(x)
    assert torch.equal(torch.rand(2), middle)
    assert torch.equal(torch.rand(2), end)


def test_the_random_state_may_be_left_alone() -> None:
    x = torch.ones(64, requires_grad=True)
    torch.manual_seed(0)
    y = checkpoint(nn.Dropout(0.5), x, preserve_rng_state=False)
    y.sum().backward()
    assert x.grad.tolist() != y.tolist()


@BOTH
def test_parameters_get_their_gradients(use_reentrant: bool) -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.BatchNorm1d(3))
    x = torch.randn(4, 2, requires_grad=True)
    layer(x).pow(2).sum().backward()
    plain = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    checkpoint(layer, x, use_reentrant=use_reentrant).pow(2).sum().backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(layer.parameters(), plain, strict=True))


def test_inputs_need_not_require_gradients() -> None:
    layer = nn.Linear(2, 2)
    checkpoint(lambda t: layer(t).tanh().exp(), torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        y = checkpoint(layer, torch.ones(1, 2), use_reentrant=True)
    assert not y.requires_grad


def test_checkpoints_nest_and_differentiate_twice(x) -> None:
    def inner(t: torch.Tensor) -> torch.Tensor:
        return t.sin().exp()

    def plain(t: torch.Tensor) -> torch.Tensor:
        return inner(t).tanh().sin()

    def twice(run: Callable[[torch.Tensor], torch.Tensor]) -> list[list[float]]:
        (g,) = torch.autograd.grad(run(x).sum(), x, create_graph=True)
        return [g.tolist(), torch.autograd.grad(g.sum(), x)[0].tolist()]

    for stop in (True, False):
        with module.set_checkpoint_early_stop(stop):
            nested = twice(lambda t: checkpoint(lambda u: checkpoint(inner, u).tanh().sin(), t))
        assert nested == twice(plain)


@pytest.mark.parametrize("early_stop", [True, False])
def test_backward_inside_a_checkpoint(x, early_stop: bool) -> None:
    def run(t: torch.Tensor) -> torch.Tensor:
        (g,) = torch.autograd.grad(t.sin().cos().sum(), t)
        return t.cos() * g

    again = gradient(lambda t: checkpoint(run, t, early_stop=early_stop), x)
    assert again == gradient(run, x)


def test_part_of_the_outputs_at_a_time(x) -> None:
    a, b = checkpoint(lambda t: (t.sin(), t.exp()), x)
    a.sum().backward()
    assert torch.allclose(x.grad, x.cos())
    b.sum().backward()
    assert torch.allclose(x.grad, x.cos() + x.exp())


def test_views_in_place_and_custom_functions(x) -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(t)
            return t * t

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            (t,) = ctx.saved_tensors
            assert torch.equal(ctx.saved_tensors[0], t)  # reading twice is allowed
            return 2 * t * grad

    def run(t: torch.Tensor) -> torch.Tensor:
        a = t * 2
        a.mul_(t)
        b = a[0] * t
        b[1] = 3.0
        return Square.apply(b.exp()) * a

    assert gradient(lambda t: checkpoint(run, t), x) == gradient(run, x)


def test_keyword_arguments_and_no_grad(x) -> None:
    def run(t: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
        return t.sin() * factor

    assert gradient(lambda t: checkpoint(run, t, factor=3.0), x) == gradient(
        lambda t: run(t, 3.0), x
    )
    with torch.no_grad():
        assert not checkpoint(run, x).requires_grad
    with pytest.raises(ValueError, match="Unexpected keyword arguments: factor"):
        checkpoint(run, x, use_reentrant=True, factor=3.0)


def test_contexts_surround_both_runs(x) -> None:
    log: list[str] = []

    @contextlib.contextmanager
    def note(name: str) -> Iterator[None]:
        log.append(name)
        yield
        log.append(name + " ends")

    y = checkpoint(lambda t: t.sin() * 3, x, context_fn=lambda: (note("first"), note("again")))
    y.sum().backward()
    assert log == ["first", "first ends", "again"]  # the second is left early


def test_threads_may_share_a_checkpoint() -> None:
    x = torch.ones(50, requires_grad=True)
    y = checkpoint(lambda t: t.sin().exp().tanh(), x).sum()
    y.backward(retain_graph=True)
    once, x.grad = x.grad, None
    threads = [threading.Thread(target=lambda: y.backward(retain_graph=True)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.allclose(x.grad, 4 * once)


class Changing:
    """A function that does something else the second time."""

    def __init__(self, first: Any, second: Any) -> None:
        self.runs = iter([first, second])

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return next(self.runs)(x)


def test_fewer_values_than_before(x) -> None:
    changing = Changing(lambda t: t.sin().exp(), lambda t: t.sin())
    y = checkpoint(changing, x)
    with pytest.raises(
        CheckpointError, match=r"(?s)different number.*forward: 2\n.*computation: 1"
    ):
        y.sum().backward()


def test_more_values_than_before(x) -> None:
    changing = Changing(lambda t: t.sin(), lambda t: t.sin().exp())
    y = checkpoint(changing, x, early_stop=False)
    with pytest.raises(CheckpointError, match="trying to save more tensors during recomputation"):
        y.sum().backward()


def test_values_of_another_shape(x) -> None:
    def run() -> torch.Tensor:
        changing = Changing(lambda t: t.sin(), lambda t: t[:1].sin())
        return checkpoint(changing, x, **options)

    options: dict[str, Any] = {"debug": True}
    with pytest.raises(CheckpointError, match="have different metadata") as raised:
        run().sum().backward()
    assert "tensor at position 0" in str(raised.value)
    assert "Saved by the forward pass:\n  0: " in str(raised.value)
    assert "test_checkpoint.py" in str(raised.value)
    options = {"determinism_check": "none"}
    run().sum().backward()


def test_misuse(x) -> None:
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(Steps(), x, determinism_check="strict")
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(Steps(), x, use_reentrant=True, debug=True)
    with (
        module.set_checkpoint_debug_enabled(True),
        pytest.raises(ValueError, match="incompatible with non-default context_fn"),
    ):
        checkpoint(Steps(), x, context_fn=lambda: module.noop_context_fn())
    y = checkpoint(Steps(), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="is incompatible with"):
        torch.autograd.grad(y.sum(), x)
    with pytest.raises(RuntimeError, match="Only tuple of tensors"):
        module.detach_variable([x])  # type: ignore[arg-type]


def test_arguments_may_not_be_written_in_between(x) -> None:
    t = x * 1
    y = checkpoint(lambda t: t.sin().exp(), t)
    t.add_(1)
    with pytest.raises(RuntimeError, match=r"(?s)modified by an inplace.*kept at.*overwritten at"):
        y.sum().backward()


def test_an_error_in_the_function_leaves_no_hooks(x) -> None:
    def fail(t: torch.Tensor) -> torch.Tensor:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        checkpoint(fail, x)
    assert (x * x).grad_fn._saved_self is x


@BOTH
@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_sequential_in_segments(use_reentrant: bool, segments: int) -> None:
    model = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(5)])
    x = torch.ones(2, 3, requires_grad=True)

    def run(t: torch.Tensor) -> torch.Tensor:
        return checkpoint_sequential(model, segments, t, use_reentrant=use_reentrant)

    assert gradient(run, x) == gradient(model, x)


def test_misuse_of_sequential(x) -> None:
    with pytest.raises(ValueError, match="3 segments are more than the 1 functions"):
        checkpoint_sequential([torch.sin], 3, x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: depth"):
        checkpoint_sequential([torch.sin], 1, x, depth=1)


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_backward_after_vmap_has_ended(randomness: str) -> None:
    """What is computed again is computed inside the transforms that were there at first."""

    def run(function: Callable[..., torch.Tensor], x: torch.Tensor) -> list[float]:
        torch.manual_seed(0)
        inner = torch.vmap(function, randomness=randomness)
        y = torch.vmap(inner, randomness=randomness)(x)
        y.sum().backward()
        assert x.grad is not None
        return [*y.reshape(-1).tolist(), *x.grad.reshape(-1).tolist()]

    def plain(t: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(t.exp(), 0.5).sin() * t

    values = torch.linspace(0.0, 1.0, 12).reshape(2, 2, 3)
    expected = run(plain, values.clone().requires_grad_())
    assert run(lambda t: checkpoint(plain, t), values.clone().requires_grad_()) == expected


def test_a_context_may_not_swallow_the_error_of_forward(x) -> None:
    def fail(t: torch.Tensor) -> torch.Tensor:
        raise ValueError("no")

    with pytest.raises(RuntimeError, match="context_fn suppressed an exception"):
        checkpoint(
            fail, x, context_fn=lambda: (contextlib.suppress(ValueError), contextlib.nullcontext())
        )


def test_groups_of_passes(x) -> None:
    runs: list[None] = []

    def two(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        runs.append(None)
        return t.exp().sin(), t.cos().tanh()

    a, b = checkpoint(two, x)
    with module.GraphExecGroup():
        a.sum().backward(retain_graph=True)
        b.sum().backward()
        with pytest.raises(RuntimeError, match="cannot be nested"), module.GraphExecGroup():
            pass
    assert len(runs) == 2
    with module.GraphExecGroup():
        pass


def test_random_states_of_devices() -> None:
    assert module.get_device_states(torch.ones(2), 3) == ([], [])
    module.set_device_states([], [], device_type="cpu")
    with pytest.raises(ValueError, match="no devices beside the CPU"):
        module.set_device_states([0], [torch.get_rng_state()])
    module.DefaultDeviceType.set_device_type("cpu")
    assert module.DefaultDeviceType.get_device_type() == "cpu"
    with pytest.raises(ValueError, match="got 'cuda'"):
        module.DefaultDeviceType.set_device_type("cuda")
