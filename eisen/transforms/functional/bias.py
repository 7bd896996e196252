"""The slowly varying brightness of MR images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.transforms.functional.tensors import fresh, on_tensors

__all__ = ["bias_field", "n_bias_coefficients"]


def n_bias_coefficients(order: int, dims: int = 3) -> int:
    """Return how many coefficients a polynomial of an order has, without the constant one.

    Example:
        >>> n_bias_coefficients(3), n_bias_coefficients(1, dims=2)
        (19, 2)
    """
    return len(_exponents(order, dims)[0])


@on_tensors
def bias_field(array: Any, coefficients: Array, order: int, dims: int = 3) -> Any:
    """Multiply by the exponential of a polynomial, which is 1 at the centre of the array.

    Args:
        array: Any leading axes, then `dims` spatial axes; they run from -1 to 1.
        coefficients: Of the monomials x**i * y**j * z**k with 0 < i + j + k <= `order`, sorted by (i, j, k).
        order: Of the polynomial, from 1.
        dims: Spatial axes, 1 to 3.

    Source: K. Van Leemput et al., Automated model-based bias field correction of MR images of the brain, IEEE TMI
    18(10), 1999, sec. II; as an augmentation C. Sudre et al., Longitudinal segmentation of age-related white matter
    hyperintensities, Medical Image Analysis 38, 2017, sec. 2.

    Example:
        >>> bias_field(np.ones(3), np.array([np.log(2)]), order=1, dims=1)
        array([0.5, 1. , 2. ])
    """
    import torch

    table = np.zeros((order + 1,) * dims)
    table[_exponents(order, dims)] = coefficients
    shape = tuple(array.shape[-dims:])
    powers = [np.vander(np.linspace(-1, 1, n) if n > 1 else np.zeros(n), order + 1, increasing=True) for n in shape]
    # All axes but the first are contracted in small arrays; the first one is one matrix product.
    for axis in range(1, dims):
        table = np.moveaxis(np.tensordot(powers[axis], table, (1, axis)), 0, axis)
    result = fresh(array)
    left, right = (torch.as_tensor(part, dtype=result.dtype, device=result.device) for part in (powers[0], table))
    field = torch.mm(left, right.reshape(order + 1, -1)).exp_().reshape(shape)
    return result.mul_(field)


def _exponents(order: int, dims: int) -> tuple[npt.NDArray[np.intp], ...]:
    total = np.indices((order + 1,) * dims).sum(axis=0)
    return np.nonzero((total > 0) & (total <= order))
