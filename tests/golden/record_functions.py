"""Record torch's answers to `cases/*.txt`, and its names. Run by hand, where torch is installed.

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
    write_names()


def write_names() -> None:
    """The public names of torch, under what a case writes before the dot."""
    owners = {
        "torch": torch,
        "torch.linalg": torch.linalg,
        "torch.special": torch.special,
        "F": torch.nn.functional,
        "nn": torch.nn,
        "nn.utils": torch.nn.utils,
        "torch.autograd": torch.autograd,
        "init": torch.nn.init,
        "Tensor": torch.Tensor,
    }
    names = {
        owner: sorted(name for name in dir(of) if not name.startswith("_"))
        for owner, of in owners.items()
    }
    program.NAMES.write_text(json.dumps(names, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
