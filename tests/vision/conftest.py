"""A file server on 127.0.0.1 that can misbehave in the ways networks do."""

import http.server
import threading
from collections.abc import Iterator

import pytest


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`, with ranges, and breaks off where `server.breaks` says."""

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Range"), self.headers.get("User-Agent")))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            first = start + server.range_shift
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limits = server.breaks.get(self.path)
        self.wfile.write(body[: limits.pop(0)] if limits else body)

    def log_message(self, *args):
        """Keep the test output clean."""


class Server(http.server.ThreadingHTTPServer):
    """Knows what it serves, what it was asked, and how to fail."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.breaks: dict[str, list[int]] = {}
        self.seen: list[tuple[str, str | None, str | None]] = []
        self.ranges = True
        self.range_shift = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
