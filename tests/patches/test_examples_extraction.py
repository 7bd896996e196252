"""The use cases of patches, each a script that runs on phantoms, and training on random patches."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import pytest

from eisen.config import read_config
from eisen.experiments import Run

EXAMPLES = Path(__file__).parents[2] / "examples"
SAID = {
    "patches_25d": "slices -> (2, ",
    "patches_equal_size": "patches -> label map (",
    "patches_larger_input": "as from the whole volume",
    "patches_metadata_only": "the same from both",
    "patches_non_image": "voxels of liver: ((",
    "patches_raw": "one of 2 cases with organs: ((0, ",
    "patches_slab": "slices with neighbours -> (2, ",
    "patches_slice": "slices have organs in more than 2 %",
}
"""What each script says when all went well."""


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_use_case_runs(
    name: str,
    phantom_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(phantom_folder, tmp_path / "scans")
    monkeypatch.setattr(sys, "argv", [name, str(folder)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert SAID[name] in capsys.readouterr().out


def test_training_on_random_patches(phantom_folder: Path, tmp_path: Path) -> None:
    small = [
        "General.NumWorkers=0",
        "General.Threads=1",
        'Training.Datasets[0].params.where.params={"size": [16, 16, 16], "pad": true}',
        "Training.Datasets[0].params.n_per_case=2",
    ]
    run = Run(read_config(EXAMPLES / "phantom_patches.json", small), phantom_folder, tmp_path)
    assert {row.phase for row in run.train(epochs=1).rows} == {"Training", "Validation"}
    run.predict()
    assert len(list((tmp_path / "predictions").glob("*.nii.gz"))) == 1
