"""The fingerprint of a run: everything its result depends on, as digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from eisen.config import Experiment
from eisen.experiments.provenance.code import code_facts
from eisen.experiments.provenance.data import data_facts
from eisen.experiments.provenance.machine import machine_facts, package_versions
from eisen.experiments.provenance.names import read_names

__all__ = ["Fingerprint", "fingerprint"]

_KEYS = ("config_digest", "seed", "data", "split", "code", "versions", "machine", "config")


@dataclass(frozen=True)
class Fingerprint:
    """Everything the result of a run depends on.

    Args:
        facts: Digests, versions and the configuration as plain data, with the keys they have in ``run.json``. They
            name no file, no case and no person, so they may be shown to anybody.
        names: Digests by name of every file and case, per phase. They belong into ``provenance.json``, which stays
            with the data.

    Example:
        >>> Fingerprint.of({"seed": 3, "status": "complete"}).facts
        {'seed': 3}
    """

    facts: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, Any], folder: str | Path | None = None) -> Self:
        """Return the fingerprint in a ``run.json`` or a checkpoint, as far as that has one.

        Args:
            record: The record; also one of an older version.
            folder: Artifact folder in which to look for the names.
        """
        facts = {key: record[key] for key in _KEYS if key in record}
        names = read_names(folder).get("data", {}) if folder is not None else {}
        return cls(facts, {phase: entry for phase, entry in names.items() if _belongs(entry, facts, phase)})


def fingerprint(experiment: Experiment, datasets: Mapping[str, Any], data_dir: str | Path, seed: int) -> Fingerprint:
    """Return the fingerprint of a run that is about to start.

    Args:
        experiment: The configuration.
        datasets: The datasets by phase.
        data_dir: Folder of the data.
        seed: The seed.

    Example:
        >>> made = fingerprint(Experiment(), {"Training": [{"age": 61}]}, ".", seed=3)
        >>> made.facts["data"]["Training"]["n_cases"]
        1
    """
    found = {phase: data_facts(dataset, data_dir) for phase, dataset in datasets.items()}
    config = experiment.resolved()
    facts = {
        "config_digest": experiment.digest,
        "seed": seed,
        "data": {phase: facts for phase, (facts, _) in found.items()},
        "split": _split(experiment),
        "code": code_facts(config),
        "versions": package_versions(),
        "machine": machine_facts(),
        "config": config,
    }
    names = {phase: {"digest": facts["digest"], **names} for phase, (facts, names) in found.items()}
    return Fingerprint(facts, names)


def _split(experiment: Experiment) -> Any:
    if experiment.split is None:
        return None
    from eisen.experiments.splits import split_facts

    return split_facts(experiment)


def _belongs(entry: Any, facts: Mapping[str, Any], phase: str) -> bool:
    """Tell whether the names are those of the data that the record was made with."""
    data = facts.get("data", {}).get(phase, {})
    return isinstance(entry, Mapping) and entry.get("digest") == data.get("digest")
