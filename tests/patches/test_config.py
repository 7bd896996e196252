"""Patches from a configuration: where and which are entries inside of the entry of the data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ConfigError
from eisen.config import read_config
from eisen.config.build import build
from eisen.config.discover import discover
from eisen.config.experiment import Entry

EXAMPLE = Path(__file__).parents[2] / "examples" / "phantom_patches.json"


def entry(kind: str, **params: Any) -> dict[str, Any]:
    return {"type": f"eisen.patches.{kind}", "params": params}


def test_where_and_which_are_built_inside_of_the_data_set() -> None:
    inside = {"type": "eisen.datasets.RandomShapesDataset", "params": {"n_cases": 3}}
    where = entry("Padded", where=entry("Anywhere", size=[8, 8]), margin=2)
    which = [entry("NonConstant"), entry("Uniform")]
    params = {"dataset": inside, "where": where, "which": which, "n_per_case": 2, "seed": 1}
    patches = build(Entry("eisen.patches.PatchDataset", params, "Training.Datasets[0]"), "Datasets", data_dir="scans")
    assert len(patches) == 6
    assert patches[5]["image"].shape == (1, 12, 12)
    np.testing.assert_array_equal(patches[5]["image"], patches[5]["image"])


def changed(tmp_path: Path, **params: Any) -> Path:
    config = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    config["Training"]["Datasets"][0]["params"] |= params
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"where": entry("Grid", sise=[8, 8, 8])}, r"where.params.sise: unknown parameter 'sise' of Grid"),
        ({"where": entry("Grid", size="big")}, r"'size' of Grid is \"big\""),
        ({"where": entry("Uniform")}, r"'eisen.patches.Uniform' is not a place of patches"),
        ({"which": {"type": "torch.optim.Adam", "params": {}}}, r"'torch.optim.Adam' is not a choice of patches"),
        ({"which": [entry("Uniform"), entry("Blanced")]}, r"which\[1\].type"),
        ({"where": entry("Where")}, r"is a base class"),
    ],
)
def test_wrong_entries_are_found_before_anything_is_built(tmp_path: Path, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_config(changed(tmp_path, **params))


def test_places_and_choices_are_discovered() -> None:
    found = discover()
    assert {"eisen.patches.Grid", "eisen.patches.Padded"} <= set(found["Where"])
    assert {"eisen.patches.Balanced", "eisen.patches.Foreground"} <= set(found["Which"])
    assert "eisen.patches.PatchDataset" in found["Datasets"]
    assert not {"eisen.patches.Where", "eisen.patches.Which", "eisen.patches.Choice"} & set(
        found["Where"] + found["Which"]
    )
