"""Floor 5: placing a drawing's file whole or not at all; and numbers as people read them."""

from __future__ import annotations

import contextlib
import os
import secrets


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write beside `path`, then let the file take that name."""
    target = os.path.realpath(path)
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        with open(part, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def show_bytes(count: int) -> str:
    """`512 B`, `1.5 KB`, `2.0 MB`: by 1024."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


def show_ms(ms: float) -> str:
    """`0.012 ms`, `1.2 ms`, `120 ms`."""
    return f"{ms:.3f} ms" if ms < 0.1 else f"{ms:.3g} ms" if ms < 1000 else f"{ms:.0f} ms"
