"""``eisen modules`` and ``eisen schema``: what a configuration can say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from .conftest import Invoke

OWN = '''
"""A module of a user."""


class Shout:
    """Say the field loudly.

    Args:
        fields: Names of the fields.
        loudness: How loud, in decibels.
    """

    def __init__(self, fields: list[str], loudness: float = 80.0) -> None:
        self.fields, self.loudness = fields, loudness

    def __call__(self, data: dict) -> dict:
        return data


__all__ = ["Shout"]
'''


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_own_steps.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_own_steps", raising=False)
    return "my_own_steps"


def test_modules_lists_every_section_with_a_sentence(invoke: Invoke) -> None:
    text = invoke("modules").stdout
    for word in ("Transforms", "Optimizer", "eisen.transforms.CropCenteredSubVolumes", "torch.optim.Adam", "Cut out"):
        assert word in text


def test_one_section_is_shown_alone(invoke: Invoke) -> None:
    text = invoke("modules", "transform").stdout
    assert "CropCenteredSubVolumes" in text
    assert "torch.optim" not in text


def test_one_part_is_shown_with_its_parameters(invoke: Invoke) -> None:
    text = invoke("modules", "vnet").stdout
    for word in ("eisen.models.VNet", "n_filters", "default 16", "groupnorm"):
        assert word in text
    (info,) = json.loads(invoke("modules", "VNet", "--json").stdout)["modules"]
    assert {parameter["name"] for parameter in info["parameters"]} >= {"n_filters", "normalization"}


def test_a_dotted_path_of_anybody_can_be_described(invoke: Invoke, own_module: str) -> None:
    assert "in decibels" in invoke("modules", f"{own_module}.Shout").stdout


def test_a_name_that_does_not_exist_gets_the_nearest_one(invoke: Invoke) -> None:
    done = invoke("modules", "VNett")
    assert done.exit_code == 2
    assert "did you mean 'VNet'?" in done.stderr


def test_own_modules_are_listed_with_import(invoke: Invoke, own_module: str) -> None:
    assert f"{own_module}.Shout" in invoke("modules", "transforms", "--import", own_module).stdout
    done = invoke("modules", "--import", "no_such_module")
    assert done.exit_code == 3
    assert "no_such_module" in done.stderr


def test_the_schema_accepts_what_runs_and_refuses_what_does_not(invoke: Invoke, config: Path) -> None:
    import jsonschema

    schema = json.loads(invoke("schema").stdout)
    document = json.loads(config.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    document["Training"]["Transforms"][1]["params"] = {"feilds": ["image"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_the_schema_knows_the_modules_of_the_user(invoke: Invoke, config: Path, own_module: str) -> None:
    assert f"{own_module}.Shout" in invoke("schema", "--import", own_module).stdout
    document = json.loads(config.read_text(encoding="utf-8"))
    document["Training"]["Transforms"].append({"type": f"{own_module}.Shout", "params": {"fields": ["image"]}})
    config.write_text(json.dumps(document))
    assert "in decibels" in invoke("schema", config).stdout
