"""A configuration as a Python script that does the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config import Experiment, Phase, read_config
from eisen.config.around import case_entry
from eisen.experiments.parts import seed_of
from eisen_cli.builder.start.script.after import after_lines, later_parts
from eisen_cli.builder.start.script.code import Call, Raw, assignment, quoted
from eisen_cli.builder.start.script.expressions import call_of, wrapped_call
from eisen_cli.builder.start.script.names import Names
from eisen_cli.builder.start.script.optimizers import chosen_weights, optimizer_lines, schedule_lines
from eisen_cli.builder.start.script.phases import cases_function, loader_lines, modules_lines, workflow_lines
from eisen_cli.builder.start.script.whole import run_script

__all__ = ["export_python"]

_SIDES = ("split", "validation_fraction", "split_seed", "group")
_SEEDED = '''def seed_everything(*numbers):
    """Seed Python, NumPy and PyTorch, as eisen does before every epoch; so a run can be repeated bit for bit."""
    number = int(np.random.SeedSequence(numbers).generate_state(1)[0]) if len(numbers) > 1 else numbers[0]
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)'''
_LEFT_TO_TRAIN = {
    "max_time": "MaxTime",
    "checkpoint_every": "CheckpointEvery",
    "distribution": "Distribution",
}


def export_python(data: Mapping[str, Any], path: str | Path | None = None) -> str:
    """Return a Python script that does what a configuration describes: training, validation, testing, prediction.

    It gives the same numbers as ``eisen train`` with the same seed in one process. What has no short form in Python
    is done by `eisen.experiments.Run`, and a comment says so.

    Args:
        data: The configuration.
        path: Its file, for the names of a split beside it; None: it has none.

    Raises:
        ConfigError: If the configuration is not right; the script would not be, either.

    Example:
        >>> shapes = {"type": "eisen.datasets.RandomShapesDataset", "params": {"n_cases": 8}}
        >>> wires = {"input_names": ["image"], "output_names": ["logits"], "input_channels": 1}
        >>> net = {"type": "eisen.models.ResNet", "params": wires}
        >>> wires = {"input_names": ["logits", "kind"], "output_names": ["loss"]}
        >>> loss = {"type": "torch.nn.CrossEntropyLoss", "params": wires}
        >>> adam = {"type": "torch.optim.Adam", "params": {"lr": 0.001}}
        >>> training = {"Datasets": [shapes], "Losses": [loss], "Optimizer": [adam]}
        >>> script = export_python({"General": {"Models": [net]}, "Training": training})
        >>> [line.strip() for line in script.splitlines() if "Adam" in line]
        ['optimizer = torch.optim.Adam(params=network.parameters(), lr=0.001)']
    """
    experiment = read_config(data)
    training = experiment.phases.get("Training")
    if training is None or not training.datasets or not experiment.models or not training.optimizer:
        missing = "General.Models" if not experiment.models else "Training"
        problem = Problem(missing, "there is nothing to train yet", "a model, and a Training phase with data")
        raise ConfigError([problem])
    if (why := _not_direct(experiment)) is not None:
        return run_script(experiment, why)
    return _Script(experiment, training, Path(path) if path else None).text()


def _not_direct(experiment: Experiment) -> str | None:
    """Return why the whole configuration has no form of its own in Python; None if it has."""
    if experiment.split is None:
        return None
    phases = [phase for name, phase in experiment.phases.items() if name != "Prediction" and phase.datasets]
    inner = [case_entry(phase.datasets[0]) for phase in phases]
    rows = [(e.type, {name: value for name, value in e.params.items() if name not in _SIDES}) for e in inner]
    return None if all(row == rows[0] for row in rows) else "a fold over the cases of several datasets"


class _Script:
    """Writes the script of one configuration."""

    def __init__(self, experiment: Experiment, training: Phase, path: Path | None) -> None:
        self.experiment, self.training, self.path = experiment, training, path
        self.validation = self._with_data("Validation")
        self.names = Names()
        self.seed = seed_of(experiment)

    def _with_data(self, name: str) -> Phase | None:
        phase = self.experiment.phases.get(name)
        return phase if phase is not None and phase.datasets else None

    def text(self) -> str:
        """Return the whole script."""
        phases = [phase for phase in (self.training, self.validation, self._with_data("Testing")) if phase]
        functions = [_SEEDED.split("\n"), *(cases_function(self.experiment, phase, self.names) for phase in phases)]
        functions += [lines for lines in (chosen_weights(self.training, self.names),) if lines]
        functions.append(self._main())
        functions += later_parts(self.experiment, self.names)
        for module in ("random", "sys", "numpy", "torch"):
            self.names.whole(module)
        self.names.of("pathlib.Path")
        constants = self._constants()
        head = [self._docstring(), "", *self.names.lines(), "", *constants]
        blocks = "\n\n\n".join("\n".join(lines) for lines in functions)
        return "\n".join(head) + f"\n\n\n{blocks}\n\n\n" + self._end()

    def _docstring(self) -> str:
        name = re.sub(r"[^\w .()-]", "_", self.path.name) if self.path else "an experiment"
        left = [f".{spelt}" for attribute, spelt in _LEFT_TO_TRAIN.items() if getattr(self.training.hyper, attribute)]
        rest = f"\n\nLeft to 'eisen train': {', '.join(left)}." if left else ""
        begin = f"What {name} describes, as a script: python SCRIPT.py FOLDER_OF_THE_DATA [EPOCHS] [OUTPUT]"
        words = "Written by the builder of eisen; from here on it is yours. Losses are those of 'eisen train'."
        return f'"""{begin}\n\n{words}{rest}\n"""'

    def _constants(self) -> list[str]:
        lines = assignment("SEED", self.seed, 0) + assignment("EPOCHS", self.experiment.hyper.epochs or 10, 0)
        split = self.experiment.split
        if split is not None:
            load = self.names.of("eisen.experiments.splits.Splits")
            lines.append(f"FOLD = {load}.load(Path(__file__).parent / {quoted(split.file)})[{quoted(split.fold)}]")
        return lines

    def _main(self) -> list[str]:
        head = ["def main(folder, n_epochs, output):", '    """Train, validate, and do what comes after."""']
        return [*head, *self._model(), *self._workflows(), *self._epochs(), *after_lines(self.experiment, self.names)]

    def _model(self) -> list[str]:
        hyper, names = self.experiment.hyper, self.names
        lines = ["    output.mkdir(parents=True, exist_ok=True)"]
        if hyper.threads is not None:
            lines.append(f"    torch.set_num_threads({hyper.threads})")
        if hyper.deterministic:
            lines.append("    torch.use_deterministic_algorithms(True)")
        entry = self.experiment.models[0]
        wrapped = wrapped_call(entry, "Models", names)
        lines += ["    seed_everything(SEED)", *assignment("network", wrapped.args[0])]
        return lines + assignment("model", Call(wrapped.name, [Raw("network"), *wrapped.args[1:]]))

    def _workflows(self) -> list[str]:
        phase, names = self.training, self.names
        lines = ["", *loader_lines(phase, names)]
        lines += modules_lines(phase, "Losses", names) + modules_lines(phase, "Metrics", names)
        lines += optimizer_lines(phase, names) + schedule_lines(phase, names)
        is_single = len(phase.optimizer) == 1 and "name" not in phase.optimizer[0].params
        more = {"optimizer": Raw("optimizer" if is_single else "optimizers")}
        if phase.scheduler:
            more["scheduler"] = Raw("schedule" if is_single else "schedules")
        lines += workflow_lines(phase, names, **more) + self._hooks(phase)
        if self.validation is not None:
            lines += ["", *self._measured(self.validation)]
        return lines

    def _measured(self, phase: Phase) -> list[str]:
        lines = loader_lines(phase, self.names)
        lines += modules_lines(phase, "Losses", self.names) + modules_lines(phase, "Metrics", self.names)
        lines += workflow_lines(phase, self.names) + self._hooks(phase)
        if any(entry.params.get("monitor") for entry in self.training.scheduler):
            lines.append("    training.schedule.watch(validation)")
        return lines

    def _hooks(self, phase: Phase) -> list[str]:
        if not phase.hooks:
            return []
        name = phase.name.lower()
        place = {"workflow_id": Raw(f"{name}.id"), "phase": phase.name, "artifacts_dir": Raw("str(output)")}
        hooks = [call_of(entry, "Hooks", self.names, **place) for entry in phase.hooks]
        return assignment(f"{name}.hooks", hooks)  # held by the workflow: some signals hold their receivers weakly

    def _epochs(self) -> list[str]:
        end = self.names.of("eisen.utils.events.EpochEnd")
        lines = ["", *_told("training", end)]
        if self.validation is not None:
            lines += _told("validation", end)
        lines += self._best()[0]
        lines += ["    for epoch in range(n_epochs):", "        seed_everything(SEED, epoch)", "        training.run()"]
        lines += self._validated()
        return lines + self._kept()

    def _validated(self) -> list[str]:
        if self.validation is None:
            return []
        every = self.experiment.hyper.validate_every
        inner = ["validation.run()"]
        if self._has_average:
            inner = ["with training.average.applied():", "    validation.run()"]
        inner += self._best()[1]
        if every > 1:
            due = f"if (epoch + 1) % {every} == 0 or epoch + 1 == n_epochs:"
            inner = [due, *(f"    {line}" for line in inner)]
        return [f"        {line}" for line in inner]

    @property
    def _has_average(self) -> bool:
        return self.training.hyper.ema is not None or self.training.hyper.swa is not None

    def _best(self) -> tuple[list[str], list[str]]:
        """Return what keeps the best epoch: lines in front of the loop, and inside of it."""
        found = re.fullmatch(r"\s*(min|max)\s+([\w\[\] ]+?)\s*", self.experiment.hyper.best or "")
        if self.validation is None or found is None:
            return [], []
        outputs = [name for entry in self.validation.metrics for name in entry.output_names]
        losses = [name for entry in self.validation.losses for name in entry.output_names]
        name = found[2]
        group = "metrics" if name.partition("[")[0] in outputs else "losses" if name in losses else ""
        if not group:
            return [], []
        sign = ">" if found[1] == "max" else "<"
        start = f'    best, found = float("{"-" if sign == ">" else ""}inf"), {{}}'
        listen = [
            f"    @validation.on({self.names.of('eisen.utils.events.EpochEnd')})",
            "    def keep(event):",
            f"        found.update(event.{group})",
        ]
        inside = [f'if found["{name}"] {sign} best:', f'    best = found["{name}"]', f"    {self._save()}"]
        return [start, "", *listen, ""], self._under_average(inside)

    def _save(self) -> str:
        return 'torch.save(network.state_dict(), output / "model.pt")'

    def _under_average(self, lines: list[str]) -> list[str]:
        if not self._has_average:
            return lines
        return ["with training.average.applied():", *(f"    {line}" for line in lines)]

    def _kept(self) -> list[str]:
        """Return what saves the weights at the end, where no epoch is the best one."""
        if self._best()[0]:
            return []
        return [f"    {line}" for line in self._under_average([self._save()])]

    def _end(self) -> str:
        return (
            'if __name__ == "__main__":\n'
            '    arguments = [*sys.argv[1:], *["data", EPOCHS, "output"][len(sys.argv) - 1 :]]\n'
            "    main(arguments[0], int(arguments[1]), Path(arguments[2]))\n"
        )


def _told(name: str, end: str) -> list[str]:
    """Return a listener that prints what an epoch gave."""
    values = "{**event.losses, **event.metrics}"
    return [
        f"    @{name}.on({end})",
        f"    def tell_{name}(event):",
        f'        print("{name}", {values}, flush=True)',
        "",
    ]
