"""pymia 0.3.4 itself reads what `layout="pymia"` writes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen.datasets import ListDataset
from eisen.storage import create_store, summarise_store
from eisen.transforms import StackImagesChannelwise
from tests.storage.making import dataset_of, write_cases

pytest.importorskip("pymia")


@pytest.fixture
def extraction(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield pymia's extraction; it needs names that NumPy has not had since 1.24."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in {"object": object, "float": float, "int": int, "bool": bool}.items():
            if name not in vars(np):
                monkeypatch.setattr(np, name, value, raising=False)
        import pymia.data.extraction as extr

        yield extr


@pytest.fixture
def store(tmp_path: Path) -> Path:
    cases = write_cases(tmp_path)
    return create_store(dataset_of(tmp_path, cases), tmp_path / "pymia.h5", layout="pymia")


def voxels(folder: Path, name: str) -> np.ndarray:
    import nibabel

    return np.asanyarray(nibabel.load(folder / name).dataobj)


def test_pymia_reads_slices_of_images_and_labels(store: Path, tmp_path: Path, extraction: Any) -> None:
    extractor = extraction.ComposeExtractor(
        [
            extraction.DataExtractor(categories=("images", "labels")),
            extraction.SubjectExtractor(),
            extraction.NamesExtractor(),
            extraction.FilesExtractor(),
        ]
    )
    source = extraction.PymiaDatasource(str(store), extraction.SliceIndexing(0), extractor)
    assert source.get_subjects() == ["smith_000", "smith_001", "smith_002"]
    assert len(source) == 3 * 15
    sample = source[15 + 4]
    assert sample["subject"] == "smith_001"
    assert np.array_equal(sample["images"][..., 0], voxels(tmp_path, "smith_001.nii.gz")[:, :, 4].T)
    assert np.array_equal(sample["labels"][..., 0], voxels(tmp_path, "smith_001_seg.nii.gz")[:, :, 4].T)
    assert sample["images_names"] == ["image"]
    assert list(sample["labels_files"]) == ["smith_001_seg.nii.gz"]
    assert sample["file_root"] == str(tmp_path)
    source.close_reader()


def test_pymia_knows_where_the_voxels_are(store: Path, extraction: Any) -> None:
    source = extraction.PymiaDatasource(str(store), None, extraction.ImagePropertiesExtractor())
    found = source.direct_extract(extraction.ImagePropertiesExtractor(), 2)["properties"]
    assert found.size == (11, 12, 15)
    assert found.spacing == (1.0, 1.5, 2.5)
    assert found.origin == (-30.0, 20.0, 7.0)
    assert found.direction == (1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)
    source.close_reader()


def test_the_properties_are_those_that_itk_reads(store: Path, tmp_path: Path, extraction: Any) -> None:
    import SimpleITK

    image = SimpleITK.ReadImage(str(tmp_path / "smith_000.nii.gz"))
    source = extraction.PymiaDatasource(str(store), None, extraction.ImagePropertiesExtractor())
    found = source.direct_extract(extraction.ImagePropertiesExtractor(), 0)["properties"]
    assert found.size == image.GetSize()
    for ours, theirs in ((found.origin, image.GetOrigin()), (found.spacing, image.GetSpacing())):
        assert np.allclose(ours, theirs)
    assert np.allclose(found.direction, image.GetDirection())
    source.close_reader()


def test_pymia_takes_patches_of_two_channels(tmp_path: Path, extraction: Any) -> None:
    cases = [{"t1": case["image"], "t2": case["label"], "age": case["age"]} for case in write_cases(tmp_path)]
    dataset = dataset_of(tmp_path, cases)
    dataset.transform.transforms[0].fields = ["t1", "t2"]
    from eisen.transforms import NiftiToNumpy

    dataset.transform.transforms += [NiftiToNumpy(["t1", "t2"]), StackImagesChannelwise(["t1", "t2"], "image")]
    dataset.transform.places += ["", ""]
    names = {"image": ["T1", "T2"]}
    path = create_store(dataset, tmp_path / "s.h5", layout="pymia", fields=["image", "age"], names=names)
    indexing = extraction.PatchWiseIndexing(patch_shape=(5, 6, 3))
    extractor = extraction.ComposeExtractor(
        [
            extraction.SelectiveDataExtractor(selection=("T2",), category="images"),
            extraction.DataExtractor(("age",), ignore_indexing=True),
        ]
    )
    source = extraction.PymiaDatasource(str(path), indexing, extractor)
    assert len(source) == 3 * (3 * 2 * 3)
    sample = source[0]
    expected = voxels(tmp_path, "smith_000_seg.nii.gz")[:3, :6, :5].transpose()
    assert np.array_equal(np.squeeze(sample["images"]), expected)
    assert sample["age"].tolist() == [50]
    source.close_reader()


def test_pictures_keep_their_axes(tmp_path: Path, extraction: Any) -> None:
    picture = np.arange(60, dtype="uint8").reshape(3, 4, 5)
    path = create_store(ListDataset([{"image": picture, "text": "a"}]), tmp_path / "s.h5", layout="pymia")
    source = extraction.PymiaDatasource(str(path), None, extraction.DataExtractor(("images", "text"), True))
    sample = source[0]
    assert np.array_equal(sample["images"], np.moveaxis(picture, 0, -1))
    assert sample["text"] == ["a"]
    source.close_reader()


def test_our_own_summary_reads_them_too(store: Path) -> None:
    summary = summarise_store(store)
    assert summary.layout == "pymia"
    largest = {entry.name: entry.largest for entry in summary.fields}
    assert largest == {"images": (15, 12, 11, 1), "labels": (15, 12, 11, 1), "age": (1,), "report": (1,)}


def test_pymia_needs_images(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no array field 'image'"):
        create_store(ListDataset([{"ct": np.ones((1, 2, 2, 2))}]), tmp_path / "s.h5", layout="pymia")
