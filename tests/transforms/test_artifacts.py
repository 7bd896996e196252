"""Blur, low resolution, noise, bias field and the artifacts of k-space, against independent references."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from eisen._core import random
from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Geometry
from eisen.transforms import (
    GaussianBlur,
    RandomBiasField,
    RandomBlur,
    RandomChannelDropout,
    RandomCoarseDropout,
    RandomGhosting,
    RandomLowResolution,
    RandomMotion,
    RandomNoise,
    RandomRicianNoise,
    RandomSpike,
    functional,
)

few = settings(max_examples=20, deadline=None)


def volume(shape=(12, 15, 10), seed=0):
    return np.random.default_rng(seed).random(shape).astype("float32")


def run(step, value, seed=0):
    with random.sample(seed, 0, 0):
        return step({"x": value})["x"]


@few
@given(st.lists(st.sampled_from([0, 0.3, 0.8, 2.0, 5.0]), min_size=3, max_size=3), st.sampled_from([3, 8, 13]))
def test_blur_is_that_of_scipy(sigma, n):
    image = volume((2, n, 15, 10))
    expected = ndimage.gaussian_filter(image.astype(float), [0, *sigma], mode="reflect")
    np.testing.assert_allclose(functional.gaussian_blur(image, sigma), expected, atol=3e-6)


def test_blur_in_mm_follows_the_spacing_and_in_voxels_does_not():
    image = volume()
    data = {"x": image, "x_meta": Geometry.of(np.diag([1.0, 2.0, 4.0, 1.0]), image.shape)}
    in_mm = ndimage.gaussian_filter(image, [2, 1, 0.5])
    np.testing.assert_allclose(GaussianBlur(["x"], 2)(data)["x"], in_mm, atol=1e-6)
    np.testing.assert_allclose(RandomBlur(["x"], (2, 2))(data)["x"], in_mm, atol=1e-6)
    in_voxels = ndimage.gaussian_filter(image, 2)
    np.testing.assert_allclose(GaussianBlur(["x"], 2, "voxel")(data)["x"], in_voxels, atol=1e-6)
    np.testing.assert_allclose(RandomBlur(["x"], (2, 2), "voxel")(data)["x"], in_voxels, atol=1e-6)
    np.testing.assert_allclose(GaussianBlur(["x"], 2)({"x": image})["x"], in_voxels, atol=1e-6)


@few
@given(st.floats(0.2, 1), st.floats(0.2, 1))
def test_low_resolution_keeps_shape_range_and_constant_images(a, b):
    image = volume((2, 16, 20))
    low = functional.low_resolution(image, (a, b))
    assert low.shape == image.shape
    assert low.min() >= image.min() - 1e-6
    assert low.max() <= image.max() + 1e-6
    np.testing.assert_allclose(functional.low_resolution(np.full((8, 9), 7.0), (a, b)), 7, rtol=1e-6)


def test_low_resolution_along_one_axis_leaves_the_others_sharp():
    ramp = np.arange(16.0).reshape(16, 1) + 100 * (np.arange(16) % 2)
    low = run(RandomLowResolution(["x"], (0.5, 0.5), axes=[0]), ramp)
    np.testing.assert_allclose(low[:, 1] - low[:, 0], 100, atol=1e-5)
    drawn = RandomLowResolution(["x"], same_for_axes=False).draw_change(np.random.default_rng(0))
    assert len(set(drawn)) == 3


def test_noise_is_gaussian_and_rician_noise_follows_its_law():
    gaussian = functional.gaussian_noise(np.full(40_000, 3.0), 0.5, 7)
    assert stats.kstest(gaussian, "norm", args=(3, 0.5)).pvalue > 0.01
    rician = functional.rician_noise(np.full(40_000, 3.0), 0.5, 7)
    assert stats.kstest(rician, "rice", args=(3 / 0.5, 0, 0.5)).pvalue > 0.01


def test_noise_depends_on_its_seed_alone():
    image = volume()
    first = functional.gaussian_noise(image, 1, (2**62, 0))
    np.testing.assert_array_equal(first, functional.gaussian_noise(torch.from_numpy(image), 1, (2**62, 0)).numpy())
    assert abs(np.corrcoef((first - image).ravel(), functional.gaussian_noise(image * 0, 1, 5).ravel())[0, 1]) < 0.1
    in_fortran_order = np.asfortranarray(image)
    np.testing.assert_array_equal(functional.gaussian_noise(in_fortran_order, 1, (2**62, 0)), first)


def test_rician_noise_is_a_fraction_of_the_largest_intensity_and_never_negative():
    image = np.zeros((40, 40, 40), "float32")
    image[0, 0, 0] = 1000
    noisy = run(RandomRicianNoise(["x"], std=(0.02, 0.02)), image)
    assert noisy.min() >= 0
    assert noisy[1:].mean() == pytest.approx(20 * np.sqrt(np.pi / 2), rel=0.02)
    assert run(RandomRicianNoise(["x"]), np.zeros((0, 3))).shape == (0, 3)


@few
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 99))
def test_bias_field_is_the_exponential_of_its_polynomial(order, dims, seed):
    shape = (5, 4, 6)[:dims]
    coefficients = np.random.default_rng(seed).normal(size=functional.n_bias_coefficients(order, dims))
    exponents = sorted(e for e in np.ndindex((order + 1,) * dims) if 0 < sum(e) <= order)
    grids = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    log_field = sum(
        c * np.prod([g**k for g, k in zip(grids, e, strict=True)], axis=0)
        for c, e in zip(coefficients, exponents, strict=True)
    )
    image = np.random.default_rng(seed).random((2, *shape))
    np.testing.assert_allclose(functional.bias_field(image, coefficients, order, dims), image * np.exp(log_field))


def test_bias_field_is_smooth_one_at_the_centre_and_alike_for_all_channels():
    shaded = run(RandomBiasField(["x"]), np.ones((2, 31, 31, 31), "float32"))
    np.testing.assert_allclose(shaded[:, 15, 15, 15], 1, rtol=1e-6)
    assert np.abs(np.diff(np.log(shaded), axis=1)).max() < 0.5
    np.testing.assert_array_equal(shaded[0], shaded[1])
    each = run(RandomBiasField(["x"], channelwise=True), np.ones((2, 9, 9, 9), "float32"))
    assert not np.allclose(each[0], each[1])


@pytest.mark.parametrize("n", [16, 15])
def test_ghosts_weaken_every_nth_plane_of_k_space_and_nothing_else(n):
    image = volume((6, n, 5)) - 0.5
    spectrum, ghosts = np.fft.fft(image, axis=1), np.fft.fft(functional.ghosting(image, 4, 0.6, 1), axis=1)
    weak = [k for k in range(n) if min(k, n - k) % 4 == 0 and k]
    np.testing.assert_allclose(ghosts[:, weak], 0.4 * spectrum[:, weak], atol=1e-4)
    rest = sorted(set(range(n)) - set(weak))
    np.testing.assert_allclose(ghosts[:, rest], spectrum[:, rest], atol=1e-4)


def test_ghosts_are_where_they_should_be_and_keep_the_mean():
    image = np.full((32, 8), -1e-6, "float32")
    image[4] = 1
    ghosts = run(RandomGhosting(["x"], (2, 2), (1, 1), axes=[0]), image)
    assert np.abs(ghosts).mean(axis=1).argsort()[-2:].tolist() in ([4, 20], [20, 4])
    assert ghosts.mean() == pytest.approx(image.mean(), rel=1e-4)


@pytest.mark.parametrize("frequency", [(3, 0, 2), (-2, 5, 1)])
def test_a_spike_changes_one_point_of_k_space_and_its_mirror_image(frequency):
    image = volume() - 0.5
    change = np.fft.fftn(functional.spike(image, frequency, 0.5, 1.0) - image)
    there = tuple(f % n for f, n in zip(frequency, image.shape, strict=True))
    mirrored = tuple(-f % n for f, n in zip(frequency, image.shape, strict=True))
    height = 0.5 * image.std() * image.size / 2
    assert abs(change[there]) == pytest.approx(height, rel=1e-3)
    assert abs(change[mirrored]) == pytest.approx(height, rel=1e-3)
    change[there] = change[mirrored] = 0
    assert np.abs(change).max() < 1e-2


@few
@given(st.integers(0, 999))
def test_motion_is_the_real_part_of_the_mixture_in_k_space(seed):
    rng = np.random.default_rng(seed)
    image = volume((12, 11)) - 0.5
    times, shifts = np.sort(rng.random(2)), rng.integers(-2, 3, (2, 2)).astype(float)
    poses = np.concatenate([[[0, 0]], shifts])
    lines = np.searchsorted(times, (np.arange(11) + 0.5) / 11, side="right")
    centre = np.bincount(lines[[5]]).argmax()
    moved = [ndimage.shift(image, pose - poses[centre], order=1, mode="nearest") for pose in poses]
    mixed = sum(np.fft.fft(m, axis=1) * np.fft.ifftshift(lines == i) for i, m in enumerate(moved))
    got = functional.motion(image, np.zeros((2, 1)), shifts, times.tolist(), 1, (1, 1))
    np.testing.assert_allclose(got, np.fft.ifft(mixed, axis=1).real, atol=1e-5)


@pytest.mark.parametrize("kernel", ["ghosting", "spike", "motion"])
def test_a_magnitude_image_stays_one(kernel):
    """What an artifact makes negative is folded up, and only that."""
    arguments = {"ghosting": (3, 1.0, 0), "spike": ((3, 1), 3.0), "motion": ([[20.0]], [[0, 5.0]], [0.5], 0, (1, 1))}
    image = np.zeros((16, 16), "float32")
    image[5:9, 4:12] = volume((4, 8)) + 1
    function = getattr(functional, kernel)
    folded, signed = function(image, *arguments[kernel]), function(image - 1e-7, *arguments[kernel])
    assert signed.min() < -1e-3
    np.testing.assert_allclose(folded, np.abs(signed), atol=1e-5)


def test_motion_in_mm_follows_the_spacing_and_none_changes_nothing():
    image = volume((16, 16, 8))
    still = functional.motion(image, np.zeros((1, 3)), np.zeros((1, 3)), [0.5])
    np.testing.assert_allclose(still, image, atol=1e-6)
    voxels = functional.motion(image, np.zeros((1, 3)), np.array([[0, 0, 1.0]]), [0.7], 0)
    mm = functional.motion(image, np.zeros((1, 3)), np.array([[0, 0, 3.0]]), [0.7], 0, (1, 1, 3))
    np.testing.assert_allclose(voxels, mm, atol=1e-6)


def test_motion_leaves_the_patient_where_the_labels_are():
    image = np.zeros((40, 40), "float32")
    image[12:28, 12:28] = 1
    for seed in range(10):
        moved = run(RandomMotion(["x"], spatial_dims=2), image, seed)
        inside = np.average(np.indices(image.shape).reshape(2, -1), axis=1, weights=moved.clip(0).ravel() ** 2)
        np.testing.assert_allclose(inside, 19.5, atol=1.6)


def test_the_same_boxes_are_blank_in_all_fields_and_the_rest_is_untouched():
    data = {"a": volume((20, 20, 20)), "b": volume((20, 20, 20), 1)}
    blank = RandomCoarseDropout(["a", "b"], fill=-1)(data)
    holes = blank["a"] == -1
    np.testing.assert_array_equal(holes, blank["b"] == -1)
    assert 0.003 < holes.mean() < 0.3
    np.testing.assert_array_equal(blank["a"][~holes], data["a"][~holes])
    filled = RandomCoarseDropout(["a"])(data)["a"]
    assert (np.isclose(filled, data["a"].mean())).sum() > 27


def test_channel_dropout_leaves_one_channel_and_draws_for_each():
    seen = [run(RandomChannelDropout(["x"], 0.5), np.ones((4, 2)), seed).max(axis=1) for seed in range(200)]
    assert min(row.sum() for row in seen) == 1
    assert 0.4 < np.mean(seen) < 0.65


def test_channels_can_have_draws_of_their_own():
    image = np.ones((200, 4, 4), "int16")
    noisy = run(RandomNoise(["x"], (0.1, 0.5), channelwise=True, p_channel=0.25), image)
    changed = noisy.std(axis=(1, 2)) > 0
    assert noisy.dtype == np.float32
    assert 30 <= changed.sum() <= 70
    assert len(np.unique(noisy[changed].std(axis=(1, 2)).round(3))) > 10
    tensor = run(RandomNoise(["x"], (0.1, 0.5), channelwise=True, p_channel=0.25), torch.from_numpy(image))
    np.testing.assert_allclose(tensor.numpy(), noisy)


@pytest.mark.parametrize("kind", [RandomBlur, RandomLowResolution, RandomBiasField, RandomGhosting, RandomMotion])
def test_what_can_be_a_picture_or_a_thin_volume_has_to_be_said(kind):
    with pytest.raises(ShapeError, match=f"3 channels|give {kind.__name__} the argument"):
        kind(["x"])({"x": volume((3, 16, 16))})
    for dims in (2, 3):
        assert kind(["x"], spatial_dims=dims)({"x": volume((3, 16, 16))})["x"].shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (RandomBlur, {"sigma": (-1, 1)}),
        (RandomBlur, {"unit": "cm"}),
        (RandomLowResolution, {"zoom": (0.5, 2)}),
        (RandomLowResolution, {"axes": [3]}),
        (RandomBiasField, {"strength": -1}),
        (RandomBiasField, {"order": 0}),
        (RandomGhosting, {"n_ghosts": (1, 3)}),
        (RandomGhosting, {"intensity": (0, 2)}),
        (RandomGhosting, {"axes": []}),
        (RandomGhosting, {"keep": 2}),
        (RandomSpike, {"frequency": (0, 2)}),
        (RandomSpike, {"intensity": (-1, 0)}),
        (RandomMotion, {"n_movements": (0, 1)}),
        (RandomMotion, {"axes": []}),
        (RandomCoarseDropout, {"size": (0, 1)}),
        (RandomCoarseDropout, {"holes": (2.5, 3)}),
        (RandomCoarseDropout, {"fill": "mean"}),
        (RandomChannelDropout, {"p_channel": 2}),
        (RandomNoise, {"p_channel": -1}),
        (GaussianBlur, {"sigma": -1}),
        (GaussianBlur, {"sigma": None}),
        (GaussianBlur, {"sigma": [1, 1, 1, 1]}),
    ],
)
def test_wrong_arguments_are_refused_in_the_constructor(kind, params):
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: {next(iter(params))} is"):
        kind(["x"], **params)


@pytest.mark.slow
def test_bias_field_agrees_with_torchio_where_definitions_agree():
    from importlib.util import find_spec

    if not find_spec("torchio"):
        pytest.skip("torchio is not installed")
    import subprocess
    import sys

    code = """
import warnings; warnings.simplefilter("ignore")
import numpy as np, torch, torchio
from eisen.transforms import functional
image = np.random.default_rng(0).random((9, 9, 9)).astype("float32")
coefficients = np.random.default_rng(1).normal(size=9) / 3
theirs = torchio.BiasField([0.0, *coefficients], order=2)(torch.from_numpy(image[None]))[0].numpy()
ours = functional.bias_field(image, coefficients, order=2)
print(abs(ours - theirs).max() / theirs.max())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    assert float(done.stdout.split()[-1]) < 1e-5
