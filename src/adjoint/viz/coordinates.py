"""Floor 5: coordinates of a layout: sizes from the inside out, positions from the outside in.

Every row is put as close as possible to what it is linked to, in its order and without overlap: a
least-squares problem that pooling neighbours solves in linear time. `coordinates.js` is the same
for the page, where boxes open and close; a test holds both to be equal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .graph import LEAF, Graph, Place
from .layout import BEND, ENTRY, EXIT, GROUP, PLACE, Frame, Layout, Link

HEIGHT, HEADER, PADDING, GAP_X, GAP_BEND, GAP_Y, SWEEPS = 38.0, 26.0, 14.0, 18.0, 10.0, 26.0, 8

Box = tuple[float, float, float, float]  # left, top, width, height
Segment = tuple[float, float, float, float, float, float]  # x, y, row's end, row's start, x, y


def text_width(text: str, size: float = 12) -> float:
    """Roughly how wide a text is in a sans-serif font."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return size * (0.56 * (len(text) - wide) + wide)


def label_of(name: str) -> str:
    """A name as drawn: the end of a long one, which tells more than its beginning."""
    return name if len(name) <= 34 else "…" + name[-33:]


def place_label(graph: Graph, layout: Layout, place: Place) -> str:
    """The name of a place as drawn: a parameter without the path of the frame around it."""
    home = layout.home[place.number]
    if place.kind == LEAF and home >= 0:
        around = graph.groups[home].path.partition(".")[2] + "."
        if place.name.startswith(around):
            return label_of(place.name[len(around) :])
    return label_of(place.name)


def widths(graph: Graph, layout: Layout) -> tuple[list[float], list[float]]:
    """The widths of the boxes of places, and of closed groups."""
    places = [
        20.0 + round(max(text_width(place_label(graph, layout, p)), text_width(p.shape_text(), 11)))
        for p in graph.places
    ]
    groups = [
        36.0 + round(max(text_width(label_of(g.name)), text_width(label_of(g.type), 11)))
        for g in graph.groups
    ]
    return places, groups


@dataclass
class Inside:
    """One frame arranged, in its own coordinates: the centre of each item, and its rows."""

    x: list[float] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    height: list[float] = field(default_factory=list)
    top: list[float] = field(default_factory=list)  # of rows
    bottom: list[float] = field(default_factory=list)
    size: tuple[float, float] = (0, 0)
    entries: dict[int, float] = field(default_factory=dict)  # source -> x
    exits: dict[int, float] = field(default_factory=dict)


@dataclass
class Arrangement:
    """Boxes of places, of closed and of open groups; the parts of links; the size of it all."""

    places: dict[int, Box] = field(default_factory=dict)
    closed: dict[int, Box] = field(default_factory=dict)
    opened: dict[int, Box] = field(default_factory=dict)
    segments: list[tuple[Segment, bool]] = field(default_factory=list)  # and whether it ends here
    far: list[tuple[float, float, float, float]] = field(default_factory=list)
    size: tuple[float, float] = (0, 0)


def arrange(graph: Graph, layout: Layout, opened: Collection[int]) -> Arrangement:
    """The drawing with these groups open; a group counts as open when all around it are."""
    sizes = widths(graph, layout)
    inside: dict[int, Inside] = {}
    order, stack = [], [-1]
    while stack:
        number = stack.pop()
        order.append(number)
        stack.extend(n for kind, n in layout.frames[number].items if kind == GROUP and n in opened)
    for number in reversed(order):
        inside[number] = _inside(graph, layout, number, inside, sizes)
    result = Arrangement(size=inside[-1].size)
    origin = {-1: (0.0, 0.0)}
    for number in order:
        _place(layout.frames[number], inside, origin, result)
    return result


def _inside(
    graph: Graph,
    layout: Layout,
    number: int,
    inside: dict[int, Inside],
    sizes: tuple[Sequence[float], Sequence[float]],
) -> Inside:
    frame = layout.frames[number]
    found = Inside()
    for kind, n in frame.items:
        width, height = (0.0, 0.0)
        if kind == PLACE:
            width, height = sizes[0][n], HEIGHT
        elif kind == GROUP:
            width, height = inside[n].size if n in inside else (sizes[1][n], HEIGHT)
        found.width.append(width)
        found.height.append(height)
    offsets = [
        (_port(frame, link, inside, upper=True), _port(frame, link, inside, upper=False))
        for link in frame.links
    ]
    leaves = {n for n in {link[4] for link in frame.links} if graph.places[n].kind == LEAF}
    _spread(frame, found, offsets, leaves)
    title = "" if number < 0 else label_of(graph.groups[number].name)
    _stack_rows(frame, found, offsets, 60 + text_width(title) if number >= 0 else 0)
    return found


def _port(frame: Frame, link: Link, inside: dict[int, Inside], upper: bool) -> float:
    """Where on its box a link begins or ends, from the centre."""
    item, source = link[:2] if upper else link[2:4]
    kind, n = frame.items[item]
    if kind != GROUP or n not in inside:
        return 0.0
    box = inside[n]
    return (box.exits if upper else box.entries)[source] - box.size[0] / 2


def _spread(
    frame: Frame,
    found: Inside,
    offsets: Sequence[tuple[float, float]],
    leaves: Collection[int],
) -> None:
    """Horizontal places: rows packed, then pulled to their neighbours, down and up in turn."""
    count = len(frame.items)
    found.x = x = [0.0] * count
    above: list[list[tuple[int, float, float]]] = [[] for _ in range(count)]
    below: list[list[tuple[int, float, float]]] = [[] for _ in range(count)]
    for (u, _, v, _, source), (upper, lower) in zip(frame.links, offsets):
        bends = (frame.items[u][0] == BEND) + (frame.items[v][0] == BEND)
        weight = (1.0, 0.2, 8.0)[bends]  # the main line runs straight, what skips goes around it
        if source in leaves:  # and parameters stand beside
            weight *= 0.01
        above[v].append((u, upper - lower, weight))
        below[u].append((v, lower - upper, weight))
    gaps = []
    for row in frame.rows:
        steps = [0.0]
        for a, b in pairwise(row):
            bend = frame.items[a][0] >= ENTRY or frame.items[b][0] >= ENTRY
            steps.append(
                steps[-1] + (found.width[a] + found.width[b]) / 2 + (GAP_BEND if bend else GAP_X)
            )
        middle = steps[-1] / 2
        for i, step in zip(row, steps):
            x[i] = step - middle
        gaps.append(steps)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = list(zip(frame.rows, gaps))
        for row, steps in rows if down else reversed(rows):
            _pull(row, steps, x, above if down else below)
    around = [a + b for a, b in zip(above, below)]
    for row, steps in zip(frame.rows, gaps):
        _pull(row, steps, x, around)
    for row, steps in zip(frame.rows, gaps):
        _straighten(frame, row, steps, x, above)


def _pull(
    row: Sequence[int],
    steps: Sequence[float],
    x: list[float],
    beside: Sequence[Sequence[tuple[int, float, float]]],
) -> None:
    """Move a row to where its links want it, by pooling neighbours that would overlap."""
    pools: list[tuple[float, float, int]] = []  # weighted sum, weight, how many
    for i, step in zip(row, steps):
        total = weight = 0.0
        for j, offset, w in beside[i]:
            total += w * (x[j] + offset)
            weight += w
        if weight == 0.0:
            total, weight = 0.05 * x[i], 0.05
        total -= weight * step
        size = 1
        while pools and pools[-1][0] * weight >= total * pools[-1][1]:
            before = pools.pop()
            total += before[0]
            weight += before[1]
            size += before[2]
        pools.append((total, weight, size))
    n = 0
    for total, weight, size in pools:
        for _ in range(size):
            x[row[n]] = total / weight + steps[n]
            n += 1


def _straighten(
    frame: Frame,
    row: Sequence[int],
    steps: Sequence[float],
    x: list[float],
    above: Sequence[Sequence[tuple[int, float, float]]],
) -> None:
    """Put bends right below where their links come from, as far as their neighbours let them."""
    for n, i in enumerate(row):
        if frame.items[i][0] != BEND:
            continue
        j, offset, _ = above[i][0]
        wanted = x[j] + offset
        if n > 0:
            wanted = max(wanted, x[row[n - 1]] + steps[n] - steps[n - 1])
        if n < len(row) - 1:
            wanted = min(wanted, x[row[n + 1]] - steps[n + 1] + steps[n])
        x[i] = wanted


def _stack_rows(
    frame: Frame, found: Inside, offsets: Sequence[tuple[float, float]], least: float
) -> None:
    """Vertical places of rows, the size of the frame, and where links cross its border."""
    x, kinds = found.x, [kind for kind, _ in frame.items]
    edge = PADDING
    left = min([x[i] - found.width[i] / 2 for i in range(len(x))], default=0.0)
    right = max([x[i] + found.width[i] / 2 for i in range(len(x))], default=0.0)
    spare = max(0.0, least - (right - left) - 2 * edge) / 2
    for i in range(len(x)):
        x[i] += edge + spare - left
    reach = [0.0] * len(frame.rows)  # how far links run sideways below each row
    for (u, _, v, _, _), (upper, lower) in zip(frame.links, offsets):
        row = frame.layer[u]
        reach[row] = max(reach[row], abs(x[u] + upper - x[v] - lower))
    y = PADDING if frame.group < 0 else HEADER + 4.0
    if frame.rows and kinds[frame.rows[0][0]] == ENTRY:
        y = 0.0
    for n, items in enumerate(frame.rows):
        found.top.append(y)
        y += max(found.height[i] for i in items)
        found.bottom.append(y)
        if n < len(frame.rows) - 1:
            y += GAP_Y + min(60.0, 0.05 * reach[n])
            if n == 0 and kinds[items[0]] == ENTRY:
                y = max(y, HEADER + 16.0)
    exits = bool(frame.rows) and kinds[frame.rows[-1][0]] == EXIT
    found.size = (right - left + 2 * (edge + spare), y if exits else y + PADDING)
    if exits:
        found.top[-1] = found.bottom[-1] = y
    for i, (kind, n) in enumerate(frame.items):
        if kind == ENTRY:
            found.entries[n] = x[i]
        elif kind == EXIT:
            found.exits[n] = x[i]


def _place(
    frame: Frame,
    inside: dict[int, Inside],
    origin: dict[int, tuple[float, float]],
    result: Arrangement,
) -> None:
    """Put the items and links of a frame where they are in the drawing."""
    here, (ox, oy) = inside[frame.group], origin[frame.group]
    tops: list[float] = []
    for i, (kind, n) in enumerate(frame.items):
        row = frame.layer[i]
        space = here.bottom[row] - here.top[row] - here.height[i]
        top = oy + here.top[row] + space / 2
        box = (ox + here.x[i] - here.width[i] / 2, top, here.width[i], here.height[i])
        tops.append(top)
        if kind == PLACE:
            result.places[n] = box
        elif kind == GROUP:
            (result.opened if n in inside else result.closed)[n] = box
            origin[n] = box[:2]
    for n, link in enumerate([*frame.links, *frame.far]):
        u, _, v, _, _ = link
        x1 = ox + here.x[u] + _port(frame, link, inside, upper=True)
        x2 = ox + here.x[v] + _port(frame, link, inside, upper=False)
        if n >= len(frame.links):
            result.far.append((x1, tops[u] + here.height[u], x2, tops[v]))
            continue
        leave, enter = oy + here.bottom[frame.layer[u]], oy + here.top[frame.layer[v]]
        # A bend is passed from the top of its row to the bottom.
        y1 = (
            oy + here.top[frame.layer[u]] if frame.items[u][0] == BEND else tops[u] + here.height[u]
        )
        y2 = enter if frame.items[v][0] == BEND else tops[v]
        kind, number = frame.items[v]
        ends = kind == PLACE or (kind == GROUP and number not in inside)
        result.segments.append(((x1, y1, leave, enter, x2, y2), ends))
