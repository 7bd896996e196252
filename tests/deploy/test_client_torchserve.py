"""The client against a real TorchServe: what it sends in chunks, compressed or as a form arrives there as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from eisen_deploy.client import EisenServingClient, RefusedError, TokenError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.contents import HANDLER_TEXT

from .safe_packages import oblique, phantom, safe_folder
from .volume_requests import dicom

pytestmark = pytest.mark.slow  # the same requests go to TorchServe in tests/deploy/conformance


@pytest.fixture(scope="module")
def server(torchserve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("archive")
    package = safe_folder(folder / "package")
    members: dict[str, bytes | Path] = {
        path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()
    }
    members["handlers.py"] = HANDLER_TEXT.encode()
    model = {"modelName": "tiny", "modelVersion": "1.0", "handler": "handlers.py"}
    write_archive(folder / "tiny.mar", members, manifest={"runtime": "python", "model": model})
    return torchserve(folder / "tiny.mar")


def test_every_way_of_sending_arrives(server: Any, tmp_path: Path) -> None:
    url = f"{server.url}/predictions/tiny"
    client = EisenServingClient(url, True, token=server.token, timeout_s=100)
    assert [entry["name"] for entry in client.metadata["inputs"]] == ["image", "image_affine"]
    scan, plain = tmp_path / "scan.nii.gz", tmp_path / "scan.nii"
    for path in (scan, plain):
        nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), path)
    client.predict_file(scan, tmp_path / "mask.nii.gz")
    mask = np.asarray(nibabel.load(tmp_path / "mask.nii.gz").dataobj)
    batch = {"image": phantom(), "image_affine": oblique()}
    for how in (None, "gzip", "zstd"):
        same = EisenServingClient(url, token=server.token, timeout_s=100, compression=how, check=False)
        np.testing.assert_array_equal(same.predict(batch)["labels"], mask)
        np.testing.assert_array_equal(same.predict_array(phantom(), oblique()).array(), mask)
        same.predict_file(plain, tmp_path / f"{how}.nii.gz")
        assert (tmp_path / f"{how}.nii.gz").read_bytes() == (tmp_path / "mask.nii.gz").read_bytes()
    client.predict_file({"image": scan}, tmp_path / "form.nii.gz")
    assert (tmp_path / "form.nii.gz").read_bytes() == (tmp_path / "mask.nii.gz").read_bytes()
    dicom(phantom(), oblique(), tmp_path / "series")
    client.predict_file(tmp_path / "series", tmp_path / "series.nii.gz")
    assert np.asarray(nibabel.load(tmp_path / "series.nii.gz").dataobj).size == mask.size


def test_its_errors_are_cards(server: Any) -> None:
    with pytest.raises(TokenError, match="the server wants a token"):
        EisenServingClient(f"{server.url}/predictions/tiny", token="")
    with pytest.raises(TokenError, match="does not accept this token"):
        EisenServingClient(f"{server.url}/predictions/tiny", token="wrong")
    with pytest.raises(RefusedError, match="Model not found") as caught:
        EisenServingClient(f"{server.url}/predictions/other", token=server.token)
    assert caught.value.status == 404
