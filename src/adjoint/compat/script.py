"""Runs a Python script as `__main__`, with torch's names resolved to adjoint.

Floor 5. Knows files and exit statuses; what the script computes is none of its business.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from adjoint.compat.report import Ending
from adjoint.compat.stage import staged
from adjoint.compat.worker import reloaded_by_workers


def run_script(path: str, args: Sequence[str] = ()) -> int:
    """Run a script as `python path args` would, and return its exit status.

    An uncaught exception is printed without the runner's frames and gives 1; `sys.exit(n)` gives
    n. Raises `OSError` when the file cannot be read: nothing has run then.

    >>> import pathlib, tempfile
    >>> from adjoint.compat.script import run_script
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     script = pathlib.Path(folder, "first.py")
    ...     _ = script.write_text("import torch; print(torch.ones(2))")
    ...     run_script(str(script))
    tensor([1., 1.])
    0
    """
    absolute = os.path.abspath(path)
    with io.open_code(absolute) as file:
        source = file.read()
    with staged(path, args) as main, reloaded_by_workers(absolute):
        main.__dict__["__file__"] = absolute
        with Ending() as ending:
            exec(compile(source, absolute, "exec", dont_inherit=True), main.__dict__)
    return ending.status
