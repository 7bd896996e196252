"""Small parts that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from eisen._core.types import Batch
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Training


class MeanDifference(torch.nn.Module):
    """Mean absolute difference, used as a metric."""

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (prediction - target).abs().mean()


def line_batches(n_batches: int = 4, seed: int = 0) -> list[Batch]:
    """Batches of a straight line: y = 2 x + 1, four cases each."""
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for b in range(n_batches):
        x = torch.randn(4, 1, generator=generator)
        fields = {"x": x, "y": 2 * x + 1, "age": torch.arange(4) + 4 * b, "name": ["a", "b", "c", "d"]}
        batches.append(Batch(fields, cases=[f"#{4 * b + i}" for i in range(4)]))
    return batches


@pytest.fixture
def batches() -> list[Batch]:
    return line_batches()


@pytest.fixture
def model() -> EisenModuleWrapper:
    torch.manual_seed(0)
    return EisenModuleWrapper(torch.nn.Linear(1, 1), ["x"], ["prediction"])


@pytest.fixture
def mse() -> EisenModuleWrapper:
    return EisenModuleWrapper(torch.nn.MSELoss(), ["prediction", "y"], ["mse"])


@pytest.fixture
def difference() -> EisenModuleWrapper:
    return EisenModuleWrapper(MeanDifference(), ["prediction", "y"], ["difference"])


@pytest.fixture
def make_training(
    model: EisenModuleWrapper, mse: EisenModuleWrapper, difference: EisenModuleWrapper, batches: list[Batch]
) -> Callable[..., Training]:
    """Return a function that makes a `Training` of a line; keywords override its arguments."""

    def make(**overrides: Any) -> Training:
        arguments: dict[str, Any] = {"data_loader": batches, "losses": [mse], "metrics": [difference], "device": "cpu"}
        arguments["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.1)
        arguments.update(overrides)
        return Training(arguments.pop("model", model), **arguments)

    return make
