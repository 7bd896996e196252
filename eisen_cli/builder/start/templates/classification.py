"""Classification, and the estimation of a number."""

from __future__ import annotations

from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.templates.common import begin, close, train_with
from eisen_cli.builder.start.templates.steps import augment, normalize, open_files, resample, to_size

__all__ = ["classification"]

_RATE = 0.003


def classification(choices: Choices) -> Draft:
    """Return an experiment that gives every image a class, or a number.

    Args:
        choices: What was chosen; `mode` is ``"classes"`` or ``"number"``.
    """
    draft, source = Draft(), choices.source
    is_number = choices.mode == "number"
    begin(draft, choices, "min mae" if is_number else "max auroc")
    if not is_number:
        names = {str(number): name for number, name in enumerate(choices.classes)}
        draft.about("classes", draft.hyper("General", "Labels", names))
    _model(draft, choices, is_number)
    _phase(draft, "Training", choices)
    wires = {"input_names": ["prediction" if is_number else "logits", source.label], "output_names": ["loss"]}
    if is_number:
        draft.add("Training", "Losses", "torch.nn.SmoothL1Loss", "Far off values count, but do not rule.", **wires)
    else:
        why = "Cross entropy: the probability of the right class shall be high."
        draft.add("Training", "Losses", "torch.nn.CrossEntropyLoss", why, **wires)
    train_with(draft, _RATE)
    for phase in ("Validation", "Testing"):
        if source.has(phase):
            _phase(draft, phase, choices)
            _metrics(draft, phase, choices, is_number)
    if source.has("Prediction"):
        _phase(draft, "Prediction", choices)
    return close(draft)


def _model(draft: Draft, choices: Choices, is_number: bool) -> None:
    source = choices.source
    output = ["prediction" if is_number else "logits"]
    sizes = {"input_channels": source.n_channels, "output_channels": 1 if is_number else len(choices.classes)}
    n_blocks = [2, 2, 2, 2] if min(choices.size) >= 64 else [2, 2, 2]
    rest: dict[str, Any] = {"n_filters": choices.width, "dimensions": source.dimensions, "n_blocks": n_blocks}
    why = "A residual network of moderate depth; larger ones pay off with many cases."
    wires = {"input_names": [source.image], "output_names": output}
    draft.about("model", draft.add("General", "Models", "eisen.models.ResNet", why, **wires, **sizes, **rest))


def _phase(draft: Draft, phase: str, choices: Choices) -> None:
    source = choices.source
    place = draft.put(phase, "Datasets", source.datasets[phase])
    draft.about("split" if phase == "Training" else phase.lower(), place)
    if phase == "Training" and choices.balance and choices.mode != "number":
        why = "Rare classes are drawn as often as frequent ones."
        draft.about(
            "balance",
            draft.add(phase, "Sampler", "eisen.datasets.BalancedSampler", why, field=source.label),
        )
    open_files(draft, phase, choices, [])
    resample(draft, phase, choices, [source.image])
    to_size(draft, phase, choices, [source.image])
    normalize(draft, phase, choices, [source.image])
    if phase == "Training":
        augment(draft, choices, [source.image])
    if choices.mode == "number" and phase != "Prediction":
        _as_column(draft, phase, source.label)


def _as_column(draft: Draft, phase: str, label: str) -> None:
    """Give the number of a case the shape that the network's has."""
    draft.add(phase, "Transforms", "eisen.transforms.Lambda", fields=[label], function="numpy.atleast_1d")
    draft.add(phase, "Transforms", "eisen.transforms.CastFields", fields=[label], dtype="float32")


def _metrics(draft: Draft, phase: str, choices: Choices, is_number: bool) -> None:
    label = choices.source.label
    if is_number:
        wires = {"input_names": ["prediction", label], "output_names": ["mae"]}
        draft.add(phase, "Metrics", "torch.nn.L1Loss", "Mean distance from the right number.", **wires)
        return
    n_classes, logits = len(choices.classes), ["logits", label]
    accuracy: dict[str, Any] = {"input_names": logits, "output_names": ["accuracy"], "n_classes": n_classes}
    draft.add(phase, "Metrics", "eisen.ops.metrics.Accuracy", **accuracy)
    is_many = n_classes > 2
    names = list(choices.classes) if is_many else [choices.classes[1]]
    auroc: dict[str, Any] = {
        "n_classes": n_classes,
        "include_background": is_many,
        "activation": "softmax",
        "names": names,
    }
    why = "Area under the ROC curve: does not depend on a threshold, nor on how frequent a class is."
    wires = {"input_names": logits, "output_names": ["auroc"]}
    draft.add(phase, "Metrics", "eisen.ops.metrics.AUROC", why * (phase == "Validation"), **wires, **auroc)
