"""A safe package behind a server: requests in, answers out."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eisen._core.errors import CorruptFileError
from eisen_deploy.packaging.layout import METADATA
from eisen_deploy.serving.gate import Gate
from eisen_deploy.serving.inputs import refuse_form
from eisen_deploy.serving.messages import Answer, Request
from eisen_deploy.serving.packaged import PackagedModel
from eisen_deploy.serving.volumes.accepting import Wanted, negotiated
from eisen_deploy.serving.volumes.answers import Answering
from eisen_deploy.serving.volumes.asking import images_of
from eisen_deploy.serving.volumes.failures import as_refusals
from eisen_deploy.serving.volumes.limits import Limits
from eisen_deploy.serving.volumes.points import data_point
from eisen_deploy.serving.volumes.progress import Progress
from eisen_deploy.serving.volumes.sent import Sent

__all__ = ["OUTPUTS", "PackageBackend"]

_log = logging.getLogger(__name__)

OUTPUTS = {
    "labels": ("labels", "probabilities", "classes", "warnings"),
    "image": ("image", "warnings"),
    "classes": ("probabilities", "classes", "warnings"),
    "values": ("values", "warnings"),
}
"""Which outputs the metadata of a package may declare, by the kind of its model."""

_AS_VOLUMES = ("nii.gz", "nii", "nrrd", "mha", "npy")


class PackageBackend:
    """Answers requests with a safe package: whole volumes in, whole volumes out.

    Files of a request live in a private folder, and only as long as the request. Not for several threads at a time.

    Args:
        folder: The unpacked archive.
        device: Where the models compute; None: what the package says, or the CPU.
        scratch: Where the private folder is made; None: the folder of the system for temporary files.

    Raises:
        CorruptFileError: If the package is damaged, or its golden cases do not come out as they should.
        ConfigError: If it names classes that are not installed here.

    Example:
        >>> import numpy as np, torch
        >>> from safetensors.torch import save_file
        >>> from eisen_deploy.packaging.layout import ModelInput, Package, write_package
        >>> from eisen_deploy.utils import pack, unpack
        >>> names = {"input_names": ["image"], "output_names": ["logits"]}
        >>> size = {"in_channels": 1, "out_channels": 2, "kernel_size": 1}
        >>> model = {"type": "torch.nn.Conv3d", "params": {**names, **size}}
        >>> step = {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": ["image"]}}
        >>> cases = {"type": "eisen.datasets.EisenDataset", "params": {"cases": []}}
        >>> config = {"General": {"Models": [model]}, "Prediction": {"Transforms": [step], "Datasets": [cases]}}
        >>> package = Package("tiny", "1", "labels", [ModelInput("image", "array", dtype="float32")], ["0.safetensors"])
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_file(torch.nn.Conv3d(1, 2, 1).state_dict(), folder / "0.safetensors")
        >>> _ = (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        >>> _ = (folder / "package.json").write_bytes(write_package(package))
        >>> _ = (folder / "metadata.json").write_text('{"outputs": [{"name": "labels"}]}', encoding="utf-8")
        >>> message = pack({"image": np.zeros((4, 5, 6)), "image_affine": np.eye(4)})
        >>> with PackageBackend(folder) as backend:
        ...     unpack(backend.answer_one(Request(message)).body)["labels"].shape
        (4, 5, 6)
    """

    def __init__(self, folder: str | Path, device: str | None = None, scratch: str | Path | None = None) -> None:
        self.folder = Path(folder)
        room = Path(tempfile.mkdtemp(prefix="eisen-serving-", dir=scratch)).resolve()
        self._remove = weakref.finalize(self, shutil.rmtree, room, True)
        try:
            self.metadata = _read_metadata(self.folder)
            self.model = PackagedModel(self.folder, room, device)
            self.package = self.model.package
            self.gate = Gate(self.package, self.model.phase)
            self.limits = Limits.from_environment()
            self.declared = self._checked_outputs()
            self.model.watch(Progress(self.package.name))
            self._replay()
        except BaseException:
            self.close()
            raise

    def answer_one(self, request: Request) -> Answer:
        """Return the answer to one request.

        Args:
            request: An empty one is answered with the metadata; else it is an image file, a form with one for each
                input, or a message in msgpack.

        Raises:
            Refusal: If it cannot be answered, with the reason.
            EisenError: If the package or this machine is at fault.
        """
        refuse_form(request)
        if request.is_empty:
            return Answer.of_json(self.metadata)
        with self.model.room() as folder, as_refusals(self.model, folder):
            sent = images_of(request, self.package.inputs, folder, self.limits)
            wanted = self._wanted(request, sent)
            warnings = self._unusual(sent)
            needs = wanted.probabilities or "probabilities" in self._outputs(wanted)
            data, source = data_point(self.model, sent, folder)
            series = next((image.path for image in sent.values() if image.kind == "dicom"), None)
            sent.clear()  # the model gets the room
            found = self.model.predict(data, source=source, probabilities=needs)
            return Answering(self.package, found.verdict, wanted, folder, warnings, series).answer(self.declared)

    def close(self) -> None:
        """Remove the private folder."""
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _outputs(self, wanted: Wanted) -> tuple[str, ...]:
        """Return the outputs that an answer of label maps needs beside them."""
        return tuple(self.declared) if wanted.format == "msgpack" and self.package.kind == "labels" else ()

    def _wanted(self, request: Request, sent: Mapping[str, Sent]) -> Wanted:
        """Return the format of the answer: what the client accepts, that of the request first."""
        first = sent[self.package.inputs[0].field]
        formats = self._formats(first, is_series=any(image.kind == "dicom" for image in sent.values()))
        accept = request.headers.get("accept", "")
        return negotiated(accept, formats, has_probabilities=self.package.kind == "labels")

    def _formats(self, first: Sent, *, is_series: bool) -> list[str]:
        kind = self.package.kind
        if kind in ("classes", "values"):
            usual = ["json", "msgpack"]
        elif self.package.inputs[0].spatial_axes == 2:
            usual = ["png", "npy", "json", "msgpack"] if kind == "labels" else ["npy", "json", "msgpack"]
        else:
            segmentation = ["dcm"] if is_series and kind == "labels" else []
            usual = [*_AS_VOLUMES, *segmentation, "json", "msgpack"]
        favourite = first.came_as
        return sorted(usual, key=lambda name: name != favourite)

    def _unusual(self, sent: Mapping[str, Sent]) -> list[str]:
        """Return what is unusual about the images of a request."""
        found: list[str] = []
        for field, image in sent.items():
            found += image.notes
            if self.gate.looks_at(field):
                voxels = image.voxels
                found += self.gate.passed(field, voxels.array, voxels.geometry)
        return found

    def _checked_outputs(self) -> list[str]:
        """Return the names of the declared outputs, certain that there is something to fill them with."""
        names = [str(output.get("name")) for output in self.metadata.get("outputs", [])]
        strange = [name for name in names if name not in OUTPUTS[self.package.kind]]
        if strange or not names:
            raise CorruptFileError(
                f"{METADATA} declares the outputs {', '.join(names) or '(none)'}",
                expected=f"some of {', '.join(OUTPUTS[self.package.kind])} for a model of {self.package.kind}",
                file=METADATA,
            )
        return names

    def _replay(self) -> None:
        """Make sure that the golden cases come out as they did when the package was made."""
        if self.package.golden:
            from eisen_deploy.packaging.golden import replay

            replay(self.model)
            _log.info("%s: %d golden cases came out as they should", self.package.name, len(self.package.golden))


def _read_metadata(folder: Path) -> dict[str, Any]:
    try:
        value = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        if not isinstance(value, dict) or not all(isinstance(o, dict) for o in value.get("outputs", [])):
            raise ValueError("it is no object with a list of outputs")  # it is the file that is wrong
    except (OSError, ValueError) as error:
        raise CorruptFileError(f"{METADATA} cannot be read: {error}", expected="the metadata", file=METADATA) from error
    return value
