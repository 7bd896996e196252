from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
import torch

from eisen._core.errors import ArgumentError, ArtifactError, ShapeError, VoxelValueError
from eisen.io import LoadPILImageFromFilename, WriteImageToFile, write_image

GREY = np.arange(48).reshape(8, 6)


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff"])
@pytest.mark.parametrize(
    ("array", "mode"),
    [
        (GREY.astype("uint8"), "L"),
        (GREY, "L"),
        (GREY.astype("uint16"), "I;16"),
        (GREY + 60000, "I;16"),
        ((GREY + 1000)[None].astype("int32"), "I;16"),
        (GREY % 2 == 0, "L"),
        (np.stack([GREY, GREY + 1, GREY + 2]).astype("uint16"), "RGB"),
        (np.stack([GREY] * 4), "RGBA"),
        (torch.from_numpy(GREY)[None], "L"),
    ],
)
def test_every_pixel_is_the_value_that_was_given(tmp_path, array, mode, suffix):
    write_image(tmp_path / f"a.{suffix}", array)
    image = LoadPILImageFromFilename(["x"], tmp_path)({"x": f"a.{suffix}"})["x"]
    assert image.mode == mode
    back = np.asarray(image)
    given = np.asarray(array)
    assert np.array_equal(
        np.moveaxis(back, -1, 0) if back.ndim == 3 else back, given if back.ndim == 3 else given.reshape(8, 6)
    )


@pytest.mark.parametrize(
    "array",
    [GREY - 1, GREY + 65535, np.stack([GREY + 250] * 3), GREY / 2, GREY.astype("float32"), GREY.astype("complex64")],
)
def test_nothing_is_clipped_rounded_or_rescaled(tmp_path, array):
    with pytest.raises(VoxelValueError):
        write_image(tmp_path / "a.png", array)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(6,), (2, 8, 6), (8, 6, 3), (5, 8, 6), (1, 3, 8, 6), (0, 6), (3, 0, 6)])
def test_what_is_no_picture_is_refused(tmp_path, shape):
    with pytest.raises(ShapeError, match="is no picture"):
        write_image(tmp_path / "a.png", np.zeros(shape, "uint8"))


def test_a_row_of_three_colours_is_read_as_channels_first(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((3, 4, 3), "uint8"))
    with PIL.Image.open(tmp_path / "a.png") as image:
        assert image.size == (3, 4)


def test_formats_that_change_values_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="cannot write a"):
        write_image(tmp_path / "a.jpg", GREY)
    with pytest.raises(ArgumentError, match="file_format"):
        WriteImageToFile(["x"], file_format="jpg")
    with pytest.raises(ArtifactError):
        write_image(tmp_path / "no" / "a.png", GREY)


def test_the_step_names_its_files_and_changes_nothing(tmp_path):
    data = {"x": GREY, "id": "scans/case_9.png"}
    assert WriteImageToFile(["x"], ["id"], str(tmp_path / "out"), file_format="tif")(data) == data
    assert [path.name for path in tmp_path.iterdir()] == ["out_x_case_9.tif"]


def test_a_failed_write_leaves_the_old_picture(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", GREY)
    before = (tmp_path / "a.png").read_bytes()
    monkeypatch.setattr(PIL.Image.Image, "save", lambda self, file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_image(tmp_path / "a.png", GREY + 1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
