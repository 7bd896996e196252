import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, MissingFieldError, ShapeError
from eisen._core.types import Geometry
from eisen.transforms import (
    AddChannelDimension,
    CreateConstantFlags,
    FilterFields,
    GetContent,
    GetShape,
    RenameFields,
    RepeatTensor,
    StackImagesChannelwise,
)

GRID = Geometry.of(np.eye(4), (2, 3, 4))


def test_flags_are_the_very_objects_that_were_given():
    value = [1]
    assert CreateConstantFlags(["a"], [value])({})["a"] is value


@pytest.mark.parametrize("kind", [CreateConstantFlags, RenameFields])
def test_lists_of_different_lengths_are_refused_as_the_original_did(kind):
    with pytest.raises(AssertionError):
        kind(["a", "b"], ["c"])
    with pytest.raises(ArgumentError, match="2 fields and 1"):
        kind(["a", "b"], ["c"])


def test_renaming_goes_to_the_end_and_drops_the_old_name():
    assert list(RenameFields(["a"], ["z"])({"a": 1, "b": 2})) == ["b", "z"]


def test_a_swap_keeps_both_values():
    assert RenameFields(["a", "b"], ["b", "a"])({"a": 1, "b": 2, "c": 3}) == {"a": 2, "b": 1, "c": 3}


def test_renaming_twice_follows_the_list():
    assert RenameFields(["a", "b"], ["b", "c"])({"a": 1}) == {"c": 1}


def test_geometry_is_renamed_along_and_never_belongs_to_another_array():
    other = Geometry.of(np.eye(4), (9, 9, 9))
    data = {"a": 1, "a_meta": GRID, "b": 2, "b_meta": other}
    assert RenameFields(["a", "b"], ["b", "a"])(data) == {"b": 1, "b_meta": GRID, "a": 2, "a_meta": other}
    assert RenameFields(["a"], ["b"])(data) == {"b": 1, "b_meta": GRID}
    assert RenameFields(["a"], ["b"])({"a": 1, "b": 2, "b_meta": other}) == {"b": 1}
    assert RenameFields(["a", "a_meta"], ["x", "y"])({"a": 1, "a_meta": GRID}) == {"x": 1, "y": GRID}


def test_filter_keeps_exactly_these_fields_in_this_order():
    assert list(FilterFields(["c", "a"])({"a": 1, "b": 2, "c": 3, "a_meta": GRID}).items()) == [("c", 3), ("a", 1)]


def test_stack_on_a_new_axis_or_join_along_the_first():
    data = {"a": np.zeros((2, 3, 4)), "b": np.ones((2, 3, 4))}
    assert StackImagesChannelwise(["a", "b"], "s")(data)["s"].shape == (2, 2, 3, 4)
    joined = StackImagesChannelwise(["a", "b"], "s", create_new_dim=False)(data)
    assert joined["s"].shape == (4, 3, 4)
    assert set(joined) == {"a", "b", "s"}


def test_stack_of_tensors_is_a_tensor():
    stacked = StackImagesChannelwise(["a", "b"], "s")({"a": torch.zeros(2, 3), "b": np.ones((2, 3), "float32")})["s"]
    assert isinstance(stacked, torch.Tensor)
    assert stacked.shape == (2, 2, 3)


def test_stack_has_the_geometry_of_its_first_image_where_that_is_still_true():
    data = {"a": np.zeros((2, 3, 4)), "b": np.ones((2, 3, 4)), "a_meta": GRID}
    assert StackImagesChannelwise(["a", "b"], "s")(data)["s_meta"] == GRID
    assert "s_meta" not in StackImagesChannelwise(["a", "b"], "s", create_new_dim=False)(data)


def test_stack_of_different_shapes_names_both():
    data = {"t1": np.zeros((2, 3)), "t2": np.zeros((2, 4))}
    with pytest.raises(ShapeError, match=r"'t1' has the shape \(2, 3\) and 't2' has \(2, 4\)"):
        StackImagesChannelwise(["t1", "t2"], "s")(data)


def test_stack_of_nothing_is_refused():
    with pytest.raises(ArgumentError):
        StackImagesChannelwise([], "s")


@pytest.mark.parametrize(("reps", "shape"), [([3, 1, 1], (3, 2, 3)), ([2], (2, 6)), ([2, 1], (4, 3))])
def test_repeating_is_tiling(reps, shape):
    value = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(RepeatTensor(["x"], reps)({"x": value})["x"], np.tile(value, reps))
    assert tuple(RepeatTensor(["x"], reps)({"x": torch.as_tensor(value)})["x"].shape) == shape


@pytest.mark.parametrize("reps", [[0, 1], [1.5], 3, [-1]])
def test_repetitions_must_be_positive_whole_numbers(reps):
    with pytest.raises(ArgumentError, match="reps is"):
        RepeatTensor(["x"], reps)


def test_repeating_space_forgets_the_geometry_and_repeating_channels_keeps_it():
    data = {"x": np.zeros((1, 2, 3, 4)), "x_meta": GRID}
    assert "x_meta" in RepeatTensor(["x"], [3, 1, 1, 1])(data)
    assert "x_meta" not in RepeatTensor(["x"], [2])(data)


def test_channel_axis_is_a_view():
    value = np.zeros((2, 3))
    assert AddChannelDimension(["x"])({"x": value})["x"].base is value
    assert AddChannelDimension(["x"])({"x": torch.zeros(2, 3)})["x"].shape == (1, 2, 3)


def test_inspection_prints_one_line_per_field(capsys):
    data = {"a": np.zeros((2, 3)), "b": "text", "c": np.eye(2, dtype=int)}
    assert GetContent(["b", "c"])(GetShape(["a", "b"])(data)) == data
    assert capsys.readouterr().out == "a: (2, 3)\nb: str\nb: text\nc: [[1 0] [0 1]]\n"


def test_renaming_a_missing_field_names_it():
    with pytest.raises(MissingFieldError, match="'x'"):
        RenameFields(["x"], ["y"])({"a": 1})
