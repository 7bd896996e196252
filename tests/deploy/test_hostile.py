"""Archives from strangers: refused with the right reason, nothing written, nothing run."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, EisenError, MissingFileError
from eisen_deploy.packaging.digests import check_digests, verify_folder
from eisen_deploy.packaging.layout import DIGESTS
from eisen_deploy.packaging.members import Limits, checked, unpack
from eisen_deploy.packaging.reading import opened
from tests.deploy.hostile.builder import Part, build, deflated, extra
from tests.deploy.hostile.corpus import CORPUS, LATER, descriptor, good, manifest


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a folder with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def written(content: bytes, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that must stay as it is, with a file that must not be written over."""
    (tmp_path / "outside.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "inner").mkdir()
    return tmp_path


def test_the_corpus_is_large_and_a_good_archive_passes(place: Path) -> None:
    assert len(CORPUS) >= 200
    path = written(build(good(place)), place / "in" / "x.mar")
    unpack(path, place / "inner" / "model")
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: content for name, content in tree(place / "inner" / "model").items() if content is not None
        }
    assert not list(place.glob("*-was-run"))


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_archives_are_refused_and_leave_nothing(name: str, place: Path) -> None:
    make, reason = CORPUS[name]
    path = written(make(place), place / "in" / "x.mar")
    before = tree(place)
    with pytest.raises(CorruptFileError, match=reason) as caught:
        unpack(path, place / "inner" / "model")
    assert tree(place) == before
    assert caught.value.card.file == str(path)
    assert caught.value.card.to_do
    assert caught.value.card.what.isprintable()


@pytest.mark.parametrize("name", [name for name in CORPUS if not name.startswith(("content", "bomb: a member that"))])
def test_they_are_refused_before_anything_is_unpacked(name: str, place: Path) -> None:
    with pytest.raises(CorruptFileError):
        checked(written(CORPUS[name][0](place), place / "in" / "x.mar"))


def test_a_folder_a_pipe_and_nothing_are_no_archives(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="is a folder"):
        checked(tmp_path)
    with pytest.raises(MissingFileError, match="there is no archive"):
        checked(tmp_path / "x.mar")
    with pytest.raises(MissingFileError, match="there is no archive"):
        checked(written(b"", tmp_path / "file") / "x.mar")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(CorruptFileError, match="is no file"):
            checked(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of Unix")
def test_permissions_do_not_come_from_the_archive(place: Path) -> None:
    part = Part(b"run.sh", b"id", attributes=0o104777 << 16)
    unpack(written(build([*good(place), part]), place / "in" / "x.mar"), place / "inner" / "model")
    assert (place / "inner" / "model" / "run.sh").stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize(
    "part",
    [
        Part("größe.txt".encode(), b"x", flags=0x800),
        Part(b"later.txt", b"one", flags=8, local=LATER, behind=descriptor(b"one")),
        Part(b"later.txt", b"one", flags=8, local=LATER, behind=descriptor(b"one")[4:]),
        Part(b"time.txt", b"one", extra=extra(0x5455, b"\1aaaa")),
        Part(b"none.txt", b""),
        Part(b"stored.txt", b"", method=0),
        Part(b"zeros.bin", bytes(10 << 20)),
        Part(b"archive.zip", build([Part(b"../x", b"1")]), method=0),
    ],
    ids=lambda part: part.name.decode(),
)
def test_what_honest_programs_write_passes(part: Part, place: Path) -> None:
    unpack(written(build([*good(place), part]), place / "in" / "x.mar"), place / "inner" / "model")
    assert (place / "inner" / "model" / part.name.decode()).read_bytes() == part.content


def test_folders_in_the_archive_are_those_of_its_files(place: Path) -> None:
    parts = [Part(b"a/", method=0, attributes=(0o40755 << 16) | 0x10), Part(b"a/x", b"1")]
    unpack(written(build([*good(place), *parts]), place / "in" / "x.mar"), place / "inner" / "model")
    assert (place / "inner" / "model" / "a" / "x").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_members=4), "it has 5 members"),
        (Limits(max_member_bytes=999), "member 'x' is refused: it unpacks to 1000 bytes"),
        (Limits(max_total_bytes=1100), "archive is refused: it unpacks to"),
        (Limits(free_bytes=1, max_ratio=50), "member 'x' is refused: it unpacks from"),
    ],
)
def test_limits_can_be_chosen(limits: Limits, reason: str, place: Path) -> None:
    path = written(build([*good(place), Part(b"x", b"a" * 1000)]), place / "in" / "x.mar")
    assert len(checked(path)) == 5
    with pytest.raises(CorruptFileError, match=reason):
        checked(path, limits)
    with pytest.raises(ArgumentError, match="max_members is 0"):
        Limits(max_members=0)


@pytest.mark.parametrize("kind", ["file", "folder with something in it", "link", "link to nowhere"])
def test_only_a_new_or_empty_folder_is_unpacked_into(kind: str, place: Path) -> None:
    path, target = written(build(good(place)), place / "in" / "x.mar"), place / "target"
    if kind == "file":
        target.write_bytes(b"mine")
    elif kind == "folder with something in it":
        written(b"mine", target / "x")
    else:
        target.symlink_to(place / ("inner" if kind == "link" else "nowhere"))
    before = tree(place)
    with pytest.raises(ArtifactError, match="is there already"):
        unpack(path, target)
    assert tree(place) == before
    unpack(path, place / "inner")
    assert (place / "inner" / "handlers.py").is_file()


def test_an_interrupted_unpacking_leaves_nothing(place: Path) -> None:
    path = written(build(good(place)), place / "in" / "x.mar")
    before = tree(place)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(path, place / "model", check=stop)
    with pytest.raises(ArtifactError, match="its folder does not exist"):
        unpack(path, place / "no" / "model")
    assert tree(place) == before


# ---- damaged by chance -----------------------------------------------------------------------------------------------


def valid(place: Path) -> bytes:
    """Return an archive of every kind of record, with digests."""
    import hashlib
    import json

    parts = [
        Part(b"MAR-INF/MANIFEST.json", manifest({"modelName": "a", "handler": "handlers.py"})),
        Part(b"handlers.py", b"pass"),
        Part(b"later.txt", b"one", flags=8, local=LATER, behind=descriptor(b"one")),
        Part("größe.bin".encode(), bytes(range(256)), method=0, flags=0x800, extra=extra(0x5455, b"\1aaaa")),
        Part(b"a/b/c.bin", deflated(bytes(1000)) * 3),
    ]
    told = {p.name.decode(): {"sha256": hashlib.sha256(p.content).hexdigest(), "size": len(p.content)} for p in parts}
    document = {"format": "eisen-digests", "version": 1, "members": told}
    return build([*parts, Part(DIGESTS.encode(), json.dumps(document).encode())])


def test_a_valid_archive_passes_its_own_digests(tmp_path: Path) -> None:
    unpack(written(valid(tmp_path), tmp_path / "x.mar"), tmp_path / "model")
    assert len(verify_folder(tmp_path / "model", required=True)) == 6


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, 1 << 16), st.integers(1, 255)),
        st.tuples(st.just("cut"), st.integers(0, 1 << 16), st.integers(1, 40)),
        st.tuples(st.just("copy"), st.integers(0, 1 << 16), st.integers(1, 200)),
        st.tuples(st.just("zero"), st.integers(0, 1 << 16), st.integers(1, 8)),
        st.tuples(st.just("full"), st.integers(0, 1 << 16), st.integers(1, 8)),
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(content)
    for kind, where, much in changes:
        at = where % len(data) if data else 0
        if kind == "flip" and data:
            data[at] ^= much
        elif kind == "cut":
            del data[at : at + much]
        elif kind == "copy":
            data[at:at] = data[at : at + much]
        elif data:
            data[at : at + much] = (b"\0" if kind == "zero" else b"\xff") * len(data[at : at + much])
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(changes=CHANGES)
def test_damaged_archives_are_refused_or_give_the_same_bytes(
    changes: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    original = written(valid(folder), folder / "original.mar")
    unpack(original, folder / "original")
    path = written(changed(original.read_bytes(), changes), folder / "damaged.mar")
    try:
        with opened(path) as archive:
            check_digests(archive.read(DIGESTS), archive.digests(), path)
        unpack(path, folder / "damaged")
    except EisenError:
        assert not (folder / "damaged").exists()
    else:
        assert tree(folder / "damaged") == tree(folder / "original")


@pytest.mark.slow
def test_every_single_byte_matters_or_is_harmless(tmp_path: Path) -> None:
    """All 255 other values of the bytes of the records would take minutes; three of each byte do not."""
    content = valid(tmp_path)
    unpack(written(content, tmp_path / "original.mar"), tmp_path / "original")
    expected = {name: value for name, value in tree(tmp_path / "original").items() if value is not None}
    path, harmless = tmp_path / "x.mar", 0
    for at in range(len(content)):
        for value in (1, 0x80, 0xFF):
            path.write_bytes(content[:at] + bytes([content[at] ^ value]) + content[at + 1 :])
            try:
                with opened(path) as archive:
                    found = {name: archive.read(name) for name in archive.members}
            except EisenError:
                continue
            harmless += 1
            assert found == expected
    assert 0 < harmless < len(content)  # times, versions and owners of files mean nothing here
