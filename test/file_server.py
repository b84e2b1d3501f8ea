"""A server of files on the loopback that misbehaves as it is told."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    """What an address gives.

    Args:
        content: the file.
        faults: of the next answers: a status, ``cut`` (half of what is left, then the end),
            ``page`` (a web page) or ``slip`` (another range than it was asked for).
        ranges: whether parts of it are served.
        etag: its ETag; empty for none.
        length: whether its length is told.
    """

    content: bytes
    faults: list[int | str] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"one"'
    length: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)  # the headers of each request


class FileServer:
    """Serves ``files``, path to File, at ``url`` while the block lasts."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        files = self.files

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:  # noqa: N802
                if self.path not in files:
                    return self.send_error(404)
                file = files[self.path]
                file.asked.append(dict(self.headers))
                fault = file.faults.pop(0) if file.faults else ""
                if isinstance(fault, int):
                    self.send_response(fault)
                    self.send_header("Retry-After", "0")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                if fault == "page":
                    return self.answer(200, file, b"<html>log in</html>", "text/html")
                asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
                same = self.headers.get("If-Range", file.etag) == file.etag
                start = int(asked[1]) if asked and file.ranges and same else 0
                if start and start >= len(file.content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(file.content)}")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                start -= 1 if fault == "slip" else 0
                body = file.content[start:]
                sent = body[: len(body) // 2] if fault == "cut" else None
                self.answer(206 if start else 200, file, body, sent=sent, start=start)

            def answer(
                self,
                status: int,
                file: File,
                body: bytes,
                kind: str = "application/gzip",
                sent: bytes | None = None,
                start: int = 0,
            ) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if file.length:
                    self.send_header("Content-Length", str(len(body)))
                if file.etag:
                    self.send_header("ETag", file.etag)
                if start:
                    end = len(file.content)
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
                self.end_headers()
                self.wfile.write(body if sent is None else sent)
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, path: str, content: bytes, **settings: object) -> File:
        """Serve a file; return what it is and what was asked of it."""
        self.files[path] = File(content, **settings)
        return self.files[path]

    def __enter__(self) -> FileServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
