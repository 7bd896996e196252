"""Two small servers: one that speaks the wire of served models, one that misbehaves as it is told."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard

from eisen_deploy.client.media import FORMATS
from eisen_deploy.utils import pack, unpack

METADATA = {
    "inputs": [
        {"name": "image", "type": "ndarray", "shape": [-1, -1, -1]},
        {"name": "image_affine", "type": "ndarray", "shape": [4, 4]},
    ],
    "outputs": [
        {"name": "labels", "type": "ndarray", "shape": [-1, -1, -1]},
        {"name": "warnings", "type": "list", "shape": -1},
    ],
    "custom": {
        "package": "labels",
        "model_version": "1.0",
        "labels": [
            {"value": 1, "name": "anterior", "colour": "#e6194b"},
            {"value": 2, "name": "posterior", "colour": "#3cb44b"},
        ],
    },
}
WARNING = "the spacing 9 mm is outside of 0.5 to 2 mm"
MASK = b"mask " * 50_000
SUMMARY = {"volumes_ml": {"anterior": 1.61, "posterior": 1.48}, "warnings": [WARNING]}


class Wire(BaseHTTPRequestHandler):
    """Speaks the wire; keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    server: WireServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/models":
            self.answer_json({"models": [{"modelName": name} for name in self.server.models]})
        else:
            self.answer_json({"code": 404, "type": "NotFound", "message": "there is nothing here"}, 404)

    def do_POST(self) -> None:
        body = self.read_body()
        encoding = self.headers.get("Content-Encoding")
        plain = {"gzip": gzip.decompress, "zstd": unzstd}.get(encoding or "", bytes)(body)
        self.server.seen.append((dict(self.headers.items()), plain, len(body)))
        name = self.path.removeprefix("/predictions/")
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            message = "Token Authorization failed. Token either incorrect, expired, or not provided correctly"
            self.answer_json({"code": 400, "type": "InvalidKeyException", "message": message}, 400)
        elif name not in self.server.models:
            self.answer_json(
                {"code": 404, "type": "ModelNotFoundException", "message": f"Model not found: {name}"}, 404
            )
        elif not plain:
            self.answer_json(METADATA)
        else:
            self.predict(plain)

    def predict(self, body: bytes) -> None:
        kind = self.headers.get("Content-Type", "")
        if b"bad voxels" in body:
            refusal = {"field": "image", "expected": "3 axes", "got": "5 axes", "to_do": "send one volume"}
            self.answer_json({"code": 422, "type": "WrongShape", "message": "too many axes", **refusal}, 422)
        elif kind == "application/msgpack":
            image = unpack(bytearray(body))["image"]
            self.answer(pack({"labels": image.astype("uint8"), "warnings": [WARNING]}), "application/msgpack")
        elif kind.startswith("multipart/"):
            self.answer(json.dumps({"parts": parts_of(kind, body)}).encode(), "application/json")
        else:
            self.answer_file(body, kind)

    def answer_file(self, body: bytes, kind: str) -> None:
        accept = self.headers.get("Accept", "*/*").partition(";")[0]
        headers = {"X-Eisen-Model": "toy/1.0", "X-Eisen-Warnings": json.dumps([WARNING])}
        if accept == "application/json":
            self.answer_json(SUMMARY, headers=headers)
        elif accept != "*/*" and accept not in FORMATS.values():
            self.answer_json({"code": 406, "type": "NotAcceptable", "message": f"there is no {accept}"}, 406)
        elif (kind if accept == "*/*" else accept) == "application/x-npy":
            self.answer(body, "application/x-npy", headers)
        else:
            self.answer(MASK, kind if accept == "*/*" else accept, headers)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def answer_json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answer(json.dumps(value).encode(), "application/json", headers or {}, status)

    def answer(self, body: bytes, kind: str, headers: dict[str, str] = {}, status: int = 200) -> None:  # noqa: B006
        encoding = self.headers.get("Accept-Encoding", "")
        if encoding in ("gzip", "zstd"):
            body = gzip.compress(body, 1) if encoding == "gzip" else zstandard.compress(body)
            headers = {**headers, "Content-Encoding": encoding}
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def unzstd(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


def parts_of(kind: str, body: bytes) -> list[list[Any]]:
    """Return [name, filename, type, number of bytes] of every part of a form."""
    form = BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    return [
        [
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            len(part.get_payload(decode=True)),
        ]
        for part in form.iter_parts()
    ]


class WireServer(ThreadingHTTPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Wire)
        self.seen: list[tuple[dict[str, str], bytes, int]] = []
        self.connections = 0
        self.token = ""
        self.models = ["toy"]

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/predictions/toy"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()


@contextmanager
def wire_server() -> Iterator[WireServer]:
    """Run a server for the time of the block."""
    server = WireServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Script = Callable[[socket.socket], None]


class Misbehaving:
    """Plays one script per connection, the last one for all that follow; counts connections and whole requests."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.scripts, self.connections = list(scripts), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/predictions/toy"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._listener.fileno() < 0 or getattr(self, "over", False):
                    return
                connection.settimeout(5)
                script = self.scripts[min(self.connections, len(self.scripts) - 1)]
                self.connections += 1
                try:
                    script(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self.over = True
        port = self._listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        self._thread.join()
        self._listener.close()


@contextmanager
def misbehaving(*scripts: Script) -> Iterator[Misbehaving]:
    """Run a server that plays these scripts."""
    server = Misbehaving(scripts)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    """Read a whole request with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = {line.split(b":")[0].lower(): line.split(b":", 1)[1] for line in head.split(b"\r\n")[1:]}
    left = int(lines.get(b"content-length", b"0")) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 20))
    return data


def says(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> Script:
    """Return a script that reads the request and answers."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)

    return script


def closes_after_the_request(connection: socket.socket) -> None:
    """Read everything and say nothing."""
    read_request(connection)


def resets_at_once(connection: socket.socket) -> None:
    """Break the connection while the body is on its way."""
    connection.recv(1000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_silent(connection: socket.socket) -> None:
    """Read everything, then wait until the client goes away."""
    read_request(connection)
    connection.recv(1)


def reads_nothing(connection: socket.socket) -> None:
    """Take the head and let the body wait until the client goes away."""
    connection.recv(100)
    threading.Event().wait(1.5)


def drips(connection: socket.socket) -> None:
    """Answer a byte at a time, for ever."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/msgpack\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        threading.Event().wait(0.05)
