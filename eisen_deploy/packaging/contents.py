"""The small members of a package: what TorchServe reads, and what clients are told."""

from __future__ import annotations

import json
from typing import Any

from eisen_deploy.packaging.layout import HANDLER, SERVER_CONFIG, ModelInput, Package
from eisen_deploy.packaging.metadata import create_metadata

__all__ = ["HANDLER_TEXT", "SERVER_CONFIG_TEXT", "manifest_of", "metadata_of", "metadata_text"]

HANDLER_TEXT = '''"""The handler is that of the installed eisen_deploy; no code of this archive is run."""

from eisen_deploy.serving.handlers import EisenServingHandler, handle

__all__ = ["EisenServingHandler", "handle"]
'''

SERVER_CONFIG_TEXT = """# Of TorchServe; what is said at registration or in config.properties comes before it.
minWorkers: 1
maxWorkers: 1
# Seconds that a prediction may take before its worker is taken for dead.
responseTimeout: 600
# Seconds that loading the model and replaying its golden cases may take.
startupTimeout: 600
# Seconds that a worker which cannot start is tried again; only then /ping says that something is wrong.
maxRetryTimeoutInSec: 20
"""

_MADE = "1980-01-01T00:00:00"
"""Not when it was made: equal runs make equal packages."""


def manifest_of(package: Package) -> dict[str, Any]:
    """Return what ``MAR-INF/MANIFEST.json`` says.

    Example:
        >>> package = Package("liver", "1.0", "labels", [ModelInput("image")], ["weights/0.safetensors"])
        >>> manifest_of(package)["model"]["handler"]
        'handlers.py'
    """
    model = {
        "modelName": package.name,
        "modelVersion": package.model_version,
        "handler": HANDLER,
        "configFile": SERVER_CONFIG,
    }
    return {"createdOn": _MADE, "runtime": "python", "model": model, "archiverVersion": "eisen-1"}


def metadata_of(package: Package, n_channels: int) -> dict[str, Any]:
    """Return what the model says about itself when it is asked with an empty body.

    Args:
        package: What ``package.json`` says.
        n_channels: How many numbers the model says per voxel, or per case.

    Example:
        >>> package = Package("liver", "1.0", "labels", [ModelInput("image")], ["weights/0.safetensors"])
        >>> [each["name"] for each in metadata_of(package, 2)["inputs"]]
        ['image', 'image_affine']
    """
    inputs = [part for each in package.inputs for part in _declared(each)]
    outputs = [*_outputs(package, n_channels), ("warnings", "list", -1)]
    names = [each.field for each in package.inputs]
    (in_names, in_types, in_shapes), (out_names, out_types, out_shapes) = map(_columns, (inputs, outputs))
    return create_metadata(
        in_names,
        in_types,
        in_shapes,
        out_names,
        out_types,
        out_shapes,
        names,
        [outputs[0][0]],
        _custom(package),
    )


def metadata_text(metadata: dict[str, Any]) -> bytes:
    """Return the content of ``metadata.json``."""
    return (json.dumps(metadata, indent=2, ensure_ascii=False) + "\n").encode()


def _declared(each: ModelInput) -> list[tuple[str, str, Any]]:
    if each.spatial_axes == 3:
        return [(each.field, "ndarray", [-1, -1, -1]), (f"{each.field}_affine", "ndarray", [4, 4])]
    return [(each.field, "ndarray", [each.channels, -1, -1] if each.channels > 1 else [-1, -1])]


def _outputs(package: Package, n_channels: int) -> list[tuple[str, str, Any]]:
    axes = [-1] * package.inputs[0].spatial_axes
    if package.kind == "labels":
        return [("labels", "ndarray", axes)]
    if package.kind == "image":
        return [("image", "ndarray", [n_channels, *axes] if n_channels > 1 else axes)]
    if package.kind == "classes":
        return [("probabilities", "ndarray", [n_channels]), ("classes", "list", -1)]
    return [("values", "ndarray", [n_channels])]


def _columns(rows: list[tuple[str, str, Any]]) -> tuple[list[str], list[str], list[Any]]:
    return [name for name, _, _ in rows], [kind for _, kind, _ in rows], [shape for _, _, shape in rows]


def _custom(package: Package) -> dict[str, Any]:
    found: dict[str, Any] = {
        "package": package.kind,
        "name": package.name,
        "version": package.model_version,
        "gate": package.gate,
    }
    if package.labels:
        found["labels"] = [vars(label) for label in package.labels]
    if any(each.spatial_axes == 3 for each in package.inputs):
        found["units"] = "mm"
        found["axes"] = "voxel index to right, anterior, superior (RAS+)"
    return found
