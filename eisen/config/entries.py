"""Checking one entry of a configuration: class, role, parameters."""

from __future__ import annotations

import inspect
import json
from typing import Any

from eisen._core.errors import nearest
from eisen.config import hints
from eisen.config.experiment import Entry
from eisen.config.findings import Findings
from eisen.config.injection import (
    holds_entries,
    holds_entry,
    injected_inside,
    injected_names,
    role_held,
    role_inside,
    settings_of,
)
from eisen.config.locate import Unlocatable, locate_named, present_path
from eisen.config.places import Place, text_of
from eisen.config.repair import repair_parameters
from eisen.config.roles import misfit
from eisen.config.sections import SINGULAR, WIRED
from eisen.config.signature import Parameter, Signature, signature_of

__all__ = ["read_entry"]

_FORM = '{"type": "package.module.Class", "params": {...}}'
_WIRES = ("input_names", "output_names")


def read_entry(entry: Any, role: str, place: Place, findings: Findings, *, inside: bool = False) -> Entry | None:
    """Check and repair one entry; return it typed, or None when something is wrong with it.

    Args:
        entry: The entry as it stands in the file; repairs change it.
        role: Its section, e.g. ``"Transforms"``.
        place: Where it stands.
        findings: Takes the problems and repairs.
        inside: Whether it stands inside of an entry of its role, which then names the inputs and outputs for both.
    """
    is_wired = role in WIRED and not inside
    count = len(findings.problems)
    if not _has_form(entry, place, findings):
        return None
    thing = _class_of(entry, role, place, findings)
    wires = _wires(entry["params"], role, (*place, "params"), findings) if is_wired else {name: [] for name in _WIRES}
    if thing is not None:
        _check_parameters(entry, thing, role, place, findings, inside)
        if is_wired:
            _check_wires(thing, wires["input_names"], (*place, "params", "input_names"), findings)
    if len(findings.problems) > count:
        return None
    params = {name: value for name, value in entry["params"].items() if not is_wired or name not in _WIRES}
    return Entry(entry["type"], params, text_of(place), *(tuple(wires[name]) for name in _WIRES))


def _has_form(entry: Any, place: Place, findings: Findings) -> bool:
    count = len(findings.problems)
    if not isinstance(entry, dict):
        findings.problem(place, f"this is no module: {json.dumps(entry)[:60]}", _FORM)
        return False
    for key in [key for key in entry if key not in ("type", "params")]:
        if key.startswith(("$", "_")):  # comments of editors
            continue
        findings.problem((*place, key), f"unknown '{key}'", nearest(key, ["type", "params"]) or _FORM, key=True)
    for key, kind, words in (("type", str, "the dotted path of a class"), ("params", dict, "an object")):
        if key not in entry:
            findings.problem(place, f"'{key}' is missing", f'"{key}": {words}', absent=(*place, key))
        elif not isinstance(entry[key], kind):
            findings.problem((*place, key), f"'{key}' is {json.dumps(entry[key])[:60]}", words)
    return len(findings.problems) == count or (
        isinstance(entry.get("type"), str) and isinstance(entry.get("params"), dict)
    )


def _class_of(entry: dict[str, Any], role: str, place: Place, findings: Findings) -> Any:
    place = (*place, "type")
    path = present_path(entry["type"])
    try:
        thing = locate_named(path)
    except Unlocatable as error:
        findings.problem(place, error.what, error.expected)
        return None
    wrong = misfit(role, thing, path)
    if wrong:
        findings.problem(place, *wrong)
        return None
    if path != entry["type"]:
        findings.repair(place, f"{entry['type']} is now {path}")
        entry["type"] = path
    return thing


def _wires(params: dict[str, Any], role: str, place: Place, findings: Findings) -> dict[str, list[str]]:
    wires: dict[str, list[str]] = {}
    for name in _WIRES:
        example = '["image"]' if name == "input_names" else '["predictions"]'
        value = params.get(name)
        wires[name] = list(value) if isinstance(value, list) and _is_names(value) else []
        if name not in params:
            what = f"'{name}' of the {SINGULAR[role]} is missing"
            findings.problem(place, what, f'"{name}": {example}', absent=(*place, name))
        elif not _is_names(value):
            findings.problem((*place, name), f"'{name}' is {json.dumps(value)[:60]}", f"field names, e.g. {example}")
    return wires


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) and name for name in value)


def _check_parameters(
    entry: dict[str, Any], thing: Any, role: str, place: Place, findings: Findings, inside: bool
) -> None:
    signature, params, place = signature_of(thing), entry["params"], (*place, "params")
    name = entry["type"].rpartition(".")[2]
    repair_parameters(name, params, signature, place, findings)
    filled_in = injected_names(role, signature, params)
    if inside:
        filled_in |= {name: name for name in injected_inside(role, {"data_dir": ""})}
    if role == "Readers" and signature.known and not signature.accepts("data_dir"):
        findings.repair(place[:-1], f"{name} has no parameter data_dir, so it is not told the data folder")
    settings = settings_of(role, signature)
    own = [key for key in params if role not in WIRED or key not in _WIRES]
    for key in own:
        if key in settings:
            _check_fit(name, settings[key], key, params[key], (*place, key), findings)
        elif not signature.accepts(key):
            known = [known for known in signature.parameters if known not in filled_in]
            expected = nearest(key, known) or (f"one of {', '.join(known)}" if known else "no further parameter")
            findings.problem((*place, key), f"unknown parameter '{key}' of {name}", expected, key=True)
        elif key in signature.parameters:
            _check_value(name, signature, key, params[key], (*place, key), findings)
            _check_inside(signature.parameters[key], params[key], role, (*place, key), findings)
    _demand_required(name, signature, {*params, *filled_in}, place, findings)


def _check_value(name: str, signature: Signature, key: str, value: Any, place: Place, findings: Findings) -> None:
    _check_fit(name, signature.parameters[key].hint, key, value, place, findings)


def _check_fit(name: str, hint: Any, key: str, value: Any, place: Place, findings: Findings) -> None:
    try:
        hints.check(hint, value)
    except hints.Misfit as misfit:
        if value is None:
            findings.problem(place, f"'{key}' of {name} has no value", misfit.expected)
            return
        for part in misfit.inside:
            value = value[part]
        findings.problem((*place, *misfit.inside), f"'{key}' of {name} is {json.dumps(value)[:60]}", misfit.expected)


def _check_inside(parameter: Parameter, value: Any, role: str, place: Place, findings: Findings) -> None:
    """Check and repair the entries inside of an entry: the steps OneOf chooses from, the loss inside of a loss."""
    if hints.holds_steps(parameter.hint) and isinstance(value, list):
        for index, step in enumerate(value):
            read_entry(step, role_inside(role), (*place, index), findings)
    elif holds_entry(parameter, value, role):
        read_entry(value, role_held(parameter, role), place, findings, inside=True)
    elif holds_entries(parameter, value, role):
        for index, item in enumerate(value):
            read_entry(item, role_held(parameter, role), (*place, index), findings, inside=True)


def _demand_required(name: str, signature: Signature, given: set[str], place: Place, findings: Findings) -> None:
    for parameter in signature.parameters.values():
        if parameter.required and parameter.name not in given:
            expected = f'"{parameter.name}": {hints.in_words(parameter.hint)}'
            what = f"{name} needs the parameter '{parameter.name}'"
            findings.problem(place, what, expected, absent=(*place, parameter.name))


def _check_wires(thing: Any, names: list[str], place: Place, findings: Findings) -> None:
    """Compare the number of input names with what the module's forward can take."""
    forward = getattr(thing, "forward", None)
    if not names or forward is None or not isinstance(thing, type):
        return
    kinds = inspect.Parameter
    parameters = list(inspect.signature(forward).parameters.values())[1:]
    if any(p.kind is kinds.VAR_POSITIONAL for p in parameters):
        return
    positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is kinds.empty]
    if len(needed) <= len(names) <= len(positional):
        return
    takes = ", ".join(p.name for p in positional)
    what = f"{thing.__name__} gets {len(names)} input{'s' * (len(names) != 1)}: {', '.join(names)}"
    findings.problem(place, what, f"one name for each of: {takes}")
