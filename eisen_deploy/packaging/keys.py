"""Keys to sign packages with: Ed25519, in PEM files that OpenSSL reads as well."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, MissingFileError
from eisen._core.optional import require

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["PASSPHRASE_VARIABLE", "KeyFiles", "fingerprint", "make_keys", "private_key", "public_key"]

PASSPHRASE_VARIABLE = "EISEN_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
"""Environment variable that a passphrase is taken from where nobody can be asked."""

_LARGEST = 1 << 16
_EXPECTED = "an Ed25519 key in a PEM file, as eisen keys makes it"

Passphrase = str | Callable[[], str] | None


@dataclass(frozen=True)
class KeyFiles:
    """A new pair of keys.

    Args:
        private: File to sign with; stays where it is.
        public: File to verify with; for everybody.
        fingerprint: SHA-256 of the public key, by which people compare it.
    """

    private: Path
    public: Path
    fingerprint: str


def make_keys(prefix: str | os.PathLike[str], passphrase: str | None = None) -> KeyFiles:
    """Make a pair of keys: ``PREFIX.key``, which only its owner can read, and ``PREFIX.pub`` for everybody.

    Args:
        prefix: Path without an ending.
        passphrase: Protects the private key; None: whoever has the file can sign.

    Raises:
        ArtifactError: If one of the files is there already, or cannot be written.
        MissingExtraError: If the package cryptography is not installed.

    Example:
        >>> import tempfile
        >>> keys = make_keys(Path(tempfile.mkdtemp()) / "clinic")
        >>> keys.private.name, keys.public.name
        ('clinic.key', 'clinic.pub')
    """
    serialization, ed25519 = _modules()
    if passphrase is not None and not passphrase:
        raise ArgumentError("the passphrase is empty", expected="some characters, or None")
    private, public = (Path(f"{os.fspath(prefix)}.{ending}") for ending in ("key", "pub"))
    for path in (private, public):
        if path.exists() or path.is_symlink():
            raise ArtifactError(
                f"{path} is there already", file=str(path), to_do="choose another name: a key that is replaced is lost"
            )
    key = ed25519.Ed25519PrivateKey.generate()
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    _write_secret(private, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    try:
        with atomic_write(public) as file:
            file.write(_pem(key.public_key()))
    except BaseException:
        private.unlink()
        raise
    return KeyFiles(private, public, fingerprint(key.public_key()))


def private_key(path: str | os.PathLike[str], passphrase: Passphrase = None) -> Ed25519PrivateKey:
    """Read a key to sign with.

    Args:
        path: The file.
        passphrase: Of the key, or what asks for it; the environment variable EISEN_KEY_PASSPHRASE comes before asking.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is not a private key of Ed25519.
        ArgumentError: If its passphrase is missing or wrong.
    """
    serialization, ed25519 = _modules()
    content = _content(path)
    if b"PUBLIC KEY" in content:
        raise _no_key(path, "is the public key; signing needs the private one")
    secret = None
    if b"ENCRYPTED PRIVATE KEY" in content:
        secret = _secret(path, passphrase)
    try:
        key = serialization.load_pem_private_key(content, secret)
    except (ValueError, TypeError, _unsupported()) as error:
        if secret is not None:
            raise ArgumentError(f"{path} cannot be opened: the passphrase is wrong, or the file damaged") from error
        raise _no_key(path, "is no PEM file with a key, or cut off") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _no_key(path, f"is a key of another kind ({type(key).__name__.strip('_')})")
    return cast("Ed25519PrivateKey", key)


def public_key(path: str | os.PathLike[str]) -> Ed25519PublicKey:
    """Read a key to verify with.

    Args:
        path: The file.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is not a public key of Ed25519.
    """
    serialization, ed25519 = _modules()
    content = _content(path)
    if b"PRIVATE KEY" in content:
        raise _no_key(path, "is a private key, which stays with its owner; verifying needs the public one (.pub)")
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, _unsupported()) as error:
        raise _no_key(path, "is no PEM file with a public key, or cut off") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise _no_key(path, f"is a key of another kind ({type(key).__name__.strip('_')})")
    return cast("Ed25519PublicKey", key)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key (its PEM text), as the model-signing layout writes it."""
    return hashlib.sha256(_pem(key)).hexdigest()


def _pem(key: Ed25519PublicKey) -> bytes:
    serialization, _ = _modules()
    return bytes(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def _modules() -> tuple[Any, Any]:
    purpose = "signing packages"
    return (
        require("cryptography.hazmat.primitives.serialization", "deploy", purpose),
        require("cryptography.hazmat.primitives.asymmetric.ed25519", "deploy", purpose),
    )


def _unsupported() -> type[Exception]:
    kind: type[Exception] = require("cryptography.exceptions", "deploy", "signing packages").UnsupportedAlgorithm
    return kind


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no key {path}", file=str(path), to_do="make keys with eisen keys") from error
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    if len(content) > _LARGEST:
        raise _no_key(path, "is too large for a key")
    return content


def _no_key(path: str | os.PathLike[str], what: str) -> CorruptFileError:
    return CorruptFileError(f"{path} {what}", expected=_EXPECTED, file=str(path))


def _secret(path: str | os.PathLike[str], passphrase: Passphrase) -> bytes:
    known = passphrase if isinstance(passphrase, str) else os.environ.get(PASSPHRASE_VARIABLE, "")
    if not known and callable(passphrase):
        known = passphrase()
    if not known:
        raise ArgumentError(
            f"{path} is protected by a passphrase, and none was given",
            to_do=f"set {PASSPHRASE_VARIABLE}, or type it when asked",
        )
    return known.encode()


def _write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read at any moment; one that is there is never touched."""
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise artifact_error(error, path) from error
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise artifact_error(error, path) from error
