"""What a process that a running script starts takes for the script: its `__mp_main__`.

Floor 5. Under the start methods spawn and forkserver, multiprocessing loads the main script again
in each new process, where nothing is installed yet. `reloaded_by_workers` has it load this module
in place of the script; as `__mp_main__` the module installs the aliases and runs the script.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SCRIPT = "ADJOINT_RUN_SCRIPT"


@contextmanager
def reloaded_by_workers(script: str) -> Iterator[None]:
    """Let processes started inside the block find `script`, an absolute path, as their main."""
    from multiprocessing import spawn

    original = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = original(name)
        if data.pop("init_main_from_path", None) is not None:
            data["init_main_from_name"] = "adjoint.compat.worker"
        return data

    former = os.environ.get(_SCRIPT)
    os.environ[_SCRIPT] = script
    spawn.get_preparation_data = get_preparation_data
    try:
        yield
    finally:
        spawn.get_preparation_data = original
        if former is None:
            del os.environ[_SCRIPT]
        else:
            os.environ[_SCRIPT] = former


def _run(script: str) -> None:
    from adjoint.compat.imports import install

    install()
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec", dont_inherit=True)
    names = globals()
    names["__file__"] = script
    exec(code, names)


if __name__ == "__mp_main__":
    _run(os.environ[_SCRIPT])
