# ruff: noqa
# The 17 transforms and the 2 inspectors in one chain of readers, with transforms of the user between them.
from os.path import exists, join

import numpy as np
import torch
from eisen.datasets.json import JsonDataset
from eisen.io.imaging import (
    LoadDICOMFromFilename,
    LoadITKFromFilename,
    LoadNiftiFromFilename,
    LoadPILImageFromFilename,
    WriteNiftiToFile,
)
from eisen.transforms import *
from eisen.transforms.inspect import GetContent, GetShape
from eisen.utils import EisenTransformWrapper
from torch.utils.data import DataLoader
from torchvision.transforms import Compose

PATH = "./data/mixed"


class RandomFlip:
    """A transform of the kind that users wrote: it changes the dictionary it gets, and returns it."""

    def __init__(self, fields, axis=1):
        self.fields = fields
        self.axis = axis

    def __call__(self, data):
        for field in self.fields:
            data[field] = np.flip(data[field], self.axis).copy()
        return data


def note_shape(data):
    data["shape"] = np.asarray(data["volume"].shape)
    return data


def remember_spacing(data):
    assert data["volume_affines"].shape == (4, 4)
    assert tuple(data["volume_orientations"]) == ("R", "A", "S")
    assert len(data["volume_original_spacing"]) == 3
    assert len(data["scan_original_shape"]) == 3
    return data


chain = Compose(
    [
        LoadNiftiFromFilename(["volume", "mask"], PATH, canonical=True),
        LoadITKFromFilename(["scan"], PATH),
        LoadPILImageFromFilename(["photo"], PATH),
        LoadDICOMFromFilename(["dicom"], PATH, store_data_array=True),
        ResampleNiftiVolumes(["volume"], [2.0, 2.0, 2.0], "linear"),
        ResampleNiftiVolumes(["mask"], [2.0, 2.0, 2.0], interpolation="nearest"),
        ResampleITKVolumes(["scan"], [2.0, 2.0, 2.0], "linear"),
        remember_spacing,
        NiftiToNumpy(["volume", "mask"]),
        ITKToNumpy(["scan"]),
        PilToNumpy(["photo"], multichannel=True),
        note_shape,
        RandomFlip(["volume", "mask"]),
        RenameFields(["dicom_pixel_array"], ["slice"]),
        CropCenteredSubVolumes(["volume", "mask", "scan"], [8, 8, 8]),
        CreateConstantFlags(["site", "weight"], ["basel", 0.5]),
        MapValues(["volume"], min_value=0, max_value=1),
        FixedMeanStdNormalization(["scan"], mean=100.0, std=50.0),
        ThresholdValues(["scan"], 0.0, "greater/equal"),
        LabelMapToOneHot(["mask"], classes=[0, 1, 2]),
        AddChannelDimension(["volume", "scan"]),
        RepeatTensor(["scan"], (2, 1, 1, 1)),
        StackImagesChannelwise(["volume", "scan"], "image", create_new_dim=False),
        EisenTransformWrapper(torch.from_numpy, ["image"]),
        GetShape(["image", "mask"]),
        GetContent(["site"]),
        FilterFields(["image", "mask", "photo", "slice", "site", "weight", "shape", "volume_original_spacing"]),
    ]
)
dataset = JsonDataset(PATH, "cases.json", chain)
item = dataset[0]
assert list(item)[:2] == ["image", "mask"]
assert item["image"].shape == (3, 8, 8, 8) and item["image"].dtype == torch.float32
assert item["mask"].shape == (3, 8, 8, 8) and item["mask"].dtype == np.float32
assert item["photo"].shape == (3, 12, 10) and item["slice"].ndim == 2

for batch in DataLoader(dataset, batch_size=2):
    assert isinstance(batch["image"], torch.Tensor) and batch["image"].shape == (2, 3, 8, 8, 8)
    assert batch["site"] == ["basel", "basel"] and batch["weight"].tolist() == [0.5, 0.5]

# without FilterFields everything a reader added goes through the collate function of PyTorch too
simple = Compose(
    [
        LoadNiftiFromFilename(["volume"], PATH),
        ResampleNiftiVolumes(["volume"], [2.0, 2.0, 2.0]),
        NiftiToNumpy(["volume"]),
        CropCenteredSubVolumes(["volume"], (8, 8, 8)),
    ]
)
batch = next(iter(DataLoader(JsonDataset(PATH, "volumes.json", simple), batch_size=2)))
assert batch["volume"].shape == (2, 8, 8, 8)
assert len(batch["volume_src"]) == len(batch["volume_dst"]) == 3
assert batch["volume_affines"].shape == (2, 4, 4)

data = {"volume": np.random.rand(4, 5, 6).astype("float32"), "name": "case_7"}
data = NumpyToNifti(["volume"], affine=np.eye(4), data_types={"volume": np.float32})(data)
data = WriteNiftiToFile(["volume"], name_fields=["name"], filename_prefix="./out")(data)
assert exists("./out_volume_case_7.nii.gz")
data = WriteNiftiToFile(["volume"])(data)
assert exists(join(".", "_volume.nii.gz"))
