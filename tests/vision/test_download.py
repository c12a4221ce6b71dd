"""Downloads: mirrors, checksums, resumption, and what is on the disk when something goes wrong."""

import errno
import gzip
import hashlib
import os
import sys
import urllib.request

import numpy as np
import pytest

from adjoint.vision import download
from adjoint.vision.download import check_file, extract_gzip, fetch

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


def test_plain(server, tmp_path):
    server.files["/f"] = CONTENT
    path = fetch([server.url + "/f"], tmp_path / "new" / "folder", "f", MD5)
    assert path == str(tmp_path / "new" / "folder" / "f")
    assert os.listdir(tmp_path / "new" / "folder") == ["f"]
    assert check_file(path, MD5)


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    (tmp_path / "f").write_bytes(CONTENT)
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert server.seen == []


def test_what_is_there_but_wrong_is_replaced(server, tmp_path):
    server.files["/f"] = CONTENT
    (tmp_path / "f").write_bytes(b"junk")
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_kind_of_checksum_is_told_by_its_length(tmp_path, name):
    (tmp_path / "f").write_bytes(CONTENT)
    digest = hashlib.new(name, CONTENT).hexdigest()
    assert check_file(tmp_path / "f", digest.upper())
    assert not check_file(tmp_path / "f", digest[::-1])


def test_a_checksum_of_no_known_kind(tmp_path):
    (tmp_path / "f").write_bytes(CONTENT)
    with pytest.raises(ValueError, match="hex digest of 32"):
        check_file(tmp_path / "f", "abc")


def test_next_mirror_after_404_refusal_and_wrong_content(server, tmp_path):
    server.files["/bad/f"] = b"another file"
    server.files["/good/f"] = CONTENT
    urls = [
        "http://127.0.0.1:9/f",  # the discard port: nobody listens
        "no-scheme/f",
        *(f"{server.url}/{mirror}/f" for mirror in ("missing", "bad", "good")),
    ]
    assert (tmp_path / "f").exists() is False
    fetch(urls, tmp_path, "f", MD5)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert [path for path, _, _ in server.seen] == ["/missing/f", "/bad/f", "/good/f"]


def test_all_mirrors_fail(server, tmp_path):
    server.files["/bad/f"] = b"another file"
    with pytest.raises(RuntimeError, match="Error downloading f:") as caught:
        fetch([f"{server.url}/{mirror}/f" for mirror in ("bad", "gone")], tmp_path, "f", MD5)
    message = str(caught.value)
    assert f"/bad/f: checksum is not {MD5} (12 bytes received)" in message
    assert "/gone/f: HTTPError: HTTP Error 404" in message
    assert f"put f into {tmp_path} yourself (checksum {MD5})" in message
    assert os.listdir(tmp_path) == []


def test_no_mirror_at_all(tmp_path):
    with pytest.raises(RuntimeError, match="no address was given"):
        fetch([], tmp_path, "f")


def test_broken_connection_is_resumed_at_the_same_mirror(server, tmp_path):
    server.files["/f"] = CONTENT
    server.breaks["/f"] = [100_000, 50_000]
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert [asked for _, asked, _ in server.seen] == [None, "bytes=100000-", "bytes=150000-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_partial_file_is_kept_and_resumed_by_the_next_call(server, tmp_path):
    server.files["/f"] = CONTENT
    server.breaks["/f"] = [1000, 1000, 1000, 1000]
    with pytest.raises(RuntimeError, match="connection broke after 3000 of 300000 bytes"):
        fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert os.listdir(tmp_path) == ["f.part"]
    server.breaks.clear()
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert server.seen[-1][1] == "bytes=3000-"
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_partial_file_with_wrong_content_is_started_over(server, tmp_path):
    server.files["/f"] = CONTENT
    (tmp_path / "f.part").write_bytes(bytes(1000))
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert [asked for _, asked, _ in server.seen] == ["bytes=1000-", None]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_partial_file_that_is_complete(server, tmp_path):
    server.files["/f"] = CONTENT
    (tmp_path / "f.part").write_bytes(CONTENT)
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_partial_file_that_is_too_long(server, tmp_path):
    server.files["/f"] = CONTENT
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize(("ranges", "shift"), [(False, 0), (True, 5)])
def test_servers_that_cannot_resume(server, tmp_path, ranges, shift):
    server.files["/f"] = CONTENT
    server.ranges, server.range_shift = ranges, shift
    (tmp_path / "f.part").write_bytes(CONTENT[:1000])
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_without_a_checksum_nothing_is_continued(server, tmp_path):
    server.files["/f"] = CONTENT
    (tmp_path / "f.part").write_bytes(bytes(1000))
    fetch([server.url + "/f"], tmp_path, "f")
    assert [asked for _, asked, _ in server.seen] == [None]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_full_disk_leaves_nothing(server, tmp_path, monkeypatch):
    server.files["/f"] = CONTENT

    def write(file, block, real=download._write, written=[0]):  # noqa: B006 - a counter
        written[0] += len(block)
        if written[0] > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file, block)

    monkeypatch.setattr(download, "_write", write)
    with pytest.raises(OSError, match="no space left to store f") as caught:
        fetch([server.url + "/f", server.url + "/f"], tmp_path, "f", MD5)
    assert caught.value.errno == errno.ENOSPC
    assert "choose another root" in str(caught.value)
    assert os.listdir(tmp_path) == []
    assert len(server.seen) == 1


def test_what_cannot_fit_is_not_begun(server, tmp_path, monkeypatch):
    server.files["/f"] = CONTENT
    usage = type("Usage", (), {"free": 1234})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="300000 bytes are needed, 1234 are free"):
        fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert os.listdir(tmp_path) == []


def test_the_installed_opener_is_used(server, tmp_path):
    server.files["/f"] = CONTENT
    opener = urllib.request.build_opener()
    opener.addheaders = [("User-agent", "Mozilla/5.0")]
    before = urllib.request._opener
    urllib.request.install_opener(opener)
    try:
        fetch([server.url + "/f"], tmp_path, "f", MD5)
    finally:
        urllib.request.install_opener(before)
    assert server.seen[0][2] == "Mozilla/5.0"


def test_silence_is_a_timeout(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/f"
        with pytest.raises(RuntimeError, match="timed out"):
            fetch([url], tmp_path, "f", MD5, timeout=0.1)


def test_progress_bar(server, tmp_path, capsys):
    pytest.importorskip("tqdm")
    server.files["/mirror/f"] = CONTENT
    fetch([server.url + "/mirror/f"], tmp_path, "f", MD5, progress=True)
    written = capsys.readouterr().err
    assert "f: 100%" in written
    assert "300k/300k" in written


def test_progress_without_its_package(server, tmp_path, monkeypatch, capsys):
    server.files["/f"] = CONTENT
    monkeypatch.setitem(sys.modules, "tqdm", None)
    fetch([server.url + "/f"], tmp_path, "f", MD5, progress=True)
    assert capsys.readouterr().err == ""


def test_without_a_terminal_one_line_says_what_happens(server, tmp_path, capsys):
    server.files["/f"] = CONTENT
    fetch([server.url + "/f"], tmp_path, "f", MD5)
    assert capsys.readouterr().err == f"Downloading {server.url}/f to {tmp_path}\n"


def test_extract(tmp_path):
    (tmp_path / "f.gz").write_bytes(gzip.compress(CONTENT))
    extract_gzip(tmp_path / "f.gz", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert sorted(os.listdir(tmp_path)) == ["f", "f.gz"]


@pytest.mark.parametrize("damage", [slice(0, 1000), slice(1000, None)])
def test_extract_damaged(tmp_path, damage):
    (tmp_path / "f.gz").write_bytes(gzip.compress(CONTENT)[damage])
    (tmp_path / "f").write_bytes(b"what was there")
    with pytest.raises(ValueError, match="damaged gzip file"):
        extract_gzip(tmp_path / "f.gz", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"what was there"
    assert sorted(os.listdir(tmp_path)) == ["f", "f.gz"]


def test_extract_on_a_full_disk(tmp_path, monkeypatch):
    (tmp_path / "f.gz").write_bytes(gzip.compress(CONTENT))

    def copy(source, target, size):
        target.write(source.read(1000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.shutil, "copyfileobj", copy)
    with pytest.raises(OSError, match="no space left to store f"):
        extract_gzip(tmp_path / "f.gz", tmp_path / "f")
    assert os.listdir(tmp_path) == ["f.gz"]
