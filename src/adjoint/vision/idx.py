"""Floor 5, vision: reading and writing IDX files, the format MNIST is published in.

An IDX file is two zero bytes, one byte of element type, one byte with the number of dimensions,
the dimensions as big-endian uint32, then the elements in big-endian row-major order. Nothing is
guessed: a file that is shorter, longer or of another kind is refused. Knows NumPy, not tensors.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

__all__ = ["check_idx", "read_idx", "write_idx"]

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20
_WAY_OUT = "Delete the file and fetch it again (download=True does both)."


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an IDX file, plain or gzip-compressed (told by its content, not by its name).

    path: file to read.
    Returns an array of the shape and dtype the header names, in native byte order, writable and
    owning its memory: uint8, int8, int16, int32, float32 or float64.
    Errors: FileNotFoundError; ValueError naming the file and the bytes expected and found, if the
    header is not IDX's, if the compressed stream is damaged, or if the length does not match.

    >>> write_idx("labels-idx1-ubyte", np.array([7, 2, 1], dtype=np.uint8))
    >>> read_idx("labels-idx1-ubyte")
    array([7, 2, 1], dtype=uint8)
    """
    with _open(path) as stream:
        dtype, shape, header = _read_header(stream, path)
        expected = prod(shape) * dtype.itemsize
        content = _read_up_to(stream, expected)
        if len(content) < expected:
            raise _wrong_length(path, dtype, shape, header + expected, str(header + len(content)))
        if stream.read(1):
            raise _wrong_length(path, dtype, shape, header + expected, "more")
    array = np.frombuffer(content, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def check_idx(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """Return the shape in the header of an IDX file, having checked the size of the file.

    Cheap for a plain file (the header and the size on disk); of a compressed one only the header
    is looked at. Errors as in `read_idx`.
    """
    with _open(path) as stream:
        dtype, shape, header = _read_header(stream, path)
        expected = header + prod(shape) * dtype.itemsize
        found = os.path.getsize(path)
        if not is_gzip(path) and found != expected:
            raise _wrong_length(path, dtype, shape, expected, str(found))
    return shape


def write_idx(path: str | os.PathLike[str], array: npt.ArrayLike) -> None:
    """Write an array as an IDX file, compressed if the name ends in .gz.

    array: (d1, ..., dn) with n between 1 and 255; uint8, int8, int16, int32, float32 or float64.
    Errors: TypeError for another dtype, ValueError for a 0-dimensional array.
    """
    values = np.asarray(array)
    code = next((c for c, d in DTYPES.items() if d == values.dtype.newbyteorder(">")), None)
    if code is None:
        names = ", ".join(d.newbyteorder("=").name for d in DTYPES.values())
        raise TypeError(f"write_idx: expected dtype {names}, got {values.dtype}; use .astype first")
    if values.ndim == 0:
        raise ValueError("write_idx: expected at least 1 dimension, got 0; use array.reshape(1)")
    head = struct.pack(f">HBB{values.ndim}I", 0, code, values.ndim, *values.shape)
    content = head + values.astype(DTYPES[code]).tobytes()
    if os.fspath(path).endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    with open(path, "wb") as file:
        file.write(content)


def is_gzip(path: str | os.PathLike[str]) -> bool:
    """Whether the file begins as a gzip stream does."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP_MAGIC


@contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open `path`, unpacking gzip; damage to the compressed stream becomes a ValueError."""
    with open(path, "rb") as plain:
        if not is_gzip(path):
            yield plain
            return
        try:
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast(IO[bytes], unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"read_idx: {os.fspath(path)!r} is a damaged gzip file of "
                f"{os.path.getsize(path)} bytes ({error}). {_WAY_OUT}"
            ) from error


def _read_up_to(stream: IO[bytes], limit: int) -> bytearray:
    """Read `limit` bytes or to the end, in blocks: a header may promise the moon."""
    content = bytearray()
    while len(content) < limit and (block := stream.read(min(_BLOCK, limit - len(content)))):
        content += block
    return content


def _read_header(
    stream: IO[bytes], path: str | os.PathLike[str]
) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Return dtype, shape and the number of header bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] == 0:
        types = " ".join(f"{code:02x}" for code in DTYPES)
        raise ValueError(
            f"read_idx: {os.fspath(path)!r} is not an IDX file: expected it to begin with bytes "
            f"00 00, an element type (one of {types}) and a number of dimensions of at least 1; "
            f"found {magic.hex(' ') or 'an empty file'}{_guess(magic)}. {_WAY_OUT}"
        )
    ndim = magic[3]
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise ValueError(
            f"read_idx: {os.fspath(path)!r} is truncated within its header: expected "
            f"{4 + 4 * ndim} bytes for {ndim} dimensions, found {4 + len(sizes)}. {_WAY_OUT}"
        )
    return DTYPES[magic[2]], struct.unpack(f">{ndim}I", sizes), 4 + 4 * ndim


def _guess(magic: bytes) -> str:
    """What a file of another kind probably is."""
    if magic[:1] == b"<":
        return " (it looks like a web page, not data)"
    if magic[:2] == b"PK":
        return " (it is a zip archive: unpack it first)"
    return ""


def _wrong_length(
    path: str | os.PathLike[str],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    expected: int,
    found: str,
) -> ValueError:
    kind = "too long" if found == "more" or int(found) > expected else "truncated"
    return ValueError(
        f"read_idx: {os.fspath(path)!r} is {kind}: its header says shape {shape} of {dtype.name}, "
        f"which takes {expected} bytes with the header; found {found}. {_WAY_OUT}"
    )
