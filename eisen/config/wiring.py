"""What can be said before any data are read: what a phase lacks, and names that no step can have made."""

from __future__ import annotations

from typing import Any

from eisen._core.errors import nearest
from eisen.config.findings import Findings
from eisen.config.locate import Unlocatable, locate_named
from eisen.config.places import Place
from eisen.config.sections import PHASES, SINGULAR, WIRED

__all__ = ["check_wiring"]

_NEEDED = {
    "Training": ("Datasets", "Losses", "Optimizer"),
    "Validation": ("Datasets",),
    "Testing": ("Datasets",),
    "Prediction": ("Datasets",),
}


def check_wiring(data: dict[str, Any], findings: Findings) -> None:
    """Note what a configuration lacks, and input names that cannot exist.

    Only what is certain is noted: which fields a dataset has is known at run time only, unless the last transform is
    ``FilterFields``, which names all that is left.

    Args:
        data: The configuration.
        findings: Takes the problems.
    """
    phases = [name for name in PHASES if isinstance(data.get(name), dict)]
    general = data.get("General")
    models = general.get("Models") if isinstance(general, dict) else None
    if phases and not models and models != {}:
        expected = f"one model, which {phases[0]} runs"
        findings.problem(("General", "Models"), "there is no model", expected, absent=("General", "Models"))
    for name in phases:
        for section in _NEEDED[name]:
            if section == "Losses" and _workflow_says(data[name], "makes_losses"):
                continue
            if data[name].get(section, []) == []:
                what, expected = f"{name} has no {SINGULAR[section]}", f"an entry in {section}"
                findings.problem((name, section), what, expected, absent=(name, section))
        _check_names(data[name], name, models if isinstance(models, list) else [], findings)


def _check_names(phase: dict[str, Any], name: str, models: list[Any], findings: Findings) -> None:
    fields = _fields_left(phase)
    if fields is None:
        return
    if not _workflow_says(phase, "makes_inputs"):
        _check_inputs(models[:1], ("General", "Models"), fields, f"{name} leaves the fields", findings)
    available = [*fields, *(name for model in models[:1] for name in _names(model, "output_names"))]
    for section in WIRED[1:]:
        entries = phase.get(section)
        entries = entries if isinstance(entries, list) else []
        _check_inputs(entries, (name, section), available, "there are", findings)


def _workflow_says(phase: dict[str, Any], attribute: str) -> bool:
    """Tell whether the workflow of a phase says of itself that it makes something which others need to be given."""
    entries = phase.get("Workflow")
    types = [entry.get("type") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    try:
        return any(getattr(locate_named(str(path)), attribute, False) for path in types)
    except Unlocatable:  # which is noted where the entry stands
        return False


def _fields_left(phase: dict[str, Any]) -> list[str] | None:
    if phase.get("BatchTransforms"):  # they may make new fields
        return None
    transforms = phase.get("Transforms")
    last = transforms[-1] if isinstance(transforms, list) and transforms else None
    path = str(last.get("type")) if isinstance(last, dict) else ""
    ours = path.startswith("eisen.transforms.") and path.endswith(".FilterFields")
    return _names(last, "fields") if ours else None


def _names(entry: Any, key: str) -> list[str]:
    params = entry.get("params") if isinstance(entry, dict) else None
    names = params.get(key) if isinstance(params, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _check_inputs(entries: list[Any], place: Place, available: list[str], words: str, findings: Findings) -> None:
    for index, entry in enumerate(entries):
        for position, name in enumerate(_names(entry, "input_names")):
            if name not in available:
                here = (*place, index, "params", "input_names", position)
                close = nearest(name, available)
                expected = "; ".join(filter(None, [f"{words}: {', '.join(available)}", close]))
                findings.problem(here, f"nothing makes '{name}'", expected)
