"""IDX files: what is written is read back, and nothing damaged is read at all."""

import gzip
import struct

import numpy as np
import pytest

from adjoint.vision.idx import check_idx, read_idx, write_idx

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 7), (1, 1, 1, 1)])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_round_trip(tmp_path, dtype, shape, suffix):
    values = np.random.default_rng(0).integers(-100, 100, shape).astype(dtype)
    path = tmp_path / ("x-idx" + suffix)
    write_idx(path, values)
    result = read_idx(path)
    assert result.dtype == values.dtype
    assert result.dtype.isnative
    assert result.shape == shape
    assert np.array_equal(result, values)
    assert result.flags.writeable
    assert check_idx(path) == shape


def test_the_bytes_are_those_of_the_format(tmp_path):
    path = tmp_path / "x"
    write_idx(path, np.array([[1, -2]], dtype=np.int16))
    assert path.read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(bytes.fromhex("00000801 00000002 0709")))
    assert read_idx(str(path)).tolist() == [7, 9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"\0\0\x08", "found 00 00 08"),
        (b"\0\0\x0a\x01" + bytes(8), "found 00 00 0a 01"),
        (b"\0\0\x08\x00" + bytes(8), "dimensions of at least 1"),
        (b"\1\0\x08\x01" + bytes(8), "found 01 00 08 01"),
        (b"<!DOCTYPE html>", "looks like a web page"),
        (b"PK\3\4" + bytes(30), "zip archive"),
        (b"\0\0\x08\x03" + bytes(8), "expected 16 bytes for 3 dimensions, found 12"),
    ],
)
def test_wrong_header(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    for read in (read_idx, check_idx):
        with pytest.raises(ValueError, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "fetch it again" in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("payload", "message"),
    [(bytes(5), r"truncated.*takes 22 bytes.*found 21"), (bytes(7), "too long.*takes 22 bytes")],
)
def test_wrong_length(tmp_path, pack, payload, message):
    path = tmp_path / "x"
    path.write_bytes(pack(struct.pack(">HBBIII", 0, 8, 3, 1, 2, 3) + payload))
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert "(1, 2, 3) of uint8" in str(caught.value)


def test_length_is_checked_without_reading(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(struct.pack(">HBBI", 0, 8, 1, 4) + bytes(3))
    with pytest.raises(ValueError, match="takes 12 bytes with the header; found 11"):
        check_idx(path)


@pytest.mark.parametrize("keep", [5, 30, -9])
def test_damaged_gzip(tmp_path, keep):
    whole = gzip.compress(struct.pack(">HBBI", 0, 8, 1, 300) + np.random.default_rng(0).bytes(300))
    path = tmp_path / "x.gz"
    path.write_bytes(whole[:keep])
    with pytest.raises(ValueError, match="damaged gzip file"):
        read_idx(path)


def test_flipped_bit_in_gzip(tmp_path):
    whole = bytearray(gzip.compress(struct.pack(">HBBI", 0, 8, 1, 300) + bytes(300)))
    whole[-6] ^= 1
    path = tmp_path / "x.gz"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="damaged gzip file"):
        read_idx(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


def test_a_header_that_promises_the_moon_is_refused_at_once(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(struct.pack(">HBBII", 0, 8, 2, 2**32 - 1, 2**32 - 1) + bytes(3))
    with pytest.raises(ValueError, match="truncated"):
        read_idx(path)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(TypeError, match="int64"):
        write_idx(tmp_path / "x", np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="at least 1 dimension"):
        write_idx(tmp_path / "x", np.uint8(3))
    assert not (tmp_path / "x").exists()
