"""``eisen generate`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def example(tmp_path):
    """The 2-D example, made small, and trained for an epoch."""
    from eisen.config import read_config
    from eisen.experiments import Run

    path = Path(__file__).parents[2] / "examples" / "gan_phantom_2d.json"
    small = ["Training.Datasets[0].params.n_cases=32", "Validation.Datasets[0].params.n_cases=8"]
    Run(read_config(path, [*small, "General.Threads=1"]), tmp_path, tmp_path / "run").train(1)
    return path, tmp_path / "run"


def test_images_are_written_and_named(invoke, example, tmp_path):
    path, run = example
    result = invoke("generate", path, "--artifact_dir", run, "-n", 3, "--seed", 4)
    assert result.exit_code == 0, result.output
    assert "3 images of 32 x 32" in result.output
    assert sorted(p.name for p in (run / "generated").glob("*.png")) == [
        *(f"generated_{i:03d}.png" for i in range(3)),
        "grid.png",
    ]
    result = invoke("generate", path, "--model", run / "checkpoint.pt", "-n", 1, "-o", tmp_path / "one", "--json")
    document = json.loads(result.stdout)
    assert document["status"] == "ok"
    assert [Path(name).name for name in document["images"]] == ["generated_000.png"]


def test_what_is_wrong_is_a_card(invoke, tmp_path):
    path = Path(__file__).parents[2] / "examples" / "gan_phantom_2d.json"
    result = invoke("generate", path, "--artifact_dir", tmp_path)
    assert result.exit_code != 0
    assert "there is no saved model" in result.output
    assert "Traceback" not in result.output
    assert invoke("generate", path, "-n", 0).exit_code == 2
