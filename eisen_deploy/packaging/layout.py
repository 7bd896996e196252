"""What is in a safe package: the names of its members, and ``package.json``, which says what they are."""

from __future__ import annotations

import json
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from eisen._core.errors import CorruptFileError

__all__ = [
    "CARD",
    "CONFIG",
    "DIGESTS",
    "HANDLER",
    "MANIFEST",
    "METADATA",
    "PACKAGE",
    "REQUIREMENTS",
    "SERVER_CONFIG",
    "SIGNATURE",
    "GoldenCase",
    "Label",
    "ModelInput",
    "Package",
    "is_package",
    "package_of",
    "read_package",
    "write_package",
]

MANIFEST, DIGESTS, SIGNATURE = "MAR-INF/MANIFEST.json", "MAR-INF/digests.json", "MAR-INF/model.sig"
PACKAGE, METADATA, CONFIG = "package.json", "metadata.json", "config.json"
HANDLER, SERVER_CONFIG = "handlers.py", "model-config.yaml"
CARD, REQUIREMENTS = "MODEL_CARD.md", "requirements.txt"

_STRICT = ConfigDict(extra="forbid")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_\-.]*$"
_FILE = r"^[A-Za-z0-9][A-Za-z0-9_\-.]*(/[A-Za-z0-9][A-Za-z0-9_\-.]*)*$"
_Member = Annotated[str, Field(pattern=_FILE, max_length=200)]


@dataclass(frozen=True, config=_STRICT)
class ModelInput:
    """One image that a request brings, and how the readers and transforms of the package want to get it.

    Args:
        field: Field of the data point.
        given_as: ``"nifti"``: the name of a NIfTI file, opened by a reader of the package; ``"itk"``: of a file that
            ITK reads (MetaImage); ``"dicom"``: of a folder with a DICOM series; ``"picture"``: of a picture;
            ``"numpy"``: of an ``.npy`` file; ``"array"``: the voxels themselves with their Geometry beside them,
            because the data set of the training gave arrays.
        n_axes: Of an array: how many axes it has; one more than the image has spatial axes if channels come first.
        dtype: Of an array: its NumPy type; empty leaves it as it comes.
        spatial_axes: 3 for volumes, 2 for pictures.
        channels: Of pictures: 1 for grey ones, 3 for colour; 0: as it comes.
    """

    field: str
    given_as: Literal["nifti", "itk", "dicom", "picture", "numpy", "array"] = "nifti"
    n_axes: Annotated[int, Field(ge=2, le=5)] = 3
    dtype: str = ""
    spatial_axes: Literal[2, 3] = 3
    channels: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, config=_STRICT)
class Label:
    """A value of the label map, or a class.

    Args:
        value: The number.
        name: What it is called.
        colour: How it is shown, ``"#rrggbb"``.
    """

    value: int
    name: str
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


@dataclass(frozen=True, config=_STRICT)
class GoldenCase:
    """Inputs whose outputs are known: a server replays them before it serves.

    Args:
        inputs: Member with the voxels (``.npy``) of each field.
        affines: Voxel to world matrix (RAS+, mm), 4 rows of 4, of each field; none for pictures.
        output: Member with what comes out (``.npy``): the label map, the image, the probabilities or the numbers.
        tolerance: Of label maps: the largest share of voxels that may differ; of everything else: the largest
            difference, as a share of the largest value.
        certainty: Of label maps: member with the probability of the likeliest label of each voxel (``.npy``), which
            drifts before labels do.
        certainty_tolerance: The largest difference of these probabilities.
    """

    inputs: dict[str, _Member]
    output: _Member
    tolerance: Annotated[float, Field(ge=0, lt=1)]
    affines: dict[str, list[list[float]]] = field(default_factory=dict)
    certainty: _Member | None = None
    certainty_tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.02


@dataclass(frozen=True, config=_STRICT)
class Package:
    """What ``package.json`` says.

    Args:
        name: Of the model, as in its address.
        model_version: Of the model.
        kind: What comes out: ``"labels"``, ``"image"``, ``"classes"`` or ``"values"``.
        inputs: The images of a request.
        weights: Members with weights (safetensors), one per model; several predict together.
        graphs: Members with the same networks as ONNX; empty: there are none.
        labels: Label values or classes.
        channels: Which label value each channel of the network stands for; empty: they count from 0.
        tta: Test-time augmentation.
        activation: What turns outputs into probabilities: ``"none"``, ``"softmax"`` or ``"sigmoid"``, or ``"auto"``.
        temperature: What the logits are divided by.
        golden: Cases to replay.
        fingerprint: What the images of the training were like; see `eisen_deploy.serving.gate`.
        gate: What happens to images that are not like them: ``"off"``, ``"warn"`` or ``"refuse"``.
        made_with: Versions of the packages that made it.
        format: Always ``"eisen-package"``.
        version: Of the format.
    """

    name: Annotated[str, Field(pattern=_NAME, max_length=100)]
    model_version: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Literal["labels", "image", "classes", "values"]
    inputs: Annotated[list[ModelInput], Field(min_length=1)]
    weights: Annotated[list[_Member], Field(min_length=1)]
    graphs: list[_Member] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    tta: str | None = None
    activation: str = "auto"
    temperature: Annotated[float, Field(gt=0)] | None = None
    golden: list[GoldenCase] = field(default_factory=list)
    fingerprint: dict[str, Any] = field(default_factory=dict)
    gate: Literal["off", "warn", "refuse"] = "warn"
    made_with: dict[str, str] = field(default_factory=dict)
    format: Literal["eisen-package"] = "eisen-package"
    version: Literal[1] = 1


_ADAPTER = TypeAdapter(Package)


def is_package(folder: Path) -> bool:
    """Tell whether an unpacked archive is a safe package; else it is one with pickles, or none at all."""
    return (folder / PACKAGE).is_file()


def read_package(path: str | Path) -> Package:
    """Read ``package.json``; nothing in it is executed.

    Args:
        path: The file, or the folder it is in.

    Raises:
        CorruptFileError: If it is not one.
    """
    path = Path(path)
    file = path / PACKAGE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _no_package(file.name, str(error), file) from error
    return package_of(content, file, file.name)


def package_of(content: bytes, file: Path, title: str) -> Package:
    """Return the package that the content of ``package.json`` describes; nothing in it is executed.

    Args:
        content: The content.
        file: Where it is from, for errors.
        title: What it is called in errors.

    Raises:
        CorruptFileError: If it describes none.
    """
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _no_package(title, f"{where and where + ': '}{first['msg']}", file) from error


def _no_package(title: str, why: str, file: Path) -> CorruptFileError:
    return CorruptFileError(
        f"{title} is not that of a package: {why}",
        expected="what eisen pack writes",
        to_do="make the package again with eisen pack",
        file=str(file),
    )


def write_package(package: Package) -> bytes:
    r"""Return the content of ``package.json``, always the same for the same package.

    Example:
        >>> package = Package("liver", "1.0", "labels", [ModelInput("image")], ["weights/0.safetensors"])
        >>> write_package(package)[:26]
        b'{\n  "name": "liver",\n  "mo'
    """
    return (json.dumps(_ADAPTER.dump_python(package), indent=2, ensure_ascii=False) + "\n").encode()
