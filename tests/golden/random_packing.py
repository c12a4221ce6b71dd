"""How `random.json` keeps an array: shape, values as hexadecimal bytes, checksum when shortened."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Values kept from each end of a longer array.
_ENDS = 4


def pack(array: Array | None) -> dict[str, Any] | None:
    """The JSON form of `array`."""
    if array is None:
        return None
    flat = np.ascontiguousarray(array).reshape(-1)
    packed: dict[str, Any] = {"shape": list(array.shape)}
    if flat.nbytes > 64 and flat.size > 2 * _ENDS:
        packed["crc"] = zlib.crc32(flat.tobytes())
    packed["hex"] = ends(flat, packed).tobytes().hex()
    return packed


def ends(array: Array, packed: dict[str, Any]) -> Array:
    """The values of `array` that `packed` keeps: all, or some at each end."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if "crc" not in packed:
        return flat
    return np.concatenate([flat[:_ENDS], flat[-_ENDS:]])


def kept(packed: dict[str, Any], dtype: npt.DTypeLike) -> Array:
    """The recorded values, to be compared with `ends` of the array at hand."""
    return np.frombuffer(bytes.fromhex(packed["hex"]), dtype)
