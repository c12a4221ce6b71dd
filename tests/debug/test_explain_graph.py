"""explain_grad of a loss that exists: what its graph proves, and what it can only name."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn


def run(source: str, name: str) -> dict[str, Any]:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names: dict[str, Any] = {"torch": torch, "nn": nn}
    exec(compile(source, name, "exec"), names)
    return names


PROVED = {
    "detach": "y = w.detach() * v",
    "data": "y = w.data * v",
    "recreated": "y = w.detach().requires_grad_() * v",
    "overwritten": "y = (w * 1).copy_(v)",
    "rounding": "y = torch.floor(w) + v",
    "zero_factor": "y = w * torch.zeros(3) + v",
    "exploding": "y = w * 1e3; y = y * 1e3 * 1e3",
}


@pytest.mark.parametrize("cause", PROVED)
def test_what_a_graph_proves(cause: str) -> None:
    source = (
        "w = torch.arange(3.0).add(1).requires_grad_()\n"
        f"v = torch.ones(3, requires_grad=True)\n{PROVED[cause]}\nloss = y.sum()\n"
    )
    names = run(source, f"proved_{cause}.py")
    found = torch.debug.explain_grad(names["w"], names["loss"])
    assert (found.cause, found.line, found.certain) == (cause, 3, True), str(found)


def test_the_only_line_that_cuts_is_likely() -> None:
    source = (
        "def compute(w, v):\n"
        "    with torch.no_grad():\n"
        "        scale = w * 2\n"
        "    return (scale * v).sum()\n"
        "w = torch.ones(3, requires_grad=True)\n"
        "v = torch.ones(3, requires_grad=True) * 2\n"
        "loss = compute(w, v)\n"
    )
    names = run(source, "likely.py")
    found = torch.debug.explain_grad(names["w"], names["loss"])
    assert (found.cause, found.line, found.certain) == ("no_grad", 2, False)
    assert "likely, not proved" in str(found)


def test_several_lines_are_candidates() -> None:
    source = (
        "def compute(w, v):\n"
        "    a = w.exp().detach()\n"
        "    b = (w * 2).item()\n"
        "    return (a * v).sum() * b\n"
        "w = torch.ones(1, requires_grad=True)\n"
        "v = torch.ones(1, requires_grad=True)\n"
        "loss = compute(w, v)\n"
    )
    names = run(source, "several.py")
    found = torch.debug.explain_grad(names["w"], names["loss"])
    assert found.cause == "cut" and not found.certain and found.line is None
    assert [(c.kind, c.place.line) for c in found.candidates] == [("detach", 2), ("item", 3)]
    assert "Pass a function" in found.advice


def test_a_copy_in_its_place() -> None:
    w = torch.tensor([1.5, 2.5], requires_grad=True)
    twin = torch.tensor([1.5, 2.5], requires_grad=True)
    found = torch.debug.explain_grad(w, (twin * 2).sum())
    assert (found.cause, found.certain) == ("recreated", False)


def test_a_freed_graph() -> None:
    w = torch.ones(2, requires_grad=True)
    loss = w.exp().sum()
    loss.backward()
    found = torch.debug.explain_grad(w, loss)
    assert found.cause == "freed" and "retain_graph=True" in found.advice


def test_a_frozen_parameter() -> None:
    net = nn.Linear(2, 1)
    net.weight.requires_grad = False
    loss = net(torch.ones(1, 2, requires_grad=True)).sum()
    assert torch.debug.explain_grad(net.weight, loss).cause == "requires_grad"


def test_the_path_has_its_lines_and_sizes() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    found = torch.debug.explain_grad(w, lambda: (w * 3).exp().sum())
    assert found.cause == "fine" and found.gradient is not None
    assert [step.operation for step in found.path] == [
        "SumBackward0", "ExpBackward0", "MulBackward0", "leaf",
    ]  # fmt: skip
    assert found.path[-1].largest == pytest.approx(found.gradient.largest)
    assert found.path[0].place is not None and "exp().sum()" in found.path[0].place.source


def test_a_way_that_is_cut_beside_one_that_is_not() -> None:
    source = (
        "w = torch.ones(2, requires_grad=True)\n"
        "def compute():\n"
        "    h = w * 2\n"
        "    target = h.detach()\n"
        "    print('loss', (h - 1).sum().item(), end='')\n"
        "    return (h * target).tanh().sum()\n"
    )
    names = run(source, "beside.py")
    found = torch.debug.explain_grad(names["w"], names["compute"])
    assert found.cause == "fine"
    assert [(cut.kind, cut.place.line) for cut in found.also] == [("detach", 4)]
    assert "another way to the loss is cut: detach at beside.py:4" in str(found)


@pytest.mark.parametrize("decorated", [True, False])
def test_where_recording_is_switched_off(decorated: bool) -> None:
    head = "@torch.no_grad()\ndef features():\n" if decorated else (
        "def features():\n    torch.set_grad_enabled(False)\n"
    )  # fmt: skip
    source = f"w = torch.ones(2, requires_grad=True)\n{head}    return (w * 2).sum()\n"
    names = run(source, "switch.py")
    try:
        found = torch.debug.explain_grad(names["w"], names["features"])
    finally:
        torch.set_grad_enabled(True)
    assert (found.cause, found.line) == ("no_grad", 4)
    assert f"switched off at switch.py:{2 if decorated else 3}" in found.note


def test_a_long_path_is_shortened() -> None:
    w = torch.ones(1, requires_grad=True)

    def compute() -> Any:
        h = w
        for _ in range(2000):
            h = h * 1.0
        return h.sum()

    text = str(torch.debug.explain_grad(w, compute))
    assert "more ..." in text and len(text.splitlines()) < 40


def test_a_retained_result_is_fine() -> None:
    w = torch.ones(2, requires_grad=True)
    h = w * 2
    assert torch.debug.explain_grad(h, (h * 3).sum()).cause == "non_leaf"
    h.retain_grad()
    assert torch.debug.explain_grad(h, (h * 3).sum()).cause == "fine"
    assert h.grad is None and w.grad is None


def test_the_profile_function_is_put_back_after_an_error() -> None:
    import sys

    w = torch.ones(2, requires_grad=True)
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        torch.debug.explain_grad(w, lambda: w * (1 / 0))
    assert sys.getprofile() is before


def test_refusals() -> None:
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="expected a Tensor, but got str"):
        torch.debug.explain_grad("w", w.sum())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Tensor, or a function"):
        torch.debug.explain_grad(w, 3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="it returned float"):
        torch.debug.explain_grad(w, lambda: 3.0)  # type: ignore[arg-type,return-value]
