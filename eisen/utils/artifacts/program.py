"""Saving a model as an exported PyTorch program: code and weights in one file, no Python class needed to run it."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import torch

from eisen._core.atomic import atomic_write
from eisen._core.errors import EisenError
from eisen.utils.artifacts.best import BestModelHook, existing_folder
from eisen.utils.artifacts.exporting import ExportReport, ExportSpec, cpu_copy, quiet, refused

__all__ = ["SaveExportedProgram", "SaveExportedProgramHook"]

_log = logging.getLogger(__name__)


class SaveExportedProgram:
    """Save a model with `torch.export`, and make sure that it computes what the model computes.

    ``torch.export.load(path).module()`` runs it without the code of the model. Load such files only from people you
    trust: PyTorch may unpickle parts of them.

    Args:
        artifacts_dir: Folder for the file; it must exist.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        dynamic_spatial: Whether the spatial axes may change as well as the number of cases.
        verify: Whether the result is loaded again and compared.
        tolerance: Largest difference that is accepted, as a share of the largest output.

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

    def __init__(
        self,
        artifacts_dir: str | Path,
        input_size: Sequence[int],
        *,
        dynamic_spatial: bool = False,
        verify: bool = True,
        tolerance: float = 1e-3,
    ) -> None:
        self.artifacts_dir = existing_folder(artifacts_dir)
        self.spec = ExportSpec(input_size, dynamic_spatial, "SaveExportedProgram")
        self.input_size = list(self.spec.size)
        self.verify = verify
        self.tolerance = tolerance

    def __call__(self, model: torch.nn.Module, filename: str = "model.pt2") -> ExportReport:
        """Save the model; an older file of that name is replaced only when the new one is complete and right.

        Args:
            model: The model, wrapped or not, on any device; it stays as it is.
            filename: Name of the file.

        Returns:
            What is known about the file.

        Raises:
            ArtifactError: If the network cannot be exported, its outputs differ, or the file cannot be written.
        """
        network = cpu_copy(model)
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
        report = ExportReport(self.artifacts_dir / filename, runtime="the exported program")
        if self.verify:
            report = self._verified(network, content, report)
        with atomic_write(report.path) as file:
            file.write(content.getbuffer())
        _log.info("%s", report)
        return report

    def _verified(self, network: torch.nn.Module, content: io.BytesIO, report: ExportReport) -> ExportReport:
        content.seek(0)
        with quiet():
            module = torch.export.load(content).module()

        def run(values: torch.Tensor) -> Any:
            with torch.no_grad():
                outputs = module(values)
            return outputs if isinstance(outputs, (tuple, list)) else [outputs]

        return self.spec.compare(network, run, report, self.tolerance)


class SaveExportedProgramHook(BestModelHook):
    """Save the best model so far with `torch.export`, to ``<artifacts_dir>/programs/model.pt2``.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist, ``programs`` is made in it.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, as ``model_<YYYYmmdd-HHMMSS>.pt2``.
        dynamic_spatial: Whether the spatial axes may change as well as the number of cases.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
    """

    folder_name = "programs"
    suffix = ".pt2"

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        input_size: Sequence[int],
        select_best_loss: bool = True,
        save_history: bool = False,
        *,
        dynamic_spatial: bool = False,
    ) -> None:
        self._save = SaveExportedProgram(artifacts_dir, input_size, dynamic_spatial=dynamic_spatial)
        self.input_size = self._save.input_size
        super().__init__(workflow_id, phase, artifacts_dir, select_best_loss, save_history)
        self._save.artifacts_dir = self.folder

    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save the network under a name in the folder."""
        self._save(network, filename)
