"""From unpacked archives to what the workers are told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import ArgumentError, CorruptFileError
from eisen_deploy.packaging.layout import MANIFEST, PACKAGE, package_of
from eisen_deploy.serving.embedded.plan import Model, WorkerPlan
from eisen_deploy.serving.settings import ServerSettings

__all__ = ["Served", "look_at", "models_in", "name_and_version", "unpacked"]

_SAMPLES = {"picture": "image.png", "numpy": "scan.npy", "dicom": "series.zip"}


@dataclass(frozen=True)
class Served:
    """An archive that is going to be served.

    Args:
        archive: The file.
        name: Of the model.
        version: Of the model.
        is_code: Whether loading it runs code of whoever made it.
        inputs: The images a request brings, by name; none: the package takes messages only.
        sample: What a file for it may be called.
        output: What the file with the answer may be called; empty: the answer is text.
        n_golden: How many cases are replayed before it is served.
    """

    archive: Path
    name: str
    version: str
    is_code: bool = False
    inputs: tuple[str, ...] = ()
    sample: str = "scan.nii.gz"
    output: str = ""
    n_golden: int = 0


def look_at(archive: Path, *, trust: bool = False) -> Served:
    """Check an archive and return what it is; nothing in it is run.

    Args:
        archive: The file.
        trust: Whether it may be one whose loading runs code.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is refused.
        ArgumentError: If it is code, and that is not wanted.
    """
    from eisen_deploy.packaging.reading import opened

    with opened(archive) as content:
        model = content.manifest["model"]
        name, version = str(model["modelName"]), str(model.get("modelVersion", "1.0"))
        if PACKAGE not in content.members:
            if not trust:
                raise _untrusted(archive)
            return Served(archive, name, version, is_code=True)
        package = package_of(content.read(PACKAGE), archive, f"{PACKAGE} in {archive.name}")
    first = package.inputs[0]
    sample = _SAMPLES.get(first.given_as, "scan.nii.gz")
    kinds = {"labels": "mask", "image": "image"}
    output = f"{kinds[package.kind]}.{sample.partition('.')[2]}" if package.kind in kinds else ""
    fields = tuple(given.field for given in package.inputs)
    return Served(archive, name, version, False, fields, sample, output.replace("zip", "nii.gz"), len(package.golden))


def unpacked(archive: Path, folder: Path, public_key: Path | None = None) -> Path:
    """Unpack an archive, if all of it is as it was packed, and signed where that is wanted.

    Args:
        archive: The file.
        folder: The folder to make.
        public_key: The key that must have signed it.

    Raises:
        CorruptFileError: If it is refused.
    """
    if public_key is None:
        from eisen_deploy.packaging.members import unpack

        unpack(archive, folder)
    else:
        from eisen_deploy.packaging.signing import unpack_verified

        unpack_verified(archive, folder, public_key)
    return folder


def _untrusted(archive: Path) -> ArgumentError:
    return ArgumentError(
        f"{archive.name} holds pickles or a handler of its own: loading it runs code of whoever made it",
        expected="a package that eisen pack made, which holds no code",
        to_do="if you trust whoever made it, add --trust-pickle",
        file=str(archive),
    )


def name_and_version(folder: Path) -> tuple[str, str]:
    """Return what the manifest of an unpacked archive calls its model.

    Args:
        folder: The unpacked archive.

    Raises:
        CorruptFileError: If there is no such manifest.
    """
    file = folder / MANIFEST
    try:
        model = json.loads(file.read_text(encoding="utf-8"))["model"]
        return str(model["modelName"]), str(model["modelVersion"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(
            f"{MANIFEST} does not name a model and its version",
            expected="what eisen pack or EisenServingMAR write",
            file=str(file),
        ) from error


def models_in(
    folders: Sequence[Path], scratch: Path, settings: ServerSettings, threads: int, service: str = ""
) -> list[Model]:
    """Return what is served.

    Args:
        folders: Unpacked archives.
        scratch: Folder for files of the workers.
        settings: Device and gate.
        threads: Processor threads of a worker.
        service: For tests, what a worker holds instead.

    Raises:
        ArgumentError: If two of them have the same name and version.
    """
    models: dict[tuple[str, str], Model] = {}
    environment = (("EISEN_GATE", settings.gate),) if settings.gate else ()
    for number, folder in enumerate(folders):
        name = name_and_version(folder)
        if name in models:
            raise ArgumentError(f"two archives hold {'/'.join(name)}", expected="one archive per name and version")
        plan = WorkerPlan(folder, scratch / str(number), threads, settings.device, service, environment)
        models[name] = Model(*name, plan)
    return list(models.values())
