"""A store made over Ray is the store made here."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from eisen._core.errors import MissingExtraError
from eisen.datasets import ListDataset
from eisen.storage import create_store
from tests.storage.making import dataset_of, write_cases


@pytest.mark.slow
def test_ray_gives_the_same_arrays(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    dataset = dataset_of(tmp_path, write_cases(tmp_path))
    here = create_store(dataset, tmp_path / "here.h5")
    there = create_store(dataset, tmp_path / "there.h5", n_workers=2, executor="ray")
    with h5py.File(here) as one, h5py.File(there) as two:
        for number in "012":
            assert np.array_equal(one[f"data/image/{number}"][()], two[f"data/image/{number}"][()])
        assert list(one["meta/digests/image"]) == list(two["meta/digests/image"])
    assert not ray.is_initialized()


def test_without_ray_the_card_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'eisen\[ray\]'"):
        create_store(ListDataset([{"a": 1}]), tmp_path / "s.h5", executor="ray")
    assert list(tmp_path.iterdir()) == []
