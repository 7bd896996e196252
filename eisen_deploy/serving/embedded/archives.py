"""From unpacked archives to what the workers are told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from eisen._core.errors import ArgumentError, CorruptFileError
from eisen_deploy.packaging.layout import MANIFEST
from eisen_deploy.serving.embedded.crew import Model
from eisen_deploy.serving.embedded.process import WorkerPlan
from eisen_deploy.serving.settings import ServerSettings

__all__ = ["models_in", "name_and_version"]


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
