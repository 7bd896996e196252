"""Random patches of cases that are read whole, a few cases at a time."""

from __future__ import annotations

from eisen.patches.cutting.dataset import PatchDataset

__all__ = ["PatchQueue"]


class PatchQueue(PatchDataset):
    """Several random patches of each case, from a few cases that are in memory at a time: for training from files.

    Reading a case (decoding its file, resampling it) costs far more than cutting a patch. Here each case is read once
    per epoch and gives `n_per_case` patches; patches of about half of `cases_at_once` cases are mixed at any time, one
    case leaves as the next one comes. Memory is bounded by `cases_at_once` cases, for each process that reads: with
    threads (``Loader(workers="threads")``) there is one such store for all.

    The order is that of `epoch_order`, which the `Loader` uses where it shuffles. Order and places depend on the seed
    and the epoch alone, so any number of workers gives the same batches.

    Arguments are those of `PatchDataset`; `cases_at_once` is 8 where it is not given, and parts of a case are not read
    even where they could be.

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
    _cases_at_once = 8
