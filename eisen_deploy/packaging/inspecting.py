"""What is in an archive, for people who have to decide whether to trust it; nothing in it is executed or unpickled."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from eisen._core.digest import file_digest, text_digest
from eisen._core.errors import CorruptFileError
from eisen_deploy.packaging.contents import HANDLER_TEXT
from eisen_deploy.packaging.digests import check_digests
from eisen_deploy.packaging.findings import Inspection, MemberFacts, State
from eisen_deploy.packaging.layout import CARD, DIGESTS, HANDLER, METADATA, PACKAGE, SIGNATURE, Package
from eisen_deploy.packaging.manifest import strict_json
from eisen_deploy.packaging.members import Limits, Member
from eisen_deploy.packaging.pickles import PickleFacts, pickle_facts
from eisen_deploy.packaging.reading import Archive, opened
from eisen_deploy.packaging.signing import verified
from eisen_deploy.packaging.statement import key_hint

__all__ = ["inspect_archive"]

_CODE = re.compile(
    r".*\.(bat|cmd|dll|dylib|exe|ipynb|jar|js|pt2|ptl|py|pyc|pyd|pyx|sh|so|torchscript)", re.IGNORECASE | re.DOTALL
)
_LARGEST_TEXT = 4 << 20
_ADAPTER = TypeAdapter(Package)


def inspect_archive(
    path: str | os.PathLike[str], key: str | os.PathLike[str] | None = None, limits: Limits | None = None
) -> Inspection:
    """Look into an archive without executing, importing or unpickling anything of it.

    Args:
        path: The archive, of anybody.
        key: Public key to verify its signature with; None: it is not verified.
        limits: How much the archive may hold.

    Raises:
        MissingFileError: If archive or key are not there.
        CorruptFileError: If the archive is refused, or the key is none. Digests and a signature that are wrong are no
            errors here, see `Inspection.is_right`.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> path = Path(tempfile.mkdtemp()) / "small.mar"
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "mine.py"}
        >>> write_archive(path, {"mine.py": b"import os"}, manifest={"runtime": "python", "model": model})
        >>> found = inspect_archive(path)
        >>> found.kind, found.code, found.digests.state, found.signature.state
        ('code', ['mine.py'], 'right', 'absent')
    """
    from eisen_deploy.packaging.keys import public_key

    public = None if key is None else public_key(key)
    with opened(path, limits) as archive:
        sums = archive.digests()
        check = None if public is None else partial(verified, archive, sums, public, Path(path).name)
        return _found(archive, Path(path), sums, check)


def _found(archive: Archive, path: Path, sums: Mapping[str, str], check: Callable[[], object] | None) -> Inspection:
    notes: list[str] = []
    package = _package(archive, notes)
    pickles = dict(_pickles(archive))
    code = [name for name in archive.members if _is_code(name) and not _is_ours(name, sums[name])]
    model = archive.manifest["model"]
    return Inspection(
        file=path,
        kind="pickles" if pickles else "safe" if package is not None and not code else "code",
        name=str(model["modelName"]),
        version=str(model.get("modelVersion", "")),
        members=[MemberFacts(m.name, m.size, m.packed, sums[m.name]) for m in archive.members.values()],
        digests=_digests(archive, sums, path),
        signature=_signature(archive, check),
        package=package,
        metadata=_metadata(archive, notes),
        pickles=pickles,
        code=code,
        requirements=str(model.get("requirementsFile", "")),
        card=_text(archive, CARD),
        notes=notes,
    )


def _is_code(name: str) -> bool:
    return _CODE.fullmatch(name) is not None


def _is_ours(name: str, sha256: str) -> bool:
    """Tell whether a member is one of the two handlers of this version of eisen."""
    full = Path(__file__).resolve().parents[1] / "serving" / HANDLER
    return name == HANDLER and sha256 in (text_digest(HANDLER_TEXT), file_digest(full))


def _digests(archive: Archive, sums: Mapping[str, str], path: Path) -> State:
    if DIGESTS not in archive.members:
        return State("absent")
    try:
        check_digests(archive.read(DIGESTS), sums, path)
    except CorruptFileError as error:
        return State("wrong", error.card.what)
    return State("right")


def _signature(archive: Archive, check: Callable[[], object] | None) -> State:
    if check is None:
        there = SIGNATURE in archive.members
        return State("unchecked", key_hint(archive.read(SIGNATURE))) if there else State("absent")
    try:
        check()
    except CorruptFileError as error:
        return State("wrong", error.card.what)
    return State("right", key_hint(archive.read(SIGNATURE)))


def _package(archive: Archive, notes: list[str]) -> Package | None:
    if PACKAGE not in archive.members:
        return None
    try:
        package = _ADAPTER.validate_python(strict_json(archive.read(PACKAGE)))
    except (ValidationError, ValueError) as error:
        notes.append(f"{PACKAGE} is not that of a package: {str(error).splitlines()[0]}")
        return None
    told = archive.manifest["model"]
    if (package.name, package.model_version) != (told["modelName"], told.get("modelVersion")):
        notes.append(f"{PACKAGE} calls the model {package.name} {package.model_version}, the manifest does not")
    named = [*package.weights, *package.graphs]
    named += [name for golden in package.golden for name in (*golden.inputs.values(), golden.output)]
    notes += [f"{PACKAGE} names {name}, which is not there" for name in named if name not in archive.members]
    return package


def _metadata(archive: Archive, notes: list[str]) -> dict[str, Any]:
    if METADATA not in archive.members:
        return {}
    try:
        found = strict_json(archive.read(METADATA))
    except ValueError as error:
        notes.append(f"{METADATA} is not JSON: {error}")
        return {}
    return found if isinstance(found, dict) else {}


def _text(archive: Archive, name: str) -> str:
    if name not in archive.members:
        return ""
    return archive.read(name, _LARGEST_TEXT).decode("utf-8", "replace")


def _pickles(archive: Archive) -> Iterator[tuple[str, PickleFacts]]:
    for name, member in archive.members.items():
        with _content(archive, member) as file:
            if (facts := pickle_facts(name, file)) is not None:
                yield name, facts


@contextmanager
def _content(archive: Archive, member: Member) -> Iterator[IO[bytes]]:
    """Yield the content of a member as a file; of a large one that is stored, the archive itself is read."""
    if not member.is_deflated:
        with io.BufferedReader(archive.window(member)) as window:
            yield window
        return
    with tempfile.SpooledTemporaryFile(_LARGEST_TEXT) as file:
        for chunk in archive.chunks(member):
            file.write(chunk)
        file.seek(0)
        yield file
