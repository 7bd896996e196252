"""Saving the weights of a model: as PyTorch does, and as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import torch

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError
from eisen.utils.artifacts.best import BestModelHook, bare_network, existing_folder

__all__ = ["SaveSafetensors", "SaveSafetensorsHook", "SaveTorchModel", "SaveTorchModelHook"]


class SaveTorchModel:
    """Save the weights of a model as a file that ``torch.load(path, weights_only=True)`` reads on any machine.

    Args:
        artifacts_dir: Folder for the file; it must exist.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     SaveTorchModel(folder)(torch.nn.Linear(2, 1), "linear.pt")
        ...     sorted(torch.load(Path(folder) / "linear.pt", weights_only=True))
        ['bias', 'weight']
    """

    def __init__(self, artifacts_dir: str | Path) -> None:
        self.artifacts_dir = existing_folder(artifacts_dir)

    def __call__(self, model: torch.nn.Module, filename: str = "model.pt") -> None:
        """Save the weights; an older file of that name is replaced only when the new one is complete.

        Args:
            model: The model whose `state_dict` is saved, on the CPU.
            filename: Name of the file.

        Raises:
            ArtifactError: If the file cannot be written.
        """
        weights = model.state_dict()
        for name, value in weights.items():
            weights[name] = value.cpu() if isinstance(value, torch.Tensor) else value
        with atomic_write(self.artifacts_dir / filename) as file:
            torch.save(weights, file)


class SaveTorchModelHook(BestModelHook):
    """Save the weights of the best model so far, to ``<artifacts_dir>/models/model.pt``.

    The weights are those of the bare network, without its wrapper.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist, ``models`` is made in it.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, as ``model_<YYYYmmdd-HHMMSS>.pt``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
    """

    folder_name = "models"
    suffix = ".pt"

    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save the weights under a name in the folder."""
        SaveTorchModel(self.folder)(network, filename)


class SaveSafetensors:
    """Save the weights of a model as safetensors: a format that holds numbers and nothing that could be executed.

    Args:
        artifacts_dir: Folder for the file; it must exist.
        metadata: Text to keep in the header of the file, e.g. ``{"experiment": "hippocampus"}``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the metadata is not text.

    Source:
        https://huggingface.co/docs/safetensors

    Example:
        >>> import tempfile
        >>> from safetensors.torch import load_file
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     SaveSafetensors(folder)(torch.nn.Linear(2, 1), "linear.safetensors")
        ...     sorted(load_file(Path(folder) / "linear.safetensors"))
        ['bias', 'weight']
    """

    def __init__(self, artifacts_dir: str | Path, metadata: Mapping[str, str] | None = None) -> None:
        self.artifacts_dir = existing_folder(artifacts_dir)
        self.metadata = dict(metadata or {})
        if not all(isinstance(text, str) for pair in self.metadata.items() for text in pair):
            raise ArgumentError(f"SaveSafetensors: metadata is {metadata!r}", expected="text for text")

    def __call__(self, model: torch.nn.Module, filename: str = "model.safetensors") -> None:
        """Save the weights; an older file of that name is replaced only when the new one is complete.

        Args:
            model: The model whose tensors are saved, from the CPU.
            filename: Name of the file.

        Raises:
            ArtifactError: If the file cannot be written.
        """
        from safetensors.torch import save

        # weights that share memory are stored one by one: safetensors refuses to guess which of the names is right
        state: dict[str, Any] = bare_network(model).state_dict()
        tensors = {n: v.detach().cpu().contiguous().clone() for n, v in state.items() if isinstance(v, torch.Tensor)}
        with atomic_write(self.artifacts_dir / filename) as file:
            file.write(save(tensors, {"format": "pt", **self.metadata}))


class SaveSafetensorsHook(BestModelHook):
    """Save the weights of the best model so far, to ``<artifacts_dir>/models/model.safetensors``.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist, ``models`` is made in it.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, as ``model_<YYYYmmdd-HHMMSS>.safetensors``.
        metadata: Text to keep in the header of the file.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
    """

    folder_name = "models"
    suffix = ".safetensors"

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        select_best_loss: bool = True,
        save_history: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        existing_folder(artifacts_dir)
        self.metadata = SaveSafetensors(artifacts_dir, metadata).metadata
        super().__init__(workflow_id, phase, artifacts_dir, select_best_loss, save_history)

    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save the weights under a name in the folder."""
        SaveSafetensors(self.folder, self.metadata)(network, filename)
