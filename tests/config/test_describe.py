"""What a module is and takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import describe, discover
from eisen.config.docstrings import argument_texts, builder_hints, summary_of, text_of
from eisen.config.signature import signature_of


def test_a_module_is_described_by_its_signature_and_docstring() -> None:
    info = describe("toys.Crop")
    assert info.summary == "Cuts out the middle."
    by_name = {parameter.name: parameter for parameter in info.parameters}
    assert list(by_name)[:3] == ["fields", "size", "interpolation"]
    assert by_name["fields"].required
    assert by_name["fields"].type == "a list of texts"
    assert by_name["size"].doc == "Voxels per axis, three numbers."
    assert by_name["size"].default == 64
    assert by_name["interpolation"].choices == ("linear", "nearest", "cubic")
    assert json.loads(json.dumps(info.as_dict()))["parameters"][0] == {
        "name": "fields",
        "type": "a list of texts",
        "required": True,
        "doc": "Fields to cut.",
        "choices": [],
    }


def test_defaults_that_json_does_not_know_are_shown_as_text() -> None:
    class Odd:
        """Odd."""

        def __init__(self, key: Any = len) -> None: ...

    (parameter,) = describe(Odd).parameters
    assert parameter.as_dict()["default"] == "<built-in function len>"


def test_old_modules_are_described_by_their_json_block() -> None:
    info = describe("toys.Rename")
    by_name = {parameter.name: parameter for parameter in info.parameters}
    assert by_name["fields"].type == "a list of texts"
    assert by_name["mode"].choices == ("first", "second")
    assert by_name["mode"].default == "second"
    assert "<json>" not in info.doc
    assert info.doc == "Old style, without hints."


class Unclosed:
    """Reads.

    <json>
    [{"name": "fields", "type": "list:string", "value": ""}]

    More text, no closing tag.
    """


class Torn:
    """Reads.

    <json>
    [{"name": "fields",
    </json>
    """


class InConstructor:
    def __init__(self, fields, size):
        """Cut.

        Args:
            fields: Names.

        <json>
        [{"name": "size", "type": "list:int", "value": ""}, "noise"]
        </json>
        """


def test_json_blocks_may_lack_their_end_or_be_torn() -> None:
    assert list(builder_hints(Unclosed)) == ["fields"]
    assert builder_hints(Torn) == {}
    assert builder_hints(InConstructor) == {"size": {"name": "size", "type": "list:int", "value": ""}}
    assert signature_of(InConstructor).parameters["size"].hint == list[int]
    assert argument_texts(text_of(InConstructor)) == {"fields": "Names."}


def test_the_help_of_a_parameter_ends_with_the_arguments() -> None:
    arguments = "    size (int): Voxels:\n        three.\n\n    **more: Rest.\n"
    text = f"Cut.\n\nArgs:\n{arguments}\nAdds: yes.\n\nRaises:\n    X: y\n"
    assert argument_texts(text) == {"size": "Voxels: three.", "more": "Rest."}
    assert argument_texts("No arguments.") == {}


def test_the_summary_is_the_first_sentence() -> None:
    assert summary_of("One\nsentence. Two.\n\nThree.") == "One sentence."
    assert summary_of("") == ""


def test_hints_are_read_whatever_is_imported_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\n    from collections.abc import Sequence\n    from x import Y\n"
        "class Late:\n"
        "    def __init__(self, a: Sequence[int] | torch.Tensor, b: Y[int] = 3, c: 'no hint!' = 3, d: Y._z = 1): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    parameters = signature_of(__import__("late").Late).parameters
    assert parameters["a"].hint == list[int]
    assert parameters["b"].hint is parameters["c"].hint is parameters["d"].hint is Any


def test_choices_that_our_docstrings_list_are_choices() -> None:
    parameters = signature_of(__import__("eisen.transforms").transforms.ThresholdValues).parameters
    assert parameters["direction"].hint == Literal["greater", "smaller", "greater/equal", "smaller/equal"]


def test_classes_that_python_cannot_look_into_take_anything() -> None:
    signature = signature_of(type)
    assert signature.accepts("whatever")
    assert not signature.known


def test_only_classes_can_be_described() -> None:
    with pytest.raises(ArgumentError, match="is no class"):
        describe(3)
    with pytest.raises(ConfigError):
        describe("toys.Nothing")


def test_discovery_finds_our_modules_and_those_of_torch() -> None:
    found = discover()
    assert "eisen.transforms.AddChannelDimension" in found["Transforms"]
    assert {"eisen.transforms.Compose", "eisen.transforms.OneOf"} <= set(found["Transforms"])
    assert "eisen.transforms.BatchCompose" not in found["Transforms"]
    assert "eisen.datasets.MSDDataset" in found["Datasets"]
    assert "eisen.models.VNet" in found["Models"]
    assert "eisen.utils.workflows.Training" in found["Workflow"]
    assert "eisen.utils.workflows.GenericWorkflow" not in found["Workflow"]
    assert "eisen.utils.logging.LoggingHook" in found["Hooks"]
    assert "torch.optim.Adam" in found["Optimizer"]
    assert "torch.optim.Optimizer" not in found["Optimizer"]
    assert "torch.optim.lr_scheduler.CosineAnnealingLR" in found["Scheduler"]
    assert "torch.optim.lr_scheduler.LambdaLR" not in found["Scheduler"]
    assert "torch.nn.CrossEntropyLoss" in found["Losses"]


def test_modules_of_the_user_are_found_by_name() -> None:
    found = discover(["toys"])
    mine = {section: [path[5:] for path in paths if path.startswith("toys.")] for section, paths in found.items()}
    assert {section: names for section, names in mine.items() if names} == {
        "Models": ["Model", "Score"],
        "Datasets": ["Cases"],
        "Readers": ["Load"],
        "Transforms": ["Crop", "NoData", "Rename"],
        "Losses": ["Loss"],
        "Workflow": ["Run"],
    }


def test_modules_without_a_list_of_names_show_what_they_define(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from toys import Crop\nclass Mine:\n    def __call__(self, data): return data\nclass _Own(Mine): ...\n"
    (tmp_path / "bare.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [path for path in discover(["bare"])["Transforms"] if path.startswith("bare")] == ["bare.Mine"]


def test_a_module_that_cannot_be_imported_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"importing 'nobody\.has' failed"):
        discover(["nobody.has"])


def test_installed_extensions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "extension-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: extension\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[eisen.modules]\nmine = extension_x\nlost = extension_y:part\n")
    (tmp_path / "extension_x.py").write_text("class Mine:\n    def __call__(self, data): return data\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "extension_x.Mine" in discover()["Transforms"]
