"""The HTML page: what it holds, and, where there is a Chromium, what it does."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import adjoint as torch
from adjoint import nn, viz
from adjoint.viz.coordinates import arrange
from adjoint.viz.layout import Layout

from .models import IMAGE, Residual, perceptron

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
VOID = {"meta", "input", "link", "br"}


class Checker(HTMLParser):
    """Collects elements, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def embedded(page: str) -> dict[str, Any]:
    """The data in a page."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = viz.graph(perceptron(), torch.ones(2, 3)).html()
    checker = Checker(page)
    assert checker.open == []
    assert not [a for a in checker.attributes if a[1] in ("src", "href", "srcset", "action")]
    assert not re.search(
        r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|import\(", page
    )
    assert "prefers-color-scheme" in page
    assert len(page) < 60_000


def test_the_data_are_the_graph() -> None:
    graph = viz.graph(Residual(1), torch.ones(IMAGE), measure=True)
    data = embedded(graph.html())
    assert [p["name"] for p in data["places"]] == [p.name for p in graph.places]
    assert [p["inputs"] for p in data["places"]] == [p.inputs for p in graph.places]
    assert [g["path"] for g in data["groups"]] == [g.path for g in graph.groups]
    assert set(data["ranges"]) == {"saved", "forward", "backward", "norm"}
    root = data["sums"][0]
    assert root["saved"] == sum(p.saved_bytes for p in graph.places)
    assert root["norm"] == pytest.approx(max(p.gradient_norm for p in graph.places), rel=1e-4)
    first = next(p for p in data["places"] if p["line"] >= 0)
    assert data["lines"][first["line"]][0].endswith(".py")


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u2028&\"'"


def test_names_cannot_break_out() -> None:
    model = type(HOSTILE, (nn.Linear,), {})(2, 2)
    graph = viz.graph(model, torch.ones(1, 2), params={HOSTILE: model.weight})
    page = graph.html()
    assert "<img" not in page and "alert(1)</script>" not in page
    assert HOSTILE in [p["name"] for p in embedded(page)["places"]]
    assert Checker(page).open == []


def test_a_notebook_shows_the_page_apart_from_itself() -> None:
    graph = viz.graph(perceptron(), torch.ones(2, 3))
    bundle = graph._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    frame = bundle["text/html"]
    (source,) = [v for tag, name, v in Checker(frame).attributes if name == "srcdoc"]
    assert source == graph.html()
    assert 'sandbox="allow-scripts"' in frame
    assert html.escape("<!doctype html>") in frame


def test_a_large_graph_is_kept_once_in_a_notebook() -> None:
    x = torch.ones(1, requires_grad=True)
    z = x
    for _ in range(400):
        z = z * 2
    assert set(viz.graph(z)._repr_mimebundle_()) == {"text/plain", "text/html"}


PROBE = r"""
const G = graphView, out = {};
const key = (k, more) => G.press(Object.assign(
  { key: k, target: document.body, preventDefault() {} }, more));
const boxes = (map) => Object.fromEntries(map);
out.start = { opened: [...G.opened], places: G.drawing().places.size };
G.closeAll();
out.closed = { closed: G.drawing().closed.size, places: G.drawing().places.size };
key("e");
out.layout = { size: G.drawing().size, places: boxes(G.drawing().places),
  opened: boxes(G.drawing().opened), segments: G.drawing().segments.map((s) => s.at) };
const block = G.data.groups.findIndex((g) => g.path === "Residual.stages.1.0");
const before = G.boxOf("g" + block)[1] - G.view.y;
G.toggle(block);
out.toggled = { inside: G.data.groups[block].places.every((p) => !G.drawing().places.has(p)),
  kept: Math.abs(G.boxOf("g" + block)[1] - G.view.y - before) < 1e-6,
  standIn: G.standIn(G.data.groups[block].places[0]) === "g" + block };
key("/");
out.focused = document.activeElement.id;
const field = document.getElementById("search");
field.value = "convolution stages.1.0.second";
field.dispatchEvent(new Event("input"));
out.found = G.state().found.length;
out.hits = document.getElementById("hits").textContent;
key("Enter", { target: field });
const hit = G.state().found[0];
out.revealed = [G.drawing().places.has(hit), G.state().selected === "p" + hit];
out.panel = document.getElementById("panel").innerText;
const [x, y, w, h] = G.boxOf("p" + hit);
out.under = G.boxAt((x + w / 2 - G.view.x) * G.view.scale, (y + h / 2 - G.view.y) * G.view.scale);
G.showTip("p" + hit, 100, 100);
out.tip = document.getElementById("tip").innerText;
key("Escape");
out.after = [field.value, G.state().selected, document.getElementById("panel").hidden];
let scale = G.view.scale;
key("+"); out.larger = G.view.scale > scale;
key("-"); key("-"); out.smaller = G.view.scale < scale;
G.closeAll();
G.render();
const canvas = document.querySelector("canvas"), corner = canvas.getBoundingClientRect();
const point = (type, px, py) => canvas.dispatchEvent(new PointerEvent(type, {
  clientX: px + corner.x, clientY: py + corner.y, pointerId: 1, bubbles: true }));
const click = (px, py) => { point("pointerdown", px, py); point("pointerup", px, py); };
const middle = ([x, y, w, h]) => [
  (x + w / 2 - G.view.x) * G.view.scale, (y + h / 2 - G.view.y) * G.view.scale];
const stem = G.data.groups.findIndex((g) => g.path === "Residual.stem");
click(...middle(G.boxOf("g" + stem)));
G.render();
const title = G.boxOf("g" + stem);
out.clicks = [G.opened.has(stem)];
click((title[0] - G.view.x) * G.view.scale + 14, (title[1] - G.view.y) * G.view.scale + 12);
out.clicks.push(G.opened.has(stem));
const [from, factor] = [G.view.x, G.view.scale];
point("pointerdown", 20, 20);
point("pointermove", 120, 20);
point("pointerup", 120, 20);
out.dragged = (from - G.view.x) * factor;
canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, clientX: 50, clientY: 90 }));
out.wheeled = G.view.scale > factor;
point("pointermove", ...middle(G.boxOf("g" + stem)));
out.hovered = [G.state().hovered === "g" + stem, document.getElementById("tip").innerText];
G.openAll();
const pen = canvas.getContext("2d"), times = [];
for (let n = 0; n < 40; n++) {
  const begin = performance.now();
  G.zoomAt(n < 20 ? 0.85 : 1 / 0.85, 500, 300);
  G.render();
  pen.getImageData(0, 0, 1, 1);  // waits for what was painted
  times.push(performance.now() - begin);
}
out.frame = times.sort((a, b) => a - b)[20];
const choice = document.getElementById("metric"), legend = document.getElementById("legend");
out.legends = [...choice.options].map((option) => {
  choice.value = option.value;
  choice.onchange();
  return legend.innerText.replace(/\s+/g, " ").trim();
});
out.colours = new Set(pen.getImageData(0, 0, 900, 500).data).size;
document.body.replaceChildren();
document.body.textContent = "RESULT" + JSON.stringify(out) + "END";
"""


@pytest.fixture(scope="module")
def large() -> viz.Graph:
    return viz.graph(Residual(42, stages=4), torch.ones(IMAGE), measure=True)


@pytest.fixture(scope="module")
def seen(large: viz.Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page of a graph of 2,000 nodes answers to a user, in a real browser."""
    folder: Path = tmp_path_factory.mktemp("page")
    page = folder / "page.html"
    script = f"window.onerror = (e) => {{ document.title = 'failed: ' + e; }};\n{PROBE}"
    page.write_text(large.html().replace("</body>", f"<script>{script}</script></body>"))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,850",
        "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'profile'}",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search("RESULT(.*)END", html.unescape(done.stdout))
    assert found, done.stdout[-2000:]
    return json.loads(found[1])


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page in")


@needs_browser
def test_the_page_lays_out_as_python_does(large: viz.Graph, seen: dict[str, Any]) -> None:
    layout = Layout(large)
    opened = {n for n, parent in enumerate(layout.parents) if parent is not None}
    found = arrange(large, layout, opened)
    assert seen["layout"]["size"] == pytest.approx(found.size)
    for name in ("places", "opened"):
        boxes = {int(n): box for n, box in seen["layout"][name].items()}
        assert boxes.keys() == getattr(found, name).keys()
        for number, box in getattr(found, name).items():
            assert boxes[number] == pytest.approx(box)
    assert len(seen["layout"]["segments"]) == len(found.segments)
    for shown, (segment, _) in zip(seen["layout"]["segments"], found.segments, strict=True):
        assert shown == pytest.approx(segment)


@needs_browser
def test_modules_open_and_close(seen: dict[str, Any]) -> None:
    assert 0 < seen["start"]["places"] < 160
    assert seen["closed"] == {"closed": 6, "places": 2}
    assert seen["toggled"] == {"inside": True, "kept": True, "standIn": True}


@needs_browser
def test_the_mouse_opens_closes_moves_and_zooms(seen: dict[str, Any]) -> None:
    assert seen["clicks"] == [True, False]
    assert seen["dragged"] == pytest.approx(100)
    assert seen["wheeled"]
    assert seen["hovered"][0]
    assert "Residual.stem" in seen["hovered"][1] and "click to open" in seen["hovered"][1]


@needs_browser
def test_search_finds_reveals_and_escape_leaves(seen: dict[str, Any]) -> None:
    assert seen["focused"] == "search"
    assert seen["found"] == 1 and seen["hits"] == "1 found"
    assert seen["revealed"] == [True, True]
    assert seen["under"].startswith("p")
    assert seen["after"] == ["", None, True]
    assert seen["larger"] and seen["smaller"]


@needs_browser
def test_hovering_tells_shape_line_and_measures(seen: dict[str, Any]) -> None:
    for text in (seen["tip"], seen["panel"]):
        for part in (
            "ConvolutionBackward0", "1×3×4×4", "Residual.stages.1.0.second", "models.py:",
            "return self.relu(self.second(inner) + x)", " ms", "gradient norm", "saved",
        ):  # fmt: skip
            assert part in text
    assert "Saved for backward" in seen["panel"] and "Used by" in seen["panel"]


@needs_browser
def test_a_legend_says_what_colours_mean(large: viz.Graph, seen: dict[str, Any]) -> None:
    kinds, saved, forward, backward, norm = seen["legends"]
    assert kinds == "operation leaf, parameter result closed module"
    most = max(place.saved_bytes for place in large.places)
    assert saved == f"saved: 0 ≥ {most} B nan, inf"
    assert forward.startswith("forward: 0 ≥ ") and forward.endswith(" ms nan, inf")
    assert backward.startswith("backward: 0 ≥ ")
    assert re.fullmatch(r"gradient norm: ≤ [\d.e-]+ ≥ [\d.e-]+ nan, inf", norm)


@needs_browser
def test_two_thousand_nodes_stay_fluid(large: viz.Graph, seen: dict[str, Any]) -> None:
    assert len(large.places) > 2000
    assert seen["colours"] > 3  # something was painted
    assert seen["frame"] < 100  # milliseconds, also on a loaded machine without a graphics card
