"""A dry run shows every step that went well, and where it stopped; in a process that can be ended."""

from __future__ import annotations

import asyncio
import copy
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from eisen_cli.builder.flow.detail import detail_html
from eisen_cli.builder.flow.drawing import Drawing
from eisen_cli.builder.flow.outcome import read_outcome
from eisen_cli.builder.flow.process import run
from eisen_cli.builder.flow.runner import DryRunner, Request
from eisen_cli.builder.flow.trials import Choice, Trials
from eisen_cli.builder.flow.wires import flow_of
from tests.phantoms import write_pair

BOTH = {"fields": ["image", "label"]}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    cases = [write_pair(folder, f"case_{number}.nii.gz", (8, 8, 8)) for number in range(3)]
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    return folder


@pytest.fixture
def data():
    model = {"in_channels": 1, "out_channels": 3, "kernel_size": 1}
    loss = {"input_names": ["logits", "label"], "output_names": ["loss"]}
    return {
        "General": {
            "Hyperparameters": [{"type": ".BatchSize", "params": {"value": 2}}],
            "Models": [
                {"type": "torch.nn.Conv3d", "params": {"input_names": ["image"], "output_names": ["logits"], **model}}
            ],
        },
        "Training": {
            "Datasets": [{"type": "eisen.datasets.JsonDataset", "params": {"json_file": "cases.json"}}],
            "Readers": [{"type": "eisen.io.LoadNiftiFromFilename", "params": BOTH}],
            "Transforms": [
                {"type": "eisen.transforms.NiftiToNumpy", "params": BOTH},
                {"type": "eisen.transforms.AddChannelDimension", "params": BOTH},
                {"type": "eisen.transforms.ZScoreNormalization", "params": {"fields": ["image"]}},
            ],
            "Losses": [{"type": "eisen.ops.losses.DiceCELoss", "params": loss}],
            "Optimizer": [{"type": "torch.optim.SGD", "params": {"lr": 0.1}}],
        },
    }


def tried(data, data_dir, folder, **more):
    folder.mkdir(exist_ok=True)
    request = {"configuration": copy.deepcopy(data), "phase": "Training", "data_dir": str(data_dir), **more}
    run({**request, "folder": str(folder)}, lambda line: None)
    return read_outcome(folder, data, "Training")


def names(outcome):
    return [stage["name"] for stage in outcome.facts["stages"] if stage["place"]]


def test_every_wire_has_shape_type_range_and_slices(data, data_dir, tmp_path):
    outcome = tried(data, data_dir, tmp_path / "a", case="case_1")
    assert outcome.facts["status"] == "complete"
    assert outcome.facts["case"].endswith("(case_1.nii.gz)")
    assert outcome.facts["cases"][2].startswith("#2")
    assert outcome.dataset_fields == ["image", "label"]
    assert outcome.facts["peak_memory"] > 1e7
    logits = outcome.values["General.Models[0]"]["logits"]
    assert logits.facts["shape"] == [2, 3, 8, 8, 8]
    assert len(logits.pictures["planes"]) == 9
    assert outcome.values["Training.Readers[0]"]["label"].pictures["is_label"]
    html = Drawing(flow_of(data, "Training", outcome.dataset_fields), outcome).html()
    assert 'role="button" tabindex="0" aria-label="image after ZScoreNormalization: 1×8×8×8 float32, -1.' in html
    assert "<b>loss</b>" in html


def test_a_click_shows_the_slices_before_and_after(data, data_dir, tmp_path):
    outcome = tried(data, data_dir, tmp_path / "a")
    drawing = Drawing(flow_of(data, "Training"), outcome)
    html = detail_html(drawing, "Training.Transforms[2]", "image")
    assert html.count("data:image/png;base64,iVBOR") == 6
    assert html.index("ZScoreNormalization") < html.index("AddChannelDimension")
    assert "axial" in html
    assert detail_html(drawing, "Training.Transforms[2]", "label") == ""
    assert detail_html(drawing, "Training.Transforms[9]", "image") == ""


class Raises:
    """A step of a user that does not work."""

    def __call__(self, data):
        raise RuntimeError("<b>out of luck</b>")


def wrong_field(data):
    data["Training"]["Transforms"][2]["params"]["fields"] = ["imgae"]
    return "Training.Transforms[2]", "imgae", ["JsonDataset", "LoadNiftiFromFilename", *STEPS[:2]]


def wrong_model(data):
    data["General"]["Models"][0]["params"]["in_channels"] = 2
    return "General.Models[0]", "channels", ["JsonDataset", "LoadNiftiFromFilename", *STEPS]


def wrong_loss(data):
    data["Training"]["Losses"][0]["params"]["input_names"] = ["logits", "image"]
    return "Training.Losses[0]", "", ["JsonDataset", "LoadNiftiFromFilename", *STEPS, "Conv3d"]


def few_inputs(data):
    data["Training"]["Losses"][0]["params"]["input_names"] = ["logits"]
    return "Training.Losses[0]", "1 input", []


def raising(data):
    data["Training"]["Transforms"].insert(1, {"type": f"{__name__}.Raises", "params": {}})
    return "Training.Transforms[1]", "out of luck", ["JsonDataset", "LoadNiftiFromFilename", STEPS[0]]


def no_file(data):
    data["Training"]["Datasets"][0]["params"]["json_file"] = "other.json"
    return "Training.Datasets[0]", "other.json", []


STEPS = ["NiftiToNumpy", "AddChannelDimension", "ZScoreNormalization"]


@pytest.mark.parametrize("spoil", [wrong_field, wrong_model, wrong_loss, few_inputs, raising, no_file])
def test_a_broken_chain_shows_the_steps_before_and_the_place(data, data_dir, tmp_path, spoil):
    place, words, before = spoil(data)
    outcome = tried(data, data_dir, tmp_path / "a")
    assert outcome.facts["status"] == "failed"
    assert outcome.failure.station == place
    assert words in json.dumps(dict(outcome.failure.card))
    assert names(outcome) == before
    html = Drawing(flow_of(data, "Training", outcome.dataset_fields), outcome).html()
    assert "e-error-card" in html
    assert f'data-goto="{place}' in html
    assert "<b>out of luck" not in html


def test_a_file_that_is_missing_is_an_error_of_the_reader(data, data_dir, tmp_path):
    (data_dir / "gone.json").write_text('[{"image": "gone.nii", "label": "gone.nii"}]', encoding="utf-8")
    data["Training"]["Datasets"][0]["params"]["json_file"] = "gone.json"
    data["General"]["Hyperparameters"][0]["params"]["value"] = 1
    outcome = tried(data, data_dir, tmp_path / "a")
    assert outcome.failure.station == "Training.Readers[0]"
    assert "gone.nii" in outcome.failure.card["what"] + outcome.failure.card.get("file", "")
    assert names(outcome) == ["JsonDataset"]


def test_what_is_before_a_change_stays_and_what_is_behind_is_stale(data, data_dir, tmp_path):
    outcome = tried(data, data_dir, tmp_path / "a")
    changed = copy.deepcopy(data)
    changed["Training"]["Transforms"][1] = {"type": "eisen.transforms.ToNumpy", "params": BOTH}
    now = flow_of(changed, "Training", outcome.dataset_fields)
    drawing = Drawing(now, outcome)
    assert not outcome.is_current([stop.station for stop in now.stops])
    assert drawing.value(2, "image")[1].facts["shape"] == [8, 8, 8]
    assert drawing.value(4, "image")[0] == 2  # nobody knows what it is behind the change
    assert drawing.html().count("ef-late") == 5


@pytest.mark.slow
def test_one_dry_run_ends_the_other_and_takes_no_longer_than_allowed(data, data_dir):
    async def story():
        runner = DryRunner()
        request = Request(data, "Training", data_dir)
        first = asyncio.create_task(runner.run(request))
        while runner._process is None:
            await asyncio.sleep(0.01)
        old = runner._process.pid
        second = await runner.run(Request(data, "Training", data_dir, 1, 3, 5))
        assert await first is None
        with pytest.raises(ProcessLookupError):
            os.kill(old, 0)
        runner.limit = 0.05
        late = await runner.run(request)
        root = runner._root
        runner.close()
        return second, late, root

    second, late, root = asyncio.run(story())
    assert second.facts["status"] == "complete"
    assert (second.facts["index"], second.facts["epoch"], second.facts["seed"]) == (1, 3, 5)
    assert "took longer than 0.05 seconds" in late.failure.card["what"]
    assert not root.exists()


def test_a_choice_is_a_number_or_a_part_of_a_name():
    assert [Choice(text).number_or_name for text in ("", " 7 ", "#3 (a.nii)", "p07")] == [None, 7, 3, "p07"]


def test_a_workspace_remembers_what_was_found(data, data_dir, tmp_path):
    outcome = tried(data, data_dir, tmp_path / "a")

    class Runner:
        underway = None

        async def run(self, request, on_step):
            on_step()
            return outcome

        def close(self):
            pass

    works = SimpleNamespace(document=SimpleNamespace(data=data), data_dir=Path(data_dir), preferences={})
    trials, heard = Trials(works, Runner()), []
    trials.listen(lambda: heard.append(trials.running))
    asyncio.run(trials.run("Training"))
    assert heard == ["Training", "Training", ""]
    assert (trials.is_stale("Training"), trials.next_case("Training")) == (False, "1")
    data["Training"]["Transforms"][2]["params"]["fields"] = ["lable"]
    assert trials.is_stale("Training")
    assert trials.flow("Training").stops[4].breaks[0].field == "lable"  # known without another dry run
    trials.forget()
    assert trials.outcome("Training") is None
