"""Panels of modules and hyperparameters, on a page without a browser: what they show, what they write."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui import ui
from nicegui.testing import user_simulation

from eisen._core.errors import ArgumentError
from eisen.config.places import Place
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.panels.hyper import HyperPanel
from eisen_cli.builder.panels.listing import crumbs_of, items_of
from eisen_cli.builder.panels.panel import ModulePanel
from eisen_cli.builder.panels.settings import SettingsPanel
from eisen_cli.builder.parts import load_catalogue
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.workspace import Workspace

AFFINE = ("Training", "Transforms", 0)
PATCHES = ("Training", "Datasets", 0)
CONTENT: dict[str, Any] = {
    "General": {
        "Hyperparameters": [
            {"type": ".BatchSize", "params": {"value": 2}},
            {"type": ".SlidingWindow", "params": {"window": [32, 32, 16]}},
        ]
    },
    "Training": {
        "Datasets": [
            {
                "type": "eisen.patches.PatchDataset",
                "params": {
                    "dataset": {
                        "type": "eisen.datasets.MSDDataset",
                        "params": {"json_file": "dataset.json", "phase": "training"},
                    },
                    "where": {"type": "eisen.patches.Grid", "params": {"size": [32, 32, None]}},
                },
            }
        ],
        "Transforms": [
            {
                "type": "eisen.transforms.RandomAffine",
                "params": {"fields": ["image"], "scale": "much", "sized": [1, 2], "padding": "wrapped", "p": 1},
            },
            {
                "type": "eisen.transforms.OneOf",
                "params": {"transforms": [{"type": "eisen.transforms.RandomFlip", "params": {"fields": "image"}}]},
            },
            {"type": "eisen.transforms.Gone", "params": {"a": {"b": None}}},
            {"type": "eisen.transforms.Resize", "params": ["no", "object"]},
        ],
    },
    "Evaluation": {"metrics": ["DICE", "HDRFDST(percentile=95)"], "kinds": 1},
}


class Page:
    """Panels on a page, found by the places of their fields."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.document = workspace, workspace.document
        self.panels: list[Any] = []

    def control(self, place: str) -> Any:
        found = [each for each in self._elements() if each.props.get("data-place") == place]
        assert len(found) == 1, (place, found)
        return found[0]

    def box(self, place: str) -> Any:
        return next(each for each in self._elements() if each.props.get("data-field") == place)

    def texts(self, place: str) -> str:
        return " ".join(each.text for each in self.box(place).descendants() if isinstance(each, ui.label))

    def press(self, place: str, action: str) -> None:
        button = next(each for each in self.box(place).descendants() if each.props.get("data-action") == action)
        for listener in list(button._event_listeners.values()):
            if listener.type == "click":
                button._handle_event({"listener_id": listener.id, "args": []})

    def _elements(self) -> list[Any]:
        return [each for panel in self.panels for each in panel.descendants()]


def on_page(make: Callable[[Workspace], list[Any]], act: Callable[[Page], Any]) -> Page:
    """Show panels, let them settle, and do something with them."""
    folders = Folders([Path("examples").resolve()])
    workspace = Workspace(Document(copy.deepcopy(CONTENT)), folders, Path("examples"), Path("results"))
    workspace.catalogue = load_catalogue(others=False)
    page = Page(workspace)

    def root() -> None:
        page.panels = make(workspace)
        workspace.on_change(lambda _: [panel.refresh() for panel in page.panels])

    async def run() -> None:
        async with user_simulation(root) as user:
            await user.open("/")
            await workspace.check_now()
            done = act(page)
            if asyncio.iscoroutine(done):
                await done

    asyncio.run(run())
    return page


def modules(*places: Place) -> Callable[[Workspace], list[Any]]:
    return lambda workspace: [ModulePanel(workspace, place) for place in places]


def every_panel(workspace: Workspace) -> list[Any]:
    transforms = [ModulePanel(workspace, ("Training", "Transforms", number)) for number in range(4)]
    others = [ModulePanel(workspace, PATCHES), HyperPanel(workspace, "General"), SettingsPanel(workspace, "Evaluation")]
    return [*transforms, *others]


def params(page: Page, place: Place = AFFINE) -> Any:
    return page.document.value((*place, "params"))


def test_looking_changes_nothing_and_hides_nothing() -> None:
    def act(page: Page) -> None:
        for place in _leaves(page.document.data):
            assert any(place.startswith(f"{each}") for each in _shown(page)), place
        assert "wrapped" in str(page.control("Training.Transforms[0].params.padding").options)
        assert page.control("Training.Transforms[0].params.scale").value == "much"
        assert page.control("Training.Transforms[0].params.p").value == "1"
        assert page.control("Training.Transforms[2].params.a").value == '{"b": null}'
        assert page.control("Training.Datasets[0].params.where.params.size").value == "32, 32, null"

    page = on_page(every_panel, act)
    assert page.document.data == CONTENT
    assert json.dumps(page.document.data) == json.dumps(CONTENT)
    assert page.document.revision == 0


def _shown(page: Page) -> list[str]:
    places = [str(each.props["data-place"]) for each in page._elements() if "data-place" in each.props]
    hyper = {"General.Hyperparameters.BatchSize": "General.Hyperparameters[0]"}
    return [hyper.get(place, place) for place in places]


def _leaves(data: Any, place: str = "") -> list[str]:
    """Return the places of all values beside the names of classes."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    texts = [
        (f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}".lstrip("."), value) for key, value in inside
    ]
    if not texts:
        return [] if place.endswith(".type") else [place]
    return [leaf for text, value in texts for leaf in _leaves(value, text)]


def test_what_is_wrong_stands_at_its_field() -> None:
    def act(page: Page) -> None:
        scale = "Training.Transforms[0].params.scale"
        assert "'scale' of RandomAffine is \"much\"; expected: a number or a list of numbers" in page.texts(scale)
        assert page.control(scale).props["aria-invalid"] == "true"
        assert page.control(scale).props["aria-describedby"].startswith("c")
        assert "unknown parameter 'sized'" in page.texts("Training.Transforms[0].params.sized")
        assert page.control("Training.Transforms[0].params.fields").props["aria-invalid"] == "false"

    on_page(modules(AFFINE), act)


def test_numbers_are_read_and_other_text_has_a_message() -> None:
    def act(page: Page) -> None:
        place = "Training.Transforms[0].params.p"
        page.control(place).value = "often"
        assert "expected: a number" in page.texts(place)
        assert params(page)["p"] == "often", "what was typed is kept, and the check goes on saying that it is wrong"
        page.control(place).value = "1e-1"
        assert "expected" not in page.texts(place)
        assert params(page)["p"] == 0.1
        page.control(place).value = ""
        assert "p" not in params(page)

    on_page(modules(AFFINE), act)


def test_undo_shows_the_old_value_and_spares_what_is_being_typed() -> None:
    def act(page: Page) -> None:
        place = "Training.Transforms[0].params.rotation_degrees"
        page.control(place).value = "5, 6,"
        page.document.set((*AFFINE, "params", "p"), 0.5)
        assert page.control(place).value == "5, 6,"
        assert page.control("Training.Transforms[0].params.p").value == "0.5"
        page.document.undo()
        page.document.undo()
        assert page.control(place).value == ""
        assert "rotation_degrees" not in params(page)

    on_page(modules(AFFINE), act)


def test_back_to_the_default_takes_the_value_out() -> None:
    def act(page: Page) -> None:
        page.press("Training.Transforms[0].params.padding", "reset")
        assert "padding" not in params(page)
        control = page.control("Training.Transforms[0].params.padding")
        assert control.options[control.value] == "zeros"

    on_page(modules(AFFINE), act)


def test_rare_parameters_are_folded_and_opened_for_a_finding() -> None:
    def act(page: Page) -> None:
        assert "Training.Transforms[0].params.flip_axes" not in _shown(page)
        page.panels[0].focus((*AFFINE, "params", "flip_axes"))
        page.control("Training.Transforms[0].params.flip_axes").value = "0"
        assert params(page)["flip_axes"] == [0]

    on_page(modules(AFFINE), act)


def test_modules_inside_of_modules_have_fields_too() -> None:
    def act(page: Page) -> None:
        page.control("Training.Datasets[0].params.dataset.params.phase").value = "test"
        assert params(page, PATCHES)["dataset"]["params"]["phase"] == "test"
        page.press("Training.Transforms[1].params.transforms", "duplicate")
        assert len(params(page, ("Training", "Transforms", 1))["transforms"]) == 2
        page.control("Training.Transforms[1].params.transforms[1].params.axes").value = "1, 2"
        assert params(page, ("Training", "Transforms", 1))["transforms"][1]["params"]["axes"] == [1, 2]
        page.press("Training.Transforms[1].params.transforms", "remove")
        assert page.control("Training.Transforms[1].params.transforms[0].params.axes").value == "1, 2"

    on_page(modules(PATCHES, ("Training", "Transforms", 1)), act)


def test_a_panel_follows_its_module() -> None:
    def act(page: Page) -> None:
        page.workspace._on_change.clear()
        page.document.move(AFFINE, ("Training", "Transforms"), 1)
        page.panels[0].show_at(("Training", "Transforms", 1))
        page.control("Training.Transforms[1].params.p").value = "0.25"
        assert params(page, ("Training", "Transforms", 1))["p"] == 0.25

    on_page(modules(AFFINE), act)


def test_hyperparameters_are_found_by_name() -> None:
    def act(page: Page) -> None:
        page.control("General.Hyperparameters.BatchSize").value = "0"
        assert "a whole number from 1" in page.texts("General.Hyperparameters.BatchSize")
        page.control("General.Hyperparameters.BatchSize").value = "8"
        page.control("General.Hyperparameters.Seed").value = "3"
        page.control("General.Hyperparameters[1].params.overlap").value = "0.25"
        page.control("General.Hyperparameters.Labels#name1").value = "1"
        page.control("General.Hyperparameters.Labels#value1").value = "liver"
        expected = {"BatchSize": 8, "SlidingWindow": {"window": [32, 32, 16], "overlap": 0.25}, "Seed": 3}
        assert page.document.hyper("General") == {**expected, "Labels": {"1": "liver"}}

    on_page(lambda workspace: [HyperPanel(workspace, "General")], act)


def test_parts_without_modules_have_fields() -> None:
    def act(page: Page) -> None:
        assert page.control("Evaluation.metrics").value == "DICE, HDRFDST(percentile=95)"
        page.control("Evaluation.metrics").value = "all"
        assert page.document.value(("Evaluation", "metrics")) == "all"
        page.control("Packaging").value = '{"name": "mine"}'
        assert page.document.value(("Packaging",)) == {"name": "mine"}

    on_page(lambda workspace: [SettingsPanel(workspace, part) for part in ("Evaluation", "Packaging")], act)


def test_the_chooser_never_leaves_the_allowed_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside / "scans", outside):
        folder.mkdir(parents=True)
    for file in (inside / "a.json", inside / "b.txt", inside / ".hidden", outside / "secret.json"):
        file.write_text("{}", encoding="utf-8")
    (inside / "way_out").symlink_to(outside)
    folders = Folders([inside])
    assert [item.path.name for item in items_of(folders, inside)] == ["scans", "a.json", "b.txt"]
    assert [item.path.name for item in items_of(folders, inside, suffixes=[".json"])] == ["scans", "a.json"]
    assert [item.path.name for item in items_of(folders, inside, only_folders=True, search="SC")] == ["scans"]
    assert crumbs_of(folders, inside / "scans") == [inside, inside / "scans"]
    for way in (outside, inside / "way_out", inside / ".."):
        with pytest.raises(ArgumentError, match="outside"):
            items_of(folders, way)
