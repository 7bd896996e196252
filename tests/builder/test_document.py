"""Editing: every edit is one step, and undo leads back to where it came from, whatever was done."""

from __future__ import annotations

import copy
import json
import tracemalloc
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eisen._core.errors import ArgumentError
from eisen.config.places import Place
from eisen_cli.builder.document import editing
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.document.history import Change
from eisen_cli.builder.document.tree import at, same

TRANSFORMS: Place = ("Training", "Transforms")
FLIP = {"type": "eisen.transforms.RandomFlip", "params": {"fields": ["image"]}}
CROP = {"type": "eisen.transforms.CropCenteredSubVolumes", "params": {"fields": ["image"], "size": [32, 32, 32]}}
ADAM = {"type": "torch.optim.Adam", "params": {"lr": 0.1}}
DICE = {"type": "eisen.ops.losses.DiceLoss", "params": {"input_names": ["a", "b"], "output_names": ["dice"]}}


@pytest.fixture
def document() -> Document:
    return Document({"Training": {"Transforms": [FLIP, CROP], "Optimizer": [ADAM]}})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(editing, "monotonic", lambda: now[0])
    return now


def names(document: Document, phase: str = "Training", section: str = "Transforms") -> list[str]:
    return [entry["type"].rpartition(".")[2] for entry in document.entries(phase, section)]


def test_an_edit_shares_nothing_with_what_was_given() -> None:
    entry = copy.deepcopy(FLIP)
    document = Document()
    place = document.add(TRANSFORMS, entry)
    entry["params"]["fields"].append("label")  # type: ignore[index]
    assert document.value((*place, "params", "fields")) == ["image"]


def test_new_sections_and_phases_stand_where_they_belong() -> None:
    document = Document({"$schema": "x", "Validation": {"Metrics": []}, "Mine": {}})
    document.add(TRANSFORMS, FLIP)
    document.add(("Validation", "Datasets"), {"type": "eisen.datasets.MSDDataset", "params": {}})
    document.set_hyper("General", "BatchSize", 2)
    document.set(("Training", "Options"), {})
    assert list(document.data) == ["$schema", "General", "Training", "Validation", "Mine"]
    assert list(document.data["Validation"]) == ["Datasets", "Metrics"]
    assert list(document.data["Training"]) == ["Transforms", "Options"]


@pytest.mark.parametrize(("index", "expected"), [(0, 0), (1, 1), (None, 2), (99, 2), (-3, 0)])
def test_add_puts_a_module_before_a_number_or_at_the_end(document: Document, index: int | None, expected: int) -> None:
    assert document.add(TRANSFORMS, ADAM, index) == (*TRANSFORMS, expected)
    assert names(document)[expected] == "Adam"


def test_move_within_a_list_counts_as_it_is_afterwards(document: Document) -> None:
    document.add(TRANSFORMS, {"type": "eisen.transforms.AddChannelDimension", "params": {}})
    assert document.move((*TRANSFORMS, 0), TRANSFORMS, 2) == (*TRANSFORMS, 2)
    assert names(document) == ["CropCenteredSubVolumes", "AddChannelDimension", "RandomFlip"]
    assert document.move((*TRANSFORMS, 2), TRANSFORMS, 0) == (*TRANSFORMS, 0)
    assert names(document) == ["RandomFlip", "CropCenteredSubVolumes", "AddChannelDimension"]


def test_move_to_its_own_place_is_no_step(document: Document) -> None:
    assert document.move((*TRANSFORMS, 1), TRANSFORMS, 1) == (*TRANSFORMS, 1)
    assert document.can_undo is None


def test_move_into_a_module_further_down_finds_it_though_numbers_shift(document: Document) -> None:
    document.add(TRANSFORMS, {"type": "eisen.transforms.OneOf", "params": {"transforms": [CROP]}})
    inside: Place = (*TRANSFORMS, 2, "params", "transforms")
    place = document.move((*TRANSFORMS, 0), inside, 0)
    assert place == (*TRANSFORMS, 1, "params", "transforms", 0)
    assert document.value(place) == FLIP
    document.undo()
    assert names(document) == ["RandomFlip", "CropCenteredSubVolumes", "OneOf"]


def test_a_module_cannot_be_moved_into_itself(document: Document) -> None:
    with pytest.raises(ArgumentError, match="into itself"):
        document.move((*TRANSFORMS, 0), (*TRANSFORMS, 0, "params", "transforms"), 0)


def test_a_module_moves_only_where_it_fits(document: Document) -> None:
    with pytest.raises(ArgumentError, match=r"RandomFlip cannot stand in Training\.Optimizer"):
        document.move((*TRANSFORMS, 0), ("Training", "Optimizer"), 0)
    assert document.move((*TRANSFORMS, 0), ("Validation", "BatchTransforms"), 0) == ("Validation", "BatchTransforms", 0)
    assert names(document) == ["CropCenteredSubVolumes"]


def test_duplicate_stands_behind_and_is_another(document: Document) -> None:
    place = document.duplicate((*TRANSFORMS, 0))
    document.set((*place, "params", "fields"), ["label"])
    assert place == (*TRANSFORMS, 1)
    assert document.value((*TRANSFORMS, 0)) == FLIP


def test_set_makes_what_is_absent_and_keeps_the_order_of_keys(document: Document) -> None:
    document.set((*TRANSFORMS, 1, "params", "fields"), ["label"])
    assert list(document.value((*TRANSFORMS, 1, "params"))) == ["fields", "size"]
    document.set(("Validation", "Losses", 0, "params", "weight", 0), 2)
    assert document.value(("Validation", "Losses")) == [{"params": {"weight": [2]}}]


def test_null_sections_and_parameters_count_as_absent() -> None:
    document = Document({"Training": None, "Validation": {"Transforms": None}})
    document.add(TRANSFORMS, {"type": "a.b", "params": None})
    document.set((*TRANSFORMS, 0, "params", "size"), 3)
    document.add(("Validation", "Transforms"), FLIP)
    assert document.value((*TRANSFORMS, 0, "params", "size")) == 3
    while document.undo():
        pass
    assert document.data == {"Training": None, "Validation": {"Transforms": None}}


def test_unset_takes_a_value_back_to_its_default_and_undo_to_its_place_among_the_keys(document: Document) -> None:
    document.unset((*TRANSFORMS, 1, "params", "fields"))
    assert document.value((*TRANSFORMS, 1, "params")) == {"size": [32, 32, 32]}
    document.unset((*TRANSFORMS, 1, "params", "fields"))
    assert document.undo() == "reset fields"
    assert same(document.value((*TRANSFORMS, 1)), CROP)
    assert document.can_undo is None


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.remove((*TRANSFORMS, 7)),
        lambda document: document.remove(()),
        lambda document: document.duplicate(("Training",)),
        lambda document: document.move((*TRANSFORMS, 7), TRANSFORMS, 0),
        lambda document: document.set((), {}),
        lambda document: document.set((*TRANSFORMS, 9, "params"), {}),
        lambda document: document.set((*TRANSFORMS, "x"), 1),
        lambda document: document.set((*TRANSFORMS, 0, "type", "x"), 1),
        lambda document: document.set(("Validation", 1), 1),
        lambda document: document.set(("Validation", "Losses", 1), 1),
        lambda document: document.set((*TRANSFORMS, 0, "params", "size"), {1, 2}),
        lambda document: document.set((*TRANSFORMS, 0, "params", "size"), float("nan")),
        lambda document: document.set((*TRANSFORMS, 0, "params", "size"), {1: 2}),
        lambda document: document.add((*TRANSFORMS, 0, "type"), FLIP),
        lambda document: document.copy([(*TRANSFORMS, 0, "params")]),
        lambda document: document.save(),
    ],
)
def test_what_cannot_be_done_is_a_card_and_changes_nothing(document: Document, edit: Any) -> None:
    before, seen = copy.deepcopy(document.data), []
    document.subscribe(seen.append)
    with pytest.raises(ArgumentError):
        edit(document)
    assert same(document.data, before)
    assert (document.revision, document.can_undo, seen) == (0, None, [])


def test_values_that_hold_themselves_are_refused(document: Document) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match="64 brackets"):
        document.set((*TRANSFORMS, 0, "params", "size"), endless)


def test_hyperparameters_are_set_by_name_under_any_of_their_names() -> None:
    document = Document({"General": {"Hyperparameters": [{"type": ".NumWorker", "params": {"value": 8}}]}})
    assert document.hyper("General") == {"NumWorkers": 8}
    document.set_hyper("General", "NumWorkers", 2)
    document.set_hyper("General", "SlidingWindow", {"window": [64, 64]})
    document.set_hyper("Validation", "BatchSize", 1)
    assert document.value(("General", "Hyperparameters", 0)) == {"type": ".NumWorker", "params": {"value": 2}}
    assert document.hyper("General") == {"NumWorkers": 2, "SlidingWindow": {"window": [64, 64]}}
    document.set_hyper("General", "SlidingWindow", None)
    document.set_hyper("General", "Seed", None)
    assert document.hyper("General") == {"NumWorkers": 2}
    assert [document.undo() for _ in range(4)] == [
        "reset SlidingWindow", "set BatchSize", "set SlidingWindow", "set NumWorkers",
    ]  # fmt: skip
    assert document.hyper("General") == {"NumWorkers": 8}


def test_steps_have_words_for_the_menu(document: Document) -> None:
    document.add(TRANSFORMS, CROP)
    document.set((*TRANSFORMS, 2, "params", "size", 1), 64)
    document.remove((*TRANSFORMS, 0))
    document.replace({}, "start again")
    assert document.can_undo == "start again"
    words = [document.undo() for _ in range(5)]
    assert words == ["start again", "remove RandomFlip", "set size", "add CropCenteredSubVolumes", None]
    assert document.can_redo == "add CropCenteredSubVolumes"
    assert document.redo() == "add CropCenteredSubVolumes"
    document.remove((*TRANSFORMS, 0))
    assert document.can_redo is None


def test_typing_into_one_field_is_one_step(document: Document, clock: list[float]) -> None:
    place: Place = (*TRANSFORMS, 0, "params", "name")
    for letters in ("i", "im", "ima", "imag", "image"):
        document.set(place, letters)
        clock[0] += 0.8
    assert document.undo() == "set name"
    assert document.value(place) is None
    assert document.redo() == "set name"
    assert document.value(place) == "image"


def test_typing_is_another_step_elsewhere_later_after_undo_and_after_saving(
    document: Document, clock: list[float], tmp_path: Path
) -> None:
    place: Place = (*TRANSFORMS, 0, "params", "size")
    document.set(place, 1)
    document.set((*place[:-1], "other"), 1)
    document.set(place, 2)
    clock[0] += 1.5
    document.set(place, 3)
    document.undo()
    document.set(place, 4)
    document.save(tmp_path / "a.json")
    document.set(place, 5)
    seen = []
    while document.undo():
        seen.append(document.value(place))
    assert seen == [4, 2, 1, 1, None]


def test_adding_and_removing_at_one_place_in_a_moment_are_two_steps() -> None:
    document = Document()
    document.set_hyper("General", "BatchSize", 1)
    document.set_hyper("General", "BatchSize", None)
    assert [document.undo(), document.hyper("General"), document.undo(), document.data] == [
        "reset BatchSize", {"BatchSize": 1}, "set BatchSize", {},
    ]  # fmt: skip


def test_setting_what_is_there_is_no_step(document: Document) -> None:
    document.set((*TRANSFORMS, 1, "params", "size", 0), 32)
    assert document.can_undo is None
    document.set((*TRANSFORMS, 1, "params", "size", 0), 32.0)
    assert document.can_undo == "set size"


def test_every_change_is_told_once_with_where_the_thing_is_now(document: Document) -> None:
    seen: list[Change] = []
    unsubscribe = document.subscribe(seen.append)
    document.move((*TRANSFORMS, 0), TRANSFORMS, 1)
    document.undo()
    document.remove((*TRANSFORMS, 0))
    document.undo()
    document.redo()
    unsubscribe()
    unsubscribe()
    document.undo()
    first, second = (*TRANSFORMS, 0), (*TRANSFORMS, 1)
    assert [(change.kind, change.place, change.to, change.by) for change in seen] == [
        ("move", first, second, "edit"),
        ("move", second, first, "undo"),
        ("remove", first, None, "edit"),
        ("add", first, first, "undo"),
        ("remove", first, None, "redo"),
    ]
    assert document.revision == 6


def test_a_listener_may_leave_while_others_are_told(document: Document) -> None:
    seen = []
    leave = document.subscribe(lambda change: leave())
    document.subscribe(seen.append)
    document.set(("a",), 1)
    document.set(("b",), 1)
    assert len(seen) == 2


def test_copy_and_paste_keep_order_and_are_one_step(document: Document) -> None:
    text = document.copy([(*TRANSFORMS, 1), (*TRANSFORMS, 0)])
    places = document.paste(text, ("Validation", "Transforms"), 0)
    assert places == [("Validation", "Transforms", 0), ("Validation", "Transforms", 1)]
    assert names(document, "Validation") == ["CropCenteredSubVolumes", "RandomFlip"]
    assert document.undo() == "paste 2 modules"
    assert "Validation" not in document.data


def test_paste_takes_modules_where_their_class_fits(document: Document) -> None:
    document.add(("Training", "Losses"), DICE)
    loss, hyper = document.copy([("Training", "Losses", 0)]), Document()
    hyper.set_hyper("General", "BatchSize", 2)
    assert document.paste(loss, ("Validation", "Metrics")) == [("Validation", "Metrics", 0)]
    assert document.paste(loss, ("General", "Models"))
    for section in (("Training", "Datasets"), ("Training", "Hyperparameters"), ("Training", "Options")):
        with pytest.raises(ArgumentError, match="DiceLoss cannot stand in"):
            document.paste(loss, section)
    text = hyper.copy([("General", "Hyperparameters", 0)])
    with pytest.raises(ArgumentError, match="section of their own"):
        document.paste(text, TRANSFORMS)
    assert document.paste(text, ("Training", "Hyperparameters"))


def test_paste_knows_what_a_list_inside_of_a_module_takes(document: Document) -> None:
    patches = {"type": "eisen.datasets.PatchDataset", "params": {"where": None}}
    document.add(("Training", "Datasets"), patches)
    document.add(TRANSFORMS, {"type": "eisen.transforms.OneOf", "params": {}})
    inside: Place = (*TRANSFORMS, 2, "params", "transforms")
    assert document.paste(document.copy([(*TRANSFORMS, 0)]), inside) == [(*inside, 0)]
    with pytest.raises(ArgumentError, match="not a transform"):
        document.paste(document.copy([("Training", "Optimizer", 0)]), inside)


def test_a_class_that_cannot_be_imported_may_be_pasted_anywhere_as_nobody_can_tell(document: Document) -> None:
    document.add(TRANSFORMS, {"type": "my_lost_package.Thing", "params": {}})
    assert document.paste(document.copy([(*TRANSFORMS, 2)]), ("Training", "Readers"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "hello", "{}", "[1]", "3", "null"),
        json.dumps(FLIP),
        '{"eisen modules": 1}',
        '{"eisen modules": 1, "modules": []}',
        '{"eisen modules": 2, "modules": [{"role": "Losses", "entry": {"type": "a.b"}}]}',
        '{"eisen modules": 1, "modules": [{"role": "Losses", "entry": 3}]}',
        "[" * 2000,
    ],
)
def test_foreign_text_on_the_clipboard_is_refused_with_a_card(document: Document, text: str) -> None:
    with pytest.raises(ArgumentError) as error:
        document.paste(text, TRANSFORMS)
    assert "clipboard holds" in error.value.card.what
    assert error.value.card.to_do
    assert document.can_undo is None


def test_a_snapshot_stays_as_it_was(document: Document) -> None:
    snapshot = document.snapshot()
    document.set((*TRANSFORMS, 0, "params", "fields", 0), "label")
    assert snapshot["Training"]["Transforms"][0] == FLIP


def large() -> Document:
    entries = [{**CROP, "params": {**CROP["params"], "note": f"{number}"}} for number in range(60)]  # type: ignore[dict-item]
    return Document({"Training": {"Transforms": entries, "Losses": [DICE], "Optimizer": [ADAM]}})


def test_a_step_of_undo_costs_what_it_changes_not_what_there_is() -> None:
    document = large()
    place: Place = (*TRANSFORMS, 30, "params", "size", 0)
    document.set(place, -1)
    tracemalloc.start()
    for number in range(1000):
        document.set((*place[:-1], number % 3), number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = len(document.text())
    assert used / 1000 < 1500 < whole


def test_an_edit_of_sixty_modules_takes_less_than_a_millisecond() -> None:
    document = large()

    def seconds() -> float:
        start = thread_time()
        for number in range(50):
            document.set((*TRANSFORMS, number, "params", "size"), [number])
            document.move((*TRANSFORMS, number), TRANSFORMS, 59 - number)
        return (thread_time() - start) / 100

    assert min(seconds() for _ in range(3)) < 1e-3


class Editing(RuleBasedStateMachine):
    """Any sequence of edits: all undone it is the beginning, all redone it is the end."""

    @initialize()
    def begin(self) -> None:
        self.document = Document({"Training": {"Transforms": [FLIP, CROP], "Optimizer": [ADAM]}, "x": 1})
        self.first = copy.deepcopy(self.document.data)
        self.layout_text = self.document.text()

    section = st.sampled_from([TRANSFORMS, ("Validation", "Transforms"), ("Training", "BatchTransforms")])
    number = st.integers(0, 5)
    value = st.sampled_from([None, 1, 1.0, "a", [1, 2], {"b": [True]}, {}])

    def places(self) -> list[Place]:
        sections = [TRANSFORMS, ("Validation", "Transforms"), ("Training", "BatchTransforms")]
        return [(*section, index) for section in sections for index in range(len(self.document.entries(*section)))]

    @rule(section=section, number=number, entry=st.sampled_from([FLIP, CROP]))
    def add(self, section: Any, number: int, entry: Any) -> None:
        place = self.document.add(section, entry, number)
        assert same(self.document.value(place), entry)

    @precondition(lambda self: self.places())
    @rule(pick=number, section=section, number=number)
    def move(self, pick: int, section: Any, number: int) -> None:
        place = self.places()[pick % len(self.places())]
        moved = self.document.value(place)
        assert self.document.value(self.document.move(place, section, number)) is moved

    @precondition(lambda self: self.places())
    @rule(pick=number, name=st.sampled_from(["size", "fields", "new"]), value=value)
    def set(self, pick: int, name: str, value: Any) -> None:
        place = (*self.places()[pick % len(self.places())], "params", name)
        self.document.set(place, value)
        assert same(self.document.value(place), value)

    @precondition(lambda self: self.places())
    @rule(pick=number, name=st.sampled_from(["size", "fields"]))
    def unset(self, pick: int, name: str) -> None:
        place = (*self.places()[pick % len(self.places())], "params", name)
        self.document.unset(place)
        assert at(self.document.data, place, "absent") == "absent"

    @precondition(lambda self: self.places())
    @rule(pick=number)
    def remove_duplicate_or_paste(self, pick: int) -> None:
        place = self.places()[pick % len(self.places())]
        if pick % 3 == 0:
            self.document.remove(place)
        elif pick % 3 == 1:
            self.document.duplicate(place)
        else:
            self.document.paste(self.document.copy([place]), ("Validation", "Transforms"))

    @rule(value=st.sampled_from([None, 1, 2]))
    def hyper(self, value: Any) -> None:
        self.document.set_hyper("General", "BatchSize", value)
        assert self.document.hyper("General").get("BatchSize") == value

    @rule()
    def undo(self) -> None:
        self.document.undo()

    @rule()
    def redo(self) -> None:
        self.document.redo()

    @invariant()
    def what_is_written_is_what_there_is(self) -> None:
        assert same(json.loads(self.document.text()), self.document.data)

    def teardown(self) -> None:
        if not hasattr(self, "document"):
            return
        while self.document.redo():
            pass
        end = copy.deepcopy(self.document.data)
        while self.document.undo():
            pass
        assert same(self.document.data, self.first)
        assert self.document.text() == self.layout_text
        while self.document.redo():
            pass
        assert same(self.document.data, end)


Editing.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestEditing = Editing.TestCase
