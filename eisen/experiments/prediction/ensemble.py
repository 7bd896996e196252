"""Ensembles: which models predict together, and the file that says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.digest import text_digest
from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen.config import Experiment

if TYPE_CHECKING:
    import torch

    from eisen.utils import EisenModuleWrapper

__all__ = ["Ensemble", "load_members", "read_ensemble", "weights_digest"]

_FORMAT, _VERSION = "eisen-ensemble", 1


@dataclass(frozen=True)
class Ensemble:
    """Models that predict together.

    Args:
        members: Their files of weights.
        temperature: What the logits of their mean are divided by; None: nothing.
        source: The file that named them; empty when they were named one by one.
    """

    members: tuple[Path, ...]
    temperature: float | None = None
    source: str = ""

    @classmethod
    def of(cls, files: Sequence[str | Path]) -> Ensemble:
        """Return the ensemble that files name: weights, or the members of one ``ensemble.json``.

        Raises:
            ArgumentError: If an ensemble file stands beside other files, or a file is named twice.
            MissingFileError: If a file is not there.
            CorruptFileError: If the ensemble file is none.
        """
        paths = [Path(file) for file in files]
        lists = [path for path in paths if path.suffix.lower() == ".json"]
        if lists and len(paths) > 1:
            raise ArgumentError(
                f"{lists[0]} is a list of models and stands beside other models",
                expected="either one ensemble file, or one or more files of weights",
            )
        found = read_ensemble(lists[0]) if lists else cls(tuple(paths))
        twice = [path for number, path in enumerate(found.members) if path in found.members[:number]]
        if twice:
            raise ArgumentError(f"the model {twice[0]} is named twice", expected="every model once")
        for path in found.members if len(found.members) > 1 or lists else ():
            _demand_file(path, found)
        return found


def read_ensemble(path: str | Path) -> Ensemble:
    """Read an ensemble file: JSON with ``format``, ``version``, ``members`` (relative to the file), ``temperature``.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it is not an ensemble file.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "ensemble.json"
        >>> content = {"format": "eisen-ensemble", "version": 1, "members": ["a.pt", "b.pt"], "temperature": 1.5}
        >>> _ = file.write_text(json.dumps(content))
        >>> [member.name for member in read_ensemble(file).members], read_ensemble(file).temperature
        (['a.pt', 'b.pt'], 1.5)
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"there is no ensemble {path}", file=str(path), to_do="correct the path after --model")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise _no_ensemble(path, f"it cannot be read: {error}") from error
    problem = _problem(content)
    if problem:
        raise _no_ensemble(path, problem)
    members = tuple(path.parent / name for name in content["members"])
    temperature = content.get("temperature")
    return Ensemble(members, None if temperature is None else float(temperature), str(path))


def load_members(experiment: Experiment, ensemble: Ensemble) -> list[EisenModuleWrapper]:
    """Build the model of a configuration once per member, with the weights of each.

    Raises:
        TrainingError: If weights are of another model; the card names the file.
    """
    from eisen.experiments.parts import build_model
    from eisen.experiments.weights import load_into

    models = []
    for path in ensemble.members:
        model = build_model(experiment)
        load_into(model, path)
        models.append(model)
    return models


def weights_digest(members: Sequence[torch.nn.Module]) -> str:
    """Return the SHA-256 of the weights of models; neither the order of the models nor their files matter.

    Example:
        >>> import torch
        >>> one, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        >>> weights_digest([one, other]) == weights_digest([other, one]) != weights_digest([one])
        True
    """
    digests = sorted(_digest_of(member) for member in members)
    return digests[0] if len(digests) == 1 else text_digest("".join(digests))


def _digest_of(member: torch.nn.Module) -> str:
    from eisen.experiments.weights import bare_module

    found = hashlib.sha256()
    for name, value in sorted(bare_module(member).state_dict().items()):
        tensor = value.detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        found.update(tensor.reshape(-1).view(dtype=_bytes_type()).numpy().tobytes())
    return found.hexdigest()


def _bytes_type() -> torch.dtype:
    import torch

    return torch.uint8


def _problem(content: Any) -> str:
    """Return what is wrong with the content of an ensemble file, or nothing."""
    if not isinstance(content, Mapping) or content.get("format") != _FORMAT:
        return f"its format is not '{_FORMAT}'"
    if content.get("version") != _VERSION:
        return f"its version is {content.get('version')!r}, this eisen reads {_VERSION}"
    members, temperature = content.get("members"), content.get("temperature")
    if not isinstance(members, list) or not members or not all(isinstance(name, str) and name for name in members):
        return "'members' is not a list of files"
    is_number = isinstance(temperature, (int, float)) and not isinstance(temperature, bool)
    if temperature is not None and not (is_number and 0 < temperature < float("inf")):
        return f"'temperature' is {temperature!r}, not null or a number above 0"
    return ""


def _no_ensemble(path: Path, why: str) -> CorruptFileError:
    return CorruptFileError(
        f"{path} is no ensemble: {why}",
        expected='{"format": "eisen-ensemble", "version": 1, "members": ["fold-0/models/best.pt", ...]}',
        to_do="use the file that eisen crossval wrote, or name the models one by one with --model",
        file=str(path),
    )


def _demand_file(path: Path, ensemble: Ensemble) -> None:
    if not path.is_file():
        where = f" of the ensemble {ensemble.source}" if ensemble.source else ""
        raise MissingFileError(
            f"there is no model {path}{where}",
            expected=f"all {len(ensemble.members)} members",
            to_do="bring the file back, or take it out of the list" if where else "correct the path after --model",
            file=str(path),
        )
