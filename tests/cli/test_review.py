"""``eisen review`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def trained(config, task, tmp_path):
    """The tiny task, trained for an epoch."""
    from eisen.config import read_config
    from eisen.experiments import Run

    Run(read_config(config), task, tmp_path / "run").train(1)
    return tmp_path / "run"


def test_the_worst_cases_are_shown_and_all_are_written(invoke, config, task, trained):
    result = invoke("review", config, "--data_dir", task, "--artifact_dir", trained)
    assert result.exit_code == 0, result.output
    assert "the worst of 2 by DICE[box]" in result.output
    assert "2 of 2 cases are in" in result.output
    folder = trained / "review/validation"
    assert (folder / "cases.csv").is_file()
    assert len(list(folder.glob("*/prediction.nii.gz"))) == 2
    result = invoke(
        "review", config, "--phase", "Testing", "--limit", 1, "--data_dir", task, "--artifact_dir", trained, "--json"
    )
    document = json.loads(result.stdout)
    assert (document["status"], document["kind"], document["n_cases"]) == ("ok", "labels", 1)
    assert document["cases"][0]["case"].startswith("box_")
    assert "DICE[box]" in document["cases"][0]
    assert Path(document["folder"]).name == "testing"


def test_what_is_wrong_is_a_card(invoke, config, task, tmp_path):
    result = invoke("review", config, "--data_dir", task, "--artifact_dir", tmp_path / "nothing")
    assert result.exit_code not in (0, 2)
    assert "there is no saved model" in result.output
    assert "Traceback" not in result.output
    assert invoke("review", config, "--phase", "Nowhere").exit_code == 2
    assert invoke("review", config, "--limit", 0).exit_code == 2


def test_a_gan_is_refused(invoke, tmp_path):
    import torch

    from eisen.config import read_config
    from eisen.experiments.parts import build_model

    path = EXAMPLES / "gan_phantom_2d.json"
    torch.save(build_model(read_config(path)).module.state_dict(), tmp_path / "gan.pt")
    result = invoke("review", path, "--model", tmp_path / "gan.pt", "--artifact_dir", tmp_path / "run")
    assert result.exit_code not in (0, 2)
    assert "random numbers" in result.output
    assert "eisen generate" in result.output
