"""What a pickle would import, read from its instructions; nothing is loaded, imported or run."""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

__all__ = ["PickleFacts", "is_risky", "pickle_facts"]

_ENDINGS = frozenset(
    {".pkl", ".pickle", ".p", ".dill", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".pt2", ".torchscript"}
)
_MOST_OPERATIONS, _LARGEST = 2_000_000, 512 << 20
_MOST_INNER, _LARGEST_INNER, _DEEPEST = 10_000, 64 << 20, 2
_INNER = frozenset({".npy", ".pickle", ".pkl", ".pt", ".pth"})
_TEXTS = frozenset(
    {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
)
_RISKY = frozenset(
    {"asyncio", "builtins.compile", "builtins.eval", "builtins.exec", "builtins.getattr", "builtins.open"}
    | {"__builtin__.eval", "__builtin__.exec", "__builtin__.getattr", "builtins.__import__", "code", "codecs.open"}
    | {"ctypes", "dill._dill._create_code", "dill._dill._create_function", "dill._dill._import_module", "http"}
    | {"importlib", "marshal", "multiprocessing", "nt", "os", "pathlib", "pip", "pkgutil", "posix", "pty", "requests"}
    | {"runpy", "shutil", "signal", "socket", "subprocess", "sys", "tempfile", "types.CodeType", "types.FunctionType"}
    | {"urllib", "webbrowser", "torch.hub", "torch.load", "torch.jit", "numpy.testing", "?"}
)
_MARK = object()


@dataclass(frozen=True)
class PickleFacts:
    """What is known of a pickle.

    Args:
        names: What it would import, ``module.name``; ``?`` for names that are computed while loading.
        is_complete: Whether all of it could be read through.
    """

    names: tuple[str, ...]
    is_complete: bool


def is_risky(name: str) -> bool:
    """Tell whether something that a pickle imports can run any code or open any file.

    Others may as well: no list is complete.

    Example:
        >>> is_risky("posix.system"), is_risky("collections.OrderedDict")
        (True, False)
    """
    parts = name.split(".")
    return any(".".join(parts[:n]) in _RISKY for n in range(1, len(parts) + 1))


def pickle_facts(name: str, file: IO[bytes]) -> PickleFacts | None:
    """Return what the pickles in a file would import; None if there are none in it.

    Looks into zip files as well (models of torch), and into arrays of objects of NumPy.

    Args:
        name: Of the file; some endings promise a pickle, whatever is in it.
        file: Its content; must be seekable.

    Example:
        >>> import pickle, pathlib
        >>> pickle_facts("x.pkl", io.BytesIO(pickle.dumps(pathlib.PurePosixPath("a"))))
        PickleFacts(names=('pathlib.PurePosixPath',), is_complete=True)
        >>> pickle_facts("x.json", io.BytesIO(b"{}"))
    """
    return _look(name, file, _DEEPEST)


def _look(name: str, file: IO[bytes], depth: int) -> PickleFacts | None:
    start = file.read(4096)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _facts_of_zip(name, file, depth) if depth else PickleFacts((), False)
    if start.startswith(b"\x93NUMPY"):
        head = start.partition(b"}")[0]
        return _facts(file, skip=start.index(b"\n") + 1) if b"O'" in head and b"\n" in start else None
    promised = PurePosixPath(name).suffix.lower() in _ENDINGS
    if not promised and not (start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5"):
        return None
    found = _facts(file)
    return found if promised or found.is_complete or found.names else None


def _facts(file: IO[bytes], skip: int = 0) -> PickleFacts:
    """Read one pickle after the other: old files of torch hold several, and then numbers."""
    names: set[str] = set()
    reader, budget, n_pickles = _Reader(file, skip), [_MOST_OPERATIONS], 0
    try:
        while reader.has_more():
            for name in _imports(reader, budget):
                names.add(name)
            n_pickles += 1
    except (ValueError, IndexError, KeyError, UnicodeError, EOFError, OverflowError):
        if budget[0] > 0 and not reader.is_exhausted and n_pickles:
            return PickleFacts(tuple(sorted(names)), True)
        return PickleFacts(tuple(sorted(names)), False)
    return PickleFacts(tuple(sorted(names)), n_pickles > 0)


class _Reader:
    """Reads at most so many bytes, so that no number in the file can ask for more."""

    def __init__(self, file: IO[bytes], skip: int) -> None:
        self._file, self._left, self.is_exhausted = file, _LARGEST, False
        file.seek(skip)

    def has_more(self) -> bool:
        place = self._file.tell()
        more = bool(self._file.read(1))
        self._file.seek(place)
        return more

    def read(self, size: int) -> bytes:
        return self._counted(self._file.read(min(max(size, 0), self._left + 1)))

    def readline(self) -> bytes:
        return self._counted(self._file.readline(self._left + 1))

    def _counted(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            self.is_exhausted = True
            raise ValueError("too large to read through")
        return content


def _imports(reader: _Reader, budget: list[int]) -> Iterator[str]:
    """Yield what one pickle imports, from a rough copy of its stack that knows texts only."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, argument, _ in pickletools.genops(reader):  # type: ignore[arg-type]  # has what is needed
        budget[0] -= 1
        if budget[0] <= 0:
            raise ValueError("too many instructions")
        name, top = operation.name, stack[-1] if stack else None
        if name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif name == "STACK_GLOBAL":
            known = len(stack) > 1 and all(isinstance(part, str) for part in stack[-2:])
            yield ".".join(stack[-2:]) if known else "?"
        elif name.startswith("EXT"):
            yield "?"
        elif name == "MEMOIZE":
            memo[len(memo)] = top
        elif "PUT" in name:
            memo[int(argument or 0)] = top
        _step(stack, operation, argument, memo)


def _step(stack: list[Any], operation: pickletools.OpcodeInfo, argument: Any, memo: dict[int, Any]) -> None:
    """Do to the stack what an instruction does."""
    name, n_before = operation.name, len(operation.stack_before)
    if name == "MEMOIZE" or "PUT" in name:
        return
    if name == "DUP":
        stack.append(stack[-1])
        return
    if pickletools.markobject in operation.stack_before or (name == "POP" and stack[-1:] == [_MARK]):
        while stack.pop() is not _MARK:
            pass
        n_before = operation.stack_before.index(pickletools.markobject) if name != "POP" else 0
    if n_before:
        del stack[-n_before:]
    if name in _TEXTS:
        stack.append(argument)
    elif "GET" in name:
        stack.append(memo[int(argument or 0)])
    else:
        stack.extend(_MARK if after is pickletools.markobject else None for after in operation.stack_after)


def _facts_of_zip(name: str, file: IO[bytes], depth: int) -> PickleFacts | None:
    """Look into the members of a zip file that may be pickles."""
    found: list[PickleFacts] = []
    try:
        with zipfile.ZipFile(file) as archive:
            inner = [e for e in archive.infolist() if PurePosixPath(e.filename).suffix.lower() in _INNER]
            budget = _LARGEST
            for entry in inner[:_MOST_INNER]:
                content = _content(archive, entry, budget)
                budget -= len(content)
                facts = _look(entry.filename, io.BytesIO(content), depth - 1)
                found += [facts] if facts is not None else []
            if len(inner) > _MOST_INNER:
                found.append(PickleFacts((), False))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError, zlib.error):
        if found or PurePosixPath(name).suffix.lower() in _ENDINGS:
            found.append(PickleFacts((), False))
    names = {name for facts in found for name in facts.names}
    return PickleFacts(tuple(sorted(names)), all(facts.is_complete for facts in found)) if found else None


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: int) -> bytes:
    limit = min(_LARGEST_INNER, budget)
    with archive.open(entry) as inner:
        content = inner.read(limit + 1)
    if len(content) > limit:
        raise ValueError("too large to read through")
    return content
