"""One library in one process: reads case names from standard input, answers with seconds a step."""

from __future__ import annotations

import importlib
import sys
import time

from cases import CASES


def main() -> None:
    """`python worker.py torch|adjoint`."""
    module = importlib.import_module(sys.argv[1])
    for room in ("nn", "optim"):
        importlib.import_module(f"{sys.argv[1]}.{room}")
    print("ready", flush=True)
    steps = {}
    for line in sys.stdin:
        name = line.rstrip("\n")
        case, count, _ = CASES[name]
        if name not in steps:
            steps[name] = case(module)
            for _ in range(max(3, count // 10)):  # caches, pools and clocks warm up
                steps[name]()
        step = steps[name]
        start = time.perf_counter()
        for _ in range(count):
            step()
        print((time.perf_counter() - start) / count, flush=True)


if __name__ == "__main__":
    main()
