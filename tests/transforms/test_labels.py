"""Label maps: other values, channels and back, connected parts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from eisen._core.errors import ArgumentError, GeometryError, VoxelValueError
from eisen._core.types import Geometry
from eisen.transforms import (
    ConnectedComponents,
    FillHoles,
    KeepLargestComponent,
    LabelMapToOneHot,
    OneHotToLabelMap,
    RemapLabels,
    RemoveSmallComponents,
    functional,
)
from eisen.transforms.functional.components import number_components

few = settings(max_examples=25, deadline=None)
MAPS = npst.arrays(np.uint8, (5, 6, 7), elements=st.integers(0, 3))


def run(step, value):
    return step({"x": value})["x"]


@few
@given(MAPS, st.sampled_from(["uint8", "int16", "int64", "float32"]), st.permutations([0, 1, 2, 3]))
def test_remapping_replaces_every_value_and_keeps_the_type(label, dtype, new):
    result = run(RemapLabels(["x"], dict(enumerate(new))), label.astype(dtype))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.asarray(new)[label])
    tensor = run(RemapLabels(["x"], dict(enumerate(new))), torch.from_numpy(label.astype(dtype)))
    np.testing.assert_array_equal(tensor.numpy(), result)


def test_a_list_of_values_is_kept_and_gaps_are_closed():
    label = np.array([0, 3, 41, 502, 7], "int32")
    assert run(RemapLabels(["x"], [41, 3, 502]), label).tolist() == [0, 2, 1, 3, 0]
    assert run(RemapLabels(["x"], [3, 41], close_gaps=False), label).tolist() == [0, 3, 41, 0, 0]


def test_unknown_values_are_named_with_their_voxels_or_treated_as_told():
    label = np.array([0, 1, 9, 9, 5])
    with pytest.raises(VoxelValueError, match=r"not in the mapping: 5 \(1 voxels\), 9 \(2 voxels\)"):
        run(RemapLabels(["x"], {1: 2}), label)
    assert run(RemapLabels(["x"], {1: 2}, "background"), label).tolist() == [0, 2, 0, 0, 0]
    assert run(RemapLabels(["x"], {1: 2}, "keep"), label).tolist() == [0, 2, 9, 9, 5]
    assert run(RemapLabels(["x"], {0: 255, 1: 0}, "keep"), label).tolist() == [255, 0, 9, 9, 5]


def test_values_that_are_far_apart_are_remapped_too():
    label = np.array([0, -5, 2**40, 2**40], "int64")
    assert run(RemapLabels(["x"], {-5: 1, 2**40: 2}), label).tolist() == [0, 1, 2, 2]
    assert run(RemapLabels(["x"], {-5: 1}, "keep"), torch.from_numpy(label)).tolist() == [0, 1, 2**40, 2**40]


def test_a_value_that_does_not_fit_the_type_is_refused_unless_another_type_is_asked_for():
    label = np.array([0, 1], "uint8")
    with pytest.raises(VoxelValueError, match="300 does not fit a label map of type uint8"):
        run(RemapLabels(["x"], {1: 300}), label)
    assert run(RemapLabels(["x"], {1: 300}, dtype="int16"), label).dtype == np.int16
    assert run(RemapLabels(["x"], {1: 300}, dtype="int16"), torch.from_numpy(label)).tolist() == [0, 300]


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_fractions_are_no_labels(value):
    with pytest.raises((VoxelValueError, ValueError)):
        functional.remap(np.array([0, value]), {1: 2})


@pytest.mark.parametrize("mapping", [3, "12", [], {1: 2.5}, {"a": 1}, [1, 1], [1.5]])
def test_mapping_is_checked_in_the_constructor(mapping):
    with pytest.raises(ArgumentError, match="mapping is"):
        RemapLabels(["x"], mapping)


def test_keys_from_json_are_text():
    assert run(RemapLabels(["x"], {"2": 1}), np.array([0, 2])).tolist() == [0, 1]


@few
@given(MAPS)
def test_one_hot_and_back_is_the_identity_on_listed_classes(label):
    for kind in (np.asarray, torch.from_numpy):
        channels = run(LabelMapToOneHot(["x"], [3, 1]), kind(label))
        back = np.asarray(run(OneHotToLabelMap(["x"], [3, 1]), channels))
        np.testing.assert_array_equal(back, np.where(np.isin(label, [1, 3]), label, 0))


def test_background_rule_of_probabilities_and_logits():
    channels = np.array([[0.4, 0.1, -2.0], [0.3, 0.7, -1.0]])
    assert run(OneHotToLabelMap(["x"]), channels).tolist() == [0, 1, 0]
    assert run(OneHotToLabelMap(["x"], [5, 6], threshold=0.5, background=9), channels).tolist() == [9, 6, 9]
    assert run(OneHotToLabelMap(["x"], [5, 600], threshold=None), channels).tolist() == [5, 600, 600]
    with pytest.raises(VoxelValueError, match="2 channels and 3 classes"):
        run(OneHotToLabelMap(["x"], [1, 2, 3]), channels)


@few
@given(MAPS, st.sampled_from([6, 18, 26]))
def test_components_are_those_of_scipy_for_each_class(label, connectivity):
    numbers = run(ConnectedComponents(["x"], connectivity), label)
    structure = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])
    count = 0
    for value in (1, 2, 3):
        expected, n = ndimage.label(label == value, structure)
        count += n
        pairs = {(int(a), int(b)) for a, b in zip(expected[label == value], numbers[label == value], strict=True)}
        assert len(pairs) == n
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    assert (len(sizes), (np.diff(sizes) <= 0).all()) == (count, True)
    np.testing.assert_array_equal(numbers == 0, label == 0)


@few
@given(MAPS)
def test_the_largest_part_of_each_class_stays(label):
    kept = run(KeepLargestComponent(["x"]), label)
    for value in (1, 2, 3):
        parts, n = ndimage.label(label == value, np.ones((3, 3, 3)))
        sizes = np.bincount(parts.ravel())[1:]
        assert (kept == value).sum() == (sizes.max() if n else 0)
    assert set(np.unique(kept[kept != label])) <= {0}


def test_parts_of_booleans_are_those_of_bytes():
    rng = np.random.default_rng(0)  # cc3d mixes booleans up where neighbours across corners count
    for _ in range(400):
        mask = rng.random((1, *rng.integers(2, 12, 2))) > 0.5
        expected = ndimage.label(mask[0], np.ones((3, 3)))[1]
        assert number_components(mask, dims=2).max() == expected


def test_only_named_classes_are_cleaned_and_several_parts_can_stay():
    label = np.array([[1, 0, 1, 1, 0, 2, 0, 2, 0, 1, 1, 1]], "int16")
    assert run(KeepLargestComponent(["x"], classes=[1]), label).tolist() == [[0, 0, 0, 0, 0, 2, 0, 2, 0, 1, 1, 1]]
    assert run(KeepLargestComponent(["x"], n_largest=2), label).tolist() == [[0, 0, 1, 1, 0, 2, 0, 2, 0, 1, 1, 1]]


def test_small_parts_go_by_voxels_or_by_volume():
    label = np.array([[[1, 0, 1, 1, 0, 1, 1, 1]]], "float32")
    by_voxels = run(RemoveSmallComponents(["x"], 2), label)
    assert by_voxels.ravel().tolist() == [0, 0, 1, 1, 0, 1, 1, 1]
    assert by_voxels.dtype == np.float32
    grid = Geometry.of(np.diag([1.0, 2.0, 5.0, 1.0]), label.shape)
    by_volume = RemoveSmallComponents(["x"], 30, "mm3")({"x": label, "x_meta": grid})["x"]
    assert by_volume.ravel().tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert RemoveSmallComponents(["x"], 0.031, "ml")({"x": label, "x_meta": grid})["x"].sum() == 0
    with pytest.raises(GeometryError, match="x_meta"):
        run(RemoveSmallComponents(["x"], 30, "mm3"), label)


def test_channels_are_separate_volumes():
    label = np.zeros((2, 4, 4, 4), "uint8")
    label[0, 0, 0, 0] = label[1, :2] = 1
    np.testing.assert_array_equal(run(KeepLargestComponent(["x"]), label), label)
    np.testing.assert_array_equal(run(ConnectedComponents(["x"]), torch.from_numpy(label)).numpy(), label)


@few
@given(npst.arrays(np.bool_, (6, 7, 5)))
def test_holes_of_one_class_are_filled_as_scipy_does(mask):
    filled = run(FillHoles(["x"]), mask.astype("uint8") * 3)
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(mask) * 3)


def test_holes_between_two_classes_and_of_other_classes_stay():
    label = np.array([[1, 1, 1, 2, 2], [1, 0, 1, 0, 2], [1, 1, 2, 2, 2]])
    assert run(FillHoles(["x"]), label)[1].tolist() == [1, 1, 1, 0, 2]
    closed = np.array([[1, 1, 1, 2, 2, 2], [1, 0, 1, 2, 0, 2], [1, 1, 1, 2, 2, 2]])
    assert run(FillHoles(["x"], classes=[2]), closed)[1].tolist() == [1, 0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (KeepLargestComponent, {"connectivity": 5}),
        (KeepLargestComponent, {"n_largest": 0}),
        (KeepLargestComponent, {"classes": "all"}),
        (RemoveSmallComponents, {"min_volume": -1}),
        (RemoveSmallComponents, {"unit": "litre", "min_volume": 1}),
        (ConnectedComponents, {"spatial_dims": 4}),
    ],
)
def test_wrong_arguments_are_refused_in_the_constructor(kind, params):
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: {next(iter(params))} is"):
        kind(["x"], **params)


def test_connectivity_must_fit_the_number_of_axes():
    with pytest.raises(ArgumentError, match="2 spatial axes"):
        run(KeepLargestComponent(["x"], connectivity=26), np.ones((3, 3), "uint8"))


@pytest.mark.realdata
def test_freesurfer_style_values_are_closed_up(realdata):
    import nibabel

    label = np.asarray(nibabel.load(realdata / "synthseg_labelmaps/training_seg_01.nii.gz").dataobj)[:, 100:120]
    values = [int(v) for v in np.unique(label) if v]
    closed = run(RemapLabels(["x"], values, "error"), label)
    assert np.unique(closed).tolist() == list(range(len(values) + 1))
    np.testing.assert_array_equal(np.array([0, *values])[closed.astype(int)], label)
