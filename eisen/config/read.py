"""Reading a configuration: parse, override, repair, and check everything before anything is built."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem, nearest
from eisen.config.entries import read_entry
from eisen.config.experiment import Entry, Experiment, General, Hyperparameters, Phase, in_running_order
from eisen.config.findings import Findings
from eisen.config.hyper import read_hyperparameters
from eisen.config.overrides import apply_override, set_hyperparameter
from eisen.config.places import Place
from eisen.config.sections import ALIASES, GENERAL, PHASES, SECTIONS, TOP_LEVEL, attribute_of
from eisen.config.source import Source, read_source, rename_key
from eisen.config.split import read_split
from eisen.config.wiring import check_wiring

__all__ = ["examine", "read_config"]


def read_config(
    path: str | Path | Mapping[str, Any], overrides: Iterable[str] = (), *, epochs: int | None = None
) -> Experiment:
    """Read a configuration, repair what old files need, and check everything before anything is built.

    Args:
        path: The JSON file; or the configuration itself as a mapping.
        overrides: Values to set first, e.g. ``"Training.Optimizer[0].params.lr=1e-3"`` or ``"Training.BatchSize=2"``.
        epochs: Number of epochs, instead of the one in the file.

    Returns:
        The typed experiment; its ``repairs`` say what was understood differently from what the file says.

    Raises:
        ConfigError: If anything is wrong. It lists every problem, with file, line and column, the path inside the
            configuration, what was expected and the nearest valid name.

    Example:
        >>> experiment = read_config({"General": {}}, ["General.BatchSize=2"], epochs=3)
        >>> experiment.hyper.batch_size, experiment.hyper.epochs
        (2, 3)
    """
    source = _source(path)
    findings = Findings(source, list(source.problems))
    _use_section_names(source, findings)
    for override in overrides:
        problem = apply_override(source, override)
        if problem:
            findings.problems.append(problem)
    if epochs is not None:
        _set_epochs(source, epochs)
    experiment = _experiment(source, findings)
    findings.demand_none()
    return experiment


def examine(source: Source, findings: Findings) -> Experiment:
    """Repair and check a configuration as `read_config` does, but go on where something is wrong.

    Args:
        source: The configuration; repairs change its data.
        findings: Takes the problems and repairs.

    Returns:
        What could be understood of it.

    Example:
        >>> source = Source({"Training": {"Datasets": 3}})
        >>> findings = Findings(source)
        >>> _ = examine(source, findings)
        >>> findings.problems[0].what
        "'Datasets' is 3"
    """
    _use_section_names(source, findings)
    return _experiment(source, findings)


def _source(path: str | Path | Mapping[str, Any]) -> Source:
    if not isinstance(path, Mapping):
        return read_source(path)
    try:
        return Source(json.loads(json.dumps(copy.deepcopy(dict(path)))))
    except (TypeError, ValueError) as error:
        raise ConfigError([Problem("(the whole file)", f"not JSON: {error}", "text, numbers, lists, dicts")]) from error


def _use_section_names(source: Source, findings: Findings) -> None:
    """Write sections under other spellings (``batch_transforms``) as the rest of the program knows them."""
    for phase in PHASES:
        part = source.data.get(phase) if isinstance(source.data, dict) else None
        for alias in [alias for alias in ALIASES if isinstance(part, dict) and alias in part]:
            problem = rename_key(source, (phase, alias), ALIASES[alias])
            if problem:
                findings.problems.append(problem)


def _set_epochs(source: Source, epochs: int) -> None:
    """Set the number in General, and where a phase has its own."""
    set_hyperparameter(source, "General", "Epochs", epochs, "from the command line")
    for name in PHASES:
        own = source.data.get(name, {}) if isinstance(source.data, dict) else {}
        entries = own.get("Hyperparameters", []) if isinstance(own, dict) else []
        if any(isinstance(entry, dict) and entry.get("type") == ".Epochs" for entry in entries):
            set_hyperparameter(source, name, "Epochs", epochs, "from the command line")


def _experiment(source: Source, findings: Findings) -> Experiment:
    data = source.data
    if not isinstance(data, dict):
        findings.problem((), "a configuration is an object", '{"General": {...}, "Training": {...}}')
        return Experiment()
    _check_keys(data, (), [*TOP_LEVEL, "$schema"], findings)
    general = _object(data, ("General",), findings)
    _check_keys(general, ("General",), GENERAL, findings)
    shared = read_hyperparameters(_list(general, ("General", "Hyperparameters"), findings), _HYPER, findings)
    models = _entries(general, "Models", ("General",), findings)
    found = {name: _phase(data, name, shared, findings) for name in PHASES if name in data}
    split = read_split(data["Split"], findings) if "Split" in data else None
    check_wiring(data, findings)
    return Experiment(
        source.file,
        General(models, Hyperparameters(**shared)),
        in_running_order(found),
        findings.repairs,
        {key: value for key, value in data.items() if key != "$schema"},
        split,
    )


_HYPER: Place = ("General", "Hyperparameters")


def _phase(data: dict[str, Any], name: str, shared: dict[str, Any], findings: Findings) -> Phase:
    part = _object(data, (name,), findings)
    _check_keys(part, (name,), [*SECTIONS[name], "Options"], findings)
    place = (name, "Hyperparameters")
    own = read_hyperparameters(_list(part, place, findings), place, findings)
    roles = [section for section in SECTIONS[name] if section != "Hyperparameters"]
    entries = {attribute_of(role): _entries(part, role, (name,), findings) for role in roles}
    options = _object(part, (name, "Options"), findings)
    return Phase(name=name, hyper=Hyperparameters(**{**shared, **own}), options=options, **entries)


def _entries(part: dict[str, Any], role: str, place: Place, findings: Findings) -> list[Entry]:
    entries = _list(part, (*place, role), findings)
    read = [read_entry(entry, role, (*place, role, index), findings) for index, entry in enumerate(entries)]
    return [entry for entry in read if entry is not None]


def _object(parent: dict[str, Any], place: Place, findings: Findings) -> dict[str, Any]:
    value = parent.get(str(place[-1]), {})
    if isinstance(value, dict):
        return value
    findings.problem(place, f"'{place[-1]}' is {json.dumps(value)[:60]}", "an object { ... }")
    return {}


def _list(parent: dict[str, Any], place: Place, findings: Findings) -> list[Any]:
    value = parent.get(str(place[-1]), [])
    if isinstance(value, list):
        return value
    expected = "a list of modules [ {...}, {...} ]"
    findings.problem(place, f"'{place[-1]}' is {json.dumps(value)[:60]}", expected)
    return []


def _check_keys(part: dict[str, Any], place: Place, known: Iterable[str], findings: Findings) -> None:
    names = list(known)
    for key in part:
        if key not in names:
            expected = nearest(key, names) or f"one of {', '.join(names)}"
            title = f"unknown section '{key}'" if place else f"unknown part '{key}' of a configuration"
            findings.problem((*place, key), title, expected, key=True)
