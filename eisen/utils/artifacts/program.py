"""Saving a model as an exported PyTorch program: code and weights in one file, no Python class needed to run it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import torch

from eisen._core.errors import EisenError
from eisen.utils.artifacts.exporting import Exporter, ExportHook, quiet, refused
from eisen.utils.artifacts.proof import ExportReport

__all__ = ["SaveExportedProgram", "SaveExportedProgramHook"]


class SaveExportedProgram(Exporter):
    """Save a model with `torch.export`, and make sure that it computes what the model computes.

    ``torch.export.load(path).module()`` runs it without the code of the model. Load such files only from people you
    trust: PyTorch may unpickle parts of them. Arguments as in `Exporter`.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.

    Source:
        https://docs.pytorch.org/docs/stable/export.html

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = SaveExportedProgram(folder, [1, 3, 8, 8])(torch.nn.Conv2d(3, 2, 3))
        ...     report.path.name, report.difference < 1e-5
        ('model.pt2', True)
    """

    def __call__(self, model: torch.nn.Module, filename: str = "model.pt2") -> ExportReport:
        """Save the model; an older file of that name is replaced only when the new one is complete and right.

        Args:
            model: The model, wrapped or not, on any device; it stays as it is.
            filename: Name of the file.

        Returns:
            What is known about the file, with the largest difference.

        Raises:
            ArtifactError: If the network cannot be exported, its outputs differ, or the file cannot be written.
        """
        return self.save(model, filename)

    def export(self, network: torch.nn.Module, report: ExportReport) -> tuple[bytes, ExportReport]:
        """Return the program as bytes, loaded again and checked."""
        axes = dict.fromkeys(self.spec.dynamic_axes, torch.export.Dim.DYNAMIC)
        content = io.BytesIO()
        try:
            with quiet(), torch.no_grad():
                program = torch.export.export(network, (self.spec.example,), dynamic_shapes=(axes,))
                torch.export.save(program, content)
        except EisenError:
            raise
        except Exception as error:
            raise refused(network, "a program", error, self.spec) from error
        report = replace(report, runtime="the exported program")
        return content.getvalue(), self._verified(network, content, report) if self.verify else report

    def _verified(self, network: torch.nn.Module, content: io.BytesIO, report: ExportReport) -> ExportReport:
        content.seek(0)
        with quiet():
            module = torch.export.load(content).module()

        def run(values: torch.Tensor) -> Any:
            with torch.no_grad():
                outputs = module(values)
            return outputs if isinstance(outputs, (tuple, list)) else [outputs]

        return self.spec.compare(network, run, report, self.tolerance)


class SaveExportedProgramHook(ExportHook):
    """Save the best model so far with `torch.export`, to ``<artifacts_dir>/programs/model.pt2``.

    Arguments as in `ExportHook`; the history is kept as ``model_<YYYYmmdd-HHMMSS>.pt2``.
    """

    folder_name = "programs"
    suffix = ".pt2"
    exporter = SaveExportedProgram
