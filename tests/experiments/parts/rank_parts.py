"""Parts for runs in several processes, which test configurations name by dotted path."""

from __future__ import annotations

import os
import signal

import torch


class PlainNet(torch.nn.Module):
    """Without batch normalisation, so that a case has the same output whichever cases are computed with it."""

    def __init__(self, width: int = 4, dropout: float = 0.0, spare: bool = False) -> None:
        super().__init__()
        # without a bias, which the normalisation would take away again: its gradient would be rounding alone
        self.first = torch.nn.Conv3d(1, width, 3, padding=1, bias=False)
        self.norm = torch.nn.InstanceNorm3d(width, affine=True)
        self.drop = torch.nn.Dropout3d(dropout)
        self.last = torch.nn.Conv3d(width, 1, 1)
        self.spare = torch.nn.Linear(3, 2) if spare else None

    def forward(self, image):
        return torch.sigmoid(self.last(self.drop(torch.relu(self.norm(self.first(image))))))


class Picky(torch.nn.Module):
    """A loss that one process does not get along with after a number of batches."""

    def __init__(self, rank: int = 1, after: int = 3, how: str = "raise") -> None:
        super().__init__()
        self.rank, self.after, self.how, self.calls = rank, after, how, 0

    def forward(self, predictions, labels):
        self.calls += 1
        if int(os.environ.get("RANK", "0")) == self.rank and self.calls > self.after:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("I do not like this batch")
        return (predictions - labels).square().mean()


class EpochFile:
    """A hook that adds a line to a file in every epoch."""

    def __init__(self, workflow_id, phase: str, artifacts_dir: str) -> None:
        from pathlib import Path

        from eisen.utils.hub import attach

        self.path = Path(artifacts_dir) / f"{phase}.txt"
        attach(workflow_id, self)

    def on_epoch_end(self, event) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{event.epoch} {len(event.message['losses'][0]['mse'])}\n")
