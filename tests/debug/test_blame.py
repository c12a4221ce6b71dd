"""blame beyond the random plants: modules, masks, freed graphs, hooks, refusals."""

from __future__ import annotations

import gc
import linecache
import weakref
from typing import Any

import numpy as np
import pytest
from tests.debug.test_blame_plants import execute

import adjoint as torch
from adjoint import nn
from adjoint.debug.statistics import measure


def run(source: str, name: str) -> dict[str, Any]:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(compile(source, name, "exec"), names)
    return names


@pytest.mark.parametrize("seed", range(100, 160))
def test_the_planted_line_is_among_the_candidates(seed: int) -> None:
    names, source, line, way = execute(seed)
    found = torch.debug.blame(names["loss"], None if way == "forward" else names["x"])
    lines = [place.line for _, place in found.candidates if place is not None]
    assert found.where == way
    assert line in (lines or [found.line]), f"{source}\n\n{found}"


def test_the_module_is_named() -> None:
    source = (
        "class Log(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x.log()\n"
        "net = nn.Sequential(nn.Linear(2, 2), Log())\n"
        "with torch.no_grad():\n"
        "    net[0].bias.fill_(-9.0)\n"
        "loss = net(torch.ones(1, 2)).sum()\n"
    )
    found = torch.debug.blame(run(source, "module_blame.py")["loss"])
    assert (found.operation, found.line, found.module) == ("LogBackward0", 3, "Sequential.1")
    assert found.file == "module_blame.py" and found.source == "return x.log()"
    assert "(in module Sequential.1)" in str(found)
    (operand, output) = found.operands
    assert (operand.name, operand.shape, operand.dtype) == ("x", (1, 2), "float32")
    assert operand.is_finite and output.nan == 2


def test_a_mask_of_infinities_is_not_blamed_for_a_later_nan() -> None:
    source = (
        "scores = torch.ones(2, 3, requires_grad=True)\n"
        "mask = torch.tensor([[True, False, False], [False, False, False]])\n"
        "masked = scores.masked_fill(mask, float('-inf'))\n"
        "p = F.softmax(masked, dim=1)\n"
        "loss = (p.sum(1) - 1.5).log().sum()\n"
    )
    assert torch.debug.blame(run(source, "mask.py")["loss"]).line == 5


def test_a_row_of_minus_infinity_before_softmax() -> None:
    source = (
        "scores = torch.ones(1, 3, requires_grad=True)\n"
        "masked = scores.masked_fill(torch.ones(1, 3).bool(), float('-inf'))\n"
        "p = F.softmax(masked, dim=1)\n"
        "loss = p.sum()\n"
    )
    found = torch.debug.blame(run(source, "row.py")["loss"])
    assert (found.operation, found.line) == ("SoftmaxBackward0", 3)


def test_a_product_with_infinity_is_blamed() -> None:
    w = torch.tensor([1.0, -1.0], requires_grad=True)
    found = torch.debug.blame((w * float("inf")).sum())
    assert (found.operation, found.kind) == ("MulBackward0", "inf")
    assert "its operand y has no history" in found.note


def test_everything_finite() -> None:
    w = torch.ones(2, requires_grad=True)
    found = torch.debug.blame((w * w).sum())
    assert not found and "finite" in str(found) and found.line is None


def test_no_gradient_is_touched_and_the_graph_is_kept() -> None:
    w = torch.zeros(2, requires_grad=True)
    h = w * 2
    h.retain_grad()
    loss = h.sqrt().sum()
    assert torch.debug.blame(loss, w).operation == "SqrtBackward0"
    assert w.grad is None and h.grad is None
    loss.backward()
    assert w.grad is not None and np.isinf(w.grad.numpy()).all()


def test_only_what_leads_to_wrt_is_looked_at() -> None:
    a, b = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
    loss = a.sqrt().sum() + b.sum()
    assert torch.debug.blame(loss)
    assert torch.debug.blame(loss, a)
    assert not torch.debug.blame(loss, b)
    assert torch.debug.blame(loss, [a, b])


def test_contributions_that_overflow_together() -> None:
    w = torch.zeros(1, requires_grad=True)
    h = w * 1
    loss = (h * 3e38 + h * 3e38).sum()
    found = torch.debug.blame(loss, w)
    assert (found.kind, found.where) == ("inf", "backward")
    assert "were added" in found.note


def test_a_gradient_is_given() -> None:
    w = torch.ones(2, requires_grad=True)
    assert not torch.debug.blame(w * 2, w)
    found = torch.debug.blame(w * 2, w, gradient=torch.tensor([1.0, float("nan")]))
    assert (found.kind, found.where) == ("nan", "backward")


def test_freed_values_are_said_to_be() -> None:
    w = torch.tensor([-1.0], requires_grad=True)
    loss = w.log().sum()
    loss.backward()
    found = torch.debug.blame(loss)
    assert found.kind == "nan" and found.operation == "LogBackward0"
    finite = w.exp().sum()
    finite.backward()
    assert "retain_graph=True" in str(torch.debug.blame(finite))


def test_graphs_are_freed_without_the_collector() -> None:
    w = torch.ones(2, requires_grad=True)
    gc.disable()
    try:
        h = w * 2
        node, loss = weakref.ref(h.grad_fn), (h - 5).log().sum()
        torch.debug.blame(loss)
        torch.debug.blame((h + 5).sum(), w)
        torch.debug.explain_grad(w, loss)
        torch.debug.explain_grad(w, lambda: (w * w).sum())
        del h, loss
        assert node() is None
    finally:
        gc.enable()


def test_refusals() -> None:
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="expected a Tensor, but got float"):
        torch.debug.blame(1.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"no graph behind it .*blame\(loss, parameter\)"):
        torch.debug.blame(torch.tensor([float("nan")]))
    with pytest.raises(RuntimeError, match="explain_grad"):
        torch.debug.blame((w * 2).sum(), torch.ones(2, requires_grad=True))


def test_statistics() -> None:
    nan, inf = float("nan"), float("inf")
    found = measure(np.array([0.0, nan, inf, -2.0, -inf]), "x")
    assert str(found) == "x: shape [5], float64, from -2 to 0, 1 nan, 2 inf, 1 zero"
    assert not found.is_finite and found.largest == 2
    assert str(measure(np.array([], np.float32))) == "value: shape [0], float32"
    assert measure(np.array([3 + 4j])).maximum == 5
    assert measure(torch.ones(2, dtype=torch.bfloat16)._data).dtype == "bfloat16"
