"""What exports of a network share: a file that is right, complete, or not there at all."""

from __future__ import annotations

import copy
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import torch

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArtifactError
from eisen.utils.artifacts.best import BestModelHook, bare_network, existing_folder
from eisen.utils.artifacts.proof import ExportReport, ExportSpec, first_line

__all__ = ["ExportHook", "Exporter", "quiet", "refused"]

_log = logging.getLogger(__name__)


class Exporter(ABC):
    """Saves a network as a file that runs without its class, if it computes what the network computes.

    A child says in `export` how.

    Args:
        artifacts_dir: Folder for the file; it must exist.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        dynamic_spatial: Whether the spatial axes may change as well as the number of cases.
        verify: Whether the result is run and compared with the network in PyTorch.
        tolerance: Largest difference that is accepted, as a share of the largest output.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
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
        self.spec = ExportSpec(input_size, dynamic_spatial, type(self).__name__)
        self.input_size = list(self.spec.size)
        self.verify = verify
        self.tolerance = tolerance

    @abstractmethod
    def export(self, network: torch.nn.Module, report: ExportReport) -> tuple[bytes, ExportReport]:
        """Return the content of the file, and what is known about it; `network` is on the CPU, in evaluation mode."""

    def save(self, model: torch.nn.Module, filename: str) -> ExportReport:
        """Save a model, wrapped or not, on any device; it stays as it is.

        Raises:
            ArtifactError: If the network cannot be exported, its outputs differ, or the file cannot be written.
        """
        network = copy.deepcopy(bare_network(model)).cpu().eval()
        content, report = self.export(network, ExportReport(self.artifacts_dir / filename))
        with atomic_write(report.path) as file:
            file.write(content)
        _log.info("%s", report)
        return report


class ExportHook(BestModelHook):
    """Exports the best model so far.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation: an export takes seconds.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist.
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, with the time in its name.
        dynamic_spatial: Whether the spatial axes may change too, for networks that take any size.
        verify: Whether the result is run and compared with the network in PyTorch.
        tolerance: Largest difference that is accepted, as a share of the largest output.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the size is not one.
    """

    @property
    @abstractmethod
    def exporter(self) -> type[Exporter]:
        """The class that exports; a child names it."""

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
        self._exporter = self.exporter(
            artifacts_dir, input_size, dynamic_spatial=dynamic_spatial, verify=verify, tolerance=tolerance
        )
        self.input_size = self._exporter.input_size
        super().__init__(workflow_id, phase, artifacts_dir, select_best_loss, save_history)
        self._exporter.artifacts_dir = self.folder

    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save the network under a name in the folder."""
        self._exporter.save(network, filename)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the chatter of exporters off the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def refused(network: torch.nn.Module, what: str, error: Exception, spec: ExportSpec) -> ArtifactError:
    """Return the error for a network that cannot be exported."""
    to_do = "check that the network takes an input of this size"
    if spec.dynamic_spatial:
        to_do += ", and try dynamic_spatial=False"
    return ArtifactError(
        f"{type(network).__name__} cannot be exported to {what}: {first_line(error)}",
        expected=f"a network that takes an input of size {list(spec.size)}",
        to_do=to_do,
    )
