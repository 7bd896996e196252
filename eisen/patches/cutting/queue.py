"""Random patches of cases that are read whole, a few cases at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch.utils.data import Dataset

from eisen._core.types import DataPoint, Step
from eisen.patches.cutting.dataset import PatchDataset
from eisen.patches.where.indexing import Where
from eisen.patches.which.sampling import Which

__all__ = ["PatchQueue"]


class PatchQueue(PatchDataset):
    """Several random patches of each case, from a few cases that are in memory at a time: for training from files.

    Reading a case (decoding its file, resampling it) costs far more than cutting a patch. Here each case is read once
    per epoch and gives `n_per_case` patches; patches of about half of `cases_at_once` cases are mixed at any time, one
    case leaves as the next one comes. Memory is bounded by `cases_at_once` cases, for each process that reads: with
    threads (``Loader(workers="threads")``) there is one such store for all.

    The order is that of `epoch_order`, which the `Loader` uses where it shuffles. Order and places depend on the seed
    and the epoch alone, so any number of workers gives the same batches.

    Args:
        dataset: Data set of dicts with arrays, of any kind; in a configuration an entry of its own.
        where: The places, e.g. ``Anywhere([64, 64, 64])``; in a configuration an entry of its own.
        which: What is taken of the places, see `PatchDataset`. None: a uniform draw of `Anywhere`.
        n_per_case: Patches of each case in an epoch, where they are drawn.
        cases_at_once: How many cases are in memory at a time.
        fields: Arrays to cut; other arrays stay whole. None: all on the grid of the reference.
        reference: The field whose spatial shape counts, see `PatchDataset`.
        transform: What to do with a patch; the steps in front of the first random one are for whole cases.
        n_steps: How many steps of the transform are for whole cases, see `PatchDataset`.
        reread: Read a case again in each epoch; without it a case that happens to be in memory still is used again.
        fill: What is outside of the case, see `PatchDataset`.
        fill_mode: "constant" fills with `fill`, "edge" repeats the rim, "reflect" mirrors the case at its rim.
        spatial_dims: How many axes, the last ones, are space; None: as many as `where` has, or all but the first.
        seed: None: other random places in every epoch. A number: the same ones every time.

    Raises:
        ArgumentError: If an argument is wrong.

    Source: Perez-Garcia et al. 2021, TorchIO (a queue of patches of several subjects).

    Example:
        >>> import numpy as np
        >>> from eisen.datasets import Loader
        >>> from eisen.patches import Anywhere, PatchQueue
        >>> cases = [{"image": np.full((1, 16, 16), n)} for n in range(8)]
        >>> queue = PatchQueue(cases, Anywhere(4), n_per_case=4, cases_at_once=4)
        >>> batch = next(iter(Loader(queue, batch_size=4, shuffle=True)))
        >>> batch["image"].shape, len(set(batch["case_index"].tolist())) > 1
        (torch.Size([4, 1, 4, 4]), True)
    """

    _reads_whole = True

    def __init__(
        self,
        dataset: Dataset[Any],
        where: Where,
        which: Which | Sequence[Which] | Callable[[DataPoint], bool] | None = None,
        n_per_case: int | None = None,
        cases_at_once: int = 8,
        fields: Sequence[str] | None = None,
        reference: str | None = None,
        transform: Step | None = None,
        *,
        n_steps: int | None = None,
        reread: bool = False,
        fill: float | Mapping[str, float] = 0,
        fill_mode: Literal["constant", "edge", "reflect"] = "constant",
        spatial_dims: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            dataset,
            where,
            which,
            n_per_case,
            fields,
            reference,
            transform,
            n_steps=n_steps,
            keep_cases=cases_at_once,
            reread=reread,
            fill=fill,
            fill_mode=fill_mode,
            spatial_dims=spatial_dims,
            seed=seed,
        )
        self.cases_at_once = cases_at_once
