"""Floor 5, vision: a PNG encoder in a screen, so that saving a picture needs no other package.

Eight bits a channel, no interlacing, every row stored with filter 0 (PNG specification, third
edition, sections 5 and 10 to 12). Pillow reads every format and is used for all others.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["encode_png"]

_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> grey, grey+alpha, RGB, RGBA


def encode_png(pixels: npt.NDArray[Any], level: int = 6) -> bytes:
    """Return the bytes of a PNG file with the given pixels.

    pixels: (height, width) or (height, width, channels), uint8; channels 1 grey, 2 grey and
    alpha, 3 RGB, 4 RGBA. level: zlib's, 0 to 9.
    Errors: TypeError for another dtype, ValueError for another shape or an empty picture.

    >>> encode_png(np.zeros((2, 2), dtype=np.uint8))[1:4]
    b'PNG'
    """
    if pixels.dtype != np.uint8:
        raise TypeError(f"encode_png: expected dtype uint8, got {pixels.dtype}; scale to 0..255")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in _COLOUR_TYPE or pixels.size == 0:
        raise ValueError(
            "encode_png: expected shape (height, width) or (height, width, 1 to 4), not empty; "
            f"got {pixels.shape}"
        )
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * channels)
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), level))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
