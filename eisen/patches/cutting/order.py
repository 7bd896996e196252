"""An order of patches that mixes cases, and still reads each case once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mixed_order"]


def mixed_order(per_case: npt.NDArray[np.int64], cases_at_once: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the numbers of all patches, shuffled across cases, with few cases in use at a time.

    Cases begin one after the other, in random order, and the patches of each are spread over the time in which half of
    `cases_at_once` other cases begin. Between two patches of a case there are then patches of at most `cases_at_once`
    cases, this one included: whoever keeps the last so many cases reads each case once.

    Args:
        per_case: How many patches each case has; they are numbered through.
        cases_at_once: How many cases may be in use.
        rng: The only source of random numbers.

    Example:
        >>> order = mixed_order(np.array([3, 3, 3]), 2, np.random.default_rng(0))
        >>> sorted(order.tolist()) == list(range(9))
        True
    """
    begins = rng.permutation(len(per_case)).astype(np.float64)
    time = np.repeat(begins, per_case) + rng.random(int(per_case.sum())) * ((cases_at_once + 1) // 2)
    return np.argsort(time, kind="stable")
