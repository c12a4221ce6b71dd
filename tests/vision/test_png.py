"""The PNG encoder: decoded again by hand, filter 0 and all."""

import struct
import zlib

import numpy as np
import pytest

from adjoint.vision.png import encode_png


def decode(content):
    """A reader for exactly what the encoder writes, with every checksum checked."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    position, chunks = 8, {}
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind = content[position + 4 : position + 8]
        body = content[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, position + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = body
        position += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pixels_survive(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    assert np.array_equal(decode(encode_png(pixels)), pixels)


def test_two_dimensions_are_grey():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.array_equal(decode(encode_png(pixels, level=0))[:, :, 0], pixels)


def test_not_contiguous():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 8), dtype=np.uint8)
    turned = pixels.transpose(1, 2, 0)[::-1]
    assert np.array_equal(decode(encode_png(turned)), turned)


def test_pillow_agrees(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (tmp_path / "x.png").write_bytes(encode_png(pixels))
    with image.open(tmp_path / "x.png") as opened:
        assert opened.mode == "RGB"
        assert np.array_equal(np.asarray(opened), pixels)


@pytest.mark.parametrize("shape", [(0, 4), (2, 2, 5), (3,), (1, 2, 3, 4)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match="expected shape"):
        encode_png(np.zeros(shape, dtype=np.uint8))


def test_wrong_dtype():
    with pytest.raises(TypeError, match="float64"):
        encode_png(np.zeros((2, 2)))
