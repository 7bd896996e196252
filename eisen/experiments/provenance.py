"""Where a result comes from: versions, code, data, machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from eisen._core.version import __version__

__all__ = ["data_digest", "digest_of", "git_state", "machine_facts", "package_versions"]

_PACKAGES = ("numpy", "scipy", "torch", "nibabel", "SimpleITK", "pydicom", "h5py")
_WHOLE_BYTES = 1 << 16
"""Files up to this size are digested whole; of larger ones the size, the head and the tail."""

_PART_BYTES = 1 << 12


def package_versions() -> dict[str, str]:
    """Return the version of eisen, Python and the packages that results depend on.

    Example:
        >>> "torch" in package_versions()
        True
    """
    versions = {"eisen": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def machine_facts() -> dict[str, Any]:
    """Return what kind of machine this is: nothing that names it or its user."""
    facts: dict[str, Any] = {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    import torch

    facts["threads"] = torch.get_num_threads()
    if torch.cuda.is_available():
        facts["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return facts


def git_state(folder: str | Path) -> dict[str, Any] | None:
    """Return commit and cleanliness of the git repository a folder belongs to, or None without one.

    Args:
        folder: Any folder of the repository, e.g. that of the configuration.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: str | Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def digest_of(value: Any) -> str:
    """Return the SHA-256 of anything JSON can hold; the order of keys does not matter.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def data_digest(cases: Sequence[Any], data_dir: str | Path) -> str:
    """Return a digest that changes when the list of cases or one of their files changes.

    Values that name a file below `data_dir` count with name, size and content; of files above 64 KiB the content is
    the first and the last 4 KiB, so hundreds of scans take milliseconds. gzip keeps a checksum of everything in its
    last bytes, so a changed ``.nii.gz`` is noticed wherever it changed. Modification times do not count.

    Args:
        cases: The entries of the datasets, as listed (before readers); usually dicts, fields to values.
        data_dir: Folder of the data.
    """
    root = Path(data_dir)
    total = hashlib.sha256()
    for case in cases:
        entries = case if isinstance(case, Mapping) else {"case": case}  # rows of an array, or whatever users list
        listed = {name: value for name, value in entries.items() if isinstance(value, (str, int, float, bool))}
        total.update(digest_of(listed).encode())
        for name in _files(entries.values(), root):
            total.update(_fingerprint(root / name))
    return total.hexdigest()


def _files(values: Iterable[Any], root: Path) -> list[str]:
    return [value for value in values if isinstance(value, str) and value and (root / value).is_file()]


def _fingerprint(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            content = file.read()
        else:
            content = file.read(_PART_BYTES)
            file.seek(-_PART_BYTES, os.SEEK_END)
            content += file.read()
    return hashlib.sha256(size.to_bytes(8, "little") + content).digest()
