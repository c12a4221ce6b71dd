"""Record torch.autograd.functional into `functional_api.json`. Run by hand, where torch is.

python tests/golden/record_functional_api.py
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import functional_api_program as program
import torch
from torch.autograd import functional


def record_values() -> list[Any]:
    return [
        [name, program.told(torch, case(torch, functional))]
        for name, case in program.values().items()
    ]


def record_errors() -> list[Any]:
    found = []
    for name, case in program.errors().items():
        try:
            case(torch, functional)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is what is recorded
            found.append([name, type(error).__name__, str(error)])
        else:
            raise SystemExit(f"torch does not refuse {name!r}")
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    target = Path(__file__).with_name("functional_api.json")
    sections = {
        "source": [f"torch {torch.__version__}"],
        "values": record_values(),
        "errors": record_errors(),
    }
    text = ",\n".join(
        f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, entries)) + "\n]"
        for name, entries in sections.items()
    )
    target.write_text("{\n" + text + "\n}\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size} bytes")
