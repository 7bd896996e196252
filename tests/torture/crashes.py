"""A disk that loses what was not synced: records what a writer does, and replays every crash there could have been.

Modelled on SQLite's crash tests. A file system may keep any of the directory changes (new names, renames, links) that
came after the last sync of the folder, and of a file whatever was not synced: all of it, nothing, or zeros.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from eisen._core import atomic


@dataclass
class Operation:
    """One thing a writer asked the disk to do: kind, and the names or bytes it was about."""

    kind: str
    path: str = ""
    target: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass
class Recorder:
    """Writes down what happens to the files of a folder while it is entered.

    Args:
        folder: The folder.
        syncs: False records no fsync at all: what a writer without them would have done.
    """

    folder: Path
    syncs: bool = True
    operations: list[Operation] = field(default_factory=list)

    @contextlib.contextmanager
    def recording(self):
        """Record inside the block."""
        recorder, handles = self, {}
        originals = {name: getattr(os, name) for name in ("fsync", "replace", "link", "unlink")}

        class File(atomic._RawFile):
            def __init__(self, path, mode):
                super().__init__(path, mode)
                self.at = Path(path).name
                handles[self.fileno()] = self.at
                recorder._note("create", self.at)

            def write(self, data):
                offset, content = self.tell(), bytes(data)
                n = super().write(data)
                recorder._note("write", self.at, offset=offset, data=content[:n])
                return n

        def fsync(handle):
            originals["fsync"](handle)
            name = handles.get(handle, "")
            if recorder.syncs:
                recorder._note(
                    "sync" if name and Path(f"/proc/self/fd/{handle}").resolve().is_file() else "sync folder", name
                )

        def two(kind):
            def act(source, target, **options):
                originals[kind](source, target, **options)
                recorder._note(kind, Path(source).name, Path(target).name)

            return act

        def unlink(path, **options):
            originals["unlink"](path, **options)
            recorder._note("unlink", Path(path).name)

        patches = [mock.patch.object(os, "fsync", fsync), mock.patch.object(os, "replace", two("replace"))]
        patches += [mock.patch.object(os, "link", two("link")), mock.patch.object(os, "unlink", unlink)]
        with contextlib.ExitStack() as stack:
            for patch in [*patches, mock.patch.object(atomic, "_RawFile", File)]:
                stack.enter_context(patch)
            yield self

    def _note(self, kind, path, target="", **facts):
        self.operations.append(Operation(kind, path, target, **facts))


class Disk:
    """Names and contents of a folder.

    Args:
        folder: What it holds at the start, all of it synced.
    """

    def __init__(self, folder):
        self.names = {path.name: index for index, path in enumerate(sorted(folder.iterdir()))}
        self.files = {self.names[path.name]: bytearray(path.read_bytes()) for path in folder.iterdir()}
        self.next = len(self.files)

    def crashes(self, operations):
        """Yield every state, name to content, that may be found after a crash at the end of the operations."""
        last = max((i for i, each in enumerate(operations) if each.kind == "sync folder"), default=-1)
        changes = [i for i, each in enumerate(operations) if each.kind in _FOLDER and i > last]
        for kept in itertools.product((True, False), repeat=len(changes)):
            lost = {i for i, keep in zip(changes, kept, strict=True) if not keep}
            for fate in ("kept", "lost", "zeros"):
                yield self._after(operations, lost, fate)
        for single in [
            i for i, each in enumerate(operations) if each.kind == "write" and not _is_synced(operations, i)
        ]:
            yield self._after(operations, {single}, "kept")

    def _after(self, operations, lost, fate):
        names, files, inode_of, fresh = dict(self.names), {k: bytes(v) for k, v in self.files.items()}, {}, self.next
        for i, each in enumerate(operations):
            if each.kind == "create":
                inode_of[each.path], files[fresh], fresh = fresh, b"", fresh + 1
            if each.kind == "write" and not (i in lost or (fate == "lost" and not _is_synced(operations, i))):
                data = each.data if fate == "kept" or _is_synced(operations, i) else bytes(len(each.data))
                inode = inode_of[each.path]
                files[inode] = _written(files[inode], each.offset, data)
            if each.kind in _FOLDER and i not in lost:
                _change(names, inode_of, each)
        return {name: files[inode] for name, inode in names.items()}


_FOLDER = ("create", "replace", "link", "unlink")


def _change(names, inode_of, each):
    if each.kind == "create":
        names[each.path] = inode_of[each.path]
    elif each.kind == "unlink":
        names.pop(each.path, None)
    else:
        inode = names.get(each.path, inode_of.get(each.path))
        if inode is not None:
            names[each.target] = inode
            if each.kind == "replace":
                names.pop(each.path, None)


def _is_synced(operations, index):
    path = operations[index].path
    return any(each.kind == "sync" and each.path == path for each in operations[index:])


def _written(content, offset, data):
    padded = content.ljust(offset, b"\0")
    return padded[:offset] + data + padded[offset + len(data) :]
