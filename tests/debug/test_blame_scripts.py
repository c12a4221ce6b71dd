"""blame names the line in scripts as users write them: in place, through views, in modules, vmap.

The scripts are in `test_blame_scripts.txt`. A title has the kind and the way, `# <-` marks the
line, and each script leaves its result in `loss`.
"""

from __future__ import annotations

import linecache
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as torch

TEXT = Path(__file__).with_name("test_blame_scripts.txt").read_text(encoding="utf-8")
SCRIPTS = [paragraph.split("\n", 1) for paragraph in re.split(r"^## ", TEXT, flags=re.M)[1:]]


def run(name: str, code: str) -> dict[str, Any]:
    """Run a script as a file of its own, so that its lines can be told."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    torch.manual_seed(0)
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np}
    names["__name__"] = name
    exec(compile(code, name, "exec"), names)
    return names


@pytest.mark.filterwarnings("ignore:Full backward")
@pytest.mark.parametrize("number", range(len(SCRIPTS)), ids=lambda n: SCRIPTS[n][0])
def test_the_line_is_blamed(number: int) -> None:
    title, code = SCRIPTS[number]
    kind, where = title.partition(":")[0].split()
    (line,) = [n for n, text in enumerate(code.splitlines(), 1) if "# <-" in text]
    found = torch.debug.blame(run(f"script{number}.py", code)["loss"])
    assert (found.kind, found.where, found.line) == (kind, where, line), str(found)
    assert found.operands or found.candidates, str(found)
    assert "hook" not in title or "The" in found.note, str(found)


def test_a_parameter_is_named() -> None:
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.bias.fill_(torch.nan)
    found = torch.debug.blame(layer(torch.ones(1, 2)).sum())
    assert found.operation == "leaf" and "attribute 'bias' of a Linear" in found.note


def test_a_hook_of_a_leaf_is_named() -> None:
    x = torch.ones(2, requires_grad=True)

    def spoil(grad: torch.Tensor) -> torch.Tensor:
        return grad * torch.nan

    x.register_hook(spoil)
    found = torch.debug.blame(x.square().sum())
    assert (found.kind, found.where, found.operation) == ("nan", "backward", "leaf")
    assert re.search(r"spoil \(.*test_blame_scripts\.py:\d+\)", found.note)


@pytest.mark.parametrize("check_inf", [False, True])
def test_anomaly_mode_lets_masks_pass(check_inf: bool) -> None:
    scores = torch.randn(2, 3, requires_grad=True)
    mask = torch.tensor([[True, False, False], [False, True, False]])
    with pytest.warns(UserWarning, match="Anomaly Detection"):
        mode = torch.autograd.detect_anomaly(check_forward=True, check_inf=check_inf)
    with mode:
        scores.masked_fill(mask, -torch.inf).softmax(1).square().sum().backward()
        torch.log_softmax(scores + torch.where(mask, -torch.inf, 0.0), 1)[0, 1].backward()
        if check_inf:
            with pytest.raises(RuntimeError, match="LogBackward0' computed inf"):
                (scores * 0).log()
            with pytest.raises(RuntimeError, match="MulBackward0' computed inf"):
                scores.masked_fill(mask, -torch.inf) * -1
