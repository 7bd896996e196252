"""Writing an archive: the same members give the same bytes, complete or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError, ArtifactError
from eisen_deploy.packaging.layout import DIGESTS, MANIFEST
from eisen_deploy.packaging.manifest import problem_of_manifest
from eisen_deploy.packaging.names import clashes, problem_of

__all__ = ["add_member", "as_json", "write_archive"]

_CHUNK = 1 << 20
_TIME = (1980, 1, 1, 0, 0, 0)
_DENSE = re.compile(
    r".*\.(7z|bz2|gz|jpe?g|mgz|npz|png|tgz|webp|whl|xz|zip|zst|onnx|pth?|safetensors)", re.IGNORECASE | re.DOTALL
)
"""Stored as they are: floats shrink by a few percent, which takes a minute per GB."""


_MOST_DEFLATED = 40 << 20
"""All that is compressed in an archive: one that unpacks to much more than its own size would look like a bomb."""


def write_archive(
    path: str | os.PathLike[str],
    members: Mapping[str, bytes | Path],
    *,
    manifest: Mapping[str, Any],
    overwrite: bool = False,
) -> None:
    """Write a model archive (``.mar``) that TorchServe and `eisen serve` accept.

    Times, order and permissions are always the same, so that equal members make equal archives.
    ``MAR-INF/digests.json`` with the SHA-256 of every member is made here.

    Args:
        path: The archive to make.
        members: Content, or the file with the content, of each member by name.
        manifest: What ``MAR-INF/MANIFEST.json`` says: ``runtime``, ``model`` with ``modelName``, ``handler``, ...
        overwrite: Whether an older archive of that name may be replaced.

    Raises:
        ArgumentError: If names cannot be used, or the manifest names members that are not there.
        ArtifactError: If it is there already, or cannot be written.

    Example:
        >>> import tempfile, zipfile
        >>> archive = Path(tempfile.mkdtemp()) / "small.mar"
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(archive, {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> zipfile.ZipFile(archive).namelist()
        ['MAR-INF/MANIFEST.json', 'handlers.py', 'MAR-INF/digests.json']
    """
    target = Path(path)
    _check_names(members)
    if problem := problem_of_manifest(manifest, members):
        raise ArgumentError(f"manifest: {problem}", expected="what TorchServe reads, see MAR-INF/MANIFEST.json")
    if target.exists() and not overwrite:
        raise ArtifactError(
            f"{target} is there already", file=str(target), to_do="choose another name, or allow to replace it"
        )
    with atomic_write(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        digests = dict(_written(archive, {MANIFEST: as_json(manifest), **dict(sorted(members.items()))}))
        add_member(archive, DIGESTS, as_json({"format": "eisen-digests", "version": 1, "members": digests}))


def add_member(
    archive: zipfile.ZipFile, name: str, content: bytes | Path, largest: int = _MOST_DEFLATED
) -> dict[str, Any]:
    """Add a member to an open archive, in parts, and return its SHA-256 and size.

    Args:
        archive: Opened for writing.
        name: Of the member.
        content: The bytes, or the file with them.
        largest: Content of up to this size is compressed, unless it is known not to shrink.

    Raises:
        ArtifactError: If the file cannot be read.

    Example:
        >>> with zipfile.ZipFile(BytesIO(), "w") as archive:
        ...     add_member(archive, "a.txt", b"anna")["size"]
        4
    """
    with _opened(content) as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        with archive.open(_entry(name, size, size <= largest), "w") as sink:
            return _copied(source, sink)


def as_json(value: Any) -> bytes:
    r"""Return a value as JSON for people, the same bytes for the same value.

    Example:
        >>> as_json({"size": 4})
        b'{\n  "size": 4\n}\n'
    """
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _written(archive: zipfile.ZipFile, members: Mapping[str, bytes | Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    room = _MOST_DEFLATED
    for name, content in members.items():
        facts = add_member(archive, name, content, room)
        if archive.getinfo(name).compress_type == zipfile.ZIP_DEFLATED:
            room -= facts["size"]
        yield name, facts


def _entry(name: str, size: int, deflate: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3  # the same on Windows
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED if deflate and not _DENSE.fullmatch(name) else zipfile.ZIP_STORED
    entry.file_size = size  # zipfile decides by it whether sizes need 64 bits
    return entry


def _opened(content: bytes | Path) -> IO[bytes]:
    if not isinstance(content, Path):
        return BytesIO(content)
    try:
        return content.open("rb")
    except OSError as error:
        card = artifact_error(error, content)
        card.card.what = f"{content} cannot be packed: {error.strerror}"
        raise card from error


def _copied(source: IO[bytes], sink: IO[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        sink.write(chunk)
    return {"sha256": digest.hexdigest(), "size": size}


def _check_names(members: Mapping[str, bytes | Path]) -> None:
    for name in members:
        if problem := problem_of(name) or (name.upper().startswith("MAR-INF/") and "MAR-INF is made here"):
            raise ArgumentError(
                f"member {name!r} cannot be packed: {problem}", expected="a name such as 'weights/0.bin'"
            )
    for one, other, why in clashes(members):
        raise ArgumentError(f"members {one!r} and {other!r} {why}", expected="names that differ")
