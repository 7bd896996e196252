"""``MODEL_CARD.md``: what a person should know before using a model, from what is known about its training.

It names no file, no case, no person and no machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eisen_deploy.packaging.card_sections import bullets, data, fingerprint, results, table, training
from eisen_deploy.packaging.layout import Package
from eisen_deploy.packaging.measured import Measures

__all__ = ["CardFacts", "card_text"]

_NO_USE = (
    "Not stated. Nobody has said what this model is for: it is a result of research, it is no medical device, and "
    "it must not be used for decisions about patients."
)
_NO_LIMITS = (
    "Not stated. Expect good answers only for images like those of the training (see below), and look at every answer "
    "before it is used. The model was not tested for differences between groups of people, scanners or hospitals "
    "unless the section on results says so."
)
_OUTPUTS = {
    "labels": "a label map on the grid of the input, or a probability per label and voxel",
    "image": "an image on the grid of the input",
    "classes": "a class, and a probability per class",
    "values": "numbers",
}


@dataclass(frozen=True)
class CardFacts:
    """What the card is made from.

    Args:
        package: What ``package.json`` says.
        records: The records of the trainings, one per model.
        measures: How good it is.
        intended_use: What it is for; empty: nobody said.
        limits: What it is not for, and where it fails; empty: nobody said.
        graphs: What became of each network as ONNX.
        calibrated: What is known of the calibration; empty: there is none.
        notes: What else was found out, or assumed.
        licences: Members with licences.
        real_golden: How many of the golden cases are of real people.
    """

    package: Package
    records: Sequence[Mapping[str, Any]] = ()
    measures: Measures = field(default_factory=Measures)
    intended_use: str = ""
    limits: str = ""
    graphs: Sequence[str] = ()
    calibrated: str = ""
    notes: Sequence[str] = ()
    licences: Sequence[str] = ()
    real_golden: int = 0


def card_text(facts: CardFacts) -> str:
    """Return the card.

    Args:
        facts: What is known.

    Example:
        >>> from eisen_deploy.packaging.layout import ModelInput
        >>> package = Package("liver", "1.0", "labels", [ModelInput("image")], ["weights/0.safetensors"])
        >>> card_text(CardFacts(package)).splitlines()[0]
        '# liver 1.0'
    """
    package = facts.package
    parts: dict[str, Iterable[str]] = {
        "Intended use": [facts.intended_use or _NO_USE],
        "Limits": [facts.limits or _NO_LIMITS],
        "Inputs and outputs": _interface(package),
        "Labels": _labels(package),
        "Results": results(facts.measures),
        "Data": data(facts.records),
        "Training": training(facts.records),
        "Prediction": _prediction(facts),
        "Images it was trained on": fingerprint(package),
        "Golden cases": _golden(facts),
        "Serving": _serving(package),
        "Made with": [bullets(f"{name} {version}" for name, version in package.made_with.items())],
        "Licences": [bullets(facts.licences) or "None was given for the model and its data."],
        "Notes": [bullets(facts.notes)] if facts.notes else [],
    }
    text = [f"# {package.name} {package.model_version}", f"Gives {_OUTPUTS[package.kind]}."]
    for title, blocks in parts.items():
        written = [block for block in blocks if block]
        if written:
            text += [f"## {title}", *written]
    return "\n\n".join(text) + "\n"


def _interface(package: Package) -> Iterator[str]:
    kinds = {3: "volume, with its voxel to world matrix (mm)", 2: "picture"}
    inputs = [f"input `{each.field}`: a {kinds[each.spatial_axes]}" for each in package.inputs]
    yield bullets([*inputs, f"output: {_OUTPUTS[package.kind]}"])


def _labels(package: Package) -> Iterator[str]:
    if package.labels:
        yield table(["value", "name", "colour"], [[str(v.value), v.name, v.colour] for v in package.labels])


def _prediction(facts: CardFacts) -> Iterator[str]:
    package = facts.package
    n = len(package.weights)
    lines = [f"models: {n}{', whose probabilities are averaged' if n > 1 else ''}"]
    lines.append(f"test-time augmentation: {package.tta or 'none'}")
    if package.kind in ("labels", "classes"):
        lines.append(f"calibration: {facts.calibrated or 'none; probabilities are as sure as the network is'}")
    lines += [f"ONNX graph of model {number + 1}: {note}" for number, note in enumerate(facts.graphs)]
    yield bullets(lines)


def _golden(facts: CardFacts) -> Iterator[str]:
    cases = facts.package.golden
    if not cases:
        yield "None: a server cannot tell whether the model still answers as it did here."
        return
    real, first = facts.real_golden, cases[0]
    drawn = len(cases) - real
    of_real = f", {real} of real scans, which travel with this package" if real else ""
    yield f"{drawn} drawn from random numbers{of_real}. A server replays them before it serves."
    share = "of the voxels may get another label" if facts.package.kind == "labels" else "of the largest value"
    yield f"Tolerance: {100 * first.tolerance:g} % {share}" + (
        f", and {first.certainty_tolerance:g} of the probability of the likeliest one." if first.certainty else "."
    )


def _serving(package: Package) -> Iterator[str]:
    name = package.name
    each = package.inputs[0]
    file = "scan.nii.gz" if each.spatial_axes == 3 else "picture.png"
    answer = {"labels": f"-o {'mask.nii.gz' if each.spatial_axes == 3 else 'mask.png'}", "image": "-o image.nii.gz"}
    url = f"http://127.0.0.1:8080/predictions/{name}"
    parts = " ".join(f"-F {each.field}=@{each.field}.nii.gz" for each in package.inputs)
    how = f"-T {file} {url}" if len(package.inputs) == 1 else f"{parts} {url}"
    curl = f"curl -H 'Authorization: Bearer TOKEN' {how} {answer.get(package.kind, '')}".rstrip()
    yield "\n".join(["```", f"eisen serve {name}.mar", curl, f"eisen inspect {name}.mar", "```"])
