"""Saving a model as ONNX, checked with onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from eisen._core.errors import ArtifactError, EisenError
from eisen._core.optional import require
from eisen.utils.artifacts.exporting import Exporter, ExportHook, quiet, refused
from eisen.utils.artifacts.proof import ExportReport

__all__ = ["SaveONNXModel", "SaveONNXModelHook"]


class SaveONNXModel(Exporter):
    """Save a model as one ONNX file, and make sure that it computes what the model computes in PyTorch.

    The graph takes ``input`` and gives ``output`` (further outputs: ``output_1``, ...), and the number of cases may
    change (axis ``batch_size``). Before the file gets its name, onnxruntime runs it on random inputs of several sizes;
    the difference to PyTorch is written into the file (metadata ``eisen.max_difference``), logged and returned.

    Arguments as in `Exporter`.

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
        super().__init__(artifacts_dir, input_size, dynamic_spatial=dynamic_spatial, verify=verify, tolerance=tolerance)
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
        return self.save(model, filename)

    def export(self, network: torch.nn.Module, report: ExportReport) -> tuple[bytes, ExportReport]:
        """Return the graph as bytes, checked."""
        proto = self._graph(network)
        if self.verify:
            report = self._verified(network, proto, report)
        _annotate(proto, report)
        return _bytes_of(proto, report.path), report

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


class SaveONNXModelHook(ExportHook):
    """Save the best model so far as ONNX, to ``<artifacts_dir>/onnx_models/model.onnx``, checked with onnxruntime.

    Arguments as in `ExportHook`; the history is kept as ``model_<YYYYmmdd-HHMMSS>.onnx``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
        MissingExtraError: If the extra ``onnx`` is not installed.
    """

    folder_name = "onnx_models"
    suffix = ".onnx"
    exporter = SaveONNXModel


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
