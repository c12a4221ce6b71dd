"""Records what torch itself prints for the documents in `seeds/`.

Run by a Python that has torch, torchvision and six, never by the tests:

    PYTHONPATH=src:. /path/to/torch/bin/python tests/compat/record.py

Written by torch 2.13.0 and torchvision 0.29.2.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tempfile
from pathlib import Path
from types import ModuleType

from tests.compat.documents import NAMES, read
from tests.compat.idx_files import write_files

from adjoint.compat.cells import Cell
from adjoint.compat.notebook import Session


def transcript(name: str) -> dict[str, str]:
    """Outputs of a document's pieces by label, from the seed that the tests use."""
    session = Session(ModuleType("__main__"))
    session.run(Cell("import torch; _ = torch.manual_seed(0)", "seed"))
    outputs = {}
    for piece in read(name):
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            session.run(Cell(piece.code, piece.label))
        outputs[piece.label] = shown.getvalue().rstrip("\n")
    return outputs


def main() -> None:
    """Lay the small MNIST files in place and run every document."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        raw = Path(home, ".pytorch", "MNIST_data", "MNIST", "raw")
        raw.mkdir(parents=True)
        for name in write_files(raw):
            unpacked = raw / name.removesuffix(".gz")
            unpacked.write_bytes(gzip.decompress((raw / name).read_bytes()))
        recorded = json.dumps({name: transcript(name) for name in NAMES}, indent=1)
    Path(__file__).with_name("recorded.json").write_text(recorded + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
