"""Backward through chains of 10,000 and of 1,000,000 nodes: microseconds a node, and their ratio.

    python benchmarks/depth.py

Linear means a ratio near 1; freeing the long chain must not overflow the stack.
"""

from __future__ import annotations

import statistics
import time

import adjoint as torch


def microseconds_per_node(depth: int) -> float:
    """One backward over a chain of `depth` operations."""
    x = torch.ones(4, requires_grad=True)
    z = x
    for _ in range(depth):
        z = z * 1.0
    loss = z.sum()
    start = time.perf_counter()
    loss.backward()
    spent = time.perf_counter() - start
    assert x.grad is not None
    return spent / depth * 1e6


def main() -> None:
    """Medians of several rounds, in turns."""
    rounds = [(microseconds_per_node(10_000), microseconds_per_node(1_000_000)) for _ in range(3)]
    short = statistics.median(a for a, _ in rounds)
    long = statistics.median(b for _, b in rounds)
    print(f"10,000 nodes:    {short:.2f} µs a node")
    print(f"1,000,000 nodes: {long:.2f} µs a node, {long / short:.2f} times")


if __name__ == "__main__":
    main()
