"""Taylor mode: microseconds of `func.jet` by order, beside nested `func.jvp`.

    python benchmarks/taylor_mode.py

Linear means as many microseconds an order at 32 as at 8. torch has no Taylor mode.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import adjoint as torch
from adjoint.func import jet, jvp

torch.manual_seed(0)
_W = [torch.randn(16, 1), torch.randn(16, 16) / 4, torch.randn(1, 16) / 4]


def network(x: Any) -> Any:
    """A tanh network 1-16-16-1."""
    return _W[2] @ torch.tanh(_W[1] @ torch.tanh(_W[0] @ x))


def quotient(x: Any) -> Any:
    """A formula of a few functions."""
    return torch.sin(x) * torch.exp(x) / (1 + x * x)


def taylor(f: Callable[[Any], Any], order: int) -> Any:
    """All derivatives to `order` at one point."""
    x = torch.full((1, 1), 0.3)
    line = [torch.ones_like(x), *[torch.zeros_like(x)] * (order - 1)]
    return jet(f, (x,), (line,))


def nested(f: Callable[[Any], Any], order: int) -> Any:
    """The highest of them by nesting."""
    for _ in range(order):
        f = _pushed(f)
    return f(torch.full((1, 1), 0.3))


def _pushed(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: jvp(f, (x,), (torch.ones_like(x),))[1]


def microseconds(run: Callable[[], Any]) -> float:
    """The best of several runs."""
    run()
    times = []
    for _ in range(7):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1e6


def main() -> None:
    """Print a table for each function."""
    for f in (network, quotient):
        print(f"{f.__doc__}\n| order | jet, µs | µs an order | nested jvp, µs |")
        print("|------:|--------:|------------:|---------------:|")
        for order in (1, 2, 4, 6, 8, 16, 32):
            spent = microseconds(lambda f=f, order=order: taylor(f, order))  # type: ignore[misc]
            other = ""
            if order <= 6:
                run = lambda f=f, order=order: nested(f, order)  # type: ignore[misc] # noqa: E731
                other = f"{microseconds(run):.0f}"
            print(f"| {order:5} | {spent:7.0f} | {spent / order:11.0f} | {other:>14} |")


if __name__ == "__main__":
    main()
