"""Floor 5: putting a file in place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from typing import Any

__all__ = ["write_whole"]

Write = Callable[[Any], None]


def write_whole(path: str | os.PathLike[str], write: Write, size: int) -> None:
    """Call `write(file)` on a new file beside `path`, and let it take that name when it is done.

    Until then, and after an error, what was at `path` is untouched and nothing else is left.
    size: bytes, for the message when the disk is full. Errors: RuntimeError if the folder does not
    exist; OSError as the system raises it.
    """
    target = os.path.realpath(path)  # a link stays one; what it points to is replaced
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist. Make it first.")
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if os.path.exists(target) and not os.path.isfile(target):  # a device or a pipe
        _write_to(target, os.O_WRONLY, write, size)
        return
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        _write_to(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, write, size)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(part, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    _sync_folder(folder)


def _write_to(path: str, flags: int, write: Write, size: int) -> None:
    try:
        with open(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666), "wb") as file:
            write(file)
            file.flush()
            with contextlib.suppress(OSError):  # pipes and some devices cannot
                os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(
            error.errno,
            f"{os.strerror(error.errno)}: no room for {size} bytes. Nothing was changed; free some "
            "space or save elsewhere",
            path,
        ) from None


def _sync_folder(folder: str) -> None:
    """Have the new name reach the disk too, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
