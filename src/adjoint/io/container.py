"""Floor 5: the safetensors format: a header in JSON, then the bytes of the tensors.

Eight bytes with the length of the header; the header, `{name: {"dtype", "shape", "data_offsets"},
"__metadata__": {text: text}}`; the data without gaps. Everything that a file says is checked
before it is believed. Knows arrays, not tensors; decision 0011 says why this is not the package.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from adjoint.arrays import dtypes

__all__ = ["DamageError", "Entry", "Header", "build_header", "parse_header", "read_arrays"]

Array = Any

METADATA = "__metadata__"
_CODES = {
    dtypes.bool_: "BOOL",
    dtypes.uint8: "U8",
    dtypes.int8: "I8",
    dtypes.int16: "I16",
    dtypes.int32: "I32",
    dtypes.int64: "I64",
    dtypes.float16: "F16",
    dtypes.bfloat16: "BF16",
    dtypes.float32: "F32",
    dtypes.float64: "F64",
    dtypes.complex64: "C64",
}
_CODE_OF = {d.numpy: code for d, code in _CODES.items()}
_DTYPE_OF = {code: d.numpy for d, code in _CODES.items()}
# In the format, but without a dtype here: bytes per element, so that the file can be checked.
_OTHER_SIZES = {"U16": 2, "U32": 4, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1}
_LONGEST_HEADER = 100_000_000  # bytes; the limit of the reference implementation


class DamageError(ValueError):
    """Says what is wrong with a file; the caller knows its name."""


class Entry(NamedTuple):
    """Where a tensor lies: offsets in bytes from the end of the header."""

    name: str
    code: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype; DamageError for types of the format that have none here."""
        if self.code not in _DTYPE_OF:
            raise DamageError(
                f"tensor {self.name!r} is of type {self.code}, which has no dtype here; convert it "
                "where the file was made"
            )
        return _DTYPE_OF[self.code]


class Header(NamedTuple):
    """What stands before the data: its length in the file, the tensors, and the metadata."""

    length: int
    entries: list[Entry]
    metadata: dict[str, str]

    @property
    def data_size(self) -> int:
        """Bytes of data."""
        return self.entries[-1].end if self.entries else 0


def build_header(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> tuple[bytes, Any]:
    """The header's bytes, with the length before them, and the arrays in the order of the file.

    Large elements come first, which keeps every tensor aligned to its own element.
    """
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    table: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    place = 0
    for name, array in ordered:
        end = place + array.nbytes
        table[name] = {
            "dtype": _CODE_OF[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, end],
        }
        place = end
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, [array for _, array in ordered]


def parse_header(read: Callable[[int], bytes], size: int) -> Header:
    """Read and check the header of a file of `size` bytes; DamageError says what is wrong."""
    if size < 8:
        raise DamageError(f"it has only {size} bytes")
    length = int.from_bytes(read(8), "little")
    if length > _LONGEST_HEADER:
        raise DamageError("it does not begin like a safetensors file")
    if 8 + length > size:
        raise DamageError(
            f"it is truncated: its header alone should have {length} bytes, but the file has {size}"
        )
    try:
        table = json.loads(read(length).decode())
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise DamageError("its header is damaged (not valid JSON)") from None
    if not isinstance(table, dict):
        raise DamageError("its header is damaged (not a table)")
    metadata = table.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise DamageError("its header is damaged (metadata that is not text)")
    entries = sorted((_entry(*item) for item in table.items()), key=lambda e: (e.start, e.end))
    header = Header(8 + length, entries, metadata)
    _check_places(header, size)
    return header


def _entry(name: str, value: Any) -> Entry:
    damage = DamageError(f"its header is damaged at tensor {name!r}")
    if not isinstance(value, dict):
        raise damage
    code: Any = value.get("dtype")
    shape: Any = value.get("shape")
    offsets: Any = value.get("data_offsets")
    if not isinstance(code, str) or not _are_counts(shape) or not _are_counts(offsets, 2):
        raise damage
    entry = Entry(name, code, tuple(shape), *offsets)
    size = _DTYPE_OF[code].itemsize if code in _DTYPE_OF else _OTHER_SIZES.get(code)
    if size is None:
        raise DamageError(f"tensor {name!r} is of unknown type {code!r}")
    if math.prod(entry.shape) * size != entry.end - entry.start:
        raise damage
    if math.prod(n for n in entry.shape if n) * size >= 2**63:  # empty, but no array can be so
        raise damage
    return entry


def _are_counts(value: Any, length: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and (length is None or len(value) == length)
        and all(type(n) is int and n >= 0 for n in value)
    )


def _check_places(header: Header, size: int) -> None:
    place = 0
    for entry in header.entries:
        if entry.start != place:
            raise DamageError(f"its header is damaged (a gap or overlap at {entry.name!r})")
        place = entry.end
    expected = header.length + header.data_size
    if size < expected:
        raise DamageError(f"it is truncated: it should have {expected} bytes, but has {size}")
    if size > expected:
        raise DamageError(f"it has {size - expected} bytes too many at its end")


def read_arrays(
    entries: Iterable[Entry], fill: Callable[[memoryview], int]
) -> Iterator[tuple[str, Array]]:
    """The arrays of the file, in its order; `fill` reads the next bytes into memory."""
    for entry in entries:
        array = np.empty(entry.shape, entry.dtype)
        view = as_bytes(array)
        if fill(view) != len(view):
            raise DamageError(f"it ends within tensor {entry.name!r}")
        yield entry.name, array


def as_bytes(array: Array) -> memoryview:
    """The memory of a C-contiguous array, writable where that is."""
    return memoryview(array.reshape(-1).view(np.uint8))
