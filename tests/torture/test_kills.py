"""A training that is killed again and again ends with the same bits; `make torture` does it hundreds of times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from kills import Torture, different


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_killed_runs_end_with_the_same_bits(tmp_path):
    torture = Torture(tmp_path / "torture", seed=3)
    torture.run(3, n_workers=0)
    torture.run(2, n_workers=2)
    assert torture.kills == 5
    assert torture.unreadable == []
    assert torture.differences == []


def test_a_single_bit_is_a_difference():
    import torch

    first = {"a": [torch.tensor([0.0, 1.0])], "b": "x"}
    assert different(first, {"a": [torch.tensor([0.0, 1.0])], "b": "x"}, "") == []
    assert different(first, {"a": [torch.tensor([-0.0, 1.0])], "b": "x"}, "") == ["/a/0"]
