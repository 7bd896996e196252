"""``MODEL_CARD.md``: what a person should know before using a model, from what is known about its training.

It names no file, no case, no person and no machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eisen_deploy.packaging.layout import Package
from eisen_deploy.packaging.measured import Measure, Measures

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
        "Results": _results(facts.measures),
        "Data": _data(facts.records),
        "Training": _training(facts.records),
        "Prediction": _prediction(facts),
        "Images it was trained on": _fingerprint(package),
        "Golden cases": _golden(facts),
        "Serving": _serving(package),
        "Made with": [_list(f"{name} {version}" for name, version in package.made_with.items())],
        "Licences": [_list(facts.licences) or "None was given for the model and its data."],
        "Notes": [_list(facts.notes)] if facts.notes else [],
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
    yield _list([*inputs, f"output: {_OUTPUTS[package.kind]}"])


def _labels(package: Package) -> Iterator[str]:
    if package.labels:
        yield _table(["value", "name", "colour"], [[str(v.value), v.name, v.colour] for v in package.labels])


def _results(measures: Measures) -> Iterator[str]:
    if not measures.rows:
        yield "Nothing is known: the training was not validated, and no test was found beside it."
        return
    yield f"Measured on {measures.where}."
    if any(row.has_interval for row in measures.rows):
        yield "Means over cases; in brackets the 95 % confidence interval (bootstrap over cases, BCa)."
    else:
        yield (
            "These values have no confidence interval, and the epoch was chosen by them, so that they are too good. "
            "`eisen test` with a part Evaluation measures case by case."
        )
    rows = [[row.label or "-", row.metric, _value(row), str(row.n or "-"), _undefined(row)] for row in measures.rows]
    yield _table(["label", "metric", "value", "cases", "without a value"], rows)


def _value(row: Measure) -> str:
    return f"{row.mean:.4g} [{row.low:.4g}, {row.high:.4g}]" if row.has_interval else f"{row.mean:.4g}"


def _undefined(row: Measure) -> str:
    return str(row.n_undefined) if row.has_interval else "-"


def _data(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for number, record in enumerate(records):
        for phase, data in (record.get("data") or {}).items():
            digest = str(data.get("digest", ""))[:16]
            rows.append([*_numbered(number, records), phase, str(data.get("n_cases", "")), f"`{digest}`"])
    if not rows:
        yield "Not known."
        return
    yield _table([*(["model"] if len(records) > 1 else []), "phase", "cases", "digest of the data"], rows)
    splits = {str(split["digest"])[:16] for record in records if isinstance(split := record.get("split"), Mapping)}
    if splits:
        yield f"Frozen split: digest {', '.join(f'`{digest}`' for digest in sorted(splits))}."


def _training(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, record in enumerate(records):
        best = record.get("best") or {}
        yield _list(
            [
                *(f"model {name}" for name in _numbered(number, records)),
                f"epochs: {record.get('epochs_complete', 'unknown')} of {record.get('epochs', 'unknown')}"
                + ("" if record.get("status") == "complete" else f" ({record.get('status', 'unknown')})"),
                *_best(best),
                f"seed: {record.get('seed')}",
                f"digest of the configuration: `{str(record.get('config_digest', ''))[:16]}`",
                *_code(record),
                f"versions: {_versions(record.get('versions') or {})}",
            ]
        )


def _best(best: Mapping[str, Any]) -> list[str]:
    value = best.get("value")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return []
    return [f"best epoch: {int(best['epoch']) + 1}, by {best.get('name')} of {best.get('phase')}: {value:.4g}"]


def _code(record: Mapping[str, Any]) -> list[str]:
    code, git = record.get("code") or {}, record.get("git") or {}
    commit = f", commit `{str(git['commit'])[:12]}`{' with changes' if git.get('dirty') else ''}" if git else ""
    return [f"code: digest `{str(code.get('digest', ''))[:16]}`{commit}"]


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in ("eisen", "python", "torch", "numpy") if name in versions)


def _prediction(facts: CardFacts) -> Iterator[str]:
    package = facts.package
    n = len(package.weights)
    lines = [f"models: {n}{', whose probabilities are averaged' if n > 1 else ''}"]
    lines.append(f"test-time augmentation: {package.tta or 'none'}")
    if package.kind in ("labels", "classes"):
        lines.append(f"calibration: {facts.calibrated or 'none; probabilities are as sure as the network is'}")
    lines += [f"ONNX graph of model {number + 1}: {note}" for number, note in enumerate(facts.graphs)]
    yield _list(lines)


def _fingerprint(package: Package) -> Iterator[str]:
    gate = {"off": "are answered like all others", "warn": "are answered with a warning", "refuse": "are refused"}
    if not package.fingerprint:
        yield "Not known: the data were not there when the package was made. No image is told apart."
        return
    yield f"Images that are not like these {gate[package.gate]}."
    rows = [row for name, known in package.fingerprint.items() for row in _ranges(name, known)]
    yield _table(["input", "what", "in the training"], rows)


def _ranges(name: str, known: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield what the images of one input are like, in words."""
    yield [name, "images looked at", str(known.get("n_cases", ""))]
    for key, what in _LENGTHS.items():
        if key in known:
            pairs = zip(known[key]["low"], known[key]["high"], strict=True)
            yield [name, what, " x ".join(_range(low, high) for low, high in pairs)]
    if known.get("orientations"):
        yield [name, "axes point to", ", ".join(known["orientations"])]
    for key, what in _QUANTILES.items():
        found = (known.get("intensity") or {}).get(key)
        if found:
            yield [name, what, _range(found["min"], found["max"])]


_LENGTHS = {
    "shape": "voxels",
    "spacing_mm": "size of a voxel, mm (left-right, back-front, foot-head)",
    "field_of_view_mm": "field of view, mm",
}
_QUANTILES = {"low": "darkest voxels (0.5 %)", "middle": "median intensity", "high": "brightest voxels (99.5 %)"}


def _range(low: float, high: float) -> str:
    first, last = f"{low:.4g}", f"{high:.4g}"
    return first if first == last else f"{first} to {last}"


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


def _numbered(number: int, records: Sequence[Any]) -> list[str]:
    return [str(number + 1)] if len(records) > 1 else []


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    clean = [[cell.replace("|", "/").replace("\n", " ") for cell in row] for row in rows]
    lines = [list(head), ["---"] * len(head), *clean]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
