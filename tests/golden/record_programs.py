"""Record random programs on torch into `programs.json`. Run by hand, where torch is installed.

    python tests/golden/record_programs.py

Of many programs those are kept that do something the others have done less than twice, and those
on which adjoint is known to differ. With `--live COUNT`, where adjoint can be imported too, new
programs are run on both and compared at once.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
from pathlib import Path
from typing import Any

import torch
from programs_machine import compare, run
from programs_writer import Writer

WANTED = 400
OFTEN = 2
KNOWN = (298, 687, 2146, 4479)  # `tests/autograd/test_programs.py` says why adjoint differs there


def program_of(seed: int) -> dict[str, Any]:
    """The program with a number."""
    return {"seed": seed, **Writer(torch, seed, length=8 + seed % 9).write()}


def features(program: dict[str, Any], seen: list[Any]) -> set[Any]:
    """What a program does: its steps, their modes, options and errors, and pairs of steps."""
    found: set[Any] = set()
    before = ""
    for (name, _, options, mode), outcome in zip(program["steps"], seen):
        failed = outcome if isinstance(outcome, str) else ""
        found.add((name, mode, failed))
        found.add((name, *sorted(options)))
        if name.endswith("_") or name in ("setitem", "grad", "backward") or before.endswith("_"):
            found.add((before, name))
        before = name
    return found


def record() -> None:
    """Keep programs until there are enough."""
    counts: collections.Counter[Any] = collections.Counter()
    kept = []
    for seed in itertools.chain(KNOWN, itertools.count()):
        if len(kept) == WANTED:
            break
        program = program_of(seed)
        if len(program["steps"]) < 4 or any(p["seed"] == seed for p in kept):
            continue
        seen = run(torch, program)
        does = features(program, seen["seen"])
        if seed in KNOWN or any(counts[f] < OFTEN for f in does):
            counts.update(does)
            kept.append({**program, **seen})
    lines = [json.dumps(p, separators=(",", ":")) for p in kept]
    path = Path(__file__).with_name("programs.json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(kept)} of {seed} programs, {path.stat().st_size} bytes")


def compare_live(first: int, count: int) -> None:
    """Run new programs on torch and on adjoint."""
    import adjoint

    for seed in range(first, first + count):
        program = program_of(seed)
        wanted = run(torch, program)
        got = run(adjoint, program)
        found = compare(wanted, got)
        if found:
            print(f"program {seed}", *found[:3], sep="\n  ")
            for step, outcome in zip(program["steps"], wanted["seen"]):
                print("   ", json.dumps(step), "->", str(outcome)[:80])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", type=int, help="compare COUNT programs instead of recording")
    parser.add_argument("--first", type=int, default=10**6, help="the first of them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.live:
        compare_live(options.first, options.live)
    else:
        record()
