"""What every public transform has in common."""

import copy
import importlib
import inspect
import multiprocessing
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from PIL import Image
from scipy import ndimage

import eisen.transforms
from eisen._core import random
from eisen._core.errors import ArgumentError, EisenError, GeometryError, MissingFieldError, StepError
from eisen._core.types import Geometry
from eisen.transforms import functional
from eisen.transforms.base import SpatialStep, homogeneous

pytestmark = pytest.mark.filterwarnings("ignore:.*has no voxel")

AFFINE = np.array([[0.0, -1.5, 0.0, 10.0], [1.0, 0.0, 0.0, -20.0], [0.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 1.0]])
SHAPE = (12, 10, 8)


def arrays(shape=SHAPE, dtype="float32"):
    rng = np.random.default_rng(5)
    image = rng.normal(size=(1, *shape)) * (1 if np.dtype(dtype).kind == "f" else 40)
    data = {
        "image": abs(image).astype(dtype) if np.dtype(dtype).kind in "ub" else image.astype(dtype),
        "label": rng.integers(0, 3, size=(1, *shape)).astype("uint8"),
    }
    if len(shape) == 3:
        data["image_meta"] = data["label_meta"] = Geometry.of(AFFINE, shape)
    return data


def thick():
    ct = Geometry.of(AFFINE @ np.diag([1.5, 1, 0.5, 1]), (7, 10, 14))
    return {**arrays(), "ct": np.zeros((1, *ct.shape), "int16"), "ct_meta": ct}


def moved():
    turned = functional.rotate90_map(SHAPE, 1, (0, 2))
    grid = Geometry.of(AFFINE, SHAPE).moved(AFFINE @ homogeneous(turned[0]), turned[1], "Rotate90")
    return {**arrays(turned[1]), "image_meta": grid, "label_meta": grid}


def nifti():
    rng = np.random.default_rng(6)
    return {
        "image": nibabel.Nifti1Image(rng.integers(-9, 9, SHAPE).astype("int16"), AFFINE),
        "label": nibabel.Nifti1Image(rng.integers(0, 3, SHAPE).astype("uint8"), AFFINE),
    }


def itk():
    image = SimpleITK.GetImageFromArray(np.arange(240, dtype="int16").reshape(4, 6, 10))
    image.SetSpacing((1.0, 2.0, 3.0))
    return {"image": image, "label": SimpleITK.Image(image)}


def picture():
    return {name: Image.fromarray(np.arange(48, dtype="uint8").reshape(4, 4, 3)) for name in ("image", "label")}


BOTH = ["image", "label"]

EXAMPLES = {
    "AddChannelDimension": (arrays, {"fields": BOTH}),
    "CastFields": (lambda: arrays(), {"fields": BOTH, "dtype": "float64"}),
    "CheckFinite": (arrays, {"fields": BOTH}),
    "CheckLabels": (arrays, {"fields": ["label"], "values": [1, 2]}),
    "CheckSameGrid": (nifti, {"fields": BOTH}),
    "ClipValues": (arrays, {"fields": ["image"], "low": -1, "high": 1}),
    "ConnectedComponents": (arrays, {"fields": ["label"]}),
    "CopyFields": (arrays, {"fields": BOTH, "new_fields": ["a", "b"]}),
    "CreateConstantFlags": (arrays, {"fields": ["a", "b"], "values": [1, "x"]}),
    "Crop": (arrays, {"fields": BOTH, "start": [1, 0, 2], "size": [8, 9, 6]}),
    "CropCenteredSubVolumes": (arrays, {"fields": BOTH, "size": [8, 12, 8]}),
    "CropForeground": (arrays, {"fields": BOTH, "source": "image", "threshold": 2.5, "margin": 1}),
    "CropOrPad": (arrays, {"fields": BOTH, "size": [8, 12, 8], "value": "min", "mode": "constant"}),
    "DropFields": (arrays, {"fields": BOTH}),
    "FillHoles": (arrays, {"fields": ["label"], "classes": [1, 2]}),
    "FilterFields": (arrays, {"fields": ["label"]}),
    "FixedMeanStdNormalization": (arrays, {"fields": ["image"], "mean": 1.0, "std": 2.0}),
    "Flip": (arrays, {"fields": BOTH, "axes": [0, 1]}),
    "GaussianBlur": (arrays, {"fields": ["image"], "sigma": 2}),
    "GetContent": (arrays, {"fields": ["label"]}),
    "GetShape": (arrays, {"fields": BOTH}),
    "HistogramStandardization": (arrays, {"fields": ["image"], "landmarks": [0, *range(5, 50, 5), 100]}),
    "ITKToNumpy": (itk, {"fields": BOTH}),
    "IntensityWindow": (arrays, {"fields": ["image"], "level": 0, "width": 2}),
    "KeepLargestComponent": (arrays, {"fields": ["label"], "n_largest": 2}),
    "LabelMapToOneHot": (arrays, {"fields": ["label"], "classes": [1, 2]}),
    "Lambda": (arrays, {"fields": ["image"], "function": "eisen.transforms.functional.map_range"}),
    "MapValues": (arrays, {"fields": ["image"]}),
    "MaskValues": (arrays, {"fields": ["image"], "mask": "label", "value": 0}),
    "NiftiToNumpy": (nifti, {"fields": BOTH}),
    "NumpyToNifti": (lambda: {**arrays(), "image": arrays()["image"][0]}, {"fields": ["image"]}),
    "OneHotToLabelMap": (arrays, {"fields": ["image"], "classes": [3]}),
    "Pad": (arrays, {"fields": BOTH, "width": [1, (0, 3), 2], "value": "min"}),
    "PadToMultiple": (arrays, {"fields": BOTH, "multiple": 8}),
    "PercentileNormalization": (arrays, {"fields": ["image"], "percentiles": [5, 95]}),
    "PilToNumpy": (picture, {"fields": BOTH}),
    "RandomAffine": (arrays, {"fields": BOTH, "elastic_mm": 2, "translation_mm": 3, "flip_axes": [0, 2]}),
    "RandomBiasField": (arrays, {"fields": ["image"]}),
    "RandomBlur": (arrays, {"fields": ["image"], "sigma": [1, 2]}),
    "RandomChannelDropout": (lambda: {"image": np.ones((5, 4, 4), "float32")}, {"fields": ["image"], "p_channel": 0.5}),
    "RandomCoarseDropout": (arrays, {"fields": ["image"]}),
    "RandomContrast": (arrays, {"fields": ["image"]}),
    "RandomCrop": (arrays, {"fields": BOTH, "size": [8, 8, 4]}),
    "RandomCropByLabel": (arrays, {"fields": BOTH, "size": [8, 8, 4], "classes": [0, 2], "ratios": [1, 3]}),
    "RandomElastic": (arrays, {"fields": BOTH, "elastic_mm": 1.5, "control_points": 5}),
    "RandomFlip": (arrays, {"fields": BOTH}),
    "RandomGamma": (arrays, {"fields": ["image"]}),
    "RandomGhosting": (arrays, {"fields": ["image"]}),
    "RandomIntensityScaleShift": (arrays, {"fields": ["image"]}),
    "RandomLowResolution": (arrays, {"fields": ["image"], "zoom": [0.3, 0.9]}),
    "RandomMotion": (arrays, {"fields": ["image"]}),
    "RandomNoise": (arrays, {"fields": ["image"]}),
    "RandomRicianNoise": (arrays, {"fields": ["image"]}),
    "RandomRotate90": (arrays, {"fields": BOTH}),
    "RandomSpike": (arrays, {"fields": ["image"]}),
    "RemapLabels": (arrays, {"fields": ["label"], "mapping": {1: 2, 2: 1}}),
    "RemoveSmallComponents": (arrays, {"fields": ["label"], "min_volume": 2}),
    "RenameFields": (arrays, {"fields": BOTH, "new_fields": ["label", "image"]}),
    "Reorient": (arrays, {"fields": BOTH, "axes": "LPS"}),
    "RepeatTensor": (arrays, {"fields": ["image"], "reps": [2, 1, 1, 1]}),
    "Resample": (arrays, {"fields": BOTH, "spacing_mm": 2.0}),
    "ResampleITKVolumes": (itk, {"fields": BOTH, "resolution": [2, 2, 2]}),
    "ResampleNiftiVolumes": (nifti, {"fields": BOTH, "resolution": [2, 2, 2], "interpolation": {}}),
    "ResampleToReference": (thick, {"fields": BOTH, "reference": "ct"}),
    "Resize": (arrays, {"fields": BOTH, "size": [14, 11, 9]}),
    "Rotate90": (arrays, {"fields": BOTH, "times": 1, "axes": [0, 2]}),
    "StackImagesChannelwise": (arrays, {"fields": BOTH, "dst_field": "stack"}),
    "ThresholdValues": (arrays, {"fields": ["image"], "threshold": 0}),
    "ToNativeGrid": (moved, {"fields": BOTH, "reference": "image"}),
    "ToNumpy": (lambda: tensors(arrays()), {"fields": BOTH}),
    "ToTensor": (arrays, {"fields": BOTH, "dtype": "float32"}),
    "ZScoreNormalization": (arrays, {"fields": ["image"], "percentiles": [1, 99]}),
}

NAMES = sorted(
    name
    for name, cls in ((name, getattr(eisen.transforms, name)) for name in eisen.transforms.__all__)
    if inspect.isclass(cls) and not inspect.isabstract(cls) and not issubclass(cls, eisen.transforms.Compose)
)

ON_ARRAYS = [name for name in NAMES if EXAMPLES.get(name, [None])[0] in (arrays, thick, moved)]
SPATIAL = [name for name in ON_ARRAYS if issubclass(getattr(eisen.transforms, name), SpatialStep)]

PLANE = {
    "Crop": {"start": [1, 0], "size": [8, 9]},
    "CropCenteredSubVolumes": {"size": [8, 12]},
    "CropOrPad": {"size": [8, 12]},
    "Pad": {"width": [1, (0, 3)]},
    "RandomAffine": {"flip_axes": [0, 1]},
    "RandomCrop": {"size": [8, 8]},
    "RandomCropByLabel": {"size": [8, 8]},
    "RandomRotate90": {"axes": [0, 1]},
    "Resize": {"size": [14, 11]},
    "Rotate90": {"axes": [0, 1]},
}
"""Arguments that count axes, for pictures."""

VOLUMES_ONLY = {"Reorient", "Resample", "ResampleToReference", "ToNativeGrid"}

INTERPOLATED = {"RandomAffine", "RandomElastic"}
"""Augmentations that give whole numbers as float32, without rounding; they stand before arithmetic on intensities."""

LEGACY = {
    "CreateConstantFlags": "fields values",
    "RenameFields": "fields new_fields",
    "FilterFields": "fields",
    "ResampleNiftiVolumes": "fields resolution interpolation='linear'",
    "ResampleITKVolumes": "fields resolution interpolation='linear'",
    "NiftiToNumpy": "fields multichannel=False",
    "NumpyToNifti": "fields affine=None data_types=None",
    "ITKToNumpy": "fields multichannel=False",
    "PilToNumpy": "fields multichannel=False",
    "CropCenteredSubVolumes": "fields size",
    "MapValues": "fields min_value=0 max_value=1 channelwise=False",
    "ThresholdValues": "fields threshold direction='greater'",
    "AddChannelDimension": "fields",
    "LabelMapToOneHot": "fields classes",
    "StackImagesChannelwise": "fields dst_field create_new_dim=True",
    "FixedMeanStdNormalization": "fields mean std",
    "RepeatTensor": "fields reps",
    "GetShape": "fields",
    "GetContent": "fields",
}


def made(name):
    data, params = EXAMPLES[name]
    return getattr(eisen.transforms, name)(**params), data()


def values_of(data):
    def plain(value):
        if hasattr(value, "dataobj"):
            return np.asarray(value.dataobj).copy()
        if hasattr(value, "GetSize"):
            return SimpleITK.GetArrayFromImage(value)
        return copy.deepcopy(value) if isinstance(value, Geometry) else np.asarray(value).copy()

    return {field: plain(value) for field, value in data.items()}


def assert_same(left, right):
    assert list(left) == list(right)
    for field, value in left.items():
        if isinstance(value, Geometry):
            assert value == right[field]
        else:
            np.testing.assert_array_equal(value, right[field])


def test_every_transform_has_an_example_and_every_example_a_transform():
    assert sorted(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", sorted(LEGACY))
def test_legacy_names_paths_and_signatures_stay(name):
    module = "inspect" if name.startswith("Get") else "imaging"
    cls = getattr(importlib.import_module(f"eisen.transforms.{module}"), name)
    assert cls is getattr(eisen.transforms, name)
    parameters = [
        p for p in inspect.signature(cls).parameters.values() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    shown = [p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters]
    assert " ".join(shown) == LEGACY[name]


def test_imaging_has_exactly_the_17_and_inspect_the_2():
    from eisen.transforms import imaging
    from eisen.transforms import inspect as inspection

    assert sorted([*imaging.__all__, *inspection.__all__]) == sorted(LEGACY)
    assert sorted(inspection.__all__) == ["GetContent", "GetShape"]


def test_star_import_brings_transforms_and_nothing_else():
    names = {}
    exec("from eisen.transforms import *", names)
    assert set(names) - {"__builtins__"} == set(eisen.transforms.__all__)
    assert not {"inspect", "np", "functional", "imaging"} & set(names)


@pytest.mark.parametrize("name", ["functional", "imaging", "inspect", "augment"])
def test_modules_can_be_reached_as_attributes(name):
    assert inspect.ismodule(getattr(eisen.transforms, name))


@pytest.mark.parametrize("name", NAMES)
def test_returns_a_new_dict_and_touches_neither_dict_nor_values(name):
    step, data = made(name)
    before, keys = values_of(data), dict(data)
    result = step(data)
    assert result is not data
    assert all(data[field] is value for field, value in keys.items())
    assert_same(values_of(data), before)


@pytest.mark.parametrize("name", NAMES)
def test_works_on_arrays_that_cannot_be_written(name):
    step, data = made(name)
    for value in data.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    step(data)


@pytest.mark.parametrize("name", NAMES)
def test_is_a_function_of_seed_epoch_and_sample(name):
    step, data = made(name)
    results = []
    for index in (3, 3, 4):
        with random.sample(1, 2, index):
            results.append(values_of(step(data)))
    assert_same(results[0], results[1])
    if name.startswith("Random"):
        fields = step.fields
        assert any(not np.array_equal(results[0][f], results[2][f]) for f in fields) or name == "RandomFlip"


@pytest.mark.parametrize("name", NAMES)
def test_survives_pickling_and_has_a_readable_repr(name):
    step, data = made(name)
    again = pickle.loads(pickle.dumps(step))
    assert repr(again) == repr(step)
    assert repr(step).startswith(f"{name}(fields=[")
    with random.sample(0, 0, 0):
        first = values_of(step(data))
    with random.sample(0, 0, 0):
        assert_same(values_of(again(data)), first)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"CreateConstantFlags"}))
def test_missing_field_is_named_with_a_suggestion(name):
    step, data = made(name)
    field = step.fields[0]
    data[f"{field}s"] = data.pop(field)
    with pytest.raises(MissingFieldError, match=f"did you mean '{field}s'") as caught:
        step(data)
    assert caught.value.card.step == name
    assert caught.value.card.field == field


@pytest.mark.parametrize("name", NAMES)
def test_text_instead_of_a_list_of_fields_is_refused_in_the_constructor(name):
    params = {**EXAMPLES[name][1], "fields": "image"}
    with pytest.raises(ArgumentError, match="fields is 'image'"):
        getattr(eisen.transforms, name)(**params)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"FilterFields", "CreateConstantFlags", "StackImagesChannelwise"}))
def test_an_empty_list_of_fields_does_nothing(name):
    params = {**EXAMPLES[name][1], "fields": []}
    params |= {"new_fields": []} if "new_fields" in params else {}
    assert getattr(eisen.transforms, name)(**params)({"image": 1}) == {"image": 1}


@pytest.mark.parametrize("name", NAMES)
def test_geometry_still_fits_the_array_afterwards(name):
    step, data = made(name)
    result = step(data)
    for field, value in result.items():
        if isinstance(value, Geometry):
            owner = result.get(field.removesuffix("_meta"))
            if owner is not None and hasattr(owner, "ndim"):
                shape = owner.shape[:3] if hasattr(owner, "dataobj") else owner.shape[-3:]
                assert value.shape == tuple(shape)


@pytest.mark.parametrize("name", NAMES)
def test_is_documented_with_units_and_an_example_that_runs(name):
    doc = inspect.getdoc(getattr(eisen.transforms, name))
    for parameter in EXAMPLES[name][1]:
        assert f"    {parameter}: " in doc
    assert ">>>" in doc


def with_dims(name, params, dims):
    accepts = "spatial_dims" in inspect.signature(getattr(eisen.transforms, name)).parameters
    return {**params, "spatial_dims": dims} if accepts else params


def seeded(step, data):
    with random.sample(2, 0, 5):
        return step(data)


def tensors(data):
    return {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in data.items()}


@pytest.mark.parametrize("name", ON_ARRAYS)
def test_numpy_and_torch_give_the_same_numbers_in_their_own_kind(name):
    step, data = made(name)
    plain, torched = seeded(step, data), seeded(step, tensors(data))
    assert list(plain) == list(torched)
    for field, value in plain.items():
        if isinstance(value, np.ndarray):
            assert isinstance(torched[field], torch.Tensor)
            assert str(torched[field].dtype).removeprefix("torch.") == value.dtype.name
            np.testing.assert_allclose(torched[field].numpy(), value, rtol=1e-4, atol=1e-4)
        elif isinstance(value, Geometry):
            assert value == torched[field]


@pytest.mark.parametrize("name", ON_ARRAYS)
def test_works_on_pictures_or_says_that_it_needs_geometry(name):
    params = with_dims(name, {**EXAMPLES[name][1], **PLANE.get(name, {})}, 2)
    step = getattr(eisen.transforms, name)(**params)
    data = {**EXAMPLES[name][0](), **arrays(SHAPE[:2])}
    del data["image_meta"], data["label_meta"]
    if name in VOLUMES_ONLY:
        with pytest.raises(GeometryError, match="_meta"):
            seeded(step, data)
        return
    result = seeded(step, data)
    assert all(np.asarray(result[field]).size for field in BOTH if field in result)


@pytest.mark.parametrize("shape", [(1, 1, 1), (0, 9, 5)])
@pytest.mark.parametrize("name", ON_ARRAYS)
def test_one_voxel_and_no_voxel_either_work_or_are_refused_in_plain_words(name, shape):
    step = made(name)[0]
    data = {**made(name)[1], **arrays(shape)}
    try:
        seeded(step, data)
    except StepError as error:
        pytest.fail(f"{name} fails without saying why: {error}")
    except EisenError:
        pass


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64", "bool"])
@pytest.mark.parametrize("name", ON_ARRAYS)
def test_dtypes_moving_keeps_them_and_arithmetic_is_in_float32_unless_it_is_float64(name, dtype):
    step, data = made(name)
    before = {
        **data,
        **{k: v for k, v in arrays(data["image"].shape[1:], dtype).items() if k not in data or k == "image"},
    }
    result = seeded(step, before)
    if "image" not in getattr(step, "fields", []) or not isinstance(result.get("image"), np.ndarray):
        return
    kind, found = np.dtype(dtype), result["image"].dtype
    if name in SPATIAL and (name not in INTERPOLATED or kind.kind == "f"):
        assert found == kind
    else:
        assert found in (kind, np.float64 if kind == np.float64 else np.float32, np.uint8)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"FilterFields"}))
def test_values_that_are_not_touched_are_the_same_objects(name):
    step, data = made(name)
    data |= {"notes": object(), "other": np.zeros((2, 2))}
    result = seeded(step, data)
    assert result["notes"] is data["notes"]
    assert result["other"] is data["other"]


def test_all_of_them_work_in_a_process_that_was_spawned():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        jobs = {name: pool.submit(operator.call, *made(name)) for name in NAMES if not name.startswith("Get")}
        for name, job in jobs.items():
            assert list(job.result()) == list(seeded(*made(name))), name


def pattern(geometry):
    """Return a smooth function of the position in the body, on the voxels of a grid."""
    index = np.stack([*np.indices(geometry.shape), np.ones(geometry.shape)]).reshape(4, -1)
    places = torch.from_numpy((geometry.affine @ index)[:3].T).float()
    for warp in reversed(geometry.warps):
        places = functional.deformed(warp, places)
    x, y, z = places.numpy().T
    return (np.sin(x / 8) + np.cos(y / 9 + 1) + np.sin(z / 10)).reshape(geometry.shape).astype("float32")


@pytest.mark.parametrize("name", [name for name in SPATIAL if name != "RepeatTensor"])
def test_a_function_of_the_position_in_the_body_stays_that_function(name):
    step, data = made(name)
    grid = data["image_meta"]
    data |= {"image": pattern(grid)[None], "label": np.ones((1, *grid.shape), "uint8")}
    result = seeded(step, data)
    tissue = ndimage.binary_erosion(result["label"][0] == 1, border_value=0)
    error = np.abs(result["image"][0] - pattern(result["image_meta"]))[tissue]
    assert tissue.any()
    assert error.max() < 0.1
    assert error.mean() < 0.01
