"""Parts for campaigns that take milliseconds: points on a line, a linear model, and what goes wrong on purpose."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from eisen._core.fields import FieldStep


def part(type_, **params):
    """Return an entry of a configuration."""
    return {"type": type_, "params": params}


class ToVector(FieldStep):
    """A listed number as an array of one."""

    def apply(self, field, data):
        return {field: np.array([data[field]], np.float32)}


class Line(torch.nn.Module):
    """A linear model of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


class SlowLine(Line):
    """Takes its time, so that a test can interrupt it."""

    def __init__(self, seconds: float = 0.05) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return self.linear(x)


class AbsoluteError(torch.nn.Module):
    """A metric per case; no value where y is 0."""

    def __init__(self, skip_zero: bool = False) -> None:
        super().__init__()
        self.skip_zero = skip_zero

    def forward(self, predictions, y):
        error = (predictions - y).abs().mean()
        return torch.where(((y == 0).all()) & torch.tensor(self.skip_zero), torch.nan, error)


class PerClass(torch.nn.Module):
    """A metric with a value per class."""

    def __init__(self) -> None:
        super().__init__()
        self.class_names = ["low", "high"]

    def forward(self, predictions, y):
        return torch.stack([(predictions - y).abs().mean(), (predictions - y).square().mean()])[None]


class FailsOn(FieldStep):
    """Raises when it sees a value and a file says so; how a case of a fold goes bad and is mended."""

    def __init__(self, fields, value: float, when: str) -> None:
        super().__init__(fields)
        self.value, self.when = value, Path(when)

    def apply(self, field, data):
        if data[field] == self.value and self.when.exists():
            raise ValueError("this case is broken")
        return {}


class KillsOn(FailsOn):
    """Ends its process like the system does when memory runs out."""

    def apply(self, field, data):
        if data[field] == self.value and self.when.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return {}
