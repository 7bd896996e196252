"""ResidualEncoderUNet: its plan, and deep supervision from a configuration."""

from __future__ import annotations

import json

import pytest
import torch

from eisen._core.errors import ArgumentError, ShapeError
from eisen.config import Entry, build, read_config
from eisen.models import ResidualEncoderUNet
from eisen.ops.layers import ResidualUnit
from eisen.utils import EisenModuleWrapper


def small(**settings):
    torch.manual_seed(0)
    return ResidualEncoderUNet(1, 3, n_filters=2, outputs_activation="none", **{"n_stages": 4, **settings})


def test_training_gives_every_resolution_but_the_lowest_and_evaluation_the_result_alone():
    net = small(deep_supervision=True, strides=[1, [1, 2, 2], 2, 2])
    images = torch.randn(2, 1, 8, 16, 16)
    logits, scales = net(images)
    assert scales[0] is logits
    assert [tuple(scale.shape[1:]) for scale in scales] == [(3, 8, 16, 16), (3, 8, 8, 8), (3, 4, 4, 4)]
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(images), logits)
    assert isinstance(small()(images.repeat(1, 1, 1, 1, 2)), torch.Tensor)


def test_sides_must_fit_the_strides_of_their_axis():
    net = small(strides=[1, [1, 2, 2], [1, 2, 2], 2])
    with pytest.raises(ShapeError, match="5 x 16 x 16 voxels") as caught:
        net(torch.zeros(1, 1, 5, 16, 16))
    assert "[2, 8, 8], e.g. 6 x 16 x 16" in caught.value.card.expected
    assert "PadToMultiple(fields, [2, 8, 8])" in caught.value.card.to_do


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strides": [2, 2, 2, 2]}, "first of the strides"),
        ({"strides": [1, 2, 2]}, "strides is"),
        ({"strides": [1, 2, 2, [2, 2]]}, r"strides holds \[2, 2\]"),
        ({"kernel_sizes": [3, 3, 2, 3]}, "kernel_sizes holds"),
        ({"features_per_stage": [4, 8, [8, 8, 8], 8]}, "features_per_stage is"),
        ({"n_blocks_per_stage": [1, 2, 0, 1]}, "n_blocks_per_stage is 0"),
        ({"n_blocks_per_stage": "1234"}, "n_blocks_per_stage is '1234'"),
        ({"normalization": "groupnorm"}, "groupnorm cannot split"),
    ],
)
def test_plans_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        small(**settings)


@pytest.mark.parametrize(("stride", "out"), [(1, 4), (1, 6), ((1, 2, 2), 6)])
@torch.no_grad()
def test_a_residual_unit_starts_as_the_short_way(stride, out):
    net = small()
    net.unit = ResidualUnit(4, out, stride=stride)
    for module in net.modules():  # what the network does to its own units
        if module is net.unit:
            torch.nn.init.zeros_(module.conv[-1].weight)
    features = torch.randn(1, 4, 4, 4, 4)
    torch.testing.assert_close(net.unit(features), torch.nn.functional.leaky_relu(net.unit.shortcut(features)))
    assert all(not unit.conv[-1].weight.any() for stage in small().encoder for unit in stage)


def test_a_configuration_trains_with_deep_supervision(phantom_folder, tmp_path):
    from eisen.experiments import check

    both = ["image", "label"]
    model = {"input_names": ["image"], "output_names": ["logits", "scales"], "input_channels": 1}
    model |= {"output_channels": 4, "n_filters": 2, "n_stages": 3, "outputs_activation": "none"}
    inner = {"type": "eisen.ops.losses.DiceCELoss", "params": {"batch_dice": True}}
    loss = {"input_names": ["scales", "label"], "output_names": ["loss"], "loss": inner}
    data = {"json_file": "dataset.json", "phase": "training"}
    phase = {
        "Datasets": [{"type": "eisen.datasets.MSDDataset", "params": data}],
        "Readers": [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": both}}],
        "Transforms": [
            {"type": "eisen.transforms.NiftiToNumpy", "params": {"fields": both}},
            {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": both}},
            {"type": "eisen.transforms.CropCenteredSubVolumes", "params": {"fields": both, "size": [16, 16, 16]}},
        ],
        "Losses": [{"type": "eisen.ops.losses.DeepSupervisionLoss", "params": loss}],
        "Optimizer": [{"type": "torch.optim.SGD", "params": {"lr": 0.1}}],
    }
    entry = {"type": "eisen.models.ResidualEncoderUNet", "params": {**model, "deep_supervision": True}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"General": {"Models": [entry]}, "Training": phase}))
    report = check(read_config(path), phantom_folder)
    assert 0 < report.losses["loss"] < 10
    inner["type"] = "eisen.ops.losses.DiceCELos"
    path.write_text(json.dumps({"General": {"Models": [entry]}, "Training": phase}))
    with pytest.raises(ValueError, match=r"did you mean 'eisen\.ops\.losses\.DiceCELoss'"):
        check(read_config(path), phantom_folder)


def test_metrics_find_the_result_in_both_modes():
    model = EisenModuleWrapper(small(deep_supervision=True), ["image"], ["logits", "scales"])
    images = torch.zeros(1, 1, 16, 16, 16)
    assert set(model(image=images)) == {"logits", "scales"}
    assert set(model.eval()(image=images)) == {"logits"}


COLOURS = ("torchvision.models.squeezenet1_1", {"num_classes": 5}, (1, 3, 32, 32), (1, 5))
MONAI = (
    "monai.networks.nets.SegResNet",
    {"init_filters": 8, "out_channels": 3},
    (1, 1, 16, 16, 16),
    (1, 3, 16, 16, 16),
)


@pytest.mark.parametrize(("path", "params", "given", "wanted"), [COLOURS, pytest.param(*MONAI, marks=pytest.mark.slow)])
def test_networks_of_others_are_named_by_their_path(path, params, given, wanted):
    """Also functions that make a network, such as torchvision's."""
    assert build(Entry(path, params, "General.Models[0]"), "Models")(torch.zeros(given)).shape == wanted
