"""``eisen predict`` and ``eisen calibrate`` as one types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Invoke, tiny_config, write_task


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a configuration and two models that were never trained."""
    import torch

    from eisen.config import build, read_config

    folder = tmp_path_factory.mktemp("predict")
    write_task(folder / "task")
    (folder / "config.json").write_text(json.dumps(tiny_config()))
    models = folder / "run" / "models"
    models.mkdir(parents=True)
    for seed, name in enumerate(("best.pt", "other.pt")):
        torch.manual_seed(seed)
        net = build(read_config(folder / "config.json").models[0], "Models")
        torch.save(net.state_dict(), models / name)
    return folder


def command(invoke: Invoke, place: Path, name: str, *words: object) -> Any:
    return invoke(name, place / "config.json", "--data_dir", place / "task", "--artifact_dir", place / "run", *words)


def test_calibrate_shows_figures_and_predict_uses_them(invoke: Invoke, place: Path) -> None:
    done = command(invoke, place, "calibrate", "--samples", 500)
    assert done.exit_code == 0, done.output
    for text in ("temperature", "expected calibration error", "before", "calibration.png", "500 decisions in 2 cases"):
        assert text in done.stdout
    used = command(invoke, place, "predict", "--json")
    assert "calibrated probabilities" in used.stderr
    assert Path(json.loads(used.stdout)["table"]).is_file()
    assert "calibrated" not in command(invoke, place, "predict", "--no-calibration").output
    figures = json.loads(command(invoke, place, "calibrate", "--json").stdout)["calibration"]
    assert figures["after"]["accuracy"] == pytest.approx(figures["before"]["accuracy"])


def test_several_models_and_views(invoke: Invoke, place: Path, tmp_path: Path) -> None:
    models = [place / "run/models" / name for name in ("best.pt", "other.pt")]
    words = [word for path in models for word in ("--model", path)]
    done = command(invoke, place, "predict", *words, "--tta", "flips:0", "--output", tmp_path, "--probabilities")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8").startswith("case,file,entropy,disagreement")
    assert sorted(path.name for path in tmp_path.glob("*.gz")) == ["box_4.nii.gz", "box_4_probabilities.nii.gz"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--tta", "mirror"], "no test-time augmentation 'mirror'"),
        (["--tta", "rotations"], "not turned by right angles"),
        (["--model", "a.pt", "--model", "b.pt"], "no model a.pt"),
        (["--model", "ensemble.json"], "no ensemble"),
        (["--output-kind", "label"], "did you mean 'labels'?"),
        (["--calibration", "other.json"], "no calibration other.json"),
        (["--calibration", "a.json", "--no-calibration"], "exclude each other"),
    ],
)
def test_wrong_input_is_named(words: list[str], text: str, invoke: Invoke, place: Path) -> None:
    done = command(invoke, place, "predict", *words)
    assert done.exit_code != 0
    assert text in done.stderr
    assert "Traceback" not in done.output
