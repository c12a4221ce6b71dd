"""Passes and time of sparse derivatives and of dense ones: `python benchmarks/sparse_jacobian.py`.

"found" is the time for pattern and colours, once; "each" for one evaluation after that. Dense is
`autograd.functional`, left out where it would take long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as torch
from adjoint.autograd import functional
from adjoint.func.sparse import SparseHessian, SparseJacobian
from adjoint.nn import functional as F


def band(x: Any) -> Any:
    """Five diagonals."""
    padded = F.pad(x, (2, 2))
    return sum(padded[k : k + len(x)] ** 2 for k in range(5))


def heat(u: Any) -> Any:
    """A reaction and the five-point Laplacian on a square grid."""
    side = round(u.numel() ** 0.5)
    grid = F.pad(u.reshape(side, side), (1, 1, 1, 1))
    inner = grid[1:-1, 1:-1]
    around = grid[2:, 1:-1] + grid[:-2, 1:-1] + grid[1:-1, 2:] + grid[1:-1, :-2]
    return around - 4 * inner + inner**3


STENCIL = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).double()


def convolved(u: Any) -> Any:
    """The same Laplacian as a convolution, whose zeros count when it is said that they stay."""
    side = round(u.numel() ** 0.5)
    return F.conv2d(u.reshape(1, 1, side, side), STENCIL[None, None], padding=1)


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def arrow(x: Any) -> Any:
    return (x[0] * x).sum() + (x**4).sum()


def fixed(f: Any, x: Any) -> SparseJacobian:
    return SparseJacobian(f, x, fixed_factors=True)


CASES = (
    ("band, 1,000 variables", SparseJacobian, band, 1000, True),
    ("band, 100,000 variables", SparseJacobian, band, 100_000, False),
    ("diagonal, 100,000 variables", SparseJacobian, torch.sin, 100_000, False),
    ("heat, 32 x 32 grid", SparseJacobian, heat, 1024, True),
    ("heat, 300 x 300 grid", SparseJacobian, heat, 90_000, False),
    ("the same, convolved, zeros cautiously", SparseJacobian, convolved, 90_000, False),
    ("the same, convolved, zeros counted", fixed, convolved, 90_000, False),
    ("Hessian of Rosenbrock's chain, 1,000", SparseHessian, rosenbrock, 1000, True),
    ("Hessian of Rosenbrock's chain, 100,000", SparseHessian, rosenbrock, 100_000, False),
    ("Hessian of an arrow, 1,000", SparseHessian, arrow, 1000, True),
)


def seconds(run: Callable[[], Any], rounds: int = 5) -> float:
    """The best of a few rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """A line for each case."""
    print(f"{'':40}{'passes':>7}{'nonzeros':>10}{'found':>10}{'each':>10}{'dense':>10}{'times':>8}")
    for name, kind, f, n, has_dense in CASES:
        x = torch.tensor(np.random.default_rng(0).uniform(0.5, 1.5, n))
        kind(f, x[:4])  # imports
        start = time.perf_counter()
        derivative = kind(f, x)
        found = time.perf_counter() - start
        each = seconds(lambda d=derivative, x=x: d(x))
        line = f"{name:40}{derivative.passes:7}{derivative.pattern.nnz:10}"
        line += f"{found * 1e3:7.1f} ms{each * 1e3:7.2f} ms"
        if has_dense:
            whole = functional.hessian if kind is SparseHessian else functional.jacobian
            dense = seconds(lambda w=whole, f=f, x=x: w(f, x), 2)
            line += f"{dense * 1e3:7.1f} ms{dense / each:8.0f}"
        print(line)


if __name__ == "__main__":
    main()
