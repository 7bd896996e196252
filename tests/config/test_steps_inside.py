"""Entries inside of entries: the steps that OneOf chooses from."""

import pytest

from eisen._core.errors import ConfigError, MissingFieldError
from eisen.config import Entry, build
from eisen.transforms import Compose, OneOf, RandomNoise

NOISE = {"type": "eisen.transforms.RandomNoise", "params": {"fields": ["image"], "std": [0, 0.1]}}
OLD = {"type": "eisen.transforms.imaging.MapValues", "params": {"fields": ["image"], "min_value": None}}


def one_of(*steps, **params):
    return {"type": "eisen.transforms.OneOf", "params": {"transforms": list(steps), **params}}


def with_transform(good, entry):
    good["Training"]["Transforms"].append(entry)
    return good, f"Training.Transforms[{len(good['Training']['Transforms']) - 1}]"


def test_entries_inside_are_built_and_know_their_place(good, read):
    config, place = with_transform(good, one_of(NOISE, one_of(NOISE, OLD), weights=[1, 2]))
    entry = read(config).phase("Training").transforms[-1]
    chain = build(entry, "Transforms")
    assert isinstance(chain, OneOf)
    assert isinstance(chain.transforms[0], RandomNoise)
    assert chain.weights == [1, 2]
    assert chain.places == [f"{place}.params.transforms[{i}]" for i in range(2)]
    assert chain.transforms[1].places[1] == f"{place}.params.transforms[1].params.transforms[1]"
    with pytest.raises(MissingFieldError) as caught:
        Compose([chain], places=[place])({"ct": 1})
    assert caught.value.card.config.startswith(f"{place}.params.transforms[")
    assert caught.value.card.step.startswith("step 1.")


def test_repairs_reach_inside_and_the_resolved_configuration_holds_them(good, read):
    config, place = with_transform(good, one_of(OLD))
    experiment = read(config)
    assert any(line.startswith(f"{place}.params.transforms[0].params.min_value: null") for line in experiment.repairs)
    resolved = experiment.resolved()["Training"]["Transforms"][-1]
    assert resolved["params"]["transforms"] == [{**OLD, "params": {"fields": ["image"]}}]
    assert read(experiment.resolved()).digest == experiment.digest


@pytest.mark.parametrize(
    ("step", "inside", "what", "expected"),
    [
        ({**NOISE, "type": "eisen.transforms.RandomNois"}, ".type", "RandomNois", "RandomNoise"),
        ({**NOISE, "params": {"feilds": ["image"]}}, ".params.feilds", "unknown parameter 'feilds'", "'fields'"),
        ({**NOISE, "params": {}}, ".params", "needs the parameter 'fields'", "fields"),
        ({**NOISE, "type": "torch.optim.Adam"}, ".type", "not a transform", "Optimizer"),
        ({**NOISE, "type": "os.system"}, ".type", "standard library", ""),
        ({**NOISE, "params": {"fields": "image"}}, ".params.fields", "'fields' of RandomNoise", "a list of texts"),
        ({"type": "eisen.transforms.RandomNoise"}, "", "'params' is missing", ""),
        ("RandomNoise", "", "this is no module", "type"),
    ],
)
def test_problems_inside_have_place_line_and_the_nearest_name(good, problems, step, inside, what, expected):
    config, place = with_transform(good, one_of(NOISE, step))
    found = [p for p in problems(config) if p.where == f"{place}.params.transforms[1]{inside}"]
    assert found, [str(p) for p in problems(config)]
    assert what in found[0].what
    assert expected in found[0].expected
    assert found[0].line > 0


def test_steps_must_be_a_list(good, problems):
    config, place = with_transform(good, {"type": "eisen.transforms.OneOf", "params": {"transforms": NOISE}})
    assert problems(config)[0].where == f"{place}.params.transforms"
    assert "a list of modules" in problems(config)[0].expected


def test_values_inside_can_be_overridden(good, read):
    config, place = with_transform(good, one_of(NOISE))
    changed = read(config, f"{place}.params.transforms[0].params.std=[0.5, 0.6]")
    assert build(changed.phase("Training").transforms[-1], "Transforms").transforms[0].std == (0.5, 0.6)


def test_entries_made_in_python_may_hold_steps_already():
    chain = build(Entry("eisen.transforms.OneOf", {"transforms": [RandomNoise(["x"]), NOISE]}), "Transforms")
    assert [type(step) for step in chain.transforms] == [RandomNoise, RandomNoise]


def test_a_constructor_that_fails_inside_names_the_place():
    entry = Entry(
        "eisen.transforms.OneOf", {"transforms": [{**NOISE, "params": {"fields": ["x"], "std": [2, 1]}}]}, "T"
    )
    with pytest.raises((ConfigError, ValueError)) as caught:
        build(entry, "Transforms")
    assert caught.value.card.config == "T.params.transforms[0]"


# -- an object inside of another of its role ----------------------------------------------------------------------

DEEP = {
    "type": "eisen.ops.losses.DeepSupervisionLoss",
    "params": {"input_names": ["y", "label"], "output_names": ["l"]},
}


def deep(inner):
    return {**DEEP, "params": {**DEEP["params"], "loss": inner}}


def test_a_loss_inside_of_a_loss_is_built_and_needs_no_names_of_its_own(good, read):
    good["Training"]["Losses"] = [deep({"type": "eisen.ops.losses.DiceCELoss", "params": {"ce_weight": 0.5}})]
    loss = build(read(good).phase("Training").losses[0], "Losses")
    assert loss.loss.ce_weight == 0.5


@pytest.mark.parametrize(
    ("inner", "inside", "what", "expected"),
    [
        ({"type": "eisen.ops.losses.DiceCELos", "params": {}}, ".type", "DiceCELos", "DiceCELoss"),
        ({"type": "eisen.ops.losses.DiceCELoss", "params": {"smoth": 1}}, ".params.smoth", "unknown", "'smooth'"),
        ({"type": "eisen.transforms.RandomNoise", "params": {}}, ".type", "is not a loss", "torch.nn.Module"),
    ],
)  # fmt: skip
def test_problems_of_a_loss_inside_of_a_loss_have_their_line(good, problems, inner, inside, what, expected):
    good["Training"]["Losses"] = [deep(inner)]
    found = [p for p in problems(good) if p.where == f"Training.Losses[0].params.loss{inside}"]
    assert found, [str(p) for p in problems(good)]
    assert what in found[0].what
    assert expected in found[0].expected
    assert found[0].line > 0
