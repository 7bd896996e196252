"""The way of the fields is told from the configuration alone, and what is told is true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eisen._core.field_roles import field_roles
from eisen._core.fields import DataStep
from eisen.config import build, discover, locate
from eisen.config.experiment import Entry
from eisen.config.field_use import field_use
from eisen.config.signature import signature_of
from eisen_cli.builder.flow.drawing import Drawing
from eisen_cli.builder.flow.wires import flow_of

EXAMPLES = [path for path in sorted(Path("examples").glob("*.json")) if "mnist" not in path.stem]
"""All but one, for which torchvision would have to be imported; that takes long."""


def step(name, **params):
    return {"type": f"eisen.transforms.{name}", "params": params}


def phase(*transforms, **sections):
    data = {"Training": {"Datasets": [{"type": "eisen.datasets.JsonDataset", "params": {}}], **sections}}
    data["Training"]["Transforms"] = list(transforms)
    return data


def breaks(flow):
    return [(stop.station.name, found.field, found.place) for stop in flow.stops for found in stop.breaks]


def test_a_wire_begins_where_a_field_is_made_and_ends_where_it_is_removed():
    flow = flow_of(
        phase(
            step("CopyFields", fields=["image"], new_fields=["copy"]),
            step("DropFields", fields=["copy"]),
            step("RenameFields", fields=["image"], new_fields=["scan"]),
        ),
        "Training",
    )
    assert flow.lanes == ("image", "copy", "scan")
    assert [stop.after for stop in flow.stops[:4]] == [("image",), ("image", "copy"), ("image",), ("scan",)]
    assert flow.stops[0].given == ("image",)
    assert flow.stops[0].is_guess


def test_a_removed_field_breaks_the_chain_where_it_is_read_again():
    flow = flow_of(
        phase(step("DropFields", fields=["seg"]), step("Flip", fields=["image", "seg"], axes=[0])), "Training"
    )
    assert breaks(flow) == [("Flip", "seg", ("Training", "Transforms", 1, "params", "fields", 1))]


def test_what_nobody_knows_is_no_error_until_a_dry_run_has_told_it():
    data = phase(step("Flip", fields=["imgae"], axes=[0]))
    assert not breaks(flow_of(data, "Training"))
    found = flow_of(data, "Training", known=["image", "label", "age"])
    assert breaks(found) == [("Flip", "imgae", ("Training", "Transforms", 0, "params", "fields", 0))]
    assert "did you mean 'image'?" in found.stops[1].breaks[0].expected
    assert found.unused == ("image", "label", "age")


def test_losses_read_what_the_model_makes():
    data = phase(step("FilterFields", fields=["image", "label"]))
    wires = {"input_names": ["image"], "output_names": ["logits"]}
    data["General"] = {"Models": [{"type": "torch.nn.Conv3d", "params": wires}]}
    loss = {"input_names": ["predictions", "label"], "output_names": ["loss"]}
    data["Training"]["Losses"] = [{"type": "eisen.ops.losses.DiceLoss", "params": loss}]
    flow = flow_of(data, "Training")
    assert breaks(flow) == [("DiceLoss", "predictions", ("Training", "Losses", 0, "params", "input_names", 0))]
    assert flow.lanes == ("image", "label", "logits")
    assert flow.stops[-1].station.values == ("loss",)


def test_a_class_that_says_nothing_may_make_anything():
    unknown = {"type": "somewhere.else.Thing", "params": {"fields": ["image"]}}
    last = step("Flip", fields=["seg"], axes=[0])
    flow = flow_of(phase(step("FilterFields", fields=["image"]), unknown, last), "Training")
    assert not breaks(flow)
    assert not flow.stops[2].station.use.is_known


def test_steps_drawn_by_chance_count_for_every_field_and_remove_none_for_certain():
    inner = [step("DropFields", fields=["a"]), step("RandomNoise", fields=["b"])]
    use = field_use(step("OneOf", transforms=inner), "Transforms")
    assert use.fields("removes", "changes") == ["a", "b"]
    assert not use.is_certain
    assert use.named[1].inside == ("params", "transforms", 1, "params", "fields", 0)
    later = step("Flip", fields=["a"], axes=[0])
    assert not breaks(flow_of(phase(step("OneOf", transforms=inner), later), "Training"))
    assert breaks(flow_of(phase(step("Compose", transforms=inner), later), "Training"))


@pytest.mark.parametrize("data", [{}, {"Training": 3}, {"Training": {"Transforms": [3, {}, {"type": None}]}}])
def test_a_configuration_in_the_making_is_no_error(data):
    assert "ef-map" in Drawing(flow_of(data, "Training")).html()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_example_is_broken_and_every_wired_field_has_a_lane(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    for name in {"Training", "Validation", "Testing", "Prediction"} & data.keys():
        flow = flow_of(data, name)
        assert not breaks(flow)
        for stop in flow.stops[-2:]:
            assert set(stop.station.use.fields("reads")) <= set(flow.lanes)


STEPS = [path for section in ("Readers", "Transforms") for path in discover()[section]]
NAMING = {"fields", "new_fields", "dst_field", "mask", "reference", "source", "source_field", "affine_field"}
NAMING |= {"name_fields", "label"}


@pytest.mark.parametrize("path", [path for path in STEPS if issubclass(locate(path), DataStep)])
def test_every_step_says_what_it_does_to_the_fields_it_names(path):
    names = NAMING & signature_of(locate(path)).parameters.keys()
    assert names <= field_roles(locate(path)).keys()


@pytest.mark.parametrize(
    "entry",
    [
        step("AddChannelDimension", fields=["image"]),
        step("CopyFields", fields=["image"], new_fields=["copy"]),
        step("CreateConstantFlags", fields=["flag"], values=[1]),
        step("CheckFinite", fields=["image"]),
        step("DropFields", fields=["mask"]),
        step("FilterFields", fields=["mask"]),
        step("RenameFields", fields=["mask"], new_fields=["seg"]),
        step("StackImagesChannelwise", fields=["image", "mask"], dst_field="both"),
        step("ZScoreNormalization", fields=["image"], mask="mask"),
        step("MaskValues", fields=["image"], mask="mask"),
        step("CropForeground", fields=["mask"], source="image", spatial_dims=3),
        step("RandomCropByLabel", fields=["image", "mask"], label="mask", size=[3, 3, 3], spatial_dims=3),
    ],
    ids=lambda entry: entry["type"].rpartition(".")[2],
)
def test_a_step_does_what_it_says(entry):
    rng = np.random.default_rng(0)
    image, mask = rng.random((6, 7, 8), dtype="float32"), np.zeros((6, 7, 8), "uint8")
    mask[2:4, 2:4, 2:4] = 1
    before = {"image": image, "mask": mask}
    after = build(Entry(entry["type"], entry["params"]), "Transforms")(before)
    use = field_use(entry, "Transforms")
    gone = set(use.fields("removes")) | (set(before) - set(use.fields("keeps")) if use.fields("keeps") else set())
    assert set(before) - set(after) == gone
    assert set(after) - set(before) - {"image_src", "mask_src"} == set(use.fields("makes"))
    changed = {name for name in before if name in after and after[name] is not before[name]}
    assert changed == set(use.fields("changes"))


def test_a_drawing_escapes_what_strangers_wrote():
    evil = '<img src=x onerror="alert(1)">'
    html = Drawing(flow_of(phase(step(f"Flip{evil}", fields=[evil], axes=[0])), "Training", known=["image"])).html()
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_break_leads_to_its_field():
    html = Drawing(flow_of(phase(step("Flip", fields=["imgae"], axes=[0])), "Training", known=["image"])).html()
    assert 'data-goto="Training.Transforms[0].params.fields[0]"' in html
    assert "ef-cross" in html
