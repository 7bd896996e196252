"""The modules on offer, and the typed field that each parameter becomes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from eisen.config import read_config
from eisen.config.injection import INJECTED
from eisen.config.units import unit_of
from eisen_cli.builder.canvas.naming import names_for
from eisen_cli.builder.parts import Catalogue, Part, load_catalogue
from eisen_cli.builder.parts.fields import KINDS, plain_value
from eisen_cli.builder.parts.hyper import hyper_fields, window_fields
from eisen_cli.builder.parts.names import known_names
from eisen_cli.builder.parts.settings import settings_fields
from eisen_cli.builder.parts.values import suits

SLOW = ('"monai.', '"torchvision.', '"torchmetrics.', '"batchgeneratorsv2.')  # libraries that take seconds to import


def is_slow(file: Path) -> bool:
    return any(library in file.read_text(encoding="utf-8") for library in SLOW)


EXAMPLES = [
    pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if is_slow(file) else [])
    for file in sorted((Path(__file__).parents[2] / "examples").glob("*.json"))
]
PHASES = ("General", "Training", "Validation", "Testing", "Prediction")

OWN = '''
class Shout:
    """Say the field loudly.

    Args:
        fields: Names of the fields.
    """

    def __init__(self, fields, loudness=80.0, tone="low", words=None):
        """
        <json>
        [
            {"name": "fields", "type": "list:string", "value": ""},
            {"name": "loudness", "type": "float", "value": "80"},
            {"name": "tone", "type": "string", "value": ["low", "high"]},
            {"name": "words", "type": "list:list:string", "value": ""}
        ]
        </json>
        """

    def __call__(self, data):
        return data
'''


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(others=False)


def entries_of(file: Path) -> list[tuple[str, dict[str, Any]]]:
    data = json.loads(file.read_text(encoding="utf-8"))
    sections = [(name, list_) for phase in PHASES for name, list_ in data.get(phase, {}).items()]
    return [(name, each) for name, list_ in sections if name != "Hyperparameters" for each in list_]


def test_every_module_has_a_summary_and_fields_of_known_kinds(catalogue: Catalogue) -> None:
    for section in catalogue.sections():
        for part in catalogue.parts(section):
            assert part.name
            assert part.origin
            assert part.summary or part.origin != "eisen", part.path
            for spec in part.fields:
                assert spec.kind in KINDS, (part.path, spec.name)
                assert spec.words
                assert spec.required or suits(spec, plain_value(spec.default)) or spec.default is None, (
                    part.path,
                    spec,
                )


def test_what_the_program_fills_in_is_not_asked_for(catalogue: Catalogue) -> None:
    numbers = {"T_max", "total_steps"}  # which people may want to say themselves
    for section in ("Datasets", "Readers", "Optimizer", "Scheduler", "Workflow", "Hooks"):
        for part in catalogue.parts(section):
            if part.section == section and part.origin == "eisen":
                asked = {spec.name for spec in part.fields if not spec.filled}
                assert not asked & (set(INJECTED[section]) - numbers), part.path


@pytest.mark.parametrize("file", EXAMPLES)
def test_every_parameter_of_the_examples_has_a_field_that_shows_it(catalogue: Catalogue, file: Path) -> None:
    for section, entry in entries_of(file):
        check_entry(catalogue, section, entry)


def check_entry(catalogue: Catalogue, section: str, entry: dict[str, Any]) -> None:
    part = catalogue.part(section, entry["type"])
    assert part.is_known, entry["type"]
    for name, value in entry["params"].items():
        spec = part.field(name)
        if spec is None:
            assert part.open, (part.path, name)
            continue
        assert suits(spec, value), (part.path, name, value)
        inner = value if spec.kind == "entries" else [value] if spec.kind == "entry" else []
        for each in inner:
            check_entry(catalogue, spec.role, each)


def field(catalogue: Catalogue, section: str, path: str, name: str) -> Any:
    spec = catalogue.part(section, path).field(name)
    assert spec is not None
    return spec


@pytest.mark.parametrize(
    ("section", "path", "name", "expected"),
    [
        ("Optimizer", "torch.optim.Adam", "lr", {"kind": "number", "default": 1e-3, "advanced": False}),
        ("Optimizer", "torch.optim.Adam", "foreach", {"kind": "switch", "nullable": True, "advanced": True}),
        ("Optimizer", "torch.optim.Adam", "betas", {"kind": "list", "length": 2}),
        ("Transforms", "eisen.transforms.RandomCrop", "size", {"kind": "list", "shape": "either", "unit": "voxels"}),
        ("Transforms", "eisen.transforms.RandomAffine", "translation_mm", {"unit": "mm"}),
        ("Transforms", "eisen.transforms.RandomAffine", "rotation_degrees", {"unit": "°"}),
        ("Transforms", "eisen.transforms.RandomAffine", "fields", {"kind": "names", "required": True}),
        ("Transforms", "eisen.transforms.ZScoreNormalization", "mask", {"kind": "names", "shape": "one"}),
        ("Transforms", "eisen.transforms.OneOf", "transforms", {"kind": "entries", "role": "Transforms"}),
        ("Models", "eisen.models.UNet", "normalization", {"kind": "choice"}),
        ("Losses", "eisen.ops.losses.DeepSupervisionLoss", "loss", {"kind": "entry", "role": "Losses"}),
        ("Datasets", "eisen.patches.PatchDataset", "where", {"kind": "entry", "role": "Where"}),
        ("Datasets", "eisen.datasets.ConcatDataset", "datasets", {"kind": "entries", "role": "Datasets"}),
        ("Datasets", "eisen.datasets.MSDDataset", "json_file", {"kind": "path"}),
        ("Datasets", "eisen.datasets.FolderDataset", "patterns", {"kind": "dict", "item": "text"}),
        ("Hooks", "eisen.utils.logging.TensorboardSummaryHook", "overlays", {"kind": "nested"}),
        ("Scheduler", "torch.optim.lr_scheduler.StepLR", "every", {"kind": "choice", "choices": ("epoch", "batch")}),
        ("Scheduler", "torch.optim.lr_scheduler.CosineAnnealingLR", "T_max", {"kind": "integer", "filled": True}),
    ],
)
def test_types_become_fields(
    catalogue: Catalogue, section: str, path: str, name: str, expected: dict[str, Any]
) -> None:
    spec = field(catalogue, section, path, name)
    assert {key: getattr(spec, key) for key in expected} == expected


def test_a_loss_inside_of_a_loss_has_no_names_of_its_own(catalogue: Catalogue) -> None:
    outside, inside = (catalogue.part("Losses", "torch.nn.L1Loss", inside=each) for each in (False, True))
    assert outside.field("input_names")
    assert not inside.field("input_names")


def test_old_names_and_strangers_are_parts_too(catalogue: Catalogue) -> None:
    assert catalogue.part("Readers", "eisen.io.imaging.LoadNiftyFromFilename").name == "LoadNiftiFromFilename"
    wrong = catalogue.part("Transforms", "eisen.transforms.RandomFlap")
    assert not wrong.is_known
    assert wrong.open
    assert "RandomFlip" in wrong.why[1]
    assert not catalogue.part("Transforms", "no dotted path").is_known


def test_the_best_name_is_found_first(catalogue: Catalogue) -> None:
    assert catalogue.parts("Transforms", "flip")[0].name == "Flip"
    assert catalogue.parts("Transforms", "random flip")[0].name == "RandomFlip"
    assert [part.name for part in catalogue.parts("Optimizer", "torch.optim.SGD")] == ["SGD"]
    assert "CropForeground" in [part.name for part in catalogue.parts("Transforms", "CropForegroud")]
    assert "MultiMarginLoss" not in [part.name for part in catalogue.parts("Losses", "dice")]
    assert not catalogue.parts("Transforms", "xyzzy")


@pytest.mark.parametrize("section", ["Models", "Losses", "Metrics", "Transforms", "Optimizer", "Hooks", "Workflow"])
def test_a_new_entry_lacks_only_what_the_user_has_to_say(catalogue: Catalogue, section: str) -> None:
    for part in catalogue.parts(section):
        entry = part.new_entry(["image", "label"])
        missing = {spec.name for spec in part.fields if spec.required} - set(entry["params"])
        assert not any(spec.kind == "names" for spec in part.fields if spec.name in missing), part.path
        assert not set(entry["params"]) - {spec.name for spec in part.fields}


def test_a_new_loss_reads_what_the_model_says_and_the_reference(catalogue: Catalogue) -> None:
    data = json.loads((Path(__file__).parents[2] / "examples/phantom.json").read_text(encoding="utf-8"))
    names = names_for(data, "Training", "Losses")
    entry = catalogue.part("Losses", "eisen.ops.losses.DiceLoss").new_entry(names)
    outputs = data["General"]["Models"][0]["params"]["output_names"]
    assert entry["params"] == {"input_names": [outputs[0], "label"], "output_names": ["dice"]}
    data["Training"]["Losses"] = [entry]
    assert read_config(data).phases["Training"].losses[0].input_names == (outputs[0], "label")
    assert known_names(catalogue, data, ("Training", "Transforms", 0))[:2] == ["image", "label"]


def test_modules_of_the_user_come_first_and_their_blocks_are_hints(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "shouting_steps.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    part = load_catalogue(["shouting_steps"], others=False).parts("Transforms")[0]
    assert part.path == "shouting_steps.Shout"
    assert [(spec.name, spec.kind) for spec in part.fields] == [
        ("fields", "names"),
        ("loudness", "number"),
        ("tone", "choice"),
        ("words", "nested"),
    ]
    assert part.fields[2].choices == ("low", "high")
    monkeypatch.delitem(sys.modules, "shouting_steps")


def test_a_transform_of_another_library_brings_the_step_around_it() -> None:
    catalogue = Catalogue({})
    part = Part(
        "torchio.RandomFlip", "RandomFlip", "Transforms", holder="eisen.utils.interop.TorchIOStep", place="transforms[]"
    )
    assert part.new_entry(["image"]) == {
        "type": "eisen.utils.interop.TorchIOStep",
        "params": {"fields": ["image"], "transforms": [{"type": "torchio.RandomFlip", "params": {}}]},
    }
    assert catalogue.part("Losses", "torch.nn.L1Loss").holder == ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_the_installed_libraries_offer_can_be_built_with() -> None:
    pytest.importorskip("monai")
    pytest.importorskip("torchio")
    catalogue = load_catalogue()
    names = {section: {part.path for part in catalogue.parts(section)} for section in catalogue.sections()}
    assert {"monai.networks.nets.UNet", "torchvision.models.resnet18"} <= names["Models"]
    assert "monai.losses.DiceCELoss" in names["Losses"]
    assert {"torchio.RandomAffine", "monai.transforms.RandAffined"} <= names["Transforms"]
    inner = catalogue.parts_inside("eisen.utils.interop.MONAIStep", "Transforms")
    assert inner
    assert all(part.path.startswith("monai.transforms.") for part in inner)
    mnist = catalogue.part("Datasets", "torchvision.datasets.MNIST").new_entry()
    assert mnist["params"]["dataset"] == {"type": "torchvision.datasets.MNIST", "params": {}}
    for section in catalogue.sections():
        for part in catalogue.parts(section):
            json.dumps(part.new_entry(["image"]))


def test_hyperparameters_know_their_limits() -> None:
    fields = {spec.name: spec for spec in hyper_fields()}
    assert fields["BatchSize"].problem(0) == "a whole number from 1"
    assert not fields["BatchSize"].problem(1)
    assert fields["Device"].problem("gpu")
    assert not fields["Device"].problem("cuda:0")
    assert fields["MaxTime"].problem("2h30m") == ""
    assert fields["MaxTime"].problem("long")
    assert fields["Labels"].kind == "dict"
    assert fields["Precision"].choices == ("fp32", "bf16", "fp16")
    assert "NumWorker" not in fields
    assert window_fields()[0].required


def test_parts_with_a_schema_have_fields() -> None:
    kinds = {spec.name: spec.kind for spec in settings_fields("Evaluation")}
    assert kinds["metrics"] == "list"
    assert kinds["kind"] == "choice"
    assert kinds["labels"] == "dict"
    assert settings_fields("Serving") == ()


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("memory_gb", "How much.", "GB"),
        ("level", "Middle of the window in HU.", "HU"),
        ("sigma", "Width in mm or voxels.", ""),
        ("seconds", "", "s"),
        ("normalization", "No unit. Later mm.", ""),
    ],
)
def test_units_are_those_that_are_said(name: str, text: str, unit: str) -> None:
    assert unit_of(name, text) == unit
