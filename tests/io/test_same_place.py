"""The same volume is the same array at the same place in the body, whatever the format it is stored in."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from eisen._core.types import Geometry
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, write_itk, write_nifti
from eisen.transforms import ITKToNumpy, NiftiToNumpy

SHAPE = (3, 4, 5)
SPACING = (0.8, 1.5, 3.0)
ARRAY = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype("int16")
ORIENTATIONS = [
    np.eye(3)[list(order)] * signs for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)
]
FORMATS = ("nii.gz", "mha", "nrrd")


def affine_of(direction, origin) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = direction * SPACING, origin
    return affine


def world(array, geometry: Geometry):
    """Return the voxels by their position, for arrays whose axes are in the order of their geometry."""
    index = np.indices(geometry.shape).reshape(3, -1)
    positions = (geometry.affine[:3, :3] @ index).T + geometry.affine[:3, 3]
    order = np.lexsort(np.round(positions, 2).T)
    return positions[order], np.asarray(array).reshape(-1)[order]


def assert_same_everywhere(folder, affine) -> None:
    positions, values = world(ARRAY, Geometry.of(affine, SHAPE))
    write_nifti(folder / "n.nii.gz", ARRAY, affine)
    for suffix in FORMATS:
        write_itk(folder / f"a.{suffix}", ARRAY, Geometry.of(affine, SHAPE))
    by_nifti = [("n.nii.gz", LoadNiftiFromFilename, NiftiToNumpy), ("a.nii.gz", LoadNiftiFromFilename, NiftiToNumpy)]
    by_itk = [(name, LoadITKFromFilename, ITKToNumpy) for name in ("n.nii.gz", *(f"a.{suffix}" for suffix in FORMATS))]
    for name, reader, converter in by_nifti + by_itk:
        read = reader(["x"], folder)({"x": name})
        assert read["x_meta"].shape == SHAPE, name
        assert np.allclose(read["x_meta"].affine, affine, atol=1e-4), name
        data = converter(["x"])(read)
        found, seen = world(data["x"], data["x_meta"])
        assert np.allclose(found, positions, atol=1e-3), name
        assert np.array_equal(seen, values), name


@pytest.mark.parametrize("direction", ORIENTATIONS, ids=lambda d: "".join(nibabel.aff2axcodes(affine_of(d, 0))))
def test_all_48_orientations_are_the_same_in_every_format(tmp_path, direction):
    assert_same_everywhere(tmp_path, affine_of(direction, (-90.5, 120.25, 7.0)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    orientation=st.sampled_from(ORIENTATIONS),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_oblique_volumes_are_the_same_in_every_format(tmp_path, angles, orientation, origin):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ orientation
    assert_same_everywhere(tmp_path, affine_of(direction, origin))
