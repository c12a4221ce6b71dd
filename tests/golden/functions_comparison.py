"""How near adjoint's answers must be to those recorded from torch, and where they may differ."""

from __future__ import annotations

import builtins
import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.golden.functions_program import expand

LISTED = Path(__file__).parent / "functions_differences.txt"

# A value may differ by so much of itself, and of the largest value beside it (or of 1).
TOLERANCE = {"f16": 1e-3, "bf16": 8e-3, "f32": 1e-6, "f64": 1e-10, "c64": 1e-6, "c128": 1e-10}


@functools.cache
def listed() -> dict[str, set[str]]:
    """What `functions_differences.txt` lists, by section."""
    sections: dict[str, set[str]] = {}
    section = ""
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            sections[section] = set()
        elif line and not line.startswith("#"):
            sections[section].update(pairs(line) if section == "nodes" else expand(line))
    return sections


def pairs(line: str) -> Iterator[str]:
    """Our node's name with each of torch's."""
    ours, _, theirs = line.partition(": ")
    yield from (f"{ours} {name}" for name in theirs.split())


def unexpected(text: str, got: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """The differences of a case that are not listed, or that are listed and not there."""
    sections = {name for name in ("result", "gradients", "raises") if text in listed()[name]}
    found = set()
    for difference in differences(got, expected):
        section = re.match("result|gradient|", difference).group().replace("gradient", "gradients")
        found.add(section or "raises")
        if (section or "raises") not in sections:
            yield difference
    yield from (f"is listed under [{name}] but does not differ" for name in sections - found)


def differences(got: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """What is not alike in two records of a case."""
    if "raises" in expected or "raises" in got:
        yield from different_errors(got, expected)
        return
    yield from different("result", got["result"], expected["result"])
    ours, theirs = got.get("gradients"), expected.get("gradients")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (mine, torchs) in enumerate(zip(ours, theirs, strict=True)):
            yield from different(f"gradient {number}", mine, torchs)
    elif ours != theirs:
        yield f"gradients: {ours} instead of {theirs}"


def different_errors(got: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    mine, torchs = got.get("raises"), expected.get("raises")
    if mine is None or torchs is None:
        came = f"{mine} ({got.get('message')})" if mine else f"{got['result']}"
        yield f"raises or not: {came} instead of {torchs or expected['result']}"
    elif not is_kind_of_error(mine, torchs):
        yield f"raises {mine} ({got['message']}) instead of {torchs}"


def different(where: str, got: Any, expected: Any) -> Iterator[str]:
    """What is not alike in two descriptions of a value."""
    if is_tensor(got) and is_tensor(expected):
        yield from different_tensors(where, got, expected)
    elif isinstance(got, dict) and isinstance(expected, dict) and list(got) == list(expected):
        if list(got) == ["pairs"]:
            got, expected = by_pair(got["pairs"]), by_pair(expected["pairs"])
        for name in expected:
            yield from different(f"{where}[{name!r}]", got[name], expected[name])
    elif isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        for number, (mine, torchs) in enumerate(zip(got, expected, strict=True)):
            yield from different(f"{where}[{number - 1}]", mine, torchs)
    elif isinstance(got, float) and isinstance(expected, (int, float)):
        if not is_near(got, expected, 1e-10, 0.0):
            yield f"{where}: {got} instead of {expected}"
    elif got != expected and not is_kind_of_error(got, expected):
        yield f"{where}: {got!r} instead of {expected!r}"


def is_kind_of_error(mine: Any, torchs: Any) -> bool:
    """Whether both name classes of errors, and ours would be caught where torch's is."""
    classes = [getattr(builtins, str(name), None) for name in (mine, torchs)]
    return all(isinstance(c, type) and issubclass(c, Exception) for c in classes) and issubclass(
        *classes
    )


def by_pair(results: dict[str, str]) -> dict[str, str]:
    """The result of each pair of operands, from the pairs of each result."""
    return {pair: result for result, pairs in sorted(results.items()) for pair in pairs.split()}


def is_tensor(described: Any) -> bool:
    return isinstance(described, list) and bool(described) and described[0] == "tensor"


def different_tensors(where: str, got: list[Any], expected: list[Any]) -> Iterator[str]:
    if got[1] != expected[1] and not is_same_kind(got[1], expected[1]):
        yield f"{where}: {got[1]} instead of {expected[1]}"
    dtype = got[1].partition("[")[0]
    tolerance = TOLERANCE.get(dtype, 0.0)
    mine, torchs = got[2], expected[2]
    largest = max(abs(v) for v in (1.0, *torchs) if math.isfinite(v))
    if len(mine) != len(torchs) or not all(
        is_near(a, b, tolerance, largest) for a, b in zip(mine, torchs, strict=True)
    ):
        yield f"{where}: {mine} instead of {torchs}"


def is_same_kind(mine: str, torchs: str) -> bool:
    """Whether two headings differ only in the name of the node, and that in a listed way."""
    ours, _, node = mine.partition(" ")
    theirs, _, torchs_node = torchs.partition(" ")
    return ours == theirs and f"{node} {torchs_node}" in listed()["nodes"]


def is_near(got: float, expected: float, tolerance: float, largest: float) -> bool:
    if not (math.isfinite(got) and math.isfinite(expected)):
        return got == expected or (got != got and expected != expected)
    return abs(got - expected) <= tolerance * (abs(expected) + largest)
