"""Segmentation of volumes and of pictures."""

from __future__ import annotations

from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.source import entry
from eisen_cli.builder.start.templates.common import begin, close, train_with
from eisen_cli.builder.start.templates.steps import augment, normalize, open_files, resample, to_size

__all__ = ["STRIDE", "segmentation"]

STRIDE = 16
"""The networks halve the resolution four times."""

_RATE = 0.003
_T = "eisen.transforms."


def segmentation(choices: Choices) -> Draft:
    """Return an experiment that gives every voxel or pixel a class.

    Args:
        choices: What was chosen.
    """
    draft, source = Draft(), choices.source
    begin(draft, choices, "max dice")
    names = {str(number): name for number, name in enumerate(choices.classes)}
    _labels(draft, choices, names)
    _model(draft, choices)
    _training(draft, choices)
    for phase in ("Validation", "Testing"):
        if source.has(phase):
            _measured(draft, phase, choices)
    if source.has("Prediction"):
        _predicted(draft, choices)
    draft.data["Evaluation"] = {"metrics": ["DICE", "HDRFDST(percentile=95)"] if source.dimensions == 3 else ["DICE"]}
    if source.values:
        draft.data["Evaluation"]["labels"] = {number: name for number, name in names.items() if number != "0"}
    return close(draft)


def _labels(draft: Draft, choices: Choices, names: dict[str, str]) -> None:
    """Name the classes; where files hold other values than the classes have, those are what reading has to allow."""
    source = choices.source
    known = names
    if source.values:
        known = {str(old): choices.classes[new] for old, new in source.values.items() if new < len(choices.classes)}
    why = "Names of the classes; any other value in a label stops the run."
    draft.about("classes", draft.hyper("General", "Labels", known, why))
    if source.empty_labels:
        draft.about("empty", draft.hyper("General", "EmptyLabel", "allow"))


def _model(draft: Draft, choices: Choices) -> None:
    source, wires = choices.source, {"input_names": [choices.source.image], "output_names": ["logits"]}
    sizes = {"input_channels": source.n_channels, "output_channels": len(choices.classes), "n_filters": choices.width}
    rest: dict[str, Any] = {"normalization": "batchnorm", "outputs_activation": "none"}
    is_flat = source.dimensions == 2
    path = "eisen.models.UNet" if is_flat else "eisen.models.VNet"
    why = f"A {'U-Net' if is_flat else 'V-Net'}: sees coarse and fine at once, and learns from few cases."
    draft.about("model", draft.add("General", "Models", path, why, **wires, **sizes, **rest))


def _read(draft: Draft, phase: str, choices: Choices, maps: list[str]) -> list[str]:
    image = choices.source.image
    open_files(draft, phase, choices, maps)
    resample(draft, phase, choices, [image, *maps])
    normalize(draft, phase, choices, [image])
    return [image, *maps]


def _training(draft: Draft, choices: Choices) -> None:
    source, size = choices.source, [int(number) for number in choices.size]
    in_queue = choices.fit == "patches" and source.dimensions == 3
    dataset = _queue(choices, size) if in_queue else source.datasets["Training"]
    place = draft.put("Training", "Datasets", dataset)
    draft.about("split", (*place, "params", "dataset") if in_queue else place)
    if in_queue:
        draft.about("size", (*place, "params", "where"))
    both = _read(draft, "Training", choices, [source.label])
    if choices.fit == "resize":
        to_size(draft, "Training", choices, both)
    augment(draft, choices, both)
    if choices.fit == "whole":
        params = {"fields": both, "size": size}
        why = "The middle of each case, in one size, as a batch needs."
        draft.about("size", draft.add("Training", "Transforms", _T + "CropOrPad", why, **params))
    elif choices.fit == "patches" and not in_queue:
        why = "Another patch of each picture in every epoch."
        axes = {"spatial_dims": 2}
        draft.about("size", draft.add("Training", "Transforms", _T + "RandomCrop", why, fields=both, size=size, **axes))
    wires = {"input_names": ["logits", source.label], "output_names": ["loss"]}
    why = "Dice keeps small structures from being outvoted, cross entropy teaches every voxel."
    draft.add("Training", "Losses", "eisen.ops.losses.DiceCELoss", why, **wires)
    train_with(draft, _RATE)


def _queue(choices: Choices, size: list[int]) -> dict[str, Any]:
    return entry(
        "eisen.patches.PatchQueue",
        dataset=choices.source.datasets["Training"],
        where=entry("eisen.patches.Anywhere", size=size, pad=True),
        which=entry("eisen.patches.Balanced", label=choices.source.label, foreground=0.67),
        n_per_case=4,
        cases_at_once=8,
    )


def _whole(draft: Draft, phase: str, choices: Choices, fields: list[str]) -> None:
    """Add what a whole image needs when nothing is trained."""
    draft.hyper(phase, "BatchSize", 1)
    if choices.fit == "resize":
        to_size(draft, phase, choices, fields)
    elif choices.fit == "whole" and choices.source.dimensions == 3:
        draft.add(phase, "Transforms", _T + "PadToMultiple", fields=fields, multiple=STRIDE)
    elif choices.fit == "patches" and choices.source.dimensions == 3:
        why = "Whole volumes are seen through overlapping windows of the size that was trained."
        window = {"window": [int(number) for number in choices.size], "overlap": 0.5, "weights": "gaussian"}
        draft.hyper(phase, "SlidingWindow", window, why * (phase == "Validation"))


def _measured(draft: Draft, phase: str, choices: Choices) -> None:
    source = choices.source
    draft.put(phase, "Datasets", source.datasets[phase])
    _whole(draft, phase, choices, _read(draft, phase, choices, [source.label]))
    wires = {"input_names": ["logits", source.label], "output_names": ["dice"]}
    classes = {"n_classes": len(choices.classes), "names": list(choices.classes[1:])}
    why = "Overlap with the reference, for each structure by itself."
    draft.add(phase, "Metrics", "eisen.ops.metrics.DicePerClass", why * (phase == "Validation"), **wires, **classes)


def _predicted(draft: Draft, choices: Choices) -> None:
    place = draft.put("Prediction", "Datasets", choices.source.datasets["Prediction"])
    draft.about("prediction", place)
    _whole(draft, "Prediction", choices, _read(draft, "Prediction", choices, []))
