"""Record torch's answers to `cases/*.txt` into `cases/*.json`. Run by hand, where torch is installed.

    python tests/golden/record_functions.py [family ...]
"""

from __future__ import annotations

import json
import sys

import functions_program as program
import torch


def main() -> None:
    torch.set_num_threads(1)
    for family in sys.argv[1:] or program.FAMILIES:
        lines = []
        texts = program.read_cases(family)
        twice = {text for text in texts if texts.count(text) > 1}
        assert not twice, f"{family}: {twice}"
        for text in texts:
            record = program.evaluate(text, torch)
            message = record.pop("message", None)
            if message is not None:
                print(f"{family}: {text}\n    {record['raises']}: {message.splitlines()[0]}")
            packed = json.dumps(record, separators=(",", ":"))
            lines.append(f"{json.dumps(text)}:{packed}")
        path = program.CASES / f"{family}.json"
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
