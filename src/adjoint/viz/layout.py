"""Floor 5: a layered layout: in every frame, which item stands in which row, and in what order.

A frame is the inside of a module call, or the whole drawing; its items are places, inner frames
drawn as boxes, and the ends of links that cross its border. So no box is crossed by a link, and the
rows of a frame hold whichever of its boxes are open. After Sugiyama, Tagawa and Toda (1981): a
link over several rows gets a bend in each, one trunk for all links from one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt

from .graph import LEAF, Graph

PLACE, GROUP, ENTRY, EXIT, BEND = range(5)

# (upper item, source of its exit or -1, lower item, source of its entry or -1, source)
Link = tuple[int, int, int, int, int]
End = tuple[int, int]  # kind and number of an item


class Frame:
    """Rows of items, from left to right, and the links between rows.

    `items[i]` is (kind, number): of a place, of a group, or of the place that a link comes from.
    `links` join neighbouring rows, `far` ones are too long for bends.
    """

    def __init__(self, group: int) -> None:
        self.group = group
        self.items: list[End] = []
        self.links: list[Link] = []
        self.far: list[Link] = []
        self.rows: list[list[int]] = []
        self.layer: list[int] = []
        self._joined: dict[tuple[End, End, int], None] = {}

    def join(self, upper: End, lower: End, source: int) -> None:
        """Note a link, once."""
        self._joined[upper, lower, source] = None

    def lay(self, rank: Sequence[float], group_rank: Sequence[float], sweeps: int = 8) -> None:
        """Put the items into rows, in an order with few crossings."""

        def key(item: End) -> tuple[int, float]:
            kind, number = item
            if kind == GROUP:
                return 1, group_rank[number]
            return {ENTRY: 0, EXIT: 2}.get(kind, 1), rank[number]

        self.items.extend(end for upper, lower, _ in self._joined for end in (upper, lower))
        self.items = sorted(dict.fromkeys(self.items), key=key)
        index = {item: i for i, item in enumerate(self.items)}
        links = [(index[u], index[v], source) for u, v, source in self._joined]
        self._joined.clear()
        self.layer = self._layers(links)
        self._bend(links)
        self._fill_rows()
        self._order(sweeps)

    def _layers(self, links: Sequence[tuple[int, int, int]]) -> list[int]:
        """The row of each item: one below its lowest input.

        What has no inputs, or fewer than users, moves down to its first user; so does the end of
        a branch of its own (no input of it is used elsewhere), which its inputs follow.
        """
        count = len(self.items)
        inputs: list[list[int]] = [[] for _ in range(count)]
        users: list[list[int]] = [[] for _ in range(count)]
        for u, v, _ in links:
            if u < v:
                inputs[v].append(u)
                users[u].append(v)
        has_entries = any(kind == ENTRY for kind, _ in self.items)
        layer = [0] * count
        for i, (kind, _) in enumerate(self.items):
            floor = 0 if kind == ENTRY or not has_entries else 1
            layer[i] = max([floor, *[layer[u] + 1 for u in inputs[i]]])
        last = max(layer, default=0)
        loose = [False] * count
        for i, (kind, _) in enumerate(self.items):
            own = all(loose[u] and len(users[u]) == 1 for u in inputs[i])
            loose[i] = kind != ENTRY and (own or len(inputs[i]) < len(users[i]))
        for i in reversed(range(count)):
            if self.items[i][0] == EXIT:
                layer[i] = last
            elif loose[i] and users[i]:
                layer[i] = max(layer[i], min(layer[v] for v in users[i]) - 1)
        return layer

    def _bend(self, links: Sequence[tuple[int, int, int]]) -> None:
        """Give links over several rows their trunks, those first that cost few bends a link."""
        layer = self.layer
        trunks: dict[tuple[int, int], list[int]] = {}
        for u, v, source in links:
            trunks.setdefault((u, source), []).append(v)
        spans = [
            (span / len(targets), span, u, source)
            for (u, source), targets in trunks.items()
            if (span := max(layer[v] for v in targets) - layer[u] - 1) > 0
        ]
        budget = 6 * len(self.items) + 2000
        allowed = dict.fromkeys(trunks, 0)
        for _, span, u, source in sorted(spans):
            if span <= budget:
                budget -= span
                allowed[u, source] = span
        for (u, source), targets in trunks.items():
            self._trunk(u, source, targets, allowed[u, source])

    def _trunk(self, u: int, source: int, targets: Sequence[int], span: int) -> None:
        top = self.layer[u]
        way = [u]
        for step in range(span):
            way.append(len(self.items))
            self.items.append((BEND, source))
            self.layer.append(top + 1 + step)
            self.links.append(self._link(way[-2], way[-1], source))
        for v in targets:
            step = self.layer[v] - top - 1
            if 0 <= step <= span:
                self.links.append(self._link(way[step], v, source))
            else:
                self.far.append(self._link(u, v, source))

    def _link(self, u: int, v: int, source: int) -> Link:
        above = source if self.items[u][0] == GROUP else -1
        below = source if self.items[v][0] == GROUP else -1
        return u, above, v, below, source

    def _fill_rows(self) -> None:
        if not self.links and not self.far:  # nothing to follow: a block about as wide as high
            width = max(1, ceil(sqrt(len(self.items))))
            for i in range(len(self.items)):
                self.layer[i] = i // width
        self.rows = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for i, row in enumerate(self.layer):
            self.rows[row].append(i)

    def _order(self, sweeps: int) -> None:
        """Barycentre sweeps, down and up in turn; the order with the fewest crossings is kept."""
        above: list[list[int]] = [[] for _ in self.items]
        below: list[list[int]] = [[] for _ in self.items]
        for u, _, v, _, _ in self.links:
            above[v].append(u)
            below[u].append(v)
        position = [0.0] * len(self.items)
        for row in self.rows:
            _number(row, position)
        if all(len(row) < 2 for row in self.rows):
            return
        best = (self._crossings(below, position), [list(row) for row in self.rows])
        if len(self.items) > 4000:  # few crossings are saved by going on, for a second each
            sweeps = 3
        for sweep in range(sweeps):
            down = sweep % 2 == 0
            beside = above if down else below
            for row in self.rows if down else reversed(self.rows):
                if len(row) > 1:
                    keys = {i: _mean(beside[i], position, position[i]) for i in row}
                    row.sort(key=keys.__getitem__)
                    _number(row, position)
            score = self._crossings(below, position)
            if score < best[0]:
                best = (score, [list(row) for row in self.rows])
        self.rows = best[1]

    def _crossings(self, below: Sequence[Sequence[int]], position: Sequence[float]) -> int:
        """How many pairs of links cross, counted as inversions by a Fenwick tree per row."""
        total = 0
        for row, following in pairwise(self.rows):
            place = {v: n for n, v in enumerate(sorted(following, key=position.__getitem__))}
            tree = [0] * (len(following) + 1)
            met = 0
            for u in row:
                ends = sorted(place[v] for v in below[u])
                for end in ends:
                    i, smaller = end + 1, 0
                    while i:
                        smaller += tree[i]
                        i &= i - 1
                    total += met - smaller
                for end in ends:
                    met += 1
                    i = end + 1
                    while i < len(tree):
                        tree[i] += 1
                        i += i & -i
        return total


def _number(row: Sequence[int], position: list[float]) -> None:
    for n, i in enumerate(row):
        position[i] = (n + 0.5) / len(row)


def _mean(items: Sequence[int], position: Sequence[float], otherwise: float) -> float:
    if not items:
        return otherwise
    return sum([position[i] for i in items]) / len(items)


class Layout:
    """The frames of a graph by group number, -1 for the whole drawing.

    `parents[group]` is the frame that holds a group's box, None for a group that is not drawn: one
    with a single operation in it, or nothing. `home[place]` is the frame that holds a place.
    """

    def __init__(self, graph: Graph) -> None:
        self.parents, self.home = _drawn_groups(graph)
        self.frames = {-1: Frame(-1)}
        for number, parent in enumerate(self.parents):
            if parent is not None:
                self.frames[number] = Frame(number)
                self.frames[parent].items.append((GROUP, number))
        for place in graph.places:
            self.frames[self.home[place.number]].items.append((PLACE, place.number))
        for place in graph.places:
            for source in dict.fromkeys(place.inputs):
                self._lift(source, place.number)
        count = len(graph.places)
        rank = [
            float(i - count if place.kind == LEAF else count - i)
            for i, place in enumerate(graph.places)
        ]
        group_rank = self._group_ranks(rank)
        for frame in self.frames.values():
            frame.lay(rank, group_rank)

    def _lift(self, source: int, user: int) -> None:
        """Cut the link of two places into its parts inside the frames that it passes."""
        around = set(self._frames_around(self.home[source]))
        lower, inner = (PLACE, user), self.home[user]
        while inner not in around:
            self.frames[inner].join((ENTRY, source), lower, source)
            lower, inner = (GROUP, inner), self.parent(inner)
        upper, outer = (PLACE, source), self.home[source]
        while outer != inner:
            self.frames[outer].join(upper, (EXIT, source), source)
            upper, outer = (GROUP, outer), self.parent(outer)
        self.frames[inner].join(upper, lower, source)

    def parent(self, group: int) -> int:
        """The frame that holds the box of a drawn group."""
        parent = self.parents[group]
        assert parent is not None
        return parent

    def _frames_around(self, group: int) -> list[int]:
        found = [group]
        while group >= 0:
            group = self.parent(group)
            found.append(group)
        return found

    def _group_ranks(self, rank: Sequence[float]) -> list[float]:
        """Where groups stand in the order of the program: as the last of their operations."""
        found = [float("-inf")] * len(self.parents)
        for place, home in enumerate(self.home):
            if home >= 0:
                found[home] = max(found[home], rank[place])
        for group in reversed(range(len(found))):
            parent = self.parents[group]
            if parent is not None and parent >= 0:
                found[parent] = max(found[parent], found[group])
        return found


def _drawn_groups(graph: Graph) -> tuple[list[int | None], list[int]]:
    """Parents of the groups that are drawn, and the frame of each place."""
    inside = [0] * len(graph.groups)
    for place in graph.places:
        if place.group >= 0:
            inside[place.group] += 1
    drawn = [False] * len(graph.groups)
    boxes = [0] * len(graph.groups)  # drawn groups directly or indirectly inside
    for group in reversed(graph.groups):
        drawn[group.number] = inside[group.number] > 1 or boxes[group.number] > 0
        if group.parent < 0:
            continue
        if drawn[group.number]:
            boxes[group.parent] += 1
        else:
            inside[group.parent] += inside[group.number]
    frame_of: list[int] = []
    parents: list[int | None] = []
    for group in graph.groups:
        outer = -1 if group.parent < 0 else frame_of[group.parent]
        parents.append(outer if drawn[group.number] else None)
        frame_of.append(group.number if drawn[group.number] else outer)
    return parents, [-1 if p.group < 0 else frame_of[p.group] for p in graph.places]
