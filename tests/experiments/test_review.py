"""A review keeps what a trained model says about every case, on the grid of its file, beside what is true."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from experiment_parts import DICE, Recorder, entry, phase, save

from eisen._core.errors import ArgumentError, ConfigError, CorruptFileError, MissingFileError
from eisen.config import read_config
from eisen.experiments import review
from eisen.experiments.reviews import disagreements, label_colours, read_review, review_folder

EXAMPLES = Path(__file__).parents[2] / "examples"
BRIGHT = entry("tiny_parts.Brightness", input_names=["image"], output_names=["predictions"])


def saved(experiment, folder):
    """Save the untrained weights of a configuration as those of a run."""
    import torch

    from eisen.experiments.parts import build_model

    torch.manual_seed(0)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    torch.save(build_model(experiment).module.state_dict(), folder / "models" / "best.pt")


@pytest.fixture
def bright(config):
    """The model is not trained: the label is where the image is bright, which the phantoms fulfil."""
    config["General"]["Models"] = [BRIGHT]
    config["General"]["Hyperparameters"].append(entry(".Labels", value={"0": "background", "1": "box"}))
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image", "label"]),
        entry("eisen.transforms.CropCenteredSubVolumes", fields=["image", "label"], size=[16, 8, 8]),
        entry("eisen.transforms.AddChannelDimension", fields=["image", "label"]),
    ]
    config["Validation"] = phase("val.json", Transforms=steps, Metrics=[DICE])
    return config


@pytest.fixture
def reviewed(bright, data_dir, tmp_path):
    """Return a function that reviews with changes to the configuration."""

    def run(**options):
        experiment = read_config(bright)
        saved(experiment, tmp_path / "run")
        return review(experiment, data_dir, tmp_path / "run", **options)

    return run


def test_volumes_lie_on_the_grid_of_their_files_and_values_are_those_of_the_voxels(reviewed, data_dir, tmp_path):
    found = reviewed()
    assert (found.status, found.kind, found.n_cases) == ("complete", "labels", 2)
    assert found.folder == review_folder(tmp_path / "run", "Validation")
    for case in found.cases:
        files = {name: nibabel.load(found.folder / file) for name, file in case.images.items()}
        files |= {"truth": nibabel.load(found.folder / case.reference)}
        files |= {"said": nibabel.load(found.folder / case.prediction)}
        image = nibabel.load(data_dir / f"images/{case.name}.nii.gz")
        label = nibabel.load(data_dir / f"labels/{case.name}.nii.gz")
        for file in files.values():
            np.testing.assert_allclose(file.affine, image.affine, atol=1e-5)
        np.testing.assert_array_equal(files["image"].get_fdata(), image.get_fdata())
        np.testing.assert_array_equal(files["truth"].get_fdata(), label.get_fdata())
        said, truth = files["said"].get_fdata() > 0, label.get_fdata() > 0
        dice = 2 * (said & truth).sum() / (said.sum() + truth.sum())
        assert case.values["DICE[box]"] == pytest.approx(dice)
        assert case.values["REFVOL[box]"] == pytest.approx(truth.sum() * abs(np.linalg.det(label.affine)), rel=1e-5)
        assert "HDRFDST(percentile=95)[box]" in case.values


def test_tables_hold_the_same_and_can_be_read_again(reviewed):
    found = reviewed()
    with found.table_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["case_4", "case_5"]
    assert float(rows[0]["DICE[box]"]) == pytest.approx(found.cases[0].values["DICE[box]"], rel=1e-5)
    again = read_review(found.folder)
    assert again == found
    assert [(label.value, label.name) for label in again.labels] == [(1, "box")]
    assert again.better("DICE[box]") == "higher"
    assert again.better("PREDVOL[box]") == ""
    assert again.better("HDRFDST(percentile=95)[box]") == "lower"


def test_the_largest_disagreement_is_where_the_reference_was_changed(reviewed, data_dir):
    path = data_dir / "labels/case_4.nii.gz"
    old = nibabel.load(path)
    voxels = np.asarray(old.dataobj).copy()
    voxels[10:12, 0:3, 6:8] = 1  # far from the box, where the image is dark
    save(path, voxels, old.affine)
    worst = reviewed().case("case_4").disagreements[0]
    assert (worst.predicted, worst.reference) == (0, 1)
    assert worst.n_voxels == 12
    assert worst.volume_mm3 == pytest.approx(12 * abs(np.linalg.det(old.affine)), abs=0.01)
    assert 10 <= worst.voxel[0] < 12
    assert 0 <= worst.voxel[1] < 3
    assert 6 <= worst.voxel[2] < 8
    np.testing.assert_allclose(worst.mm, (old.affine @ [*worst.voxel, 1])[:3], atol=0.01)


def test_a_crescent_is_entered_at_one_of_its_own_voxels():
    ring = np.zeros((9, 9, 1), int)
    ring[1:8, 1:8] = 1
    ring[2:7, 2:7] = 0
    found = disagreements(ring, np.zeros_like(ring), np.eye(4))
    assert len(found) == 1
    assert ring[found[0].voxel] == 1
    assert disagreements(ring, ring, np.eye(4)) == []


def test_labels_that_transforms_merge_are_merged_in_the_reference(reviewed, bright, data_dir):
    for number in (4, 5):
        path = data_dir / f"labels/case_{number}.nii.gz"
        old = nibabel.load(path)
        voxels = np.asarray(old.dataobj) * 3
        save(path, voxels, old.affine)
    bright["Validation"]["Transforms"].append(entry("eisen.transforms.ThresholdValues", fields=["label"], threshold=0))
    bright["General"]["Hyperparameters"][-1]["params"]["value"] = {"1": "box", "3": "other"}
    found = reviewed()
    case = found.cases[0]
    assert set(np.unique(nibabel.load(found.folder / case.reference).get_fdata())) == {0, 1}
    assert "label 3 of the reference is 1 for the model" in case.notes
    assert case.values["DICE[box]"] > 0.8


def test_a_case_that_cannot_be_read_is_noted_and_the_others_go_on(reviewed, data_dir, bright):
    bright["Validation"]["Datasets"][0]["params"]["json_file"] = "all.json"
    (data_dir / "images/case_2.nii.gz").write_bytes(b"not a volume")
    watcher = Recorder()
    found = reviewed(observer=watcher)
    assert list(found.failures) == ["case_2"]
    assert [case.name for case in found.cases] == ["case_0", "case_1", "case_3", "case_4", "case_5"]
    assert found.status == "complete"
    assert not (found.folder / "case_2").exists()
    assert ("batch", 6, 6) in watcher.calls


def test_an_interrupted_review_holds_whole_cases_only(reviewed, bright, tmp_path):
    bright["Validation"]["Datasets"][0]["params"]["json_file"] = "all.json"

    class Stops(Recorder):
        def on_batch(self, done, n_batches):
            if done == 2:
                raise KeyboardInterrupt

    found = reviewed(observer=Stops())
    assert found.interrupted
    folder = review_folder(tmp_path / "run")
    again = read_review(folder)
    assert (again.status, again.n_cases, len(again.cases)) == ("interrupted", 6, 2)
    assert sorted(path.name for path in folder.iterdir()) == ["case_0", "case_1", "cases.csv", "cases.json"]


def test_a_second_review_keeps_nothing_of_the_first(reviewed, bright, tmp_path):
    bright["Validation"]["Datasets"][0]["params"]["json_file"] = "all.json"
    first = reviewed(limit=4)
    foreign = first.folder / "notes.txt"
    foreign.write_text("mine", encoding="utf-8")
    bright["General"]["Models"][0]["params"]["threshold"] = 0.6
    bright["Validation"]["Datasets"][0]["params"]["json_file"] = "val.json"
    second = reviewed()
    assert [case.name for case in second.cases] == ["case_4", "case_5"]
    assert sorted(path.name for path in second.folder.iterdir() if path.is_dir()) == ["case_4", "case_5"]
    assert second.weights != first.weights
    assert foreign.read_text(encoding="utf-8") == "mine"


def test_metrics_of_the_configuration_are_used(reviewed, bright):
    bright["Evaluation"] = {"metrics": ["JACRD", "PREDVOL"], "labels": {"1": "bright"}}
    found = reviewed()
    assert found.columns == ["JACRD[bright]", "PREDVOL[bright]"]


def test_the_worst_case_comes_first_and_cases_without_a_value_before(reviewed):
    found = reviewed()
    by_dice = found.worst_first("DICE[box]")
    assert by_dice[0].values["DICE[box]"] <= by_dice[1].values["DICE[box]"]
    distance = found.worst_first("HDRFDST(percentile=95)[box]")
    assert distance[0].values["HDRFDST(percentile=95)[box]"] >= distance[1].values["HDRFDST(percentile=95)[box]"]
    assert found.value(found.cases[0], "DICE") == found.cases[0].values["DICE[box]"]


def example(name, tmp_path, model=None):
    """Review four cases of an example with untrained weights."""
    document = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    document["Validation"]["Datasets"][0]["params"]["n_cases"] = 4
    for part in ("Training", "Validation", "Testing"):
        document.get(part, {}).pop("Metrics", None)  # torchmetrics, which some name, takes seconds to load
    document["General"]["Models"] = model or document["General"]["Models"]
    experiment = read_config(document)
    saved(experiment, tmp_path / "run")
    return review(experiment, tmp_path, tmp_path / "run")


def test_pictures_are_volumes_of_one_slice_and_say_so(tmp_path):
    found = example("segment_shapes_2d", tmp_path)
    case = found.cases[0]
    image = nibabel.load(found.folder / case.images["image"])
    assert image.shape == (32, 32, 1)
    assert nibabel.load(found.folder / case.prediction).shape == (32, 32, 1)
    assert len(found.cases) == 4
    assert found.kind == "labels"
    assert any("pixels of 1 x 1" in note for note in case.notes) or image.header.get_zooms()[0] != 1


def test_a_model_that_makes_images_is_measured_as_one(tmp_path):
    found = example("denoise_shapes", tmp_path)
    assert found.kind == "image"
    assert set(found.columns) == {"MAE", "PSNR"}
    assert found.cases[0].disagreements == []
    assert nibabel.load(found.folder / found.cases[0].prediction).get_data_dtype() == np.float32


def test_numbers_are_rows_without_volumes(tmp_path):
    found = example("regress_radius", tmp_path)
    case = found.cases[0]
    assert found.kind == "values"
    assert not case.images
    assert not case.prediction
    assert case.values["absolute error"] == pytest.approx(abs(case.facts["value"] - case.facts["reference"]), rel=1e-4)
    assert sorted(path.name for path in found.folder.iterdir()) == ["cases.csv", "cases.json"]


def test_classes_are_rows_with_the_probability_of_what_is_true(tmp_path):
    wires = {"input_names": ["image"], "output_names": ["logits"]}
    sizes = {"input_channels": 1, "output_channels": 2, "n_filters": 4, "n_blocks": [1]}
    document = json.loads((EXAMPLES / "segment_shapes_2d.json").read_text(encoding="utf-8"))
    document["General"]["Models"] = [entry("eisen.models.ResNet", **wires, **sizes)]
    document["Training"]["Losses"] = [
        entry("torch.nn.CrossEntropyLoss", input_names=["logits", "kind"], output_names=["loss"])
    ]
    document["General"]["Hyperparameters"].append(entry(".Labels", value={"0": "disc", "1": "square"}))
    del document["Validation"]["Metrics"]
    document["Validation"]["Datasets"][0]["params"]["n_cases"] = 4
    experiment = read_config(document)
    saved(experiment, tmp_path / "run")
    found = review(experiment, tmp_path, tmp_path / "run")
    assert found.kind == "classes"
    assert not found.failures
    for case in found.cases:
        assert case.facts["reference"] in ("disc", "square")
        assert case.values["probability of the truth"] == case.facts[f"probability[{case.facts['reference']}]"]
    assert [path.name for path in sorted(found.folder.iterdir())] == ["cases.csv", "cases.json"]


def test_a_model_that_makes_images_from_random_numbers_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="random numbers"):
        example("gan_phantom_2d", tmp_path)


def test_what_is_wrong_is_said(reviewed, bright, tmp_path, data_dir):
    with pytest.raises(ArgumentError, match="limit is 0"):
        reviewed(limit=0)
    with pytest.raises(ConfigError, match="Testing"):
        reviewed(phase="Testing")
    with pytest.raises(MissingFileError):
        review(read_config(bright), data_dir, tmp_path / "nothing")
    with pytest.raises(MissingFileError, match="no review"):
        read_review(tmp_path)
    (tmp_path / "cases.json").write_text(json.dumps({"format": "other"}), encoding="utf-8")
    with pytest.raises(CorruptFileError, match="no review"):
        read_review(tmp_path)


def test_every_label_has_a_colour_of_its_own():
    labels = label_colours({0: "background", 2: "spleen"}, range(30))
    assert [label.value for label in labels] == list(range(1, 30))
    assert labels[1].name == "spleen"
    assert len({label.colour for label in labels}) == 29
