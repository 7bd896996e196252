"""A store is whole, or what is wrong with it is named: case, field, and what."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.datasets import ListDataset
from eisen.io import write_nifti
from eisen.storage import check_store, create_store, summarise_store
from eisen.transforms import NiftiToNumpy

from .making import AFFINE, dataset_of, write_cases


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    return tmp_path / "scans"


@pytest.fixture
def path(tmp_path: Path, folder: Path) -> Path:
    """A store of three pairs of image and label with their source files."""
    dataset = dataset_of(folder, write_cases(folder), NiftiToNumpy(["image", "label"]))
    return create_store(dataset, tmp_path / "store.h5")


def told(path: Path, **options: int) -> list[tuple[str, str, str]]:
    return [(found.kind, found.case, found.field) for found in check_store(path, **options).findings]


def flip_in(path: Path, place: str) -> None:
    """Turn one bit in the middle of the bytes of an array, on the disk."""
    with h5py.File(path) as file:
        dataset = file[place]
        chunked = dataset.chunks is not None
        at = dataset.id.get_chunk_info(0).byte_offset + 40 if chunked else dataset.id.get_offset() + dataset.nbytes // 2
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_new_store_is_whole(path: Path, jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    found = check_store(path, jobs=jobs, progress=lambda *each: seen.append(each))
    assert found.is_whole
    assert found.states == {"image": {"intact": 3, "same": 3}, "label": {"intact": 3, "same": 3}}
    assert seen == [(n, 6) for n in range(1, 7)]


@pytest.mark.parametrize("form", ["raw", "int16", "blosc2"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_flipped_bit_is_found(tmp_path: Path, form: str, jobs: int) -> None:
    rng = np.random.default_rng(0)
    cases = [{"image": rng.integers(-1000, 1000, (1, 40, 41, 42)).astype("int16")} for _ in range(3)]
    path = create_store(ListDataset(cases), tmp_path / "store.h5", form=form)
    assert told(path) == []
    flip_in(path, "data/image/1")
    assert told(path, jobs=jobs) == [("damaged", "case_0001", "image")]


def test_a_missing_case_is_named_and_the_others_are_compared_with_their_own_digests(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["data/label/1"]
    found = check_store(path)
    assert [(f.kind, f.field) for f in found.findings] == [("missing", "label")]
    assert found.findings[0].case == found.cases[1]
    assert found.states["label"] == {"intact": 2, "missing": 1, "same": 3}
    assert summarise_store(path, verify=True).damaged == [f"{found.cases[1]}: label"]


@pytest.mark.parametrize("share", [0.1, 0.6, 0.999])
def test_a_truncated_file_is_told_at_once(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CorruptFileError, match=r"truncated|cannot be opened|damaged"):
        check_store(path)


def test_a_source_file_that_changed_is_found_and_one_that_is_not_here_is_counted(path: Path, folder: Path) -> None:
    write_nifti(folder / "smith_001.nii.gz", np.zeros((3, 3, 3), "int16"), AFFINE)
    (folder / "smith_002_seg.nii.gz").unlink()
    found = check_store(path)
    assert [(f.kind, f.case, f.field) for f in found.findings] == [("source", found.cases[1], "image")]
    assert "smith_001.nii.gz is another file than when the store was made" in found.findings[0].text
    assert found.states["image"] == {"intact": 3, "same": 2, "changed": 1}
    assert found.states["label"] == {"intact": 3, "same": 2, "gone": 1}
    shutil.rmtree(folder)
    assert check_store(path).is_whole, "the store is what was written, wherever its files are"


def test_image_and_label_of_different_shapes_are_found_by_case(tmp_path: Path) -> None:
    def case(depth: int) -> dict[str, object]:
        image, late = np.ones((2, 4, 5, 6), "float32"), np.ones((1, 3, 3, 3), "float32")
        return {"image": image, "late": late, "label": np.ones((1, 4, 5, depth), "uint8"), "curve": np.ones((1, 7))}

    cases = ListDataset([case(6), case(5), case(6)])
    found = check_store(create_store(cases, tmp_path / "store.h5", check_shapes=False))
    assert [(f.kind, f.case, f.field) for f in found.findings] == [("shape", "case_0001", "label")]
    assert "4 x 5 x 5 voxels, and 'image' 4 x 5 x 6" in found.findings[0].text


def test_an_array_of_another_shape_than_noted_is_found(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["meta/shapes/image"][0] = (1, 1, 1, 1)
    kinds = {kind for kind, case, _ in told(path) if case == check_store(path).cases[0]}
    assert kinds == {"shape"}


def test_geometry_that_cannot_be_understood_is_found(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["meta/geometry/image"][2] = "{nonsense"
    assert [(kind, field) for kind, _, field in told(path)] == [("geometry", "image")]


def test_a_store_without_pixels_is_compared_with_its_files(tmp_path: Path, folder: Path) -> None:
    dataset = dataset_of(folder, write_cases(folder), NiftiToNumpy(["image", "label"]))
    path = create_store(dataset, tmp_path / "meta.h5", pixels=False)
    assert check_store(path).states["image"] == {"elsewhere": 3, "same": 3}
    write_nifti(folder / "smith_000.nii.gz", np.zeros((3, 3, 3), "int16"), AFFINE)
    assert [(kind, field) for kind, _, field in told(path)] == [("source", "image")]


def test_files_of_pymia_have_no_digests_and_are_read(tmp_path: Path) -> None:
    cases = [{"image": np.ones((1, 4, 5, 6), "float32"), "label": np.ones((1, 4, 5, 6), "uint8")} for _ in range(2)]
    path = create_store(ListDataset(cases), tmp_path / "pymia.h5", layout="pymia")
    found = check_store(path)
    assert found.is_whole
    assert {state for counts in found.states.values() for state in counts} == {"unknown", "none"}


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(CorruptFileError, match="is not a store"):
        check_store(tmp_path / "other.h5")
    with pytest.raises(MissingFileError):
        check_store(tmp_path / "absent.h5")
