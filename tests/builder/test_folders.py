"""Pages look into the allowed folders, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError
from eisen_cli.builder.server.folders import Folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "scans").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "scans" / "out").symlink_to(tmp_path / "secret")
    return Folders([tmp_path / "scans"])


def test_what_is_inside_is_found_also_by_detours(folders: Folders):
    root = folders.roots[0]
    assert folders.resolve("a/./b/../c.nii") == root / "a" / "c.nii"
    assert folders.resolve(root) == root
    assert root / "not" / "there" in folders


@pytest.mark.parametrize("path", ["../secret", "out/key", "/etc/passwd", "/", "a/../../secret", "x" * 300 + "\0"])
def test_what_is_outside_is_refused(folders: Folders, path: str):
    assert path not in folders
    with pytest.raises(ArgumentError) as caught:
        folders.resolve(path)
    assert caught.value.card.expected


def test_a_folder_with_the_same_beginning_is_another_one(tmp_path: Path):
    (tmp_path / "scans-of-others").mkdir()
    assert tmp_path / "scans-of-others" not in Folders([tmp_path / "scans"])


def test_one_more_folder_can_be_allowed(folders: Folders, tmp_path: Path):
    added = folders.add(tmp_path / "secret")
    assert folders.resolve("out/key") == added / "key"
    assert folders.add(tmp_path / "secret") == added
    assert len(list(folders)) == 2
