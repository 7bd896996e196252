"""``eisen pack``: from a training run to a package in one command."""

from __future__ import annotations

import copy
import getpass
import io
import json
import platform
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArtifactError
from eisen.config import read_config
from eisen.experiments import Run
from eisen_deploy.packaging import PackReport, pack_run
from tests.deploy.trained_runs import hyper, member, opened, picture_config, said, step, trained, volume_config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """A training on volumes with labels in every step of its Validation."""
    return trained(tmp_path_factory.mktemp("volumes"), volume_config(), phantom_folder)


@pytest.fixture(scope="module")
def packed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> PackReport:
    """Its package, with everything."""
    return pack_run(run, tmp_path_factory.mktemp("packed") / "organs.mar")


def light(run: Path, path: Path, **wishes: Any) -> PackReport:
    return pack_run(run, path, graph=False, **wishes)


def test_a_package_has_all_that_serving_needs(packed: PackReport) -> None:
    names = set(zipfile.ZipFile(packed.path).namelist())
    assert names == {
        *("MAR-INF/MANIFEST.json", "MAR-INF/digests.json", "package.json", "metadata.json", "config.json"),
        *("handlers.py", "model-config.yaml", "MODEL_CARD.md", "requirements.txt"),
        *("LICENSES/eisen.txt", "LICENSES/DEPENDENCIES.md", "weights/0.safetensors", "graphs/0.onnx"),
        *(f"golden/{number}-{what}.npy" for number in (0, 1) for what in ("input-0", "output", "certainty")),
    }
    package = said(packed.path)
    assert (package["name"], package["kind"], package["activation"]) == ("organs", "labels", "softmax")
    assert package["inputs"][0] | {"field": "image", "given_as": "nifti", "spatial_axes": 3} == package["inputs"][0]
    assert [(v["value"], v["name"]) for v in package["labels"]] == list(
        enumerate(["background", "liver", "spleen", "kidneys"])
    )
    assert package["fingerprint"]["image"]["n_cases"] == 4
    assert packed.verified
    assert packed.notes == []


def test_labels_of_the_training_are_in_no_step(packed: PackReport) -> None:
    phase = said(packed.path, "config.json")["Prediction"]
    assert [entry["params"]["fields"] for entry in (*phase["Readers"], *phase["Transforms"])] == [["image"]] * 5
    assert phase["Datasets"] == [{"type": "eisen.datasets.EisenDataset", "params": {"cases": []}}]
    assert set(said(packed.path, "config.json")) == {"General", "Prediction"}


def test_a_package_names_no_file_no_case_and_no_machine(packed: PackReport, run: Path, phantom_folder: Path) -> None:
    secrets = {str(run), str(phantom_folder), "phantom_0", "dataset_train", "imagesTr", "experiment.json"}
    secrets |= {platform.node(), f"/{getpass.getuser()}/", "/site-packages/", "/tmp/"}
    with zipfile.ZipFile(packed.path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert [secret for secret in secrets if secret.encode() in content] == [], name


def test_clients_are_told_inputs_and_outputs(packed: PackReport) -> None:
    metadata = said(packed.path, "metadata.json")
    assert [(each["name"], each["shape"]) for each in metadata["inputs"]] == [
        ("image", [-1, -1, -1]),
        ("image_affine", [4, 4]),
    ]
    assert [each["name"] for each in metadata["outputs"]] == ["labels", "warnings"]
    assert metadata["custom"]["labels"][1] == {"value": 1, "name": "liver", "colour": "#e6550d"}


def test_the_same_run_gives_the_same_bytes(packed: PackReport, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "elsewhere" / "moved")
    data_dir = Path(json.loads((run / "provenance.json").read_text(encoding="utf-8"))["data_dir"])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        again = pack_run(tmp_path / "elsewhere" / "moved", tmp_path / "organs.mar", data_dir=(run / data_dir).resolve())
    finally:
        torch.set_num_threads(before)
    assert again.path.read_bytes() == packed.path.read_bytes()


def test_packages_predict_what_the_run_predicts(run: Path, packed: PackReport, tmp_path: Path) -> None:
    import nibabel

    experiment = read_config(run.parent / "experiment.json")
    data_dir = (run / json.loads((run / "provenance.json").read_text(encoding="utf-8"))["data_dir"]).resolve()
    predicted = Run(experiment, data_dir, run).predict(tmp_path / "out").predictions[0]
    model = opened(packed.path, tmp_path)
    scan = data_dir / json.loads((data_dir / "dataset_val.json").read_text(encoding="utf-8"))["training"][0]["image"]
    labels = model.predict({"image": str(scan)}).verdict.labels()
    np.testing.assert_array_equal(labels, np.asarray(nibabel.load(predicted).dataobj))


def test_weights_keep_their_type(run: Path, tmp_path: Path) -> None:
    copy_of = tmp_path / "run"
    shutil.copytree(run, copy_of)
    state = torch.load(run / "models" / "best.pt", weights_only=True)
    torch.save({name: value.bfloat16() for name, value in state.items()}, copy_of / "models" / "half.pt")
    packed = light(run, tmp_path / "half.mar", models=[copy_of / "models" / "half.pt"])
    content = member(packed.path, "weights/0.safetensors")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"BF16"}


def test_wishes_are_heard(run: Path, tmp_path: Path) -> None:
    licence = tmp_path / "DATA LICENCE.txt"
    licence.write_text("CC BY-SA 4.0", encoding="utf-8")
    packed = light(
        run,
        tmp_path / "x.mar",
        name="organs-2",
        version="2.1",
        tta="flips:0",
        gate="refuse",
        golden=1,
        intended_use="Counting livers.",
        limits="Not for children.",
        licences=[licence],
    )
    package, card = said(packed.path), member(packed.path, "MODEL_CARD.md").decode()
    assert (package["name"], package["model_version"], package["gate"]) == ("organs-2", "2.1", "refuse")
    assert (package["tta"], len(package["golden"]), package["graphs"]) == ("flips:0", 1, [])
    assert "Counting livers." in card
    assert "Not for children." in card
    assert member(packed.path, "LICENSES/DATA_LICENCE.txt") == b"CC BY-SA 4.0"
    assert said(packed.path, "MAR-INF/MANIFEST.json")["model"]["modelName"] == "organs-2"


def test_an_older_file_is_replaced_on_demand_only(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.mar"
    target.write_bytes(b"old")
    with pytest.raises(ArtifactError, match="--overwrite"):
        light(run, target)
    assert target.read_bytes() == b"old"
    assert light(run, target, overwrite=True).size == target.stat().st_size > 3


def test_without_its_data_a_run_is_packed_and_what_is_assumed_is_said(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "moved")
    (tmp_path / "moved" / "provenance.json").unlink()
    packed = light(tmp_path / "moved", tmp_path / "x.mar")
    package = said(packed.path)
    assert package["inputs"][0]["given_as"] == "nifti"
    assert package["fingerprint"] == {}
    assert not packed.verified
    assert any("no fingerprint" in note for note in packed.notes)
    assert any("not compared" in note for note in packed.notes)


def test_values_of_one_hot_labels_survive(phantom_folder: Path, tmp_path: Path) -> None:
    config = volume_config()
    config["General"]["Models"][0]["params"]["out_channels"] = 2
    for phase in ("Training", "Validation"):
        config[phase]["Transforms"].insert(1, step("LabelMapToOneHot", ["label"], classes=[0, 3]))
        config[phase]["Transforms"][2]["params"]["fields"] = ["image"]
    config["Validation"]["Metrics"] = []
    packed = light(trained(tmp_path / "t", config, phantom_folder), tmp_path / "x.mar")
    package = said(packed.path)
    assert package["channels"] == [0, 3]
    assert [(v["value"], v["name"]) for v in package["labels"]] == [(0, "background"), (3, "kidneys")]
    assert packed.verified
    labels = np.load(io.BytesIO(member(packed.path, "golden/0-output.npy")))
    assert set(np.unique(labels)) <= {0, 3}


@pytest.mark.parametrize(("kind", "comes_out"), [("mask", "labels"), ("kind", "classes")])
def test_pictures_are_segmented_and_classified(kind: str, comes_out: str, tmp_path: Path) -> None:
    packed = light(trained(tmp_path / "t", picture_config(kind), tmp_path), tmp_path / "x.mar")
    package = said(packed.path)
    assert (packed.kind, packed.verified) == (comes_out, True)
    assert package["inputs"] == [
        {"field": "image", "given_as": "array", "n_axes": 3, "dtype": "float32", "spatial_axes": 2, "channels": 1}
    ]
    assert said(packed.path, "metadata.json")["inputs"] == [{"name": "image", "type": "ndarray", "shape": [-1, -1]}]


def test_models_of_an_ensemble_predict_together_with_their_temperature(run: Path, tmp_path: Path) -> None:
    campaign = tmp_path / "crossval"
    for name in ("fold-0", "fold-1"):
        shutil.copytree(run, campaign / name)
    other = campaign / "fold-1" / "models" / "best.pt"
    torch.save({n: v + 0.1 for n, v in torch.load(other, weights_only=True).items()}, other)
    members = ["fold-0/models/best.pt", "fold-1/models/best.pt"]
    listed = {"format": "eisen-ensemble", "version": 1, "config": "fold-0/config.json", "members": members}
    (campaign / "ensemble.json").write_text(json.dumps({**listed, "temperature": 1.5}), encoding="utf-8")
    packed = light(campaign, tmp_path / "x.mar")
    package = said(packed.path)
    assert package["weights"] == ["weights/0.safetensors", "weights/1.safetensors"]
    assert package["temperature"] == 1.5
    assert member(packed.path, "weights/0.safetensors") != member(packed.path, "weights/1.safetensors")
    assert packed.verified


def test_a_signed_package_verifies(run: Path, tmp_path: Path) -> None:
    from eisen_deploy.packaging.signing import make_keys, verify

    keys = make_keys(tmp_path / "clinic")
    packed = light(run, tmp_path / "x.mar", sign=keys.private)
    assert verify(packed.path, keys.public).fingerprint == packed.signed


def test_another_configuration_may_bring_the_phase(run: Path, tmp_path: Path) -> None:
    config = volume_config()
    steps = [step("NiftiToNumpy", ["image"]), step("AddChannelDimension", ["image"])]
    prediction = copy.deepcopy(config["Validation"]) | {"Transforms": steps, "Hyperparameters": hyper(BatchSize=1)}
    prediction = {k: v for k, v in prediction.items() if k != "Metrics"}
    prediction["Readers"] = [step("eisen.io.LoadNiftiFromFilename", ["image"])]
    file = tmp_path / "serve.json"
    file.write_text(json.dumps({"General": config["General"], "Prediction": prediction}), encoding="utf-8")
    packed = light(run, tmp_path / "x.mar", config=file)
    assert len(said(packed.path, "config.json")["Prediction"]["Transforms"]) == 2
    assert said(packed.path)["activation"] == "softmax"  # which the losses of the training tell
    assert packed.verified
