"""Chance in chains, functions of the user, and lists of fields."""

import pickle

import numpy as np
import pytest
import torch

from eisen._core import random
from eisen._core.errors import ArgumentError, DataError, StepError
from eisen._core.types import Geometry
from eisen.transforms import (
    AddChannelDimension,
    CastFields,
    Compose,
    CopyFields,
    DropFields,
    Lambda,
    OneOf,
    RandomApply,
    RandomNoise,
    SomeOf,
    ToNumpy,
)


class Append:
    """Write down that it ran."""

    def __init__(self, name):
        self.name = name

    def __call__(self, data):
        return {**data, "seen": [*data["seen"], self.name]}


STEPS = [Append(name) for name in "abcd"]


def seen(chain, index, seed=0):
    with random.sample(seed, 0, index):
        return "".join(chain({"seen": []})["seen"])


def test_one_of_draws_by_its_weights():
    ran = [seen(OneOf(STEPS[:3], weights=[1, 2, 0], p=0.6), i) for i in range(600)]
    assert [ran.count(name) / 600 for name in ("", "a", "b", "c")] == pytest.approx([0.4, 0.2, 0.4, 0], abs=0.06)


def test_some_of_draws_how_many_and_keeps_the_order_unless_told():
    ran = [seen(SomeOf(STEPS, n=(1, 3)), i) for i in range(300)]
    assert {len(names) for names in ran} == {1, 2, 3}
    assert all(list(names) == sorted(set(names)) for names in ran)
    assert [sum(name in names for names in ran) / 300 for name in "abcd"] == pytest.approx([0.5] * 4, abs=0.1)
    assert any(list(n) != sorted(n) for n in (seen(SomeOf(STEPS, n=2, shuffle=True), i) for i in range(30)))
    assert seen(SomeOf(STEPS, n=4), 0) == "abcd"


def test_random_apply_runs_all_or_nothing():
    ran = [seen(RandomApply(STEPS, p=0.3), i) for i in range(400)]
    assert set(ran) == {"", "abcd"}
    assert ran.count("abcd") / 400 == pytest.approx(0.3, abs=0.07)


@pytest.mark.parametrize("kind", [OneOf, SomeOf, RandomApply, Compose])
def test_chance_is_a_function_of_the_sample_and_chains_pickle(kind):
    chain = Compose([kind([RandomNoise(["x"], (1, 1)), RandomNoise(["x"], (2, 2))])])
    again, data = pickle.loads(pickle.dumps(chain)), {"x": np.zeros(50, "float32")}
    assert repr(again) == repr(chain)
    for index in range(4):
        with random.sample(1, 0, index):
            first = chain(data)["x"]
        with random.sample(1, 0, index):
            np.testing.assert_array_equal(again(data)["x"], first)


def test_equal_steps_inside_of_chains_draw_different_numbers():
    noise = RandomNoise(["x"], (1, 1))
    data = {"x": np.zeros(200, "float32")}
    with random.sample(0, 0, 0):
        twice = Compose([RandomApply([noise, noise], p=1)])(data)["x"]
    with random.sample(0, 0, 0):
        once = Compose([RandomApply([noise], p=1)])(data)["x"]
    assert abs(np.corrcoef(twice - once, once)[0, 1]) < 0.2


@pytest.mark.parametrize("kind", [OneOf, SomeOf, RandomApply])
def test_a_failing_step_inside_is_named_by_both_numbers(kind):
    inside = kind([lambda data: 1 / 0], **({"p": 1.0} if kind is not SomeOf else {}), places=["T[1].params.x[0]"])
    chain = Compose([Append("a"), inside, Append("b")], places=["T[0]", "T[1]", "T[2]"])
    with pytest.raises(StepError) as caught:
        chain({"seen": []})
    assert caught.value.card.step == "step 2.1 of 3: <lambda>"
    assert caught.value.card.config == "T[1].params.x[0]"


def test_the_data_point_that_comes_in_is_not_changed():
    data = {"seen": []}
    for chain in (OneOf(STEPS, p=0), RandomApply(STEPS, p=0), SomeOf(STEPS, n=0), Compose(None)):
        result = chain(data)
        assert result == data
        assert result is not data


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OneOf([]), "OneOf: transforms is empty"),
        (lambda: OneOf(STEPS, weights=[1]), "weights is"),
        (lambda: OneOf(STEPS, weights=[0, 0, 0, 0]), "weights is"),
        (lambda: OneOf(STEPS, p=2), "OneOf: p is 2"),
        (lambda: OneOf([Append]), "OneOf: step 1 of 1"),
        (lambda: SomeOf(STEPS, n=5), "at most 4"),
        (lambda: SomeOf(STEPS, n=(2, 1)), "n is"),
        (lambda: RandomApply(STEPS, p=-1), "RandomApply: p is"),
    ],
)
def test_wrong_arguments_are_refused_in_the_constructor(make, words):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert words in str(caught.value)


def doubled(value):
    return value * 2


def test_lambda_takes_a_path_or_a_function():
    assert Lambda(["x"], doubled)({"x": np.ones(1)})["x"] == 2
    assert Lambda(["x"], "numpy.negative")({"x": np.ones(1)})["x"] == -1
    for step in (Lambda(["x"], doubled), Lambda(["x"], "numpy.negative")):
        again = pickle.loads(pickle.dumps(step))
        assert again({"x": np.ones(1)})["x"] == step({"x": np.ones(1)})["x"]


@pytest.mark.parametrize(
    "path", ["os.system", "builtins.eval", "numpy.no_such", "numpy.ndarray", "numpy.pi", "double", 3, None]
)
def test_lambda_refuses_what_is_no_function_or_belongs_to_the_standard_library(path):
    with pytest.raises(ArgumentError, match="Lambda"):
        Lambda(["x"], path)


def test_a_function_named_in_a_file_is_never_given_a_path_of_the_data():
    with pytest.raises(DataError, match=r"for numpy\.load"):
        Lambda(["x"], "numpy.load")({"x": "scan.npy"})


def test_a_function_without_a_name_says_so_when_it_has_to_travel():
    step = Lambda(["x"], lambda x: x + 1)
    assert step({"x": 1})["x"] == 2
    with pytest.raises(ArgumentError, match="other processes cannot import"):
        pickle.dumps(step)


def test_copies_share_memory_and_geometry_and_dropping_takes_both():
    grid = Geometry.of(np.eye(4), (2, 2, 2))
    data = {"x": np.zeros((2, 2, 2)), "x_meta": grid, "y_meta": Geometry.of(np.eye(4), (9, 9, 9))}
    copied = CopyFields(["x"], ["y"])(data)
    assert copied["y"] is data["x"]
    assert copied["y_meta"] is grid
    assert DropFields(["x"])(copied).keys() == {"y", "y_meta"}
    assert CopyFields(["x"], ["y"])({"x": 1, "y": 2, "y_meta": grid}) == {"x": 1, "y": 1}
    with pytest.raises(ArgumentError, match="2 fields and 1"):
        CopyFields(["a", "b"], ["c"])


def test_casting_rounds_and_tensors_stay_tensors():
    assert CastFields(["x"], "uint8")({"x": np.array([1.6, 2.4])})["x"].tolist() == [2, 2]
    assert CastFields(["x"], np.float32)({"x": np.arange(2)})["x"].dtype == np.float32
    assert CastFields(["x"], "int64")({"x": torch.tensor([1.6])})["x"].tolist() == [2]
    with pytest.raises(ArgumentError, match="did you mean 'float32'"):
        CastFields(["x"], "float23")


def test_tensors_come_back_to_numpy_without_a_copy():
    tensor = torch.ones(3)
    assert ToNumpy(["x"])({"x": tensor})["x"].ctypes.data == tensor.data_ptr()
    assert ToNumpy(["x"])(AddChannelDimension(["x"])({"x": tensor}))["x"].shape == (1, 3)
