"""A network that draws images like those it was shown."""

from __future__ import annotations

from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.source import entry
from eisen_cli.builder.start.templates.common import begin, close
from eisen_cli.builder.start.templates.steps import open_files, to_size

__all__ = ["gan"]

_RATES = {"gan": (0.001, 0.0002, [0.5, 0.999]), "wgan-gp": (0.002, 0.001, [0.0, 0.9])}
_AVERAGE = {"gan": 0.99, "wgan-gp": 0.98}


def gan(choices: Choices) -> Draft:
    """Return an experiment in which a generator learns to draw what a discriminator takes for real.

    Args:
        choices: What was chosen; `mode` is ``"gan"`` or ``"wgan-gp"``.
    """
    draft, mode = Draft(), choices.mode or "gan"
    begin(draft, choices, "min distance")
    why = "Images are drawn with an average of the weights: two networks that compete never come to rest."
    draft.hyper("General", "EMA", _AVERAGE[mode], why)
    _model(draft, choices)
    _phase(draft, "Training", choices)
    slow, fast = _RATES[mode][1], _RATES[mode][0]
    for name, rate in (("generator", fast), ("discriminator", slow)):
        params = {"name": name, "weights": [f"{name}.*"], "lr": rate, "betas": _RATES[mode][2]}
        why = "Each network has its own optimizer, and the one that judges learns more slowly."
        draft.add("Training", "Optimizer", "torch.optim.Adam", why * (name == "generator"), **params)
    options: dict[str, Any] = {"mode": mode} | ({"n_critic": 2} if mode == "wgan-gp" else {})
    options |= {"image": choices.source.image} if choices.source.image != "image" else {}
    why = "The two networks take turns; the losses come from their game."
    draft.about("mode", draft.add("Training", "Workflow", "eisen.utils.workflows.AdversarialTraining", why, **options))
    for phase in ("Validation", "Testing"):
        if choices.source.has(phase):
            _phase(draft, phase, choices)
            _measure(draft, phase, choices)
    return close(draft)


def _model(draft: Draft, choices: Choices) -> None:
    source, size = choices.source, [int(number) for number in choices.size]
    side: Any = size[0] if len(set(size)) == 1 else size
    shared = {"image_size": side, "dimensions": source.dimensions, "n_filters": choices.width}
    draw = entry("eisen.models.DCGANGenerator", output_channels=source.n_channels, latent_size=64, **shared)
    judge = entry("eisen.models.DCGANDiscriminator", input_channels=source.n_channels, **shared)
    judge["params"]["normalization"] = "layernorm"
    wires = {"input_names": ["latent"], "output_names": ["generated"]}
    why = "One network draws from random numbers, the other tells drawn from real."
    place = draft.add("General", "Models", "eisen.models.GAN", why, **wires, generator=draw, discriminator=judge)
    draft.about("model", place)
    draft.about("size", (*place, "params", "generator"))


def _phase(draft: Draft, phase: str, choices: Choices) -> None:
    source = choices.source
    draft.about("split", draft.put(phase, "Datasets", source.datasets[phase]))
    open_files(draft, phase, choices, [])
    to_size(draft, phase, choices, [source.image])
    middle, half = (choices.low + choices.high) / 2, (choices.high - choices.low) / 2
    why = "From -1 to 1, the range of what the generator draws."
    scale = {"fields": [source.image], "mean": middle, "std": half}
    path = "eisen.transforms.FixedMeanStdNormalization"
    draft.about("normalization", draft.add(phase, "Transforms", path, why * (phase == "Training"), **scale))


def _measure(draft: Draft, phase: str, choices: Choices) -> None:
    wires = {"input_names": ["generated", choices.source.image], "output_names": ["distance"]}
    why = "How far drawn images are from real ones, many at a time: the losses of a GAN do not tell."
    draft.add(phase, "Metrics", "eisen.ops.metrics.SlicedWasserstein", why * (phase == "Validation"), **wires)
    draft.add(phase, "Workflow", "eisen.utils.workflows.GenerativeValidation")
