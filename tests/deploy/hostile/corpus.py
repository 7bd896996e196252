"""Archives that mean harm or are damaged, each with the reason it must be refused for."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import stat
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.deploy.hostile.builder import Part, build, deflated, extra, wide_end

Maker = Callable[[Path], bytes]
CORPUS: dict[str, tuple[Maker, str]] = {}

MODEL = {"modelName": "liver", "modelVersion": "1.0", "handler": "handlers.py", "serializedFile": "model.pt"}
ZEROS = 100 << 20


class _Canary:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (self.place / "pickle-was-run",)


def manifest(model: Any = MODEL, **more: Any) -> bytes:
    return json.dumps({"runtime": "python", "model": model, **more}).encode()


def good(place: Path, told: bytes | None = None) -> list[Part]:
    """Return the members of a package whose code and pickle leave a trace when they are run."""
    code = f"open({str(place / 'code-was-run')!r}, 'w').close()\n".encode()
    return [
        Part(b"MAR-INF/MANIFEST.json", manifest() if told is None else told),
        Part(b"handlers.py", code),
        Part(b"model.pt", pickle.dumps(_Canary(place)), method=0),
        Part(b"metadata.json", b'{"inputs": []}'),
    ]


def case(name: str, reason: str) -> Callable[[Maker], Maker]:
    def add(maker: Maker) -> Maker:
        assert name not in CORPUS, name
        CORPUS[name] = (maker, reason)
        return maker

    return add


def more(name: str, reason: str, *parts: Part, **how: Any) -> None:
    """Add an archive that is good but for more members or for the way it is built."""
    case(name, reason)(lambda place: build([*good(place), *parts], **how))


def told(name: str, reason: str, content: bytes) -> None:
    """Add an archive with another manifest."""
    case(name, reason)(lambda place: build(good(place, content)))


# ---- names -----------------------------------------------------------------------------------------------------------
for title, raw, why in [
    ("parent", b"../outside.txt", "leaves the folder"),
    ("parent twice", b"../../outside.txt", "leaves the folder"),
    ("parent inside", b"weights/../../outside.txt", "leaves the folder"),
    ("parent at the end", b"weights/..", "leaves the folder"),
    ("only the parent", b"..", "leaves the folder"),
    ("drive", b"C:/outside.txt", "drive letter"),
    ("drive relative", b"C:outside.txt", "drive letter"),
    ("backslash parent", b"..\\outside.txt", "backslash"),
    ("backslash share", b"\\\\server\\share\\x", "backslash"),
    ("slash share", b"//server/share/x", "absolute path"),
    ("backslash root", b"\\outside.txt", "backslash"),
    ("empty", b"", "is empty"),
    ("dot", b".", "empty or a dot"),
    ("dot in front", b"./x", "empty or a dot"),
    ("dot inside", b"a/./x", "empty or a dot"),
    ("two slashes", b"a//x", "empty or a dot"),
    ("only a slash", b"/", "absolute path"),
    ("two slashes at the end", b"weights//", "empty or a dot"),
    ("NUL", b"harmless.txt\0.py", "control characters"),
    ("line break", b"a\nb", "control characters"),
    ("escape", b"\x1b[2Jx", "control characters"),
    ("DEL", b"a\x7f", "control characters"),
    ("device of Windows", b"CON", "Windows cannot write it"),
    ("device with ending", b"weights/nul.txt", "Windows cannot write it"),
    ("dot at the end", b"handlers.py.", "Windows cannot write it"),
    ("space at the end", b"handlers.py ", "Windows cannot write it"),
    ("stream", b"x.txt:hidden", "Windows cannot write it"),
    ("star", b"*", "Windows cannot write it"),
    ("long", b"a" * 300, "longer than"),
    ("deep", b"a/" * 200 + b"x", "longer than"),
    ("65000 letters", b"a" * 65000, "longer than|has 5 members"),
    ("not said to be UTF-8", "größe.txt".encode(), "not in UTF-8"),
    ("code page", b"gr\x94\xe1e.txt", "not in UTF-8"),
]:
    more(f"name: {title}", why, Part(raw, b"x"))

for title, raw, why in [
    ("not UTF-8", b"\xff\xfe.txt", "not in UTF-8"),
    ("overlong slash", b"..\xc0\xafoutside.txt", "not in UTF-8"),
    ("half a pair", b"\xed\xa0\x80.txt", "not in UTF-8"),
    ("right to left", "evil\u202etxt.py".encode(), "control characters"),
    ("zero width", "hand\u200blers.py".encode(), "control characters"),
    ("byte order mark", "\ufeffhandlers.py".encode(), "control characters"),
    ("decomposed", "gro\u0308\u00dfe.txt".encode(), "not encoded as usual"),
    ("line separator", "a\u2028b".encode(), "control characters"),
    ("private use", "a\ue000".encode(), "control characters"),
]:
    more(f"name: {title}", why, Part(raw, b"x", flags=0x800))

case("name: absolute", "absolute path")(
    lambda place: build([*good(place), Part(str(place / "outside.txt").encode(), b"x")])
)
more("clash: the same name", "are the same", Part(b"handlers.py", b"other"))
more("clash: the same member twice in the table", "are the same", Part(b"MAR-INF/MANIFEST.json", manifest()))
more("clash: capital letters", "capital letters", Part(b"HANDLERS.py", b"other"))
more("clash: capital letters of a folder", "capital letters", Part(b"a/x", b"1"), Part(b"A/x", b"2"))
more("clash: sharp s", "capital letters", Part("stra\u00dfe".encode(), b"1", flags=0x800), Part(b"STRASSE", b"2"))
more("clash: file and folder", "a file and a folder", Part(b"handlers.py/x", b"1"))
more("clash: file and folder in capitals", "a file and a folder", Part(b"HANDLERS.PY/x", b"1"))
more("clash: folder named like a file", "clashes with a file", Part(b"handlers.py/", method=0))
more("folder: without files", "without files", Part(b"weights/", method=0, attributes=(stat.S_IFDIR | 0o755) << 16))
more("folder: with content", "folder with content", Part(b"weights/", b"evil", method=0), Part(b"weights/x", b"1"))

# ---- kinds -----------------------------------------------------------------------------------------------------------
for title, kind, why in [
    ("link", stat.S_IFLNK, "it is a link"),
    ("character device", stat.S_IFCHR, "device, pipe or socket"),
    ("block device", stat.S_IFBLK, "device, pipe or socket"),
    ("pipe", stat.S_IFIFO, "device, pipe or socket"),
    ("socket", stat.S_IFSOCK, "device, pipe or socket"),
    ("unknown", 0xF000, "device, pipe or socket"),
    ("folder with the name of a file", stat.S_IFDIR, "name is that of a file"),
]:
    more(f"kind: {title}", why, Part(b"x", b"/etc/passwd", attributes=(kind | 0o777) << 16))
more("kind: folder by DOS", "name is that of a file", Part(b"x", b"1", attributes=0x10))
case("kind: link, then through it", "it is a link")(
    lambda place: build(
        [
            *good(place),
            Part(b"out", str(place).encode(), attributes=(stat.S_IFLNK | 0o777) << 16),
            Part(b"out/outside.txt", b"x"),
        ]
    )
)
case("kind: the handler is a link", "it is a link")(
    lambda place: build(
        [
            Part(
                b"MAR-INF/MANIFEST.json", manifest({**MODEL, "handler": "handlers.py", "serializedFile": "handlers.py"})
            ),
            Part(b"handlers.py", b"/etc/passwd", attributes=(stat.S_IFLNK | 0o777) << 16),
        ]
    )
)
more("encrypted", "is encrypted", Part(b"x", b"1", flags=1))
more("encrypted strongly", "is encrypted", Part(b"x", b"1", flags=0x41))
more("encrypted by AES", "is encrypted", Part(b"x", b"1", flags=1, method=99, extra=extra(0x9901, b"\1\0AE\3\0\0")))
more("headers are masked", "is encrypted", Part(b"x", b"1", flags=0x2000))
more("patched data", "flags are unknown", Part(b"x", b"1", flags=0x20))
more("reserved flag", "flags are unknown", Part(b"x", b"1", flags=0x8000))
for title, method, pack in [
    ("bzip2", 12, bz2.compress),
    ("lzma", 14, lzma.compress),
    ("deflate64", 9, deflated),
    ("zstd", 93, bytes),
    ("shrunk", 1, bytes),
    ("unknown", 777, bytes),
]:
    more(f"compression: {title}", f"method {method}", Part(b"x", b"1" * 99, method=method, data=pack(b"1" * 99)))

# ---- extra fields ----------------------------------------------------------------------------------------------------
second_name = extra(0x7075, b"\1" + struct.pack("<L", zlib.crc32(b"x")) + b"../outside.txt")
more("extra: a second name", "extra fields that are unknown", Part(b"x", b"1", extra=second_name))
more(
    "extra: a second name in front only",
    "extra fields that are unknown",
    Part(b"x", b"1", local={"extra": second_name}),
)
more("extra: cut off", "extra fields are damaged", Part(b"x", b"1", extra=b"\x55\x54\x99\0abc"))
more("extra: three bytes", "extra fields are damaged", Part(b"x", b"1", extra=b"\x55\x54\x01"))
more("extra: twice", "extra fields are damaged", Part(b"x", b"1", extra=extra(0x5455, b"\1aaaa") * 2))
more("extra: unknown", "extra fields that are unknown", Part(b"x", b"1", extra=extra(0x6666, b"hidden")))
more("extra: 60 KB", "unknown, or too long", Part(b"x", b"1", extra=extra(0x5455, b"a" * 60000)))
more(
    "extra: 60 KB in front only", "unknown, or too long", Part(b"x", b"1", local={"extra": extra(0x5455, b"a" * 60000)})
)
more("extra: damaged in front only", "extra fields are damaged", Part(b"x", b"1", local={"extra": b"\1\0\x10\0"}))

# ---- two headers that differ, and what lies between ------------------------------------------------------------------
for title, change, why in [
    ("name", {"name": b"../outside.txt"}, "table of contents differ"),
    ("name of the same length", {"name": b"y"}, "table of contents differ"),
    ("method", {"method": 0}, "table of contents differ"),
    ("flags", {"flags": 0x800}, "table of contents differ"),
    ("size", {"size": 1 << 30}, "differ in its size"),
    ("packed size", {"packed": 1}, "differ in its size"),
    ("checksum", {"crc": 1}, "differ in its size"),
    ("magic", {"magic": b"PK\x03\x05"}, "table of contents differ"),
]:
    more(f"headers: another {title}", why, Part(b"x", b"content", local=change))
HIDDEN = Part(b"handlers.py", b"import os", method=0)
more("hidden member between two", "belong to no member", Part(b"x", b"1", before=HIDDEN.local_header() + b"import os"))
more("hidden member before the table", "belong to no member", between=HIDDEN.local_header() + b"import os")
more("hidden bytes behind a member", "belong to no member", Part(b"x", b"1", behind=b"hidden"))
more("offset past the end", "not in the archive", Part(b"x", b"1", central={"offset": 1 << 30}))


@case("offset in the table", "not in the archive")
def _(place: Path) -> bytes:
    parts, part = good(place), Part(b"x", b"1")
    table = sum(len(each.local_header()) + len(each.packed()) for each in [*parts, part])
    return build([*parts, Part(b"x", b"1", central={"offset": table + 10})])


more("offset of another member", "lies over another|differ", Part(b"x", b"1", central={"offset": 0}))


@case("overlap: one content under many names", "lies over another member|members are the same")
def _(place: Path) -> bytes:
    parts = good(place)
    shared = Part(b"a", bytes(1 << 20))
    start = sum(len(part.local_header()) + len(part.packed()) for part in parts)
    ghosts = [Part(f"a{n}".encode(), bytes(1 << 20), central={"offset": start}) for n in range(20)]
    data = build([*parts, shared])
    table = data[: data.rindex(b"PK\x05\x06")]
    rows = b"".join(ghost.central_row(0) for ghost in ghosts)
    place_of = struct.unpack_from("<L", data, len(data) - 6)[0]
    n = len(parts) + 1 + len(ghosts)
    return (
        table
        + rows
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, n, n, len(table) - place_of + len(rows), place_of, 0)
    )


@case("overlap: a member inside another", "lies over another member")
def _(place: Path) -> bytes:
    inner = Part(b"inner", b"1", method=0)
    outer = Part(b"outer", inner.local_header() + b"1", method=0)
    parts = [*good(place), outer]
    start = sum(len(part.local_header()) + len(part.packed()) for part in parts[:-1]) + len(outer.local_header())
    data = build(parts)
    end = data.rindex(b"PK\x05\x06")
    row = inner.central_row(start)
    size, table = struct.unpack_from("<2L", data, end + 12)
    return data[:end] + row + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 6, 6, size + len(row), table, 0)


more("in front: a script", "bytes were put in front", prefix=b"#!/bin/sh\nrm -rf /\n")
more("in front: a script, offsets corrected", "in front of its first member", prefix=b"#!/bin/sh\n", shift=10)
more("in front: a picture", "in front of its first member", prefix=b"GIF89a" + bytes(30), shift=36)
more("in front: a program", "in front of its first member", prefix=b"MZ" + bytes(62), shift=64)
more("in front: another archive", "bytes were put in front", prefix=build([Part(b"x", b"1")]))
more("behind: bytes", "something after its end", suffix=b"hidden")
more("behind: one byte", "something after its end", suffix=b"\0")
more("behind: a comment", "something after its end", comment=b"hidden")
more(
    "behind: a comment that is an end",
    "something after its end|put in front",
    comment=bytes(4) + b"PK\x05\x06" + bytes(18),
)
more("behind: another archive", "bytes were put in front", suffix=build([Part(b"x", b"1")]))
more("comment of a member", "has a comment", Part(b"x", b"1", comment=b"hidden"))
more("part of several: member", "in another part", Part(b"x", b"1", central={"disk": 1}))
more("part of several: end", "one part of several", disk=1)
more("part of several: table", "one part of several", table_disk=3)
more("part of several: counts", "one part of several", here=2)
more("count: one more", "it says that it has 5 members, and has 4", here=5, count=5)
more("count: one less", "it says that it has 3 members, and has 4", here=3, count=3)
more("count: none", "it says that it has 0 members", here=0, count=0)
more("table: another place", "bytes were put in front", place=0)
more("table: another size", "bytes were put in front", size=46)
more("table: bytes behind", "bytes were put in front", wide=b"hidden")
more("table: damaged", "table of contents is damaged", Part(b"x", b"1", central={"magic": b"PK\x01\x03"}))

# ---- numbers behind the content --------------------------------------------------------------------------------------
LATER = {"crc": 0, "packed": 0, "size": 0}


def descriptor(content: bytes, crc: int | None = None, packed: int | None = None, size: int | None = None) -> bytes:
    right = (zlib.crc32(content), len(deflated(content)), len(content))
    return b"PK\x07\x08" + struct.pack(
        "<3L", *(b if a is None else a for a, b in zip((crc, packed, size), right, strict=True))
    )


for title, tail in [
    ("checksum lies", descriptor(b"one", crc=5)),
    ("packed size lies", descriptor(b"one", packed=6)),
    ("size lies", descriptor(b"one", size=5)),
    ("is missing", b""),
    ("is there twice", descriptor(b"one") * 2),
]:
    more(
        f"numbers behind: {title}",
        "belong to no member, or too few",
        Part(b"x", b"one", flags=8, local=LATER, behind=tail),
    )
more("numbers behind: stored", "nobody can tell where it ends", Part(b"x", b"one", method=0, flags=8, local=LATER))
more("numbers behind: not announced", "differ in its size", Part(b"x", b"one", local=LATER, behind=descriptor(b"one")))

# ---- 64 bits ---------------------------------------------------------------------------------------------------------
FULL = 0xFFFFFFFF
SIZES = extra(1, struct.pack("<2Q", 1 << 62, 1 << 62))
more("64 bits: huge", "unpacks to|two sizes", Part(b"x", b"1", central={"size": FULL, "packed": FULL, "extra": SIZES}))
more("64 bits: nothing is full", "do not fit", Part(b"x", b"1", central={"extra": SIZES}))
more("64 bits: full without numbers", "do not fit", Part(b"x", b"1", central={"size": FULL}))
more("64 bits: numbers are cut off", "do not fit", Part(b"x", b"1", central={"size": FULL, "extra": extra(1, b"1234")}))
more(
    "64 bits: offset far away",
    "not in the archive",
    Part(b"x", b"1", central={"offset": FULL, "extra": extra(1, struct.pack("<Q", 1 << 60))}),
)
more(
    "64 bits: lies in front only",
    "differ in its size",
    Part(b"x", b"1", local={"size": FULL, "packed": FULL, "extra": SIZES}),
)
more("64 bits: nothing is full in front", "do not fit", Part(b"x", b"1", local={"extra": SIZES}))
more("64 bits: the end promises it", "there are none", here=0xFFFF, count=0xFFFF)
more("64 bits: the end is full", "there are none", place=FULL)


def with_wide_end(name: str, reason: str, **changes: int) -> None:
    def make(place: Path) -> bytes:
        data = build(good(place))
        end = data.rindex(b"PK\x05\x06")
        size, table = struct.unpack_from("<2L", data, end + 12)
        right = {"count": 4, "size": size, "table": table}
        return data[:end] + wide_end(end, **{**right, **changes}) + data[end:]

    case(name, reason)(make)


with_wide_end("64 bits: another count", "contradict each other", count=3)
with_wide_end("64 bits: another place", "contradict each other", table=10)
with_wide_end("64 bits: end is elsewhere", "not where it should be", at=0)
with_wide_end("64 bits: end past the file", "not where it should be", at=1 << 60)
with_wide_end("64 bits: several parts", "not where it should be", n_disks=2)
with_wide_end("64 bits: length of the end", "is damaged", length=1 << 40)
with_wide_end("64 bits: part 7", "contradict each other", disk=7)

# ---- content and bombs -----------------------------------------------------------------------------------------------
ONE = b"content " * 100
more("content: checksum", "CRC-32", Part(b"x", ONE, data=deflated(ONE[::-1])))
more("content: stored, checksum", "CRC-32", Part(b"x", ONE, method=0, data=ONE[::-1]))
more("content: no deflate", "damaged \\(deflate\\)", Part(b"x", ONE, data=b"\xff" * 50))
more("content: cut off", "packed size is not its true one", Part(b"x", ONE, data=deflated(ONE)[:-3]))
more("content: nothing", "packed size is not its true one", Part(b"x", ONE, data=b""))
more(
    "content: bytes behind the stream",
    "packed size is not its true one",
    Part(b"x", ONE, data=deflated(ONE) + b"hidden"),
)
more("content: two streams", "packed size is not its true one", Part(b"x", ONE, data=deflated(ONE) * 2))
more("content: longer than it says", "more than the 799 bytes", Part(b"x", ONE[:-1], data=deflated(ONE)))
more("content: shorter than it says", "unpacks to 800 bytes and says 801", Part(b"x", ONE + b"1", data=deflated(ONE)))
more("content: stored, two sizes", "its two sizes differ", Part(b"x", ONE, method=0, data=ONE[:-1]))
more("content: zlib instead of deflate", "deflate|true one|CRC", Part(b"x", ONE, data=zlib.compress(ONE)))


@case("bomb: one member", "unpacks from")
def _(place: Path) -> bytes:
    return build([*good(place), Part(b"x", bytes(ZEROS))])


@case("bomb: a member that says it is small", "more than the 10 bytes")
def _(place: Path) -> bytes:
    return build([*good(place), Part(b"x", bytes(10), data=deflated(bytes(ZEROS)))])


@case("bomb: many members", "archive is refused: it unpacks from")
def _(place: Path) -> bytes:
    content = bytes(30 << 20)
    part = Part(b"", content, data=deflated(content))
    crc = zlib.crc32(content)
    fixed = {"crc": crc}
    return build([*good(place), *(Part(b"x%d" % n, content, data=part.data, local=fixed) for n in range(6))])


more("bomb: 10 001 members", "it has 10[0-9]{3} members", *(Part(b"f/%d" % n, method=0) for n in range(10_000)))
HUGE = {"size": FULL - 1, "packed": 1000}
more("bomb: says 4 GB", "unpacks from 1000", Part(b"x", b"1", local=HUGE, central=HUGE))
more(
    "bomb: says 1 TB",
    "at most|unpacks to 1099511627776",
    Part(b"x", b"1", central={"size": FULL, "extra": extra(1, struct.pack("<Q", 1 << 40))}),
)

# ---- manifest --------------------------------------------------------------------------------------------------------
case("manifest: none", "has no MAR-INF/MANIFEST.json")(lambda place: build(good(place)[1:]))
case("manifest: elsewhere", "has no MAR-INF/MANIFEST.json")(
    lambda place: build([Part(b"MANIFEST.json", manifest()), *good(place)[1:]])
)
told("manifest: empty", "not JSON", b"")
told("manifest: no JSON", "not JSON", b"{")
told("manifest: not UTF-8", "not JSON", b'{"model": "\xff"}')
told("manifest: a list", "no model in it", b"[1]")
told("manifest: no model", "no model in it", b"{}")
told("manifest: a model that is a text", "no model in it", b'{"model": "x"}')
told("manifest: model twice", "is there twice", b'{"model": {"modelName": "a", "handler": "handlers.py"}, "model": {}}')
told(
    "manifest: handler twice",
    "is there twice",
    b'{"model": {"modelName": "a", "handler": "handlers.py", "handler": "x"}}',
)
told("manifest: nested 100 000 deep", "nested too deep", b"[" * 100_000)
told("manifest: no number", "no number in JSON", b'{"model": NaN}')
case("manifest: 20 MB", "at most")(lambda place: build(good(place, b'{"a": "' + b"a" * (20 << 20) + b'"}')))
told("manifest: runtime", "runtime is '/bin/sh'", manifest(runtime="/bin/sh"))
told("manifest: no handler", "handler is missing", manifest({"modelName": "liver"}))
for key, value, why in [
    ("modelName", "../liver", "modelName"),
    ("modelName", "", "modelName"),
    ("modelName", 7, "modelName"),
    ("modelName", "a b", "modelName"),
    ("handler", "../x.py", "leaves the folder"),
    ("handler", "/tmp/x.py", "absolute path"),
    ("handler", "..\\x.py", "backslash"),
    ("handler", "other.py", "no member"),
    ("handler", "os:system", "no member"),
    ("handler", "handlers.py:a b", "no function"),
    ("handler", "handlers.py:../x", "no function"),
    ("handler", ["handlers.py"], "not the name of a member"),
    ("handler", "", "is empty"),
    ("configFile", "../../x", "leaves the folder"),
    ("configFile", "/etc/passwd", "absolute path"),
    ("configFile", "missing.yaml", "no member"),
    ("configFile", None, "not the name of a member"),
    ("requirementsFile", "../requirements.txt", "leaves the folder"),
    ("requirementsFile", "https://example.org/x", "empty or a dot|Windows"),
    ("serializedFile", "../../model.pt", "leaves the folder"),
    ("serializedFile", "missing.pt", "no member"),
    ("modelFile", "C:\\model.py", "backslash"),
]:
    told(f"manifest: {key} {value!r}", why, manifest({**MODEL, key: value}))

# ---- other files -----------------------------------------------------------------------------------------------------


def tarred(place: Path, mode: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as tar:
        for part in good(place):
            entry = tarfile.TarInfo("../" + part.name.decode())
            entry.size = len(part.content)
            tar.addfile(entry, io.BytesIO(part.content))
    return sink.getvalue()


case("file: tar", "it is a tar archive")(lambda place: tarred(place, "w:"))
case("file: tar.gz, as TorchServe takes it", "it is a gzip file")(lambda place: tarred(place, "w:gz"))
case("file: tar.bz2", "it is a bzip2 file")(lambda place: tarred(place, "w:bz2"))
case("file: tar.xz", "it is an xz file")(lambda place: tarred(place, "w:xz"))
for title, content, why in [
    ("empty", b"", "it is empty"),
    ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "it is a 7z archive"),
    ("RAR", b"Rar!\x1a\x07\x01\0" + bytes(100), "it is a RAR archive"),
    ("zstd", b"\x28\xb5\x2f\xfd" + bytes(100), "it is a zstd file"),
    ("text", b"<html>404 not found</html>", "it is no zip file"),
    ("pickle", pickle.dumps({"a": 1}), "it is no zip file"),
    ("zeros", bytes(1000), "it is no zip file"),
    ("only a magic", b"PK\x03\x04", "it is cut off"),
    ("only an end", build([]), "nothing in it"),
    ("end without its last byte", build([])[:-1], "after its end|no zip file|cut off"),
    ("end of another place", struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46, 1 << 20, 0), "put in front"),
]:
    case(f"file: {title}", why)(lambda _, content=content: content)
case("file: cut in the middle", "it is cut off")(lambda place: build(good(place))[:300])
case("file: cut in the table", "it is cut off")(lambda place: build(good(place))[:-60])
case("file: the last byte is missing", "after its end|cut off")(lambda place: build(good(place))[:-1])
case("file: the first byte is missing", "put in front")(lambda place: build(good(place))[1:])
case("file: a byte is missing in the middle", "put in front")(lambda place: (d := build(good(place)))[:200] + d[201:])
case("file: gzipped once more", "it is a gzip file")(lambda place: gzip.compress(build(good(place)), mtime=0))
