"""Checkpoints: everything a run needs to continue as if it had never stopped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Any, cast

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArtifactError, CorruptFileError, MissingFileError, TrainingError
from eisen.experiments.seal import SealingWriter, check_seal

__all__ = ["load_checkpoint", "load_weights", "previous", "save_checkpoint", "save_state"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint and keep the one before as ``<name>.previous.pt``.

    At every moment one of the two is whole.

    Args:
        path: Where it shall be.
        state: Tensors, numbers, text, and lists and dicts of them.

    Raises:
        ArtifactError: If it cannot be written.
    """
    if path.exists():
        _keep(path)
    save_state(path, state)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors atomically in torch's format, readable with ``weights_only=True``, sealed with a checksum.

    Raises:
        ArtifactError: If it cannot be written.
    """
    import torch

    with atomic_write(path) as file:
        sealing = SealingWriter(file)
        try:
            torch.save(state, cast(IO[bytes], sealing))  # it only writes, and does not look back
            sealing.seal()
        except RuntimeError as error:  # torch's own writer turns a full disk into one
            cause = error.__context__
            if isinstance(cause, OSError):
                raise cause from error
            raise ArtifactError(f"{path} could not be written: {error}", file=str(path)) from error


def load_checkpoint(path: Path) -> tuple[dict[str, Any], Path]:
    """Read a checkpoint, or the one before when it is damaged.

    Returns:
        The state, and the file it came from.

    Raises:
        MissingFileError: If there is none.
        CorruptFileError: If none can be read.
    """
    candidates = [file for file in (path, previous(path)) if file.exists()]
    if not candidates:
        raise MissingFileError(f"there is no checkpoint {path}", file=str(path), to_do="start without --resume")
    for file in candidates:
        try:
            state = load_weights(file)
        except CorruptFileError:
            if file is candidates[-1]:
                raise
            continue
        if "model" not in state or "epoch" not in state:
            raise TrainingError(
                f"{file} is no checkpoint of a run",
                expected="a checkpoint.pt written by eisen train",
                file=str(file),
            )
        return state, file
    raise AssertionError("unreachable")


def load_weights(path: Path) -> dict[str, Any]:
    """Read tensors; nothing in the file is executed.

    Args:
        path: Written by `torch.save`, or ``.safetensors``.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it cannot be decoded.
    """
    if not path.is_file():
        raise MissingFileError(
            f"there is no saved model {path}",
            file=str(path),
            to_do="train first with the same --artifact_dir, or name the file of a model with --model",
        )
    try:
        check_seal(path)
        state = _read(path)
    except CorruptFileError as error:
        raise error.note(to_do=f"use another file, e.g. {previous(path).name} if it is there") from None
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        first_line = str(error).partition("\n")[0]
        raise CorruptFileError(
            f"{path} cannot be read: {first_line}",
            expected="safetensors, or weights written by torch.save without pickled classes",
            to_do=f"use another file, e.g. {previous(path).name} if it is there",
            file=str(path),
        ) from error
    if not isinstance(state, dict):
        raise CorruptFileError(f"{path} holds a {type(state).__name__}, not named weights", file=str(path))
    return state


def _read(path: Path) -> Any:
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def previous(path: Path) -> Path:
    """Return where the checkpoint before this one is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _keep(path: Path) -> None:
    """Give the present checkpoint its second name before a new one takes the first."""
    link = path.with_name(f".{path.name}.link")
    try:
        link.unlink(missing_ok=True)
        try:
            os.link(path, link)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, link)
        link.replace(previous(path))
    except OSError as error:
        raise artifact_error(error, previous(path)) from error
