"""What `import adjoint` loads, and that torch is nowhere imported in its stead."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import adjoint

SOURCE = Path(adjoint.__file__).parent

# `return_types` is a module without a file, made by api.
LOADED_AT_IMPORT = {"arrays", "autograd", "ops", "api", "return_types"}

# Each costs tens of milliseconds or more, or belongs to an extra: loaded when first needed.
HEAVY = {
    "concurrent.futures",
    "cupy",
    "llvmlite",
    "matplotlib",
    "multiprocessing",
    "safetensors",
    "scipy",
    "tqdm",
    "urllib.request",
}

LIST_MODULES = """
import json, sys
before = set(sys.modules)
import adjoint
print(json.dumps(sorted(set(sys.modules) - before)))
"""

# A statement, or a line of an example in a docstring; prose may name torch as it likes.
IMPORTS_TORCH = re.compile(r"^\s*(>>> |\.\.\. )?(import|from) torch(vision)?\b", re.MULTILINE)


def modules_loaded_by_import() -> set[str]:
    # Coverage starts itself in child processes through these, and brings modules of its own along.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    child = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    return set(json.loads(child.stdout))


def test_import_loads_no_heavy_module() -> None:
    loaded = modules_loaded_by_import()
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_import_loads_only_the_lower_floors() -> None:
    loaded = modules_loaded_by_import()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("adjoint.")}
    assert rooms <= LOADED_AT_IMPORT


def test_torch_is_imported_only_where_it_is_replaced() -> None:
    importing = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if IMPORTS_TORCH.search(path.read_text(encoding="utf-8"))
    ]
    assert [path for path in importing if not path.startswith("compat/")] == []
