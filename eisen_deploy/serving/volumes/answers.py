"""What the models say about a request, as the bytes of an answer."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from eisen._core.types import Array, Geometry
from eisen.experiments.prediction.places import Volume
from eisen_deploy.serving.messages import Answer
from eisen_deploy.serving.volumes.accepting import Wanted
from eisen_deploy.serving.volumes.arrays import AFFINE_HEADER
from eisen_deploy.serving.volumes.names import channel_names, label_names
from eisen_deploy.serving.volumes.summaries import summary

if TYPE_CHECKING:
    from eisen.experiments.prediction.verdict import Verdict
    from eisen_deploy.packaging.layout import Package

__all__ = ["WARNINGS_HEADER", "Answering"]

WARNINGS_HEADER, _MODEL_HEADER = "X-Eisen-Warnings", "X-Eisen-Model"


@dataclass(frozen=True)
class Answering:
    """Writes the answer to one request.

    Args:
        package: What the package says.
        verdict: What the models say.
        wanted: The format.
        folder: For temporary files.
        warnings: What the client should know.
        series: Folder of the DICOM series that was sent, if one was.
    """

    package: Package
    verdict: Verdict
    wanted: Wanted
    folder: Path
    warnings: Sequence[str] = ()
    series: Path | None = None

    def answer(self, declared: Sequence[str]) -> Answer:
        """Return the answer.

        Args:
            declared: Names of the outputs that a message has.

        Raises:
            EisenError: If the prediction cannot be brought to the grid of what was sent, or written.
        """
        if self.wanted.format == "msgpack":
            return self._finished(self._message(declared), "msgpack")
        if self.wanted.format == "json":
            value = summary(self.package, self.verdict) | {"warnings": list(self.warnings)}
            return self._finished((json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode(), "json")
        values = self._voxels()
        body = self._file(values)
        return self._finished(body, self.wanted.format, self._geometry)

    @property
    def _geometry(self) -> Geometry | None:
        place = self.verdict.place
        return place.geometry.native if isinstance(place, Volume) else None

    def _voxels(self) -> Array:
        """Return the label map, or numbers with their channels last, on the grid of what was sent."""
        if self.verdict.kind == "labels" and not self.wanted.probabilities:
            return self.verdict.labels()
        channels = self.verdict.channels().astype(np.float32, copy=False)
        return channels[0] if len(channels) == 1 else np.moveaxis(channels, 0, -1)

    def _file(self, values: Array) -> bytes:
        wanted, geometry = self.wanted.format, self._geometry
        if wanted == "npy":
            file = io.BytesIO()
            np.save(file, np.ascontiguousarray(values), allow_pickle=False)
            return file.getvalue()
        if wanted == "png":
            from eisen.io import write_image

            return self._written(".png", lambda path: write_image(path, values))
        place = cast(Geometry, geometry)
        if wanted in ("nii", "nii.gz"):
            from eisen.io.encode import encoded
            from eisen.io.write import nifti_of

            return encoded(nifti_of(values, place.affine), zipped=wanted == "nii.gz")
        if wanted == "dcm":
            from eisen_deploy.serving.volumes.segments import segmentation_bytes

            model, names = f"{self.package.name} {self.package.model_version}", label_names(self.package)
            return segmentation_bytes(values, place, cast(Path, self.series), names, self.folder, model)
        from eisen.io import write_itk

        channels_first = np.moveaxis(values, -1, 0) if values.ndim == 4 else values
        return self._written(f".{wanted}", lambda path: write_itk(path, channels_first, place))

    def _written(self, suffix: str, write: Any) -> bytes:
        path = self.folder / f"answer{suffix}"
        write(path)
        return path.read_bytes()

    def _message(self, declared: Sequence[str]) -> bytes:
        from eisen_deploy.utils import pack

        names = ["probabilities", "classes", "warnings"] if self.wanted.probabilities else declared
        return pack({name: self._output(name) for name in names})

    def _output(self, name: str) -> Any:
        """Return one of the outputs that a package may declare, see `OUTPUTS`."""
        verdict = self.verdict
        if name == "warnings":
            return list(self.warnings)
        if name == "classes":
            n_channels = 0 if verdict.values is None else len(verdict.values)
            return channel_names(self.package, n_channels, verdict.label_values)
        if verdict.kind in ("classes", "values"):
            return np.asarray(verdict.values, np.float32)
        if name == "labels":
            return np.ascontiguousarray(verdict.labels())
        numbers = verdict.channels().astype(np.float32, copy=False)
        return np.ascontiguousarray(numbers[0] if len(numbers) == 1 else numbers)

    def _finished(self, body: bytes, suffix: str, geometry: Geometry | None = None) -> Answer:
        package = self.package
        content = "probabilities" if self.wanted.probabilities else package.kind
        headers: dict[str, str] = {_MODEL_HEADER: f"{package.name}/{package.model_version}"}
        if suffix not in ("msgpack", "json"):
            headers["Content-Disposition"] = f'attachment; filename="{package.name}_{content}.{suffix}"'
        if suffix == "npy" and geometry is not None:
            headers[AFFINE_HEADER] = json.dumps(geometry.affine.tolist())
        if self.warnings:
            headers[WARNINGS_HEADER] = json.dumps(list(self.warnings))
        return Answer(body, self.wanted.media_type, headers=_safe(headers))


def _safe(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers whose values are printable ASCII, as HTTP wants them."""
    return {name: "".join(c if " " <= c <= "~" else "?" for c in value) for name, value in headers.items()}
