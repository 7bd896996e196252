"""Configuration files as old users have them: the old CLI's example, and an export of the old builder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eisen._core.legacy import GONE, RENAMED, resolve_attribute
from eisen.config import build, locate, read_config

HERE = Path(__file__).parent
ENDED = (HERE / "ended_paths.txt").read_text(encoding="utf-8").split()


def test_the_example_of_the_old_cli_is_read_unchanged() -> None:
    experiment = read_config(HERE / "cli_example.json")
    reader = "eisen.io.imaging.LoadNiftyFromFilename is now eisen.io.imaging.LoadNiftiFromFilename"
    assert experiment.repairs == [
        "General.Hyperparameters[0].type: .NumWorker is read as .NumWorkers",
        f"Training.Readers[0].type: {reader}",
    ]
    assert experiment.hyper.n_workers == 8
    assert [entry.name for entry in experiment.phases["Training"].hooks] == [
        "LoggingHook",
        "SaveTorchModelHook",
        "TensorboardSummaryHook",
    ]


def test_an_export_of_the_old_builder_is_read_unchanged() -> None:
    experiment = read_config(HERE / "builder_export.json")
    training = experiment.phases["Training"]
    assert experiment.hyper.batch_size == 4
    assert experiment.models[0].params == {"input_channels": 1, "output_channels": 1}
    assert [entry.type for entry in training.optimizer] == ["torch.optim.SGD"]
    assert training.optimizer[0].params == {"lr": 0.01, "nesterov": False}
    assert training.losses[0].params == {}
    assert "interpolation" not in training.transforms[0].params
    assert "direction" not in training.transforms[3].params
    assert experiment.phases["Validation"].transforms[-1].params["data_types"] == {"image": "float32"}
    assert list(experiment.phases) == ["Training", "Validation"]
    assert experiment.resolved()["Serving"] == {"Readers": [], "Transforms": [], "Workflow": []}


def test_every_repair_of_an_export_names_its_place() -> None:
    experiment = read_config(HERE / "builder_export.json")
    assert len(experiment.repairs) == len(set(experiment.repairs))
    for repair in experiment.repairs:
        place, _, words = repair.partition(": ")
        assert place.startswith(("General.", "Training.", "Validation."))
        assert words


@pytest.mark.parametrize("name", ["cli_example", "builder_export"])
def test_the_steps_of_old_files_can_be_built(name: str) -> None:
    for phase in read_config(HERE / f"{name}.json").phases.values():
        for role in ("Readers", "Transforms", "Losses", "Metrics"):
            for entry in phase.entries(role):
                build(entry, role, data_dir="scans")


@pytest.mark.parametrize("name", ["cli_example", "builder_export"])
def test_a_repaired_old_file_needs_no_repair(name: str) -> None:
    experiment = read_config(HERE / f"{name}.json")
    again = read_config(json.loads(json.dumps(experiment.resolved())))
    assert (again.repairs, again.digest) == ([], experiment.digest)


@pytest.mark.parametrize("path", ENDED)
def test_names_that_ended_are_renamed_or_gone_with_a_reason(path: str) -> None:
    assert (path in RENAMED) != (path in GONE)
    if path in GONE:
        assert len(GONE[path]) > 10
        with pytest.raises(ValueError, match="no longer there"):
            locate(path)
        with pytest.warns(DeprecationWarning, match="is gone"), pytest.raises(AttributeError, match="has no attribute"):
            resolve_attribute(*path.rsplit(".", 1))


def test_old_names_can_be_imported_and_warn() -> None:
    with pytest.warns(DeprecationWarning, match="is now eisen.io.imaging.LoadNiftiFromFilename"):
        from eisen.io import LoadNiftyFromFilename
    assert LoadNiftyFromFilename.__name__ == "LoadNiftiFromFilename"
