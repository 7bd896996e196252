"""Signing packages, and finding out whether one is exactly what somebody signed."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.errors import CorruptFileError
from eisen.io.staging import staged
from eisen_deploy.packaging.archive import add_member
from eisen_deploy.packaging.digests import differences, in_short
from eisen_deploy.packaging.keys import Passphrase, fingerprint, make_keys, private_key, public_key
from eisen_deploy.packaging.layout import SIGNATURE
from eisen_deploy.packaging.members import Limits, checked, unpack
from eisen_deploy.packaging.reading import Archive, opened
from eisen_deploy.packaging.statement import make_bundle, make_statement, read_bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["SignatureReport", "make_keys", "sign", "unpack_verified", "verified", "verify"]


@dataclass(frozen=True)
class SignatureReport:
    """A signature that is right.

    Args:
        name: Of the model, as signed.
        fingerprint: Of the key, SHA-256.
        n_members: How many members it covers: all but itself.
    """

    name: str
    fingerprint: str
    n_members: int


def sign(
    path: str | os.PathLike[str],
    key: str | os.PathLike[str],
    passphrase: Passphrase = None,
    limits: Limits | None = None,
) -> SignatureReport:
    """Sign an archive: its member ``MAR-INF/model.sig`` is added, or replaced; all others stay byte by byte.

    The same archive and key always give the same bytes.

    Args:
        path: The archive; it is replaced in one step.
        key: The private key.
        passphrase: Of the key, or what asks for it; the environment variable EISEN_KEY_PASSPHRASE comes before asking.
        limits: How much the archive may hold.

    Raises:
        MissingFileError: If archive or key are not there.
        CorruptFileError: If the archive is refused, or the key is none.
        ArgumentError: If the passphrase is missing or wrong.
        ArtifactError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> folder = Path(tempfile.mkdtemp())
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(folder / "small.mar", {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> keys = make_keys(folder / "clinic")
        >>> sign(folder / "small.mar", keys.private) == verify(folder / "small.mar", keys.public)
        True
    """
    secret = private_key(key, passphrase)
    with opened(path, limits) as archive:
        old = archive.members.get(SIGNATURE)
        if old is not None and any(member.start > old.start for member in archive.all_members):
            raise CorruptFileError(
                f"the signature of {Path(path).name} is not its last member, so that it cannot be replaced",
                file=str(path),
                to_do="pack it again",
            )
        digests = {name: digest for name, digest in archive.digests().items() if name != SIGNATURE}
        name = str(archive.manifest["model"]["modelName"])
    bundle = make_bundle(make_statement(name, digests), secret)
    with staged(Path(path).resolve()) as new:
        shutil.copyfile(path, new)
        _put(new, bundle)
        checked(new, limits)
    return SignatureReport(name, fingerprint(secret.public_key()), len(digests))


def verify(path: str | os.PathLike[str], key: str | os.PathLike[str], limits: Limits | None = None) -> SignatureReport:
    """Find out whether an archive is exactly what was signed with a key: no member more, less, changed or renamed.

    Args:
        path: The archive.
        key: The public key.
        limits: How much the archive may hold.

    Raises:
        MissingFileError: If archive or key are not there.
        CorruptFileError: If the archive is refused, not signed, signed with another key, or differs from what was
            signed.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> place = Path(tempfile.mkdtemp())
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(place / "small.mar", {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> keys = make_keys(place / "clinic")
        >>> verify(place / "small.mar", keys.public)
        Traceback (most recent call last):
        ...
        eisen._core.errors.CorruptFileError: small.mar is not signed
        ...
    """
    public = public_key(key)
    with opened(path, limits) as archive:
        return verified(archive, archive.digests(), public, Path(path).name)


def unpack_verified(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    key: str | os.PathLike[str],
    limits: Limits | None = None,
) -> SignatureReport:
    """Unpack an archive if what was unpacked is exactly what was signed with a key; otherwise nothing is left.

    The bytes that were written are the bytes that were verified: between `verify` and `unpack` somebody could exchange
    the archive.

    Args:
        path: The archive.
        folder: The folder to make.
        key: The public key.
        limits: How much the archive may hold.

    Raises:
        CorruptFileError: As in `verify`.
        ArtifactError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> place = Path(tempfile.mkdtemp())
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(place / "small.mar", {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> keys = make_keys(place / "clinic")
        >>> _ = sign(place / "small.mar", keys.private)
        >>> unpack_verified(place / "small.mar", place / "small", keys.public).n_members
        3
    """
    public, reports = public_key(key), []

    def check(archive: Archive, digests: Mapping[str, str]) -> None:
        reports.append(verified(archive, digests, public, Path(path).name))

    unpack(path, folder, limits, check=check)
    return reports[0]


def verified(archive: Archive, digests: Mapping[str, str], key: Ed25519PublicKey, called: str) -> SignatureReport:
    """Compare the members of an open archive with its signature.

    Args:
        archive: The archive.
        digests: The SHA-256 of each member, by name.
        key: The public key.
        called: The name of the archive, for errors.

    Raises:
        CorruptFileError: If it is not signed, signed with another key, or differs from what was signed.
    """
    if SIGNATURE not in archive.members:
        raise CorruptFileError(
            f"{called} is not signed", expected=f"a member {SIGNATURE}", to_do="sign it with eisen pack --sign"
        )
    name, expected = read_bundle(archive.read(SIGNATURE), key)
    found = {member: digest for member, digest in digests.items() if member != SIGNATURE}
    problems = differences(expected, found)
    if name != archive.manifest["model"]["modelName"]:
        problems.append(f"the model was signed as {name!r:.80}")
    if problems:
        raise CorruptFileError(
            f"{called} is not what was signed: {in_short(problems)}",
            expected="exactly the members that were signed",
            to_do="do not use it; get the archive again from whoever made it",
        )
    return SignatureReport(name, fingerprint(key), len(found))


def _put(path: Path, bundle: bytes) -> None:
    """Put the signature behind the last member, where an older one may be."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        if SIGNATURE in archive.NameToInfo:
            old = archive.NameToInfo.pop(SIGNATURE)
            archive.filelist.remove(old)
            archive.start_dir = old.header_offset
        add_member(archive, SIGNATURE, bundle)
