"""Cases of a run as its data sets list them: before readers and transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eisen._core.errors import EmptyDatasetError
from eisen._core.types import DataPoint, meta_field
from eisen.config import Experiment, Phase, build
from eisen.config.around import case_entry

__all__ = ["RawCases", "raw_cases"]


class RawCases:
    """The cases of a phase, with those fields only that a request brings.

    Args:
        dataset: A data set without readers and transforms.
        fields: The fields to keep, and the geometry beside them.
    """

    def __init__(self, dataset: Any, fields: Sequence[str]) -> None:
        self.dataset = dataset
        self._kept = {*fields, *map(meta_field, fields)}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> DataPoint:
        return {name: value for name, value in self.dataset[number].items() if name in self._kept}

    def some(self, n: int) -> Iterator[DataPoint]:
        """Yield at most so many cases, spread evenly over all of them.

        Args:
            n: How many.

        Example:
            >>> [case["image"] for case in RawCases([{"image": f"{i}.nii"} for i in range(6)], ["image"]).some(3)]
            ['0.nii', '2.nii', '4.nii']
        """
        total = len(self)
        yield from (self[i * total // n] for i in range(n)) if total > n else (self[i] for i in range(total))


def raw_cases(experiment: Experiment, phase: Phase, data_dir: Path, fields: Sequence[str]) -> RawCases:
    """Return the cases of a phase, as its data set lists them.

    Args:
        experiment: The configuration.
        phase: One of its phases.
        data_dir: Folder of the data.
        fields: The fields to keep.

    Raises:
        EisenError: If there is no data any more.
    """
    from eisen.experiments.splits.pool import build_part

    listing = replace(phase, datasets=[case_entry(phase.datasets[0])])
    dataset = None
    if experiment.split is not None:
        dataset = build_part(experiment, listing, data_dir, _as_it_is)
    if dataset is None:
        dataset = build(listing.datasets[0], "Datasets", data_dir=str(data_dir), transform=_as_it_is)
    if not len(dataset):
        raise EmptyDatasetError(f"the data set of {phase.name} has no case", config=phase.datasets[0].where)
    return RawCases(dataset, fields)


def _as_it_is(case: DataPoint) -> DataPoint:
    return case
