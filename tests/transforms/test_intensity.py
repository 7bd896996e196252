import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from eisen._core.errors import ArgumentError, VoxelValueError
from eisen.transforms import (
    FixedMeanStdNormalization,
    LabelMapToOneHot,
    MapValues,
    ThresholdValues,
    ZScoreNormalization,
    functional,
)

few = settings(max_examples=25, deadline=None)

FLOATS = npst.arrays(np.float32, (3, 4, 5), elements=st.floats(-1e4, 1e4, width=32))


def run(step, value):
    return step({"x": value})["x"]


@few
@given(FLOATS, st.floats(-100, 100), st.floats(-100, 100))
def test_map_values_follows_the_formula_with_its_epsilon(array, low, high):
    x = array.astype(np.float64)
    expected = (x - x.min()) / (x.max() - x.min() + 1e-5) * (high - low) + low
    np.testing.assert_allclose(run(MapValues(["x"], low, high), array), expected, atol=2e-4)


def test_map_values_top_is_just_below_and_constant_becomes_the_minimum():
    assert run(MapValues(["x"]), np.array([0.0, 1e-5]))[1] == pytest.approx(0.5)
    np.testing.assert_array_equal(run(MapValues(["x"], min_value=-2, max_value=5), np.full((2, 2), 9)), -2)


def test_map_values_channelwise_maps_each_channel_and_does_not_truncate_integers():
    array = np.stack([np.array([0, 10]), np.array([100, 300])]).astype("int16")
    result = run(MapValues(["x"], channelwise=True), array)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[0, 1], [0, 1]], atol=1e-5)
    assert run(MapValues(["x"]), array)[0, 1] == pytest.approx(10 / 300)


def test_map_values_does_not_overflow_small_integers():
    np.testing.assert_allclose(run(MapValues(["x"]), np.array([-128, 127], "int8")), [0, 1], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floating_point_types_stay(dtype):
    array = np.linspace(0, 1, 6, dtype=dtype)
    for step in (MapValues(["x"]), FixedMeanStdNormalization(["x"], 0, 2), ZScoreNormalization(["x"])):
        assert run(step, array).dtype == dtype


def test_fixed_mean_and_std():
    np.testing.assert_allclose(run(FixedMeanStdNormalization(["x"], 3, 4), np.array([3, 7])), [0, 1])
    with pytest.raises(AssertionError):
        FixedMeanStdNormalization(["x"], 1, 0)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("greater", [0, 0, 1]), ("smaller", [1, 0, 0]), ("greater/equal", [0, 1, 1]), ("smaller/equal", [1, 1, 0])],
)
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
def test_threshold_gives_zeros_and_ones_of_the_same_type(direction, expected, dtype):
    result = run(ThresholdValues(["x"], 2, direction), np.array([1, 2, 3], dtype))
    assert result.dtype == dtype
    assert result.tolist() == expected


def test_threshold_knows_four_directions():
    with pytest.raises(ValueError, match="did you mean 'greater'"):
        ThresholdValues(["x"], 1, "greatr")


def test_one_hot_squeezes_and_ignores_values_that_are_not_listed():
    label = np.array([0, 1, 2, 7], "float32").reshape(1, 2, 2, 1)
    result = run(LabelMapToOneHot(["x"], [2, 0]), label)
    assert (result.dtype, result.shape) == (np.float32, (2, 2, 2))
    np.testing.assert_array_equal(result, [[[0, 0], [1, 0]], [[1, 0], [0, 0]]])
    assert run(LabelMapToOneHot(["x"], [1]), np.array([1])).tolist() == [1.0]


@pytest.mark.parametrize("classes", [3, "12", ["a"]])
def test_one_hot_needs_a_list_of_numbers(classes):
    with pytest.raises(ArgumentError, match="classes is"):
        LabelMapToOneHot(["x"], classes)


@few
@given(FLOATS.filter(lambda a: a.std() > 1), st.sampled_from([1e-3, 1.0, 120.0, 1e6]))
def test_zscore_gives_mean_0_and_deviation_1_at_any_scale(array, scale):
    result = run(ZScoreNormalization(["x"]), array * np.float32(scale)).astype(np.float64)
    assert abs(result.mean()) < 1e-4
    assert result.std() == pytest.approx(1, abs=1e-3)


@few
@given(st.floats(-1e6, 1e6, width=32), st.sampled_from(["float32", "float64"]), st.integers(1, 3000))
def test_zscore_of_a_constant_image_is_0(value, dtype, size):
    np.testing.assert_array_equal(run(ZScoreNormalization(["x"]), np.full(size, value, dtype)), 0)


def test_zscore_nonzero_leaves_the_background():
    result = run(ZScoreNormalization(["x"], nonzero=True), np.array([0, 0, 10, 30], "float32"))
    assert result.tolist() == [0, 0, -1, 1]
    np.testing.assert_array_equal(run(ZScoreNormalization(["x"], nonzero=True), np.zeros(3)), 0)


def test_zscore_channelwise():
    result = run(ZScoreNormalization(["x"], channelwise=True), np.array([[0, 2], [100, 300]]))
    np.testing.assert_allclose(result, [[-1, 1], [-1, 1]])


def test_zscore_clips_outliers_at_percentiles():
    array = np.append(np.linspace(0, 1, 1000), 1e6)
    plain, clipped = (run(ZScoreNormalization(["x"], percentiles=p), array) for p in (None, (0.5, 99.5)))
    assert plain[:1000].std() < 1e-4
    assert clipped[:1000].std() > 0.9


def test_zscore_of_nan_says_how_many():
    for percentiles in (None, (1, 99)):
        with pytest.raises(VoxelValueError, match="1 of 4 voxels"):
            run(ZScoreNormalization(["x"], percentiles=percentiles), np.array([1, np.nan, 3, 2]))


@pytest.mark.parametrize("percentiles", [[5], [99, 1], [-1, 50], "ab", 5])
def test_percentiles_are_two_ordered_numbers(percentiles):
    with pytest.raises(ArgumentError, match="percentiles"):
        ZScoreNormalization(["x"], percentiles=percentiles)


@pytest.mark.parametrize(
    "step",
    [
        MapValues(["x"]),
        FixedMeanStdNormalization(["x"], 0, 2),
        ZScoreNormalization(["x"]),
        ThresholdValues(["x"], 1),
        LabelMapToOneHot(["x"], [0, 1]),
    ],
)
def test_tensors_give_tensors_with_the_same_numbers(step):
    array = np.arange(6, dtype="float32").reshape(2, 3)
    result = run(step, torch.from_numpy(array))
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), run(step, array))


def test_gamma_keeps_the_range_and_constant_images():
    array = np.linspace(-50, 900, 100, dtype="float32")
    bent = functional.gamma(array, 0.5)
    assert (bent.min(), bent.max()) == pytest.approx((-50, 900))
    assert (bent[1:-1] > array[1:-1]).all()
    np.testing.assert_array_equal(functional.gamma(np.full(3, 5.0), 2), 5)


def test_arithmetic_on_empty_arrays_does_not_fail():
    empty = np.zeros((0, 3), "float32")
    for result in (functional.map_range(empty), functional.zscore(empty), functional.gamma(empty, 2)):
        assert result.shape == (0, 3)
