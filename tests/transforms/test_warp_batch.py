"""What is computed on a GPU is what NumPy computes: the same functions, run on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from eisen.transforms.functional.warp import warp_label
from eisen.transforms.functional.warp_batch import _grids_there, _looked_up, sampling_grids


def movements(shape: tuple[int, ...], n: int = 3, *, bends: bool = True) -> list[tuple]:
    rng, d = np.random.default_rng(0), len(shape)
    matrices = np.eye(d, d + 1) + rng.normal(scale=0.1, size=(n, d, d + 1))
    return [(matrix, rng.normal(size=(*[4, 5, 6][:d], d)) if bends else None) for matrix in matrices]


@pytest.mark.parametrize("shape", [(9, 8), (7, 8, 9), (1, 5, 6)])
@pytest.mark.parametrize("bends", [True, False])
def test_grids_made_on_a_device_are_those_of_the_matrix_product(shape: tuple[int, ...], bends: bool) -> None:
    moves = movements(shape, bends=bends)
    torch.testing.assert_close(_grids_there(moves, shape, "cpu"), sampling_grids(moves, shape), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int16, torch.uint16, torch.int64, torch.float32])
def test_labels_looked_up_on_a_device_are_those_of_numpy(padding: str, dtype: torch.dtype) -> None:
    grids = sampling_grids(movements((7, 8, 9)), (7, 8, 9))
    values = torch.randint(0, 5, (3, 2, 7, 8, 9)).to(dtype)
    found = _looked_up(values, grids, padding)
    assert found.dtype == dtype
    for value, grid, ours in zip(values, grids.split(1), found, strict=True):
        assert torch.equal(ours, warp_label(value, grid, padding))
