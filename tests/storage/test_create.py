"""A store holds what the data set gives: arrays, numbers, text, and where all of it came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, DataError, EmptyDatasetError, MissingFieldError, ShapeError
from eisen._core.types import Geometry
from eisen.datasets import ListDataset
from eisen.storage import StoreObserver, create_store, summarise_store
from eisen.storage.encoding import decode, scale_of
from eisen.storage.geometry_text import geometry_from_json
from eisen.transforms import AddChannelDimension, NiftiToNumpy, StackImagesChannelwise
from tests.storage.making import AFFINE, dataset_of, text_at, write_cases


def arrays(path: Path, field: str) -> list[np.ndarray]:
    with h5py.File(path) as file:
        group = file[f"data/{field}"]
        return [group[name][()] for name in sorted(group)]


def volume(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def test_a_store_holds_images_numbers_and_text_of_every_case(tmp_path: Path) -> None:
    cases = write_cases(tmp_path)
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5", config={"made": "here"})
    for i, (image, label) in enumerate(zip(arrays(path, "image"), arrays(path, "label"), strict=True)):
        expected = np.asanyarray(nibabel.load(tmp_path / cases[i]["image"]).dataobj)
        assert image.shape == (1, 9 + i, 12, 15)
        assert image.dtype == np.dtype("<i2")
        assert np.array_equal(image[0], expected)
        assert label.dtype == np.uint8
    with h5py.File(path) as file:
        assert dict(file.attrs)["format"] == "eisen-store"
        assert text_at(file, "meta/cases") == ["smith_000", "smith_001", "smith_002"]
        assert file["values/age"][:].tolist() == [50, 51, 52]
        assert text_at(file, "values/report") == ["finding 0", "finding 1", "finding 2"]
        record = json.loads(text_at(file, "meta/record"))
        assert file["meta/shapes/image"].dtype == np.int64
        assert file["meta/shapes/image"][:].tolist() == [[1, 9 + i, 12, 15] for i in range(3)]
    assert record["config"] == {"made": "here"}
    assert record["cases"] == 3
    assert record["fields"]["label"]["is_label"]
    assert record["fields"]["age"]["kind"] == "number"


def test_geometry_files_and_digests_are_those_of_the_sources(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    cases = write_cases(tmp_path / "a")
    path = create_store(dataset_of(tmp_path / "a", cases), tmp_path / "store.h5")
    with h5py.File(path) as file:
        geometry = geometry_from_json(text_at(file, "meta/geometry/image")[1])
        assert geometry is not None
        assert np.allclose(geometry.affine, AFFINE)
        assert geometry.shape == (10, 12, 15)
        assert text_at(file, "meta/file_root") == str(tmp_path / "a")
        assert json.loads(text_at(file, "meta/files/label")[2]) == ["smith_002_seg.nii.gz"]
        source = (tmp_path / "a" / "smith_000.nii.gz").read_bytes()
        assert text_at(file, "meta/source_digests/image")[0] == hashlib.sha256(source).hexdigest()
        stored = file["data/image/0"][()].tobytes()
        assert text_at(file, "meta/digests/image")[0] == hashlib.sha256(stored).hexdigest()


@pytest.mark.parametrize("form", ["raw", "int16", "blosc2"])
@pytest.mark.parametrize(("n_workers", "executor"), [(0, "processes"), (2, "processes"), (2, "threads")])
def test_the_content_does_not_depend_on_who_reads_it(tmp_path: Path, form: Any, n_workers: int, executor: Any) -> None:
    dataset = dataset_of(tmp_path, write_cases(tmp_path, 4))
    path = create_store(dataset, tmp_path / "store.h5", form=form, n_workers=n_workers, executor=executor)
    summary = summarise_store(path, verify=True)
    assert summary.verified == 8
    assert summary.damaged == []
    expected = np.asanyarray(nibabel.load(tmp_path / "smith_003.nii.gz").dataobj)
    assert np.array_equal(arrays(path, "image")[3][0], expected)
    assert [entry.name for entry in tmp_path.iterdir() if "store" in entry.name] == ["store.h5"]


def test_raw_arrays_are_contiguous_at_pages_and_little_endian(tmp_path: Path) -> None:
    big = volume(2, 20, 20, 20).astype(">f4")
    path = create_store(ListDataset([{"image": big}, {"image": big + 1}]), tmp_path / "s.h5")
    with h5py.File(path) as file:
        for number in "01":
            dataset = file[f"data/image/{number}"]
            assert dataset.chunks is None
            assert dataset.id.get_offset() % 4096 == 0
            assert dataset.dtype == np.dtype("<f4")
            found = np.memmap(path, "<f4", "r", dataset.id.get_offset(), dataset.shape)
            assert np.array_equal(found, big + int(number))


@pytest.mark.parametrize(
    "value",
    [
        volume(1, 3, 4, 5).transpose(0, 3, 2, 1),
        np.asfortranarray(volume(2, 30, 40, 50)),
        volume(3, 4, 5)[:, ::-1],
        np.array([[True, False], [False, True]]),
        volume(7).astype("complex64"),
        torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1),
        np.arange(5, dtype="uint64"),
    ],
    ids=["turned", "fortran", "flipped", "truth", "complex", "tensor", "unsigned"],
)
def test_arrays_of_any_order_in_memory_are_stored_in_c_order(tmp_path: Path, value: Any) -> None:
    path = create_store(ListDataset([{"x": value}]), tmp_path / "s.h5")
    assert np.array_equal(arrays(path, "x")[0].astype(np.asarray(value).dtype), np.asarray(value))
    assert summarise_store(path, verify=True).damaged == []


def test_images_of_libraries_become_arrays_with_channels_in_front(tmp_path: Path) -> None:
    import SimpleITK
    from PIL import Image

    itk = SimpleITK.GetImageFromArray(volume(7, 6, 5))
    point = {
        "nifti": nibabel.Nifti1Image(volume(5, 6, 7), np.eye(4)),
        "series": nibabel.Nifti1Image(volume(5, 6, 7, 2), np.eye(4)),
        "itk": itk,
        "photo": Image.new("RGB", (4, 2)),
    }
    store = create_store(ListDataset([point]), tmp_path / "s.h5", check_shapes=False)
    assert arrays(store, "nifti")[0].shape == (1, 5, 6, 7)
    assert arrays(store, "series")[0].shape == (2, 5, 6, 7)
    assert np.array_equal(arrays(store, "itk")[0], volume(7, 6, 5).T[None])
    assert arrays(store, "photo")[0].shape == (3, 2, 4)


def test_a_volume_without_channels_gets_one(tmp_path: Path) -> None:
    grid = Geometry.of(np.eye(4), (4, 5, 6))
    path = create_store(ListDataset([{"image": volume(4, 5, 6), "image_meta": grid}]), tmp_path / "s.h5")
    assert arrays(path, "image")[0].shape == (1, 4, 5, 6)


def test_channels_have_names_and_their_files_stay_known(tmp_path: Path) -> None:
    cases = [{"t1": case["image"], "t2": case["image"]} for case in write_cases(tmp_path, 2)]
    fields = ["t1", "t2"]
    dataset = dataset_of(tmp_path, cases)
    dataset.transform.transforms[0].fields = fields
    dataset.transform.transforms += [NiftiToNumpy(fields), StackImagesChannelwise(fields, "image")]
    dataset.transform.places += ["", ""]
    path = create_store(dataset, tmp_path / "s.h5", fields=["image"], names={"image": ["T1", "T2"]})
    assert summarise_store(path).fields[0].entries == ("T1", "T2")
    with h5py.File(path) as file:
        assert json.loads(text_at(file, "meta/files/image")[1]) == ["smith_001.nii.gz", "smith_001.nii.gz"]
        assert list(file["data"]) == ["image"]


def test_missing_numbers_are_nan_and_mixed_values_json(tmp_path: Path) -> None:
    cases = [
        {"x": volume(1, 2), "age": 61, "who": "a", "ok": True},
        {"x": volume(1, 2), "age": None, "who": 3, "ok": False},
    ]
    with h5py.File(create_store(ListDataset(cases), tmp_path / "s.h5")) as file:
        assert file["values/age"][0] == 61
        assert np.isnan(file["values/age"][1])
        assert [json.loads(text) for text in text_at(file, "values/who")] == ["a", 3]
        assert file["values/ok"].attrs["type"] == "bool"


def test_a_store_without_pixels_has_none(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, 2)
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "meta.h5", pixels=False)
    with h5py.File(path) as file:
        assert "data" not in file
        assert file["meta/shapes/image"][:].tolist() == [[1, 9, 12, 15], [1, 10, 12, 15]]
        assert json.loads(text_at(file, "meta/files/image")[0]) == ["smith_000.nii.gz"]
        assert not file.attrs["pixels"]
    voxels = np.asanyarray(nibabel.load(tmp_path / "smith_000.nii.gz").dataobj)
    assert voxels[0, 0, :].tobytes() not in path.read_bytes()


def test_load_and_on_case_extend_what_is_stored(tmp_path: Path) -> None:
    grid = Geometry.of(np.diag([2.0, 2, 2, 1]), (2, 2, 2))

    def load(field: str, value: Any, point: dict[str, Any]) -> Any:
        return (np.full((1, 2, 2, 2), float(value)), grid) if field == "image" else value

    def on_case(name: str, point: dict[str, Any]) -> dict[str, Any]:
        return {"mean": float(point["image"].mean()), "called": name}

    path = create_store(ListDataset([{"image": "3", "age": 4}]), tmp_path / "s.h5", load=load, on_case=on_case)
    with h5py.File(path) as file:
        assert file["data/image/0"][()].max() == 3
        assert file["values/mean"][0] == 3
        assert text_at(file, "values/called") == ["case_0000"]
        found = geometry_from_json(text_at(file, "meta/geometry/image")[0])
        assert found == grid


def test_the_observer_hears_every_case(tmp_path: Path) -> None:
    heard: list[Any] = []

    class Ear(StoreObserver):
        def on_start(self, n_cases: int) -> None:
            heard.append(n_cases)

        def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:
            heard.append((name, done, reused))

        def on_end(self, path: Path, n_bytes: int) -> None:
            heard.append(n_bytes)

    path = create_store(ListDataset([{"id": 1}, {"id": 2}]), tmp_path / "s.h5", observer=Ear())
    assert heard == [2, ("case_0000", 1, False), ("case_0001", 2, False), path.stat().st_size]


def test_a_compressed_form_is_smaller_and_loses_nothing(tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.linspace(0, 1, 40, dtype="float32"), (1, 40, 40, 40))
    cases = ListDataset([{"image": smooth}])
    raw = create_store(cases, tmp_path / "raw.h5")
    small = create_store(cases, tmp_path / "small.h5", form="blosc2")
    assert small.stat().st_size < raw.stat().st_size / 4
    with h5py.File(small) as file:
        dataset = file["data/image/0"]
        values = decode(dataset[()], scale_of(dataset), np.empty_like(smooth, order="C", subok=False))
    assert np.array_equal(values, smooth)


def test_scaled_integers_take_half(tmp_path: Path) -> None:
    scaled = (volume(1, 20, 20, 20) % 4000 * np.float32(0.25) - 7).astype("float32")
    path = create_store(ListDataset([{"image": scaled}]), tmp_path / "s.h5", form="int16")
    with h5py.File(path) as file:
        dataset = file["data/image/0"]
        assert dataset.dtype == np.int16
        assert dataset.attrs["dtype"] == "float32"
        assert np.allclose(dataset[()] * dataset.attrs["slope"] + dataset.attrs["inter"], scaled, atol=1e-3)


@pytest.mark.parametrize(
    ("cases", "kind", "words"),
    [
        ([], EmptyDatasetError, "no cases"),
        ([{"image": volume(1, 4, 4, 4), "label": volume(1, 4, 4, 5)}], ShapeError, r"\(1, 4, 4, 4\).*\(1, 4, 4, 5\)"),
        ([{"image": volume(1, 4, 0, 4)}], ShapeError, "no elements"),
        ([{"a": volume(1, 2), "b": 1}, {"a": volume(1, 2)}], DataError, "has no 'b'"),
        ([{"a": volume(1, 2)}, {"a": "text"}], DataError, "is text in case_0001"),
        ([{"a": volume(1, 2)}, {"a": volume(1, 2, 2)}], ShapeError, r"\(1, 2, 2\)"),
        ([{"a": object()}], DataError, "object"),
        ([{"a": np.array(["x"])}], DataError, "cannot be stored"),
        ([{"a/b": 1}], DataError, "cannot be called"),
    ],
    ids=["no cases", "shapes", "zero axis", "missing", "kinds", "axes", "object", "strings", "slash"],
)
def test_what_cannot_be_stored_is_named(tmp_path: Path, cases: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        create_store(ListDataset(cases) if cases else Nothing(), tmp_path / "s.h5")
    if len(cases) > 1:
        assert caught.value.card.case == "case_0001"
    assert not (tmp_path / "s.h5").exists()


class Nothing:
    def __len__(self) -> int:
        return 0

    def __getitem__(self, index: int) -> Any:
        raise IndexError


def test_shapes_may_differ_where_that_is_meant(tmp_path: Path) -> None:
    case = {"image": volume(1, 4, 4, 4), "label": volume(1, 2, 2, 2)}
    path = create_store(ListDataset([case]), tmp_path / "s.h5", check_shapes=False)
    assert arrays(path, "label")[0].shape == (1, 2, 2, 2)


@pytest.mark.parametrize("n_workers", [0, 2])
def test_an_error_names_case_field_and_file(tmp_path: Path, n_workers: int) -> None:
    cases = write_cases(tmp_path)
    (tmp_path / cases[1]["image"]).write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        create_store(dataset_of(tmp_path, cases), tmp_path / "s.h5", n_workers=n_workers)
    assert "smith_001" in caught.value.card.case
    assert caught.value.card.field == "image"
    assert caught.value.card.file.endswith("smith_001.nii.gz")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"form": "zip"}, "form is 'zip'"),
        ({"layout": "monai"}, "layout is 'monai'"),
        ({"executor": "slurm"}, "no executor 'slurm'"),
        ({"n_workers": -1}, "n_workers is -1"),
        ({"layout": "pymia", "form": "int16"}, "pymia knows no others"),
        ({"anonymous": True, "pixels": False}, "nobody could find"),
        ({"anonymous": 3}, "anonymous is 3"),
        ({"config": {"a": object()}}, "config is not JSON"),
        ({"fields": ["a/b"]}, "cannot be stored"),
        ({"names": {"image": ["T1", "T2"]}}, "one name per channel"),
        ({"names": {"pet": ["PET"]}}, "'pet' is no array"),
    ],
)
def test_wrong_arguments_are_explained(tmp_path: Path, choices: Any, words: str) -> None:
    with pytest.raises((ArgumentError, ShapeError), match=words):
        create_store(ListDataset([{"image": volume(1, 2, 2)}]), tmp_path / "s.h5", **choices)
    assert list(tmp_path.iterdir()) == []


def test_a_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFieldError, match="pet"):
        create_store(ListDataset([{"image": volume(1, 2, 2)}]), tmp_path / "s.h5", fields=["pet"])


def test_transforms_run_with_the_same_random_numbers_everywhere(tmp_path: Path) -> None:
    from eisen.transforms import RandomNoise

    def store(name: str, **how: Any) -> list[np.ndarray]:
        steps = [NiftiToNumpy(["image", "label"]), AddChannelDimension(["image"]), RandomNoise(["image"])]
        return arrays(
            create_store(dataset_of(tmp_path, cases, *steps), tmp_path / name, check_shapes=False, **how), "image"
        )

    cases = write_cases(tmp_path, 3)
    for one, two in zip(store("a.h5"), store("b.h5", n_workers=2), strict=True):
        assert np.array_equal(one, two)
