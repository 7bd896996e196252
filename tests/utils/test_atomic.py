"""Atomic writing: the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eisen._core.atomic import artifact_error, atomic_write, remove_leftovers
from eisen._core.errors import ArgumentError, ArtifactError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_complete_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"123")
        assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin").read_bytes() == b"123"
    assert names_in(tmp_path) == ["a.bin"]


def test_text_is_written_as_utf_8(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.txt", "w") as file:
        file.write("µm")
    assert (tmp_path / "a.txt").read_bytes() == "µm".encode()


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()])
def test_an_interruption_keeps_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), atomic_write(path, "w") as file:
        file.write("new")
        raise error
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_write(path, "w") as file:
        file.write("new")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write"), (errno.EIO, "I/O")],
)
def test_the_card_gives_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number) if number != errno.EIO else "I/O error")

    monkeypatch.setattr(os, "fsync", fail)
    path = tmp_path / "a.txt"
    with pytest.raises(ArtifactError, match=reason) as caught, atomic_write(path, "w") as file:
        file.write("x")
    assert caught.value.card.file == str(path)
    assert caught.value.card.to_do
    assert caught.value.errno == number
    assert names_in(tmp_path) == []


def test_a_folder_that_is_missing_or_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="folder does not exist"), atomic_write(tmp_path / "none" / "a"):
        pass
    with pytest.raises(ArtifactError, match="is a file, not a folder"), atomic_write(tmp_path / "file" / "a"):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArtifactError, match="it is a folder"), atomic_write(tmp_path / "folder") as file:
        file.write(b"x")


def test_only_writing_modes_are_accepted(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="mode is 'r'"), atomic_write(tmp_path / "a", "r"):
        pass


def test_an_unknown_reason_is_passed_on() -> None:
    assert "strange" in str(artifact_error(OSError("strange"), "a"))


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    stays = [f".model.pt.{os.getpid()}.0123abcd.part", ".notes.part", "model.pt", ".a.b.c.part"]
    for name in [*stays, f".model.pt.{dead.stdout.strip()}.0123abcd.part"]:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stays)
