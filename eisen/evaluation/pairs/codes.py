"""Where a label is, among small codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["is_one_of"]


def is_one_of(values: Array, codes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return where one of some codes is.

    Args:
        values: Codes.
        codes: Which; there may be none.
    """
    found: npt.NDArray[np.bool_]
    if len(codes) == 1:
        found = values == codes[0]
    elif values.dtype == np.uint8:
        table = np.zeros(256, bool)
        table[list(codes)] = True
        found = table.take(values)
    else:
        found = np.isin(values, codes)
    return found
