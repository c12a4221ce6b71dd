"""What is alive, by line; what a run needs; and what a step leaves behind."""

from __future__ import annotations

import functools
import gc
from typing import Any

import pytest

import adjoint as torch
from adjoint import debug, nn


def line_of(text: str) -> int:
    """The number of the line of this file that ends in a mark."""
    with open(__file__, encoding="utf-8") as source:
        return next(i for i, line in enumerate(source, 1) if line.rstrip().endswith(f"# {text}"))


def rows_at(report: Any, mark: str) -> list[Any]:
    return [r for r in report.rows if f"{__file__}:{line_of(mark)}," in r.line]


def test_bytes_are_told_by_the_line_that_made_them() -> None:
    x = torch.ones(1000, requires_grad=True)
    y = x.exp().tanh()  # two saved outputs
    kept = [x * 2 for _ in range(3)]  # three tensors
    report = debug.memory()
    here = rows_at(report, "two saved outputs")
    assert sum([r.bytes for r in here]) == 8000
    assert {r.kind for r in here} == {"saved", "tensor"}
    (row,) = [r for r in rows_at(report, "three tensors") if r.kind == "tensor"]
    assert (row.bytes, row.buffers) == (12_000, 3)
    assert row.example == "float32 [1000]"
    before = report.of_kind("saved")
    del y, kept
    after = debug.memory()
    assert not rows_at(after, "two saved outputs")
    assert after.of_kind("saved") <= before - 4000
    assert after.total <= report.total - 20_000


def test_parameters_gradients_and_data_are_told_by_their_holder() -> None:
    class OnlyHere(nn.Linear):  # no other test leaves one alive
        pass

    layer = OnlyHere(100, 10)
    data = torch.randn(5, 100)
    layer(data).sum().backward()
    rows = {r.line: r for r in debug.memory().rows}
    assert rows["attribute 'weight' of a OnlyHere"].kind == "parameter"
    assert rows["gradient of attribute 'weight' of a OnlyHere"].bytes == 4000
    name = "variable 'data' of test_parameters_gradients_and_data_are_told_by_their_holder()"
    assert rows[name].example == "float32 [5, 100]"


def test_memory_that_is_shared_counts_once() -> None:
    gc.collect()
    before = debug.memory().total
    x = torch.ones(1000)
    views = [x[i:] for i in range(5)]
    assert debug.memory().total == before + 4000
    del x, views


def test_a_memory_budget_shows_what_is_held() -> None:
    x = torch.ones(1000, requires_grad=True)
    with torch.memory_budget(8000):
        y = x
        for _ in range(10):
            y = y.tanh()  # under a budget
    rows = rows_at(debug.memory(), "under a budget")
    assert sum([r.bytes for r in rows if r.kind == "saved"]) <= 8000
    y.sum().backward()


def test_the_table_is_sorted_and_cut() -> None:
    kept = [torch.ones(n) for n in (3000, 1000, 2000)]
    report = debug.memory(top=2)
    assert [r.bytes for r in report.rows] == sorted([r.bytes for r in report.rows], reverse=True)
    lines = str(report).splitlines()
    assert "alive in" in lines[0]
    assert len(lines) <= 4
    assert sum([r.bytes for r in report.rows]) == report.total
    del kept


def test_the_peak_of_a_run() -> None:
    peak = debug.memory_peak(lambda n: torch.ones(n).exp().sum().item(), 250_000)
    assert 2e6 <= peak.bytes < 2.1e6
    assert peak.result == pytest.approx(250_000 * 2.718281828)
    assert "2.0 MB at the peak" in str(peak)
    x = torch.ones(250_000, requires_grad=True)

    def chain() -> None:
        y = x
        for _ in range(5):
            y = y.tanh()
        y.sum().backward()

    assert 5e6 <= debug.memory_peak(chain).bytes <= 9e6


class Carry:
    def __init__(self) -> None:
        self.weight = torch.randn(4, 4, requires_grad=True)
        self.hidden = torch.zeros(4, 4)
        self.cut = False

    def step(self) -> None:
        if self.cut:
            self.hidden = self.hidden.detach()
        self.hidden = torch.tanh(self.hidden @ self.weight)  # carried over
        self.hidden.sum().backward(retain_graph=True)


def test_a_sum_of_losses() -> None:
    model = nn.Linear(4, 1)
    total = torch.zeros(())

    def step() -> None:
        nonlocal total
        loss = model(torch.ones(2, 4)).sum()
        loss.backward()
        total += loss  # the sum

    found = debug.leaks(step)
    (leak,) = found.found
    assert leak.kind == "history"
    assert leak.holder == "variable 'total' of test_a_sum_of_losses()"
    assert f":{line_of('the sum')}," in leak.line
    assert "total += loss.item()" in leak.fix
    assert "fix: add up numbers" in str(found)


def test_a_list_of_outputs() -> None:
    model = nn.Linear(4, 100)
    outputs: list[torch.Tensor] = []

    def step() -> None:
        out = model(torch.ones(2, 4))  # kept in a list
        outputs.append(out)

    report = debug.leaks(step, steps=4)
    (leak,) = report.found
    assert leak.kind == "tensors"
    assert leak.holder.startswith("variable 'outputs' of test_a_list_of_outputs(), a list of")
    assert f":{line_of('kept in a list')}," in leak.line
    assert ".detach()" in leak.fix
    assert leak.nodes > 0
    assert report.growth >= 800


def test_a_hidden_state() -> None:
    carry = Carry()
    (leak,) = debug.leaks(carry.step).found
    assert leak.holder in ("attribute 'hidden' of a Carry",)
    assert f":{line_of('carried over')}," in leak.line
    assert "self.hidden = self.hidden.detach()" in leak.fix
    carry = Carry()
    carry.cut = True
    assert not debug.leaks(carry.step)


def test_tensors_without_history_in_a_dict() -> None:
    log: dict[str, list[torch.Tensor]] = {"loss": []}

    def step() -> None:
        log["loss"].append(torch.ones(10))

    (leak,) = debug.leaks(step).found
    assert "'log'" in leak.holder
    assert "bound its length" in leak.fix


def test_a_step_that_leaves_nothing() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    losses: list[float] = []

    def step() -> None:
        optimizer.zero_grad()
        loss = model(torch.randn(3, 4)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    report = debug.leaks(step)
    assert not report
    assert report.growth == 0
    assert str(report).startswith("no leak: after each step alive: ")
    with pytest.raises(ValueError, match="steps has to be at least 2"):
        debug.leaks(step, steps=1)


def test_the_gradient_of_a_parameter_that_a_live_graph_saved_is_a_gradient() -> None:
    weight = torch.ones(700, requires_grad=True)
    weight.square().sum().backward()
    before = torch.debug.memory().of_kind("gradient")
    loss = weight.square().sum()
    assert torch.debug.memory().of_kind("gradient") == before
    assert before >= 2800 and loss.requires_grad


@pytest.mark.filterwarnings("ignore:Using backward")
def test_gradients_that_add_up_with_their_history() -> None:
    layer = nn.Linear(2, 2, bias=False)

    def step() -> None:
        layer(torch.ones(1, 2)).square().sum().backward(create_graph=True)

    report = debug.leaks(step, steps=2)
    (leak,) = report.found
    assert leak.holder == ".grad of attribute 'weight' of a Linear"
    assert leak.kind == "history" and "zero_grad() in every step" in leak.fix
    layer.weight.grad = None


def test_what_nobody_is_known_to_hold() -> None:
    made = iter(range(100))

    @functools.lru_cache(None)
    def features(number: int) -> torch.Tensor:
        return torch.ones(50) * number

    report = debug.leaks(lambda: features(next(made)), steps=2)
    (leak,) = report.found
    assert leak.holder == "something whose name is not known" and "lru_cache" in leak.fix
    assert leak.line == "" and "made at" not in str(leak)
    assert report.growth >= 200
