"""A local server that stands in for the mirrors of MNIST."""

from __future__ import annotations

import functools
import threading
import urllib.request
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.compat.idx_files import write_files

import adjoint


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news to a test."""


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address at which small MNIST files are served, and their checksums by name."""
    folder: Path = tmp_path_factory.mktemp("mirror")
    checksums = write_files(folder)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", checksums
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def served_mnist(
    mirror: tuple[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """An empty home folder, and MNIST to be had from the local server only."""
    address, checksums = mirror
    mnist = adjoint.vision.datasets.MNIST
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(mnist, "mirrors", [address])
        served = [(file, checksums[file]) for file, _ in mnist.resources]
        patch.setattr(mnist, "resources", served)
        # Document 004 installs an opener for the whole process.
        patch.setattr(urllib.request, "_opener", None)
        yield
