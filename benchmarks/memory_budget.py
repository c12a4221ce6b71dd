"""What a memory budget costs: operations run again and time, by budget.

python benchmarks/memory_budget.py

Chains are compared with the fewest runs that any schedule needs (dynamic programming, as in
`tests/autograd/test_memory_budget.py`); networks with the same step without a budget.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable

import adjoint as torch
from adjoint import nn

SIZE = 100_000  # elements of a chain's values


@functools.cache
def fewest(length: int, slots: int) -> float:
    """Fewest runs of a step that backward over a chain takes, each value being made anew.

    Of `slots` values that are held at once, a step needs two: its input and its output.
    """
    if length <= slots:
        return length
    if slots < 2:
        return math.inf
    return min(
        j + fewest(length - j, slots - 1) + fewest(j - 1, slots) for j in range(1, length + 1)
    )


@functools.cache
def optimum(length: int, slots: int) -> float:
    """The same when the forward pass, which holds its value itself, chooses what to keep."""
    if length == 0 or slots == 0:
        return math.inf if length else 0
    return min(optimum(length - j, slots - 1) + fewest(j - 1, slots) for j in range(1, length + 1))


def chain(length: int) -> Callable[[], torch.Tensor]:
    x = torch.linspace(0, 1, SIZE, requires_grad=True)

    def run() -> torch.Tensor:
        y = x
        for _ in range(length):
            y = y.tanh()
        return y.sum()

    return run


def network(depth: int) -> Callable[[], torch.Tensor]:
    torch.manual_seed(0)
    blocks: list[nn.Module] = []
    for _ in range(depth):
        blocks += [nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *blocks, nn.Flatten())
    data = torch.randn(16, 3, 16, 16)
    return lambda: model(data).square().mean()


def recurrent(length: int) -> Callable[[], torch.Tensor]:
    """An LSTM in plain operations, whose steps pass on two values."""
    torch.manual_seed(0)
    gates, data = nn.Linear(128, 256), torch.randn(256, 64)

    def run() -> torch.Tensor:
        h = c = torch.zeros(256, 64)
        for _ in range(length):
            i, f, g, o = gates(torch.cat([data, h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h.square().mean()

    return run


def measure(run: Callable[[], torch.Tensor], size: int) -> tuple[float, torch.memory_budget]:
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        with torch.memory_budget(size) as budget:
            run().backward()
        best = min(best, time.perf_counter() - start)
    return best, budget


def plain(run: Callable[[], torch.Tensor]) -> float:
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        run().backward()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print both tables."""
    print(f"{'chain':>6} {'slots':>6} {'again':>6} {'best':>6} {'ratio':>6} {'time':>6}")
    for length, slots in ((50, 4), (50, 8), (100, 3), (100, 5), (100, 10), (100, 25), (300, 10)):
        run = chain(length)
        base = plain(run)
        seconds, budget = measure(run, 4 * SIZE * slots)
        best = optimum(length, slots)
        assert budget.peak <= budget.limit
        print(
            f"{length:>6} {slots:>6} {budget.recomputed:>6} {best:>6.0f} "
            f"{budget.recomputed / best:>6.2f} {seconds / base:>5.1f}x"
        )
    for name, run, shares in (
        ("CNN of 16 blocks", network(16), (0.75, 0.5, 0.25, 0.15)),
        ("LSTM of 40 steps", recurrent(40), (0.75, 0.5, 0.25, 0.1)),
    ):
        base = plain(run)
        with torch.memory_budget(1 << 40) as whole:
            run()
        steps = whole._meter.steps
        print(f"\n{name}: {whole.peak / 1e6:.1f} MB saved, {steps} operations, {base * 1e3:.0f} ms")
        print(f"{'budget':>8} {'peak':>9} {'again':>6} {'time':>6}")
        for share in shares:
            seconds, budget = measure(run, int(whole.peak * share))
            peak = f"{budget.peak / 1e6:.1f} MB"
            print(f"{share:>8.0%} {peak:>9} {budget.recomputed:>6} {seconds / base:>5.2f}x")


if __name__ == "__main__":
    main()
