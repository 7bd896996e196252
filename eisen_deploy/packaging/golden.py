"""Golden cases: inputs whose outputs are known, replayed before a model serves anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import CorruptFileError, DataError
from eisen._core.types import Array
from eisen_deploy.packaging.layout import GoldenCase

if TYPE_CHECKING:
    from eisen.experiments.prediction.verdict import Verdict
    from eisen_deploy.serving.packaged import PackagedModel

__all__ = ["GOLDEN", "CaseVoxels", "answer_of", "make_golden", "replay"]

GOLDEN = "golden"
"""Folder of the cases in a package."""

_LABELS, _CERTAINTY, _NUMBERS = 0.002, 0.02, 0.01
"""How far outputs may drift: share of voxels, probability, share of the largest number."""


@dataclass(frozen=True)
class CaseVoxels:
    """The images of a case.

    Args:
        voxels: Per field; channels, if there are some, along the first axis.
        affines: Per field of volumes: voxel to world, 4 rows of 4.
    """

    voxels: Mapping[str, Array]
    affines: Mapping[str, list[list[float]]]


def make_golden(model: PackagedModel, cases: Sequence[CaseVoxels]) -> list[GoldenCase]:
    """Let a packed model answer cases, and write questions and answers into the folder of the package.

    Args:
        model: The packed model, opened from its folder.
        cases: The questions.

    Returns:
        What ``package.json`` says about them.

    Raises:
        EisenError: If the model cannot answer.
    """
    (model.folder / GOLDEN).mkdir(exist_ok=True)
    return [_made(model, number, case) for number, case in enumerate(cases)]


def replay(model: PackagedModel) -> None:
    """Let a packed model answer its golden cases again, and compare.

    Args:
        model: The packed model.

    Raises:
        DataError: If an answer drifted; it says of which case, how far, and how far it may.
        CorruptFileError: If a case is damaged.
    """
    cases = model.package.golden
    for number, case in enumerate(cases):
        voxels = {field: _read(model.folder / name) for field, name in case.inputs.items()}
        output, certainty = answer_of(model, CaseVoxels(voxels, case.affines))
        expected = _read(model.folder / case.output)
        found = _difference(expected, output, share=model.package.kind == "labels")
        what = "of the voxels got another label" if model.package.kind == "labels" else "of the largest value"
        _demand(model, number, found, case.tolerance, what)
        if case.certainty is not None and certainty is not None:
            wanted = _read(model.folder / case.certainty)
            _demand(model, number, _apart(wanted, certainty), case.certainty_tolerance, "of probability")


def answer_of(model: PackagedModel, case: CaseVoxels) -> tuple[Array, Array | None]:
    """Return what a packed model says about a case, and how sure it is of each voxel of a label map.

    Args:
        model: The packed model.
        case: The images.

    Raises:
        EisenError: If it cannot be answered.
    """
    verdict = model.predict_arrays(case.voxels, case.affines).verdict
    return _output(verdict), _certainty(verdict)


def _made(model: PackagedModel, number: int, case: CaseVoxels) -> GoldenCase:
    output, certainty = answer_of(model, case)
    inputs = {}
    for place, (field, voxels) in enumerate(case.voxels.items()):
        inputs[field] = f"{GOLDEN}/{number}-input-{place}.npy"
        _write(model.folder / inputs[field], voxels)
    named = f"{GOLDEN}/{number}-output.npy"
    _write(model.folder / named, output)
    sure = None if certainty is None else f"{GOLDEN}/{number}-certainty.npy"
    if sure is not None and certainty is not None:
        _write(model.folder / sure, certainty)
    tolerance = _LABELS if model.package.kind == "labels" else _NUMBERS
    affines = {field: [list(map(float, row)) for row in affine] for field, affine in case.affines.items()}
    return GoldenCase(inputs, named, tolerance, affines, sure, _CERTAINTY)


def _output(verdict: Verdict) -> Array:
    if verdict.kind == "labels":
        return np.ascontiguousarray(verdict.labels())
    values = verdict.channels() if verdict.kind == "image" else verdict.values
    return np.ascontiguousarray(values, dtype=np.float32)


def _certainty(verdict: Verdict) -> Array | None:
    """Return the probability of the likeliest label; None where only the label map was made, to save memory."""
    if verdict.kind != "labels" or verdict.values is None:
        return None
    return np.ascontiguousarray(verdict.channels().max(axis=0), dtype=np.float16)


def _difference(expected: Array, found: Array, *, share: bool) -> float:
    """Return how far an answer is from what is known: a share of voxels, or of the largest value."""
    if expected.shape != found.shape:
        return float("inf")
    if share:
        return float(np.mean(expected != found)) if expected.size else 0.0
    return _apart(expected, found) / max(float(np.abs(expected).max(initial=0.0)), 1e-12)


def _apart(expected: Array, found: Array) -> float:
    if expected.shape != found.shape:
        return float("inf")
    apart = np.abs(expected.astype(np.float64) - found.astype(np.float64))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _demand(model: PackagedModel, number: int, found: float, tolerance: float, what: str) -> None:
    if found <= tolerance:
        return
    package = model.package
    made = ", ".join(f"{name} {package.made_with[name]}" for name in ("torch", "eisen") if name in package.made_with)
    raise DataError(
        f"golden case {number + 1} of {len(package.golden)} of {package.name} {package.model_version} drifted: "
        f"{_told(found)} {what}",
        expected=f"at most {_told(tolerance)}, as package.json says",
        to_do=f"serve with the versions of requirements.txt ({made or 'see there'}), or make the package again",
        case=f"golden case {number + 1}",
    )


def _told(value: float) -> str:
    return "all" if np.isinf(value) else f"{100 * value:.3g} %"


def _write(path: Path, values: Array) -> None:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(values), allow_pickle=False)


def _read(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CorruptFileError(
            f"the golden case {path.name} cannot be read: {error}",
            expected="the file as eisen pack wrote it",
            to_do="fetch the package again",
            file=path.name,
        ) from error
