"""From a training run to a package: ``eisen pack``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from eisen._core.atomic import artifact_error, publish
from eisen._core.errors import EisenError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.contents import manifest_of
from eisen_deploy.packaging.source import open_run
from eisen_deploy.packaging.staging import Staging
from eisen_deploy.packaging.wishes import PackWishes, name_for

__all__ = ["PackReport", "pack_run"]


@dataclass(frozen=True)
class PackReport:
    """What was packed.

    Args:
        path: The package.
        name: Of the model.
        version: Of the model.
        kind: What comes out: ``"labels"``, ``"image"``, ``"classes"`` or ``"values"``.
        inputs: Fields that requests bring.
        n_models: How many models predict together.
        golden: How many golden cases are inside.
        verified: Whether a real case got the same prediction from the package and from the run.
        signed: Fingerprint of the key; empty: it is not signed.
        size: Of the file, in bytes.
        members: Size of each member, by name.
        notes: What should be known, one line each.
    """

    path: Path
    name: str
    version: str
    kind: str
    inputs: list[str]
    n_models: int
    golden: int
    verified: bool
    signed: str
    size: int
    members: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def pack_run(
    artifacts: str | Path, path: str | Path, *, say: Callable[[str], None] | None = None, **wishes: Any
) -> PackReport:
    """Make a package of a training run; it is opened and tried before it gets its name.

    Inside are the weights (safetensors), the configuration from which the library builds the model and everything
    around it, the networks as ONNX, golden cases, a model card, licences and versions. No code, no pickle. The same
    run gives the same bytes.

    Args:
        artifacts: Artifact folder of `eisen train`, or of `eisen crossval`: then all models predict together.
        path: The file to write, usually ``<name>.mar``.
        say: Is told what is being done.
        **wishes: As of `PackWishes`.

    Raises:
        MissingFileError: If there is no run, or no model.
        ArtifactError: If the file is there already or cannot be written.
        ConfigError: If the configuration names classes that are not installed here, or its chain is random.
        TrainingError: If weights are of another model.
        ArgumentError: If the model cannot be served, or a wish cannot be.
        DataError: If images alone cannot go through the chain; the card names the step.
    """
    wanted, target = PackWishes(**wishes), Path(path)
    wanted.demand_room(target)
    run = open_run(artifacts, models=wanted.models, config=wanted.config, data_dir=wanted.data_dir)
    with tempfile.TemporaryDirectory() as folder, _one_thread():
        staging = Staging(run, wanted, wanted.name or name_for(target), Path(folder), say or _silent)
        try:
            staging.fill()
        except OSError as error:
            if isinstance(error, EisenError):
                raise
            raise artifact_error(error, target) from error
        signed = _write(target, staging, wanted)
        return _report(target, staging, signed)


def _write(target: Path, staging: Staging, wanted: PackWishes) -> str:
    """Write the archive beside its place, sign it, and give it its name; return the fingerprint of the key."""
    draft = target.with_name(f".{target.name[:64]}.{os.getpid()}.{token_hex(4)}.part")
    try:
        write_archive(draft, staging.members(), manifest=manifest_of(staging.package))
        signed = _signed(draft, wanted)
        if target.exists() and not wanted.overwrite:
            wanted.demand_room(target)
        publish(draft, target)
    except OSError as error:
        if isinstance(error, EisenError):
            error.card.what = error.card.what.replace(str(draft), str(target))
            error.card.file = str(target)
            raise
        raise artifact_error(error, target) from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return signed


def _signed(draft: Path, wanted: PackWishes) -> str:
    if wanted.sign is None:
        return ""
    from eisen_deploy.packaging.signing import sign

    return sign(draft, wanted.sign).fingerprint


def _report(target: Path, staging: Staging, signed: str) -> PackReport:
    package = staging.package
    members = {
        name: len(content) if isinstance(content, bytes) else content.stat().st_size
        for name, content in staging.members().items()
    }
    return PackReport(
        target,
        package.name,
        package.model_version,
        package.kind,
        [each.field for each in package.inputs],
        len(package.weights),
        len(package.golden),
        staging.verified,
        signed,
        target.stat().st_size,
        members,
        staging.notes,
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: sums over several are rounded in another order, and packages would differ."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _silent(_: str) -> None:
    """Say nothing."""
