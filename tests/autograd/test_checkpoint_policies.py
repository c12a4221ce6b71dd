"""Selective checkpoints: which operations run again, and that gradients stay the same."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn
from adjoint.ops.application import Operation
from adjoint.ops.interception import Interceptor
from adjoint.ops.operation import REGISTRY
from adjoint.utils.checkpoint import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    checkpoint,
    create_selective_checkpoint_contexts,
    set_checkpoint_early_stop,
)

aten = torch.ops.aten
SAVE, RECOMPUTE = CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_RECOMPUTE


class Counting(Interceptor):
    """Counts which operations run."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()

    def decide(self, operation: Any, arrays: Any, params: Any, run: Any) -> Any:
        self.runs[operation.name] += 1
        return run()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.linspace(0.1, 1, 9).reshape(3, 3).requires_grad_()


def part(x: torch.Tensor) -> torch.Tensor:
    y = torch.mm(x, x).sin()
    return torch.mm(y, x).tanh().exp() * y


def runs_again(function: Any, x: torch.Tensor, policy: Any) -> tuple[Counter[str], torch.Tensor]:
    """What backward runs again, and the gradient."""
    x.grad = None
    context = partial(create_selective_checkpoint_contexts, policy)
    loss = checkpoint(function, x, use_reentrant=False, context_fn=context).sum()
    counting = Counting()
    with counting:
        loss.backward()
    return counting.runs, x.grad


@pytest.mark.parametrize("early_stop", [True, False])
def test_kept_results_are_not_computed_again(x, early_stop: bool) -> None:
    part(x).sum().backward()
    plain = x.grad
    with set_checkpoint_early_stop(early_stop):
        runs, grad = runs_again(part, x, [aten.mm.default])
        assert torch.equal(grad, plain)
        assert runs["mm"] == 0
        assert runs["sin"] == runs["tanh"] == 1
        runs, grad = runs_again(part, x, lambda ctx, op, *args, **kwargs: RECOMPUTE)
        assert torch.equal(grad, plain)
        assert runs["mm"] == 2
        runs, grad = runs_again(part, x, lambda ctx, op, *args, **kwargs: SAVE)
        assert torch.equal(grad, plain)
        assert not runs


def test_policies_see_the_operation_and_its_arguments(x) -> None:
    seen: list[str] = []
    shapes: list[Any] = []

    def policy(ctx: SelectiveCheckpointContext, op: Any, *args: Any, **kwargs: Any) -> Any:
        assert not ctx.is_recompute
        seen.append(str(op))
        shapes.append((tuple(args[0].shape), tuple(ctx.op_output.shape)))
        return op == aten.mm.default

    runs, _ = runs_again(part, x, policy)
    assert seen == [
        "aten.mm.default",
        "aten.sin.default",
        "aten.mm.default",
        "aten.tanh.default",
        "aten.exp.default",
        "aten.mul.default",
    ]
    assert shapes[0] == ((3, 3), (3, 3))
    assert runs["mm"] == 0
    assert runs["sin"] == 1


def test_random_numbers_are_the_same() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 64)
    x = torch.randn(8, 64, requires_grad=True)

    def run(t: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(layer(t).relu(), 0.5).tanh()

    torch.manual_seed(1)
    run(x).sum().backward()
    plain, x.grad = x.grad, None
    torch.manual_seed(1)
    runs, grad = runs_again(run, x, [aten.addmm.default])
    assert torch.equal(grad, plain)
    assert runs["linear"] == runs["addmm"] == 0
    assert runs["relu"] == 1


def test_several_passes_and_several_outputs(x) -> None:
    def run(t: torch.Tensor) -> torch.Tensor:
        values, places = t.exp().max(dim=0)
        return values * places + t.sort(dim=1)[0]

    run(x).sum().backward()
    plain, x.grad = x.grad, None
    context = partial(create_selective_checkpoint_contexts, lambda ctx, op, *a, **k: SAVE)
    y = checkpoint(run, x, context_fn=context).sum()
    for _ in range(2):
        (grad,) = torch.autograd.grad(y, x, retain_graph=True)
        assert torch.equal(grad, plain)


def test_results_written_in_place_are_noticed(x) -> None:
    def run(t: torch.Tensor) -> torch.Tensor:
        y = torch.mm(t, t)
        y.add_(1)
        return y.sin().exp()

    with pytest.raises(RuntimeError, match=r"has been mutated: result 0 of aten\.mm"):
        runs_again(run, x, [aten.mm.default])
    context = partial(
        create_selective_checkpoint_contexts,
        [aten.exp.default],
        allow_cache_entry_mutation=True,
    )
    checkpoint(run, x, context_fn=context).sum().backward()
    plain, x.grad = x.grad, None
    run(x).sum().backward()
    assert torch.equal(x.grad, plain)


def test_a_function_that_changes_is_told(x) -> None:
    steps = iter([lambda t: t.sin().exp(), lambda t: t.sin().sin()])
    with pytest.raises(RuntimeError, match=r"aten\.sin ran 1 times in the forward pass"):
        runs_again(lambda t: next(steps)(t), x, [aten.sin.default])


def test_misuse(x) -> None:
    with pytest.raises(ValueError, match=r"torch.ops.aten.mm.default instead of"):
        create_selective_checkpoint_contexts([aten.mm])
    with pytest.raises(ValueError, match="of type function"):
        create_selective_checkpoint_contexts([torch.mm])
    with pytest.raises(TypeError, match="either a function or a list of ops, but got str"):
        create_selective_checkpoint_contexts("mm")
    with pytest.raises(TypeError, match=r"for aten.mm.default it returned str"):
        runs_again(part, x, lambda ctx, op, *args, **kwargs: "save")
    assert Operation.compute.__name__ == "compute"


def test_names_of_operations() -> None:
    assert aten.mm.default.name() == "aten::mm"
    assert repr(aten.mm) == "<OpOverloadPacket(op='aten.mm')>"
    assert aten.mul.Tensor == aten.mul.Scalar != aten.add.Tensor
    assert len({aten.mul.Tensor, aten.mul.Scalar}) == 1
    assert str(aten._softmax.default) == "aten.softmax.default"
    assert aten.linear.default == aten.addmm.default
    with pytest.raises(AttributeError, match="no operation 'tanhh'; there is tanh"):
        aten.tanhh
    create_selective_checkpoint_contexts([REGISTRY["mm"]])
    with pytest.raises(AttributeError, match="no attribute 'atan'"):
        torch.ops.atan


def test_only_the_thread_itself_is_watched(x) -> None:
    counting = Counting()
    with counting:
        thread = threading.Thread(target=lambda: part(x))
        thread.start()
        thread.join()
        assert not counting.runs
        kernel = REGISTRY["sin"].kernel
        x.sin()
        assert counting.runs == {"sin": 1}
    assert REGISTRY["sin"].kernel is not kernel
    x.sin()
    assert counting.runs == {"sin": 1}
