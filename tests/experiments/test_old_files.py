"""Configurations written for the original train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from experiment_parts import save, scan

from eisen.config import read_config
from eisen.experiments import Run

EXAMPLE = Path(__file__).parents[1] / "legacy" / "cli_example.json"


def test_the_example_of_the_old_command_line_trains(tmp_path):
    training = []
    for i in range(3):
        image, label = scan((14, 12, 10), i)
        save(tmp_path / f"imagesTr/la_{i}.nii.gz", 900 * image)
        save(tmp_path / f"labelsTr/la_{i}.nii.gz", label)
        training.append({"image": f"./imagesTr/la_{i}.nii.gz", "label": f"./labelsTr/la_{i}.nii.gz"})
    (tmp_path / "dataset.json").write_text(json.dumps({"name": "Heart", "training": training, "test": []}))
    smaller = ["Training.Transforms[2].params.size=[16, 16, 16]", "General.NumWorkers=0"]  # for speed only
    with pytest.warns(DeprecationWarning, match="data_parallel is gone"):
        result = Run(read_config(EXAMPLE, smaller), tmp_path, tmp_path / "out").train(2)
    assert [row.phase for row in result.rows] == ["Training", "Training"]
    assert set(result.rows[0].losses) == {"dice_loss"}
    assert (tmp_path / "out/models/model.pt").exists()
    assert (tmp_path / "out/models/best.pt").exists()
