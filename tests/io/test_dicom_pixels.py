from __future__ import annotations

import locale
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from eisen._core.errors import CorruptFileError, GeometryError, MissingExtraError
from eisen.io import (
    LoadDICOMSeries,
    read_dicom_series,
    write_dicom_series,
)
from eisen.transforms import NiftiToNumpy

AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, -1.1, 0, 31.5], [0, 0, 2.5, -700.25], [0, 0, 0, 1]])


def voxels(shape=(4, 5, 6), low=-1000, high=3000) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, shape).astype("int16")


def edited(file: str | Path, **attributes) -> Path:
    dataset = pydicom.dcmread(file)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        elif isinstance(value, DataElement):
            dataset.add(value)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(file)
    return Path(file)


def array_of(image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


def test_hounsfield_units_are_int16_also_from_16_unsigned_bits(tmp_path):
    for file in write_dicom_series(tmp_path, voxels(low=0), AFFINE):
        edited(file, RescaleIntercept=-1024, PixelRepresentation=0)
    image = read_dicom_series(tmp_path)
    assert image.get_data_dtype() == np.int16
    assert np.array_equal(array_of(image), voxels(low=0) - 1024)


@pytest.mark.parametrize(
    ("array", "changes", "dtype"),
    [
        (voxels(low=0, high=200), {"BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}, "uint8"),
        (voxels(), {}, "int16"),
        (np.full((4, 5, 6), 40000), {}, "int32"),
        (voxels(), {"RescaleSlope": 30}, "int32"),
        (voxels(), {"RescaleSlope": 0.5}, "float32"),
    ],
)
def test_the_type_of_the_voxels_holds_every_value(tmp_path, array, changes, dtype):
    for file in write_dicom_series(tmp_path, array, AFFINE):
        edited(file, **changes)
    found = array_of(read_dicom_series(tmp_path))
    assert found.dtype == dtype
    assert np.array_equal(found, array * float(changes.get("RescaleSlope", 1)))


def test_every_slice_of_a_pet_has_its_own_slope(tmp_path):
    array = np.random.default_rng(0).random((4, 5, 6)) * np.array([1, 10, 100, 3, 1e4, 0.01])
    files = write_dicom_series(tmp_path, array, AFFINE, modality="PT")
    assert len({pydicom.dcmread(file).RescaleSlope for file in files}) == 6
    found = array_of(read_dicom_series(tmp_path))
    assert found.dtype == np.float32
    assert (np.abs(found - array) <= np.ptp(array, axis=(0, 1)) / 131070 + 1e-6 * array).all()


def test_a_lookup_table_takes_the_place_of_the_slope(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [300, 0, 16], "US"
    table.LUTData = np.arange(300, dtype="<u2") * 200
    for file in write_dicom_series(tmp_path, voxels(low=0, high=300), AFFINE):
        dataset = pydicom.dcmread(file)
        table["LUTData"].VR, table["LUTDescriptor"].VR = "OW", "US"
        table["LUTData"].value = (np.arange(300, dtype="<u2") * 200).tobytes()
        dataset.ModalityLUTSequence = Sequence([table])
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.save_as(file)
    assert np.array_equal(array_of(read_dicom_series(tmp_path)), voxels(low=0, high=300).astype(int) * 200)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEG2000Lossless", "JPEGLSLossless", "JPEGLosslessSV1"])
def test_compressed_slices_are_read(tmp_path, syntax):
    array = voxels((72, 64, 3), low=0)
    files = write_dicom_series(tmp_path, array, AFFINE)
    for file in files:
        compress(file, syntax)
    assert np.array_equal(array_of(read_dicom_series(tmp_path)), array)


def compress(file: str, syntax: str) -> None:
    dataset = pydicom.dcmread(file)
    if syntax != "JPEGLosslessSV1":
        dataset.compress(getattr(pydicom.uid, syntax), generate_instance_uid=False)
        dataset.save_as(file)
        return
    image = SimpleITK.ReadImage(file)  # pydicom has no encoder for this one, ITK has
    image.EraseMetaData("0028|1053")
    image.EraseMetaData("0028|1052")
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG")
    writer.SetFileName(file)
    before = locale.setlocale(locale.LC_ALL)
    writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)  # ITK leaves "C", in which files opened without an encoding are ASCII
    assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == pydicom.uid.JPEGLosslessSV1
    edited(file, **{k: dataset[k].value for k in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")})


def test_a_missing_decoder_is_an_error_that_names_the_extra(tmp_path, monkeypatch):
    for file in write_dicom_series(tmp_path, voxels((64, 64, 2)), AFFINE):
        compress(file, "JPEG2000Lossless")
    from pydicom.pixels.decoders.base import Decoder

    monkeypatch.setattr(Decoder, "is_available", property(lambda _: False))
    with pytest.raises(MissingExtraError, match="JPEG 2000") as caught:
        read_dicom_series(tmp_path)
    assert "eisen[dicom]" in caught.value.card.to_do
    assert caught.value.card.file.endswith(".dcm")


@pytest.mark.parametrize("palette", [False, True])
def test_colours_are_a_last_axis(tmp_path, palette):
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    table = np.random.default_rng(1).integers(0, 256, (256, 3)).astype("u1")
    for k, file in enumerate(write_dicom_series(tmp_path, voxels(), AFFINE)):
        pixels = colours[:, :, k, 0] if palette else colours[:, :, k]
        changes = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
        if palette:
            for n, name in enumerate(("Red", "Green", "Blue")):
                changes[f"{name}PaletteColorLookupTableData"] = table[:, n].tobytes()
                changes[f"{name}PaletteColorLookupTableDescriptor"] = DataElement(0x00281101 + n, "US", [256, 0, 8])
            changes |= {"PhotometricInterpretation": "PALETTE COLOR"}
        else:
            changes |= {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
        edited(file, PixelData=np.ascontiguousarray(pixels.swapaxes(0, 1)).tobytes(), **changes)
    image = read_dicom_series(tmp_path)
    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(array_of(image), table[colours[..., 0]] if palette else colours)


def enhanced(path: Path, array: np.ndarray, affine: np.ndarray, b_values=(None,)) -> Path:
    """Write an enhanced MR: all slices in one file, in mixed order, everything that differs in functional groups."""
    folder = path.parent / "single"
    files = write_dicom_series(folder, array, affine, modality="MR")
    slices = [pydicom.dcmread(file) for file in files]
    pixels = {piece.SOPInstanceUID: piece.pixel_array.astype(int) for piece in slices}
    shutil.rmtree(folder)
    frames = [(piece, b) for b in b_values for piece in slices]
    frames = [frames[k] for k in np.random.default_rng(0).permutation(len(frames))]
    whole, groups = slices[0], []
    for piece, b in frames:
        group = Dataset()
        for sequence, keywords in {
            "PlanePositionSequence": ["ImagePositionPatient"],
            "PixelValueTransformationSequence": ["RescaleSlope", "RescaleIntercept"],
        }.items():
            item = Dataset()
            for keyword in keywords:
                setattr(item, keyword, piece[keyword].value)
            setattr(group, sequence, Sequence([item]))
        if b is not None:
            item = Dataset()
            item.DiffusionBValue = float(b)
            group.MRDiffusionSequence = Sequence([item])
        groups.append(group)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = whole.PixelSpacing, whole.SliceThickness
    orientation.ImageOrientationPatient = whole.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    whole.SharedFunctionalGroupsSequence = Sequence([shared])
    whole.PerFrameFunctionalGroupsSequence = Sequence(groups)
    whole.NumberOfFrames = len(frames)
    uids = [piece.SOPInstanceUID for piece, _ in frames]
    factors = [1 if b is None else b for _, b in frames]
    whole.PixelData = b"".join(
        (pixels[uid] * factor).astype("<i2").tobytes() for uid, factor in zip(uids, factors, strict=True)
    )
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
        del whole[keyword]
    whole.SOPClassUID = pydicom.uid.EnhancedMRImageStorage
    whole.file_meta.MediaStorageSOPClassUID = whole.SOPClassUID
    whole.save_as(path)
    return path


def test_an_enhanced_multi_frame_file_is_the_same_volume_as_its_slices(tmp_path):
    image = read_dicom_series(enhanced(tmp_path / "e.dcm", voxels(), AFFINE))
    assert np.array_equal(array_of(image), voxels())
    assert np.allclose(image.affine, AFFINE)


def test_the_b_values_of_an_enhanced_file_become_channels(tmp_path):
    enhanced(tmp_path / "e.dcm", voxels(high=1000), AFFINE, b_values=(1, 3, 7))
    with pytest.raises(GeometryError, match="differ in b"):
        read_dicom_series(tmp_path)
    data = LoadDICOMSeries(["dwi"], tmp_path, split="channels")({"dwi": "e.dcm"})
    assert data["dwi_channels"] == "b=1; b=3; b=7"
    assert np.array_equal(array_of(data["dwi"]), voxels(high=1000)[..., None] * np.array([1, 3, 7]))
    assert NiftiToNumpy(["dwi"], multichannel=True)(data)["dwi_meta"].shape == (4, 5, 6)
    assert np.array_equal(array_of(read_dicom_series(tmp_path, split="b=3")), voxels(high=1000) * 3)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEG2000Lossless"])
def test_a_truncated_compressed_file_is_named(tmp_path, syntax):
    files = write_dicom_series(tmp_path, voxels((64, 64, 4)), AFFINE)
    for file in files:
        compress(file, syntax)
    Path(files[2]).write_bytes(Path(files[2]).read_bytes()[:-700])
    with pytest.raises(CorruptFileError, match=r"002\.dcm"):
        read_dicom_series(tmp_path)
