"""The client and ``eisen call`` against the embedded server with a real package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner

from eisen_cli.main import cli
from eisen_deploy.client import EisenServingClient, InputRefusedError, RefusedError, TokenError
from eisen_deploy.packaging.layout import MANIFEST
from eisen_deploy.serving.embedded import EmbeddedServer
from eisen_deploy.serving.settings import ServerSettings

from .safe_packages import oblique, phantom, safe_folder
from .volume_requests import dicom


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    folder = safe_folder(tmp_path_factory.mktemp("package") / "model")
    (folder / MANIFEST).parent.mkdir()
    model = {"modelName": "tiny", "modelVersion": "1.0", "handler": "handlers.py"}
    (folder / MANIFEST).write_text(json.dumps({"runtime": "python", "model": model}), encoding="utf-8")
    settings = ServerSettings(port=0, threads=1, max_bytes=2_000_000)
    with EmbeddedServer(settings, [folder], tmp_path_factory.mktemp("scratch")) as server:
        server.wait_ready(120)
        yield server


@pytest.fixture(scope="module")
def client(server: EmbeddedServer) -> Iterator[EisenServingClient]:
    with EisenServingClient(f"{server.url}/predictions/tiny", True, token=server.token, timeout_s=60) as client:
        yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one volume as NIfTI and as a DICOM series."""
    folder = tmp_path_factory.mktemp("scans")
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), folder / "scan.nii.gz")
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), folder / "scan.nii")
    dicom(phantom(), oblique(), folder / "series")
    return folder


@pytest.fixture(scope="module")
def mask(client: EisenServingClient, place: Path) -> np.ndarray:
    client.predict_file(place / "scan.nii.gz", place / "mask.nii.gz")
    image = nibabel.load(place / "mask.nii.gz")
    np.testing.assert_allclose(image.affine, oblique(), atol=1e-6)
    return np.asarray(image.dataobj)


def test_every_way_of_asking_gives_the_same_labels(client: EisenServingClient, place: Path, mask: np.ndarray) -> None:
    assert mask.shape == phantom().shape
    assert len(np.unique(mask)) > 1
    batch = {"image": phantom(), "image_affine": oblique()}
    outputs = client.predict(batch)
    assert set(outputs) == {"labels", "warnings"}
    np.testing.assert_array_equal(outputs["labels"], mask)
    np.testing.assert_array_equal(client.predict_array(phantom(), oblique()).array(), mask)
    client.predict_file({"image": place / "scan.nii.gz"}, place / "form.nii.gz")
    assert (place / "form.nii.gz").read_bytes() == (place / "mask.nii.gz").read_bytes()
    client.predict_file(place / "scan.nii.gz", place / "mask.nrrd")
    assert (place / "mask.nrrd").read_bytes()[:4] == b"NRRD"


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_compressed_both_ways(server: EmbeddedServer, place: Path, mask: np.ndarray, how: str) -> None:
    url = f"{server.url}/predictions/tiny"
    client = EisenServingClient(url, token=server.token, compression=how, timeout_s=60)
    outputs = client.predict({"image": phantom(), "image_affine": oblique()})
    np.testing.assert_array_equal(outputs["labels"], mask)
    np.testing.assert_array_equal(client.predict_array(phantom(), oblique()).array(), mask)
    client.predict_file(place / "scan.nii", place / f"{how}.nii.gz")
    assert (place / f"{how}.nii.gz").read_bytes() == (place / "mask.nii.gz").read_bytes()


def test_a_series_in_and_a_volume_out(client: EisenServingClient, place: Path, mask: np.ndarray) -> None:
    answer = client.predict_file(place / "series", place / "series.nii.gz")
    assert answer.model == "tiny/1.0"
    found = np.asarray(nibabel.load(place / "series.nii.gz").dataobj)
    assert found.size == mask.size
    assert client.predict_file(place / "series", accept="json").json()["warnings"] == list(answer.warnings)


def test_what_the_server_refuses_is_a_card(client: EisenServingClient, server: EmbeddedServer, place: Path) -> None:
    with pytest.raises(InputRefusedError, match="affine") as caught:
        client.predict_array(phantom())
    assert "X-Eisen-Affine" in str(caught.value)
    with pytest.raises(InputRefusedError) as caught:
        client.predict_array(np.zeros((200, 200, 200)), oblique())
    assert caught.value.status == 413
    with pytest.raises(RefusedError) as caught:
        client.predict_file(place / "scan.nii.gz", accept="dcm")
    assert caught.value.status == 406
    with pytest.raises(TokenError, match="does not accept"):
        EisenServingClient(client.url, token="wrong-token-of-somebody")
    with pytest.raises(RefusedError) as caught:
        EisenServingClient(f"{server.url}/predictions/other", token=server.token)
    assert caught.value.status == 404


def test_as_one_types_it(server: EmbeddedServer, place: Path, mask: np.ndarray, monkeypatch: Any) -> None:
    monkeypatch.setenv("EISEN_TOKEN", server.token)
    monkeypatch.chdir(place)

    def call(*words: str) -> Any:
        done = CliRunner().invoke(cli, ["call", *words], prog_name="eisen")
        assert done.exit_code == 0, done.output
        return done

    assert "image_affine" in call(server.url).stdout
    call(server.url, "scan.nii.gz", "-o", "typed.nii.gz")
    assert Path("typed.nii.gz").read_bytes() == Path("mask.nii.gz").read_bytes()
    call(server.url, "scan.nii.gz", "series", "--format", "nii.gz", "-o", "masks")
    assert sorted(path.name for path in Path("masks").iterdir()) == ["scan.nii.gz", "series.nii.gz"]
    call(server.url, "scan.nii.gz", "--probabilities", "-o", "probabilities.nii.gz")
    assert nibabel.load("probabilities.nii.gz").shape == (*mask.shape, 3)
    summary = json.loads(call(server.url, "scan.nii.gz", "--json").stdout)["answers"][0]["answer"]
    assert isinstance(summary, dict)
