"""The experiment cut down to what serving needs: the model, and the chain from a scan to its input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from inspect import signature
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config import Entry, Experiment, Phase, locate, read_config
from eisen_deploy.packaging.liveness import live_steps

__all__ = ["ServedConfig", "served_config", "with_readers"]

_STEPS = ("Readers", "Transforms", "BatchTransforms")
_NO_CASES = {"type": "eisen.datasets.EisenDataset", "params": {"cases": []}}
_DOWNLOADS = ("weights", "weights_backbone", "pretrained")
"""Parameters of models that fetch or read weights when they are built; a package has its own."""

_OF_THE_MACHINE = ("device", "accumulate_on")
_RANDOM = ("OneOf", "SomeOf", "RandomApply")
_FILES = (".json", ".npy", ".npz", ".csv", ".pt", ".pth", ".pkl", ".nii", ".gz", ".h5", ".mat", ".safetensors")


@dataclass(frozen=True)
class ServedConfig:
    """What is left of a configuration.

    Args:
        document: The content of ``config.json`` of a package.
        fields: The fields of a data point that it needs; the model or a step reads them.
        phase: Name of the phase whose chain it is.
    """

    document: dict[str, Any]
    fields: tuple[str, ...]
    phase: str

    def experiment(self) -> Experiment:
        """Return it as the library reads it."""
        return read_config(self.document)


def served_config(experiment: Experiment, phase: Phase) -> ServedConfig:
    """Cut a configuration.

    Args:
        experiment: The configuration of a training.
        phase: The phase whose readers, transforms and windows are to be used.

    Raises:
        ConfigError: If the chain is random, or reads files that a package does not have; it names all of that.

    Example:
        >>> model = {"type": "torch.nn.Conv2d", "params": {"input_names": ["image"], "output_names": ["logits"],
        ...          "in_channels": 1, "out_channels": 2, "kernel_size": 1}}
        >>> data = {"type": "eisen.datasets.JsonDataset", "params": {"json_file": "secret.json"}}
        >>> step = {"type": "eisen.transforms.ToTensor", "params": {"fields": ["image", "label"]}}
        >>> trained = read_config({"General": {"Models": [model]},
        ...                        "Validation": {"Datasets": [data], "Transforms": [step]}})
        >>> served = served_config(trained, trained.phases["Validation"])
        >>> served.fields, served.document["Prediction"]["Transforms"][0]["params"]
        (('image',), {'fields': ['image']})
    """
    model = experiment.models[0] if experiment.models else None
    if model is None:
        raise ConfigError([Problem("General.Models", "there is no model", "one entry", experiment.path)])
    entries = [(section, entry) for section in _STEPS for entry in phase.entries(section)]
    marked = [{**entry.resolved(), "place": (section, entry.where)} for section, entry in entries]
    kept, fields = _kept(marked, model.input_names)
    problems = [p for step, (_, where) in kept for p in _problems(step, where, phase)]
    problems += _labels_needed(experiment, kept, [field for field in fields if field not in model.input_names], phase)
    network = _network(model)
    problems += [Problem(f"{model.where}.params", _file_text(text), _NO_FILES) for text in _files_in(network)]
    if problems:
        raise ConfigError([replace(problem, file=experiment.path) for problem in problems])
    sections = {name: [step for step, (section, _) in kept if section == name] for name in _STEPS}
    document = {
        "General": {"Hyperparameters": _general(experiment), "Models": [network]},
        "Prediction": {
            "Hyperparameters": _of_phase(phase),
            "Datasets": [_NO_CASES],
            **{name: steps for name, steps in sections.items() if steps},
        },
    }
    return ServedConfig(document, tuple(fields), phase.datasets[0].where.partition(".")[0] or phase.name)


def with_readers(served: ServedConfig, readers: Sequence[dict[str, Any]]) -> ServedConfig:
    """Return a configuration with readers in front, for what a data set gave as an opened image."""
    if not readers:
        return served
    phase = served.document["Prediction"]
    changed = {**phase, "Readers": [*readers, *phase.get("Readers", [])]}
    return replace(served, document={**served.document, "Prediction": changed})


def _kept(marked: list[dict[str, Any]], wanted: Sequence[str]) -> tuple[list[tuple[dict[str, Any], Any]], list[str]]:
    """Return the steps that are left, each with its place, and the fields they start from."""
    live: list[str] = list(wanted)
    kept = []
    for step in reversed(marked):
        place = step.pop("place")
        left, live = live_steps([step], live)
        kept += [(each, place) for each in left]
    return kept[::-1], live


def _labels_needed(
    experiment: Experiment, kept: list[tuple[dict[str, Any], Any]], fields: Sequence[str], phase: Phase
) -> Iterator[Problem]:
    """Yield what is wrong with steps that cannot do without what losses and metrics compare with."""
    judged = [entry for each in experiment.phases.values() for entry in (*each.losses, *each.metrics)]
    targets = {name for entry in judged for name in entry.input_names}
    for field in [name for name in fields if name in targets]:
        for step, (_, where) in kept:
            if any(value == field for value in step["params"].values()):
                yield Problem(
                    where,
                    f"{step['type'].rpartition('.')[2]} needs '{field}', which no request can bring",
                    f"a phase Prediction without it, instead of {phase.name}; give it with --config",
                )


def _problems(step: dict[str, Any], where: str, phase: Phase) -> Iterator[Problem]:
    for each in (step, *_inside(step)):
        if _is_random(each["type"]):
            yield Problem(
                where,
                f"{each['type'].rpartition('.')[2]} is random: equal requests would get different answers",
                f"a phase Prediction without it, instead of {phase.name}; give it with --config",
            )
    for text in _files_in(step):
        yield Problem(where, _file_text(text), _NO_FILES)


_NO_FILES = "the values themselves in the configuration: a package holds no such file"


def _file_text(text: str) -> str:
    return f"it names the file {text!r}"


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries inside of an entry."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("type"), str):
            yield item
        yield from _inside(item)


def _is_random(dotted: str) -> bool:
    from eisen.transforms import RandomFieldStep

    name = dotted.rpartition(".")[2]
    kind = locate(dotted)
    return name in _RANDOM or name.startswith("Rand") or (isinstance(kind, type) and issubclass(kind, RandomFieldStep))


def _files_in(entry: Any) -> Iterator[str]:
    """Yield the texts of an entry that name files, or seem to."""
    if isinstance(entry, str):
        if "/" in entry or "\\" in entry or entry.lower().endswith(_FILES):
            yield entry
        return
    values = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    for value in values:
        yield from _files_in(value)


def _network(model: Entry) -> dict[str, Any]:
    """Return the model, built from nothing: its weights are in the package."""
    known = signature(locate(model.type)).parameters
    fetching = {n for n in _DOWNLOADS if n in known and known[n].default in (None, False) and n in model.params}
    return replace(model, params={k: v for k, v in model.params.items() if k not in fetching}).resolved()


def _general(experiment: Experiment) -> list[dict[str, Any]]:
    hyper = experiment.hyper
    chosen = {"Seed": hyper.seed, "Device": "auto", "Labels": hyper.labels, "Deterministic": hyper.deterministic}
    return _entries(chosen)


def _of_phase(phase: Phase) -> list[dict[str, Any]]:
    hyper = phase.hyper
    found = _entries({"Precision": hyper.precision, "Labels": hyper.labels, "Memory": hyper.memory})
    if hyper.sliding_window is not None:
        settings = asdict(hyper.sliding_window)
        params = {k: v for k, v in settings.items() if v is not None and k not in _OF_THE_MACHINE}
        found.append({"type": ".SlidingWindow", "params": params})
    return found


def _entries(chosen: dict[str, Any]) -> list[dict[str, Any]]:
    found = {name: value for name, value in chosen.items() if value is not None}
    if "Labels" in found:
        found["Labels"] = {str(value): name for value, name in found["Labels"].items()}
    return [{"type": f".{name}", "params": {"value": value}} for name, value in found.items()]
