"""The transforms under the path that configurations name: ``eisen.transforms.imaging.CropCenteredSubVolumes``."""

from eisen.transforms.convert import ITKToNumpy, NiftiToNumpy, NumpyToNifti, PilToNumpy
from eisen.transforms.crop import CropCenteredSubVolumes
from eisen.transforms.fields import (
    AddChannelDimension,
    CreateConstantFlags,
    FilterFields,
    RenameFields,
    RepeatTensor,
    StackImagesChannelwise,
)
from eisen.transforms.intensity import FixedMeanStdNormalization, MapValues, ThresholdValues
from eisen.transforms.labels import LabelMapToOneHot
from eisen.transforms.resampling import ResampleITKVolumes, ResampleNiftiVolumes

__all__ = [
    "AddChannelDimension",
    "CreateConstantFlags",
    "CropCenteredSubVolumes",
    "FilterFields",
    "FixedMeanStdNormalization",
    "ITKToNumpy",
    "LabelMapToOneHot",
    "MapValues",
    "NiftiToNumpy",
    "NumpyToNifti",
    "PilToNumpy",
    "RenameFields",
    "RepeatTensor",
    "ResampleITKVolumes",
    "ResampleNiftiVolumes",
    "StackImagesChannelwise",
    "ThresholdValues",
]
