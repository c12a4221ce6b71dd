"""What a graph holds, and its text and DOT."""

from __future__ import annotations

import gc
import weakref
from collections import Counter

import pytest

import adjoint as torch
from adjoint import nn, viz

from .models import IMAGE, Residual, perceptron


@pytest.fixture
def network() -> tuple[torch.Tensor, nn.Module]:
    model = perceptron()
    return model(torch.ones(2, 3)).sum(), model


def place_named(graph: viz.Graph, name: str) -> viz.Place:
    (found,) = [place for place in graph.places if place.name == name]
    return found


def test_text_names_operations_parameters_modules_and_lines(network) -> None:
    text = viz.graph(*network).text()
    lines = text.splitlines()
    assert lines[0] == "result []"
    (tanh,) = [line for line in lines if line.startswith("TanhBackward0 [2, 4]")]
    assert "Sequential.1" in tanh
    assert "saves 32 B" in tanh
    assert "test_graph.py:" in tanh and "model(torch.ones(2, 3)).sum()" in tanh
    assert "├─ 0.weight [4, 3]" in text
    assert "└─ 0.bias [4]" in text


def test_a_chain_keeps_its_column_and_shared_places_are_written_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    lines = viz.graph((y * 2 + y).sum(), params={"x": x}).text().splitlines()
    shown = [line.partition("  #")[0].partition("  saves")[0].rstrip() for line in lines]
    assert shown == [
        "result []",
        "SumBackward0 []",
        "AddBackward0 [2]",
        "├─ → #1 ExpBackward0",
        "MulBackward0 [2]",
        "ExpBackward0 [2]",
        "└─ x [2]",
    ]
    assert "  #1" in lines[5]


def test_inputs_come_after_what_they_feed(network) -> None:
    graph = viz.graph(*network)
    assert [place.number for place in graph.places] == list(range(len(graph.places)))
    assert all(i > place.number for place in graph.places for i in place.inputs)


def test_names_come_from_a_module_a_dict_or_pairs(network) -> None:
    loss, model = network
    x = torch.ones(2, requires_grad=True)
    assert viz.graph((x * 2).sum(), params={"x": x}).places[-1].name == "x"
    names = {p.name for p in viz.graph(loss, model).places}
    assert {"0.weight", "2.bias"} <= names
    assert names == {p.name for p in viz.graph(loss, params=model.named_parameters()).places}
    assert names == {p.name for p in viz.graph(loss).places}  # of the modules that were called
    assert "leaf" in {p.name for p in viz.graph((x * 2).sum()).places}


def test_a_module_is_run_once_on_its_inputs() -> None:
    model = perceptron()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        graph = viz.graph(model, torch.ones(2, 3))
    assert calls == [1]
    assert graph.title == "Sequential"
    assert place_named(graph, "result").shape == (2, 1)
    assert all(p.grad is None for p in model.parameters())


def test_every_call_of_a_module_is_a_group() -> None:
    graph = viz.graph(Residual(1, stages=1), torch.ones(IMAGE))
    paths = [group.path for group in graph.groups]
    inside = "Residual.stages.0.0"
    assert f"{inside}.relu" in paths and f"{inside}.relu (2)" in paths
    add = next(p for p in graph.places if p.name == "AddBackward0")
    assert graph.path_of(add) == inside
    weight = place_named(graph, "stages.0.0.first.weight")
    assert graph.path_of(weight) == f"{inside}.first"


def test_a_shared_parameter_belongs_to_what_is_around_all_its_users() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode, self.decode = nn.Linear(2, 2), nn.Linear(2, 2)
            self.decode.weight = self.encode.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decode(self.encode(x))

    graph = viz.graph(Tied(), torch.ones(1, 2))
    assert graph.path_of(place_named(graph, "encode.weight")) == "Tied"
    assert graph.path_of(place_named(graph, "encode.bias")) == "Tied.encode"


def test_saved_values_are_listed_and_shared_memory_counted_once() -> None:
    x = torch.ones(100, requires_grad=True)
    y = x.exp()
    graph = viz.graph((y * y).sum())
    multiply = place_named(graph, "MulBackward0")
    assert [(s.shape, s.bytes) for s in multiply.saved] == [((100,), 400)] * 2
    assert multiply.saved_bytes == 800
    assert graph.saved_bytes == 400  # y, kept three times; x is the user's own


def test_a_write_through_a_view_has_the_line_that_wrote() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[0] = 5.0
    y[1:].mul_(3)
    places = {p.name: p.line for p in viz.graph(y.sum()).places if p.name == "CopySlices"}
    assert places["CopySlices"] is not None and "y[" in places["CopySlices"].text


def test_packed_values_are_not_unpacked() -> None:
    def refuse(_: object) -> torch.Tensor:
        raise AssertionError("unpacked")

    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: "on disk", refuse):
        y = x.exp()
    (saved,) = place_named(viz.graph(y.sum()), "ExpBackward0").saved
    assert (saved.dtype, saved.bytes) == ("packed", None)


def test_parameters_of_a_module_as_a_tree() -> None:
    graph = viz.graph(perceptron())
    assert graph.text().splitlines() == [
        "Sequential",
        "├─ 0 Linear",
        "│  ├─ weight [4, 3]",
        "│  └─ bias [4]",
        "└─ 2 Linear",
        "   ├─ weight [1, 4]",
        "   └─ bias [1]",
    ]
    assert graph.svg().count('class="box leaf"') == 4


def test_dot_links_inputs_to_their_consumers(network) -> None:
    graph = viz.graph(*network)
    dot = graph.dot()
    assert dot.startswith("digraph {")
    assert dot.count("->") == sum(len(place.inputs) for place in graph.places)
    assert dot.count("subgraph cluster_") == len(graph.groups) == 4
    assert Counter(dot)["{"] == Counter(dot)["}"]


def test_dot_escapes_names() -> None:
    x = torch.ones(2, requires_grad=True)
    assert r'label="a\"b\\\n2"' in viz.graph(x.sum(), params={'a"b\\': x}).dot()


def test_deep_graphs_do_not_recurse_and_stay_narrow() -> None:
    x = torch.ones(1, requires_grad=True)
    z = x
    for _ in range(5000):
        z = z * x
    graph = viz.graph(z)
    lines = graph.text().splitlines()
    assert len(lines) == 10001
    assert max(map(len, lines)) < 200
    assert graph.dot().count("->") == 10001


def test_the_graph_keeps_nothing_alive() -> None:
    model = perceptron()
    loss = model(torch.ones(2, 3)).sum()
    graph = viz.graph(loss, model, measure=True)
    held = [weakref.ref(loss.grad_fn), weakref.ref(model[0].weight)]
    gc.disable()
    try:
        del loss, model
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()
    assert len(graph.places) == 9


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: viz.graph(torch.ones(1)), RuntimeError, "does not require grad"),
        (lambda: viz.graph(3), TypeError, "expected a Tensor, but got int"),
        (lambda: viz.graph([]), TypeError, "got none"),
        (lambda: viz.graph(torch.ones(1, requires_grad=True), 3), TypeError, "got int"),
        (lambda: viz.graph(nn.ReLU()), RuntimeError, "no parameters"),
        (lambda: viz.graph(nn.ReLU(), torch.ones(1)), RuntimeError, "ReLU returned requires grad"),
    ],
)
def test_what_has_no_graph_is_refused(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()


def test_saving_by_ending(tmp_path, network) -> None:
    graph = viz.graph(*network)
    for name, start in {
        "g.html": "<!doctype html>", "g.svg": "<svg", "g.dot": "digraph", "g.txt": "result",
    }.items():  # fmt: skip
        graph.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    with pytest.raises(ValueError, match=r"should end in \.html"):
        graph.save(tmp_path / "g.png")
    assert len(list(tmp_path.iterdir())) == 4


def test_a_failed_save_leaves_the_old_file(tmp_path, network, monkeypatch) -> None:
    target = tmp_path / "g.svg"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        viz.graph(*network).save(target)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
