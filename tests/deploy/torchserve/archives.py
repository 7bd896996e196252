"""Small archives with handlers of their own, for what TorchServe itself does."""

from __future__ import annotations

from pathlib import Path

from eisen_deploy.packaging.archive import write_archive

ECHO = '''"""Tells about the worker, or returns the body."""
import os, sys


def handle(data, context):
    told = f"{os.getpid()} {sys.executable} {os.getcwd()} {os.environ['TMPDIR']} {os.environ.get('OMP_NUM_THREADS')}"
    return [told if row.get("body") == b"who" else bytes(row.get("body") or b"") for row in data or []]
'''
BROKEN = {
    "importing": "import nothing_of_this_name\n\n\ndef handle(data, context):\n    return data\n",
    "exiting": "import os\n\n\nclass Service:\n    def initialize(self, context):\n        os._exit(3)\n\n"
    "    def handle(self, data, context):\n        return data\n",
}


def archive_of(folder: Path, name: str, handler: str, version: str = "1.0") -> Path:
    """Write an archive with nothing but a handler."""
    target = folder / f"{name}-{version}.mar"
    model = {"modelName": name, "modelVersion": version, "handler": "handlers.py"}
    write_archive(target, {"handlers.py": handler.encode()}, manifest={"runtime": "python", "model": model})
    return target
