"""Floor 5: a layered layout: every box below what feeds it, crossings reduced by barycentres.

After Sugiyama, Tagawa and Toda (1981): an edge over several layers gets a bend in each layer that
it crosses, so that it runs between the boxes and not behind them.
"""

from __future__ import annotations

from collections.abc import Sequence


def layers_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The layer of each place: 0 for what nothing feeds, else one below its lowest input.

    `inputs[i]` are the places that feed place i; the graph is acyclic. Iterative.
    """
    layer = [-1] * len(inputs)
    for start in range(len(inputs)):
        stack = [start]
        while stack:
            place = stack[-1]
            open_inputs = [i for i in inputs[place] if layer[i] < 0]
            if open_inputs:
                stack.extend(open_inputs)
            else:
                stack.pop()
                if layer[place] < 0:
                    layer[place] = 1 + max((layer[i] for i in inputs[place]), default=-1)
    return _pull_down(layer, inputs)


def _pull_down(layer: list[int], inputs: Sequence[Sequence[int]]) -> list[int]:
    """Move places down to just above the first place they feed: short edges."""
    lowest = [-1] * len(layer)
    for place in sorted(range(len(layer)), key=lambda p: -layer[p]):
        own = layer[place] if lowest[place] < 0 else lowest[place]
        layer[place] = own
        for i in inputs[place]:
            lowest[i] = own - 1 if lowest[i] < 0 else min(lowest[i], own - 1)
    return layer


class Layout:
    """Rows of places and bends, ordered from left to right.

    Bends are numbered after the places; `path[place, input]` lists the bends of one edge, from the
    input down.
    """

    def __init__(self, inputs: Sequence[Sequence[int]], sweeps: int = 8) -> None:
        layer = layers_of(inputs)
        self.feeds: list[list[int]] = [[] for _ in inputs]
        self.path: dict[tuple[int, int], list[int]] = {}
        for place, feeding in enumerate(inputs):
            for i in dict.fromkeys(feeding):
                bends = list(range(len(layer), len(layer) + layer[place] - layer[i] - 1))
                layer += range(layer[i] + 1, layer[place])
                self.path[place, i] = bends
                for above, below in zip([i, *bends], [*bends, place], strict=True):
                    if below == place:
                        self.feeds[place].append(above)
                    else:
                        self.feeds.append([above])
        self.rows: list[list[int]] = [[] for _ in range(max(layer, default=0) + 1)]
        for place in range(len(layer) - 1, -1, -1):
            self.rows[layer[place]].append(place)
        self._order(sweeps)

    def _order(self, sweeps: int) -> None:
        consumers: list[list[int]] = [[] for _ in self.feeds]
        for place, feeding in enumerate(self.feeds):
            for i in feeding:
                consumers[i].append(place)
        position = {p: _share(n, row) for row in self.rows for n, p in enumerate(row)}
        for sweep in range(sweeps):
            down = sweep % 2 == 0
            neighbours = self.feeds if down else consumers
            for row in self.rows if down else reversed(self.rows):
                keys = {p: _mean([position[i] for i in neighbours[p]], position[p]) for p in row}
                row.sort(key=keys.__getitem__)
                for n, p in enumerate(row):
                    position[p] = _share(n, row)


def _share(n: int, row: Sequence[int]) -> float:
    return (n + 0.5) / len(row)


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
