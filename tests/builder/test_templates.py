"""Templates: every combination of choices is a right configuration, and each kind trains."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ArgumentError
from eisen.config import read_config
from eisen.experiments import Run
from eisen_cli.builder.start.choices import CHOICES, changed
from eisen_cli.builder.start.drawings import drawing
from eisen_cli.builder.start.templates import TEMPLATES, template
from eisen_cli.builder.start.templates.catalogue import DRAWN

MODES = {"denoise": "psnr", "gan": "distance", "wgan-gp": "distance", "classes": "auroc", "": "dice"}


def combinations(name: str) -> list[dict[str, Any]]:
    kind = TEMPLATES[name]
    free = {
        "fit": kind.fits or ("resize",),
        "normalization": kind.scales,
        "augmentation": tuple(CHOICES["augmentation"].options) if "augmentation" in kind.choices else ("none",),
        "mirror": (True, False) if "mirror" in kind.choices else (False,),
        "mode": tuple(kind.modes) or ("",),
    }
    return [dict(zip(free, values, strict=True)) for values in product(*free.values())]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_combination_of_choices_is_a_right_configuration(name: str) -> None:
    kind = TEMPLATES[name]
    for choices in kind.sources.values():
        for values in combinations(name):
            if values["mode"] == "translate" and not choices.source.label:
                continue
            draft = kind.make(replace(choices, **values))
            experiment = read_config(draft.data)
            assert experiment.repairs == []
            assert {"Training", "Validation"} <= set(experiment.phases)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_module_that_was_chosen_has_a_sentence(name: str) -> None:
    kind = TEMPLATES[name]
    draft = kind.make(kind.default())
    told = {note.place for note in draft.notes}
    for section in ("Losses", "Optimizer", "Scheduler"):
        entries = draft.data["Training"].get(section, [])
        assert not entries or ("Training", section, 0) in told
    assert ("General", "Models", 0) in told
    assert all(note.text.endswith(".") and len(note.text) < 120 for note in draft.notes)
    assert drawing(name).startswith("<svg")


def small(data: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with eight cases, a few filters and one short epoch."""
    text = json.dumps(data).replace('"n_blocks": [2, 2, 2]', '"n_blocks": [1, 1]')
    text = text.replace("[32, 32, 32]", "[16, 16, 16]")
    made: dict[str, Any] = json.loads(text)
    for phase in ("Training", "Validation", "Testing"):
        made[phase]["Datasets"][0]["params"]["n_cases"] = 8
    return made


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("segmentation-3d", ""),
        ("segmentation-2d", ""),
        ("classification", "classes"),
        ("gan", "gan"),
        ("gan", "wgan-gp"),
        ("reconstruction", "denoise"),
    ],
)
def test_templates_train_on_drawn_shapes(name: str, mode: str, tmp_path: Path) -> None:
    kind = TEMPLATES[name]
    choices = replace(kind.sources[DRAWN], mode=mode, epochs=1, batch_size=4, augmentation="strong")
    if name != "segmentation-3d":
        choices = replace(choices, width=4 if name == "gan" else 8)
    experiment = read_config(small(kind.make(choices).data))
    result = Run(experiment, tmp_path, tmp_path / "run").train()
    assert [row.phase for row in result.rows] == ["Training", "Validation"]
    assert MODES[mode] in result.rows[1].metrics
    assert all(value == value for value in result.rows[0].losses.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", "many"),
        ("batch_size", None),
        ("size", "16 x 16"),
        ("size", ""),
        ("spacing_mm", "1 0 1"),
        ("classes", "background"),
        ("classes", "a\na"),
        ("low", "nan"),
        ("colour", 1),
    ],
)
def test_wrong_choices_say_what_is_expected(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        changed(template("segmentation-3d").default(), name, value)
    assert caught.value.card.expected


def test_sizes_are_read_as_people_write_them() -> None:
    choices = template("segmentation-3d").default()
    for text in ("96 x 96 x 64", "96,96,64", "96×96×64", "96 96 64"):
        assert changed(choices, "size", text).size == (96, 96, 64)
    assert changed(choices, "size", "64").size == (64, 64, 64)
    assert changed(choices, "spacing_mm", "").spacing_mm is None


def test_there_is_no_template_of_another_name() -> None:
    with pytest.raises(ArgumentError, match="gans"):
        template("gans")
