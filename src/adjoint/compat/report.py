"""How a run ends: the traceback as the user's own Python would print it, and the exit status.

Floor 5. Frames of the runner are left out; frames of adjoint's operations stay, since they tell
where in the library an error arose.
"""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType

_RUNNERS = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), room) + os.sep
    for room in ("compat", "cli")
)


class Ending:
    """Holds how the code in its `with` block ended, in place of letting its exception out."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.status = 0

    def __enter__(self) -> Ending:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self.error = error
            self.status = exit_status(error)
        return True


def exit_status(error: BaseException) -> int:
    """Report what ended a run, and return the status that Python would exit with."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    hide_runner_frames(error)
    sys.stdout.flush()
    if sys.excepthook is sys.__excepthook__:
        # Before Python 3.13 the default hook cannot show the source of a notebook's cell.
        traceback.print_exception(type(error), error, error.__traceback__)
    else:
        sys.excepthook(type(error), error, error.__traceback__)
    return 130 if isinstance(error, KeyboardInterrupt) else 1  # 128 + SIGINT, as a shell shows it


def hide_runner_frames(error: BaseException) -> None:
    """Cut the runner's and the import system's frames from an error and from all it chains to."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_runner(current.__traceback__)
        pending += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]


def _without_runner(trace: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(("<frozen importlib", *_RUNNERS)):
            kept.append(trace)
        trace = trace.tb_next
    rebuilt: TracebackType | None = None
    for link in reversed(kept):
        rebuilt = TracebackType(rebuilt, link.tb_frame, link.tb_lasti, link.tb_lineno)
    return rebuilt
