"""Floor 5, vision: fetching files: mirrors in turn, checksums, resumption, atomic placement.

A file appears under its final name only when it is complete and its checksum is right; until then
it is `name.part`, which a later call goes on from. Knows nothing of datasets. The network modules
are imported when something is fetched, and whatever opener the program installed with
`urllib.request.install_opener` is the one used.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import re
import shutil
import sys
import zlib
from collections.abc import Sequence
from typing import IO, Any

__all__ = ["check_file", "extract_gzip", "fetch"]

_BLOCK = 1 << 16
_DROPS_PER_MIRROR = 3  # a connection that breaks after new bytes arrived is worth resuming


def fetch(
    urls: Sequence[str],
    folder: str | os.PathLike[str],
    filename: str,
    checksum: str | None = None,
    timeout: float = 30.0,
    progress: bool | None = None,
) -> str:
    """Bring one file into a folder from the first of several addresses that has it.

    urls: addresses of the same file, tried in turn. folder: made if it is missing.
    checksum: hex digest; its length says which (32 MD5, 40 SHA-1, 64 SHA-256, 128 SHA-512). With
    one, an interrupted transfer is resumed, from another mirror too, and a file that is already
    there and right is not fetched again. Without one a partial file is never continued, since
    nothing would tell a wrong seam. timeout: seconds without an answer, per address.
    progress: draw a bar; by default if standard error is a terminal.
    Returns the path of the file. Errors: RuntimeError with the reason for every address and what
    to put where by hand; OSError (ENOSPC) if the disk is full, with nothing left behind.
    """
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, filename)
    if checksum is not None and os.path.exists(target) and check_file(target, checksum):
        return target
    bar = sys.stderr.isatty() if progress is None else progress
    reasons = []
    for url in urls:
        failure = _try_mirror(url, target, checksum, timeout, bar)
        if failure is None:
            return target
        reasons.append(f"  {url}: {failure}")
    tried = "\n".join(reasons) or "  no address was given"
    raise RuntimeError(
        f"Error downloading {filename}:\n{tried}\n"
        f"Without a network, put {filename} into {os.path.abspath(folder)} yourself"
        + (f" (checksum {checksum})." if checksum else ".")
    )


def check_file(path: str | os.PathLike[str], checksum: str) -> bool:
    """Whether the content of a file has the given MD5 or SHA hex digest."""
    digest = _new_hash(checksum)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return bool(digest.hexdigest() == checksum.lower())


def extract_gzip(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Unpack a .gz file; `target` appears complete or not at all.

    Errors: OSError (ENOSPC) if the disk is full, ValueError if the compressed file is damaged.
    """
    part = f"{os.fspath(target)}.part"
    try:
        with gzip.open(source, "rb") as packed, open(part, "wb") as file:
            shutil.copyfileobj(packed, file, _BLOCK)
        os.replace(part, target)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        _remove(part)
        raise ValueError(
            f"{os.fspath(source)!r} is a damaged gzip file ({error}); "
            "delete it and download it again"
        ) from error
    except OSError as error:
        _remove(part)
        raise _explain_disk(error, target) from error


def _try_mirror(
    url: str, target: str, checksum: str | None, timeout: float, bar: bool
) -> str | None:
    """Fetch from one address; None on success, else the reason why not."""
    from http.client import HTTPException

    part = target + ".part"
    if checksum is None:
        _remove(part)
    reason = "gave up"
    for _ in range(_DROPS_PER_MIRROR):
        had = _size(part)
        try:
            _transfer(url, part, timeout, bar)
        except _CannotResumeError as error:
            reason = str(error)
            _remove(part)
            continue
        except (HTTPException, TimeoutError, ConnectionError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                _remove(part)
                raise _explain_disk(error, target) from error
            if isinstance(error, PermissionError):
                raise
            reason = f"{type(error).__name__}: {error}"
            if checksum is None or _size(part) <= had:
                return reason
            continue
        if checksum is None or check_file(part, checksum):
            os.replace(part, target)
            return None
        reason = f"checksum is not {checksum} ({_size(part)} bytes received)"
        _remove(part)
        if had == 0:
            return reason
    return reason


def _transfer(url: str, part: str, timeout: float, bar: bool) -> None:
    """Append to `part` what is missing of `url`, or begin anew if the server cannot resume."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    start = _size(part)
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing beyond `start`: complete, or a wrong piece
            if _total(error.headers) != start:
                raise _CannotResumeError("the partial file is not a part of this one") from error
            return
        raise
    with response:
        if start and (response.status != 206 or _range_start(response.headers) != start):
            start = 0
            if response.status == 206:
                raise _CannotResumeError("the server resumed at another place than asked")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        _require_space(part, total, start)
        _copy(response, part, start, total, url, bar)


def _copy(response: Any, part: str, start: int, total: int | None, url: str, bar: bool) -> None:
    """Stream the body of a response into `part` from offset `start`."""
    if not bar:
        print(f"Downloading {url} to {os.path.dirname(part)}", file=sys.stderr)
    with _progress(url, start, total, bar) as meter, open(part, "ab" if start else "wb") as file:
        while block := response.read(_BLOCK):
            _write(file, block)
            meter.update(len(block))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and _size(part) != total:
        raise ConnectionError(f"the connection broke after {_size(part)} of {total} bytes")


def _write(file: IO[bytes], block: bytes) -> None:
    """The one place that writes a block, so that a test can let the disk run full."""
    file.write(block)


class _CannotResumeError(Exception):
    """The partial file on the disk cannot be continued from this address: begin anew."""


class _NoProgress:
    """Stands in for a progress bar that is not wanted or whose package is not installed."""

    def __enter__(self) -> _NoProgress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, count: int) -> None:
        return None


def _progress(url: str, start: int, total: int | None, bar: bool) -> Any:
    if not bar:
        return _NoProgress()
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoProgress()
    name = url.rsplit("/", 1)[-1]
    return tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True)


def _require_space(part: str, total: int | None, start: int) -> None:
    """Refuse before the first byte what cannot fit."""
    if total is None:
        return
    free = shutil.disk_usage(os.path.dirname(part)).free
    if free < total - start:
        raise OSError(errno.ENOSPC, f"{total - start} bytes are needed, {free} are free")


def _explain_disk(error: OSError, target: str | os.PathLike[str]) -> OSError:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return OSError(
        error.errno,
        f"no space left to store {os.path.basename(target)} ({error.strerror}); nothing was kept. "
        "Free some space or choose another root",
        os.path.abspath(target),
    )


def _new_hash(checksum: str) -> Any:
    names = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
    if len(checksum) not in names:
        raise ValueError(
            f"checksum: expected a hex digest of 32 (MD5), 40, 64 or 128 (SHA) digits, got "
            f"{len(checksum)}: {checksum!r}"
        )
    return hashlib.new(names[len(checksum)], usedforsecurity=False)


def _range_start(headers: Any) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match.group(1)) if match else None


def _total(headers: Any) -> int | None:
    match = re.match(r"bytes \*/(\d+)", headers.get("Content-Range", ""))
    return int(match.group(1)) if match else None


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)
