"""The file that holds the temperature of a model, and finding out whether it belongs to a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError

__all__ = ["Calibration", "read_calibration", "unfitness"]

_FORMAT, _VERSION = "eisen-calibration", 1


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model, or of an ensemble, and how well it does.

    Args:
        temperature: What its logits are divided by.
        weights: SHA-256 of the weights it was fitted for, see `eisen.experiments.prediction.weights_digest`.
        activation: ``"softmax"`` or ``"sigmoid"``.
        views: Test-time augmentation it was fitted with; None: without.
        n_members: How many models predicted together.
        phase: The phase whose cases it was fitted on.
        n_cases: How many cases that were.
        n_samples: How many classifications, or voxels of them.
        before: ``nll``, ``ece`` and ``accuracy`` on these cases without it.
        after: The same with it.
    """

    temperature: float
    weights: str
    activation: str
    views: str | None = None
    n_members: int = 1
    phase: str = "Validation"
    n_cases: int = 0
    n_samples: int = 0
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write it as JSON.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic_write(path, "w") as file:
            json.dump({"format": _FORMAT, "version": _VERSION, **asdict(self)}, file, indent=2, allow_nan=False)
            file.write("\n")


def read_calibration(path: str | Path) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it is something else.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "calibration.json"
        >>> Calibration(1.5, "6f3a", "softmax").save(path)
        >>> read_calibration(path).temperature
        1.5
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"there is no calibration {path}", file=str(path), to_do="run eisen calibrate first")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = _calibration(content)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CorruptFileError(
            f"{path} is no calibration: {error}",
            expected="the calibration.json that eisen calibrate wrote",
            to_do="run eisen calibrate again",
            file=str(path),
        ) from error
    return found


def unfitness(calibration: Calibration, weights: str, views: str | None) -> str:
    """Return why a calibration does not belong to models that predict in some way; nothing if it does.

    Args:
        calibration: The calibration.
        weights: Digest of the models.
        views: Test-time augmentation they predict with; None: without.

    Example:
        >>> unfitness(Calibration(1.5, "6f3a", "softmax"), "6f3a", "flips")
        'it was fitted without test-time augmentation, not with flips'
    """
    if calibration.weights != weights:
        return "it belongs to other weights"
    if calibration.views != views:
        was, is_now = (f"with {v}" if v else "without test-time augmentation" for v in (calibration.views, views))
        return f"it was fitted {was}, not {is_now}"
    return ""


def _calibration(content: Any) -> Calibration:
    if not isinstance(content, Mapping) or content.get("format") != _FORMAT or content.get("version") != _VERSION:
        raise ArgumentError(f"its format is not '{_FORMAT}', version {_VERSION}")
    values = {key: value for key, value in content.items() if key not in ("format", "version")}
    found = Calibration(**values)
    good = isinstance(found.temperature, (int, float)) and math.isfinite(found.temperature) and found.temperature > 0
    if not good or not isinstance(found.weights, str):
        raise ArgumentError(f"its temperature is {found.temperature!r}, its weights are {found.weights!r}")
    return found
