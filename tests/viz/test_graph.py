"""Graphs as text, DOT and SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

import adjoint as torch
from adjoint import nn, viz


@pytest.fixture
def network() -> tuple[torch.Tensor, nn.Module]:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return model(torch.ones(2, 3)).sum(), model


def test_text_names_operations_parameters_and_lines(network) -> None:
    text = viz.graph(*network).text()
    assert text.splitlines()[0] == "result []"
    assert "TanhBackward0 [2, 4]" in text
    assert "0.weight [4, 3]" in text
    assert "model(torch.ones(2, 3)).sum()" in text


def test_shared_places_are_drawn_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    graph = viz.graph((y * y).sum())
    assert [p.name for p in graph.places].count("MulBackward0") == 2
    assert "(above)" in graph.text()


def test_dot_links_inputs_to_their_consumers(network) -> None:
    dot = viz.graph(*network).dot()
    assert dot.startswith("digraph {")
    assert dot.count("->") == dot.count("[label=") - 1


def test_svg_is_well_formed_and_boxes_do_not_overlap(network) -> None:
    root = ElementTree.fromstring(viz.graph(*network).svg())
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
        for r in root.iter(f"{space}rect")
        if r.get("rx")
    ]
    assert len(boxes) == len(viz.graph(*network).places)
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[:i]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_values_flow_downwards(network) -> None:
    from adjoint.viz.layout import layers_of

    graph = viz.graph(*network)
    layer = layers_of([p.inputs for p in graph.places])
    for place in graph.places:
        assert all(layer[i] < layer[place.number] for i in place.inputs)


def test_deep_graphs_do_not_recurse() -> None:
    x = torch.ones(1, requires_grad=True)
    z = x
    for _ in range(3000):
        z = z * 1.5
    graph = viz.graph(z)
    assert len(graph.text().splitlines()) == 3002
    assert graph.svg().count("<rect") == 3003


def test_tensors_without_graph_are_refused() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        viz.graph(torch.ones(1))
    with pytest.raises(TypeError, match="expected a Tensor"):
        viz.graph(3)
