"""Writing archives: the same bytes for the same members, complete or not at all, readable by the checks."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.digests import verify_folder
from eisen_deploy.packaging.layout import DIGESTS, MANIFEST, SIGNATURE
from eisen_deploy.packaging.members import checked, unpack

MODEL = {"modelName": "liver", "modelVersion": "1.0", "handler": "handlers.py"}
MEMBERS: dict[str, bytes | Path] = {"handlers.py": b"pass", "b/x.npy": bytes(5000), "a.png": b"\x89PNG" + bytes(5000)}


def write(path: Path, members: dict[str, bytes | Path] = MEMBERS, **how: Any) -> Path:
    write_archive(path, members, manifest={"runtime": "python", "model": MODEL}, **how)
    return path


def test_equal_members_make_equal_bytes_whatever_their_order_and_source(tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    file.write_bytes(bytes(5000))
    os.utime(file, (0, 1_700_000_000))
    file.chmod(0o700)
    one = write(tmp_path / "one.mar").read_bytes()
    assert write(tmp_path / "two.mar", dict(reversed(MEMBERS.items()))).read_bytes() == one
    assert write(tmp_path / "three.mar", {**MEMBERS, "b/x.npy": file}).read_bytes() == one
    assert hashlib.sha256(one).hexdigest() != hashlib.sha256(
        write(tmp_path / "o.mar", {**MEMBERS, "c": b""}).read_bytes()
    )


def test_manifest_comes_first_and_digests_last_and_python_reads_all(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path / "x.mar")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [MANIFEST, "a.png", "b/x.npy", "handlers.py", DIGESTS]
        assert json.loads(archive.read(MANIFEST)) == {"runtime": "python", "model": MODEL}
        told = json.loads(archive.read(DIGESTS))["members"]
        assert told == {
            name: {"sha256": hashlib.sha256(archive.read(name)).hexdigest(), "size": len(archive.read(name))}
            for name in archive.namelist()
            if name != DIGESTS
        }
        assert archive.getinfo("a.png").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("b/x.npy").compress_size < 100
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_written_passes_the_checks_and_comes_back(tmp_path: Path) -> None:
    members = {
        **MEMBERS,
        "weights/0.safetensors": os.urandom(3 << 20),
        "größe/ä.txt": b"",
        "zeros.bin": bytes(70 << 20),
    }
    found = unpack(write(tmp_path / "x.mar", members), tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in members} == members
    assert verify_folder(tmp_path / "out", required=True) == found
    assert len(checked(tmp_path / "x.mar")) == len(members) + 2


def test_archives_that_shrink_a_lot_are_no_bombs(tmp_path: Path) -> None:
    """Label maps of one value: a small model with several of them must pass its own checks."""
    members = {**MEMBERS, **{f"golden/{n}/output.npy": bytes(15 << 20) for n in range(8)}}
    path = write(tmp_path / "x.mar", members)
    assert len(checked(path)) == len(members) + 2
    with zipfile.ZipFile(path) as archive:
        deflated = [e.file_size for e in archive.infolist() if e.compress_type == zipfile.ZIP_DEFLATED]
    assert 15 << 20 < sum(deflated) < 41 << 20


def test_large_files_are_streamed(tmp_path: Path) -> None:
    import tracemalloc

    big = tmp_path / "big.safetensors"
    with big.open("wb") as file:
        file.truncate(200 << 20)
    tracemalloc.start()
    write(tmp_path / "x.mar", {**MEMBERS, "big.safetensors": big})
    unpack(tmp_path / "x.mar", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert (tmp_path / "out" / "big.safetensors").stat().st_size == 200 << 20


def test_records_of_64_bits_that_python_writes_are_read(tmp_path: Path) -> None:
    """Python announces sizes of 64 bits when it does not know them beforehand."""
    with zipfile.ZipFile(tmp_path / "x.mar", "w") as archive:
        archive.writestr(MANIFEST, json.dumps({"model": MODEL}))
        with archive.open(zipfile.ZipInfo("handlers.py"), "w", force_zip64=True) as file:
            file.write(b"pass")
    unpack(tmp_path / "x.mar", tmp_path / "out")
    assert (tmp_path / "out" / "handlers.py").read_bytes() == b"pass"


@pytest.mark.slow
def test_more_than_4_gb_round_trip(tmp_path: Path) -> None:
    big = tmp_path / "big.safetensors"
    with big.open("wb") as file:
        file.truncate((4 << 30) + 5)
        file.seek(4 << 30)
        file.write(b"end")
    found = write(tmp_path / "x.mar", {**MEMBERS, "big.safetensors": big, "z.txt": b"behind"})
    with zipfile.ZipFile(found) as archive:
        assert archive.getinfo("big.safetensors").file_size == (4 << 30) + 5
    unpack(found, tmp_path / "out")
    verify_folder(tmp_path / "out", required=True)
    assert (tmp_path / "out" / "z.txt").read_bytes() == b"behind"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x", "leaves the folder"),
        ("/x", "absolute path"),
        ("a\\b", "backslash"),
        ("", "is empty"),
        ("MAR-INF/x", "MAR-INF is made here"),
        ("mar-inf/manifest.json", "MAR-INF is made here"),
        (SIGNATURE, "MAR-INF is made here"),
        ("con.txt", "Windows"),
    ],
)
def test_names_that_would_be_refused_are_not_written(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=reason):
        write(tmp_path / "x.mar", {**MEMBERS, name: b""})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("other", "reason"), [("HANDLERS.py", "capital letters"), ("handlers.py/x", "a file and a folder")]
)
def test_names_that_clash_are_not_written(other: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=reason):
        write(tmp_path / "x.mar", {**MEMBERS, other: b""})


def test_a_manifest_must_name_members(tmp_path: Path) -> None:
    for change, reason in [({"handler": "other.py"}, "no member"), ({"configFile": "../x"}, "leaves the folder")]:
        with pytest.raises(ArgumentError, match=reason):
            write_archive(tmp_path / "x.mar", MEMBERS, manifest={"model": {**MODEL, **change}})
    write_archive(tmp_path / "x.mar", {}, manifest={"model": {**MODEL, "handler": "image_classifier"}})
    assert [member.name for member in checked(tmp_path / "x.mar")] == [MANIFEST, DIGESTS]


def test_an_archive_is_replaced_only_on_demand_and_survives_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mar")
    old = path.read_bytes()
    with pytest.raises(ArtifactError, match="is there already"):
        write(path)
    with pytest.raises(ArtifactError, match="cannot be packed"):
        write(path, {**MEMBERS, "x": tmp_path / "missing"}, overwrite=True)
    with pytest.raises(ArtifactError, match="cannot be packed"):
        write(path, {**MEMBERS, "x": tmp_path}, overwrite=True)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
    assert write(path, {**MEMBERS, "x": b""}, overwrite=True).read_bytes() != old
    with pytest.raises(ArtifactError, match="its folder does not exist"):
        write(tmp_path / "no" / "x.mar")


# ---- digests of folders ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    unpack(write(tmp_path / "x.mar"), tmp_path / "out")
    return tmp_path / "out"


def test_what_python_makes_beside_modules_does_not_matter(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handlers.cpython-311.pyc").write_bytes(b"x")
    assert set(verify_folder(folder)) == {MANIFEST, DIGESTS, *MEMBERS}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: (f / "handlers.py").write_bytes(b"import os"), "'handlers.py' was changed"),
        (lambda f: (f / "handlers.py").unlink(), "'handlers.py' is missing"),
        (lambda f: (f / "handlers.py").rename(f / "other.py"), "'handlers.py' was renamed to 'other.py'"),
        (lambda f: (f / "b" / "torch.py").write_bytes(b"evil"), "'b/torch.py' was added"),
        (lambda f: (f / "a.png").unlink() or (f / "a.png").symlink_to(f / "handlers.py"), "is a link"),
        (lambda f: (f / "evil").symlink_to("/etc"), "is a link"),
        (lambda f: (f / DIGESTS).write_bytes(b"{}"), "cannot be understood"),
        (lambda f: (f / DIGESTS).write_bytes(b'{"format": "eisen-digests", "version": 2, "members": {}}'), "version 2"),
        (
            lambda f: (f / DIGESTS).write_bytes(b'{"format": "eisen-digests", "version": 1, "members": []}'),
            "understood",
        ),
    ],
)
def test_changed_folders_are_refused(change: Any, reason: str, folder: Path) -> None:
    verify_folder(folder)
    change(folder)
    with pytest.raises(CorruptFileError, match=reason):
        verify_folder(folder)


def test_more_files_can_be_allowed_but_not_changed_ones(folder: Path) -> None:
    (folder / "installed").mkdir()
    (folder / "installed" / "x.py").write_bytes(b"")
    assert "installed/x.py" not in verify_folder(folder, allow_more=True)
    (folder / "handlers.py").write_bytes(b"other")
    with pytest.raises(CorruptFileError, match="was changed"):
        verify_folder(folder, allow_more=True)


def test_digests_can_be_required(tmp_path: Path) -> None:
    assert verify_folder(tmp_path) == {}
    with pytest.raises(CorruptFileError, match=r"there is no MAR-INF/digests\.json"):
        verify_folder(tmp_path, required=True)
