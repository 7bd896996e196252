"""Proof that a package says what the run says: one real case, through both."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array, DataPoint
from eisen_deploy.packaging.samples import RawCases
from eisen_deploy.packaging.source import TrainedRun
from eisen_deploy.serving.packaged import PackagedModel

if TYPE_CHECKING:
    from eisen.config import Phase
    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.prediction.verdict import Verdict

__all__ = ["demand_same"]


def demand_same(stage: Path, run: TrainedRun, phase: Phase, committee: Committee, cases: RawCases) -> None:
    """Let the package and the run predict the first case of a phase.

    Args:
        stage: Folder of the package.
        run: The run; its data are there.
        phase: The phase of its configuration, with labels and all.
        committee: Its models, with their temperature.
        cases: The cases of the phase.

    Raises:
        ArgumentError: If the two say different things.
        EisenError: If one of them cannot predict it.
    """
    from eisen.experiments.prediction.single import CasePredictor

    assert run.data_dir is not None, "asked for without data"
    whole: DataPoint = cases.dataset[0]
    with tempfile.TemporaryDirectory() as folder:
        data = {name: _findable(name, value, Path(folder), run.data_dir) for name, value in cases[0].items()}
        mine = PackagedModel(stage, Path(folder), "cpu").predict(data, "first case", _source(data)).verdict
    predictor = CasePredictor(run.experiment, phase, committee, run.data_dir, device="cpu")
    absolute = {name: _absolute(value, run.data_dir) for name, value in cases[0].items()}
    theirs = predictor.predict(whole, "first case", _source(absolute)).verdict
    _compare(mine, theirs)


def _compare(mine: Verdict, theirs: Verdict) -> None:
    one, other = _said(mine), _said(theirs)
    if mine.kind == theirs.kind and one.shape == other.shape and np.array_equal(one, other, equal_nan=True):
        return
    if one.shape != other.shape:
        how = f"{one.shape} instead of {other.shape}"
    else:
        how = f"{100 * float(np.mean(one != other)):.3g} % of the values differ"
    raise ArgumentError(
        f"the package and the run predict the first case differently: {how}",
        expected="equal predictions: only steps that work on labels alone may be left out",
        to_do="add a phase Prediction to the configuration that starts from the images alone; give it with --config",
    )


def _said(verdict: Verdict) -> Array:
    if verdict.kind == "labels":
        return verdict.labels()
    return np.asarray(verdict.channels() if verdict.kind == "image" else verdict.values)


def _source(data: DataPoint) -> str:
    return next((str(value) for value in data.values() if isinstance(value, (str, Path))), "")


def _findable(name: str, value: Any, scratch: Path, data_dir: Path) -> Any:
    """Return a value so that a reader finds it from another folder: absolute names, opened images as files."""
    if hasattr(value, "dataobj"):
        import nibabel

        nibabel.save(value, scratch / f"{name}.nii")
        return f"{name}.nii"
    if hasattr(value, "GetSpacing"):
        import SimpleITK

        SimpleITK.WriteImage(value, str(scratch / f"{name}.mha"))
        return f"{name}.mha"
    if hasattr(value, "getbands"):
        value.save(scratch / f"{name}.png")
        return f"{name}.png"
    return _absolute(value, data_dir)


def _absolute(value: Any, data_dir: Path) -> Any:
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, Path)) for item in value):
        return [str(data_dir.resolve() / item) for item in value]
    return str(data_dir.resolve() / value) if isinstance(value, (str, Path)) else value
