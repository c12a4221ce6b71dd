"""The process as a script expects to find it: `__main__`, sys.argv, sys.path, torch's names.

Floor 5. Everything that is changed for a run is put back after it, whatever happens in between.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from adjoint.compat.imports import install


@contextmanager
def staged(path: str, args: Sequence[str]) -> Iterator[ModuleType]:
    """Install the aliases and a fresh `__main__`; yield that module.

    As `python path args` has it: sys.argv is `[path, *args]`, sys.path begins with the folder that
    holds the (symlink-free) file. Threads that the run leaves behind are waited for.
    """
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __cached__=None)
    former = sys.argv, sys.path, sys.modules["__main__"]
    threads = set(threading.enumerate())
    sys.argv = [path, *args]
    sys.path = [os.path.dirname(os.path.realpath(path)), *sys.path]
    sys.modules["__main__"] = main
    try:
        with install():
            try:
                yield main
            finally:
                _wait_for_threads(threads)
    finally:
        sys.argv, sys.path, sys.modules["__main__"] = former


def _wait_for_threads(known: set[threading.Thread]) -> None:
    """What the interpreter does before it ends: a thread may still import torch."""
    for thread in threading.enumerate():
        if thread not in known and not thread.daemon:
            thread.join()
