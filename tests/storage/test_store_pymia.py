"""Files that pymia 0.3.4 wrote, category by category."""

import h5py
import numpy as np
import pytest

from eisen._core.errors import CorruptFileError
from eisen.storage import Store

SHAPES = [(4, 5, 6), (5, 5, 7), (4, 4, 4)]
DIRECTION = np.array([0, 1, 0, -1, 0, 0, 0, 0, 1.0])


@pytest.fixture
def arrays():
    draw = np.random.default_rng(0)
    return [draw.normal(size=(*shape, 2)).astype("float32") for shape in SHAPES]


@pytest.fixture
def path(tmp_path, arrays):
    """Write what pymia's default callbacks write: see its documentation of the HDF5 file."""
    path, text = tmp_path / "pymia.h5", h5py.string_dtype()
    with h5py.File(path, "w", libver="latest") as file:
        for n, array in enumerate(arrays):
            file[f"data/images/{n}"] = array
            file[f"data/labels/{n}"] = (array[..., :1] > 0).astype("uint8")
            file[f"data/age/{n}"] = np.array([40.5 + n])
            file.create_dataset(f"data/sex/{n}", data=np.array(["fm"[n % 2]], object), dtype=text)
        file.create_dataset("meta/subjects", data=np.array(["anna", "ben", "cleo"], object), dtype=text)
        names = {"images": ["T1", "T2"], "labels": ["tumour"], "age": ["age"], "sex": ["sex"]}
        for category, entries in names.items():
            file.create_dataset(f"meta/names/{category}_names", data=np.array(entries, object), dtype=text)
        file["meta/shapes/images_shapes"] = np.zeros((3, 4), "uint16")  # of no use: they overflow
        file["meta/image_props/shapes"] = np.array([shape[::-1] for shape in SHAPES], "uint16")
        file["meta/image_props/origins"] = np.array([[10.0, 20.0, 30.0]] * 3)
        file["meta/image_props/spacing"] = np.array([[1.0, 2.0, 3.0]] * 3)
        file["meta/image_props/directions"] = np.array([DIRECTION] * 3)
    return path


def test_channels_come_first_and_shapes_are_those_of_the_arrays(path, arrays):
    store = Store(path)
    assert store.cases == ("anna", "ben", "cleo")
    assert store.names("images") == ("T1", "T2")
    for case, array in zip(store.cases, arrays, strict=True):
        assert store.shape(case, "images") == (2, *array.shape[:-1])
        np.testing.assert_array_equal(store.read(case, "images"), np.moveaxis(array, -1, 0))
        part = store.read(case, "images", np.s_[1:2, 1:3, 0:4, 2:4])
        np.testing.assert_array_equal(part, array[1:3, 0:4, 2:4, 1:2].transpose(3, 0, 1, 2))
        np.testing.assert_array_equal(store.read(case, "labels")[0], array[..., 0] > 0)


def test_numbers_and_texts_are_fields_of_their_own(path):
    store = Store(path)
    assert [store.value(case, "age") for case in store.cases] == [40.5, 41.5, 42.5]
    assert [store.value(case, "sex") for case in store.cases] == ["f", "m", "f"]


def test_geometry_is_that_of_the_itk_image(path):
    import SimpleITK

    image = SimpleITK.Image(*SHAPES[0][::-1], SimpleITK.sitkUInt8)
    image.SetOrigin((10.0, 20.0, 30.0))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetDirection(DIRECTION.tolist())
    grid = Store(path).geometry("anna", "images")
    assert grid.shape == SHAPES[0]
    for index in [(0, 0, 0), (3, 4, 5), (1, 2, 0)]:
        lps = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose((grid.affine @ [*index, 1])[:3], np.array([-1, -1, 1]) * lps)
    assert Store(path).geometry("anna", "labels") == grid


def test_a_file_of_pymia_with_a_part_missing_is_an_error_card(path):
    with h5py.File(path, "r+") as file:
        del file["meta/image_props/spacing"]
    with pytest.raises(CorruptFileError, match="is a damaged store"):
        Store(path)


def test_pymia_itself_wrote_the_same(tmp_path):
    for name in ("object", "float", "int", "bool", "str"):  # which today's NumPy has no longer
        if name not in np.__dict__:
            setattr(np, name, __builtins__.get(name) if isinstance(__builtins__, dict) else getattr(__builtins__, name))
    creation = pytest.importorskip("pymia.data.creation")
    import SimpleITK
    from pymia.data.definition import KEY_IMAGES, KEY_LABELS
    from pymia.data.subjectfile import SubjectFile

    draw, files, expected = np.random.default_rng(0), [], []
    for n, shape in enumerate(SHAPES):
        volumes = [draw.integers(0, 9, shape).astype("int16") for _ in range(3)]
        paths = [str(tmp_path / f"{n}_{k}.mha") for k in range(3)]
        for volume, target in zip(volumes, paths, strict=True):
            image = SimpleITK.GetImageFromArray(volume)
            image.SetSpacing((1.0, 1.5, 2.0))
            SimpleITK.WriteImage(image, target)
        groups = {KEY_IMAGES: {"T1": paths[0], "T2": paths[1]}, KEY_LABELS: {"seg": paths[2]}}
        files.append(SubjectFile(f"s{n}", **groups))
        expected.append(volumes)
    target = str(tmp_path / "dataset.h5")
    with creation.get_writer(target) as writer:
        callbacks = creation.get_default_callbacks(writer)
        creation.Traverser().traverse(files, load=creation.LoadDefault(), callback=callbacks)
    store = Store(target)
    assert store.cases == ("s0", "s1", "s2")
    assert store.names(KEY_IMAGES) == ("T1", "T2")
    for case, volumes in zip(store.cases, expected, strict=True):
        np.testing.assert_array_equal(store.read(case, KEY_IMAGES), np.stack(volumes[:2]))
        np.testing.assert_array_equal(store.read(case, KEY_LABELS)[0], volumes[2])
        assert store.geometry(case, KEY_IMAGES).spacing == (2.0, 1.5, 1.0)
