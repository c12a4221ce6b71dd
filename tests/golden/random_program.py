"""The cases that `record_random.py` records from torch and `tests/arrays/test_random.py` replays.

A case is a seed and a list of steps; the steps draw from one generator, so a step that took one
word too many shows in all that follow. A step is `[name, *arguments]` with JSON values only.
"""

from __future__ import annotations

from typing import Any

Step = list[Any]
Case = dict[str, Any]

SEEDS = (0, 1, 7, 42, 123456, -1, 2**32 + 5, 2**64 - 1)
SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 100, 1000)
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
WEIGHTS = [0.1, 0.0, 2.5, 0.4, 1.0, 0.7]


def cases() -> list[Case]:
    """Every case, in the order of the recording."""
    found = _basic() + _parameters() + _others() + _mixed()
    return [{"seed": SEEDS[i % len(SEEDS)], "steps": steps} for i, steps in enumerate(found)]


def _basic() -> list[list[Step]]:
    """Each plain function at each size and dtype; the closing draw shows where the stream is."""
    found = []
    for size in SIZES:
        for dtype in (*FLOATS, "complex64", "complex128"):
            found.append(
                [["rand", [size], dtype], ["randn", [size], dtype], ["rand", [2], "float32"]]
            )
        found.append([["randperm", size, "int64"], ["randint", [size], 0, 10, "int64"], ["seed"]])
        found.append([["random", [size], dtype] for dtype in (*INTEGERS, *FLOATS)])
    return found


def _parameters() -> list[list[Step]]:
    """Ranges, means and deviations that show the rounding of the last multiply-add."""
    found = []
    for dtype in (*FLOATS, "complex64"):
        for low, high in ((-0.3, 0.7), (2.0, 5.0), (0.1, 6e4), (1.0, 1.0)):
            found.append([["uniform", [40], dtype, low, high]])
        for mean, std in ((0.0, 0.02), (5.0, 1.0), (-1.3, 0.7), (2.0, 0.0)):
            found.append([["normal", [n], dtype, mean, std] for n in (5, 21, 64)])
        found.append([["normal_serial", [6, 7], dtype, 0.5, 2.0]])
    for low, high in ((-5, 5), (0, 2**28 - 1), (0, 2**28), (-(2**31), 2**31), (-3, 2**62)):
        found.append([["randint", [20], low, high, "int64"], ["rand", [2], "float32"]])
    found.append([["randint", [8, 3], 0, 2, dtype] for dtype in (*INTEGERS, *FLOATS)])
    found.append([["randint", [20], 0, 65504, "float16"], ["randint", [20], -300, 300, "bfloat16"]])
    found.append([["random_from", [9], -(2**63), "int64"], ["random_from", [9], 100, "int16"]])
    return found


def _others() -> list[list[Step]]:
    found: list[list[Step]] = []
    for dtype in (*FLOATS, "bool", "int64"):
        found.append([["bernoulli", [50], p, dtype] for p in (0.0, 0.1, 0.5, 1.0)])
    for dtype in FLOATS:
        found.append([["bernoulli_tensor", 40, dtype], ["rand", [2], "float32"]])
        found.append([["exponential", [30], dtype, rate] for rate in (1.0, 2.5)])
        found.append([["geometric", [30], dtype, 0.3], ["geometric", [9], "int32", 0.01]])
        found.append([["cauchy", [30], dtype, 0.0, 1.0], ["cauchy", [30], dtype, 1.5, 0.2]])
        found.append([["log_normal", [31], dtype, 1.0, 2.0], ["log_normal", [3], dtype, 0.0, 0.5]])
        found.append([["multinomial", WEIGHTS, n, True, dtype] for n in (1, 3, 60)])
        found.append([["multinomial", WEIGHTS, n, False, dtype] for n in (1, 3, 5)])
        found.append([["multinomial", [WEIGHTS, WEIGHTS[::-1]], 4, True, dtype], ["seed"]])
        found.append([["multinomial", [WEIGHTS, WEIGHTS[::-1]], 4, False, dtype], ["seed"]])
    found.append([["randperm", n, dtype] for n, dtype in ((50, "float16"), (128, "int8"))])
    return found


def _mixed() -> list[list[Step]]:
    """Interleavings: the kept normal survives other draws, and a new seed forgets it."""
    return [
        [
            ["randn", [3], "float32"],
            ["rand", [3], "float64"],
            ["randn", [2], "float64"],
            ["randn", [16], "float32"],
            ["randn", [1], "float16"],
            ["randperm", 5, "int64"],
            ["randn", [2], "float32"],
        ],
        [["randn", [1], "float32"], ["manual_seed", 9], ["randn", [1], "float32"]],
        [["randn", [1], "float32"], ["through_state"], ["randn", [2], "float32"]],
        [["rand", [700], "float32"], ["through_state"], ["randn", [20], "float32"]],
        [["randn", [5], "complex64"], ["log_normal", [2], "float32", 0.0, 1.0], ["seed"]],
        [["bernoulli", [7], 0.5, "bool"], ["randn", [100, 3], "float32"], ["seed"], ["seed"]],
        [["rand", [3, 1, 2], "float32"], ["rand", [], "float64"], ["randn", [], "float32"]],
        [["rand", [100_000], "float32"], ["randn", [100_001], "float32"], ["seed"]],
        [["rand", [50_000], "float64"], ["bernoulli", [50_000], 0.1, "float32"], ["seed"]],
    ]
