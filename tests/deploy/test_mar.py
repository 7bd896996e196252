"""Archives of the original kind: names, members, manifest, and what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen_deploy.packaging import EisenServingMAR
from eisen_deploy.packaging.packmodel import EISEN_SERVING_HANDLER_PATH, ArgClass
from eisen_deploy.serving import Request, Service, handlers
from eisen_deploy.utils import pack, unpack
from tests.deploy.packages import plain_step, scaled_archive, scaled_metadata

# The archiver leaves the file with its version open.
with_archiver = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


def packer(**more: Any) -> EisenServingMAR:
    return EisenServingMAR(plain_step, plain_step, {"inputs": [], "outputs": []}, **more)


def names_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as file:
        return set(file.namelist())


def test_members_and_manifest_are_those_of_the_original(tmp_path: Path) -> None:
    with zipfile.ZipFile(scaled_archive(tmp_path)) as file:
        assert set(file.namelist()) == {
            "model.pt",
            "pre_process_tform.pkl",
            "post_process_tform.pkl",
            "metadata.json",
            "handlers.py",
            "MAR-INF/MANIFEST.json",
            "MAR-INF/digests.json",
        }
        manifest = json.loads(file.read("MAR-INF/MANIFEST.json"))
        assert manifest["runtime"] == "python"
        assert manifest["model"] == {
            "modelName": "scaled",
            "serializedFile": "model.pt",
            "handler": "handlers.py",
            "modelVersion": "1.0",
        }
        metadata = json.loads(file.read("metadata.json"))
        assert metadata == {
            **scaled_metadata(),
            "trust_pickle": True,
            "python": ".".join(map(str, sys.version_info[:2])),
        }
        assert file.read("handlers.py") == Path(handlers.__file__).read_bytes()
    assert Path(EISEN_SERVING_HANDLER_PATH).samefile(handlers.__file__)


def test_equal_packages_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, other = scaled_archive(tmp_path / "a"), scaled_archive(tmp_path / "b")
    assert one.read_bytes() == other.read_bytes()


def test_one_packer_packs_many_models_without_changing_them(tmp_path: Path) -> None:
    mar, model = packer(), torch.nn.Dropout()
    mar.pack(model, tmp_path, "a", "1")
    mar.pack(model, str(tmp_path), "b", "1")
    assert model.training
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mar", "b.mar"]


@with_archiver
def test_torchs_archiver_makes_the_same_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archiver empties folders of the temporary directory, so it gets one of its own."""
    from model_archiver.model_packaging import package_model
    from model_archiver.model_packaging_utils import ModelExportUtils

    ours = scaled_archive(tmp_path)
    staging, theirs = tmp_path / "staging", tmp_path / "theirs"
    staging.mkdir()
    theirs.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(staging))
    source = tmp_path / "source"
    with zipfile.ZipFile(ours) as file:
        file.extractall(source)
    extra = ",".join(
        str(source / name) for name in ("pre_process_tform.pkl", "post_process_tform.pkl", "metadata.json")
    )
    arguments = ArgClass(str(source / "model.pt"), str(source / "handlers.py"), extra, str(theirs), "scaled", "1.0")
    package_model(arguments, ModelExportUtils.generate_manifest_json(arguments))
    with zipfile.ZipFile(ours) as one, zipfile.ZipFile(theirs / "scaled.mar") as other:
        assert set(one.namelist()) - {"MAR-INF/digests.json"} == set(other.namelist())
        for name in other.namelist():
            if not name.startswith("MAR-INF/"):
                assert one.read(name) == other.read(name), name
        manifests = [json.loads(file.read("MAR-INF/MANIFEST.json")) for file in (one, other)]
        assert manifests[0]["model"] == manifests[1]["model"]


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "../a", "ä", 3])
def test_a_bad_name_is_refused(name: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError):
        packer().pack(torch.nn.ReLU(), tmp_path, name, "1")
    assert not list(tmp_path.iterdir())


@with_archiver
def test_refusals_are_errors_of_the_archiver_too(tmp_path: Path) -> None:
    from model_archiver.model_archiver_error import ModelArchiverError

    packer().pack(torch.nn.ReLU(), tmp_path, "a", "1")
    before = (tmp_path / "a.mar").read_bytes()
    with pytest.raises(ModelArchiverError, match="there already") as caught:
        packer().pack(torch.nn.Tanh(), tmp_path, "a", "1")
    assert (tmp_path / "a.mar").read_bytes() == before
    assert isinstance(caught.value, ArgumentError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(ModelArchiverError, match="no folder"):
        packer().pack(torch.nn.ReLU(), tmp_path / "missing", "a", "1")
    with pytest.raises(ModelArchiverError, match="no name"):
        packer().pack(torch.nn.ReLU(), tmp_path, "a b", "1")


def test_own_files_travel_along(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "mine" / "__pycache__").mkdir(parents=True)
    (library / "mine" / "steps.py").write_text("x = 1")
    (library / "mine" / "__pycache__" / "steps.pyc").write_text("")
    (library / "notes, final.txt").write_text("a")
    (tmp_path / "labels, final.json").write_text("{}")
    files = (path for path in [library, str(tmp_path / "labels, final.json")])
    packer().pack(torch.nn.ReLU(), tmp_path, "a", "1", files)
    assert names_in(tmp_path / "a.mar") > {"mine/steps.py", "notes, final.txt", "labels, final.json"}
    assert not any("pycache" in name for name in names_in(tmp_path / "a.mar"))
    packer().pack(torch.nn.ReLU(), tmp_path, "b", "1", str(tmp_path / "labels, final.json"))
    assert "labels, final.json" in names_in(tmp_path / "b.mar")


@pytest.mark.parametrize("name", ["metadata.json", "handlers.py", "model.pt", "METADATA.json", "MAR-INF/MANIFEST.json"])
def test_own_files_do_not_replace_those_of_the_package(name: str, tmp_path: Path) -> None:
    own = tmp_path / "own" / name
    own.parent.mkdir(parents=True)
    own.write_text("x")
    with pytest.raises(ArgumentError, match="(?i)" + name):
        packer().pack(torch.nn.ReLU(), tmp_path, "a", "1", [tmp_path / "own"])
    with pytest.raises(ArgumentError, match="no file"):
        packer().pack(torch.nn.ReLU(), tmp_path, "a", "1", [tmp_path / "missing"])
    assert not (tmp_path / "a.mar").exists()


def test_another_handler_is_packed_and_named(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text("def handle(data, context): return data")
    packer(handler=own).pack(torch.nn.ReLU(), tmp_path, "a", "1")
    packer(handler="image_classifier").pack(torch.nn.ReLU(), tmp_path, "b", "1")
    found = []
    for name in ("a", "b"):
        with zipfile.ZipFile(tmp_path / f"{name}.mar") as file:
            found.append(json.loads(file.read("MAR-INF/MANIFEST.json"))["model"]["handler"])
            assert ("mine.py" in file.namelist()) == (name == "a")
            assert "handlers.py" not in file.namelist()
    assert found == ["mine.py", "image_classifier"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, plain_step, {"inputs": [], "outputs": []}), "pre_processing"),
        ((plain_step, dict, {"inputs": [], "outputs": []}), "post_processing"),
        ((plain_step, plain_step, []), "meta_data"),
        ((plain_step, plain_step, {"inputs": []}), "outputs"),
        ((plain_step, plain_step, {"inputs": [{"type": "ndarray"}], "outputs": []}), "inputs"),
        ((plain_step, plain_step, {"inputs": [], "outputs": [], "x": {1}}), "JSON"),
        ((plain_step, plain_step, {"inputs": [], "outputs": [], "x": float("nan")}), "JSON"),
        ((plain_step, plain_step, {"inputs": [], "outputs": [], "trust_pickle": False}), "forbids"),
        ((plain_step, plain_step, {"inputs": [], "outputs": []}, "nothing.py"), "handler"),
        ((plain_step, plain_step, {"inputs": [], "outputs": []}, "some_classifier"), "handler"),
        ((plain_step, lambda data: next(generator), {"inputs": [], "outputs": []}), "pickled"),
    ],
)
def test_what_cannot_be_packed_is_refused_at_once(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        EisenServingMAR(*arguments)


generator = (n for n in range(3))


@pytest.mark.parametrize("model", [torch.nn.ReLU, lambda x: x, {"weight": 1}, None])
def test_what_is_no_model_is_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError):
        packer().pack(model, tmp_path, "a", "1")
    assert not list(tmp_path.iterdir())


SCRIPT = """
import sys, threading
import torch
from eisen_deploy.packaging import EisenServingMAR, create_metadata

password = "TOKEN-OF-THE-SCRIPT"
lock = threading.Lock()
scale = 3.0

def scaled(value):
    return value * scale

class Net(torch.nn.Module):
    def forward(self, x):
        return scaled(x)

class Keep:
    def __init__(self, names):
        self.names = names
    def __call__(self, data):
        return {name: data[name] for name in self.names}

metadata = create_metadata(["x"], ["ndarray"], [[-1]], ["y"], ["ndarray"], [[-1]])
EisenServingMAR(Keep(["x"]), lambda data: {"y": scaled(data["y"])}, metadata).pack(Net(), sys.argv[1], "script", "1")
"""


def test_classes_and_functions_of_a_script_travel_without_its_other_values(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    subprocess.run([sys.executable, str(tmp_path / "script.py"), str(tmp_path)], check=True, timeout=120)
    with zipfile.ZipFile(tmp_path / "script.mar") as file:
        file.extractall(tmp_path / "unpacked")
        assert not any(b"TOKEN-OF" in file.read(name) for name in file.namelist())
    [answer] = Service.open(tmp_path / "unpacked").answer([Request(pack({"x": np.ones(2)}))])
    assert unpack(answer.body)["y"].tolist() == [9, 9]
