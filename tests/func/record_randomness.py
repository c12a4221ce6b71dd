"""Record randomness.json with torch 2.13: PYTHONPATH=. python tests/func/record_randomness.py."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tests.func.randomness_program import CASES, MODES, run

found = {text: {mode: run(text, mode, torch) for mode in MODES} for text in CASES}
lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(by_mode)}" for text, by_mode in found.items())
Path(__file__).with_name("randomness.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
