"""OBELISK: a network that learns where to look instead of what to filter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.checks import check_counts, check_images

__all__ = ["ObeliskMIDL"]

_N_PAIRS = 1024
_CHUNK = 4096  # voxels sampled at once: 1024 features of each are 16 MB in float32


class ObeliskMIDL(nn.Module):
    """Segment a volume by comparing, at every voxel, 1024 learned pairs of places around it.

    A single layer sees the whole image: the difference in brightness between the two places of a pair is a feature,
    and where the places lie is learned. Layers that look at one voxel at a time turn the features into classes.
    Volumes of any size fit.

    The work grows with the number of voxels of the output times 1024. Features are computed for a part of the voxels at
    a time, and in training once more on the way back: that keeps 10 KB per voxel instead of 39. A `grid_stride` of 2 or
    4, as in the paper, takes an 8th or a 64th of time and memory.

    Args:
        num_labels: Number of classes.
        full_res: Voxels of the output along D, H and W.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        grid_stride: Compute only every n-th voxel along each axis, and interpolate between them.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Heinrich, Oktay, Bouteldja 2018, OBELISK - one kernel to solve nearly everything, MIDL 2018; Heinrich, Oktay,
        Bouteldja 2019, OBELISK-Net, doi:10.1016/j.media.2019.02.006.

    Example:
        >>> net = ObeliskMIDL(num_labels=3, full_res=[8, 8, 6]).eval()
        >>> net(torch.zeros(2, 1, 16, 16, 12)).shape
        torch.Size([2, 3, 8, 8, 6])
    """

    def __init__(
        self,
        num_labels: int,
        full_res: Sequence[int],
        outputs_activation: Activation = "sigmoid",
        *,
        grid_stride: int = 1,
    ) -> None:
        super().__init__()
        check_counts("ObeliskMIDL", num_labels=num_labels, grid_stride=grid_stride)
        self.full_res = _checked_resolution(full_res)
        self.grid_shape = tuple(-(-side // grid_stride) for side in self.full_res)
        # Places in units of half the image, as everywhere in PyTorch: 0.2 is a tenth of the width of the image.
        self.offset1 = nn.Parameter(0.2 * torch.randn(1, _N_PAIRS, 1, 2, 3))
        self.LIN1 = nn.Conv3d(_N_PAIRS, 256, 1, groups=4, bias=False)
        self.BN1 = nn.BatchNorm3d(256)
        self.LIN2 = nn.Conv3d(256, 128, 1, bias=False)
        self.BN2 = nn.BatchNorm3d(128)
        self.LIN3a, self.BN3a = nn.Conv3d(128, 32, 1, bias=False), nn.BatchNorm3d(160)
        self.LIN3b, self.BN3b = nn.Conv3d(160, 32, 1, bias=False), nn.BatchNorm3d(192)
        self.LIN3c, self.BN3c = nn.Conv3d(192, 32, 1, bias=False), nn.BatchNorm3d(224)
        self.LIN3d, self.BN3d = nn.Conv3d(224, 32, 1, bias=False), nn.BatchNorm3d(256)
        self.LIN4 = nn.Conv3d(256, num_labels, 1)
        self.outputs_activation = output_activation(outputs_activation)

    def forward(self, images: Tensor, sample_grid: Tensor | None = None) -> Tensor:
        """Return one value per class and voxel.

        Args:
            images: (N, 1, D, H, W).
            sample_grid: Where to compute, (1, D', H', W', 3): x, y and z of every voxel, -1 to 1 across the image as
                in `torch.nn.functional.grid_sample`; by default the voxels of the output.

        Returns:
            ``(N, num_labels, *full_res)``.

        Raises:
            ShapeError: If the images or the grid do not fit.
        """
        check_images(images, "ObeliskMIDL", 1)
        grid = self._default_grid(images) if sample_grid is None else _checked_grid(sample_grid)
        features = functional.relu(self.BN1(self._compared(images, grid)))
        features = self.BN2(self.LIN2(features))
        for linear, norm in zip(
            (self.LIN3a, self.LIN3b, self.LIN3c, self.LIN3d), (self.BN3a, self.BN3b, self.BN3c, self.BN3d), strict=True
        ):
            features = norm(torch.cat([features, functional.relu(linear(features))], dim=1))
        output: Tensor = self.outputs_activation(self.LIN4(features))
        if output.shape[2:] == self.full_res:
            return output
        return functional.interpolate(output, self.full_res, mode="trilinear", align_corners=False)

    def _default_grid(self, images: Tensor) -> Tensor:
        identity = torch.eye(3, 4, device=images.device, dtype=self.offset1.dtype)
        return functional.affine_grid(identity[None], [1, 1, *self.grid_shape], align_corners=False)

    def _compared(self, images: Tensor, grid: Tensor) -> Tensor:
        """Return (N, 256, D', H', W'): the first layer applied to the differences of all pairs."""
        # The places are the same for all cases, so these are sampled together, as if they were channels.
        cases = images.transpose(0, 1).to(grid.dtype)
        parts = [
            checkpoint(self._compared_at, cases, places, use_reentrant=False)
            if self.training
            else self._compared_at(cases, places)
            for places in torch.split(grid.reshape(-1, 3), _CHUNK)
        ]
        joined = torch.cat(parts, dim=2)
        return joined.reshape(*joined.shape[:2], *grid.shape[1:4])

    def _compared_at(self, cases: Tensor, places: Tensor) -> Tensor:
        """Return (N, 256, voxels, 1, 1) for places (voxels, 3)."""
        first, second = (
            functional.grid_sample(
                cases,
                places[None, None, :, None] + self.offset1[:, :, :, index : index + 1],
                mode="bilinear",
                padding_mode="border",  # outside is as bright as the border: no difference where there is no image
                align_corners=False,
            )
            for index in (0, 1)  # one place of the pair each
        )
        differences: Tensor = self.LIN1((first - second)[0].unsqueeze(-1))
        return differences


def _checked_resolution(full_res: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(full_res) if isinstance(full_res, Sequence) else ()
    if len(sides) != 3:
        raise ArgumentError(
            f"ObeliskMIDL: full_res is {full_res!r}",
            expected="the voxels of the output along D, H and W, e.g. [64, 64, 48]",
            to_do="give the size of the label maps",
        )
    for side in sides:
        check_counts("ObeliskMIDL", full_res=side)
    return sides


def _checked_grid(grid: Tensor) -> Tensor:
    if grid.ndim != 5 or grid.shape[0] != 1 or grid.shape[4] != 3:
        raise ShapeError(
            f"ObeliskMIDL got a sample_grid of shape {tuple(grid.shape)}",
            expected="(1, D, H, W, 3), the same places for all cases of a batch",
            to_do="make it with torch.nn.functional.affine_grid(torch.eye(3, 4)[None], (1, 1, D, H, W))",
        )
    return grid
