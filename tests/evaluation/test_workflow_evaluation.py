"""Cases measured while a workflow runs: by a hook, by ``eisen test``, and by ``eisen crossval``, with one evaluator."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from eisen._core.errors import ArgumentError, MissingFieldError
from eisen._core.types import Geometry
from eisen.datasets.lists import ListDataset
from eisen.datasets.loading import Loader
from eisen.evaluation import Results, SegmentationEvaluator
from eisen.evaluation.writers import write_csv
from eisen.utils import EisenModuleWrapper
from eisen.utils.evaluating import WorkflowEvaluation, evaluator_of
from eisen.utils.logging import EvaluationHook
from eisen.utils.workflows import Validation
from tests.cli.conftest import tiny_config, write_task

from .shapes import ball

SHAPE = (8, 9, 7)
SPACING = (1.0, 2.0, 3.0)
METRICS = ["DICE", "PRCISON", "REFVOL"]
LABELS = {"1": "ball", "2": "rim"}


class Channels(torch.nn.Module):
    """Turns a map of classes into three logits."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([10 - (image - c) ** 2 for c in range(3)], dim=1)


def cases(n: int = 5) -> list[dict[str, Any]]:
    made = []
    for i in range(n):
        label = ball(SHAPE, (4, 4, 3), 3) + ball(SHAPE, (4, 4, 3), 1.5)
        label = np.where(label == 2, 1, np.where(label == 1, 2, 0)).astype(np.float32)
        image = np.roll(label, i, axis=1)
        image[(image == 2) & (i == 3)] = 0
        geometry = Geometry.of(np.diag([*SPACING, 1]), SHAPE)
        made.append({"image": image[None], "label": label[None], "label_meta": geometry, "name": f"scans/p{i}.nii.gz"})
    return made


def workflow(n: int = 5, batch_size: int = 2, which: slice = slice(None)) -> Validation:
    dice = EisenModuleWrapper(torch.nn.MSELoss(), ["logits", "logits"], ["nothing"])
    compared = EisenModuleWrapper(Compared(), ["logits", "label"], ["value"])
    model = EisenModuleWrapper(Channels(), ["image"], ["logits"])
    loader = Loader(ListDataset(cases(n)[which]), batch_size=batch_size)
    return Validation(model, loader, [dice], [compared])


class Compared(torch.nn.Module):
    """A metric that tells which fields belong together."""

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return logits.mean() + label.mean()


def expected(n: int = 5) -> Results:
    evaluator = SegmentationEvaluator(METRICS, LABELS)
    for i, case in enumerate(cases(n)):
        evaluator.evaluate(case["image"][0], case["label"][0], f"p{i}", SPACING)
    return evaluator.results


def test_the_hook_finds_what_the_evaluator_finds(tmp_path: Path) -> None:
    validation = workflow()
    hook = EvaluationHook(validation.id, "Validation", tmp_path, METRICS, LABELS)
    for epoch in range(2):
        validation.epoch = epoch
        validation.run()
    assert repr(hook.results.records) == repr(expected().records)
    assert hook.results.facts["p0"].spacing_mm == SPACING
    write_csv(expected(), tmp_path / "expected.csv")
    files = [tmp_path / "evaluation" / "validation" / f"epoch_000{epoch}.csv" for epoch in range(2)]
    assert {file.read_text(encoding="utf-8") for file in files} == {
        (tmp_path / "expected.csv").read_text(encoding="utf-8")
    }
    with (files[0].parent / "epochs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0"] * 6 + ["1"] * 6
    precision = next(row for row in rows if (row["label"], row["metric"]) == ("rim", "PRCISON"))
    assert (precision["n"], precision["n_undefined"], precision["n_missed"]) == ("4", "1", "1")


def test_tensorboard_has_curves_by_label_and_by_case(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    validation = workflow()
    hook = EvaluationHook(validation.id, "Validation", tmp_path, ["DICE"], LABELS, max_cases=2)
    validation.run()
    hook.writer.close()
    board = EventAccumulator(str(tmp_path / "summaries" / "Validation"))
    board.Reload()
    tags = board.Tags()["scalars"]
    found = expected()
    mean = board.Scalars("evaluation/DICE/rim")[0].value
    assert mean == pytest.approx(found.values("rim", "DICE").mean(), abs=1e-6)
    assert board.Scalars("evaluation/DICE/rim/missed")[0].value == 1
    by_case = [tag for tag in tags if tag.startswith("evaluation_cases/DICE/ball/")]
    assert by_case == ["evaluation_cases/DICE/ball/p0", "evaluation_cases/DICE/ball/p1"]


def test_epochs_are_left_out_and_fields_can_be_named(tmp_path: Path) -> None:
    validation = workflow()
    EvaluationHook(validation.id, "Validation", tmp_path, ["DICE"], LABELS, "logits", "label", every=2)
    for epoch in range(3):
        validation.epoch = epoch
        validation.run()
    names = sorted(path.name for path in (tmp_path / "evaluation" / "validation").iterdir())
    assert names == ["epoch_0000.csv", "epoch_0002.csv", "epochs.csv"]
    with pytest.raises(ArgumentError):
        EvaluationHook(validation.id, "Validation", tmp_path, every=0)
    with pytest.raises(ArgumentError, match="NOTHING"):
        EvaluationHook(validation.id, "Validation", tmp_path, ["NOTHING"])
    wrong = workflow()
    EvaluationHook(wrong.id, "Validation", tmp_path, ["DICE"], None, "logit", "label")
    with pytest.raises(MissingFieldError) as caught:
        wrong.run()
    assert "logits" in caught.value.card.to_do


class Event:
    """A batch as a workflow tells of it."""

    phase = "Testing"

    def __init__(self, number: int, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        self.number, self.inputs, self.outputs, self.workflow = number, inputs, outputs, None


def batch(number: int, cases_: list[dict[str, Any]]) -> Any:
    image, label = (torch.tensor(np.stack([case[name] for case in cases_])) for name in ("image", "label"))
    return Event(number, {"image": image, "label": label}, {"logits": Channels()(image)})


def test_several_processes_find_together_what_one_finds() -> None:
    whole, *parts = [
        WorkflowEvaluation(evaluator_of("segmentation", METRICS, LABELS), "logits", "label") for _ in range(3)
    ]
    for number in range(4):
        event = batch(number, cases(8)[2 * number : 2 * number + 2])
        whole.on_batch_end(event)
        parts[number % 2].on_batch_end(event)
    kept: list[Any] = []
    parts[0].finish(lambda value: kept.append(value) or [value])
    together = parts[1].finish(lambda value: [kept[0], value])
    assert repr(together) == repr(whole.finish())
    assert len(together.cases) == 8
    assert not whole.finish().records


def test_single_channels_one_hot_references_and_maps_are_understood() -> None:
    mask = ball(SHAPE, (4, 4, 3), 3)[None, None].astype(np.float32)
    one_hot = np.concatenate([1 - mask, mask], axis=1)
    forms = [(20 * mask - 10, mask), (0.8 * mask, one_hot), (one_hot, mask[:, 0]), (one_hot * 9, one_hot), (mask, mask)]
    for prediction, reference in forms:
        evaluation = WorkflowEvaluation(evaluator_of("segmentation", "DICE", {"1": "ball"}), "p", "r")
        fields = {"p": torch.tensor(prediction)}, {"r": torch.tensor(reference)}
        evaluation.on_batch_end(Event(0, fields[1], fields[0]))  # type: ignore[arg-type]
        assert [r.value for r in evaluation.finish()] == [1]


def test_classifiers_and_images_are_measured_too() -> None:
    classes, logits = torch.tensor([0, 1, 1]), torch.tensor([[3.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    evaluation = WorkflowEvaluation(evaluator_of("classification", ["ACC", "F1"], ["no", "yes"]), "p", "r")
    for number in range(2):
        part = slice(2 * number, 2 * number + 2)
        evaluation.on_batch_end(Event(number, {"r": classes[part]}, {"p": logits[part]}))  # type: ignore[arg-type]
    found = evaluation.finish()
    assert found.values("", "ACC").tolist() == pytest.approx([2 / 3])
    assert found.values("yes", "F1").tolist() == pytest.approx([2 / 3])
    images = WorkflowEvaluation(evaluator_of("image", ["MAE"]), "p", "r")
    images.on_batch_end(Event(0, {"r": torch.zeros(2, 1, 4, 5)}, {"p": torch.ones(2, 1, 4, 5)}))  # type: ignore[arg-type]
    assert [r.value for r in images.finish()] == [1, 1]
    for wrong in (("image", ["MAE"], {"1": "x"}), ("video", ["MAE"], None)):
        with pytest.raises(ArgumentError):
            evaluator_of(*wrong)  # type: ignore[arg-type]


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task"), 6)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A network of two numbers that finds the boxes by their brightness, and misses the dark ones."""
    made = tiny_config()
    conv = {"in_channels": 1, "out_channels": 2, "kernel_size": 1, "input_names": ["image"], "output_names": ["logits"]}
    made["General"]["Models"] = [{"type": "torch.nn.Conv3d", "params": conv}]
    made["Evaluation"] = {"metrics": ["DICE", "PRCISON", "REFVOL"]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    weights = {"weight": torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1, 1), "bias": torch.tensor([0.0, -140.0])}
    torch.save(weights, tmp_path / "weights.pt")
    return path


def run(*words: object) -> Result:
    from eisen_cli.main import cli

    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="eisen")


def test_eisen_test_writes_the_same_as_the_metrics_of_the_phase(config: Path, task: Path, tmp_path: Path) -> None:
    words = ("--data_dir", task, "--artifact_dir", tmp_path / "out", "--model", tmp_path / "weights.pt")
    done = run("test", config, *words, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    dice = document["rows"][0]["metrics"]["dice[box]"]
    shown = {row["metric"]: row for row in document["evaluation"]}
    assert 0.9 < shown["DICE"]["statistics"]["mean"] == pytest.approx(dice, abs=1e-6)
    folder = tmp_path / "out" / "evaluation" / "testing"
    found = Results.read(folder / "results.json")
    assert found.labels == ["box"]
    assert found.values("box", "REFVOL").tolist() == [6 * 6 * 5 * 2.5] * len(found.cases)
    assert {path.name for path in folder.iterdir()} >= {"results.csv", "statistics.csv", "results.json", "report.html"}
    assert set(found.cases) < {f"box_{i}" for i in range(6)}
    assert "box" in run("test", config, *words).output


def test_a_wrong_part_of_the_configuration_names_its_place(config: Path, task: Path, tmp_path: Path) -> None:
    for part, words in (
        ({"metrics": ["DICEX"]}, "DICE"),
        ({"metric": ["DICE"]}, "Evaluation.metric"),
        ({"metrics": ["DICE"], "policy": "best"}, "policy"),
        ({"metrics": ["DICE"], "labels": {"x": "y"}}, "label"),
        (["DICE"], "Evaluation"),
    ):
        made = json.loads(config.read_text(encoding="utf-8"))
        made["Evaluation"] = part
        config.write_text(json.dumps(made), encoding="utf-8")
        for command in ("check", "test"):
            more = () if command == "check" else ("--artifact_dir", tmp_path / "out")
            done = run(command, config, "--data_dir", task, *more)
            assert done.exit_code == 3, done.output
            assert words in done.output


def test_crossval_has_the_values_in_its_table_and_all_cases_in_one_report(
    config: Path, task: Path, tmp_path: Path
) -> None:
    root = tmp_path / "cv"
    done = run("crossval", config, 1, "--data_dir", task, "--artifact_dir", root, "--no-group", "--folds", 2)
    assert done.exit_code == 0, done.output
    assert "DICE[box]" in done.output
    found = Results.read(root / "evaluation" / "results.json")
    assert sorted(found.cases) == [f"box_{i}" for i in range(6)]
    with (root / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_case = {r.case: r.value for r in found if r.metric == "PRCISON"}
    column = {row["case"]: float(row["PRCISON[box]"] or "nan") for row in rows}
    assert all(column[case] == value or math.isnan(value) for case, value in by_case.items())
    assert sorted(column) == sorted(by_case)
