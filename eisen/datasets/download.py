"""Fetching a file over the network: what is interrupted goes on where it stopped, what is damaged is thrown away."""

from __future__ import annotations

import hashlib
import http.client
import logging
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError, CorruptFileError, EisenError, MissingFileError

__all__ = ["check_checksum", "fetch"]

_log = logging.getLogger(__name__)

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 60
_ATTEMPTS = 5
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}


def fetch(url: str, target: Path, checksum: str = "") -> Path:
    """Download a file; it appears under its name only when it is complete and its checksum is right.

    Until then it is called ``<name>.part``. When the transfer breaks off it is tried again, and a later call goes on
    where the last one stopped, if the server can do that.

    Args:
        url: Where it is, ``http://`` or ``https://``.
        target: Where it shall be; the folder must exist.
        checksum: Its MD5, SHA-1 or SHA-256 digest in hexadecimal digits; empty: it is not checked.

    Returns:
        The target.

    Raises:
        ArgumentError: If the address or the checksum is not one.
        MissingFileError: If the server does not have it, cannot be reached, or breaks off every time.
        CorruptFileError: If the checksum is wrong; what was downloaded is removed.
        ArtifactError: If it cannot be written.
    """
    if not re.match(r"https?://[^/]", url):
        raise ArgumentError(f"{url!r} is not an address", expected="one that begins with http:// or https://")
    algorithm(checksum)
    part = target.with_name(target.name + ".part")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if _continue(url, part):
                break
        except EisenError:
            raise
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) or attempt == _ATTEMPTS:
                raise _unreachable(url, target, error) from error
        _log.info("%s: interrupted, going on from byte %d", url, _size(part))
    else:
        raise _unreachable(url, target, EOFError("the transfer broke off"))
    try:
        check_checksum(part, checksum)
    except CorruptFileError as error:
        part.unlink()
        error.note(to_do="it has been removed: try again; if it happens again, the publisher has changed the file")
        raise
    part.replace(target)
    return target


def algorithm(checksum: str) -> str:
    """Return the name of the algorithm that makes checksums of this length.

    Raises:
        ArgumentError: If none does.
    """
    if checksum and not (len(checksum) in _ALGORITHMS and re.fullmatch("[0-9a-fA-F]+", checksum)):
        expected = "32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits"
        raise ArgumentError(f"checksum is {checksum!r}", expected=expected)
    return _ALGORITHMS.get(len(checksum), "")


def check_checksum(path: Path, checksum: str) -> None:
    """Refuse a file whose checksum is wrong.

    Args:
        path: The file.
        checksum: What it should be; empty: nothing is checked.

    Raises:
        CorruptFileError: If it is something else.
    """
    if not checksum:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm(checksum)).hexdigest()
    if digest != checksum.lower():
        what = f"{path.name} is damaged: its {algorithm(checksum)} is {digest}"
        raise CorruptFileError(what, expected=f"{algorithm(checksum)} {checksum.lower()}", file=str(path))


def _continue(url: str, part: Path) -> bool:
    """Download what is missing of a file, and tell whether it is complete."""
    start = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310  # http(s) only, see `fetch`
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        complete = error.headers.get("Content-Range", "") == f"bytes */{start}"
        error.close()
        if not complete:
            part.unlink()
        return complete
    with response:
        if not (start and response.status == http.client.PARTIAL_CONTENT and _begins_at(response, start)):
            start = 0
        return _received(response, part, start)


def _received(response: Any, part: Path, start: int) -> bool:
    """Write what comes after the first `start` bytes of the part, and tell whether it was all that was announced."""
    announced = response.headers.get("Content-Length")
    total = start + int(announced) if announced else 0
    try:
        file = part.open("ab" if start else "wb")
    except OSError as error:
        raise artifact_error(error, part) from error
    with file:
        done = start
        shown = -1
        while block := response.read(_BLOCK):
            _write(file, block, part)
            done += len(block)
            if total and 10 * done // total > shown:
                shown = 10 * done // total
                _log.info("%s: %d of %d MB", part.name, done >> 20, total >> 20)
    return not total or done == total


def _write(file: IO[bytes], block: bytes, part: Path) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise artifact_error(error, part) from error


def _begins_at(response: Any, start: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unreachable(url: str, target: Path, error: BaseException) -> MissingFileError:
    if isinstance(error, urllib.error.HTTPError):
        what, to_do = f"the server answers {error.code} {error.reason}", "check the address"
        error.close()
    else:
        reason = getattr(error, "reason", error)
        what = f"{reason or type(error).__name__}"
        to_do = "check the network (and the proxy) and run again: what has arrived is kept"
    return MissingFileError(
        f"{url} could not be downloaded: {what}",
        expected="a connection to that server",
        to_do=f"{to_do}; or download it on another machine and put it at {target}",
        file=str(target),
    )
