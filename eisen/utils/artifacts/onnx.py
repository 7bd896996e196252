"""Saving a model as ONNX, checked with onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import torch

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArtifactError, EisenError
from eisen._core.optional import require
from eisen.utils.artifacts.best import BestModelHook, existing_folder
from eisen.utils.artifacts.exporting import ExportReport, ExportSpec, cpu_copy, quiet, refused

__all__ = ["SaveONNXModel", "SaveONNXModelHook"]

_log = logging.getLogger(__name__)


class SaveONNXModel:
    """Save a model as one ONNX file, and make sure that it computes what the model computes in PyTorch.

    The graph takes ``input`` and gives ``output`` (further outputs: ``output_1``, ...), and the number of cases may
    change (axis ``batch_size``). Before the file gets its name, onnxruntime runs it on random inputs of several sizes;
    the difference to PyTorch is written into the file (metadata ``eisen.max_difference``), logged and returned.

    Args:
        artifacts_dir: Folder for the file; it must exist.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        dynamic_spatial: Whether the spatial axes may change too, for networks that take any size.
        verify: Whether onnxruntime checks the result.
        tolerance: Largest difference that is accepted, as a share of the largest output.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
        MissingExtraError: If the extra ``onnx`` is not installed.

    Source:
        https://onnx.ai; https://docs.pytorch.org/docs/stable/onnx.html

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = SaveONNXModel(folder, [1, 3, 8, 8])(torch.nn.Conv2d(3, 2, 3))
        ...     report.path.name, report.difference < 1e-5
        ('model.onnx', True)
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
        self.spec = ExportSpec(input_size, dynamic_spatial, "SaveONNXModel")
        self.input_size = list(self.spec.size)
        self.verify = verify
        self.tolerance = tolerance
        require("onnx", "onnx", "saving as ONNX")
        require("onnxscript", "onnx", "saving as ONNX")
        if verify:
            require("onnxruntime", "onnx", "checking an ONNX file")

    def __call__(self, model: torch.nn.Module, filename: str = "model.onnx") -> ExportReport:
        """Save the model; an older file of that name is replaced only when the new one is complete and right.

        Args:
            model: The model, wrapped or not, on any device; it stays as it is.
            filename: Name of the file.

        Returns:
            What is known about the file, with the largest difference to PyTorch.

        Raises:
            ArtifactError: If the network cannot be exported, its outputs differ, or the file cannot be written.
        """
        network = cpu_copy(model)
        proto = self._graph(network)
        report = ExportReport(self.artifacts_dir / filename)
        if self.verify:
            report = self._verified(network, proto, report)
        _annotate(proto, report)
        content = _bytes_of(proto, report.path)
        with atomic_write(report.path) as file:
            file.write(content)
        _log.info("%s", report)
        return report

    def _graph(self, network: torch.nn.Module) -> Any:
        """Return the network as an ONNX graph in memory."""
        example = self.spec.example
        try:
            with quiet(), torch.no_grad():
                n_outputs = len(_names_for(network(example)))
                program = torch.onnx.export(
                    network,
                    (example,),
                    dynamo=True,
                    dynamic_shapes=(self.spec.dynamic_axes,),
                    input_names=["input"],
                    output_names=["output", *(f"output_{i}" for i in range(1, n_outputs))],
                    verbose=False,
                )
        except EisenError:
            raise
        except Exception as error:
            raise refused(network, "ONNX", error, self.spec) from error
        assert program is not None
        return program.model_proto

    def _verified(self, network: torch.nn.Module, proto: Any, report: ExportReport) -> ExportReport:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        content = _bytes_of(proto, report.path)
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        report = replace(report, runtime=f"onnxruntime {onnxruntime.__version__}")
        run = lambda values: session.run(None, {"input": values.numpy()})  # noqa: E731
        return self.spec.compare(network, run, report, self.tolerance)


class SaveONNXModelHook(BestModelHook):
    """Save the best model so far as ONNX, to ``<artifacts_dir>/onnx_models/model.onnx``, checked with onnxruntime.

    An export takes seconds; watch the validation rather than the training if epochs are short.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist, ``onnx_models`` is made in it.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, as ``model_<YYYYmmdd-HHMMSS>.onnx``.
        dynamic_spatial: Whether the spatial axes may change too, for networks that take any size.
        verify: Whether onnxruntime checks the result.
        tolerance: Largest difference that is accepted, as a share of the largest output.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
        MissingExtraError: If the extra ``onnx`` is not installed.
    """

    folder_name = "onnx_models"
    suffix = ".onnx"

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
        verify: bool = True,
        tolerance: float = 1e-3,
    ) -> None:
        options = {"dynamic_spatial": dynamic_spatial, "verify": verify}
        self._save = SaveONNXModel(artifacts_dir, input_size, **options, tolerance=tolerance)
        self.input_size = self._save.input_size
        super().__init__(workflow_id, phase, artifacts_dir, select_best_loss, save_history)
        self._save.artifacts_dir = self.folder

    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save the network under a name in the folder."""
        self._save(network, filename)


def _names_for(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _annotate(proto: Any, report: ExportReport) -> None:
    """Write into the graph how well it was checked."""
    facts = {"eisen.torch_version": str(torch.__version__)}
    if report.difference is not None:
        facts |= {"eisen.max_difference": f"{report.difference:.3g}", "eisen.verified_with": report.runtime}
    for key, value in facts.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value


def _bytes_of(proto: Any, path: Path) -> bytes:
    try:
        content: bytes = proto.SerializeToString()
    except ValueError as error:  # protobuf cannot hold more
        raise ArtifactError(
            f"{path.name} was not written: the network is larger than 2 GB, the limit of a single ONNX file",
            to_do="use SaveExportedProgram, which has no such limit",
            file=str(path),
        ) from error
    return content
