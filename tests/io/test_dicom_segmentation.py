from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from eisen._core.errors import (
    ArgumentError,
    ArtifactError,
    CorruptFileError,
    DataError,
    GeometryError,
    MissingExtraError,
    MissingFieldError,
    VoxelValueError,
)
from eisen._core.types import Geometry
from eisen.io import (
    LoadDICOMSegmentation,
    LoadDICOMSeries,
    WriteDICOMSegmentation,
    geometry_of,
    read_dicom_seg,
    read_dicom_series,
    write_dicom_seg,
    write_dicom_series,
)

AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, -1.1, 0, 31.5], [0, 0, 2.5, -700.25], [0, 0, 0, 1]])
SHAPE = (4, 5, 6)
TURNS = [(*axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]
NAMES = {1: "Spleen", 2: "right_kidney", 3: "Liver"}


def labels(shape=SHAPE, n=3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, n + 1, shape).astype("uint8")


def turned(array: np.ndarray, affine: np.ndarray, turn) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels in the same places, with the axes of the array in another order and direction."""
    *axes, signs = turn
    index = np.zeros((4, 4))
    index[3, 3] = 1
    for new, (old, sign) in enumerate(zip(axes, signs, strict=True)):
        index[old, new] = sign
        index[old, 3] = 0 if sign > 0 else array.shape[old] - 1
    result = array.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]
    return result, affine @ index


def array_of(image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


@pytest.fixture
def series(tmp_path) -> list[str]:
    return write_dicom_series(tmp_path / "ct", np.zeros(SHAPE, "int16"), AFFINE)


@pytest.fixture(scope="module")
def one_series(tmp_path_factory) -> list[str]:
    return write_dicom_series(tmp_path_factory.mktemp("ct"), np.zeros(SHAPE, "int16"), AFFINE)


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_label_map_in_any_of_48_orientations_lands_in_its_place(tmp_path, one_series, turn):
    array, affine = turned(labels(), AFFINE, turn)
    write_dicom_seg(tmp_path / "seg.dcm", array, affine, one_series, NAMES)
    found = read_dicom_seg(tmp_path / "seg.dcm", grid=Geometry.of(AFFINE, SHAPE))
    assert np.array_equal(array_of(found.image), labels())
    back = read_dicom_seg(tmp_path / "seg.dcm", grid=geometry_of(found.image).moved(affine, array.shape, ""))
    assert np.array_equal(array_of(back.image), array)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_an_oblique_series_gets_its_label_map_back(tmp_path, seed, mirrored):
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=rng).as_matrix() * rng.uniform(0.5, 5, 3)
    affine[:3, 2] *= -1 if mirrored else 1
    affine[:3, 3] = rng.uniform(-500, 500, 3)
    files = write_dicom_series(tmp_path / f"{seed}{mirrored}", np.zeros(SHAPE, "int16"), affine)
    write_dicom_seg(tmp_path / "seg.dcm", labels(), affine, files, NAMES)
    grid = geometry_of(read_dicom_series(files)).moved(affine, SHAPE, "")
    assert np.array_equal(array_of(read_dicom_seg(tmp_path / "seg.dcm", grid=grid).image), labels())


def test_only_the_slices_in_between_are_spanned_without_a_reference(tmp_path, series):
    array = np.zeros(SHAPE, "uint8")
    array[1, 2, 1] = array[2, 2, 4] = 1
    write_dicom_seg(tmp_path / "seg.dcm", array, AFFINE, series, {1: "Liver"})
    image = read_dicom_seg(tmp_path / "seg.dcm").image
    assert np.array_equal(array_of(image), array[:, :, 1:5])
    assert np.allclose(image.affine[:3, 3], AFFINE[:3, 3] + AFFINE[:3, 2])
    assert np.allclose(image.affine[:3, :3], AFFINE[:3, :3])


def test_steps_of_a_chain_read_and_write_what_belongs_together(tmp_path, series):
    chain = [
        LoadDICOMSeries(["image"], tmp_path),
        lambda data: data | {"label": labels()[None], "label_meta": data["image_meta"]},
        WriteDICOMSegmentation(["label"], "image", NAMES, ["case"], f"{tmp_path}/out"),
        lambda data: data | {"truth": f"out_label_{data['case']}.dcm"},
        LoadDICOMSegmentation(["truth"], tmp_path, reference="image", labels={"Liver": 5, "Spleen": 1}),
    ]
    data = {"image": "ct", "case": "7"}
    for step in chain:
        data = step(data)
    assert data["truth_names"] == "1=Spleen, 5=Liver"
    assert np.array_equal(array_of(data["truth"]), np.select([labels() == 1, labels() == 3], [1, 5]))
    assert data["truth_meta"].shape == data["image_meta"].shape


def test_label_values_are_numbered_and_named(tmp_path, series):
    array = np.select([labels() == 1, labels() == 2], [52, 5])
    coded = {"name": "Lesion 1", "category": ["49755003", "SCT", "Abnormal"], "type": ["52988006", "SCT", "Lesion"]}
    write_dicom_seg(tmp_path / "seg.dcm", array, AFFINE, series, {"52": coded, "5": "left kidney"}, algorithm=None)
    segments = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    assert [(s.SegmentNumber, s.SegmentLabel, s.SegmentAlgorithmType) for s in segments] == [
        (1, "left kidney", "MANUAL"),
        (2, "Lesion 1", "MANUAL"),
    ]
    assert segments[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Kidney"
    assert segments[1].SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"
    found = read_dicom_seg(tmp_path / "seg.dcm", labels={"left kidney": 5, "Lesion 1": 52})
    assert np.array_equal(array_of(found.image), array)


def test_overlapping_segments_need_channels(tmp_path, series):
    masks = np.random.default_rng(0).integers(0, 2, (3, *SHAPE))
    write_dicom_seg(tmp_path / "seg.dcm", masks, AFFINE, series, NAMES)
    with pytest.raises(VoxelValueError, match="overlap: right_kidney and Spleen") as caught:
        read_dicom_seg(tmp_path / "seg.dcm")
    assert "channels=True" in caught.value.card.to_do
    found = read_dicom_seg(tmp_path / "seg.dcm", channels=True)
    assert found.names == NAMES
    assert np.array_equal(array_of(found.image), np.moveaxis(masks, 0, -1))
    one = read_dicom_seg(tmp_path / "seg.dcm", labels={"Liver": 7}).image
    assert np.array_equal(array_of(one), masks[2] * 7)


def test_an_empty_label_map_is_written_and_read(tmp_path, series):
    write_dicom_seg(tmp_path / "seg.dcm", np.zeros(SHAPE, int), AFFINE, series, NAMES)
    assert not array_of(read_dicom_seg(tmp_path / "seg.dcm").image).any()


def test_a_segmentation_refers_to_the_slices_it_was_made_from(tmp_path, series):
    write_dicom_seg(tmp_path / "seg.dcm", labels(), AFFINE, tmp_path / "ct", NAMES)
    written, source = pydicom.dcmread(tmp_path / "seg.dcm"), pydicom.dcmread(series[0])
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientName"):
        assert written[keyword].value == source[keyword].value
    instances = written.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {i.ReferencedSOPInstanceUID for i in instances} == {pydicom.dcmread(f).SOPInstanceUID for f in series}


def test_the_volume_under_the_label_map_is_found_among_several(tmp_path):
    write_dicom_series(tmp_path / "ct", np.zeros(SHAPE, "int16"), AFFINE)
    shifted = AFFINE.copy()
    shifted[:3, 3] += 3
    for file in write_dicom_series(tmp_path / "other", np.zeros(SHAPE, "int16"), shifted):
        Path(file).rename(tmp_path / "ct" / f"other{Path(file).name}")
    for affine in (AFFINE, shifted):
        write_dicom_seg(tmp_path / "seg.dcm", labels(), affine, tmp_path / "ct", NAMES)
        assert np.allclose(read_dicom_seg(tmp_path / "seg.dcm").image.affine, affine)


def test_of_two_series_on_one_grid_the_one_that_was_read_is_referred_to(tmp_path, series):
    for file in write_dicom_series(tmp_path / "b", np.ones(SHAPE, "int16"), AFFINE):
        Path(file).rename(tmp_path / "ct" / f"b{Path(file).name}")
    for name in ("000.dcm", "b000.dcm"):
        data = LoadDICOMSeries(["image"], tmp_path / "ct")({"image": name})
        data |= {"label": labels(), "label_meta": data["image_meta"]}
        WriteDICOMSegmentation(["label"], "image", NAMES, filename_prefix=f"{tmp_path}/x")(data)
        referred = pydicom.dcmread(tmp_path / "x_label.dcm").ReferencedSeriesSequence[0].SeriesInstanceUID
        assert referred == pydicom.dcmread(tmp_path / "ct" / name).SeriesInstanceUID


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda a: a @ np.diag([2, 1, 1, 1]), "another grid"),
        (lambda a: a + np.array([[0] * 4, [0] * 4, [0, 0, 0, 0.4], [0] * 4]), "up to 0.4 mm"),
        (lambda a: np.vstack([a[:3] @ np.diag([1, 1, 1, 1.0]) + [[0, 0, 0, 0.9]] * 3, a[3:]]), "another grid"),
    ],
)
def test_a_label_map_on_another_grid_is_refused_and_nothing_is_left(tmp_path, series, change, match):
    with pytest.raises(GeometryError, match=match):
        write_dicom_seg(tmp_path / "seg.dcm", labels(), change(AFFINE), series, NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]


def test_labels_outside_the_series_are_refused(tmp_path, series):
    larger = np.ones((6, 5, 6), int)
    with pytest.raises(GeometryError, match="60 voxels of the label map lie outside"):
        write_dicom_seg(tmp_path / "seg.dcm", larger, AFFINE, series, NAMES)
    larger[4:] = 0
    write_dicom_seg(tmp_path / "seg.dcm", larger, AFFINE, series, NAMES)
    assert array_of(read_dicom_seg(tmp_path / "seg.dcm").image).sum() == 120


@pytest.mark.parametrize("fault", ["flip", "shift", "lose"])
def test_a_file_that_reads_back_otherwise_is_not_left(tmp_path, series, monkeypatch, fault):
    import eisen.io.dicom.segmentation_writer as writer

    real = writer.segmentation_object

    def faulty(masks, *rest):
        dataset = real(masks[::-1] if fault == "flip" else masks, *rest)
        groups = dataset.PerFrameFunctionalGroupsSequence
        if fault == "shift":
            for group in groups:
                group.PlanePositionSequence[0].ImagePositionPatient[2] += 2.5
        if fault == "lose":
            groups[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2
        return dataset

    monkeypatch.setattr(writer, "segmentation_object", faulty)
    (tmp_path / "seg.dcm").write_bytes(b"older file")
    with pytest.raises(ArtifactError, match=r"seg\.dcm was not written"):
        write_dicom_seg(tmp_path / "seg.dcm", labels(), AFFINE, series, NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct", "seg.dcm"]
    assert (tmp_path / "seg.dcm").read_bytes() == b"older file"


@pytest.mark.parametrize(
    ("array", "names", "error", "match"),
    [
        (labels(), {1: "Liver"}, VoxelValueError, "2, 3, which have no name"),
        (labels() + 0.5, NAMES, VoxelValueError, "whole numbers"),
        (labels()[0], NAMES, DataError, "three axes|shape"),
        (np.ones((2, *SHAPE)), NAMES, DataError, "3 labels"),
        (labels(), {}, ArgumentError, "labels"),
        (labels(), {0: "Background"}, ArgumentError, "labels"),
        (labels(), {1: {"name": "Liver", "colour": "red"}}, ArgumentError, "colour"),
        (labels(), {1: {"name": "Liver", "type": "10200004"}}, ArgumentError, "10200004"),
    ],
)
def test_what_is_no_named_label_map_is_refused(tmp_path, series, array, names, error, match):
    with pytest.raises(error, match=match):
        write_dicom_seg(tmp_path / "seg.dcm", array, AFFINE, series, names)


def test_without_highdicom_the_extra_is_named(tmp_path, series, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError) as caught:
        write_dicom_seg(tmp_path / "seg.dcm", labels(), AFFINE, series, NAMES)
    assert "eisen[dicom]" in caught.value.card.to_do


def test_a_slice_is_not_a_segmentation(series):
    with pytest.raises(CorruptFileError, match="CT, not a segmentation"):
        read_dicom_seg(series[0])


def test_a_segmentation_is_not_a_slice(tmp_path, series):
    write_dicom_seg(tmp_path / "ct" / "seg.dcm", labels(), AFFINE, series, NAMES)
    assert read_dicom_series(tmp_path / "ct").shape == SHAPE


def test_a_reference_must_have_been_read(tmp_path, series):
    write_dicom_seg(tmp_path / "seg.dcm", labels(), AFFINE, series, NAMES)
    with pytest.raises(MissingFieldError, match="geometry of 'image'"):
        LoadDICOMSegmentation(["label"], tmp_path, reference="image")({"label": "seg.dcm"})
    with pytest.raises(VoxelValueError, match="called Tumour"):
        LoadDICOMSegmentation(["label"], tmp_path, labels={"Tumour": 1})({"label": "seg.dcm"})


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_other_kinds_of_segmentations_are_read(tmp_path, series, kind):
    import highdicom

    sources = [pydicom.dcmread(file) for file in series]
    from eisen.io.dicom.segment_names import described

    fractions = labels() / 4.0
    pixels = (fractions if kind == "FRACTIONAL" else labels()).transpose(2, 1, 0)
    names = [{"name": "Liver"}] if kind == "FRACTIONAL" else [{"name": name} for name in NAMES.values()]
    highdicom.seg.Segmentation(
        sources, np.ascontiguousarray(pixels), kind, described(names, "x"), "1.2", 1, "1.3", 1, "m", "m", "1", "1"
    ).save_as(tmp_path / "seg.dcm")
    if kind == "LABELMAP":
        assert np.array_equal(array_of(read_dicom_seg(tmp_path / "seg.dcm").image), labels())
    else:
        with pytest.raises(VoxelValueError, match="fractions"):
            read_dicom_seg(tmp_path / "seg.dcm")
        image = read_dicom_seg(tmp_path / "seg.dcm", channels=True).image
        assert np.allclose(array_of(image)[..., 0], fractions, atol=1 / 255)


def test_slices_whose_bits_do_not_fill_bytes_are_read_back(tmp_path):
    shape = (5, 7, 6)  # 35 bits in a frame, so frames begin within bytes
    files = write_dicom_series(tmp_path / "odd", np.zeros(shape, "int16"), AFFINE)
    array = (np.arange(210).reshape(shape) * 7 % 11 % 3).astype("uint8")
    write_dicom_seg(tmp_path / "seg.dcm", array, AFFINE, files, {1: "Liver", 2: "Spleen"})
    found = read_dicom_seg(tmp_path / "seg.dcm", grid=Geometry.of(AFFINE, shape))
    assert np.array_equal(array_of(found.image), array)
