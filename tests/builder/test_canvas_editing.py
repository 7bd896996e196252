"""What users do on the canvas: dropping, moving, pasting, filling a phase, each one step of undo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen.config.places import Place
from eisen_cli.builder.canvas.editing import Editor
from eisen_cli.builder.canvas.filling import Offer, fill, offers_for, sources_for
from eisen_cli.builder.canvas.lanes import lanes_of
from eisen_cli.builder.canvas.randomness import is_random, without_random
from eisen_cli.builder.canvas.shelf import shelf
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.parts.catalogue import Catalogue
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
T: Place = ("Training", "Transforms")
FLIP, CROP = "eisen.transforms.RandomFlip", "eisen.transforms.CropOrPad"
FOUND = {
    "Datasets": ["eisen.datasets.MSDDataset"],
    "Readers": ["eisen.io.LoadNiftiFromFilename"],
    "Transforms": [FLIP, CROP],
    "Losses": ["eisen.ops.losses.DiceLoss"],
    "Metrics": ["eisen.ops.metrics.DiceMetric"],
    "Optimizer": ["torch.optim.Adam"],
}


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """Return the commands on an empty document, with a small catalogue."""
    workspace = Workspace(Document(), Folders([tmp_path]), tmp_path, tmp_path)
    workspace.catalogue = Catalogue(FOUND)
    return Editor(workspace)


def kinds(editor: Editor, place: Place = T) -> list[str]:
    """Return the names of the modules of a list."""
    return [entry["type"].rpartition(".")[2] for entry in editor.document.value(place, [])]


def test_a_module_is_dropped_where_it_was_let_go(editor: Editor) -> None:
    editor.put({"part": CROP, "section": "Training.Transforms", "index": 0}, "Training")
    done = editor.put({"part": FLIP, "section": "Training.Transforms", "index": 0}, "Training")
    assert kinds(editor) == ["RandomFlip", "CropOrPad"]
    assert done.place == (*T, 0)
    assert done.words == "Added RandomFlip to Training Transforms, 1."


def test_a_module_dropped_on_a_tab_goes_into_its_section_there(editor: Editor) -> None:
    editor.put({"part": FLIP, "takes": "Transforms Readers", "phase": "Validation"}, "Training")
    assert kinds(editor, ("Validation", "Transforms")) == ["RandomFlip"]


def test_a_card_dropped_on_a_tab_moves_and_with_ctrl_it_is_copied(editor: Editor) -> None:
    editor.add(T, FLIP)
    editor.put({"place": "Training.Transforms[0]", "phase": "Testing", "copy": True}, "Training")
    assert (kinds(editor), kinds(editor, ("Testing", "Transforms"))) == (["RandomFlip"], ["RandomFlip"])
    editor.put({"place": "Training.Transforms[0]", "phase": "Validation"}, "Training")
    assert (kinds(editor), kinds(editor, ("Validation", "Transforms"))) == ([], ["RandomFlip"])


def test_a_tab_without_the_section_refuses(editor: Editor) -> None:
    editor.add(("Training", "Optimizer"), "torch.optim.Adam")
    with pytest.raises(ArgumentError, match="Validation has no section Optimizer"):
        editor.put({"place": "Training.Optimizer[0]", "phase": "Validation"}, "Training")
    assert kinds(editor, ("Training", "Optimizer")) == ["Adam"]


def test_what_does_not_fit_is_refused_and_nothing_changes(editor: Editor) -> None:
    editor.add(("Training", "Optimizer"), "torch.optim.Adam")
    with pytest.raises(ArgumentError, match="Adam cannot stand in"):
        editor.put({"place": "Training.Optimizer[0]", "section": "Training.Losses", "index": 0}, "Training")
    assert kinds(editor, ("Training", "Optimizer")) == ["Adam"]


def test_nothing_is_added_while_modules_are_loaded(editor: Editor) -> None:
    editor._workspace.catalogue = None
    with pytest.raises(ArgumentError, match="still being loaded"):
        editor.add(T, FLIP)


def test_steps_and_their_ends(editor: Editor) -> None:
    for path in (FLIP, CROP):
        editor.add(T, path)
    assert editor.step((*T, 0), 1).place == (*T, 1)
    assert kinds(editor) == ["CropOrPad", "RandomFlip"]
    assert "at the end" in editor.step((*T, 1), 1).words
    assert kinds(editor) == ["CropOrPad", "RandomFlip"]


def test_across_goes_to_the_neighbouring_phase_that_takes_it(editor: Editor) -> None:
    editor.add(T, FLIP)
    assert editor.across((*T, 0), -1).words.startswith("There is no phase before")
    assert editor.across((*T, 0), 1).place == ("Validation", "Transforms", 0)
    assert editor.across(("Validation", "Transforms", 0), -1).place == (*T, 0)
    editor.add(("Training", "Optimizer"), "torch.optim.Adam")
    assert editor.across(("Training", "Optimizer", 0), 1).words.startswith("There is no phase behind")


def test_after_removing_the_next_module_is_the_one_to_go_on_with(editor: Editor) -> None:
    for path in (FLIP, CROP):
        editor.add(T, path)
    assert editor.remove((*T, 0)).place == (*T, 0)
    assert editor.remove((*T, 0)).place is None
    assert editor.undo().words == "Undone: remove CropOrPad"
    assert kinds(editor) == ["CropOrPad"]
    assert editor.redo().words == "Done again: remove CropOrPad"


def test_pasting_goes_behind_the_module_or_to_the_end(editor: Editor) -> None:
    for path in (FLIP, CROP):
        editor.add(T, path)
    text = editor.copy((*T, 1))
    assert editor.paste(text, (*T, 0), None).place == (*T, 1)
    assert editor.paste("", None, T).place == (*T, 3)
    assert kinds(editor) == ["RandomFlip", "CropOrPad", "CropOrPad", "CropOrPad"]
    with pytest.raises(ArgumentError, match="no module of the builder"):
        editor.paste("hello", None, T)
    with pytest.raises(ArgumentError, match="nowhere"):
        editor.paste(text, None, None)


def test_new_modules_are_wired_to_what_is_there(editor: Editor) -> None:
    editor.document.replace(
        {"General": {"Models": [_module("a.Net", input_names=["image"], output_names=["out"])]}}, ""
    )
    editor.add(("Training", "Readers"), "eisen.io.LoadNiftiFromFilename")
    editor.document.set(("Training", "Readers", 0, "params", "fields"), ["image", "seg"])
    place = editor.add(("Training", "Losses"), "eisen.ops.losses.DiceLoss").place
    assert place is not None
    assert editor.document.value((*place, "params", "input_names")) == ["out", "seg"]


def test_targets_know_the_catalogue_and_old_spellings(editor: Editor) -> None:
    editor.add(("Training", "Losses"), "eisen.ops.losses.DiceLoss")
    assert "Metrics" in [target.words for target in editor.targets(("Training", "Losses", 0))]
    assert editor.roles.of("eisen.transforms.augment.flip.RandomFlip", "Transforms")[:2] == ["Transforms", "Readers"]


def test_the_shelf_groups_by_origin_and_finds_by_words(editor: Editor) -> None:
    catalogue, lanes = Catalogue(FOUND), lanes_of({}, "Training")
    one = [lane for lane in lanes if lane.role == "Transforms"]
    rows = shelf(catalogue, one, "", editor.roles)
    assert rows[0] == {"title": "eisen", "count": 3}
    assert {row["takes"].split()[0] for row in rows[1:]} == {"Transforms"}
    assert [row["name"] for row in shelf(catalogue, one, "flip", editor.roles)] == ["RandomFlip"]
    assert shelf(catalogue, one, "nothing like this", editor.roles) == []
    everything = shelf(catalogue, [lane for lane in lanes if lane.kind == "modules"], "adam", editor.roles)
    assert [row.get("title", row.get("name")) for row in everything] == ["Optimizer", "Adam"]


@pytest.fixture
def steps_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a package of somebody else, with steps that are random in their own ways."""

    class Randomizable:
        pass

    class Shaken(Randomizable):
        pass

    class Jitter:
        def __call__(self, data: Any) -> Any:
            return data + np.random.uniform()

    class Centre:
        def __call__(self, data: Any) -> Any:
            return data

    package = ModuleType("steps_of_others")
    for step in (Shaken, Jitter, Centre):
        setattr(package, step.__name__, step)
    monkeypatch.setitem(sys.modules, "steps_of_others", package)


def _module(path: str, **params: Any) -> dict[str, Any]:
    return {"type": path, "params": params}


@pytest.mark.parametrize(
    ("path", "random"),
    [
        ("eisen.transforms.RandomNoise", True),
        ("eisen.transforms.SomeOf", True),
        ("eisen.transforms.RandomApply", True),
        ("eisen.transforms.Compose", False),
        ("eisen.transforms.ZScoreNormalization", False),
        ("eisen.utils.interop.MONAIStep", False),
        ("steps_of_others.Shaken", True),
        ("steps_of_others.Jitter", True),
        ("steps_of_others.Centre", False),
        ("no.such.RandomThing", True),
        ("no.such.Thing", False),
    ],
)
@pytest.mark.usefixtures("steps_of_others")
def test_random_steps_are_told_from_their_classes(path: str, random: bool) -> None:
    assert is_random(path) is random


@pytest.mark.usefixtures("steps_of_others")
def test_a_step_around_a_random_one_goes_with_it() -> None:
    around = _module("eisen.utils.EisenTransformWrapper", transform=_module("steps_of_others.Jitter"))
    kept, left_out = without_random([around, _module(CROP), 3])
    assert (kept, left_out) == ([_module(CROP), 3], ["Jitter"])


def test_validation_of_the_hippocampus_is_what_was_written_by_hand() -> None:
    data = json.loads((EXAMPLES / "msd_hippocampus.json").read_text(encoding="utf-8"))
    offers = {offer.role: offer for offer in offers_for(data, "Training", "Validation")}
    for role in ("Datasets", "Readers"):
        assert offers[role].entries == data["Validation"][role]
    assert offers["Transforms"].entries[:3] == data["Validation"]["Transforms"][:3]  # training crops, validation pads
    assert offers["Datasets"].notes == ["split validation instead of train"]
    assert "RandomAffine" in offers["Transforms"].notes[0]
    assert not offers["Datasets"].chosen  # it is there already


def test_patches_of_training_become_whole_cases() -> None:
    data = json.loads((EXAMPLES / "phantom_patches.json").read_text(encoding="utf-8"))
    offers = offers_for({"Training": data["Training"]}, "Training", "Validation")
    dataset = offers[0].entries[0]
    assert dataset["type"] == data["Training"]["Datasets"][0]["params"]["dataset"]["type"]
    assert [offer.role for offer in offers if offer.chosen] == [
        "Datasets",
        "Readers",
        "Transforms",
        "Losses",
        "Metrics",
    ]
    assert [offer.role for offer in offers_for(data, "Training", "Prediction")] == ["Datasets", "Readers", "Transforms"]


def test_filling_is_one_step_and_keeps_the_order_of_the_file(editor: Editor) -> None:
    data = {"$schema": "x", "Training": {"Datasets": [_module("a.D")], "Transforms": [_module(FLIP)]}, "Packaging": {}}
    editor.document.replace(data, "start")
    done = editor.fill("Validation", "Training", offers_for(data, "Training", "Validation"))
    assert list(editor.document.data) == ["$schema", "Training", "Validation", "Packaging"]
    assert editor.document.data["Validation"] == {"Datasets": [_module("a.D")], "Transforms": []}
    assert done.words == "Filled Validation from Training: Datasets, Transforms"
    editor.undo()
    assert editor.document.data == data


def test_filling_nothing_changes_nothing(editor: Editor) -> None:
    assert editor.fill("Validation", "Training", []).words == ""
    assert editor.document.data == {}


def test_training_is_never_filled_from_others_and_empty_phases_offer_nothing() -> None:
    data = {"Validation": {"Datasets": [_module("a.D")]}}
    assert sources_for(data, "Training") == []
    assert sources_for(data, "Testing") == ["Validation"]
    assert sources_for({}, "Validation") == []
    assert sources_for(data, "Packaging") == []


def test_filling_uses_the_spelling_of_the_file() -> None:
    data = {"Testing": {"batch_transforms": []}}
    filled = fill(data, "Testing", [Offer("BatchTransforms", [_module("a.B")])])
    assert filled == {"Testing": {"batch_transforms": [_module("a.B")]}}
