"""What old files say, and what they mean: nulls, untouched drop-downs, numbers and objects as text, dropped parameters.

A repair never changes a value somebody clearly meant: it touches only values that do not fit their parameter, and
empty values of parameters whose default is to be empty.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from eisen.config import hints
from eisen.config.findings import Findings
from eisen.config.places import Place
from eisen.config.signature import Parameter, Signature

__all__ = ["DROPPED", "repair_parameters", "spoken_as"]

_NO_EFFECT = "several devices are used by wrapping the model or by starting several processes"
DROPPED: dict[str, dict[str, str]] = {
    "Training": {"data_parallel": _NO_EFFECT},
    "Validation": {"data_parallel": _NO_EFFECT},
    "Testing": {"data_parallel": _NO_EFFECT},
    "TrainingAMP": {
        "data_parallel": _NO_EFFECT,
        "opt_level": "mixed precision is PyTorch's own, which has no levels",
        "gpu": "mixed precision always runs on the accelerator",
    },
    "TrainingApexAMP": {"data_parallel": _NO_EFFECT},
    "NumpyToNifti": {"multichannel": "it never was a parameter; the old builder offered it by mistake"},
    "UCSDCovid19": {
        "image_file": "it never was a parameter; the old builder offered it for positive_dir",
        "mask_file": "it never was a parameter; the old builder offered it for negative_dir",
    },
}
"""Parameters that old files may carry: class name, parameter, and why it is ignored."""

_MOVED = {"UCSDCovid19": {"image_file": "positive_dir", "mask_file": "negative_dir"}}


def repair_parameters(
    name: str, params: dict[str, Any], signature: Signature, place: Place, findings: Findings
) -> None:
    """Repair the parameters of an entry in place, and note each repair.

    Args:
        name: Name of the class.
        params: Parameters as they stand in the file.
        signature: What the class can be called with.
        place: Where `params` stands.
        findings: Takes the repairs.
    """
    for key in list(params):
        if key in DROPPED.get(name, {}) and not signature.accepts(key):
            _drop(name, key, params, place, findings)
        elif key in signature.parameters:
            _repair(signature.parameters[key], params, (*place, key), findings)


def _drop(name: str, key: str, params: dict[str, Any], place: Place, findings: Findings) -> None:
    value = params.pop(key)
    target = _MOVED.get(name, {}).get(key)
    if target and value and target not in params:
        params[target] = value
        findings.repair((*place, key), f"is read as {target}; the old builder used the wrong name")
    else:
        findings.repair((*place, key), f"is ignored: {DROPPED[name][key]}")


def _repair(parameter: Parameter, params: dict[str, Any], place: Place, findings: Findings) -> None:
    value = params[parameter.name]
    if _means_default(parameter, value):
        del params[parameter.name]
        shown = "null" if value is None else json.dumps(value)
        findings.repair(place, f"{shown} is no choice; left at its default {parameter.default!r}")
        return
    if _is_untouched_list_of_options(parameter, value):
        _choose(parameter, params, place, findings)
        return
    spoken = None if _fits(parameter.hint, value) else spoken_as(parameter.hint, value)
    if spoken is not None:
        params[parameter.name] = spoken
        findings.repair(place, f"the text {value!r} is read as {json.dumps(spoken)}")


def _fits(hint: Any, value: Any) -> bool:
    try:
        hints.check(hint, value)
    except hints.Misfit:
        return False
    return True


def _means_default(parameter: Parameter, value: Any) -> bool:
    """Tell whether a value is what the builder writes for a field nobody filled in."""
    if parameter.required or value not in (None, "", []) or value == parameter.default:
        return False
    if value is None:
        return not hints.allows_none(parameter.hint)
    if parameter.default is None:
        return True
    if value == "" and isinstance(parameter.default, str):
        return not parameter.name.endswith(("prefix", "suffix", "separator"))
    return not _fits(parameter.hint, value) or (type(value) is not type(parameter.default) and parameter.hint is Any)


def _is_untouched_list_of_options(parameter: Parameter, value: Any) -> bool:
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(option, str) for option in value):
        return False
    if parameter.hint is Any:
        return isinstance(parameter.default, str) and parameter.default in value
    if _fits(parameter.hint, value):
        return False
    return all(_fits(parameter.hint, option) or spoken_as(parameter.hint, option) is not None for option in value)


def _choose(parameter: Parameter, params: dict[str, Any], place: Place, findings: Findings) -> None:
    options = params[parameter.name]
    if parameter.required:
        first = options[0] if _fits(parameter.hint, options[0]) else spoken_as(parameter.hint, options[0])
        params[parameter.name] = first
        findings.repair(place, f"holds all options of an untouched drop-down; the first, {first!r}, is taken")
        return
    del params[parameter.name]
    words = f"holds all options of an untouched drop-down; left at its default {parameter.default!r}"
    findings.repair(place, words)


def spoken_as(hint: Any, value: Any) -> Any:
    """Return what a text says when a hint wants something else than text, or None when that is not certain.

    Example:
        >>> spoken_as(int, "42"), spoken_as(bool, "True"), spoken_as(dict[str, str], "{'image': 'uint8'}")
        (42, True, {'image': 'uint8'})
        >>> spoken_as(list[str], "image") is None
        True
    """
    if not isinstance(value, str) or hint is Any or _fits(hint, value):
        return None
    for read in (json.loads, ast.literal_eval, lambda text: json.loads(text.lower())):
        try:
            spoken = read(value.strip())
            json.dumps(spoken)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if spoken is not None and _fits(hint, spoken):
            return spoken
    return None
