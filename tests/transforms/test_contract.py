"""What every public transform has in common."""

import copy
import importlib
import inspect
import pickle

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image

import eisen.transforms
from eisen._core import random
from eisen._core.errors import ArgumentError, MissingFieldError
from eisen._core.types import Geometry

AFFINE = np.array([[0.0, -1.5, 0.0, 10.0], [1.0, 0.0, 0.0, -20.0], [0.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 1.0]])
SHAPE = (12, 10, 8)


def arrays():
    rng = np.random.default_rng(5)
    grid = Geometry.of(AFFINE, SHAPE)
    return {
        "image": rng.normal(size=(1, *SHAPE)).astype("float32"),
        "label": rng.integers(0, 3, size=(1, *SHAPE)).astype("uint8"),
        "image_meta": grid,
        "label_meta": grid,
    }


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
    "CheckFinite": (arrays, {"fields": BOTH}),
    "CheckLabels": (arrays, {"fields": ["label"], "values": [1, 2]}),
    "CheckSameGrid": (nifti, {"fields": BOTH}),
    "CreateConstantFlags": (arrays, {"fields": ["a", "b"], "values": [1, "x"]}),
    "CropCenteredSubVolumes": (arrays, {"fields": BOTH, "size": [8, 12, 8]}),
    "FilterFields": (arrays, {"fields": ["label"]}),
    "FixedMeanStdNormalization": (arrays, {"fields": ["image"], "mean": 1.0, "std": 2.0}),
    "GetContent": (arrays, {"fields": ["label"]}),
    "GetShape": (arrays, {"fields": BOTH}),
    "ITKToNumpy": (itk, {"fields": BOTH}),
    "LabelMapToOneHot": (arrays, {"fields": ["label"], "classes": [1, 2]}),
    "MapValues": (arrays, {"fields": ["image"]}),
    "NiftiToNumpy": (nifti, {"fields": BOTH}),
    "NumpyToNifti": (lambda: {**arrays(), "image": arrays()["image"][0]}, {"fields": ["image"]}),
    "PadToMultiple": (arrays, {"fields": BOTH, "multiple": 8}),
    "PilToNumpy": (picture, {"fields": BOTH}),
    "RandomAffine": (arrays, {"fields": BOTH, "elastic_mm": 2, "translation_mm": 3, "flip_axes": [0, 2]}),
    "RandomFlip": (arrays, {"fields": BOTH}),
    "RandomGamma": (arrays, {"fields": ["image"]}),
    "RandomIntensityScaleShift": (arrays, {"fields": ["image"]}),
    "RandomNoise": (arrays, {"fields": ["image"]}),
    "RenameFields": (arrays, {"fields": BOTH, "new_fields": ["label", "image"]}),
    "Reorient": (arrays, {"fields": BOTH, "axes": "LPS"}),
    "RepeatTensor": (arrays, {"fields": ["image"], "reps": [2, 1, 1, 1]}),
    "Resample": (arrays, {"fields": BOTH, "spacing_mm": 2.0}),
    "ResampleITKVolumes": (itk, {"fields": BOTH, "resolution": [2, 2, 2]}),
    "ResampleNiftiVolumes": (nifti, {"fields": BOTH, "resolution": [2, 2, 2], "interpolation": {}}),
    "StackImagesChannelwise": (arrays, {"fields": BOTH, "dst_field": "stack"}),
    "ThresholdValues": (arrays, {"fields": ["image"], "threshold": 0}),
    "ToTensor": (arrays, {"fields": BOTH, "dtype": "float32"}),
    "ZScoreNormalization": (arrays, {"fields": ["image"], "percentiles": [1, 99]}),
}

NAMES = sorted(
    name
    for name in set(eisen.transforms.__all__) - {"Compose"}
    if not inspect.isabstract(getattr(eisen.transforms, name))
)

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
