"""`measure=True`: true numbers, and nothing of the user's changed."""

from __future__ import annotations

import math

import pytest

import adjoint as torch
from adjoint import viz
from adjoint.autograd import modes
from adjoint.utils.checkpoint import checkpoint

from .models import IMAGE, Residual, perceptron


def test_norms_are_those_of_backward() -> None:
    model = perceptron()
    loss = model(torch.ones(2, 3)).square().sum()
    graph = viz.graph(loss, model, measure=True)
    assert all(p.grad is None for p in model.parameters())
    loss.backward()  # the graph was kept
    named = {place.name: place for place in graph.places}
    for name, p in model.named_parameters():
        assert named[name].gradient_norm == pytest.approx(p.grad.norm().item(), rel=1e-5)
    assert named["result"].gradient_norm == 1


def test_times_are_noted_where_something_runs() -> None:
    graph = viz.graph(Residual(1), torch.ones(IMAGE), measure=True)
    for place in graph.places:
        if place.kind == "operation":
            assert place.forward_ms > 0 and place.backward_ms > 0
        else:
            assert place.forward_ms is None and place.backward_ms is None
    assert "forward" in graph.text() and "backward" in graph.text() and "|grad|" in graph.text()


def test_gradients_and_hooks_stay_as_they_are() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    x.grad = kept = torch.tensor([7.0])
    calls = []
    x.register_hook(calls.append)
    y = x * x
    y.retain_grad()
    y.grad_fn.register_hook(lambda *_: calls.append("node"))
    graph = viz.graph(y.sum(), measure=True)
    assert graph.places[-1].gradient_norm == 4
    assert x.grad is kept and kept.tolist() == [7.0]
    assert y.grad is None and calls == []


def test_a_reentrant_checkpoint_does_not_leave_gradients() -> None:
    weight = torch.tensor([3.0], requires_grad=True)
    x = torch.tensor([2.0], requires_grad=True)
    y = checkpoint(lambda t: t * weight, x, use_reentrant=True)
    graph = viz.graph(y.sum(), params={"x": x, "weight": weight}, measure=True)
    assert {p.name: p.gradient_norm for p in graph.places}["x"] == 3
    assert x.grad is None and weight.grad is None


def test_broken_gradients_are_shown_as_such() -> None:
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    graph = viz.graph((x.sqrt() * 0).sum(), measure=True)
    assert math.isnan(graph.places[-1].gradient_norm)
    assert "|grad| nan" in graph.text()
    assert '"norm":"nan"' in graph.html()


def test_huge_gradients_do_not_overflow() -> None:
    x = torch.ones(4, requires_grad=True)
    graph = viz.graph((x * 1e30).sum(), measure=True)
    assert graph.places[-1].gradient_norm == pytest.approx(2e30)


def test_several_results_and_several_outputs() -> None:
    x = torch.arange(4.0).requires_grad_()
    low, high = x.split(2)
    graph = viz.graph([low * 3, high.sum()], measure=True)
    assert [p.name for p in graph.places[:2]] == ["result 0", "result 1"]
    leaf = graph.places[-1]
    assert leaf.gradient_norm == pytest.approx(math.sqrt(9 + 9 + 1 + 1))


def test_a_freed_graph_cannot_be_measured() -> None:
    x = torch.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    assert viz.graph(y).places[-1].gradient_norm is None
    before = x.grad
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        viz.graph(y, measure=True)
    assert x.grad is before and x.grad.tolist() == [2.0, 2.0]
    assert torch.is_grad_enabled()


def test_the_clock_stops_when_the_module_fails() -> None:
    running = modes.running
    with pytest.raises(RuntimeError, match="shapes"):
        viz.graph(perceptron(), torch.ones(2, 7), measure=True)
    assert modes.anomaly is None and modes.running == running


def test_anomaly_mode_goes_on_under_the_clock() -> None:
    class Root(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sqrt()

    x = torch.tensor([-1.0], requires_grad=True)
    with (
        torch.autograd.set_detect_anomaly(True, check_forward=True),
        pytest.raises(RuntimeError, match="computed nan"),
    ):
        viz.graph(Root(), x, measure=True)
