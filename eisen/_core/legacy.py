"""The table of old names: what they were in the original Eisen, and what they are now.

`RENAMED` maps an old dotted path to the present one; importing it or naming it in a configuration works and warns.
`GONE` maps an old dotted path to the reason why it is no longer there; using it raises an error with that reason.
`INNER` maps a path by which the original's star imports led to a part of a module to that part: parts of a network, not
networks. It works without a warning, and is not listed among the names of the package. (One is no part of a network:
the class of 0.0.5 whose arguments differ from those of its successor; it warns when it is used.)
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

__all__ = ["GONE", "INNER", "RENAMED", "resolve_attribute"]

RENAMED: dict[str, str] = {
    "eisen.io.LoadNiftyFromFilename": "eisen.io.imaging.LoadNiftiFromFilename",
    "eisen.io.imaging.LoadNiftyFromFilename": "eisen.io.imaging.LoadNiftiFromFilename",
    "eisen.datasets.abc.ABCDataset": "eisen.datasets.abcs.ABCDataset",
    "eisen.datasets.generic.JsonDataset": "eisen.datasets.json.JsonDataset",
    "torch.optim.SDG": "torch.optim.SGD",
}

_PARTS: dict[str, tuple[str, ...]] = {
    "highres3Dnet": (
        *("BATCH_DIM", "CHANNELS_DIM", "PADDING_MODES", "ConvolutionalBlock", "DilationBlock", "Pad3d"),
        "ResidualBlock",
    ),
    "unet": ("DoubleConv", "Down", "GroupNorm", "OutConv", "Up"),
    "unet3D": ("conv_block_2_3d", "conv_block_3d", "conv_trans_block_3d", "max_pooling_3d"),
    "vnet": ("ConvBlock", "DownsamplingConvBlock", "ResidualConvBlock", "Upsampling", "UpsamplingDeconvBlock"),
}

INNER: dict[str, str] = {
    f"{package}.{part}": f"eisen.models.segmentation.{module}.{part}"
    for package in ("eisen.models", "eisen.models.segmentation")
    for module, parts in _PARTS.items()
    for part in parts
}
INNER["eisen.utils.EisenAutoModelParallelModuleWrapper"] = "eisen.utils.older.EisenAutoModelParallelModuleWrapper"

_SENDER = "events are sent by workflow.id; connect to that"
_UNET3D_BLOCKS = "UNet3D is written in plain functions since 0.0.3; take its blocks from the model itself"
_GROUP_NORM = "use torch.nn.GroupNorm; old checkpoints of VNet and UNet3D with group norm cannot be loaded"
_GROUP_NORM_FUNCTION = "use eisen.ops.layers.normalization('groupnorm', n_channels, groups=16), or torch.nn.GroupNorm"
_PADDING = "CropCenteredSubVolumes pads images that are too small by itself"
_CONTEXT = "use eisen.utils.workflows.Training and Testing"
_SIZES = "it was a detail of ModelParallel; use eisen.utils.ModelParallel"
_SUMMARIES = "use eisen.utils.logging.TensorboardSummaryHook"
_PARALLEL = "use eisen.utils.workflows.Training; wrap the model in torch.nn.DataParallel or start it with torchrun"

GONE: dict[str, str] = {
    "eisen.EISEN_TESTING_SENDER": _SENDER,
    "eisen.EISEN_TRAINING_SENDER": _SENDER,
    "eisen.EISEN_VALIDATION_SENDER": _SENDER,
    "eisen.models.ConvTranspose": _UNET3D_BLOCKS,
    "eisen.models.DecoderBlock": _UNET3D_BLOCKS,
    "eisen.models.EncoderBlock": _UNET3D_BLOCKS,
    "eisen.models.GroupNorm3D": _GROUP_NORM,
    "eisen.models.group_norm": _GROUP_NORM_FUNCTION,
    "eisen.models.segmentation.ConvTranspose": _UNET3D_BLOCKS,
    "eisen.models.segmentation.DecoderBlock": _UNET3D_BLOCKS,
    "eisen.models.segmentation.EncoderBlock": _UNET3D_BLOCKS,
    "eisen.models.segmentation.GroupNorm3D": _GROUP_NORM,
    "eisen.models.segmentation.group_norm": _GROUP_NORM_FUNCTION,
    "eisen.models.segmentation.unet3D.ConvBlock": _UNET3D_BLOCKS,
    "eisen.models.segmentation.unet3D.ConvTranspose": _UNET3D_BLOCKS,
    "eisen.models.segmentation.unet3D.DecoderBlock": _UNET3D_BLOCKS,
    "eisen.models.segmentation.unet3D.EncoderBlock": _UNET3D_BLOCKS,
    "eisen.models.segmentation.unet3D.GroupNorm3D": _GROUP_NORM,
    "eisen.models.segmentation.unet3D.group_norm": _GROUP_NORM_FUNCTION,
    "eisen.models.segmentation.vnet.GroupNorm3D": _GROUP_NORM,
    "eisen.transforms.imaging.pad_to_minimal_size": _PADDING,
    "eisen.transforms.pad_to_minimal_size": _PADDING,
    "eisen.utils.check_arg_type": "type hints do its work",
    "eisen.utils.context.InferenceContext": _CONTEXT,
    "eisen.utils.context.OptimizationContext": _CONTEXT,
    "eisen.utils.context.context.InferenceContext": _CONTEXT,
    "eisen.utils.context.context.OptimizationContext": _CONTEXT,
    "eisen.utils.estimate_modulesize": _SIZES,
    "eisen.utils.get_n_idx_partitions": _SIZES,
    "eisen.utils.logging.summaries.AutoSummaryManager": _SUMMARIES,
    "eisen.utils.logging.summaries.SummaryHook": _SUMMARIES,
    "eisen.utils.partition_idx_weight_list": _SIZES,
    "eisen.utils.workflows.DataParallelTraining": _PARALLEL,
    "eisen.utils.workflows.DistributedDataParallelTraining": _PARALLEL,
    "eisen.utils.workflows.training.DataParallelTraining": _PARALLEL,
    "eisen.utils.workflows.training.DistributedDataParallelTraining": _PARALLEL,
}


def resolve_attribute(module: str, name: str) -> Any:
    """Return what an old name of a module stands for today.

    A renamed one warns. So does one that is gone: of the error below, ``from module import name`` shows a text of
    Python's own, without the reason.

    Raises:
        AttributeError: If the module never had that name, or the name is gone; the message says which.
    """
    path = f"{module}.{name}"
    if path in INNER:
        owner, _, attribute = INNER[path].rpartition(".")
        return getattr(import_module(owner), attribute)
    if path in RENAMED:
        new = RENAMED[path]
        warnings.warn(f"{path} is now {new}", DeprecationWarning, stacklevel=3)
        owner, _, attribute = new.rpartition(".")
        return getattr(import_module(owner), attribute)
    if path not in GONE:
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    warnings.warn(f"{path} is gone: {GONE[path]}", DeprecationWarning, stacklevel=3)
    raise AttributeError(f"module '{module}' has no attribute '{name}': {GONE[path]}")
