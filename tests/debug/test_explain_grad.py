"""explain_grad names the cause and the line of every planted cut, zero and blow-up."""

from __future__ import annotations

import linecache
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as torch

TEXT = Path(__file__).with_name("test_explain_plants.txt").read_text(encoding="utf-8")
PLANTS = [paragraph.split("\n", 1) for paragraph in re.split(r"^## ", TEXT, flags=re.M)[1:]]


def run(name: str, code: str) -> dict[str, Any]:
    """Run a plant as a file of its own, so that its lines can be told."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "np": np, "__name__": name}
    torch.manual_seed(0)
    exec(compile(code, name, "exec"), names)
    return names


def marked_line(code: str) -> int | None:
    lines = [n for n, line in enumerate(code.splitlines(), 1) if "# <-" in line]
    return lines[0] if lines else None


@pytest.mark.filterwarnings("ignore:To copy construct", "ignore:None of the inputs")
@pytest.mark.parametrize("number", range(len(PLANTS)), ids=lambda n: f"{n}-{PLANTS[n][0]}")
def test_cause_and_line(number: int) -> None:
    cause, code = PLANTS[number]
    name = f"plant{number}.py"
    names = run(name, code)
    grads = {k: v.grad for k, v in names.items() if isinstance(v, torch.Tensor) and v.is_leaf}
    random = torch.get_rng_state().tolist()
    found = torch.debug.explain_grad(names["w"], names["loss"], optimizer=names.get("optimizer"))
    assert (found.cause, found.line) == (cause, marked_line(code)), str(found)
    assert found.line is None or found.file == name
    assert found.cause == "fine" or found.advice in str(found)
    assert torch.get_rng_state().tolist() == random
    assert grads == {
        k: v.grad for k, v in names.items() if isinstance(v, torch.Tensor) and v.is_leaf
    }


def test_there_are_enough_causes() -> None:
    assert len({cause for cause, _ in PLANTS}) >= 25
