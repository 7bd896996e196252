"""Putting archives where TorchServe finds them, after a look at what is in them."""

from __future__ import annotations

import importlib.machinery
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen._core.optional import require
from eisen_deploy.packaging.contents import HANDLER_TEXT
from eisen_deploy.packaging.layout import HANDLER, PACKAGE, SERVER_CONFIG
from eisen_deploy.packaging.members import opened

if TYPE_CHECKING:
    from eisen_deploy.packaging.members import Archive

__all__ = ["Staged", "stage"]

_CODE = tuple(importlib.machinery.all_suffixes())
_TUNED = {"minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout"}
_TUNED |= {"maxRetryTimeoutInSec", "jobQueueSize"}


@dataclass(frozen=True)
class Staged:
    """A model in the store of a server.

    Args:
        name: As in its address.
        version: As in its address.
        file: Its archive in the store.

    Example:
        >>> Staged("liver", "1.0", "liver-0.mar").argument
        'liver=liver-0.mar'
    """

    name: str
    version: str
    file: str

    @property
    def argument(self) -> str:
        """What ``torchserve --models`` gets for it."""
        return f"{self.name}={self.file}"


def stage(archives: Sequence[Path], store: Path, public_key: Path | None = None) -> list[Staged]:
    """Copy archives into the store of a server, and check the copies, which nobody exchanges afterwards.

    Args:
        archives: The files.
        store: An empty folder.
        public_key: The key that they must be signed with; None: they need no signature.

    Raises:
        ArgumentError: If there are none, two with one name and version, or a safe package with code in it.
        CorruptFileError: If one is refused.
    """
    if not archives:
        raise ArgumentError("there is nothing to serve", expected="at least one archive (.mar)")
    staged: list[Staged] = []
    for number, archive in enumerate(archives):
        model = _staged(archive, store / f"{number}.mar", public_key)
        if any((other.name, other.version) == (model.name, model.version) for other in staged):
            raise ArgumentError(
                f"two archives have model {model.name}, version {model.version}",
                to_do="serve one, or pack it with another version",
            )
        staged.append(model)
    return staged


def _staged(source: Path, copy: Path, public_key: Path | None) -> Staged:
    try:
        shutil.copyfile(source, copy)
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {source}", file=str(source), to_do="check the name") from error
    except OSError as error:
        raise artifact_error(error, copy) from error
    try:
        with opened(copy) as archive:
            model = archive.manifest["model"]
            if PACKAGE in archive.members:
                _refuse_code(archive)
        if public_key is not None:
            _verify(copy, public_key)
    except CorruptFileError as error:
        error.card.what = error.card.what.replace(copy.name, source.name)
        error.card.file = str(source)
        raise
    return Staged(model["modelName"], str(model.get("modelVersion", "1.0")), copy.name)


def _verify(copy: Path, public_key: Path) -> None:
    from eisen_deploy.packaging.signing import verify

    verify(copy, public_key)


def _refuse_code(archive: Archive) -> None:
    """A package without pickles promises that it is no code, and TorchServe would import whatever is in it."""
    for name in archive.members:
        if name.endswith(_CODE) and (name != HANDLER or archive.read(name) != HANDLER_TEXT.encode()):
            raise ArgumentError(
                f"{name} of the package is code that is not eisen's",
                expected=f"a package that eisen pack made with this version: no code but {HANDLER}",
                to_do="pack it again, or use the embedded server, which runs no code of a package",
            )
    for key, value in _tuning(archive).items():
        if key not in _TUNED or not isinstance(value, int):
            raise ArgumentError(
                f"{SERVER_CONFIG} of the package says {key}: {str(value)[:60]}",
                expected=f"whole numbers for {', '.join(sorted(_TUNED))}",
                to_do="pack it again with eisen pack, or use the embedded server",
            )


def _tuning(archive: Archive) -> dict[str, Any]:
    member = archive.manifest["model"].get("configFile")
    if member is None:
        return {}
    yaml = require("yaml", "deploy", "TorchServe")
    try:
        value = yaml.safe_load(archive.read(member))
    except (yaml.YAMLError, ValueError) as error:
        raise CorruptFileError(f"{member} of the package is no YAML: {error}") from error
    return value if isinstance(value, dict) else {}
