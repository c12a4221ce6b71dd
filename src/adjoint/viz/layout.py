"""Floor 5: a layered layout: every box below what feeds it, crossings reduced by barycentres.

After Sugiyama, Tagawa and Toda (1981), with long edges drawn straight.
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
    """Move leaves (parameters) to just above the first place that they feed."""
    lowest = dict.fromkeys(range(len(layer)), max(layer, default=0))
    for place, feeds in enumerate(inputs):
        for i in feeds:
            lowest[i] = min(lowest[i], layer[place] - 1)
    return [lowest[i] if not inputs[i] and lowest[i] >= 0 else n for i, n in enumerate(layer)]


def rows_of(
    layer: Sequence[int], inputs: Sequence[Sequence[int]], sweeps: int = 8
) -> list[list[int]]:
    """The places of each layer, ordered from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(layer, default=0) + 1)]
    for place in range(len(layer) - 1, -1, -1):
        rows[layer[place]].append(place)
    consumers: list[list[int]] = [[] for _ in layer]
    for place, feeds in enumerate(inputs):
        for i in feeds:
            consumers[i].append(place)
    for sweep in range(sweeps):
        neighbours = inputs if sweep % 2 == 0 else consumers
        position = {p: n / max(len(row) - 1, 1) for row in rows for n, p in enumerate(row)}
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=lambda p: _mean([position[i] for i in neighbours[p]], position[p]))
            for n, p in enumerate(row):
                position[p] = n / max(len(row) - 1, 1)
    return rows


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
