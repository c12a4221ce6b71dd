"""The layout and the SVG: nothing overlaps, no link crosses a box, values flow down."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree

import pytest

import adjoint as torch
from adjoint import viz
from adjoint.viz.coordinates import Arrangement, arrange
from adjoint.viz.layout import BEND, EXIT, GROUP, PLACE, Layout

from .models import IMAGE, Residual, perceptron


def diamonds() -> viz.Graph:
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(3):
        y = y.exp() * y.sin() + x
    return viz.graph(y.sum())


def branches() -> viz.Graph:
    """A sum of terms, each with operations and a parameter of its own."""
    terms = [torch.ones(2, requires_grad=True).sin().exp().sum() for _ in range(6)]
    return viz.graph(sum(terms[1:], terms[0]))


GRAPHS = {
    "perceptron": lambda: viz.graph(perceptron(), torch.ones(2, 3)),
    "residual": lambda: viz.graph(Residual(2), torch.ones(IMAGE)),
    "parameters": lambda: viz.graph(Residual(2)),
    "diamonds": diamonds,
    "branches": branches,
}


def arranged(graph: viz.Graph, level: int) -> tuple[Layout, Arrangement]:
    """The drawing with groups open down to a level."""
    layout = Layout(graph)
    depth = {-1: 0}
    for number, parent in enumerate(layout.parents):
        if parent is not None:
            depth[number] = depth[parent] + 1
    opened = {number for number, at in depth.items() if 0 < at <= level}
    return layout, arrange(graph, layout, opened)


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_overlap(name: str, level: int) -> None:
    _, found = arranged(GRAPHS[name](), level)
    boxes = [*found.places.values(), *found.closed.values()]
    width, height = found.size
    for i, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for x2, y2, w2, h2 in boxes[:i]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("name", GRAPHS)
def test_links_cross_no_box(name: str, level: int) -> None:
    """Between rows they are free; within a row they run straight down beside the boxes."""
    _, found = arranged(GRAPHS[name](), level)
    boxes = [*found.places.values(), *found.closed.values()]
    for (x1, y1, leave, enter, x2, y2), _ in found.segments:
        assert y1 <= leave + 1e-9 and leave < enter and enter <= y2 + 1e-9
        for x, y, w, h in boxes:
            for at, low, high in ((x1, y1, leave), (x2, enter, y2)):
                inside = x < at < x + w and low < y + h - 1e-6 and high > y + 1e-6
                assert not inside
            assert not (y < enter - 1e-6 and y + h > leave + 1e-6) or not (
                x < max(x1, x2) and x + w > min(x1, x2)
            )


@pytest.mark.parametrize("name", GRAPHS)
def test_values_flow_downwards_in_every_frame(name: str) -> None:
    for frame in Layout(GRAPHS[name]()).frames.values():
        assert sorted(i for row in frame.rows for i in row) == list(range(len(frame.items)))
        for u, _, v, _, _ in frame.links:
            assert frame.layer[v] == frame.layer[u] + 1


def test_every_link_arrives() -> None:
    """Following the parts of links downwards leads from each place to exactly its users."""
    graph = GRAPHS["residual"]()
    layout = Layout(graph)
    arrivals: dict[tuple[int, int], int] = {}
    for frame in layout.frames.values():
        for _, _, v, _, source in [*frame.links, *frame.far]:
            kind, number = frame.items[v]
            if kind == PLACE:
                arrivals[source, number] = arrivals.get((source, number), 0) + 1
    wanted = {(i, place.number): 1 for place in graph.places for i in place.inputs}
    assert arrivals == wanted


def test_a_group_of_one_operation_is_no_box() -> None:
    graph = GRAPHS["perceptron"]()
    layout = Layout(graph)
    drawn = [g.path for g in graph.groups if layout.parents[g.number] is not None]
    assert drawn == ["Sequential", "Sequential.0", "Sequential.2"]


def test_a_straight_chain_is_drawn_straight() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.exp().sin().mul(2).sum()
    _, found = arranged(viz.graph(y), 0)
    assert len({round(left + width / 2, 6) for left, _, width, _ in found.places.values()}) == 1


def test_a_branch_of_its_own_stands_above_what_uses_it() -> None:
    frame = Layout(branches()).frames[-1]
    assert all(frame.layer[v] == frame.layer[u] + 1 for u, _, v, _, _ in frame.links)
    assert not any(kind == BEND for kind, _ in frame.items)


def test_long_links_get_a_budget() -> None:
    """A thousand links over a thousand rows are not a million bends."""
    x = torch.ones(1, requires_grad=True)
    y, kept = x, []
    for _ in range(1000):
        y = y.tanh()
        kept.append(y)
    frame = Layout(viz.graph(torch.stack(kept).sum())).frames[-1]
    assert frame.far
    assert sum(kind == BEND for kind, _ in frame.items) < 10_000
    assert all(kind in (PLACE, BEND) for kind, _ in frame.items)


def test_links_leave_a_frame_once_for_all_their_users() -> None:
    graph = viz.graph(Residual(1, stages=1), torch.ones(IMAGE))
    layout = Layout(graph)
    stem = next(g.number for g in graph.groups if g.path == "Residual.stem")
    exits = [item for item in layout.frames[stem].items if item[0] == EXIT]
    assert len(exits) == 1
    assert (GROUP, stem) in layout.frames[layout.parent(stem)].items


def test_svg_is_well_formed_and_shows_what_is_asked() -> None:
    graph = GRAPHS["residual"]()
    whole, outline = graph.svg(), graph.svg(depth=1)
    for text in (whole, outline):
        ElementTree.fromstring(text)
    assert whole.count('class="box ') == len(graph.places)
    assert outline.count('class="box module"') == 4  # stem, two stages, head
    assert outline.count('class="frame"') == 1


def test_svg_escapes_names() -> None:
    x = torch.ones(2, requires_grad=True)
    graph = viz.graph(x.sum(), params={"<b>&'\"": x})
    assert "<b>" not in graph.svg()
    ElementTree.fromstring(graph.svg())


def test_two_thousand_nodes_are_laid_out_in_time() -> None:
    graph = viz.graph(Residual(41, stages=4, channels=3), torch.ones(IMAGE))
    assert len(graph.places) > 1900
    start = time.process_time()
    graph.html()
    assert time.process_time() - start < 2


def test_ten_thousand_rows_do_not_recurse() -> None:
    x = torch.ones(1, requires_grad=True)
    z = x
    for _ in range(10_000):
        z = z * 1.5
    assert viz.graph(z).svg().count('class="box ') == 10_002
