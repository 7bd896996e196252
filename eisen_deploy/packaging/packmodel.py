"""Packages of the original kind: a model and transforms that are any Python objects, as pickles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.layout import HANDLER, METADATA
from eisen_deploy.packaging.manifest import BUILT_IN
from eisen_deploy.packaging.own_files import members_of
from eisen_deploy.packaging.pickling import dilled, save_model
from eisen_deploy.packaging.refusing import refused
from eisen_deploy.serving.pickled import MODEL, POST_PROCESSING, PRE_PROCESSING
from eisen_deploy.serving.unpickling import PYTHON, TRUST, is_declaration, python_version

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EISEN_SERVING_HANDLER_PATH", "ArgClass", "EisenServingMAR"]

EISEN_SERVING_HANDLER_PATH = str(Path(__file__).resolve().parents[1] / "serving" / HANDLER)
"""The handler that goes into packages: the file of `eisen_deploy.serving.handlers`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")


@dataclass
class ArgClass:
    """What the command line of torch-model-archiver would be told to make the same archive.

    Args:
        serialized_file: The model.
        handler: File or name of the handler.
        extra_files: Names of more files, with commas between them.
        export_path: Folder of the archive.
        model_name: Name of the model.
        model_version: Version of the model.

    Example:
        >>> ArgClass("model.pt", "handlers.py", "metadata.json", "model_zoo", "liver", "1.0").archive_format
        'default'
    """

    serialized_file: str | None
    handler: str
    extra_files: str | None
    export_path: str
    model_name: str = "model"
    model_version: str | None = None
    runtime: str = "python"
    archive_format: str = "default"
    model_file: str | None = None
    source_vocab: str | None = None
    force: bool = False
    requirements_file: str | None = None
    config_file: str | None = None

    @property
    def version(self) -> str | None:
        """The version of the model, as the archiver calls it."""
        return self.model_version


class EisenServingMAR:
    """Packs a model with the transforms before and behind it, for TorchServe and `eisen serve`.

    Transforms and model go in as pickles (dill), so they can be any Python objects. Loading a pickle runs code, so
    serve only packages of people you trust: ``trust_pickle`` in the metadata says that a package has to be loaded so.
    Classes of installed packages are looked up where it is served; classes and functions of your script travel along,
    and only the Python that made them can load them. `eisen pack` makes packages without pickles.

    Args:
        pre_processing: Called with a dict of the declared inputs; returns one that has what the model takes.
        post_processing: Called with a dict of inputs and outputs of the model; returns one that has the declared
            outputs.
        meta_data: What `create_metadata` makes, or any dict that JSON knows with ``inputs`` and ``outputs``.
        handler: None for that of eisen; else a Python file, or the name of one that comes with TorchServe. Those may
            ignore the transforms and the metadata.

    Raises:
        ArgumentError: If the metadata cannot be used, there is no such handler, or a transform cannot be pickled.

    Example:
        >>> import tempfile, torch
        >>> from eisen.transforms import FilterFields
        >>> from eisen_deploy.packaging import create_metadata
        >>> metadata = create_metadata(["x"], ["ndarray"], [[-1, 2]], ["y"], ["ndarray"], [[-1, 1]])
        >>> folder = tempfile.mkdtemp()
        >>> mar_creator = EisenServingMAR(FilterFields(["x"]), FilterFields(["y"]), metadata)
        >>> mar_creator.pack(torch.nn.Linear(2, 1), folder, "regression", "1.0")
        >>> os.listdir(folder)
        ['regression.mar']
    """

    def __init__(
        self,
        pre_processing: Callable[[dict[str, Any]], dict[str, Any]],
        post_processing: Callable[[dict[str, Any]], dict[str, Any]],
        meta_data: dict[str, Any],
        handler: str | os.PathLike[str] | None = None,
    ) -> None:
        for name, transform in (("pre_processing", pre_processing), ("post_processing", post_processing)):
            if not callable(transform) or isinstance(transform, type):
                raise ArgumentError(
                    f"EisenServingMAR: {name} is {transform!r}", expected="an object that can be called"
                )
        self.handler = _checked_handler(EISEN_SERVING_HANDLER_PATH if handler is None else os.fspath(handler))
        self._members: dict[str, bytes | Path] = {
            METADATA: _metadata(meta_data, needs_fields=self.handler == EISEN_SERVING_HANDLER_PATH),
            PRE_PROCESSING: dilled(pre_processing, "pre_processing"),
            POST_PROCESSING: dilled(post_processing, "post_processing"),
        }

    def pack(
        self,
        model: nn.Module,
        dst_path: str | os.PathLike[str],
        model_name: str = "model",
        model_version: str = "1.0",
        additional_files: Iterable[str | os.PathLike[str]] | None = None,
    ) -> None:
        """Write the archive ``<dst_path>/<model_name>.mar``: complete, or not at all.

        Args:
            model: The model; it is pickled as a whole.
            dst_path: Folder for the archive; it must exist.
            model_name: Name of the model, and in the address of its predictions: letters, digits, ``_``, ``-``, ``.``;
                ``model`` makes ``model.mar``, as in the documented commands.
            model_version: Version of the model.
            additional_files: More files for the root of the archive; of folders everything that is in them, so that
                packages of yours can be imported where the model is served.

        Raises:
            ArgumentError: If the name cannot be used, there is no such folder, or the archive is there already (it is a
                ``ModelArchiverError`` of torch-model-archiver too); if files are missing or have equal names; or if
                the model cannot be pickled.
            ArtifactError: If the archive cannot be written.
        """
        target = _target(dst_path, model_name)
        with TemporaryDirectory(prefix="eisen-pack-") as folder:
            members = {**self._members, MODEL: save_model(model, Path(folder) / MODEL)}
            name = _add_handler(members, self.handler)
            members_of(additional_files, members)
            entries = {"modelName": model_name, "serializedFile": MODEL, "handler": name}
            manifest = {"runtime": "python", "model": {**entries, "modelVersion": str(model_version)}}
            write_archive(target, members, manifest=manifest)


def _metadata(value: Any, *, needs_fields: bool) -> bytes:
    if not isinstance(value, dict) or value.get(TRUST, True) is not True:
        raise ArgumentError(
            f"EisenServingMAR: meta_data {'forbids to load pickles' if isinstance(value, dict) else 'is no dict'}",
            expected="what create_metadata returns",
            to_do="to make a package without pickles, use eisen pack" if isinstance(value, dict) else "",
        )
    wrong = [side for side in ("inputs", "outputs") if needs_fields and not is_declaration(value.get(side))]
    if wrong:
        raise ArgumentError(
            f"EisenServingMAR: meta_data does not declare its {wrong[0]}",
            expected="a list of {name, type, shape}, see create_metadata",
        )
    try:
        text = json.dumps({**value, TRUST: True, PYTHON: python_version()}, ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(
            f"EisenServingMAR: meta_data cannot be written as JSON: {error}", expected="text, numbers, lists and dicts"
        ) from error


def _checked_handler(handler: str) -> str:
    if handler in BUILT_IN or (handler.endswith(".py") and Path(handler).is_file()):
        return handler
    names = ", ".join(sorted(BUILT_IN))
    raise ArgumentError(
        f"EisenServingMAR: there is no handler {handler!r}", expected=f"a file (.py), or one of {names}"
    )


def _add_handler(members: dict[str, bytes | Path], handler: str) -> str:
    if handler in BUILT_IN:
        return handler
    path = Path(handler)
    members[path.name] = path
    return path.name


def _target(dst_path: str | os.PathLike[str], model_name: str) -> Path:
    folder = Path(dst_path)
    if not isinstance(model_name, str) or not _NAME.fullmatch(model_name):
        raise refused(f"{model_name!r} is no name for a model", expected="letters, digits, '_', '-' and '.'")
    if not folder.is_dir():
        raise refused(f"there is no folder {folder}", to_do="make it, or correct dst_path")
    target = folder / f"{model_name}.mar"
    if target.exists():
        raise refused(f"{target} is there already", to_do="remove it, or choose another name")
    return target
