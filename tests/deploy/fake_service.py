"""Models for the tests of the embedded server: they do at once what the body says."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from eisen_deploy.serving.messages import Answer, Refusal

KEPT: list = []


class Service:
    """Reads the first bytes of a body as a command; everything else comes back as it is."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def open(cls, folder: str) -> Service:
        behaviour = Path(folder, "behaviour").read_text(encoding="utf-8") if Path(folder, "behaviour").exists() else ""
        if behaviour == "fails":
            raise RuntimeError("the secret reason")
        if behaviour == "dies":
            os._exit(7)
        if behaviour.startswith("slow"):
            time.sleep(float(behaviour.split()[1]))
        return cls(folder)

    def answer(self, requests: list) -> list[Answer]:
        return [self.answer_one(request, len(requests)) for request in requests]

    def answer_one(self, request, together: int) -> Answer:
        if request.fields is not None:
            return Answer.of_json({name: _shown(value) for name, value in sorted(request.fields.items())})
        word, _, rest = bytes(request.body[:64]).partition(b" ")
        return getattr(self, f"do_{word.decode('latin-1')}", self.echo)(request, rest.split(b" ")[0], together)

    def echo(self, request, rest: bytes, together: int) -> Answer:
        return Answer(request.body, headers={"X-Eisen-Model": "fake/1.0"})

    def do_sleep(self, request, rest: bytes, together: int) -> Answer:
        time.sleep(float(rest))
        return Answer(b"slept")

    def do_die(self, request, rest: bytes, together: int) -> Answer:
        os.kill(os.getpid(), signal.SIGKILL)
        return Answer(b"")

    def do_exit(self, request, rest: bytes, together: int) -> Answer:
        os._exit(3)

    def do_pid(self, request, rest: bytes, together: int) -> Answer:
        return Answer(str(os.getpid()).encode())

    def do_folder(self, request, rest: bytes, together: int) -> Answer:
        return Answer(Path(self.folder).name.encode())

    def do_together(self, request, rest: bytes, together: int) -> Answer:
        return Answer(str(together).encode())

    def do_raise(self, request, rest: bytes, together: int) -> Answer:
        raise RuntimeError("the secret reason")

    def do_refuse(self, request, rest: bytes, together: int) -> Answer:
        return Refusal("there is no field 'image'", 400, "MissingField", field="image").answer()

    def do_keep(self, request, rest: bytes, together: int) -> Answer:
        KEPT.append(request.body)
        return Answer(request.body)

    def do_kept(self, request, rest: bytes, together: int) -> Answer:
        return Answer(json.dumps([bytes(body[:16]).decode() for body in KEPT]).encode())

    def do_grow(self, request, rest: bytes, together: int) -> Answer:
        return Answer(bytes(int(rest)))

    def do_headers(self, request, rest: bytes, together: int) -> Answer:
        return Answer(b"", headers={"X-Bad": "a\r\nSet-Cookie: b", "X-Good": "ja ü ✓", "Content-Length": "99"})

    def do_spawn(self, request, rest: bytes, together: int) -> Answer:
        import subprocess

        return Answer(str(subprocess.Popen(["sleep", "600"]).pid).encode())

    def close(self) -> None:
        Path(self.folder, "closed").touch()


def _shown(value) -> object:
    return value if not isinstance(value, (bytes, bytearray)) else [len(value), value[:20].decode("latin-1")]
