"""What a script does behind the training: testing, evaluation, prediction."""

from __future__ import annotations

from typing import Any

from eisen.config import Experiment, Phase
from eisen_cli.builder.start.script.code import Call, assignment
from eisen_cli.builder.start.script.names import Names
from eisen_cli.builder.start.script.phases import loader_lines, modules_lines, workflow_lines

__all__ = ["after_lines", "later_parts"]

_NO_SHORT_FORM = (
    "Writing predictions on the grid of their files has no short form: Run does it, with the weights from above."
)


def after_lines(experiment: Experiment, names: Names) -> list[str]:
    """Return the lines of `main` behind its epochs."""
    testing = experiment.phases.get("Testing")
    has_testing = testing is not None and bool(testing.datasets)
    lines: list[str] = []
    if has_testing or experiment.document.get("Evaluation"):
        load = 'network.load_state_dict(torch.load(output / "model.pt", weights_only=True))'
        lines += ["", f"    {load}"]
    if testing is not None and has_testing:
        lines += _testing(experiment, testing, names)
    elif experiment.document.get("Evaluation") and _has_data(experiment, "Validation"):
        lines += _evaluated(experiment, experiment.phases["Validation"], names)
    if _has_data(experiment, "Prediction"):
        lines += ["    predict(folder, output)"]
    return lines


def _has_data(experiment: Experiment, name: str) -> bool:
    return name in experiment.phases and bool(experiment.phases[name].datasets)


def _testing(experiment: Experiment, phase: Phase, names: Names) -> list[str]:
    lines = loader_lines(phase, names)
    lines += modules_lines(phase, "Losses", names) + modules_lines(phase, "Metrics", names)
    lines += workflow_lines(phase, names)
    end = names.of("eisen.utils.events.EpochEnd")
    lines.append(f'    testing.on({end})(lambda event: print("testing", {{**event.losses, **event.metrics}}))')
    if experiment.document.get("Evaluation"):
        return lines + _evaluated(experiment, phase, names)
    return [*lines, "    testing.run()"]


def _evaluated(experiment: Experiment, phase: Phase, names: Names) -> list[str]:
    """Return the lines that measure every case of a pass, and write what was found."""
    part: dict[str, Any] = experiment.document["Evaluation"]
    kind = part.get("kind", "segmentation")
    known = phase.hyper.labels or experiment.hyper.labels or {}
    named = {str(v): n for v, n in known.items() if v != 0 or kind == "classification"} if kind != "image" else {}
    told = [kind, part["metrics"], part.get("labels") or named]
    policy = {"policy": part["policy"]} if part.get("policy", "count") != "count" else {}
    evaluator = Call(names.of("eisen.utils.evaluating.evaluator_of"), told, policy)
    fields = [part[key] for key in ("prediction", "reference") if part.get(key)]
    measure = Call(names.of("eisen.utils.evaluating.WorkflowEvaluation"), [evaluator, *fields])
    write = names.of("eisen.evaluation.writers.write_results")
    name = phase.name.lower()
    lines = assignment("evaluation", measure)
    lines += [f"    {name}.subscribe(evaluation)", f"    {name}.run()"]
    return [
        *lines,
        f'    for path, what in {write}(evaluation.finish(), output / "evaluation"):',
        "        print(what, path)",
    ]


def later_parts(experiment: Experiment, names: Names) -> list[list[str]]:
    """Return the functions that stand behind `main`: that of Prediction, if there is that phase."""
    if not _has_data(experiment, "Prediction"):
        return []
    document = experiment.resolved()
    said = document[
        "Training"
    ]  # the losses say what the output means; a phase needs its data and optimizer beside them
    training = {name: said[name] for name in ("Datasets", "Losses", "Optimizer", "Workflow") if said.get(name)}
    config = {"General": document["General"], "Training": training}
    config["Prediction"] = document["Prediction"]
    run, read = names.of("eisen.experiments.Run"), names.of("eisen.config.read_config")
    return [
        [
            "def predict(folder, output):",
            '    """Write what the model says about the cases of Prediction."""',
            f"    # {_NO_SHORT_FORM}",
            *assignment("config", config),
            f'    {run}({read}(config), folder, output, model=output / "model.pt").predict()',
        ]
    ]
