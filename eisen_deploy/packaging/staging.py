"""The folder of a package while it is made: filled step by step, then opened and tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from eisen.experiments.artifacts import Artifacts
from eisen.experiments.predict import prediction_phase
from eisen.experiments.prediction.label_values import channel_values
from eisen.experiments.prediction.plan import Plan
from eisen_deploy.packaging import contents, layout
from eisen_deploy.packaging.archive import as_json
from eisen_deploy.packaging.card import CardFacts, card_text
from eisen_deploy.packaging.evidence import Evidence, real_case
from eisen_deploy.packaging.given import given_inputs, spatial_axes_of
from eisen_deploy.packaging.golden import make_golden, replay
from eisen_deploy.packaging.graphs import exported
from eisen_deploy.packaging.labels import labels_of
from eisen_deploy.packaging.layout import ModelInput, Package
from eisen_deploy.packaging.licences import licence_members
from eisen_deploy.packaging.measured import Measures, measures_of
from eisen_deploy.packaging.proof import demand_same
from eisen_deploy.packaging.requirements import made_with, named_packages, requirements_text
from eisen_deploy.packaging.served_config import served_config, with_readers
from eisen_deploy.packaging.source import TrainedRun
from eisen_deploy.packaging.trial import Trial, TrialModel, case_of, tried
from eisen_deploy.packaging.weights import packed_weights, weight_shapes
from eisen_deploy.packaging.wishes import PackWishes
from eisen_deploy.serving.packaged import PackagedModel

__all__ = ["Staging"]


class Staging:
    """Makes the members of a package in a folder.

    Args:
        run: What it is made from.
        wanted: What the user wants.
        name: Of the model.
        folder: An empty folder.
        say: Is told what is being done.

    Attributes:
        package: What ``package.json`` says; complete after `fill`.
        notes: What was found out, or assumed.
        verified: Whether a real case got the same prediction from the package and from the run.
    """

    def __init__(
        self, run: TrainedRun, wanted: PackWishes, name: str, folder: Path, say: Callable[[str], None]
    ) -> None:
        self.run, self.wanted, self.say = run, wanted, say
        self.stage, self.scratch = folder / "package", folder / "scratch"
        for made in (self.stage, self.scratch):
            made.mkdir()
        self.notes: list[str] = []
        self.graphs: list[str] = []
        self.verified, self.calibrated = False, ""
        self.phase = prediction_phase(run.experiment)
        self.served = served_config(run.experiment, self.phase)
        self.evidence = Evidence(run, self.phase, self.served.fields, self.notes)
        self.licences = licence_members(wanted.licences, self.versions)
        is_known = not wanted.models or wanted.evaluation is not None  # what lies in the folder is of its own weights
        self.measures = measures_of(run.root, run.facts, wanted.evaluation) if is_known else Measures()
        self.package = Package(
            name, wanted.version, "labels", self._inputs(), self._weights(), tta=wanted.tta, gate=wanted.gate
        )
        self.real = [real_case(self.package.inputs, text) for text in wanted.golden_cases]
        self._put(layout.CONFIG, as_json(self.served.document))

    def fill(self) -> None:
        """Make everything, open it, and try it.

        Raises:
            EisenError: If the run cannot be packed.
        """
        trial = self._tried()
        self._decide(trial)
        if self.wanted.graph:
            self._export(trial)
        self._make_golden(trial)
        self._describe(trial)
        self._verify()

    def members(self) -> dict[str, bytes | Path]:
        """Return the members of the archive."""
        files = (path for path in sorted(self.stage.rglob("*")) if path.is_file())
        return {path.relative_to(self.stage).as_posix(): path for path in files}

    @cached_property
    def versions(self) -> dict[str, str]:
        """Versions of what the package is made with."""
        named = named_packages(self.served.document)
        for name in [name for name, version in named.items() if not version]:
            self.notes.append(f"the server needs the module '{name}', which is no installed package")
        return made_with(name for name, version in named.items() if version)

    def _inputs(self) -> list[ModelInput]:
        axes = spatial_axes_of(self._shapes)
        phase = self.served.document["Prediction"]
        steps = [step for section in ("Readers", "Transforms") for step in phase.get(section, [])]
        given = given_inputs(self.served.fields, steps, axes, self.evidence.first, self.run.data_dir)
        self.served = with_readers(self.served, given.readers)
        self.notes += [f"assumed, as the data are not there: {line}" for line in given.assumed]
        return given.inputs

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the weights of the first model; all weights are in the folder then."""
        names = self._weights()
        return weight_shapes((self.stage / names[0]).read_bytes())

    def _weights(self) -> list[str]:
        names = [f"weights/{number}.safetensors" for number in range(len(self.run.ensemble.members))]
        if not (self.stage / names[0]).exists():
            contents_of = packed_weights(self.run.experiment, self.run.ensemble.members)
            for name, content in zip(names, contents_of, strict=True):
                self._put(name, content)
        return names

    def _tried(self) -> Trial:
        self.say("trying the chain without labels")
        self.committee = Plan(self.run.experiment, self.run.ensemble, tta=self.wanted.tta).committee()
        self.committee.temperature = self._temperature()
        self._put(layout.PACKAGE, layout.write_package(self.package))
        self.looks = self.evidence.looks(self.package.inputs)
        return tried(TrialModel(self.stage, self.scratch, self.committee), self.looks, self.served.phase)

    def _temperature(self) -> float | None:
        plan = Plan(self.run.experiment, self.run.ensemble, tta=self.wanted.tta)
        usual = Artifacts(self.run.root).calibration
        lines: list[str] = []
        found = plan.temperature(self.committee, "auto", usual, lines.append)
        if found is not None:
            self.calibrated = f"temperature {found:.3g}"
        elif lines:
            self.notes.append("the calibration of the run is left out: it belongs to other weights or views")
        return found

    def _decide(self, trial: Trial) -> None:
        """Write down what came out of the trial."""
        channels = channel_values(self.run.experiment).get(trial.channels, [])
        values = channels or ([1] if trial.channels == 1 else list(range(trial.channels)))
        names = self.phase.hyper.labels or self.run.experiment.hyper.labels
        self.package = replace(
            self.package,
            kind=trial.kind,
            activation=trial.activation,
            channels=channels,
            labels=labels_of(trial.kind, values, names),
            temperature=self.committee.temperature,
            fingerprint=self.evidence.fingerprint(self.package.inputs, self.say),
            made_with=self.versions,
        )
        self._put(layout.PACKAGE, layout.write_package(self.package))

    def _export(self, trial: Trial) -> None:
        for number, weights in enumerate(self.package.weights):
            self.say(f"exporting network {number + 1} of {len(self.package.weights)} as ONNX")
            graph = exported(self.run.experiment, self.stage / weights, trial.input_size)
            self.graphs.append(graph.note)
            if graph.content is not None:
                name = f"graphs/{number}.onnx"
                self._put(name, graph.content)
                self.package = replace(self.package, graphs=[*self.package.graphs, name])
        self.notes += [f"graph {number}: {note}" for number, note in enumerate(self.graphs) if note.startswith("not")]

    def _make_golden(self, trial: Trial) -> None:
        inputs = self.package.inputs
        cases = [case_of(inputs, self.looks, trial.shape, seed) for seed in range(self.wanted.golden)]
        cases += self.real
        if not cases:
            self.notes.append("no golden cases: servers cannot tell whether the model still answers as it did here")
            return
        if self.wanted.golden_cases:
            n = len(self.wanted.golden_cases)
            self.notes.append(f"{n} real {'case travels' if n == 1 else 'cases travel'} with the package")
        self.say("computing the golden cases")
        self.package = replace(self.package, golden=make_golden(PackagedModel(self.stage, self.scratch, "cpu"), cases))

    @cached_property
    def compares(self) -> bool:
        """Whether there is a real case to compare with."""
        cases = self.evidence.cases
        return cases is not None and set(self.served.fields) <= set(cases[0])

    def _describe(self, trial: Trial) -> None:
        package, wanted = self.package, self.wanted
        if not self.compares:
            self.notes.append("not compared with the run on a real case: the data are not there")
        metadata = contents.metadata_of(package, trial.channels)
        texts = {
            layout.PACKAGE: layout.write_package(package),
            layout.METADATA: contents.metadata_text(metadata),
            layout.HANDLER: contents.HANDLER_TEXT.encode(),
            layout.SERVER_CONFIG: contents.SERVER_CONFIG_TEXT.encode(),
            layout.REQUIREMENTS: requirements_text(package.made_with).encode(),
            layout.CARD: card_text(self._card_facts(wanted)).encode(),
            **self.licences,
        }
        for name, content in texts.items():
            self._put(name, content)

    def _card_facts(self, wanted: PackWishes) -> CardFacts:
        return CardFacts(
            self.package,
            [record.facts for record in self.run.records],
            self.measures,
            intended_use=wanted.intended_use,
            limits=wanted.limits,
            graphs=self.graphs,
            calibrated=self.calibrated,
            notes=self.notes,
            licences=[name.partition("/")[2] for name in self.licences],
            real_golden=len(wanted.golden_cases),
        )

    def _verify(self) -> None:
        """Open the package as a server does, replay its golden cases, and compare a real case with the run."""
        self.say("opening the package and replaying its golden cases")
        replay(PackagedModel(self.stage, self.scratch, "cpu"))
        if not self.compares or self.evidence.cases is None:
            return
        self.say("predicting a real case with the package and with the run")
        demand_same(self.stage, self.run, self.phase, self.committee, self.evidence.cases)
        self.verified = True

    def _put(self, name: str, content: bytes) -> None:
        path = self.stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
