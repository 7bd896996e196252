"""Where results come from, what they are called, and where they are kept."""

from __future__ import annotations

import json
import math
import subprocess
import time

import numpy as np
import pytest
import torch
from experiment_parts import save, scan

from eisen._core.errors import CorruptFileError, MissingFileError, TrainingError
from eisen._core.types import Geometry
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.best import Best, criterion
from eisen.experiments.case_names import unique_names
from eisen.experiments.checkpoint import load_checkpoint, load_weights, previous, save_checkpoint
from eisen.experiments.data_checks import CheckContent, CheckGrids
from eisen.experiments.describe_fields import describe_field
from eisen.experiments.differences import differences
from eisen.experiments.hook_state import hook_state, restore_hook
from eisen.experiments.provenance import data_digest, digest_of, git_state, machine_facts, package_versions
from eisen.experiments.records import EpochRow
from eisen.experiments.weights import load_into


def test_the_data_digest_sees_names_and_contents_but_not_times(tmp_path):
    cases = [{"image": f"{i}.nii.gz", "age": i} for i in range(3)]
    for i in range(3):
        save(tmp_path / f"{i}.nii.gz", scan((8, 8, 8), i)[0])
    first = data_digest(cases, tmp_path)
    content = (tmp_path / "1.nii.gz").read_bytes()
    (tmp_path / "1.nii.gz").write_bytes(content)
    assert data_digest(cases, tmp_path) == first
    assert data_digest(cases[:2], tmp_path) != first
    assert data_digest([{**cases[0], "age": 9}, *cases[1:]], tmp_path) != first
    (tmp_path / "1.nii.gz").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert data_digest(cases, tmp_path) != first


def test_a_change_in_the_middle_of_a_large_gzip_file_is_seen(tmp_path):
    image = np.random.default_rng(0).random((40, 40, 40)).astype("float32")
    save(tmp_path / "a.nii.gz", image)
    assert (tmp_path / "a.nii.gz").stat().st_size > 1 << 16
    first = data_digest([{"image": "a.nii.gz"}], tmp_path)
    image[20, 20, 20] += 1
    save(tmp_path / "a.nii.gz", image)
    assert data_digest([{"image": "a.nii.gz"}], tmp_path) != first


def test_the_data_digest_of_hundreds_of_files_takes_milliseconds(tmp_path):
    for i in range(300):
        (tmp_path / f"{i}.nii.gz").write_bytes(bytes(100_000))
    cases = [{"image": f"{i}.nii.gz"} for i in range(300)]
    times = []
    for _ in range(3):
        started = time.process_time()
        data_digest(cases, tmp_path)
        times.append(time.process_time() - started)
    assert min(times) < 0.2


def test_git_state_knows_commit_and_changes(tmp_path):
    assert git_state(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "a.txt").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    state = git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert not state["dirty"]
    (tmp_path / "a.txt").write_text("2")
    assert git_state(tmp_path)["dirty"]


def test_versions_and_machine_can_be_written_as_json():
    assert json.dumps(machine_facts())
    assert package_versions()["numpy"] == np.__version__
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_numbers_that_json_cannot_hold_become_null(tmp_path):
    artifacts = Artifacts(tmp_path / "new" / "folder")
    artifacts.prepare()
    artifacts.write_json(artifacts.run_json, {"loss": math.nan, "path": tmp_path, "shape": (1, 2)})
    assert json.loads(artifacts.run_json.read_text(encoding="utf-8")) == {
        "loss": None,
        "path": str(tmp_path),
        "shape": [1, 2],
    }
    artifacts.append("epoch", loss=math.inf)
    assert json.loads(artifacts.log.read_text(encoding="utf-8"))["loss"] is None


def test_the_checkpoint_before_is_kept(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for epoch in range(3):
        save_checkpoint(path, {"model": {}, "epoch": epoch})
    assert load_weights(path)["epoch"] == 2
    assert load_weights(previous(path))["epoch"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]


def test_checkpoints_are_kept_without_hard_links_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError

    monkeypatch.setattr("os.link", no_links)
    path = tmp_path / "checkpoint.pt"
    for epoch in range(2):
        save_checkpoint(path, {"model": {}, "epoch": epoch})
    assert load_weights(previous(path))["epoch"] == 0


def test_files_that_are_no_checkpoint_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(MissingFileError):
        load_checkpoint(path)
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_checkpoint(path)
    torch.save(torch.zeros(1), path)
    with pytest.raises(CorruptFileError, match="Tensor"):
        load_checkpoint(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CorruptFileError):
        load_checkpoint(path)


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    torch.save({"model": Evil(), "epoch": 1}, tmp_path / "evil.pt")
    with pytest.raises(CorruptFileError):
        load_weights(tmp_path / "evil.pt")


def test_weights_of_data_parallel_models_fit(tmp_path):
    net = torch.nn.Linear(2, 1)
    torch.save({f"module.{name}": value + 1 for name, value in net.state_dict().items()}, tmp_path / "a.pt")
    before = net.weight.detach().clone()
    load_into(net, tmp_path / "a.pt")
    torch.testing.assert_close(net.weight.detach(), before + 1)


def test_what_does_not_fit_is_named(tmp_path):
    torch.save({"weight": torch.zeros(5, 2), "extra": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(TrainingError, match="bias is missing, extra is unknown, weight has shape"):
        load_into(torch.nn.Linear(2, 1), tmp_path / "a.pt")


def test_names_are_short_and_never_alike():
    assert unique_names(["a/x.nii.gz", "a/y.nii"]) == ["x", "y"]
    assert unique_names(["s1/ct/im.nii.gz", "s2/ct/im.nii.gz"]) == ["s1_ct_im", "s2_ct_im"]
    assert unique_names(["im.nii.gz", "im.nii.gz", "IM.nii.gz"]) == ["im", "im_2", "IM_3"]
    assert unique_names(["../a b:c.mha"]) == ["a_b_c"]


def test_the_best_epoch_is_judged_by_validation_metric_then_losses():
    train, validation = EpochRow("Training", 0, {"a": 1.0}, {"m": 0.5}), EpochRow("Validation", 0, {"a": 2.0}, {})
    assert criterion([train, validation]) == (validation, "mean loss", 2.0)
    assert criterion([train]) == (train, "mean loss", 1.0)
    classes = EpochRow("Validation", 0, {}, {"dice": 0.5, "dice[a]": 0.2, "dice[b]": 0.8})
    assert criterion([train, classes]) == (classes, "mean metric", 0.5)
    only_classes = EpochRow("Validation", 0, {}, {"dice[a]": 0.2, "dice[b]": 0.8})
    assert criterion([only_classes])[2] == pytest.approx(0.5)


def test_nan_is_never_the_best():
    best = Best()
    assert not best.update([EpochRow("Validation", 0, {}, {"dice": math.nan})])
    assert best.facts() == {}
    assert best.update([EpochRow("Validation", 1, {}, {"dice": 0.1})])


def test_a_hook_remembers_its_counter_but_not_its_arguments():
    class Hook:
        def __init__(self, patience):
            self.patience, self.counter, self.name = patience, 0, "x"

    old, new = Hook(3), Hook(5)
    old.counter = 2
    assert hook_state(old) == {"numbers": {"counter": 2}}
    restore_hook(new, {"numbers": {"counter": 2, "gone": 1}})
    assert (new.patience, new.counter) == (5, 2)
    assert not hasattr(new, "gone")


def test_equal_configurations_have_no_differences():
    assert not list(differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}))
    assert list(differences({"a": None}, {})) == ["a: None -> (absent)"]


def test_a_file_is_looked_at_once():
    image = np.zeros((4, 4, 4), "float32")
    meta = Geometry.of(np.eye(4), (4, 4, 4), "a.nii.gz")
    look = CheckContent(["image", "absent", "name"])
    look({"image": image, "image_meta": meta, "name": "x"})
    image[0, 0, 0] = np.nan
    look({"image": image, "image_meta": meta})
    with pytest.raises(ValueError, match="NaN"):
        look({"image": image})


def test_itk_images_are_checked_too():
    import SimpleITK

    label = SimpleITK.GetImageFromArray(np.zeros((4, 4, 4), "uint8"))
    with pytest.raises(ValueError, match="empty"):
        CheckContent(["label"])({"label": label})
    assert describe_field("label", label).shape == (4, 4, 4)


def test_grids_are_compared_in_voxels_where_voxels_are_small():
    tiny, moved = np.diag([0.001, 0.001, 0.001, 1]), np.diag([0.001, 0.001, 0.001, 1])
    moved[0, 3] = 0.002
    image = np.zeros((4, 4, 4), "float32")
    grids = [Geometry.of(affine, (4, 4, 4)) for affine in (tiny, moved)]
    data = {"image": image, "image_meta": grids[0], "label": image, "label_meta": grids[1]}
    with pytest.raises(ValueError, match="mm apart"):
        CheckGrids()(data)
    assert CheckGrids()({**data, "label_meta": grids[0]})
