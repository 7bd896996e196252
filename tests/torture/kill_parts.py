"""The network of the torture: dropout and batch normalisation, so that random numbers and buffers matter."""

from __future__ import annotations

from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        layers = [nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.Dropout3d(0.2), nn.Conv3d(4, 1, 1)]
        super().__init__(*layers, nn.Sigmoid())
