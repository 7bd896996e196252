import pickle

import numpy as np
import pytest

from eisen._core import random
from eisen._core.errors import ArgumentError, DataError, MissingFieldError, ShapeError, StepError
from eisen.transforms import AddChannelDimension, Compose, CropCenteredSubVolumes, RandomNoise, RenameFields


def double(data):
    return {**data, "image": data["image"] * 2}


def forgets_to_return(data):
    data["image"] = 0


def breaks(data):
    raise IndexError("no such slice")


def mutates(data):
    data["seen"] = True
    return data


def test_runs_steps_in_order():
    assert Compose([double, RenameFields(["image"], ["x"])])({"image": 3}) == {"x": 6}


def test_leaves_the_incoming_dict_alone_even_if_a_step_of_the_user_mutates():
    data = {"image": 1}
    assert Compose([mutates])(data) == {"image": 1, "seen": True}
    assert data == {"image": 1}


def test_names_number_and_class_of_the_failing_step():
    chain = Compose([double, CropCenteredSubVolumes(["label"], [4, 4, 4])], places=["T[0]", "T[1]"])
    with pytest.raises(MissingFieldError) as caught:
        chain({"image": np.zeros((4, 4, 4), "float32")})
    card = caught.value.card
    assert card.step == "step 2 of 2: CropCenteredSubVolumes"
    assert card.config == "T[1]"
    assert card.field == "label"
    assert card.shapes == "image (4, 4, 4) float32"


def test_foreign_exception_becomes_a_step_error_with_its_cause():
    with pytest.raises(StepError, match="breaks failed: IndexError: no such slice") as caught:
        Compose([double, breaks, double], places=["a", "b", "c"])({"image": np.zeros(2)})
    assert isinstance(caught.value.__cause__, IndexError)
    assert (caught.value.card.step, caught.value.card.config) == ("step 2 of 3: breaks", "b")


def test_nested_chain_shows_the_whole_path():
    with pytest.raises(StepError) as caught:
        Compose([double, Compose([double, breaks])])({"image": np.zeros(2)})
    assert caught.value.card.step == "step 2.2 of 2: breaks"


def test_step_that_returns_nothing_is_told_to_return():
    with pytest.raises(StepError, match="returned NoneType") as caught:
        Compose([forgets_to_return])({"image": 1})
    assert "return data" in caught.value.card.to_do


def test_missing_field_suggests_the_nearest_name():
    with pytest.raises(MissingFieldError, match="did you mean 'image'"):
        Compose([AddChannelDimension(["imgae"])])({"image": np.zeros(3)})


@pytest.mark.parametrize("steps", [[3], [RandomNoise], [None]])
def test_refuses_what_cannot_be_a_step(steps):
    with pytest.raises(ArgumentError):
        Compose(steps)


def test_refuses_a_wrong_number_of_places():
    with pytest.raises(ArgumentError):
        Compose([double], places=[])


def test_two_equal_random_steps_draw_different_numbers():
    step = RandomNoise(["image"], std=(1, 1))
    with random.sample(0, 0, 0):
        once = Compose([step])({"image": np.zeros(100, "float32")})["image"]
    with random.sample(0, 0, 0):
        twice = Compose([step, step])({"image": np.zeros(100, "float32")})["image"]
    assert not np.allclose(twice, 2 * once)


def test_pickles_and_shows_its_steps():
    chain = pickle.loads(pickle.dumps(Compose([AddChannelDimension(["image"])])))
    assert repr(chain) == "Compose([AddChannelDimension(fields=['image'])])"
    assert chain({"image": np.zeros(2)})["image"].shape == (1, 2)


def test_path_where_an_array_is_needed_says_to_read_it():
    with pytest.raises(DataError, match=r"'a\.nii\.gz' where an array") as caught:
        CropCenteredSubVolumes(["image"], 4)({"image": "a.nii.gz"})
    assert "reader" in caught.value.card.to_do
    assert not isinstance(caught.value, ShapeError)
