"""Small parts that the test configurations name by dotted path."""

from __future__ import annotations

import numpy as np
import torch

from eisen._core.fields import FieldStep
from eisen._core.random import generator
from eisen._core.types import meta_field
from eisen.utils.events import BatchEnd
from eisen.utils.workflows import Training


class TinyNet(torch.nn.Module):
    """Convolution, dropout and sigmoid; one output channel."""

    def __init__(self, width: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = torch.nn.Conv3d(1, width, 3, padding=1)
        self.norm = torch.nn.BatchNorm3d(width)
        self.drop = torch.nn.Dropout3d(dropout)
        self.last = torch.nn.Conv3d(width, 1, 1)

    def forward(self, image):
        return torch.sigmoid(self.last(self.drop(torch.relu(self.norm(self.first(image))))))


class Brightness(torch.nn.Module):
    """Not trained: the label is where the image is bright."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = torch.nn.Parameter(torch.tensor(threshold))

    def forward(self, image):
        return torch.sigmoid(20 * (image - self.threshold))


class TwoClasses(Brightness):
    """The same as two channels of logits."""

    def forward(self, image):
        return torch.cat([20 * (self.threshold - image), 20 * (image - self.threshold)], dim=1)


class NotANumber(Brightness):
    """Diverged."""

    def forward(self, image):
        return super().forward(image) * float("nan")


class NaNLoss(torch.nn.Module):
    """Finite at first, NaN from the given call on."""

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self.after = after
        self.calls = 0

    def forward(self, predictions, labels):
        self.calls += 1
        return predictions.mean() * (float("nan") if self.calls > self.after else 1.0)


class RandomNoise(FieldStep):
    """Adds noise from eisen's generator."""

    def apply(self, field, data):
        noise = generator().normal(size=data[field].shape)
        return {field: (data[field] + 0.1 * noise).astype(np.float32)}


class Raises(FieldStep):
    """Code that is not ours, with a mistake."""

    def apply(self, field, data):
        if data[field].mean() > 0:
            raise ZeroDivisionError("a mistake of the user")
        return {}


class FailsSometimes(FieldStep):
    """Raises for one case in one epoch only, by its random number."""

    def __init__(self, fields, above: float) -> None:
        super().__init__(fields)
        self.above = above

    def apply(self, field, data):
        number = generator().random()
        if number > self.above:
            raise ValueError(f"drew {number:.17f}")
        return {}


class DropGeometry(FieldStep):
    """Forgets where the voxels are."""

    def transform(self, data):
        return {name: value for name, value in data.items() if name != meta_field(self.fields[0])}

    def apply(self, field, data):
        return {}


class OwnLoop(Training):
    """A workflow that does not use the loop of eisen."""

    def run(self):
        self.model.train()
        with self.epoch_aggregator as aggregator:
            for number, batch in enumerate(self.data_loader):
                outputs, losses, metrics = self(batch)
                aggregator.add(batch, outputs, losses, metrics, None)
                self._hub.emit(BatchEnd(self, self.phase, self.epoch, number, batch, outputs, losses, metrics))
        self.epoch += 1
