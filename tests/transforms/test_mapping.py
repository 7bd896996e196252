"""Windows, limits, percentiles, contrast, power laws, histogram landmarks, masks."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from eisen._core import random
from eisen._core.errors import ArgumentError, ArtifactError, MissingFieldError, ShapeError, VoxelValueError
from eisen.transforms import (
    ClipValues,
    Compose,
    HistogramStandardization,
    IntensityWindow,
    MaskValues,
    PercentileNormalization,
    RandomBlur,
    RandomContrast,
    RandomGamma,
    RandomIntensityScaleShift,
    RandomLowResolution,
    RandomNoise,
    ZScoreNormalization,
    functional,
    train_landmarks,
)

few = settings(max_examples=25, deadline=None)


def run(step, value):
    return step({"x": value})["x"]


@few
@given(
    st.one_of(
        npst.arrays(np.int16, 50),
        npst.arrays(np.uint8, 9),
        npst.arrays(np.float64, 30, elements=st.floats(-1e6, 1e6)),
        npst.arrays(np.bool_, 20),
    ),
    st.lists(st.floats(0, 100), min_size=1, max_size=3),
)
def test_percentiles_are_those_of_numpy(array, ranks):
    expected = np.percentile(array.astype(np.float64), ranks)
    np.testing.assert_allclose(functional.percentiles(array, ranks), expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("kind", ["normal", "mostly zero", "huge", "few values", "infinite"])
def test_percentiles_of_many_floats_are_those_of_numpy(kind):
    values = np.random.default_rng(0).normal(size=(30, 40, 25)).astype("float32")
    values = {
        "normal": values,
        "mostly zero": np.where(values > 1, values, np.float32(0)),
        "huge": values * np.float32(1e30),
        "few values": values.round(),
        "infinite": np.where(values > 3, np.float32(np.inf), values),
    }[kind]
    ranks = [0, 0.5, 25, 50, 99, *([] if kind == "infinite" else [100])]
    expected = np.percentile(values.astype(np.float64), ranks)
    np.testing.assert_allclose(functional.percentiles(values, ranks), expected, rtol=1e-6)
    assert np.isnan(functional.percentiles(np.where(values > 2, np.float32(np.nan), values), [50])).all()


def test_window_names_are_those_of_radiology():
    hu = np.array([-1350, -600, 150, 400])
    np.testing.assert_allclose(run(IntensityWindow(["x"], "lung"), hu), [0, 0.5, 1, 1])
    lung = IntensityWindow(["x"], "lung", output=None)
    assert (lung.low, lung.high) == (-1350, 150)
    assert run(lung, hu).tolist() == [-1350, -600, 150, 150]
    bone = run(IntensityWindow(["x"], level=400, width=1800, output=[-1, 1]), hu)
    np.testing.assert_allclose(bone, [-1, -1, -0.278, 0], atol=1e-3)
    np.testing.assert_array_equal(
        run(IntensityWindow(["x"], low=-160, high=240), hu), run(IntensityWindow(["x"], level=40, width=400), hu)
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"window": "lungs"},
        {"window": "lung", "level": 3, "width": 4},
        {"level": 3},
        {"low": 0, "high": 1, "width": 3},
        {"low": 3, "high": 1},
        {"low": 3, "high": 3},
        {"window": "bone", "output": [0]},
        {"window": "bone", "output": 1},
    ],
)
def test_a_window_is_said_in_exactly_one_way(params):
    with pytest.raises(ArgumentError, match="IntensityWindow"):
        IntensityWindow(["x"], **params)


@few
@given(npst.arrays(np.int16, 20), st.floats(-1e5, 1e5), st.floats(0, 1e5))
def test_clip_keeps_the_type_and_stays_inside_of_limits(array, low, width):
    clipped = run(ClipValues(["x"], low, low + width), array)
    assert clipped.dtype == np.int16
    inside = (array >= low) & (array <= low + width)
    np.testing.assert_array_equal(clipped[inside], array[inside])
    np.testing.assert_array_equal(run(ClipValues(["x"], low, low + width), torch.from_numpy(array)).numpy(), clipped)


@pytest.mark.parametrize("limits", [(None, None), (2, 1), (float("nan"), 1)])
def test_clip_needs_a_limit(limits):
    with pytest.raises(ArgumentError, match="low is"):
        ClipValues(["x"], *limits)


def test_percentile_normalisation_maps_percentiles_and_clips_unless_told():
    image = np.random.default_rng(0).gamma(2, 100, 5000).astype("float32")
    low, high = np.percentile(image, [1, 99])
    free = run(PercentileNormalization(["x"], [1, 99], -1, 1, clip=False), image)
    np.testing.assert_allclose(free, (image - low) / (high - low) * 2 - 1, atol=1e-4)
    np.testing.assert_allclose(run(PercentileNormalization(["x"], [1, 99], -1, 1), image), free.clip(-1, 1), atol=1e-6)
    np.testing.assert_array_equal(run(PercentileNormalization(["x"]), np.full((2, 3), 7)), 0)
    each = run(PercentileNormalization(["x"], [0, 100], channelwise=True), np.array([[0, 2], [100, 300]]))
    np.testing.assert_allclose(each, [[0, 1], [0, 1]])
    assert run(PercentileNormalization(["x"], [0, 50], nonzero=True), np.array([0, 0, 10.0, 20])).max() == 1
    with pytest.raises(VoxelValueError, match="1 of 3 voxels"):
        run(PercentileNormalization(["x"]), np.array([1, np.nan, 2], "float32"))


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_measuring_inside_of_a_mask(kind):
    data = {"x": kind(np.array([[0.0, 10, 30, 99], [0, 20, 40, 99]])), "label": kind(np.array([0, 1, 1, 0]))}
    z = ZScoreNormalization(["x"], channelwise=True, mask="label")(data)["x"]
    np.testing.assert_allclose(z[:, 1:3], [[-1, 1], [-1, 1]])
    np.testing.assert_allclose(z[0], [-2, -1, 1, 7.9])
    unit = PercentileNormalization(["x"], [0, 100], clip=False, mask="label")(data)["x"]
    np.testing.assert_allclose(unit[:, 1], [0, 1 / 3], atol=1e-6)
    blank = MaskValues(["x"], "label", value=-5)(data)["x"]
    assert np.asarray(blank).tolist() == [[-5, 10, 30, -5], [-5, 20, 40, -5]]
    assert np.asarray(MaskValues(["x"], "label", invert=True)(data)["x"]).tolist() == [[0, 0, 0, 99], [0, 0, 0, 99]]


def test_a_mask_that_is_missing_or_does_not_fit_is_named():
    with pytest.raises(MissingFieldError, match="needs the field 'mask'"):
        MaskValues(["x"], "mask")({"x": np.ones(3)})
    with pytest.raises(ShapeError, match=r"'x' has the shape \(3,\) and the mask 'm' has \(4,\)"):
        ZScoreNormalization(["x"], mask="m")({"x": np.ones(3), "m": np.ones(4)})
    with pytest.raises(VoxelValueError, match="-1 does not fit an array of type uint8"):
        MaskValues(["x"], "x", value=-1)({"x": np.ones(3, "uint8")})
    with pytest.raises(ArgumentError, match="mask is"):
        MaskValues(["x"], "")


@few
@given(st.floats(0.3, 3), st.booleans(), st.sampled_from(["float32", "float64", "int16"]))
def test_gamma_is_the_power_law_on_either_end(exponent, invert, dtype):
    image = np.random.default_rng(1).integers(-50, 900, 300).astype(dtype)
    x, low, high = image.astype(np.float64), float(image.min()), float(image.max())
    unit = (x - low) / (high - low)
    bent = 1 - (1 - unit) ** exponent if invert else unit**exponent
    got = functional.gamma(image, exponent, invert)
    np.testing.assert_allclose(got, bent * (high - low) + low, atol=2e-3)
    tensor = functional.gamma(torch.from_numpy(image), exponent, invert)
    np.testing.assert_allclose(tensor.numpy(), got, atol=2e-3)


def test_gamma_keeps_mean_and_deviation_when_told():
    image = np.random.default_rng(0).gamma(2, 100, 5000).astype("float32")
    kept = functional.gamma(image, 0.6, retain_stats=True)
    assert (kept.mean(), kept.std()) == pytest.approx((image.mean(), image.std()), rel=1e-4)
    draws = [RandomGamma(["x"], invert_p=0.25).draw_change(np.random.default_rng(i))[1] for i in range(400)]
    assert np.mean(draws) == pytest.approx(0.25, abs=0.07)


def test_contrast_keeps_the_mean_and_range():
    image = np.random.default_rng(0).normal(5, 2, 5000).astype("float32")
    stretched = functional.contrast(image, 1.5, preserve_range=False)
    assert (stretched.mean(), stretched.std()) == pytest.approx((image.mean(), 1.5 * image.std()), rel=1e-4)
    kept = functional.contrast(image, 1.5)
    assert (kept.min(), kept.max()) == (image.min(), image.max())
    factors = [RandomContrast(["x"], (0.9, 3)).draw_change(np.random.default_rng(i)) for i in range(400)]
    assert np.mean(np.array(factors) < 1) == pytest.approx(0.5, abs=0.08)


@few
@given(st.integers(0, 999))
def test_piecewise_linear_is_that_of_numpy_inside_and_goes_on_outside(seed):
    rng = np.random.default_rng(seed)
    source, target = np.cumsum(rng.uniform(0.5, 2, 6)), np.cumsum(rng.uniform(0, 2, 6))
    x = rng.uniform(source[0], source[-1], 50)
    np.testing.assert_allclose(functional.piecewise_linear(x, source, target), np.interp(x, source, target))
    beyond = functional.piecewise_linear(source[-1:] + 1, source, target)[0]
    assert beyond == pytest.approx(target[-1] + (target[-1] - target[-2]) / (source[-1] - source[-2]))


def scans():
    """Three scanners: one anatomy, three intensity scales (one of them bent)."""
    anatomy = np.random.default_rng(0).gamma(3, 1, (12, 12, 12))
    anatomy[:4] = 0
    return [{"mr": (anatomy * s) ** g} for s, g in ((1, 1), (900, 1), (40, 1.3))]


def test_standardised_scanners_agree(tmp_path):
    learned = train_landmarks(scans(), ["mr"], "nonzero", path=tmp_path / "landmarks.json")
    assert (learned["mr"][0], learned["mr"][-1]) == (0, 100)
    step = HistogramStandardization(["mr"], str(tmp_path / "landmarks.json"), "nonzero")
    images = [step(scan)["mr"] for scan in scans()]
    for image in images[1:]:
        np.testing.assert_allclose(np.median(image[4:]), np.median(images[0][4:]), atol=0.5)
        assert np.corrcoef(image.ravel(), images[0].ravel())[0, 1] > 0.995
    again = HistogramStandardization(["mr"], learned, "nonzero")
    np.testing.assert_array_equal(again(scans()[2])["mr"], images[2])
    tensor = again({"mr": torch.from_numpy(scans()[2]["mr"])})["mr"]
    np.testing.assert_allclose(tensor.numpy(), images[2], rtol=1e-6)


def test_another_scale_makes_no_difference_above_the_mean():
    step = HistogramStandardization(["mr"], train_landmarks(scans()[:2], ["mr"]))
    first, second = (step(scan)["mr"] for scan in scans()[:2])
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_landmarks_can_be_measured_in_a_mask_and_come_as_npz(tmp_path):
    cases = [{**scan, "mask": (scan["mr"] > 0).astype("uint8")} for scan in scans()]
    learned = train_landmarks(cases, ["mr"], mask="mask")
    np.savez(tmp_path / "l.npz", **learned)
    step = HistogramStandardization(["mr"], tmp_path / "l.npz", mask="mask")
    standardised = step(cases[1])["mr"][cases[1]["mask"] > 0]
    np.testing.assert_allclose(np.percentile(standardised, [1, 50, 99]), [0, learned["mr"][5], 100], atol=0.2)


def test_images_without_contrast_are_only_shifted_and_teach_nothing():
    landmarks = [*range(0, 101, 10)]
    step = HistogramStandardization(["x"], landmarks, region="all")
    assert run(step, np.full(9, 7.0)).tolist() == [100] * 9
    with pytest.raises(VoxelValueError, match="no case with contrast in 'x'"):
        train_landmarks([{"x": np.zeros(9)}], ["x"])


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        ([1, 2], "11 increasing numbers"),
        ([*range(10, -1, -1)], "11 increasing numbers"),
        ({"t1": [*range(11)]}, "no landmarks for 'x'"),
        ("nowhere.json", "cannot be read"),
    ],
)
def test_wrong_landmarks_are_refused_in_the_constructor(landmarks, words):
    with pytest.raises(ArgumentError) as caught:
        HistogramStandardization(["x"], landmarks)
    assert words in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="folder does not exist"):
        train_landmarks(scans(), ["mr"], path=tmp_path / "no" / "l.json")
    train_landmarks(scans(), ["mr"], path=tmp_path / "l.json")
    assert json.loads((tmp_path / "l.json").read_text(encoding="utf-8")).keys() == {"percentiles", "landmarks"}


def test_the_intensity_chain_of_nnunet_can_be_written_down():
    each = {"channelwise": True}
    chain = Compose(
        [
            RandomNoise(["x"], (0, 0.1), p=0.1),
            RandomBlur(["x"], (0.5, 1), "voxel", p=0.2, p_channel=0.5, **each),
            RandomIntensityScaleShift(["x"], (0.75, 1.25), 0, p=0.15, **each),
            RandomContrast(["x"], (0.75, 1.25), p=0.15, **each),
            RandomLowResolution(["x"], (0.5, 1), p=0.25, p_channel=0.5, **each),
            RandomGamma(["x"], (0.7, 1.5), p=0.1, invert_p=1, retain_stats=True, **each),
            RandomGamma(["x"], (0.7, 1.5), p=0.3, retain_stats=True, **each),
        ]
    )
    image = np.random.default_rng(0).normal(size=(2, 8, 9, 7)).astype("float32")
    changed = 0
    for index in range(40):
        with random.sample(0, 0, index):
            result = run(chain, image)
        assert (result.shape, result.dtype) == (image.shape, np.float32)
        assert np.isfinite(result).all()
        changed += result is not image
    assert 20 < changed < 40
