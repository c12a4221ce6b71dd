"""Records what torch prints for the programs of this folder. Run by hand, where torch is.

PYTHONPATH=. /path/to/torch/bin/python tests/func/documented/record.py
"""

from __future__ import annotations

import json

import torch
from tests.func.documented.running import FILES, FOLDER, load, printed

if __name__ == "__main__":
    torch.set_num_threads(1)
    recorded = {
        file: {name: printed(program, torch).splitlines() for name, program in load(file).items()}
        for file in FILES
    }
    recorded["source"] = {"torch": [torch.__version__]}
    target = FOLDER / "printed.json"
    target.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")
    count = sum(len(programs) for programs in recorded.values()) - 1
    print(f"{target}: {count} programs, {target.stat().st_size} bytes")
