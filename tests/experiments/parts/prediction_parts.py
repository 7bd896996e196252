"""Networks and data of one rule each, for the tests of prediction and calibration."""

from __future__ import annotations

import numpy as np
import torch

from eisen.datasets import EisenDataset


class Threshold(torch.nn.Module):
    """A logit per pixel: how far it is above the threshold, times a sharpness."""

    def __init__(self, threshold: float = 0.5, sharpness: float = 20.0, classes: int = 1) -> None:
        super().__init__()
        self.threshold = torch.nn.Parameter(torch.tensor(threshold))
        self.sharpness = torch.nn.Parameter(torch.tensor(sharpness))
        self.classes = classes

    def forward(self, image):
        logit = self.sharpness * (image[:, :1] - self.threshold)
        return logit if self.classes == 1 else torch.cat([torch.zeros_like(logit), logit], dim=1)


class Mean(Threshold):
    """Class scores of an image: whether it is bright on the whole, brighter on top if `top` is set."""

    def __init__(self, threshold: float = 0.5, sharpness: float = 20.0, classes: int = 2, top: bool = False) -> None:
        super().__init__(threshold, sharpness, classes)
        self.top = top

    def forward(self, image):
        part = image[:, :, : image.shape[2] // 2] if self.top else image
        return super().forward(part.flatten(2).mean(2)[:, :, None])[:, :, 0]


class MeanValue(Mean):
    """One number per case, (N,)."""

    def forward(self, image):
        return image.flatten(1).mean(1) * self.sharpness


class Twice(Threshold):
    """An image: twice what came in."""

    def forward(self, image):
        return 2 * image + 0 * self.threshold


class Grey(EisenDataset):
    """Pictures of one grey value each without any file; the class is 1 as often as the grey value says."""

    def __init__(self, data_dir: str, n: int = 8, size: int = 6, transform=None) -> None:
        super().__init__(range(n), transform)
        self.n, self.size = n, size

    def read(self, number):
        grey = (number + 0.5) / self.n
        label = int(np.random.default_rng(number).random() < grey)
        return {"image": np.full((1, self.size, self.size), grey, np.float32), "label": label}
