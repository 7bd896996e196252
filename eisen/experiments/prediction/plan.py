"""Which models predict, how they look at an image, and with which temperature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.prediction.calibration import read_calibration, unfitness
from eisen.experiments.prediction.ensemble import Ensemble, load_members, weights_digest
from eisen.experiments.prediction.kinds import Reader

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """How the models of a configuration predict.

    Args:
        experiment: The configuration.
        ensemble: The files of the models.
        kind: See `eisen.experiments.prediction.kinds.KINDS`.
        activation: See `eisen.experiments.prediction.links.link_of`.
        tta: Test-time augmentation, see `eisen.utils.tta.TestTimeAugmentation`; None: none.

    Raises:
        ArgumentError: If there is no such kind, activation or augmentation.
    """

    experiment: Experiment
    ensemble: Ensemble
    kind: str = "auto"
    activation: str = "auto"
    tta: str | None = None

    def __post_init__(self) -> None:
        from eisen.ops.views import checked_views

        Reader(self.experiment, "", self.kind, self.activation)
        if self.tta is not None:
            checked_views(self.tta)

    def facts(self) -> dict[str, Any]:
        """Return what the record of the run says about it."""
        names = [path.name for path in self.ensemble.members]
        model = {"model": names[0]} if len(names) == 1 else {"models": [str(p) for p in self.ensemble.members]}
        return model if self.tta is None else {**model, "tta": self.tta}

    def committee(self, *, returns_logits: bool = False) -> Committee:
        """Load the models.

        Raises:
            MissingFileError: If a file is not there.
            TrainingError: If weights are of another model.
        """
        from eisen.experiments.prediction.committee import Committee

        members = load_members(self.experiment, self.ensemble)
        reader = Reader(self.experiment, members[0].output_names[0], self.kind, self.activation)
        return Committee(members, reader.meaning, self.tta, returns_logits=returns_logits)

    def temperature(
        self, committee: Committee, calibration: str | Path | None, usual: Path, say: Callable[[str], None]
    ) -> float | None:
        """Return the temperature that belongs to the models, and say where it is from; None: they have none.

        Args:
            committee: The loaded models.
            calibration: A file, whose models these must be; ``"auto"``: `usual` if it belongs to them, else what the
                ensemble file says; None: never.
            usual: Where calibration is written.
            say: Takes a line for the user.

        Raises:
            ArgumentError: If the named file belongs to other models.
        """
        if calibration is None:
            return None
        named = calibration != "auto"
        path = Path(calibration) if named else usual
        if named or path.is_file():
            found = read_calibration(path)
            reason = unfitness(found, weights_digest(list(committee.members)), committee.views)
            if not reason:
                say(f"calibrated probabilities: temperature {found.temperature:.3g} of {path}")
                return found.temperature
            if named:
                raise _foreign(path, reason)
            say(f"{path} is not used: {reason}; 'eisen calibrate' makes a new one")
        if self.ensemble.temperature is not None:
            say(f"calibrated probabilities: temperature {self.ensemble.temperature:.3g} of {self.ensemble.source}")
        return self.ensemble.temperature


def _foreign(path: Path, reason: str) -> ArgumentError:
    return ArgumentError(
        f"the calibration {path} cannot be used: {reason}",
        expected="a calibration of exactly these models, predicting the same way",
        to_do="run eisen calibrate with the same --model and --tta, or leave it out",
        file=str(path),
    )
