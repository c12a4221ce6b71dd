"""Times adjoint, alternating with torch when TORCH_PYTHON names an interpreter that has it.

    TORCH_PYTHON=/path/to/python make bench

Machines are shared and noisy: the two libraries take turns in one run, and the printed ratio is
the median over the rounds of torch's time divided by adjoint's. `--check` fails when a ratio is
under its bar.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from cases import CASES

HERE = Path(__file__).parent


class Worker:
    """A process that times one library."""

    def __init__(self, python: str, library: str) -> None:
        environment = dict(os.environ)
        if library == "adjoint":
            environment["PYTHONPATH"] = str(HERE.parent / "src")
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._read()

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker {self.process.args} stopped")
        return line

    def time(self, name: str) -> float:
        """Seconds for one step of a case."""
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """Let the process end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(name: str, ours: Worker, theirs: Worker | None, rounds: int) -> tuple[float, float]:
    """Median seconds of adjoint, and the median of the rounds' ratios (nan without torch)."""
    times, ratios = [], []
    for _ in range(rounds):
        mine = ours.time(name)
        times.append(mine)
        if theirs is not None:
            ratios.append(theirs.time(name) / mine)
    return statistics.median(times), statistics.median(ratios) if ratios else float("nan")


def main() -> int:
    """Print a table; 1 when `--check` finds a ratio under its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true", help="fail when a ratio is under its bar")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    options = parser.parse_args()
    torch_python = os.environ.get("TORCH_PYTHON")
    ours = Worker(sys.executable, "adjoint")
    theirs = Worker(torch_python, "torch") if torch_python else None
    print(f"| {'case':58} | adjoint, µs | torch / adjoint | bar |")
    print(f"|{'-' * 60}|------------:|----------------:|----:|")
    failed = False
    for name, (_, _, bar) in CASES.items():
        if options.only not in name:
            continue
        seconds, ratio = measure(name, ours, theirs, options.rounds)
        print(f"| {name:58} | {seconds * 1e6:11.1f} | {ratio:15.2f} | {bar or '-'} |", flush=True)
        failed |= bar is not None and ratio < bar
    ours.close()
    if theirs is not None:
        theirs.close()
    return int(options.check and failed)


if __name__ == "__main__":
    raise SystemExit(main())
