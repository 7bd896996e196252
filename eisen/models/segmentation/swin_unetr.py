"""Swin UNETR: a transformer on the way down, a convolutional network on the way up; MONAI's, with our names."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.checks import check_counts, check_images, check_statistics

__all__ = ["SwinUNETR"]

_FACTOR = 32  # patches of 2 voxels, merged four times


class SwinUNETR(nn.Module):
    """Segment pictures or volumes with a transformer: every voxel gets a value per class.

    Voxels attend to others inside of windows that shift from layer to layer. It needs more data, memory and time than
    a U-Net, and shines with weights from elsewhere: `network` is `monai.networks.nets.SwinUNETR` itself, so
    its published weights load there. Sides must be multiples of 32, in training of more than 32 on one axis.

    It exports for images of the size it is exported with; the number of cases may vary.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        n_filters: Channels at full resolution, a multiple of 12.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        dimensions: Number of spatial axes: 2 or 3.
        depths: Transformer layers at each of the four lower resolutions.
        n_heads: Heads of attention at each of them; they divide the channels there, 1, 2, 4 and 8 times `n_filters`.
        window_size: Edge length of the windows in patches of two voxels.
        residual_convolutions: Whether to put a residual convolution in front of each resolution ("SwinUNETR-V2").
        dropout: Share of the values set to zero after each transformer layer, 0 up to 1.
        saves_memory: Whether to compute the transformer twice in training instead of keeping what it computed.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.
        MissingExtraError: If MONAI is not installed.

    Source:
        Hatamizadeh et al. 2022, Swin UNETR, arXiv:2201.01266; He et al. 2023, SwinUNETR-V2,
        doi:10.1007/978-3-031-43901-8_40.

    Example:
        >>> net = SwinUNETR(1, 2, n_filters=12, dimensions=2, window_size=4).eval()  # doctest: +SKIP
        >>> net(torch.zeros(1, 1, 64, 32)).shape  # doctest: +SKIP
        torch.Size([1, 2, 64, 32])
    """

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        n_filters: int = 48,
        outputs_activation: Activation = "sigmoid",
        *,
        dimensions: int = 3,
        depths: Sequence[int] = (2, 2, 2, 2),
        n_heads: Sequence[int] = (3, 6, 12, 24),
        window_size: int = 7,
        residual_convolutions: bool = False,
        dropout: float = 0.0,
        saves_memory: bool = False,
    ) -> None:
        super().__init__()
        counts = {"input_channels": input_channels, "output_channels": output_channels, "n_filters": n_filters}
        check_counts("SwinUNETR", **counts, window_size=window_size)
        _check_shape(dimensions, n_filters, depths, n_heads)
        if not 0 <= dropout < 1:
            raise ArgumentError(f"SwinUNETR: dropout is {dropout!r}", expected="a share from 0 up to 1")
        self.input_channels, self.dimensions = input_channels, dimensions
        self.outputs_activation = output_activation(outputs_activation)
        self.network: nn.Module = require("monai.networks.nets.swin_unetr", "interop", "SwinUNETR").SwinUNETR(
            in_channels=input_channels,
            out_channels=output_channels,
            feature_size=n_filters,
            depths=tuple(depths),
            num_heads=tuple(n_heads),
            window_size=window_size,
            drop_rate=dropout,
            use_checkpoint=saves_memory,
            use_v2=residual_convolutions,
            spatial_dims=dimensions,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class and voxel.

        Args:
            images: (N, input_channels, H, W) or (N, input_channels, D, H, W); sides are multiples of 32.

        Returns:
            (N, output_channels, H, W) or (N, output_channels, D, H, W).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "SwinUNETR", self.input_channels, _FACTOR, self.dimensions)
        check_statistics(images, "SwinUNETR", "instancenorm", _FACTOR, self.training)
        output: Tensor = self.outputs_activation(self.network(images))
        return output


def _check_shape(dimensions: int, n_filters: int, depths: Sequence[int], n_heads: Sequence[int]) -> None:
    if dimensions not in (2, 3):
        raise ArgumentError(f"SwinUNETR: dimensions is {dimensions!r}", expected="2 or 3", to_do="change dimensions")
    if n_filters % 12:
        raise ArgumentError(
            f"SwinUNETR: n_filters is {n_filters}", expected="a multiple of 12", to_do="set n_filters to 12, 24 or 48"
        )
    for name, values in (("depths", depths), ("n_heads", n_heads)):
        if len(values) != 4:
            raise ArgumentError(f"SwinUNETR: {name} is {values!r}", expected="4 numbers", to_do=f"change {name}")
        for value in values:
            check_counts("SwinUNETR", **{name: value})
    for level, heads in enumerate(n_heads):
        if n_filters * 2**level % heads:
            raise ArgumentError(
                f"SwinUNETR: n_heads is {list(n_heads)}",
                expected=f"numbers that divide the channels: {[n_filters * 2**i for i in range(4)]}",
                to_do="change n_heads or n_filters",
            )
