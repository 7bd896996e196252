"""What the data of a run tell about its images; or that they are not there any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, EisenError, MissingFileError
from eisen._core.types import Array, DataPoint, Geometry
from eisen.config import Phase
from eisen_deploy.packaging.golden import CaseVoxels
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.packaging.looks import Look, looks_of, opened, usual_look
from eisen_deploy.packaging.samples import RawCases, raw_cases
from eisen_deploy.packaging.source import TrainedRun

__all__ = ["Evidence", "real_case"]

_LOOKED_AT, _FINGERPRINTED = 5, 200
"""Cases that are opened: to draw images like them, and for the input gate."""


class Evidence:
    """Looks at the data of a run.

    Args:
        run: The run.
        phase: The phase whose chain is packed.
        fields: The fields that the chain starts from.
        notes: Takes a line about everything that is not there.
    """

    def __init__(self, run: TrainedRun, phase: Phase, fields: Sequence[str], notes: list[str]) -> None:
        self.run, self.phase, self.fields, self.notes = run, phase, fields, notes

    @cached_property
    def cases(self) -> RawCases | None:
        """The cases of the phase, or of another one where it has none that are there; None: there are none."""
        for phase in (self.phase, *self.run.experiment.phases.values()):
            cases = self._of(phase)
            if cases is not None and set(self.fields) <= set(cases[0]):
                return cases
        return None

    @property
    def first(self) -> DataPoint | None:
        """The first of them, as its data set lists it."""
        return None if self.cases is None else self.cases[0]

    def looks(self, inputs: Sequence[ModelInput]) -> dict[str, Look]:
        """Return what images look like, of the training if it is there.

        Args:
            inputs: The inputs of the package.
        """
        cases = self._training()
        if cases is not None and self.run.data_dir is not None:
            try:
                return looks_of(inputs, list(cases.some(_LOOKED_AT)), self.run.data_dir)
            except (EisenError, OSError, KeyError):
                self.notes.append("the images of the training cannot be read: golden cases are drawn without them")
        windows = self.phase.hyper.sliding_window
        return {each.field: usual_look(each, None if windows is None else windows.window) for each in inputs}

    def fingerprint(self, inputs: Sequence[ModelInput], say: Callable[[str], None]) -> dict[str, Any]:
        """Return what the images of the training are like, for the input gate; nothing if they are not there.

        Args:
            inputs: The inputs of the package.
            say: Is told how many are looked at.
        """
        from eisen_deploy.serving.gate import fingerprint_of

        cases = self._training()
        if cases is None:
            self.notes.append("no fingerprint: the images of the training are not there; every request is answered")
            return {}
        n = min(len(cases), _FINGERPRINTED)
        say(f"looking at {n} images of the training")
        try:
            return {each.field: fingerprint_of(self._voxels(cases, each), each.field) for each in inputs}
        except (EisenError, OSError, KeyError) as error:
            self.notes.append(f"no fingerprint: the images of the training cannot be read ({type(error).__name__})")
            return {}

    def _training(self) -> RawCases | None:
        training = self.run.experiment.phases.get("Training")
        together = len(self.run.records) > 1  # of several folds, all cases count that some model has seen
        found = self._of(training, whole=together) if training is not None else None
        return found if found is not None and set(self.fields) <= set(found[0]) else None

    def _voxels(self, cases: RawCases, wanted: ModelInput) -> Iterator[tuple[Array, Geometry | None]]:
        assert self.run.data_dir is not None
        for case in cases.some(_FINGERPRINTED):
            yield opened(wanted, case, self.run.data_dir)

    def _of(self, phase: Phase, *, whole: bool = False) -> RawCases | None:
        """Return the cases of a phase, if the first of them is there."""
        if self.run.data_dir is None or not phase.datasets:
            return None
        try:
            experiment = replace(self.run.experiment, split=None) if whole else self.run.experiment
            cases = raw_cases(experiment, phase, self.run.data_dir, self.fields)
            return cases if _is_there(cases[0], self.run.data_dir) else None
        except (EisenError, OSError):
            return None


def real_case(inputs: Sequence[ModelInput], text: str) -> CaseVoxels:
    """Return a golden case from files.

    Args:
        inputs: The inputs of the package.
        text: ``FILE`` if there is one input, else ``FIELD=FILE,FIELD=FILE``.

    Raises:
        ArgumentError: If the fields are others.
        MissingFileError: If a file is not there.
        CorruptFileError: If one cannot be read.
    """
    files = _files(inputs, text)
    voxels, affines = {}, {}
    for each in inputs:
        path = Path(files[each.field])
        if not path.exists():
            raise MissingFileError(f"there is no {path}", file=str(path), to_do="correct --golden-case")
        array, geometry = opened(each, {each.field: str(path.resolve())}, Path())
        has_channels = array.ndim > each.spatial_axes
        voxels[each.field] = np.ascontiguousarray(np.moveaxis(array, -1, 0) if has_channels else array)
        if geometry is not None and each.spatial_axes == 3:
            affines[each.field] = [[float(value) for value in row] for row in geometry.affine]
    return CaseVoxels(voxels, affines)


def _files(inputs: Sequence[ModelInput], text: str) -> dict[str, str]:
    fields = [each.field for each in inputs]
    if len(fields) == 1 and not text.startswith(f"{fields[0]}="):
        return {fields[0]: text}
    files = dict(part.partition("=")[::2] for part in text.split(","))
    if set(files) != set(fields):
        raise ArgumentError(f"the golden case is {text!r}", expected=",".join(f"{field}=FILE" for field in fields))
    return files


def _is_there(case: DataPoint, data_dir: Path) -> bool:
    from eisen.io.members import split_member

    names = [value for value in case.values() if isinstance(value, str)]
    return all((data_dir / name).exists() or (data_dir / split_member(name)[0]).exists() for name in names)
