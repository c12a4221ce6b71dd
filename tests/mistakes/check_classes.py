"""Prints where the classes in `mistakes.txt` are not torch's. Run by hand, where torch is.

python tests/mistakes/check_classes.py
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import table
import torch


def main() -> None:
    warnings.simplefilter("ignore")
    for mistake in table.read():
        if mistake.not_with_torch:
            continue
        with tempfile.TemporaryDirectory() as folder:
            names = table.namespace(torch, Path(folder))
            exec(mistake.setup, names)
            try:
                exec(mistake.code, names)
                print(f"{mistake.name}: no error")
            except Exception as error:  # noqa: BLE001 - whatever it is
                classes = [c.__name__ for c in type(error).__mro__]
                if mistake.error not in classes:
                    print(f"{mistake.name}: {classes[0]}: {error}")


if __name__ == "__main__":
    main()
