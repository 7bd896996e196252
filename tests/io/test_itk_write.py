from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch

from eisen._core.errors import ArgumentError, ArtifactError, GeometryError
from eisen._core.types import Geometry
from eisen.io import LoadITKFromFilename, WriteITKToFile, write_itk
from eisen.io.staging import staged

AFFINE = np.array([[1.2, -1.2, 0.0, -20.0], [1.6, 0.9, 0.0, 7.5], [0.0, 0.0, 3.0, 31.25], [0, 0, 0, 1]])
GRID = Geometry.of(AFFINE, (4, 5, 6))
ARRAY = np.arange(120, dtype="int16").reshape(4, 5, 6)
FORMATS = ["mha", "mhd", "nrrd", "nii.gz", "nii"]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_again_in_its_place(tmp_path, suffix, compress):
    write_itk(tmp_path / f"a.{suffix}", ARRAY, GRID, compress=compress)
    raw = SimpleITK.ReadImage(str(tmp_path / f"a.{suffix}"))
    assert raw.GetPixelID() == SimpleITK.sitkInt16
    assert np.array_equal(SimpleITK.GetArrayFromImage(raw), ARRAY.T)
    meta = LoadITKFromFilename(["x"], tmp_path)({"x": f"a.{suffix}"})["x_meta"]
    assert np.allclose(meta.affine, AFFINE, atol=1e-5)
    voxels = "a.zraw" if compress else "a.raw"
    assert {path.name for path in tmp_path.iterdir()} == {f"a.{suffix}", *([voxels] if suffix == "mhd" else [])}


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64", ">i2", "float32", "float64"]
)
def test_pixel_types_are_kept(tmp_path, dtype):
    write_itk(tmp_path / "a.mha", (ARRAY % 2).astype(dtype), GRID)
    back = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.mha")))
    assert back.dtype == (np.uint8 if dtype == "bool" else np.dtype(dtype).newbyteorder("="))
    assert np.array_equal(back, (ARRAY % 2).T)


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
def test_channels_become_the_values_of_a_voxel(tmp_path, suffix):
    write_itk(tmp_path / f"a.{suffix}", torch.from_numpy(np.stack([ARRAY, ARRAY + 1])), GRID)
    image = LoadITKFromFilename(["x"], tmp_path)({"x": f"a.{suffix}"})["x"]
    assert image.GetPixel(1, 2, 3) == (ARRAY[1, 2, 3], ARRAY[1, 2, 3] + 1)


def test_images_of_simpleitk_are_written_as_they_are(tmp_path):
    write_itk(tmp_path / "a.mha", SimpleITK.Image(9, 8, SimpleITK.sitkUInt8) + 3)
    assert np.all(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.mha"))) == 3)


def test_four_dimensions_survive(tmp_path):
    series = SimpleITK.JoinSeries([SimpleITK.Image(4, 5, 6, SimpleITK.sitkInt16) + n for n in range(3)])
    write_itk(tmp_path / "a.nrrd", series)
    data = LoadITKFromFilename(["x"], tmp_path)({"x": "a.nrrd"})
    assert data["x"].GetSize() == (4, 5, 6, 3)
    assert data["x"].GetPixel(1, 1, 1, 2) == 2
    assert data["x_meta"].shape == (4, 5, 6)


def test_the_step_writes_images_and_arrays_and_changes_nothing(tmp_path):
    data = {"ct": ARRAY, "ct_meta": GRID, "mr": SimpleITK.Image(4, 5, 6, SimpleITK.sitkInt16), "id": "p/07.mha"}
    write = WriteITKToFile(["ct", "mr"], ["id", "id"], str(tmp_path / "out"), file_format="nrrd", compress=False)
    assert write(data) == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_ct_07.nrrd", "out_mr_07.nrrd"]
    back = LoadITKFromFilename(["ct"], tmp_path)({"ct": "out_ct_07.nrrd"})
    assert np.allclose(back["ct_meta"].affine, AFFINE)


def test_an_array_without_its_geometry_is_refused(tmp_path):
    with pytest.raises(GeometryError, match="does not know where"):
        WriteITKToFile(["x"], filename_prefix=str(tmp_path / "a"))({"x": ARRAY})
    with pytest.raises(GeometryError, match=r"shape \(5, 4, 6\)"):
        write_itk(tmp_path / "a.mha", ARRAY.swapaxes(0, 1), GRID)
    assert not list(tmp_path.iterdir())


def test_shear_is_refused_because_itk_would_straighten_it(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.2
    with pytest.raises(GeometryError, match=r"sheared by 11\.3 degrees") as caught:
        write_itk(tmp_path / "a.nii.gz", ARRAY, Geometry.of(affine, (4, 5, 6)))
    assert "write_nifti" in caught.value.card.to_do


@pytest.mark.parametrize("dtype", ["float16", "complex64", "U3"])
def test_types_without_pixels_are_refused(tmp_path, dtype):
    with pytest.raises(ArgumentError, match="no pixel type"):
        write_itk(tmp_path / "a.mha", ARRAY.astype(dtype), GRID)


def test_wrong_names_and_formats_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="cannot write a"):
        write_itk(tmp_path / "a.png", ARRAY, GRID)
    with pytest.raises(ArgumentError, match="file_format"):
        WriteITKToFile(["x"], file_format="png")
    with pytest.raises(ArtifactError, match="its folder does not exist"):
        write_itk(tmp_path / "no" / "a.mha", ARRAY, GRID)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_failed_write_leaves_the_old_files(tmp_path, monkeypatch, suffix):
    write_itk(tmp_path / f"a.{suffix}", ARRAY, GRID)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(image, name, **_):
        Path(name).write_bytes(b"half")
        raise RuntimeError("sitk::ERROR: disk full")

    monkeypatch.setattr(SimpleITK, "WriteImage", fail)
    with pytest.raises(ArtifactError, match="disk full"):
        write_itk(tmp_path / f"a.{suffix}", ARRAY + 1, GRID)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_header_never_stands_beside_the_voxels_of_another(tmp_path, monkeypatch):
    """Killed between two files of a pair, there is no header rather than a wrong one."""
    write_itk(tmp_path / "a.mhd", ARRAY, GRID, compress=False)
    seen, replace = [], Path.replace

    def watched(self, target):
        seen.append(sorted(path.name for path in tmp_path.iterdir() if path.is_file()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_itk(tmp_path / "a.mhd", ARRAY + 1, GRID, compress=False)
    assert all("a.mhd" not in names for names in seen)
    assert len(seen) == 2
    assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.mhd"))), (ARRAY + 1).T)


def test_nothing_takes_the_name_when_the_writer_wrote_nothing(tmp_path):
    with pytest.raises(ArtifactError), staged(tmp_path / "a.mha"):
        pass
    assert not list(tmp_path.iterdir())
