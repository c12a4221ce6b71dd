"""Values and gradients of every public function, held to those recorded from torch."""

from __future__ import annotations

import json

import pytest

from tests.golden import functions_program as program
from tests.golden.functions_comparison import differences

import adjoint


@pytest.mark.parametrize("family", program.FAMILIES)
def test_torchs_answers(family: str) -> None:
    recorded = json.loads((program.CASES / f"{family}.json").read_text(encoding="utf-8"))
    texts = program.read_cases(family)
    assert texts == list(recorded), "tests/golden/record_functions.py has to record again"
    found = []
    for text in texts:
        for difference in differences(program.evaluate(text, adjoint), recorded[text]):
            found.append(f"{text}\n    {difference}")
    assert not found, f"{len(found)} differences\n" + "\n".join(found)
