"""What a user wants of a package, checked before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eisen._core.errors import ArgumentError, ArtifactError, MissingFileError

__all__ = ["PackWishes", "name_for"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]{0,99}")
_GATES = ("off", "warn", "refuse")


@dataclass(frozen=True)
class PackWishes:
    """What a user wants of a package.

    Args:
        name: Of the model, as in its address; empty: that of the file.
        version: Of the model.
        models: Weights instead of those of the run; several, or one ``ensemble.json``, predict together.
        config: A configuration of the same model instead of that of the run.
        data_dir: Folder of the data; None: where it was at the training.
        evaluation: Folder of results of `eisen evaluate`; None: those in the artifact folder.
        tta: Test-time augmentation; None: none.
        gate: What happens to images unlike those of the training: ``"off"``, ``"warn"`` or ``"refuse"``.
        golden: How many golden cases to draw.
        golden_cases: Real ones: ``FILE``, or ``FIELD=FILE,FIELD=FILE``. They travel with the package.
        graph: Whether to export the networks as ONNX.
        intended_use: What the model is for.
        limits: What it is not for.
        licences: Files to put into ``LICENSES``.
        sign: Private key to sign with.
        overwrite: Whether an older file may be replaced.

    Raises:
        ArgumentError: If one of them cannot be.

    Example:
        >>> PackWishes(name="liver").version
        '1.0'
        >>> PackWishes(name="../liver")
        Traceback (most recent call last):
        eisen._core.errors.ArgumentError: the name of the model is '../liver'...
    """

    name: str = ""
    version: str = "1.0"
    models: Sequence[str | Path] = ()
    config: str | Path | None = None
    data_dir: str | Path | None = None
    evaluation: str | Path | None = None
    tta: str | None = None
    gate: Literal["off", "warn", "refuse"] = "warn"
    golden: int = 2
    golden_cases: Sequence[str] = ()
    graph: bool = True
    intended_use: str = ""
    limits: str = ""
    licences: Sequence[str | Path] = ()
    sign: str | Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.name and not _NAME.fullmatch(self.name):
            raise ArgumentError(
                f"the name of the model is {self.name!r}", expected="letters, digits, '_', '-' and '.', at most 100"
            )
        if not _NAME.fullmatch(self.version):
            raise ArgumentError(f"the version of the model is {self.version!r}", expected="e.g. 1.0")
        if self.gate not in _GATES:
            raise ArgumentError(f"gate is {self.gate!r}", expected=f"one of {', '.join(_GATES)}")
        if not 0 <= self.golden <= 16:
            raise ArgumentError(f"golden is {self.golden}", expected="0 to 16 cases: each is replayed at every start")
        if self.tta is not None:
            from eisen.ops.views import checked_views

            checked_views(self.tta)

    def demand_room(self, path: Path) -> None:
        """Make sure that the file may be written, before minutes of work.

        Raises:
            ArtifactError: If it is there already, or its folder is not.
            MissingFileError: If the key is not there.
        """
        if path.exists() and (path.is_dir() or not self.overwrite):
            to_do = "choose another name" if path.is_dir() else "choose another name, or replace it with --overwrite"
            raise ArtifactError(f"{path} is there already", file=str(path), to_do=to_do)
        if not path.parent.is_dir():
            raise ArtifactError(
                f"there is no folder {path.parent}", file=str(path), to_do="make the folder first, or correct the path"
            )
        if self.sign is not None and not Path(self.sign).is_file():
            raise MissingFileError(f"there is no key {self.sign}", file=str(self.sign), to_do="correct --sign")


def name_for(path: Path) -> str:
    """Return a name for the model of a file.

    Example:
        >>> name_for(Path("my models/hippo campus.mar"))
        'hippo_campus'
    """
    return re.sub(r"[^A-Za-z0-9_\-.]", "_", path.stem).lstrip("_-.")[:100] or "model"
