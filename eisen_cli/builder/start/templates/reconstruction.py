"""From an image to an image: denoising, or translation into another kind of image."""

from __future__ import annotations

from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.templates.common import begin, close, train_with
from eisen_cli.builder.start.templates.segmentation import STRIDE
from eisen_cli.builder.start.templates.steps import augment, normalize, open_files, resample, to_size

__all__ = ["reconstruction"]

_T = "eisen.transforms."
_MADE = "restored"


def reconstruction(choices: Choices) -> Draft:
    """Return an experiment that learns to make an image from another one.

    Args:
        choices: What was chosen; `mode` is ``"denoise"``, where the image itself is to be found again under noise, or
            ``"translate"``, where the reference is another image of the case.
    """
    draft, source = Draft(), choices.source
    begin(draft, choices, "max psnr")
    _model(draft, choices)
    target = _phase(draft, "Training", choices)
    wires = {"input_names": [_MADE, target], "output_names": ["l1"]}
    draft.add("Training", "Losses", "torch.nn.L1Loss", "Mean distance per pixel; blurs less than squares do.", **wires)
    train_with(draft, 0.003)
    for phase in ("Validation", "Testing"):
        if source.has(phase):
            _phase(draft, phase, choices)
            _measure(draft, phase, choices, target)
    return close(draft)


def _model(draft: Draft, choices: Choices) -> None:
    source = choices.source
    path = "eisen.models.UNet" if source.dimensions == 2 else "eisen.models.VNet"
    params: dict[str, Any] = {
        "input_names": [source.image],
        "output_names": [_MADE],
        "input_channels": source.n_channels,
        "output_channels": source.n_channels,
        "n_filters": choices.width,
        "normalization": "batchnorm",
        "outputs_activation": "none",
    }
    why = "An hourglass with bridges: the whole image is understood, and details go straight through."
    draft.about("model", draft.add("General", "Models", path, why, **params))


def _phase(draft: Draft, phase: str, choices: Choices) -> str:
    source, is_training = choices.source, phase == "Training"
    translates = choices.mode == "translate"
    target = source.label if translates else "clean"
    draft.about("split", draft.put(phase, "Datasets", source.datasets[phase]))
    both = [source.image, target] if translates else [source.image]
    open_files(draft, phase, choices, both[1:])
    resample(draft, phase, choices, both)
    to_size(draft, phase, choices, both)
    normalize(draft, phase, choices, both)
    if is_training:
        augment(draft, choices, both)
    if source.dimensions == 3 and any(side % STRIDE for side in choices.size):
        draft.add(phase, "Transforms", _T + "PadToMultiple", fields=both, multiple=STRIDE)
    if not translates:
        why = "What the network shall find: the image before the noise."
        copy = {"fields": [source.image], "new_fields": [target]}
        draft.add(phase, "Transforms", _T + "CopyFields", why * is_training, **copy)
        why = "What it gets to see; other noise in every epoch, so it cannot be learnt by heart."
        noise = {"fields": [source.image], "std": [choices.noise, choices.noise]}
        draft.about("noise", draft.add(phase, "Transforms", _T + "RandomNoise", why * is_training, **noise))
    return target


def _measure(draft: Draft, phase: str, choices: Choices, target: str) -> None:
    draft.hyper(phase, "BatchSize", 1)
    data_range = 1 if choices.normalization in ("range", "window") else 6
    for name, why in (("PSNR", "Distance from the target, in decibels."), ("SSIM", "How alike the structures are.")):
        wires: dict[str, Any] = {"input_names": [_MADE, target], "output_names": [name.lower()]}
        first = phase == "Validation"
        draft.add(phase, "Metrics", f"eisen.ops.metrics.{name}", why * first, **wires, data_range=data_range)
    wires = {"input_names": [choices.source.image, target], "output_names": ["psnr_before"]}
    draft.add(phase, "Metrics", "eisen.ops.metrics.PSNR", **wires, data_range=data_range)
