"""Configurations of the original, written by hand or by its builder: they run unchanged from the command line.

The words of the old builder's defects, one by one, are in `tests/config/test_hazards.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from eisen.models import VNet
from eisen_cli.main import cli

CONFIGS = Path(__file__).parent / "configs"

DATASETS = (
    "Brats.Brats2020 abcs.ABCsDataset camelyon.PatchCamelyon camus.CAMUS emidec_challenge.EMIDEC json.JsonDataset "
    "kaggle_covid.KaggleCovid19 med_seg_covid19.MedSegCovid19 msd.MSDDataset panda.PANDA "
    "rsna_bone_age.RSNABoneAgeChallenge rsna_ihd.RSNAIntracranialHemorrhageDetection ucsd_cls_covid19.UCSDCovid19"
)
TRANSFORMS = (
    "AddChannelDimension CreateConstantFlags CropCenteredSubVolumes FilterFields FixedMeanStdNormalization ITKToNumpy "
    "LabelMapToOneHot MapValues NiftiToNumpy NumpyToNifti PilToNumpy RenameFields RepeatTensor ResampleITKVolumes "
    "ResampleNiftiVolumes StackImagesChannelwise ThresholdValues"
)
OTHERS = (
    "artifacts.savemodel.SaveONNXModelHook artifacts.savemodel.SaveTorchModelHook logging.logs.LoggingHook "
    "logging.summaries.TensorboardSummaryHook workflows.testing.Testing workflows.training.Training "
    "workflows.training.TrainingAMP workflows.validation.Validation"
)


@dataclass
class Old:
    """A configuration, and what it leads to.

    Args:
        source: Folder of the data.
        losses: Names of the losses of the training.
        repairs: How many things are said to be understood in the old file.
        files: Some of the files that its hooks write.
        phases: Names of the phases.
    """

    source: str
    losses: str
    repairs: int = 1
    files: str = ""
    phases: str = "Training"


OLD = {
    "brain_structures": Old("abcs", "dice_loss", 2, "models/model.pt summaries/Training"),
    "brain_tumours": Old("brats", "dice_loss", 4, "models/model.pt"),
    "builder_covid_slices": Old("covid", "dice_loss", 22, "summaries/Training"),
    "covid_volumes": Old("covid", "dice_loss", 0, phases="Training Validation"),
    "decathlon": Old("decathlon", "dice_loss", 2, "models/model.pt summaries/Training", "Training Validation Testing"),
    "heart": Old("emidec", "dice_loss", 2),
    "hemorrhage": Old("hemorrhage", "bce"),
    "pathology": Old("pcam", "bce", 3, "models/model.pt onnx_models/model.onnx", "Training Validation"),
    "pictures": Old(
        "pictures", "ce penalty", 3, "old_Training.json old_Validation.json", "Training Validation Testing"
    ),
    "ultrasound": Old("camus", "dice_loss mse", 0, phases="Training Testing"),
}


def eisen(*arguments: Any) -> Result:
    """Call the command line."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def named_in(value: Any) -> Iterator[str]:
    """Yield every dotted path that a configuration names."""
    if isinstance(value, dict):
        yield from ([value["type"]] if "type" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from named_in(item)


def test_the_configurations_name_all_there_was() -> None:
    named = {name for path in CONFIGS.glob("*.json") for name in named_in(json.loads(path.read_text(encoding="utf-8")))}
    wanted = [f"datasets.{name}" for name in DATASETS.split()] + [
        f"transforms.imaging.{name}" for name in TRANSFORMS.split()
    ]
    assert {f"eisen.{name}" for name in (*wanted, *(f"utils.{name}" for name in OTHERS.split()))} <= named
    assert {path.stem for path in CONFIGS.glob("*.json")} == set(OLD)


@pytest.mark.parametrize("name", sorted(OLD))
def test_a_configuration_of_a_user_runs_unchanged(name: str, old_world: Path, tmp_path: Path) -> None:
    old, config = OLD[name], CONFIGS / f"{name}.json"
    place = ("--data_dir", old_world / old.source, "--artifact_dir", tmp_path)
    said = eisen("train", config, 1, *place).stdout
    assert len(re.findall("^understood: ", said, re.MULTILINE)) == old.repairs, said
    losses = re.search(r"epoch 1/1  Training +(.*?)  \d+", said)
    assert losses
    assert set(old.losses.split()) <= set(losses[1].split())
    for file in old.files.split():
        assert (tmp_path / file).exists(), file
    for phase, command in (("Validation", "validate"), ("Testing", "test")):
        if phase in old.phases:
            saved = {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()}
            assert phase in eisen(command, config, *place).stdout
            assert saved == {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()}
    if name == "decathlon":  # the weights are those of the bare network
        VNet(1, 1, normalization="groupnorm").load_state_dict(torch.load(tmp_path / "models" / "model.pt"))
