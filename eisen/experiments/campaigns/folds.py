"""The frozen split of a cross-validation: made once, then the same for every later call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.splits import Splits, kfold, pool_of, split_file

__all__ = ["SPLIT_FILE", "SplitWish", "campaign_split"]

SPLIT_FILE = "split.json"


@dataclass(frozen=True)
class SplitWish:
    """How the cases of a cross-validation are to be divided.

    Args:
        file: A frozen split to use as it is; nothing else may be said then.
        folds: How many folds.
        group: What cases that stay together have in common; see `eisen.experiments.splits.kfold`.
        no_group: Declare that no two cases belong together.
        stratify: What the classes are that all parts shall have their share of.
        repeats: How often the cases are divided anew.
        validation: Share of the cases outside the test part that chooses the best epoch.
        read_samples: Read each case once where its class is not listed.

    Example:
        >>> SplitWish(folds=3, group="patient").is_empty
        False
    """

    file: Path | None = None
    folds: int | None = None
    group: str | None = None
    no_group: bool = False
    stratify: str | None = None
    repeats: int = 1
    validation: float | None = None
    read_samples: bool = False

    @property
    def is_empty(self) -> bool:
        """True when nothing is said, so that a split that is there already will do."""
        return self == SplitWish(read_samples=self.read_samples)


def campaign_split(experiment: Experiment, data_dir: Path, root: Path, wish: SplitWish, seed: int) -> Splits:
    """Return the split of a cross-validation, and freeze it in the folder of the campaign.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        root: Folder of the campaign; the split of an earlier call is in it.
        wish: How to divide the cases.
        seed: What chance depends on.

    Raises:
        ArgumentError: If the folder has another split, or groups are neither named nor declared absent.
    """
    frozen = root / SPLIT_FILE
    if wish.file is not None and wish != SplitWish(wish.file):
        raise ArgumentError("a split file and ways to divide the cases are both given", expected="one of the two")
    if wish.file is not None:
        splits = Splits.load(wish.file)
    elif wish.is_empty and frozen.is_file():
        return Splits.load(frozen)
    elif wish.is_empty and experiment.split is not None:
        splits = Splits.load(split_file(experiment))
    else:
        splits = _made(experiment, data_dir, wish, seed)
    if frozen.is_file() and Splits.load(frozen).digest != splits.digest:
        raise ArgumentError(
            f"the runs in {root} belong to another split",
            expected="the split in split.json there, to which every further run is added",
            to_do="leave out the options that divide the cases, or choose another artifact folder",
            file=str(frozen),
        )
    if not frozen.is_file():
        splits.save(frozen)
    return splits


def _made(experiment: Experiment, data_dir: Path, wish: SplitWish, seed: int) -> Splits:
    return kfold(
        pool_of(experiment, data_dir),
        5 if wish.folds is None else wish.folds,
        group=wish.group,
        no_group=wish.no_group,
        stratify=wish.stratify,
        validation=0.2 if wish.validation is None else wish.validation,
        repeats=wish.repeats,
        read_samples=wish.read_samples,
        seed=seed,
    )
