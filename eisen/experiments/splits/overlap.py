"""Cases that a model is trained on and measured by: said, where no split rules it out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eisen.experiments.splits.listed import keys_of
from eisen.experiments.splits.pool import source_of

if TYPE_CHECKING:
    from eisen.experiments.parts import PhaseParts

__all__ = ["shared_cases"]


def shared_cases(parts: Sequence[PhaseParts], data_dir: str | Path) -> str:
    """Return a sentence about cases that are in Training and in Validation; empty when there are none.

    Two cases are the same when their first files are, or, without files, when the same is listed about both. To train
    on purpose on what is measured (does the model overfit as it should?) is allowed, so this is no error.

    Args:
        parts: The phases that will run.
        data_dir: Folder of the data.
    """
    by_name = {part.name: part for part in parts}
    if not {"Training", "Validation"} <= set(by_name) or hasattr(parts[0].loader.dataset, "split_names"):
        return ""
    training, validation = (
        keys_of(source_of(by_name[name].phase, data_dir, by_name[name].loader.dataset))
        for name in ("Training", "Validation")
    )
    known = set(training)
    shared = [number for number, key in enumerate(validation) if key in known]
    if not shared:
        return ""
    name = getattr(by_name["Validation"].loader.dataset, "case_name", "#{}".format)
    count = f"{len(shared)} of {len(validation)} validation cases"
    return (
        f"{count} are in Training too, e.g. {name(shared[0])}: validation shows what was learnt by heart; "
        "'eisen split' makes a split that keeps them apart"
    )
